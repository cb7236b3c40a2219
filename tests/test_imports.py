"""What is imported at run time: faces start without torch, the worker knows nothing of the judge."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import grader


def parts(package: str) -> Iterator[pkgutil.ModuleInfo]:
    """List the modules of a package of the grader."""
    return pkgutil.iter_modules([str(Path(grader.__file__).parent / package)])


HEAVY = ("torch", "numpy", "pytest", "hypothesis", "jaxtyping", "textual")
PACKAGES = ("workspace", "practice", "questions", "text")
LIGHT = ("grader.model", "grader.versions", *(f"grader.{p}.{m.name}" for p in PACKAGES for m in parts(p)))


def loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", LIGHT)
def test_what_reads_files_and_events_is_light(module: str) -> None:
    assert not loaded(f"import {module}") & set(HEAVY)


def test_the_command_line_is_light() -> None:
    assert not loaded("import grader.cli") & set(HEAVY)


def test_the_worker_knows_nothing_of_the_judge() -> None:
    found = {m for m in loaded("import grader.worker.child, grader.worker.zygote") if m.startswith("grader")}
    assert all(m == "grader" or m.startswith("grader.worker") for m in found), found


def test_a_pass_does_not_import_hypothesis_or_sympy() -> None:
    code = "import grader.contract.kata, grader.grading.session, grader.feedback.recognise, grader.feedback.shrink, grader.feedback.story, grader.plugin"
    assert not loaded(code) & {"hypothesis", "sympy"}
