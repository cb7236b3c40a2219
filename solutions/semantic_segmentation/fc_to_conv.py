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

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "One output of the linear layer and one output channel of the convolution do the same: multiply "
    "C * h * w numbers by as many weights and add them up. Only the shape of the weights differs.",
    "A row of fc's weight lists its numbers in the order in which flatten visits the map: channel, row, "
    "column. In which order are the axes of a convolution's weight?",
    "The weight of the convolution is fc's weight seen as [K, C, h, w], without any permutation; the bias "
    "is the same vector. Make the layer with the dtype of fc, and with a bias only if fc has one; then "
    "copy both in without recording a graph.",
)


def fc_to_conv(fc: nn.Linear, C: int, h: int, w: int) -> nn.Conv2d:
    """Return a convolution with the weights of fc, which reads maps of C x h x w."""
    conv = nn.Conv2d(C, fc.out_features, (h, w), bias=fc.bias is not None, dtype=fc.weight.dtype)
    with torch.no_grad():
        conv.weight.copy_(fc.weight.reshape(conv.weight.shape))
        if conv.bias is not None:
            conv.bias.copy_(fc.bias)
    return conv


@right("with new parameters in place of those the layer was made with")
def reassigned(fc, C, h, w):
    conv = nn.Conv2d(C, fc.out_features, kernel_size=(h, w), stride=1, padding=0, bias=False)
    conv.weight = nn.Parameter(fc.weight.detach().clone().view(-1, C, h, w))
    if fc.bias is not None:
        conv.bias = nn.Parameter(fc.bias.detach().clone())
    return conv


@right("through a state dict")
def through_state(fc, C, h, w):
    state = {name: value.clone() for name, value in fc.state_dict().items()}
    state["weight"] = state["weight"].unflatten(1, (C, h, w))
    conv = nn.Conv2d(C, fc.out_features, (h, w), bias="bias" in state).to(state["weight"])
    conv.load_state_dict(state)
    return conv


@right("by asking the linear layer about every position in turn")
def probed(fc, C, h, w):
    basis = torch.eye(C * h * w, dtype=fc.weight.dtype).reshape(-1, C, h, w)
    conv = nn.Conv2d(C, fc.out_features, (h, w), bias=fc.bias is not None).to(fc.weight.dtype)
    with torch.no_grad():
        offset = fc(torch.zeros_like(basis[:1]).flatten(1))[0]
        response = fc(basis.flatten(1)) - offset
    conv.weight.data = response.T.reshape(-1, C, h, w)
    if fc.bias is not None:
        conv.bias.data = offset
    return conv


@right("with weights that share fc's memory")
def shared(fc, C, h, w):
    conv = nn.Conv2d(C, fc.out_features, (h, w), bias=fc.bias is not None)
    conv.weight.data = fc.weight.data.view(fc.out_features, C, h, w)
    conv.bias = fc.bias
    return conv


def _made(fc, C, kernel, weight, bias=None, **what):
    """Return a convolution with the given weight, for the versions below."""
    conv = nn.Conv2d(C, len(weight), kernel, bias=fc.bias is not None, dtype=weight.dtype, **what)
    conv.weight.data = weight.detach().clone()
    if fc.bias is not None:
        conv.bias.data = (fc.bias if bias is None else bias).detach().clone()
    return conv


@wrong("takes the flattened order for (row, column, channel)")
def channels_last(fc, C, h, w):
    return _made(fc, C, (h, w), fc.weight.reshape(-1, h, w, C).permute(0, 3, 1, 2))


@wrong("takes the flattened order for (channel, column, row)")
def columns_first(fc, C, h, w):
    return _made(fc, C, (h, w), fc.weight.reshape(-1, C, w, h).transpose(2, 3))


@wrong("makes a kernel of w rows and h columns")
def other_kernel(fc, C, h, w):
    return _made(fc, C, (w, h), fc.weight.reshape(-1, C, w, h))


@wrong("takes the map for a square one of h rows and h columns")
def square(fc, C, h, w):
    return _made(fc, C, h, fc.weight.reshape(-1, C, h, h))


@wrong("forgets that the number of outputs comes first, and reshapes the transposed weight")
def transposed(fc, C, h, w):
    return _made(fc, C, (h, w), fc.weight.T.reshape(fc.out_features, C, h, w))


@wrong("turns the kernel around, as the convolution of mathematics would ask, though torch does not flip")
def flipped(fc, C, h, w):
    return _made(fc, C, (h, w), fc.weight.reshape(-1, C, h, w).flip(2, 3))


@wrong("copies the weight and leaves the bias at its random start")
def random_bias(fc, C, h, w):
    conv = nn.Conv2d(C, fc.out_features, (h, w), bias=fc.bias is not None, dtype=fc.weight.dtype)
    conv.weight.data = fc.weight.data.view_as(conv.weight)
    return conv


@wrong("leaves the bias out")
def no_bias(fc, C, h, w):
    conv = nn.Conv2d(C, fc.out_features, (h, w), bias=False, dtype=fc.weight.dtype)
    conv.weight.data = fc.weight.data.view_as(conv.weight)
    return conv


@wrong("gives the layer a bias although fc has none")
def always_a_bias(fc, C, h, w):
    conv = nn.Conv2d(C, fc.out_features, (h, w), dtype=fc.weight.dtype)
    conv.weight.data = fc.weight.data.view_as(conv.weight)
    conv.bias.data = torch.zeros_like(conv.bias) if fc.bias is None else fc.bias.data
    return conv


@wrong("assumes that fc has a bias, and fails when it has none")
def assumes_bias(fc, C, h, w):
    conv = nn.Conv2d(C, fc.out_features, (h, w), dtype=fc.weight.dtype)
    conv.weight.data.copy_(fc.weight.data.view_as(conv.weight))
    conv.bias.data.copy_(fc.bias.data)
    return conv


@wrong("returns a layer with random weights of its own")
def random_weights(fc, C, h, w):
    return nn.Conv2d(C, fc.out_features, (h, w), bias=fc.bias is not None, dtype=fc.weight.dtype)


@wrong("steps by a whole window, so that windows do not overlap")
def strided(fc, C, h, w):
    return _made(fc, C, (h, w), fc.weight.reshape(-1, C, h, w), stride=(h, w))


@wrong("pads, to keep the size of the map")
def padded(fc, C, h, w):
    return _made(fc, C, (h, w), fc.weight.reshape(-1, C, h, w), padding=(h // 2, w // 2))


@wrong("reads the flattened map as C * h * w channels of one position")
def one_by_one(fc, C, h, w):
    return _made(fc, C * h * w, 1, fc.weight[:, :, None, None])


@wrong("returns a layer that flattens first instead of a bare convolution")
def in_sequence(fc, C, h, w):
    return nn.Sequential(nn.Flatten(), fc)


@wrong("returns a float32 layer whatever fc's dtype is")
def single_precision(fc, C, h, w):
    conv = nn.Conv2d(C, fc.out_features, (h, w), bias=fc.bias is not None)
    with torch.no_grad():
        conv.weight.copy_(fc.weight.view_as(conv.weight))
        if fc.bias is not None:
            conv.bias.copy_(fc.bias)
    return conv


@wrong("averages over the window: it divides the weights by the number of positions")
def averaged(fc, C, h, w):
    return _made(fc, C, (h, w), fc.weight.reshape(-1, C, h, w) / (h * w))


@wrong("splits the channels into groups, one for each")
def grouped(fc, C, h, w):
    return nn.Conv2d(C, C * fc.out_features, (h, w), groups=C, bias=False, dtype=fc.weight.dtype)


@wrong("adds the weights of all channels into one and repeats it")
def channels_summed(fc, C, h, w):
    return _made(fc, C, (h, w), fc.weight.reshape(-1, C, h, w).sum(1, keepdim=True).repeat(1, C, 1, 1))


@wrong("reshapes the weight of the caller's own layer")
def in_place(fc, C, h, w):
    conv = nn.Conv2d(C, fc.out_features, (h, w), bias=fc.bias is not None).to(fc.weight.dtype)
    fc.weight.data = fc.weight.data.view(-1, C, h, w)
    conv.weight, conv.bias = fc.weight, fc.bias
    return conv
