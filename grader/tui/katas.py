"""All katas: every track and kata with its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static, Tree
from textual.widgets.tree import TreeNode

from grader.model import KataInfo
from grader.practice.desk import Desk
from grader.practice.progress import KataState, Status, next_kata
from grader.text.render import Look
from grader.tui.kata_screen import KataScreen
from grader.tui.keys import Keys
from grader.tui.wanted import StatementWanted

_STYLES = {Status.PASSED: "green", Status.STARTED: "yellow", Status.NEW: "none"}

Entry = KataInfo | str
"""What a line stands for: a kata, or a track by its name."""


class KataTree(Tree[Entry]):
    """Tracks with their katas, moved through with arrows or with `j` and `k`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "select_cursor", "Read", id="tree.read", tooltip="Read the statement, or fold a track"
        ),
        Binding("j", "cursor_down", "Down", id="tree.down", tooltip="Next line", show=False),
        Binding("k", "cursor_up", "Up", id="tree.up", tooltip="Previous line", show=False),
        Binding("g", "scroll_home", "Top", id="tree.top", tooltip="First line", show=False),
        Binding("G", "scroll_end", "Bottom", id="tree.bottom", tooltip="Last line", show=False),
    ]


class KatasScreen(KataScreen):
    """The katas in a tree, and a line about the one that is highlighted."""

    HELP = "Every kata, track by track: ✓ passed, ~ started, · new. L1 is a warm-up, L5 is hard."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Next", id="katas.next", tooltip="Go to the next kata you have not passed"),
        Binding("escape", "app.pop_screen", "Back", id="katas.back", tooltip="Back to the day"),
        Binding("q", "app.pop_screen", "Back", id="katas.leave", tooltip="Back to the day", show=False),
    ]

    def __init__(self, desk: Desk, look: Look) -> None:
        super().__init__()
        self._desk = desk
        self._look = look
        self._states: Mapping[str, KataState] = {}

    def compose(self) -> ComposeResult:
        """Lay out a summary, the tree and the line about the highlighted kata."""
        yield Static(id="summary", markup=False)
        yield KataTree("katas", id="katas")
        yield Static(id="about", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Fill the tree and go to the kata to work on."""
        self._katas.show_root = False
        self._katas.guide_depth = 2
        tracks: dict[str, TreeNode[Entry]] = {}
        for kata in self._desk.catalog:
            if kata.track not in tracks:
                tracks[kata.track] = self._katas.root.add(kata.track, kata.track)
            tracks[kata.track].add_leaf(kata.name, kata)
        self._katas.root.expand()
        self.refresh_state()
        self._katas.focus()
        self.call_after_refresh(self.action_next)

    @property
    def kata(self) -> KataInfo | None:
        """The highlighted kata; none while a track is highlighted."""
        node = self._katas.cursor_node
        return node.data if node is not None and isinstance(node.data, KataInfo) else None

    def refresh_state(self) -> None:
        """Read the record and the files anew and write every line."""
        self._states = self._desk.states()
        self.query_one("#summary", Static).update(self._count(tuple(self._desk.catalog), "cv-dojo"))
        for track in self._katas.root.children:
            katas = [leaf.data for leaf in track.children if isinstance(leaf.data, KataInfo)]
            track.set_label(self._count(katas, str(track.data)))
            longest = max(len(kata.name) for kata in katas)
            for leaf, kata in zip(track.children, katas, strict=True):
                leaf.set_label(self._line(kata, longest))
        self._tell()

    def action_next(self) -> None:
        """Move to the kata to work on, unfolding its track."""
        kata = next_kata(self._desk.catalog, dict(self._states))
        for track in self._katas.root.children:
            for leaf in track.children:
                if kata is not None and leaf.data == kata:
                    track.expand()
                    # The tree numbers its lines only when it is drawn with the track unfolded.
                    self.call_after_refresh(self._katas.move_cursor, leaf)

    @on(Tree.NodeHighlighted)
    def _tell(self) -> None:
        """Say what the highlighted kata is about."""
        self.query_one("#about", Static).update("" if self.kata is None else self._about(self.kata))

    @on(Tree.NodeSelected)
    def _read(self, event: Tree.NodeSelected[Entry]) -> None:
        if isinstance(event.node.data, KataInfo):
            self.post_message(StatementWanted(event.node.data))

    @property
    def _katas(self) -> KataTree:
        return self.query_one("#katas", KataTree)

    def _count(self, katas: Sequence[KataInfo], what: str) -> Text:
        passed = sum(self._states[kata.id].status is Status.PASSED for kata in katas)
        return Text.assemble((what, "bold"), f"  {passed} of {len(katas)} passed")

    def _line(self, kata: KataInfo, longest: int) -> Text:
        status = self._states[kata.id].status
        facts = f" {kata.name:<{longest}}  L{kata.level} {kata.minutes:>3} min  "
        return Text.assemble(
            (self._look.mark(status), _STYLES[status]), facts, (status.value, _STYLES[status])
        )

    def _about(self, kata: KataInfo) -> str:
        state = self._states[kata.id]
        parts = [kata.title]
        if state.hints_seen:
            parts.append(f"hint {state.hints_seen} of {len(kata.hints)} seen")
        if state.attempts:
            parts.append(f"{state.attempts} attempt{'s' if state.attempts != 1 else ''}")
        return ", ".join(parts) + "."
