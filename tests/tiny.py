"""Tiny katas for the tests: a workspace in a temporary folder, graded as a learner would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

DOUBLE = '''"""Doubles.

Return twice x.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 5
HINTS = ("One.", "Two.", "Three.")


def double(x: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
    """Return twice x."""
    return x + x


@right("with a product")
def product(x):
    return 2 * x


@wrong("squares instead of doubling")
def squared(x):
    return x * x


@wrong("returns its input")
def same(x):
    return x.clone()
'''

DOUBLE_TEST = """from grader import Kata, Rules

kata = Kata(__file__, rules=Rules(empty="n", seconds={seconds}))

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
"""

PROJECT = """[tool.cv-dojo]
workspace = true

[tool.pytest.ini_options]
addopts = [
    "-p", "grader.plugin", "-p", "no:hypothesispytest", "-p", "no:jaxtyping", "-p", "no:anyio", "-p", "no:cacheprovider",
    "--import-mode=importlib",
]
"""


def workspace(
    folder: Path,
    katas: dict[str, str | bytes],
    *,
    solution: str = DOUBLE,
    test: str = DOUBLE_TEST,
    seconds: float = 5,
) -> Path:
    """Lay down a workspace with one kata per answer, all with the same solution and checks."""
    (folder / "pyproject.toml").write_text(PROJECT)
    for name, answer in katas.items():
        for part in ("katas", "solutions"):
            (folder / part / "tiny").mkdir(parents=True, exist_ok=True)
        (folder / "solutions" / "tiny" / f"{name}.py").write_text(solution)
        (folder / "katas" / "tiny" / f"test_{name}.py").write_text(test.replace("{seconds}", str(seconds)))
        stub = folder / "katas" / "tiny" / f"{name}.py"
        stub.write_bytes(answer if isinstance(answer, bytes) else answer.encode())
    return folder


def pytest(
    folder: Path, *arguments: str, environ: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, with a record in the workspace."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DOJO_", "PYTEST_"))}
    env |= {"DOJO_RECORD": str(folder / "record.sqlite3"), "NO_COLOR": "1", "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=cwd or folder,
        env=env | (environ or {}),
        capture_output=True,
        text=True,
        timeout=240,
    )


def graded(folder: Path, *arguments: str, **how: Any) -> dict[str, dict[str, Any]]:
    """Grade every kata and return the closing event of each by the kata's name."""
    events = folder / "events.jsonl"
    events.unlink(missing_ok=True)
    done = pytest(folder, "katas", f"--dojo-events={events}", *arguments, **how)
    assert events.exists(), done.stdout + done.stderr
    told = [json.loads(line) for line in events.read_text().splitlines()]
    return {e["kata"].partition("/")[2]: e for e in told if e["event"] == "kata"}


def kata(folder: Path, solution: str, test: str, *, name: str = "it") -> tuple[Any, dict[str, Any]]:
    """Lay down one kata and return it with its checks, to be run in this process."""
    from grader.contract.reading import load_kata

    workspace(folder, {name: ""}, solution=solution, test=test)
    return load_kata(folder / "katas" / "tiny" / f"test_{name}.py")


def judge(made: tuple[Any, dict[str, Any]], answer: str) -> tuple[str, str]:
    """Run an answer through a kata's checks in this process; return the kind and the sentence."""
    from grader.feedback.story import sentence
    from grader.judge.candidate import Candidate, Local, Raised
    from grader.judge.problems import raised_problem
    from grader.proof.audit import first_problem

    kata, checks = made
    candidate = Candidate(Local(), forbid=kata.rules.forbid)
    try:
        candidate.load(answer, f"{kata.name}.py")
    except Raised as raised:
        return "error", raised_problem(raised.told, None).sentence
    found = first_problem(checks, candidate)
    return ("passed", "") if found is None else (found[1].kind.value, sentence(found[1]))
