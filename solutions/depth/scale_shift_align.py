"""Scale and shift of a relative depth map.

A model like MiDaS knows (inverse) depth only up to a scale and a shift per image. Before it is compared
with the truth, both are fitted: for each image find the s and t that make

    sum over valid pixels of (s * pred + t - target)^2

least. pred, target and valid are [B, H, W], valid is bool; return (s, t), each [B].

* Only valid pixels take part. Elsewhere target may be anything, NaN and inf too; pred is finite
  everywhere.
* With n valid pixels, sums over them, and det = n * sum(p^2) - sum(p)^2, the fit is singular if

      det <= 1e-12 * n * sum(p^2)

  for then pred is constant up to rounding (also when it is 0, or when only one pixel is valid), and any
  scale would do. Return s = 0 and t = the mean of target over the valid pixels.
  The threshold is relative, so that the unit of pred does not matter: values of the order of 1e-4, or
  1e4, are ordinary.
* An image without valid pixels has s = 0 and t = 0. Each image is treated on its own.
* B, H and W are at least 1. Results have the dtype of pred and target. Inputs stay as they are. No
  gradient is asked for.

Example: pred (1, 2, 3, 9), target (3, 5, 7, NaN), valid (True, True, True, False) lie on a line: s = 2,
t = 1. With pred (4, 4, 4, 9) it is singular: s = 0, t = 5.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 25
HINTS = (
    "Least squares of a line has a closed form in five sums: of 1, p, p^2, g and p * g. What must happen to "
    "a target that is NaN before it enters a sum?",
    "Put zeros where pixels are invalid (replace, do not multiply) and sum over the pixels of each image. "
    "The two normal equations have a determinant; look at it before you divide.",
    "s = (n * sum(pg) - sum(p) * sum(g)) / det, and t = (sum(g) - s * sum(p)) / n. Where det is too small "
    "set s to 0 before you compute t, and the same formula gives the mean; where n is 0 divide by 1.",
)


def align(
    pred: Float[Tensor, "b h w"], target: Float[Tensor, "b h w"], valid: Bool[Tensor, "b h w"]
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Return the scale and the shift of each image that bring pred closest to target."""
    n, p, g = _pixels(pred, target, valid)
    det = n * (p * p).sum(1) - p.sum(1) ** 2
    singular = det <= 1e-12 * n * (p * p).sum(1)
    s = (n * (p * g).sum(1) - p.sum(1) * g.sum(1)) / det.masked_fill(singular, 1)
    s = s.masked_fill(singular, 0)
    t = (g.sum(1) - s * p.sum(1)) / n.clamp(min=1)
    return s, t


def _pixels(pred, target, valid):
    """Return the number of valid pixels, and both maps flattened, 0 where invalid."""
    p, g = (x.detach().masked_fill(~valid, 0).flatten(1) for x in (pred, target))  # b h*w
    return valid.flatten(1).sum(1), p, g


@right("with a loop over images, centred on the means")
def centred(pred, target, valid):
    ss, ts = [], []
    for p, g, v in zip(pred, target, valid):
        p, g = p[v], g[v]
        if len(p) == 0:
            s = t = pred.new_zeros(())
        else:
            spread = ((p - p.mean()) ** 2).mean()
            if spread <= 1e-12 * (p**2).mean():
                s, t = pred.new_zeros(()), g.mean()
            else:
                s = ((p - p.mean()) * (g - g.mean())).mean() / spread
                t = g.mean() - s * p.mean()
        ss.append(s)
        ts.append(t)
    return torch.stack(ss), torch.stack(ts)


@right("with torch.linalg.lstsq, and the singular values for the decision, as a list")
def with_lstsq(pred, target, valid):
    s, t = torch.zeros(len(pred), dtype=pred.dtype), torch.zeros(len(pred), dtype=pred.dtype)
    for i in range(len(pred)):
        p, g = pred[i][valid[i]], target[i][valid[i]]
        if p.numel() == 0:
            continue
        unit = p.abs().max()
        a = torch.stack([p / unit if unit > 0 else p, torch.ones_like(p)], dim=1)
        normal = a.T @ a
        det = torch.linalg.det(normal)
        if det <= 1e-12 * normal[0, 0] * normal[1, 1]:
            t[i] = g.mean()
            continue
        x = torch.linalg.lstsq(a, g[:, None]).solution[:, 0]
        s[i], t[i] = x[0] / unit, x[1]
    return [s, t]


@right("with sums as in MiDaS, each numerator over the determinant")
def by_cramer(pred, target, valid):
    m = valid.to(pred.dtype)
    zero = torch.zeros_like(target)
    target = torch.where(valid, target, zero)
    a00 = (m * pred * pred).sum((1, 2))
    a01 = (m * pred).sum((1, 2))
    a11 = m.sum((1, 2))
    b0, b1 = (m * pred * target).sum((1, 2)), (m * target).sum((1, 2))
    det = a00 * a11 - a01 * a01
    ok = det > 1e-12 * a00 * a11
    s, t = torch.zeros_like(b0), b1 / a11.clamp(min=1)
    s[ok] = (a11[ok] * b0[ok] - a01[ok] * b1[ok]) / det[ok]
    t[ok] = (-a01[ok] * b0[ok] + a00[ok] * b1[ok]) / det[ok]
    return s, t


@right("with Python floats")
def in_python(pred, target, valid):
    found = []
    for i in range(pred.shape[0]):
        own = [
            (p, g)
            for p, g, v in zip(pred[i].flatten().tolist(), target[i].flatten().tolist(), valid[i].flatten())
            if v
        ]
        n = len(own)
        mean_p, mean_g = sum(p for p, _ in own) / max(n, 1), sum(g for _, g in own) / max(n, 1)
        var, cov = sum((p - mean_p) ** 2 for p, _ in own), sum((p - mean_p) * (g - mean_g) for p, g in own)
        s = cov / var if var > 1e-12 * sum(p * p for p, _ in own) else 0.0
        found.append((s, mean_g - s * mean_p))
    return tuple(torch.tensor(column, dtype=pred.dtype) for column in zip(*found))


def _solved(n, p, g, *, threshold=lambda n, pp: 1e-12 * n * pp):
    pp, pg, sp, sg = (p * p).sum(1), (p * g).sum(1), p.sum(1), g.sum(1)
    det = n * pp - sp**2
    singular = det <= threshold(n, pp)
    s = ((n * pg - sp * sg) / det.masked_fill(singular, 1)).masked_fill(singular, 0)
    return s, (sg - s * sp) / n.clamp(min=1)


@wrong("multiplies by the mask, so that a NaN among invalid targets spoils the fit")
def multiplied(pred, target, valid):
    m = valid.to(pred.dtype)
    return _solved(m.flatten(1).sum(1), (pred * m).flatten(1), (target * m).flatten(1))


@wrong("ignores valid, but for targets that are not finite")
def without_mask(pred, target, valid):
    return align(pred, target, target.isfinite())


@wrong("fits one scale and one shift for the whole batch")
def one_fit(pred, target, valid):
    s, t = align(pred.flatten(0, 1)[None], target.flatten(0, 1)[None], valid.flatten(0, 1)[None])
    return s.repeat(len(pred)), t.repeat(len(pred))


@wrong("fits pred to target the wrong way round: target is scaled and shifted to meet pred")
def inverse(pred, target, valid):
    return align(target.where(valid, 0), pred, valid)


@wrong("fits the scale alone, without a shift")
def without_shift(pred, target, valid):
    _, p, g = _pixels(pred, target, valid)
    pp = (p * p).sum(1)
    return (p * g).sum(1) / pp.where(pp > 0, 1), torch.zeros_like(pp)


@wrong("fits the scale without a shift, and takes what is left on average for the shift")
def shift_afterwards(pred, target, valid):
    n, p, g = _pixels(pred, target, valid)
    pp = (p * p).sum(1)
    s = torch.where(align(pred, target, valid)[0] == 0, 0, (p * g).sum(1) / pp.where(pp > 0, 1))
    return s, (g.sum(1) - s * p.sum(1)) / n.clamp(min=1)


@wrong("returns (t, s)")
def exchanged(pred, target, valid):
    s, t = align(pred, target, valid)
    return t, s


@wrong("divides the spreads for the scale, as if pred and target were perfectly correlated")
def ratio_of_spreads(pred, target, valid):
    n, p, g = _pixels(pred, target, valid)
    many = n.clamp(min=1)
    var_p = (p * p).sum(1) / many - (p.sum(1) / many) ** 2
    var_g = (g * g).sum(1) / many - (g.sum(1) / many) ** 2
    s = torch.where(align(pred, target, valid)[0] == 0, 0, (var_g.clamp(min=0) / var_p).sqrt())
    return s, (g.sum(1) - s * p.sum(1)) / many


@wrong("aligns by median and mean absolute deviation, the robust variant")
def robust(pred, target, valid):
    s, t = align(pred, target, valid)
    for i, (p, g, v) in enumerate(zip(pred, target, valid)):
        if s[i] != 0:
            p, g = p[v], g[v]
            s[i] = (g - g.median()).abs().mean() / (p - p.median()).abs().mean()
            t[i] = g.median() - s[i] * p.median()
    return s, t


@wrong("divides by a determinant of zero")
def unguarded(pred, target, valid):
    return _solved(*_pixels(pred, target, valid), threshold=lambda n, pp: torch.full_like(pp, -torch.inf))


@wrong("takes only a determinant of exactly 0 for singular, which rounding seldom gives")
def only_zero(pred, target, valid):
    n, p, g = _pixels(pred, target, valid)
    det = n * (p * p).sum(1) - p.sum(1) ** 2
    s = (n * (p * g).sum(1) - p.sum(1) * g.sum(1)) / det.masked_fill(det == 0, 1)
    return s, (g.sum(1) - s * p.sum(1)) / n.clamp(min=1)


@wrong("compares the determinant with an absolute threshold, so that the unit of pred decides")
def absolute(pred, target, valid):
    return _solved(*_pixels(pred, target, valid), threshold=lambda n, pp: torch.full_like(pp, 1e-6))


@wrong("compares the determinant with an absolute threshold too small for the rounding of large predictions")
def absolute_tiny(pred, target, valid):
    return _solved(*_pixels(pred, target, valid), threshold=lambda n, pp: torch.full_like(pp, 1e-12))


@wrong("calls a fit singular that is only badly conditioned: its relative threshold is far too large")
def eager(pred, target, valid):
    return _solved(*_pixels(pred, target, valid), threshold=lambda n, pp: 1e-3 * n * pp)


@wrong("calls a fit singular whose predictions differ in the sixth digit: its threshold is 1e-9")
def thousandfold(pred, target, valid):
    return _solved(*_pixels(pred, target, valid), threshold=lambda n, pp: 1e-9 * n * pp)


@wrong("does not trust two pixels with a line, and calls fewer than three singular")
def at_least_three(pred, target, valid):
    n, p, g = _pixels(pred, target, valid)
    return _solved(n, p, g, threshold=lambda n, pp: torch.where(n < 3, torch.inf, 1e-12 * n * pp))


@wrong("takes the solution of least norm when the fit is singular, as a pseudo-inverse gives it")
def least_norm(pred, target, valid):
    s, t = align(pred, target, valid)
    n, p, _ = _pixels(pred, target, valid)
    mean = p.sum(1) / n.clamp(min=1)
    share = t * mean / (1 + mean * mean)
    lone = s == 0
    return torch.where(lone, share, s), torch.where(lone, t - share * mean, t)


@wrong("asks for a determinant strictly below the threshold, which 0 is not when pred is 0")
def strictly_below(pred, target, valid):
    n, p, g = _pixels(pred, target, valid)
    det, scale = n * (p * p).sum(1) - p.sum(1) ** 2, n * (p * p).sum(1)
    singular = det < 1e-12 * scale
    s = ((n * (p * g).sum(1) - p.sum(1) * g.sum(1)) / det).masked_fill(singular | (n == 0), 0)
    return s, (g.sum(1) - s * p.sum(1)) / n.clamp(min=1)


@wrong("adds a constant to the determinant instead of looking at it")
def ridge(pred, target, valid):
    n, p, g = _pixels(pred, target, valid)
    det = n * (p * p).sum(1) - p.sum(1) ** 2 + 1e-6
    s = (n * (p * g).sum(1) - p.sum(1) * g.sum(1)) / det
    return s, (g.sum(1) - s * p.sum(1)) / n.clamp(min=1)


@wrong("leaves the shift at 0 too when the fit is singular")
def zeros_when_singular(pred, target, valid):
    s, t = align(pred, target, valid)
    return s, t.masked_fill(s == 0, 0)


@wrong("keeps a scale of 1 when the fit is singular, and shifts by the difference of the means")
def one_when_singular(pred, target, valid):
    s, t = align(pred, target, valid)
    n, p, _ = _pixels(pred, target, valid)
    lone = (s == 0) & (n > 0)
    return s.masked_fill(lone, 1), torch.where(lone, t - p.sum(1) / n.clamp(min=1), t)


@wrong("takes the mean of target over all pixels when the fit is singular")
def mean_of_all(pred, target, valid):
    s, t = align(pred, target, valid)
    singular = (s == 0) & valid.flatten(1).any(1)
    return s, torch.where(singular, target.nan_to_num(0, 0, 0).flatten(1).mean(1), t)


@wrong("returns NaN for an image without valid pixels")
def nan_without_pixels(pred, target, valid):
    s, t = align(pred, target, valid)
    none = ~valid.flatten(1).any(1)
    return s, t.masked_fill(none, torch.nan)


@wrong("gives up on the whole batch when one image is singular")
def all_or_nothing(pred, target, valid):
    s, t = align(pred, target, valid)
    if bool((s == 0).any()):
        n, _, g = _pixels(pred, target, valid)
        return torch.zeros_like(s), g.sum(1) / n.clamp(min=1)
    return s, t


@wrong("divides by all pixels instead of the valid ones")
def over_all_pixels(pred, target, valid):
    n, p, g = _pixels(pred, target, valid)
    return _solved(torch.full_like(n, valid[0].numel()), p, g)


@wrong("mixes n and n - 1: divides the covariance by one, the variance by the other")
def mixed_counts(pred, target, valid):
    s, _ = align(pred, target, valid)
    n, p, g = _pixels(pred, target, valid)
    s = s * (n - 1) / n.clamp(min=1)
    return s, (g.sum(1) - s * p.sum(1)) / n.clamp(min=1)


@wrong("takes the shift as the difference of the means, and forgets to scale the one of pred")
def unscaled_mean(pred, target, valid):
    s, t = align(pred, target, valid)
    n, p, g = _pixels(pred, target, valid)
    return s, torch.where(s == 0, t, (g.sum(1) - p.sum(1)) / n.clamp(min=1))


@wrong("allows no negative scale")
def never_negative(pred, target, valid):
    s, _ = align(pred, target, valid)
    s = s.clamp(min=0)
    n, p, g = _pixels(pred, target, valid)
    return s, (g.sum(1) - s * p.sum(1)) / n.clamp(min=1)


@wrong("writes zeros into the caller's target")
def in_place(pred, target, valid):
    target[~valid] = 0
    return align(pred, target, valid)


@wrong("keeps the axes of the image: results are [B, 1, 1]")
def kept_axes(pred, target, valid):
    s, t = align(pred, target, valid)
    return s[:, None, None], t[:, None, None]


@wrong("returns the aligned map instead of scale and shift")
def aligned_map(pred, target, valid):
    s, t = align(pred, target, valid)
    return s[:, None, None] * pred + t[:, None, None]


@wrong("computes in single precision whatever comes in")
def single_precision(pred, target, valid):
    return align(pred.float(), target.float(), valid)
