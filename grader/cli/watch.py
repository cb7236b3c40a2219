"""``dojo watch``: a kata graded on every save, in a terminal beside the editor."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import click

from grader.cli import console, guard
from grader.model import KataInfo
from grader.practice import progress
from grader.practice.desk import Desk
from grader.workspace import catalog, editor
from grader.workspace.keeping import Refusal

if TYPE_CHECKING:
    from grader.watching.events import Happening, Put
    from grader.watching.loop import Grader, Watch
    from grader.watching.terminal import Terminal

_TICK_SECONDS = 1.0


@click.command(short_help="Grade a kata whenever you save it.")
@click.argument("kata", metavar="[KATA|TRACK]", required=False, shell_complete=console.complete_names)
@click.pass_context
def watch(ctx: click.Context, kata: str | None) -> None:
    """Grade a kata whenever you save it, with single keys for what comes next.

    Leave it open beside your editor. Without a name it takes the next kata you have not passed; of a
    track, the next of that track. A verdict takes moments, since the grader stays warm.

    \b
    Example:
      dojo watch pairwise_iou
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise Refusal("dojo watch needs a terminal; `dojo check` grades once.")
    # The guard forks, so it comes before the record and the threads.
    with guard.guarded(), console.desk_here() as desk:
        ctx.exit(_watch(desk, pick(desk, kata)))


def pick(desk: Desk, text: str | None) -> KataInfo:
    """Return the kata to watch; a track means its next one not passed."""
    found = catalog.find(desk.catalog, text) if text is not None else ()
    if len(found) < 2:
        return desk.pick(text)
    kata = progress.next_kata(found, desk.states())
    if kata is None:
        raise Refusal(f"Every kata of {found[0].track} is passed: name one to take it again.")
    return kata


def _watch(desk: Desk, kata: KataInfo) -> int:
    """Watch until the learner quits; the terminal is given back before anything else ends."""
    from grader.watching.keys import Ended
    from grader.watching.terminal import Terminal
    from grader.workspace.warm import Warm

    terminal = Terminal(sys.stdin, sys.stdout)
    inbox: queue.SimpleQueue[Happening] = queue.SimpleQueue()

    def put(event: Happening) -> None:
        inbox.put(event)
        terminal.keys.wake()

    with (
        closing(terminal.keys),
        closing(Warm(places=desk.places, environ=os.environ)) as warm,
        closing(_made(desk, kata, warm, put, terminal)) as made,
    ):
        try:
            with terminal.lent():
                _run(made, terminal, inbox)
        except Ended:
            return 0
        except KeyboardInterrupt:
            # A second one must not cut the tidying short.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return 130
    return 0


def _made(desk: Desk, kata: KataInfo, grader: Grader, put: Put, terminal: Terminal) -> Watch:
    from grader.watching.loop import Watch

    return Watch(desk, kata, grader=grader, put=put, look=console.look(), edit=_editing(terminal))


def _run(made: Watch, terminal: Terminal, inbox: queue.SimpleQueue[Happening]) -> None:
    """Draw, wait, let happen, until the learner has had enough."""
    from grader.watching.events import Key, Tick

    while not made.is_over:
        resized = made.size != terminal.size
        made.size = terminal.size
        terminal.draw(made.lines(), anew=resized)
        names = terminal.keys.wait(_TICK_SECONDS)
        while not inbox.empty():
            made.take(inbox.get())
        for name in names:
            if name == "ctrl-l":
                terminal.draw([], anew=True)
            elif not made.is_over:
                made.take(Key(name))
        made.take(Tick())


def _editing(terminal: Terminal) -> Callable[[KataInfo], str]:
    """Return what opens a kata's file in the learner's editor and says what went wrong, if anything."""

    def edit(kata: KataInfo) -> str:
        try:
            words = editor.command(kata.stub, environ=os.environ)
            with terminal.handed_on():
                code = subprocess.call(words)
        except (editor.NoEditor, OSError) as error:
            return str(error)
        return f"`{words[0]}` ended with code {code}." if code else ""

    return edit


COMMANDS = (watch,)
