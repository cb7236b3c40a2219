"""Image-text contrastive loss.

CLIP, ALIGN and BLIP learn one space for pictures and sentences from nothing but pairs: of all the
sentences in a batch an image has to find its own, and of all the images a sentence. For B pairs:

    x, y      each row of img and of txt divided by its length (L2 norm)
    s[i, j]   dot product of x[i] and y[j], divided by temp
    loss      (image to text + text to image) / 2

* Image to text is the mean over images i of the cross-entropy of row s[i, :], whose right answer is i.
  Text to image is the mean over texts j of the cross-entropy of column s[:, j], whose right answer is j.
* img and txt are embeddings [B, D]; row i of one belongs to row i of the other, and every other row
  counts as wrong. Rows have any length, but none is all zeros.
* temp is a positive number. It may be as small as 0.001, which makes numbers in s of a thousand: the
  loss and its gradient stay finite and right.
* B is at least 1, D at least 2. A single pair has nothing to be told apart from, so its loss is 0,
  still connected to the graph.
* The loss is a 0-d tensor with the dtype of the inputs. Gradients flow to img and to txt. The inputs
  stay as they are.

Example: img = (1, 0), (0, 1) and txt = (2, 0), (3, 3) with temp = 1. Normalised, the texts are (1, 0)
and (0.707, 0.707), so s has the rows (1, 0.707) and (0, 0.707). Image to text: (0.557 + 0.401) / 2 =
0.479. Text to image: (0.313 + 0.693) / 2 = 0.503. The loss is 0.491.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def itc_loss(img: Float[Tensor, "b d"], txt: Float[Tensor, "b d"], temp: float = 0.07) -> Float[Tensor, ""]:
    """Return the mean of the image-to-text and the text-to-image cross-entropy."""
    raise NotImplementedError
