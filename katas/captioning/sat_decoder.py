"""The decoder of Show, Attend and Tell.

A caption is written word by word. Before each word the decoder looks at the image again, and chooses
by its state where to look. Here is that decoder without its CNN, in training: every step is given the
true word before it, not its own guess (teacher forcing).

    a         [B, P, feat]    features of P places of the image
    tokens    [B, T]          ids (int64) of the words that go in, from 0 to vocab - 1; 0 is padding

The start, from the mean m [B, feat] of a over the P places:

    h         [B, hidden]     tanh(init_h(m))
    c         [B, hidden]     tanh(init_c(m))

Then step t = 0, ..., T - 1, with the h and c that the step before has left:

    score     [B, P]          v(tanh(wa(a) + wh(h))): h from *before* this step
    alpha     [B, P]          softmax of the scores over the places
    context   [B, feat]       sum over the places of alpha * a
    h, c      [B, hidden]     one LSTM step on [embedding of tokens[:, t], context], in this order
    logits    [B, vocab]      out(h), with the *new* h

* forward(a, tokens) returns (logits [B, T, vocab], alphas [B, T, P]), the steps along the second axis.
* These are the layers, each one on its own, so that their parameters can be paired with those of the
  reference. Names and order of the attributes are up to you.

      init_h, init_c    linear, feat -> hidden      weights [hidden, feat], biases [hidden]
      wa                linear, feat -> attn        weight [attn, feat], bias [attn]
      wh                linear, hidden -> attn      weight [attn, hidden], bias [attn]
      v                 linear, attn -> 1           weight [1, attn], bias [1]
      out               linear, hidden -> vocab     weight [vocab, hidden], bias [vocab]
      embedding         vocab rows                  weight [vocab, embed]
      LSTM              embed + feat -> hidden      weights [4 * hidden, embed + feat] and
                                                    [4 * hidden, hidden], two biases [4 * hidden]

* The LSTM is that of nn.LSTMCell: its gates stand in the order input, forget, cell, output. The bias
  of v moves all scores alike and changes nothing; it is there all the same.
* The embedding has padding_idx=0, as torch calls it: its row 0 gets a gradient of 0, so it never
  changes. What that row holds at the start is up to you. The forward pass knows nothing of padding: a
  step on token 0 is a step like any other.
* So a step sees the words up to its own and no later ones, and the order of the places does not
  matter: places in another order get their alphas in that order, and the logits are the same.
* Return logits: no softmax. There is no dropout. B, P and T may be 1, and no axis is lost then. Both
  results have the dtype of a.
* Gradients flow to a and to all parameters. The inputs stay as they are.

Example: vocab = 1000, embed = 256, hidden = 512, attn = 256 and feat = 512 make 4,182,761 parameters.
If all 49 places have the same features, every alpha is 1/49 = 0.0204 and the context is that feature.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


class SATDecoder(nn.Module):
    """Additive attention, an LSTM cell, and scores for the next word."""

    def __init__(self, vocab: int, embed: int, hidden: int, attn: int, feat: int = 512):
        super().__init__()
        raise NotImplementedError

    def forward(
        self, a: Float[Tensor, "b p feat"], tokens: Int64[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b t vocab"], Float[Tensor, "b t p"]]:
        """Return the scores of the next word and the weights of the places, step by step."""
        raise NotImplementedError
