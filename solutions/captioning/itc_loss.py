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
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Every row and every column of one table is a classification problem. Which class is the right one?",
    "Normalise along D first; then one matrix product gives all similarities. A cross-entropy of logits does "
    "the rest, without any exponential of yours.",
    "The targets are 0, 1, ..., B - 1. Take the cross-entropy of the table divided by temp, that of its "
    "transpose with the same targets, and the mean of the two.",
)


def itc_loss(img: Float[Tensor, "b d"], txt: Float[Tensor, "b d"], temp: float = 0.07) -> Float[Tensor, ""]:
    """Return the mean of the image-to-text and the text-to-image cross-entropy."""
    s = F.normalize(img, dim=1) @ F.normalize(txt, dim=1).T / temp  # b b
    pairs = torch.arange(len(s))
    return (F.cross_entropy(s, pairs) + F.cross_entropy(s.T, pairs)) / 2


def _table(img, txt, temp):
    return F.normalize(img, dim=1) @ F.normalize(txt, dim=1).T / temp


def _both(s):
    """The loss of a table of similarities."""
    pairs = torch.arange(len(s))
    return (F.cross_entropy(s, pairs) + F.cross_entropy(s.T, pairs)) / 2


@right("pair by pair, with the log-sum-exp written out")
def looped(img, txt, temp=0.07):
    x = [v / v.square().sum().sqrt() for v in img]
    y = [v / v.square().sum().sqrt() for v in txt]
    b, total = len(x), 0.0
    for i in range(b):
        row = torch.stack([(x[i] * y[j]).sum() / temp for j in range(b)])
        column = torch.stack([(x[j] * y[i]).sum() / temp for j in range(b)])
        for z in (row, column):
            total = total + z.max() + torch.log(torch.exp(z - z.max()).sum()) - z[i]
    return total / (2 * b)


@right("with the diagonal of two log-softmaxes, and the temperature in the images")
def diagonals(img, txt, temp=0.07):
    x = img / img.norm(dim=-1, keepdim=True) / temp
    s = torch.einsum("id,jd->ij", x, txt / txt.norm(dim=-1, keepdim=True))
    return -0.5 * (s.log_softmax(0).diagonal() + s.log_softmax(1).diagonal()).mean()


@right("with cosine similarities of all pairs, and a floor under the lengths")
def cosines(img, txt, temp=0.07):
    s = F.cosine_similarity(img[:, None], txt[None], dim=2, eps=1e-8) / temp
    rows, columns = torch.logsumexp(s, 1), torch.logsumexp(s, 0)
    return (rows.mean() + columns.mean()) / 2 - torch.trace(s) / s.shape[0]


@right("with one-hot targets, and lengths to which a tiny constant is added")
def one_hot(img, txt, temp=0.07):
    x = img / (img.pow(2).sum(1, keepdim=True).sqrt() + 1e-8)
    y = txt / (torch.linalg.vector_norm(txt, dim=1, keepdim=True) + 1e-8)
    s = (1 / temp) * torch.matmul(x, y.t())
    hot = torch.eye(len(s), dtype=s.dtype)
    return 0.5 * _soft(s, hot) + 0.5 * _soft(s.t(), hot)


def _soft(s, hot):
    return -(hot * F.log_softmax(s, dim=-1)).sum(dim=-1).mean()


# -- directions ----------------------------------------------------------------------------------


@wrong("asks images for their texts only")
def image_to_text(img, txt, temp=0.07):
    s = _table(img, txt, temp)
    return F.cross_entropy(s, torch.arange(len(s)))


@wrong("asks texts for their images only")
def text_to_image(img, txt, temp=0.07):
    s = _table(img, txt, temp)
    return F.cross_entropy(s.T, torch.arange(len(s)))


@wrong("adds the two directions and does not halve")
def not_halved(img, txt, temp=0.07):
    return 2 * itc_loss(img, txt, temp)


@wrong("adds up the pairs and does not divide by their number")
def added_up(img, txt, temp=0.07):
    return len(img) * itc_loss(img, txt, temp)


@wrong("takes one softmax over the whole table, for both directions at once")
def one_softmax(img, txt, temp=0.07):
    s = _table(img, txt, temp)
    return -s.flatten().log_softmax(0).reshape(s.shape).diagonal().mean()


# -- similarities --------------------------------------------------------------------------------


@wrong("does not normalise, so that long embeddings are more similar than short ones")
def not_normalised(img, txt, temp=0.07):
    return _both(img @ txt.T / temp)


@wrong("normalises the images only")
def images_normalised(img, txt, temp=0.07):
    return _both(F.normalize(img, dim=1) @ txt.T / temp)


@wrong("normalises the texts only")
def texts_normalised(img, txt, temp=0.07):
    return _both(img @ F.normalize(txt, dim=1).T / temp)


@wrong("normalises along the batch")
def normalised_along_batch(img, txt, temp=0.07):
    return _both(F.normalize(img, dim=0) @ F.normalize(txt, dim=0).T / temp)


@wrong("divides by the length of the whole matrix instead of each row's own")
def one_length(img, txt, temp=0.07):
    return _both((img / img.norm()) @ (txt / txt.norm()).T / temp)


@wrong("divides by the sum of absolute values instead of the length")
def manhattan_length(img, txt, temp=0.07):
    return _both(F.normalize(img, p=1, dim=1) @ F.normalize(txt, p=1, dim=1).T / temp)


@wrong("divides by the squared length")
def squared_length(img, txt, temp=0.07):
    x, y = (v / v.square().sum(1, keepdim=True) for v in (img, txt))
    return _both(x @ y.T / temp)


@wrong("treats the lengths as constants in the backward pass")
def constant_lengths(img, txt, temp=0.07):
    x, y = (v / v.norm(dim=1, keepdim=True).detach() for v in (img, txt))
    return _both(x @ y.T / temp)


@wrong("takes the negative distance for the similarity")
def by_distance(img, txt, temp=0.07):
    x, y = F.normalize(img, dim=1), F.normalize(txt, dim=1)
    return _both(-(x[:, None] - y).square().sum(-1).clamp(min=1e-12).sqrt() / temp)


@wrong("compares images with images and texts with texts")
def within(img, txt, temp=0.07):
    pairs = torch.arange(len(img))
    one, other = _table(img, img, temp), _table(txt, txt, temp)
    return (F.cross_entropy(one, pairs) + F.cross_entropy(other, pairs)) / 2


@wrong("counts the other images and the other texts of the same side as wrong answers, too")
def both_sides(img, txt, temp=0.07):
    both, b = torch.cat([img, txt]), len(img)
    own = torch.eye(2 * b, dtype=torch.bool)
    s = _table(both, both, temp).masked_fill(own, -torch.inf)
    return F.cross_entropy(s, torch.arange(2 * b).roll(b))


@wrong("takes negative similarities for 0")
def rectified(img, txt, temp=0.07):
    return _both(_table(img, txt, 1.0).clamp(min=0) / temp)


@wrong("takes the mean of the batch off both sides first")
def centred(img, txt, temp=0.07):
    return itc_loss(img - img.mean(0), txt - txt.mean(0), temp)


@wrong("does not count a text as wrong that is the same as the image's own")
def twins_spared(img, txt, temp=0.07):
    y = F.normalize(txt, dim=1)
    twins = (y[:, None] - y).abs().amax(-1) < 1e-6
    s = _table(img, txt, temp).masked_fill(twins & ~torch.eye(len(txt), dtype=torch.bool), -torch.inf)
    return _both(s)


# -- temperature ---------------------------------------------------------------------------------


@wrong("multiplies by temp instead of dividing")
def multiplied(img, txt, temp=0.07):
    return _both(_table(img, txt, 1 / temp))


@wrong("leaves temp out")
def without_temp(img, txt, temp=0.07):
    return itc_loss(img, txt, 1.0)


@wrong("takes 0.07, whatever temp is")
def fixed_temp(img, txt, temp=0.07):
    return itc_loss(img, txt)


@wrong("takes temp for a logarithm, as CLIP stores its own")
def logarithmic(img, txt, temp=0.07):
    return _both(_table(img, txt, 1.0) * torch.exp(torch.tensor(temp, dtype=img.dtype)))


@wrong("divides both embeddings by temp, so that it counts twice")
def temp_twice(img, txt, temp=0.07):
    return itc_loss(img, txt, temp**2)


@wrong("keeps the scale at 100 at the most, as CLIP does with the one it learns")
def scale_capped(img, txt, temp=0.07):
    return itc_loss(img, txt, max(temp, 0.01))


# -- the cross-entropy ---------------------------------------------------------------------------


@wrong("takes exponentials that overflow at small temperatures")
def overflowing(img, txt, temp=0.07):
    e = _table(img, txt, temp).exp()
    right = e.diagonal()
    return -((right / e.sum(0)).log() + (right / e.sum(1)).log()).mean() / 2


@wrong("takes the logarithm of a softmax, which is 0 for a pair that is ruled out")
def log_of_softmax(img, txt, temp=0.07):
    s = _table(img, txt, temp)
    return -(s.softmax(0).diagonal().log() + s.softmax(1).diagonal().log()).mean() / 2


@wrong("adds a small constant inside the logarithm, which caps the loss")
def capped(img, txt, temp=0.07):
    s = _table(img, txt, temp)
    return -((s.softmax(0).diagonal() + 1e-8).log() + (s.softmax(1).diagonal() + 1e-8).log()).mean() / 2


@wrong("takes the softmax before the cross-entropy, which takes it again")
def softmax_twice(img, txt, temp=0.07):
    s, pairs = _table(img, txt, temp), torch.arange(len(img))
    return (F.cross_entropy(s.softmax(1), pairs) + F.cross_entropy(s.T.softmax(1), pairs)) / 2


@wrong("leaves the right pair out of its own denominator, as decoupled losses do")
def decoupled(img, txt, temp=0.07):
    s = _table(img, txt, temp)
    if len(s) == 1:
        return 0 * s.sum()
    others = s.masked_fill(torch.eye(len(s), dtype=torch.bool), -torch.inf)
    return (others.logsumexp(0) + others.logsumexp(1)).mean() / 2 - s.diagonal().mean()


@wrong("judges each pair by itself, right or wrong, with sigmoids, as SigLIP does")
def sigmoids(img, txt, temp=0.07):
    s = _table(img, txt, temp)
    return -F.logsigmoid(s * (2 * torch.eye(len(s)).to(s) - 1)).sum(1).mean()


@wrong("asks for a margin over the best wrong one instead of a cross-entropy")
def hinge(img, txt, temp=0.07):
    s = _table(img, txt, temp)
    if len(s) == 1:
        return 0 * s.sum()
    others = s.masked_fill(torch.eye(len(s), dtype=torch.bool), -1e6)
    gap = 0.2 - s.diagonal()
    return ((gap + others.amax(0)).clamp(min=0) + (gap + others.amax(1)).clamp(min=0)).mean() / 2


@wrong("smooths the labels a little, which nobody asked for")
def smoothed(img, txt, temp=0.07):
    s, pairs = _table(img, txt, temp), torch.arange(len(img))
    one, other = (F.cross_entropy(x, pairs, label_smoothing=0.1) for x in (s, s.T))
    return (one + other) / 2


@wrong("takes the first text for the right one, whatever the image")
def first_is_right(img, txt, temp=0.07):
    s, first = _table(img, txt, temp), torch.zeros(len(img)).long()
    return (F.cross_entropy(s, first) + F.cross_entropy(s.T, first)) / 2


@wrong("divides by zero for a single pair")
def nan_when_single(img, txt, temp=0.07):
    b = len(img)
    return itc_loss(img, txt, temp) if b > 1 else (img.sum() + txt.sum()) * float("nan")


@wrong("returns a 0 of its own for a single pair, which cannot be differentiated")
def constant_when_single(img, txt, temp=0.07):
    return itc_loss(img, txt, temp) if len(img) > 1 else torch.zeros((), dtype=img.dtype)


# -- gradients and results -----------------------------------------------------------------------


@wrong("cuts the texts off from the graph")
def texts_detached(img, txt, temp=0.07):
    return itc_loss(img, txt.detach(), temp)


@wrong("cuts the images off from the graph")
def images_detached(img, txt, temp=0.07):
    return itc_loss(img.detach(), txt, temp)


@wrong("holds the other side still in each direction, as a teacher")
def one_side_each(img, txt, temp=0.07):
    one, other, pairs = (
        _table(img, txt.detach(), temp),
        _table(txt, img.detach(), temp),
        torch.arange(len(img)),
    )
    return (F.cross_entropy(one, pairs) + F.cross_entropy(other, pairs)) / 2


@wrong("returns a Python number, which has no graph")
def numbered(img, txt, temp=0.07):
    return itc_loss(img, txt, temp).item()


@wrong("returns a loss for each pair")
def unreduced(img, txt, temp=0.07):
    s, pairs = _table(img, txt, temp), torch.arange(len(img))
    one, other = (F.cross_entropy(x, pairs, reduction="none") for x in (s, s.T))
    return (one + other) / 2


@wrong("returns the two directions side by side")
def two_losses(img, txt, temp=0.07):
    return image_to_text(img, txt, temp), text_to_image(img, txt, temp)


@wrong("computes in float32, whatever comes in")
def in_float32(img, txt, temp=0.07):
    return itc_loss(img.float(), txt.float(), temp)


@wrong("normalises the caller's own tensors")
def in_place(img, txt, temp=0.07):
    for v in (img, txt):
        v.data /= v.data.norm(dim=1, keepdim=True)
    return itc_loss(img, txt, temp)
