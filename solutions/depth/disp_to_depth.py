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

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Which is linear in the sigmoid, depth or disparity?",
    "The farthest depth belongs to the smallest disparity: find the two ends of the disparity scale first.",
    "The lower end is one over the largest depth, the upper end one over the smallest. Move from the one "
    "to the other by sig, and take the reciprocal for the depth.",
)


def disp_to_depth(
    sig: Float[Tensor, "b 1 h w"], min_d: float = 0.1, max_d: float = 100.0
) -> tuple[Float[Tensor, "b 1 h w"], Float[Tensor, "b 1 h w"]]:
    """Return the disparities and the depths of a sigmoid map."""
    min_disp, max_disp = 1 / max_d, 1 / min_d
    disp = min_disp + (max_disp - min_disp) * sig
    return disp, 1 / disp


@right("from the depth to the disparity")
def depth_first(sig, min_d=0.1, max_d=100):
    depth = min_d * max_d / (min_d + (max_d - min_d) * sig)
    return [depth.reciprocal(), depth]


@right("with lerp between two full maps")
def interpolated(sig, min_d=0.1, max_d=100):
    far, near = torch.full_like(sig, 1 / max_d), torch.full_like(sig, 1 / min_d)
    disp = torch.lerp(far, near, sig)
    return disp, disp**-1


@right("as a weighted mean of the two ends, with a tiny floor under the division")
def weighted(sig, min_d=0.1, max_d=1e2):
    disp = (1 - sig) / max_d + sig / min_d
    return disp, 1.0 / (disp + 1e-7)


@right("pixel by pixel")
def looped(sig, min_d=0.1, max_d=100.0):
    disp = [1 / max_d + (1 / min_d - 1 / max_d) * s for s in sig.reshape(-1)]
    disp = torch.stack(disp).view(sig.shape) if disp else sig.new_zeros(sig.shape)
    return disp, torch.ones_like(disp) / disp


@wrong("moves linearly in depth instead of disparity")
def linear_in_depth(sig, min_d=0.1, max_d=100.0):
    depth = max_d + (min_d - max_d) * sig
    return 1 / depth, depth


@wrong("takes 0 for the nearest depth and 1 for the farthest")
def upside_down(sig, min_d=0.1, max_d=100.0):
    disp = 1 / min_d + (1 / max_d - 1 / min_d) * sig
    return disp, 1 / disp


@wrong("moves linearly from min_d to max_d and takes the reciprocal")
def not_inverted(sig, min_d=0.1, max_d=100.0):
    disp = min_d + (max_d - min_d) * sig
    return disp, 1 / disp


@wrong("scales the sigmoid without the lower end, so that 0 is infinitely far")
def without_offset(sig, min_d=0.1, max_d=100.0):
    disp = sig * (1 / min_d - 1 / max_d)
    return disp, 1 / disp


@wrong("adds the lower end to the whole of the upper end, so that 1 is nearer than min_d")
def too_long(sig, min_d=0.1, max_d=100.0):
    disp = 1 / max_d + sig / min_d
    return disp, 1 / disp


@wrong("returns the depth first and the disparity second")
def exchanged(sig, min_d=0.1, max_d=100.0):
    disp, depth = disp_to_depth(sig, min_d, max_d)
    return depth, disp


@wrong("returns the depth alone")
def depth_alone(sig, min_d=0.1, max_d=100.0):
    return disp_to_depth(sig, min_d, max_d)[1]


@wrong("returns the sigmoid itself as the disparity")
def unscaled(sig, min_d=0.1, max_d=100.0):
    return sig, disp_to_depth(sig, min_d, max_d)[1]


@wrong("applies a sigmoid to what is one already")
def sigmoid_twice(sig, min_d=0.1, max_d=100.0):
    return disp_to_depth(sig.sigmoid(), min_d, max_d)


@wrong("ignores min_d and max_d, and takes their defaults")
def fixed_range(sig, min_d=0.1, max_d=100.0):
    return disp_to_depth(sig)


@wrong("has another default for max_d, the 80 metres of a well-known data set")
def eighty(sig, min_d=0.1, max_d=80.0):
    return disp_to_depth(sig, min_d, max_d)


@wrong("has another default for min_d, one millimetre")
def a_millimetre(sig, min_d=1e-3, max_d=100.0):
    return disp_to_depth(sig, min_d, max_d)


@wrong("adds a constant to the disparity that is not small beside one over 100 metres")
def padded(sig, min_d=0.1, max_d=100.0):
    disp, _ = disp_to_depth(sig, min_d, max_d)
    return disp, 1 / (disp + 1e-4)


@wrong("keeps the sigmoid away from 0 and 1, so that the ends are never reached")
def kept_away(sig, min_d=0.1, max_d=100.0):
    return disp_to_depth(sig.clamp(1e-3, 1 - 1e-3), min_d, max_d)


@wrong("moves on a logarithmic scale between the two depths")
def logarithmic(sig, min_d=0.1, max_d=100.0):
    depth = max_d * (min_d / max_d) ** sig
    return 1 / depth, depth


@wrong("cuts the depth off from the graph")
def detached(sig, min_d=0.1, max_d=100.0):
    disp, depth = disp_to_depth(sig, min_d, max_d)
    return disp, depth.detach()


@wrong("scales the caller's own tensor")
def in_place(sig, min_d=0.1, max_d=100.0):
    disp = sig.data.mul_(1 / min_d - 1 / max_d).add_(1 / max_d)
    return disp, 1 / disp


@wrong("computes in single precision whatever comes in")
def single_precision(sig, min_d=0.1, max_d=100.0):
    return disp_to_depth(sig.float(), min_d, max_d)


@wrong("drops the axes of size 1")
def squeezed(sig, min_d=0.1, max_d=100.0):
    return disp_to_depth(sig.squeeze(), min_d, max_d)


@wrong("makes the ends of the scale on the CPU, wherever sig is")
def on_the_cpu(sig, min_d=0.1, max_d=100.0):
    start = torch.full(sig.shape, 1 / max_d, dtype=sig.dtype)
    disp = start + (1 / min_d - 1 / max_d) * sig
    return disp, 1 / disp


@wrong("rounds the depth to centimetres")
def rounded(sig, min_d=0.1, max_d=100.0):
    disp, depth = disp_to_depth(sig, min_d, max_d)
    return disp, (depth * 100).round() / 100
