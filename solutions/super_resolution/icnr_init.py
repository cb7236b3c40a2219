"""Initialise a convolution before pixel shuffle.

A convolution with C * r * r outputs, followed by pixel shuffle with factor r, starts with a
checkerboard: its r * r outputs for one block have nothing to do with each other. ICNR starts them out
equal: at first the upsampling is a nearest-neighbour one, and it learns from there.

icnr_(conv, r, sub) fills the weight of conv, an nn.Conv2d, and returns None.

* sub [C, in, k, k] holds a kernel for each of the C channels there will be after the shuffle.
  conv.weight is [C * r * r, in, k, k]. Each kernel of sub is repeated r * r times in a row: all of the
  outputs c * r * r + i, for i from 0 to r * r - 1, get sub[c], as it is. r is at least 1; conv has
  groups=1.
* conv.bias becomes 0, if conv has one.
* It happens in place, as the underscore says: conv.weight and conv.bias stay the Parameters they are,
  with their dtype, so that an optimizer made earlier goes on training them. What they held before is
  gone. No graph is recorded, and they require gradients afterwards as they did before.
* A conv.weight of any shape other than [C * r * r, in, k, k] is a ValueError: nothing is broadcast.
* sub stays as it is.

Example: r = 2, one input channel, 1 x 1 kernels and sub with the kernels 3 and 5: the eight weights
become 3, 3, 3, 3, 5, 5, 5, 5. An input pixel of 1 then gives, after the shuffle, a 2 x 2 block of 3 in
channel 0 and a 2 x 2 block of 5 in channel 1.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Which outputs of the convolution make up one block of r x r pixels after the shuffle? Repeat so that "
    "these, and no others, are equal.",
    "torch has two ways to repeat along an axis: a a b b and a b a b. And a Parameter that requires "
    "gradients cannot be written to while autograd watches.",
    "Repeat every kernel r * r times along axis 0, each before the next one; compare the shape with that of "
    "the weight; then, without recording a graph, copy into the weight and set the bias to zero if there is "
    "one.",
)


def icnr_(conv: nn.Conv2d, r: int, sub: Float[Tensor, "c cin k k"]) -> None:
    """Fill conv so that pixel shuffle with factor r turns its outputs into constant blocks."""
    weight = sub.repeat_interleave(r * r, dim=0)
    if weight.shape != conv.weight.shape:
        raise ValueError(f"the weight is {tuple(conv.weight.shape)}, where {tuple(weight.shape)} is needed")
    with torch.no_grad():
        conv.weight.copy_(weight)
        if conv.bias is not None:
            conv.bias.zero_()


def _check(conv, r, sub):
    if tuple(conv.weight.shape) != (sub.shape[0] * r * r, *sub.shape[1:]):
        raise ValueError("shape")


@right("through .data, with an axis for the copies")
def expanded(conv, r, sub):
    c, n, k, l = sub.shape  # noqa: E741
    if list(conv.weight.shape) != [c * r * r, n, k, l]:
        raise ValueError("conv does not fit")
    conv.weight.data = sub.unsqueeze(1).expand(c, r * r, n, k, l).reshape(c * r * r, n, k, l).clone()
    if conv.bias is not None:
        conv.bias.data = torch.zeros_like(conv.bias.data)


@right("kernel by kernel")
def looped(conv, r, sub):
    if conv.out_channels != len(sub) * r**2 or conv.weight.shape[1:] != sub.shape[1:]:
        raise ValueError
    for c in range(len(sub)):
        for i in range(r * r):
            conv.weight.data[c * r * r + i] = sub[c]
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


@right("by way of the input channels, as the first implementations did")
def by_inputs(conv, r, sub):
    _check(conv, r, sub)
    c, n, k, _ = sub.shape
    kernel = sub.transpose(0, 1).contiguous().view(n, c, k * k).repeat(1, 1, r * r)
    with torch.no_grad():
        conv.weight.copy_(kernel.view(n, c * r * r, k, k).transpose(0, 1))
    if conv.bias is not None:
        conv.bias.data.fill_(0)


@right("with an index, through a state dict")
def through_state(conv, r, sub):
    _check(conv, r, sub)
    state = {"weight": sub[torch.arange(conv.out_channels) // (r * r)]}
    if conv.bias is not None:
        state["bias"] = torch.zeros(conv.out_channels)
    conv.load_state_dict(state)


@right("with strided slices of the detached weight")
def sliced(conv, r, sub):
    _check(conv, r, sub)
    weight = conv.weight.detach()
    for i in range(r * r):
        weight[i :: r * r] = sub
    if conv.bias is not None:
        conv.bias.detach().mul_(0)


@right("with a Kronecker product")
def with_kron(conv, r, sub):
    _check(conv, r, sub)
    weight = torch.kron(sub, torch.ones(r * r, 1, 1, 1, dtype=sub.dtype))
    with torch.no_grad():
        for parameter, value in zip(conv.parameters(), (weight, torch.zeros(len(weight))), strict=False):
            parameter.set_(value.to(parameter.dtype))


# -- mistakes in the order ---------------------------------------------------------------------


def _filled(conv, weight):
    """Fill a convolution as the versions below do in their ways."""
    with torch.no_grad():
        conv.weight.copy_(weight)
        if conv.bias is not None:
            conv.bias.zero_()


@wrong("repeats all kernels one after the other, a b a b, so that a block mixes channels")
def tiled(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, sub.repeat(r * r, 1, 1, 1))


@wrong("repeats r times in a row, and the whole r times again")
def half_tiled(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, sub.repeat_interleave(r, dim=0).repeat(r, 1, 1, 1))


@wrong("gives every output the first kernel")
def first_kernel(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, sub[:1].expand_as(conv.weight))


@wrong("fills the first output of every block and sets the others to zero")
def first_of_block(conv, r, sub):
    _check(conv, r, sub)
    weight = torch.zeros_like(conv.weight)
    weight[:: r * r] = sub
    _filled(conv, weight)


@wrong("fills the first output of every block and leaves the others at their random start")
def others_left(conv, r, sub):
    _check(conv, r, sub)
    conv.weight.data[:: r * r] = sub
    if conv.bias is not None:
        conv.bias.data.zero_()


@wrong("works for r = 2 only")
def for_two(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, sub.repeat_interleave(4, dim=0))


@wrong("transposes the kernels")
def kernels_transposed(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, sub.repeat_interleave(r * r, dim=0).transpose(2, 3))


@wrong("turns the kernels around")
def kernels_flipped(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, sub.repeat_interleave(r * r, dim=0).flip(2, 3))


@wrong("divides by r * r, as if the copies were added up")
def shared_out(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, sub.repeat_interleave(r * r, dim=0) / (r * r))


# -- mistakes about what is filled --------------------------------------------------------------


@wrong("leaves the bias at its random start")
def bias_left(conv, r, sub):
    _check(conv, r, sub)
    conv.weight.data.copy_(sub.repeat_interleave(r * r, dim=0))


@wrong("needs a bias, and fails where the convolution has none")
def needs_bias(conv, r, sub):
    icnr_(conv, r, sub)
    conv.bias.data.zero_()


@wrong("makes the biases of a block equal instead of 0")
def bias_repeated(conv, r, sub):
    bias = None if conv.bias is None else conv.bias.detach().clone()
    icnr_(conv, r, sub)
    if bias is not None:
        conv.bias.data.copy_(bias[:: r * r].repeat_interleave(r * r))


@wrong("takes the bias away instead of setting it to 0")
def bias_removed(conv, r, sub):
    icnr_(conv, r, sub)
    conv.bias = None


@wrong("gives a convolution without a bias one")
def bias_given(conv, r, sub):
    icnr_(conv, r, sub)
    if conv.bias is None:
        conv.bias = nn.Parameter(torch.zeros(conv.out_channels, dtype=conv.weight.dtype))


@wrong("adds the kernels to the weight that is there")
def added(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, conv.weight + sub.repeat_interleave(r * r, dim=0))


@wrong("ignores sub and repeats kernels of the convolution's own")
def own_kernels(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, conv.weight[:: r * r].repeat_interleave(r * r, dim=0))


@wrong("ignores sub and draws kernels anew")
def drawn_anew(conv, r, sub):
    _check(conv, r, sub)
    _filled(conv, nn.init.kaiming_normal_(torch.zeros_like(sub)).repeat_interleave(r * r, dim=0))


@wrong("draws kernels anew in the caller's own sub")
def sub_overwritten(conv, r, sub):
    _check(conv, r, sub)
    nn.init.kaiming_normal_(sub)
    _filled(conv, sub.repeat_interleave(r * r, dim=0))


@wrong("fills a copy, and the convolution stays as it was")
def on_a_copy(conv, r, sub):
    _check(conv, r, sub)
    weight = conv.weight.detach().clone()
    weight.copy_(sub.repeat_interleave(r * r, dim=0))


@wrong("fills a new convolution under the same name")
def new_convolution(conv, r, sub):
    _check(conv, r, sub)
    conv = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, dtype=conv.weight.dtype)
    _filled(conv, sub.repeat_interleave(r * r, dim=0))


@wrong("rounds the kernels to single precision on the way")
def single_precision(conv, r, sub):
    _check(conv, r, sub)
    conv.weight.data = sub.float().repeat_interleave(r * r, dim=0)
    if conv.bias is not None:
        conv.bias.data.zero_()


@wrong("collects the copies in a float32 tensor, and rounds them by it")
def rounded(conv, r, sub):
    _check(conv, r, sub)
    weight = torch.zeros(conv.weight.shape)
    for c in range(len(sub)):
        weight[c * r * r : (c + 1) * r * r] = sub[c]
    _filled(conv, weight)


# -- mistakes about autograd and parameters -----------------------------------------------------


@wrong("writes to the weight while autograd watches")
def watched(conv, r, sub):
    _check(conv, r, sub)
    conv.weight.copy_(sub.repeat_interleave(r * r, dim=0))
    if conv.bias is not None:
        conv.bias.zero_()


@wrong("puts new Parameters in the place of the old ones, which an optimizer made earlier still holds")
def new_parameters(conv, r, sub):
    _check(conv, r, sub)
    conv.weight = nn.Parameter(sub.repeat_interleave(r * r, dim=0))
    if conv.bias is not None:
        conv.bias = nn.Parameter(torch.zeros_like(conv.bias))


@wrong("puts a new bias in the place of the old one")
def new_bias(conv, r, sub):
    icnr_(conv, r, sub)
    if conv.bias is not None:
        conv.bias = nn.Parameter(torch.zeros_like(conv.bias))


@wrong("switches gradients off to write, and does not switch them on again")
def frozen(conv, r, sub):
    _check(conv, r, sub)
    conv.requires_grad_(False)
    conv.weight.copy_(sub.repeat_interleave(r * r, dim=0))
    if conv.bias is not None:
        conv.bias.zero_()


@wrong("returns the convolution instead of None")
def returned(conv, r, sub):
    icnr_(conv, r, sub)
    return conv


@wrong("returns the new weight and leaves the convolution alone")
def weight_returned(conv, r, sub):
    _check(conv, r, sub)
    return sub.repeat_interleave(r * r, dim=0)


# -- mistakes about shapes ---------------------------------------------------------------------


@wrong("leaves the complaint about a wrong shape to torch")
def unchecked(conv, r, sub):
    _filled(conv, sub.repeat_interleave(r * r, dim=0))


@wrong("checks the number of outputs alone, and broadcasts a sub with a single input channel")
def outputs_checked(conv, r, sub):
    if conv.out_channels != sub.shape[0] * r * r:
        raise ValueError("outputs")
    _filled(conv, sub.repeat_interleave(r * r, dim=0))


@wrong(
    "compares the numbers of weights instead of shapes, and gives the convolution a weight that does not fit"
)
def numbers_compared(conv, r, sub):
    weight = sub.repeat_interleave(r * r, dim=0)
    if weight.numel() != conv.weight.numel():
        raise ValueError("weights")
    conv.weight.data = weight
    if conv.bias is not None:
        conv.bias.data.zero_()


@wrong("checks whether r * r divides the outputs, not how many kernels there are")
def divisibility_checked(conv, r, sub):
    if conv.out_channels % (r * r) or conv.weight.shape[1:] != sub.shape[1:]:
        raise ValueError("outputs")
    weight = sub.repeat_interleave(r * r, dim=0)
    _filled(conv, weight.repeat(-(-conv.out_channels // len(weight)), 1, 1, 1)[: conv.out_channels])


@wrong("repeats as often as the convolution has outputs, whatever r says")
def as_often_as_fits(conv, r, sub):
    if conv.out_channels % len(sub) or conv.weight.shape[1:] != sub.shape[1:]:
        raise ValueError("outputs")
    _filled(conv, sub.repeat_interleave(conv.out_channels // len(sub), dim=0))


@wrong("has a layer trained from then on that was not trained before")
def thawed(conv, r, sub):
    icnr_(conv, r, sub)
    conv.requires_grad_(True)
