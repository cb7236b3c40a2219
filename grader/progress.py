"""Where the learner stands with each kata: a fold over the record's events, without any state of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from grader.model import Event, KataInfo, Kind


class Status(StrEnum):
    """How far a kata has come; the value is the word learners and programs read."""

    NEW = "new"
    STARTED = "started"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class KataState:
    """What the record and the learner's file say about one kata."""

    status: Status = Status.NEW
    attempts: int = 0
    """Graded runs of something written; a stub that was graded does not count."""
    hints_seen: int = 0
    """The highest hint shown since the last reset."""
    solution_seen: bool = False
    last_kind: Kind | None = None
    last_at: datetime | None = None
    passed_at: datetime | None = None
    """When it was last passed; kept through a reset."""


def states(
    katas: Iterable[KataInfo], events: Iterable[Event], is_stub: Callable[[KataInfo], bool]
) -> dict[str, KataState]:
    """Fold events, oldest first, into one state for each kata."""
    listed = tuple(katas)
    folded = {kata.id: KataState() for kata in listed}
    for event in events:
        if event.subject in folded:
            folded[event.subject] = after(folded[event.subject], event)
    for kata in listed:
        if folded[kata.id].status is Status.NEW and not is_stub(kata):
            folded[kata.id] = replace(folded[kata.id], status=Status.STARTED)
    return folded


def after(state: KataState, event: Event) -> KataState:
    """Return the state that follows one event; kinds this module does not know change nothing."""
    match event.kind:
        case "attempt":
            return _attempted(state, event)
        case "hint":
            return replace(state, hints_seen=max(state.hints_seen, _level(event)))
        case "solution":
            return replace(state, solution_seen=True)
        case "reset":
            return replace(state, status=Status.NEW, hints_seen=0)
    return state


def next_kata(katas: Iterable[KataInfo], states: dict[str, KataState]) -> KataInfo | None:
    """Return the kata to work on: the first begun and not passed, else the first new one."""
    pending = [kata for kata in katas if states[kata.id].status is not Status.PASSED]
    begun = [kata for kata in pending if states[kata.id].status is Status.STARTED]
    return next(iter([*begun, *pending]), None)


def _attempted(state: KataState, event: Event) -> KataState:
    kind = _kind(event)
    if kind is None or kind is Kind.TODO:
        return state
    state = replace(state, attempts=state.attempts + 1, last_kind=kind, last_at=event.at)
    if kind is Kind.PASSED:
        return replace(state, status=Status.PASSED, passed_at=event.at)
    return replace(state, status=Status.PASSED if state.status is Status.PASSED else Status.STARTED)


def _kind(event: Event) -> Kind | None:
    # A record written by another version may hold words this one does not know.
    word = event.data.get("kind")
    return Kind(word) if word in {kind.value for kind in Kind} else None


def _level(event: Event) -> int:
    level = event.data.get("level")
    return level if isinstance(level, int) else 0
