"""One step of Lucas-Kanade: sparse optical flow at given points.

Assume that all pixels in a window around a point move alike and keep their brightness. Each pixel then
gives one linear equation, Ix * u + Iy * v + It = 0, and least squares finds the motion (u, v).

* I1 and I2 are grey images [H, W]; H and W are at least 3. ys and xs [N] (int64) are the rows and
  columns of N pixels of I1; they may repeat and may lie on the border. N may be 0.
* Ix and Iy are central differences of I1: Ix(y, x) = (I1(y, x + 1) - I1(y, x - 1)) / 2 and
  Iy(y, x) = (I1(y + 1, x) - I1(y - 1, x)) / 2; It = I2 - I1. For the differences a pixel outside the
  image has the value of the nearest one inside, so at the left border Ix is (I1(y, 1) - I1(y, 0)) / 2.
* The window of a point is the (2r + 1) x (2r + 1) pixels around it, all with weight 1. Where it reaches
  over the border, Ix, Iy and It are those of the nearest pixel inside, each counted as often as the
  window meets it. r is at least 1; the window may be larger than the image.
* With sums over the window, solve

      [ sum Ix Ix   sum Ix Iy ] [u]     [ sum Ix It ]
      [ sum Ix Iy   sum Iy Iy ] [v] = - [ sum Iy It ]

* min_eig is the smaller eigenvalue of that matrix (of the sums, not of means). Where it is less than
  1e-6 the flow is (0, 0): the window is flat, or shows only a straight edge, along which motion cannot
  be seen (the aperture problem). min_eig is returned as it comes out, a rounding error from 0 perhaps.
* Return the tuple (flow [N, 2] with rows (u, v) = (dx, dy) in pixels, min_eig [N]), both in the dtype of
  the images. A single step: no pyramid, no iteration.
* The inputs stay as they are. All tensors are on the CPU. No gradient is asked for.

Example: I1(y, x) = x * y on 5 x 5 pixels, and I2 = I1 - y, which is I1 moved to the right by one. At the
pixel (2, 2) with r = 1 the matrix is [[42, 36], [36, 42]] and the right-hand side (42, 36): the flow is
(1, 0) and min_eig is 6.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 4
MINUTES = 35
HINTS = (
    "Make three maps of the size of the image, Ix, Iy and It, before you think of windows. For the "
    "differences a border of one repeated pixel spares all special cases.",
    "The rows of a window are y - r ... y + r, clamped to the image, its columns likewise: indexing with "
    "clamped coordinates reads replicated borders. Each window is a list of (2r + 1)^2 equations.",
    "With A of shape [N, (2r+1)^2, 2] holding (Ix, Iy), the matrix is A transposed times A, and the right "
    "side minus A transposed times It. eigvalsh gives eigenvalues in rising order. Put the identity in place "
    "of matrices that cannot be solved, solve all of them at once, and write zeros where they could not be.",
)


def lucas_kanade(
    I1: Float[Tensor, "h w"],
    I2: Float[Tensor, "h w"],
    ys: Int64[Tensor, " n"],
    xs: Int64[Tensor, " n"],
    r: int = 7,
) -> tuple[Float[Tensor, "n 2"], Float[Tensor, " n"]]:
    """Return the flow (u, v) at each point and the smaller eigenvalue of its normal matrix."""
    I1, I2 = I1.detach(), I2.detach()
    A = _windows(_gradient(I1), ys, xs, r)  # n k 2, one row an equation
    It = _windows((I2 - I1)[..., None], ys, xs, r)  # n k 1
    M, b = A.mT @ A, -(A.mT @ It)  # n 2 2, n 2 1
    min_eig = torch.linalg.eigvalsh(M)[:, 0]
    solvable = min_eig >= 1e-6
    M = M.where(solvable[:, None, None], torch.eye(2).to(M))
    flow = torch.linalg.solve(M, b)[..., 0]
    return flow.where(solvable[:, None], 0), min_eig


def _gradient(image):
    """Return central differences along x and y on a last axis of 2."""
    padded = F.pad(image[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    Ix = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    Iy = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    return torch.stack([Ix, Iy], dim=-1)


def _windows(maps, ys, xs, r):
    """Return for each point the values around it, [N, (2r+1)^2, channels]."""
    h, w = maps.shape[:2]
    offset = torch.arange(-r, r + 1)
    rows = (ys[:, None] + offset).clamp(0, h - 1)  # n 2r+1
    cols = (xs[:, None] + offset).clamp(0, w - 1)
    return maps[rows[:, :, None], cols[:, None, :]].flatten(1, 2)


@right("in loops over points and pixels, with plain numbers and Cramer's rule")
def looped(I1, I2, ys, xs, r=7):
    h, w = I1.shape
    a, c = I1.tolist(), I2.tolist()
    flow, least = torch.zeros(len(ys), 2, dtype=I1.dtype), torch.zeros(len(ys), dtype=I1.dtype)
    for n, (py, px) in enumerate(zip(ys.tolist(), xs.tolist())):
        xx = xy = yy = xt = yt = 0.0
        for i in range(py - r, py + r + 1):
            for j in range(px - r, px + r + 1):
                y, x = min(max(i, 0), h - 1), min(max(j, 0), w - 1)
                gx = (a[y][min(x + 1, w - 1)] - a[y][max(x - 1, 0)]) / 2
                gy = (a[min(y + 1, h - 1)][x] - a[max(y - 1, 0)][x]) / 2
                gt = c[y][x] - a[y][x]
                xx, xy, yy, xt, yt = xx + gx * gx, xy + gx * gy, yy + gy * gy, xt + gx * gt, yt + gy * gt
        least[n] = (xx + yy) / 2 - (((xx - yy) / 2) ** 2 + xy**2) ** 0.5
        if least[n] >= 1e-6:
            det = xx * yy - xy * xy
            flow[n, 0], flow[n, 1] = (xy * yt - yy * xt) / det, (xy * xt - xx * yt) / det
    return flow, least


@right("with box filters over maps of products, read off at the points")
def box_filtered(I1, I2, ys, xs, r=7):
    Ix, Iy = _gradient(I1).unbind(-1)
    It, k = I2 - I1, 2 * r + 1
    products = torch.stack([Ix * Ix, Ix * Iy, Iy * Iy, Ix * It, Iy * It])[:, None]
    padded = F.pad(products, (r, r, r, r), mode="replicate")
    xx, xy, yy, xt, yt = F.conv2d(padded, torch.ones(1, 1, k, k).to(I1))[:, 0][:, ys, xs]
    root = torch.hypot(xx - yy, 2 * xy)
    least = (xx + yy - root) / 2
    det = xx * yy - xy**2
    bad = least < 1e-6
    det = det.masked_fill(bad, 1)
    flow = torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / det[:, None]
    return [flow.masked_fill(bad[:, None], 0), least]


@right("with a least-squares solver and singular values, point by point")
def least_squares(I1, I2, ys, xs, r=7):
    kernel = torch.tensor([-0.5, 0.0, 0.5]).to(I1)
    Ix = F.conv2d(F.pad(I1[None, None], (1, 1, 0, 0), mode="replicate"), kernel.view(1, 1, 1, 3))[0, 0]
    Iy = F.conv2d(F.pad(I1[None, None], (0, 0, 1, 1), mode="replicate"), kernel.view(1, 1, 3, 1))[0, 0]
    flow, least = I1.new_zeros(len(ys), 2), I1.new_zeros(len(ys))
    Ix, Iy, It = (F.pad(m[None, None], (r, r, r, r), mode="replicate")[0, 0] for m in (Ix, Iy, I2 - I1))
    for n, (y, x) in enumerate(zip(ys, xs)):
        window = slice(y, y + 2 * r + 1), slice(x, x + 2 * r + 1)
        A = torch.stack([Ix[window].reshape(-1), Iy[window].reshape(-1)], 1)
        least[n] = torch.linalg.svdvals(A)[-1] ** 2
        if least[n] >= 1e-6:
            flow[n] = torch.linalg.lstsq(A, -It[window].reshape(-1, 1)).solution[:, 0]
    return flow, least


@right("in NumPy, with index arrays that stop at the border")
def in_numpy(I1, I2, ys, xs, r=7):
    a, b = I1.detach().numpy(), I2.detach().numpy()
    h, w = a.shape
    y, x = np.arange(h), np.arange(w)
    gx = (a[:, np.minimum(x + 1, w - 1)] - a[:, np.maximum(x - 1, 0)]) * 0.5
    gy = (a[np.minimum(y + 1, h - 1)] - a[np.maximum(y - 1, 0)]) * 0.5
    flow, least = [], []
    for py, px in zip(ys.tolist(), xs.tolist()):
        at = np.ix_(
            np.clip(range(py - r, py + r + 1), 0, h - 1), np.clip(range(px - r, px + r + 1), 0, w - 1)
        )
        A = np.stack([gx[at].ravel(), gy[at].ravel()], axis=1)
        values = np.linalg.eigh(A.T @ A)[0]
        least.append(values[0])
        t = (b - a)[at].ravel()
        flow.append(np.zeros(2) if values[0] < 1e-6 else -np.linalg.inv(A.T @ A) @ (A.T @ t))
    return torch.tensor(np.array(flow).reshape(-1, 2)).to(I1), torch.tensor(least, dtype=I1.dtype)


def _step(gradient, It, ys, xs, r, *, least=1e-6, windows=_windows, weight=None, ridge=0.0):
    """Solve as the reference does, with something changed."""
    A, t = windows(gradient, ys, xs, r), windows(It[..., None], ys, xs, r)
    weighted = A if weight is None else A * weight
    M, b = weighted.mT @ A + ridge * torch.eye(2).to(A), -(weighted.mT @ t)
    min_eig = torch.linalg.eigvalsh(M)[:, 0]
    solvable = min_eig >= least
    M = M.where(solvable[:, None, None], torch.eye(2).to(M))
    return torch.linalg.solve(M, b)[..., 0].where(solvable[:, None], 0), min_eig


@wrong("turns the motion round: the minus before the right-hand side is missing")
def sign_lost(I1, I2, ys, xs, r=7):
    return _step(_gradient(I1), I1 - I2, ys, xs, r)


@wrong("takes the gradient of the second image")
def gradient_of_second(I1, I2, ys, xs, r=7):
    return _step(_gradient(I2), I2 - I1, ys, xs, r)


@wrong("takes the gradient of the mean of both images")
def gradient_of_mean(I1, I2, ys, xs, r=7):
    return _step(_gradient((I1 + I2) / 2), I2 - I1, ys, xs, r)


@wrong("takes forward differences instead of central ones")
def forward_differences(I1, I2, ys, xs, r=7):
    padded = F.pad(I1[None, None], (0, 1, 0, 1), mode="replicate")[0, 0]
    gradient = torch.stack([padded[:-1, 1:] - I1, padded[1:, :-1] - I1], -1)
    return _step(gradient, I2 - I1, ys, xs, r)


@wrong("forgets to halve the central differences")
def not_halved(I1, I2, ys, xs, r=7):
    return _step(2 * _gradient(I1), I2 - I1, ys, xs, r)


@wrong("takes Sobel filters, which blur across the direction of the difference")
def sobel(I1, I2, ys, xs, r=7):
    gradient = _gradient(F.pad(I1[None, None], (1, 1, 1, 1), mode="replicate")[0, 0])
    across = [gradient[1:-1, 1:-1, 0], gradient[1:-1, 1:-1, 1]]
    Ix = (gradient[:-2, 1:-1, 0] + 2 * across[0] + gradient[2:, 1:-1, 0]) / 4
    Iy = (gradient[1:-1, :-2, 1] + 2 * across[1] + gradient[1:-1, 2:, 1]) / 4
    return _step(torch.stack([Ix, Iy], -1), I2 - I1, ys, xs, r)


@wrong("takes one-sided differences at the border, as torch.gradient and np.gradient do")
def one_sided_border(I1, I2, ys, xs, r=7):
    Iy, Ix = torch.gradient(I1)
    return _step(torch.stack([Ix, Iy], -1), I2 - I1, ys, xs, r)


@wrong("pads with zeros before it takes differences, which makes an edge of the border")
def zero_padded(I1, I2, ys, xs, r=7):
    return _step(_gradient(F.pad(I1, (1, 1, 1, 1)))[1:-1, 1:-1], I2 - I1, ys, xs, r)


@wrong("wraps round at the border when it takes differences, as roll does")
def rolled(I1, I2, ys, xs, r=7):
    Ix, Iy = ((I1.roll(-1, axis) - I1.roll(1, axis)) / 2 for axis in (1, 0))
    return _step(torch.stack([Ix, Iy], -1), I2 - I1, ys, xs, r)


def _with_zeros(maps, ys, xs, r):
    padded = F.pad(maps.movedim(-1, 0), (r, r, r, r)).movedim(0, -1)
    return _windows(padded, ys + r, xs + r, r)


@wrong("leaves out what the window has beyond the border instead of repeating the nearest pixel")
def clipped_window(I1, I2, ys, xs, r=7):
    return _step(_gradient(I1), I2 - I1, ys, xs, r, windows=_with_zeros)


@wrong("repeats the image itself beyond the border and then takes differences, which are 0 out there")
def padded_image(I1, I2, ys, xs, r=7):
    one, two = (F.pad(image[None, None], (r, r, r, r), mode="replicate")[0, 0] for image in (I1, I2))
    return _step(_gradient(one), two - one, ys + r, xs + r, r)


@wrong("moves windows that reach over the border back into the image")
def moved_inside(I1, I2, ys, xs, r=7):
    h, w = I1.shape
    rows, cols = (
        ys.clamp(min(r, h // 2), max(h - 1 - r, h // 2)),
        xs.clamp(min(r, w // 2), max(w - 1 - r, w // 2)),
    )
    return _step(_gradient(I1), I2 - I1, rows, cols, r)


@wrong("averages over the window instead of summing, so that min_eig is (2r + 1)^2 times too small")
def averaged(I1, I2, ys, xs, r=7):
    k = (2 * r + 1) ** 2
    flow, min_eig = _step(_gradient(I1), I2 - I1, ys, xs, r, least=1e-6 * k)
    return flow, min_eig / k


@wrong("takes a window of 2r pixels a side, because the range ends before r")
def short_window(I1, I2, ys, xs, r=7):
    weight = F.pad(torch.ones(2 * r, 2 * r), (0, 1, 0, 1)).reshape(-1, 1).to(I1)
    return _step(_gradient(I1), I2 - I1, ys, xs, r, weight=weight)


@wrong("takes a window of r pixels a side")
def half_window(I1, I2, ys, xs, r=7):
    return _step(_gradient(I1), I2 - I1, ys, xs, r // 2)


@wrong("ignores r and always takes a window of 15 x 15")
def fixed_window(I1, I2, ys, xs, r=7):
    return lucas_kanade(I1, I2, ys, xs)


@wrong("takes r = 2 for the default")
def other_default(I1, I2, ys, xs, r=2):
    return lucas_kanade(I1, I2, ys, xs, r)


@wrong("weighs the window with a Gaussian")
def gaussian(I1, I2, ys, xs, r=7):
    bell = torch.exp(-((torch.arange(-r, r + 1) / r) ** 2)).to(I1)
    return _step(_gradient(I1), I2 - I1, ys, xs, r, weight=torch.outer(bell, bell).reshape(-1, 1))


@wrong("returns (v, u), the vertical motion first")
def flow_swapped(I1, I2, ys, xs, r=7):
    flow, min_eig = lucas_kanade(I1, I2, ys, xs, r)
    return flow.flip(1), min_eig


@wrong("takes ys for columns and xs for rows")
def points_swapped(I1, I2, ys, xs, r=7):
    h, w = I1.shape
    return lucas_kanade(I1, I2, xs.clamp(max=h - 1), ys.clamp(max=w - 1), r)


@wrong("returns the larger eigenvalue and judges by it, and so answers on straight edges too")
def larger_eigenvalue(I1, I2, ys, xs, r=7):
    gradient = _gradient(I1)
    A, It = _windows(gradient, ys, xs, r), _windows((I2 - I1)[..., None], ys, xs, r)
    M = A.mT @ A
    largest = torch.linalg.eigvalsh(M)[:, 1]
    flow = -(torch.linalg.pinv(M, rtol=1e-9) @ (A.mT @ It))[..., 0]
    return flow.where(largest[:, None] >= 1e-6, 0), largest


@wrong("returns the determinant and judges by it")
def determinant(I1, I2, ys, xs, r=7):
    A = _windows(_gradient(I1), ys, xs, r)
    det = torch.linalg.det(A.mT @ A)
    flow, _ = lucas_kanade(I1, I2, ys, xs, r)
    return flow.where(det[:, None] >= 1e-6, 0), det


@wrong("solves singular windows too, by pseudo-inverse, instead of answering 0")
def pseudo_inverse(I1, I2, ys, xs, r=7):
    flow, min_eig = lucas_kanade(I1, I2, ys, xs, r)
    A, It = _windows(_gradient(I1), ys, xs, r), _windows((I2 - I1)[..., None], ys, xs, r)
    least_norm = -(torch.linalg.pinv(A, rtol=1e-9) @ It)[..., 0]
    return least_norm.where(min_eig[:, None] < 1e-6, flow), min_eig


@wrong("adds a small ridge to the matrix, so that it can always be solved")
def ridged(I1, I2, ys, xs, r=7):
    return _step(_gradient(I1), I2 - I1, ys, xs, r, ridge=1e-3)


@wrong("refuses an eigenvalue only below 1e-9, and so answers where there is hardly any contrast")
def low_threshold(I1, I2, ys, xs, r=7):
    return _step(_gradient(I1), I2 - I1, ys, xs, r, least=1e-9)


@wrong("answers 0 already for eigenvalues below 1e-3")
def high_threshold(I1, I2, ys, xs, r=7):
    return _step(_gradient(I1), I2 - I1, ys, xs, r, least=1e-3)


@wrong("compares the eigenvalue with 1e-6 times the larger one")
def relative_threshold(I1, I2, ys, xs, r=7):
    A = _windows(_gradient(I1), ys, xs, r)
    values = torch.linalg.eigvalsh(A.mT @ A)
    flow, min_eig = _step(_gradient(I1), I2 - I1, ys, xs, r, least=1e-14)
    return flow.where(values[:, :1] > 1e-6 * values[:, 1:], 0), min_eig


@wrong("returns a column of flow for each point instead of a row")
def transposed(I1, I2, ys, xs, r=7):
    flow, min_eig = lucas_kanade(I1, I2, ys, xs, r)
    return flow.T, min_eig


@wrong("fails where there are no points, because nothing can be stacked")
def fails_when_empty(I1, I2, ys, xs, r=7):
    found = [lucas_kanade(I1, I2, ys[n : n + 1], xs[n : n + 1], r) for n in range(len(ys))]
    return torch.cat([f for f, _ in found]), torch.cat([e for _, e in found])


@wrong("subtracts I1 from the caller's own I2")
def in_place(I1, I2, ys, xs, r=7):
    answer = lucas_kanade(I1, I2, ys, xs, r)
    I2 -= I1
    return answer


@wrong("works in float32 whatever comes in")
def single_precision(I1, I2, ys, xs, r=7):
    return lucas_kanade(I1.float(), I2.float(), ys, xs, r)


@wrong("works in float64 whatever comes in, and returns that")
def double_precision(I1, I2, ys, xs, r=7):
    return lucas_kanade(I1.double(), I2.double(), ys, xs, r)


@wrong("leaves out the mixed sum of Ix Iy, as if the axes could be solved one by one")
def axes_apart(I1, I2, ys, xs, r=7):
    A, It = _windows(_gradient(I1), ys, xs, r), _windows((I2 - I1)[..., None], ys, xs, r)
    _, min_eig = lucas_kanade(I1, I2, ys, xs, r)
    squares = A.square().sum(1)
    flow = -(A * It).sum(1) / squares.where(squares > 0, 1)
    return flow.where(min_eig[:, None] >= 1e-6, 0), min_eig


@wrong("multiplies the quotient with the mask, so that a flat window, 0 / 0, stays NaN")
def nan_when_flat(I1, I2, ys, xs, r=7):
    A, It = _windows(_gradient(I1), ys, xs, r), _windows((I2 - I1)[..., None], ys, xs, r)
    (xx, xy), (_, yy) = (A.mT @ A).movedim(0, -1)
    xt, yt = (A.mT @ It)[..., 0].T
    _, min_eig = lucas_kanade(I1, I2, ys, xs, r)
    flow = torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / (xx * yy - xy * xy)[:, None]
    return flow * (min_eig >= 1e-6)[:, None], min_eig


@wrong("mirrors the image at its border before it takes differences, which makes them 0 there")
def mirrored(I1, I2, ys, xs, r=7):
    padded = F.pad(I1[None, None], (1, 1, 1, 1), mode="reflect")[0, 0]
    return _step(_gradient(padded)[1:-1, 1:-1], I2 - I1, ys, xs, r)


@wrong("divides by 1 instead of the determinant where min_eig is small, and does not set the flow to 0")
def undivided(I1, I2, ys, xs, r=7):
    A = _windows(_gradient(I1), ys, xs, r)
    b = -A.mT @ _windows((I2 - I1)[..., None], ys, xs, r)
    (xx, xy), (_, yy) = ((A.mT @ A)[:, i].unbind(1) for i in (0, 1))
    least = (xx + yy - torch.hypot(xx - yy, 2 * xy)) / 2
    det = (xx * yy - xy**2).masked_fill(least < 1e-6, 1)
    u, v = yy * b[:, 0, 0] - xy * b[:, 1, 0], xx * b[:, 1, 0] - xy * b[:, 0, 0]
    return torch.stack([u, v], dim=1) / det[:, None], least


@wrong("puts 0 in min_eig too where the flow is 0")
def eigenvalue_cleared(I1, I2, ys, xs, r=7):
    flow, min_eig = lucas_kanade(I1, I2, ys, xs, r)
    return flow, min_eig.where(min_eig >= 1e-6, 0)
