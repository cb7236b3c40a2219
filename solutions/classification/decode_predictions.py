"""Turn logits into decisions.

logits [B, K] holds one score per image and class. Return booleans [B, K]: True where the class is
predicted.

* mode "single": one class per image. Each row has exactly one True, at its largest logit; where several
  logits share the largest value, at the first of them. thr plays no part.
* mode "multi": any number of classes per image, also none. Each class is decided on its own: True where
  sigmoid(logit) >= thr. A probability of exactly thr counts.
* mode is one of these two words, and 0 < thr < 1. Logits are finite and may be large (hundreds).
* B may be 0, and then the result is [0, K]; K is at least 1. A batch of one image keeps its batch axis.
* The result has dtype bool; the logits stay as they are.

Example: the row (2, -1, 0) has the probabilities (0.88, 0.27, 0.5). "single" gives (True, False, False),
"multi" gives (True, False, True) at thr = 0.5 and (True, False, False) at thr = 0.75.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "One of the two modes compares the classes of an image with each other, the other looks at each alone. "
    "Which of the two needs probabilities at all?",
    "For one label you need a position per row, then a row of booleans that is True only there. Comparing "
    "with the row's maximum is not enough: think of two equal logits.",
    "Several labels: a sigmoid and one comparison. One label: arg-max along the classes, keeping that axis; "
    "then scatter True into a matrix of False, or compare with the class indices 0 .. K-1.",
)


def decode_predictions(logits: Float[Tensor, "b k"], mode: str, thr: float = 0.5) -> Bool[Tensor, "b k"]:
    """Return which classes are predicted; mode is "single" or "multi"."""
    if mode == "multi":
        return torch.sigmoid(logits) >= thr
    best = logits.argmax(dim=1, keepdim=True)  # b 1, the first of equals
    return torch.zeros_like(logits, dtype=torch.bool).scatter(1, best, True)


@right("with one-hot rows, and the threshold moved to the logits")
def one_hot(logits, mode, thr=0.5):
    if mode == "single":
        return torch.nn.functional.one_hot(torch.max(logits, dim=1).indices, logits.shape[1]).bool()
    return logits >= math.log(thr / (1 - thr))


@right("with a loop over every score")
def looped(logits, mode, thr=0.5):
    decided = torch.zeros(logits.shape, dtype=torch.bool)
    for i, row in enumerate(logits.tolist()):
        for j, z in enumerate(row):
            if mode == "single":
                decided[i, j] = j == row.index(max(row))
            else:
                decided[i, j] = torch.sigmoid(torch.tensor(z)).item() >= thr
    return decided


@right("with the arg-max of a softmax compared to the class indices, and a hand-made sigmoid")
def compared(logits, mode, thr=0.5):
    if mode == "single":
        return logits.softmax(-1).argmax(-1).unsqueeze(-1) == torch.arange(logits.size(-1))
    return (1 / (1 + torch.exp(-logits))).ge(thr)


@right("with a running count of the maxima seen so far")
def counted(logits, mode, thr=0.5):
    if mode == "multi":
        return torch.sub(logits.sigmoid(), thr) >= 0
    top = logits == logits.amax(dim=1, keepdim=True)
    return top & (top.cumsum(dim=1) == 1)


@wrong("asks for a probability above thr, so that one of exactly thr does not count")
def strictly_above(logits, mode, thr=0.5):
    return torch.sigmoid(logits) > thr if mode == "multi" else decode_predictions(logits, mode)


@wrong("compares the logits with thr, not their probabilities")
def raw_logits(logits, mode, thr=0.5):
    return logits >= thr if mode == "multi" else decode_predictions(logits, mode)


@wrong("takes a softmax for several labels, where the classes then compete")
def softmaxed(logits, mode, thr=0.5):
    return logits.softmax(dim=1) >= thr if mode == "multi" else decode_predictions(logits, mode)


@wrong("marks every one of several equal maxima")
def all_maxima(logits, mode, thr=0.5):
    if mode == "multi":
        return decode_predictions(logits, mode, thr)
    return logits == logits.max(dim=1, keepdim=True).values


@wrong("takes the last of several equal maxima")
def last_maximum(logits, mode, thr=0.5):
    if mode == "multi":
        return decode_predictions(logits, mode, thr)
    return decode_predictions(logits.flip(1), mode).flip(1)


@wrong("always decides at 0.5, whatever thr says")
def fixed_threshold(logits, mode, thr=0.5):
    return decode_predictions(logits, mode)


@wrong("drops the single label where its probability stays below thr")
def doubtful_dropped(logits, mode, thr=0.5):
    decided = decode_predictions(logits, mode, thr)
    return decided & (torch.sigmoid(logits) >= thr)


@wrong("drops the single label where its softmax probability stays below thr")
def unsure_dropped(logits, mode, thr=0.5):
    decided = decode_predictions(logits, mode, thr)
    return decided & (logits.softmax(dim=1) >= thr) if mode == "single" else decided


@wrong("gives a best class to every image in mode 'multi' too, even where no probability reaches thr")
def never_empty(logits, mode, thr=0.5):
    return decode_predictions(logits, mode, thr) | decode_predictions(logits, "single")


@wrong("looks for the maximum over the images of the batch instead of over the classes")
def over_the_batch(logits, mode, thr=0.5):
    if mode == "multi" or len(logits) == 0:
        return decode_predictions(logits, mode, thr)
    return decode_predictions(logits.T, mode).T


@wrong("compares sigmoids in mode 'single', which are all the same 1 for large logits")
def saturated(logits, mode, thr=0.5):
    return decode_predictions(logits if mode == "multi" else logits.sigmoid(), mode, thr)


@wrong("ignores mode and decides every class on its own")
def always_multi(logits, mode, thr=0.5):
    return decode_predictions(logits, "multi", thr)


@wrong("returns class indices in mode 'single'")
def indices(logits, mode, thr=0.5):
    return decode_predictions(logits, mode, thr) if mode == "multi" else logits.argmax(dim=1)


@wrong("returns zeros and ones instead of booleans")
def zeros_and_ones(logits, mode, thr=0.5):
    return decode_predictions(logits, mode, thr).long()


@wrong("loses the batch axis of a single image")
def squeezed(logits, mode, thr=0.5):
    return decode_predictions(logits, mode, thr).squeeze()


@wrong("stacks the rows one by one, which fails for an empty batch")
def stacked(logits, mode, thr=0.5):
    return torch.stack([decode_predictions(row[None], mode, thr)[0] for row in logits])


@wrong("takes the sigmoid in the caller's own tensor")
def in_place(logits, mode, thr=0.5):
    return logits.sigmoid_() >= thr if mode == "multi" else decode_predictions(logits, mode)


@wrong("lets one_hot guess the number of classes from the winners")
def guessed_width(logits, mode, thr=0.5):
    if mode == "multi" or len(logits) == 0:
        return decode_predictions(logits, mode, thr)
    return torch.nn.functional.one_hot(logits.argmax(dim=1)).bool()


@wrong("marks the winner of any image in every row")
def winners_everywhere(logits, mode, thr=0.5):
    decided = decode_predictions(logits, mode, thr)
    return decided.any(dim=0).expand_as(decided) if mode == "single" else decided


@wrong(
    "writes the sigmoid as exp(z) over 1 + exp(z), which is NaN for large logits and then never reaches thr"
)
def overflowing(logits, mode, thr=0.5):
    odds = logits.exp()
    return odds / (1 + odds) >= thr if mode == "multi" else decode_predictions(logits, mode)


@wrong("rounds the probabilities before it compares them")
def rounded(logits, mode, thr=0.5):
    if mode == "single":
        return decode_predictions(logits, mode)
    return logits.sigmoid().mul(100).round().div(100) >= thr


@wrong("works in half precision, where close logits become equal")
def half_precision(logits, mode, thr=0.5):
    return decode_predictions(logits.half(), mode, thr)


@wrong("has another default for thr")
def other_default(logits, mode, thr=0.0):
    return decode_predictions(logits, mode, thr)
