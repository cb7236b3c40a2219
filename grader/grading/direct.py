"""Grades katas without pytest: the same checks, the same order, the same verdicts and events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from grader.contract.reading import load_tests
from grader.grading.session import Grading


def grade(tests: Sequence[Path], grading: Grading, workspace: Path) -> int:
    """Grade the katas of these test files to the end; 0 when everything passed, else 1."""
    code = 0
    read = [(test, *load_tests(test)) for test in tests]
    for test, kata, checks in read:
        for name in checks:
            grading.adopt(kata, _nodeid(test, name, workspace))
    grading.expect((kata.id, name) for _, kata, checks in read for name in checks)
    for test, kata, checks in read:
        for name, check in checks.items():
            code |= _run(grading, kata, name, check, _nodeid(test, name, workspace))
    grading.end(code)
    return code


def _run(grading: Grading, kata: Any, name: str, test: Callable[[], None], nodeid: str) -> int:
    check = test.check  # type: ignore[attr-defined]
    if grading.stands_on(kata, check) is not None:
        grading.waits(kata, name, check)
        return 1
    error: BaseException | None = None
    start = time.perf_counter()
    try:
        test()
    except Exception as caught:
        error = caught
    verdict = grading.verdict(kata, name, check, error, time.perf_counter() - start, nodeid)
    return 0 if verdict is not None and verdict.passed else 1


def _nodeid(test: Path, name: str, workspace: Path) -> str:
    try:
        return f"{test.relative_to(workspace).as_posix()}::{name}"
    except ValueError:
        return f"{test}::{name}"
