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

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "One state meets P places: which axis does wh(h) lack, and where has it to stand to be added to wa(a)?",
    "v leaves an axis of size 1; take off that one and no other, then the softmax runs over the places. "
    "Which score is so small that its share in a softmax is exactly 0?",
    "Set excluded scores to minus infinity before the softmax, not weights to 0 behind it. For ctx multiply "
    "each place's features by its weight, on a new last axis, and sum over the places.",
)


class AdditiveAttention(nn.Module):
    """Scores from a small network on features and state, softmax over the places, weighted sum."""

    def __init__(self, feat: int, hidden: int, attn: int):
        super().__init__()
        self.wa = nn.Linear(feat, attn)
        self.wh = nn.Linear(hidden, attn)
        self.v = nn.Linear(attn, 1)
        self.v.bias.requires_grad_(False)  # moves all scores of an image alike: nothing to learn

    def forward(
        self,
        a: Float[Tensor, "b p feat"],
        h: Float[Tensor, "b hidden"],
        mask: Bool[Tensor, "b p"] | None = None,
    ) -> tuple[Float[Tensor, "b feat"], Float[Tensor, "b p"]]:
        """Return what is seen, and the weight of each place."""
        score = self.v(torch.tanh(self.wa(a) + self.wh(h)[:, None])).squeeze(-1)  # b p
        if mask is not None:
            score = score.masked_fill(~mask, -torch.inf)
        alpha = score.softmax(dim=-1)
        return (alpha[..., None] * a).sum(dim=1), alpha


@right("under other names, in another order, with a batched product for the sum")
class Batched(nn.Module):
    def __init__(self, feat, hidden, attn):
        super().__init__()
        self.score = nn.Sequential(nn.Tanh(), nn.Linear(attn, 1))
        self.query = nn.Linear(hidden, attn)
        self.key = nn.Linear(feat, attn)

    def forward(self, a, h, mask=None):
        e = self.score(self.query(h).unsqueeze(1) + self.key(a))
        if mask is not None:
            e = e.masked_fill(mask.unsqueeze(-1) == 0, -1e9)
        alpha = torch.softmax(e, dim=1)
        return torch.bmm(alpha.transpose(1, 2), a).squeeze(1), alpha.squeeze(2)


@right("image by image and place by place")
class Looped(nn.Module):
    def __init__(self, feat, hidden, attn):
        super().__init__()
        self.wa, self.wh, self.v = nn.Linear(feat, attn), nn.Linear(hidden, attn), nn.Linear(attn, 1)

    def forward(self, a, h, mask=None):
        ctx, alpha = [], []
        for i in range(a.shape[0]):
            seen = [j for j in range(a.shape[1]) if mask is None or bool(mask[i, j])]
            e = torch.stack([self.v(torch.tanh(self.wa(a[i, j]) + self.wh(h[i])))[0] for j in seen])
            w = torch.exp(e - e.max())
            w = w / w.sum()
            row = [torch.zeros((), dtype=a.dtype) for _ in range(a.shape[1])]
            for j, value in zip(seen, w):
                row[j] = value
            alpha.append(torch.stack(row))
            ctx.append(sum(value * a[i, j] for j, value in zip(seen, w)))
        return [torch.stack(ctx), torch.stack(alpha)]


@right("with bare parameters and products written as sums over named axes")
class Bare(nn.Module):
    def __init__(self, feat, hidden, attn):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(attn, feat) / feat**0.5)
        self.b1 = nn.Parameter(torch.zeros(attn))
        self.w2 = nn.Parameter(torch.randn(attn, hidden) / hidden**0.5)
        self.b2 = nn.Parameter(torch.zeros(attn))
        self.w3 = nn.Parameter(torch.randn(1, attn) / attn**0.5)
        self.b3 = nn.Parameter(torch.zeros(1))

    def forward(self, a, h, mask=None):
        z = torch.einsum("bpf,kf->bpk", a, self.w1) + self.b1
        z = torch.tanh(z + (torch.einsum("bh,kh->bk", h, self.w2) + self.b2).unsqueeze(1))
        e = torch.einsum("bpk,k->bp", z, self.w3[0]) + self.b3
        if mask is not None:
            e = torch.where(mask, e, torch.tensor(float("-inf"), dtype=e.dtype))
        alpha = (e - e.logsumexp(1, keepdim=True)).exp()
        return torch.einsum("bp,bpf->bf", alpha, a), alpha


@right("with exponentials below the best allowed score, divided by their sum")
class ByHand(nn.Module):
    def __init__(self, feat, hidden, attn):
        super().__init__()
        self.image = nn.Linear(feat, attn)
        self.state = nn.Linear(hidden, attn)
        self.full = nn.Linear(attn, 1)

    def forward(self, a, h, mask=None):
        b, p, _ = a.shape
        both = self.image(a.reshape(b * p, -1)).reshape(b, p, -1) + self.state(h).reshape(b, 1, -1)
        e = self.full(both.tanh()).reshape(b, p)
        free = torch.ones(b, p, dtype=torch.bool) if mask is None else mask
        best = e.where(free, torch.finfo(e.dtype).min).max(1, keepdim=True).values.detach()
        w = (e - best).clamp(max=0).exp() * free
        alpha = w / (w.sum(1, keepdim=True) + 1e-9)
        return (a * alpha.reshape(b, p, 1)).sum(1), alpha


@right("with a method for each step", of="AdditiveAttention")
class Parts(AdditiveAttention):
    """The reference in two steps that a mistake can replace one at a time."""

    def score(self, a, h):
        return self.v(torch.tanh(self.wa(a) + self.wh(h)[:, None])).squeeze(-1)

    def weigh(self, score, mask):
        return (score if mask is None else score.masked_fill(~mask, -torch.inf)).softmax(-1)

    def forward(self, a, h, mask=None):
        alpha = self.weigh(self.score(a, h), mask)
        return (alpha[..., None] * a).sum(1), alpha


# -- the scores ----------------------------------------------------------------------------------


@wrong("takes a ReLU instead of the tanh")
class Relu(Parts):
    def score(self, a, h):
        return self.v(torch.relu(self.wa(a) + self.wh(h)[:, None])).squeeze(-1)


@wrong("has no tanh, so that the state moves all scores of an image alike and has no influence")
class NoTanh(Parts):
    def score(self, a, h):
        return self.v(self.wa(a) + self.wh(h)[:, None]).squeeze(-1)


@wrong("applies the tanh to each of the two before they are added")
class TanhApart(Parts):
    def score(self, a, h):
        return self.v(self.wa(a).tanh() + self.wh(h)[:, None].tanh()).squeeze(-1)


@wrong("multiplies features and state instead of adding them")
class Multiplied(Parts):
    def score(self, a, h):
        return self.v(torch.tanh(self.wa(a) * self.wh(h)[:, None])).squeeze(-1)


@wrong("takes the dot product of projected features and projected state")
class DotProduct(Parts):
    def score(self, a, h):
        return (self.wa(a) * self.wh(h)[:, None]).sum(-1)


@wrong("leaves the state out, so that it looks at the same places for every word")
class Stateless(Parts):
    def score(self, a, h):
        return self.v(torch.tanh(self.wa(a))).squeeze(-1)


@wrong("adds the states without an axis for the places, so that place p meets the state of image p")
class StateByPlace(Parts):
    def score(self, a, h):
        return self.v(torch.tanh(self.wa(a) + self.wh(h))).squeeze(-1)


@wrong("divides the scores by the root of attn, as scaled dot products are")
class Scaled(Parts):
    def score(self, a, h):
        return super().score(a, h) / self.v.in_features**0.5


@wrong("applies a tanh to the scores as well")
class SquashedScores(Parts):
    def score(self, a, h):
        return super().score(a, h).tanh()


@wrong("has no biases")
class Biasless(Parts):
    def __init__(self, feat, hidden, attn):
        nn.Module.__init__(self)
        self.wa = nn.Linear(feat, attn, bias=False)
        self.wh = nn.Linear(hidden, attn, bias=False)
        self.v = nn.Linear(attn, 1, bias=False)


@wrong("has one layer on features and state side by side, with one bias where two are asked for")
class Concatenated(Parts):
    def __init__(self, feat, hidden, attn):
        nn.Module.__init__(self)
        self.w = nn.Linear(feat + hidden, attn)
        self.v = nn.Linear(attn, 1)

    def score(self, a, h):
        both = torch.cat([a, h[:, None].expand(-1, a.shape[1], -1)], -1)
        return self.v(torch.tanh(self.w(both))).squeeze(-1)


@wrong("has scores of its own for every feature, with a v that leads to feat")
class ScorePerFeature(Parts):
    def __init__(self, feat, hidden, attn):
        super().__init__(feat, hidden, attn)
        self.v = nn.Linear(attn, feat)

    def score(self, a, h):
        return self.v(torch.tanh(self.wa(a) + self.wh(h)[:, None])).mean(-1)


@wrong("makes its layers anew in every call, where nothing is ever learned")
class MadeAnew(Parts):
    def __init__(self, feat, hidden, attn):
        nn.Module.__init__(self)
        self.dims = feat, hidden, attn

    def forward(self, a, h, mask=None):
        return AdditiveAttention(*self.dims).to(a.dtype)(a, h, mask)


# -- the weights ---------------------------------------------------------------------------------


@wrong("takes the softmax over the batch")
class OverBatch(Parts):
    def weigh(self, score, mask):
        score = score if mask is None else score.masked_fill(~mask, -1e9)
        return score.softmax(0)


@wrong("takes the softmax over an axis of size 1, where every weight is 1")
class OverNothing(Parts):
    def weigh(self, score, mask):
        alpha = score[..., None].softmax(-1)[..., 0]
        return alpha if mask is None else alpha * mask


@wrong("takes a sigmoid for each place, so that the weights do not sum to 1")
class Sigmoids(Parts):
    def weigh(self, score, mask):
        return score.sigmoid() if mask is None else score.sigmoid() * mask


@wrong("ignores the mask")
class Unmasked(Parts):
    def weigh(self, score, mask):
        return score.softmax(-1)


@wrong("reads the mask the wrong way round, as True for places to leave out")
class Inverted(Parts):
    def weigh(self, score, mask):
        if mask is None:
            return score.softmax(-1)
        # A row with nothing left would be NaN.
        return score.masked_fill(mask, -1e9).softmax(-1)


@wrong("sets the weights to 0 after the softmax, so that they no longer sum to 1")
class MaskedLate(Parts):
    def weigh(self, score, mask):
        alpha = score.softmax(-1)
        return alpha if mask is None else alpha * mask


@wrong("masks after the softmax and divides by what is left, which may be nothing")
class Renormalised(Parts):
    def weigh(self, score, mask):
        alpha = score.softmax(-1)
        if mask is None:
            return alpha
        alpha = alpha * mask
        return alpha / alpha.sum(-1, keepdim=True)


@wrong("sets excluded scores to 0, which is a score like any other")
class ZeroScore(Parts):
    def weigh(self, score, mask):
        return (score if mask is None else score * mask).softmax(-1)


@wrong("lowers excluded scores by 10, which leaves them a little weight")
class Lowered(Parts):
    def weigh(self, score, mask):
        return (score if mask is None else score - 10.0 * ~mask).softmax(-1)


@wrong("adds the mask itself to the scores")
class MaskAdded(Parts):
    def weigh(self, score, mask):
        return (score if mask is None else score + mask).softmax(-1)


@wrong("applies the mask of the first image to all")
class FirstMask(Parts):
    def weigh(self, score, mask):
        return super().weigh(score, None if mask is None else mask[:1].expand_as(mask))


@wrong("cannot do without a mask")
class MaskNeeded(Parts):
    def weigh(self, score, mask):
        return score.masked_fill(~mask, -torch.inf).softmax(-1)


@wrong("looks at the best place only")
class Hard(Parts):
    def weigh(self, score, mask):
        alpha = super().weigh(score, mask)
        return nn.functional.one_hot(alpha.argmax(-1), alpha.shape[-1]).to(alpha.dtype)


@wrong("takes exponentials by hand and adds a constant to their sum that is not small beside it")
class PaddedSum(Parts):
    def weigh(self, score, mask):
        e = (score - score.amax(-1, keepdim=True)).exp()
        e = e if mask is None else e * mask
        return e / (e.sum(-1, keepdim=True) + 1e-2)


@wrong("takes exponentials of the scores as they are, which overflow")
class Overflowing(Parts):
    def weigh(self, score, mask):
        e = score.exp() if mask is None else score.exp() * mask
        return e / e.sum(-1, keepdim=True)


@wrong("keeps scores between -50 and 50 against overflow, which makes large ones alike")
class Clamped(Parts):
    def weigh(self, score, mask):
        return super().weigh(score.clamp(-50, 50), mask)


@wrong("sets excluded scores to -10000, above those of other places when scores are large")
class NotLowEnough(Parts):
    def weigh(self, score, mask):
        return (score if mask is None else score.masked_fill(~mask, -1e4)).softmax(-1)


@wrong("sets the features of excluded places to 0 and gives them a weight all the same")
class FeaturesMasked(Parts):
    def forward(self, a, h, mask=None):
        return super().forward(a if mask is None else a * mask[..., None], h)


# -- what is seen --------------------------------------------------------------------------------


@wrong("takes the mean over the places of weight times feature, which divides by P once more")
class Averaged(Parts):
    def forward(self, a, h, mask=None):
        ctx, alpha = super().forward(a, h, mask)
        return ctx / a.shape[1], alpha


@wrong("sees with the weights from before the mask")
class SeenUnmasked(Parts):
    def forward(self, a, h, mask=None):
        return super().forward(a, h)[0], super().forward(a, h, mask)[1]


@wrong("does not sum over the places")
class Unsummed(Parts):
    def forward(self, a, h, mask=None):
        alpha = super().forward(a, h, mask)[1]
        return alpha[..., None] * a, alpha


@wrong("sees the projected features instead of those that came")
class ProjectedSeen(Parts):
    def forward(self, a, h, mask=None):
        alpha = super().forward(a, h, mask)[1]
        return (alpha[..., None] * self.wa(a)).sum(1), alpha


@wrong("sees the plain mean of all places")
class PlainMean(Parts):
    def forward(self, a, h, mask=None):
        return a.mean(1), super().forward(a, h, mask)[1]


@wrong("squeezes all axes of size 1, not only the last")
class Squeezed(Parts):
    def forward(self, a, h, mask=None):
        ctx, alpha = super().forward(a, h, mask)
        return ctx.squeeze(), alpha.squeeze()


@wrong("keeps an axis of size 1 at the end of alpha")
class Unsqueezed(Parts):
    def forward(self, a, h, mask=None):
        ctx, alpha = super().forward(a, h, mask)
        return ctx, alpha[..., None]


@wrong("returns alpha first")
class Exchanged(Parts):
    def forward(self, a, h, mask=None):
        return super().forward(a, h, mask)[::-1]


@wrong("returns the scores in place of their softmax")
class ScoresReturned(Parts):
    def forward(self, a, h, mask=None):
        return super().forward(a, h, mask)[0], self.score(a, h)


@wrong("returns only what is seen")
class Alone(Parts):
    def forward(self, a, h, mask=None):
        return super().forward(a, h, mask)[0]


@wrong("cuts alpha off from the graph, where a loss on it would teach nothing")
class DetachedAlpha(Parts):
    def forward(self, a, h, mask=None):
        ctx, alpha = super().forward(a, h, mask)
        return ctx, alpha.detach()


@wrong(
    "weighs with weights that are cut off from the graph, so that only alpha's own losses teach the layers"
)
class DetachedWeights(Parts):
    def forward(self, a, h, mask=None):
        alpha = super().forward(a, h, mask)[1]
        return (alpha.detach()[..., None] * a).sum(1), alpha


@wrong("cuts the state off from the graph")
class DetachedState(Parts):
    def forward(self, a, h, mask=None):
        return super().forward(a, h.detach(), mask)


@wrong("drops some of the weights in training")
class DroppedOut(Parts):
    def forward(self, a, h, mask=None):
        alpha = nn.functional.dropout(super().forward(a, h, mask)[1], 0.5, self.training)
        return (alpha[..., None] * a).sum(1), alpha


@wrong("sets the features of excluded places to 0 in the caller's own tensor")
class InPlace(Parts):
    def forward(self, a, h, mask=None):
        if mask is not None:
            a.data[~mask] = 0
        return super().forward(a, h, mask)


@wrong("takes the features apart with view, which fails for a transposed map")
class Viewed(Parts):
    def forward(self, a, h, mask=None):
        a.view(a.shape[0], -1)
        return super().forward(a, h, mask)
