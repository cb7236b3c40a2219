"""The reference of instance_segmentation/roi_max_pool against the loops of Fast R-CNN's layer."""

import math
from fractions import Fraction
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
roi_pool = load(ROOT / "solutions/instance_segmentation/roi_max_pool.py").namespace["roi_pool"]


def c_round(x: Fraction) -> int:
    """Round as C does: halves away from zero."""
    whole, rest = divmod(abs(x), 1)
    return int(whole + (rest >= Fraction(1, 2))) * (-1 if x < 0 else 1)


def fast_rcnn(feat: torch.Tensor, rois: torch.Tensor, out: int, scale: float) -> torch.Tensor:
    """Return what ROIPoolForward computes, in exact arithmetic."""
    c, h, w = feat.shape
    data = feat.tolist()
    result = torch.zeros(len(rois), c, out, out, dtype=feat.dtype)
    for n, roi in enumerate(rois.tolist()):
        start_w, start_h, end_w, end_h = (c_round(Fraction(v) * Fraction(scale)) for v in roi)
        bin_h = Fraction(max(end_h - start_h + 1, 1), out)
        bin_w = Fraction(max(end_w - start_w + 1, 1), out)
        for ph in range(out):
            for pw in range(out):
                hstart = min(max(math.floor(ph * bin_h) + start_h, 0), h)
                hend = min(max(math.ceil((ph + 1) * bin_h) + start_h, 0), h)
                wstart = min(max(math.floor(pw * bin_w) + start_w, 0), w)
                wend = min(max(math.ceil((pw + 1) * bin_w) + start_w, 0), w)
                empty = hend <= hstart or wend <= wstart
                for channel in range(c):
                    best = 0.0 if empty else -math.inf
                    for y in range(hstart, hend):
                        for x in range(wstart, wend):
                            best = max(best, data[channel][y][x])
                    result[n, channel, ph, pw] = best
    return result


def drawn(seed: int, *, on_quarters: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a map and regions inside, across and beside it, some with corners in the wrong order."""
    g = torch.Generator().manual_seed(seed)
    h, w = (int(torch.randint(1, 9, (), generator=g)) for _ in range(2))
    feat = torch.randn(2, h, w, generator=g, dtype=torch.float64)
    start = torch.rand(6, 2, generator=g, dtype=torch.float64) * 200 - 60
    extent = torch.rand(6, 2, generator=g, dtype=torch.float64) * 140 - 20
    rois = torch.cat([start, start + extent], dim=1)
    return feat, (rois / 4).round() * 4 if on_quarters else (rois * 1024).round() / 1024


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("on_quarters", [False, True])
@pytest.mark.parametrize(("out", "scale"), [(2, 1 / 16), (3, 1 / 8), (1, 1 / 16), (4, 1 / 4)])
def test_fast_rcnn(seed, on_quarters, out, scale):
    feat, rois = drawn(seed, on_quarters=on_quarters)
    assert torch.equal(roi_pool(feat, rois, out, scale), fast_rcnn(feat, rois, out, scale))


def test_the_usual_arguments():
    feat, rois = drawn(3, on_quarters=False)
    assert torch.equal(roi_pool(feat, rois), fast_rcnn(feat, rois, 7, 1 / 16))


@pytest.mark.parametrize("out", [1, 2, 3, 4])
def test_adaptive_pooling_inside_the_map(out):
    feat = torch.randn(3, 9, 11, generator=torch.Generator().manual_seed(out)).double()
    found = roi_pool(feat, torch.tensor([[2.0, 1, 8, 7]]).double(), out, 1.0)[0]
    assert torch.equal(found, F.adaptive_max_pool2d(feat[:, 1:8, 2:9], out))


def test_gradients_go_to_the_maxima():
    feat, rois = drawn(5, on_quarters=False)
    feat.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda f: roi_pool(f, rois, 2), feat)


def test_example():
    feat, rois = torch.tensor([[[1.0, 5, 2, 4]]]), torch.tensor([[1.0, 0, 5, 0]])
    assert roi_pool(feat, rois, 2, 0.5).tolist() == [[[[5, 4], [5, 4]]]]


def test_no_regions():
    assert roi_pool(torch.zeros(3, 4, 5), torch.zeros(0, 4)).shape == (0, 3, 7, 7)
