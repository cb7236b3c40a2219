from itertools import product

import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, normal, one_of, regimes


@regimes("outside", "small", "large")
def rois(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Regions of a map of stride 16: inside, beyond its border, within one cell, larger than the map."""
    n = wanted.shape[0]
    size = torch.tensor([wanted.sizes["w"], wanted.sizes["h"]]).double()
    start, extent = source.numbers((n, 2), 0, 0.375) * size, source.numbers((n, 2), 0.25, 0.5) * size
    if source.regime == "outside":
        start, extent = source.numbers((n, 2), -0.75, 1.25) * size, source.numbers((n, 2), 0.5, 1) * size
    elif source.regime == "small":
        extent = source.numbers((n, 2), 0, 0.75)
    elif source.regime == "large":
        start, extent = -source.numbers((n, 2), 0.25, 0.5) * size, source.numbers((n, 2), 1.5, 2) * size
    found = 16 * torch.cat([start, start + extent], dim=1)
    return _away(found, size, drawn)


def _away(rois: torch.Tensor, size: torch.Tensor, drawn: dict) -> torch.Tensor:
    """Move each region until none of its points is near the place where points begin to count as 0."""
    moved = rois[:, None] + torch.arange(40)[:, None] * 5 / 64  # n 40 4
    nearest = torch.full(moved.shape[:2], torch.inf).double()
    given = product({7, drawn["out"]}, {1 / 16, drawn["scale"]}, {2, drawn["sampling"]})
    for out, scale, sampling in given:
        share = (torch.arange(out * sampling).double() + 0.5) / (out * sampling)
        box = moved[..., None] * scale - 0.5
        at = box[..., :2, :] * (1 - share) + box[..., 2:, :] * share  # n 40 2 points
        gap = torch.minimum((at + 1).abs(), (at - size[:, None]).abs()).amin(dim=(-1, -2))
        nearest = torch.minimum(nearest, gap)
    # The first that is far enough, or else the farthest.
    best = nearest.clamp(max=1e-3).argmax(dim=1)
    return moved[torch.arange(len(rois)), best]


# Points may be computed in float32 along the way; mistakes are larger by far.
CLOSE = Tolerance(float64=(1e-4, 1e-5))

kata = Kata(
    __file__,
    feat=normal,
    out=one_of(2, 3),
    scale=one_of(1 / 16, 1 / 8),
    sampling=one_of(2, 1, 3),
    rois=rois,
    rules=Rules(
        sizes={"c": (2, 4), "h": (5, 7), "w": (6, 8), "r": (2, 3)},
        empty="r",
        single="c h w r",
        dtypes=(torch.float64,),
        tolerance=CLOSE,
        gradients_of="feat",
    ),
)
# Here all numbers are binary fractions, so that points lie exactly at -1, W and H.
kata.also(
    "points exactly at -1, W and H",
    {"r": 3, "h": 7, "w": 8},
    rois=torch.tensor([[-1, 0.5, 3, 4.5], [5, 4, 9, 8], [2, -1, 6, 3]]).double(),
    out=2,
    scale=1.0,
    sampling=2,
)
kata.also(
    "regions without extent",
    {"r": 3},
    rois=torch.tensor([[24.0, 40, 24, 40], [8, 8, 8, 72], [0, 0, 0, 0]]).double(),
    scale=1 / 16,
)
kata.also(
    "regions beside the map",
    {"r": 3, "h": 5, "w": 6},
    rois=torch.tensor([[-99.0, 8, -40, 60], [0, 120, 60, 180], [130, -90, 170, -30]]).double(),
    scale=1 / 16,
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=3)
def test_ramp(roi_align, h, w, rois, source):
    """Where feat is the column and the row itself, a bin well inside gives exactly its own centre."""
    out, sampling, scale = source.integer(1, 4), source.integer(1, 3), 1 / 16
    ramp = torch.stack([torch.arange(w).expand(h, w), torch.arange(h)[:, None].expand(h, w)]).to(rois.dtype)
    limit = torch.tensor([w, h, w, h]) * 16 - 8
    inside = rois.clamp(min=8).minimum(limit.to(rois.dtype))
    found = roi_align(ramp, inside, out, scale, sampling)
    share = ((torch.arange(out) + 0.5) / out).to(rois.dtype)
    low, high = inside[:, :2] * scale - 0.5, inside[:, 2:] * scale - 0.5
    centre = low[..., None] * (1 - share) + high[..., None] * share  # r 2 out
    shape = (len(rois), out, out)
    expected = torch.stack([centre[:, 0, None, :].expand(shape), centre[:, 1, :, None].expand(shape)], dim=1)
    assert_close(found, expected, "A bin on a ramp is not its centre.", tolerance=CLOSE)


@kata.check(times=2, regime="outside")
def test_finer(roi_align, feat, rois):
    """Twice as many bins with one point each, averaged two by two, are the bins with 2 x 2 points."""
    fine = roi_align(feat, rois, 4, 1 / 16, 1)
    coarse = roi_align(feat, rois, 2, 1 / 16, 2)
    mean = fine.unflatten(3, (2, 2)).unflatten(2, (2, 2)).mean(dim=(3, 5))
    assert_close(
        coarse, mean, "2 x 2 bins with 2 x 2 points differ from 4 x 4 bins with one.", tolerance=CLOSE
    )
