"""The other pages: the list of a track, the run over all of it, and the keys."""

from __future__ import annotations

from grader.model import Kind
from grader.practice.progress import Status
from grader.text.render import Look
from grader.watching.kata_page import Parts, foot, mark
from grader.watching.rows import Piece, Row, row
from grader.watching.sight import Sight
from grader.workspace.runner import KataDone

KEYS = (
    ("n", "next kata, once this one is passed"),
    ("r", "run again"),
    ("h", "next hint"),
    ("l", "list of katas: j k choose, Enter opens, left right change track"),
    ("c", "check all katas of the track"),
    ("x", "reset: the stub again, your answer kept aside"),
    ("o", "open the file in your editor"),
    ("j k", "scroll; PgDn PgUp, g G too"),
    ("Esc", "put the hint away"),
    ("Ctrl-L", "draw the screen anew"),
    ("q", "quit; Ctrl-C too"),
)


def listed(sight: Sight, look: Look) -> Parts:
    """Return the list of a track's katas."""
    track = sight.listed[0].track if sight.listed else sight.kata.track
    longest = max((len(kata.name) for kata in sight.listed), default=0)
    rows: list[Row] = []
    for place, kata in enumerate(sight.listed):
        state = sight.states[kata.id]
        chosen = place == sight.cursor
        facts = f"  L{kata.level}  {kata.minutes:>3} min  {kata.title}"
        name = Piece(f"{kata.name:<{longest}}", "bold" if chosen else "")
        rows.append(row("> " if chosen else "  ", mark(state.status, look), " ", name, facts))
    head = [row(Piece(track, "bold"), f"  {sight.passed(sight.listed)} of {len(sight.listed)} passed")]
    keys = "j k choose  Enter open  left right track  Esc back"
    return head, rows, [row(Piece(keys, "dim"))]


def everything(sight: Sight, look: Look, width: int) -> Parts:
    """Return the run over every kata of the track, a line for each as it comes."""
    done = sight.everything
    longest = max((len(kata.name) for kata in sight.track), default=0)
    if sight.broken is not None:
        told = row(mark("failed", look), f" {sight.broken.sentence}")
    elif sight.is_running:
        since = f" {sight.seconds} s" if sight.seconds else ""
        told = row(Piece(f"Grading {len(done)} of {len(sight.track)} ...{since}", "yellow"))
    else:
        told = row(summary(done, len(sight.track)))
    head = [row(Piece(sight.kata.track, "bold"), "  every kata"), told]
    keys = "any key returns, and ends the run" if sight.is_running else "any key returns"
    return head, [_done(one, longest, look) for one in done], foot(sight, look, width, keys)


def keys() -> Parts:
    """Return the keys and what they do."""
    longest = max(len(key) for key, _ in KEYS)
    rows = [row(Piece(f"{key:<{longest}}", "bold"), f"  {what}") for key, what in KEYS]
    return (
        [row(Piece("Keys", "bold"))],
        rows,
        [row(Piece("Saving your file grades it. Any key returns.", "dim"))],
    )


def summary(done: tuple[KataDone, ...], total: int) -> str:
    """Sum up a run over several katas."""
    kinds = [one.kind for one in done]
    passed, todo = kinds.count(Kind.PASSED), kinds.count(Kind.TODO)
    parts = [f"{passed} of {total} katas passed"]
    parts += [f"{todo} not started"] * bool(todo)
    parts += [f"{len(done) - passed - todo} to mend"] * bool(len(done) - passed - todo)
    return ", ".join(parts) + "."


def _done(one: KataDone, longest: int, look: Look) -> Row:
    name = f" {one.kata.partition('/')[2]:<{longest}}"
    if one.kind is Kind.PASSED:
        return row(mark("passed", look), name, f"  {one.total} checks, {one.seconds:.1f} s")
    if one.kind is Kind.TODO:
        return row(mark(Status.NEW, look), name, Piece("  not started", "dim"))
    return row(
        mark("failed", look),
        name,
        f"  {one.passed} of {one.total} checks pass  ",
        Piece(f"[{one.kind}]", "dim"),
    )
