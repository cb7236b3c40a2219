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
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Which steps count is one table of booleans, [B, T]. Where does it enter the first term, and where the "
    "second, before which sum?",
    "The cross-entropy of torch wants the classes on axis 1, and can leave an id out by itself; but what "
    "does its mean give when everything is left out? In the second term, weights that do not count become 0.",
    "Words: the sum of the cross-entropies without pad, over the number of steps that count, but at least 1. "
    "Places: set uncounted weights to 0, sum over T, take from 1, square, sum over P, mean over B.",
)


def caption_loss(
    logits: Float[Tensor, "b t v"],
    alphas: Float[Tensor, "b t p"],
    targets: Int64[Tensor, "b t"],
    pad: int = 0,
    lam: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the cross-entropy of the words plus lam times the penalty on unseen places."""
    live = targets != pad
    words = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=pad, reduction="sum")
    coverage = (alphas * live[..., None]).sum(dim=1)  # b p
    places = (1 - coverage).square().sum(dim=-1)  # b
    return words / live.sum().clamp(min=1) + lam * places.mean()


def _words(logits, targets, pad):
    """The first term."""
    total = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=pad, reduction="sum")
    return total / (targets != pad).sum().clamp(min=1)


def _places(alphas, targets, pad):
    """The second term."""
    return (1 - _coverage(alphas, targets, pad)).square().sum(-1).mean()


def _coverage(alphas, targets, pad):
    return (alphas * (targets != pad)[..., None]).sum(1)


def _each(logits, targets):
    """The cross-entropy of every step, padded or not."""
    return -logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]


@right("step by step, in plain loops")
def looped(logits, alphas, targets, pad=0, lam=1.0):
    b, t, _ = logits.shape
    words, count, places = logits.sum() * 0, 0, 0.0
    for i in range(b):
        seen = torch.zeros_like(alphas[i, 0])
        for j in range(t):
            if targets[i, j].item() == pad:
                continue
            words = words + torch.logsumexp(logits[i, j], dim=0) - logits[i, j, targets[i, j]]
            count += 1
            seen = seen + alphas[i, j]
        for weight in seen:
            places = places + (1 - weight) ** 2
    return words / max(count, 1) + lam * places / b


@right("with the steps that count picked out, and torch's own mean")
def picked(logits, alphas, targets, pad=0, lam=1.0):
    keep = targets.ne(pad)
    ds = torch.where(keep.unsqueeze(-1), alphas, 0).sum(1).sub(1).pow(2).sum() / len(alphas)
    if not keep.any():
        return logits.sum() * 0 + lam * ds
    return F.cross_entropy(logits[keep], targets[keep]) + lam * ds


@right("from lengths, with packed sequences")
def packed(logits, alphas, targets, pad=0, lam=1.0):
    lengths = (targets != pad).sum(1).tolist()
    scores = torch.cat([z[:n] for z, n in zip(logits, lengths)])
    truth = torch.cat([w[:n] for w, n in zip(targets, lengths)])
    nll = F.nll_loss(scores.log_softmax(1), truth, reduction="sum")
    seen = torch.stack([a[:n].sum(0) for a, n in zip(alphas, lengths)])
    return nll / max(sum(lengths), 1) + lam * ((1.0 - seen) ** 2).sum(1).mean()


@right("with one-hot targets, a matrix product for the coverage, and NaN replaced at the end of a mean")
def one_hot(logits, alphas, targets, pad=0, lam=1.0):
    live = (targets != pad).to(logits.dtype)
    hot = F.one_hot(targets, logits.shape[-1]).to(logits.dtype)
    nll = torch.logsumexp(logits, -1) - torch.einsum("btv,btv->bt", logits, hot)
    seen = torch.bmm(live.unsqueeze(1), alphas).squeeze(1)
    ones = torch.ones_like(seen)
    places = F.mse_loss(seen, ones, reduction="sum") / seen.size(0)
    return (nll * live).sum() / (live.sum() + 1e-12) + places * lam


# -- the words -----------------------------------------------------------------------------------


@wrong("takes the mean over all steps, the padded ones as well")
def over_all_steps(logits, alphas, targets, pad=0, lam=1.0):
    live = (targets != pad).to(logits.dtype)
    return (_each(logits, targets) * live).mean() + lam * _places(alphas, targets, pad)


@wrong("asks for pad at the padded steps, as if it were a word")
def pad_is_a_word(logits, alphas, targets, pad=0, lam=1.0):
    return _each(logits, targets).mean() + lam * _places(alphas, targets, pad)


@wrong("leaves out id 0, whatever pad is")
def pad_is_zero(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits, alphas, targets, 0, lam)


@wrong("leaves the cross-entropy to ignore -100, its default, and pad only to the second term")
def default_ignored(logits, alphas, targets, pad=0, lam=1.0):
    return F.cross_entropy(logits.transpose(1, 2), targets) + lam * _places(alphas, targets, pad)


@wrong("takes the mean of each caption first, so that short captions count as much as long ones")
def caption_by_caption(logits, alphas, targets, pad=0, lam=1.0):
    live = targets != pad
    words = (_each(logits, targets) * live).sum(1) / live.sum(1).clamp(min=1)
    return words.mean() + lam * _places(alphas, targets, pad)


@wrong("adds up the words of a caption and divides by the captions only")
def likelihood_of_captions(logits, alphas, targets, pad=0, lam=1.0):
    words = (_each(logits, targets) * (targets != pad)).sum(1).mean()
    return words + lam * _places(alphas, targets, pad)


@wrong("adds up all words without dividing")
def words_added(logits, alphas, targets, pad=0, lam=1.0):
    words = (_each(logits, targets) * (targets != pad)).sum()
    return words + lam * _places(alphas, targets, pad)


@wrong("shifts the targets a second time")
def shifted_again(logits, alphas, targets, pad=0, lam=1.0):
    words = _words(logits[:, :-1], targets[:, 1:], pad) if targets.shape[1] > 1 else 0 * logits.sum()
    return words + lam * _places(alphas, targets, pad)


@wrong("brings the classes to axis 1 with a reshape, which mixes steps and words")
def reshaped(logits, alphas, targets, pad=0, lam=1.0):
    b, t, v = logits.shape
    words = _words(logits.reshape(b, v, t).transpose(1, 2), targets, pad)
    return words + lam * _places(alphas, targets, pad)


@wrong("takes the softmax over the steps")
def over_time(logits, alphas, targets, pad=0, lam=1.0):
    nll = -logits.log_softmax(1).gather(-1, targets[..., None])[..., 0] * (targets != pad)
    return nll.sum() / (targets != pad).sum().clamp(min=1) + lam * _places(alphas, targets, pad)


@wrong("takes the softmax before the cross-entropy, which takes it again")
def softmax_twice(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits.softmax(-1), alphas, targets, pad, lam)


@wrong("takes the logarithm of a softmax, which is 0 for a word that is ruled out")
def log_of_softmax(logits, alphas, targets, pad=0, lam=1.0):
    live = targets != pad
    picked = logits.softmax(-1).gather(-1, targets[..., None])[..., 0]
    words = -(picked.where(live, 1).log()).sum() / live.sum().clamp(min=1)
    return words + lam * _places(alphas, targets, pad)


@wrong("adds a small constant inside the logarithm, which caps the loss of a word")
def capped(logits, alphas, targets, pad=0, lam=1.0):
    live = targets != pad
    picked = logits.softmax(-1).gather(-1, targets[..., None])[..., 0]
    words = -((picked + 1e-9).log() * live).sum() / live.sum().clamp(min=1)
    return words + lam * _places(alphas, targets, pad)


@wrong("forbids the model to score pad, by taking its column out of the softmax")
def pad_not_scored(logits, alphas, targets, pad=0, lam=1.0):
    column = torch.arange(logits.shape[-1]) == pad
    shut = logits.masked_fill(column, torch.finfo(logits.dtype).min / 4)
    words = _each(shut, targets.where(targets != pad, (pad + 1) % logits.shape[-1])) * (targets != pad)
    return words.sum() / (targets != pad).sum().clamp(min=1) + lam * _places(alphas, targets, pad)


@wrong("smooths the labels a little, which nobody asked for")
def smoothed(logits, alphas, targets, pad=0, lam=1.0):
    words = F.cross_entropy(
        logits.transpose(1, 2), targets, ignore_index=pad, reduction="sum", label_smoothing=0.1
    )
    return words / (targets != pad).sum().clamp(min=1) + lam * _places(alphas, targets, pad)


@wrong("takes the mean over no words, which is NaN")
def nan_without_words(logits, alphas, targets, pad=0, lam=1.0):
    words = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=pad)
    return words + lam * _places(alphas, targets, pad)


@wrong("returns a constant, cut off from the graph, when no step counts")
def cut_off(logits, alphas, targets, pad=0, lam=1.0):
    if bool((targets == pad).all()):
        return torch.tensor(lam * alphas.shape[-1], dtype=logits.dtype)
    return caption_loss(logits, alphas, targets, pad, lam)


@wrong("returns 0 for the whole loss when no step counts")
def nothing_when_padded(logits, alphas, targets, pad=0, lam=1.0):
    if bool((targets == pad).all()):
        return 0 * (logits.sum() + alphas.sum())
    return caption_loss(logits, alphas, targets, pad, lam)


# -- the places ----------------------------------------------------------------------------------


@wrong("leaves out the second term")
def words_only(logits, alphas, targets, pad=0, lam=1.0):
    return _words(logits, targets, pad)


@wrong("ignores lam")
def unweighted(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits, alphas, targets, pad)


@wrong("puts lam on the words instead of the places")
def lam_on_words(logits, alphas, targets, pad=0, lam=1.0):
    return lam * _words(logits, targets, pad) + _places(alphas, targets, pad)


@wrong("lets the weights of padded steps count for the coverage")
def padded_weights(logits, alphas, targets, pad=0, lam=1.0):
    return _words(logits, targets, pad) + lam * (1 - alphas.sum(1)).square().sum(-1).mean()


@wrong("takes the steps that count from the id 0 for the second term, whatever pad is")
def coverage_pads_zero(logits, alphas, targets, pad=0, lam=1.0):
    return _words(logits, targets, pad) + lam * _places(alphas, targets, 0)


@wrong("sums the weights over the places, where they make 1 anyway")
def over_places(logits, alphas, targets, pad=0, lam=1.0):
    live = targets != pad
    total = (1 - alphas.sum(-1)).square() * live
    return _words(logits, targets, pad) + lam * total.sum(-1).mean()


@wrong("takes the mean over the places instead of their sum")
def mean_over_places(logits, alphas, targets, pad=0, lam=1.0):
    places = (1 - _coverage(alphas, targets, pad)).square().mean()
    return _words(logits, targets, pad) + lam * places


@wrong("adds up the second term over the batch instead of taking the mean")
def sum_over_captions(logits, alphas, targets, pad=0, lam=1.0):
    return _words(logits, targets, pad) + lam * len(alphas) * _places(alphas, targets, pad)


@wrong("takes the mean of the weights over the steps instead of their sum")
def mean_over_steps(logits, alphas, targets, pad=0, lam=1.0):
    mean = _coverage(alphas, targets, pad) / (targets != pad).sum(1, keepdim=True).clamp(min=1)
    return _words(logits, targets, pad) + lam * (1 - mean).square().sum(-1).mean()


@wrong("squares the distance from 1 at every step, before the sum over the steps")
def squared_too_early(logits, alphas, targets, pad=0, lam=1.0):
    each = (1 - alphas).square() * (targets != pad)[..., None]
    return _words(logits, targets, pad) + lam * each.sum((1, 2)).mean()


@wrong("takes the absolute value instead of the square")
def absolute(logits, alphas, targets, pad=0, lam=1.0):
    places = (1 - _coverage(alphas, targets, pad)).abs().sum(-1).mean()
    return _words(logits, targets, pad) + lam * places


@wrong("takes the root of each caption's sum of squares, a length")
def rooted(logits, alphas, targets, pad=0, lam=1.0):
    places = (1 - _coverage(alphas, targets, pad)).norm(dim=-1).mean()
    return _words(logits, targets, pad) + lam * places


@wrong("divides the second term by the words instead of the captions")
def places_by_words(logits, alphas, targets, pad=0, lam=1.0):
    count = (targets != pad).sum().clamp(min=1)
    return _words(logits, targets, pad) + lam * _places(alphas, targets, pad) * len(alphas) / count


@wrong("punishes only places that were seen too little")
def one_sided(logits, alphas, targets, pad=0, lam=1.0):
    places = (1 - _coverage(alphas, targets, pad)).clamp(min=0).square().sum(-1).mean()
    return _words(logits, targets, pad) + lam * places


@wrong("asks for an equal share of the words for each place instead of 1")
def equal_share(logits, alphas, targets, pad=0, lam=1.0):
    share = (targets != pad).sum(1, keepdim=True) / alphas.shape[-1]
    places = (share - _coverage(alphas, targets, pad)).square().sum(-1).mean()
    return _words(logits, targets, pad) + lam * places


@wrong("returns a new leaf of its own when nothing counts, which has a graph but not that of the model")
def leaf_when_padded(logits, alphas, targets, pad=0, lam=1.0):
    if bool((targets == pad).all()):
        return torch.tensor(lam * alphas.shape[-1], dtype=logits.dtype, requires_grad=True)
    return caption_loss(logits, alphas, targets, pad, lam)


@wrong("leaves captions of nothing but padding out of the mean over captions")
def captions_with_words(logits, alphas, targets, pad=0, lam=1.0):
    some = (targets != pad).any(1)
    if not some.any():
        return caption_loss(logits, alphas, targets, pad, lam)
    return _words(logits, targets, pad) + lam * _places(alphas[some], targets[some], pad)


@wrong("lets no gradient flow to the weights of attention")
def detached_weights(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits, alphas.detach(), targets, pad, lam)


@wrong("subtracts the second term")
def subtracted(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits, alphas, targets, pad, -lam)


# -- the result ----------------------------------------------------------------------------------


@wrong("returns a Python number, which has no graph")
def numbered(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits, alphas, targets, pad, lam).item()


@wrong("returns both terms side by side")
def both_terms(logits, alphas, targets, pad=0, lam=1.0):
    return _words(logits, targets, pad), _places(alphas, targets, pad)


@wrong("computes in float32, whatever comes in")
def in_float32(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits.float(), alphas.float(), targets, pad, lam)


@wrong("sets the weights of padded steps to 0 in the caller's own tensor")
def in_place(logits, alphas, targets, pad=0, lam=1.0):
    found = caption_loss(logits, alphas, targets, pad, lam)
    alphas.data[targets == pad] = 0
    return found


@wrong("marks padding with -100 in the caller's own targets")
def targets_overwritten(logits, alphas, targets, pad=0, lam=1.0):
    found = caption_loss(logits, alphas, targets, pad, lam)
    targets[targets == pad] = -100
    return found
