"""A linear layer as a convolution.

A classifier that ends in fc(x.flatten(1)) accepts one size of feature map. Written as a convolution, the
same weights accept any larger map, and slide: this is how classifiers became segmentation networks.

fc_to_conv(fc, C, h, w) takes an nn.Linear whose inputs are the C * h * w numbers of a map [C, h, w],
flattened in torch's order (channel, row, column), and returns an nn.Conv2d, such that

* on maps [B, C, h, w] its output [B, K, 1, 1] holds what fc(x.flatten(1)) gives, where K is the number
  of fc's outputs;
* on larger maps [B, C, H, W] its output is [B, K, H - h + 1, W - w + 1], and at (i, j) it holds what fc
  gives for the window of h x w positions whose upper left corner is (i, j).

So the layer has C input channels, K output channels, a kernel of h rows and w columns (h and w may
differ), stride 1, padding 0 (the number, not a word such as "valid"), dilation 1 and a single group.

* Return nn.Conv2d itself, not a class derived from it and not a Sequential. Weight and bias are its own
  parameters, with the dtype of fc's; whether they share fc's memory is up to you.
* Where fc has no bias the convolution has none either (bias=False).
* fc stays as it is. It holds C * h * w inputs; you need not check that.

Example: fc with weight [[1, 2, 3, 4]] and bias [10], C = 1, h = w = 2. On the map of rows (1, 0, 0) and
(0, 0, 1) the convolution gives 10 + 1 = 11 and 10 + 4 = 14.
"""

import torch
from torch import nn


def fc_to_conv(fc: nn.Linear, C: int, h: int, w: int) -> nn.Conv2d:
    """Return a convolution with the weights of fc, which reads maps of C x h x w."""
    raise NotImplementedError
