"""The times a learner feels, each beside its floor measured in the same run, as one table.

Run with ``make bench`` (or ``python benchmarks/bench.py [--json FILE] [--against FILE]``). Ratios are what
compares across machines; the milliseconds are this one's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from random import Random

import cards as cards_bench
import first_frame

from grader.practice import cards, quiz
from grader.practice.deck import Deck
from grader.practice.quiz import Limits
from grader.watching.events import Saved
from grader.watching.saves import Saves
from grader.workspace import catalog, places, store
from grader.workspace.runner import CheckDone, KataDone
from grader.workspace.source import reference_text
from grader.workspace.warm import Warm

ROOT = Path(__file__).resolve().parents[1]
KATA = "detection/pairwise_iou"
FORKED = """
import os, sys, time
from pathlib import Path
from grader.grading import start
from grader.contract.reading import load_kata
from grader.judge.candidate import Candidate, Local
start.ready()

def graded(test, answer):
    kata, checks = load_kata(test)
    candidate = Candidate(Local(), forbid=kata.rules.forbid)
    candidate.load(answer.read_text(), str(answer))
    assert all(check.run(candidate) is None for check in checks.values())

test = Path(sys.argv[1])
for _ in range(int(sys.argv[2])):
    begun = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        graded(test, test.with_name(test.name.removeprefix("test_")))
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    print(time.perf_counter() - begun, flush=True)
"""


@dataclass(frozen=True)
class Row:
    """One line of the table: a time, what it stands beside, and how they compare."""

    what: str
    seconds: float
    floor: str
    floor_seconds: float
    goal: float | None = None

    @property
    def ratio(self) -> float:
        """How many times its floor it takes."""
        return self.seconds / self.floor_seconds


def main() -> None:
    """Measure everything, print the table, keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", type=Path, default=Path("bench.json"))
    parser.add_argument("--against", type=Path, help="an earlier file to compare with")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [
            *grading(folder, asked.runs),
            *screens(folder, max(asked.runs // 2, 5)),
            *practice(folder),
            *audits(folder),
        ]
    earlier = json.loads(asked.against.read_text())["rows"] if asked.against else []
    print(table(rows, {row["what"]: row["ratio"] for row in earlier}))
    kept = [{**asdict(row), "ratio": row.ratio} for row in rows]
    asked.json.write_text(json.dumps({"machine": machine(), "rows": kept}, indent=2) + "\n")


def table(rows: list[Row], earlier: dict[str, float]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        f"{machine()}, {date.today()}",
        "",
        "| what | time | floor | ratio | goal |",
        "|---|--:|---|--:|--:|",
    ]
    for row in rows:
        before = f" (was {earlier[row.what]:.2f})" if row.what in earlier else ""
        goal = f"{row.goal:g}" if row.goal is not None else ""
        floor = f"{row.floor}: {_shown(row.floor_seconds)}"
        lines.append(f"| {row.what} | {_shown(row.seconds)} | {floor} | {row.ratio:.2f}{before} | {goal} |")
    return "\n".join(lines)


def machine() -> str:
    """Name the machine as far as a reader needs it."""
    import torch

    versions = f"Python {platform.python_version()}, torch {torch.__version__.partition('+')[0]}"
    return f"{os.cpu_count()} cores, {platform.system()}, {versions}"


def grading(folder: Path, runs: int) -> list[Row]:
    """Grade a solved kata cold and warm."""
    here = solved(folder / "workspace")
    kata = next(k for k in catalog.read(here) if k.id == KATA)
    environ = {**os.environ, "DOJO_RECORD": str(here.record)}
    pytest = [sys.executable, "-m", "pytest", "-q", str(kata.test)]
    torch = [sys.executable, "-c", "import torch"]
    cold, imports = paired(pytest, torch, runs=max(runs // 3, 5), cwd=here.workspace, environ=environ)
    script = [sys.executable, "-c", FORKED, str(kata.test), str(runs + 2)]
    told = subprocess.run(script, capture_output=True, text=True, check=True, env=environ).stdout
    bare = statistics.median(map(float, told.split()[2:]))
    first, whole = saves(kata, here, environ, runs)
    return [
        Row("cold: pytest of one solved kata", cold, "import torch", imports, 1.35),
        Row("warm: from a save to the verdict", whole, "cold", cold, 0.12),
        Row("warm: from a save to the verdict", whole, "fork and run the checks", bare, 2.5),
        Row("warm: from a save to the first check", first, "fork and run the checks", bare),
    ]


def saves(kata: object, here: places.Places, environ: dict[str, str], runs: int) -> tuple[float, float]:
    """Save a file again and again; return the medians to the first check and to the verdict."""
    warm = Warm(places=here, environ=environ)
    heard = threading.Event()
    watcher = Saves(kata.stub, lambda event: heard.set() if isinstance(event, Saved) else None)  # type: ignore[attr-defined]
    first: list[float] = []
    whole: list[float] = []
    text = kata.stub.read_text()  # type: ignore[attr-defined]
    list(warm.start([kata], source="watch").findings())  # type: ignore[list-item]
    try:
        for turn in range(runs):
            time.sleep(0.2)
            heard.clear()
            begun = time.perf_counter()
            kata.stub.write_text(f"{text}\n# {turn}\n")  # type: ignore[attr-defined]
            assert heard.wait(10), "the save was not noticed"
            for finding in warm.start([kata], source="watch").findings():  # type: ignore[list-item]
                if isinstance(finding, CheckDone) and len(first) <= turn:
                    first.append(time.perf_counter() - begun)
                if isinstance(finding, KataDone):
                    assert finding.passed == finding.total
                    whole.append(time.perf_counter() - begun)
    finally:
        watcher.close()
        warm.close()
    return statistics.median(first), statistics.median(whole)


def screens(folder: Path, runs: int) -> list[Row]:
    """Time the first frame of the app beside that of an app of one widget."""
    environ = {**os.environ, "DOJO_RECORD": str(folder / "frames.sqlite3"), "XDG_CACHE_HOME": str(folder)}
    environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
    words = {
        "bare": [sys.executable, "-c", first_frame.BARE],
        "dojo": [sys.executable, "-c", first_frame.DOJO],
    }
    first_frame.first_frame(words["dojo"], cwd=ROOT, environ=environ)
    seconds: dict[str, list[float]] = {name: [] for name in words}
    for _ in range(runs):
        for name, command in words.items():
            seconds[name].append(first_frame.first_frame(command, cwd=ROOT, environ=environ))
    bare, dojo = (statistics.median(seconds[name]) for name in ("bare", "dojo"))
    return [Row("first frame of the app", dojo, "an app of one widget", bare)]


def practice(folder: Path) -> list[Row]:
    """Choose the next card from 10,000 with 100,000 reviews, beside reading one row of the record."""
    path = folder / "cards.sqlite3"
    cards_bench.build(path, 10_000, 100_000)
    bank = cards_bench.Bank([cards_bench.item(n, 10_000) for n in range(10_000)])
    held = cards.open_cards(store.open_record(path))
    limits = Limits(cards=1000, new=100)
    round_ = quiz.begin(Deck(bank), held, clock=cards_bench.Clock(), chance=Random(0), limits=limits)
    choosing = []
    for _ in range(200):
        asked, seconds = cards_bench.timed(round_.next)
        choosing.append(seconds)
        if asked is not None:
            round_.answer(asked, ("a",), seconds=9)
    with sqlite3.connect(path) as db:
        reading = [
            cards_bench.timed(lambda: db.execute("SELECT * FROM events WHERE rowid = 777").fetchone())[1]
            for _ in range(200)
        ]
    return [
        Row("next card", statistics.median(choosing), "reading one row", statistics.median(reading)),
    ]


def audits(folder: Path) -> list[Row]:
    """Audit a kata, beside running its checks on the reference as often as it has versions."""
    from grader.contract.reading import load_kata
    from grader.proof.audit import audit

    here = places.at(ROOT, environ={"DOJO_RECORD": str(folder / "audit.sqlite3")})
    info = next(k for k in catalog.read(here) if k.id == KATA)
    kata, checks = load_kata(info.test)
    seconds = middle(lambda: audit(info), 5)

    def checked() -> None:
        kata.forget(kata.reference)
        assert all(check.run(kata.reference) is None for check in checks.values())

    checked()
    versions = 1 + len(kata.solution.versions)
    floor = middle(checked, 5) * versions
    return [Row("audit of one kata", seconds, f"its checks, {versions} times", floor)]


def solved(workspace: Path) -> places.Places:
    """Make a workspace in which the kata is solved."""
    words = [sys.executable, "-c", "from grader.cli import main; main()", "init", str(workspace)]
    record = workspace.with_suffix(".sqlite3")
    subprocess.run(words, check=True, capture_output=True, env={**os.environ, "DOJO_RECORD": str(record)})
    here = places.at(workspace, environ={"DOJO_RECORD": str(record)})
    kata = next(k for k in catalog.read(here) if k.id == KATA)
    kata.stub.write_text(reference_text(kata.solution.read_text(encoding="utf-8")), encoding="utf-8")
    return here


def paired(
    one: list[str], other: list[str], *, runs: int, cwd: Path, environ: dict[str, str]
) -> tuple[float, float]:
    """Run two commands in turn and return their medians."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(runs + 1):
        for words, found in zip((one, other), seconds, strict=True):
            begun = time.perf_counter()
            subprocess.run(words, cwd=cwd, env=environ, capture_output=True, check=True)
            if turn:
                found.append(time.perf_counter() - begun)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def middle(work: Callable[[], object], runs: int) -> float:
    """Return the median time of some work."""
    return statistics.median(cards_bench.timed(work)[1] for _ in range(runs))


def _shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


if __name__ == "__main__":
    main()
