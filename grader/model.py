"""The nouns everybody shares: what a kata is, what a verdict says, what the record remembers.

Standard library only, so that every layer, from the untrusted worker to the terminal app, can name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What a check can conclude. The value is the word learners and programs read."""

    PASSED = "passed"
    TODO = "todo"
    """The stub is still a stub."""
    ERROR = "error"
    """The file does not load, or the call raises."""
    CONTRACT = "contract"
    """Wrong type, structure, shape or dtype; missing symbol; wrong signature."""
    MUTATION = "mutation"
    """An input was changed in place."""
    FORBIDDEN = "forbidden"
    """A call the kata rules out was made."""
    VALUE = "value"
    GRADIENT = "gradient"
    PROPERTY = "property"
    SLOW = "slow"
    """Right, but over the time limit that the statement names."""
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    """The process that runs the learner's code died."""
    WAITS = "waits"
    """Not run, because it stands on something that failed."""


@dataclass(frozen=True, slots=True)
class KataInfo:
    """A kata as the catalogue reads it from text, without importing anything."""

    track: str
    name: str
    title: str
    """The first line of the statement."""
    statement: str
    level: int
    """1 (warm-up) to 5."""
    minutes: int
    hints: tuple[str, ...]
    symbols: tuple[str, ...]
    """Public functions and classes the learner writes, in order."""
    rights: tuple[str, ...]
    """The sentences of the right versions."""
    wrongs: tuple[str, ...]
    """The sentences of the known-wrong versions."""
    stub: Path
    test: Path
    solution: Path

    @property
    def id(self) -> str:
        """``track/name``, the one way to name a kata everywhere."""
        return f"{self.track}/{self.name}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check concluded about one implementation."""

    kata: str
    check: str
    title: str
    kind: Kind
    seconds: float = 0.0
    story: str = ""
    """The short story of a failure, plain text; empty when passed."""
    mistake: str | None = None
    """The sentence of the known mistake the behaviour matches, if any."""

    @property
    def passed(self) -> bool:
        """Whether the check accepts the implementation."""
        return self.kind is Kind.PASSED


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the append-only record.

    ``kind`` is one of ``attempt``, ``hint``, ``solution``, ``reset`` (``review`` joins with the quiz);
    ``subject`` is the kata's id; ``data`` is JSON-serialisable.
    """

    at: datetime
    kind: str
    subject: str
    data: Mapping[str, object] = field(default_factory=dict)


class QuestionKind(StrEnum):
    """How a question is answered; in a bank it follows from the keys present."""

    ONE = "one"
    """One of several options: ``choices`` and ``answer``."""
    SEVERAL = "several"
    """All the right options: ``choices`` and ``answers``."""
    NUMBER = "number"
    SHAPE = "shape"
    ORDER = "order"
    """Steps to bring into order: ``order``, written in the right one."""
    BUG = "bug"
    """Code is shown, and one option says what is wrong with it: ``code``, ``choices`` and ``answer``."""
    OPEN = "open"
    """An answer in the learner's own words, against ``points`` that they tick."""


SKILLS = (
    *("shapes", "loss", "metric", "post-processing", "numerics"),
    *("architecture", "trade-offs", "training", "data"),
)
"""What a question trains."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, from a bank, from a generator or from a known-wrong version."""

    id: str
    """``track/name``; never changes, since the record refers to it."""
    kind: QuestionKind
    ask: str
    """Markdown with inline code; maths as Unicode."""
    why: str
    """Why the answer is right; for generated questions the worked solution."""
    level: int
    """1 (recall) to 3 (an interviewer's follow-up)."""
    skills: tuple[str, ...]
    choices: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    """The right options, the steps in order, or the one right text."""
    but: Mapping[str, str] = field(default_factory=dict)
    """For each wrong option, why it is wrong."""
    number: float | None = None
    unit: str = ""
    tolerance: float = 0.0
    """Absolute; a typed number within it counts."""
    shape: tuple[str, ...] = ()
    """Sizes and symbols, such as ``("B", "512", "7", "7")``."""
    code: str = ""
    points: tuple[str, ...] = ()
    source: str = ""
    """Paper and year, where a fact needs one."""
    kata: str | None = None
    """The kata that the question follows from."""
    family: str = ""
    """Near-duplicates share a family and are never asked one after the other; the id if not said."""

    @property
    def track(self) -> str:
        """The track it belongs to."""
        return self.id.partition("/")[0]
