"""Commands about the installation: ``init``, ``doctor``, ``completion``."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from grader.cli import console
from grader.workspace import places, scaffold
from grader.workspace.keeping import Refusal

_WHERE = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/dojo.fish"}


@click.command(short_help="Make a workspace, or bring one up to date.")
@click.argument("path", required=False, type=click.Path(path_type=Path, file_okay=False))
def init(path: Path | None) -> None:
    """Make a workspace: a folder with the katas to fill in, their tests and the lessons.

    Repeating it is harmless: it adds what is new and never overwrites an answer. Without a path
    it brings the workspace you are in up to date, or makes one called `practice`.

    \b
    Example:
      dojo init practice
    """
    workspace = (path or _here() or Path("practice")).resolve()
    if workspace == places.packaged("katas").parent:
        raise Refusal(
            f"{workspace} holds the katas themselves: there is nothing to make, `dojo list` works here."
        )
    changes = scaffold.init(
        workspace,
        katas=places.packaged("katas"),
        solutions=places.packaged("solutions"),
        at=datetime.now(UTC),
    )
    click.echo(f"{workspace}: {_told(changes)}")
    if changes.added and path is not None:
        click.echo(f"Go on with `cd {path}`, then `dojo list`.")


def _here() -> Path | None:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if places.is_workspace(folder)), None)


def _told(changes: scaffold.Changes) -> str:
    if not (changes.added or changes.updated):
        return f"nothing to do, everything is here{_untouched(changes)}."
    parts = [f"{len(changes.added)} files added" if changes.added else ""]
    parts.append(
        f"{len(changes.updated)} brought up to date (the old ones are in `.answers`)" * bool(changes.updated)
    )
    return ", ".join(part for part in parts if part) + _untouched(changes) + "."


def _untouched(changes: scaffold.Changes) -> str:
    count = len(changes.answers)
    return f", {count} answer{'s' if count != 1 else ''} of yours left alone" if count else ""


@click.command(short_help="Explain a broken setup.")
@console.JSON
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Look over the setup and explain what is broken; changes nothing.

    Each line is ok, warn or fail, and says what to do. The exit code is 1 if something fails.

    \b
    Example:
      dojo doctor
    """
    from grader.cli import checkup

    findings = []
    for finding in checkup.findings(environ=os.environ):
        findings.append(finding)
        if not as_json:
            click.echo(checkup.told(finding, console.look()))
    if as_json:
        console.say_json([finding.data() for finding in findings])
    ctx.exit(int(any(finding.level == "fail" for finding in findings)))


@click.command(short_help="Print a completion script for your shell.")
@click.argument("shell", type=click.Choice(sorted(_WHERE)))
def completion(shell: str) -> None:
    """Print a script that completes commands and kata names in your shell.

    \b
    Examples:
      dojo completion bash >> ~/.bashrc
      dojo completion zsh >> ~/.zshrc
      dojo completion fish > ~/.config/fish/completions/dojo.fish
    """
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(root, {}, "dojo", "_DOJO_COMPLETE").source())


COMMANDS = (init, doctor, completion)
