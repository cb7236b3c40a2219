"""L1 loss over the pixels that have a depth.

Ground truth depth has holes: a pixel is valid where gt is above 0, however little, and finite. The loss
is the mean of |pred - gt| over all valid pixels of the batch together, as a 0-d tensor.

* pred is [B, 1, H, W] and finite. gt is [B, 1, H, W] or, without the channel axis, [B, H, W].
  A gt of any other shape raises ValueError, also where broadcasting would have gone through:
  [B, 1, H, W] minus [B, H, W] is [B, B, H, W], a wrong number without an error.
* Holes may hold anything: 0, negative numbers, NaN, infinities. None of it reaches the loss or a
  gradient: NaN times 0 is still NaN.
* Every valid pixel counts the same; images with many of them weigh more than images with few.
* Where no pixel is valid (B = 0 included) the loss is 0 and still connected to pred's graph:
  backward() runs and gives pred a gradient of zeros.
* Gradients flow to pred. The loss has pred's dtype. Inputs may lie in memory in any order, and stay as
  they are.

Example: pred = (1, 2, 3, 4) against gt = (2, 0, NaN, 7) has two valid pixels with errors 1 and 3;
the loss is 2.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Bring both to one shape before anything else, and refuse what does not fit. Then: which pixels count?",
    "Multiplying by a mask does not remove NaN. Pick the valid pixels out instead. What is their mean when "
    "there are none?",
    "Give a gt of three axes its channel axis back and compare shapes. Index the differences by the mask, "
    "sum their absolute values, and divide by the number of valid pixels, or by 1 if there are none.",
)


def masked_l1(
    pred: Float[Tensor, "b 1 h w"], gt: Float[Tensor, "b 1 h w"] | Float[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """Return the mean absolute error over the valid pixels."""
    if gt.dim() == 3:
        gt = gt.unsqueeze(1)
    if gt.shape != pred.shape:
        raise ValueError(f"gt has shape {tuple(gt.shape)}, where {tuple(pred.shape)} is needed")
    valid = (gt > 0) & gt.isfinite()
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@right("with the holes filled by the prediction itself")
def filled(pred, gt):
    gt = gt[:, None] if gt.ndim == 3 else gt
    if gt.shape != pred.shape:
        raise ValueError("shapes differ")
    valid = torch.isfinite(gt) & (gt > 0)
    target = torch.where(valid, gt, pred.detach())
    n = valid.sum()
    return (pred - target).abs().sum() / (n if n > 0 else 1)


@right("with F.l1_loss on what is selected, and a zero of its own")
def selected(pred, gt):
    b, _, h, w = pred.shape
    if tuple(gt.shape) not in ((b, h, w), (b, 1, h, w)):
        raise ValueError("gt must be [B, 1, H, W] or [B, H, W]")
    p, g = pred.reshape(-1), gt.reshape(-1)
    keep = (g > 0) & (g < float("inf"))
    if not keep.any():
        return pred.sum() * 0
    return F.l1_loss(p[keep], g[keep])


@right("with NaN and infinities set to 0, and a weighted sum")
def cleaned(pred, gt):
    if gt.dim() == 4:
        if gt.shape[1] != 1:
            raise ValueError("gt has more than one channel")
        gt = gt.squeeze(1)
    pred = pred.squeeze(1)
    if pred.shape != gt.shape:
        raise ValueError("gt does not fit pred")
    gt = torch.nan_to_num(gt, nan=0.0, posinf=0.0, neginf=0.0)
    mask = (gt > 0).to(pred.dtype)
    return torch.sum(torch.abs(pred - gt) * mask) / (mask.sum() + 1e-8)


@right("image by image")
def looped(pred, gt):
    if gt.shape != pred.shape and gt.shape != pred[:, 0].shape:
        raise ValueError("shapes")
    total, n = 0.0 * pred.sum(), 0
    for p, g in zip(pred, gt):
        g = g.reshape(p.shape)
        ok = torch.logical_and(g.isfinite(), g > 0)
        total = total + (p[ok] - g[ok]).abs().sum()
        n += int(ok.sum())
    return total / max(n, 1)


@right("with the errors of holes replaced by 0 after the absolute value, whose gradient at NaN is 0")
def replaced(pred, gt):
    gt, valid = _fitted(pred, gt)
    return torch.where(valid, torch.abs(gt - pred), 0.0).sum() / max(float(valid.sum()), 1.0)


def _fitted(pred, gt):
    """Return gt with its channel axis, and its mask."""
    gt = gt.unsqueeze(1) if gt.dim() == 3 else gt
    if gt.shape != pred.shape:
        raise ValueError("shapes differ")
    return gt, (gt > 0) & gt.isfinite()


@wrong("lets a gt without the channel axis broadcast to [B, B, H, W]")
def broadcast(pred, gt):
    if gt.shape not in (pred.shape, pred[:, 0].shape):
        raise ValueError("shapes differ")
    valid = (gt > 0) & gt.isfinite()
    errors = torch.where(valid, pred - gt.where(valid, 0), 0).abs()
    return errors.sum() / valid.expand_as(errors).sum().clamp(min=1)


@wrong("compares height and width alone, so that one gt is silently used for every image of the batch")
def unchecked(pred, gt):
    gt = gt.unsqueeze(1) if gt.dim() == 3 else gt
    if gt.shape[-2:] != pred.shape[-2:]:
        raise ValueError("shapes differ")
    return masked_l1(pred, gt[:, :1].expand_as(pred))


@wrong("leaves shapes to torch, which broadcasts some of them and raises a RuntimeError for others")
def left_to_torch(pred, gt):
    gt = gt.unsqueeze(1) if gt.dim() == 3 else gt
    valid = (gt > 0) & gt.isfinite()
    errors = (pred - gt).abs()
    valid = valid.expand_as(errors)
    return errors[valid].sum() / valid.sum().clamp(min=1)


@wrong("brings any gt with the right number of values into pred's shape")
def reshaped(pred, gt):
    if gt.numel() != pred.numel():
        raise ValueError("gt has another number of values")
    return masked_l1(pred, gt.reshape(pred.shape))


@wrong("squeezes both before it compares shapes, and so accepts a gt without its batch axis")
def squeezed(pred, gt):
    pred, gt = pred.squeeze(), gt.squeeze()
    if pred.shape != gt.shape:
        raise ValueError("shapes differ")
    valid = (gt > 0) & gt.isfinite()
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("squeezes axis 1 of a gt that has no channel axis, which is its height when that is 1")
def squeezed_height(pred, gt):
    pred, gt = pred.squeeze(1), gt.squeeze(1)
    if pred.shape != gt.shape:
        raise ValueError("shapes differ")
    valid = (gt > 0) & gt.isfinite()
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("asserts that shapes agree, which is an AssertionError and no ValueError")
def asserted(pred, gt):
    gt = gt.unsqueeze(1) if gt.dim() == 3 else gt
    assert gt.shape == pred.shape, "shapes differ"
    return masked_l1(pred, gt)


@wrong("refuses a gt without the channel axis")
def too_strict(pred, gt):
    if gt.shape != pred.shape:
        raise ValueError("shapes differ")
    return masked_l1(pred, gt)


@wrong("multiplies the errors by the mask, which leaves NaN as it is")
def multiplied(pred, gt):
    gt, valid = _fitted(pred, gt)
    return ((pred - gt).abs() * valid).sum() / valid.sum().clamp(min=1)


@wrong("fits the holes as if they were depths")
def unmasked(pred, gt):
    return F.l1_loss(pred, _fitted(pred, gt)[0])


@wrong("divides by the number of all pixels instead of the valid ones")
def over_all(pred, gt):
    gt, valid = _fitted(pred, gt)
    return (pred - gt)[valid].abs().sum() / max(valid.numel(), 1)


@wrong("takes only zeros for holes, and fits negative depths")
def only_zeros(pred, gt):
    gt, _ = _fitted(pred, gt)
    valid = (gt != 0) & gt.isfinite()
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("counts pixels coded 0 as valid")
def zeros_too(pred, gt):
    gt, _ = _fitted(pred, gt)
    valid = (gt >= 0) & gt.isfinite()
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("masks what is not finite and forgets the holes coded 0 or less")
def finite_only(pred, gt):
    gt, _ = _fitted(pred, gt)
    valid = gt.isfinite()
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("counts an infinite depth as valid")
def infinite(pred, gt):
    gt, _ = _fitted(pred, gt)
    valid = gt > 0
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("turns infinities into the largest number there is, which then counts as a depth")
def numbered(pred, gt):
    gt = torch.nan_to_num(_fitted(pred, gt)[0])
    valid = gt > 0
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("takes depths below a millimetre for holes")
def thresholded(pred, gt):
    gt, valid = _fitted(pred, gt)
    valid = valid & (gt > 1e-3)
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("leaves out depths beyond 80 metres")
def capped(pred, gt):
    gt, valid = _fitted(pred, gt)
    valid = valid & (gt < 80)
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("leaves out pixels where the prediction is not positive")
def by_prediction(pred, gt):
    gt, valid = _fitted(pred, gt)
    valid = valid & (pred > 0)
    return (pred - gt)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("takes the mean of nothing when no pixel is valid, which is NaN")
def nan_when_empty(pred, gt):
    gt, valid = _fitted(pred, gt)
    return (pred - gt)[valid].abs().mean()


@wrong("returns a new zero when no pixel is valid, with no graph behind it")
def unconnected(pred, gt):
    gt, valid = _fitted(pred, gt)
    return (pred - gt)[valid].abs().mean() if valid.any() else pred.new_zeros(())


@wrong("returns a zero that asks for a gradient of its own when no pixel is valid, and leads nowhere")
def leaf(pred, gt):
    gt, valid = _fitted(pred, gt)
    return (pred - gt)[valid].abs().mean() if valid.any() else pred.new_zeros(()).requires_grad_(True)


@wrong("takes the mean of each image first and then the mean of those")
def per_image(pred, gt):
    gt, valid = _fitted(pred, gt)
    errors = torch.where(valid, pred - gt.where(valid, 0), 0).abs().flatten(1).sum(1)
    return (errors / valid.flatten(1).sum(1).clamp(min=1)).sum() / max(len(pred), 1)


@wrong("divides by the number of valid pixels plus one")
def one_more(pred, gt):
    gt, valid = _fitted(pred, gt)
    return (pred - gt)[valid].abs().sum() / (valid.sum() + 1)


@wrong("sums the errors without dividing")
def summed(pred, gt):
    gt, valid = _fitted(pred, gt)
    return (pred - gt)[valid].abs().sum()


@wrong("squares the errors")
def squared(pred, gt):
    gt, valid = _fitted(pred, gt)
    return (pred - gt)[valid].square().sum() / valid.sum().clamp(min=1)


@wrong("takes Smooth L1, which is quadratic near zero")
def smooth(pred, gt):
    gt, valid = _fitted(pred, gt)
    return F.smooth_l1_loss(pred[valid], gt[valid], reduction="sum") / valid.sum().clamp(min=1)


@wrong("lets errors of both signs cancel before the absolute value")
def signed(pred, gt):
    gt, valid = _fitted(pred, gt)
    return ((pred - gt)[valid].sum() / valid.sum().clamp(min=1)).abs()


@wrong("returns the map of errors instead of their mean")
def mapped(pred, gt):
    gt, valid = _fitted(pred, gt)
    return (pred - torch.where(valid, gt, pred.detach())).abs()


@wrong("is cut off from the graph")
def detached(pred, gt):
    return masked_l1(pred.detach(), gt)


@wrong("makes a new tensor of the number, in single precision and with no graph")
def remade(pred, gt):
    return torch.tensor(masked_l1(pred, gt).item())


@wrong("raises where no pixel is valid, instead of returning 0")
def raising(pred, gt):
    gt, valid = _fitted(pred, gt)
    if not valid.any():
        raise ValueError("no pixel is valid")
    return (pred - gt)[valid].abs().mean()


@wrong("fills the holes in the caller's own gt")
def in_place(pred, gt):
    with torch.no_grad():
        gt[~((gt > 0) & gt.isfinite())] = 0
    return masked_l1(pred, gt)


@wrong("computes in single precision whatever comes in")
def single_precision(pred, gt):
    return masked_l1(pred.float(), gt.float())
