from typing import Any

import torch

from grader import Kata, Rules, Source, Wanted, regimes

INF, NAN = float("inf"), float("nan")


def columns(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> int:
    """A number of columns; a power of two where points lie on the borders."""
    return source.choice((4, 8, 16) if source.regime == "borders" else (7, 5, 12))


def width(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> int:
    """A width; a power of two where points lie on the borders, so that every way to scale is exact."""
    return source.choice((32, 64, 256) if source.regime == "borders" else (100, 61, 800))


@regimes("borders", "all missing")
def points(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Points well inside columns, some left or right of the image, some NaN; or quarters of a column."""
    W, C, shape = drawn["W"], drawn["C"], wanted.shape
    if source.regime == "borders":
        return source.integers(shape, -6, 4 * C + 6).double() * W / (4 * C)
    inside = source.integers(shape, 0, C - 1) + source.numbers(shape, 0.125, 0.875)
    left = -source.integers(shape, 0, 1) - source.numbers(shape, 0.125, 0.875)
    right = C + source.integers(shape, 0, 1) + source.numbers(shape, 0.125, 0.875)
    marks = torch.tensor([NAN, -2.0, INF, -INF]).double()[source.integers(shape, 0, 3)]
    kind = source.integers(shape, 7 if source.regime == "all missing" else 0, 9)
    found = torch.where(kind < 7, inside, torch.where(kind == 7, left, right)) * W / C
    return torch.where(kind == 9, marks, found)


kata = Kata(
    __file__,
    W=width,
    C=columns,
    xs=points,
    rules=Rules(sizes={"l": (3, 4), "r": (6, 8, 9)}, empty="l r", single="l r"),
)
kata.also("one column", C=1)
kata.also("columns narrower than a pixel", {"l": 3, "r": 16}, "borders", W=8, C=32)
kata.also("columns of 12.8 pixels", {"l": 4, "r": 12}, W=1280, C=100)
kata.also("more columns than a byte holds", {"l": 4, "r": 12}, W=1640, C=400)
kata.also(
    "the edges of the image",
    {"l": 1, "r": 8},
    W=64,
    C=8,
    xs=torch.tensor([[0.0, -1 / 1024, 64, 64 - 1 / 1024, 64 + 1 / 1024, 8, 8 - 1 / 1024, 63.25]]).double(),
)
kata.also(
    "points that are not there", {"l": 1, "r": 5}, xs=torch.tensor([[NAN, INF, -INF, -2, -1e5]]).double()
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_centres(encode_lanes, W, C):
    """The centre of every column is encoded as that column."""
    centres = (torch.arange(C).double() + 0.5) * W / C
    found = encode_lanes(centres[None], W, C)
    assert found[0].tolist() == list(range(C)), "The centre of a column is encoded as another one."


@kata.check(times=2)
def test_mirror(encode_lanes, xs, W, C):
    """A mirrored image has mirrored columns: column k becomes C - 1 - k, and no lane remains no lane."""
    found, mirrored = encode_lanes(xs, W, C), encode_lanes(W - xs, W, C)
    assert torch.equal(torch.where(found == C, C, C - 1 - found), mirrored), "The mirror image differs."
