"""Machine-made mutants: what is changed, that the file is left whole, and how survivors are told."""

from __future__ import annotations

from pathlib import Path

import tiny

from grader.proof.mutants import survey
from grader.proof.mutate import mutants
from grader.workspace import catalog, places

TEXT = '''"""It."""
import torch
from grader import wrong

_LIMIT = 3.0


def clip(x, low=-1, axis=0):
    """Say -1 in the text."""
    if x.sum() > _LIMIT and low < 2:
        raise ValueError("above 3")
    y = torch.clamp(x, min=low)
    y[1:] += _half(y)[: -1]
    return y.sum(axis) if low else y.mean(axis)


def _half(x):
    return x / 2


def _unused(x):
    return x * 7


@wrong("adds one")
def other(x, low=-1, axis=0):
    return x + 1
'''


def test_every_kind_of_spot_is_changed() -> None:
    keys = [m.key for m in mutants(TEXT)]
    for part in (
        "x / 2 -> return x * 2",
        "x.sum() < _LIMIT",
        "x.sum() >= _LIMIT",
        "or low < 2",
        "_LIMIT = 3.0 -> _LIMIT = 4.6",
        "low=0",
        "axis=1",
        "torch.clamp(x)",
        "y[:] += ",
        "y[1:] -= ",
        "-> pass",
        "-> return y.sum(axis)",
        "-> return y.mean(axis)",
        "y.mean(axis) if low",
    ):
        assert any(part in key for key in keys), (part, keys)


def test_versions_texts_and_what_is_never_reached_are_left_alone() -> None:
    keys = " ".join(m.key for m in mutants(TEXT))
    assert "_unused" not in keys
    assert "other" not in keys
    assert "above 3" not in keys.replace("raise ValueError('above 3')", "")
    assert "Say" not in keys


def test_each_mutant_is_a_file_of_its_own() -> None:
    every = list(mutants(TEXT))
    assert len({m.key for m in every}) == len(every) == len({m.text for m in every})
    for mutant in every:
        compile(mutant.text, "x.py", "exec")


def test_survivors_are_told_until_they_are_explained(tmp_path: Path) -> None:
    solution = tiny.DOUBLE.replace("return x + x", "y = x.clamp(max=1e9)\n    return y + y")
    tiny.workspace(tmp_path, {"it": ""}, solution=solution)
    (info,) = catalog.read(places.at(tmp_path, environ={})).katas
    found = survey(info)
    assert found.killed + len(found.survivors) == found.made
    assert found.survivors
    assert all("1e" in key or "clamp" in key or "1500000000" in key for key in found.survivors)
    lines = "".join(f'"{key}" = "no input is that large"\n' for key in found.survivors)
    (tmp_path / "solutions" / "tiny" / "equivalent.toml").write_text("[it]\n" + lines + '"gone" = "stale"\n')
    again = survey(info)
    assert again.survivors == []
    assert again.equivalent == len(found.survivors)
    assert again.stale == ["gone"]
