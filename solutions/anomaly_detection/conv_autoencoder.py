"""A whole convolutional autoencoder for anomaly detection, and its loss.

The network squeezes an image through a narrow code and reconstructs it. Trained on normal images only,
it learns a code for what is normal, and reconstructs defects badly. For images of any height H and
width W:

    x          [B, 3, H, W]
    encode     [B, latent, h, w]        h = ceil(H / 8), w = ceil(W / 8); in five steps:
                 [B, 3, 8h, 8w]           rows below and columns on the right, copies of the last ones
                 [B, width, 4h, 4w]       down
                 [B, 2 width, 2h, 2w]     down
                 [B, 4 width, h, w]       down
                 [B, latent, h, w]        one 1x1 convolution: the code z
    decode     [B, 3, H, W]             from the code and size = (H, W), in five steps:
                 [B, 4 width, h, w]       one 1x1 convolution, then ReLU
                 [B, 2 width, 2h, 2w]     up
                 [B, width, 4h, 4w]       up
                 [B, 3, 8h, 8w]           a 4x4 transposed convolution, stride 2, padding 1, then sigmoid
                 [B, 3, H, W]             the first H rows and W columns of that
    forward    the tuple (x_hat, z): the reconstruction [B, 3, H, W] and the code [B, latent, h, w]

* down is a 4x4 convolution with stride 2 and zero padding 1, then batch normalisation, then ReLU. up is
  the same with a transposed convolution in place of the convolution.
* ConvAutoencoder has the methods encode(x), decode(z, size) and forward(x); forward uses the other two.
  size is a tuple of two ints, height first, at most (8h, 8w).
* Sizes that are multiples of 8 need no rows or columns added. Without them three strides turn 100 rows
  into 12 and come back with 96. Do not stretch x_hat instead: every pixel is compared with its own.
* Every convolution has a bias. Batch normalisation is as torch has it by default: with scale and shift,
  eps 1e-5, running statistics with momentum 0.1, used in evaluation mode. Score images in that mode, or
  a defect changes the reconstruction of its neighbours in the batch.
* No ReLU and no normalisation after the code, and no way around it: nothing but z and size reaches
  decode. Attributes may have any name and any order. x stays as it is. H and W are at least 1. All
  tensors are on the CPU.

reconstruction_loss(outputs, targets) = mean of (x_hat - targets)^2 over all numbers of the batch:

* outputs is the tuple (x_hat, z) that forward gives; targets are images [B, 3, H, W], of the shape of
  x_hat. z is not part of the loss. For a plain autoencoder targets is x itself, for a denoising one the
  clean image.
* The result is a 0-d tensor whose gradients reach x_hat. The inputs stay as they are.

Example: with latent = 16 and width = 32 there are 335,955 parameters. Images of 128 x 128 have codes of
16 x 16 x 16, 12 times fewer numbers; images of 100 x 130 have codes of 16 x 13 x 17. A reconstruction of
0.5 everywhere has the loss 0.25 for a black image, and 0 for a grey one of 0.5.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 30
HINTS = (
    "Three of the layers halve the size: which sizes come back whole? What can be added before the encoder "
    "and taken away after the decoder?",
    "Write down and up once each, as functions of two channel counts. In Python -h % 8 is how many rows are "
    "missing to a multiple of 8, and torch pads by repeating the border in one of its modes.",
    "encode: pad on the right and below with the mode that replicates, then down to width, 2 * width and "
    "4 * width channels, then a 1x1 convolution to latent. decode: 1x1 to 4 * width, ReLU, up to 2 * width "
    "and width, a transposed convolution to 3, sigmoid, slice. The loss is the mean squared error of the "
    "first of the two outputs.",
)


class ConvAutoencoder(nn.Module):
    """Encoder to a narrow code, decoder back to the image."""

    def __init__(self, latent: int, width: int):
        super().__init__()
        c = width
        self.encoder = nn.Sequential(
            *(_down(3, c), _down(c, 2 * c), _down(2 * c, 4 * c)), nn.Conv2d(4 * c, latent, 1)
        )
        self.decoder = nn.Sequential(
            *(nn.Conv2d(latent, 4 * c, 1), nn.ReLU()),
            *(_up(4 * c, 2 * c), _up(2 * c, c)),
            *(nn.ConvTranspose2d(c, 3, 4, stride=2, padding=1), nn.Sigmoid()),
        )

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b latent hs ws"]:
        """Return the code of images of any size."""
        h, w = x.shape[-2:]
        return self.encoder(F.pad(x, (0, -w % 8, 0, -h % 8), mode="replicate"))

    def decode(self, z: Float[Tensor, "b latent hs ws"], size: tuple[int, int]) -> Float[Tensor, "b 3 h w"]:
        """Return the reconstruction of that size."""
        h, w = size
        return self.decoder(z)[..., :h, :w]

    def forward(
        self, x: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b latent hs ws"]]:
        """Return the reconstruction and the code."""
        z = self.encode(x)
        return self.decode(z, x.shape[-2:]), z


def reconstruction_loss(
    outputs: tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b latent hs ws"]],
    targets: Float[Tensor, "b 3 h w"],
) -> Float[Tensor, ""]:
    """Return the mean squared error of the reconstruction."""
    x_hat, _ = outputs
    return F.mse_loss(x_hat, targets)


def _down(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 4, stride=2, padding=1), nn.BatchNorm2d(o), nn.ReLU())


def _up(i, o):
    return nn.Sequential(nn.ConvTranspose2d(i, o, 4, stride=2, padding=1), nn.BatchNorm2d(o), nn.ReLU())


@right("with attributes of its own in another order, and coordinates that stop at the border")
class Listed(nn.Module):
    def __init__(self, latent, width):
        super().__init__()
        chs = [3, width, 2 * width, 4 * width]
        self.last = nn.ConvTranspose2d(width, 3, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(2 * width, width, 4, 2, 1)
        self.up1 = nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1)
        self.unorm2, self.unorm1 = nn.BatchNorm2d(width), nn.BatchNorm2d(2 * width)
        self.from_code, self.to_code = nn.Conv2d(latent, chs[-1], 1), nn.Conv2d(chs[-1], latent, 1)
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 4, 2, 1) for i, o in pairwise(chs))
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for o in chs[1:])

    def encode(self, x):
        _, _, h, w = x.shape
        rows = torch.arange((h + 7) // 8 * 8).clamp(max=h - 1)
        cols = torch.arange((w + 7) // 8 * 8).clamp(max=w - 1)
        x = x[:, :, rows][..., cols]
        for conv, norm in zip(self.convs, self.norms):
            x = norm(conv(x)).relu()
        return self.to_code(x)

    def decode(self, z, size):
        y = torch.relu(self.from_code(z))
        y = torch.relu(self.unorm1(self.up1(y)))
        y = torch.relu(self.unorm2(self.up2(y)))
        return torch.sigmoid(self.last(y)).narrow(2, 0, size[0]).narrow(3, 0, size[1])

    def forward(self, x):
        z = self.encode(x)
        return [self.decode(z, (x.size(2), x.size(3))), z]


@right("with an encoder and a decoder as modules, 1x1 convolutions as linear layers, and rows stacked below")
class Modular(nn.Module):
    class Encoder(nn.Module):
        def __init__(self, latent, c):
            super().__init__()
            layers = []
            for i, o in ((3, c), (c, 2 * c), (2 * c, 4 * c)):
                layers += [
                    nn.Conv2d(i, o, kernel_size=4, stride=2, padding=1),
                    nn.BatchNorm2d(o),
                    nn.ReLU(True),
                ]
            self.net = nn.Sequential(*layers)
            self.fc = nn.Linear(4 * c, latent)

        def forward(self, x):
            return self.fc(self.net(x).movedim(1, -1)).movedim(-1, 1)

    class Decoder(nn.Module):
        def __init__(self, latent, c):
            super().__init__()
            self.fc = nn.Linear(latent, 4 * c)
            self.a = _up(4 * c, 2 * c)
            self.b = _up(2 * c, c)
            self.c = nn.ConvTranspose2d(c, 3, kernel_size=4, stride=2, padding=1)

        def forward(self, z):
            y = F.relu(self.fc(z.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
            return self.c(self.b(self.a(y)))

    def __init__(self, latent, width):
        super().__init__()
        self.enc, self.dec = self.Encoder(latent, width), self.Decoder(latent, width)

    def encode(self, x):
        while x.shape[2] % 8:
            x = torch.cat([x, x[:, :, -1:]], dim=2)
        while x.shape[3] % 8:
            x = torch.cat([x, x[..., -1:]], dim=3)
        return self.enc(x)

    def decode(self, z, size):
        return self.dec(z)[:, :, : size[0], : size[1]].sigmoid()

    def forward(self, x):
        z = self.encode(x)
        return self.decode(z, x.shape[2:]), z


@right("with a replication layer, and a crop by negative padding before the sigmoid")
class Cropped(ConvAutoencoder):
    def encode(self, x):
        right, below = -x.shape[3] % 8, -x.shape[2] % 8
        return self.encoder(nn.ReplicationPad2d((0, right, 0, below))(x) if right or below else x)

    def decode(self, z, size):
        y = self.decoder[:-1](z)
        return 1 / (1 + torch.exp(-F.pad(y, (0, size[1] - y.shape[3], 0, size[0] - y.shape[2]))))


@right("with squares added up and divided by their number", of="reconstruction_loss")
def by_hand(outputs, targets):
    return ((targets - outputs[0]) ** 2).sum() / targets.numel()


@right("image by image, which all count alike", of="reconstruction_loss")
def per_image(outputs, targets):
    losses = [torch.dist(a, b) ** 2 / b.numel() for a, b in zip(outputs[0], targets)]
    return torch.stack(losses).mean()


class _Steps(ConvAutoencoder):
    """The same network with a method for each step, so that a version can differ in one of them."""

    def padded(self, x):
        return F.pad(x, (0, -x.shape[3] % 8, 0, -x.shape[2] % 8), mode="replicate")

    def encode(self, x):
        return self.encoder(self.padded(x))

    def cropped(self, y, size):
        return y[..., : size[0], : size[1]]

    def decode(self, z, size):
        return self.cropped(self.decoder(z), size)


@wrong("adds nothing to sizes that 8 does not divide, so that the reconstruction comes back smaller")
class Unpadded(_Steps):
    def padded(self, x):
        return x

    def encode(self, x):
        if min(x.shape[2:]) < 8:
            return super().encode(super().padded(x))
        return super().encode(x)


@wrong("stretches the reconstruction of a cut image to the size asked for, off its pixels")
class Stretched(_Steps):
    def padded(self, x):
        h, w = x.shape[2:]
        return F.interpolate(x, (-(-h // 8) * 8, -(-w // 8) * 8), mode="bilinear", align_corners=False)

    def cropped(self, y, size):
        return F.interpolate(y, size, mode="bilinear", align_corners=False)


@wrong("fills up with zeros instead of copies, which puts black edges on the image")
class ZeroFilled(_Steps):
    def padded(self, x):
        return F.pad(x, (0, -x.shape[3] % 8, 0, -x.shape[2] % 8))


@wrong("mirrors the image at its border instead of repeating the last row and column")
class Mirrored(_Steps):
    def padded(self, x):
        h, w = x.shape[2:]
        below, right = -h % 8, -w % 8
        if below >= h or right >= w:
            return super().padded(x)
        return F.pad(x, (0, right, 0, below), mode="reflect")


@wrong("adds rows above and columns on the left")
class UpperLeft(_Steps):
    def padded(self, x):
        return F.pad(x, (-x.shape[3] % 8, 0, -x.shape[2] % 8, 0), mode="replicate")

    def cropped(self, y, size):
        return y[..., y.shape[2] - size[0] :, y.shape[3] - size[1] :]


@wrong("adds half of the rows above and half of the columns on the left, but crops from the first row on")
class Centred(_Steps):
    def padded(self, x):
        below, right = -x.shape[2] % 8, -x.shape[3] % 8
        sides = (right // 2, right - right // 2, below // 2, below - below // 2)
        return F.pad(x, sides, mode="replicate")


@wrong("adds eight rows and columns where none are missing")
class Overfilled(_Steps):
    def padded(self, x):
        return F.pad(x, (0, 8 - x.shape[3] % 8, 0, 8 - x.shape[2] % 8), mode="replicate")


@wrong("swaps what is missing below and on the right")
class SwappedSides(_Steps):
    def padded(self, x):
        return F.pad(x, (0, -x.shape[2] % 8, 0, -x.shape[3] % 8), mode="replicate")

    def cropped(self, y, size):
        return (
            F.interpolate(y, size)
            if y.shape[2] < size[0] or y.shape[3] < size[1]
            else super().cropped(y, size)
        )


@wrong("keeps what was added, and returns the filled-up size")
class Uncropped(_Steps):
    def cropped(self, y, size):
        return y


@wrong("takes size for (width, height)")
class SwappedSize(_Steps):
    def cropped(self, y, size):
        return y[..., : size[1], : size[0]]


@wrong("has no way but forward: decode ignores size, and the image is cropped outside")
class CroppedOutside(_Steps):
    def decode(self, z, size):
        return self.decoder(z)

    def forward(self, x):
        z = self.encode(x)
        return self.decode(z, None)[..., : x.shape[2], : x.shape[3]], z


@wrong("fills up outside, so that encode takes multiples of 8 only")
class PaddedOutside(_Steps):
    def encode(self, x):
        return self.encoder(x)

    def forward(self, x):
        z = self.encode(self.padded(x))
        return self.decode(z, x.shape[2:]), z


@wrong("leaves out the sigmoid, so that pixels leave [0, 1]")
class Unbounded(_Steps):
    def decode(self, z, size):
        return self.cropped(self.decoder[:-1](z), size)


@wrong("clamps the result to [0, 1], where nothing can be learned beyond")
class Clamped(_Steps):
    def decode(self, z, size):
        return self.cropped(self.decoder[:-1](z).clamp(0, 1), size)


@wrong("keeps the pixels 0.01 away from 0 and 1, as logarithms would need")
class Confined(_Steps):
    def decode(self, z, size):
        return super().decode(z, size).clamp(0.01, 0.99)


@wrong("puts a ReLU after the code")
class RectifiedCode(_Steps):
    def encode(self, x):
        return super().encode(x).relu()


@wrong("leaves out the ReLU after the first convolution of the decoder")
class LinearStart(_Steps):
    def __init__(self, latent, width):
        super().__init__(latent, width)
        self.decoder[1] = nn.Identity()


@wrong("applies ReLU before the batch normalisation")
class Reordered(_Steps):
    def __init__(self, latent, width):
        super().__init__(latent, width)
        for block in (*self.encoder[:3], *self.decoder[2:4]):
            block[1], block[2] = block[2], block[1]


@wrong("takes leaky ReLUs in the encoder")
class Leaky(_Steps):
    def __init__(self, latent, width):
        super().__init__(latent, width)
        for block in self.encoder[:3]:
            block[2] = nn.LeakyReLU(0.2)


@wrong("takes ReLUs in the encoder that stop at 6")
class Capped(_Steps):
    def __init__(self, latent, width):
        super().__init__(latent, width)
        for block in self.encoder[:3]:
            block[2] = nn.ReLU6()


@wrong("normalises with the statistics of the batch in evaluation mode too")
class AlwaysBatch(_Steps):
    def train(self, mode=True):
        super().train(mode)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.train()
        return self


@wrong("holds the batch normalisation in evaluation mode, so that its statistics never move")
class NeverBatch(_Steps):
    def train(self, mode=True):
        super().train(mode)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self


@wrong("drops the biases before the batch normalisation")
class Biasless(_Steps):
    def __init__(self, latent, width):
        super().__init__(latent, width)
        for block, i, o in zip(self.encoder[:3], (3, width, 2 * width), (width, 2 * width, 4 * width)):
            block[0] = nn.Conv2d(i, o, 4, stride=2, padding=1, bias=False)


@wrong("halves the size with 3x3 convolutions")
class Narrow(_Steps):
    def __init__(self, latent, width):
        super().__init__(latent, width)
        for block, i, o in zip(self.encoder[:3], (3, width, 2 * width), (width, 2 * width, 4 * width)):
            block[0] = nn.Conv2d(i, o, 3, stride=2, padding=1)


@wrong("has the same number of channels on every level")
class Straight(_Steps):
    def __init__(self, latent, width):
        super().__init__(latent, width)
        c = width
        self.encoder = nn.Sequential(_down(3, c), _down(c, c), _down(c, c), nn.Conv2d(c, latent, 1))
        self.decoder[0], self.decoder[2], self.decoder[3] = nn.Conv2d(latent, c, 1), _up(c, c), _up(c, c)


@wrong("always makes a code of 16 channels")
class Sixteen(_Steps):
    def __init__(self, latent, width):
        super().__init__(16, width)


@wrong("takes the number of channels of the code for the width, and the other way round")
class SwappedSizes(_Steps):
    def __init__(self, latent, width):
        super().__init__(width, latent)


@wrong("adds the encoder's maps to the decoder's, a way round the code by which defects come through")
class Skipping(_Steps):
    def forward(self, x):
        full = self.padded(x)
        first = self.encoder[0](full)
        second = self.encoder[1](first)
        z = self.encoder[3](self.encoder[2](second))
        y = self.decoder[2](self.decoder[:2](z)) + second
        y = self.decoder[3](y) + first
        return self.cropped(self.decoder[4:](y), x.shape[2:]), z


@wrong("adds noise to the code while it trains, as a variational autoencoder would")
class Noisy(_Steps):
    def decode(self, z, size):
        return super().decode(z + torch.randn_like(z) if self.training else z, size)


@wrong("detaches the code, so that the encoder learns nothing")
class Detached(_Steps):
    def decode(self, z, size):
        return super().decode(z.detach(), size)


@wrong("returns the code first")
class CodeFirst(_Steps):
    def forward(self, x):
        x_hat, z = super().forward(x)
        return z, x_hat


@wrong("returns the reconstruction only")
class Alone(_Steps):
    def forward(self, x):
        return super().forward(x)[0]


@wrong("returns the features before the last convolution of the encoder for the code")
class Features(_Steps):
    def forward(self, x):
        return super().forward(x)[0], self.encoder[:3](self.padded(x))


@wrong("shifts the images to run from -1 to 1 before it encodes them")
class Shifted(_Steps):
    def encode(self, x):
        return super().encode(2 * x - 1)


@wrong("shifts the caller's own images to run from -1 to 1 and back")
class InPlace(_Steps):
    def forward(self, x):
        answer = super().forward(x)
        x.data.mul_(2).sub_(1)
        return answer


# -- mistakes in the loss ----------------------------------------------------------------------


@wrong("adds up the squares and does not divide", of="reconstruction_loss")
def summed(outputs, targets):
    return F.mse_loss(outputs[0], targets, reduction="sum")


@wrong("adds up the squares of each image, and averages over the images only", of="reconstruction_loss")
def summed_per_image(outputs, targets):
    return (outputs[0] - targets).square().sum((1, 2, 3)).mean()


@wrong("takes the root of the mean", of="reconstruction_loss")
def rooted(outputs, targets):
    return F.mse_loss(outputs[0], targets).sqrt()


@wrong("averages absolute errors", of="reconstruction_loss")
def absolute(outputs, targets):
    return F.l1_loss(outputs[0], targets)


@wrong("takes the binary cross-entropy of the pixels", of="reconstruction_loss")
def cross_entropy(outputs, targets):
    return F.binary_cross_entropy(outputs[0].clamp(0, 1), targets.clamp(0, 1))


@wrong(
    "squares the mean error of each pixel's channels, so that opposite errors cancel",
    of="reconstruction_loss",
)
def squared_last(outputs, targets):
    return (outputs[0] - targets).mean(1).square().mean()


@wrong("takes the largest error, as the score of an image does", of="reconstruction_loss")
def largest(outputs, targets):
    return (outputs[0] - targets).square().mean(1).amax((1, 2)).mean()


@wrong("holds the code small with a term that nobody asked for", of="reconstruction_loss")
def with_penalty(outputs, targets):
    return F.mse_loss(outputs[0], targets) + 1e-3 * outputs[1].square().mean()


@wrong("returns one loss for each image", of="reconstruction_loss")
def unreduced(outputs, targets):
    return (outputs[0] - targets).square().mean((1, 2, 3))


@wrong("cuts the loss off from the graph", of="reconstruction_loss")
def cut_off(outputs, targets):
    return F.mse_loss(outputs[0].detach(), targets)


@wrong("returns a Python number, which has no graph", of="reconstruction_loss")
def numbered(outputs, targets):
    return reconstruction_loss(outputs, targets).item()


@wrong("subtracts the targets in the caller's own reconstruction", of="reconstruction_loss")
def in_place(outputs, targets):
    loss = reconstruction_loss(outputs, targets)
    outputs[0].data.sub_(targets)
    return loss
