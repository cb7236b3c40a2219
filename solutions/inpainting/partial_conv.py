"""A partial convolution.

A convolution beside a hole mixes in whatever the hole happens to hold. A partial convolution looks at
known pixels only, makes up for those it misses, and says where it has seen anything at all. A mask is 1
where a pixel is known and 0 in the hole: a float tensor [B, 1, H, W] that holds nothing else.

PartialConv2d(i, o, k, stride=1, padding=0) has the parameters of a convolution from i to o channels with
k x k kernels and a bias: W of shape [o, i, k, k] and b of shape [o]. Its method

    forward(x [B, i, H, W], m [B, 1, H, W]) -> the tuple (y [B, o, H', W'], m2 [B, 1, H', W'])

has H' and W' as a convolution of that stride and zero padding has them, and for every window

    n  = the number of its pixels that are known, between 0 and k^2
    y  = W (x * m) * k^2 / n + b      where n > 0
    y  = 0                            where n = 0: no bias either
    m2 = 1 where n > 0, else 0

* A pixel counts once, however many channels it has.
* What is added by padding counts as unknown. So a full mask changes nothing inside, where the result is
  that of a plain convolution, but at the border k^2 / n is more than 1: in the corner 9/4 for k = 3 and
  padding 1. padding is at most k // 2, and a window is at most as large as the padded image.
* What the hole holds is finite, may be large, and has no effect.
* x and m have one dtype, float32 or float64, that of the module; y and m2 have it too.
* W and b are all that is trained, under any names. What counts the pixels is not among them: no
  optimiser may move it.
* Gradients reach x, W and b, and are finite: 0 for x in the hole, and nothing comes from windows where
  n = 0. No gradient of m is asked for. x and m stay as they are. All tensors are on the CPU.

Example: a 2x2 kernel of ones with bias 0.5 and padding 0, on one channel and its mask

    1 2 3      1 0 0
    4 5 6      1 0 0

sees 1 and 4 in its first window, n = 2 of 4, and nothing in the second: y = [[10.5, 0]], m2 = [[1, 0]].
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 30
HINTS = (
    "Counting the known pixels of every window is a convolution too: of what, and with which weights? The "
    "bias is one number per channel that the rescaling must not touch.",
    "Convolve x * m without the bias, and m with a kernel of ones, with the same stride and padding. Before "
    "you divide, think of the windows where n is 0: also of what the backward pass makes of 0 times "
    "infinity, even where its result is thrown away.",
    "Make the divisor at least 1, which changes no other window. Multiply by k^2, divide, add the bias, and "
    "multiply all of it by the new mask: n > 0 as numbers of the mask's dtype.",
)


class PartialConv2d(nn.Module):
    """A convolution over known pixels only."""

    def __init__(self, i: int, o: int, k: int, stride: int = 1, padding: int = 0):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, stride, padding)

    def forward(
        self, x: Float[Tensor, "b i h w"], m: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b o hs ws"], Float[Tensor, "b 1 hs ws"]]:
        """Return the result, and the mask of where it has seen a known pixel."""
        conv = self.conv
        ones = m.new_ones(1, 1, *conv.kernel_size)
        n = F.conv2d(m, ones, stride=conv.stride, padding=conv.padding)  # [B, 1, H', W']
        m2 = (n > 0).to(m.dtype)
        seen = F.conv2d(x * m, conv.weight, stride=conv.stride, padding=conv.padding)
        # Where n is 0, so is what was seen: any other divisor will do.
        y = seen * ones.numel() / n.clamp(min=1) + conv.bias[:, None, None]
        return y * m2, m2


@right("as a subclass of the convolution that takes its bias off, rescales, and puts it back")
class Inherited(nn.Conv2d):
    def __init__(self, i, o, k, stride=1, padding=0):
        super().__init__(i, o, kernel_size=k, stride=stride, padding=padding, bias=True)
        self.register_buffer("counter", torch.ones(1, 1, k, k))

    def forward(self, x, m):
        with torch.no_grad():
            n = F.conv2d(m, self.counter, None, self.stride, self.padding)
            m2 = torch.clamp(n, 0, 1)
            ratio = self.counter.numel() / (n + 1e-8) * m2
        bias = self.bias.view(1, -1, 1, 1)
        out = super().forward(torch.mul(x, m))
        return (torch.mul(out - bias, ratio) + bias) * m2, m2


@right("with windows unfolded into columns, and plain parameters")
class Unfolded(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0):
        super().__init__()
        self.k, self.s, self.p = k, stride, padding
        self.bias = nn.Parameter(torch.zeros(o))
        self.kernel = nn.Parameter(torch.randn(o, i, k, k) / k)

    def forward(self, x, m):
        b, _, h, w = x.shape
        hs, ws = ((size + 2 * self.p - self.k) // self.s + 1 for size in (h, w))
        known = F.unfold(m, self.k, padding=self.p, stride=self.s)
        seen = F.unfold(torch.where(m > 0, x, 0), self.k, padding=self.p, stride=self.s)
        n = known.sum(1, keepdim=True)
        y = self.kernel.flatten(1) @ seen
        scaled = y * self.k**2 / torch.where(n > 0, n, 1) + self.bias[:, None]
        y = torch.where(n > 0, scaled, 0)
        return y.view(b, -1, hs, ws), (n > 0).type_as(m).view(b, 1, hs, ws)


@right("with the share of known pixels by average pooling, and the mask by maximum pooling")
class Pooled(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0):
        super().__init__()
        self.how = {"kernel_size": k, "stride": stride, "padding": padding}
        self.conv = nn.Conv2d(i, o, **self.how)

    def forward(self, x, m):
        share = F.avg_pool2d(m, **self.how)
        new = F.max_pool2d(m, **self.how)
        b = self.conv.bias[None, :, None, None]
        y = (self.conv(x * m) - b) / share.masked_fill(share == 0, 1.0) + b
        return [y.masked_fill(new == 0, 0.0), new]


@right("with the mask repeated for every channel, as the paper has it")
class Channelwise(PartialConv2d):
    def forward(self, x, m):
        conv = self.conv
        mask = m.expand_as(x)
        ones = torch.ones_like(conv.weight[:1])
        total = F.conv2d(mask, ones, stride=conv.stride, padding=conv.padding)
        y = F.conv2d(x * mask, conv.weight, None, conv.stride, conv.padding)
        empty = total == 0
        y = y * (ones.sum() / total.masked_fill(empty, 1.0)) + conv.bias.reshape(1, -1, 1, 1)
        return y.masked_fill(empty, 0.0), (~empty).to(x.dtype)


@right("with a loop over the places of the kernel")
class Shifted(PartialConv2d):
    def forward(self, x, m):
        weight, bias, k = self.conv.weight, self.conv.bias, self.conv.kernel_size[0]
        (p, _), (s, _) = self.conv.padding, self.conv.stride
        x, m = F.pad(x * m, (p, p, p, p)), F.pad(m, (p, p, p, p))
        hs, ws = ((size - k) // s + 1 for size in x.shape[2:])
        y, n = 0, 0
        for r in range(k):
            for c in range(k):
                at = (..., slice(r, r + s * (hs - 1) + 1, s), slice(c, c + s * (ws - 1) + 1, s))
                y = y + torch.einsum("oi,bihw->bohw", weight[:, :, r, c], x[at])
                n = n + m[at]
        m2 = torch.minimum(n, torch.ones_like(n))
        return m2 * (y * (k * k / n.clamp_min(1)) + bias.reshape(-1, 1, 1)), m2


@right("with a method for each step", of="PartialConv2d")
class Steps(PartialConv2d):
    """The same layer with a method for each step, so that a version can differ in one of them."""

    def place(self):
        return {"stride": self.conv.stride, "padding": self.conv.padding}

    def known(self, x, m):
        return x * m

    def count(self, m):
        return F.conv2d(m, m.new_ones(1, 1, *self.conv.kernel_size), **self.place())

    def factor(self, n, x):
        return self.conv.weight[0, 0].numel() / n.clamp(min=1)

    def blend(self, seen, factor, bias):
        return seen * factor + bias

    def new(self, n, m):
        return (n > 0).to(m.dtype)

    def rest(self, y, m2, m):
        return y * m2

    def forward(self, x, m):
        n = self.count(m)
        seen = F.conv2d(self.known(x, m), self.conv.weight, **self.place())
        m2 = self.new(n, m)
        y = self.blend(seen, self.factor(n, x), self.conv.bias[:, None, None])
        return self.rest(y, m2, m), m2


@wrong("rescales the bias with the rest")
class ScaledBias(Steps):
    def blend(self, seen, factor, bias):
        return (seen + bias) * factor


@wrong("leaves the bias where no pixel is known")
class BiasInHole(Steps):
    def rest(self, y, m2, m):
        return y


@wrong("counts the padding as known, and so leaves the border of a full mask alone")
class KnownPadding(Steps):
    def count(self, m):
        p = self.conv.padding[0]
        ones = m.new_ones(1, 1, *self.conv.kernel_size)
        return F.conv2d(F.pad(m, (p, p, p, p), value=1.0), ones, stride=self.conv.stride)


@wrong("divides by the pixels that the image has in the window, as if padding left the border alone")
class InsideOnly(Steps):
    def forward(self, x, m):
        inside = self.count(torch.ones_like(m))
        n = self.count(m)
        seen = F.conv2d(x * m, self.conv.weight, **self.place())
        m2 = self.new(n, m)
        return (seen * inside / n.clamp(min=1) + self.conv.bias[:, None, None]) * m2, m2


@wrong("fills the border by repeating it, image and mask")
class Replicated(Steps):
    def forward(self, x, m):
        p = self.conv.padding[0]
        sides = (p, p, p, p)
        x, m = F.pad(x * m, sides, mode="replicate"), F.pad(m, sides, mode="replicate")
        n = F.conv2d(m, m.new_ones(1, 1, *self.conv.kernel_size), stride=self.conv.stride)
        m2 = self.new(n, m)
        y = F.conv2d(x, self.conv.weight, stride=self.conv.stride) * self.factor(n, x)
        return (y + self.conv.bias[:, None, None]) * m2, m2


@wrong("does not make up for the pixels it misses")
class Unscaled(Steps):
    def factor(self, n, x):
        return torch.ones_like(n)


@wrong("multiplies by the share of known pixels instead of dividing by it")
class Inverted(Steps):
    def factor(self, n, x):
        return n / self.conv.weight[0, 0].numel()


@wrong("divides by the number of known pixels alone, which gives a mean")
class Averaged(Steps):
    def factor(self, n, x):
        return 1 / n.clamp(min=1)


@wrong("rescales by whole numbers only")
class Floored(Steps):
    def factor(self, n, x):
        return self.conv.weight[0, 0].numel() // n.clamp(min=1)


@wrong("counts the kernel's weights in all channels, but the mask in one")
class AllChannels(Steps):
    def factor(self, n, x):
        return self.conv.weight[0].numel() / n.clamp(min=1)


@wrong("adds a constant to n that is not small beside one pixel")
class Softened(Steps):
    def factor(self, n, x):
        return self.conv.weight[0, 0].numel() / (n + 1e-3)


@wrong("takes the share of known pixels over the whole image")
class Global(Steps):
    def factor(self, n, x):
        return (self.conv.weight[0, 0].numel() / n.mean((2, 3), keepdim=True).clamp(min=1e-6)).expand_as(n)


@wrong("averages the counts over the batch, as if all images had one hole")
class SharedHole(Steps):
    def count(self, m):
        return super().count(m).mean(0, keepdim=True).expand(len(m), -1, -1, -1)


@wrong("lets what the hole holds into the sum")
class Leaking(Steps):
    def known(self, x, m):
        return x


@wrong("takes a mask of 1 for the hole")
class Polarity(PartialConv2d):
    def forward(self, x, m):
        return super().forward(x, 1 - m)


@wrong("divides by n = 0 where no pixel is known")
class Unguarded(Steps):
    def factor(self, n, x):
        return self.conv.weight[0, 0].numel() / n


@wrong("divides by n = 0, and throws the result away only afterwards: the gradients are not finite")
class LateGuard(Steps):
    def factor(self, n, x):
        return self.conv.weight[0, 0].numel() / n

    def rest(self, y, m2, m):
        return torch.where(m2 > 0, y, 0)


@wrong("replaces what is not finite by 0 at the end, which does not mend the gradients")
class Cleaned(Steps):
    def factor(self, n, x):
        return self.conv.weight[0, 0].numel() / n

    def rest(self, y, m2, m):
        return torch.nan_to_num(y) * m2


@wrong("computes the result outside the graph")
class NoGraph(Steps):
    def forward(self, x, m):
        with torch.no_grad():
            return super().forward(x, m)


@wrong("keeps the result only where the middle of the window is known")
class CentreOnly(Steps):
    def forward(self, x, m):
        y, m2 = super().forward(x, m)
        k = self.conv.kernel_size[0]
        middle = m.new_zeros(1, 1, k, k)
        middle[..., k // 2, k // 2] = 1
        return y * F.conv2d(m, middle, **self.place()), m2


@wrong("calls a place known only when all of its window is")
class AllKnown(Steps):
    def new(self, n, m):
        return (n == self.conv.weight[0, 0].numel()).to(m.dtype)


@wrong("returns the right values, but calls a place known only when all of its window is")
class ShrinkingMask(Steps):
    def forward(self, x, m):
        y, _ = super().forward(x, m)
        return y, (self.count(m) == self.conv.weight[0, 0].numel()).to(m.dtype)


@wrong("asks for half of the window to be known")
class Majority(Steps):
    def new(self, n, m):
        return (2 * n >= self.conv.weight[0, 0].numel()).to(m.dtype)


@wrong("returns the share of known pixels for the mask")
class SoftMask(Steps):
    def forward(self, x, m):
        y, _ = super().forward(x, m)
        return y, self.count(m) / self.conv.weight[0, 0].numel()


@wrong("returns the old mask, cut to the size of the result")
class OldMask(Steps):
    def forward(self, x, m):
        y, m2 = super().forward(x, m)
        return y, F.interpolate(m, m2.shape[2:], mode="nearest")


@wrong("returns the mask as booleans")
class BooleanMask(Steps):
    def forward(self, x, m):
        y, m2 = super().forward(x, m)
        return y, m2 > 0


@wrong("returns the mask in single precision, whatever it was given")
class SingleMask(Steps):
    def forward(self, x, m):
        y, m2 = super().forward(x, m)
        return y, m2.float()


@wrong("returns one mask for every channel")
class ManyMasks(Steps):
    def forward(self, x, m):
        y, m2 = super().forward(x, m)
        return y, m2.expand_as(y)


@wrong("returns the mask first")
class MaskFirst(Steps):
    def forward(self, x, m):
        return super().forward(x, m)[::-1]


@wrong("returns no mask")
class Maskless(Steps):
    def forward(self, x, m):
        return super().forward(x, m)[0]


@wrong("has no bias")
class Unbiased(nn.Module):
    def __init__(self, i, o, k, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, stride, padding, bias=False)

    def forward(self, x, m):
        ones = m.new_ones(1, 1, *self.conv.kernel_size)
        n = F.conv2d(m, ones, stride=self.conv.stride, padding=self.conv.padding)
        return self.conv(x * m) * ones.numel() / n.clamp(min=1), (n > 0).to(m.dtype)


@wrong("counts with a second convolution, whose weights are among the parameters")
class Learned(PartialConv2d):
    def __init__(self, i, o, k, stride=1, padding=0):
        super().__init__(i, o, k, stride, padding)
        self.counter = nn.Conv2d(1, 1, k, stride, padding, bias=False)
        nn.init.ones_(self.counter.weight)

    def forward(self, x, m):
        n = self.counter(m)
        m2 = (n > 0).to(m.dtype)
        b = self.conv.bias[:, None, None]
        ratio = self.counter.weight.numel() / n.clamp(min=1)
        return ((self.conv(x * m) - b) * ratio + b) * m2, m2


@wrong("ignores stride")
class Dense(PartialConv2d):
    def __init__(self, i, o, k, stride=1, padding=0):
        super().__init__(i, o, k, 1, padding)


@wrong("ignores padding")
class Bare(PartialConv2d):
    def __init__(self, i, o, k, stride=1, padding=0):
        super().__init__(i, o, k, stride, 0)


@wrong("pads by half of the kernel when nothing is said")
class PaddedByDefault(PartialConv2d):
    def __init__(self, i, o, k, stride=1, padding=None):
        super().__init__(i, o, k, stride, k // 2 if padding is None else padding)


@wrong("sets the hole to 0 in the caller's own image")
class InPlace(Steps):
    def known(self, x, m):
        x.data.mul_(m)
        return x


@wrong("takes away again what the hole has added to the sum, and leaves what rounding made of it")
class TakenAway(PartialConv2d):
    def forward(self, x, m):
        conv = self.conv
        same = {"stride": conv.stride, "padding": conv.padding}
        n = F.conv2d(m, m.new_ones(1, 1, *conv.kernel_size), **same)
        m2 = (n > 0).to(m.dtype)
        seen = F.conv2d(x, conv.weight, **same) - F.conv2d(x * (1 - m), conv.weight, **same)
        y = seen * conv.kernel_size[0] ** 2 / n.clamp(min=1) + conv.bias[:, None, None]
        return y * m2, m2


@wrong("calls a place known where its result is not 0")
class KnownByResult(PartialConv2d):
    def forward(self, x, m):
        y, _ = super().forward(x, m)
        return y, (y != 0).any(dim=1, keepdim=True).to(m.dtype)


@wrong("counts the pixels that are not black")
class KnownByValue(PartialConv2d):
    def forward(self, x, m):
        y, m2 = super().forward(x, m * (x != 0).any(dim=1, keepdim=True))
        return y, m2


@wrong("asks for as many known pixels as the window is wide")
class WideEnough(PartialConv2d):
    def forward(self, x, m):
        y, m2 = super().forward(x, m)
        conv = self.conv
        n = F.conv2d(m, m.new_ones(1, 1, *conv.kernel_size), stride=conv.stride, padding=conv.padding)
        m2 = m2 * (n >= conv.kernel_size[0])
        return y * m2, m2
