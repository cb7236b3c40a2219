"""Head of a fully convolutional network.

A segmentation network owes every pixel of the image a score per class, but its last feature map is 8, 16
or 32 times smaller. The cheapest honest head scores the small map and enlarges the scores:

    feat      [B, in_ch, h, w]         features of some backbone
    cls       [B, num_classes, h, w]   one 1x1 convolution, with bias
    result    [B, num_classes, H, W]   the scores, resized to size = (H, W)

* size is a tuple of two ints, height first. It is met exactly, whatever h and w are: 225 x 225 from
  8 x 8, and no whole factor leads there. The two axes have scales of their own.
* Resizing is bilinear with align_corners=False: pixel centres lie at half-integers, and beyond the
  outermost centres the outermost value is repeated.
* size may also be smaller than the map, along one axis or both. The same formula holds: no antialiasing.
* Return logits: no softmax, no arg-max, no ReLU. A batch of one keeps its axis, and so does one class.
* There are in_ch * num_classes + num_classes parameters; attributes may have any name. Training and
  evaluation mode give the same result.
* The head is trained: gradients reach feat and both parameters.
* feat has the dtype of the parameters, float32 or float64, and so has the result. Memory may be
  channels-last.

Example: 512 channels and 21 classes take 10,773 parameters; a transposed convolution with a 64 x 64
kernel takes 44,040,213. And one row of scores (0, 4), resized to four columns, reads 0, 1, 3, 4.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Two steps. The first changes only the number of channels, the second only the number of pixels.",
    "A 1x1 convolution is a linear layer at every position. To resize, ask for a size rather than for a "
    "factor: a factor rounds, a size does not.",
    "Score the features with a convolution of kernel 1 from in_ch to num_classes, then hand its output "
    "and the wanted size to torch's interpolation, in bilinear mode and with the corners not aligned.",
)


class FCNHead(nn.Module):
    """A 1x1 convolution, then bilinear resizing to an exact size."""

    def __init__(self, in_ch: int, num_classes: int):
        super().__init__()
        self.cls = nn.Conv2d(in_ch, num_classes, kernel_size=1)

    def forward(
        self, feat: Float[Tensor, "b in_ch h w"], size: tuple[int, int]
    ) -> Float[Tensor, "b num_classes out_h out_w"]:
        """Return the logits of every pixel of an image of this size (H, W)."""
        return F.interpolate(self.cls(feat), size=size, mode="bilinear", align_corners=False)


@right("by resizing the features first: both steps are linear, and bilinear weights sum to one")
class ResizedFirst(nn.Module):
    def __init__(self, in_ch, num_classes):
        super().__init__()
        self.score = nn.Conv2d(in_ch, num_classes, 1)

    def forward(self, feat, size):
        return self.score(nn.Upsample(size=size, mode="bilinear")(feat))


@right("with a linear layer on the channels, and one matrix of weights per axis")
class Matrices(nn.Module):
    def __init__(self, in_ch, num_classes):
        super().__init__()
        self.linear = nn.Linear(in_ch, num_classes)

    def forward(self, feat, size):
        scores = self.linear(feat.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        rows, columns = (self._weights(n, m, scores) for n, m in zip(scores.shape[2:], size))
        return torch.einsum("ih,jw,bkhw->bkij", rows, columns, scores)

    def _weights(self, n, m, like):
        at = (torch.arange(m, dtype=like.dtype, device=like.device) + 0.5) * n / m - 0.5
        at = at.clamp(0, n - 1)
        distance = at[:, None] - torch.arange(n, dtype=like.dtype, device=like.device)
        return (1 - distance.abs()).clamp(min=0)


@right("with grid_sample, which repeats the border")
class Sampled(nn.Module):
    def __init__(self, in_ch, num_classes):
        super().__init__()
        self.w = nn.Parameter(torch.randn(num_classes, in_ch) / in_ch**0.5)
        self.b = nn.Parameter(torch.zeros(num_classes))

    def forward(self, feat, size):
        scores = torch.einsum("bchw,kc->bkhw", feat, self.w) + self.b[:, None, None]
        theta = torch.eye(2, 3, dtype=feat.dtype).expand(len(feat), 2, 3)
        grid = F.affine_grid(theta, [*scores.shape[:2], *size], align_corners=False)
        return F.grid_sample(scores, grid, padding_mode="border", align_corners=False)


@right("with four neighbours and their weights")
class Gathered(FCNHead):
    def forward(self, feat, size):
        x = self.cls(feat)
        (y0, y1, fy), (x0, x1, fx) = (self._around(n, m) for n, m in zip(x.shape[-2:], size))
        fy, fx = fy.to(x)[:, None], fx.to(x)
        top = x[..., y0, :][..., x0] * (1 - fx) + x[..., y0, :][..., x1] * fx
        bottom = x[..., y1, :][..., x0] * (1 - fx) + x[..., y1, :][..., x1] * fx
        return top * (1 - fy) + bottom * fy

    def _around(self, n, m):
        at = ((torch.arange(m).double() + 0.5) * (n / m) - 0.5).clamp(min=0)
        low = at.long().clamp(max=n - 1)
        return low, (low + 1).clamp(max=n - 1), at - low


@wrong("aligns the corners, so that the outermost pixels coincide and all others are shifted")
class Aligned(FCNHead):
    def forward(self, feat, size):
        return F.interpolate(self.cls(feat), size=size, mode="bilinear", align_corners=True)


@wrong("repeats the nearest score, which leaves blocks")
class Nearest(FCNHead):
    def forward(self, feat, size):
        return F.interpolate(self.cls(feat), size=size)


@wrong("resizes with cubic weights instead of linear ones")
class Cubic(FCNHead):
    def forward(self, feat, size):
        return F.interpolate(self.cls(feat), size=size, mode="bicubic", align_corners=False)


@wrong("smooths before it shrinks")
class Antialiased(FCNHead):
    def forward(self, feat, size):
        return F.interpolate(self.cls(feat), size=size, mode="bilinear", antialias=True)


@wrong("reads size as (width, height)")
class WidthFirst(FCNHead):
    def forward(self, feat, size):
        return super().forward(feat, (size[1], size[0]))


@wrong("rounds the scale to a whole factor, and so misses sizes such as 225")
class WholeFactor(FCNHead):
    def forward(self, feat, size):
        factor = tuple(max(1, n // m) for n, m in zip(size, feat.shape[2:]))
        return F.interpolate(self.cls(feat), scale_factor=factor, mode="bilinear", align_corners=False)


@wrong("asks for the quotient of the sizes as a factor, which rounding turns into 60 pixels for 61 from 7")
class Quotient(FCNHead):
    def forward(self, feat, size):
        factor = tuple(n / m for n, m in zip(size, feat.shape[2:]))
        return F.interpolate(self.cls(feat), scale_factor=factor, mode="bilinear", align_corners=False)


@wrong("enlarges by the stride 32, whatever size is asked for")
class Stride32(FCNHead):
    def forward(self, feat, size):
        return F.interpolate(self.cls(feat), scale_factor=32, mode="bilinear", align_corners=False)


@wrong("scales both axes by the height's factor and crops or repeats what does not fit")
class OneFactor(FCNHead):
    def forward(self, feat, size):
        factor = size[0] / feat.shape[2]
        x = F.interpolate(
            self.cls(feat),
            scale_factor=factor,
            mode="bilinear",
            align_corners=False,
            recompute_scale_factor=True,
        )
        x = x[..., : size[0], : size[1]]
        return F.pad(x, (0, size[1] - x.shape[3], 0, size[0] - x.shape[2]), mode="replicate")


@wrong("enlarges by the next whole factor and crops at the right and the bottom")
class Cropped(FCNHead):
    def forward(self, feat, size):
        factor = tuple(-(-n // m) for n, m in zip(size, feat.shape[2:]))
        x = F.interpolate(self.cls(feat), scale_factor=factor, mode="bilinear", align_corners=False)
        return x[..., : size[0], : size[1]]


@wrong("takes the size of the feature map for the output's and does not resize at all")
class Unresized(FCNHead):
    def forward(self, feat, size):
        return self.cls(feat)


@wrong("leaves out the resizing where the height is right already, whatever the width is")
class HeightAlone(FCNHead):
    def forward(self, feat, size):
        return self.cls(feat) if feat.shape[2] == size[0] else super().forward(feat, size)


@wrong("has a classifier without bias")
class Biasless(FCNHead):
    def __init__(self, in_ch, num_classes):
        super().__init__(in_ch, num_classes)
        self.cls = nn.Conv2d(in_ch, num_classes, 1, bias=False)


@wrong("classifies with a 3x3 kernel, with nine times the weights")
class ThreeByThree(FCNHead):
    def __init__(self, in_ch, num_classes):
        super().__init__(in_ch, num_classes)
        self.cls = nn.Conv2d(in_ch, num_classes, 3, padding=1)


@wrong("has a hidden 3x3 convolution before the classifier, as many published heads do")
class Deeper(FCNHead):
    def __init__(self, in_ch, num_classes):
        super().__init__(in_ch, num_classes)
        self.hidden = nn.Conv2d(in_ch, in_ch, 3, padding=1)

    def forward(self, feat, size):
        return super().forward(torch.relu(self.hidden(feat)), size)


@wrong("enlarges with a learned transposed convolution")
class Deconvolved(nn.Module):
    def __init__(self, in_ch, num_classes):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_ch, num_classes, 16, stride=8, padding=4)

    def forward(self, feat, size):
        return self.up(feat)[..., : size[0], : size[1]]


@wrong("ends in a softmax")
class Softmaxed(FCNHead):
    def forward(self, feat, size):
        return super().forward(feat, size).softmax(dim=1)


@wrong("turns the scores into probabilities before it resizes them")
class SoftmaxedFirst(FCNHead):
    def forward(self, feat, size):
        return F.interpolate(self.cls(feat).softmax(dim=1), size=size, mode="bilinear", align_corners=False)


@wrong("returns the class of every pixel instead of the scores")
class Labelled(FCNHead):
    def forward(self, feat, size):
        return super().forward(feat, size).argmax(dim=1)


@wrong("cuts negative scores off")
class Rectified(FCNHead):
    def forward(self, feat, size):
        return torch.relu(super().forward(feat, size))


@wrong("cuts negative features off before it scores them")
class RectifiedFirst(FCNHead):
    def forward(self, feat, size):
        return super().forward(torch.relu(feat), size)


@wrong("reads zeros beyond the outermost pixels, which darkens the border")
class ZeroBorder(FCNHead):
    def forward(self, feat, size):
        scores = self.cls(feat)
        theta = torch.eye(2, 3, dtype=feat.dtype).expand(len(feat), 2, 3)
        grid = F.affine_grid(theta, [*scores.shape[:2], *size], align_corners=False)
        return F.grid_sample(scores, grid, padding_mode="zeros", align_corners=False)


@wrong("enlarges by 4 first and then to the size, which is not the same as going there at once")
class TwoSteps(FCNHead):
    def forward(self, feat, size):
        x = F.interpolate(self.cls(feat), scale_factor=4, mode="bilinear", align_corners=False)
        return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


@wrong("returns float32 whatever comes in")
class SinglePrecision(FCNHead):
    def forward(self, feat, size):
        return super().forward(feat, size).float()


@wrong("normalises the features before it scores them, which nobody asked for")
class Normalised(FCNHead):
    def forward(self, feat, size):
        return super().forward(F.instance_norm(feat) if feat[0, 0].numel() > 1 else feat, size)


@wrong("drops features at random while it trains")
class Dropping(FCNHead):
    def forward(self, feat, size):
        return super().forward(F.dropout(feat, 0.5, self.training), size)


@wrong("squeezes the result, and so loses the axis of a single image or a single class")
class Squeezed(FCNHead):
    def forward(self, feat, size):
        return super().forward(feat, size).squeeze()


@wrong("cuts the features off from the graph, so that the backbone learns nothing")
class Detached(FCNHead):
    def forward(self, feat, size):
        return super().forward(feat.detach(), size)


@wrong("resizes the data of the scores, outside the graph, so that nothing can be trained")
class OutsideTheGraph(FCNHead):
    def forward(self, feat, size):
        scores = self.cls(feat)
        return F.interpolate(scores.data, size=size, mode="bilinear", align_corners=False)


@wrong("exchanges the axes of the map and forces them back into shape, which mixes rows and columns")
class Mixed(FCNHead):
    def forward(self, feat, size):
        b, c, h, w = feat.shape
        return super().forward(feat.transpose(2, 3).reshape(b, c, h, w), size)
