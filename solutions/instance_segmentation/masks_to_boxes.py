"""Boxes around masks.

Given N masks on an image of H x W pixels, return for each the smallest box that holds all its pixels.
masks is bool [N, H, W], row y and column x; the result is float32 [N, 4] with rows (x1, y1, x2, y2).

* Boxes are half-open, as a slice is: x1 is the first column that holds a pixel of the mask, x2 is the
  last such column plus one, so that x2 - x1 is the width in pixels. So it is for rows with y1 and y2.
* A mask may have holes or several parts: its box surrounds them all.
* A mask without any pixel gets the box (0, 0, 0, 0).
* N may be 0: the result is then [0, 4]. H and W are at least 1, and may be 1 or far above 255.
* masks stays as it is. All tensors are on the CPU.

Example: a mask that holds nothing but the pixels (row 1, column 2) and (row 3, column 4) has the box
(2, 1, 5, 4).
"""

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "A box knows nothing of the inside of a mask. Which columns are occupied at all, and which rows?",
    "Whether a column holds a pixel is a reduction over rows with any. That turns the task into one of "
    "vectors: the first and the last True of each. What do these say of a vector without any True?",
    "On a vector of booleans, arg-max finds the first True, and on the reversed vector it tells how many "
    "places from the end the last one is; the length less that number is the half-open end. At the end set "
    "the boxes of masks without pixels to zero.",
)


def masks_to_boxes(masks: Bool[Tensor, "n h w"]) -> Float32[Tensor, "n 4"]:
    """Return the box (x1, y1, x2, y2) of each mask, half-open; zeros for an empty mask."""
    x1, x2 = _span(masks.any(dim=1))
    y1, y2 = _span(masks.any(dim=2))
    boxes = torch.stack([x1, y1, x2, y2], dim=1) * masks.any(dim=2).any(dim=1)[:, None]
    return boxes.to(torch.float32)


def _span(occupied: Bool[Tensor, "n length"]):
    """First True of each row, and one past its last."""
    places = occupied.to(torch.uint8)
    return places.argmax(dim=1), occupied.shape[1] - places.flip(1).argmax(dim=1)


@right("mask by mask, from the coordinates of its pixels")
def looped(masks):
    boxes = torch.zeros(len(masks), 4)
    for i, mask in enumerate(masks):
        y, x = torch.where(mask)
        if len(x):
            boxes[i] = torch.tensor([x.min(), y.min(), x.max() + 1, y.max() + 1])
    return boxes


@right("with coordinates in place of the pixels, and values out of reach elsewhere")
def by_filling(masks):
    _, h, w = masks.shape
    y, x = torch.arange(h)[None, :, None], torch.arange(w)[None, None]
    first = [torch.where(masks, c, 10**6).amin((1, 2)) for c in (x, y)]
    past = [torch.where(masks, c + 1, 0).amax((1, 2)) for c in (x, y)]
    boxes = torch.stack(first + past, 1).float()
    boxes[~masks.flatten(1).any(1)] = 0
    return boxes


@right("in plain Python lists")
def in_lists(masks):
    rows = []
    for mask in masks.tolist():
        ys = [i for i, row in enumerate(mask) if any(row)]
        xs = [j for j in range(len(mask[0])) if any(row[j] for row in mask)]
        rows.append([min(xs), min(ys), max(xs) + 1, max(ys) + 1] if xs else [0] * 4)
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


@right("with running counts along each axis")
def by_running_counts(masks):
    def ends(occupied):
        first = (occupied.cumsum(1) == 0).sum(1)
        last = occupied.shape[1] - (occupied.flip(1).cumsum(1) == 0).sum(1)
        return first, last

    x1, x2 = ends(masks.any(-2))
    y1, y2 = ends(masks.any(-1))
    boxes = torch.stack((x1, y1, x2, y2), -1)
    return torch.where(masks.sum((1, 2))[:, None] > 0, boxes, 0).to(torch.get_default_dtype())


@wrong("ends the box at the last pixel instead of one past it")
def inclusive(masks):
    boxes = masks_to_boxes(masks)
    boxes[:, 2:] = (boxes[:, 2:] - 1).clamp(min=0)
    return boxes


@wrong("starts the box one pixel too early instead of ending it one later")
def shifted(masks):
    boxes = masks_to_boxes(masks)
    return torch.where(boxes[:, 2:3] > 0, boxes - 1, boxes)


@wrong("exchanges rows and columns: (y1, x1, y2, x2)")
def rows_first(masks):
    return masks_to_boxes(masks)[:, [1, 0, 3, 2]]


@wrong("returns a corner and the extents instead of two corners")
def corner_and_extent(masks):
    x1y1, x2y2 = masks_to_boxes(masks).split(2, dim=1)
    return torch.cat([x1y1, x2y2 - x1y1], dim=1)


@wrong("fails on a mask without pixels, which has no smallest coordinate")
def fails_when_empty(masks):
    boxes = torch.zeros(len(masks), 4)
    for i, mask in enumerate(masks):
        y, x = torch.where(mask)
        boxes[i] = torch.tensor([x.min(), y.min(), x.max() + 1, y.max() + 1])
    return boxes


@wrong("gives a mask without pixels the whole image for a box")
def whole_image_when_empty(masks):
    x1, x2 = _span(masks.any(dim=1))
    y1, y2 = _span(masks.any(dim=2))
    return torch.stack([x1, y1, x2, y2], dim=1).float()


@wrong("gives a mask without pixels a box turned inside out, with its start beyond its end")
def inside_out_when_empty(masks):
    _, h, w = masks.shape
    boxes = masks_to_boxes(masks)
    return torch.where(boxes[:, 2:3] > 0, boxes, torch.tensor([w, h, 0, 0]).float())


@wrong("gives a mask without pixels a box of one pixel")
def one_pixel_when_empty(masks):
    boxes = masks_to_boxes(masks)
    return torch.where(boxes[:, 2:3] > 0, boxes, torch.tensor([0.0, 0, 1, 1]))


@wrong("leaves out the boxes of masks without pixels")
def drops_empty(masks):
    return masks_to_boxes(masks[masks.any(dim=2).any(dim=1)])


@wrong("multiplies the mask with its coordinates, so that the smallest is always the 0 outside of it")
def always_from_zero(masks):
    boxes = masks_to_boxes(masks)
    boxes[:, :2] = 0
    return boxes


@wrong("looks for the column and the row with the most pixels instead of the first with any")
def fullest(masks):
    boxes = masks_to_boxes(masks)
    boxes[:, 0], boxes[:, 1] = masks.sum(dim=1).argmax(dim=1), masks.sum(dim=2).argmax(dim=1)
    return boxes


@wrong("reads the columns of the first occupied row only")
def first_row_only(masks):
    boxes = masks_to_boxes(masks)
    for i, box in enumerate(boxes.long().tolist()):
        xs = torch.nonzero(masks[i, box[1]]).flatten()
        if len(xs):
            boxes[i, 0], boxes[i, 2] = xs[0], xs[-1] + 1
    return boxes


@wrong("takes the columns of the first and the last pixel in reading order for the outermost")
def reading_order(masks):
    boxes = masks_to_boxes(masks)
    for i, mask in enumerate(masks):
        x = torch.where(mask)[1]
        if len(x):
            boxes[i, 0], boxes[i, 2] = x[0], x[-1] + 1
    return boxes


@wrong("boxes the first run of occupied columns and rows, and stops at a gap")
def stops_at_gap(masks):
    boxes = masks_to_boxes(masks)
    for i, mask in enumerate(masks):
        for axis, (start, end) in enumerate(((0, 2), (1, 3))):
            occupied = mask.any(dim=axis).tolist()
            at = int(boxes[i, start])
            while at < len(occupied) and occupied[at]:
                at += 1
            boxes[i, end] = at
    return boxes


@wrong("measures the extents by counting occupied columns and rows, gaps left out")
def counts_occupied(masks):
    boxes = masks_to_boxes(masks)
    counts = torch.stack([masks.any(dim=1).sum(dim=1), masks.any(dim=2).sum(dim=1)], dim=1)
    boxes[:, 2:] = boxes[:, :2] + counts
    return boxes


@wrong("keeps coordinates in eight bits, which wrap around beyond 255")
def eight_bits(masks):
    return masks_to_boxes(masks).to(torch.int64).to(torch.uint8).float()


@wrong("returns whole numbers of type int64")
def as_integers(masks):
    return masks_to_boxes(masks).long()


@wrong("returns float64")
def double_precision(masks):
    return masks_to_boxes(masks).double()


@wrong("fails when there is no mask at all")
def fails_without_masks(masks):
    return torch.stack([masks_to_boxes(mask[None])[0] for mask in masks])


@wrong("clears the caller's masks along the way")
def in_place(masks):
    boxes = masks_to_boxes(masks)
    masks &= False
    return boxes


@wrong("divides by the size of the image")
def normalised(masks):
    _, h, w = masks.shape
    return masks_to_boxes(masks) / torch.tensor([w, h, w, h])


@wrong("exchanges height and width where it counts back from the end")
def other_end(masks):
    x1, x2 = _span(masks.any(dim=1))
    y1, y2 = _span(masks.any(dim=2))
    _, h, w = masks.shape
    boxes = torch.stack([x1, y1, x2 - w + h, y2 - h + w], dim=1)
    return (boxes * masks.any(dim=2).any(dim=1)[:, None]).float()
