"""A whole depth network and its loss.

The network gives every pixel of an image its depth in metres. For images of any height H and width W:

    x          [B, 3, H, W]
    encode     [B, feat_ch, h, w]    the backbone's map; h and w depend on H, W and its stride
    decode     [B, 1, H, W]          from the map and size = (H, W), in three steps:
                 [B, 1, h, w]          one 1x1 convolution, with bias
                 [B, 1, H, W]          bilinear resizing to size, align_corners=False
                 [B, 1, H, W]          softplus + 1e-3
    forward    [B, 1, H, W]          the depths, at the size of the image

* DepthNet has the methods encode(x), decode(features, size) and forward(x); forward uses the other two.
* size is a tuple of two ints, height first. decode returns depths of that size for a map of any size:
  larger, smaller (without antialiasing) or the same. A transposed convolution that turns every row of
  the map into 8 makes 56 rows, not 224, out of the 7 that a backbone of stride 32 leaves.
* The softplus, log(1 + exp(x)), follows the resizing and must not overflow. Depths are positive whatever
  the features are, and have no upper bound.
* The backbone is handed in and belongs to the model: it is trained, and its mode follows the model's.
  Apart from it there are feat_ch + 1 parameters. Attributes may have any name.

depth_loss(outputs, targets) = mean of |outputs - targets| over the valid pixels:

* outputs and targets are [B, 1, H, W], depths in metres. A pixel is valid where its target is above 0,
  however little, and finite. The mean is over all valid pixels of the batch together.
* The other pixels are holes, and their targets may be anything: 0, negative, NaN, infinite. Nothing of
  them reaches the loss or a gradient: NaN times 0 is still NaN.
* targets of another shape than outputs raise ValueError, [B, H, W] too: the difference would broadcast
  to [B, B, H, W] and give a wrong number.
* When no pixel is valid the loss is 0 and still connected to the graph of outputs.
* The result is a 0-d tensor whose gradients reach outputs. The inputs stay as they are.

Example: feat_ch = 512 adds 513 parameters to those of the backbone. Outputs (1, 2, 3, 4) and targets
(2, 0, NaN, 7) have two valid pixels, with errors 1 and 3: the loss is 2.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 25
HINTS = (
    "Three things can go wrong after the backbone: the size, the sign, and the pixels that nobody measured.",
    "Which torch function resizes to a size that is told, and which one maps every number above zero without "
    "overflowing? For the loss: pick pixels out, do not multiply them by zero.",
    "decode: convolution of kernel size 1, bilinear interpolation to size, softplus, plus a millimetre. "
    "Loss: compare shapes first; then index the differences with (positive and finite), sum their absolute "
    "values and divide by how many there are, or by 1.",
)


class DepthNet(nn.Module):
    """Backbone, 1x1 convolution, bilinear resizing, softplus."""

    def __init__(self, backbone: nn.Module, feat_ch: int):
        super().__init__()
        self.backbone = backbone
        self.proj = nn.Conv2d(feat_ch, 1, kernel_size=1)

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b feat_ch hs ws"]:
        """Return the backbone's map."""
        return self.backbone(x)

    def decode(
        self, features: Float[Tensor, "b feat_ch hs ws"], size: tuple[int, int]
    ) -> Float[Tensor, "b 1 h w"]:
        """Return the depths of a map at size (H, W)."""
        resized = F.interpolate(self.proj(features), size=size, mode="bilinear", align_corners=False)
        return F.softplus(resized) + 1e-3

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
        """Return the depth of every pixel."""
        return self.decode(self.encode(x), (x.shape[2], x.shape[3]))


def depth_loss(outputs: Float[Tensor, "b 1 h w"], targets: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """Return the mean absolute error over the valid pixels."""
    if targets.shape != outputs.shape:
        raise ValueError(f"targets have shape {tuple(targets.shape)}, outputs {tuple(outputs.shape)}")
    valid = (targets > 0) & targets.isfinite()
    return (outputs - targets)[valid].abs().sum() / valid.sum().clamp(min=1)


@right("with modules in a row, under other names and in another order")
class Rowed(nn.Module):
    def __init__(self, backbone, feat_ch):
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(feat_ch, 1, 1))
        self.act = nn.Softplus()
        self.body = backbone

    def encode(self, x):
        return self.body(x)

    def decode(self, features, size):
        return self.act(nn.Upsample(size=tuple(size), mode="bilinear")(self.head(features))).add(0.001)

    def forward(self, x):
        return self.decode(self.encode(x), x.shape[-2:])


@right("with a linear layer over the channels, and the softplus as a logarithm of two exponentials")
class Linear(nn.Module):
    def __init__(self, backbone, feat_ch):
        super().__init__()
        self.encode = backbone
        self.fc = nn.Linear(feat_ch, 1)

    def decode(self, features, size):
        z = self.fc(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        z = F.interpolate(z, (size[0], size[1]), mode="bilinear")
        return torch.logaddexp(z, torch.zeros_like(z)) + 1e-3

    def forward(self, x):
        b, _, h, w = x.shape
        depth = self.decode(self.encode(x), (h, w))
        assert depth.shape == (b, 1, h, w)
        return depth


@right("resizing before the projection, which may be exchanged, and with a bare weight")
class ResizedFirst(nn.Module):
    def __init__(self, backbone, feat_ch):
        super().__init__()
        self.net = backbone
        self.bias = nn.Parameter(torch.zeros(1))
        self.weight = nn.Parameter(torch.randn(feat_ch) * feat_ch**-0.5)

    def encode(self, x):
        return self.net(x)

    def decode(self, features, size):
        features = F.interpolate(features, size=size, mode="bilinear", align_corners=False)
        z = torch.einsum("bchw,c->bhw", features, self.weight) + self.bias
        return 1e-3 - F.logsigmoid(-z)[:, None]

    def forward(self, x):
        return self.decode(self.encode(x), tuple(x.shape[2:]))


@right("with the holes filled by the outputs themselves", of="depth_loss")
def filled(outputs, targets):
    if outputs.shape != targets.shape:
        raise ValueError("outputs and targets differ in shape")
    valid = torch.isfinite(targets) & (targets > 0)
    n = valid.sum()
    known = torch.where(valid, targets, outputs.detach())
    return F.l1_loss(outputs, known, reduction="sum") / (n if n > 0 else 1)


@right("with a branch for no valid pixel, and the mean of what is left", of="depth_loss")
def branched(outputs, targets):
    if tuple(outputs.shape) != tuple(targets.shape):
        raise ValueError
    keep = (targets > 0) * (targets < float("inf"))
    if int(keep.sum()) == 0:
        return 0.0 * outputs.sum()
    return F.l1_loss(outputs[keep], targets[keep])


@right("with NaN and infinities set to 0, and a weighted sum", of="depth_loss")
def cleaned(outputs, targets):
    if outputs.size() != targets.size():
        raise ValueError("shapes")
    targets = torch.nan_to_num(targets, nan=0.0, posinf=0.0, neginf=0.0)
    mask = (targets > 0).to(outputs.dtype)
    return ((outputs - targets).abs() * mask).sum() / (mask.sum() + 1e-8)


@right("choosing after the subtraction, which is safe for an absolute value", of="depth_loss")
def chosen_afterwards(outputs, targets):
    if outputs.shape != targets.shape:
        raise ValueError("shapes")
    valid = (targets > 0) & ~torch.isinf(targets)
    each = torch.where(valid, torch.abs(outputs - targets), torch.zeros_like(outputs))
    return each.sum() / max(int(valid.sum()), 1)


# -- mistakes in the network -------------------------------------------------------------------


def _resized(model, features, size, **how):
    how = {"mode": "bilinear", "align_corners": False, **how}
    return F.interpolate(model.proj(features), size=size, **how)


@wrong("decodes with one transposed convolution of factor 8, and asks for no size at all")
class Deconvolved(DepthNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.proj = nn.ConvTranspose2d(feat_ch, 1, kernel_size=16, stride=8, padding=4)

    def decode(self, features, size):
        return F.softplus(self.proj(features)) + 1e-3


@wrong("returns the small map and leaves the pixels between without a depth")
class Small(DepthNet):
    def decode(self, features, size):
        return F.softplus(self.proj(features)) + 1e-3


@wrong("enlarges by a fixed factor, so that odd images come back in another size")
class Factored(DepthNet):
    def decode(self, features, size):
        x = F.interpolate(self.proj(features), scale_factor=2.0, mode="bilinear", align_corners=False)
        return F.softplus(x) + 1e-3


@wrong("remembers the size of the first image and decodes all later ones to it")
class Remembering(DepthNet):
    size = None

    def forward(self, x):
        self.size = self.size or (x.shape[2], x.shape[3])
        return self.decode(self.encode(x), self.size)


@wrong("averages over areas instead of interpolating")
class AreaResized(DepthNet):
    def decode(self, features, size):
        return F.softplus(F.interpolate(self.proj(features), size=size, mode="area")) + 1e-3


@wrong("resizes in forward, so that its decode stage knows no size")
class LateResize(DepthNet):
    def decode(self, features, size):
        return F.softplus(self.proj(features)) + 1e-3

    def forward(self, x):
        return F.softplus(_resized(self, self.encode(x), x.shape[-2:])) + 1e-3


@wrong("makes the depths positive in forward only, so that its decode stage returns negative ones")
class LatePositive(DepthNet):
    def decode(self, features, size):
        return _resized(self, features, size)

    def forward(self, x):
        return F.softplus(super().forward(x)) + 1e-3


@wrong("returns the resized convolution as it is, so that about half of all depths are negative")
class Unbounded(DepthNet):
    def decode(self, features, size):
        return _resized(self, features, size)


@wrong("cuts negative depths off with a ReLU, where no gradient comes back")
class Relu(DepthNet):
    def decode(self, features, size):
        return _resized(self, features, size).relu() + 1e-3


@wrong("takes the exponential of the map instead of its softplus")
class Exponential(DepthNet):
    def decode(self, features, size):
        return _resized(self, features, size).exp() + 1e-3


@wrong("ends in a sigmoid, which can say no depth beyond one metre")
class Sigmoid(DepthNet):
    def decode(self, features, size):
        return _resized(self, features, size).sigmoid() + 1e-3


@wrong("writes the softplus with an exponential that overflows")
class Overflowing(DepthNet):
    def decode(self, features, size):
        return torch.log(1 + _resized(self, features, size).exp()) + 1e-3


@wrong("replaces what overflows after it has overflowed, which leaves NaN for a gradient")
class ReplacedTooLate(DepthNet):
    def decode(self, features, size):
        x = F.interpolate(self.proj(features), size, mode="bilinear", align_corners=False)
        return torch.where(x > 20, x, torch.log1p(torch.exp(x))) + 1e-3


@wrong("applies the softplus on the small map, before the resizing")
class ActivatedFirst(DepthNet):
    def decode(self, features, size):
        x = F.softplus(self.proj(features)) + 1e-3
        return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


@wrong("leaves out the floor of a millimetre, so that a depth can become 0")
class Floorless(DepthNet):
    def decode(self, features, size):
        return F.softplus(_resized(self, features, size))


@wrong("clamps at 1e-3 instead of adding it")
class Clamped(DepthNet):
    def decode(self, features, size):
        return F.softplus(_resized(self, features, size)).clamp(min=1e-3)


@wrong("aligns the corners when resizing")
class Aligned(DepthNet):
    def decode(self, features, size):
        return F.softplus(_resized(self, features, size, align_corners=True)) + 1e-3


@wrong("repeats the nearest value instead of interpolating")
class Nearest(DepthNet):
    def decode(self, features, size):
        return F.softplus(F.interpolate(self.proj(features), size=size)) + 1e-3


@wrong("smooths with antialiasing where the size is smaller than the map")
class Antialiased(DepthNet):
    def decode(self, features, size):
        return F.softplus(_resized(self, features, size, antialias=True)) + 1e-3


@wrong("takes size for (width, height)")
class Swapped(DepthNet):
    def decode(self, features, size):
        return super().decode(features, (size[1], size[0]))


@wrong("drops the channel axis, and so returns [B, H, W]")
class Channelless(DepthNet):
    def forward(self, x):
        return super().forward(x).squeeze(1)


@wrong("projects with a 3x3 convolution")
class Wide(DepthNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.proj = nn.Conv2d(feat_ch, 1, kernel_size=3, padding=1)


@wrong("projects without a bias")
class Biasless(DepthNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.proj = nn.Conv2d(feat_ch, 1, kernel_size=1, bias=False)


@wrong("rectifies the features before the projection")
class Rectified(DepthNet):
    def encode(self, x):
        return torch.relu(super().encode(x))


@wrong("freezes the backbone by running it without a graph")
class Frozen(DepthNet):
    def encode(self, x):
        with torch.no_grad():
            return self.backbone(x)


@wrong("keeps the backbone in evaluation mode while the model trains")
class AlwaysEval(DepthNet):
    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self


@wrong("puts the backbone in evaluation mode when the model is made")
class MadeEval(DepthNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.backbone.eval()


@wrong("decodes only where the width has to change")
class WidthDecides(DepthNet):
    def decode(self, features, size):
        if features.shape[3] != size[1]:
            return super().decode(features, size)
        return F.softplus(self.proj(features)) + 1e-3


@wrong("clamps the depths at 80 metres")
class Capped(DepthNet):
    def decode(self, features, size):
        return super().decode(features, size).clamp(max=80)


# -- mistakes in the loss ----------------------------------------------------------------------


def _checked(outputs, targets):
    if outputs.shape != targets.shape:
        raise ValueError("shapes")
    return (targets > 0) & targets.isfinite()


@wrong("averages over every pixel, holes included", of="depth_loss")
def unmasked(outputs, targets):
    _checked(outputs, targets)
    return F.l1_loss(outputs, targets)


@wrong("multiplies the errors by the mask, and NaN times 0 is NaN", of="depth_loss")
def multiplied(outputs, targets):
    valid = _checked(outputs, targets)
    return ((outputs - targets).abs() * valid).sum() / valid.sum().clamp(min=1)


@wrong("writes the absolute value as a root of squares, whose gradient at the holes is NaN", of="depth_loss")
def poisoned(outputs, targets):
    valid = _checked(outputs, targets)
    each = ((outputs - targets) ** 2).sqrt()
    return torch.where(valid, each, 0.0).sum() / valid.sum().clamp(min=1)


@wrong("divides by all pixels, holes too", of="depth_loss")
def counted_all(outputs, targets):
    valid = _checked(outputs, targets)
    return (outputs - targets)[valid].abs().sum() / targets.numel()


@wrong("takes infinite targets for depths", of="depth_loss")
def infinite(outputs, targets):
    _checked(outputs, targets)
    valid = targets > 0
    return (outputs - targets)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("takes negative targets for depths", of="depth_loss")
def negative(outputs, targets):
    _checked(outputs, targets)
    valid = (targets != 0) & targets.isfinite()
    return (outputs - targets)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("takes a depth of 0 for one that was measured", of="depth_loss")
def zero_counts(outputs, targets):
    _checked(outputs, targets)
    valid = (targets >= 0) & targets.isfinite()
    return (outputs - targets)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("does not count depths below a millimetre", of="depth_loss")
def from_a_millimetre(outputs, targets):
    valid = _checked(outputs, targets) & (targets > 1e-3)
    return (outputs - targets)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("does not count depths beyond 80 metres", of="depth_loss")
def up_to_eighty(outputs, targets):
    valid = _checked(outputs, targets) & (targets < 80)
    return (outputs - targets)[valid].abs().sum() / valid.sum().clamp(min=1)


@wrong("takes the mean over no pixels, which is NaN", of="depth_loss")
def nan_when_empty(outputs, targets):
    valid = _checked(outputs, targets)
    return (outputs - targets)[valid].abs().mean()


@wrong("returns a constant, cut off from the graph, when no pixel is valid", of="depth_loss")
def cut_off(outputs, targets):
    if not _checked(outputs, targets).any():
        return outputs.new_zeros(())
    return depth_loss(outputs, targets)


@wrong("accepts whatever can be broadcast", of="depth_loss")
def broadcast(outputs, targets):
    outputs, targets = torch.broadcast_tensors(outputs, targets)
    return depth_loss(outputs, targets)


@wrong("compares the number of axes, and not their sizes", of="depth_loss")
def axes_only(outputs, targets):
    if outputs.dim() != targets.dim():
        raise ValueError("axes")
    return depth_loss(*torch.broadcast_tensors(outputs, targets))


@wrong("gives targets without a channel axis one, where an error is asked for", of="depth_loss")
def obliging(outputs, targets):
    return depth_loss(outputs, targets[:, None] if targets.dim() == 3 else targets)


@wrong("compares the number of elements instead of the shapes", of="depth_loss")
def numel_only(outputs, targets):
    if outputs.numel() != targets.numel():
        raise ValueError("sizes")
    return depth_loss(outputs, targets.reshape(outputs.shape))


@wrong("refuses a wrong shape with an assert, which is an AssertionError", of="depth_loss")
def asserted(outputs, targets):
    assert outputs.shape == targets.shape, "shapes"
    return depth_loss(outputs, targets)


@wrong("takes the mean of each image first, and then of those", of="depth_loss")
def per_image(outputs, targets):
    _checked(outputs, targets)
    return torch.stack([depth_loss(o, t) for o, t in zip(outputs, targets)]).mean()


@wrong("squares the errors", of="depth_loss")
def squared(outputs, targets):
    valid = _checked(outputs, targets)
    return (outputs - targets)[valid].square().sum() / valid.sum().clamp(min=1)


@wrong("adds up the errors and does not divide", of="depth_loss")
def summed(outputs, targets):
    return (outputs - targets)[_checked(outputs, targets)].abs().sum()


@wrong("takes the median of the errors", of="depth_loss")
def middle(outputs, targets):
    each = (outputs - targets)[_checked(outputs, targets)].abs()
    return each.median() if len(each) else outputs.sum() * 0


@wrong("lets errors of either sign cancel", of="depth_loss")
def signed(outputs, targets):
    valid = _checked(outputs, targets)
    return ((outputs - targets)[valid].sum() / valid.sum().clamp(min=1)).abs()


@wrong("takes Smooth L1, which is flat around the truth", of="depth_loss")
def smooth(outputs, targets):
    valid = _checked(outputs, targets)
    total = F.smooth_l1_loss(outputs[valid], targets[valid], reduction="sum")
    return total / valid.sum().clamp(min=1)


@wrong("divides each error by the true depth", of="depth_loss")
def relative(outputs, targets):
    valid = _checked(outputs, targets)
    return ((outputs - targets)[valid].abs() / targets[valid]).sum() / valid.sum().clamp(min=1)


@wrong("writes over the holes of the caller's targets", of="depth_loss")
def overwriting(outputs, targets):
    valid = _checked(outputs, targets)
    targets[~valid] = outputs.detach()[~valid]
    return (outputs - targets).abs().sum() / valid.sum().clamp(min=1)


@wrong("returns a Python number, which has no graph", of="depth_loss")
def numbered(outputs, targets):
    return depth_loss(outputs, targets).item()
