"""Questions of every kind, a clock to turn and a bank in memory, for tests of the practice half."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from grader.model import Event, KataInfo, Question, QuestionKind
from grader.practice import cards, quiz
from grader.practice.cards import Cards
from grader.practice.deck import Deck, Entry, Item
from grader.workspace import store

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def one(name: str = "detection/giou", **changes: object) -> Question:
    made = Question(
        id=name,
        kind=QuestionKind.ONE,
        ask="What values can GIoU take?",
        why="It subtracts a share in [0, 1).",
        level=1,
        skills=("metric",),
        choices=("[0, 1]", "(-1, 1]", "(-1, 0]"),
        answer=("(-1, 1]",),
        but={"[0, 1]": "That is the range of IoU.", "(-1, 0]": "Two equal boxes have GIoU 1."},
        source="Rezatofighi et al., 2019",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def several(name: str = "detection/losses") -> Question:
    choices = ("focal", "dice", "nms")
    but = {"nms": "That is post-processing."}
    return one(
        name, kind=QuestionKind.SEVERAL, ask="Which are losses?", choices=choices, answer=choices[:2], but=but
    )


def number(name: str = "depth/iou", value: float = 0.25, unit: str = "", tolerance: float = 0.0) -> Question:
    plain = one(name, kind=QuestionKind.NUMBER, ask="How much?", choices=(), answer=(), but={}, source="")
    return replace(plain, number=value, unit=unit, tolerance=tolerance)


def shape(name: str = "depth/shape", sizes: str = "B 512 7 7") -> Question:
    plain = one(name, kind=QuestionKind.SHAPE, ask="Which shape?", choices=(), answer=(), but={}, source="")
    return replace(plain, shape=tuple(sizes.split()))


def order(name: str = "detection/pipeline") -> Question:
    steps = ("filter by score", "sort", "suppress")
    return one(name, kind=QuestionKind.ORDER, ask="In which order?", choices=(), answer=steps, but={})


def bug(name: str = "classification/bug") -> Question:
    return one(name, kind=QuestionKind.BUG, ask="What is wrong?", code="loss = ce(softmax(x), y)\n")


def opened(name: str = "detection/anchors", **changes: object) -> Question:
    plain = one(name, kind=QuestionKind.OPEN, ask="Why anchors?", choices=(), answer=(), but={})
    made = replace(plain, why="They give each cell a start.", points=("scale", "ratio", "assignment"))
    return replace(made, **changes)  # type: ignore[arg-type]


EVERY = (one(), several(), number(), shape(), order(), bug(), opened())


@dataclass
class Bank:
    """A library in memory; what is taken out of ``questions`` was deleted from its bank."""

    questions: list[Question] = field(default_factory=list)
    problems: tuple[str, ...] = ()

    def entries(self) -> Sequence[Entry]:
        return [
            Item(q.id, q.track, q.level, q.skills, str(q.kind), q.family or q.id, q.kata)
            for q in self.questions
        ]

    def get(self, id: str, /) -> Question | None:
        return next((q for q in self.questions if q.id == id), None)


@dataclass
class Clock:
    """Tells a time that only tests move, a second later at each look."""

    at: datetime = START

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def forward(self, **gap: float) -> None:
        self.at += timedelta(**gap)


def kata(name: str = "detection/nms", minutes: int = 20) -> KataInfo:
    track, _, short = name.partition("/")
    file = Path(f"{short}.py")
    return KataInfo(track, short, short.title(), short, 1, minutes, (), (short,), (), (), file, file, file)


def table(path: Path) -> Cards:
    """Open the cards of a record at a path."""
    return cards.open_cards(store.open_record(path))


def begin(
    questions: Iterable[Question], held: Cards, clock: Clock, *, chance: int = 0, **how: object
) -> quiz.Quiz:
    deck = Deck(Bank(list(questions)))
    return quiz.begin(deck, held, clock=clock, chance=Random(chance), **how)  # type: ignore[arg-type]


def right(question: Question) -> tuple[str, ...]:
    """Return the right answer as a face would hand it over."""
    if question.kind is QuestionKind.NUMBER:
        return (str(question.number),)
    if question.kind is QuestionKind.SHAPE:
        return (" ".join(question.shape),)
    return question.points if question.kind is QuestionKind.OPEN else question.answer


def event(kind: str, subject: str = "a/q", /, *, day: float = 0.0, **data: object) -> Event:
    return Event(START + timedelta(days=day), kind, subject, data)
