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

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Write the loss of one prediction first. Which shape has valid, and which one the differences?",
    "Count from the end: the last index of N predictions has the exponent 0. And what you divide by must "
    "not depend on how many pixels are not valid.",
    "For each prediction, take the absolute differences averaged over the channel axis, pick out the valid "
    "pixels, take their mean; then add the means up, each times gamma to the number of predictions after it.",
)


def sequence_loss(
    preds: list[Float[Tensor, "b 2 h w"]],
    gt: Float[Tensor, "b 2 h w"],
    valid: Bool[Tensor, "b h w"],
    gamma: float = 0.8,
) -> Float[Tensor, ""]:
    """Return the weighted sum of the mean absolute differences of all predictions."""
    loss = gt.new_zeros(())
    for i, pred in enumerate(preds):
        difference = (pred - gt).abs().mean(dim=1)  # b h w
        weight = gamma ** (len(preds) - 1 - i)
        loss = loss + weight * difference[valid].mean()
    return loss


def _steps(preds, gt, valid):
    """The mean absolute difference of each prediction."""
    return torch.stack([(p - gt).abs().mean(dim=1)[valid].mean() for p in preds])


def _weights(n, gamma, like):
    return like.new_tensor([gamma ** (n - 1 - i) for i in range(n)])


@right("with all predictions stacked, and a mask as weights")
def stacked(preds, gt, valid, gamma=0.8):
    n = len(preds)
    mask = valid.unsqueeze(1).to(gt.dtype)
    sums = ((torch.stack(preds) - gt).abs() * mask).sum(dim=(1, 2, 3, 4))
    weights = gamma ** torch.arange(n - 1, -1, -1, dtype=gt.dtype)
    return (weights * sums).sum() / (2 * mask.sum())


@right("step by step: all so far times gamma, plus the next")
def nested(preds, gt, valid, gamma=0.8):
    keep = valid[:, None].expand_as(gt)
    total = 0.0
    for pred in preds:
        total = gamma * total + torch.nn.functional.l1_loss(pred[keep], gt[keep])
    return total


@right("channel by channel, backwards from the last prediction")
def backwards(preds, gt, valid, gamma=0.8):
    weight, loss = 1.0, torch.zeros(())
    for pred in reversed(preds):
        u = torch.masked_select((pred[:, 0] - gt[:, 0]).abs(), valid)
        v = torch.masked_select((pred[:, 1] - gt[:, 1]).abs(), valid)
        loss = loss + weight * 0.5 * (u.mean() + v.mean())
        weight *= gamma
    return loss


@right("with the differences of the other pixels set to zero, and a tiny constant below")
def replaced(preds, gt, valid, gamma=0.8):
    parts = []
    for pred in preds:
        gap = torch.where(valid[:, None], pred - gt, torch.zeros_like(gt)).flatten()
        parts.append(gap.norm(p=1) / (2 * valid.sum() + 1e-8))
    powers = torch.tensor([gamma**k for k in range(len(parts))])
    return (torch.stack(parts) * powers.flip(0)).sum()


@right("as rows of valid vectors")
def rows(preds, gt, valid, gamma=0.8):
    n, known = len(preds), gt.movedim(1, -1)[valid]
    gaps = [torch.abs(p.permute(0, 2, 3, 1)[valid] - known) for p in preds]
    return sum(g.mean() * gamma ** (n - i) for i, g in enumerate(gaps, start=1))


@wrong("reverses the weights, so that the first prediction counts most")
def reversed_weights(preds, gt, valid, gamma=0.8):
    return sequence_loss(preds[::-1], gt, valid, gamma)


@wrong("begins to count at one, so that even the last prediction is weighted by gamma")
def one_power_more(preds, gt, valid, gamma=0.8):
    return gamma * sequence_loss(preds, gt, valid, gamma)


@wrong("gives every prediction the weight 1")
def unweighted(preds, gt, valid, gamma=0.8):
    return _steps(preds, gt, valid).sum()


@wrong("divides by the sum of the weights")
def normalised(preds, gt, valid, gamma=0.8):
    weights = _weights(len(preds), gamma, gt)
    return (weights * _steps(preds, gt, valid)).sum() / weights.sum()


@wrong("divides by the number of predictions")
def averaged(preds, gt, valid, gamma=0.8):
    return sequence_loss(preds, gt, valid, gamma) / len(preds)


@wrong("multiplies gamma by the distance from the end instead of raising it to that power")
def linear_weights(preds, gt, valid, gamma=0.8):
    weights = [gamma * (len(preds) - 1 - i) for i in range(len(preds) - 1)] + [1.0]
    return (gt.new_tensor(weights) * _steps(preds, gt, valid)).sum()


@wrong("looks at the last prediction only")
def last_only(preds, gt, valid, gamma=0.8):
    return _steps(preds[-1:], gt, valid)[0]


@wrong("lets gradients flow to the last prediction only")
def last_trained(preds, gt, valid, gamma=0.8):
    return sequence_loss([*(p.detach() for p in preds[:-1]), preds[-1]], gt, valid, gamma)


@wrong("adds up plain numbers, cut off from the graph")
def detached(preds, gt, valid, gamma=0.8):
    return sequence_loss([p.detach() for p in preds], gt.detach(), valid, gamma)


@wrong("ignores gamma")
def fixed_gamma(preds, gt, valid, gamma=0.8):
    return sequence_loss(preds, gt, valid)


@wrong("has another default of gamma")
def other_default(preds, gt, valid, gamma=0.85):
    return sequence_loss(preds, gt, valid, gamma)


@wrong("zeroes the other pixels but divides by the number of all pixels, as the original RAFT code does")
def over_all_pixels(preds, gt, valid, gamma=0.8):
    return sequence_loss(preds, gt, valid, gamma) * valid.double().mean().to(gt.dtype)


@wrong("ignores valid")
def without_valid(preds, gt, valid, gamma=0.8):
    return sequence_loss(preds, gt, torch.ones_like(valid), gamma)


@wrong("leaves out the valid pixels and keeps the others")
def inverted(preds, gt, valid, gamma=0.8):
    return sequence_loss(preds, gt, ~valid, gamma)


@wrong("divides by the number of valid pixels, not by twice as many")
def summed_channels(preds, gt, valid, gamma=0.8):
    return 2 * sequence_loss(preds, gt, valid, gamma)


@wrong("sums over the pixels instead of averaging")
def summed(preds, gt, valid, gamma=0.8):
    return sequence_loss(preds, gt, valid, gamma) * (2 * valid.sum())


@wrong("averages each image first, whatever the number of its valid pixels")
def image_by_image(preds, gt, valid, gamma=0.8):
    count = valid.sum(dim=(1, 2)).clamp(min=1)
    each = [((p - gt).abs().mean(1) * valid).sum(dim=(1, 2)) / count for p in preds]
    return (_weights(len(preds), gamma, gt) * torch.stack([e.mean() for e in each])).sum()


@wrong("takes the end-point error, the length of the difference")
def end_point(preds, gt, valid, gamma=0.8):
    each = torch.stack([(p - gt).norm(dim=1)[valid].mean() for p in preds])
    return (_weights(len(preds), gamma, gt) * each).sum()


@wrong("squares the differences")
def mean_square(preds, gt, valid, gamma=0.8):
    each = torch.stack([(p - gt).square().mean(dim=1)[valid].mean() for p in preds])
    return (_weights(len(preds), gamma, gt) * each).sum()


@wrong("rounds the loss off near zero, as Smooth L1 does")
def smoothed(preds, gt, valid, gamma=0.8):
    loss = torch.nn.functional.smooth_l1_loss
    each = torch.stack([loss(p, gt, reduction="none").mean(1)[valid].mean() for p in preds])
    return (_weights(len(preds), gamma, gt) * each).sum()


@wrong("forgets the absolute value, so that errors of opposite sign cancel")
def signed(preds, gt, valid, gamma=0.8):
    each = torch.stack([(p - gt).mean(1)[valid].mean() for p in preds])
    return (_weights(len(preds), gamma, gt) * each).sum()


@wrong("leaves out pixels that move by 400 px or more, as the original RAFT code does")
def slow_only(preds, gt, valid, gamma=0.8):
    slow = valid & (gt.norm(dim=1) < 400)
    return sequence_loss(preds, gt, slow if slow.any() else valid, gamma)


@wrong("leaves out pixels that do not move")
def moving_only(preds, gt, valid, gamma=0.8):
    moving = valid & (gt != 0).any(dim=1)
    return sequence_loss(preds, gt, moving if moving.any() else valid, gamma)


@wrong("compares each prediction with the one before it instead of with the truth")
def increments(preds, gt, valid, gamma=0.8):
    gaps = [a - b for a, b in zip(preds, [*preds[1:], gt])]
    zero = torch.zeros_like(gt)
    return sequence_loss(gaps, zero, valid, gamma)


@wrong("changes the caller's own list of predictions")
def list_reversed(preds, gt, valid, gamma=0.8):
    preds.reverse()
    return sequence_loss(preds[::-1], gt, valid, gamma)


@wrong("writes into the caller's own gt")
def in_place(preds, gt, valid, gamma=0.8):
    gt.masked_fill_(~valid[:, None], 0)
    return sequence_loss(preds, gt, valid, gamma)


@wrong("sets the other pixels of the truth to zero and lets the predictions there count")
def zeros_counted(preds, gt, valid, gamma=0.8):
    return sequence_loss(preds, gt * valid[:, None], torch.ones_like(valid), gamma)


@wrong("returns one loss for each prediction instead of their sum")
def per_prediction(preds, gt, valid, gamma=0.8):
    return _weights(len(preds), gamma, gt) * _steps(preds, gt, valid)


@wrong("returns float32 whatever comes in")
def single_precision(preds, gt, valid, gamma=0.8):
    return sequence_loss(preds, gt, valid, gamma).float()


@wrong("caps every difference at 10 px")
def clamped(preds, gt, valid, gamma=0.8):
    each = torch.stack([(p - gt).abs().clamp(max=10).mean(dim=1)[valid].mean() for p in preds])
    return (_weights(len(preds), gamma, gt) * each).sum()
