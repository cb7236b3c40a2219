"""ESPCN: super-resolution with a sub-pixel convolution.

ESPCN stays on the small image from its first layer to its last. The last convolution computes the s * s
fine pixels of every coarse one as channels, and these are only put in their places, s being the scale:

    x          [B, ch, h, w]
    conv1      [B, 64, h, w]            5x5 convolution, then tanh
    conv2      [B, 32, h, w]            3x3 convolution, then tanh
    conv3      [B, ch * s^2, h, w]      3x3 convolution
    shuffled   [B, ch, s * h, s * w]    the same numbers, rearranged

* Every convolution has a bias, stride 1, and zeros around its input, as many as keep its size: 2 rows
  and columns on every side for 5x5, 1 for 3x3.
* Channel c * s^2 + i * s + j of conv3 holds, of channel c of the result, the pixels at row i and column
  j of the s x s blocks: its number at (y, x) goes to channel c at (s * y + i, s * x + j). torch has this
  as pixel shuffle, which you may use.
* There is no activation after conv3 and no clamping after the shuffle: the result may leave [0, 1].
  Nothing is upsampled before, and nothing is added after.
* scale is an int from 1 up. ch is the number of image channels, 3 by default; with ch = 1 the network
  works on luminance alone, as that of the paper does.
* B, h and w are at least 1, and one network takes images of any size. x stays as it is. Gradients reach
  x and all parameters. Attributes may have any name and any order. All tensors are on the CPU.

Example: with scale = 3 there are 31,131 parameters for colour images (4,864 in conv1, 18,464 in conv2
and 7,803 in conv3) and 22,729 for luminance. An image of 20 x 30 becomes one of 60 x 90.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 1
MINUTES = 15
HINTS = (
    "How many zeros on every side keep the size with a 5x5 kernel, and how many with a 3x3 one? How many "
    "numbers has one coarse pixel to give for its block, over all image channels?",
    "Three convolutions with padding 2, 1 and 1; tanh after the first two. The last has ch * scale * scale "
    "output channels, because the shuffle divides the channels by that square.",
    "In __init__ the three layers: ch to 64, 64 to 32, 32 to ch times the square of scale. In forward call "
    "them in turn with the hyperbolic tangent between them, and finish with torch's pixel shuffle.",
)


class ESPCN(nn.Module):
    """Three convolutions on the small image and a pixel shuffle."""

    def __init__(self, scale: int, ch: int = 3):
        super().__init__()
        self.scale = scale
        self.conv1 = nn.Conv2d(ch, 64, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(64, 32, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(32, ch * scale**2, kernel_size=3, padding=1)

    def forward(self, x: Float[Tensor, "b ch h w"]) -> Float[Tensor, "b ch scale*h scale*w"]:
        """Return the images, scale times as high and wide."""
        x = self.conv1(x).tanh()  # b 64 h w
        x = self.conv2(x).tanh()  # b 32 h w
        return F.pixel_shuffle(self.conv3(x), self.scale)


@right("as one sequence of modules, with padding by its name")
class Sequenced(nn.Module):
    def __init__(self, scale, ch=3):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(ch, 64, 5, padding="same"),
            nn.Tanh(),
            nn.Conv2d(64, 32, 3, padding="same"),
            nn.Tanh(),
            nn.Conv2d(32, ch * scale * scale, 3, padding="same"),
            nn.PixelShuffle(scale),
        )

    def forward(self, x):
        return self.net(x)


@right("with the layers in another order, and the shuffle as view and permute")
class Permuted(nn.Module):
    def __init__(self, scale, ch=3):
        super().__init__()
        self.r = scale
        self.last = nn.Conv2d(32, ch * scale**2, 3, 1, 1)
        self.mapping = nn.Conv2d(64, 32, 3, 1, 1)
        self.first = nn.Conv2d(ch, 64, 5, 1, 2)

    def forward(self, x):
        y = self.last(torch.tanh(self.mapping(torch.tanh(self.first(x)))))
        b, n, h, w = y.shape
        r, c = self.r, n // self.r**2
        return y.view(b, c, r, r, h, w).permute(0, 1, 4, 2, 5, 3).reshape(b, c, h * r, w * r)


@right("with every r-th row and column written in turn")
class Strided(ESPCN):
    def forward(self, x):
        s = self.scale
        y = self.conv3(torch.tanh(self.conv2(torch.tanh(self.conv1(x)))))
        b, c, h, w = x.shape
        out = y.new_zeros(b, c, s * h, s * w)
        for i in range(s):
            for j in range(s):
                out[:, :, i::s, j::s] = y[:, i * s + j :: s * s]
        return out


@right("with plain parameters, convolutions as matrix products, and blocks folded back")
class Unfolded(nn.Module):
    def __init__(self, scale, ch=3):
        super().__init__()
        self.scale = scale
        sizes = ((ch, 64, 5), (64, 32, 3), (32, ch * scale**2, 3))
        self.w = nn.ParameterList(
            nn.Parameter(torch.randn(o, i, k, k) / (i * k * k) ** 0.5) for i, o, k in sizes
        )
        self.b = nn.ParameterList(nn.Parameter(torch.randn(o) * 0.1) for _, o, _ in sizes)

    def forward(self, x):
        size = x.shape[-2:]
        for n, (w, b) in enumerate(zip(self.w, self.b)):
            columns = F.unfold(x, w.shape[-1], padding=w.shape[-1] // 2)
            x = (w.flatten(1) @ columns + b[:, None]).unflatten(2, size)
            x = torch.tanh(x) if n < 2 else x
        s = self.scale
        return F.fold(
            x.flatten(2).unflatten(1, (-1, s * s)).flatten(1, 2), (s * size[0], s * size[1]), s, stride=s
        )


@right("with the fine pixels put in place by a transposed convolution that is not trained")
class Placed(nn.Module):
    def __init__(self, scale, ch=3):
        super().__init__()
        self.conv = nn.ModuleList([nn.Conv2d(ch, 64, 5, padding=2), nn.Conv2d(64, 32, 3, padding=1)])
        self.out = nn.Conv2d(32, ch * scale**2, 3, padding=1)
        blocks = torch.eye(scale**2).reshape(scale**2, 1, scale, scale)
        self.register_buffer("blocks", blocks.repeat(ch, 1, 1, 1), persistent=False)
        self.ch, self.scale = ch, scale

    def forward(self, x):
        for conv in self.conv:
            x = 2 * torch.sigmoid(2 * conv(x)) - 1
        return F.conv_transpose2d(self.out(x), self.blocks, stride=self.scale, groups=self.ch)


@right("with a method for each step", of="ESPCN")
class Steps(ESPCN):
    """The same network with a method for each step, so that a version can differ in one of them."""

    def forward(self, x):
        return self.shuffle(self.fine(x))

    def fine(self, x):
        return self.conv3(self.second(self.first(x)))

    def first(self, x):
        return self.conv1(x).tanh()

    def second(self, x):
        return self.conv2(x).tanh()

    def shuffle(self, y):
        return F.pixel_shuffle(y, self.scale)

    def shuffled(self, y, split, order):
        """Return y with its channels split and its axes ordered as told."""
        b, _, h, w = y.shape
        s = self.scale
        sizes = {"c": y.shape[1] // s**2, "i": s, "j": s}
        y = y.reshape(b, *(sizes[axis] for axis in split), h, w)
        return y.permute(0, *(1 + f"{split}yx".index(axis) for axis in order)).reshape(
            b, sizes["c"], s * h, s * w
        )


@wrong("takes the channels of conv3 for (row, column, channel), with the image channel innermost")
class ChannelInnermost(Steps):
    def shuffle(self, y):
        return self.shuffled(y, "ijc", "cyixj")


@wrong("swaps rows and columns inside each block")
class BlocksTransposed(Steps):
    def shuffle(self, y):
        return self.shuffled(y, "cji", "cyixj")


@wrong("reshapes without moving any axis, which scatters the pixels of a block over the image")
class Reshaped(Steps):
    def shuffle(self, y):
        return self.shuffled(y, "cij", "cijyx")


@wrong(
    "puts the positions inside a block before those of the blocks, so that the result is s * s small images"
)
class Mosaic(Steps):
    def shuffle(self, y):
        return self.shuffled(y, "cij", "ciyjx")


@wrong("enlarges by 4 in two steps of 2, which reads the channels in another order")
class ByTwos(Steps):
    def shuffle(self, y):
        return F.pixel_shuffle(F.pixel_shuffle(y, 2), 2) if self.scale == 4 else super().shuffle(y)


@wrong("repeats one fine pixel of each block over the whole block")
class Repeated(Steps):
    def shuffle(self, y):
        return F.interpolate(y[:, :: self.scale**2], scale_factor=self.scale)


@wrong("activates with ReLU instead of tanh")
class Rectified(Steps):
    def first(self, x):
        return self.conv1(x).relu()

    def second(self, x):
        return self.conv2(x).relu()


@wrong("activates with a sigmoid instead of tanh")
class Sigmoids(Steps):
    def first(self, x):
        return self.conv1(x).sigmoid()

    def second(self, x):
        return self.conv2(x).sigmoid()


@wrong("forgets the tanh between conv2 and conv3")
class LinearMiddle(Steps):
    def second(self, x):
        return self.conv2(x)


@wrong("forgets the tanh after conv1")
class LinearStart(Steps):
    def first(self, x):
        return self.conv1(x)


@wrong("has a tanh after conv3 too")
class Squashed(Steps):
    def fine(self, x):
        return super().fine(x).tanh()


@wrong("clamps the result to [0, 1], where nothing can be learned beyond")
class Clamped(Steps):
    def forward(self, x):
        return super().forward(x).clamp(0, 1)


@wrong("ends in a sigmoid")
class Bounded(Steps):
    def forward(self, x):
        return super().forward(x).sigmoid()


@wrong("does not pad, so that every convolution eats the border")
class Unpadded(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        for conv in (self.conv1, self.conv2, self.conv3):
            conv.padding = (0, 0)


@wrong("pads the 5x5 convolution by 1 only")
class UnderPadded(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv1.padding = (1, 1)


@wrong("repeats the border pixels where zeros are asked for")
class ReplicatePadded(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv1 = nn.Conv2d(ch, 64, kernel_size=5, padding=2, padding_mode="replicate")
        self.conv2 = nn.Conv2d(64, 32, kernel_size=3, padding=1, padding_mode="replicate")
        self.conv3 = nn.Conv2d(32, ch * scale**2, kernel_size=3, padding=1, padding_mode="replicate")


@wrong("starts with the 9x9 convolution of SRCNN")
class NineByNine(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv1 = nn.Conv2d(ch, 64, kernel_size=9, padding=4)


@wrong("starts with a 3x3 convolution")
class ThreeByThree(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv1 = nn.Conv2d(ch, 64, kernel_size=3, padding=1)


@wrong("has 32 channels first and 64 after that")
class SwappedWidths(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv1 = nn.Conv2d(ch, 32, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(64, ch * scale**2, kernel_size=3, padding=1)


@wrong("has convolutions without bias")
class Unbiased(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv1 = nn.Conv2d(ch, 64, kernel_size=5, padding=2, bias=False)
        self.conv2 = nn.Conv2d(64, 32, kernel_size=3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(32, ch * scale**2, kernel_size=3, padding=1, bias=False)


@wrong("always works on three channels, whatever it is told")
class AlwaysColour(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, 3)


@wrong("works on luminance when nothing is said of the channels")
class LuminanceByDefault(Steps):
    def __init__(self, scale, ch=1):
        super().__init__(scale, ch)


@wrong("always enlarges by 3, whatever it is told")
class AlwaysThree(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(3, ch)


@wrong("computes scale channels for each image channel, not its square")
class NotSquared(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv3 = nn.Conv2d(32, ch * scale, kernel_size=3, padding=1)

    def shuffle(self, y):
        return F.pixel_shuffle(y.repeat_interleave(self.scale, dim=1), self.scale)


@wrong("enlarges the image first and then convolves at full size, as SRCNN does")
class UpsampledFirst(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv3 = nn.Conv2d(32, ch, kernel_size=3, padding=1)

    def forward(self, x):
        x = F.interpolate(x, scale_factor=self.scale, mode="bicubic", align_corners=False)
        return self.fine(x)


@wrong("ends in a transposed convolution")
class Transposed(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv3 = nn.ConvTranspose2d(32, ch, kernel_size=scale, stride=scale)

    def forward(self, x):
        return self.fine(x)


@wrong("adds the enlarged image to the result")
class Skipped(Steps):
    def forward(self, x):
        return super().forward(x) + F.interpolate(x, scale_factor=self.scale)


@wrong("normalises inside the network with the statistics of each image")
class Normalised(Steps):
    def first(self, x):
        y = self.conv1(x)
        return (
            (y - y.mean((2, 3), keepdim=True)) / (y.std((2, 3), unbiased=False, keepdim=True) + 1e-5)
        ).tanh()


@wrong("drops channels at random while it trains")
class Dropped(Steps):
    def second(self, x):
        return F.dropout2d(super().second(x), 0.5, self.training)


@wrong("drops the batch axis of a single image")
class Squeezed(Steps):
    def forward(self, x):
        return super().forward(x).squeeze(0)


@wrong("runs without a graph, so that nothing can be learned")
class CutOff(Steps):
    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


@wrong("spreads the middle convolution out, to reach further than 4 pixels")
class Dilated(Steps):
    def __init__(self, scale, ch=3):
        super().__init__(scale, ch)
        self.conv2 = nn.Conv2d(64, 32, kernel_size=3, padding=2, dilation=2)


@wrong("keeps its first layer from learning")
class Frozen(Steps):
    def first(self, x):
        return super().first(x).detach()


@wrong("shifts the pixels of the caller's image to around 0 in place")
class Shifted(Steps):
    def forward(self, x):
        found = super().forward(x)
        x.data.sub_(0.5)
        return found
