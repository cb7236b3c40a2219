"""The anomaly map of a student and its teacher.

STFPM trains a student network to imitate the features of a pretrained teacher on normal images. Where
the two disagree about a new image, the student has never seen such a thing. Several levels of the
feature pyramids are compared, and an anomaly is what all of them see.

* fs (student) and ft (teacher) are lists of equal length, at least 1. fs[i] and ft[i] both have the
  shape [B, C_i, h_i, w_i]; channels and sizes differ from level to level, B does not.
* At each place of each level, divide the student's vector of C_i channels by its Euclidean length, and
  the teacher's by its own. A vector of zeros has no direction and stays a vector of zeros, never NaN.
* With the unit vectors s and t of a place, its distance is

      d = 1/2 * (sum over channels of (s_c - t_c)^2)

  a number from 0 (same direction) to 2 (opposite). The lengths of the features have no say in it.
* Resize the map d of each level [B, h_i, w_i] to size = (H, W), bilinearly with align_corners=False;
  H >= h_i and W >= w_i at every level, and a map of that size stays as it is. Distances are resized,
  not features.
* The result [B, H, W] is the product of the resized maps, pixel by pixel. It is not scaled, so that
  images can be compared. A single level is its own product.
* The result has the dtype of the features. The tensors, and the lists, stay as they are. All tensors are
  on the CPU. No gradient is asked for.

Example: two levels of one place each and size = (1, 1). Level 0 has the student (2, 0) and the teacher
(0, 5): the unit vectors (1, 0) and (0, 1), d = 1. Level 1 has (3, 4) and (10, 0): (0.6, 0.8) and (1, 0),
d = 1/2 * (0.16 + 0.64) = 0.4. The map is 1 * 0.4 = 0.4.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def stfpm_map(
    fs: list[Float[Tensor, "b _ _ _"]], ft: list[Float[Tensor, "b _ _ _"]], size: tuple[int, int]
) -> Float[Tensor, "b h w"]:
    """Return the product over levels of the resized distances between unit features."""
    raise NotImplementedError
