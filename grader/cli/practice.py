"""Commands about one kata: ``hint``, ``solution``, ``reset``, ``open``."""

from __future__ import annotations

import os
import subprocess

import click

from grader.cli import console
from grader.model import KataInfo
from grader.practice import desk as desks
from grader.practice.desk import Desk
from grader.practice.progress import Status
from grader.text.render import wrap
from grader.workspace import editor
from grader.workspace.keeping import Refusal


@click.command(short_help="Give the next hint, one level at a time.")
@console.KATA
@console.JSON
def hint(kata: str | None, as_json: bool) -> None:
    """Give the next hint of a kata, from a nudge to nearly the answer.

    Each call goes one step further and is remembered; without a name it is about the kata you
    are working on.

    \b
    Example:
      dojo hint pairwise_iou
    """
    with console.desk_here() as desk:
        chosen = desk.pick(kata)
        given = desks.next_hint(desk, chosen)
        if as_json:
            console.say_json({"kata": chosen.id, "level": given.level, "of": given.of, "hint": given.text})
            return
        click.echo(f"{chosen.id}, hint {given.level} of {given.of}:\n")
        click.echo("\n".join(wrap(given.text, console.look().width)))


@click.command(short_help="Show the reference solution.")
@console.KATA
@console.YES
@console.JSON
@click.pass_context
def solution(ctx: click.Context, kata: str | None, yes: bool, as_json: bool) -> None:
    """Show the reference solution of a kata.

    Once you have passed it is simply shown; before, you are asked, because a solution seen
    cannot be found any more.

    \b
    Example:
      dojo solution pairwise_iou
    """
    with console.desk_here() as desk:
        chosen = desk.pick(kata)
        is_passed = desk.state(chosen).status is Status.PASSED
        question = f"You have not passed {chosen.id} yet. Show its solution?"
        if not is_passed and not console.ask(question, yes=yes):
            ctx.exit(1)
        text = desks.show_solution(desk, chosen)
        if as_json:
            console.say_json({"kata": chosen.id, "solution": text})
        else:
            click.echo(text, nl=False)


@click.command(short_help="Put the stub back; your answer is kept.")
@console.KATA
@click.option("--all", "everything", is_flag=True, help="Reset every kata that holds an answer.")
@console.YES
@click.pass_context
def reset(ctx: click.Context, kata: str | None, everything: bool, yes: bool) -> None:
    """Put the stub of a kata back, to begin again.

    Your answer is not lost: it is kept in the folder `.answers` beside the kata, under the time
    of the reset.

    \b
    Example:
      dojo reset pairwise_iou
    """
    if everything == bool(kata):
        raise click.UsageError("Say which kata to reset, or `--all`.", ctx)
    with console.desk_here() as desk:
        chosen = _answered(desk) if everything else [desk.pick(kata)]
        if not everything and chosen[0].stub.exists() and desk.catalog.is_stub(chosen[0]):
            raise Refusal(f"{chosen[0].id} is the untouched stub already: there is nothing to reset.")
        what = chosen[0].id if len(chosen) == 1 else f"{len(chosen)} katas"
        if not console.ask(f"Reset {what}? Answers are kept aside.", yes=yes):
            ctx.exit(1)
        for one in chosen:
            kept = desks.reset(desk, one)
            behind = f"; your answer is in {_near(desk, kept)}" if kept else ""
            click.echo(f"{one.id} is a stub again{behind}.")


@click.command("open", short_help="Open a kata in your editor.")
@console.KATA
@click.pass_context
def open_(ctx: click.Context, kata: str | None) -> None:
    """Open a kata's file in your editor.

    The editor is $VISUAL, else $EDITOR, else one that is installed.

    \b
    Example:
      EDITOR=nano dojo open pairwise_iou
    """
    with console.desk_here() as desk:
        chosen = desk.pick(kata)
        if not chosen.stub.is_file():
            raise Refusal(
                f"{chosen.stub} is missing: `dojo init` or `dojo reset {chosen.id}` brings it back."
            )
        ctx.exit(subprocess.call(editor.command(chosen.stub, environ=os.environ)))


def _answered(desk: Desk) -> list[KataInfo]:
    found = [kata for kata in desk.catalog if not desk.catalog.is_stub(kata)]
    if not found:
        raise Refusal("Every kata is the untouched stub already: there is nothing to reset.")
    return found


def _near(desk: Desk, path: object) -> str:
    return str(path).removeprefix(str(desk.places.workspace) + os.sep)


COMMANDS = (hint, solution, reset, open_)
