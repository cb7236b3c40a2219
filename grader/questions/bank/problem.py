"""What is said of a bank: where, in one sentence, and whether it keeps a question out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LIKE = 0.7
"""How much alike a slip and the name that was meant are, as ``difflib`` counts it."""
_FEW = 9
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class BankProblem:
    """One thing to mend in a bank; as text it is ``file:line: sentence``."""

    path: Path
    line: int
    sentence: str
    note: bool = False
    """Whether it is advice, which keeps no question out."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'note: ' if self.note else ''}{self.sentence}"


def guess(word: str, known: Iterable[str]) -> str:
    """Return ``: did you mean ...?`` for the nearest name, or the names there are, or a full stop."""
    names = tuple(known)
    by_lower = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=LIKE)
    if near:
        return f": did you mean `{by_lower[near[0]]}`?"
    if 0 < len(names) <= _FEW:
        return f": say one of {listed(names)}."
    return "."


def listed(names: Iterable[str]) -> str:
    """Return names in backticks with commas between them."""
    return ", ".join(f"`{name}`" for name in names)


def shown(text: str) -> str:
    """Return a text of a bank in backticks, on one line and not longer than a glance."""
    line = " ".join(text.split())
    safe = "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in line)
    return f"`{safe if len(safe) <= _LONGEST else safe[: _LONGEST - 1] + '…'}`"
