"""The first screen: what is due today, the next kata, the streak, readiness, and one key to start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from grader.text.render import Look
from grader.tui.keys import Keys

if TYPE_CHECKING:
    from grader.tui.standing import Today

_WIDE = 24


class Counted(Message):
    """The numbers of the day are known."""

    def __init__(self, today: Today) -> None:
        super().__init__()
        self.today = today


class HomeScreen(Screen[None]):
    """Where a session starts; the numbers come after the first frame."""

    HELP = (
        "What the day brings. Enter starts with what is due. Readiness is what you could answer now of "
        "all there is: how much was seen, times how well it would be recalled."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "start", "Start", id="home.start", tooltip="Start with what is due"),
        Binding("k", "app.katas", "Katas", id="home.katas", tooltip="All katas: read, write, grade"),
        Binding("s", "app.study", "Study", id="home.study", tooltip="Read the lessons"),
        Binding("t", "app.stats", "Stats", id="home.stats", tooltip="What was done and how well it is known"),
        Binding("p", "app.plan", "Plan", id="home.plan", tooltip="Be ready by the day of an interview"),
        Binding(
            "i",
            "app.interview",
            "Interview",
            id="home.interview",
            tooltip="A mock interview against the clock",
        ),
        Binding("q", "app.quit", "Quit", id="home.quit", tooltip="Leave the app"),
    ]

    def __init__(self, count: Callable[[], Today], look: Look) -> None:
        super().__init__()
        self._count = count
        self._look = look
        self.today: Today | None = None

    def compose(self) -> ComposeResult:
        """Lay out the day and the keys."""
        yield Static("cv-dojo", id="summary", markup=False)
        with VerticalScroll(can_focus=False):
            yield Static("Today", id="today", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Count once the first frame is out."""
        self.call_after_refresh(self.recount)

    def on_screen_resume(self) -> None:
        """Count anew after another screen, where something may have been done."""
        if self.today is not None:
            self.recount()

    def on_resize(self) -> None:
        """Lay the numbers out for the new width."""
        self._draw()

    def recount(self) -> None:
        """Count in a thread, and show the numbers when they are there."""
        self.run_worker(lambda: self.post_message(Counted(self._count())), thread=True, exclusive=True)

    async def action_start(self) -> None:
        """Start with the questions of the day; when there are none, with the kata."""
        today = self.today
        if today is None or today.due or today.new:
            await self.run_action("app.quiz")
        elif today.katas or today.next_kata:
            await self.run_action("app.katas")
        else:
            self.notify(
                "Nothing is due, and every kata is passed. Come back tomorrow, or try an interview: i."
            )

    @on(Counted)
    def _show(self, event: Counted) -> None:
        is_first = self.today is None
        self.today = event.today
        self._draw()
        if is_first:
            for problem in event.today.problems[:3]:
                self.notify(f"Left out: {problem}", severity="warning", markup=False)

    def _draw(self) -> None:
        if self.today is not None:
            self.query_one("#today", Static).update(Content("\n").join(self._lines(self.today)))

    def _lines(self, today: Today) -> list[Content | str]:
        from grader.text.chart import bar

        facts = [("Due", self._due(today)), ("Next kata", self._kata(today)), ("Streak", self._streak(today))]
        facts += [("Plan", today.plan)] if today.plan else []
        if today.leeches:
            facts.append(("Forgotten", f"{today.leeches} again and again: read their lessons"))
        lines: list[Content | str] = [Content.assemble((f"{name:<11}", "bold"), text) for name, text in facts]
        lines += [
            "",
            Content.styled(self._call(today), "bold reverse"),
            "",
            Content.styled("Readiness", "bold"),
        ]
        room = min(30, self.size.width - _WIDE - 24)
        for name, track in today.tracks.items():
            share = f"{track.share:>4.0%}  {track.seen} of {track.total} seen"
            chart = f"{bar(track.share, room, unicode=self._look.unicode)} " if room >= 5 else ""
            lines.append(f"{name:<{_WIDE}}  {chart}{share}")
        return lines

    def _due(self, today: Today) -> str:
        parts = [f"{today.due} question{'s' * (today.due != 1)}"] if today.due else []
        parts += [f"{today.new} new"] if today.new else []
        parts += [f"{len(today.katas)} kata{'s' * (len(today.katas) != 1)} again"] if today.katas else []
        return ", ".join(parts) or "nothing: all done for today"

    def _kata(self, today: Today) -> str:
        kata = next(iter(today.katas), today.next_kata)
        return (
            f"{kata.id}, level {kata.level}, {kata.minutes} minutes" if kata else "none: every kata is passed"
        )

    def _streak(self, today: Today) -> str:
        days = f"{today.streak} day{'s' * (today.streak != 1)}"
        return days if today.has_practised or not today.streak else f"{days}, today still to come"

    def _call(self, today: Today) -> str:
        if today.due or today.new:
            return f" Enter: start, {today.due + today.new} questions "
        return " Enter: to the katas " if today.katas or today.next_kata else " All done "
