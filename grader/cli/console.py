"""The terminal a command talks to: streams, the desk, names and their completion."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import click
from click.shell_completion import CompletionItem

from grader.model import KataInfo
from grader.practice import desk
from grader.practice.desk import Desk
from grader.text import render
from grader.text.render import Look
from grader.workspace import catalog, editor, places
from grader.workspace.keeping import Refusal
from grader.workspace.stub import StubError

KNOWN_ERRORS = (
    catalog.CatalogError,
    catalog.UnknownKata,
    Refusal,
    editor.NoEditor,
    places.MissingWorkspace,
    StubError,
)
"""Errors whose message is the sentence to show."""


def prepare_streams() -> None:
    """Let output go through an encoding that lacks some characters, with stand-ins for them."""
    for stream in (sys.stdout, sys.stderr):
        render.let_through(stream)


@contextmanager
def desk_here() -> Iterator[Desk]:
    """Open the desk of the current folder; tell its problems and the record's notice once, at the end."""
    here = desk.open_desk(environ=os.environ)
    try:
        yield here
    finally:
        for problem in here.catalog.problems:
            click.echo(f"Left out: {problem}", err=True)
        if here.record.notice:
            click.echo(here.record.notice, err=True)
        here.record.close()


def look() -> Look:
    """Return what standard output can show."""
    return render.look_at(sys.stdout, os.environ)


def say_json(data: object) -> None:
    """Print data for a program to read."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=True, default=str))


def choose(desk: Desk, words: Sequence[str]) -> tuple[KataInfo, ...]:
    """Return the katas that words name, each once; no words means the next kata not passed."""
    if not words:
        return (desk.pick(None),)
    found = [kata for word in words for kata in catalog.find(desk.catalog, word)]
    return tuple(dict.fromkeys(found))


def ask(question: str, *, yes: bool) -> bool:
    """Ask before something is shown or replaced; without a terminal, only ``--yes`` answers."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise click.ClickException(f"{question} Nobody can answer here: say `--yes` if you mean it.")
    return click.confirm(question, default=False)


def complete_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete tracks and katas from the catalogue; a shell must never see an error."""
    with suppress(Exception):
        katas = catalog.read(places.find(environ=os.environ))
        names = {kata.id: kata.title for kata in katas} | {kata.track: "track" for kata in katas}
        names |= {kata.name: kata.title for kata in katas} if "/" not in incomplete else {}
        return [
            CompletionItem(name, help=text) for name, text in names.items() if name.startswith(incomplete)
        ]
    return []


JSON = click.option("--json", "as_json", is_flag=True, help="Print data for a program instead of text.")
YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
KATA = click.argument("kata", required=False, shell_complete=complete_names)
KATAS = click.argument("katas", metavar="[TRACK|KATA]...", nargs=-1, shell_complete=complete_names)
