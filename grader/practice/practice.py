"""The learner's practice: the desk with its cards and its deck, opened once for a command or an app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from pathlib import Path
from random import Random

from grader.model import KataInfo
from grader.practice import plan as plans
from grader.practice import quiz, schedule
from grader.practice.cards import Cards, open_cards
from grader.practice.deck import Deck, open_deck
from grader.practice.desk import Desk
from grader.practice.plan import Outlook, Plan
from grader.practice.progress import Status
from grader.practice.quiz import Limits, Only, Quiz
from grader.practice.schedule import CardState


@dataclass(frozen=True)
class Practice:
    """What a face needs to ask questions and to tell where the learner stands."""

    desk: Desk
    cards: Cards
    deck: Deck
    zone: tzinfo | None = None
    """Where the learner's days begin and end; the system's zone if not said."""

    def now(self) -> datetime:
        """Return the time in the learner's zone."""
        return self.desk.clock().astimezone(self.zone)

    def today(self) -> date:
        """Return the practice day, which begins at four in the morning."""
        return schedule.day_of(self.now()).date()

    def plan(self) -> Plan | None:
        """Return the plan in force."""
        return plans.current(self.desk.record.events("plan"), self.today())

    def outlook(self, plan: Plan, *, most_days: int | None = None) -> Outlook:
        """Foretell the days of a plan, today as it was when it began."""
        now = self.now()
        states = self.desk.states()
        passed = [kata for kata in self.desk.catalog if states[kata.id].status is Status.PASSED]
        to_write = [kata for kata in self.desk.catalog if states[kata.id].status is not Status.PASSED]
        new = len(self.new_cards()) + self.cards.seen(now)[1]
        return plans.outlook(
            plan,
            now,
            cards=self.cards.all(),
            new=new,
            katas=to_write,
            known_katas=passed,
            most_days=most_days,
        )

    def limits(self, usual: Limits | None = None) -> Limits:
        """Return what today may bring: the usual, or what the plan says."""
        usual = usual or Limits()
        plan = self.plan()
        if plan is None:
            return usual
        day = self.outlook(plan, most_days=1).days[0]
        return replace(
            usual, new=day.new, cards=max(usual.cards, day.new + day.reviews), retention=day.retention
        )

    def begin(
        self,
        only: Only | None = None,
        *,
        chance: Random,
        limits: Limits | None = None,
        is_cram: bool = False,
    ) -> Quiz:
        """Begin a round of questions."""
        limits = limits or self.limits()
        return quiz.begin(
            self.deck, self.cards, clock=self.now, chance=chance, limits=limits, only=only, is_cram=is_cram
        )

    def due(self) -> tuple[list[str], list[KataInfo]]:
        """Return today's due questions, as cards, and the due katas; weakest first."""
        plan = self.plan()
        retention = plan.retention(self.today()) if plan else schedule.RETENTION
        due = self.cards.due(self.now(), retention=retention)
        katas = {kata.id: kata for kata in self.desk.catalog}
        questions = [card for card in due if card not in katas and self.deck.entry(card) is not None]
        return questions, [katas[card] for card in due if card in katas]

    def leeches(self) -> tuple[CardState, ...]:
        """Return the cards forgotten too often, of what can still be asked."""
        katas = {kata.id for kata in self.desk.catalog}
        return tuple(s for s in self.cards.leeches() if s.subject in katas or self.deck.entry(s.subject))

    def new_cards(self) -> list[str]:
        """Return what was never asked, without the mistakes of katas."""
        known = self.cards.subjects()
        return [entry.id for entry in self.deck.entries() if entry.id not in known]


def open_practice(
    desk: Desk,
    *,
    cache_folder: Path | None = None,
    zone: tzinfo | None = None,
    deck: Callable[..., Deck] | None = None,
) -> Practice:
    """Open the cards and the questions of a desk; what was read of the banks is kept beside the record."""
    folder = cache_folder or desk.places.record.parent
    states = desk.states()
    passed = [kata for kata in desk.catalog if states[kata.id].status is Status.PASSED]
    found = (deck or open_deck)(desk.places, passed, cache_folder=folder)
    return Practice(desk, open_cards(desk.record), found, zone)
