"""A depth head: one positive depth for each pixel, at any size.

The head turns a feature map into a map of depths in metres. It has one layer with parameters:

    feat      [B, in_ch, h, w]
    projected [B, 1, h, w]      1x1 convolution with bias
    resized   [B, 1, H, W]      bilinear, align_corners=False, to size = (H, W)
    depth     [B, 1, H, W]      softplus(resized) + 1e-3

* size is a tuple of two ints, height first. It comes with every call and may be larger than the map,
  smaller (without antialiasing) or the same; h, w, H and W may be 1. Nothing ties H to h: a fixed factor
  that fits images of one size fails for the next.
* The softplus follows the resizing: softplus(x) = log(1 + exp(x)), without overflow for large x.
  Depths are positive for any features and have no upper bound.
* The channel axis stays, and so does the batch axis of a single image.
* Parameters: in_ch weights and one bias, under any name. feat stays as it is; memory may be
  channels-last. Gradients flow to feat and to the parameters.

Example: projections 0, -5 and 1000 give the depths 0.6941, 0.0077 and 1000.001. A row of two projections
(0, 2) becomes (0, 0.5, 1.5, 2) when it is resized to a width of 4.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Three steps: channels to one, map to size, any number to a positive one. Only the first has parameters.",
    "F.interpolate takes the size itself, so no factor has to be guessed. Which function of torch maps "
    "every real number smoothly above zero, without overflowing?",
    "Project with a convolution of kernel size 1, resize the result bilinearly, then apply softplus and "
    "add the floor of one millimetre.",
)


class DepthHead(nn.Module):
    """1x1 convolution, bilinear resizing, softplus."""

    def __init__(self, in_ch: int):
        super().__init__()
        self.proj = nn.Conv2d(in_ch, 1, kernel_size=1)

    def forward(
        self, feat: Float[Tensor, "b in_ch h w"], size: tuple[int, int]
    ) -> Float[Tensor, "b 1 out_h out_w"]:
        """Return the depths of a feature map at the given (H, W)."""
        resized = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return F.softplus(resized) + 1e-3


@right("resizing before the projection, which may be exchanged")
class ResizedFirst(nn.Module):
    def __init__(self, in_ch):
        super().__init__()
        self.score = nn.Conv2d(in_ch, 1, 1)
        self.act = nn.Softplus()

    def forward(self, feat, size):
        feat = nn.Upsample(size=tuple(size), mode="bilinear")(feat)
        return self.act(self.score(feat)).add(0.001)


@right("with a linear layer over the channels and log(1 + exp) of two terms")
class Linear(nn.Module):
    def __init__(self, in_ch):
        super().__init__()
        self.fc = nn.Linear(in_ch, 1)

    def forward(self, feat, size):
        x = self.fc(feat.movedim(1, -1)).movedim(-1, 1)
        x = F.interpolate(x, size=(size[0], size[1]), mode="bilinear")
        return torch.logaddexp(x, torch.zeros_like(x)) + 1e-3


@right("with the bilinear weights as two matrices, and bare parameters")
class Matrices(nn.Module):
    def __init__(self, in_ch):
        super().__init__()
        self.b = nn.Parameter(torch.zeros(1))
        self.w = nn.Parameter(torch.randn(in_ch) * 0.1)

    def forward(self, feat, size):
        rows, columns = (_weights(n, m).to(feat) for n, m in zip(feat.shape[2:], size))
        x = torch.einsum("bchw,c,ih,jw->bij", feat, self.w, rows, columns) + self.b
        return (x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))).unsqueeze(1) + 1e-3


def _weights(n, m):
    at = ((torch.arange(m).double() + 0.5) * n / m - 0.5).clamp(0, n - 1)
    return (1 - (at[:, None] - torch.arange(n)).abs()).clamp(min=0)


@right("with a log-sigmoid")
class LogSigmoid(nn.Module):
    def __init__(self, in_ch):
        super().__init__()
        self.proj = nn.Conv2d(in_ch, 1, 1)

    def forward(self, feat, size):
        x = self.proj(feat)
        if x.shape[-2:] != torch.Size(size):
            x = F.interpolate(x, size, mode="bilinear", align_corners=False)
        return 1e-3 - F.logsigmoid(-x)


@wrong(
    "enlarges the map by a fixed factor, which gives 56 x 56 for a map of 7 x 7 and not the size asked for"
)
class FixedFactor(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), scale_factor=8, mode="bilinear", align_corners=False)
        return F.softplus(x) + 1e-3


@wrong("enlarges the map by the whole factor that fits into the size, and leaves a part of the size out")
class WholeFactor(DepthHead):
    def forward(self, feat, size):
        h, w = feat.shape[-2:]
        factor = (max(size[0] // h, 1), max(size[1] // w, 1))
        x = F.interpolate(self.proj(feat), scale_factor=factor, mode="bilinear", align_corners=False)
        return F.softplus(x) + 1e-3


@wrong("leaves the map as it is where its height is right already, whatever its width")
class HeightDecides(DepthHead):
    def forward(self, feat, size):
        x = self.proj(feat)
        if x.shape[2] != size[0]:
            x = F.interpolate(x, size, mode="bilinear", align_corners=False)
        return F.softplus(x) + 1e-3


@wrong("leaves the map as it is where its width is right already, whatever its height")
class WidthDecides(DepthHead):
    def forward(self, feat, size):
        x = self.proj(feat)
        if x.shape[3] != size[1]:
            x = F.interpolate(x, size, mode="bilinear", align_corners=False)
        return F.softplus(x) + 1e-3


@wrong("returns the projection as it is, so that about half of all depths are negative")
class Unbounded(DepthHead):
    def forward(self, feat, size):
        return F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)


@wrong("cuts negative depths off with a ReLU, where no gradient comes back")
class Relu(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return torch.relu(x) + 1e-3


@wrong("takes the exponential instead of the softplus")
class Exponential(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return x.exp() + 1e-3


@wrong("takes a sigmoid, which can say no depth beyond one metre")
class Sigmoid(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return x.sigmoid() + 1e-3


@wrong("takes the absolute value of the projection")
class Absolute(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return x.abs() + 1e-3


@wrong("takes ELU plus one, which is positive as well")
class EluPlusOne(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return F.elu(x) + 1 + 1e-3


@wrong("keeps the exponential from overflowing with a clamp, which bounds the depth")
class ClampedExponent(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return torch.log1p(torch.exp(x.clamp(max=50))) + 1e-3


@wrong("computes the softplus with an exponential that overflows for large projections")
class Overflowing(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return torch.log(1 + torch.exp(x)) + 1e-3


@wrong("replaces what overflows after it has overflowed, which leaves NaN for a gradient")
class ReplacedTooLate(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return torch.where(x > 20, x, torch.log1p(torch.exp(x))) + 1e-3


@wrong("leaves out the floor of 1e-3")
class Floorless(DepthHead):
    def forward(self, feat, size):
        return super().forward(feat, size) - 1e-3


@wrong("clamps at 1e-3 instead of adding it")
class Clamped(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return F.softplus(x).clamp(min=1e-3)


@wrong("adds 1e-3 inside the softplus, where it is no floor")
class FloorInside(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False)
        return F.softplus(x + 1e-3)


@wrong("applies the softplus before the resizing")
class ActivatedFirst(DepthHead):
    def forward(self, feat, size):
        x = F.softplus(self.proj(feat)) + 1e-3
        return F.interpolate(x, size, mode="bilinear", align_corners=False)


@wrong("resizes with align_corners=True")
class Aligned(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=True)
        return F.softplus(x) + 1e-3


@wrong("resizes to the nearest position, interpolate's default")
class Nearest(DepthHead):
    def forward(self, feat, size):
        return F.softplus(F.interpolate(self.proj(feat), size)) + 1e-3


@wrong("resizes with cubic weights")
class Bicubic(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bicubic", align_corners=False)
        return F.softplus(x) + 1e-3


@wrong("smooths with antialiasing where the size is smaller than the map")
class Antialiased(DepthHead):
    def forward(self, feat, size):
        x = F.interpolate(self.proj(feat), size, mode="bilinear", align_corners=False, antialias=True)
        return F.softplus(x) + 1e-3


@wrong("reads size as (width, height)")
class Transposed(DepthHead):
    def forward(self, feat, size):
        return super().forward(feat, size[::-1])


@wrong("drops the channel axis")
class Channelless(DepthHead):
    def forward(self, feat, size):
        return super().forward(feat, size).squeeze(1)


@wrong("drops the batch axis of a single image")
class Batchless(DepthHead):
    def forward(self, feat, size):
        return super().forward(feat, size).squeeze(0)


@wrong("has a projection without bias")
class Biasless(DepthHead):
    def __init__(self, in_ch):
        super().__init__(in_ch)
        self.proj = nn.Conv2d(in_ch, 1, 1, bias=False)


@wrong("projects with a 3x3 convolution")
class Wide(DepthHead):
    def __init__(self, in_ch):
        super().__init__(in_ch)
        self.proj = nn.Conv2d(in_ch, 1, 3, padding=1)


@wrong("rectifies the features before the projection")
class Rectified(DepthHead):
    def forward(self, feat, size):
        return super().forward(torch.relu(feat), size)


@wrong("rectifies the caller's features in place")
class InPlace(DepthHead):
    def forward(self, feat, size):
        return super().forward(F.relu(feat.data, inplace=True), size)


@wrong("cuts the head off from the features, so that the backbone learns nothing")
class CutOff(DepthHead):
    def forward(self, feat, size):
        return super().forward(feat.detach(), size)


@wrong("resizes without gradients, as at inference")
class Frozen(DepthHead):
    @torch.no_grad()
    def forward(self, feat, size):
        return super().forward(feat, size)


@wrong("clamps the depths at 100 metres")
class Capped(DepthHead):
    def forward(self, feat, size):
        return super().forward(feat, size).clamp(max=100)
