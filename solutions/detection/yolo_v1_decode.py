"""Decode the output of YOLO v1.

YOLO v1 divides the image into S x S cells. For each cell the network gives B boxes with a confidence
each, and C class probabilities that all boxes of the cell share. Turn that tensor into a list of
detections.

* pred [S, S, B*5 + C]: the first axis is the cell's row (top to bottom), the second its column. The last
  axis holds B blocks (x, y, w, h, conf), one after the other, and then the C class probabilities.
* x and y give the box's centre relative to its cell: (0, 0) is the cell's upper left corner, (1, 1) its
  lower right. w and h are shares of the whole image. The image is a square of img by img pixels, so a
  cell measures img / S pixels, which need not be a whole number.
* pred holds final values: no sigmoid, no softmax, no square. w and h are not negative.
* Each box makes one candidate for every class: score = conf * class probability. Keep the candidates
  whose score is greater than thr; so a box may appear several times with different labels, or never.
* Return the tuple (boxes, scores, labels) of the N candidates that are kept:
    boxes [N, 4]    (x1, y1, x2, y2) in pixels, not clipped to the image
    scores [N]
    labels [N]      int64, classes from 0
  boxes and scores have the dtype of pred. N may be 0; the shapes are then [0, 4], [0] and [0].
* The order is that of the tensor: by row, then column, then box, then class, the last fastest. No NMS.
* pred stays as it is. All tensors are on the CPU. No gradient is asked for.

Example: S = 2, B = 1, C = 2, img = 100, thr = 0.25. The cell in row 0, column 1 holds the block
(0.5, 0.5, 0.4, 0.2, 0.5) and the class probabilities (0.75, 0.25). The scores are 0.375 and 0.125; only
the first is greater than thr. The centre is ((1 + 0.5) * 50, (0 + 0.5) * 50) = (75, 25), so the box is
(55, 15, 95, 35), with label 0.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 25
HINTS = (
    "Cut the last axis in two: what belongs to boxes, and what belongs to the cell. Which index of the "
    "tensor moves a box to the right?",
    "The column of the cell belongs to x, the row to y. For the scores, let the confidences of shape "
    "[S, S, B] meet the probabilities of shape [S, S, C] in one tensor with an axis for each.",
    "Scores of shape [S, S, B, C] have exactly the order that is asked for, so the positions of the entries "
    "above the threshold, found in row-major order, give cell, box and class of every detection. Pick the "
    "boxes by the first three of those.",
)


def yolo_v1_decode(
    pred: Float[Tensor, "s s 5*b+c"], B: int, C: int, img: int = 448, thr: float = 0.2
) -> tuple[Float[Tensor, "n 4"], Float[Tensor, " n"], Int64[Tensor, " n"]]:
    """Return the boxes in pixels, scores and labels of every candidate with a score above thr."""
    S, pred = pred.shape[0], pred.detach()  # results are final, nothing is trained through them
    blocks = pred[..., : B * 5].unflatten(-1, (B, 5))  # S S B 5
    probs = pred[..., B * 5 :]  # S S C
    scores = blocks[..., 4:] * probs[:, :, None]  # S S B C
    row, col, box, label = torch.where(scores > thr)
    x, y, w, h, _ = blocks[row, col, box].unbind(-1)
    cx, cy = (col + x) * img / S, (row + y) * img / S
    w, h = w * img, h * img
    boxes = torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], dim=-1)
    return boxes, scores[row, col, box, label], label


def _decoded(pred, B, C, img=448, *, down=None, right=None, scale=1.0, each=None):
    """All boxes [S, S, B, 4] and scores [S, S, B, C], with the steps that versions vary as arguments."""
    S = pred.shape[0]
    blocks = pred[..., : B * 5].reshape(S, S, B, 5)
    column = torch.arange(S)[None, :, None] if right is None else right
    row = torch.arange(S)[:, None, None] if down is None else down
    x, y, w, h, conf = blocks.unbind(-1)
    cell = img / S if each is None else each
    centre = torch.stack([(column + x) * cell, (row + y) * cell], dim=-1)
    half = torch.stack([w, h], dim=-1) * (img * scale / 2)
    scores = torch.einsum("yxb,yxc->yxbc", conf, pred[..., B * 5 :])
    return torch.cat([centre - half, centre + half], dim=-1), scores


def _chosen(boxes, scores, mask):
    n = scores.shape[-1]
    picked = mask.flatten().nonzero().flatten()
    return boxes.reshape(-1, 4)[picked // n], scores.flatten()[picked], picked % n


@right("cell by cell in plain Python")
def looped(pred, B, C, img=448, thr=0.2):
    boxes, scores, labels = [], [], []
    S = len(pred)
    for i in range(S):
        for j in range(S):
            cell = pred[i, j].tolist()
            for b in range(B):
                x, y, w, h, conf = cell[5 * b : 5 * b + 5]
                cx, cy, w, h = (j + x) / S * img, (i + y) / S * img, w * img, h * img
                for c in range(C):
                    score = conf * cell[5 * B + c]
                    if score > thr:
                        boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
                        scores.append(score)
                        labels.append(c)
    if not boxes:
        return torch.zeros((0, 4)), torch.zeros(0), torch.zeros(0, dtype=torch.long)
    return torch.tensor(boxes).to(pred), torch.tensor(scores).to(pred), torch.tensor(labels)


@right("with a mask over everything, flattened")
def flattened(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img)
    return list(_chosen(boxes, scores, scores > thr))


@right("with everything expanded to one row for each candidate")
def expanded(pred, B, C, img=448, thr=0.2):
    S = pred.size(0)
    grid_y, grid_x = torch.meshgrid(torch.arange(S), torch.arange(S), indexing="ij")
    p = pred[:, :, : 5 * B].reshape(S * S, B, 5)
    offset = torch.stack([grid_x, grid_y], dim=-1).reshape(S * S, 1, 2)
    centre = (p[..., :2] + offset) / S
    unit = torch.cat([centre - p[..., 2:4] / 2, centre + p[..., 2:4] / 2], dim=-1) * img
    boxes = unit.unsqueeze(2).expand(S * S, B, C, 4).reshape(-1, 4)
    scores = (p[..., 4, None] * pred[:, :, 5 * B :].reshape(S * S, 1, C)).reshape(-1)
    labels = torch.arange(C).repeat(S * S * B)
    keep = scores > thr
    return boxes[keep], scores[keep], labels[keep]


@right("with chunks, stacked box by box")
def chunked(pred, B, C, img=448, thr=0.2):
    S, rest = pred.shape[0], pred[..., 5 * B :]
    if C == 0:
        raise ValueError("no classes")
    stacked = torch.stack(pred[..., : 5 * B].chunk(B, dim=-1), dim=2).clone()
    stacked[..., 0] += torch.arange(S).view(1, S, 1)
    stacked[..., 1] += torch.arange(S).view(S, 1, 1)
    stacked[..., :2] *= img / S
    stacked[..., 2:4] *= img
    scores = stacked[..., 4].unsqueeze(-1) * rest.unsqueeze(2)
    at = (scores > thr).nonzero()
    cxcy, wh = stacked[at[:, 0], at[:, 1], at[:, 2], :4].split(2, dim=1)
    return torch.hstack([cxcy - wh / 2, cxcy + wh / 2]), scores[scores > thr], at[:, 3]


@wrong("exchanges x and y: it adds the row to x and the column to y")
def row_to_x(pred, B, C, img=448, thr=0.2):
    S = len(pred)
    boxes, scores = _decoded(
        pred, B, C, img, down=torch.arange(S)[None, :, None], right=torch.arange(S)[:, None, None]
    )
    return _chosen(boxes, scores, scores > thr)


@wrong("takes x and y as relative to the whole image")
def relative_to_image(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img, down=0, right=0, each=img)
    return _chosen(boxes, scores, scores > thr)


@wrong("takes w and h as shares of the cell instead of the image")
def extents_in_cells(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img, scale=1 / len(pred))
    return _chosen(boxes, scores, scores > thr)


@wrong("rounds the size of a cell down to whole pixels")
def whole_cells(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img, each=img // len(pred))
    return _chosen(boxes, scores, scores > thr)


@wrong("takes 7 cells for granted")
def seven_cells(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img, each=img / 7)
    return _chosen(boxes, scores, scores > thr)


@wrong("ignores img and decodes for 448 pixels")
def always_448(pred, B, C, img=448, thr=0.2):
    return yolo_v1_decode(pred, B, C, 448, thr)


@wrong("leaves the boxes in shares of the image instead of pixels")
def in_shares(pred, B, C, img=448, thr=0.2):
    return yolo_v1_decode(pred, B, C, 1, thr)


@wrong("ignores thr and keeps what is above 0.2")
def always_fifth(pred, B, C, img=448, thr=0.2):
    return yolo_v1_decode(pred, B, C, img, 0.2)


@wrong("keeps a score that is exactly the threshold")
def at_threshold(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img)
    return _chosen(boxes, scores, scores >= thr)


@wrong("compares the confidence alone with the threshold, instead of the score")
def by_confidence(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img)
    return _chosen(boxes, scores, (pred[..., 4 : B * 5 : 5] > thr)[..., None].expand_as(scores))


@wrong("takes the confidence for the score, without the class probability")
def confidence_as_score(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img)
    scores = pred[..., 4 : B * 5 : 5, None].expand_as(scores)
    return _chosen(boxes, scores, scores > thr)


@wrong("keeps only the most likely class of each box")
def best_class(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img)
    best = torch.arange(C) == scores.argmax(-1, keepdim=True)
    return _chosen(boxes, scores, best & (scores > thr))


@wrong("keeps only the most confident box of each cell")
def best_box(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img)
    best = torch.arange(B) == pred[..., 4 : B * 5 : 5].argmax(-1, keepdim=True)
    return _chosen(boxes, scores, best[..., None] & (scores > thr))


@wrong("reads all x first, then all y, and so on, instead of one block for each box")
def interleaved(pred, B, C, img=448, thr=0.2):
    blocks = pred[..., : B * 5].unflatten(-1, (5, B)).transpose(-1, -2).flatten(-2)
    return yolo_v1_decode(torch.cat([blocks, pred[..., B * 5 :]], dim=-1), B, C, img, thr)


@wrong("multiplies the confidence of the cell's first box with the probabilities, for all its boxes")
def first_confidence(pred, B, C, img=448, thr=0.2):
    pred = pred.clone()
    pred[..., 4 : B * 5 : 5] = pred[..., 4:5].clone()
    return yolo_v1_decode(pred, B, C, img, thr)


@wrong("applies a softmax to the class probabilities, which are final values already")
def softmax_again(pred, B, C, img=448, thr=0.2):
    probs = pred[..., B * 5 :].softmax(-1)
    return yolo_v1_decode(torch.cat([pred[..., : B * 5], probs], dim=-1), B, C, img, thr)


@wrong("takes w for the height and h for the width")
def height_first(pred, B, C, img=448, thr=0.2):
    pred = pred.clone()
    wide, high = pred[..., 2 : B * 5 : 5].clone(), pred[..., 3 : B * 5 : 5].clone()
    pred[..., 2 : B * 5 : 5], pred[..., 3 : B * 5 : 5] = high, wide
    return yolo_v1_decode(pred, B, C, img, thr)


@wrong("places every centre in the middle of its cell, and adds x and y to that")
def from_the_middle(pred, B, C, img=448, thr=0.2):
    n = torch.arange(len(pred)) + 0.5
    boxes, scores = _decoded(pred, B, C, img, down=n[:, None, None], right=n[None, :, None])
    return _chosen(boxes, scores, scores > thr)


@wrong("looks for the class probabilities before the boxes")
def classes_first(pred, B, C, img=448, thr=0.2):
    return yolo_v1_decode(torch.cat([pred[..., C:], pred[..., :C]], dim=-1), B, C, img, thr)


@wrong("takes the first number of a block for the confidence, before x, y, w and h")
def confidence_first(pred, B, C, img=448, thr=0.2):
    blocks = pred[..., : B * 5].unflatten(-1, (B, 5)).roll(-1, dims=-1).flatten(-2)
    return yolo_v1_decode(torch.cat([blocks, pred[..., B * 5 :]], dim=-1), B, C, img, thr)


@wrong("orders the candidates of a cell by class and then by box")
def class_before_box(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img)
    row, col, label, box = torch.where((scores > thr).transpose(-1, -2))
    return boxes[row, col, box], scores[row, col, box, label], label


@wrong("goes through the cells column by column")
def columns_first(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img)
    col, row, box, label = torch.where((scores > thr).transpose(0, 1))
    return boxes[row, col, box], scores[row, col, box, label], label


@wrong("sorts the detections by falling score")
def sorted_by_score(pred, B, C, img=448, thr=0.2):
    boxes, scores, labels = yolo_v1_decode(pred, B, C, img, thr)
    order = scores.argsort(descending=True, stable=True)
    return boxes[order], scores[order], labels[order]


@wrong("returns (cx, cy, w, h) instead of corners")
def as_centres(pred, B, C, img=448, thr=0.2):
    boxes, scores, labels = yolo_v1_decode(pred, B, C, img, thr)
    start, end = boxes.split(2, dim=-1)
    return torch.cat([(start + end) / 2, end - start], dim=-1), scores, labels


@wrong("adds the whole extent on either side of the centre")
def twice_as_large(pred, B, C, img=448, thr=0.2):
    boxes, scores = _decoded(pred, B, C, img, scale=2.0)
    return _chosen(boxes, scores, scores > thr)


@wrong("takes w and h for square roots and squares them")
def squared_extents(pred, B, C, img=448, thr=0.2):
    pred = pred.clone()
    for at in (2, 3):
        pred[..., at : B * 5 : 5] = pred[..., at : B * 5 : 5] ** 2
    return yolo_v1_decode(pred, B, C, img, thr)


@wrong("puts a sigmoid on x and y, which are final values already")
def sigmoid_again(pred, B, C, img=448, thr=0.2):
    pred = pred.clone()
    for at in (0, 1):
        pred[..., at : B * 5 : 5] = pred[..., at : B * 5 : 5].sigmoid()
    return yolo_v1_decode(pred, B, C, img, thr)


@wrong("clips the boxes to the image")
def clipped(pred, B, C, img=448, thr=0.2):
    boxes, scores, labels = yolo_v1_decode(pred, B, C, img, thr)
    return boxes.clamp(0, img), scores, labels


@wrong("counts the classes from 1")
def from_one(pred, B, C, img=448, thr=0.2):
    boxes, scores, labels = yolo_v1_decode(pred, B, C, img, thr)
    return boxes, scores, labels + 1


@wrong("collects Python numbers and returns float32 whatever comes in")
def single_precision(pred, B, C, img=448, thr=0.2):
    boxes, scores, labels = yolo_v1_decode(pred, B, C, img, thr)
    return boxes.float(), scores.float(), labels


@wrong("loses the second axis of boxes when nothing is kept")
def shapeless_when_empty(pred, B, C, img=448, thr=0.2):
    boxes, scores, labels = yolo_v1_decode(pred, B, C, img, thr)
    return (boxes if len(boxes) else boxes.flatten()), scores, labels


@wrong("returns labels as floating-point numbers when nothing is kept")
def float_labels_when_empty(pred, B, C, img=448, thr=0.2):
    boxes, scores, labels = yolo_v1_decode(pred, B, C, img, thr)
    return boxes, scores, (labels if len(labels) else torch.tensor([]))


@wrong("fails when nothing is kept, because there is nothing to stack")
def fails_when_empty(pred, B, C, img=448, thr=0.2):
    boxes, scores, labels = yolo_v1_decode(pred, B, C, img, thr)
    return torch.stack(list(boxes)), scores, labels


@wrong("moves the centres in the caller's own tensor")
def in_place(pred, B, C, img=448, thr=0.2):
    found = yolo_v1_decode(pred, B, C, img, thr)
    pred[..., 0] += torch.arange(len(pred))
    return found
