"""The command behind ``dojo audit``: proves the chosen katas, prints a table, gives the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from grader.contract.kata import Kata
from grader.judge.candidate import Remote, Transport
from grader.model import KataInfo
from grader.proof.audit import Report, audit, strays
from grader.proof.mutants import main_mutants
from grader.workspace import catalog
from grader.workspace.places import Places


def table(reports: Sequence[Report]) -> str:
    """Return the reports as a table that fits 80 columns."""
    head = f"{'kata':<38} checks rights wrongs  named idle  seconds"
    rows = [
        f"{r.kata[:38]:<38} {r.checks:>6} {_of(r.accepted, r.rights):>6} {_of(r.refused, r.wrongs):>6} "
        f"{_share(r.named, r.wrongs):>6} {len(r.idle):>4} {r.seconds:>8.2f}" + ("" if r.sound else "  !")
        for r in reports
    ]
    return "\n".join([head, *rows])


def _of(part: int, whole: int) -> str:
    return f"{part}/{whole}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "-"


def workers() -> Callable[[Kata], Transport]:
    """Start what forks workers and return how to reach a new one; must come before any kata is read."""
    from grader.grading.start import starter

    start = starter("auto")
    return lambda kata: Remote(start.spawn(), seconds=kata.rules.seconds)


def main_audit(
    places: Places,
    *,
    targets: Sequence[str] = (),
    as_json: bool = False,
    mutants: bool = False,
    worker: bool = False,
    strict: bool = False,
) -> int:
    """Audit katas and print what was found; return the exit code."""
    transport = workers() if worker else None
    import torch

    torch.set_num_threads(1)
    found = catalog.read(places)
    chosen = list(found.katas) if not targets else [k for t in targets for k in catalog.find(found.katas, t)]
    general = [str(p) for p in found.problems]
    if not targets:
        general += strays(places, found.katas)
    if mutants:
        return main_mutants(chosen, as_json=as_json)
    reports = []
    for info in chosen:
        reports.append(_audited(info, transport, strict=strict))
        if sys.stderr.isatty() and not as_json:
            print(f"\r{len(reports)}/{len(chosen)} {info.id:<60}", end="", file=sys.stderr)
    _print(reports, general, as_json=as_json)
    return 0 if all(r.sound for r in reports) and not general else 1


def _audited(info: KataInfo, transport: Callable[[Kata], Transport] | None, *, strict: bool) -> Report:
    """Audit one kata; through a worker, also see that each verdict is the one given in this process."""
    report = audit(info, transport=transport, strict=strict)
    if transport is not None:
        here = audit(info, strict=strict).verdicts
        report.troubles += [
            f"'{name}' is told as '{here.get(name)}' in this process and as '{there}' through a worker"
            for name, there in report.verdicts.items()
            if here.get(name) != there
        ]
    return report


def _print(reports: Sequence[Report], general: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        rows: list[dict[str, Any]] = [{**vars(r), "sound": r.sound} for r in reports]
        print(json.dumps({"katas": rows, "problems": list(general)}, indent=2))
        return
    print(table(reports))
    for report in reports:
        for trouble in report.troubles:
            print(f"  {report.kata}: {trouble}")
        for note in report.notes:
            print(f"  {report.kata}: {note}")
    for sentence in general:
        print(f"  {sentence}")
    bad = sum(not r.sound for r in reports)
    print(f"{len(reports)} katas, {bad} with troubles" if bad else f"{len(reports)} katas, all sound")
