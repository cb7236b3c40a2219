"""Opens the app: apart from the commands, so that its first frame waits for nothing it does not show."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import NoReturn

from grader.cli import guard
from grader.text import render
from grader.workspace import places
from grader.workspace.keeping import Refusal


def open_app() -> NoReturn:
    """Open the app in this terminal and end with its exit code; refuses where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refusal(
            "The app needs a terminal: use `dojo list` and `dojo check` here, or run `dojo` in a terminal."
        )
    here = places.find(environ=os.environ)
    for stream in (sys.stdout, sys.stderr):
        render.let_through(stream)
    look = replace(render.look_at(sys.stdout, os.environ), colour=False)
    with guard.guarded():
        from grader.tui.app import make_app

        app = make_app(here, environ=os.environ, look=look)
        app.run()
    sys.exit(app.return_code or 0)
