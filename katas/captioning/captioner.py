"""A whole captioner that attends, its loss, and captions from it.

Show, Attend and Tell writes a caption word by word and looks at the image again before each word. The
model for images of any height H and width W, and for T words:

    images    [B, 3, H, W]
    encode    [B, P, feat_ch]     the places of the encoder's map [B, feat_ch, h, w], row by row:
                                  P = h * w, and h, w depend on H, W and the encoder's stride
    start     (h, c)              from the mean m of a over the places: h = tanh(init_h(m)) and
                                  c = tanh(init_c(m)), [B, hidden] each
    attend    (context, alpha)    where to look, from a and a state h:
                [B, P]              scores v(tanh(wa(a) + wh(h)))
                [B, P]              alpha: their softmax over the places
                [B, feat_ch]        context: the sum over the places of alpha * a
    forward   (logits, alphas)    from images and tokens, one step for each column of tokens:
                [B, hidden]         attend with the h *before* the step, then one LSTM step on
                                    [embedding of the token, context], in this order: the new h and c
                [B, T, vocab]       logits: out(new h) of every step
                [B, T, P]           alphas of every step

* Captioner has the methods encode(images), start(a), attend(a, h), forward(images, tokens) and
  generate(images, bos, eos, max_len); a is what encode gives, and the last two use the other three.
* Layers, each one on its own: init_h and init_c linear, feat_ch -> hidden; wa linear, feat_ch -> attn;
  wh linear, hidden -> attn; v linear, attn -> 1; out linear, hidden -> vocab, all with bias; an
  embedding [vocab, embed] with padding_idx=0, so that its row 0 has a gradient of 0; an LSTM cell with
  the parameters of nn.LSTMCell(embed + feat_ch, hidden), gates in torch's order. Attributes may have
  any name.
* tokens [B, T] (long) are from 0 to vocab - 1, and each step is given the token that stands there
  (teacher forcing), 0 like any other. Return logits: no softmax. There is no dropout. Results have the
  dtype of the images.
* The encoder is handed in and belongs to the model: it is trained, its mode follows the model's, and
  it sees the whole batch at once, once in every forward. B, P and T may be 1.

generate returns captions, long [B, L]. The first token of every row is bos, each next one the word
with the highest logit of the step before. A row that has written eos writes eos from then on. Writing
stops as soon as every row has written eos, and after max_len >= 1 words in any case: L is the number
of steps. bos is not returned. It needs no gradients, and it leaves the model in the mode, training or
not, in which it was.

caption_loss(logits, alphas, targets, pad=0, lam=1.0) = words + lam * places:

* targets [B, T] (long) is what was wanted after each step, so it is tokens shifted by one: tokens
  <bos> w1 .. wn have targets w1 .. wn <eos>. The shift is made before: step t of logits and alphas
  already belongs to targets[:, t].
* A step counts where targets is not pad, one of the ids. Padding is only at the end of captions.
* words: mean cross-entropy over the steps of the whole batch that count.
* places: (1 - s)^2, where s [B, P] is the sum of alphas over the steps of a caption that count; summed
  over its places, then the mean over all B captions. It asks to look everywhere about once.
* So padding counts in neither term and has a gradient of 0. A caption of padding alone has s = 0, and
  adds P to the sum of which that mean is taken. If nothing counts at all, words is 0 and the loss is
  lam * P, still connected to the graph.
* The result is a 0-d tensor with gradients for logits and alphas. Logits may be in the hundreds.
  Inputs stay as they are.

Example: vocab = 1000, embed = 256, hidden = 512, attn = 256 and feat_ch = 512 add 4,182,761 parameters
to those of the encoder. With equal logits for 8 words, one step that counts and alphas of (0.75,
0.25), the loss is log 8 + 0.25^2 + 0.75^2 = 2.704.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


class Captioner(nn.Module):
    """Encoder, additive attention, LSTM cell, and scores for the next word."""

    def __init__(self, encoder: nn.Module, feat_ch: int, vocab: int, embed: int, hidden: int, attn: int):
        super().__init__()
        raise NotImplementedError

    def encode(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p feat_ch"]:
        """Return the features of every place of the image."""
        raise NotImplementedError

    def start(self, a: Float[Tensor, "b p feat_ch"]) -> tuple[Tensor, Tensor]:
        """Return the first h and c, [B, hidden] each."""
        raise NotImplementedError

    def attend(
        self, a: Float[Tensor, "b p feat_ch"], h: Float[Tensor, "b hidden"]
    ) -> tuple[Float[Tensor, "b feat_ch"], Float[Tensor, "b p"]]:
        """Return what is seen in a state, and the weight of each place."""
        raise NotImplementedError

    def forward(
        self, images: Float[Tensor, "b 3 h w"], tokens: Int64[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b t vocab"], Float[Tensor, "b t p"]]:
        """Return the scores of the next word and the weights of the places, step by step."""
        raise NotImplementedError

    def generate(
        self, images: Float[Tensor, "b 3 h w"], bos: int, eos: int, max_len: int
    ) -> Int64[Tensor, "b l"]:
        """Return the captions that the model finds best word by word."""
        raise NotImplementedError


def caption_loss(
    logits: Float[Tensor, "b t vocab"],
    alphas: Float[Tensor, "b t p"],
    targets: Int64[Tensor, "b t"],
    pad: int = 0,
    lam: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the cross-entropy of the words plus lam times the penalty on places not seen once."""
    raise NotImplementedError
