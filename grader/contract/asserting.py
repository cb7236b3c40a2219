"""What properties assert with: failures carry what differs, and exceptions are the candidate's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from grader.judge.candidate import Raised
from grader.judge.compare import Difference, Tolerance, difference


class PropertyFailed(AssertionError):
    """A property does not hold; carries what differs."""

    def __init__(self, sentence: str, found: Difference | None = None) -> None:
        super().__init__(sentence)
        self.sentence, self.found = sentence, found


def assert_close(
    actual: Any, expected: Any, message: str = "", *, tolerance: Tolerance | None = None
) -> None:
    """Assert that two values agree as results are compared: type, shape, dtype, numbers."""
    __tracebackhide__ = True
    found = difference(actual, expected, tolerance or Tolerance(float64=(1e-6, 1e-6)))
    if found is not None:
        raise PropertyFailed(message or found.sentence, found)


@contextlib.contextmanager
def raises(kind: type[BaseException]) -> Iterator[None]:
    """Assert that the candidate raises an exception of this kind."""
    __tracebackhide__ = True
    try:
        yield
    except Raised as raised:
        if kind.__name__ not in raised.told["bases"]:
            told = f"{raised.told['type']}: {raised.told['message']}"
            raise PropertyFailed(f"A {kind.__name__} is asked for here, and not {told}") from None
        return
    raise PropertyFailed(f"Accepts this call, where a {kind.__name__} is asked for.")
