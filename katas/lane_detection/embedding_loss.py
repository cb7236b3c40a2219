"""The discriminative loss of lane embeddings.

How many lanes there are differs from image to image, so no channel can stand for one lane. LaneNet gives
every pixel an embedding instead, a vector of E numbers, and trains it so that a clustering can tell the
lanes apart: the pixels of a lane are pulled to their mean, the means of different lanes are pushed away
from each other. emb [E, H, W] holds the embeddings of one image, ids [H, W] the lane of each pixel.

* id 0 is background, which takes part in nothing. Every other id is a lane; the ids of an image are
  positive but need not be 1, 2, 3 and so on, and there need not be any background.
* mu of a lane is the mean of the embeddings of its pixels. | | is the Euclidean length (not its square),
  relu(t) = max(t, 0).

    pull = mean over lanes of the mean over a lane's pixels x of  relu(|x - mu| - dv)^2
    push = mean over ordered pairs of different lanes a, b of  relu(dd - |mu_a - mu_b|)^2

* So a lane weighs the same however many pixels it has, and a lane makes no pair with itself.
* The margin between two means is dd, as in LaneNet; the first paper on this loss has twice its delta.
  dv and dd are not negative. There is no third term.
* With one lane push is 0, with none both are 0. These zeros need no gradient.
* Return the tuple (pull, push) of two 0-d tensors with the dtype of emb. Gradients flow to emb, through
  the means as well. They are finite also where a pixel lies exactly on its mean, as the only pixel of a
  lane does. The inputs stay as they are. All tensors are on the CPU.

Example, E = 1, one row of pixels: emb (0, 2, 3, 9), ids (4, 4, 7, 0), dv = 0.5, dd = 3. The means are 1
and 3. Both pixels of lane 4 are 1 from its mean, the one of lane 7 is 0 from its own: pull is the mean
of 0.25 and 0, that is 0.125. The means are 2 apart: push = (3 - 2)^2 = 1.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def discriminative_loss(
    emb: Float[Tensor, "e h w"], ids: Int64[Tensor, "h w"], dv: float = 0.5, dd: float = 3.0
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return how far pixels are from their lane's mean, and how near the means are to each other."""
    raise NotImplementedError
