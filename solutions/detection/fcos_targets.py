"""Training targets of FCOS, the detector without anchors.

FCOS looks at every point of a feature map and asks: which object am I in, how far are its four sides,
and how close am I to its centre? Given the points and the ground truth, write down the right answers.

* points [L, 2] are (x, y); boxes [M, 4] are (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2, in pixels,
  from fractions of one to a few thousand; labels [M] are classes from 1 up, because 0 is the background.
* The distances of a point to the sides are l = x - x1, t = y - y1, r = x2 - x, b = y2 - y.
* A point is positive if it lies strictly inside at least one box: all four distances are greater than 0.
  On an edge or on a corner is not inside.
* A point inside several boxes belongs to the one with the smallest area; of equal areas, to the one with
  the lower index.
* Return the tuple (cls, ltrb, centerness):
    cls [L] int64          the label of the point's box, 0 for background
    ltrb [L, 4]            the distances (l, t, r, b) to the sides of that box, in pixels
    centerness [L]         sqrt( min(l, r) / max(l, r) * min(t, b) / max(t, b) )
  ltrb and centerness have the dtype of points. For background all three are zero, never NaN.
* L and M may be 0; with no boxes every point is background.
* Points and boxes have the same dtype. The inputs stay as they are. All tensors are on the CPU. No
  gradient is asked for: these are targets.

Example: the point (1, 1) in the box (0, 0, 5, 2) of class 3 has cls 3, ltrb (1, 1, 4, 1) and centerness
sqrt(1/4 * 1/1) = 0.5.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 30
HINTS = (
    "Work out the four distances of every point to every box, and read everything else off that one tensor.",
    "The smallest of the four distances says whether a point is inside. To choose among boxes, let those "
    "that do not hold the point compete with an infinite area. What if there are no boxes at all?",
    "Distances of shape [L, M, 4]; inside where their minimum over the last axis is positive; areas replaced "
    "by infinity outside; the position of the smallest area for each point; pick labels and distances there "
    "and put zeros where no box holds the point. The square root comes after that, so that it never sees a "
    "negative number.",
)


def fcos_targets(
    points: Float[Tensor, "l 2"], boxes: Float[Tensor, "m 4"], labels: Int64[Tensor, " m"]
) -> tuple[Int64[Tensor, " l"], Float[Tensor, "l 4"], Float[Tensor, " l"]]:
    """Return class, distances (l, t, r, b) and centre-ness of every point."""
    points, boxes = points.detach(), boxes.detach()  # targets carry no gradient
    if len(boxes) == 0:
        n = len(points)
        return labels.new_zeros(n), points.new_zeros(n, 4), points.new_zeros(n)
    distances = _distances(points, boxes)  # l m 4
    area = _areas(boxes).where(distances.amin(-1) > 0, torch.inf)  # l m
    smallest, box = area.min(dim=1)  # of equal areas the first
    positive = smallest < torch.inf
    cls = labels[box].where(positive, 0)
    ltrb = distances[torch.arange(len(points)), box].where(positive[:, None], 0)
    return cls, ltrb, _centerness(ltrb)


def _distances(points, boxes):
    return torch.cat([points[:, None] - boxes[:, :2], boxes[:, 2:] - points[:, None]], dim=-1)


def _areas(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).prod(-1)


def _centerness(ltrb):
    low = torch.minimum(ltrb[:, :2], ltrb[:, 2:])
    high = torch.maximum(ltrb[:, :2], ltrb[:, 2:])
    return (low / high.where(high > 0, 1)).prod(-1).sqrt()


def _by(points, boxes, labels, inside, cost):
    """Targets where the box of least cost is taken among those that hold the point."""
    if len(boxes) == 0:
        return fcos_targets(points, boxes, labels)
    least, box = cost.expand(len(points), -1).masked_fill(~inside, torch.inf).min(dim=1)
    positive = least < torch.inf
    ltrb = _distances(points, boxes)[torch.arange(len(points)), box].where(positive[:, None], 0)
    return labels[box].where(positive, 0), ltrb, _centerness(ltrb)


def _inside(points, boxes):
    return (_distances(points, boxes) > 0).all(-1)


@right("point by point")
def pointwise(points, boxes, labels):
    cls = torch.zeros(len(points), dtype=torch.long)
    ltrb = torch.zeros(len(points), 4, dtype=points.dtype)
    centerness = torch.zeros(len(points), dtype=points.dtype)
    for i, (x, y) in enumerate(points.tolist()):
        best = float("inf")
        for (x1, y1, x2, y2), label in zip(boxes.tolist(), labels.tolist()):
            area = (x2 - x1) * (y2 - y1)
            if x1 < x < x2 and y1 < y < y2 and area < best:
                best = area
                cls[i] = label
                le, to, ri, bo = x - x1, y - y1, x2 - x, y2 - y
                ltrb[i] = torch.tensor([le, to, ri, bo], dtype=points.dtype)
                centerness[i] = (min(le, ri) / max(le, ri) * (min(to, bo) / max(to, bo))) ** 0.5
    return cls, ltrb, centerness


@right("by painting the boxes from the largest to the smallest")
def painted(points, boxes, labels):
    cls, ltrb = labels.new_zeros(len(points)), torch.zeros(len(points), 4).to(points)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    # Stable and upwards, then backwards: of equal areas the lower index is painted last.
    for j in area.argsort(stable=True).flip(0).tolist():
        d = torch.stack(
            [
                points[:, 0] - boxes[j, 0],
                points[:, 1] - boxes[j, 1],
                boxes[j, 2] - points[:, 0],
                boxes[j, 3] - points[:, 1],
            ],
            1,
        )
        hit = d.min(dim=1).values > 0
        cls[hit], ltrb[hit] = labels[j], d[hit]
    left, top, right, bottom = ltrb.unbind(1)
    horizontal = torch.min(left, right) / (torch.max(left, right) + 1e-9)
    vertical = torch.min(top, bottom) / (torch.max(top, bottom) + 1e-9)
    return cls, ltrb, torch.sqrt(horizontal) * torch.sqrt(vertical)


@right("with a large number for boxes that do not hold the point, and masked writing")
def masked(points, boxes, labels):
    cls = torch.zeros(len(points), dtype=torch.int64)
    ltrb, centerness = torch.zeros(len(points), 4), torch.zeros(len(points))
    if boxes.shape[0] == 0:
        return [cls, ltrb.to(points.dtype), centerness.to(points.dtype)]
    x, y = points[:, 0:1], points[:, 1:2]
    all_ltrb = torch.stack([x - boxes[:, 0], y - boxes[:, 1], boxes[:, 2] - x, boxes[:, 3] - y], dim=2)
    area = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).repeat(len(points), 1)
    area[all_ltrb.min(dim=2)[0] <= 0] = 1e8
    index = area.argmin(dim=1)
    pos = area.gather(1, index[:, None])[:, 0] < 1e8
    cls[pos] = labels[index[pos]]
    ltrb, centerness = ltrb.to(points.dtype), centerness.to(points.dtype)
    ltrb[pos] = all_ltrb[pos, index[pos]]
    lr, tb = ltrb[pos][:, [0, 2]], ltrb[pos][:, [1, 3]]
    ratio = (lr.min(1).values / lr.max(1).values) * (tb.min(1).values / tb.max(1).values)
    centerness[pos] = ratio.sqrt()
    return cls, ltrb, centerness


@right("with empty results of the default dtype")
def default_when_empty(points, boxes, labels):
    n = len(points)
    if n == 0 or len(boxes) == 0:
        return torch.zeros(n, dtype=torch.long), torch.zeros(n, 4), torch.zeros(n)
    return masked(points, boxes, labels)


@wrong("orders the distances left, right, top, bottom")
def as_lrtb(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    return cls, ltrb[:, [0, 2, 1, 3]], centerness


@wrong("takes centre-ness without the square root")
def without_root(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    return cls, ltrb, centerness**2


@wrong("pairs l with t and r with b in the centre-ness")
def wrong_pairs(points, boxes, labels):
    cls, ltrb, _ = fcos_targets(points, boxes, labels)
    return cls, ltrb, _centerness(ltrb[:, [0, 2, 1, 3]])


@wrong("fails when there are no boxes, because there is no smallest of nothing")
def fails_without_boxes(points, boxes, labels):
    _areas(boxes).argmin()
    return fcos_targets(points, boxes, labels)


@wrong("counts a point on the edge of a box as inside it")
def edge_is_inside(points, boxes, labels):
    inside = (_distances(points, boxes) >= 0).all(-1)
    return _by(points, boxes, labels, inside, _areas(boxes))


@wrong("takes the largest box that holds the point")
def largest(points, boxes, labels):
    return _by(points, boxes, labels, _inside(points, boxes), -_areas(boxes))


@wrong("compares boxes by width plus height instead of area")
def by_perimeter(points, boxes, labels):
    half = (boxes[:, 2:] - boxes[:, :2]).sum(-1)
    return _by(points, boxes, labels, _inside(points, boxes), half)


@wrong("divides the smallest of all four distances by the largest in the centre-ness")
def all_four(points, boxes, labels):
    cls, ltrb, _ = fcos_targets(points, boxes, labels)
    most = ltrb.amax(1)
    return cls, ltrb, (ltrb.amin(1) / most.where(most > 0, 1)).sqrt()


@wrong("counts only points near the centre of a box as positive")
def near_the_centre(points, boxes, labels):
    quarter = (boxes[:, 2:] - boxes[:, :2]) / 4
    core = torch.cat([boxes[:, :2] + quarter, boxes[:, 2:] - quarter], dim=-1)
    return _by(points, boxes, labels, _inside(points, core), _areas(boxes))


@wrong("takes the first box that holds the point, whatever its area")
def first(points, boxes, labels):
    return _by(points, boxes, labels, _inside(points, boxes), torch.arange(len(boxes)).to(boxes))


@wrong("takes the last of several boxes with the same area")
def last_of_ties(points, boxes, labels):
    return fcos_targets(points, boxes.flip(0), labels.flip(0))


@wrong("takes the box whose centre is nearest")
def nearest(points, boxes, labels):
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = (points[:, None] - centres).square().sum(-1)
    return _by(points, boxes, labels, _inside(points, boxes), away)


@wrong("takes the smallest box of all, and then asks whether it holds the point")
def smallest_of_all(points, boxes, labels):
    if len(boxes) == 0:
        return fcos_targets(points, boxes, labels)
    box = _areas(boxes).argmin()
    return fcos_targets(points, boxes[box][None], labels[box][None])


@wrong("leaves the distances of a background point to some box instead of zeros")
def background_distances(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    if len(boxes) == 0:
        return cls, ltrb, centerness
    area = _areas(boxes).where(_inside(points, boxes), torch.inf)
    near = _distances(points, boxes)[torch.arange(len(points)), area.argmin(1)]
    return cls, torch.where(cls[:, None] > 0, ltrb, near), centerness


@wrong("takes the root of a negative number for background points, which times zero is still NaN")
def nan_for_background(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    if len(boxes) == 0:
        return cls, ltrb, centerness
    area = _areas(boxes).where(_inside(points, boxes), torch.inf)
    start, end = _distances(points, boxes)[torch.arange(len(points)), area.argmin(1)].split(2, dim=1)
    ratio = (torch.minimum(start, end) / torch.maximum(start, end)).prod(1)
    return cls, ltrb, ratio.sqrt() * (cls > 0)


@wrong("divides zero by zero for background points")
def zero_by_zero(points, boxes, labels):
    cls, ltrb, _ = fcos_targets(points, boxes, labels)
    start, end = ltrb.split(2, dim=1)
    ratio = (torch.minimum(start, end) / torch.maximum(start, end)).prod(1)
    return cls, ltrb, ratio.sqrt()


@wrong("divides by at least 1 in the centre-ness, which is too much close to the sides of a small box")
def floored_at_one(points, boxes, labels):
    cls, ltrb, _ = fcos_targets(points, boxes, labels)
    low, high = torch.minimum(ltrb[:, :2], ltrb[:, 2:]), torch.maximum(ltrb[:, :2], ltrb[:, 2:])
    return cls, ltrb, (low / high.clamp(min=1)).prod(-1).sqrt()


@wrong("gives background points the label of the first box")
def no_background(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    return (torch.where(cls > 0, cls, labels[0]) if len(labels) else cls), ltrb, centerness


@wrong("counts the classes from 0 and marks background with -1")
def background_below(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    return cls - 1, ltrb, centerness


@wrong("returns the index of the box in place of its label")
def index_for_label(points, boxes, labels):
    return fcos_targets(points, boxes, torch.arange(1, len(labels) + 1))


@wrong("reads the points as (y, x)")
def row_first(points, boxes, labels):
    return fcos_targets(points.flip(1), boxes, labels)


@wrong("measures the distances in shares of the box's extents")
def in_shares(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    extent = ltrb[:, :2] + ltrb[:, 2:]
    return cls, ltrb / extent.where(extent > 0, 1).repeat(1, 2), centerness


@wrong("marks boxes that do not hold the point with an area of 9999, which real boxes exceed")
def too_small_infinity(points, boxes, labels):
    if len(boxes) == 0:
        return fcos_targets(points, boxes, labels)
    least, box = _areas(boxes).where(_inside(points, boxes), 9999).min(dim=1)
    positive = least < 9999
    ltrb = _distances(points, boxes)[torch.arange(len(points)), box].where(positive[:, None], 0)
    return labels[box].where(positive, 0), ltrb, _centerness(ltrb)


@wrong("returns the classes as floating-point numbers")
def float_classes(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    return cls.to(points.dtype), ltrb, centerness


@wrong("returns float32 whatever comes in")
def single_precision(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    return cls, ltrb.float(), centerness.float()


@wrong("gives centre-ness a second axis of size one")
def column(points, boxes, labels):
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    return cls, ltrb, centerness[:, None]
