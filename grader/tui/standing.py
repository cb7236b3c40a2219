"""Where the learner stands, as the home screen and the statistics tell it: counted away from the screens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from grader.model import Event, KataInfo
from grader.practice import progress
from grader.practice.deck import Entry, Item
from grader.practice.practice import Practice
from grader.practice.progress import Readiness
from grader.workspace import catalog

DAYS = 14
"""How far the charts look back and ahead."""


@dataclass(frozen=True, slots=True)
class Today:
    """What the day brings."""

    due: int
    """Questions to repeat."""
    new: int
    """New questions that the day still has room for."""
    katas: tuple[KataInfo, ...]
    """Katas to write again."""
    next_kata: KataInfo | None
    streak: int
    has_practised: bool
    """Whether anything was done today."""
    tracks: Mapping[str, Readiness]
    leeches: int
    plan: str
    """A line about the plan in force, or nothing."""
    problems: tuple[str, ...]
    """What is wrong with the banks."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was done, how well it is known, and what comes."""

    reviews: Mapping[date, int]
    """By day, for the days up to today."""
    total: int
    streak: int
    retention: float | None
    recent: float | None
    """The same over the last thirty days."""
    tracks: Mapping[str, Readiness]
    skills: Mapping[str, Readiness]
    map: Mapping[str, Mapping[str, Readiness]]
    """Readiness by track and, within it, by skill."""
    forecast: Sequence[int]
    """The cards that come due on each of the days from today."""
    leeches: tuple[str, ...]
    doubts: tuple[str, ...]


def today(practice: Practice) -> Today:
    """Count what is due, new and known."""
    desk, now = practice.desk, practice.now()
    questions, katas = practice.due()
    limits = practice.limits()
    seen, met = practice.cards.seen(now)
    due = min(len(questions), max(0, limits.cards - seen))
    new = min(len(practice.new_cards()), max(0, limits.new - met), max(0, limits.cards - seen - due))
    days = _days(practice, desk.record.events())
    cards = {state.subject: state for state in practice.cards.all()}
    tracks, _ = progress.readiness(_topics(practice), cards, now)
    return Today(
        due=due,
        new=new,
        katas=tuple(katas),
        next_kata=progress.next_kata(desk.catalog, desk.states()),
        streak=progress.streak(days, practice.today()),
        has_practised=bool(days[practice.today()]),
        tracks=_in_order(tracks),
        leeches=len(practice.leeches()),
        plan=_plan(practice),
        problems=tuple(map(str, practice.deck.problems)),
    )


def statistics(practice: Practice) -> Statistics:
    """Count everything the statistics show."""
    now, day = practice.now(), practice.today()
    events = practice.desk.record.events()
    given = progress.reviews(events)
    per_day = progress.per_day(given, now.tzinfo)
    states = practice.cards.all()
    cards = {state.subject: state for state in states}
    topics = _topics(practice)
    tracks, skills = progress.readiness(topics, cards, now)
    by_track: dict[str, list[Entry]] = {}
    for topic in topics:
        by_track.setdefault(topic.track, []).append(topic)
    doubts = Counter(event.subject for event in events if event.kind == "doubt")
    return Statistics(
        reviews={
            day - timedelta(days=back): per_day[day - timedelta(days=back)] for back in range(DAYS)[::-1]
        },
        total=len(given),
        streak=progress.streak(_days(practice, events), day),
        retention=progress.retention(given),
        recent=progress.retention(e for e in given if e.at >= now - timedelta(days=30)),
        tracks=_in_order(tracks),
        skills=dict(sorted(skills.items())),
        map={name: progress.readiness(by_track[name], cards, now)[1] for name in _in_order(tracks)},
        forecast=progress.forecast(states, now, DAYS),
        leeches=tuple(state.subject for state in practice.leeches()),
        doubts=tuple(doubts),
    )


def _topics(practice: Practice) -> list[Entry]:
    """Return all there is to be ready for; a kata counts as one."""
    katas: list[Entry] = [
        Item(kata.id, kata.track, kata.level, (), "kata", family=kata.id) for kata in practice.desk.catalog
    ]
    return [*practice.deck.entries(), *katas]


def _days(practice: Practice, events: Sequence[Event]) -> Counter[date]:
    """Count reviews and attempts by practice day."""
    done = [*progress.reviews(events), *(event for event in events if event.kind == "attempt")]
    return progress.per_day(done, practice.now().tzinfo)


def _in_order(tracks: Mapping[str, Readiness]) -> dict[str, Readiness]:
    return {name: tracks[name] for name in sorted(tracks, key=catalog.track_rank)}


def _plan(practice: Practice) -> str:
    plan = practice.plan()
    if plan is None:
        return ""
    left = plan.days_left(practice.today())
    when = "today" if left == 0 else "tomorrow" if left == 1 else f"in {left} days"
    return f"Interview {when}, {plan.minutes} minutes a day"
