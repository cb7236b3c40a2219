"""Drives the app without a terminal: a bank with the kinds asked for, steps to walk, what would be shown."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from random import Random

from textual.pilot import Pilot
from textual.widgets import Static, Tree

from grader.model import Event
from grader.practice.deck import Deck
from grader.practice.desk import Desk
from grader.practice.practice import Practice, open_practice
from grader.questions import library
from grader.text.render import Look
from grader.tui.app import DojoApp, make_app
from grader.workspace import places, store
from grader.workspace.places import Places

Steps = Callable[[Pilot[None], DojoApp], Awaitable[None]]
Drive = Callable[..., DojoApp]
SNAPSHOTS = Path(__file__).with_name("snapshots")

QUESTIONS = {
    "one": """
- id: one
  level: 1
  skills: [metric]
  ask: What values can `GIoU` take?
  choices: ["(-1, 0]", "[0, 1]", "(-1, 1]", "all"]
  answer: "(-1, 1]"
  but:
    "(-1, 0]": Equal boxes have GIoU 1.
    "[0, 1]": That is the range of IoU.
    "all": It is bounded.
  why: It subtracts the empty share of the hull from IoU.
  source: Rezatofighi et al., 2019
""",
    "several": """
- id: several
  level: 1
  skills: [loss]
  ask: Which sum to one?
  choices: ["softmax", "probabilities", "logits"]
  answers: ["softmax", "probabilities"]
  but:
    "logits": They are any numbers.
  why: By definition.
""",
    "number": """
- id: number
  level: 1
  skills: [numerics]
  ask: What is 3 + 4?
  number: 7
  why: Count on from three.
""",
    "shape": """
- id: shape
  level: 1
  skills: [shapes]
  ask: What is the shape of a batch of 8 RGB images of 32×32?
  shape: "[8, 3, 32, 32]"
  why: Batch, channels, height, width.
""",
    "order": """
- id: order
  level: 1
  skills: [training]
  ask: Put a training step in order.
  order: ["zero the gradients", "forward", "backward", "step"]
  why: Gradients must be there before the step.
""",
    "bug": """
- id: bug
  level: 1
  skills: [loss]
  ask: What is wrong?
  code: |
    p = logits.softmax(1)
    loss = F.cross_entropy(p, y)
  choices: ["two softmaxes", "the wrong axis", "no mean"]
  answer: two softmaxes
  but:
    the wrong axis: Axis 1 holds the classes.
    no mean: The mean is the default.
  why: cross_entropy takes logits.
""",
    "open": """
- id: open
  level: 1
  skills: [trade-offs]
  ask: Why focal loss?
  points: ["easy negatives dominate", "it weighs them down", "gamma sets how much"]
  why: Most anchors are easy background, and together they drown the rest.
""",
}


class Driver:
    """A workspace to run the app in, again and again."""

    def __init__(self, workspace: Path, record: Path, command: tuple[str, ...]) -> None:
        self.workspace, self.record, self.command = workspace, record, command

    def bank(self, *kinds: str, track: str = "detection") -> None:
        """Write a bank with one question of each kind."""
        folder = self.workspace / "questions"
        folder.mkdir(exist_ok=True)
        (folder / f"{track}.yaml").write_text("".join(QUESTIONS[kind] for kind in kinds), encoding="utf-8")

    def __call__(
        self,
        steps: Steps,
        *,
        size: tuple[int, int] = (80, 24),
        command: tuple[str, ...] | None = None,
        look: Look | None = None,
        warm: bool = False,
    ) -> DojoApp:
        """Run the app and walk through the steps; ``warm`` grades as a learner's app does."""
        here = places.at(self.workspace, environ={"DOJO_RECORD": str(self.record)})
        environ = {**os.environ, "EDITOR": "true"}
        app = make_app(
            here,
            environ=environ,
            command=None if warm else command or self.command,
            look=look,
            chance=Random(3),
            practise=without_generators,
        )

        async def walk() -> None:
            async with app.run_test(size=size) as pilot:
                await settled(pilot)
                await steps(pilot, app)

        asyncio.run(walk())
        return app

    def events(self, *kinds: str) -> list[Event]:
        """Return what the record holds, of some kinds or of all."""
        with store.open_record(self.record) as record:
            return [event for event in record.events() if not kinds or event.kind in kinds]


def without_generators(desk: Desk) -> Practice:
    """Open the banks of the workspace and nothing else."""

    def deck(here: Places, passed: object, *, cache_folder: object) -> Deck:
        banks = library.open(here, cache_folder=None)
        return Deck(banks, problems=tuple(banks.problems))

    return open_practice(desk, deck=deck)


async def settled(pilot: Pilot[None]) -> None:
    """Wait until threads have told what they found and it is shown."""
    await pilot.pause()
    while any(not worker.is_finished for worker in pilot.app.workers):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, each when what the one before did is done."""
    for key in keys:
        await pilot.press(key)
        if any(not worker.is_finished for worker in pilot.app.workers):
            await settled(pilot)
    await settled(pilot)


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    """Wait for another process, up to ten seconds."""
    for _ in range(200):
        if is_so():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come to that")


def text(app: DojoApp, selector: str) -> str:
    """Return what a static widget of the screen says."""
    return str(app.screen.query_one(selector, Static).render())


def lines(app: DojoApp) -> list[str]:
    """Return what the terminal would show."""
    return ["".join(part.text for part in strip).rstrip() for strip in app.screen._compositor.render_strips()]


def shown(app: DojoApp) -> str:
    """Return what the terminal would show, as one text."""
    return "\n".join(lines(app))


def notices(app: DojoApp) -> list[str]:
    """Return what was notified."""
    return [notice.message for notice in app._notifications]


def solve(workspace: Path, name: str, body: str) -> None:
    """Write an answer."""
    path = workspace / "katas" / "detection" / f"{name}.py"
    path.write_text(path.read_text().replace("raise NotImplementedError", body))


async def go_to(pilot: Pilot[None], app: DojoApp, name: str) -> None:
    """Open the katas and highlight one."""
    if not app.screen.query(Tree):
        await press(pilot, "k")
    tree = app.screen.query_one(Tree)
    for track in tree.root.children:
        track.expand()
    await pilot.pause()
    leaves = [leaf for track in tree.root.children for leaf in track.children]
    leaf = next(leaf for leaf in leaves if getattr(leaf.data, "name", "") == name)
    tree.move_cursor(leaf)
    await pilot.pause()


def same_as_snapshot(app: DojoApp, name: str, *, without: Iterable[str] = ()) -> bool:
    """Compare the screen, without its footer, to ``tests/snapshots``; ``DOJO_SNAPSHOTS=write`` makes it anew."""
    found = "\n".join(line for line in lines(app)[:-1] if not any(word in line for word in without)) + "\n"
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("DOJO_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    return found == path.read_text(encoding="utf-8")
