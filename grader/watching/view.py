"""What the screen shows: a pure function of what the learner is looking at and of the terminal's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.text.render import Look
from grader.watching import kata_page, pages
from grader.watching.rows import Piece, Row, painted, row
from grader.watching.sight import Page, Sight

_AIRY = 16
"""From this many lines on, blank ones set the parts apart."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands above, what may be scrolled, what stands below, and the row that must be seen."""

    head: Sequence[Row]
    body: Sequence[Row]
    foot: Sequence[Row]
    focus: int | None = None


def lines(sight: Sight, *, width: int, height: int, look: Look) -> list[str]:
    """Return the lines of the screen, none wider than the terminal and no more than it has."""
    made = _layout(sight, width, height, look)
    head, foot, room = _frame(made, height)
    gap: list[Row] = [row()] if height >= _AIRY else []
    shown = _window(made, sight.scroll, room, look)
    filler: list[Row] = [row()] * (room - len(shown))
    whole = [*head, *gap, *shown, *filler, *gap, *foot]
    return [painted(one, width, look) for one in whole[:height]]


def reach(sight: Sight, *, width: int, height: int, look: Look) -> int:
    """Return how far the body can be scrolled."""
    made = _layout(sight, width, height, look)
    room = _frame(made, height)[2]
    over = len(made.body) - room
    return over + 1 if over > 0 and room > 1 else max(0, over)


def page_rows(sight: Sight, *, width: int, height: int, look: Look) -> int:
    """Return how many rows of the body are seen at once."""
    return max(1, _frame(_layout(sight, width, height, look), height)[2] - 1)


def _layout(sight: Sight, width: int, height: int, look: Look) -> Layout:
    match sight.page:
        case Page.LIST:
            return Layout(*pages.listed(sight, look), focus=sight.cursor)
        case Page.ALL:
            return Layout(*pages.everything(sight, look, width))
        case Page.KEYS:
            return Layout(*pages.keys())
    airy = Layout(*kata_page.made(sight, look, width))
    if len(airy.body) <= _frame(airy, height)[2]:
        return airy
    return Layout(*kata_page.made(sight, look, width, is_tight=True))


def _frame(made: Layout, height: int) -> tuple[Sequence[Row], Sequence[Row], int]:
    """Return what stays of head and foot at this height, and the room between them."""
    gaps = 2 if height >= _AIRY else 0
    foot = made.foot[-max(1, height // 3) :]
    head = made.head[: max(0, height - len(foot) - 1)]
    return head, foot, max(0, height - len(head) - len(foot) - gaps)


def _window(made: Layout, scroll: int, room: int, look: Look) -> list[Row]:
    """Return the rows of the body that are seen; if some are not, the last line says how to see them."""
    body = list(made.body)
    if len(body) <= room:
        return body
    if room < 2:
        return body[scroll : scroll + room]
    seen = room - 1
    if made.focus is not None:
        scroll = max(0, min(made.focus - seen // 2, len(body) - seen))
    start = max(0, min(scroll, len(body) - seen))
    dash = "–" if look.unicode else "-"
    place = f"lines {start + 1}{dash}{start + seen} of {len(body)}: j/k, PgDn/PgUp scroll"
    return [*body[start : start + seen], row(Piece(place, "dim"))]
