"""Marks on the author's other versions of a solution: right ones to accept, plausible mistakes to refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
MARK = "__kata_version__"


@dataclass(frozen=True, slots=True)
class Mark:
    """What ``@right`` or ``@wrong`` says of one version."""

    sentence: str
    right: bool
    of: str | None = None
    """The public symbol it replaces; the kata's first one when not said."""
    also: Mapping[str, str] = field(default_factory=dict)
    """Further public symbols and the names in the file that replace them at the same time."""


def right(
    sentence: str, /, *, of: str | None = None, also: Mapping[str, str] | None = None
) -> Callable[[T], T]:
    """Mark another correct way, told as 'with ...'; every check must accept it."""
    return _marking(Mark(sentence, True, of, dict(also or {})))


def wrong(
    sentence: str, /, *, of: str | None = None, also: Mapping[str, str] | None = None
) -> Callable[[T], T]:
    """Mark a plausible mistake, told as 'forgets ...'; some check must refuse it, and stories name it."""
    return _marking(Mark(sentence, False, of, dict(also or {})))


def _marking(mark: Mark) -> Callable[[Any], Any]:
    def apply(version: Any) -> Any:
        setattr(version, MARK, mark)
        return version

    return apply
