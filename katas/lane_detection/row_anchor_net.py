"""A whole lane detector with row anchors, and its loss.

Ultra Fast Lane Detection finds lanes without segmenting anything: for each lane and each of a few fixed
image rows (the row anchors) it chooses one of `cells` columns, or "no lane". Build the network for
images of any height H and width W:

    x          [B, 3, H, W]
    encode     [B, feat_ch, h, w]                 the backbone's map; h, w depend on H, W and its stride
    compress   [B, 8 * fh * fw]                   from the map, in three steps:
                 [B, feat_ch, fh, fw]               adaptive average pooling to fhw = (fh, fw)
                 [B, 8, fh, fw]                     one 1x1 convolution to 8 channels, with bias
                 [B, 8 * fh * fw]                   flattened: channel by channel, row by row
    classify   [B, lanes, rows, cells + 1]        from that vector, in four steps:
                 [B, hidden]                        a linear layer with bias
                 [B, hidden]                        ReLU
                 [B, lanes * rows * (cells + 1)]    a linear layer with bias
                 [B, lanes, rows, cells + 1]        the same numbers in this order, the last axis fastest
    forward    [B, lanes, rows, cells + 1]        the scores

* RowAnchorNet has the methods encode(x), compress(features), classify(vector) and forward(x); forward
  uses the other three.
* fhw is a tuple of two ints, height first.
* The linear layers see the whole image at once, which lets them guess lanes behind cars, but they take
  maps of one size only. The pooling before them lets images have any size. As torch's adaptive average
  pooling has it, row i of the result is the mean of the rows floor(i * h / fh) up to, but without,
  ceil((i + 1) * h / fh) of the map, and the columns likewise. A map of fh x fw stays as it is; a smaller
  one is enlarged by the same rule.
* The last index, `cells`, is "no lane". Return logits: no softmax. There is no ReLU after the 1x1
  convolution, and no dropout or batch normalisation in the head.
* The backbone is handed in and belongs to the model: it is trained, and its mode follows the model's.
  Attributes may have any name.

lane_loss(outputs, targets) = mean cross-entropy over all lanes and rows of the batch:

* outputs are logits [B, lanes, rows, cells + 1], targets columns [B, lanes, rows] (long), from 0 to
  cells.
* Each lane and row is one choice among cells + 1 classes. "no lane" is a class like the others and
  counts as much: a network that never learns it sees lanes everywhere.
* The result is a 0-d tensor whose gradients reach outputs. Logits may be in the hundreds. The inputs
  stay as they are.

Example: feat_ch = 512, fhw = (9, 25), lanes = 4, rows = 56, cells = 100 and hidden = 2048, the numbers
for images of 288 x 800, add 50,049,128 parameters to those of the backbone: 4,104 in the convolution and
50,045,024 in the two linear layers. With outputs of zeros and 100 columns the loss is log 101 = 4.615,
whatever the targets.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


class RowAnchorNet(nn.Module):
    """Backbone, pooling, 1x1 convolution, and two linear layers over the whole map."""

    def __init__(
        self,
        backbone: nn.Module,
        feat_ch: int,
        fhw: tuple[int, int],
        lanes: int,
        rows: int,
        cells: int,
        hidden: int,
    ):
        super().__init__()
        raise NotImplementedError

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b feat_ch hs ws"]:
        """Return the backbone's map."""
        raise NotImplementedError

    def compress(self, features: Float[Tensor, "b feat_ch hs ws"]) -> Float[Tensor, "b 8*fh*fw"]:
        """Return the map as one vector per image, of a length that no longer depends on its size."""
        raise NotImplementedError

    def classify(self, vector: Float[Tensor, "b 8*fh*fw"]) -> Float[Tensor, "b lanes rows cells+1"]:
        """Return the scores of every lane and row."""
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b lanes rows cells+1"]:
        """Return the scores of every lane and row of the images."""
        raise NotImplementedError


def lane_loss(
    outputs: Float[Tensor, "b lanes rows cells+1"], targets: Int64[Tensor, "b lanes rows"]
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy over all lanes and rows."""
    raise NotImplementedError
