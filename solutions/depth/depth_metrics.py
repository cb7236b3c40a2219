"""The seven numbers of monocular depth.

pred and gt are depths [B, 1, H, W]. A pixel is valid where gt is finite and greater than 0: holes of
the sensor may be coded 0, negative, NaN or inf. Only valid pixels count, and all valid pixels of the
batch count alike, whatever image they are in. With p and g the two depths of a valid pixel, return the
dict

    "abs_rel"     mean of |p - g| / g
    "sq_rel"      mean of (p - g)^2 / g                    (g is not squared)
    "rmse"        square root of the mean of (p - g)^2
    "rmse_log"    square root of the mean of (log p - log g)^2, natural logarithm
    "d1" "d2" "d3"  share of pixels with max(p / g, g / p) < 1.25, 1.25^2, 1.25^3, strictly below

of floats or 0-d tensors.

* median_scale=True is for models that know depth only up to a factor: first each image's pred is
  multiplied by median(gt) / median(pred), both over the valid pixels of that image. Of an even number of
  values the median is the lower one of the middle two, as torch.median has it.
* pred is positive everywhere. At least one pixel of the batch is valid; an image without any simply
  adds nothing.
* Inputs stay as they are. No gradient is asked for.

Example: gt (1, 2, 4, 0) and pred (1.25, 2, 2, 9) have three valid pixels. abs_rel is 0.25, sq_rel
0.354, rmse 1.164, rmse_log 0.420, d1 1/3 (1.25 is not below 1.25), d2 and d3 2/3. Here
median_scale=True changes nothing, since both medians are 2.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Two steps: pick the pixels that count, then every metric is a mean over plain vectors. What do "
    "comparisons with NaN and with inf give?",
    "Index with the mask rather than multiply by it: 0 times NaN is NaN. The medians too are taken over "
    "masked pixels, image by image, before anything is pooled.",
    "Valid: finite and above 0. If asked, scale each image by the ratio of its two masked medians. Then "
    "index both with the mask, and compute the four errors and the larger of the two ratios, once, for all "
    "thresholds.",
)


def depth_metrics(
    pred: Float[Tensor, "b 1 h w"], gt: Float[Tensor, "b 1 h w"], median_scale: bool = False
) -> dict[str, float]:
    """Return abs_rel, sq_rel, rmse, rmse_log, d1, d2 and d3 over the valid pixels."""
    valid = gt.isfinite() & (gt > 0)
    if median_scale:
        pred = torch.stack([p * g[v].median() / p[v].median() for p, g, v in zip(pred, gt, valid)])
    return _metrics(pred[valid], gt[valid])


def _metrics(p, g):
    ratio = torch.maximum(p / g, g / p)
    found = {
        "abs_rel": ((p - g).abs() / g).mean(),
        "sq_rel": ((p - g).square() / g).mean(),
        "rmse": (p - g).square().mean().sqrt(),
        "rmse_log": (p.log() - g.log()).square().mean().sqrt(),
    }
    found |= {f"d{k}": (ratio < 1.25**k).to(p.dtype).mean() for k in (1, 2, 3)}
    return {name: value.item() for name, value in found.items()}


def _valid(gt):
    return gt.isfinite() & (gt > 0)


def _scaled(pred, gt, valid, middle=torch.median):
    return torch.stack([p * (middle(g[v]) / middle(p[v])) for p, g, v in zip(pred, gt, valid)])


@right("with NumPy on each image and lists put together")
def with_numpy(pred, gt, median_scale=False):
    import numpy as np

    ps, gs = [], []
    for p, g in zip(pred.numpy(), gt.numpy()):
        keep = np.isfinite(g) & (g > 0)
        p, g = p[keep], g[keep]
        if len(g) == 0:
            continue
        if median_scale:
            middle = (len(g) - 1) // 2
            p = p * np.sort(g)[middle] / np.sort(p)[middle]
        ps.append(p)
        gs.append(g)
    p, g = np.concatenate(ps), np.concatenate(gs)
    thresh = np.maximum(g / p, p / g)
    return {
        "d1": float((thresh < 1.25).mean()),
        "d2": float((thresh < 1.25**2).mean()),
        "d3": float((thresh < 1.25**3).mean()),
        "rmse": float(np.sqrt(((g - p) ** 2).mean())),
        "rmse_log": float(np.sqrt(((np.log(g) - np.log(p)) ** 2).mean())),
        "abs_rel": float(np.mean(np.abs(g - p) / g)),
        "sq_rel": float(np.mean((g - p) ** 2 / g)),
    }


@right("with sums over a replaced target, a quantile for the median, and 0-d tensors")
def replaced(pred, gt, median_scale=False):
    valid = (gt > 0) & (gt < float("inf"))
    g = torch.where(valid, gt, torch.ones_like(gt))
    p = pred.clone()
    if median_scale:
        for i in range(len(p)):
            if valid[i].any():
                a = torch.quantile(g[i][valid[i]], 0.5, interpolation="lower")
                b = torch.quantile(p[i][valid[i]], 0.5, interpolation="lower")
                p[i] *= a / b
    p = torch.where(valid, p, torch.ones_like(p))
    n = valid.sum()
    diff, log = p - g, (p / g).log()
    within = torch.maximum(p / g, g / p)
    out = {"abs_rel": (diff.abs() / g).sum() / n, "sq_rel": (diff**2 / g).sum() / n}
    out["rmse"], out["rmse_log"] = (diff.pow(2).sum() / n).sqrt(), (log.pow(2).sum() / n).sqrt()
    for k in range(1, 4):
        out[f"d{k}"] = ((within < 1.25**k) & valid).sum() / n
    return out


@right("with a loop over pixels")
def looped(pred, gt, median_scale=False):
    import math

    pairs = []
    for p, g in zip(pred.flatten(1).tolist(), gt.flatten(1).tolist()):
        own = [(a, b) for a, b in zip(p, g) if b > 0 and math.isfinite(b)]
        if median_scale and own:
            at = (len(own) - 1) // 2
            scale = sorted(b for _, b in own)[at] / sorted(a for a, _ in own)[at]
            own = [(a * scale, b) for a, b in own]
        pairs += own
    n = len(pairs)
    return {
        "abs_rel": sum(abs(a - b) / b for a, b in pairs) / n,
        "sq_rel": sum((a - b) ** 2 / b for a, b in pairs) / n,
        "rmse": math.sqrt(sum((a - b) ** 2 for a, b in pairs) / n),
        "rmse_log": math.sqrt(sum((math.log(a) - math.log(b)) ** 2 for a, b in pairs) / n),
        **{f"d{k}": sum(a / b < 1.25**k and b / a < 1.25**k for a, b in pairs) / n for k in (1, 2, 3)},
    }


@right("with nanmedian over images whose invalid pixels are NaN, and tiny floors")
def with_nanmedian(pred, gt, median_scale=False):
    bad = ~(torch.isfinite(gt) & gt.gt(0))
    g, p = gt.masked_fill(bad, float("nan")), pred.masked_fill(bad, float("nan"))
    if median_scale:
        p = p * (g.flatten(1).nanmedian(1).values / p.flatten(1).nanmedian(1).values).view(-1, 1, 1, 1)
    p, g = p.clamp(min=1e-6), g.clamp(min=1e-6)
    r = torch.max(p / g, g / p)[~bad]
    return {
        "abs_rel": torch.nanmean((p - g).abs() / (g + 1e-7)),
        "sq_rel": torch.nanmean((p - g) ** 2 / (g + 1e-7)),
        "rmse": torch.nanmean((p - g) ** 2) ** 0.5,
        "rmse_log": torch.nanmean((torch.log(p + 1e-7) - torch.log(g + 1e-7)) ** 2) ** 0.5,
        "d1": (r < 1.25).float().mean(),
        "d2": (r < 1.25**2).float().mean(),
        "d3": (r < 1.25**3).float().mean(),
    }


@wrong("counts every pixel, holes included")
def without_mask(pred, gt, median_scale=False):
    valid = torch.ones_like(gt, dtype=torch.bool)
    return _metrics((_scaled(pred, gt, valid) if median_scale else pred)[valid], gt[valid])


@wrong("multiplies by the mask, so that a NaN among the holes spoils the means")
def multiplied(pred, gt, median_scale=False):
    valid = _valid(gt)
    if median_scale:
        pred = _scaled(pred, gt, valid)
    n, right = valid.sum(), _metrics(pred[valid], gt[valid])
    right["abs_rel"] = (((pred - gt).abs() / gt * valid).sum() / n).item()
    return right


@wrong("takes every depth above 0 for valid, infinite ones too")
def infinite(pred, gt, median_scale=False):
    valid = gt > 0
    return _metrics((_scaled(pred, gt, valid) if median_scale else pred)[valid], gt[valid])


@wrong("does not count depths below a millimetre, as a benchmark would")
def from_a_millimetre(pred, gt, median_scale=False):
    valid = gt.isfinite() & (gt > 1e-3)
    return _metrics((_scaled(pred, gt, valid) if median_scale else pred)[valid], gt[valid])


@wrong("does not count depths beyond a kilometre")
def up_to_a_kilometre(pred, gt, median_scale=False):
    valid = (gt > 0) & (gt < 1000)
    return _metrics((_scaled(pred, gt, valid) if median_scale else pred)[valid], gt[valid])


@wrong("takes every finite depth other than 0 for valid, negative ones too")
def negative(pred, gt, median_scale=False):
    valid = gt.isfinite() & (gt != 0)
    return _metrics((_scaled(pred, gt, valid) if median_scale else pred)[valid], gt[valid])


@wrong("averages the metrics of the images instead of pooling their pixels")
def mean_of_images(pred, gt, median_scale=False):
    found = [depth_metrics(p[None], g[None], median_scale) for p, g in zip(pred, gt) if bool(_valid(g).any())]
    return {name: sum(f[name] for f in found) / len(found) for name in found[0]}


@wrong("ignores median_scale")
def never_scaled(pred, gt, median_scale=False):
    return depth_metrics(pred, gt)


@wrong("scales by the medians even when it is not asked to")
def always_scaled(pred, gt, median_scale=False):
    return depth_metrics(pred, gt, True)


@wrong("takes one median over the whole batch")
def batch_median(pred, gt, median_scale=False):
    valid = _valid(gt)
    p, g = pred[valid], gt[valid]
    return _metrics(p * (g.median() / p.median()) if median_scale else p, g)


@wrong("averages the middle two values for the median of an even number")
def averaged_median(pred, gt, median_scale=False):
    valid = _valid(gt)
    middle = lambda t: torch.quantile(t, 0.5) if len(t) else t.new_ones(())  # noqa: E731
    return _metrics((_scaled(pred, gt, valid, middle) if median_scale else pred)[valid], gt[valid])


@wrong("takes the upper one of the middle two values for the median")
def upper_median(pred, gt, median_scale=False):
    valid = _valid(gt)
    middle = lambda t: t.sort().values[len(t) // 2] if len(t) else t.new_ones(())  # noqa: E731
    return _metrics((_scaled(pred, gt, valid, middle) if median_scale else pred)[valid], gt[valid])


@wrong("takes the median of pred over all pixels, holes included")
def median_of_all(pred, gt, median_scale=False):
    valid = _valid(gt)
    if median_scale:
        pred = torch.stack([p * (g[v].median() / p.median()) for p, g, v in zip(pred, gt, valid)])
    return _metrics(pred[valid], gt[valid])


@wrong("scales gt to pred instead of pred to gt")
def scaled_target(pred, gt, median_scale=False):
    valid = _valid(gt)
    if median_scale:
        gt = torch.stack([g * (p[v].median() / g[v].median()) for p, g, v in zip(pred, gt, valid)])
    return _metrics(pred[valid], gt[valid])


@wrong("caps the prediction at 80 metres, as a benchmark would")
def capped(pred, gt, median_scale=False):
    valid = _valid(gt)
    if median_scale:
        pred = _scaled(pred, gt, valid)
    return _metrics(pred[valid].clamp(1e-3, 80), gt[valid])


@wrong("turns the scale upside down")
def upside_down(pred, gt, median_scale=False):
    valid = _valid(gt)
    if median_scale:
        pred = torch.stack([p * (p[v].median() / g[v].median()) for p, g, v in zip(pred, gt, valid)])
    return _metrics(pred[valid], gt[valid])


@wrong("scales by the median of the ratios instead of the ratio of the medians")
def median_of_ratios(pred, gt, median_scale=False):
    valid = _valid(gt)
    if median_scale:
        pred = torch.stack([p * (g[v] / p[v]).median() for p, g, v in zip(pred, gt, valid)])
    return _metrics(pred[valid], gt[valid])


@wrong("scales by the means instead of the medians")
def by_means(pred, gt, median_scale=False):
    valid = _valid(gt)
    return _metrics((_scaled(pred, gt, valid, torch.mean) if median_scale else pred)[valid], gt[valid])


@wrong("scales pred in the caller's own tensor")
def in_place(pred, gt, median_scale=False):
    valid = _valid(gt)
    if median_scale:
        for p, g, v in zip(pred, gt, valid):
            if v.any():
                p *= g[v].median() / p[v].median()
    return _metrics(pred[valid], gt[valid])


@wrong("writes over the holes of the caller's gt")
def filled_in_place(pred, gt, median_scale=False):
    gt[~_valid(gt)] = 0
    return depth_metrics(pred, gt, median_scale)


def _with(pred, gt, median_scale, **changed):
    """Give the right metrics but for those that are computed from p and g by a function."""
    valid = _valid(gt)
    if median_scale:
        pred = _scaled(pred, gt, valid)
    p, g = pred[valid], gt[valid]
    return _metrics(p, g) | {name: make(p, g).item() for name, make in changed.items()}


@wrong("divides by the prediction in abs_rel")
def by_prediction(pred, gt, median_scale=False):
    return _with(pred, gt, median_scale, abs_rel=lambda p, g: ((p - g).abs() / p).mean())


@wrong("divides the sum of the errors by the sum of the depths for abs_rel")
def ratio_of_sums(pred, gt, median_scale=False):
    return _with(pred, gt, median_scale, abs_rel=lambda p, g: (p - g).abs().sum() / g.sum())


@wrong("squares the whole relative error for sq_rel, g included")
def squared_relative(pred, gt, median_scale=False):
    return _with(pred, gt, median_scale, sq_rel=lambda p, g: ((p - g) / g).square().mean())


@wrong("forgets the root of rmse")
def without_root(pred, gt, median_scale=False):
    return _with(pred, gt, median_scale, rmse=lambda p, g: (p - g).square().mean())


@wrong("forgets the root of rmse_log")
def log_without_root(pred, gt, median_scale=False):
    return _with(pred, gt, median_scale, rmse_log=lambda p, g: (p / g).log().square().mean())


@wrong("takes the root pixel by pixel, which makes rmse the mean absolute error")
def root_inside(pred, gt, median_scale=False):
    return _with(pred, gt, median_scale, rmse=lambda p, g: (p - g).square().sqrt().mean())


@wrong("averages the rmse of the images")
def rmse_of_images(pred, gt, median_scale=False):
    own = [depth_metrics(p[None], g[None], median_scale)["rmse"] for p, g in zip(pred, gt) if _valid(g).any()]
    return depth_metrics(pred, gt, median_scale) | {"rmse": sum(own) / len(own)}


@wrong("uses the logarithm to base 10")
def decimal(pred, gt, median_scale=False):
    return _with(pred, gt, median_scale, rmse_log=lambda p, g: (p.log10() - g.log10()).square().mean().sqrt())


@wrong("takes the mean off the logarithmic errors, which makes rmse_log their standard deviation")
def log_deviation(pred, gt, median_scale=False):
    return _with(
        pred, gt, median_scale, rmse_log=lambda p, g: (p / g).log().var(correction=0).clamp(min=0).sqrt()
    )


@wrong("takes the logarithm of 1 + depth")
def log_plus_one(pred, gt, median_scale=False):
    return _with(pred, gt, median_scale, rmse_log=lambda p, g: (p.log1p() - g.log1p()).square().mean().sqrt())


def _shares(pred, gt, median_scale, make):
    return _with(
        pred,
        gt,
        median_scale,
        **{f"d{k}": lambda p, g, k=k: make(p, g, k).double().mean() for k in (1, 2, 3)},
    )


@wrong("counts ratios equal to the threshold")
def not_strict(pred, gt, median_scale=False):
    return _shares(pred, gt, median_scale, lambda p, g, k: torch.maximum(p / g, g / p) <= 1.25**k)


@wrong("multiplies the threshold by k instead of raising it to the power")
def multiples(pred, gt, median_scale=False):
    return _shares(pred, gt, median_scale, lambda p, g, k: torch.maximum(p / g, g / p) < 1.25 * k)


@wrong("counts each ratio in one class only: d2 and d3 leave out what is nearer")
def exclusive(pred, gt, median_scale=False):
    found = depth_metrics(pred, gt, median_scale)
    return found | {"d2": found["d2"] - found["d1"], "d3": found["d3"] - found["d2"]}


@wrong("looks only at p / g, so that depths far too small count as near")
def one_sided(pred, gt, median_scale=False):
    return _shares(pred, gt, median_scale, lambda p, g, k: p / g < 1.25**k)


@wrong("compares the relative error with the threshold less one")
def by_relative_error(pred, gt, median_scale=False):
    return _shares(pred, gt, median_scale, lambda p, g, k: (p - g).abs() / g < 1.25**k - 1)


@wrong("returns the share outside the threshold")
def outside(pred, gt, median_scale=False):
    return _shares(pred, gt, median_scale, lambda p, g, k: torch.maximum(p / g, g / p) >= 1.25**k)


@wrong("divides the counts by all pixels instead of the valid ones")
def over_all_pixels(pred, gt, median_scale=False):
    share = _valid(gt).double().mean().item()
    found = depth_metrics(pred, gt, median_scale)
    return {name: value * share if name in ("d1", "d2", "d3") else value for name, value in found.items()}


@wrong("returns shares in percent")
def percent(pred, gt, median_scale=False):
    found = depth_metrics(pred, gt, median_scale)
    return {name: value * 100 if name in ("d1", "d2", "d3") else value for name, value in found.items()}


@wrong("returns the values in a tuple, without their names")
def as_tuple(pred, gt, median_scale=False):
    return tuple(depth_metrics(pred, gt, median_scale).values())


@wrong("calls the shares a1, a2 and a3")
def other_names(pred, gt, median_scale=False):
    found = depth_metrics(pred, gt, median_scale)
    return {n.replace("d", "a") if n[1:].isdigit() else n: v for n, v in found.items()}


@wrong("fails for an image without a valid pixel")
def no_empty_image(pred, gt, median_scale=False):
    valid = _valid(gt)
    middle = lambda t: t.sort().values[(len(t) - 1) // 2]  # noqa: E731
    return _metrics((_scaled(pred, gt, valid, middle) if median_scale else pred)[valid], gt[valid])
