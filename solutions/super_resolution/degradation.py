"""Degrade an image: blur, downsample, add noise.

A super-resolution network is trained on pairs: a sharp image hr and what a poor camera would have made
of it. This is the classical model of that camera: blur, keep every s-th pixel, add noise.

* hr is [B, C, H, W]. kernel is [k, k] with k odd; an even k is a ValueError. The same kernel blurs every
  channel of every image, each on its own. Its numbers are taken as they are: they need not sum to 1, may
  be negative, and need not be symmetric.
* hr is padded by k // 2 pixels on each side by reflection, which does not repeat the border pixel: a row
  1 2 3 4 padded by 2 is 3 2 1 2 3 4 3 2. H and W are greater than k // 2.
* The blur is a true convolution, the size stays H x W: with the centre of the kernel at m = k // 2,

      blurred[y, x] = sum over i, j of kernel[i, j] * padded[y - (i - m), x - (j - m)]

  where padded[y, x] is hr[y, x] wherever there is such a pixel. So a kernel whose only 1 lies right of
  its centre moves the image to the right. (F.conv2d, like the layers called convolution, does not do
  this: it reads padded[y + (i - m), x + (j - m)].)
* Then rows 0, s, 2s, ... and columns 0, s, 2s, ... are kept, for a whole number s >= 1. The result is
  [B, C, ceil(H / s), ceil(W / s)], whether or not s divides H and W.
* noise has the shape of the result and is added last. With None, the default, nothing is added. Nothing
  is clamped.
* B and C are at least 1. The result has the dtype of hr. The inputs stay as they are. No gradient is
  asked for.

Example: an image of five equal rows 1 2 3 4 5, and a 3 x 3 kernel of zeros but for a 3 left of the
centre. Each pixel becomes 3 times the one on its right: rows 6 9 12 15 12, where the last number comes
from the reflected 4. With s = 2 three rows 6 12 12 are left. F.conv2d alone would give rows 6 3 6 9 12,
and so three rows 6 6 12.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Four steps, each one line: pad, convolve, keep every s-th pixel, add. Which of them does torch not do "
    "the way the formula says?",
    "F.conv2d slides the kernel as it is. To get a true convolution from it, what has to be done to the "
    "kernel, and along which axes? One kernel for all channels: treat each channel as an image of its own, "
    "or use groups.",
    "Pad with mode 'reflect' by k // 2 on all sides, flip the kernel along both axes, see hr as B * C images "
    "of one channel for F.conv2d, and slice the result with steps of s.",
)


def degrade(
    hr: Float[Tensor, "b c h w"],
    kernel: Float[Tensor, "k k"],
    s: int,
    noise: Float[Tensor, "b c (h+s-1)//s (w+s-1)//s"] | None = None,
) -> Float[Tensor, "b c (h+s-1)//s (w+s-1)//s"]:
    """Return hr blurred by the kernel, at every s-th pixel, with noise."""
    k = kernel.shape[-1]
    if k % 2 == 0:
        raise ValueError(f"a kernel of {k} x {k} has no centre")
    b, c, h, w = hr.shape
    single = hr.detach().reshape(b * c, 1, h, w)  # every channel an image of its own
    padded = F.pad(single, (k // 2,) * 4, mode="reflect")
    blurred = F.conv2d(padded, kernel.detach().flip(0, 1)[None, None]).reshape(b, c, h, w)
    lr = blurred[..., ::s, ::s]
    return lr if noise is None else lr + noise.detach()


def _odd(kernel):
    """Return k // 2, or raise."""
    if kernel.shape[0] % 2 != 1:
        raise ValueError("even kernel")
    return kernel.shape[0] // 2


def _blurred(hr, kernel, mode="reflect"):
    """Blur by a correlation with the kernel as given; the flip is the caller's."""
    m, c = _odd(kernel), hr.shape[1]
    padded = F.pad(hr, (m, m, m, m), mode=mode)
    return F.conv2d(padded, kernel.expand(c, 1, -1, -1), groups=c)


def _kept(blurred, s, noise):
    lr = blurred[:, :, ::s, ::s]
    return lr if noise is None else lr + noise


@right("as a grouped convolution with the stride s")
def strided(hr, kernel, s, noise=None):
    m, c = _odd(kernel), hr.size(1)
    weight = torch.flip(kernel, dims=(0, 1)).repeat(c, 1, 1, 1)
    lr = F.conv2d(F.pad(hr, (m, m, m, m), mode="reflect"), weight, stride=s, groups=c)
    return lr if noise is None else lr + noise


@right("adding up shifted copies, one for each number of the kernel")
def shifted(hr, kernel, s, noise=None):
    k, (h, w) = kernel.shape[0], hr.shape[2:]
    if k % 2 == 0:
        raise ValueError("k must be odd")
    padded = torch.nn.ReflectionPad2d(k // 2)(hr)
    out = torch.zeros_like(hr)
    for i in range(k):
        for j in range(k):
            y, x = k - 1 - i, k - 1 - j
            out += kernel[i, j] * padded[:, :, y : y + h, x : x + w]
    out = out[:, :, 0::s, 0::s]
    if noise is not None:
        out = out + noise
    return out


@right("with a transposed convolution, which does not flip")
def transposed(hr, kernel, s, noise=None):
    m, (b, c, h, w) = _odd(kernel), hr.shape
    padded = F.pad(hr.flatten(0, 1), (m,) * 4, mode="reflect").unsqueeze(1)
    full = F.conv_transpose2d(padded, kernel[None, None], padding=2 * m)
    return _kept(full.view(b, c, h, w), s, noise)


@right("with unfolded windows, of the pixels that are kept alone")
def unfolded(hr, kernel, s, noise=None):
    m = _odd(kernel)
    windows = F.pad(hr, (m, m, m, m), "reflect").unfold(2, 2 * m + 1, s).unfold(3, 2 * m + 1, s)
    lr = torch.einsum("bchwij,ij->bchw", windows.flip(-1, -2), kernel)
    return lr + (0 if noise is None else noise)


@right("in NumPy, pixel by pixel, with indices that turn back at the border")
def looped(hr, kernel, s, noise=None):
    import numpy as np

    image, weights = hr.numpy(), kernel.numpy()
    B, C, H, W = image.shape
    k = len(weights)
    if k % 2 == 0:
        raise ValueError("kernel size must be odd")
    lr = np.zeros((B, C, -(-H // s), -(-W // s)), image.dtype)

    def inside(n, size):
        n = abs(n)
        return 2 * (size - 1) - n if n >= size else n

    for y in range(lr.shape[2]):
        for x in range(lr.shape[3]):
            for i in range(k):
                for j in range(k):
                    at = inside(y * s - i + k // 2, H), inside(x * s - j + k // 2, W)
                    lr[:, :, y, x] += weights[i, j] * image[:, :, at[0], at[1]]
    return torch.from_numpy(lr if noise is None else lr + noise.numpy())


@right("through Fourier transforms")
def fourier(hr, kernel, s, noise=None):
    m, (h, w) = _odd(kernel), hr.shape[2:]
    padded = F.pad(hr, (m,) * 4, mode="reflect")
    size = (h + 4 * m, w + 4 * m)
    product = torch.fft.rfft2(padded, s=size) * torch.fft.rfft2(kernel, s=size)
    full = torch.fft.irfft2(product, s=size)
    return _kept(full[:, :, 2 * m : 2 * m + h, 2 * m : 2 * m + w], s, noise)


# -- mistakes in the blur ----------------------------------------------------------------------


@wrong("slides the kernel as it is, which is a correlation")
def correlated(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel), s, noise)


@wrong("flips the rows of the kernel and not its columns")
def rows_flipped(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel.flip(0)), s, noise)


@wrong("flips the columns of the kernel and not its rows")
def columns_flipped(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel.flip(1)), s, noise)


@wrong("transposes the kernel instead of flipping it")
def kernel_transposed(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel.T), s, noise)


@wrong("turns the kernel by a quarter instead of a half")
def quarter_turn(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel.rot90()), s, noise)


@wrong("divides the kernel by its sum first")
def normalised(hr, kernel, s, noise=None):
    return degrade(hr, kernel / kernel.sum(), s, noise)


@wrong("adds up the channels, as an ordinary convolution does")
def channels_mixed(hr, kernel, s, noise=None):
    return degrade(hr.sum(dim=1, keepdim=True).expand_as(hr), kernel, s, noise)


@wrong("averages the channels before it blurs")
def grey(hr, kernel, s, noise=None):
    return degrade(hr.mean(dim=1, keepdim=True).expand_as(hr), kernel, s, noise)


@wrong("blurs the first channel and leaves the others sharp")
def one_channel(hr, kernel, s, noise=None):
    blurred = _blurred(hr[:, :1], kernel.flip(0, 1))
    return _kept(torch.cat([blurred, hr[:, 1:]], dim=1), s, noise)


@wrong("works for three channels only")
def three_channels(hr, kernel, s, noise=None):
    m = _odd(kernel)
    weight = kernel.flip(0, 1).repeat(3, 1, 1, 1)
    return _kept(F.conv2d(F.pad(hr, (m,) * 4, mode="reflect"), weight, groups=3), s, noise)


@wrong("does not blur at all")
def not_blurred(hr, kernel, s, noise=None):
    _odd(kernel)
    return _kept(hr, s, noise)


# -- mistakes in the padding -------------------------------------------------------------------


@wrong("pads with zeros, which darkens the border")
def zero_padded(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel.flip(0, 1), mode="constant"), s, noise)


@wrong("repeats the border pixel instead of reflecting")
def replicated(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel.flip(0, 1), mode="replicate"), s, noise)


@wrong("lets the image go on at its other side, as a Fourier transform does")
def circular(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel.flip(0, 1), mode="circular"), s, noise)


@wrong("repeats the border pixel in its reflection: 2 1 1 2 instead of 3 2 1 2")
def symmetric(hr, kernel, s, noise=None):
    m, (h, w) = _odd(kernel), hr.shape[2:]
    rows, columns = (torch.arange(-m, n + m) for n in (h, w))
    rows, columns = (
        torch.where(i < 0, -1 - i, torch.where(i >= n, 2 * n - 1 - i, i))
        for i, n in ((rows, h), (columns, w))
    )
    padded, c = hr[:, :, rows][..., columns], hr.shape[1]
    return _kept(F.conv2d(padded, kernel.flip(0, 1).expand(c, 1, -1, -1), groups=c), s, noise)


@wrong("does not pad, and so loses a border of the image")
def not_padded(hr, kernel, s, noise=None):
    _odd(kernel)
    c = hr.shape[1]
    lr = F.conv2d(hr, kernel.flip(0, 1).expand(c, 1, -1, -1), groups=c)[..., ::s, ::s]
    return lr if noise is None else lr + noise[..., : lr.shape[2], : lr.shape[3]]


@wrong("accepts a kernel of even size")
def any_size(hr, kernel, s, noise=None):
    k, c, (h, w) = kernel.shape[0], hr.shape[1], hr.shape[2:]
    padded = F.pad(hr, (k // 2,) * 4, mode="reflect")
    return _kept(F.conv2d(padded, kernel.flip(0, 1).expand(c, 1, -1, -1), groups=c)[..., :h, :w], s, noise)


# -- mistakes in the sampling ------------------------------------------------------------------


@wrong("starts in the middle of the first block instead of at pixel 0")
def from_the_middle(hr, kernel, s, noise=None):
    blurred = _blurred(hr, kernel.flip(0, 1))
    rows = torch.arange(0, hr.shape[2], s).add(s // 2).clamp(max=hr.shape[2] - 1)
    columns = torch.arange(0, hr.shape[3], s).add(s // 2).clamp(max=hr.shape[3] - 1)
    lr = blurred[:, :, rows][..., columns]
    return lr if noise is None else lr + noise


@wrong("starts at the last pixel of the first block")
def from_the_end(hr, kernel, s, noise=None):
    blurred = _blurred(hr, kernel.flip(0, 1))
    rows, columns = (torch.arange(0, n, s).add(s - 1).clamp(max=n - 1) for n in hr.shape[2:])
    lr = blurred[:, :, rows][..., columns]
    return lr if noise is None else lr + noise


@wrong("counts back from the last pixel, which it keeps instead of pixel 0")
def from_the_last(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel.flip(0, 1)).flip(2, 3), s, None).flip(2, 3) + (
        0 if noise is None else noise
    )


@wrong("drops the last row and column where s does not divide the size")
def floored(hr, kernel, s, noise=None):
    h, w = (max(n // s, 1) for n in hr.shape[2:])
    lr = _blurred(hr, kernel.flip(0, 1))[..., ::s, ::s][..., :h, :w]
    return lr if noise is None else lr + noise[..., :h, :w]


@wrong("spreads the samples evenly where s does not divide the size, as nearest interpolation does")
def interpolated(hr, kernel, s, noise=None):
    size = [-(-n // s) for n in hr.shape[2:]]
    lr = F.interpolate(_blurred(hr, kernel.flip(0, 1)), size=size, mode="nearest")
    return lr if noise is None else lr + noise


@wrong("averages blocks of s x s pixels instead of keeping one")
def averaged(hr, kernel, s, noise=None):
    blurred = _blurred(hr, kernel.flip(0, 1))
    lr = F.avg_pool2d(blurred, s, ceil_mode=True)
    return lr if noise is None else lr + noise


@wrong("keeps every s-th row and all columns")
def rows_sampled(hr, kernel, s, noise=None):
    lr = _blurred(hr, kernel.flip(0, 1))[:, :, ::s]
    return lr if noise is None else lr + noise.repeat_interleave(s, dim=3)[..., : lr.shape[3]]


@wrong("samples first and blurs the small image")
def sampled_first(hr, kernel, s, noise=None):
    m = _odd(kernel)
    small = hr[:, :, ::s, ::s]
    if min(small.shape[2:]) <= m:
        return degrade(hr, kernel, s, noise)
    return degrade(small, kernel, 1, noise)


@wrong("does not downsample")
def full_size(hr, kernel, s, noise=None):
    return degrade(hr, kernel, 1)


@wrong("takes 2 for the factor, whatever s says")
def always_halved(hr, kernel, s, noise=None):
    h, w = (-(-n // s) for n in hr.shape[2:])
    lr = degrade(hr, kernel, 2)[..., :h, :w]
    return lr if noise is None else lr + noise[..., : lr.shape[2], : lr.shape[3]]


# -- mistakes about the noise, and the rest -----------------------------------------------------


@wrong("ignores the noise")
def noiseless(hr, kernel, s, noise=None):
    return degrade(hr, kernel, s)


@wrong("adds random noise of its own when none is given")
def own_noise(hr, kernel, s, noise=None):
    lr = degrade(hr, kernel, s, noise)
    return lr + 0.01 * torch.randn_like(lr) if noise is None else lr


@wrong("subtracts the noise")
def noise_subtracted(hr, kernel, s, noise=None):
    return degrade(hr, kernel, s, None if noise is None else -noise)


@wrong("multiplies by one plus the noise")
def speckle(hr, kernel, s, noise=None):
    lr = degrade(hr, kernel, s)
    return lr if noise is None else lr * (1 + noise)


@wrong("adds the noise before it blurs, at the pixels that are kept")
def noise_blurred(hr, kernel, s, noise=None):
    hr = hr.clone()
    if noise is not None:
        hr[:, :, ::s, ::s] += noise
    return degrade(hr, kernel, s)


@wrong("adds the noise of the first image to all of them")
def shared_noise(hr, kernel, s, noise=None):
    return degrade(hr, kernel, s, None if noise is None else noise[:1].expand_as(noise))


@wrong("needs noise, and fails without it")
def needs_noise(hr, kernel, s, noise=None):
    return degrade(hr, kernel, s) + noise


@wrong("clamps the result between 0 and 1")
def clamped(hr, kernel, s, noise=None):
    return degrade(hr, kernel, s, noise).clamp(0, 1)


@wrong("clamps the blurred image between 0 and 1, before the noise")
def clamped_early(hr, kernel, s, noise=None):
    return _kept(_blurred(hr, kernel.flip(0, 1)).clamp(0, 1), s, noise)


@wrong("adds the result to the caller's own noise")
def in_place(hr, kernel, s, noise=None):
    lr = degrade(hr, kernel, s)
    return lr if noise is None else noise.add_(lr)


@wrong("blurs the caller's own image")
def blurred_in_place(hr, kernel, s, noise=None):
    hr.copy_(_blurred(hr, kernel.flip(0, 1)))
    return _kept(hr, s, noise)


@wrong("flips the caller's own kernel")
def kernel_in_place(hr, kernel, s, noise=None):
    kernel.copy_(kernel.flip(0, 1))
    return _kept(_blurred(hr, kernel), s, noise)


@wrong("returns float32 whatever comes in")
def single_precision(hr, kernel, s, noise=None):
    lr = degrade(hr.float(), kernel.float(), s)
    return lr if noise is None else lr + noise.float()


@wrong("drops the batch axis of a single image")
def squeezed(hr, kernel, s, noise=None):
    found = degrade(hr, kernel, s, noise)
    return found[0] if len(found) == 1 else found
