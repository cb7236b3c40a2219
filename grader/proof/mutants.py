"""Runs every machine-made mutant of a reference against the kata's checks, each in a forked child.

A survivor is a hole in the checks or a mutant that behaves as the reference does. The second kind is
recorded with its reason in ``solutions/<track>/equivalent.toml``; the first fails the audit.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.contract.kata import Check, Kata
from grader.contract.reading import load_kata
from grader.judge.candidate import Candidate, Local
from grader.model import KataInfo
from grader.proof.audit import first_problem
from grader.proof.mutate import Mutant, mutants
from grader.worker.session import Session, describe

_SECONDS = 10.0
_AT_ONCE = 2


@dataclass
class Survey:
    """What became of the mutants of one kata."""

    kata: str
    made: int = 0
    killed: int = 0
    equivalent: int = 0
    survivors: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Records of equivalence for mutants that are killed or are no longer made."""
    seconds: float = 0.0


def survey(info: KataInfo) -> Survey:
    """Make and run every mutant of one kata."""
    start = time.perf_counter()
    kata, checks = load_kata(info.test)
    found = Survey(info.id)
    # What the children need is computed once, here, and inherited.
    for case in kata.cases:
        kata.expected(case)
    recorded = dict(equivalents(info.solution.parent).get(info.name, {}))
    every = list(mutants(kata.solution.text))
    found.made = len(every)
    for mutant, killed in _run_all(kata, checks, every):
        known = recorded.pop(mutant.key, None)
        if killed:
            found.killed += 1
            found.stale += [mutant.key] if known is not None else []
        elif known is not None:
            found.equivalent += 1
        else:
            found.survivors.append(mutant.key)
    found.stale += list(recorded)
    found.seconds = time.perf_counter() - start
    return found


def equivalents(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """Read a track's record of equivalent mutants: per kata, what is changed and why that changes nothing."""
    path = folder / "equivalent.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _run_all(kata: Kata, checks: dict[str, Check], every: Sequence[Mutant]) -> list[tuple[Mutant, bool]]:
    """Run the mutants a few at a time; a child that hangs or dies counts as refused."""
    waiting, done = list(reversed(every)), []
    running: dict[int, tuple[Mutant, int, float]] = {}
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            mutant = waiting.pop()
            pid, pipe = _fork(kata, checks, mutant)
            running[pipe] = (mutant, pid, time.monotonic() + _SECONDS)
        ready, _, _ = select.select(list(running), [], [], 0.05)
        now = time.monotonic()
        for pipe in [p for p, (_, _, end) in running.items() if p in ready or now > end]:
            mutant, pid, _ = running.pop(pipe)
            verdict = os.read(pipe, 1) if pipe in ready else b"K"
            os.close(pipe)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            done.append((mutant, verdict != b"S"))
    return done


def _fork(kata: Kata, checks: dict[str, Check], mutant: Mutant) -> tuple[int, int]:
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        os.close(read)
        _quiet()
        os.write(write, b"S" if _survives(kata, checks, mutant) else b"K")
    finally:
        os._exit(0)


def _survives(kata: Kata, checks: dict[str, Check], mutant: Mutant) -> bool:
    module = ModuleType("mutant")
    try:
        exec(compile(mutant.text, f"{kata.name}.py", "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        return False
    local = Local(Session())
    local.session.adopt(vars(module), f"{kata.name}.py", None)
    candidate = Candidate(local, forbid=kata.rules.forbid)
    candidate.symbols = {name: describe(getattr(module, name)) for name in kata.solution.public}
    try:
        return first_problem(checks, candidate) is None
    except Exception:
        return False


def _quiet() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def main_mutants(chosen: Sequence[KataInfo], *, as_json: bool) -> int:
    """Survey the chosen katas and print what survived; return the exit code."""
    surveys = []
    if not as_json:
        print(f"{'kata':<38}   made killed  equal  survive  seconds")
    for info in chosen:
        one = survey(info)
        surveys.append(one)
        if not as_json:
            print(_row(one), flush=True)
    bad = [s for s in surveys if s.survivors or s.stale]
    if as_json:
        rows: list[dict[str, Any]] = [vars(s) for s in surveys]
        print(json.dumps({"katas": rows}, indent=2))
        return 1 if bad else 0
    for one in bad:
        for key in one.survivors:
            print(f"  {one.kata}: survives: {key}")
        for key in one.stale:
            print(f"  {one.kata}: recorded as equivalent, but is not among the survivors: {key}")
    made, survived = sum(s.made for s in surveys), sum(len(s.survivors) for s in surveys)
    print(f"{made} mutants, {survived} unexplained survivors")
    return 1 if bad else 0


def _row(one: Survey) -> str:
    numbers = f"{one.made:>6} {one.killed:>6} {one.equivalent:>6} {len(one.survivors):>8} {one.seconds:>8.1f}"
    return f"{one.kata[:38]:<38} {numbers}"
