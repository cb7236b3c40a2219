"""Where the learner stands: folds over the record's events and the cards, without any state of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from grader.model import Event, KataInfo, Kind
from grader.practice import schedule
from grader.practice.schedule import CardState


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


class Topic(Protocol):
    """What readiness needs to know of something that can be asked."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def track(self) -> str: ...  # noqa: D102
    @property
    def skills(self) -> Sequence[str]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Readiness:
    """How well a track or a skill is known: what was seen, and how much of that would be recalled now."""

    total: int = 0
    seen: int = 0
    recalled: float = 0.0
    """The sum of the probabilities of recall over what was seen."""

    @property
    def coverage(self) -> float:
        """The share that was seen at all."""
        return self.seen / self.total if self.total else 0.0

    @property
    def recall(self) -> float:
        """The mean probability of recall of what was seen."""
        return self.recalled / self.seen if self.seen else 0.0

    @property
    def share(self) -> float:
        """Mean recall times coverage: what the learner could answer now of all there is."""
        return self.recalled / self.total if self.total else 0.0


def reviews(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the reviews that were not taken back, oldest first."""
    kept: dict[tuple[str, datetime], Event] = {}
    for event in events:
        if event.kind == "review":
            kept[event.subject, event.at] = event
        elif event.kind == "undo":
            try:
                kept.pop((event.subject, datetime.fromisoformat(str(event.data.get("of")))), None)
            except (ValueError, TypeError):
                continue
    return tuple(kept.values())


def per_day(events: Iterable[Event], zone: tzinfo | None) -> Counter[date]:
    """Count events by the practice day they fell on in a zone."""
    return Counter(schedule.day_of(event.at.astimezone(zone)).date() for event in events)


def retention(given: Iterable[Event]) -> float | None:
    """Return the share of reviews that were not Again, leaving out the first of each card."""
    met: set[str] = set()
    right = total = 0
    for event in given:
        if event.subject in met:
            total += 1
            right += event.data.get("rating") != 1
        met.add(event.subject)
    return right / total if total else None


def streak(days: Iterable[date], today: date) -> int:
    """Count the days in a row with practice, up to today; today may still be to come."""
    practised = set(days)
    day = today if today in practised else today - timedelta(days=1)
    count = 0
    while day in practised:
        count += 1
        day -= timedelta(days=1)
    return count


def readiness(
    topics: Iterable[Topic], cards: Mapping[str, CardState], now: datetime
) -> tuple[dict[str, Readiness], dict[str, Readiness]]:
    """Return how ready the learner is for each track and for each skill."""
    tracks: dict[str, Readiness] = {}
    skills: dict[str, Readiness] = {}
    for topic in topics:
        card = cards.get(topic.id)
        recalled = schedule.retrievability(card, now) if card else 0.0
        _count(tracks, topic.track, card is not None, recalled)
        for skill in topic.skills:
            _count(skills, skill, card is not None, recalled)
    return tracks, skills


def forecast(cards: Iterable[CardState], now: datetime, days: int = 14) -> list[int]:
    """Count the cards that come due on each of the next days; today's number has what is overdue."""
    load = [0] * days
    start = schedule.day_of(now)
    for card in cards:
        ran_ahead = card.last > now + timedelta(days=1)
        day = 0 if ran_ahead else max(0, (card.due - start) // timedelta(days=1))
        if day < days:
            load[day] += 1
    return load


def _count(groups: dict[str, Readiness], name: str, seen: bool, recalled: float) -> None:
    old = groups.get(name, Readiness())
    groups[name] = Readiness(old.total + 1, old.seen + seen, old.recalled + recalled)


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
