"""The command ``dojo``: a bare one opens the app at once, any other word loads the commands."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from grader.cli.commands import cli as cli
    from grader.cli.commands import run as run


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run ``dojo``; errors end as one sentence on standard error and exit code 2."""
    words = sys.argv[1:] if args is None else args
    _end_politely()
    if not words and _has_terminal():
        from grader.cli import face
        from grader.workspace.places import MissingWorkspace

        try:
            face.open_app()
        except MissingWorkspace as error:
            print(error, file=sys.stderr)
            sys.exit(2)
    from grader.cli import commands, console

    console.prepare_streams()
    sys.exit(commands.run(args))


def __getattr__(name: str) -> Any:
    """Load the commands when somebody asks for them."""
    if name in ("cli", "run"):
        from grader.cli import commands

        return getattr(commands, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _end_politely() -> None:
    """Turn SIGTERM and SIGHUP into an ordinary exit, so that graders are stopped and terminals mended."""

    def leave(number: int, frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), leave)
