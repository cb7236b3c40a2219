"""A Fourier unit.

A hole larger than the receptive field has no known pixel to copy from. The Fourier unit of fast Fourier
convolutions (LaMa) sees the whole image in one layer: it goes to the frequencies, works on each of them
alone with a 1x1 convolution, and comes back. FourierUnit(c) takes maps x [B, c, H, W] and returns maps
of the same shape:

    x         [B, c, H, W]        real
    spectrum  [B, c, H, W2]       complex, W2 = W // 2 + 1: each channel's real 2-D Fourier transform
    as reals  [B, 2c, H, W2]      the real parts of all c channels, then the imaginary parts of all c
    mixed     [B, 2c, H, W2]      one 1x1 convolution from 2c to 2c channels with bias, then ReLU
    spectrum  [B, c, H, W2]       complex: the first c channels real parts, the last c imaginary parts
    y         [B, c, H, W]        the inverse transform, real again, of exactly this H and W

* Both transforms are those of torch.fft for real images (rfft2 and irfft2) over the last two axes, with
  norm="ortho": a factor 1 / sqrt(H W) in both directions. W is the axis of which half is kept: with r, s
  the frequencies,

    spectrum[r, s] = sum over h, w of x[h, w] exp(-2 pi i (r h / H + s w / W)) / sqrt(H W)

* Coming back, the columns of frequencies beyond W // 2 are the complex conjugates of those that are
  kept. What the convolution makes of column 0, and for even W of the last one, need not be the spectrum
  of a real image. Then as torch.fft.irfft2 has it:

    y[h, w] = real part of the sum over r, s of a(s) z[r, s] exp(2 pi i (r h / H + s w / W)) / sqrt(H W)

  with s from 0 to W // 2; a(s) = 1 in those two columns and 2 in the others, once for each conjugate.
* H and W are at least 1, even or odd. 7 and 6 columns both have 4 frequencies: tell the inverse which.
* The convolution is all that has parameters, 4 c^2 + 2 c of them, the same for every size. No
  normalisation, and nothing is added to y. Attributes may have any name.
* y has the dtype of x, float32 or float64, that of the module. Gradients reach x and the parameters. x
  stays as it is. All tensors are on the CPU.

Example: for c = 1 the image [[1, 2, 3]] has the spectrum [[6, -1.5 + 0.866i]] / sqrt(3). If the
convolution copies (weights 1 on the diagonal, bias 0), ReLU sets the -1.5 to 0: y = [[2, 1.5, 2.5]].
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 30
HINTS = (
    "torch.fft has a transform for real images, and its inverse. What has an image of 7 columns in common "
    "with one of 6, once half of the frequencies is left out?",
    "A complex tensor has the attributes real and imag: two real tensors to join along the channels before "
    "the convolution, and to cut apart after it.",
    "rfft2 with norm ortho; concatenate real and imaginary parts on axis 1; convolution, ReLU; chunk into "
    "two and make them complex; irfft2 with norm ortho and the height and width of x for s.",
)


class FourierUnit(nn.Module):
    """A 1x1 convolution on the frequencies of the whole image."""

    def __init__(self, c: int):
        super().__init__()
        self.conv = nn.Conv2d(2 * c, 2 * c, kernel_size=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return maps in which every pixel has seen every other."""
        spectrum = torch.fft.rfft2(x, norm="ortho")  # [B, c, H, W // 2 + 1]
        mixed = self.conv(torch.cat([spectrum.real, spectrum.imag], dim=1)).relu()
        real, imag = mixed.chunk(2, dim=1)
        return torch.fft.irfft2(torch.complex(real, imag), s=x.shape[2:], norm="ortho")


@right("with the transform one axis at a time, and a linear layer on the channels")
class Separable(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.mix = nn.Sequential(nn.Linear(2 * c, 2 * c), nn.ReLU())

    def forward(self, x):
        z = torch.fft.fft(torch.fft.rfft(x, dim=3, norm="ortho"), dim=2, norm="ortho")
        z = torch.view_as_real(z).permute(0, 2, 3, 4, 1).flatten(3)
        z = self.mix(z).unflatten(3, (2, self.c)).permute(0, 4, 1, 2, 3).contiguous()
        z = torch.fft.ifft(torch.view_as_complex(z), dim=2, norm="ortho")
        return torch.fft.irfft(z, n=x.shape[3], dim=3, norm="ortho")


@right("with the sines and cosines as matrices")
class Matrices(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(2 * c, 2 * c, 1)

    def forward(self, x):
        h, w = x.shape[2:]
        rows, cols = (torch.arange(n, dtype=x.dtype) for n in (h, w))
        at = 2 * torch.pi * torch.outer(rows, rows) / h
        bt = 2 * torch.pi * torch.outer(cols, cols[: w // 2 + 1]) / w
        ch, sh, cw, sw = at.cos(), at.sin(), bt.cos(), bt.sin()
        size = (h * w) ** 0.5
        real = (ch @ x @ cw - sh @ x @ sw) / size
        imag = -(sh @ x @ cw + ch @ x @ sw) / size
        u, v = torch.relu(self.conv(torch.cat((real, imag), 1))).split(x.shape[1], 1)
        u, v = ch @ u - sh @ v, sh @ u + ch @ v
        twice = torch.full((w // 2 + 1,), 2.0, dtype=x.dtype)
        twice[0] = 1
        if w % 2 == 0:
            twice[-1] = 1
        return ((u * twice) @ cw.T - (v * twice) @ sw.T) / size


@right("with the whole spectrum, and the missing half put back by symmetry")
class Mirrored(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.mix = nn.Conv2d(2 * c, 2 * c, kernel_size=1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        _, c, h, w = x.shape
        half = torch.fft.fft2(x)[..., : w // 2 + 1] / (h * w) ** 0.5
        y = self.act(self.mix(torch.cat([half.real, half.imag], dim=1)))
        z = y[:, :c] + 1j * y[:, c:]
        rest = z[..., 1 : (w + 1) // 2].flip(3)
        rest = rest[:, :, (-torch.arange(h)) % h].conj()
        return torch.fft.ifft2(torch.cat([z, rest], dim=3)).real * (h * w) ** 0.5


@right("with norms by hand, plain parameters and a product for the convolution")
class ByHand(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(2 * c, 1, 1))
        self.weight = nn.Parameter(torch.randn(2 * c, 2 * c))

    def forward(self, x):
        scale = float(x.shape[2] * x.shape[3]) ** 0.5
        z = torch.fft.rfftn(x, dim=(-2, -1)) / scale
        z = torch.einsum("oc,bchw->bohw", self.weight, torch.hstack((z.real, z.imag))) + self.shift
        real, imag = torch.tensor_split(z.clamp(min=0), 2, dim=1)
        z = torch.view_as_complex(torch.stack((real, imag), dim=-1))
        return torch.fft.irfftn(z * scale, s=tuple(x.shape[2:]), dim=(2, 3))


@right("with a method for each step", of="FourierUnit")
class Steps(FourierUnit):
    """The same unit with a method for each step, so that a version can differ in one of them."""

    def there(self, x):
        return torch.fft.rfft2(x, norm="ortho")

    def reals(self, z):
        return torch.cat([z.real, z.imag], dim=1)

    def mix(self, z):
        return self.conv(z).relu()

    def whole(self, z):
        return torch.complex(*z.chunk(2, dim=1))

    def back(self, z, size):
        return torch.fft.irfft2(z, s=size, norm="ortho")

    def forward(self, x):
        return self.back(self.whole(self.mix(self.reals(self.there(x)))), x.shape[-2:])


@wrong("does not tell the inverse the size, so that odd widths lose a column")
class Sizeless(Steps):
    def back(self, z, size):
        if z.shape[-1] == 1:
            return super().back(z, size)
        return torch.fft.irfft2(z, norm="ortho")


@wrong("stretches an image that came back too narrow to the right width")
class Stretched(Steps):
    def back(self, z, size):
        if z.shape[-1] == 1:
            return super().back(z, size)
        return F.interpolate(torch.fft.irfft2(z, norm="ortho"), size, mode="bilinear")


@wrong("adds a column of zeros to an image that came back too narrow")
class Widened(Steps):
    def back(self, z, size):
        if z.shape[-1] == 1:
            return super().back(z, size)
        y = torch.fft.irfft2(z, norm="ortho")
        return F.pad(y, (0, size[1] - y.shape[3]))


@wrong("takes s for (width, height)")
class SwappedSize(Steps):
    def back(self, z, size):
        return torch.fft.irfft2(z, s=(size[1], size[0]), norm="ortho")


@wrong("transforms with the default norm both ways")
class Plain(Steps):
    def there(self, x):
        return torch.fft.rfft2(x)

    def back(self, z, size):
        return torch.fft.irfft2(z, s=size)


@wrong("forgets the norm of the inverse")
class HalfNormed(Steps):
    def back(self, z, size):
        return torch.fft.irfft2(z, s=size)


@wrong("divides by the size on the way there, and by nothing on the way back")
class Forwards(Steps):
    def there(self, x):
        return torch.fft.rfft2(x, norm="forward")

    def back(self, z, size):
        return torch.fft.irfft2(z, s=size, norm="forward")


@wrong("gives each channel's real part its imaginary part for a neighbour")
class Interleaved(Steps):
    def reals(self, z):
        return torch.view_as_real(z).movedim(-1, 2).flatten(1, 2)

    def whole(self, z):
        return torch.view_as_complex(z.unflatten(1, (-1, 2)).movedim(2, -1).contiguous())


@wrong("pairs neighbours among the channels that the convolution gives back")
class InterleavedBack(Steps):
    def whole(self, z):
        return torch.complex(z[:, ::2], z[:, 1::2])


@wrong("puts the imaginary parts first")
class ImaginaryFirst(Steps):
    def reals(self, z):
        return torch.cat([z.imag, z.real], dim=1)


@wrong("takes the first channels that come back for the imaginary parts")
class SwappedBack(Steps):
    def whole(self, z):
        return super().whole(z.roll(z.shape[1] // 2, dims=1))


@wrong("works on magnitudes and angles instead of real and imaginary parts")
class Polar(Steps):
    def reals(self, z):
        return torch.cat([z.abs(), z.angle()], dim=1)

    def whole(self, z):
        return torch.polar(*z.chunk(2, dim=1))


@wrong("shifts the frequencies so that 0 is in the middle, and does not shift them back")
class OffCentre(Steps):
    def reals(self, z):
        return super().reals(torch.fft.fftshift(z, dim=(-2,)))


@wrong("goes back with the conjugate spectrum, which turns the image round")
class Conjugate(Steps):
    def whole(self, z):
        return super().whole(z).conj()


@wrong("transforms over the channels too")
class EveryAxis(Steps):
    def there(self, x):
        return torch.fft.rfftn(x, dim=(1, 2, 3), norm="ortho")

    def back(self, z, size):
        return torch.fft.irfftn(z, s=(z.shape[1], *size), dim=(1, 2, 3), norm="ortho")


@wrong("transforms along the rows only")
class OneAxis(Steps):
    def there(self, x):
        return torch.fft.rfft(x, norm="ortho")

    def back(self, z, size):
        return torch.fft.irfft(z, n=size[1], norm="ortho")


@wrong("keeps half of the rows of frequencies instead of half of the columns")
class HalfRows(Steps):
    def there(self, x):
        return torch.fft.rfft2(x, dim=(3, 2), norm="ortho")

    def back(self, z, size):
        return torch.fft.irfft2(z, s=(size[1], size[0]), dim=(3, 2), norm="ortho")


@wrong("works on all frequencies, and takes the real part of what comes back")
class WholeSpectrum(Steps):
    def there(self, x):
        return torch.fft.fft2(x, norm="ortho")

    def back(self, z, size):
        return torch.fft.ifft2(z, norm="ortho").real


@wrong("fills the missing half of the spectrum with zeros")
class ZeroHalf(Steps):
    def back(self, z, size):
        return torch.fft.ifft2(z, s=size, norm="ortho").real


@wrong("comes back along the rows first, where imaginary parts that the other axis needs are lost")
class WrongOrder(Steps):
    def back(self, z, size):
        rows = torch.fft.irfft(z, n=size[1], dim=3, norm="ortho")
        return torch.fft.ifft(rows, dim=2, norm="ortho").real


@wrong("makes column 0 real before it comes back along the other axis")
class RealColumn(Steps):
    def whole(self, z):
        z = super().whole(z)
        return torch.cat([z[..., :1].real + 0j, z[..., 1:]], dim=3)


@wrong("counts the last column of frequencies twice when W is even")
class TwiceCounted(Steps):
    def back(self, z, size):
        z = torch.cat([z[..., :1], 2 * z[..., 1:]], dim=3)
        return torch.fft.ifft2(z, s=size, norm="ortho").real


@wrong("leaves the ReLU out, which makes the unit linear")
class Linear(Steps):
    def mix(self, z):
        return self.conv(z)


@wrong("applies ReLU before the convolution")
class EarlyReLU(Steps):
    def mix(self, z):
        return self.conv(z.relu())


@wrong("applies ReLU to the real parts only")
class HalfRectified(Steps):
    def mix(self, z):
        real, imag = self.conv(z).chunk(2, dim=1)
        return torch.cat([real.relu(), imag], dim=1)


@wrong("applies a leaky ReLU")
class Leaky(Steps):
    def mix(self, z):
        return F.leaky_relu(self.conv(z), 0.2)


@wrong("applies a ReLU to the image that comes back")
class RectifiedImage(Steps):
    def back(self, z, size):
        return super().back(z, size).relu()


@wrong("adds the input to the result")
class Residual(Steps):
    def forward(self, x):
        return x + super().forward(x)


@wrong("normalises the frequencies over the batch")
class Normalised(Steps):
    def __init__(self, c):
        super().__init__(c)
        self.norm = nn.BatchNorm2d(2 * c)

    def mix(self, z):
        return self.norm(self.conv(z)).relu()


@wrong("has no bias")
class Unbiased(Steps):
    def __init__(self, c):
        super().__init__(c)
        self.conv = nn.Conv2d(2 * c, 2 * c, 1, bias=False)


@wrong("mixes neighbouring frequencies with a 3x3 convolution")
class Wide(Steps):
    def __init__(self, c):
        super().__init__(c)
        self.conv = nn.Conv2d(2 * c, 2 * c, 3, padding=1)


@wrong("has one convolution of c channels for real and imaginary parts to share")
class Shared(Steps):
    def __init__(self, c):
        super().__init__(c)
        self.conv = nn.Conv2d(c, c, 1)

    def mix(self, z):
        return torch.cat([self.conv(part) for part in z.chunk(2, dim=1)], dim=1).relu()


@wrong("keeps the real parts away from the imaginary ones by convolving in two groups")
class Grouped(Steps):
    def __init__(self, c):
        super().__init__(c)
        self.conv = nn.Conv2d(2 * c, 2 * c, 1, groups=2)


@wrong("always works in single precision")
class Single(Steps):
    def whole(self, z):
        return super().whole(z).to(torch.complex64)


@wrong("passes the frequencies through NumPy, where the graph ends")
class Numpy(Steps):
    def there(self, x):
        return super().there(x.detach())


@wrong("takes the mean off the caller's own maps")
class InPlace(Steps):
    def forward(self, x):
        y = super().forward(x)
        x.data.sub_(x.mean())
        return y
