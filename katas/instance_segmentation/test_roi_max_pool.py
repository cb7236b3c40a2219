import torch

from grader import Kata, Rules, Source, Wanted, assert_close, one_of, regimes


def feat(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A map without equal values, so that every bin has one maximum; all below zero in some regimes."""
    c, h, w = wanted.shape
    found = source.permutation(c * h * w).double().reshape(wanted.shape) / 16
    return found - (c * h * w + 1) / (16 if source.regime in ("large", "outside") else 32)


@regimes("halves", "outside", "inverted", "large")
def rois(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Regions of a map of stride 16: corners half way between cells, beyond the map, in any order."""
    n = wanted.shape[0]
    size = torch.tensor([wanted.sizes["w"], wanted.sizes["h"]]).double()
    if source.regime == "halves":
        # Multiples of 4 in the image are halves of a cell at every scale drawn, or near them.
        start, extent = source.integers((n, 2), -5, 12) * 4.0, source.integers((n, 2), 0, 20) * 4.0
        return torch.cat([start, start + extent], dim=1).double()
    start = source.numbers((n, 2), 0, 0.375) * size
    extent = source.numbers((n, 2), 0.125, 0.6) * size
    if source.regime == "outside":
        start = source.numbers((n, 2), -0.8, 1.4) * size
    elif source.regime == "inverted":
        # By less than a cell or by more, one axis or both.
        extent = torch.where(source.flags((n, 2)), -extent, extent) * source.choice((0.25, 1.0))
    elif source.regime == "large":
        start, extent = -source.numbers((n, 2), 0, 0.25) * size, source.numbers((n, 2), 0.875, 1.125) * size
    # On a grid, where arithmetic is exact.
    return (16 * torch.cat([start, start + extent], dim=1) * 64).round() / 64


kata = Kata(
    __file__,
    feat=feat,
    rois=rois,
    out=one_of(2, 5),
    scale=one_of(1 / 16, 1 / 8),
    rules=Rules(
        sizes={"c": (2, 3), "h": (5, 7), "w": (6, 8), "r": (2, 3, 4)},
        empty="r",
        single="c h w r",
        gradients_of="feat",
    ),
)
kata.also(
    "a map at the image's own scale",
    {"r": 3},
    rois=torch.tensor([[1.0, 0, 4, 3], [-2, -2, 2, 2], [2, 1, 2, 1]]).double(),
    scale=1.0,
)
kata.also(
    "corners exactly between two cells",
    {"r": 4, "h": 7, "w": 8},
    rois=torch.tensor([[8.0, 24, 56, 88], [24, 40, 72, 72], [-8, -24, 40, 40], [-40, -8, 24, 24]]).double(),
    scale=1 / 16,
    out=2,
)
kata.also(
    "regions beside the map",
    {"r": 4, "h": 5, "w": 6},
    rois=torch.tensor(
        [[-90.0, 0, -30, 60], [0, 99, 60, 150], [120, 10, 160, 60], [-9, -90, 70, -60]]
    ).double(),
    scale=1 / 16,
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=3)
def test_quantised(roi_pool, feat, rois):
    """A region may move by less than half a cell from whole cells, and nothing changes."""
    whole = (rois / 16).round() * 16
    expected = roi_pool(feat, whole, 2)
    for x, y in ((6.5, -6.5), (-7.25, 3.0), (5.0, 7.5)):
        moved = whole + torch.tensor([x, y, x, y], dtype=whole.dtype)
        assert_close(
            roi_pool(feat, moved, 2), expected, f"Moving all regions by ({x}, {y}) pixels of 16 matters."
        )


@kata.check(times=2)
def test_one_bin(roi_pool, feat, source, h, w):
    """A single bin gives the maximum of all cells from corner to corner, both included."""
    x1, y1 = source.integer(0, w - 1), source.integer(0, h - 1)
    x2, y2 = source.integer(x1, w - 1), source.integer(y1, h - 1)
    found = roi_pool(feat, torch.tensor([[x1, y1, x2, y2]], dtype=feat.dtype), 1, 1.0)
    assert_close(
        found.flatten(),
        feat[:, y1 : y2 + 1, x1 : x2 + 1].amax(dim=(1, 2)),
        f"Columns {x1} to {x2} and rows {y1} to {y2} have another maximum.",
    )
