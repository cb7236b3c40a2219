"""Every kata's grader, proved in both directions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.model import KataInfo
from grader.proof.audit import audit, strays
from grader.workspace import catalog, places

PLACES = places.at(Path(__file__).resolve().parents[1], environ={})
CATALOG = catalog.read(PLACES)


@pytest.mark.parametrize("info", CATALOG.katas, ids=lambda info: info.id)
def test_kata_is_sound(info: KataInfo) -> None:
    found = audit(info, strict=bool(os.environ.get("CI")))
    assert found.troubles == []


def test_every_solution_can_be_read() -> None:
    assert [str(p) for p in CATALOG.problems] == []


def test_nothing_stray_lies_about() -> None:
    assert strays(PLACES, CATALOG.katas) == []


def test_each_track_has_its_lesson() -> None:
    missing = [k.track for k in CATALOG.katas if not (PLACES.katas / k.track / "README.md").is_file()]
    assert missing == []
