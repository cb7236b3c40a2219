"""The seven numbers of monocular depth.

pred and gt are depths [B, 1, H, W]. A pixel is valid where gt is finite and greater than 0: holes of
the sensor may be coded 0, negative, NaN or inf. Only valid pixels count, and all valid pixels of the
batch count alike, whatever image they are in. With p and g the two depths of a valid pixel, return the
dict

    "abs_rel"     mean of |p - g| / g
    "sq_rel"      mean of (p - g)^2 / g                    (g is not squared)
    "rmse"        square root of the mean of (p - g)^2
    "rmse_log"    square root of the mean of (log p - log g)^2, natural logarithm
    "d1" "d2" "d3"  share of pixels with max(p / g, g / p) < 1.25, 1.25^2, 1.25^3, strictly below

of floats or 0-d tensors.

* median_scale=True is for models that know depth only up to a factor: first each image's pred is
  multiplied by median(gt) / median(pred), both over the valid pixels of that image. Of an even number of
  values the median is the lower one of the middle two, as torch.median has it.
* pred is positive everywhere. At least one pixel of the batch is valid; an image without any simply
  adds nothing.
* Inputs stay as they are. No gradient is asked for.

Example: gt (1, 2, 4, 0) and pred (1.25, 2, 2, 9) have three valid pixels. abs_rel is 0.25, sq_rel
0.354, rmse 1.164, rmse_log 0.420, d1 1/3 (1.25 is not below 1.25), d2 and d3 2/3. Here
median_scale=True changes nothing, since both medians are 2.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def depth_metrics(
    pred: Float[Tensor, "b 1 h w"], gt: Float[Tensor, "b 1 h w"], median_scale: bool = False
) -> dict[str, float]:
    """Return abs_rel, sq_rel, rmse, rmse_log, d1, d2 and d3 over the valid pixels."""
    raise NotImplementedError
