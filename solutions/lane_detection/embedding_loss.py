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
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 25
HINTS = (
    "Which lanes does an image have? Begin with one of them: pick out its pixels, and find their mean and "
    "their distances from it.",
    "The derivative of a square root at 0 is infinite, and infinity times 0 is NaN. Is there a function for "
    "lengths that is safe there? And is there one for the distances of all pairs that leaves out the "
    "diagonal?",
    "Loop over the distinct positive ids. Keep each mean, and the mean of the squared hinge over the lane's "
    "pixels. Average the latter for pull; stack the former, take the distances of all pairs, hinge, square "
    "and average them for push, unless there is no pair.",
)


def discriminative_loss(
    emb: Float[Tensor, "e h w"], ids: Int64[Tensor, "h w"], dv: float = 0.5, dd: float = 3.0
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return how far pixels are from their lane's mean, and how near the means are to each other."""
    means, pulls = [], []
    for lane in ids[ids > 0].unique():
        x = emb[:, ids == lane]  # e n
        mu = x.mean(dim=1, keepdim=True)
        distance = (x - mu).norm(dim=0)
        pulls.append(F.relu(distance - dv).square().mean())
        means.append(mu[:, 0])
    if not means:
        return emb.new_zeros(()), emb.new_zeros(())
    apart = torch.pdist(torch.stack(means))  # each pair once
    push = F.relu(dd - apart).square().sum() / max(len(apart), 1)
    return torch.stack(pulls).mean(), push


def _lanes(emb, ids):
    """The embeddings of each lane, n e."""
    return [emb[:, ids == lane].T for lane in ids[ids > 0].unique()]


def _pull(lanes, dv, like, length=lambda d: d.norm(dim=-1), mean=lambda x: x.mean(0)):
    if not lanes:
        return like.new_zeros(())
    return torch.stack([F.relu(length(x - mean(x)) - dv).square().mean() for x in lanes]).mean()


def _push(lanes, dd, like, length=lambda d: d.norm(dim=-1)):
    """The mean over pairs, from differences of means."""
    mu = [x.mean(0) for x in lanes]
    pairs = [length(a - b) for i, a in enumerate(mu) for b in mu[:i]]
    if not pairs:
        return like.new_zeros(())
    return F.relu(dd - torch.stack(pairs)).square().mean()


@right("with one-hot masks and no loop")
def masked(emb, ids, dv=0.5, dd=3.0):
    lanes = torch.unique(ids)
    lanes = lanes[lanes != 0]
    n = lanes.numel()
    if n == 0:
        return emb.sum() * 0, emb.sum() * 0
    mask = (ids.flatten()[None] == lanes[:, None]).to(emb.dtype)  # n p
    x = emb.flatten(1)  # e p
    count = mask.sum(1)
    mu = (mask @ x.T) / count[:, None]  # n e
    d = torch.linalg.norm(x.T[None] - mu[:, None], dim=-1)  # n p
    pull = (((d - dv).clamp(min=0) ** 2 * mask).sum(1) / count).mean()
    if n == 1:
        return pull, torch.zeros(())
    gap = torch.cdist(mu, mu)
    other = ~torch.eye(n, dtype=torch.bool)
    return pull, ((dd - gap).clamp(min=0) ** 2)[other].mean()


@right("with index_add and a double loop over ordered pairs")
def scattered(emb, ids, dv=0.5, dd=3.0):
    keep = ids.reshape(-1) > 0
    x = emb.reshape(emb.shape[0], -1).t()[keep]
    names, which = torch.unique(ids.reshape(-1)[keep], return_inverse=True)
    L = len(names)
    pull, push = torch.tensor(0.0), torch.tensor(0.0)
    if L == 0:
        return pull, push
    ones = torch.ones(len(x), dtype=emb.dtype)
    count = torch.zeros(L, dtype=emb.dtype).index_add(0, which, ones)
    mu = torch.zeros(L, x.shape[1], dtype=emb.dtype).index_add(0, which, x) / count[:, None]
    hinge = torch.relu(torch.norm(x - mu[which], dim=1) - dv) ** 2
    pull = (hinge / count[which]).sum() / L
    for a in range(L):
        for b in range(L):
            if a != b:
                push = push + torch.relu(dd - torch.dist(mu[a], mu[b])) ** 2
    if L > 1:
        push = push / (L * (L - 1))
    return [pull, push]


@right("with a tiny constant under the root, and the diagonal moved out of reach")
def rooted(emb, ids, dv=0.5, dd=3.0):
    means, pull = [], emb.new_zeros(())
    lanes = [int(i) for i in ids.unique() if i != 0]
    for lane in lanes:
        x = torch.stack([channel[ids == lane] for channel in emb])
        mu = x.sum(1) / x.shape[1]
        d = (((x - mu[:, None]) ** 2).sum(0) + 1e-12).sqrt()
        pull = pull + torch.maximum(d - dv, torch.zeros_like(d)).pow(2).mean() / len(lanes)
        means.append(mu)
    if len(lanes) < 2:
        return pull, emb.new_zeros(())
    mu, n = torch.stack(means), len(lanes)
    gap = (((mu[:, None] - mu[None]) ** 2).sum(-1) + 1e-12).sqrt() + torch.eye(n) * dd
    return pull, F.relu(dd - gap).pow(2).sum() / (n * (n - 1))


@right("pixel by pixel")
def pixelwise(emb, ids, dv=0.5, dd=3.0):
    pixels = {}
    for y in range(ids.shape[0]):
        for x in range(ids.shape[1]):
            pixels.setdefault(int(ids[y, x]), []).append(emb[:, y, x])
    pixels.pop(0, None)
    if not pixels:
        return torch.zeros((), dtype=emb.dtype), torch.zeros((), dtype=emb.dtype)
    mu = {lane: sum(p) / len(p) for lane, p in pixels.items()}
    pull = 0
    for lane, own in pixels.items():
        each = [F.relu(torch.linalg.vector_norm(p - mu[lane]) - dv) ** 2 for p in own]
        pull = pull + sum(each) / len(each) / len(pixels)
    rest, names = [], list(mu)
    for i, a in enumerate(names):
        rest += [F.relu(dd - F.pairwise_distance(mu[a], mu[b], eps=0)) ** 2 for b in names[i + 1 :]]
    return pull, (sum(rest) / len(rest) if rest else emb.new_tensor(0.0))


@wrong("takes the background for a lane")
def with_background(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb, ids + 1, dv, dd)


@wrong("leaves out the smallest id, although an image need not have background")
def first_id_dropped(emb, ids, dv=0.5, dd=3.0):
    lanes = ids.unique()[1:]
    kept = ids.where(torch.isin(ids, lanes), 0)
    return discriminative_loss(emb, kept, dv, dd)


@wrong("takes the lanes for numbered without gaps, so that a number nobody has gives NaN")
def up_to_the_largest(emb, ids, dv=0.5, dd=3.0):
    lanes = [emb[:, ids == lane].T for lane in range(1, int(ids.max()) + 1)]
    return _pull(lanes, dv, emb), _push(lanes, dd, emb)


@wrong("looks for the ids up to 255 only, as if they were the grey levels of an image")
def up_to_255(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb, ids.where(ids < 256, 0), dv, dd)


@wrong("takes the first five lanes only, the most there are in some data sets")
def first_five(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb, ids.where(torch.isin(ids, ids[ids > 0].unique()[:5]), 0), dv, dd)


@wrong("takes all lanes together for one")
def foreground(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb, (ids > 0).long(), dv, dd)


@wrong("averages the pull over all lane pixels, so that long lanes weigh more")
def mean_of_pixels(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    if not lanes:
        return emb.new_zeros(()), emb.new_zeros(())
    far = torch.cat([(x - x.mean(0)).norm(dim=1) for x in lanes])
    return F.relu(far - dv).square().mean(), _push(lanes, dd, emb)


@wrong("sums the pull over the lanes instead of averaging")
def summed_pull(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    return pull * len(ids[ids > 0].unique()), push


@wrong("takes the distance of the whole lane from its mean at once, instead of pixel by pixel")
def whole_lane(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    return _pull(lanes, dv, emb, length=lambda d: d.norm()), _push(lanes, dd, emb)


@wrong("hinges the mean distance of a lane's pixels instead of each distance")
def hinge_of_mean(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    return _pull(lanes, dv, emb, length=lambda d: d.norm(dim=-1).mean()), _push(lanes, dd, emb)


@wrong("has no hinge in the pull, so that pixels nearer than dv are pushed out to it")
def no_hinge_in_pull(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    pulls = [((x - x.mean(0)).norm(dim=1) - dv).square().mean() for x in lanes]
    return (torch.stack(pulls).mean() if pulls else emb.new_zeros(())), _push(lanes, dd, emb)


@wrong("has no hinge in the push, so that means farther apart than dd are pulled together")
def no_hinge_in_push(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    mu = [x.mean(0) for x in lanes]
    gaps = [(dd - (a - b).norm()).square() for i, a in enumerate(mu) for b in mu[:i]]
    return _pull(lanes, dv, emb), (torch.stack(gaps).mean() if gaps else emb.new_zeros(()))


@wrong("punishes means that are farther apart than dd instead of nearer")
def push_reversed(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    mu = [x.mean(0) for x in lanes]
    gaps = [F.relu((a - b).norm() - dd).square() for i, a in enumerate(mu) for b in mu[:i]]
    return _pull(lanes, dv, emb), (torch.stack(gaps).mean() if gaps else emb.new_zeros(()))


@wrong("forgets to square")
def not_squared(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    if not lanes:
        return emb.new_zeros(()), emb.new_zeros(())
    pull = torch.stack([F.relu((x - x.mean(0)).norm(dim=1) - dv).mean() for x in lanes]).mean()
    mu = [x.mean(0) for x in lanes]
    gaps = [F.relu(dd - (a - b).norm()) for i, a in enumerate(mu) for b in mu[:i]]
    return pull, (torch.stack(gaps).mean() if gaps else emb.new_zeros(()))


@wrong("compares squared distances with the margins")
def squared_lengths(emb, ids, dv=0.5, dd=3.0):
    lanes, length = _lanes(emb, ids), lambda d: d.square().sum(-1)
    return _pull(lanes, dv, emb, length), _push(lanes, dd, emb, length)


@wrong("takes the sum of absolute values for the length, as some ports do")
def manhattan(emb, ids, dv=0.5, dd=3.0):
    lanes, length = _lanes(emb, ids), lambda d: d.abs().sum(-1)
    return _pull(lanes, dv, emb, length), _push(lanes, dd, emb, length)


@wrong("averages the squares over the E numbers of an embedding instead of summing them")
def per_channel(emb, ids, dv=0.5, dd=3.0):
    lanes, length = _lanes(emb, ids), lambda d: d.norm(dim=-1) / d.shape[-1] ** 0.5
    return _pull(lanes, dv, emb, length), _push(lanes, dd, emb, length)


@wrong("pushes means apart up to twice dd, as in the first paper")
def twice_the_margin(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb, ids, dv, 2 * dd)


@wrong("lets every lane make a pair with itself, at distance 0")
def with_diagonal(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    n = len(ids[ids > 0].unique())
    return pull, ((push * n * (n - 1) + n * dd**2) / n**2 if n else push)


@wrong("leaves the diagonal out of the sum but divides by the square of the number of lanes")
def divided_by_square(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    n = len(ids[ids > 0].unique())
    return pull, push * (n - 1) / max(n, 1)


@wrong("sums every pair once but divides by the number of ordered pairs, which halves the push")
def half_push(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    return pull, push / 2


@wrong("averages only over the pairs that are nearer than dd")
def near_pairs_only(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    means = [x.mean(0) for x in _lanes(emb, ids)]
    if len(means) > 1:
        near = (torch.pdist(torch.stack(means)) < dd).double().mean().to(emb.dtype)
        push = push / near if near > 0 else push
    return pull, push


@wrong("sums the push over pairs instead of averaging")
def summed_push(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    n = len(ids[ids > 0].unique())
    return pull, push * n * (n - 1)


@wrong("ignores dv")
def fixed_dv(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb, ids, 0.5, dd)


@wrong("ignores dd")
def fixed_dd(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb, ids, dv, 3.0)


@wrong("has another default of dd")
def other_default(emb, ids, dv=0.5, dd=1.5):
    return discriminative_loss(emb, ids, dv, dd)


@wrong("takes the root of a sum of squares, whose gradient at a pixel on its mean is NaN")
def nan_gradient(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    return _pull(lanes, dv, emb, length=lambda d: d.square().sum(-1).sqrt()), _push(lanes, dd, emb)


@wrong("takes the roots of all pairs before it leaves out the diagonal, where their gradient is NaN")
def nan_diagonal(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    lanes = _lanes(emb, ids)
    if len(lanes) > 1:
        mu = torch.stack([x.mean(0) for x in lanes])
        gap = (mu[:, None] - mu).square().sum(-1).sqrt()
        push = F.relu(dd - gap)[~torch.eye(len(mu), dtype=torch.bool)].square().mean()
    return pull, push


@wrong("takes one mean of each pair for a constant, so that the push has half of its gradient")
def one_sided(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    mu = [x.mean(0) for x in lanes]
    gaps = [F.relu(dd - (a - b.detach()).norm()).square() for a in mu for b in mu if a is not b]
    return _pull(lanes, dv, emb), (torch.stack(gaps).mean() if gaps else emb.new_zeros(()))


@wrong("takes the means in the pull for constants, without a gradient")
def constant_means(emb, ids, dv=0.5, dd=3.0):
    lanes = _lanes(emb, ids)
    return _pull(lanes, dv, emb, mean=lambda x: x.mean(0).detach()), _push(lanes, dd, emb)


@wrong("divides by zero where there is only one lane")
def nan_for_one(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    n = len(ids[ids > 0].unique())
    return pull, (push * torch.nan if n == 1 else push)


@wrong("fails where there is no lane, because a list of nothing is stacked")
def fails_without_lanes(emb, ids, dv=0.5, dd=3.0):
    torch.stack(_lanes(emb, ids)[:1])
    return discriminative_loss(emb, ids, dv, dd)


@wrong("returns NaN where there is no lane, the mean of nothing")
def nan_without_lanes(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    return (pull if bool((ids > 0).any()) else pull * torch.nan), push


@wrong("gives no loss at all where there is only one lane")
def nothing_for_one(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    return (pull if len(ids[ids > 0].unique()) > 1 else pull * 0), push


@wrong("adds the length of the means to the pull, the third term of the first paper")
def regularised(emb, ids, dv=0.5, dd=3.0):
    pull, push = discriminative_loss(emb, ids, dv, dd)
    lanes = _lanes(emb, ids)
    if lanes:
        pull = pull + 0.001 * torch.stack([x.mean(0).norm() for x in lanes]).mean()
    return pull, push


@wrong("scales every embedding to length 1 first")
def normalised(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(F.normalize(emb, dim=0), ids, dv, dd)


@wrong("reads the embeddings of the pixels from memory in the order H, W, E")
def reshaped(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb.reshape(*ids.shape, -1).permute(2, 0, 1), ids, dv, dd)


@wrong("returns the sum of both terms")
def added(emb, ids, dv=0.5, dd=3.0):
    return sum(discriminative_loss(emb, ids, dv, dd))


@wrong("returns the push first")
def swapped(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb, ids, dv, dd)[::-1]


@wrong("returns float32 whatever comes in")
def single_precision(emb, ids, dv=0.5, dd=3.0):
    return discriminative_loss(emb.float(), ids, dv, dd)


@wrong("writes into the caller's own ids")
def in_place(emb, ids, dv=0.5, dd=3.0):
    for n, lane in enumerate(ids[ids > 0].unique().tolist(), start=1):
        ids[ids == lane] = n
    return discriminative_loss(emb, ids, dv, dd)
