"""The statistics: reviews per day, retention, readiness as a map of tracks and skills, what comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from grader.practice.progress import Readiness
from grader.text.chart import bar, spark
from grader.text.render import Look
from grader.tui.keys import Keys
from grader.tui.pane import Pane

if TYPE_CHECKING:
    from grader.tui.standing import Statistics

_SHADES = ("· ", "░░", "▒▒", "▓▓", "██")
_PLAIN_SHADES = (". ", "--", "==", "**", "##")
_STEPS = (0.0, 0.25, 0.5, 0.75)
_NAME = 24


class Summed(Message):
    """The statistics are counted."""

    def __init__(self, statistics: Statistics) -> None:
        super().__init__()
        self.statistics = statistics


class StatsScreen(Screen[None]):
    """What was done and how well it is known."""

    HELP = (
        "Readiness is mean recall times coverage: what you could answer now of all there is. In the map a "
        "cell is one skill of one track, the fuller the readier; a blank means that there are no questions."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", id="stats.back", tooltip="Back to the day"),
        Binding("q", "app.pop_screen", "Back", id="stats.leave", tooltip="Back to the day", show=False),
    ]

    def __init__(self, count: Callable[[], Statistics], look: Look) -> None:
        super().__init__()
        self._count = count
        self._look = look
        self.statistics: Statistics | None = None

    def compose(self) -> ComposeResult:
        """Lay out the text and the keys."""
        yield Static("Counting ...", id="summary", markup=False)
        with Pane():
            yield Static(id="stats", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Count in a thread."""
        self.query_one(Pane).focus()
        self.run_worker(lambda: self.post_message(Summed(self._count())), thread=True)

    def on_resize(self) -> None:
        """Draw for the new width."""
        self._draw()

    @on(Summed)
    def _show(self, event: Summed) -> None:
        self.statistics = event.statistics
        self._draw()

    def _draw(self) -> None:
        if (found := self.statistics) is None:
            return
        days = f"{found.streak} day{'s' * (found.streak != 1)} in a row"
        self.query_one("#summary", Static).update(f"{found.total} reviews, practised {days}")
        lines = [*self._charts(found), "", *self._bars("By track", found.tracks)]
        lines += ["", *self._map(found), "", *self._bars("By skill", found.skills)]
        for name, cards in (
            ("Forgotten again and again", found.leeches),
            ("Marked as doubtful", found.doubts),
        ):
            lines += (
                ["", Content.styled(name, "bold"), *(f"  {card}" for card in cards[:10])] if cards else []
            )
        self.query_one("#stats", Static).update(Content("\n").join(lines))

    def _charts(self, found: Statistics) -> list[Content | str]:
        done, ahead = list(found.reviews.values()), list(found.forecast)
        lines: list[Content | str] = [
            f"Last {len(done)} days  {self._spark(done)}  {sum(done)} reviews, {done[-1]} today",
            f"Next {len(ahead)} days  {self._spark(ahead)}  {sum(ahead)} due, {ahead[0]} today",
        ]
        if found.retention is not None:
            recent = f", {found.recent:.0%} in the last 30 days" if found.recent is not None else ""
            lines.append(f"Retention     {found.retention:.0%} of what came back was known{recent}")
        return lines

    def _bars(self, title: str, rows: Mapping[str, Readiness]) -> list[Content | str]:
        room = max(5, min(30, self.size.width - _NAME - 30))
        lines: list[Content | str] = [Content.styled(f"Readiness. {title}", "bold")]
        for name, row in rows.items():
            chart = bar(row.share, room, unicode=self._look.unicode)
            lines.append(f"{name:<{_NAME}}{chart} {row.share:>4.0%}  {row.seen}/{row.total} seen")
        return lines

    def _map(self, found: Statistics) -> list[Content | str]:
        """Draw tracks by skills, each cell as full as its readiness."""
        skills = list(found.skills)
        lines: list[Content | str] = [Content.styled("Readiness. The map", "bold")]
        lines += [f"{'':<{_NAME}}{' '.join(f'{number:>2}' for number in range(1, len(skills) + 1))}"]
        for track, cells in found.map.items():
            signs = [self._shade(cells[skill]) if skill in cells else "  " for skill in skills]
            lines.append(f"{track:<{_NAME}}{' '.join(signs)}")
        names = "  ".join(f"{number} {skill}" for number, skill in enumerate(skills, 1))
        told = ("nothing yet", "to 25%", "to 50%", "to 75%", "more")
        legend = "  ".join(f"{shade} {what}" for shade, what in zip(self._shades, told, strict=True))
        return [*lines, "", names, legend]

    def _shade(self, cell: Readiness) -> str:
        return self._shades[sum(cell.share > step for step in _STEPS)]

    @property
    def _shades(self) -> Sequence[str]:
        return _SHADES if self._look.unicode else _PLAIN_SHADES

    def _spark(self, values: Sequence[int]) -> str:
        return spark(values, unicode=self._look.unicode)
