"""A whole super-resolution network, EDSR in small, and its loss.

EDSR took a residual network for classification and removed what does not help to restore images, batch
normalisation above all. It works on the small image and enlarges at the very end. For images of any
height h and width w:

    x          [B, 3, h, w]
    shallow    [B, ch, h, w]          one convolution
    deep       [B, ch, h, w]          from these features f, in three steps:
                 [B, ch, h, w]          the residual blocks, as many as `blocks`, one after the other
                 [B, ch, h, w]          one more convolution
                 [B, ch, h, w]          plus f, the global residual
    upsample   [B, 3, s * h, s * w]   from that, in two steps, with s = scale:
                 [B, 3 * s^2, h, w]     one convolution
                 [B, 3, s * h, s * w]   pixel shuffle
    forward    [B, 3, s * h, s * w]   the enlarged images

* SubPixelSR has the methods shallow(x), deep(features), upsample(features) and forward(x); forward uses
  the other three.
* All convolutions are 3x3 with bias, stride 1, and one row or column of zeros on every side.
* A residual block turns v into v + 0.1 * r, where r is a convolution of v, then ReLU, then a second
  convolution, both from ch to ch channels. Scaling r down by the fixed number 0.1 keeps the training of
  wide networks stable. Each block has weights of its own. The global residual is added unscaled.
* That is all there is: no ReLU outside the blocks, no normalisation, no dropout, no clamping. Pixels may
  leave [0, 1].
* Pixel shuffle is that of torch: channel c * s^2 + i * s + j at (y, x) goes to channel c of the result
  at (s * y + i, s * x + j). Enlarging by 4 is one such step, not two by 2.
* scale, ch and blocks are ints from 1 up, and 4, 64 and 4 by default. B, h and w are at least 1. x and
  features stay as they are. Gradients reach x and all parameters. Attributes may have any name and any
  order. All tensors are on the CPU.

sr_loss(pred, hr) = mean of |pred - hr| over all numbers of the batch:

* Both are [B, 3, H, W]: pred is what forward gives, hr the true images in [0, 1]. No pixel is left out,
  and pred is not clamped: beyond [0, 1] a clamped pixel would no longer be pulled back.
* The result is a 0-d tensor whose gradients reach pred. The inputs stay as they are.

Example: with the default numbers there are 361,840 parameters, and images of 48 x 40 become 192 x 160.
A prediction of 1.5 everywhere has the loss 0.5 for a white image (1 everywhere), and 1.5 for a black
one.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 25
HINTS = (
    "Which additions are there? One inside each block, and one around all of them. Only one of the two "
    "kinds is scaled.",
    "Write the residual block as a module of its own: convolution, ReLU, convolution, and a forward that "
    "adds a tenth of it. The last convolution of the network has 3 * scale * scale output channels.",
    "shallow is a convolution from 3 to ch. deep: a sequence of the blocks and one convolution more, and its "
    "input added to its output. upsample: a convolution, then torch's pixel shuffle. The loss is the L1 loss "
    "of torch as it is.",
)


class SubPixelSR(nn.Module):
    """A shallow convolution, residual blocks with a skip around them, and sub-pixel upsampling."""

    def __init__(self, scale: int = 4, ch: int = 64, blocks: int = 4):
        super().__init__()
        self.head = _conv(3, ch)
        self.body = nn.Sequential(*[_ResBlock(ch) for _ in range(blocks)], _conv(ch, ch))
        self.tail = _conv(ch, 3 * scale**2)
        self.shuffle = nn.PixelShuffle(scale)

    def shallow(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b ch h w"]:
        """Return the features of single neighbourhoods."""
        return self.head(x)

    def deep(self, features: Float[Tensor, "b ch h w"]) -> Float[Tensor, "b ch h w"]:
        """Return the features with what the residual blocks add to them."""
        return features + self.body(features)

    def upsample(self, features: Float[Tensor, "b ch h w"]) -> Float[Tensor, "b 3 scale*h scale*w"]:
        """Return the image of full size."""
        return self.shuffle(self.tail(features))

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 scale*h scale*w"]:
        """Return the images, scale times as high and wide."""
        return self.upsample(self.deep(self.shallow(x)))


def sr_loss(
    pred: Float[Tensor, "b 3 scale*h scale*w"], hr: Float[Tensor, "b 3 scale*h scale*w"]
) -> Float[Tensor, ""]:
    """Return the mean absolute error."""
    return F.l1_loss(pred, hr)


class _ResBlock(nn.Module):
    def __init__(self, ch, scale=0.1):
        super().__init__()
        self.body = nn.Sequential(_conv(ch, ch), nn.ReLU(), _conv(ch, ch))
        self.scale = scale

    def forward(self, x):
        return x + self.scale * self.body(x)


def _conv(i, o):
    return nn.Conv2d(i, o, kernel_size=3, padding=1)


@right("with lists of layers under other names and in another order, and the shuffle by hand")
class Listed(nn.Module):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__()
        self.s = scale
        self.to_rgb = nn.Conv2d(ch, 3 * scale * scale, 3, 1, 1)
        self.after = nn.Conv2d(ch, ch, 3, 1, 1)
        self.second = nn.ModuleList(nn.Conv2d(ch, ch, 3, 1, 1) for _ in range(blocks))
        self.first = nn.ModuleList(nn.Conv2d(ch, ch, 3, 1, 1) for _ in range(blocks))
        self.from_rgb = nn.Conv2d(3, ch, 3, 1, 1)

    def shallow(self, x):
        return self.from_rgb(x)

    def deep(self, features):
        v = features
        for a, b in zip(self.first, self.second):
            v = torch.add(v, b(F.relu(a(v))), alpha=0.1)
        return self.after(v) + features

    def upsample(self, features):
        y = self.to_rgb(features)
        b, _, h, w = y.shape
        s = self.s
        return y.view(b, 3, s, s, h, w).permute(0, 1, 4, 2, 5, 3).reshape(b, 3, h * s, w * s)

    def forward(self, x):
        return self.upsample(self.deep(self.shallow(x)))


@right("with stages that are modules, a block that is a sequence, and ReLU in place")
class Modular(nn.Module):
    class Scaled(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x).mul(0.1)

    class Skip(nn.Module):
        def __init__(self, *layers):
            super().__init__()
            self.layers = nn.ModuleList(layers)

        def forward(self, x):
            y = x
            for layer in self.layers:
                y = layer(y)
            return x + y

    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__()
        conv = lambda i, o: nn.Conv2d(i, o, 3, padding="same")  # noqa: E731
        block = lambda: self.Scaled(conv(ch, ch), nn.ReLU(inplace=True), conv(ch, ch))  # noqa: E731
        self.shallow = conv(3, ch)
        self.deep = self.Skip(*(block() for _ in range(blocks)), conv(ch, ch))
        self.upsample = nn.Sequential(conv(ch, 3 * scale**2), nn.PixelShuffle(scale))

    def forward(self, x):
        return self.upsample(self.deep(self.shallow(x)))


@right("with plain parameters, padding by hand, and every pixel of a block written in turn")
class Handmade(nn.Module):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__()
        outs = [(3, ch), *[(ch, ch)] * (2 * blocks + 1), (ch, 3 * scale**2)]
        self.w = nn.ParameterList(nn.Parameter(torch.randn(o, i, 3, 3) / (9 * i) ** 0.5) for i, o in outs)
        self.b = nn.ParameterList(nn.Parameter(torch.randn(o) * 0.01) for _, o in outs)
        self.scale = scale
        self.register_buffer("tenth", torch.tensor(0.1))

    def conv(self, n, x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), self.w[n], self.b[n])

    def shallow(self, x):
        return self.conv(0, x)

    def deep(self, features):
        v, n = features, 1
        while n < len(self.w) - 2:
            v = v + self.conv(n + 1, self.conv(n, v).clamp(min=0)) * self.tenth
            n += 2
        return features + self.conv(n, v)

    def upsample(self, features):
        y, s = self.conv(-1, features), self.scale
        out = y.new_empty(y.shape[0], 3, y.shape[2] * s, y.shape[3] * s)
        for k in range(s * s):
            out[:, :, k // s :: s, k % s :: s] = y[:, k :: s * s]
        return out

    def forward(self, x):
        return self.upsample(self.deep(self.shallow(x)))


@right("with absolute differences added up and divided by their number", of="sr_loss")
def by_hand(pred, hr):
    return (hr - pred).abs().sum() / hr.numel()


@right("image by image, which all count alike", of="sr_loss")
def per_image(pred, hr):
    return torch.stack([nn.L1Loss()(p, t) for p, t in zip(pred, hr)]).mean()


@right("as the larger minus the smaller of the two", of="sr_loss")
def larger_minus_smaller(pred, hr):
    return torch.mean(torch.maximum(pred, hr) - torch.minimum(pred, hr))


# -- mistakes in the network -------------------------------------------------------------------


@right("with a method for each step", of="SubPixelSR")
class Steps(SubPixelSR):
    """The same network with a method for each step, so that a version can differ in one of them."""

    def deep(self, features):
        v = features
        for block in self.body[:-1]:
            v = self.block(block.body, v)
        return self.joined(features, self.body[-1](v))

    def block(self, body, v):
        return v + 0.1 * body(v)

    def joined(self, features, v):
        return features + v


@wrong("adds the branch of a block unscaled")
class Unscaled(Steps):
    def block(self, body, v):
        return v + body(v)


@wrong("scales what a block keeps instead of what it adds")
class ScaledSkip(Steps):
    def block(self, body, v):
        return 0.1 * v + body(v)


@wrong("scales the global residual by 0.1 as well")
class ScaledGlobally(Steps):
    def joined(self, features, v):
        return features + 0.1 * v


@wrong("forgets the addition inside the blocks")
class Plain(Steps):
    def block(self, body, v):
        return 0.1 * body(v)


@wrong("forgets the global residual")
class NoGlobalResidual(Steps):
    def joined(self, features, v):
        return v


@wrong("learns the factor of each block instead of fixing it at 0.1")
class LearnedScale(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(scale, ch, blocks)
        for block in self.body[:-1]:
            block.body.factor = nn.Parameter(torch.tensor(0.1))

    def block(self, body, v):
        return v + body.factor * body[2](body[1](body[0](v)))


@wrong("applies ReLU after the addition, as the blocks for classification do")
class RectifiedSum(Steps):
    def block(self, body, v):
        return (v + 0.1 * body(v)).relu()


@wrong("activates before each convolution of a block instead of between them")
class PreActivated(Steps):
    def block(self, body, v):
        return v + 0.1 * body[2](body[0](v.relu()).relu())


@wrong("forgets the ReLU inside the blocks, which leaves no non-linearity at all")
class Linear(Steps):
    def block(self, body, v):
        return v + 0.1 * body[2](body[0](v))


@wrong("applies ReLU after the first convolution of the network")
class RectifiedShallow(Steps):
    def shallow(self, x):
        return self.head(x).relu()


@wrong("leaves out the convolution after the blocks")
class NoLast(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(scale, ch, blocks)
        self.body[-1] = nn.Identity()


@wrong("has the same weights in all of its blocks")
class Shared(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(scale, ch, blocks)
        self.body = nn.Sequential(*[self.body[0]] * blocks, self.body[-1])


@wrong("always has four blocks, whatever it is told")
class FourBlocks(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(scale, ch)


@wrong("always enlarges by 4, whatever it is told")
class AlwaysFour(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(4, ch, blocks)


@wrong("has other default numbers than those asked for")
class OtherDefaults(Steps):
    def __init__(self, scale=2, ch=64, blocks=16):
        super().__init__(scale, ch, blocks)


@wrong("gives every block the features themselves, and adds up what the blocks make of them")
class Parallel(Steps):
    def deep(self, features):
        v = features
        for block in self.body[:-1]:
            v = v + 0.1 * block.body(features)
        return self.joined(features, self.body[-1](v))


@wrong("adds what a block computes to the features, and not to what came into the block")
class LongSkips(Steps):
    def deep(self, features):
        v = features
        for block in self.body[:-1]:
            v = features + 0.1 * block.body(v)
        return self.joined(features, self.body[-1](v))


@wrong("adds the global residual before the last convolution of deep, and not after it")
class JoinedEarly(Steps):
    def deep(self, features):
        v = features
        for block in self.body[:-1]:
            v = self.block(block.body, v)
        return self.body[-1](features + v)


@wrong("keeps the blocks in a plain list, where their parameters are not registered")
class Unregistered(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(scale, ch, blocks)
        self.hidden = [block.double() for block in self.body[:-1]]
        self.body = nn.Sequential(self.body[-1])

    def deep(self, features):
        v = features
        for block in self.hidden:
            v = block.to(v.dtype)(v)
        return features + self.body(v)


@wrong("has batch normalisation in its blocks")
class Normalised(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(scale, ch, blocks)
        for block in self.body[:-1]:
            block.body.insert(1, nn.BatchNorm2d(ch))


@wrong("normalises the branch of a block over the batch, with neither weights nor running statistics")
class BareNormalised(Steps):
    def block(self, body, v):
        y = body[0](v)
        y = (y - y.mean((0, 2, 3), keepdim=True)) / (y.var((0, 2, 3), False, True) + 1e-5).sqrt()
        return v + 0.1 * body[2](body[1](y))


@wrong("enlarges by bicubic interpolation first, and convolves at full size")
class UpsampledFirst(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(1, ch, blocks)
        self.factor = scale

    def shallow(self, x):
        return self.head(F.interpolate(x, scale_factor=self.factor, mode="bicubic", align_corners=False))


@wrong("upsamples with a transposed convolution")
class Transposed(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(scale, ch, blocks)
        self.tail = nn.ConvTranspose2d(ch, 3, kernel_size=scale, stride=scale)
        self.shuffle = nn.Identity()


@wrong("takes the channels before the shuffle for (row, column, colour)")
class ColourInnermost(Steps):
    def upsample(self, features):
        y, s = self.tail(features), self.shuffle.upscale_factor
        return self.shuffle(y.unflatten(1, (s * s, 3)).transpose(1, 2).flatten(1, 2))


@wrong("swaps rows and columns inside each block of fine pixels")
class BlocksTransposed(Steps):
    def upsample(self, features):
        y, s = self.tail(features), self.shuffle.upscale_factor
        return self.shuffle(y.unflatten(1, (3, s, s)).transpose(2, 3).flatten(1, 3))


@wrong("reshapes instead of shuffling, which scatters the fine pixels over the image")
class Reshaped(Steps):
    def upsample(self, features):
        y, s = self.tail(features), self.shuffle.upscale_factor
        b, _, h, w = y.shape
        return y.reshape(b, 3, s * h, s * w)


@wrong("adds the enlarged input to the result, a residual that belongs to other networks")
class InputAdded(Steps):
    def forward(self, x):
        enlarged = F.interpolate(x, scale_factor=self.shuffle.upscale_factor, mode="bicubic")
        return super().forward(x) + enlarged


@wrong("clamps the pixels to [0, 1] inside the network")
class Clamped(Steps):
    def upsample(self, features):
        return super().upsample(features).clamp(0, 1)


@wrong("does not pad, so that every convolution eats the border")
class Unpadded(Steps):
    def __init__(self, scale=4, ch=64, blocks=4):
        super().__init__(scale, ch, blocks)
        self.tail.padding = (0, 0)


@wrong("adds the global residual in forward, so that deep gives something else")
class AddedInForward(Steps):
    def joined(self, features, v):
        return v

    def forward(self, x):
        features = self.shallow(x)
        return self.upsample(features + self.deep(features))


@wrong("shuffles in forward, so that upsample gives the channels still in place")
class ShuffledInForward(Steps):
    def upsample(self, features):
        return self.tail(features)

    def forward(self, x):
        return self.shuffle(super().forward(x))


@wrong("adds to the features in place, over numbers that the backward pass still needs")
class InPlace(Steps):
    def joined(self, features, v):
        features += v
        return features


@wrong("cuts the features off from the graph")
class CutOff(Steps):
    def shallow(self, x):
        return super().shallow(x).detach()


@wrong("drops the batch axis of a single image")
class Squeezed(Steps):
    def forward(self, x):
        return super().forward(x).squeeze(0)


# -- mistakes in the loss ----------------------------------------------------------------------


@wrong("clamps the prediction to [0, 1] first, so that nothing pulls it back", of="sr_loss")
def clamped(pred, hr):
    return F.l1_loss(pred.clamp(0, 1), hr)


@wrong("takes the mean squared error", of="sr_loss")
def squared(pred, hr):
    return F.mse_loss(pred, hr)


@wrong("takes the smooth L1 loss, which is half a square near 0", of="sr_loss")
def smooth(pred, hr):
    return F.smooth_l1_loss(pred, hr)


@wrong("rounds the corner of the absolute value off with a constant, after Charbonnier", of="sr_loss")
def charbonnier(pred, hr):
    return ((pred - hr) ** 2 + 1e-3).sqrt().mean()


@wrong("adds everything up and does not divide", of="sr_loss")
def summed(pred, hr):
    return F.l1_loss(pred, hr, reduction="sum")


@wrong("adds up within each image, and averages over the batch only", of="sr_loss")
def over_the_batch(pred, hr):
    return (pred - hr).abs().sum() / len(hr)


@wrong("returns one loss for each image", of="sr_loss")
def unreduced(pred, hr):
    return (pred - hr).abs().mean(dim=(1, 2, 3))


@wrong("leaves out a border of four pixels, as the metrics do", of="sr_loss")
def cropped(pred, hr):
    inner = (..., slice(4, -4), slice(4, -4))
    return F.l1_loss(pred[inner], hr[inner]) if min(hr.shape[2:]) > 8 else F.l1_loss(pred, hr)


@wrong("compares luminance only", of="sr_loss")
def luminance(pred, hr):
    weights = pred.new_tensor([65.481, 128.553, 24.966])[:, None, None] / 255
    return F.l1_loss((weights * pred).sum(1), (weights * hr).sum(1))


@wrong("forgets the absolute value, so that errors cancel", of="sr_loss")
def signed(pred, hr):
    return (pred - hr).mean()


@wrong("returns the negative PSNR", of="sr_loss")
def psnr(pred, hr):
    return 10 * torch.log10(F.mse_loss(pred, hr))


@wrong("returns a Python number, which has no graph", of="sr_loss")
def numbered(pred, hr):
    return sr_loss(pred, hr).item()


@wrong("cuts the prediction off from the graph", of="sr_loss")
def cut_off(pred, hr):
    return F.l1_loss(pred.detach(), hr)


@wrong("subtracts the target in the caller's own prediction", of="sr_loss")
def in_place(pred, hr):
    loss = sr_loss(pred, hr)
    pred.data.sub_(hr)
    return loss
