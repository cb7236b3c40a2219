"""Gated convolution.

An ordinary convolution treats every pixel alike, also those of a hole. A gated one computes two maps
from the same input with the same window: the features, and a gate between 0 and 1 that says, for each
channel and each place, how much of the feature passes. The gate is learned; nothing tells it where the
hole is but the input itself, which carries the mask as one of its channels.

    x         [B, i, H, W]
    f         [B, o, H', W']    one convolution of x: the features
    g         [B, o, H', W']    another convolution of x: the gate before the sigmoid
    result    [B, o, H', W']    ELU(f) * sigmoid(g), element by element

* ELU(t) = t for t > 0, and exp(t) - 1 otherwise. The sigmoid is 1 / (1 + exp(-t)).
* Both convolutions have kernels of k x k, the stride, padding and dilation given, and a bias. They
  follow nn.Conv2d: zeros are padded, H' = floor((H + 2 padding - dilation (k - 1) - 1) / stride) + 1,
  W' alike. i, o, k, stride, padding and dilation are ints, and k may be even.
* The parameters are those of the two: two weights [o, i, k, k] and two biases [o], or one convolution
  with 2 o outputs that is cut in half. Attributes may have any name and any order, and be initialised in
  any way.
* Nothing else is in the layer: no normalisation, no residual path. The gate is not made from the
  features.
* The module is trained: gradients reach x and every parameter. x stays as it is; memory may be
  channels-last. B may be 1. All tensors are on the CPU.

Example: GatedConv2d(4, 8, 3) has 592 parameters, twice those of nn.Conv2d(4, 8, 3). Where f is -1 and g
is 0, the result is (exp(-1) - 1) / 2 = -0.316. Where f is 2 and g is -20 it is next to 0: the gate
is shut.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Two convolutions see the same input and differ in nothing but their weights. What becomes of each "
    "before they meet?",
    "The sigmoid belongs to the gate alone, the ELU to the features alone, and both come before the "
    "product. Hand every setting on to both layers.",
    "Make two layers from i to o channels with the same kernel, stride, padding and dilation. Call both on "
    "x, take the ELU of the one and the sigmoid of the other, and multiply.",
)


class GatedConv2d(nn.Module):
    """Two convolutions: features, and a gate for each of them."""

    def __init__(self, i: int, o: int, k: int, stride: int = 1, padding: int = 0, dilation: int = 1):
        super().__init__()
        self.feature = nn.Conv2d(i, o, k, stride, padding, dilation)
        self.gate = nn.Conv2d(i, o, k, stride, padding, dilation)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o hs ws"]:
        """Return the gated features."""
        return F.elu(self.feature(x)) * torch.sigmoid(self.gate(x))


@right("with the gate registered first, and layers for the activations")
class GateFirst(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__()
        settings = {"kernel_size": k, "stride": stride, "padding": padding, "dilation": dilation}
        self.g = nn.Sequential(nn.Conv2d(i, o, **settings), nn.Sigmoid())
        self.f = nn.Sequential(nn.Conv2d(i, o, **settings), nn.ELU(alpha=1.0))

    def forward(self, x):
        return torch.mul(self.g(x), self.f(x))


@right("with parameters of its own, joined for one convolution whose result is cut in half")
class Joined(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__()
        self.settings = stride, padding, dilation
        self.w1, self.w2 = (nn.Parameter(torch.randn(o, i, k, k) / (i * k * k) ** 0.5) for _ in range(2))
        self.b1, self.b2 = (nn.Parameter(torch.zeros(o)) for _ in range(2))

    def forward(self, x):
        weight, bias = torch.cat([self.w1, self.w2]), torch.cat([self.b1, self.b2])
        f, g = F.conv2d(x, weight, bias, *self.settings).chunk(2, dim=1)
        return torch.where(f > 0, f, torch.expm1(f.clamp(max=0))) * g.sigmoid()


@right("with one convolution for both, cut in half")
class CutInHalf(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__()
        self.conv = nn.Conv2d(i, 2 * o, k, stride, padding, dilation)

    def forward(self, x):
        f, g = self.conv(x).chunk(2, dim=1)
        return F.elu(f) * g.sigmoid()


@right("with windows unfolded and matrix products")
class Unfolded(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(i, o, k, stride, padding, dilation) for _ in range(2)])
        self.unfold = nn.Unfold(k, dilation=dilation, padding=padding, stride=stride)
        self.reach, self.stride, self.padding = dilation * (k - 1), stride, padding

    def forward(self, x):
        h, w = ((n + 2 * self.padding - self.reach - 1) // self.stride + 1 for n in x.shape[2:])
        columns = self.unfold(x)  # b i*k*k h*w
        f, g = ((c.weight.flatten(1) @ columns + c.bias[:, None]).unflatten(2, (h, w)) for c in self.convs)
        return (F.relu(f) - F.relu(1 - torch.exp(f))) / (1 + torch.exp(-g))


@right("with both weights stacked in one parameter, and both biases in another")
class Stacked(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, o, i, k, k) / k)
        self.bias = nn.Parameter(torch.zeros(2, o))
        self.how = {"stride": stride, "padding": padding, "dilation": dilation}

    def forward(self, x):
        f, g = (F.conv2d(x, w, b, **self.how) for w, b in zip(self.weight, self.bias))
        return F.elu(f) * g.sigmoid()


@right("with zeros padded by hand, and every second place taken for a stride of 2")
class Sliced(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__()
        self.stride, self.pad = stride, nn.ZeroPad2d(padding)
        self.mask = nn.Conv2d(i, o, k, dilation=dilation)
        self.main = nn.Conv2d(i, o, k, dilation=dilation)

    def forward(self, x):
        x, n = self.pad(x), self.stride
        y = self.main(x)[:, :, ::n, ::n]
        gate = torch.tanh(self.mask(x)[..., ::n, ::n] / 2) / 2 + 0.5
        return nn.functional.elu(y, inplace=False) * gate


# -- mistakes in how the two meet --------------------------------------------------------------


class _Met(GatedConv2d):
    """The same two convolutions, so that a version can differ in how they meet."""

    def forward(self, x):
        return self.met(self.feature(x), self.gate(x))


@wrong("leaves the gate without its sigmoid")
class OpenGate(_Met):
    def met(self, f, g):
        return F.elu(f) * g


@wrong("leaves the features without an activation")
class Linear(_Met):
    def met(self, f, g):
        return f * g.sigmoid()


@wrong("takes ReLU for ELU")
class Rectified(_Met):
    def met(self, f, g):
        return f.relu() * g.sigmoid()


@wrong("takes a leaky ReLU for ELU, as some of the published networks do")
class Leaky(_Met):
    def met(self, f, g):
        return F.leaky_relu(f, 0.2) * g.sigmoid()


@wrong("lets ELU run down to -0.5 instead of -1")
class HalfELU(_Met):
    def met(self, f, g):
        return F.elu(f, alpha=0.5) * g.sigmoid()


@wrong("takes SELU for ELU, the same curve in another scale")
class Scaled(_Met):
    def met(self, f, g):
        return F.selu(f) * g.sigmoid()


@wrong("takes tanh for the features, as a gated PixelCNN does")
class PixelCNN(_Met):
    def met(self, f, g):
        return f.tanh() * g.sigmoid()


@wrong("applies ELU after the product")
class LateELU(_Met):
    def met(self, f, g):
        return F.elu(f * g.sigmoid())


@wrong("applies the sigmoid after the product")
class LateSigmoid(_Met):
    def met(self, f, g):
        return torch.sigmoid(F.elu(f) * g)


@wrong("adds the gate instead of multiplying by it")
class Added(_Met):
    def met(self, f, g):
        return F.elu(f) + g.sigmoid()


@wrong("applies ELU to the gate too, before its sigmoid")
class SqueezedGate(_Met):
    def met(self, f, g):
        return F.elu(f) * F.elu(g).sigmoid()


@wrong("takes a softmax over the channels for the gate, so that they compete")
class Competing(_Met):
    def met(self, f, g):
        return F.elu(f) * g.softmax(dim=1)


@wrong("shuts the gate where it should open")
class Reversed(_Met):
    def met(self, f, g):
        return F.elu(f) * (1 - g.sigmoid())


@wrong("takes a hard sigmoid, which is 0 or 1 a short way from the middle")
class HardGate(_Met):
    def met(self, f, g):
        return F.elu(f) * F.hardsigmoid(g)


@wrong("opens the gate fully or not at all")
class Switched(_Met):
    def met(self, f, g):
        return F.elu(f) * (g > 0)


@wrong("mixes features with their gate's complement, as a highway layer does")
class Highway(_Met):
    def met(self, f, g):
        return F.elu(f) * g.sigmoid() + f * (1 - g.sigmoid())


@wrong("has one gate for all channels of a place: the mean of them")
class SharedGate(_Met):
    def met(self, f, g):
        return F.elu(f) * g.sigmoid().mean(dim=1, keepdim=True)


@wrong("has one gate for all places of a channel: the mean of them")
class PooledGate(_Met):
    def met(self, f, g):
        return F.elu(f) * g.mean(dim=(2, 3), keepdim=True).sigmoid()


@wrong("lets no gradient through the gate")
class DetachedGate(_Met):
    def met(self, f, g):
        return F.elu(f) * g.detach().sigmoid()


@wrong("returns the gate along with the features")
class Both(_Met):
    def met(self, f, g):
        return F.elu(f) * g.sigmoid(), g.sigmoid()


# -- mistakes in the layers --------------------------------------------------------------------


@wrong("ignores stride")
class Unstrided(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, 1, padding, dilation)


@wrong("ignores padding")
class Unpadded(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, 0, dilation)


@wrong("ignores dilation")
class Undilated(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding)


@wrong("hands stride on to the features alone, so that the gate has another size")
class HalfStrided(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding, dilation)
        self.gate = nn.Conv2d(i, o, k, 1, padding, dilation)


@wrong("leaves dilation out of the gate, whose window is then another one, and pads it to the same size")
class NarrowGate(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding, dilation)
        self.gate = nn.Conv2d(i, o, k, stride, padding)

    def forward(self, x):
        f, g = self.feature(x), self.gate(x)
        return F.elu(f) * g[:, :, : f.shape[2], : f.shape[3]].sigmoid()


@wrong("takes stride, padding and dilation in another order")
class Misordered(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding)
        for conv in (self.feature, self.gate):
            conv.padding, conv.dilation = (dilation - 1,) * 2, (padding + 1,) * 2


@wrong("pads so that the size stays, where no padding is asked for")
class SamePadding(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=None, dilation=1):
        super().__init__(i, o, k, stride, dilation * (k - 1) // 2 if padding is None else padding, dilation)


@wrong("multiplies the padding by the dilation")
class WidePadding(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding * dilation, dilation)


@wrong("pads with copies of the border instead of zeros")
class Replicated(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, 0, dilation)
        self.pad = nn.ReplicationPad2d(padding)

    def forward(self, x):
        return super().forward(self.pad(x))


@wrong("has a stride of 2 by default")
class StridedByDefault(GatedConv2d):
    def __init__(self, i, o, k, stride=2, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding, dilation)


@wrong("makes features and gate by one and the same convolution")
class Single(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, stride, padding, dilation)

    def forward(self, x):
        y = self.conv(x)
        return F.elu(y) * y.sigmoid()


@wrong("has convolutions without bias")
class Biasless(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding, dilation)
        self.feature = nn.Conv2d(i, o, k, stride, padding, dilation, bias=False)
        self.gate = nn.Conv2d(i, o, k, stride, padding, dilation, bias=False)


@wrong("has a gate of one channel")
class OneGate(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding, dilation)
        self.gate = nn.Conv2d(i, 1, k, stride, padding, dilation)


@wrong("makes the gate from the features, by a 1x1 convolution")
class GateOfFeatures(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding, dilation)
        self.gate = nn.Conv2d(o, o, 1)

    def forward(self, x):
        f = self.feature(x)
        return F.elu(f) * self.gate(f).sigmoid()


@wrong("normalises its result over the batch")
class Normalised(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding, dilation)
        self.norm = nn.BatchNorm2d(o)

    def forward(self, x):
        return self.norm(super().forward(x))


@wrong("halves the features while it trains, by dropout")
class Dropping(GatedConv2d):
    def forward(self, x):
        return F.dropout(super().forward(x), 0.5, self.training)


@wrong("keeps the convolutions in a plain list, where their parameters are not registered")
class Unregistered(GatedConv2d):
    def __init__(self, i, o, k, stride=1, padding=0, dilation=1):
        super().__init__(i, o, k, stride, padding, dilation)
        self.convs = [self.feature, self.gate]
        del self.feature, self.gate

    def forward(self, x):
        f, g = (conv.to(x.dtype)(x) for conv in self.convs)
        return F.elu(f) * g.sigmoid()


@wrong("scales the caller's own input")
class InPlace(GatedConv2d):
    def forward(self, x):
        answer = super().forward(x)
        x.data.mul_(0.5)
        return answer
