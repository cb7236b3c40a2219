"""From a sigmoid to disparity and depth.

A network that ends in a sigmoid says a number between 0 and 1 for each pixel. It is read as a disparity
(one over depth) on a scale whose ends are the two depths that are possible at all:

    disp  = 1 / max_d + (1 / min_d - 1 / max_d) * sig
    depth = 1 / disp

* Return the pair (disp, depth), in this order, each with the shape of sig: [B, 1, H, W].
* sig holds values in [0, 1], both ends included; it is a sigmoid already. 0 means max_d, 1 means min_d.
* 0 < min_d < max_d are depths in metres, not disparities; they need no check.
* disp is never 0: divide by it as it is, without a small constant that would bring far depths nearer.
* B may be 0. Results have the dtype and the device of sig, which stays as it is.
* Gradients flow to sig through both results.

Example, with the defaults 0.1 and 100: sig = 0 gives (0.01, 100), sig = 1 gives (10, 0.1), and
sig = 0.5 gives (5.005, 0.1998). Half of the scale is spent on depths below 20 centimetres.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def disp_to_depth(
    sig: Float[Tensor, "b 1 h w"], min_d: float = 0.1, max_d: float = 100.0
) -> tuple[Float[Tensor, "b 1 h w"], Float[Tensor, "b 1 h w"]]:
    """Return the disparities and the depths of a sigmoid map."""
    raise NotImplementedError
