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


def yolo_v1_decode(
    pred: Float[Tensor, "s s 5*b+c"], B: int, C: int, img: int = 448, thr: float = 0.2
) -> tuple[Float[Tensor, "n 4"], Float[Tensor, " n"], Int64[Tensor, " n"]]:
    """Return the boxes in pixels, scores and labels of every candidate with a score above thr."""
    raise NotImplementedError
