"""Commands for authors of katas: ``new``, ``stub``, ``audit``."""

from __future__ import annotations

import os

import click

from grader.cli import console
from grader.model import KataInfo
from grader.practice.desk import Desk
from grader.workspace import scaffold
from grader.workspace.keeping import Refusal
from grader.workspace.stub import is_bare, write_stub


@click.command(short_help="Begin a kata (for authors).")
@click.argument("kata", metavar="TRACK/NAME")
@click.pass_context
def new(ctx: click.Context, kata: str) -> None:
    """Begin a kata: a solution and a test to write on from, and the stub. For authors.

    The skeletons are a whole small kata that passes its audit, to be changed piece by piece.

    \b
    Example:
      dojo new detection/pairwise_iou
    """
    track, slash, name = kata.partition("/")
    if not slash or "/" in name:
        raise click.UsageError(f"`{kata}` does not name a kata: say TRACK/NAME.", ctx)
    with console.desk_here() as desk:
        for path in scaffold.new_kata(desk.places, track, name):
            click.echo(f"wrote {path.relative_to(desk.places.workspace)}")
    click.echo(f"Write on, then `dojo stub {kata}` and `dojo audit {kata}`.")


@click.command(short_help="Write stubs from solutions (for authors).")
@console.KATAS
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a stub is out of step.")
@click.option("--force", is_flag=True, help="Overwrite answers too.")
@click.pass_context
def stub(ctx: click.Context, katas: tuple[str, ...], check: bool, force: bool) -> None:
    """Write stubs anew from their solutions: all, or those of the katas and tracks named. For authors.

    A file that holds an answer is left alone unless you say `--force`.

    \b
    Example:
      dojo stub detection --check
    """
    with console.desk_here() as desk:
        if not desk.places.is_checkout:
            raise Refusal("Stubs are made in a checkout of cv-dojo; here `dojo reset` brings one back.")
        chosen = console.choose(desk, katas) if katas else desk.catalog.katas
        stale = [kata for kata in chosen if not (kata.stub.is_file() and desk.catalog.is_stub(kata))]
        if not stale:
            click.echo(f"All {len(chosen)} stubs are in step with their solutions.")
        kept = 0
        for kata in stale:
            kept += _renew(desk, kata, check=check, force=force)
        ctx.exit(int(bool(desk.catalog.problems) or (bool(stale) if check else kept > 0)))


@click.command(short_help="Test the tests (for authors).")
@console.KATAS
@console.JSON
@click.option("--mutants", is_flag=True, help="Also run machine-made mistakes; the tests must catch them.")
@click.option("--worker", is_flag=True, help="Run every version behind the wall, as the learner's file is.")
@click.option("--strict", is_flag=True, help="An answer where the stub should be is an error, not a note.")
@click.pass_context
def audit(
    ctx: click.Context, katas: tuple[str, ...], as_json: bool, mutants: bool, worker: bool, strict: bool
) -> None:
    """Test the tests: right versions pass, wrong ones are caught, no check is idle. For authors.

    Without a name it audits every kata.

    \b
    Example:
      dojo audit pairwise_iou --mutants
    """
    with console.desk_here() as desk:
        chosen = console.choose(desk, katas) if katas else ()
        targets = tuple(kata.id for kata in chosen)
        places = desk.places
    from grader.proof.proving import main_audit

    ctx.exit(
        main_audit(places, targets=targets, as_json=as_json, mutants=mutants, worker=worker, strict=strict)
    )


def _renew(desk: Desk, kata: KataInfo, *, check: bool, force: bool) -> int:
    """Write one stub or say why not; returns 1 when it stays as it is."""
    near = str(kata.stub).removeprefix(str(desk.places.workspace) + os.sep)
    if check:
        click.echo(f"{near} is out of step with its solution: `dojo stub {kata.id}` renews it.")
        return 1
    if kata.stub.exists() and not force and not is_bare(kata.stub.read_text(encoding="utf-8-sig")):
        click.echo(
            f"{near} holds an answer and is left alone: `dojo reset {kata.id}` keeps it, `--force` does not."
        )
        return 1
    write_stub(kata.solution, kata.stub)
    click.echo(f"wrote {near}")
    return 0


COMMANDS = (new, stub, audit)
