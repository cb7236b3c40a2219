"""Line IoU of two lanes.

A lane is a row of numbers: its x at each of R fixed image rows. A loss on single points knows nothing of
the lane as a whole, so give the lane a width: at each row it is the interval from x - e to x + e. Then a
predicted and a true lane overlap like two boxes, row by row.

    overlap = smaller end - larger start      at one row; negative where the intervals do not meet
    union   = larger end - smaller start      at one row, a gap between the two included
    iou     = sum of overlaps / sum of unions, both over the valid rows of a lane

* pred and gt are [N, R], real numbers in pixels: lane i of one belongs to lane i of the other. Return
  [N], one IoU for each of these pairs. N may be 0; R is at least 1.
* The overlap is not clamped at 0. So a prediction far off has a negative IoU (above -1), and still a
  gradient that leads it back.
* valid [N, R] alone says which rows of a pair count. The other rows change nothing and receive no
  gradient; what pred and gt say there is finite, but may be as large as 1e5. Valid rows all count, also
  where x is negative because a lane leaves the image.
* A lane without a valid row has IoU 0, and a gradient of 0, never NaN.
* e > 0 is half the width of a lane, the same in all rows however slanted the lane is.
* Gradients flow to pred; gt needs none. The result has the dtype of the inputs, which stay as they are.
  All tensors are on the CPU.

Example, e = 15: pred (110, 110, 160), gt (100, 100, 100). The overlaps are 20, 20 and -30, the unions
40, 40 and 90. With all rows valid the IoU is 10 / 170 = 1/17; with the first two alone, 40 / 80 = 1/2;
with the last alone, -30 / 90 = -1/3.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Draw the two intervals of one row on a line, once overlapping and once apart. Which of their four ends "
    "make the overlap, and which the union?",
    "Everything is elementwise until the two sums over rows. What has to happen to both sums for a row that "
    "is not valid? And what is divided by what, when no row is?",
    "Zero overlap and union where a row is not valid, sum each along the rows, and make the denominator 1 "
    "wherever it would be 0, before you divide.",
)


def line_iou(
    pred: Float[Tensor, "n r"], gt: Float[Tensor, "n r"], valid: Bool[Tensor, "n r"], e: float = 15.0
) -> Float[Tensor, " n"]:
    """Return the signed IoU of each predicted lane with its true one; e is half a lane's width."""
    left, right = torch.minimum(pred, gt), torch.maximum(pred, gt)  # the two centres, n r
    overlap = (left + e) - (right - e)
    union = (right + e) - (left - e)
    overlap, union = (overlap * valid).sum(dim=-1), (union * valid).sum(dim=-1)
    return overlap / union.where(union > 0, 1)  # no valid row: 0 / 1


def _rows(pred, gt, e):
    """The signed overlap and the union of every row."""
    gap = (pred - gt).abs()
    return 2 * e - gap, 2 * e + gap


def _ratio(overlap, union, valid):
    overlap, union = (overlap * valid).sum(-1), (union * valid).sum(-1)
    return overlap / union.where(valid.any(-1), 1)


@right("from the sum of the distances alone")
def from_distances(pred, gt, valid, e=15.0):
    far = torch.where(valid, torch.abs(pred - gt), torch.zeros_like(pred)).sum(1)
    width = 2 * e * valid.sum(1)
    return (width - far) / torch.clamp(width + far, min=1e-6)


@right("with a loop over lanes and rows")
def looped(pred, gt, valid, e=15.0):
    found = []
    for p, g, v in zip(pred, gt, valid):
        inter, union = p.new_zeros(()), p.new_zeros(())
        for i in range(len(p)):
            if v[i]:
                inter = inter + torch.min(p[i] + e, g[i] + e) - torch.max(p[i] - e, g[i] - e)
                union = union + torch.max(p[i] + e, g[i] + e) - torch.min(p[i] - e, g[i] - e)
        found.append(inter / union if v.any() else p.sum() * 0)
    return torch.stack(found) if found else pred.new_zeros(0)


@right("with other rows set to zero and a tiny constant below")
def zeroed(pred, gt, valid, e=15.0):
    px1, px2, tx1, tx2 = pred - e, pred + e, gt - e, gt + e
    ovr = torch.min(px2, tx2) - torch.max(px1, tx1)
    union = torch.max(px2, tx2) - torch.min(px1, tx1)
    ovr[~valid] = 0.0
    union[~valid] = 0.0
    return ovr.sum(dim=-1) / (union.sum(dim=-1) + 1e-9)


@right("with the union as what both have less what they share, written into the lanes that have rows")
def assigned(pred, gt, valid, e=15.0):
    out = torch.zeros(len(pred), dtype=pred.dtype)
    shared = (2 * e - (pred - gt).abs()).masked_fill(~valid, 0)
    both = 4 * e * valid.sum(1).to(pred.dtype)
    some = valid.any(dim=1)
    inter = shared.sum(1)[some]
    out[some] = inter / (both[some] - inter)
    return out


@right("lane by lane over the rows that are valid")
def picked(pred, gt, valid, e=15.0):
    found = torch.zeros_like(pred[:, 0])
    for i in range(pred.shape[0]):
        rows = valid[i].nonzero().flatten()
        if rows.numel() == 0:
            continue
        d = torch.nn.functional.l1_loss(pred[i, rows], gt[i, rows])
        found[i] = (2 * e - d) / (2 * e + d)
    return found


@wrong("clamps the overlap of a row at 0, so that lanes far apart have no gradient")
def clamped(pred, gt, valid, e=15.0):
    overlap, union = _rows(pred, gt, e)
    return _ratio(overlap.clamp(min=0), union, valid)


@wrong("clamps the IoU of a lane at 0")
def clamped_late(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid, e).clamp(min=0)


@wrong("lets no IoU fall below -0.9, beyond which nothing is left of the gradient")
def bounded(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid, e).clamp(min=-0.9)


@wrong("leaves the gap between two intervals out of their union")
def without_gap(pred, gt, valid, e=15.0):
    overlap, _ = _rows(pred, gt, e)
    return _ratio(overlap, 4 * e - overlap.clamp(min=0), valid)


@wrong("divides by the lengths of both intervals without taking off what they share")
def over_both(pred, gt, valid, e=15.0):
    overlap, _ = _rows(pred, gt, e)
    return _ratio(overlap, torch.full_like(overlap, 4 * e), valid)


@wrong("averages the IoUs of the rows instead of dividing the two sums")
def mean_of_rows(pred, gt, valid, e=15.0):
    overlap, union = _rows(pred, gt, e)
    return (overlap / union * valid).sum(-1) / valid.sum(-1).clamp(min=1)


@wrong("takes e for the whole width of a lane instead of half of it")
def whole_width(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid, e / 2)


@wrong("ignores valid")
def without_valid(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, torch.ones_like(valid), e)


@wrong("counts the rows that are not valid, and leaves out the others")
def inverted(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, ~valid, e)


@wrong("counts the rows where the true x is not negative, instead of those that are valid")
def by_sign(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, gt >= 0, e)


@wrong("leaves valid rows out where the true lane is outside of the image")
def inside_only(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid & (gt >= 0), e)


@wrong("leaves valid rows out where the predicted lane is outside of the image")
def predicted_inside(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid & (pred >= 0), e)


@wrong("takes the absolute value of the overlap, so that lanes far apart look like near ones")
def unsigned(pred, gt, valid, e=15.0):
    overlap, union = _rows(pred, gt, e)
    return _ratio(overlap.abs(), union, valid)


@wrong("masks the overlaps but sums the unions of all rows")
def half_masked(pred, gt, valid, e=15.0):
    overlap, union = _rows(pred, gt, e)
    return (overlap * valid).sum(-1) / union.sum(-1)


@wrong("sets x to 0 in both lanes where a row is not valid, which counts there as a perfect match")
def zero_lanes(pred, gt, valid, e=15.0):
    return line_iou(pred * valid, gt * valid, torch.ones_like(valid), e)


@wrong("leaves out rows where the intervals do not meet")
def meeting_only(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid & ((pred - gt).abs() < 2 * e), e)


@wrong("divides zero by zero for a lane without a valid row")
def nan_when_invalid(pred, gt, valid, e=15.0):
    overlap, union = _rows(pred, gt, e)
    return (overlap * valid).sum(-1) / (union * valid).sum(-1)


@wrong("replaces the NaN of a lane without a valid row afterwards, which leaves a NaN in its gradient")
def nan_gradient(pred, gt, valid, e=15.0):
    found = nan_when_invalid(pred, gt, valid, e)
    return torch.where(valid.any(-1), found, torch.zeros_like(found))


@wrong("gives a lane without a valid row the IoU 1")
def one_when_invalid(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid, e) + (~valid.any(-1)).to(pred.dtype)


@wrong("drops lanes without a valid row from the result")
def dropped(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid, e)[valid.any(-1)]


@wrong("always uses 15 for e")
def fixed_width(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid)


@wrong("has another default of e")
def other_default(pred, gt, valid, e=7.5):
    return line_iou(pred, gt, valid, e)


@wrong("returns the loss, one minus the IoU")
def as_loss(pred, gt, valid, e=15.0):
    return 1 - line_iou(pred, gt, valid, e)


@wrong("averages over the lanes")
def averaged(pred, gt, valid, e=15.0):
    return line_iou(pred, gt, valid, e).mean()


@wrong("puts the rows of all lanes into one IoU, which every lane gets")
def pooled(pred, gt, valid, e=15.0):
    overlap, union = _rows(pred, gt, e)
    return _ratio(overlap.flatten(), union.flatten(), valid.flatten()).expand(len(pred))


@wrong("compares every predicted lane with every true one")
def all_pairs(pred, gt, valid, e=15.0):
    return torch.stack([line_iou(p.expand_as(gt), gt, valid, e) for p in pred])


@wrong("forgets that the distance between two lanes has no sign")
def signed(pred, gt, valid, e=15.0):
    gap = pred - gt
    return _ratio(2 * e - gap, 2 * e + gap, valid)


@wrong("widens a lane where it is slanted, by the slope from row to row")
def slanted(pred, gt, valid, e=15.0):
    slope = torch.diff(gt, dim=-1, append=gt[:, -1:]) * 0.1
    half = e * (1 + slope.square()).sqrt()
    return _ratio(2 * half - (pred - gt).abs(), 2 * half + (pred - gt).abs(), valid)


@wrong("adds a constant to the union that is not small beside it")
def padded_union(pred, gt, valid, e=15.0):
    overlap, union = _rows(pred, gt, e)
    return (overlap * valid).sum(-1) / ((union * valid).sum(-1) + 1)


@wrong("counts pixels with +1 in overlap and union")
def plus_one(pred, gt, valid, e=15.0):
    overlap, union = _rows(pred, gt, e)
    return _ratio(overlap + 1, union + 1, valid)


@wrong("is detached from the graph")
def detached(pred, gt, valid, e=15.0):
    return line_iou(pred.detach(), gt, valid, e)


@wrong("takes the union for a constant, without a gradient")
def constant_union(pred, gt, valid, e=15.0):
    overlap, union = _rows(pred, gt, e)
    return _ratio(overlap, union.detach(), valid)


@wrong("returns float32 whatever comes in")
def single_precision(pred, gt, valid, e=15.0):
    return line_iou(pred.float(), gt.float(), valid, e)


@wrong("writes into the caller's own tensors")
def in_place(pred, gt, valid, e=15.0):
    with torch.no_grad():
        pred[~valid] = 0
        gt[~valid] = 0
    return line_iou(pred, gt, valid, e)
