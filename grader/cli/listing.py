"""``dojo list``: where you stand with everything."""

from __future__ import annotations

from dataclasses import asdict

import click

from grader.cli import console
from grader.model import KataInfo
from grader.practice.desk import Desk
from grader.practice.progress import KataState, Status
from grader.text.render import table


@click.command("list", short_help="Show every kata and where you stand.")
@console.KATAS
@console.JSON
def list_(katas: tuple[str, ...], as_json: bool) -> None:
    """Show every kata with its level, minutes and state: new, started or passed.

    Name a track to see only that one.

    \b
    Example:
      dojo list detection
    """
    with console.desk_here() as desk:
        chosen = console.choose(desk, katas) if katas else desk.catalog.katas
        states = desk.states()
        if as_json:
            console.say_json(_data(desk, chosen, states))
            return
        if chosen:
            click.echo(table(chosen, states, console.look()))
        click.echo(_sum(chosen, states))


def _sum(katas: tuple[KataInfo, ...], states: dict[str, KataState]) -> str:
    if not katas:
        return "There are no katas here yet."
    passed = sum(states[kata.id].status is Status.PASSED for kata in katas)
    return f"\n{passed} of {len(katas)} passed. `dojo check` grades the next one, `dojo open` opens it."


def _data(desk: Desk, katas: tuple[KataInfo, ...], states: dict[str, KataState]) -> dict[str, object]:
    facts = ("id", "track", "name", "title", "level", "minutes")
    rows = [{name: getattr(kata, name) for name in facts} | asdict(states[kata.id]) for kata in katas]
    return {"katas": rows, "problems": list(desk.catalog.problems)}


COMMANDS = (list_,)
