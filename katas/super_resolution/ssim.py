"""SSIM: how much alike two images are to the eye.

PSNR compares pixels one by one. The structural similarity (Wang et al., 2004) compares small windows, in
three respects at once: their brightness, their contrast, and whether they vary together.

* x and y are images [B, C, H, W] in [0, 1], both of the same shape and float dtype. B and C are at least
  1. If H or W is less than 11, a ValueError is raised.
* The window is a Gaussian of 11 x 11 pixels: with g_i = exp(-i^2 / (2 * 1.5^2)) for i = -5 ... 5,
  w_ij = g_i * g_j / S, where S is the sum over all 121, so that the weights add up to 1.
* At every place where the window lies inside the image, in each channel by itself, with p the 121 pixels
  of x and q those of y:

      m_x = sum of w p                 v_x = sum of w (p - m_x)^2
      m_y = sum of w q                 v_y = sum of w (q - m_y)^2
                                       v_xy = sum of w (p - m_x) (q - m_y)

               (2 m_x m_y + C1) (2 v_xy + C2)
      ssim = -----------------------------------       C1 = 0.01^2,  C2 = 0.03^2
             (m_x^2 + m_y^2 + C1) (v_x + v_y + C2)

* Nothing is added around the image: there are (H - 10) * (W - 10) places. The weights add up to 1, and
  no 120/121 or the like is put on the variances. v_x is also the sum of w p^2, less m_x^2.
* The result [B] is the mean over the places and channels of each image, in the dtype of x. It is at most
  1; it is 1 for equal images, black ones too, and may be below 0, where one image is light and the other
  dark. It is not clamped.
* x and y stay as they are. No gradient is asked for. All tensors are on the CPU.

Example: g is 1 in the middle and 0.801, 0.411, 0.135, 0.0286 and 0.00387 next to it; the largest weight
w_00 is 0.0708. With x = 0.5 and y = 0.25 everywhere all v are 0, and what is left is
(2 * 0.5 * 0.25 + 0.0001) / (0.25 + 0.0625 + 0.0001) = 0.800.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def ssim(x: Float[Tensor, "b c h w"], y: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
    """Return the structural similarity of each pair of images."""
    raise NotImplementedError
