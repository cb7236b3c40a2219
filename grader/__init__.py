"""Katas graded without error: what the authors of katas write with.

Names are resolved on first use, so that importing a part of the package that needs no torch loads none.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.cases.draws import Source
    from grader.cases.strategies import (
        Wanted,
        backbone,
        between,
        boxes,
        decoder,
        flags,
        images,
        just,
        labels,
        linear,
        logits,
        normal,
        number,
        one_of,
        optional,
        positive,
        probabilities,
        randomised,
        regimes,
        reordering,
        several,
        size,
        unit,
        whole,
    )
    from grader.contract.asserting import assert_close, raises
    from grader.contract.kata import Kata
    from grader.contract.rules import Rules
    from grader.judge.compare import EXACT, Tolerance
    from grader.versions import right, wrong
    from grader.worker.decoders import NextWord

_HOME = {
    "judge.compare": ("EXACT", "Tolerance"),
    "contract.asserting": ("assert_close", "raises"),
    "contract.kata": ("Kata",),
    "contract.rules": ("Rules",),
    "cases.draws": ("Source",),
    "cases.strategies": (
        *("Wanted", "backbone", "between", "boxes", "decoder", "flags", "images", "just", "labels", "linear"),
        *("logits", "normal", "number", "one_of", "optional", "positive", "probabilities", "randomised"),
        *("regimes", "reordering", "several", "size", "unit", "whole"),
    ),
    "versions": ("right", "wrong"),
    "worker.decoders": ("NextWord",),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "EXACT",
    "Kata",
    "NextWord",
    "Rules",
    "Source",
    "Tolerance",
    "Wanted",
    "assert_close",
    "backbone",
    "between",
    "boxes",
    "decoder",
    "flags",
    "images",
    "just",
    "labels",
    "linear",
    "logits",
    "normal",
    "number",
    "one_of",
    "optional",
    "positive",
    "probabilities",
    "raises",
    "randomised",
    "regimes",
    "reordering",
    "right",
    "several",
    "size",
    "unit",
    "whole",
    "wrong",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in _WHERE:
        raise AttributeError(f"module 'grader' has no attribute '{name}'")
    return getattr(importlib.import_module(f"grader.{_WHERE[name]}"), name)
