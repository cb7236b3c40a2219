"""Intersection over union of masks.

Given N masks and M masks of the same H x W pixels, return the matrix whose entry (i, j) is the number of
pixels that a[i] and b[j] share, divided by the number of pixels that at least one of them holds.

* a is bool [N, H, W], b is bool [M, H, W]; the result is float32 [N, M].
* Two masks without any pixel have IoU 0, never NaN. So has any mask with an empty one.
* N or M may be 0: the result then has no rows or no columns. H and W are at least 1; masks may hold
  hundreds of pixels or more.
* a and b stay as they are. All tensors are on the CPU.
* There is a time limit: 150 masks against 150, of 8 x 8 pixels each, have to be done in 0.1 seconds. A
  Python loop over all pairs of masks takes too long; one matrix product takes about a millisecond.

Example: the masks (1, 1, 0, 0) and (0, 1, 1, 1), on an image of one row, share 1 of 4 pixels: IoU 1/4.
"""

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Write a mask as a vector of zeros and ones. What is the dot product of two such vectors?",
    "All dot products of two sets of vectors are one matrix product, which wants floats. The union needs no "
    "second look at the pixels: how large are two sets together if you know what they share?",
    "Flatten all axes but the first and convert to float32; the product of one matrix with the other's "
    "transpose counts what is shared. The union is the sum of both areas, one as a column and one as a row, "
    "less that; raise it to at least one before you divide.",
)


def mask_iou(a: Bool[Tensor, "n h w"], b: Bool[Tensor, "m h w"]) -> Float32[Tensor, "n m"]:
    """Return the IoU of every mask of a with every mask of b."""
    a, b = a.flatten(1).float(), b.flatten(1).float()  # n hw, m hw
    shared = a @ b.T
    union = a.sum(dim=1)[:, None] + b.sum(dim=1) - shared
    return shared / union.clamp(min=1)  # an empty union has nothing to share


@right("with whole numbers and a choice where the union is empty")
def in_integers(a, b):
    a, b = a.flatten(1).long(), b.flatten(1).long()
    shared = torch.mm(a, b.t())
    union = a.sum(1, keepdim=True) + b.sum(1)[None] - shared
    return torch.where(union > 0, shared / union, torch.zeros(()))


@right("with an Einstein sum in double precision and a tiny constant")
def summed(a, b):
    a, b = a.double(), b.double()
    shared = torch.einsum("nhw,mhw->nm", a, b)
    either = torch.einsum("nhw,mhw->nm", 1 - a, 1 - b)
    return (shared / (a[0].numel() - either + 1e-9)).float() if len(a) else shared.float()


@right("with every pair of masks spread out")
def spread(a, b):
    shared = (a[:, None] & b[None]).sum(dim=(2, 3))
    union = (a[:, None] | b[None]).sum(dim=(2, 3))
    return torch.nan_to_num(shared / union, nan=0.0)


@right("with a loop over the rows only")
def row_by_row(a, b):
    iou = torch.zeros(len(a), len(b))
    area = b.sum((-2, -1))
    for i, mask in enumerate(a):
        shared = (mask & b).sum((-2, -1))
        iou[i] = shared / (mask.sum() + area - shared).clamp_min(1)
    return iou


def _counts(a, b):
    a, b = a.flatten(1).float(), b.flatten(1).float()
    return a @ b.T, a.sum(dim=1)[:, None], b.sum(dim=1)[None]


@wrong("loops over all pairs, which takes too long")
def pair_by_pair(a, b):
    iou = torch.zeros(len(a), len(b))
    for i in range(len(a)):
        for j in range(len(b)):
            shared = torch.logical_and(a[i], b[j]).sum()
            union = torch.logical_or(a[i], b[j]).sum()
            iou[i, j] = shared / union if union > 0 else 0.0
    return iou


@wrong("divides zero by zero for two empty masks")
def nan_when_empty(a, b):
    shared, area_a, area_b = _counts(a, b)
    return shared / (area_a + area_b - shared)


@wrong("calls two empty masks a perfect match")
def one_when_empty(a, b):
    shared, area_a, area_b = _counts(a, b)
    union = area_a + area_b - shared
    return torch.where(union > 0, shared / union.clamp(min=1), 1.0)


@wrong("adds one to both counts, to be safe")
def smoothed(a, b):
    shared, area_a, area_b = _counts(a, b)
    return (shared + 1) / (area_a + area_b - shared + 1)


@wrong("adds a constant to the union that is not small beside it")
def padded_union(a, b):
    shared, area_a, area_b = _counts(a, b)
    return shared / (area_a + area_b - shared + 1)


@wrong("divides by at least two pixels, so that a single one does not match itself")
def floored_too_high(a, b):
    shared, area_a, area_b = _counts(a, b)
    return shared / (area_a + area_b - shared).clamp(min=2)


@wrong("counts the shared pixels twice in the union")
def union_too_large(a, b):
    shared, area_a, area_b = _counts(a, b)
    return shared / (area_a + area_b).clamp(min=1)


@wrong("returns the Dice coefficient, twice what is shared over the sum of the areas")
def dice(a, b):
    shared, area_a, area_b = _counts(a, b)
    return 2 * shared / (area_a + area_b).clamp(min=1)


@wrong("divides by the area of the smaller mask")
def over_smaller(a, b):
    shared, area_a, area_b = _counts(a, b)
    return shared / torch.minimum(area_a, area_b).clamp(min=1)


@wrong("divides by the area of the first mask only")
def over_first(a, b):
    shared, area_a, _ = _counts(a, b)
    return shared / area_a.clamp(min=1)


@wrong("divides by the number of pixels of the image")
def over_image(a, b):
    shared, _, _ = _counts(a, b)
    return shared / (a.shape[1] * a.shape[2])


@wrong("returns the number of shared pixels without dividing")
def undivided(a, b):
    return _counts(a, b)[0]


@wrong("counts in eight bits, which wrap around beyond 255 pixels")
def eight_bits(a, b):
    a, b = a.flatten(1).to(torch.uint8), b.flatten(1).to(torch.uint8)
    shared = (a @ b.T).float()
    union = a.sum(dim=1)[:, None] + b.sum(dim=1) - shared
    return shared / union.clamp(min=1)


@wrong("counts in half precision, which cannot hold more than 65,504 pixels")
def half_precision(a, b):
    a, b = a.flatten(1).half(), b.flatten(1).half()
    shared = (a @ b.T).float()
    union = a.float().sum(dim=1)[:, None] + b.float().sum(dim=1) - shared
    return shared / union.clamp(min=1)


@wrong("leaves the length of the flattened masks to reshape, which cannot tell it when there are none")
def reshaped(a, b):
    return mask_iou(a.reshape(len(a), -1, 1), b.reshape(len(b), -1, 1))


@wrong("compares the boxes around the masks instead of their pixels")
def of_boxes(a, b):
    def filled(masks):
        rows, columns = masks.any(dim=2), masks.any(dim=1)
        spans = [((t.cumsum(1) > 0) & (t.flip(1).cumsum(1).flip(1) > 0)) for t in (rows, columns)]
        return spans[0][:, :, None] & spans[1][:, None]

    return mask_iou(filled(a), filled(b))


@wrong("counts pixels on which both agree, empty ones too")
def agreement(a, b):
    a, b = a.flatten(1).float(), b.flatten(1).float()
    return (a @ b.T + (1 - a) @ (1 - b).T) / a.shape[1]


@wrong("returns the transpose: a row for each mask of b")
def transposed(a, b):
    return mask_iou(a, b).T


@wrong("compares mask i of a with mask i of b only")
def by_pairs(a, b):
    shared = (a & b).sum((1, 2))
    return shared / (a | b).sum((1, 2)).clamp(min=1)


@wrong("returns float64")
def double_precision(a, b):
    return mask_iou(a, b).double()


@wrong("marks what is shared in the caller's own masks")
def in_place(a, b):
    iou = mask_iou(a, b)
    for mask in b:
        a &= mask
    return iou


@wrong("sums over the rows of the image only, which leaves an axis")
def sums_rows(a, b):
    shared = (a[:, None] & b[None]).sum(dim=2)
    return shared / (a[:, None] | b[None]).sum(dim=2).clamp(min=1)
