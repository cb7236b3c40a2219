"""What is imported at run time: faces start without torch, the worker knows nothing of the judge."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "pytest", "hypothesis", "jaxtyping", "textual")
LIGHT = (
    *("model", "places", "catalog", "store", "stub", "progress", "runner", "render", "versions", "bank"),
    *("library", "spotted", "generated", "schedule", "quiz", "plan", "interview"),
)


def loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", LIGHT)
def test_what_reads_files_and_events_is_light(module: str) -> None:
    assert not loaded(f"import grader.{module}") & set(HEAVY)


def test_the_command_line_is_light() -> None:
    assert not loaded("import grader.cli") & set(HEAVY)


def test_the_worker_knows_nothing_of_the_judge() -> None:
    found = {m for m in loaded("import grader.worker.child, grader.worker.zygote") if m.startswith("grader")}
    assert all(m == "grader" or m.startswith("grader.worker") for m in found), found


def test_a_pass_does_not_import_hypothesis_or_sympy() -> None:
    code = "import grader.kata, grader.session, grader.recognise, grader.shrink, grader.story, grader.plugin"
    assert not loaded(code) & {"hypothesis", "sympy"}
