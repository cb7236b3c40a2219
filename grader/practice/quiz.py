"""A round of questions: which card comes next, what an answer did to it, and how to take it back.

Due cards come first, the least likely remembered ahead; then new ones, up to a number a day. Topics are mixed
and near-duplicates never follow each other. Every answer is in the record before the next question is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from random import Random

from grader.model import Event, Question, QuestionKind
from grader.practice import answers, schedule
from grader.practice.answers import Judgement
from grader.practice.cards import Cards
from grader.practice.deck import Deck, Entry, is_generated
from grader.practice.schedule import CardState, Rating

Clock = Callable[[], datetime]

_PLENTY = 20
MIX = 40
"""How far down the queue a card of another topic is looked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a day may bring."""

    cards: int = 100
    new: int = 10
    retention: float = schedule.RETENTION
    """The probability of recall at which cards are due; a plan raises it near its date."""


@dataclass(frozen=True, slots=True)
class Only:
    """Which questions are asked for; nothing said means all."""

    track: str | None = None
    level: int | None = None
    skill: str | None = None

    def admits(self, entry: Entry) -> bool:
        """Whether an entry is asked for."""
        return (
            self.track in (None, entry.track)
            and self.level in (None, entry.level)
            and (self.skill is None or self.skill in entry.skills)
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on the table, with its options in the order shown."""

    card: str
    question: Question
    options: tuple[str, ...]
    family: str
    seed: int | None = None
    state: CardState | None = None
    """The card before this answer; ``None`` when it is new."""

    @property
    def is_new(self) -> bool:
        """Whether the card was never answered."""
        return self.state is None

    @property
    def is_leech(self) -> bool:
        """Whether the card was forgotten too often."""
        return self.state is not None and self.state.is_leech


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it went into the record."""

    asked: Asked
    judgement: Judgement
    rating: Rating
    at: datetime
    state: CardState | None
    """The card after it; as before in a cram."""


class Quiz:
    """One round; open it with ``begin``."""

    def __init__(
        self, deck: Deck, cards: Cards, *, clock: Clock, chance: Random, limits: Limits, is_cram: bool = False
    ) -> None:
        self.deck, self.cards, self.limits, self.is_cram = deck, cards, limits, is_cram
        self.answered: list[Answered] = []
        self.ended = ""
        """Why there is no next question, as a sentence."""
        self._clock, self._chance = clock, chance
        self._due: list[str] = []
        self._new: list[str] = []
        self._back: list[Asked] = []
        self._last: tuple[str, str] = ("", "")
        self._before = ""

    @property
    def left(self) -> tuple[int, int]:
        """How many due and how many new cards today still has."""
        room, new = self._room()
        due = min(len(self._due), room)
        return due, min(len(self._new), new, room - due)

    def next(self) -> Asked | None:
        """Choose the next question; ``None`` when there is none, and ``ended`` says why."""
        if self._back:
            return self._back.pop()
        room, new = self._room()
        if not self.is_cram and room <= 0:
            self.ended = f"That was the day's {self.limits.cards} cards: the rest can wait for tomorrow."
            return None
        asked = self._choose(new)
        if asked is None and self._before:
            # The card that the last round ended with is no near-duplicate of itself.
            asked = self._choose(new, again=self._before)
        self._before = ""
        if asked is None:
            self.ended = self._why_none(new)
        return asked

    def answer(
        self,
        asked: Asked,
        answer: Sequence[str],
        *,
        seconds: float,
        helped: bool = False,
        rating: Rating | None = None,
        text: str | None = None,
    ) -> Answered:
        """Judge an answer, save it and tell what came of it.

        ``rating`` is the learner's own, for open questions, whose ``answer`` are the points made and whose
        ``text`` is what was written.
        """
        judgement = answers.judge(asked.question, answer)
        if judgement.correct is not None:
            rating = answers.rate(asked.question, judgement.correct, seconds, helped=helped)
        rating = rating or judgement.suggested or Rating.AGAIN
        at = self._clock()
        written = "; ".join(answer) if text is None else text
        event = review_event(asked, judgement, rating, at=at, seconds=seconds, text=written)
        self.cards.add(replace(event, kind="cram") if self.is_cram else event)
        done = Answered(asked, judgement, rating, at, self.cards.get(asked.card))
        self.answered.append(done)
        self._last = (asked.family, asked.question.track)
        return done

    def undo(self) -> Asked | None:
        """Take the last answer of this round back; returns its question, to be asked again at once."""
        if not self.answered:
            return None
        last = self.answered.pop()
        card = last.asked.card
        if not self.is_cram:
            self.cards.add(Event(self._clock(), "undo", card, {"of": last.at.isoformat()}))
        before = self.answered[-1].asked if self.answered else None
        self._last = (before.family, before.question.track) if before else ("", "")
        return last.asked

    def put_back(self, asked: Asked) -> None:
        """Ask this question next; the later put back comes first."""
        self._back.append(asked)

    def doubt(self, asked: Asked, note: str = "") -> None:
        """Mark a question as doubtful, with a word on why."""
        data = {"note": note, "seed": asked.seed}
        self.cards.record.add(Event(self._clock(), "doubt", asked.card, data))

    def skip(self, asked: Asked) -> None:
        """Leave a question for another round; nothing is recorded."""
        self._last = (asked.family, asked.question.track)

    def _room(self) -> tuple[int, int]:
        seen, new = self.cards.seen(self._clock())
        return max(0, self.limits.cards - seen), max(0, self.limits.new - new)

    def _choose(self, new: int, *, again: str = "") -> Asked | None:
        if asked := self._take(self._due, again):
            return asked
        return self._take(self._new, again) if new > 0 or self.is_cram else None

    def _take(self, queue: list[str], again: str) -> Asked | None:
        """Take the first card of another family, of another track if one is near."""
        family, track = self._last
        second: tuple[int, Asked] | None = None
        gone: list[int] = []
        found: tuple[int, Asked] | None = None
        for place, card in enumerate(queue):
            if second is not None and place > second[0] + MIX:
                break
            entry = self.deck.entry(card)
            if entry is None or (entry.family == family and card != again):
                continue
            if second is not None and entry.track == track:
                continue
            asked = self._ask(card, entry)
            if asked is None:
                gone.append(place)
            elif entry.track != track:
                found = (place, asked)
                break
            else:
                second = (place, asked)
        chosen = found or second
        for place in sorted({*gone, *([chosen[0]] if chosen else [])}, reverse=True):
            del queue[place]
        return chosen[1] if chosen else None

    def _ask(self, card: str, entry: Entry) -> Asked | None:
        seed = self._chance.randrange(1, 1_000_000) if is_generated(card) else None
        question = self.deck.question(card, seed=seed)
        if question is None:
            return None
        options = shuffled(question, self._chance)
        return Asked(card, question, options, entry.family, seed, self.cards.get(card))

    def _why_none(self, new: int) -> str:
        if self._due or (self._new and new > 0):
            return "What is left is too much like the last question: it comes in another round."
        if self._new:
            return f"Nothing more is due, and the day's {self.limits.new} new cards are done."
        if self.answered:
            return "That was everything for today."
        return "Nothing is due, and there is nothing new to ask."


def begin(
    deck: Deck,
    cards: Cards,
    *,
    clock: Clock,
    chance: Random,
    limits: Limits | None = None,
    only: Only | None = None,
    is_cram: bool = False,
) -> Quiz:
    """Begin a round: line up what is due and what is new, of what is asked for.

    A cram lines up every card, weakest first, and leaves the schedule alone.
    """
    limits, only = limits or Limits(), only or Only()
    quiz = Quiz(deck, cards, clock=clock, chance=chance, limits=limits, is_cram=is_cram)
    now = clock()
    known = cards.subjects()
    quiz._due = _line_up(quiz, only, now)
    fresh = [*deck.entries(), *deck.mistakes(chance, track=only.track)]
    quiz._new = mixed([e for e in fresh if e.id not in known and only.admits(e)], chance)
    latest = cards.latest()
    # A round right after another must not begin with a near-duplicate of where that one ended.
    if latest is not None and latest.last >= schedule.day_of(now) and (e := deck.entry(latest.subject)):
        quiz._last, quiz._before = (e.family, e.track), latest.subject
    return quiz


def _line_up(quiz: Quiz, only: Only, now: datetime) -> list[str]:
    """Return the cards to repeat; of very many, as many as a day can take and more to choose from."""
    enough = quiz.limits.cards * _PLENTY
    queue: list[str] = []
    for most in (enough * 2, None):
        if quiz.is_cram:
            found = quiz.cards.weakest(now, most=most)
        else:
            found = quiz.cards.due(now, retention=quiz.limits.retention, most=most)
        queue = list(islice((card for card in found if admitted(quiz.deck, card, only)), enough))
        if len(queue) == enough or most is None or len(found) < most:
            break
    return queue


def review_event(
    asked: Asked, judgement: Judgement, rating: Rating, *, at: datetime, seconds: float, text: str
) -> Event:
    """Return the event that remembers an answer."""
    data = {
        "rating": int(rating),
        "kind": str(asked.question.kind),
        "correct": judgement.correct,
        "seconds": round(max(0.0, seconds), 1),
        "answer": text,
        "seed": asked.seed,
    }
    return Event(at, "review", asked.card, data)


def admitted(deck: Deck, card: str, only: Only) -> bool:
    """Whether a card's question is still there and asked for; katas are not questions."""
    entry = deck.entry(card)
    return entry is not None and only.admits(entry)


def mixed(entries: Iterable[Entry], chance: Random) -> list[str]:
    """Line new cards up easiest first, one track after the other, by chance within a level."""
    tracks: dict[str, list[Entry]] = {}
    for entry in entries:
        tracks.setdefault(entry.track, []).append(entry)
    lines = []
    for line in tracks.values():
        chance.shuffle(line)
        lines.append(sorted(line, key=lambda entry: entry.level))
    chance.shuffle(lines)
    longest = max(map(len, lines), default=0)
    return [line[turn].id for turn in range(longest) for line in lines if turn < len(line)]


def shuffled(question: Question, chance: Random) -> tuple[str, ...]:
    """Return the options of a question in an order by chance; steps never in the right one."""
    options = list(question.answer if question.kind is QuestionKind.ORDER else question.choices)
    chance.shuffle(options)
    if question.kind is QuestionKind.ORDER and tuple(options) == question.answer:
        options = [*options[1:], options[0]]
    return tuple(options)
