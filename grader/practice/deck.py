"""What can be asked: bank questions, generators, and the known mistakes of katas that were passed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from grader.model import KataInfo, Question, QuestionKind
from grader.workspace.places import Places

NEW_KATAS = 6
"""How many passed katas are looked into for mistakes to ask about in one session; reading them takes time."""


class Entry(Protocol):
    """What is known of a question without its text."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def track(self) -> str: ...  # noqa: D102
    @property
    def level(self) -> int: ...  # noqa: D102
    @property
    def skills(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def family(self) -> str: ...  # noqa: D102
    @property
    def kata(self) -> str | None: ...  # noqa: D102


class Library(Protocol):
    """The questions of the banks."""

    def entries(self) -> Sequence[Entry]:
        """Return what is known of every question without its text."""

    def get(self, id: str, /) -> Question | None:
        """Return one question, if it is still there."""


class Generator(Protocol):
    """A kind of question with fresh numbers each time."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def track(self) -> str: ...  # noqa: D102
    @property
    def level(self) -> int: ...  # noqa: D102
    @property
    def skills(self) -> Sequence[str]: ...  # noqa: D102


Make = Callable[[str, int], Question]
Spot = Callable[[KataInfo], Sequence[Question]]


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of something that is in no bank."""

    id: str
    track: str
    level: int
    skills: tuple[str, ...]
    kind: str
    family: str
    kata: str | None = None


@dataclass(frozen=True)
class Deck:
    """Everything that can be asked, by the name of its card."""

    library: Library
    generators: Sequence[Generator] = ()
    make: Make | None = None
    passed: Mapping[str, KataInfo] = field(default_factory=dict)
    """The katas the learner has passed: only their mistakes are asked about."""
    spot: Spot | None = None
    problems: Sequence[object] = ()
    """What is wrong with the banks, a sentence each."""
    _spotted: dict[str, Mapping[str, Question]] = field(default_factory=dict)
    _index: dict[str, Entry] = field(default_factory=dict)

    def entries(self) -> list[Entry]:
        """Return everything that can be found without reading a solution."""
        return [*self.library.entries(), *map(_generated, self.generators)]

    def entry(self, card: str) -> Entry | None:
        """Return the entry of a card; ``None`` when what it asked is gone."""
        if not self._index:
            self._index.update((entry.id, entry) for entry in self.entries())
        found = self._index.get(card)
        if found is None and ":" in card:
            question = self._mistakes(card.partition(":")[0]).get(card)
            return _item(question) if question else None
        return found

    def mistakes(self, chance: Random, *, track: str | None = None) -> list[Entry]:
        """Return the known mistakes of a few passed katas, drawn by chance."""
        katas = [kata for kata, info in self.passed.items() if track in (None, info.track)]
        drawn = chance.sample(katas, min(NEW_KATAS, len(katas)))
        return [_item(question) for kata in drawn for question in self._mistakes(kata).values()]

    def question(self, card: str, *, seed: int | None = None) -> Question | None:
        """Return a card's question, a generator's for a seed; ``None`` when it is gone."""
        if "/~" in card:
            known = any(generator.id == card for generator in self.generators)
            return self.make(card, seed or 0) if known and self.make else None
        if ":" in card:
            return self._mistakes(card.partition(":")[0]).get(card)
        return self.library.get(card)

    def _mistakes(self, kata: str) -> Mapping[str, Question]:
        if kata not in self._spotted:
            info = self.passed.get(kata)
            found: Iterable[Question] = self.spot(info) if info and self.spot else ()
            self._spotted[kata] = {question.id: question for question in found}
        return self._spotted[kata]


def is_generated(card: str) -> bool:
    """Whether a card's questions have fresh numbers each time."""
    return "/~" in card


def open_deck(places: Places, passed: Iterable[KataInfo] = (), *, cache_folder: Path | None = None) -> Deck:
    """Open the banks of a workspace beside the generators and the katas that were passed."""
    from grader.questions import generated, library, spotted

    def spot(kata: KataInfo) -> Sequence[Question]:
        try:
            return spotted.questions(kata, kata.solution.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, UnicodeDecodeError):
            return ()

    banks = library.open(places, cache_folder=cache_folder)
    by_id = {kata.id: kata for kata in passed}
    return Deck(banks, generated.GENERATORS, generated.make, by_id, spot, tuple(banks.problems))


def _generated(generator: Generator) -> Entry:
    facts = (generator.id, generator.track, generator.level, tuple(generator.skills))
    return Item(*facts, kind="generated", family=generator.name)


def _item(question: Question) -> Entry:
    family = question.family or question.id
    facts = (question.id, question.track, question.level, question.skills)
    return Item(*facts, kind=str(question.kind), family=family, kata=question.kata)


def kata_item(kata: KataInfo) -> Entry:
    """Return the entry of a kata, which is a card too."""
    return Item(kata.id, kata.track, kata.level, (), kind="kata", family=kata.id, kata=kata.id)


def is_open(entry: Entry) -> bool:
    """Whether an entry's question is answered in the learner's own words."""
    return entry.kind == QuestionKind.OPEN
