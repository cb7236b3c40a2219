"""A detector for one object, and its loss.

The model says what is in the image and where, or that there is nothing. It works on the feature map of
some backbone, of a size hw = (h, w) that is known beforehand:

    feat      [B, feat_ch, h, w]
    logits    [B, num_classes + 1]    mean of each channel over all positions, then one linear layer
    box       [B, 4]                  the flattened map, then one linear layer, then a sigmoid

* Class 0 is the background; the objects are classes 1 to num_classes. The logits get no softmax.
* The mean forgets where things are, so the box must be read from the map itself, flattened in the order
  channel, row, column into feat_ch * h * w numbers. Memory may be channels-last.
* box is (cx, cy, w, h) in shares of the image, each between 0 and 1. It stays in that form.
* Both linear layers have a bias; their weights are [num_classes + 1, feat_ch] and [4, feat_ch * h * w].
  There are no other parameters. Attributes may have any name.
* A batch of one keeps its batch axis. forward returns the tuple (logits, box).

detector_loss(logits, box, label, gt, beta, lam) = class term + lam * box term, a 0-d tensor with a graph
whose gradients reach logits and box:

* The class term is the mean cross-entropy of logits and label [B] over all samples, background included.
  Logits may be in the hundreds.
* The box term is the mean Smooth L1 of box against gt [B, 4] over the positive samples (label > 0) and
  their four coordinates; with d the difference of two coordinates and beta > 0,
      0.5 * d^2 / beta    if |d| < beta,        |d| - 0.5 * beta    otherwise.
* Without any positive sample the box term is 0, never NaN. The rows of gt of background samples hold
  arbitrary finite numbers and do not count, nor do their boxes: they get no gradient.
* B is at least 1. The inputs stay as they are. All tensors are on the CPU.

beta is small by default because coordinates lie between 0 and 1: with beta = 1 no difference would ever
leave the quadratic part, and the loss would be half of the mean square.

Example: logits of zeros for num_classes = 1, label (1, 0), first box off by (0.5, 0, 0, 0), beta = 0.2:
the class term is log 2, the box term (0.5 - 0.1) / 4 = 0.1, whatever the second box is. The loss is
0.793.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


class SingleBoxDetector(nn.Module):
    """A class from the pooled map, a box from the flattened map."""

    def __init__(self, feat_ch: int, hw: tuple[int, int], num_classes: int):
        super().__init__()
        raise NotImplementedError

    def forward(
        self, feat: Float[Tensor, "b feat_ch h w"]
    ) -> tuple[Float[Tensor, "b num_classes+1"], Float[Tensor, "b 4"]]:
        """Return the logits and the boxes (cx, cy, w, h)."""
        raise NotImplementedError


def detector_loss(
    logits: Float[Tensor, "b num_classes+1"],
    box: Float[Tensor, "b 4"],
    label: Int64[Tensor, " b"],
    gt: Float[Tensor, "b 4"],
    beta: float = 1 / 9,
    lam: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy plus lam times the mean Smooth L1 of the positives."""
    raise NotImplementedError
