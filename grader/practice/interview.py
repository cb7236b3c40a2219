"""A mock interview: one kata, a few questions, open follow-ups, a clock, no hints, and a report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from grader.model import Event, KataInfo, Question, QuestionKind
from grader.practice.answers import Judgement
from grader.practice.deck import Deck, Entry, is_generated, is_open
from grader.practice.quiz import Asked, shuffled
from grader.practice.schedule import Rating

KATA_SHARE = 0.6
"""The kata takes at most this share of the time."""
QUESTION_MINUTES = 1.5
FOLLOW_UP_MINUTES = 4.0
_FOLLOW_UP_SHARE = 0.65
_RECENT = 30

UNANSWERED = "unanswered"
"""The kind of a kata that was given up."""

RUBRIC = (
    "I asked about or stated the assumptions before I began.",
    "I said the shapes and the idea aloud before I wrote code.",
    "My code was simple, and I tested it on a small case myself.",
    "I compared alternatives and named what each costs.",
)
"""What the learner grades at the end, 1 (not at all) to 4 (fully)."""


class NoInterview(Exception):
    """There is nothing to interview about; the message says why."""


@dataclass(frozen=True, slots=True)
class Interview:
    """What will be asked, in this order: the kata, the questions, the follow-ups."""

    minutes: int
    kata: KataInfo | None
    questions: tuple[Asked, ...]
    follow_ups: tuple[Asked, ...]
    track: str | None = None

    def deadline(self, began: datetime) -> datetime:
        """Return when the time is up."""
        return began + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as it was given; an empty text means that there was none."""

    asked: Asked
    text: str = ""
    judgement: Judgement | None = None
    seconds: float = 0.0
    points: tuple[str, ...] = ()
    """The points made, ticked by the learner afterwards."""
    rating: Rating | None = None
    """The learner's own rating of an open answer."""

    @property
    def failed(self) -> bool:
        """Whether there is something to learn here."""
        if self.judgement is not None and self.judgement.correct is not None:
            return not self.judgement.correct
        return not self.text or (self.rating is not None and self.rating <= Rating.HARD)


@dataclass(frozen=True, slots=True)
class KataResult:
    """What came of the kata."""

    kata: KataInfo
    kind: str
    """A verdict's kind, or ``UNANSWERED``."""
    passed: int = 0
    total: int = 0
    seconds: float = 0.0
    story: str = ""
    code: str = ""

    @property
    def word(self) -> str:
        """How it went, in words."""
        return {"todo": "not started", UNANSWERED: "given up"}.get(self.kind, self.kind)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The interview as it went, up to now."""

    interview: Interview
    began: datetime
    ended: datetime | None = None
    kata: KataResult | None = None
    replies: tuple[Reply, ...] = ()
    rubric: Mapping[str, int] = field(default_factory=dict)

    def with_reply(self, reply: Reply) -> Outcome:
        """Return the outcome with one more answer, in the place of an earlier one to the same question."""
        others = tuple(one for one in self.replies if one.asked is not reply.asked)
        return replace(self, replies=(*others, reply))

    @property
    def score(self) -> tuple[int, int]:
        """How many of the graded questions were right, and how many there were."""
        graded = self.interview.questions
        right = [r for r in self.replies if r.judgement is not None and r.judgement.correct]
        return len(right), len(graded)


def prepare(
    deck: Deck,
    katas: Sequence[KataInfo],
    *,
    minutes: int,
    chance: Random,
    track: str | None = None,
    recent: Iterable[str] = (),
    weight: Mapping[str, float] | None = None,
) -> Interview:
    """Choose what an interview asks, by chance among what fits its time.

    ``katas`` are those that may be set; ``recent`` names what earlier interviews asked, ``weight`` how much a
    kata is wanted (1 if not said).
    """
    avoid = set(recent)
    kata = _kata(katas, minutes, chance, track=track, avoid=avoid, weight=weight or {})
    track = track or (kata.track if kata else None)
    left = minutes - (kata.minutes if kata else 0)
    wanted = [e for e in deck.entries() if track in (None, e.track)]
    follow_ups = max(1, int(left * _FOLLOW_UP_SHARE / FOLLOW_UP_MINUTES))
    opened = _some(deck, [e for e in wanted if is_open(e)], follow_ups, chance, kata=kata, avoid=avoid)
    count = max(2, int((left - len(opened) * FOLLOW_UP_MINUTES) / QUESTION_MINUTES))
    graded = _some(deck, [e for e in wanted if not is_open(e)], count, chance, kata=None, avoid=avoid)
    if kata is None and not opened and not graded:
        where = f" in {track}" if track else ""
        raise NoInterview(f"There is nothing to ask{where}: `dojo list` shows the tracks that have katas.")
    return Interview(minutes, kata, tuple(graded), tuple(opened), track)


def study_next(outcome: Outcome, *, weakest: Sequence[str] = ()) -> list[str]:
    """Return the next three things to study, what failed first, then the weakest skills."""
    steps: list[str] = []
    kata = outcome.kata
    if kata is not None and kata.kind != "passed":
        steps.append(f"Write `{kata.kata.id}` again without a clock: `dojo check {kata.kata.id}`.")
    failed = [reply for reply in outcome.replies if reply.failed]
    skills = Counter(skill for reply in failed for skill in reply.asked.question.skills)
    tracks = Counter(reply.asked.question.track for reply in failed)
    for skill, count in skills.most_common(2):
        times = "once" if count == 1 else f"{count} times"
        steps.append(f"Practise {skill}, which failed {times}: `dojo quiz --skill {skill}`.")
    steps += [f"Read the lesson again: `dojo study {track}`." for track, _ in tracks.most_common(1)]
    steps += [f"Practise {skill}, your weakest skill: `dojo quiz --skill {skill}`." for skill in weakest]
    track = outcome.interview.track
    steps += [f"Take another interview with less time{f': `dojo interview {track}`' if track else ''}."]
    return list(dict.fromkeys(steps))[:3]


def report(outcome: Outcome, *, weakest: Sequence[str] = ()) -> str:
    """Return the interview as Markdown: what failed, model answers beside what was typed, what to study."""
    lines = [f"# Mock interview, {outcome.began:%Y-%m-%d %H:%M}", "", *_summary(outcome), ""]
    if outcome.kata is not None:
        lines += _kata_part(outcome.kata)
    opened = [r for r in outcome.replies if r.asked.question.kind is QuestionKind.OPEN]
    graded = [r for r in outcome.replies if r.asked.question.kind is not QuestionKind.OPEN]
    if graded:
        lines += ["## Questions", ""]
        for reply in graded:
            lines += _graded_part(reply)
    if opened:
        lines += ["## Follow-ups", ""]
        for reply in opened:
            lines += _open_part(reply)
    answered = {id(reply.asked) for reply in outcome.replies}
    asked = (*outcome.interview.questions, *outcome.interview.follow_ups)
    if unanswered := [one for one in asked if id(one) not in answered]:
        lines += ["## Not reached", "", *(f"* {_line(one.question.ask)}" for one in unanswered), ""]
    lines += _rubric_part(outcome.rubric)
    lines += ["## Study next", ""]
    lines += [f"{n}. {step}" for n, step in enumerate(study_next(outcome, weakest=weakest), 1)]
    return "\n".join(lines) + "\n"


def save(text: str, path: Path) -> None:
    """Write a report, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(path)


def file_name(began: datetime, track: str | None) -> str:
    """Return a report's file name, so that names sort by time."""
    return f"{began:%Y-%m-%d-%H%M%S}{f'-{track}' if track else ''}.md"


def event(outcome: Outcome, at: datetime, report_name: str) -> Event:
    """Return the event that remembers an interview."""
    right, total = outcome.score
    asked = (*outcome.interview.questions, *outcome.interview.follow_ups)
    return Event(
        at,
        "interview",
        outcome.interview.track or "interview",
        {
            "minutes": outcome.interview.minutes,
            "kata": outcome.interview.kata.id if outcome.interview.kata else None,
            "kata_kind": outcome.kata.kind if outcome.kata else None,
            "right": right,
            "questions": total,
            "asked": [one.card for one in asked],
            "rubric": dict(outcome.rubric),
            "report": report_name,
        },
    )


def recent(events: Iterable[Event]) -> list[str]:
    """Return what the last interviews asked, katas and cards."""
    names: list[str] = []
    for one in events:
        if one.kind == "interview":
            asked = one.data.get("asked")
            names += [str(one.data.get("kata")), *map(str, asked if isinstance(asked, list) else [])]
    return names[-_RECENT:]


def clock(left: timedelta) -> str:
    """Return the time that is left as ``32:05``; ``0:00`` when it is up."""
    seconds = max(0, int(left.total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02d}"


def _kata(
    katas: Sequence[KataInfo],
    minutes: int,
    chance: Random,
    *,
    track: str | None,
    avoid: set[str],
    weight: Mapping[str, float],
) -> KataInfo | None:
    fitting = [k for k in katas if track in (None, k.track) and k.minutes <= minutes * KATA_SHARE]
    fresh = [kata for kata in fitting if kata.id not in avoid] or fitting
    if not fresh:
        return None
    return chance.choices(fresh, weights=[weight.get(kata.id, 1.0) for kata in fresh])[0]


def _some(
    deck: Deck,
    entries: Sequence[Entry],
    count: int,
    chance: Random,
    *,
    kata: KataInfo | None,
    avoid: set[str],
) -> list[Asked]:
    """Draw questions of different families, those that follow from the kata first, easy before hard."""
    shuffled_entries = chance.sample(list(entries), len(entries))
    order = sorted(shuffled_entries, key=lambda e: (kata is None or e.kata != kata.id, e.id in avoid))
    drawn: list[Asked] = []
    families: set[str] = set()
    for entry in order:
        if len(drawn) == count:
            break
        seed = chance.randrange(1, 1_000_000) if is_generated(entry.id) else None
        question = None if entry.family in families else deck.question(entry.id, seed=seed)
        if question is not None:
            families.add(entry.family)
            drawn.append(Asked(entry.id, question, shuffled(question, chance), entry.family, seed))
    return sorted(drawn, key=lambda one: one.question.level)


def _summary(outcome: Outcome) -> list[str]:
    right, total = outcome.score
    took = (outcome.ended or outcome.began) - outcome.began
    track = outcome.interview.track or "all tracks"
    lines = [f"* Topic: {track}", f"* Time: {clock(took)} of {outcome.interview.minutes}:00"]
    if outcome.interview.kata is not None:
        kind = outcome.kata.word if outcome.kata else "not reached"
        lines.append(f"* Kata: `{outcome.interview.kata.id}`, {kind}")
    if total:
        lines.append(f"* Questions: {right} of {total} right")
    if ratings := [int(reply.rating) for reply in outcome.replies if reply.rating is not None]:
        lines.append(f"* Follow-ups, rated by you: {', '.join(map(str, ratings))} (1 to 4)")
    failed = [f"`{reply.asked.card}`" for reply in outcome.replies if reply.failed]
    return [*lines, f"* To look at again: {', '.join(failed) or 'nothing'}"]


def _kata_part(result: KataResult) -> list[str]:
    took = clock(timedelta(seconds=result.seconds))
    head = f"`{result.kata.id}` {result.word}, {result.passed} of {result.total} checks, after {took}."
    lines = ["## Kata", "", f"**{result.kata.title}**", "", head, ""]
    if result.story:
        lines += [*_fenced(result.story, "text"), ""]
    if result.code:
        lines += ["What you wrote:", "", *_fenced(result.code, "python"), ""]
    return lines


def _graded_part(reply: Reply) -> list[str]:
    judgement = reply.judgement
    lines = [f"### {_line(reply.asked.question.ask)}", "", *_code(reply.asked.question)]
    if judgement is None:
        return [*lines, "Not answered.", "", reply.asked.question.why, ""]
    word = "right" if judgement.correct else "wrong"
    lines += [f"{word.capitalize()}, in {reply.seconds:.0f} s.", ""]
    if not judgement.correct:
        lines += _beside(reply.text, judgement.right)
        lines += [f"* {reason}" for reason in judgement.tempting]
        lines += [""] * bool(judgement.tempting) + [judgement.why, ""]
    if judgement.source:
        lines += [f"Source: {judgement.source}", ""]
    return lines


def _open_part(reply: Reply) -> list[str]:
    question = reply.asked.question
    lines = [f"### {_line(question.ask)}", "", *_code(question), *_beside(reply.text, question.why)]
    lines += [f"- [{'x' if point in reply.points else ' '}] {point}" for point in question.points]
    lines += [""] * bool(question.points)
    if reply.rating is not None:
        lines += [f"Your own rating: {int(reply.rating)} of 4 ({reply.rating.name.lower()}).", ""]
    return lines


def _beside(typed: str, model: str) -> list[str]:
    """Put what was typed beside the model answer."""
    return [
        "| You | Model answer |",
        "| --- | --- |",
        f"| {_cell(typed) or '(nothing)'} | {_cell(model)} |",
        "",
    ]


def _rubric_part(rubric: Mapping[str, int]) -> list[str]:
    lines = ["## How it went, graded by you", ""]
    lines += [
        f"* {line} {f'**{rubric[line]} of 4**' if line in rubric else '(not graded)'}" for line in RUBRIC
    ]
    return [*lines, ""]


def _code(question: Question) -> list[str]:
    return [*_fenced(question.code, "python"), ""] if question.code else []


def _fenced(text: str, language: str) -> list[str]:
    fence = "```" if "```" not in text else "````"
    return [f"{fence}{language}", text.rstrip(), fence]


def _cell(text: str) -> str:
    return "<br>".join(text.strip().splitlines()).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())
