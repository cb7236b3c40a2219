"""Reads a kata's test file without pytest: the contract and its tests by name, in order."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from grader.cases.shapes import AuthorError
from grader.contract.checks import Check
from grader.contract.kata import Kata


def load_tests(test: Path) -> tuple[Kata, dict[str, Callable[[], None]]]:
    """Import a kata's test file and return its kata and its tests by name."""
    spec = importlib.util.spec_from_file_location(f"kata_{test.parent.name}_{test.stem}", test)
    if spec is None or spec.loader is None:
        raise AuthorError(f"{test}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kata = getattr(module, "kata", None)
    if not isinstance(kata, Kata):
        raise AuthorError(f"{test}: defines no 'kata = Kata(__file__, ...)'")
    tests = {n: v for n, v in vars(module).items() if n.startswith("test") and hasattr(v, "check")}
    if not tests:
        raise AuthorError(f"{test}: defines no checks")
    return kata, tests


def load_kata(test: Path) -> tuple[Kata, dict[str, Check]]:
    """Import a kata's test file and return its kata and its checks by name."""
    kata, tests = load_tests(test)
    return kata, {name: each.check for name, each in tests.items()}  # type: ignore[attr-defined]
