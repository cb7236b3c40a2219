"""Loss over a sequence of flow predictions.

A network that refines its answer step by step (RAFT is the landmark) is trained on all of its N
predictions, the later ones counting more. preds is a list of N >= 1 flow fields [B, 2, H, W], the
earliest first; gt [B, 2, H, W] is the true field; valid [B, H, W] says at which pixels it is known.
Return the scalar

    loss = sum over i = 0 .. N-1 of  gamma^(N - 1 - i) * mean |preds[i] - gt|

* So the last prediction has weight 1, the one before it gamma, and so on.
  The weights are not normalised.
* The mean is taken over the valid pixels of the whole batch and over both channels: with V valid pixels
  in all images together, the sum of the 2 V absolute differences is divided by 2 V.
* Pixels that are not valid take no part and receive no gradient. There gt means nothing; it is finite,
  but may be as large as 1e9. Valid pixels all count, however far they move. At least one pixel is valid.
* gamma is greater than 0 and at most 1.
* The result is a 0-d tensor with the dtype of the inputs. Gradients flow to every prediction; gt needs
  none. The inputs, and the list itself, stay as they are.

Example: two predictions of one valid pixel with gt (3, 4), the first (0, 0), the second (3, 3): the mean
differences are 3.5 and 0.5, so with gamma = 0.8 the loss is 0.8 * 3.5 + 1 * 0.5 = 3.3.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def sequence_loss(
    preds: list[Float[Tensor, "b 2 h w"]],
    gt: Float[Tensor, "b 2 h w"],
    valid: Bool[Tensor, "b h w"],
    gamma: float = 0.8,
) -> Float[Tensor, ""]:
    """Return the weighted sum of the mean absolute differences of all predictions."""
    raise NotImplementedError
