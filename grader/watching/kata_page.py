"""The page of the kata at hand: its file, what came of it, the first failure's story, the way on."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from grader.model import KataInfo, Kind, Verdict
from grader.practice.progress import Status
from grader.text.chart import bar
from grader.text.render import Look, flow, wrap
from grader.watching.rows import Piece, Row, cells, fold, row
from grader.watching.sight import Sight

STYLES = {"passed": "green", "failed": "red", "started": "yellow", "new": "dim", "waits": "dim"}

_MEASURE = 100
"""Prose is not set wider than this."""

Parts = tuple[list[Row], list[Row], list[Row]]


def made(sight: Sight, look: Look, width: int, *, is_tight: bool = False) -> Parts:
    """Return head, body and foot; where room is scarce, the story comes before the other checks."""
    head = [
        row(Piece(sight.kata.id, "bold"), f"  {sight.kata.title}"),
        row(_file(sight, width, look)),
        *_outcome(sight, look, width),
    ]
    return head, _body(sight, look, width, is_tight), foot(sight, look, width, _keys(sight, width))


def foot(sight: Sight, look: Look, width: int, keys: str) -> list[Row]:
    """Return the answer to the last key, the bar of the track, and the keys in force."""
    notes = [row(Piece(line, "yellow")) for line in wrap(sight.note, width)] if sight.note else []
    passed, total = sight.passed(sight.track), len(sight.track)
    words = f" {passed} of {total} passed in {sight.kata.track}"
    room = max(4, min(40, width - len(words)))
    share = bar(passed / total if total else 0.0, room, unicode=look.unicode)
    return [*notes, row(Piece(share, "green"), words), row(Piece(keys, "dim"))]


def mark(word: str, look: Look) -> Piece:
    """Return the sign of a status or outcome."""
    return Piece(replace(look, colour=False).mark(word), STYLES[word])


def near(path: Path) -> str:
    """Return a path as the learner would type it here."""
    try:
        here = os.path.relpath(path)
    except (ValueError, OSError):
        return str(path)
    return str(path) if here.startswith("..") else here


def _file(sight: Sight, width: int, look: Look) -> Piece:
    text = f"{near(sight.kata.stub)}{f':{sight.line}' if sight.line else ''}"
    # The end of a path says more than its beginning.
    dots = "…" if look.unicode else "..."
    text = text if cells(text) <= width else dots + text[-max(1, width - len(dots)) :]
    return Piece(text, link=sight.kata.stub.absolute().as_uri())


def _outcome(sight: Sight, look: Look, width: int) -> list[Row]:
    """Say in a sentence how it stands."""
    run = sight.run
    if sight.is_missing:
        return _said("failed", "The file is not there: save it again, or x puts the stub back.", look, width)
    if sight.is_running:
        since = f" {sight.seconds} s" if sight.seconds else ""
        return [row(Piece(f"Grading ...{since}", "yellow"))]
    if run.problem is not None:
        return _said("failed", run.problem.sentence, look, width)
    if run.done is None:
        return [row()]
    if run.done.kind is Kind.TODO:
        return _said("new", "Not started: replace `raise NotImplementedError` and save.", look, width)
    if run.is_passed:
        checks = f"{run.done.total} check{'s' if run.done.total != 1 else ''}"
        return _said("passed", f"Passed: {checks}, {run.done.seconds:.1f} s.", look, width)
    return _said("failed", f"{run.done.passed} of {run.done.total} checks pass.", look, width)


def _said(word: str, text: str, look: Look, width: int) -> list[Row]:
    sign = mark(word, look)
    first, *more = wrap(text, width - 3)
    return [row(sign, " ", first), *(row(" " * (len(sign.text) + 1), line) for line in more)]


def _body(sight: Sight, look: Look, width: int, is_tight: bool) -> list[Row]:
    parts = [_hint(sight, width)]
    if sight.run.problem is not None:
        parts.append([row(line) for line in fold(sight.run.problem.tail, width, look)])
    elif sight.run.is_todo:
        # The first line of a statement is the title, which stands above already.
        text = sight.kata.statement.partition("\n")[2].strip()
        parts.append([row(line) for line in fold(flow(text, min(width, _MEASURE)), width, look)])
    else:
        checks = _checks(sight, look)
        failed = [_check(sight.run.failure, look)] if is_tight and sight.run.failure else []
        rest = [one for one in checks if one not in failed]
        told = [failed, _story(sight, look, width), rest] if failed else [rest, _story(sight, look, width)]
        parts += [*told, _onwards(sight, width)]
    rows: list[Row] = []
    for part in filter(None, parts):
        rows += [*([row()] if rows else []), *part]
    return rows


def _hint(sight: Sight, width: int) -> list[Row]:
    if sight.hint is None:
        return []
    title = f"Hint {sight.hint.level} of {sight.hint.of}"
    return [row(Piece(title, "bold")), *(row(line) for line in wrap(sight.hint.text, min(width, _MEASURE)))]


def _checks(sight: Sight, look: Look) -> list[Row]:
    failing = sight.run.failing
    return [_check(one, look) for one in (*sight.run.verdicts, *([failing] if failing else []))]


def _check(verdict: Verdict, look: Look) -> Row:
    word = "passed" if verdict.passed else "waits" if verdict.kind is Kind.WAITS else "failed"
    kind = () if verdict.passed else (Piece(f"[{verdict.kind}] ", "dim"),)
    return row(mark(word, look), " ", *kind, verdict.title)


def _story(sight: Sight, look: Look, width: int) -> list[Row]:
    failure = sight.run.failure
    if failure is None:
        return []
    rows = [row(line) for line in fold(failure.story, width, look)]
    if failure.mistake and failure.mistake not in " ".join(failure.story.split()):
        rows += [
            row(),
            *map(row, wrap(f"Your code behaves like a version that {failure.mistake}.", width)),
        ]
    if failure is sight.run.failing:
        rows += [row(), row(Piece("Looking for the smallest case ...", "dim"))]
    return rows


def _onwards(sight: Sight, width: int) -> list[Row]:
    """Say what comes after a pass."""
    if not sight.run.is_passed:
        return []
    following = next_in(sight)
    if following is None:
        text = f"Every kata of {sight.kata.track} is passed; n: the next track."
    else:
        text = f"n: next kata, {following.name}: {following.title}"
        text += f" (level {following.level}, {following.minutes} min)."
    text += f" `dojo solution {sight.kata.name}` shows the reference."
    return [row(line) for line in wrap(text, width)]


def next_in(sight: Sight) -> KataInfo | None:
    """Return the kata of this track that comes next: not passed, after this one or else from the top."""
    place = sight.track.index(sight.kata) if sight.kata in sight.track else -1
    rest = (*sight.track[place + 1 :], *sight.track[: max(0, place)])
    return next((k for k in rest if sight.states[k.id].status is not Status.PASSED), None)


def _keys(sight: Sight, width: int) -> str:
    if sight.asks_reset:
        return "y yes  n no"
    words = ["n next"] * sight.is_passed + [
        "r run",
        "h hint",
        "l list",
        "c all",
        "x reset",
        "? keys",
        "q quit",
    ]
    for dropped in ("c all", "x reset", "r run", "l list"):
        if len("  ".join(words)) > width:
            words.remove(dropped)
    return "  ".join(words)
