"""Atrous spatial pyramid pooling.

A pixel needs context of several sizes at once. ASPP (DeepLab) looks at a map through several branches
side by side, joins their channels, and mixes them with a last convolution:

    x         [B, in_ch, H, W]
    1x1       [B, out_ch, H, W]    a 1x1 convolution
    rate r    [B, out_ch, H, W]    a 3x3 convolution with dilation r and padding r, for each rate
    pool      [B, out_ch, H, W]    the mean of each channel over all positions, then a 1x1 convolution,
                                   then the same value at every position (upsampling from 1 x 1)
    joined    [B, (R + 2) * out_ch, H, W]    the channels of: 1x1, the R rates in the order given, pool
    result    [B, out_ch, H, W]    a 1x1 convolution of that

* Every convolution has a bias and pads with zeros. There is no normalisation and no activation, neither
  between the layers nor at the end.
* H and W may be any sizes, also smaller than the rates; the result has the same ones. B may be 1. Memory
  may be channels-last. x stays as it is.
* rates holds at least one int of at least 1, all of them different, in any order.
* Each image of the batch is pooled on its own.
* The module is trained: gradients reach x and every parameter. Attributes may have any name and any
  order. All tensors are on the CPU.

Example: in_ch = 2 and out_ch = 4 with the default rates make 2 * 4 + 4 = 12 parameters in the 1x1 branch
and in the pooling branch, 9 * 2 * 4 + 4 = 76 for each rate and 20 * 4 + 4 = 84 at the end: 336 in all.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 2
MINUTES = 30
HINTS = (
    "How far does a 3x3 kernel with dilation r reach from its centre? That is the padding which keeps the "
    "size. And what is left of a map once it has been averaged?",
    "Keep the dilated convolutions in a list whose parameters are registered. Pool with the axes kept, so "
    "that a 1x1 convolution still fits, and repeat the result over all positions.",
    "Make R + 2 maps of the same size: the 1x1 convolution, each dilated one with padding equal to its "
    "rate, and the pooled one expanded to H x W. Concatenate them on the channel axis in this order, and "
    "apply a 1x1 convolution from (R + 2) * out_ch to out_ch channels.",
)


class ASPP(nn.Module):
    """Parallel convolutions at several rates and an image-level branch, joined by a 1x1 convolution."""

    def __init__(self, in_ch: int, out_ch: int, rates: tuple[int, ...] = (6, 12, 18)):
        super().__init__()
        self.point = nn.Conv2d(in_ch, out_ch, 1)
        self.atrous = nn.ModuleList(nn.Conv2d(in_ch, out_ch, 3, padding=r, dilation=r) for r in rates)
        self.pool = nn.Conv2d(in_ch, out_ch, 1)
        self.project = nn.Conv2d((len(rates) + 2) * out_ch, out_ch, 1)

    def forward(self, x: Float[Tensor, "b in_ch h w"]) -> Float[Tensor, "b out_ch h w"]:
        """Return the projection of all branches."""
        pooled = self.pool(x.mean(dim=(2, 3), keepdim=True))  # b out_ch 1 1
        branches = [self.point(x), *(conv(x) for conv in self.atrous), pooled.expand(-1, -1, *x.shape[2:])]
        return self.project(torch.cat(branches, dim=1))


def _branches(module, x):
    """Return the maps of the 1x1 branch, of each rate, and of the pooling branch before upsampling."""
    pooled = module.pool(x.mean(dim=(2, 3), keepdim=True))
    return module.point(x), [conv(x) for conv in module.atrous], pooled


def _joined(module, point, rated, pooled):
    size = point.shape[2:]
    return module.project(torch.cat([point, *rated, pooled.expand(-1, -1, *size)], dim=1))


@right("with adaptive pooling and bilinear upsampling, all branches in one list")
class Listed(nn.Module):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__()
        branches = [nn.Conv2d(in_ch, out_ch, kernel_size=1)]
        for rate in rates:
            branches.append(nn.Conv2d(in_ch, out_ch, 3, stride=1, padding=rate, dilation=rate))
        branches.append(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(in_ch, out_ch, 1)))
        self.branches = nn.ModuleList(branches)
        self.mix = nn.Conv2d(out_ch * len(branches), out_ch, 1)

    def forward(self, x):
        maps = []
        for branch in self.branches:
            y = branch(x)
            maps.append(nn.functional.interpolate(y, x.shape[-2:], mode="bilinear", align_corners=False))
        return self.mix(torch.cat(maps, 1))


@right("with the pooling after the convolution, and linear layers for the 1x1 ones")
class PooledLate(nn.Module):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__()
        self.a = nn.Linear(in_ch, out_ch)
        self.rates = [nn.Conv2d(in_ch, out_ch, 3, padding="same", dilation=r) for r in rates]
        for i, conv in enumerate(self.rates):
            self.add_module(f"rate{i}", conv)
        self.c = nn.Linear(in_ch, out_ch)
        self.d = nn.Linear(out_ch * (2 + len(rates)), out_ch)

    def forward(self, x):
        rows = x.movedim(1, -1)  # b h w in_ch
        pooled = self.c(rows).mean((1, 2), keepdim=True).expand(*rows.shape[:3], -1)
        maps = [self.a(rows), *(conv(x).movedim(1, -1) for conv in self.rates), pooled]
        return self.d(torch.cat(maps, -1)).movedim(-1, 1)


@right("with padding by hand, and the projection cut into one piece for each branch")
class Pieces(nn.Module):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__()
        self.rates, n = rates, len(rates)
        shapes = [(out_ch, in_ch), *[(out_ch, in_ch, 3, 3)] * n, (out_ch, in_ch), (out_ch, (n + 2) * out_ch)]
        self.w = nn.ParameterList(torch.randn(*shape) / 4 for shape in shapes)
        self.b = nn.ParameterList(torch.zeros(out_ch) for _ in shapes)

    def forward(self, x):
        def mix(matrix, y):
            return torch.einsum("oc,bchw->bohw", matrix, y)

        (first, *taps, last, whole), bias = self.w, [b[:, None, None] for b in self.b]
        pieces = whole.chunk(len(self.w) - 1, dim=1)
        out = mix(pieces[0], mix(first, x) + bias[0]) + bias[-1]
        for r, w, b, piece in zip(self.rates, taps, bias[1:], pieces[1:]):
            padded = nn.functional.pad(x, (r, r, r, r))
            out = out + mix(piece, nn.functional.conv2d(padded, w, dilation=r) + b)
        pooled = x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3])
        return out + mix(pieces[-1], mix(last, pooled) + bias[-2])


@right("with the projection first and the rates last to be registered, from the last to the first")
class Backwards(nn.Module):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__()
        self.project = nn.Conv2d(out_ch * (2 + len(rates)), out_ch, kernel_size=1)
        self.image = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Conv2d(in_ch, out_ch, 1))
        self.point = nn.Conv2d(in_ch, out_ch, 1)
        self.rates = nn.ModuleList(
            nn.Conv2d(in_ch, out_ch, 3, dilation=r, padding=r) for r in reversed(rates)
        )

    def forward(self, x):
        pooled = nn.functional.interpolate(self.image(x), size=x.shape[-2:], mode="nearest")
        return self.project(
            torch.cat([self.point(x), *(conv(x) for conv in self.rates[::-1]), pooled], dim=1)
        )


@wrong("has no dilation: every branch sees the 3x3 neighbourhood")
class Undilated(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, (1,) * len(rates))


@wrong("pads by 1 whatever the rate is, so that the maps have different sizes")
class PaddedByOne(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, rates)
        self.atrous = nn.ModuleList(nn.Conv2d(in_ch, out_ch, 3, padding=1, dilation=r) for r in rates)


@wrong("pads by the rate but leaves the dilation out, so that the maps have different sizes")
class PaddedOnly(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, rates)
        self.atrous = nn.ModuleList(nn.Conv2d(in_ch, out_ch, 3, padding=r) for r in rates)


@wrong("uses the rates 6, 12 and 18, or the first of them, whatever rates says")
class FixedRates(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, (6, 12, 18, 24)[: len(rates)])


@wrong("has the rates 12, 24 and 36 by default")
class OtherDefault(ASPP):
    def __init__(self, in_ch, out_ch, rates=(12, 24, 36)):
        super().__init__(in_ch, out_ch, rates)


@wrong("sorts the rates, and so joins the branches in another order than asked for")
class SortedRates(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, tuple(sorted(rates, reverse=True)))


@wrong("pads with copies of the border instead of zeros")
class Replicated(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, rates)
        for conv in self.atrous:
            conv.padding_mode = "replicate"
            conv._reversed_padding_repeated_twice = [conv.padding[0]] * 4


@wrong("joins the pooling branch first")
class PoolFirst(ASPP):
    def forward(self, x):
        point, rated, pooled = _branches(self, x)
        return self.project(torch.cat([pooled.expand_as(point), point, *rated], dim=1))


@wrong("joins the 1x1 branch after the rates")
class PointLater(ASPP):
    def forward(self, x):
        point, rated, pooled = _branches(self, x)
        return self.project(torch.cat([*rated, point, pooled.expand_as(point)], dim=1))


@wrong("pools by the maximum instead of the mean")
class MaxPooled(ASPP):
    def forward(self, x):
        point, rated, _ = _branches(self, x)
        return _joined(self, point, rated, self.pool(x.amax(dim=(2, 3), keepdim=True)))


@wrong("averages over the batch as well, so that images see each other")
class PooledBatch(ASPP):
    def forward(self, x):
        point, rated, _ = _branches(self, x)
        pooled = self.pool(x.mean(dim=(0, 2, 3), keepdim=True)).expand(len(x), -1, -1, -1)
        return _joined(self, point, rated, pooled)


@wrong("sums over the positions instead of averaging")
class SumPooled(ASPP):
    def forward(self, x):
        point, rated, _ = _branches(self, x)
        return _joined(self, point, rated, self.pool(x.sum(dim=(2, 3), keepdim=True)))


@wrong("leaves the pooled map at 1 x 1, which cannot be joined to the others")
class NotUpsampled(ASPP):
    def forward(self, x):
        point, rated, pooled = _branches(self, x)
        return self.project(torch.cat([point, *rated, pooled], dim=1))


@wrong("does not pool in the pooling branch: it is another 1x1 convolution")
class NotPooled(ASPP):
    def forward(self, x):
        point, rated, _ = _branches(self, x)
        return _joined(self, point, rated, self.pool(x))


@wrong("squeezes the pooled features, and so loses the batch axis of a single image")
class Squeezed(ASPP):
    def forward(self, x):
        point, rated, pooled = _branches(self, x)
        pooled = pooled.squeeze()[:, :, None, None]
        return _joined(self, point, rated, pooled)


@wrong("follows each branch with a ReLU")
class Rectified(ASPP):
    def forward(self, x):
        point, rated, pooled = _branches(self, x)
        return _joined(self, point.relu(), [y.relu() for y in rated], pooled.relu())


@wrong("has a ReLU in the pooling branch, as the published network does after its normalisation")
class RectifiedPool(ASPP):
    def forward(self, x):
        point, rated, pooled = _branches(self, x)
        return _joined(self, point, rated, pooled.relu())


@wrong("interleaves the channels of the branches instead of joining branch after branch")
class Interleaved(ASPP):
    def forward(self, x):
        point, rated, pooled = _branches(self, x)
        return self.project(torch.stack([point, *rated, pooled.expand_as(point)], dim=2).flatten(1, 2))


@wrong("ends in a ReLU")
class RectifiedEnd(ASPP):
    def forward(self, x):
        return super().forward(x).relu()


@wrong("has batch normalisation after the projection")
class Normalised(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, rates)
        self.norm = nn.BatchNorm2d(out_ch)

    def forward(self, x):
        return self.norm(super().forward(x))


@wrong("has convolutions without bias")
class Biasless(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, rates)
        for conv in (self.point, self.pool, self.project, *self.atrous):
            conv.register_parameter("bias", None)


@wrong("sums the branches instead of joining their channels")
class SummedUp(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, rates)
        self.project = nn.Conv2d(out_ch, out_ch, 1)

    def forward(self, x):
        point, rated, pooled = _branches(self, x)
        return self.project(point + sum(rated) + pooled)


@wrong("has no pooling branch")
class Poolless(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, rates)
        del self.pool
        self.project = nn.Conv2d((len(rates) + 1) * out_ch, out_ch, 1)

    def forward(self, x):
        return self.project(torch.cat([self.point(x), *(conv(x) for conv in self.atrous)], dim=1))


@wrong("uses one 3x3 kernel for all the rates")
class SharedKernel(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, rates)
        for conv in self.atrous:
            conv.weight, conv.bias = self.atrous[0].weight, self.atrous[0].bias


@wrong("keeps the dilated convolutions in a plain list, where their parameters are not registered")
class Unregistered(ASPP):
    def __init__(self, in_ch, out_ch, rates=(6, 12, 18)):
        super().__init__(in_ch, out_ch, rates)
        convs = list(self.atrous)
        del self.atrous
        self.atrous = convs


@wrong("computes the pooled branch without gradients")
class PooledDetached(ASPP):
    def forward(self, x):
        point, rated, _ = _branches(self, x)
        with torch.no_grad():
            pooled = self.pool(x.mean(dim=(2, 3), keepdim=True))
        return _joined(self, point, rated, pooled)
