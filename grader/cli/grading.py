"""``dojo check``: grade what you wrote, and tell what came of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import click

from grader.cli import console
from grader.model import KataInfo, Kind, Verdict
from grader.practice.desk import Desk
from grader.text.render import Look, outcome, verdict
from grader.workspace import runner
from grader.workspace.keeping import Refusal
from grader.workspace.runner import CheckDone, End, Finding, KataDone, Problem

BROKEN = 2


@dataclass
class _Report:
    """What a session has found so far."""

    verdicts: list[Verdict] = field(default_factory=list)
    katas: dict[str, KataDone] = field(default_factory=dict)
    problem: Problem | None = None
    exit: int | None = None

    def take(self, finding: Finding) -> None:
        """Add one finding."""
        match finding:
            case CheckDone(verdict):
                self.verdicts.append(verdict)
            case KataDone():
                self.katas[finding.kata] = finding
            case Problem():
                self.problem = finding
            case End(code):
                self.exit = code

    def is_idle(self, verdict: Verdict) -> bool:
        """Whether a check says no more than that its kata is not started."""
        return any(v.kata == verdict.kata and v.kind is Kind.TODO for v in self.verdicts)

    def code(self, asked: Sequence[KataInfo]) -> int:
        """Return the exit code: 0 only when every kata asked for has passed."""
        if self.problem is not None:
            return BROKEN
        done = [self.katas.get(kata.id) for kata in asked]
        return int(bool(self.exit) or any(one is None or one.kind is not Kind.PASSED for one in done))


@click.command(short_help="Grade what you wrote.")
@console.KATAS
@console.JSON
@click.pass_context
def check(ctx: click.Context, katas: tuple[str, ...], as_json: bool) -> None:
    """Grade katas or whole tracks and tell each failure as a short story.

    Without a name it grades the next kata you have not passed. A kata is named by its id
    (`detection/pairwise_iou`), its name or its file. The exit code is 0 only if all passed.

    \b
    Examples:
      dojo check pairwise_iou
      dojo check detection --json
    """
    with console.desk_here() as desk:
        asked = console.choose(desk, katas)
        refuse_missing(asked)
        report = _grade(desk, asked, None if as_json else console.look())
        code = report.code(asked)
        if as_json:
            console.say_json(_data(report, asked, code))
        elif report.problem is not None:
            click.echo(report.problem.tail, err=True)
            click.echo(report.problem.sentence, err=True)
        elif len(asked) > 1:
            click.echo(_sum(report, asked))
    ctx.exit(code)


def refuse_missing(katas: Sequence[KataInfo]) -> None:
    """Raise a sentence when a kata's test or stub is not in the workspace."""
    for kata in katas:
        for path in (kata.test, kata.stub):
            if not path.is_file():
                raise Refusal(f"{kata.id} cannot be graded, {path} is missing: `dojo init` brings it back.")


def _grade(desk: Desk, asked: Sequence[KataInfo], look: Look | None) -> _Report:
    """Run a session to its end, printing what it finds when there is a look to print with."""
    known = {kata.id: kata for kata in asked}
    report = _Report()
    shown: set[str] = set()
    if look is not None and sys.stdout.isatty():
        click.echo(f"Grading {asked[0].id if len(asked) == 1 else f'{len(asked)} katas'} ...", err=True)
    for finding in runner.start(asked, places=desk.places, source="check", environ=os.environ).findings():
        report.take(finding)
        if look is not None:
            _show(finding, report, known, shown, look)
    return report


def _show(finding: Finding, report: _Report, known: dict[str, KataInfo], shown: set[str], look: Look) -> None:
    """Print one finding as it comes; a kata's title goes above its first check."""
    if isinstance(finding, CheckDone) and not report.is_idle(finding.verdict):
        kata = known.get(finding.verdict.kata)
        if kata is not None and kata.id not in shown:
            shown.add(kata.id)
            click.echo(look.paint(f"{kata.id}: {kata.title}", "bold"))
        click.echo(verdict(finding.verdict, look))
    if isinstance(finding, KataDone) and finding.kata in known:
        click.echo(f"{outcome(finding, look)}{_advice(finding)}")
        if len(known) > 1 and finding.kata in shown:
            click.echo()


def _advice(done: KataDone) -> str:
    """Return the next step, as what to type."""
    if done.kind is Kind.PASSED:
        return ""
    return f" `dojo open {done.kata}`" if done.kind is Kind.TODO else f" A nudge: `dojo hint {done.kata}`"


def _sum(report: _Report, asked: Sequence[KataInfo]) -> str:
    kinds = [done.kind for done in report.katas.values()]
    passed, todo = kinds.count(Kind.PASSED), kinds.count(Kind.TODO)
    parts = [f"{passed} of {len(asked)} katas passed"]
    if todo:
        parts.append(f"{todo} not started")
    if mend := len(asked) - passed - todo:
        parts.append(f"{mend} to mend")
    return ", ".join(parts) + "."


def _data(report: _Report, asked: Sequence[KataInfo], code: int) -> dict[str, object]:
    rows = []
    for kata in asked:
        done = report.katas.get(kata.id)
        checks = [asdict(v) for v in report.verdicts if v.kata == kata.id]
        rows.append((asdict(done) if done else {"kata": kata.id, "kind": None}) | {"checks": checks})
    return {"katas": rows, "problem": asdict(report.problem) if report.problem else None, "exit": code}


COMMANDS = (check,)
