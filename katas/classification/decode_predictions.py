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

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def decode_predictions(logits: Float[Tensor, "b k"], mode: str, thr: float = 0.5) -> Bool[Tensor, "b k"]:
    """Return which classes are predicted; mode is "single" or "multi"."""
    raise NotImplementedError
