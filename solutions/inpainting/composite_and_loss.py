"""Composite and two-part L1 loss for inpainting.

A network sees an image with a hole and predicts every pixel anew. The result shown is a composite: the
image where it is known, the prediction in the hole. The loss looks at the prediction itself.

    img [B, 3, H, W]   the image        raw [B, 3, H, W]   the prediction        both finite
    m   [B, 1, H, W]   the mask, as floats: 1 = known, 0 = hole, nothing between; one for all channels

* composite(img, raw, m) is img where m is 1 and raw where m is 0, in all three channels. Exactly so:
  every pixel is a copy of one of the two, bit for bit, however large the other is. No pixel is clamped.
* hole_valid_l1(raw, img, m, w_hole=6.0, w_valid=1.0) = w_hole * hole + w_valid * valid, a 0-d tensor:

      hole  = sum of |raw - img| over the pixels of the hole    / n
      valid = sum of |raw - img| over the pixels that are known / n

  The sums run over the channels and the whole batch. n = 3 B H W, the number of elements of img, is the
  same for both terms, so a small hole weighs little, and a mask without hole (or with nothing known)
  gives a term of 0. The weights are numbers from 0 up.
* The loss is taken of raw, not of the composite: that one is right where m is 1, whatever the network
  says, and would teach it nothing there.
* Gradients flow to raw through both functions; where raw is img the loss has the gradient 0, as torch has
  it for the absolute value at 0. Inputs stay as they are. All tensors are on the CPU, of one dtype, which
  the results have too. B, H and W are at least 1.

Example: one image of 1 x 2 pixels, 0.5 in every channel, is known on the left only: m = (1, 0). The
prediction is 0.25 on the left and 1 on the right, in every channel. The composite is (0.5, 1), hole is
3 * 0.5 / 6 = 0.25, valid is 3 * 0.25 / 6 = 0.125, and the loss 6 * 0.25 + 0.125 = 1.625.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "The mask has one channel, the images have three: what does broadcasting do with them? And which of "
    "the two is kept where the mask is 1?",
    "A product with the mask keeps the known pixels, a product with its complement those of the hole. "
    "Choosing by a condition does the same. Then look at what each of the two sums is divided by.",
    "For the loss take the absolute error of the prediction once; weight it by 1 minus the mask for the "
    "one term and by the mask for the other; add up each, divide by how many numbers the image holds, "
    "and only then apply the two weights.",
)


def composite(
    img: Float[Tensor, "b 3 h w"], raw: Float[Tensor, "b 3 h w"], m: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Return the image with its hole filled by the prediction."""
    return m * img + (1 - m) * raw


def hole_valid_l1(
    raw: Float[Tensor, "b 3 h w"],
    img: Float[Tensor, "b 3 h w"],
    m: Float[Tensor, "b 1 h w"],
    w_hole: float = 6.0,
    w_valid: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the weighted L1 loss of the prediction, in the hole and outside."""
    error = (raw - img).abs()
    hole = ((1 - m) * error).sum() / img.numel()
    valid = (m * error).sum() / img.numel()
    return w_hole * hole + w_valid * valid


@right("by a condition, on a mask of booleans")
def chosen(img, raw, m):
    return torch.where(m.bool(), img, raw)


@right("with the known pixels written into a copy of the prediction", of="composite")
def written(img, raw, m):
    out = raw.clone()
    known = m.expand_as(out) > 0.5
    out[known] = img[known]
    return out


@right("with torch.lerp", of="composite")
def interpolated(img, raw, m):
    return torch.lerp(raw, img, m)


@right("with a weight for each pixel, and one mean", of="hole_valid_l1")
def weighted(raw, img, m, w_hole=6.0, w_valid=1.0):
    weight = torch.where(m == 0, w_hole, w_valid)
    return (weight * torch.abs(img - raw)).mean()


@right("with torch's own L1 loss of masked images", of="hole_valid_l1")
def masked_twice(raw, img, m, w_hole=6.0, w_valid=1.0):
    l1 = torch.nn.functional.l1_loss
    return w_hole * l1(raw * (1 - m), img * (1 - m)) + w_valid * l1(raw * m, img * m)


@right("with the pixels picked out, image by image", of="hole_valid_l1")
def picked(raw, img, m, w_hole=6.0, w_valid=1.0):
    b, c, h, w = img.shape
    total = 0
    for r, i, mask in zip(raw, img, m):
        known = (mask == 1).expand(c, h, w)
        total = total + w_hole * torch.linalg.vector_norm(r[~known] - i[~known], ord=1)
        total = total + w_valid * (r[known] - i[known]).abs().sum()
    return total / (b * c * h * w)


# -- mistakes in the composite -----------------------------------------------------------------


@wrong(
    "takes 1 for hole and 0 for known in the composite, and so shows the prediction where the image is known"
)
def other_way_round(img, raw, m):
    return (1 - m) * img + m * raw


@wrong("keeps what the image holds in the hole and adds the prediction to it")
def added(img, raw, m):
    return img + (1 - m) * raw


@wrong("leaves the prediction in the known pixels too")
def both(img, raw, m):
    return m * img + raw


@wrong("starts from the prediction and adds a difference, which rounds the pixels it should copy")
def by_difference(img, raw, m):
    return raw + m * (img - raw)


@wrong("starts from the image and adds a difference, which rounds the prediction in the hole")
def by_other_difference(img, raw, m):
    return img + (1 - m) * (raw - img)


@wrong("returns the prediction as it is")
def only_raw(img, raw, m):
    return raw * 1


@wrong("blacks out the hole and forgets to fill it")
def unfilled(img, raw, m):
    return m * img


@wrong("clamps the composite to [0, 1]")
def clamped(img, raw, m):
    return composite(img, raw, m).clamp(0, 1)


@wrong("fills the first channel only, as if the mask held one channel for that one")
def first_channel(img, raw, m):
    filled = composite(img[:, :1], raw[:, :1], m)
    return torch.cat([filled, img[:, 1:]], dim=1)


@wrong("uses the first image's mask for the whole batch")
def first_mask(img, raw, m):
    return composite(img, raw, m[:1])


@wrong("softens the mask, so that pixels at the seam are mixed")
def feathered(img, raw, m):
    blurred = torch.nn.functional.avg_pool2d(m, 3, stride=1, padding=1, count_include_pad=False)
    return blurred * img + (1 - blurred) * raw


@wrong("fills a pixel by its own value: what is 0 in the image counts as hole")
def by_value(img, raw, m):
    return torch.where(img * m == 0, raw, img)


@wrong("cuts the composite off from the prediction's graph", of="composite")
def composite_detached(img, raw, m):
    return composite(img, raw.detach(), m)


@wrong("writes the known pixels into the caller's own prediction")
def composite_in_place(img, raw, m):
    known = m.bool().expand_as(raw)
    with torch.no_grad():
        raw[known] = img[known]
    return raw * 1


@wrong("returns the composite in single precision")
def composite_single(img, raw, m):
    return composite(img.float(), raw.float(), m.float())


# -- mistakes in the loss ----------------------------------------------------------------------


@wrong("takes 1 for hole and 0 for known in the loss", of="hole_valid_l1")
def loss_other_way_round(raw, img, m, w_hole=6.0, w_valid=1.0):
    return hole_valid_l1(raw, img, 1 - m, w_hole, w_valid)


def _sums(raw, img, m):
    error = (raw - img).abs()
    return ((1 - m) * error).sum(), (m * error).sum()


@wrong("divides each sum by the number of values in its own part of the mask", of="hole_valid_l1")
def by_mask_count(raw, img, m, w_hole=6.0, w_valid=1.0):
    hole, valid = _sums(raw, img, m)
    n_hole, n_valid = 3 * (1 - m).sum(), 3 * m.sum()
    return w_hole * hole / n_hole.clamp(min=1) + w_valid * valid / n_valid.clamp(min=1)


@wrong("divides each sum by the number of pixels in its part, 0 where there are none", of="hole_valid_l1")
def by_pixel_count(raw, img, m, w_hole=6.0, w_valid=1.0):
    hole, valid = _sums(raw, img, m)
    return w_hole * hole / (1 - m).sum() + w_valid * valid / m.sum()


@wrong("divides by the number of pixels instead of all values of three channels", of="hole_valid_l1")
def by_mask_size(raw, img, m, w_hole=6.0, w_valid=1.0):
    hole, valid = _sums(raw, img, m)
    return (w_hole * hole + w_valid * valid) / m.numel()


@wrong("divides by the number of images", of="hole_valid_l1")
def by_images(raw, img, m, w_hole=6.0, w_valid=1.0):
    hole, valid = _sums(raw, img, m)
    return (w_hole * hole + w_valid * valid) / len(img)


@wrong("adds up and does not divide", of="hole_valid_l1")
def undivided(raw, img, m, w_hole=6.0, w_valid=1.0):
    hole, valid = _sums(raw, img, m)
    return w_hole * hole + w_valid * valid


@wrong("averages over the known part of the weights, as a weighted mean does", of="hole_valid_l1")
def weighted_mean(raw, img, m, w_hole=6.0, w_valid=1.0):
    weight = (w_hole * (1 - m) + w_valid * m).expand_as(img)
    return (weight * (raw - img).abs()).sum() / weight.sum()


@wrong("takes the loss of the composite, which says nothing about known pixels", of="hole_valid_l1")
def of_composite(raw, img, m, w_hole=6.0, w_valid=1.0):
    return hole_valid_l1(composite(img, raw, m), img, m, w_hole, w_valid)


@wrong("takes the whole image for the valid term", of="hole_valid_l1")
def whole_image(raw, img, m, w_hole=6.0, w_valid=1.0):
    hole, valid = _sums(raw, img, m)
    return (w_hole * hole + w_valid * (valid + hole)) / img.numel()


@wrong("takes the whole image for the hole term", of="hole_valid_l1")
def whole_image_as_hole(raw, img, m, w_hole=6.0, w_valid=1.0):
    hole, valid = _sums(raw, img, m)
    return (w_hole * (hole + valid) + w_valid * valid) / img.numel()


@wrong("swaps the two weights", of="hole_valid_l1")
def swapped_weights(raw, img, m, w_hole=6.0, w_valid=1.0):
    return hole_valid_l1(raw, img, m, w_valid, w_hole)


@wrong("always weights by 6 and 1, whatever is asked for", of="hole_valid_l1")
def fixed_weights(raw, img, m, w_hole=6.0, w_valid=1.0):
    return hole_valid_l1(raw, img, m)


@wrong("weights both parts alike when nothing is said", of="hole_valid_l1")
def equal_defaults(raw, img, m, w_hole=1.0, w_valid=1.0):
    return hole_valid_l1(raw, img, m, w_hole, w_valid)


@wrong("scales the weights so that they add up to 1", of="hole_valid_l1")
def scaled_weights(raw, img, m, w_hole=6.0, w_valid=1.0):
    return hole_valid_l1(raw, img, m, w_hole, w_valid) / (w_hole + w_valid)


@wrong("squares the errors", of="hole_valid_l1")
def squared(raw, img, m, w_hole=6.0, w_valid=1.0):
    weight = w_hole * (1 - m) + w_valid * m
    return (weight * (raw - img).square()).mean()


@wrong("takes Smooth L1, which is quadratic for small errors", of="hole_valid_l1")
def smooth(raw, img, m, w_hole=6.0, w_valid=1.0):
    weight = w_hole * (1 - m) + w_valid * m
    return (weight * torch.nn.functional.smooth_l1_loss(raw, img, reduction="none")).mean()


@wrong("adds up signed errors, so that those of both signs cancel", of="hole_valid_l1")
def signed(raw, img, m, w_hole=6.0, w_valid=1.0):
    error = raw - img
    hole, valid = ((1 - m) * error).sum().abs(), (m * error).sum().abs()
    return (w_hole * hole + w_valid * valid) / img.numel()


@wrong("masks the image but not the prediction", of="hole_valid_l1")
def half_masked(raw, img, m, w_hole=6.0, w_valid=1.0):
    hole, valid = (raw - (1 - m) * img).abs(), (raw - m * img).abs()
    return w_hole * hole.mean() + w_valid * valid.mean()


@wrong("returns a loss for each image", of="hole_valid_l1")
def per_image(raw, img, m, w_hole=6.0, w_valid=1.0):
    weight = w_hole * (1 - m) + w_valid * m
    return (weight * (raw - img).abs()).mean(dim=(1, 2, 3))


@wrong("is cut off from the graph", of="hole_valid_l1")
def detached(raw, img, m, w_hole=6.0, w_valid=1.0):
    return hole_valid_l1(raw.detach(), img, m, w_hole, w_valid)


@wrong("lets the network learn from the hole alone", of="hole_valid_l1")
def hole_gradient(raw, img, m, w_hole=6.0, w_valid=1.0):
    return hole_valid_l1(composite(raw.detach(), raw, m), img, m, w_hole, w_valid)


@wrong("returns a Python number, which has no graph", of="hole_valid_l1")
def numbered(raw, img, m, w_hole=6.0, w_valid=1.0):
    return hole_valid_l1(raw, img, m, w_hole, w_valid).item()


@wrong("subtracts in the caller's own prediction", of="hole_valid_l1")
def in_place(raw, img, m, w_hole=6.0, w_valid=1.0):
    loss = hole_valid_l1(raw, img, m, w_hole, w_valid)
    raw.data.sub_(img)
    return loss


@wrong(
    "takes roots of squares, whose gradient is not a number where the prediction is right", of="hole_valid_l1"
)
def root_of_squares(raw, img, m, w_hole=6.0, w_valid=1.0):
    weight = w_hole * (1 - m) + w_valid * m
    return (weight * (raw - img).square().sqrt()).mean()
