"""Additive attention over the places of an image.

Before it says the next word, a captioner looks at the image once more. Every place is compared with the
state of the decoder, and what is seen is a mean of the places, weighted by how well they fit:

    a        [B, P, feat]     features of P places, of any memory layout
    h        [B, hidden]      state of the decoder
    wa(a)    [B, P, attn]     a linear layer with bias
    wh(h)    [B, attn]        a linear layer with bias
    score    [B, P]           v(tanh(wa(a) + wh(h))), v a linear layer from attn to 1, with bias
    alpha    [B, P]           softmax of the scores over the P places
    ctx      [B, feat]        sum over the places of alpha times a, the features as they came

* forward(a, h, mask=None) returns the tuple (ctx, alpha).
* mask [B, P] is a bool tensor, True where a place may be looked at; None means everywhere. A place that
  may not be looked at gets exactly 0 in alpha, and the others share the whole weight: each row of alpha
  sums to 1. What a says at such places is finite and changes nothing.
* Every row of mask has at least one True. B and P may be 1, and no axis is lost then.
* With large weights in v scores are in the tens of thousands, and an excluded place may have the highest
  of all. Nothing overflows then, and the weights of the others are right all the same.
* The three layers are all there is to learn: weights [attn, feat], [attn, hidden] and [1, attn], biases
  [attn], [attn] and [1], under any names. The bias of v moves all scores alike and so changes no result;
  it is there all the same, and may be trainable or not.
* Gradients flow to a, h and the parameters. The inputs stay as they are.

Example: feat = hidden = 512 and attn = 256 make 262,913 parameters. Scores (0, log 3) give alpha
(0.25, 0.75); with a third place of score 5 that the mask excludes they give (0.25, 0.75, 0).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class AdditiveAttention(nn.Module):
    """Scores from a small network on features and state, softmax over the places, weighted sum."""

    def __init__(self, feat: int, hidden: int, attn: int):
        super().__init__()
        raise NotImplementedError

    def forward(
        self,
        a: Float[Tensor, "b p feat"],
        h: Float[Tensor, "b hidden"],
        mask: Bool[Tensor, "b p"] | None = None,
    ) -> tuple[Float[Tensor, "b feat"], Float[Tensor, "b p"]]:
        """Return what is seen, and the weight of each place."""
        raise NotImplementedError
