"""The loss of a captioner that attends.

At each of T steps a model scores the V words for the next one, and spreads its attention, weights that
sum to 1, over P places of the image. Its loss has two terms:

    words     the mean cross-entropy of the steps that count
    places    the mean over captions of   sum over places p of (1 - c[p])^2

where c[p] is the total weight that place p has been given over the steps of the caption that count. With
the second term ("doubly stochastic attention") the model is asked to look everywhere about once.

    loss = words + lam * places

* logits [B, T, V] are scores before any softmax, in the hundreds for some models; alphas [B, T, P] are
  the weights; targets [B, T] (int64) the words that are asked for, already shifted, from 0 to V - 1.
* A step counts where targets is not pad. pad is one of the V ids; captions are padded at their end only.
* words is a mean over all steps of the batch that count together: a long caption counts more than a
  short one. places is a sum over places, and then a mean over all B captions.
* Steps that do not count have no influence on anything, neither in logits nor in alphas. More padding
  changes nothing, and their gradients are exactly 0. What the model says there is finite.
* A caption of nothing but padding has c = 0 everywhere, so its sum over places is P; it is one of the B
  captions all the same. When no step of the whole batch counts, words is 0, and the loss is lam * P,
  still connected to the graph.
* The loss is a 0-d tensor with the dtype of logits. Gradients flow to logits and alphas. The inputs stay
  as they are. B, T and P are at least 1.

Example: one caption, one word that counts and one padded step, P = 2, V = 4. Logits of zeros cost
log 4 = 1.386. Weights (0.75, 0.25) at the word make (1 - 0.75)^2 + (1 - 0.25)^2 = 0.625. With lam = 1
the loss is 2.011, whatever the padded step says.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def caption_loss(
    logits: Float[Tensor, "b t v"],
    alphas: Float[Tensor, "b t p"],
    targets: Int64[Tensor, "b t"],
    pad: int = 0,
    lam: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the cross-entropy of the words plus lam times the penalty on unseen places."""
    raise NotImplementedError
