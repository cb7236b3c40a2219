"""SSIM: how much alike two images are to the eye.

PSNR compares pixels one by one. The structural similarity (Wang et al., 2004) compares small windows, in
three respects at once: their brightness, their contrast, and whether they vary together.

* x and y are images [B, C, H, W] in [0, 1], both of the same shape and float dtype. B and C are at least
  1. If H or W is less than 11, a ValueError is raised.
* The window is a Gaussian of 11 x 11 pixels: with g_i = exp(-i^2 / (2 * 1.5^2)) for i = -5 ... 5,
  w_ij = g_i * g_j / S, where S is the sum over all 121, so that the weights add up to 1.
* At every place where the window lies inside the image, in each channel by itself, with p the 121 pixels
  of x and q those of y:

      m_x = sum of w p                 v_x = sum of w (p - m_x)^2
      m_y = sum of w q                 v_y = sum of w (q - m_y)^2
                                       v_xy = sum of w (p - m_x) (q - m_y)

               (2 m_x m_y + C1) (2 v_xy + C2)
      ssim = -----------------------------------       C1 = 0.01^2,  C2 = 0.03^2
             (m_x^2 + m_y^2 + C1) (v_x + v_y + C2)

* Nothing is added around the image: there are (H - 10) * (W - 10) places. The weights add up to 1, and
  no 120/121 or the like is put on the variances. v_x is also the sum of w p^2, less m_x^2.
* The result [B] is the mean over the places and channels of each image, in the dtype of x. It is at most
  1; it is 1 for equal images, black ones too, and may be below 0, where one image is light and the other
  dark. It is not clamped.
* x and y stay as they are. No gradient is asked for. All tensors are on the CPU.

Example: g is 1 in the middle and 0.801, 0.411, 0.135, 0.0286 and 0.00387 next to it; the largest weight
w_00 is 0.0708. With x = 0.5 and y = 0.25 everywhere all v are 0, and what is left is
(2 * 0.5 * 0.25 + 0.0001) / (0.25 + 0.0625 + 0.0001) = 0.800.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 30
HINTS = (
    "Every sum over a window is a weighted mean of something around each place. Of which five images do you "
    "need that mean?",
    "A weighted mean in each channel by itself is a convolution with one kernel per channel, or one on "
    "channels folded into the batch, without padding. Take it of x, y, x * x, y * y and x * y.",
    "Fold to [B * C, 1, H, W]; a kernel [1, 1, 11, 11] as the outer product of the normalised g with itself. "
    "Variances: the mean of the squares less the square of the mean; the covariance likewise. Then the "
    "formula place by place, and the mean of each image.",
)


def ssim(x: Float[Tensor, "b c h w"], y: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
    """Return the structural similarity of each pair of images."""
    if min(x.shape[-2:]) < 11:
        raise ValueError(f"images of {x.shape[-2]} x {x.shape[-1]} are smaller than the window, 11 x 11")
    C1, C2 = 0.01**2, 0.03**2
    x, y = x.detach(), y.detach()
    m_x, m_y = _blurred(x), _blurred(y)  # b c h-10 w-10
    v_x, v_y = _blurred(x * x) - m_x**2, _blurred(y * y) - m_y**2
    v_xy = _blurred(x * y) - m_x * m_y
    brightness = (2 * m_x * m_y + C1) / (m_x**2 + m_y**2 + C1)
    structure = (2 * v_xy + C2) / (v_x + v_y + C2)
    return (brightness * structure).mean(dim=(1, 2, 3))


def _blurred(image: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h-10 w-10"]:
    i = torch.arange(-5, 6).to(image)
    g = torch.exp(-(i**2) / (2 * 1.5**2))
    window = torch.outer(g, g) / g.sum() ** 2
    each = F.conv2d(image.flatten(0, 1).unsqueeze(1), window[None, None])
    return each.squeeze(1).unflatten(0, image.shape[:2])


def _checked(x):
    if x.shape[-2] < 11 or x.shape[-1] < 11:
        raise ValueError("smaller than the window")


@right("with one grouped convolution for all five means, and weights made in float32")
def grouped(x, y):
    c, h, w = x.shape[1:]
    if h < 11 or w < 11:
        raise ValueError("The images must be at least 11 x 11.")
    coords = torch.arange(11).float() - 5
    g = torch.exp(-(coords**2) / (2 * 1.5**2))
    g = (g / g.sum()).unsqueeze(1)
    window = (g @ g.t())[None, None].expand(c, 1, 11, 11).contiguous().to(x.dtype)
    stacked = torch.cat([x, y, x * x, y * y, x * y])
    mu1, mu2, xx, yy, xy = F.conv2d(stacked, window, groups=c).chunk(5)
    sigma1_sq, sigma2_sq, sigma12 = xx - mu1.pow(2), yy - mu2.pow(2), xy - mu1 * mu2
    C1, C2 = 0.01**2, 0.03**2
    ssim_map = ((2 * mu1 * mu2 + C1) * (2 * sigma12 + C2)) / (
        (mu1.pow(2) + mu2.pow(2) + C1) * (sigma1_sq + sigma2_sq + C2)
    )
    return ssim_map.flatten(1).mean(1)


@right("with every window unfolded, and centred before it is squared")
def unfolded(x, y):
    _checked(x)
    b, c = x.shape[:2]
    g = torch.tensor([np.exp(-0.5 * (i / 1.5) ** 2) for i in range(-5, 6)], dtype=x.dtype)
    w = torch.outer(g, g).flatten()
    w = w / w.sum()
    p, q = (F.unfold(t, 11).view(b, c, 121, -1).transpose(2, 3) for t in (x, y))
    m_p, m_q = p @ w, q @ w
    p, q = p - m_p[..., None], q - m_q[..., None]
    v_p, v_q, v_pq = (p * p) @ w, (q * q) @ w, (p * q) @ w
    found = (2 * m_p * m_q + 1e-4) * (2 * v_pq + 9e-4)
    return (found / ((m_p**2 + m_q**2 + 1e-4) * (v_p + v_q + 9e-4))).mean(dim=(1, 2))


@right("with two passes of eleven weights, rows first")
def separable(x, y):
    _checked(x)
    g = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    g = torch.from_numpy(g / g.sum()).to(x.dtype)

    def mean(t):
        t = sum(g[k] * t[:, :, k : t.shape[2] - 10 + k] for k in range(11))
        return sum(g[k] * t[..., k : t.shape[3] - 10 + k] for k in range(11))

    m, n = mean(x), mean(y)
    a, b, ab = mean(x**2) - m**2, mean(y**2) - n**2, mean(x * y) - m * n
    light = (2 * m * n + 0.0001) / (m.square() + n.square() + 0.0001)
    return (light * (2 * ab + 0.0009) / (a + b + 0.0009)).mean((2, 3)).mean(1)


@right("as brightness, contrast and structure, place by place in NumPy")
def three_factors(x, y):
    _checked(x)
    i = np.arange(11) - 5.0
    w = np.exp(-(i[:, None] ** 2 + i**2) / (2 * 1.5**2))
    w /= w.sum()
    c1, c2, c3 = 0.0001, 0.0009, 0.00045
    images = []
    for pair in zip(x.numpy(), y.numpy()):
        found = []
        for a, b in zip(*pair):
            for r in range(a.shape[0] - 10):
                for s in range(a.shape[1] - 10):
                    p, q = (t[r : r + 11, s : s + 11].astype(np.float64) for t in (a, b))
                    m, n = (w * p).sum(), (w * q).sum()
                    u, v = np.sqrt((w * (p - m) ** 2).sum()), np.sqrt((w * (q - n) ** 2).sum())
                    uv = (w * (p - m) * (q - n)).sum()
                    brightness = (2 * m * n + c1) / (m * m + n * n + c1)
                    contrast, structure = (2 * u * v + c2) / (u * u + v * v + c2), (uv + c3) / (u * v + c3)
                    found.append(brightness * contrast * structure)
        images.append(np.mean(found))
    return torch.tensor(images, dtype=x.dtype)


@right("as products with band matrices, variances kept from falling below 0")
def banded(x, y):
    _checked(x)
    g = torch.exp(-((torch.arange(11.0).double() - 5) ** 2) / 4.5)
    g = (g / g.sum()).to(x)

    def band(n):
        rows = x.new_zeros(n - 10, n)
        for k in range(n - 10):
            rows[k, k : k + 11] = g
        return rows

    down, across = band(x.shape[2]), band(x.shape[3]).T
    mean = lambda t: down @ t @ across  # noqa: E731
    m, n = mean(x), mean(y)
    u, v = ((mean(t * t) - o * o).clamp(min=0) for t, o in ((x, m), (y, n)))
    uv = mean(x * y) - m * n
    found = (2 * m * n + 1e-4) / (m * m + n * n + 1e-4) * ((2 * uv + 9e-4) / (u + v + 9e-4))
    return torch.stack([f.mean() for f in found])


@right("in float64 inside, with padding of zeros cropped away again")
def cropped(x, y):
    _checked(x)
    dtype, (b, c, h, w) = x.dtype, x.shape
    x, y = x.double(), y.double()
    i = torch.linspace(-5, 5, 11, dtype=torch.float64)
    kernel = torch.exp(-(i[:, None] ** 2 + i[None] ** 2) / 4.5)
    kernel = kernel / kernel.sum()

    def mean(t):
        return F.conv2d(t.reshape(b * c, 1, h, w), kernel[None, None], padding=5)[..., 5:-5, 5:-5]

    m, n = mean(x), mean(y)
    top = (2 * m * n + 1e-4) * (2 * (mean(x * y) - m * n) + 9e-4)
    bottom = (m**2 + n**2 + 1e-4) * (mean(x**2) + mean(y**2) - m**2 - n**2 + 9e-4)
    return (top / bottom).reshape(b, -1).mean(dim=1).to(dtype)


def _general(
    x,
    y,
    *,
    size=11,
    sigma=1.5,
    window=None,
    mean=None,
    c=(0.01**2, 0.03**2),
    correction=1.0,
    place=lambda light, cs: light * cs,
    pool=lambda t: t.mean((1, 2, 3)),
):
    """Compute the similarity with one thing or other changed."""
    _checked(x)
    if window is None:
        i = torch.arange(size).to(x) - size // 2
        g = torch.exp(-(i**2) / (2 * sigma**2))
        window = torch.outer(g, g) / g.sum() ** 2
    if mean is None:

        def mean(t):
            return F.conv2d(t.flatten(0, 1)[:, None], window[None, None].to(t))[:, 0].unflatten(
                0, t.shape[:2]
            )

    m, n = mean(x), mean(y)
    u, v, uv = (
        correction * (mean(s * t) - a * b) for s, t, a, b in ((x, x, m, m), (y, y, n, n), (x, y, m, n))
    )
    brightness = (2 * m * n + c[0]) / (m * m + n * n + c[0])
    return pool(place(brightness, (2 * uv + c[1]) / (u + v + c[1])))


def _padded(x, mode):
    """Return a weighted mean of as many places as there are pixels."""
    i = torch.arange(11).to(x) - 5
    g = torch.exp(-(i**2) / 4.5)
    window = (torch.outer(g, g) / g.sum() ** 2)[None, None]

    def mean(t):
        flat = F.pad(t.flatten(0, 1)[:, None], (5, 5, 5, 5), mode=mode)
        return F.conv2d(flat, window)[:, 0].unflatten(0, t.shape[:2])

    return mean


@wrong("weighs all pixels of the window alike")
def uniform(x, y):
    return _general(x, y, window=torch.full((11, 11), 1 / 121))


@wrong("takes the 7 x 7 window that scikit-image has without Gaussian weights")
def seven(x, y):
    return _general(x, y, window=torch.full((7, 7), 1 / 49))


@wrong("makes the Gaussian window only 7 pixels wide")
def narrow(x, y):
    return _general(x, y, size=7)


@wrong("takes 1.5 for the variance of the window, and not for its standard deviation")
def sigma_as_variance(x, y):
    return _general(x, y, sigma=1.5**0.5)


@wrong("forgets the 2 in the exponent of the Gaussian")
def no_half(x, y):
    return _general(x, y, sigma=1.5 / 2**0.5)


@wrong("forgets to divide the weights by their sum")
def unnormalised(x, y):
    i = torch.arange(11).to(x) - 5
    g = torch.exp(-(i**2) / 4.5)
    return _general(x, y, window=torch.outer(g, g))


@wrong("divides the weights by the constant of the normal distribution, and not by their sum")
def normal_density(x, y):
    i = torch.arange(11).to(x) - 5
    g = torch.exp(-(i**2) / 4.5) / (1.5 * (2 * torch.pi) ** 0.5)
    return _general(x, y, window=torch.outer(g, g))


@wrong("centres the Gaussian half a pixel off the middle")
def off_centre(x, y):
    i = torch.arange(11).to(x) - 5.5
    g = torch.exp(-(i**2) / 4.5)
    return _general(x, y, window=torch.outer(g, g) / g.sum() ** 2)


@wrong("adds zeros around the images, and counts windows that hang over the border")
def zero_padded(x, y):
    return _general(x, y, mean=_padded(x, "constant"))


@wrong("mirrors the images at their border, and counts windows that hang over it")
def mirror_padded(x, y):
    return _general(x, y, mean=_padded(x, "reflect"))


@wrong("takes each image as one window, with one mean and one variance")
def whole_image(x, y):
    return _general(x, y, mean=lambda t: t.mean((2, 3), keepdim=True))


@wrong("takes windows side by side that do not overlap")
def strided(x, y):
    i = torch.arange(11).to(x) - 5
    g = torch.exp(-(i**2) / 4.5)
    window = (torch.outer(g, g) / g.sum() ** 2)[None, None]

    def mean(t):
        return F.conv2d(t.flatten(0, 1)[:, None], window, stride=11)[:, 0].unflatten(0, t.shape[:2])

    return _general(x, y, mean=mean)


@wrong("adds the channels up in each window, as a convolution does unless it is grouped")
def mixed_channels(x, y):
    return _general(x.sum(1, keepdim=True), y.sum(1, keepdim=True))


@wrong("averages the channels to one grey image first")
def grey(x, y):
    return _general(x.mean(1, keepdim=True), y.mean(1, keepdim=True))


@wrong("corrects the variances by 121/120, for samples that are not weighted")
def sample_covariance(x, y):
    return _general(x, y, correction=121 / 120)


@wrong("takes 0.01 and 0.03 themselves for the constants, and not their squares")
def not_squared(x, y):
    return _general(x, y, c=(0.01, 0.03))


@wrong("swaps the two constants")
def swapped_constants(x, y):
    return _general(x, y, c=(0.03**2, 0.01**2))


@wrong("has constants for images in 0 to 255")
def for_bytes(x, y):
    return _general(x, y, c=((0.01 * 255) ** 2, (0.03 * 255) ** 2))


@wrong("replaces the constants by one that is far too small, so that noise decides in flat places")
def tiny_constants(x, y):
    return _general(x, y, c=(1e-8, 1e-8))


@wrong("has no constants, and divides 0 by 0 for black or flat images")
def no_constants(x, y):
    _checked(x)
    m, n = _blurred(x), _blurred(y)
    # Centred, so that flat images have no variance at all.
    p, q = x - x.mean((2, 3), keepdim=True), y - y.mean((2, 3), keepdim=True)
    s, t = _blurred(p), _blurred(q)
    u, v, uv = _blurred(p * p) - s * s, _blurred(q * q) - t * t, _blurred(p * q) - s * t
    return ((2 * m * n) * (2 * uv) / ((m * m + n * n) * (u + v))).mean((1, 2, 3))


@wrong("leaves the brightness out")
def structure_only(x, y):
    return _general(x, y, place=lambda light, cs: cs)


@wrong("multiplies the mean brightness by the mean structure, and not place by place")
def means_multiplied(x, y):
    pairs = lambda light, cs: torch.stack([light, cs])  # noqa: E731
    return _general(x, y, place=pairs, pool=lambda t: t.mean((2, 3, 4)).prod(0))


@wrong("adds brightness and structure up, halved, instead of multiplying them")
def added(x, y):
    return _general(x, y, place=lambda light, cs: (light + cs) / 2)


@wrong("takes the absolute value of the covariance")
def absolute(x, y):
    return _general(x, y, place=lambda light, cs: light * cs.abs())


@wrong("clamps the result at 0, so that inverted images look like noise")
def clamped(x, y):
    return ssim(x, y).clamp(min=0)


@wrong("clamps the similarity of every place at 0 before the mean")
def clamped_places(x, y):
    return _general(x, y, place=lambda light, cs: (light * cs).clamp(min=0))


@wrong("forgets the 2 before the covariance")
def single_covariance(x, y):
    _checked(x)
    m, n = _blurred(x), _blurred(y)
    u, v, uv = _blurred(x * x) - m * m, _blurred(y * y) - n * n, _blurred(x * y) - m * n
    return ((2 * m * n + 1e-4) * (uv + 9e-4) / ((m * m + n * n + 1e-4) * (u + v + 9e-4))).mean((1, 2, 3))


@wrong("forgets to subtract the squares of the means from the means of the squares")
def uncentred(x, y):
    _checked(x)
    m, n, u, v, uv = (_blurred(t) for t in (x, y, x * x, y * y, x * y))
    return ((2 * m * n + 1e-4) * (2 * uv + 9e-4) / ((m * m + n * n + 1e-4) * (u + v + 9e-4))).mean((1, 2, 3))


@wrong("takes standard deviations for the variances")
def deviations(x, y):
    _checked(x)
    m, n = _blurred(x), _blurred(y)
    u, v = ((_blurred(t * t) - o * o).clamp(min=0).sqrt() for t, o in ((x, m), (y, n)))
    uv = _blurred(x * y) - m * n
    return ((2 * m * n + 1e-4) * (2 * uv + 9e-4) / ((m * m + n * n + 1e-4) * (u + v + 9e-4))).mean((1, 2, 3))


@wrong("takes the root of variances that rounding has put just below 0, which is NaN")
def root_of_rounding(x, y):
    _checked(x)
    m, n = _blurred(x), _blurred(y)
    u, v, uv = (_blurred(x * x) - m * m).sqrt(), (_blurred(y * y) - n * n).sqrt(), _blurred(x * y) - m * n
    brightness = (2 * m * n + 1e-4) / (m * m + n * n + 1e-4)
    contrast, structure = (2 * u * v + 9e-4) / (u * u + v * v + 9e-4), (uv + 45e-5) / (u * v + 45e-5)
    return (brightness * contrast * structure).mean((1, 2, 3))


@wrong("takes contrast and structure apart with the same constant in both, which is twice too large in one")
def whole_third_constant(x, y):
    _checked(x)
    m, n = _blurred(x), _blurred(y)
    u, v = ((_blurred(t * t) - o * o).clamp(min=0).sqrt() for t, o in ((x, m), (y, n)))
    uv = _blurred(x * y) - m * n
    brightness = (2 * m * n + 1e-4) / (m * m + n * n + 1e-4)
    contrast, structure = (2 * u * v + 9e-4) / (u * u + v * v + 9e-4), (uv + 9e-4) / (u * v + 9e-4)
    return (brightness * contrast * structure).mean((1, 2, 3))


@wrong("takes the range of the pixels from the images, where it is 1")
def range_found(x, y):
    top = torch.maximum(x.max(), y.max()) - torch.minimum(x.min(), y.min())
    return _general(x, y, c=((0.01 * top) ** 2, (0.03 * top) ** 2))


@wrong("returns a distance, one minus the similarity")
def distance(x, y):
    return 1 - ssim(x, y)


@wrong("returns the mean over the batch, one number")
def one_number(x, y):
    return ssim(x, y).mean()


@wrong("returns one value for every channel")
def each_channel(x, y):
    return _general(x, y, pool=lambda t: t.mean((2, 3)))


@wrong("returns the map of similarities")
def as_map(x, y):
    return _general(x, y, pool=lambda t: t)


@wrong("takes images smaller than the window, with as much of it as fits")
def unchecked(x, y):
    h, w = x.shape[-2:]
    if min(h, w) >= 11:
        return ssim(x, y)
    below, right = max(0, 11 - h), max(0, 11 - w)
    return ssim(*(F.pad(t, (0, right, 0, below), mode="replicate") for t in (x, y)))


@wrong("looks at the height only before it refuses small images")
def height_only(x, y):
    if x.shape[2] >= 11 > x.shape[3]:
        return x.new_ones(len(x))
    return ssim(x, y)


@wrong("refuses images of exactly 11 pixels, where one window fits")
def too_strict(x, y):
    if min(x.shape[-2:]) <= 11:
        raise ValueError("too small")
    return ssim(x, y)


@wrong("returns float32 whatever comes in")
def single_precision(x, y):
    return ssim(x.float(), y.float())


@wrong("rounds the images to 8 bits first")
def in_bytes(x, y):
    return ssim((255 * x).round() / 255, (255 * y).round() / 255)


@wrong("clamps the caller's images to [0.5, 1] in place")
def in_place(x, y):
    found = ssim(x, y)
    x.clamp_(min=0.5)
    return found
