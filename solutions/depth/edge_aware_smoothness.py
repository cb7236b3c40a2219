"""Edge-aware smoothness of a disparity map.

Self-supervised depth needs a prior where the image has no texture: neighbours have the same disparity,
unless the image has an edge between them. For disp [B, 1, H, W] and img [B, 3, H, W] the loss is made
in these steps:

1. Divide disp by its own mean, image by image: d = disp / mean(disp) over the H x W pixels.
2. Take forward differences, each pixel less its right (or lower) neighbour; only their size matters:
   |d[y, x+1] - d[y, x]| is [B, 1, H, W-1], |d[y+1, x] - d[y, x]| is [B, 1, H-1, W].
3. Weight each by exp(-g), where g is the mean over the three channels of the absolute difference of img
   between the same two pixels.
4. Return the mean over all weighted x differences plus the mean over all weighted y differences, a
   scalar (0-d) tensor in the dtype of the inputs.

* disp is positive, B >= 1, H and W are at least 2, so there is always something to average.
* Step 1 makes the loss blind to the scale of disp. Without it, shrinking all disparities towards zero
  would be the cheapest way to be smooth.
* It is a training loss: gradients flow to disp, through its mean as well. Inputs stay as they are.

Example: H = W = 2, both rows of disp are (1, 3), and img jumps by 0.5 in every channel between the two
columns. Then d has rows (0.5, 1.5), the x part is 1 * exp(-0.5) = 0.607, the y part 0, the loss 0.607.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "A difference of neighbours is two shifted slices of the same tensor; torch.diff takes it along an axis. "
    "Each axis is a term of its own until the very end.",
    "Which axes does the mean of step 1 run over, so that every image keeps its own? And where does the "
    "absolute value stand in the image's term: before or after the channels are averaged?",
    "Divide by the mean over all axes but the first (keepdim). Per axis: absolute difference of d, times exp "
    "of minus the absolute difference of img averaged over axis 1 (keepdim). Average each term, add the two.",
)


def edge_smooth(disp: Float[Tensor, "b 1 h w"], img: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
    """Return the smoothness loss of disp, forgiving where img has edges."""
    d = disp / disp.mean(dim=(1, 2, 3), keepdim=True)
    return _roughness(d, img, axis=3) + _roughness(d, img, axis=2)


def _roughness(d, img, axis):
    edge = img.diff(dim=axis).abs().mean(dim=1, keepdim=True)  # b 1 h w-1, or b 1 h-1 w
    return (d.diff(dim=axis).abs() * torch.exp(-edge)).mean()


def _normal(disp):
    return disp / disp.mean(dim=(1, 2, 3), keepdim=True)


@right("with slices and a tiny constant in the denominator, as in Monodepth2")
def sliced(disp, img):
    mean = disp.mean(2, True).mean(3, True)
    d = disp / (mean + 1e-7)
    dx = torch.abs(d[:, :, :, :-1] - d[:, :, :, 1:])
    dy = torch.abs(d[:, :, :-1, :] - d[:, :, 1:, :])
    gx = torch.mean(torch.abs(img[:, :, :, :-1] - img[:, :, :, 1:]), 1, keepdim=True)
    gy = torch.mean(torch.abs(img[:, :, :-1, :] - img[:, :, 1:, :]), 1, keepdim=True)
    dx *= torch.exp(-gx)
    dy *= torch.exp(-gy)
    return dx.mean() + dy.mean()


@right("with a loop over the images, and the mean divided out at the end")
def image_by_image(disp, img):
    total = 0.0
    for d, i in zip(disp[:, 0], img):
        ex = torch.exp(-(i[:, :, 1:] - i[:, :, :-1]).abs().sum(0) / 3)
        ey = torch.exp(-(i[:, 1:] - i[:, :-1]).abs().sum(0) / 3)
        rough = ((d[:, 1:] - d[:, :-1]).abs() * ex).mean() + ((d[1:] - d[:-1]).abs() * ey).mean()
        total = total + rough / d.mean()
    return total / len(disp)


@right("with unfolded pairs and sums divided by their counts")
def unfolded(disp, img):
    b, _, h, w = disp.shape
    d = disp.squeeze(1) * (h * w) / disp.sum(dim=(1, 2, 3)).view(b, 1, 1)
    loss = disp.new_zeros(())
    for axis, count in ((1, b * (h - 1) * w), (2, b * h * (w - 1))):
        pairs, colours = d.unfold(axis, 2, 1), img.unfold(axis + 1, 2, 1)
        edge = (colours[..., 0] - colours[..., 1]).abs().mean(1)
        loss = loss + ((pairs[..., 1] - pairs[..., 0]).abs() / edge.exp()).sum() / count
    return loss


@right("with convolutions by (-1, 1)")
def convolved(disp, img):
    d = disp / disp.flatten(1).mean(1)[:, None, None, None]
    kx = disp.new_tensor([[-1.0, 1.0]])[None, None]
    ky = kx.transpose(2, 3)
    loss = 0
    for k in (kx, ky):
        weight = sum(torch.nn.functional.conv2d(img[:, c : c + 1], k).abs() for c in range(3))
        loss = loss + (torch.nn.functional.conv2d(d, k).abs() * (weight / -3).exp()).mean()
    return loss


@wrong("does not divide disp by its mean, so that smaller disparities are always better")
def not_normalised(disp, img):
    return _roughness(disp, img, 3) + _roughness(disp, img, 2)


@wrong("divides by the mean of the whole batch instead of each image's own")
def batch_mean(disp, img):
    d = disp / disp.mean()
    return _roughness(d, img, 3) + _roughness(d, img, 2)


@wrong("divides by the largest disparity instead of the mean")
def by_maximum(disp, img):
    d = disp / disp.amax(dim=(1, 2, 3), keepdim=True)
    return _roughness(d, img, 3) + _roughness(d, img, 2)


@wrong("divides by the mean of each row instead of each image")
def row_mean(disp, img):
    d = disp / disp.mean(dim=3, keepdim=True)
    return _roughness(d, img, 3) + _roughness(d, img, 2)


@wrong("ignores the image")
def without_image(disp, img):
    d = _normal(disp)
    return d.diff(dim=3).abs().mean() + d.diff(dim=2).abs().mean()


@wrong("rewards edges: it forgets the minus sign in the exponent")
def growing_weight(disp, img):
    return _weighted(disp, img, lambda step: step.abs().mean(1, keepdim=True).exp())


@wrong("averages the channels before the absolute value, so that opposite changes cancel")
def gray_edges(disp, img):
    return _weighted(disp, img, lambda step: torch.exp(-step.mean(1, keepdim=True).abs()))


@wrong("sums the image's differences over the channels instead of averaging them")
def summed_channels(disp, img):
    return _weighted(disp, img, lambda step: torch.exp(-step.abs().sum(1, keepdim=True)))


@wrong("averages the weights of the channels instead of their differences")
def mean_of_weights(disp, img):
    return _weighted(disp, img, lambda step: torch.exp(-step.abs()).mean(1, keepdim=True))


@wrong("squares the image's differences")
def squared_edges(disp, img):
    return _weighted(disp, img, lambda step: torch.exp(-step.square().mean(1, keepdim=True)))


@wrong("forgets the absolute value of the image's differences")
def signed_edges(disp, img):
    return _weighted(disp, img, lambda step: torch.exp(-step.mean(1, keepdim=True)))


@wrong("uses the image's differences themselves as weights, without the exponential")
def linear_weight(disp, img):
    return _weighted(disp, img, lambda step: 1 - step.abs().mean(1, keepdim=True))


def _weighted(disp, img, weight, power=torch.abs, mean=torch.mean):
    d = _normal(disp)
    return sum(mean(power(d.diff(dim=a)) * weight(img.diff(dim=a))) for a in (3, 2))


def _edge(step):
    return torch.exp(-step.abs().mean(1, keepdim=True))


@wrong("forgets the absolute value of the differences of disp, so that ups and downs cancel")
def signed(disp, img):
    return _weighted(disp, img, _edge, power=torch.clone)


@wrong("squares the differences of disp")
def squared(disp, img):
    return _weighted(disp, img, _edge, power=torch.square)


@wrong("sums the differences instead of averaging them")
def summed(disp, img):
    return _weighted(disp, img, _edge, mean=torch.sum)


@wrong("averages all differences of both axes at once")
def pooled(disp, img):
    d = _normal(disp)
    parts = [(d.diff(dim=a).abs() * _edge(img.diff(dim=a))).flatten() for a in (3, 2)]
    return torch.cat(parts).mean()


@wrong("halves the sum of the two means")
def halved(disp, img):
    return edge_smooth(disp, img) / 2


@wrong("looks only along the rows")
def only_x(disp, img):
    return _roughness(_normal(disp), img, 3)


@wrong("divides by all pixels: the differences are padded with zeros to the size of the image")
def padded(disp, img):
    def step(t, axis):
        return t.diff(dim=axis, append=t.narrow(axis, -1, 1))

    d = _normal(disp)
    return sum((step(d, a).abs() * _edge(step(img, a))).mean() for a in (3, 2))


@wrong("wraps around: the last pixel of a row is compared with the first")
def wrapped(disp, img):
    d = _normal(disp)
    return sum(((d - d.roll(-1, a)).abs() * _edge(img - img.roll(-1, a))).mean() for a in (3, 2))


@wrong("crops both differences to the same size, and so leaves out the last row and the last column")
def cropped(disp, img):
    d = _normal(disp)
    dx, dy = (d.diff(dim=a).abs() * _edge(img.diff(dim=a)) for a in (3, 2))
    return dx[:, :, :-1].mean() + dy[..., :-1].mean()


@wrong("takes edges larger than 1 for edges of 1")
def bounded_edges(disp, img):
    return _weighted(disp, img, lambda step: torch.exp(-step.abs().mean(1, keepdim=True).clamp(max=1)))


@wrong("divides by the median disparity instead of the mean")
def by_median(disp, img):
    d = disp / disp.flatten(1).median(1).values[:, None, None, None]
    return _roughness(d, img, 3) + _roughness(d, img, 2)


@wrong("takes the image's differences along the other axis")
def crossed(disp, img):
    d = _normal(disp)
    dx, dy = d.diff(dim=3).abs(), d.diff(dim=2).abs()
    ex, ey = _edge(img.diff(dim=3)), _edge(img.diff(dim=2))
    return (dx[:, :, :-1] * ey[..., :-1]).mean() + (dy[..., :-1] * ex[:, :, :-1]).mean()


@wrong("keeps the gradient from flowing through the mean of disp")
def detached_mean(disp, img):
    d = disp / disp.mean(dim=(1, 2, 3), keepdim=True).detach()
    return _roughness(d, img, 3) + _roughness(d, img, 2)


@wrong("is cut off from the graph")
def detached(disp, img):
    return edge_smooth(disp.detach(), img)


@wrong("divides in the caller's own disp")
def in_place(disp, img):
    disp /= disp.mean(dim=(1, 2, 3), keepdim=True)
    return _roughness(disp, img, 3) + _roughness(disp, img, 2)


@wrong("returns a loss per image instead of one number")
def per_image(disp, img):
    return torch.stack([edge_smooth(d[None], i[None]) for d, i in zip(disp, img)])


@wrong("adds a constant to the mean that is not small beside a disparity")
def padded_mean(disp, img):
    d = disp / (disp.mean(dim=(1, 2, 3), keepdim=True) + 1e-3)
    return _roughness(d, img, 3) + _roughness(d, img, 2)


@wrong("computes in single precision whatever comes in")
def single_precision(disp, img):
    return edge_smooth(disp.float(), img.float())
