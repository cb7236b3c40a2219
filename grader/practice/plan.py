"""Being ready by a day: what is new is spread over the days that are left, and recall is raised near the end.

A plan never touches a card. It says how many new cards and which katas a day brings, and at which probability
of recall cards are due; cramming in the last days asks cards without moving them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from grader.model import Event, KataInfo
from grader.practice import schedule
from grader.practice.schedule import CardState, Rating

SUBJECT = "interview"
"""The subject of the events that make, change and drop the plan."""

NEAR_DAYS = 14
"""From this many days before the date, recall is raised."""
NEAR_RETENTION = 0.96
"""The probability of recall aimed at on the day itself."""
CRAM_DAYS = 3
"""The last days bring nothing new: they are for what is known."""

NEW_MINUTES = 1.5
"""Reading, answering and understanding a new question."""
REVIEW_MINUTES = 0.7
KATA_AGAIN = 0.5
"""A kata written again takes this share of its minutes."""
# A day may run over by this much before a kata is put off.
_STRETCH = 1.25
_FURTHEST_DAYS = 730
_WIDEST = 5000
"""Beyond this many cards, a sample of them stands for all when the load is foretold."""


class PlanError(ValueError):
    """A plan that cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The day of the interview, and what the learner gives each day until then."""

    day: date
    minutes: int

    def days_left(self, today: date) -> int:
        """Count the days from today to the interview; negative when it is over."""
        return (self.day - today).days

    def retention(self, today: date) -> float:
        """Return the probability of recall at which cards are due on a day."""
        left = self.days_left(today)
        if not 0 <= left < NEAR_DAYS:
            return schedule.RETENTION
        return schedule.RETENTION + (NEAR_RETENTION - schedule.RETENTION) * (1 - left / NEAR_DAYS)

    def is_cram(self, today: date) -> bool:
        """Whether a day is among the last, which bring nothing new."""
        return 0 <= self.days_left(today) < CRAM_DAYS


@dataclass(frozen=True, slots=True)
class Day:
    """What one day brings."""

    date: date
    new: int = 0
    katas: tuple[str, ...] = ()
    reviews: int = 0
    kata_reviews: int = 0
    minutes: float = 0.0
    retention: float = schedule.RETENTION
    is_cram: bool = False


@dataclass(frozen=True, slots=True)
class Outlook:
    """The days up to the interview, and what finds no room in them."""

    plan: Plan
    days: tuple[Day, ...]
    new_left: int
    katas_left: tuple[str, ...]
    cards: int
    """How many questions are known by the day, if all goes as planned."""

    @property
    def fits(self) -> bool:
        """Whether everything new finds room."""
        return not self.new_left and not self.katas_left


@dataclass
class _Load:
    """The work that is still to be placed, and the cards that come back of their own."""

    new: int
    katas: list[KataInfo]
    all_new: int
    all_katas: int
    back: dict[int, list[CardState]]
    minutes: dict[str, float]


def make(day: date, minutes: int, *, today: date) -> Plan:
    """Return a plan; raises ``PlanError`` for a date that is over or minutes that nobody has."""
    if day < today:
        raise PlanError(f"{day} is over: say a date from today on.")
    if (day - today).days > _FURTHEST_DAYS:
        raise PlanError(f"{day} is more than two years away: plan when it is nearer.")
    if not 5 <= minutes <= 600:
        raise PlanError(f"{minutes} minutes a day make no plan: say 5 to 600.")
    return Plan(day, minutes)


def event(plan: Plan | None, at: datetime) -> Event:
    """Return the event that makes a plan, or drops it."""
    data = {"date": plan.day.isoformat(), "minutes": plan.minutes} if plan else {"date": None}
    return Event(at, "plan", SUBJECT, data)


def current(events: Iterable[Event], today: date) -> Plan | None:
    """Return the plan in force: the last one made, until its day is over."""
    plan = None
    for one in events:
        if one.kind == "plan":
            plan = _read(one)
    return plan if plan and plan.days_left(today) >= 0 else None


def outlook(
    plan: Plan,
    now: datetime,
    *,
    cards: Sequence[CardState],
    new: int,
    katas: Sequence[KataInfo],
    known_katas: Sequence[KataInfo] = (),
    most_days: int | None = None,
) -> Outlook:
    """Foretell each day up to the interview, or the first few, every review going well.

    ``new`` counts the questions not asked before today; ``katas`` are those not passed, in the order to take.
    """
    today = schedule.day_of(now).date()
    minutes = {kata.id: float(kata.minutes) for kata in (*katas, *known_katas)}
    step = max(1, math.ceil(len(cards) / _WIDEST))
    load = _Load(new, list(katas), new, len(katas), {}, minutes)
    for card in cards[::step]:
        _place(load, card, _turn(plan, card, today, now), today)
    days: list[Day] = []
    count = plan.days_left(today) + 1
    for offset in range(count if most_days is None else min(count, most_days)):
        days.append(_day(plan, today + timedelta(days=offset), load, now, step=step, today=today))
    return Outlook(plan, tuple(days), load.new, tuple(k.id for k in load.katas), len(cards) + new - load.new)


def _day(plan: Plan, day: date, load: _Load, now: datetime, *, step: int, today: date) -> Day:
    """Place one day's reviews, then as much that is new as is its share and fits."""
    at = now + timedelta(days=(day - today).days)
    back = load.back.pop((day - today).days, [])
    told = Day(day, retention=plan.retention(day), is_cram=plan.is_cram(day))
    known = [card for card in back if not card.is_kata]
    written = [card for card in back if card.is_kata]
    spent = len(known) * step * REVIEW_MINUTES
    spent += sum(load.minutes.get(card.subject, 20.0) for card in written) * step * KATA_AGAIN
    for card in back:
        after = schedule.review(card, Rating.GOOD, subject=card.subject, at=at)
        _place(load, after, _turn(plan, after, today, at), today, after=day)
    told = replace(told, reviews=len(known) * step, kata_reviews=len(written) * step)
    if told.is_cram and plan.days_left(today) >= CRAM_DAYS:
        return replace(told, minutes=max(spent, plan.minutes / 2))
    katas, spent = _katas(plan, day, load, spent, today=today)
    room = max(0.0, plan.minutes - spent)
    new = min(_share(plan, day, today, load.all_new, load.new), int(room / NEW_MINUTES))
    load.new -= new
    for kata in katas:
        card = schedule.review(None, Rating.GOOD, subject=kata.id, at=at)
        card = replace(card, is_kata=True)
        _place(load, card, _turn(plan, card, today, at), today, after=day)
    fresh = schedule.review(None, Rating.GOOD, subject="", at=at)
    for _ in range(new // step + (new % step > 0)):
        _place(load, fresh, _turn(plan, fresh, today, at), today, after=day)
    spent += new * NEW_MINUTES
    return replace(told, new=new, katas=tuple(kata.id for kata in katas), minutes=spent)


def _katas(plan: Plan, day: date, load: _Load, spent: float, *, today: date) -> tuple[list[KataInfo], float]:
    """Take the day's share of the katas; one that is longer than a day's minutes has a day to itself."""
    share = _share(plan, day, today, load.all_katas, len(load.katas))
    taken: list[KataInfo] = []
    while load.katas and len(taken) < share:
        kata = load.katas[0]
        if spent + kata.minutes > plan.minutes * _STRETCH and not (kata.minutes > plan.minutes and not taken):
            break
        taken.append(load.katas.pop(0))
        spent += kata.minutes
    return taken, spent


def _share(plan: Plan, day: date, today: date, total: int, left: int) -> int:
    """Return how much of something new a day brings, with what earlier days had no room for."""
    days = max(1, plan.days_left(today) + 1 - CRAM_DAYS)
    # Near the end repeating takes the time.
    days -= min(NEAR_DAYS // 2, days // 4)
    by_now = min(total, math.ceil(total * ((day - today).days + 1) / days))
    return by_now - (total - left)


def _turn(plan: Plan, card: CardState, today: date, now: datetime) -> int:
    """Return in how many days from today a card comes back, given the plan's rising recall."""
    plain = (schedule.day_of(card.due.astimezone(now.tzinfo)).date() - today).days
    for offset in range(max(0, plan.days_left(today) - NEAR_DAYS), plain):
        retention = plan.retention(today + timedelta(days=offset))
        gap = max(1.0, card.stability * schedule.spacing(retention))
        due = card.last.astimezone(now.tzinfo) + timedelta(days=gap)
        if retention > schedule.RETENTION and (schedule.day_of(due).date() - today).days <= offset:
            return offset
    return plain


def _place(load: _Load, card: CardState, turn: int, today: date, *, after: date | None = None) -> None:
    earliest = (after - today).days + 1 if after else 0
    load.back.setdefault(max(earliest, turn), []).append(card)


def _read(one: Event) -> Plan | None:
    day, minutes = one.data.get("date"), one.data.get("minutes")
    try:
        return Plan(date.fromisoformat(str(day)), minutes) if isinstance(minutes, int) else None
    except ValueError:
        return None
