"""A small U-Net.

The network goes down to coarse maps that know what there is, and comes up again to fine ones that know
where; on the way up every level sees the map that its own level had on the way down (the skip).

With c = width, a double convolution to n channels is twice: a 3x3 convolution to n channels with
zero padding 1, then ReLU. For depth = 2 the network is

    x            [B, in_ch, H, W]
    level 0      double convolution to c          its result is skip 0; then 2x2 max pooling, stride 2
    level 1      double convolution to 2c         its result is skip 1; then 2x2 max pooling, stride 2
    bottom       double convolution to 4c
    up level 1   2x2 transposed convolution, stride 2, from 4c to 2c channels; joined to skip 1;
                 double convolution from 4c to 2c
    up level 0   the same from 2c to c channels, with skip 0
    head         1x1 convolution from c to num_classes: logits [B, num_classes, H, W]

* In general there are depth poolings (depth >= 1); level l has width * 2^l channels and the bottom
  width * 2^depth.
* Joining means concatenation of channels, the skip first.
* Pooling an odd size rounds down (5 becomes 2), so on the way up a map may be one short of its skip.
  It is then resized to the skip's height and width, bilinearly with align_corners=False, before they
  are joined. The result always has the height and width of x. H and W are at least 2^depth.
* There is no ReLU after the transposed convolutions and none after the head; no normalisation, no
  dropout. Every convolution has a bias.
* The module is trained: gradients reach x and every parameter. Attributes may have any name and any
  order. Memory may be channels-last. x stays as it is. All tensors are on the CPU.

Example: UNet(3, 21) turns [1, 3, 250, 333] into [1, 21, 250, 333]; the maps at the bottom have the size
31 x 41. UNet(1, 2, width=1, depth=1) has 20 parameters on the way down, 58 at the bottom, 9 in
the transposed convolution, 29 on the way up and 4 in the head: 120.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 35
HINTS = (
    "Write the double convolution once. Then count channels: what does each level receive on the way down, "
    "and what on the way up, once the skip has been joined?",
    "Keep the skips in a list on the way down and take them from its end on the way up. Which size may a "
    "map have that was pooled and brought up again?",
    "Down: double convolution, remember, pool. Bottom: double convolution. Up, from the deepest level: "
    "transposed convolution that halves the channels, interpolate to the skip's size if it differs, "
    "concatenate skip and map, double convolution that halves the channels again. Then a 1x1 convolution.",
)


class UNet(nn.Module):
    """Encoder and decoder of equal depth with a skip at every level."""

    def __init__(self, in_ch: int, num_classes: int, width: int = 16, depth: int = 3):
        super().__init__()
        chs = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(_double(i, o) for i, o in zip([in_ch, *chs], chs[:-1]))
        self.bottom = _double(chs[-2], chs[-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, stride=2) for c in chs[:-1])
        self.merge = nn.ModuleList(_double(2 * c, c) for c in chs[:-1])
        self.head = nn.Conv2d(width, num_classes, 1)

    def forward(self, x: Float[Tensor, "b in_ch h w"]) -> Float[Tensor, "b num_classes h w"]:
        """Return logits for every pixel."""
        skips = []
        for down in self.down:
            skips.append(down(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for skip, up, merge in zip(skips[::-1], self.up[::-1], self.merge[::-1]):
            x = F.interpolate(up(x), skip.shape[2:], mode="bilinear", align_corners=False)
            x = merge(torch.cat([skip, x], dim=1))
        return self.head(x)


def _double(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.Conv2d(o, o, 3, padding=1), nn.ReLU())


class _Steps(UNet):
    """The same network with a method for each step, so that a version can differ in one of them."""

    def encode(self, down, x):
        """Return the skip of a level, and what goes on to the pooling."""
        x = down(x)
        return x, x

    def pool(self, x):
        return F.max_pool2d(x, 2)

    def rise(self, up, x):
        return up(x)

    def fit(self, skip, x):
        return skip, F.interpolate(x, skip.shape[2:], mode="bilinear", align_corners=False)

    def join(self, skip, x):
        return torch.cat([skip, x], dim=1)

    def fuse(self, merge, x):
        return merge(x)

    def forward(self, x):
        skips = []
        for down in self.down:
            skip, x = self.encode(down, x)
            skips.append(skip)
            x = self.pool(x)
        x = self.bottom(x)
        for skip, up, merge in zip(skips[::-1], self.up[::-1], self.merge[::-1]):
            x = self.fuse(merge, self.join(*self.fit(skip, self.rise(up, x))))
        return self.head(x)


@right("with one level inside the other")
class Nested(nn.Module):
    class Level(nn.Module):
        def __init__(self, i, c, inner):
            super().__init__()
            self.enter = nn.Conv2d(i, c, 3, padding="same")
            self.enter2 = nn.Conv2d(c, c, 3, padding="same")
            self.inner = inner
            if inner is not None:
                self.lift = nn.ConvTranspose2d(2 * c, c, kernel_size=2, stride=2)
                self.leave = nn.Conv2d(2 * c, c, 3, padding="same")
                self.leave2 = nn.Conv2d(c, c, 3, padding="same")

        def forward(self, x):
            x = torch.relu(self.enter2(torch.relu(self.enter(x))))
            if self.inner is None:
                return x
            y = self.lift(self.inner(nn.functional.max_pool2d(x, kernel_size=2, stride=2)))
            if y.shape[-2:] != x.shape[-2:]:
                y = nn.functional.interpolate(y, size=x.shape[-2:], mode="bilinear")
            y = torch.cat((x, y), 1)
            return torch.relu(self.leave2(torch.relu(self.leave(y))))

    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__()
        level = None
        for d in reversed(range(depth + 1)):
            level = self.Level(width * 2 ** (d - 1) if d else in_ch, width * 2**d, level)
        self.body = level
        self.out = nn.Conv2d(width, num_classes, 1)

    def forward(self, x):
        return self.out(self.body(x))


@right("with the levels of the decoder from the deepest on, and one class for a step up")
class Stacked(nn.Module):
    class Double(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            self.c1, self.c2 = nn.Conv2d(i, o, 3, 1, 1), nn.Conv2d(o, o, 3, 1, 1)
            self.act = nn.ReLU(inplace=True)

        def forward(self, x):
            return self.act(self.c2(self.act(self.c1(x))))

    class Up(nn.Module):
        def __init__(self, c, double):
            super().__init__()
            self.up, self.conv = nn.ConvTranspose2d(c, c // 2, 2, 2), double(c, c // 2)

        def forward(self, x, skip):
            x = self.up(x)
            if x.shape[2] != skip.shape[2] or x.shape[3] != skip.shape[3]:
                x = nn.functional.interpolate(x, size=tuple(skip.shape[2:]), mode="bilinear")
            return self.conv(torch.cat([skip, x], dim=1))

    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__()
        encoders, decoders, c = [self.Double(in_ch, width)], [], width
        for _ in range(depth):
            encoders.append(nn.Sequential(nn.MaxPool2d(2), self.Double(c, 2 * c)))
            c *= 2
        for _ in range(depth):
            decoders.append(self.Up(c, self.Double))
            c //= 2
        self.encoders, self.decoders = nn.ModuleList(encoders), nn.ModuleList(decoders)
        self.classifier = nn.Conv2d(c, num_classes, kernel_size=1)

    def forward(self, x):
        maps = []
        for encoder in self.encoders:
            x = encoder(x)
            maps.append(x)
        maps.pop()
        for decoder in self.decoders:
            x = decoder(x, maps.pop())
        return self.classifier(x)


@right("with the transposed convolution as four products, and pooling by reshaping")
class Products(_Steps):
    def pool(self, x):
        h, w = x.shape[2] // 2, x.shape[3] // 2
        x = x[:, :, : 2 * h, : 2 * w].reshape(*x.shape[:2], h, 2, w, 2)
        return x.amax(dim=(3, 5))

    def rise(self, up, x):
        y = torch.einsum("bchw,cdij->bdhiwj", x, up.weight)
        return y.flatten(4, 5).flatten(2, 3) + up.bias[:, None, None]

    def fuse(self, merge, x):
        c = x.shape[1] // 2
        first, second = merge[0], merge[2]
        x = F.conv2d(x[:, :c], first.weight[:, :c], first.bias, padding=1) + F.conv2d(
            x[:, c:], first.weight[:, c:], padding=1
        )
        return F.relu(second(F.relu(x)))


@right("with the head first, then the way up, and the way down last to be registered")
class Backwards(nn.Module):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__()
        chs = [width << level for level in range(depth + 1)]
        self.head = nn.Conv2d(width, num_classes, 1)
        self.decoders = nn.ModuleList(_double(2 * c, c) for c in chs[-2::-1])
        self.lifts = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, 2) for c in chs[-2::-1])
        self.bottom = _double(chs[-2], chs[-1])
        self.encoders = nn.ModuleList(_double(i, o) for i, o in zip([in_ch, *chs], chs[:-1]))

    def forward(self, x):
        skips = []
        for encoder in self.encoders:
            skips.append(encoder(x))
            x = nn.MaxPool2d(2)(skips[-1])
        x = self.bottom(x)
        for lift, decoder in zip(self.lifts, self.decoders):
            skip = skips.pop()
            x = nn.Upsample(size=skip.shape[2:], mode="bilinear", align_corners=False)(lift(x))
            x = decoder(torch.cat((skip, x), dim=1))
        return self.head(x)


@wrong("joins the map from below first and the skip second")
class SkipLast(_Steps):
    def join(self, skip, x):
        return torch.cat([x, skip], dim=1)


@wrong("takes the skip after the first of the two convolutions")
class EarlySkip(_Steps):
    def encode(self, down, x):
        early = down[1](down[0](x))
        return early, down[3](down[2](early))


@wrong("takes the skip after the pooling, at half the size")
class PooledSkip(_Steps):
    def encode(self, down, x):
        x = down(x)
        return F.interpolate(self.pool(x), x.shape[2:]), x


@wrong("adds the skip instead of joining its channels")
class AddedSkip(_Steps):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width, depth)
        self.merge = nn.ModuleList(_double(width * 2**level, width * 2**level) for level in range(depth))

    def join(self, skip, x):
        return skip + x


@wrong("has no skips at all")
class Skipless(_Steps):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width, depth)
        self.merge = nn.ModuleList(_double(width * 2**level, width * 2**level) for level in range(depth))

    def join(self, skip, x):
        return x


@wrong("cuts the skips off from the graph, so that the first level learns through the bottom only")
class DetachedSkip(_Steps):
    def join(self, skip, x):
        return torch.cat([skip.detach(), x], dim=1)


@wrong("does not resize, and fails where a size is odd")
class Unresized(_Steps):
    def fit(self, skip, x):
        return skip, x


@wrong("pads a map that is too small with zeros instead of resizing it")
class Padded(_Steps):
    def fit(self, skip, x):
        dy, dx = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        return skip, F.pad(x, (dx // 2, dx - dx // 2, dy // 2, dy - dy // 2))


@wrong("asks the transposed convolution for the skip's size, which leaves a last row of its bias alone")
class OutputSize(_Steps):
    def rise(self, up, x):
        return x, up

    def fit(self, skip, x):
        x, up = x
        return skip, up(x, output_size=skip.shape[2:])


@wrong("resizes to the nearest neighbour instead of bilinearly")
class Nearest(_Steps):
    def fit(self, skip, x):
        return skip, F.interpolate(x, skip.shape[2:])


@wrong("resizes with align_corners=True")
class Aligned(_Steps):
    def fit(self, skip, x):
        return skip, F.interpolate(x, skip.shape[2:], mode="bilinear", align_corners=True)


@wrong("cuts the skip down to the map that comes up, so that the result is smaller than the input")
class Cropped(_Steps):
    def fit(self, skip, x):
        return skip[:, :, : x.shape[2], : x.shape[3]], x


@wrong("cuts the skips down and resizes the logits at the end instead")
class ResizedLate(Cropped):
    def forward(self, x):
        return F.interpolate(super().forward(x), x.shape[2:], mode="bilinear", align_corners=False)


@wrong("rounds odd sizes up in the pooling")
class RoundedUp(_Steps):
    def pool(self, x):
        return F.max_pool2d(x, 2, ceil_mode=True)


@wrong("pads the input to a multiple of 2^depth and crops the result")
class PaddedInput(_Steps):
    def forward(self, x):
        h, w = x.shape[2:]
        m = 2 ** len(self.down)
        return super().forward(F.pad(x, (0, -w % m, 0, -h % m)))[:, :, :h, :w]


@wrong("pools by the mean instead of the maximum")
class MeanPooled(_Steps):
    def pool(self, x):
        return F.avg_pool2d(x, 2)


@wrong("pools with a 3x3 window")
class WidePooled(_Steps):
    def pool(self, x):
        h, w = x.shape[2] // 2, x.shape[3] // 2
        return F.max_pool2d(x, 3, stride=2, padding=1)[:, :, :h, :w]


@wrong("has a ReLU after each transposed convolution")
class RectifiedUp(_Steps):
    def rise(self, up, x):
        return up(x).relu()


@wrong("has no ReLU after the second convolution of the way up, as if each were an output")
class HalfRectified(_Steps):
    def fuse(self, merge, x):
        return merge[2](merge[1](merge[0](x)))


@wrong("has no ReLU between the two convolutions of the way down")
class LinearDown(_Steps):
    def encode(self, down, x):
        x = down[2](down[0](x)).relu()
        return x, x


@wrong("ends in a softmax")
class Softmaxed(UNet):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


@wrong("ends in a ReLU")
class RectifiedEnd(UNet):
    def forward(self, x):
        return super().forward(x).relu()


@wrong("upsamples bilinearly with a 1x1 convolution, instead of a transposed convolution")
class Bilinear(_Steps):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width, depth)
        self.up = nn.ModuleList(
            nn.Conv2d(width * 2 ** (level + 1), width * 2**level, 1) for level in range(depth)
        )

    def rise(self, up, x):
        return up(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))


@wrong("has no padding in its 3x3 convolutions")
class Unpadded(UNet):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width, depth)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                layer.padding = (0, 0)


@wrong("has batch normalisation after each convolution on the way down")
class Normalised(UNet):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width, depth)
        for level, down in enumerate(self.down):
            down.insert(1, nn.BatchNorm2d(width * 2**level))


@wrong("keeps the same width at every level")
class Constant(UNet):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width, depth)
        n = range(depth)
        self.down = nn.ModuleList(_double(width if level else in_ch, width) for level in n)
        self.bottom = _double(width, width)
        self.up = nn.ModuleList(nn.ConvTranspose2d(width, width, 2, stride=2) for _ in n)
        self.merge = nn.ModuleList(_double(2 * width, width) for _ in n)


@wrong("counts the bottom as one of the levels, and pools once less than depth says")
class TooShallow(UNet):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width, max(depth - 1, 1))


@wrong("has three levels whatever depth says")
class FixedDepth(UNet):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width)


@wrong("starts at 16 channels whatever width says")
class FixedWidth(UNet):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, depth=depth)


@wrong("keeps the levels in plain lists, where their parameters are not registered")
class Unregistered(_Steps):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width, depth)
        levels = list(self.down)
        del self.down
        self.down = levels


@wrong("leaves the double convolution at the bottom out")
class Bottomless(UNet):
    def __init__(self, in_ch, num_classes, width=16, depth=3):
        super().__init__(in_ch, num_classes, width, depth)
        self.bottom = nn.Conv2d(width * 2 ** (depth - 1), width * 2**depth, 1)


@wrong("drops half of the channels at the bottom in training mode")
class DroppedOut(_Steps):
    def rise(self, up, x):
        return super().rise(up, F.dropout(x, 0.5, self.training))
