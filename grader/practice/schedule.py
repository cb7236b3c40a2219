"""When a card comes back: the only module that knows FSRS.

A card is a question, a generator or a kata. Its state is a fold over its events in the record, in the order
they were added, and over nothing else: not over the clock, not over a bank, not over a plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

from grader.model import Event, Kind

if TYPE_CHECKING:
    from fsrs import Scheduler

VERSION = 1
"""Goes up whenever the same events would give other states, so that derived tables are made anew."""

KINDS = ("review", "undo", "attempt", "hint", "solution", "reset")
"""The kinds of events that can change a card."""

RETENTION = 0.9
"""The probability of recall at which a card is due."""

LEECH = 6
"""A card forgotten this often is a leech: better studied than asked again."""

_LONGEST_DAYS = 730
# A clock beyond these is broken; what it stamped still counts.
_CLOCKS = (datetime(1970, 1, 2, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))
_DAY = timedelta(days=1)
# A practice day ends when the learner sleeps, not at midnight.
_MORNING = timedelta(hours=4)


class Rating(IntEnum):
    """How well a card was known."""

    AGAIN = 1
    HARD = 2
    GOOD = 3
    EASY = 4


@dataclass(frozen=True, slots=True)
class CardState:
    """What is known about one card; times are UTC in whole seconds."""

    subject: str
    stability: float
    """Days until the probability of recall has fallen to 0.9."""
    difficulty: float
    """1 (easy) to 10."""
    first: datetime
    last: datetime
    due: datetime
    reps: int = 1
    lapses: int = 0
    """How often it was rated Again after the first time."""
    is_kata: bool = False

    @property
    def is_leech(self) -> bool:
        """Whether it was forgotten too often for repetition to be the cure."""
        return self.lapses >= LEECH


def review(before: CardState | None, rating: Rating, *, subject: str, at: datetime) -> CardState:
    """Return the state after one review; intervals are whole days, without chance."""
    from fsrs import Card, State
    from fsrs import Rating as Grade

    at = min(max(at.astimezone(UTC).replace(microsecond=0), _CLOCKS[0]), _CLOCKS[1])
    card = Card(card_id=0, due=at)
    if before is not None:
        # Only the gap in days matters, rounded: an evening an hour earlier is still the next day, and a clock
        # that was set back makes a gap of none.
        last = at - _DAY * max(0, round((at - before.last) / _DAY))
        card = Card(0, State.Review, None, before.stability, before.difficulty, at, last)
    after, _ = _scheduler().review_card(card, Grade(int(rating)), at)
    assert after.stability is not None
    assert after.difficulty is not None
    forgot = before is not None and rating is Rating.AGAIN
    return CardState(
        subject=subject,
        stability=after.stability,
        difficulty=after.difficulty,
        first=before.first if before else at,
        last=at,
        due=after.due,
        reps=(before.reps if before else 0) + 1,
        lapses=(before.lapses if before else 0) + forgot,
        is_kata=before.is_kata if before else False,
    )


def fold(events: Sequence[Event]) -> CardState | None:
    """Return the state of one card from all its events, oldest first; ``None`` before the first review."""
    state: CardState | None = None
    sitting = _Sitting()
    for event in _without_undone(events):
        if event.kind == "review":
            rating = _rating(event)
        else:
            sitting, rating = _at_kata(sitting, event, state)
        if rating is not None:
            state = review(state, rating, subject=event.subject, at=event.at)
            state = replace(state, is_kata=state.is_kata or event.kind == "attempt")
    return state


def states(events: Iterable[Event]) -> dict[str, CardState]:
    """Return the state of every card from the whole record, in the order it was written."""
    by_card: dict[str, list[Event]] = {}
    for event in events:
        if event.kind in KINDS:
            by_card.setdefault(event.subject, []).append(event)
    folded = ((subject, fold(own)) for subject, own in by_card.items())
    return {subject: state for subject, state in folded if state is not None}


def retrievability(state: CardState, at: datetime) -> float:
    """Return the probability of recall at a time; 1 when the card was last seen later than that."""
    days = max(0.0, (at - state.last) / _DAY)
    decay, factor = _curve()
    return (1 + factor * days / state.stability) ** decay


def spacing(retention: float) -> float:
    """Return the days after which recall falls to ``retention``, as a multiple of the stability."""
    decay, factor = _curve()
    return float((retention ** (1 / decay) - 1) / factor)


def day_of(at: datetime) -> datetime:
    """Return when the practice day of a time began, in that time's own zone: at four in the morning."""
    start = (at - _MORNING).replace(hour=0, minute=0, second=0, microsecond=0)
    return start + _MORNING


def day_end(at: datetime) -> datetime:
    """Return when the practice day of a time ends."""
    return day_of(at) + _DAY


@dataclass(frozen=True, slots=True)
class _Sitting:
    """Where a learner is with a kata: a pass is a review only of what was written since it became due."""

    is_open: bool = True
    tries: int = 0
    helped: bool = False
    shown: bool = False
    passed_text: object = None


def _at_kata(sitting: _Sitting, event: Event, state: CardState | None) -> tuple[_Sitting, Rating | None]:
    """Return what an event of a kata makes of the sitting, and the rating if it is a review."""
    is_due = state is None or day_end(event.at.astimezone(UTC)) > state.due
    counts = sitting.is_open or is_due
    match event.kind:
        case "reset":
            return replace(sitting, is_open=True, tries=0), None
        case "hint":
            return replace(sitting, helped=sitting.helped or counts), None
        case "solution":
            return replace(sitting, shown=sitting.shown or counts), None
        case "attempt" if event.data.get("kind") == Kind.PASSED:
            text = event.data.get("fingerprint")
            # Checking an old answer again says nothing; one that was rewritten on its day does.
            is_new = sitting.is_open or (is_due and text is not None and text != sitting.passed_text)
            if not is_new:
                return replace(sitting, passed_text=text), None
            return _Sitting(is_open=False, passed_text=text), _pass(sitting)
        case "attempt" if event.data.get("kind") in _FAILURES:
            if not sitting.is_open and is_due:
                return replace(sitting, is_open=True, tries=1), Rating.AGAIN
            return replace(sitting, tries=sitting.tries + sitting.is_open), None
    return sitting, None


def _pass(sitting: _Sitting) -> Rating:
    if sitting.shown:
        return Rating.AGAIN
    return Rating.HARD if sitting.helped or sitting.tries else Rating.GOOD


_FAILURES = frozenset(Kind) - {Kind.PASSED, Kind.TODO, Kind.WAITS}


def _without_undone(events: Sequence[Event]) -> list[Event]:
    """Drop each review that a later undo takes back, and the undos."""
    kept: list[Event] = []
    for event in events:
        if event.kind != "undo":
            kept.append(event)
            continue
        at = _time(event.data.get("of"))
        taken = [place for place, one in enumerate(kept) if one.kind == "review" and one.at == at]
        if taken:
            del kept[taken[-1]]
    return kept


def _rating(event: Event) -> Rating | None:
    value = event.data.get("rating")
    return Rating(value) if type(value) is int and value in (1, 2, 3, 4) else None


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


@cache
def _scheduler() -> Scheduler:
    from fsrs import Scheduler

    # No steps within a day: what was forgotten comes back tomorrow, and a kata is never due twice a day.
    return Scheduler(
        desired_retention=RETENTION,
        learning_steps=(),
        relearning_steps=(),
        maximum_interval=_LONGEST_DAYS,
        enable_fuzzing=False,
    )


@cache
def _curve() -> tuple[float, float]:
    """Return the exponent and the factor of the forgetting curve."""
    decay = -_scheduler().parameters[20]
    return decay, float(0.9 ** (1 / decay) - 1)
