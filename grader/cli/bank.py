"""Commands for authors of questions: ``bank check`` and ``bank schema``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from grader.cli import console
from grader.questions import bank as banks
from grader.questions.bank import BankProblem, Loaded
from grader.workspace import places as all_places
from grader.workspace.places import MissingWorkspace, Places


@click.group(short_help="Check question banks (for authors).")
def bank() -> None:
    """Check the question banks, and print their form for an editor. For authors.

    \b
    Example:
      dojo bank check detection
    """


@bank.command(short_help="Tell all that is wrong with banks.")
@click.argument("files", metavar="[TRACK|FILE]...", nargs=-1)
@console.JSON
@click.pass_context
def check(ctx: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Tell all that is wrong with the banks named, or with every bank, as `file:line: sentence`.

    The exit code is 1 if a question is kept out; notes are advice alone.

    \b
    Example:
      dojo bank check detection
    """
    here = _here(needed=not files)
    paths = [_named(word, here) for word in files] if files or here is None else banks.paths(here.questions)
    found = [banks.load(path, katas=here.katas if here else None) for path in paths]
    problems = [problem for loaded in found for problem in loaded.problems]
    if as_json:
        console.say_json(_data(found, here))
    else:
        for problem in problems:
            click.echo(str(_near(problem, here)))
        click.echo(_summary(found))
    ctx.exit(int(any(not problem.note for problem in problems)))


@bank.command(short_help="Print the JSON Schema of a bank.")
def schema() -> None:
    """Print the JSON Schema of a bank, for editors that complete and check YAML.

    \b
    Example:
      dojo bank schema > questions/schema.json
    """
    from grader.questions.bank.form import schema as made

    click.echo(json.dumps(made(), indent=2, ensure_ascii=False))


def _here(*, needed: bool) -> Places | None:
    try:
        return all_places.find(environ=os.environ)
    except MissingWorkspace:
        if needed:
            raise
        return None


def _named(word: str, here: Places | None) -> Path:
    """Return the bank that a file's name or a track means."""
    path = Path(word).absolute()
    track = here.questions / f"{word}.yaml" if here else path
    return track if not path.is_file() and track.is_file() else path


def _near(problem: BankProblem, here: Places | None) -> BankProblem:
    """Return a problem with its path as seen from the workspace."""
    if here is None or not problem.path.is_relative_to(here.workspace):
        return problem
    path = problem.path.relative_to(here.workspace)
    return BankProblem(path, problem.line, problem.sentence, problem.note)


def _summary(found: list[Loaded]) -> str:
    count = sum(len(loaded.questions) for loaded in found)
    errors = sum(len(loaded.errors) for loaded in found)
    notes = sum(len(loaded.problems) for loaded in found) - errors
    parts = [_counted(len(found), "bank"), _counted(count, "question"), _counted(errors, "problem")]
    return ", ".join([*parts, *([_counted(notes, "note")] if notes else [])]) + "."


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _data(found: list[Loaded], here: Places | None) -> object:
    problems = [_near(problem, here) for loaded in found for problem in loaded.problems]
    return {
        "banks": len(found),
        "questions": sum(len(loaded.questions) for loaded in found),
        "problems": [
            {"file": str(each.path), "line": each.line, "sentence": each.sentence, "note": each.note}
            for each in problems
        ],
    }


COMMANDS = (bank,)
