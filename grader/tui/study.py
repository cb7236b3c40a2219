"""Study: the lessons, one for each track, with the model, the shapes and the loss."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from grader.text.render import Look
from grader.tui.keys import Keys
from grader.tui.pane import Pane
from grader.tui.prose import Prose, plain
from grader.tui.wanted import TrackQuizWanted
from grader.workspace.catalog import track_rank
from grader.workspace.places import Places


class Lessons(OptionList):
    """The tracks that have a lesson."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Read", id="lessons.read", tooltip="Read the lesson"),
        Binding("j", "cursor_down", "Down", id="lessons.down", tooltip="Next lesson", show=False),
        Binding("k", "cursor_up", "Up", id="lessons.up", tooltip="Previous lesson", show=False),
    ]


class StudyScreen(Screen[None]):
    """The lessons to choose from."""

    HELP = "One lesson a track: the task, the model with its shapes, the loss, the metric."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", id="study.back", tooltip="Back to the day"),
        Binding("q", "app.pop_screen", "Back", id="study.leave", tooltip="Back to the day", show=False),
    ]

    def __init__(self, places: Places, look: Look) -> None:
        super().__init__()
        self._lessons = lessons(places)
        self._look = look

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        yield Static("Study" if self._lessons else "There are no lessons here.", id="summary", markup=False)
        titles = {path: title(path) for path in self._lessons}
        longest = max((len(path.parent.name) for path in self._lessons), default=0)
        yield Lessons(
            *(Option(plain(f"{p.parent.name:<{longest}}  {titles[p]}", self._look)) for p in self._lessons),
            id="lessons",
            markup=False,
        )
        yield Keys()

    def on_mount(self) -> None:
        """Stand on the first lesson."""
        self.query_one(Lessons).focus()

    @on(OptionList.OptionSelected)
    def _read(self, event: OptionList.OptionSelected) -> None:
        self.app.push_screen(LessonScreen(self._lessons[event.option_index], self._look))


class LessonScreen(Screen[None]):
    """One lesson, to scroll through section by section."""

    HELP = "The lesson of a track. `n` and `b` go from section to section, `a` asks questions about it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "section(1)", "Next section", id="lesson.next", tooltip="Go to the next section"),
        Binding("b", "section(-1)", "Before", id="lesson.before", tooltip="Go to the section before"),
        Binding("a", "ask", "Ask me", id="lesson.ask", tooltip="Answer questions of this track"),
        Binding("escape", "app.pop_screen", "Back", id="lesson.back", tooltip="Back"),
        Binding("q", "app.pop_screen", "Back", id="lesson.leave", tooltip="Back", show=False),
    ]

    def __init__(self, path: Path, look: Look) -> None:
        super().__init__()
        self._path = path
        self._prose = Prose(path.read_text(encoding="utf-8"), look)

    def compose(self) -> ComposeResult:
        """Lay out the text and the keys."""
        yield Static(self._path.parent.name, id="summary", markup=False)
        with Pane():
            yield Static(self._prose, id="lesson", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Stand in the text."""
        self.query_one(Pane).focus()

    def action_section(self, by: int) -> None:
        """Go to the next section or the one before."""
        pane = self.query_one(Pane)
        here = round(pane.scroll_target_y)
        starts = [line for _, line in self._prose.headings(self.query_one("#lesson").content_size.width)]
        ahead = (
            [line for line in starts if line > here]
            if by > 0
            else [line for line in starts if line < here][::-1]
        )
        if ahead:
            pane.scroll_to(y=ahead[0], animate=False)

    def action_ask(self) -> None:
        """Ask for questions of this track."""
        self.post_message(TrackQuizWanted(self._path.parent.name))


def lessons(places: Places) -> list[Path]:
    """Return the lessons of a workspace in the order of its tracks."""
    return sorted(places.katas.glob("*/README.md"), key=lambda path: track_rank(path.parent.name))


def title(path: Path) -> str:
    """Return the first heading of a lesson."""
    with path.open(encoding="utf-8") as lines:
        return next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), path.parent.name)
