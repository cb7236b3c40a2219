"""Negative log-likelihood of a Gaussian in the plane.

A network that is unsure where an agent will be can say so: for each point it predicts a normal
distribution in two dimensions, five numbers that may be anything, since nothing bounds the last layer
of a network. bivariate_nll(params, xy) says how badly they explain the point that came true:

* params [..., 5] holds mu_x, mu_y, log sigma_x, log sigma_y, r, in this order; xy [..., 2] the points
  (x, y). The leading axes are the same for both, and any number of them, even none: [5] and [2] give a
  result of shape []. Each is at least 1.
* The means are mu_x, mu_y. The standard deviations are the exponentials of log sigma_x and log sigma_y,
  which makes them positive. The correlation is rho = 0.999 * tanh(r), which keeps it away from -1
  and 1, where the density would be infinite.
* With a = (x - mu_x) / sigma_x, b = (y - mu_y) / sigma_y and q = 1 - rho^2 the result is
      log(2 pi) + log sigma_x + log sigma_y + 0.5 * log q + (a^2 - 2 rho a b + b^2) / (2 q)
  the natural logarithm of 1 / density. Return one number for each point, [...]: neither sum nor mean.
  It may be negative, for a density may be greater than 1.
* The result is finite for all finite inputs of sensible size: r of plus or minus 1000, a point a
  hundred sigmas away, where the density itself is 0 for a computer, log sigma of plus or minus 6.
  Nothing is clamped: far points still say which way to go.
* The result has the dtype of the inputs. Gradients flow to params, for all of these too. The inputs
  stay as they are.

Example: params of zeros and the point (0, 0) give log(2 pi) = 1.838. With params (0, 0, 0, log 2, 1000)
rho is 0.999, and the point (1, 2) has a = b = 1 and q = 0.001999:
1.8379 + 0 + 0.6931 - 3.1076 + 0.5003 = -0.0763. The point (1, -2) lies across the correlation, a = 1
and b = -1, and has 999.423.
"""

import torch
from torch import Tensor


def bivariate_nll(params: Tensor, xy: Tensor) -> Tensor:
    """Return the negative log-likelihoods [...] of the points xy [..., 2] under params [..., 5]."""
    raise NotImplementedError
