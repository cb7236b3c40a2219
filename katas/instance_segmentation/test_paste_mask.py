import torch

from grader import Kata, Rules, Source, Wanted, number, regimes


@regimes("outside", "larger", "tiny")
def box(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A box within the image, over its edge or beside it, around all of it, or of a pixel's size."""
    size = torch.tensor([wanted.sizes["W"], wanted.sizes["H"]]).double()
    if source.regime == "larger":
        start, extent = -source.numbers((2,), 0.5, 4), size + source.numbers((2,), 4.5, 9)
    elif source.regime == "tiny":
        start, extent = source.numbers((2,), 0.5, 3), source.numbers((2,), 0.5, 1.75)
    elif source.regime == "outside":
        start, extent = source.numbers((2,), -4, 4), source.numbers((2,), 3, 9)
    else:
        start, extent = source.numbers((2,), 0, 1.5), source.numbers((2,), 3, 5)
    return torch.cat([start, start + extent])


def prob(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Probabilities, dimmed so that no pixel comes near a threshold: rounding must not decide."""
    m = wanted.shape[0]
    found = source.numbers(wanted.shape, 1 / 16, 1.0).clamp(max=1)
    across, down = (_weights(drawn["box"][[i, i + 2]], drawn[a], m) for i, a in ((0, "W"), (1, "H")))
    dimmed = 1 - torch.arange(24).double() / 64
    near = dimmed[:, None, None] * (down @ found @ across.T)
    away = torch.minimum((near - 0.5).abs(), (near - drawn["thr"]).abs()).flatten(1).amin(dim=1)
    return found * dimmed[away.argmax()]


def _weights(edges: torch.Tensor, size: int, m: int) -> torch.Tensor:
    at = (torch.arange(size).double() + 0.5 - edges[0]) / (edges[1] - edges[0]) * m - 0.5
    return (1 - (at[:, None] - torch.arange(m)).abs()).clamp(min=0)


def _side(axis: str):
    return lambda source, wanted, drawn: wanted.sizes[axis]


SIZES = {"H": (5, 7, 9), "W": (6, 8, 10), "m": (2, 3, 4)}

kata = Kata(
    __file__,
    H=_side("H"),
    W=_side("W"),
    box=box,
    thr=number(0.125, 0.75),
    prob=prob,
    rules=Rules(sizes=SIZES, single="m", dtypes=(torch.float64,)),
)
kata.also("a mask as large as usual", {"m": 28, "H": 9, "W": 10})
kata.also("an image of one pixel", {"H": 1, "W": 1, "m": 3})
kata.also("a low threshold", thr=0.0625, prob=torch.eye(4).double() * 0.5)
# Here all numbers are binary fractions, so that pixels lie exactly at the threshold.
for what, threshold in (("at", 0.5), ("just above", 0.5005), ("just below", 0.4995)):
    kata.also(
        f"probabilities of one half, {what} the threshold",
        {"H": 4, "W": 8, "m": 2},
        prob=torch.tensor([[1.0, 0.5], [0.5, 0.0]]).double(),
        box=torch.tensor([1.5, 0.5, 5.5, 4.5]).double(),
        thr=threshold,
    )
kata.also(
    "pixel centres on the box's edges",
    {"H": 4, "W": 8, "m": 4},
    prob=torch.ones(4, 4).double(),
    box=torch.tensor([1.5, 0.5, 5.5, 2.5]).double(),
)
kata.also(
    "a mask that is sure, threshold 1",
    {"H": 8, "W": 4, "m": 2},
    prob=torch.ones(2, 2).double(),
    box=torch.tensor([0.0, 0.0, 4.0, 8.0]).double(),
    thr=1.0,
)
for threshold in (0.4375, 0.53125):
    kata.also(
        f"a box smaller than a pixel, threshold {threshold}",
        {"H": 3, "W": 4, "m": 2},
        prob=torch.tensor([[0.5, 0.75], [0.75, 1.0]]).double(),
        box=torch.tensor([1.375, 1.375, 1.875, 1.875]).double(),
        thr=threshold,
    )
# What is beyond the box may be seen up to half a cell from it: cells of 4 pixels, and of 8.
for side, near, far in (("left of and above", -8.25, -18.25), ("right of and below", 5.25, 7.25)):
    for how, start, extent in (("near", near, 8), ("at some distance from", far, 16)):
        kata.also(
            f"a box {how} the image, {side} it, and still seen",
            {"H": 5, "W": 5, "m": 2},
            prob=torch.ones(2, 2).double(),
            box=torch.tensor([start, start, start + extent, start + extent]).double(),
            thr=1 / 64,
        )

test_contract = kata.contract()
test_values = kata.values()


@kata.check(regime="outside", times=4)
def test_full_mask(paste_mask, box, H, W, m):
    """A mask of ones fills every pixel whose centre lies half a cell inside the box, and none beyond it."""
    found = paste_mask(torch.ones(m, m, dtype=box.dtype), box, H, W, 0.9375)
    for r in range(H):
        for c in range(W):
            inward = min(_inward(c + 0.5, box[[0, 2]], m), _inward(r + 0.5, box[[1, 3]], m))
            if inward >= 0.5:
                assert found[r, c], f"Pixel (row {r}, column {c}) lies well inside the box and is not True."
            if inward <= -0.5:
                assert not found[r, c], f"Pixel (row {r}, column {c}) lies outside the box and is True."


def _inward(at: float, edges: torch.Tensor, m: int) -> float:
    """How many cells a pixel centre lies inside the box, on one axis."""
    share = (at - float(edges[0])) / float(edges[1] - edges[0])
    return min(share, 1 - share) * m


@kata.check(times=3)
def test_mirror(paste_mask, prob, box, H, W, thr):
    """Mirroring mask and box mirrors the result."""
    mirrored = torch.stack([W - box[2], box[1], W - box[0], box[3]])
    there = paste_mask(prob.flip(1), mirrored, H, W, thr)
    assert torch.equal(there.flip(1), paste_mask(prob, box, H, W, thr)), (
        "Mask and box mirrored left to right do not give the mirrored result."
    )
