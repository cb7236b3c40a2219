import torch

from grader import Kata, Rules, Source, Wanted, assert_close, raises, regimes


@regimes("copies", "tied", "far", "wide", "fine")
def points(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Points on a grid; copies of a few; distances that tie; far from zero; far apart; close together."""
    n, d = wanted.shape
    if source.regime == "copies":
        return source.integers((3, d), -4, 4).double()[source.integers((n,), 0, 2)]
    if source.regime == "tied":
        # Steps of one length along the axes: equal distances are equal coordinate by coordinate.
        return 2.0 * torch.eye(d).double()[source.integers((n,), 0, d - 1)] * (2 * source.flags((n, 1)) - 1)
    # Squares and sums are exact in float32 too, so that equal means equal however it is computed.
    found = source.integers(wanted.shape, -48, 48).double() / 16
    # Distances of a few 10,000 at most, and of a few 1/10,000.
    scale = {"wide": 2.0**12, "fine": 2.0**-14}.get(source.regime, 1.0)
    return found + 64 if source.regime == "far" else scale * found


def starts(source: Source, wanted: Wanted, drawn: dict) -> int:
    """Any of the points."""
    return source.integer(0, wanted.sizes["n"] - 1)


kata = Kata(
    __file__,
    x=points,
    start=starts,
    rules=Rules(sizes={"n": range(9, 16), "d": (3, 4), "m": (5, 6, 7, 8)}, single="d m"),
)
kata.also("all points", {"n": 7, "m": 7}, start=2)
kata.also("all of them copies", {"n": 5, "d": 2, "m": 5}, x=torch.full((5, 2), 0.25), start=3)
kata.also("a single point", {"n": 1, "m": 1}, start=0)
kata.also("m larger than N", {"n": 4, "m": 5}, start=0)
kata.also("m = 0", {"n": 4, "m": 0}, start=0)
kata.also("no points", {"n": 0, "m": 1}, start=0)
kata.also(
    "equal distances on a line",
    x=torch.tensor([0.0, 1, 2, 8, 10, 2])[:, None],
    m=4,
    start=0,
)
kata.also(
    "points that half precision does not tell apart",
    x=64 + torch.tensor([49, 20, 35, 62, 32, 58, 25]).double()[:, None] / 32,
    m=7,
    start=0,
)
kata.also("points of one length", {"n": 40, "d": 2, "m": 12}, "tied", start=7)

test_contract = kata.contract()
test_values = kata.values()
test_speed = kata.speed({"n": 200_000, "d": 2, "m": 2}, seconds=2.0)


@kata.check(times=3, regime="copies")
def test_distinct(greedy_coreset, x, m, start):
    """The m indices are all different, and start is the first."""
    found = greedy_coreset(x, m, start=start).tolist()
    assert found[:1] == [start], f"The first is {found[:1]}, where start is {start}."
    assert len(set(found)) == m, f"Of {m} indices only {len(set(found))} are different."


@kata.check(times=2)
def test_prefix(greedy_coreset, x, m, start):
    """A smaller coreset is the beginning of a larger one."""
    found = greedy_coreset(x, m, start=start).tolist()
    for k in range(1, m):
        assert greedy_coreset(x, k, start=start).tolist() == found[:k], f"The first {k} of {m} are others."


@kata.check(times=3)
def test_radius(greedy_coreset, x, m, start):
    """Each point taken is as far from those before it as any point."""
    found = greedy_coreset(x, m, start=start)
    for k in range(1, m):
        near = torch.cdist(x, x[found[:k]]).amin(dim=1)
        assert_close(
            near[found[k]], near.max(), f"Number {k + 1} is not the farthest from the {k} before it."
        )


@kata.check(times=1)
def test_too_many(greedy_coreset, x, start):
    """More points than there are cannot be taken, nor fewer than one."""
    for m in (len(x) + 1, 0, -1):
        with raises(ValueError):
            greedy_coreset(x, m, start=start)
