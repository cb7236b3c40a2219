"""A whole inpainting network, and its loss.

The network sees an image with a hole and a mask that says where, and fills the hole. A mask is 1 where a
pixel is known and 0 in the hole: a float tensor [B, 1, H, W] that holds nothing else. For images of any
height H and width W, with h = ceil(H / 8) and w = ceil(W / 8):

    img, m     [B, 3, H, W], [B, 1, H, W]
    encode     from img and m the tuple (x1, x2, x3), in five steps:
                 [B, 4, H, W]             the channels of img * m, then m
                 [B, 4, 8h, 8w]           rows below and columns on the right, all hole: zeros everywhere
                 x1 [B, ch, 4h, 4w]       down
                 x2 [B, 2 ch, 2h, 2w]     down
                 x3 [B, 4 ch, h, w]       down
    middle     [B, 4 ch, h, w]          from x3: dilated 2, dilated 4, dilated 8, one after another
    decode     raw [B, 3, H, W]         from x1, x2, y = what middle gives, and size = (H, W):
                 [B, 2 ch, 2h, 2w]        y up
                 [B, 4 ch, 2h, 2w]        that and x2 joined, x2 last
                 [B, ch, 4h, 4w]          up
                 [B, 2 ch, 4h, 4w]        that and x1 joined, x1 last
                 [B, 3, 8h, 8w]           a transposed convolution as in up, but then sigmoid
                 [B, 3, H, W]             the first H rows and W columns of that
    forward    the tuple (raw, composite), both [B, 3, H, W]

* down is a 4x4 convolution with stride 2 and zero padding 1, then LeakyReLU of slope 0.2. up is a 4x4
  transposed convolution with stride 2 and padding 1, then ReLU. dilated d is a 3x3 convolution with
  dilation d and zero padding d, then ReLU; all three have 4 ch channels before and after. Every
  convolution has a bias. There is no normalisation.
* The composite is the image where it is known, bit for bit, and raw in the hole. It is part of the
  graph. img need not stay within [0, 1]; nothing is clamped.
* What img holds in the hole is finite and has no effect, neither on raw nor on the composite.
* InpaintUNet(ch=64) has the methods encode(img, m), middle(x3), decode(x1, x2, y, size) and
  forward(img, m); forward uses the other three. size is a tuple of two ints, height first. middle and
  decode take maps of any size that fit together.
* Sizes that are multiples of 8 need no rows or columns added. H and W are at least 1. Attributes may
  have any name and any order. img and m stay as they are. All tensors have the module's dtype, float32
  or float64, and are on the CPU.

inpaint_loss(raw, img, m, w_hole=6.0, w_valid=1.0) compares the raw output with the true image img, whose
hole is known here: with N = B * 3 * H * W, the number of numbers in img,

    hole  = sum of |raw - img| in the hole / N
    valid = sum of |raw - img| where known / N
    loss  = w_hole * hole + w_valid * valid

* Both are divided by N, not by their own number of pixels. No hole, or nothing known, is not special.
* The result is a 0-d tensor whose gradients reach raw, also where the image is known: there raw learns
  what it can be compared with. Where raw is img the gradient is 0, as torch has it for the absolute
  value at 0. The inputs stay as they are.

Example: with ch = 64 there are 3,222,915 parameters. An image of 100 x 130 is filled up to 104 x 136,
and x3 is [1, 256, 13, 17]; each number of what middle gives looks at 246 x 246 pixels. With raw = 0.5
everywhere, a black image and a quarter of it hole, hole = 0.125, valid = 0.375, and the loss is 1.125.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 35
HINTS = (
    "What must never reach the first convolution, and what must it be told instead? Three layers halve the "
    "size: which sizes come back whole?",
    "Write down, up and dilated once each, as functions of their numbers. Multiply before you join, and "
    "fill up with zeros after it: a pixel outside the image is a pixel of the hole.",
    "Channels: 4, ch, 2ch, 4ch on the way down. On the way up 4ch to 2ch; with x2 joined 4ch to ch; with x1 "
    "joined 2ch to 3. -h % 8 rows are missing to a multiple of 8. Add the two masked images for the "
    "composite. The loss is a mean of absolute differences with one weight or the other at each pixel.",
)


class InpaintUNet(nn.Module):
    """Encoder, dilated middle and decoder with two skips."""

    def __init__(self, ch: int = 64):
        super().__init__()
        self.e1, self.e2, self.e3 = _down(4, ch), _down(ch, 2 * ch), _down(2 * ch, 4 * ch)
        self.dilated = nn.Sequential(*(_dilated(4 * ch, d) for d in (2, 4, 8)))
        self.d3, self.d2 = _up(4 * ch, 2 * ch), _up(4 * ch, ch)
        self.d1 = nn.ConvTranspose2d(2 * ch, 3, 4, stride=2, padding=1)

    def encode(
        self, img: Float[Tensor, "b 3 h w"], m: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b ch h1 w1"], Float[Tensor, "b 2*ch h2 w2"], Float[Tensor, "b 4*ch h3 w3"]]:
        """Return the maps at a half, a quarter and an eighth of the size."""
        x0 = torch.cat([img * m, m], dim=1)  # the hole's content never enters
        h, w = x0.shape[2:]
        x1 = self.e1(F.pad(x0, (0, -w % 8, 0, -h % 8)))
        x2 = self.e2(x1)
        return x1, x2, self.e3(x2)

    def middle(self, x3: Float[Tensor, "b 4*ch h3 w3"]) -> Float[Tensor, "b 4*ch h3 w3"]:
        """Return the smallest map after it has looked far around."""
        return self.dilated(x3)

    def decode(
        self,
        x1: Float[Tensor, "b ch h1 w1"],
        x2: Float[Tensor, "b 2*ch h2 w2"],
        y: Float[Tensor, "b 4*ch h3 w3"],
        size: tuple[int, int],
    ) -> Float[Tensor, "b 3 h w"]:
        """Return the raw image of that size."""
        y = self.d3(y)
        y = self.d2(torch.cat([y, x2], dim=1))
        raw = self.d1(torch.cat([y, x1], dim=1)).sigmoid()
        return raw[..., : size[0], : size[1]]

    def forward(
        self, img: Float[Tensor, "b 3 h w"], m: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 3 h w"]]:
        """Return the raw output, and the image with its hole filled."""
        x1, x2, x3 = self.encode(img, m)
        raw = self.decode(x1, x2, self.middle(x3), img.shape[2:])
        return raw, m * img + (1 - m) * raw


def inpaint_loss(
    raw: Float[Tensor, "b 3 h w"],
    img: Float[Tensor, "b 3 h w"],
    m: Float[Tensor, "b 1 h w"],
    w_hole: float = 6.0,
    w_valid: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the weighted absolute error of the hole and of what is known."""
    weight = w_hole * (1 - m) + w_valid * m
    return (weight * (raw - img).abs()).mean()


def _down(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 4, stride=2, padding=1), nn.LeakyReLU(0.2))


def _dilated(c, d):
    return nn.Sequential(nn.Conv2d(c, c, 3, padding=d, dilation=d), nn.ReLU())


def _up(i, o):
    return nn.Sequential(nn.ConvTranspose2d(i, o, 4, stride=2, padding=1), nn.ReLU())


@right("with layers in lists and in another order, sizes rounded up, and the composite chosen by where")
class Listed(nn.Module):
    def __init__(self, ch=64):
        super().__init__()
        c = [4, ch, 2 * ch, 4 * ch]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(i, o, 4, 2, 1) for i, o in ((2 * ch, 3), (c[3], ch), (c[3], c[2]))
        )
        self.mid = nn.ModuleList(
            nn.Conv2d(c[3], c[3], 3, padding="same", dilation=8 // 2**i) for i in range(3)
        )
        self.down = nn.ModuleList(nn.Conv2d(i, o, 4, 2, 1) for i, o in pairwise(c))
        self.act, self.leaky = nn.ReLU(inplace=True), nn.LeakyReLU(0.2, inplace=True)

    def encode(self, img, m):
        b, _, h, w = img.shape
        full = img.new_zeros(b, 4, (h + 7) // 8 * 8, (w + 7) // 8 * 8)
        full[:, :3, :h, :w] = img * m
        full[:, 3:, :h, :w] = m
        found = []
        for conv in self.down:
            full = self.leaky(conv(full))
            found.append(full)
        return found

    def middle(self, x3):
        for conv in reversed(self.mid):
            x3 = self.act(conv(x3))
        return x3

    def decode(self, x1, x2, y, size):
        y = torch.cat((self.act(self.up[2](y)), x2), 1)
        y = torch.cat((self.act(self.up[1](y)), x1), 1)
        return torch.sigmoid(self.up[0](y)).narrow(2, 0, size[0]).narrow(3, 0, size[1])

    def forward(self, img, m):
        x1, x2, x3 = self.encode(img, m)
        raw = self.decode(x1, x2, self.middle(x3), (img.size(2), img.size(3)))
        return raw, torch.where(m > 0.5, img, raw)


@right("with functions for the activations, rows and columns stacked, and an interpolation for the composite")
class Functional(nn.Module):
    def __init__(self, ch=64):
        super().__init__()
        self.conv1 = nn.Conv2d(4, ch, kernel_size=4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(ch, ch * 2, kernel_size=4, stride=2, padding=1)
        self.conv3 = nn.Conv2d(ch * 2, ch * 4, kernel_size=4, stride=2, padding=1)
        self.wide1 = nn.Conv2d(ch * 4, ch * 4, kernel_size=3, dilation=2)
        self.wide2 = nn.Conv2d(ch * 4, ch * 4, kernel_size=3, dilation=4)
        self.wide3 = nn.Conv2d(ch * 4, ch * 4, kernel_size=3, dilation=8)
        self.deconv3 = nn.ConvTranspose2d(ch * 4, ch * 2, kernel_size=4, stride=2, padding=1)
        self.deconv2 = nn.ConvTranspose2d(ch * 4, ch, kernel_size=4, stride=2, padding=1)
        self.deconv1 = nn.ConvTranspose2d(ch * 2, 3, kernel_size=4, stride=2, padding=1)

    def encode(self, img, m):
        img = img.masked_fill(m == 0, 0.0)
        x = torch.cat([img, m], dim=1)
        while x.shape[2] % 8:
            x = torch.cat([x, torch.zeros_like(x[:, :, :1])], dim=2)
        while x.shape[3] % 8:
            x = torch.cat([x, torch.zeros_like(x[..., :1])], dim=3)
        x1 = F.leaky_relu(self.conv1(x), 0.2)
        x2 = F.leaky_relu(self.conv2(x1), 0.2)
        return x1, x2, F.leaky_relu(self.conv3(x2), 0.2)

    def middle(self, x3):
        for conv, d in ((self.wide1, 2), (self.wide2, 4), (self.wide3, 8)):
            x3 = F.relu(conv(F.pad(x3, (d, d, d, d))))
        return x3

    def decode(self, x1, x2, y, size):
        y = F.relu(self.deconv3(y))
        y = F.relu(self.deconv2(torch.cat([y, x2], dim=1)))
        y = self.deconv1(torch.cat([y, x1], dim=1))[:, :, : size[0], : size[1]]
        return 1 / (1 + torch.exp(-y))

    def forward(self, img, m):
        x1, x2, x3 = self.encode(img, m)
        raw = self.decode(x1, x2, self.middle(x3), img.shape[2:])
        return raw, torch.lerp(raw, img, m.expand_as(img))


@right("with a padding layer before everything, and known pixels copied into a clone of the raw output")
class Copied(InpaintUNet):
    def encode(self, img, m):
        pad = nn.ZeroPad2d((0, -img.shape[3] % 8, 0, -img.shape[2] % 8))
        img, m = pad(img), pad(m)
        x1 = self.e1(torch.hstack((torch.where(m == 1, img, 0), m)))
        x2 = self.e2(x1)
        return x1, x2, self.e3(x2)

    def forward(self, img, m):
        x1, x2, x3 = self.encode(img, m)
        raw = self.decode(x1, x2, self.middle(x3), tuple(img.shape[2:]))
        composite, known = raw.clone(), m.expand_as(img).bool()
        composite[known] = img[known]
        return raw, composite


@right("with the two terms apart", of="inpaint_loss")
def two_terms(raw, img, m, w_hole=6.0, w_valid=1.0):
    n = img.numel()
    hole = ((1 - m) * (raw - img)).abs().sum() / n
    valid = (m * (raw - img)).abs().sum() / n
    return w_hole * hole + w_valid * valid


@right("with the mean absolute error of torch between masked images", of="inpaint_loss")
def masked_l1(raw, img, m, w_hole=6.0, w_valid=1.0):
    return w_valid * F.l1_loss(raw * m, img * m) + w_hole * F.l1_loss(raw * (1 - m), img * (1 - m))


@right("with the weights chosen by where", of="inpaint_loss")
def chosen(raw, img, m, w_hole=6.0, w_valid=1.0):
    d = torch.abs(img - raw)
    return torch.where(m == 1, w_valid * d, w_hole * d).mean()


@right("with known and unknown pixels picked out, image by image", of="inpaint_loss")
def picked(raw, img, m, w_hole=6.0, w_valid=1.0):
    total = 0.0
    for found, true, mask in zip(raw, img, m):
        known = mask[0].bool()
        error = (found - true).abs()
        total = total + w_hole * error[:, ~known].sum() + w_valid * error[:, known].sum()
    return total / raw.numel()


@right("with a method for each step", of="InpaintUNet")
class Steps(InpaintUNet):
    """The same network with a method for each step, so that a version can differ in one of them."""

    def joined(self, img, m):
        return torch.cat([img * m, m], dim=1)

    def padded(self, x):
        return F.pad(x, (0, -x.shape[3] % 8, 0, -x.shape[2] % 8))

    def encode(self, img, m):
        x1 = self.e1(self.padded(self.joined(img, m)))
        x2 = self.e2(x1)
        return x1, x2, self.e3(x2)

    def skip(self, y, x):
        return torch.cat([y, x], dim=1)

    def bounded(self, y):
        return y.sigmoid()

    def cropped(self, y, size):
        return y[..., : size[0], : size[1]]

    def decode(self, x1, x2, y, size):
        y = self.d2(self.skip(self.d3(y), x2))
        return self.cropped(self.bounded(self.d1(self.skip(y, x1))), size)

    def compose(self, img, m, raw):
        return m * img + (1 - m) * raw

    def forward(self, img, m):
        x1, x2, x3 = self.encode(img, m)
        raw = self.decode(x1, x2, self.middle(x3), img.shape[-2:])
        return raw, self.compose(img, m, raw)


# -- mistakes with the mask --------------------------------------------------------------------


@wrong("shows the network what the hole holds")
class Leaking(Steps):
    def joined(self, img, m):
        return torch.cat([img, m], dim=1)


@wrong("takes a mask of 1 for the hole, everywhere")
class Polarity(Steps):
    def forward(self, img, m):
        return super().forward(img, 1 - m)


@wrong("takes a mask of 1 for the hole where the image enters")
class EnteringPolarity(Steps):
    def joined(self, img, m):
        return torch.cat([img * (1 - m), m], dim=1)


@wrong("tells the network where the hole is instead of what is known")
class HoleChannel(Steps):
    def joined(self, img, m):
        return torch.cat([img * m, 1 - m], dim=1)


@wrong("puts the mask before the image")
class MaskBefore(Steps):
    def joined(self, img, m):
        return torch.cat([m, img * m], dim=1)


@wrong("does not tell the network where the hole is")
class Blind(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        self.e1 = _down(3, ch)

    def joined(self, img, m):
        return img * m


@wrong("fills the hole with the mean of what is known before it begins")
class MeanFilled(Steps):
    def joined(self, img, m):
        mean = (img * m).sum((2, 3), keepdim=True) / m.sum((2, 3), keepdim=True).clamp(min=1)
        return torch.cat([img * m + mean * (1 - m), m], dim=1)


@wrong("keeps what the hole holds in the composite, and replaces what is known")
class SwappedComposite(Steps):
    def compose(self, img, m, raw):
        return (1 - m) * img + m * raw


@wrong("returns the raw output for the composite")
class Uncomposed(Steps):
    def compose(self, img, m, raw):
        return raw


@wrong("composes by a difference that rounds, so that known pixels are almost those of the image")
class Rounded(Steps):
    def compose(self, img, m, raw):
        return raw + m * (img - raw)


@wrong("cuts the composite off from the graph")
class DetachedComposite(Steps):
    def compose(self, img, m, raw):
        return super().compose(img, m, raw.detach())


@wrong("returns a raw output that is black where the image is known")
class MaskedRaw(Steps):
    def forward(self, img, m):
        raw, composite = super().forward(img, m)
        return raw * (1 - m), composite


@wrong("clamps the composite to [0, 1], known pixels too")
class ClampedComposite(Steps):
    def compose(self, img, m, raw):
        return super().compose(img, m, raw).clamp(0, 1)


@wrong("takes black pixels for the hole in the composite")
class BlackIsHole(Steps):
    def compose(self, img, m, raw):
        return torch.where(img * m == 0, raw, img)


@wrong("clamps the image to [0, 1] before it looks at it")
class ClampedImage(Steps):
    def encode(self, img, m):
        return super().encode(img.clamp(0, 1), m)


@wrong("returns the composite first")
class CompositeFirst(Steps):
    def forward(self, img, m):
        return super().forward(img, m)[::-1]


@wrong("blackens the hole in the caller's own image")
class InPlace(Steps):
    def joined(self, img, m):
        img.data.mul_(m)
        return torch.cat([img, m], dim=1)


# -- mistakes with sizes -----------------------------------------------------------------------


@wrong("adds nothing to sizes that 8 does not divide, and fails for them")
class Naive(Steps):
    def padded(self, x):
        return x


@wrong("adds nothing to sizes that 8 does not divide, and stretches what comes back smaller")
class Stretched(Steps):
    def padded(self, x):
        if min(x.shape[2:]) < 8:
            return super().padded(x)
        return x

    def skip(self, y, x):
        return super().skip(F.interpolate(y, x.shape[2:]), x)

    def cropped(self, y, size):
        return F.interpolate(y, size, mode="bilinear", align_corners=False)


@wrong("stretches the image to a multiple of 8, and the result back")
class Resized(Steps):
    def padded(self, x):
        h, w = x.shape[2:]
        return F.interpolate(x, (-(-h // 8) * 8, -(-w // 8) * 8), mode="nearest")

    def cropped(self, y, size):
        return F.interpolate(y, size, mode="bilinear", align_corners=False)


@wrong("takes the black pixels that it adds for known ones")
class BlackBorder(Steps):
    def padded(self, x):
        right, below = -x.shape[3] % 8, -x.shape[2] % 8
        image, mask = x[:, :3], x[:, 3:]
        sides = (0, right, 0, below)
        return torch.cat([F.pad(image, sides), F.pad(mask, sides, value=1.0)], dim=1)


@wrong("fills up with copies of the last row and column, image and mask")
class Replicated(Steps):
    def padded(self, x):
        return F.pad(x, (0, -x.shape[3] % 8, 0, -x.shape[2] % 8), mode="replicate")


@wrong("adds rows above and columns on the left")
class UpperLeft(Steps):
    def padded(self, x):
        return F.pad(x, (-x.shape[3] % 8, 0, -x.shape[2] % 8, 0))

    def cropped(self, y, size):
        return y[..., y.shape[2] - size[0] :, y.shape[3] - size[1] :]


@wrong("adds half of the rows and columns on either side")
class Centred(Steps):
    def padded(self, x):
        below, right = -x.shape[2] % 8, -x.shape[3] % 8
        return F.pad(x, (right // 2, right - right // 2, below // 2, below - below // 2))

    def cropped(self, y, size):
        top, left = (-size[0] % 8) // 2, (-size[1] % 8) // 2
        return y[..., top : top + size[0], left : left + size[1]]


@wrong("adds eight rows and columns where none are missing")
class Overfilled(Steps):
    def padded(self, x):
        return F.pad(x, (0, 8 - x.shape[3] % 8, 0, 8 - x.shape[2] % 8))


@wrong("has no way but forward: decode ignores size, and the result is cropped outside")
class CroppedOutside(Steps):
    def cropped(self, y, size):
        return y

    def forward(self, img, m):
        x1, x2, x3 = self.encode(img, m)
        raw = self.decode(x1, x2, self.middle(x3), None)[..., : img.shape[2], : img.shape[3]]
        return raw, self.compose(img, m, raw)


@wrong("takes size for (width, height)")
class SwappedSize(Steps):
    def cropped(self, y, size):
        return y[..., : size[1], : size[0]]

    def forward(self, img, m):
        x1, x2, x3 = self.encode(img, m)
        raw = self.decode(x1, x2, self.middle(x3), (img.shape[3], img.shape[2]))
        return raw, self.compose(img, m, raw)


# -- mistakes in the network -------------------------------------------------------------------


@wrong("applies ReLU on the way down")
class Hard(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        for block in (self.e1, self.e2, self.e3):
            block[1] = nn.ReLU()


@wrong("leaves torch's own slope in the leaky ReLU")
class DefaultSlope(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        for block in (self.e1, self.e2, self.e3):
            block[1] = nn.LeakyReLU()


@wrong("applies the leaky ReLU in the middle too")
class LeakyMiddle(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        for block in self.dilated:
            block[1] = nn.LeakyReLU(0.2)


@wrong("leaves out the activation at the end of the middle")
class LinearEnd(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        self.dilated[2][1] = nn.Identity()


@wrong("does not dilate the middle, and so does not see far enough")
class Undilated(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        self.dilated = nn.Sequential(*(_dilated(4 * ch, 1) for _ in range(3)))


@wrong("dilates by 8 first and by 2 last")
class FarFirst(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        self.dilated = nn.Sequential(*(_dilated(4 * ch, d) for d in (8, 4, 2)))


@wrong("adds the dilated convolutions up instead of applying one after another")
class Parallel(Steps):
    def middle(self, x3):
        return sum(layer(x3) for layer in self.dilated)


@wrong("adds what entered the middle to what leaves it")
class Residual(Steps):
    def middle(self, x3):
        return x3 + super().middle(x3)


@wrong("repeats the border instead of zeros around the dilated convolutions")
class RepeatedBorder(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        for d, block in zip((2, 4, 8), self.dilated):
            block[0] = nn.Conv2d(4 * ch, 4 * ch, 3, padding=d, dilation=d, padding_mode="replicate")


@wrong("joins the skips before the map that comes up")
class SkipsFirst(Steps):
    def skip(self, y, x):
        return torch.cat([x, y], dim=1)


@wrong("has no skips")
class Skipless(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        self.d2, self.d1 = _up(2 * ch, ch), nn.ConvTranspose2d(ch, 3, 4, stride=2, padding=1)

    def skip(self, y, x):
        return y


@wrong("adds the skips instead of joining them")
class AddedSkips(Skipless):
    def skip(self, y, x):
        return y + x


@wrong("halves the size with 3x3 convolutions")
class Narrow(Steps):
    def __init__(self, ch=64):
        super().__init__(ch)
        for block, i, o in zip((self.e1, self.e2, self.e3), (4, ch, 2 * ch), (ch, 2 * ch, 4 * ch)):
            block[0] = nn.Conv2d(i, o, 3, stride=2, padding=1)


@wrong("leaves out the sigmoid, so that pixels leave [0, 1]")
class Unbounded(Steps):
    def bounded(self, y):
        return y


@wrong("clamps the raw output to [0, 1], where nothing can be learned beyond")
class Clamped(Steps):
    def bounded(self, y):
        return y.clamp(0, 1)


@wrong("keeps the raw output away from 0 and 1, as if a logarithm were to follow")
class KeptOff(Steps):
    def bounded(self, y):
        return y.sigmoid().clamp(0.01, 0.99)


@wrong("leaves the middle to encode, so that its stages are others")
class EarlyMiddle(Steps):
    def encode(self, img, m):
        x1, x2, x3 = super().encode(img, m)
        return x1, x2, self.dilated(x3)

    def middle(self, x3):
        return x3


@wrong("keeps the maps of its last image for the skips, whatever decode is handed")
class KeptSkips(Steps):
    def encode(self, img, m):
        self.kept = super().encode(img, m)
        return self.kept

    def decode(self, x1, x2, y, size):
        return super().decode(*self.kept[:2], y, size)


@wrong("returns the maps from the smallest on")
class SmallestFirst(Steps):
    def encode(self, img, m):
        return super().encode(img, m)[::-1]

    def forward(self, img, m):
        x3, x2, x1 = self.encode(img, m)
        raw = self.decode(x1, x2, self.middle(x3), img.shape[-2:])
        return raw, self.compose(img, m, raw)


@wrong("freezes the encoder by running it without a graph")
class Frozen(Steps):
    def encode(self, img, m):
        with torch.no_grad():
            return super().encode(img, m)


@wrong("has 32 channels when nothing is said")
class HalfWidth(Steps):
    def __init__(self, ch=32):
        super().__init__(ch)


# -- mistakes in the loss ----------------------------------------------------------------------


@wrong("gives the greater weight to what is known", of="inpaint_loss")
def swapped_weights(raw, img, m, w_hole=6.0, w_valid=1.0):
    return inpaint_loss(raw, img, 1 - m, w_hole, w_valid)


@wrong("weights all pixels alike", of="inpaint_loss")
def unweighted(raw, img, m, w_hole=6.0, w_valid=1.0):
    return F.l1_loss(raw, img)


@wrong("has the weights 6 and 1, whatever it is told", of="inpaint_loss")
def fixed_weights(raw, img, m, w_hole=6.0, w_valid=1.0):
    return inpaint_loss(raw, img, m)


@wrong("weights both terms by 1 when nothing is said", of="inpaint_loss")
def equal_default(raw, img, m, w_hole=1.0, w_valid=1.0):
    return inpaint_loss(raw, img, m, w_hole, w_valid)


@wrong("divides each term by its own number of pixels", of="inpaint_loss")
def own_counts(raw, img, m, w_hole=6.0, w_valid=1.0):
    d, hole = (raw - img).abs(), 1 - m
    n_hole, n_valid = (3 * hole.sum()).clamp(min=1), (3 * m.sum()).clamp(min=1)
    return w_hole * (hole * d).sum() / n_hole + w_valid * (m * d).sum() / n_valid


@wrong("divides by the number of pixels and not of numbers, three times too few", of="inpaint_loss")
def per_pixel(raw, img, m, w_hole=6.0, w_valid=1.0):
    return 3 * inpaint_loss(raw, img, m, w_hole, w_valid)


@wrong("divides by the sum of the weights", of="inpaint_loss")
def weighted_mean(raw, img, m, w_hole=6.0, w_valid=1.0):
    weight = (w_hole * (1 - m) + w_valid * m).expand_as(raw)
    return (weight * (raw - img).abs()).sum() / weight.sum()


@wrong("compares the composite with the image, so that known pixels teach nothing", of="inpaint_loss")
def on_composite(raw, img, m, w_hole=6.0, w_valid=1.0):
    d = (m * img + (1 - m) * raw - img).abs()
    return ((w_hole * (1 - m) + w_valid * m) * d).mean()


@wrong("squares the differences", of="inpaint_loss")
def squared(raw, img, m, w_hole=6.0, w_valid=1.0):
    return ((w_hole * (1 - m) + w_valid * m) * (raw - img) ** 2).mean()


@wrong("forgets the absolute value, so that errors of either sign cancel", of="inpaint_loss")
def signed(raw, img, m, w_hole=6.0, w_valid=1.0):
    weight = w_hole * (1 - m) + w_valid * m
    return (weight * (raw - img)).mean().abs()


@wrong("returns one loss for each image", of="inpaint_loss")
def unreduced(raw, img, m, w_hole=6.0, w_valid=1.0):
    return ((w_hole * (1 - m) + w_valid * m) * (raw - img).abs()).mean((1, 2, 3))


@wrong("cuts the loss off from the graph", of="inpaint_loss")
def cut_off(raw, img, m, w_hole=6.0, w_valid=1.0):
    return inpaint_loss(raw.detach(), img, m, w_hole, w_valid)


@wrong("returns a Python number, which has no graph", of="inpaint_loss")
def numbered(raw, img, m, w_hole=6.0, w_valid=1.0):
    return inpaint_loss(raw, img, m, w_hole, w_valid).item()


@wrong("subtracts the image in the caller's own output", of="inpaint_loss")
def in_place(raw, img, m, w_hole=6.0, w_valid=1.0):
    loss = inpaint_loss(raw, img, m, w_hole, w_valid)
    raw.data.sub_(img)
    return loss


@wrong("takes roots of squares, whose gradient is not a number where raw is right", of="inpaint_loss")
def root_of_squares(raw, img, m, w_hole=6.0, w_valid=1.0):
    weight = w_hole * (1 - m) + w_valid * m
    return (weight * (raw - img).square().sqrt()).mean()
