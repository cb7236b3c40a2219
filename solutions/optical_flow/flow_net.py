"""A whole network for optical flow and its loss.

The network is Siamese: both images go through the same backbone, and two convolutions compare the maps.
With u the motion to the right and v the one downwards, for images of any height H and width W:

    img1, img2    [B, 3, H, W] each
    encode        [B, feat_ch, h, w]    the backbone's map of one image
    estimate      [B, 2, h, w]          from both maps, the flow (u, v) in pixels of the map:
                    [B, 2 * feat_ch, h, w]  both maps along the channels, that of img1 first
                    [B, feat_ch, h, w]      3x3 convolution, 1 of zero padding, then ReLU
                    [B, 2, h, w]            3x3 convolution, 1 of zero padding, nothing after it
    resize        [B, 2, H, W]          from a flow and size = (H, W), the flow in pixels of that size
    forward       [B, 2, H, W]          the flow from img1 to img2, in pixels of the images

* FlowNet has the methods encode(x), estimate(first, second), resize(flow, size) and
  forward(img1, img2); forward uses the other three.
* resize takes a flow of any size h x w and resizes it bilinearly, align_corners=False, to size: a tuple
  of two ints, height first. A smaller size is sampled without antialiasing. The same way is more pixels
  of a larger image, so u is then multiplied by W / w and v by H / h. The two ratios need not be equal,
  nor whole.
* Both convolutions have a bias. The backbone is handed in and belongs to the model: it is there once,
  and it is trained through both images. It treats every image by itself, so they may go through it in
  one batch or one after the other. Attributes may have any name. The inputs stay as they are.

flow_loss(outputs, targets, valid, eps=1e-3) = mean over the valid pixels of

    sqrt(du^2 + dv^2 + eps^2)

* outputs and targets are flows [B, 2, H, W], (du, dv) = outputs - targets at a pixel, and the booleans
  valid [B, H, W] say which pixels count. This is the end-point error, but for eps > 0: without it the
  root would have no gradient where the error is 0, and torch would make a NaN of it.
* The mean is over all valid pixels of the batch together. At the others targets may hold anything, NaN
  and infinities too; nothing of it reaches the loss or a gradient.
* When no pixel is valid the loss is 0 and still connected to the graph of outputs.
* The result is a 0-d tensor whose gradients reach outputs. The inputs stay as they are.

Example: feat_ch = 64 adds 74,946 parameters to those of the backbone. A flow of (1.5, 1) on a map of
7 x 8 is (12, 8) for images of 56 x 64. Errors of (3, 4) and (0, 0) have the loss
(5 + 0.001) / 2 = 2.5005.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 30
HINTS = (
    "How many backbones does the model have, and how often is each called? And what is one pixel of the map, "
    "measured in pixels of the image?",
    "Resizing a flow is two things: resampling it as any image, and changing its values, each channel by its "
    "own ratio. In the loss, leave out what is not valid before you take any root.",
    "Concatenate the two maps along the channels; convolution, ReLU, convolution. Interpolate bilinearly to "
    "size and multiply by (width ratio, height ratio). Loss: difference with the channels last, indexed by "
    "valid; squares summed, plus eps squared, root; the sum over max(number of pixels, 1).",
)


class FlowNet(nn.Module):
    """One backbone for both images, two convolutions, resizing."""

    def __init__(self, backbone: nn.Module, feat_ch: int):
        super().__init__()
        self.backbone = backbone
        self.conv = nn.Conv2d(2 * feat_ch, feat_ch, kernel_size=3, padding=1)
        self.flow = nn.Conv2d(feat_ch, 2, kernel_size=3, padding=1)

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b feat_ch hs ws"]:
        """Return the backbone's map of an image."""
        return self.backbone(x)

    def estimate(
        self, first: Float[Tensor, "b feat_ch hs ws"], second: Float[Tensor, "b feat_ch hs ws"]
    ) -> Float[Tensor, "b 2 hs ws"]:
        """Return the flow between two maps, in pixels of the map."""
        both = torch.cat([first, second], dim=1)
        return self.flow(F.relu(self.conv(both)))

    def resize(self, flow: Float[Tensor, "b 2 hs ws"], size: tuple[int, int]) -> Float[Tensor, "b 2 h w"]:
        """Return the flow at size (H, W), in pixels of that size."""
        h, w = flow.shape[-2:]
        ratio = flow.new_tensor([size[1] / w, size[0] / h])  # u goes with the width
        resampled = F.interpolate(flow, size=size, mode="bilinear", align_corners=False)
        return resampled * ratio[:, None, None]

    def forward(
        self, img1: Float[Tensor, "b 3 h w"], img2: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, "b 2 h w"]:
        """Return the flow from img1 to img2."""
        flow = self.estimate(self.encode(img1), self.encode(img2))
        return self.resize(flow, (img1.shape[2], img1.shape[3]))


def flow_loss(
    outputs: Float[Tensor, "b 2 h w"],
    targets: Float[Tensor, "b 2 h w"],
    valid: Bool[Tensor, "b h w"],
    eps: float = 1e-3,
) -> Float[Tensor, ""]:
    """Return the mean end-point error over the valid pixels, smoothed by eps."""
    error = (outputs - targets).movedim(1, -1)[valid]  # n 2
    epe = torch.sqrt(error.square().sum(dim=-1) + eps**2)
    return epe.sum() / max(epe.numel(), 1)


@right("sending both images through the backbone in one batch, with modules in a row")
class Batched(nn.Module):
    def __init__(self, backbone, feat_ch):
        super().__init__()
        self.head = nn.Sequential(
            nn.Conv2d(2 * feat_ch, feat_ch, 3, 1, 1), nn.ReLU(inplace=True), nn.Conv2d(feat_ch, 2, 3, 1, 1)
        )
        self.body = backbone

    def encode(self, x):
        return self.body(x)

    def estimate(self, first, second):
        return self.head(torch.hstack([first, second]))

    def resize(self, flow, size):
        (h, w), (h2, w2) = flow.shape[2:], size
        flow = nn.functional.interpolate(flow, (h2, w2), mode="bilinear")
        return torch.stack([flow[:, 0] * w2 / w, flow[:, 1] * h2 / h], dim=1)

    def forward(self, img1, img2):
        first, second = self.encode(torch.cat([img1, img2])).chunk(2)
        return self.resize(self.estimate(first, second), img1.shape[-2:])


@right("scaling before the resampling, with the weight of the first convolution cut in two")
class Halved(nn.Module):
    def __init__(self, backbone, feat_ch):
        super().__init__()
        self.encode = backbone
        self.out = nn.Conv2d(feat_ch, 2, 3, padding="same")
        self.w = nn.Parameter(torch.randn(feat_ch, 2 * feat_ch, 3, 3) * 0.1)
        self.b = nn.Parameter(torch.zeros(feat_ch))

    def estimate(self, first, second):
        one, two = self.w.chunk(2, dim=1)
        z = F.conv2d(first, one, self.b, padding=1) + F.conv2d(second, two, padding=1)
        return self.out(z.clamp(min=0))

    def resize(self, flow, size):
        scale = torch.tensor([size[1] / flow.shape[3], size[0] / flow.shape[2]], dtype=flow.dtype)
        return nn.Upsample(size=tuple(size), mode="bilinear")(flow * scale.view(1, 2, 1, 1))

    def forward(self, img1, img2):
        b, _, h, w = img1.shape
        flow = self.resize(self.estimate(self.encode(img1), self.encode(img2)), (h, w))
        assert flow.shape == (b, 2, h, w)
        return flow


@right("channel by channel, with layers that find out their input size")
class Lazy(nn.Module):
    def __init__(self, backbone, feat_ch):
        super().__init__()
        self.conv2, self.conv1 = nn.LazyConv2d(2, 3, padding=1), nn.LazyConv2d(feat_ch, 3, padding=1)
        self.features = backbone

    def encode(self, x):
        return self.features(x)

    def estimate(self, first, second):
        return self.conv2(self.conv1(torch.cat((first, second), 1)).relu())

    def resize(self, flow, size):
        u = F.interpolate(flow[:, :1], size=size, mode="bilinear") * (size[1] / flow.shape[-1])
        v = F.interpolate(flow[:, 1:], size=size, mode="bilinear") * (size[0] / flow.shape[-2])
        return torch.cat([u, v], dim=1)

    def forward(self, img1, img2):
        return self.resize(self.estimate(self.encode(img1), self.encode(img2)), tuple(img1.shape[2:]))


@right("with the targets that do not count replaced by the outputs", of="flow_loss")
def replaced(outputs, targets, valid, eps=1e-3):
    targets = torch.where(valid.unsqueeze(1), targets, outputs.detach())
    du, dv = (outputs - targets).unbind(dim=1)
    error = (du * du + dv * dv + eps * eps) ** 0.5
    return (error * valid).sum() / valid.sum().clamp(min=1)


@right("with eps as a third component of a norm, and a branch", of="flow_loss")
def normed(outputs, targets, valid, eps=1e-3):
    if not valid.any():
        return outputs.sum() * 0
    d = (outputs - targets).permute(0, 2, 3, 1)[valid]
    return torch.cat([d, torch.full_like(d[:, :1], eps)], dim=1).norm(dim=1).mean()


@right("with the errors of what does not count set to 0 before the root", of="flow_loss")
def filled(outputs, targets, valid, eps=1e-3):
    error = (outputs - targets).masked_fill(~valid[:, None], 0.0)
    error = (error[:, 0] ** 2 + error[:, 1] ** 2 + eps**2).pow(0.5)
    return (error * valid.to(error.dtype)).sum() / (valid.sum() + 1e-9)


@right("image by image, channel by channel", of="flow_loss")
def looped(outputs, targets, valid, eps=1e-3):
    total, n = outputs.sum() * 0.0, 0
    for out, gt, ok in zip(outputs, targets, valid):
        du, dv = out[0][ok] - gt[0][ok], out[1][ok] - gt[1][ok]
        total = total + torch.sqrt(du.pow(2) + dv.pow(2) + eps**2).sum()
        n += int(ok.sum())
    return total / n if n else total


# -- mistakes in the network -------------------------------------------------------------------


def _resampled(flow, size, **how):
    return F.interpolate(flow, size=tuple(size), **{"mode": "bilinear", "align_corners": False, **how})


def _scaled(flow, u, v):
    return torch.stack([flow[:, 0] * u, flow[:, 1] * v], dim=1)


@wrong("stacks the images into six channels and hands them to a backbone made for three")
class Stacked(FlowNet):
    def forward(self, img1, img2):
        features = self.encode(torch.cat([img1, img2], dim=1))
        return self.resize(self.estimate(*features.chunk(2, dim=1)), img1.shape[-2:])


@wrong("gives the second image a backbone of its own")
class TwoBackbones(FlowNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.second = nn.Sequential(nn.Conv2d(3, feat_ch, 3, stride=2, padding=1), nn.Tanh())

    def forward(self, img1, img2):
        return self.resize(self.estimate(self.encode(img1), self.second(img2)), img1.shape[-2:])


@wrong("puts the second image first")
class Exchanged(FlowNet):
    def estimate(self, first, second):
        return super().estimate(second, first)


@wrong("encodes the first image twice and never looks at the second")
class FirstTwice(FlowNet):
    def forward(self, img1, img2):
        first = self.encode(img1)
        return self.resize(self.estimate(first, self.encode(img1)), img1.shape[-2:])


@wrong("compares the maps by their difference alone")
class Subtracted(FlowNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.conv = nn.Conv2d(feat_ch, feat_ch, kernel_size=3, padding=1)

    def estimate(self, first, second):
        return self.flow(F.relu(self.conv(first - second)))


@wrong("trains the backbone through the first image only")
class SecondDetached(FlowNet):
    def forward(self, img1, img2):
        flow = self.estimate(self.encode(img1), self.encode(img2).detach())
        return self.resize(flow, img1.shape[-2:])


@wrong("freezes the backbone by running it without a graph")
class Frozen(FlowNet):
    def encode(self, x):
        with torch.no_grad():
            return self.backbone(x)


@wrong("has no ReLU between the convolutions, so that the two are one linear map")
class NoRelu(FlowNet):
    def estimate(self, first, second):
        return self.flow(self.conv(torch.cat([first, second], dim=1)))


@wrong("ends in a ReLU, so that nothing can move to the left or upwards")
class Rectified(FlowNet):
    def estimate(self, first, second):
        return F.relu(super().estimate(first, second))


@wrong("squashes the flow with a tanh, so that nothing moves by more than a pixel of the map")
class Squashed(FlowNet):
    def estimate(self, first, second):
        return torch.tanh(super().estimate(first, second))


@wrong("pads by repeating the border instead of with zeros")
class Replicated(FlowNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.conv = nn.Conv2d(2 * feat_ch, feat_ch, 3, padding=1, padding_mode="replicate")
        self.flow = nn.Conv2d(feat_ch, 2, 3, padding=1, padding_mode="replicate")


@wrong("convolves without padding, which shrinks the map")
class Unpadded(FlowNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.conv = nn.Conv2d(2 * feat_ch, feat_ch, 3)
        self.flow = nn.Conv2d(feat_ch, 2, 3)


@wrong("compares single positions only, with 1x1 convolutions")
class Pointwise(FlowNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.conv, self.flow = nn.Conv2d(2 * feat_ch, feat_ch, 1), nn.Conv2d(feat_ch, 2, 1)


@wrong("leaves the bias of the last convolution out")
class Biasless(FlowNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.flow = nn.Conv2d(feat_ch, 2, kernel_size=3, padding=1, bias=False)


@wrong("enlarges with one transposed convolution of factor 8")
class Deconvolved(FlowNet):
    def __init__(self, backbone, feat_ch):
        super().__init__(backbone, feat_ch)
        self.up = nn.ConvTranspose2d(2, 2, kernel_size=16, stride=8, padding=4)

    def resize(self, flow, size):
        return self.up(flow)


@wrong("returns the flow of the small map")
class Small(FlowNet):
    def forward(self, img1, img2):
        return self.estimate(self.encode(img1), self.encode(img2))


@wrong("enlarges by a fixed factor, so that odd images get a flow of another size")
class Factored(FlowNet):
    def resize(self, flow, size):
        return 2 * F.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)


@wrong("divides the sizes without a remainder, and so loses what is beyond a whole ratio")
class Floored(FlowNet):
    def resize(self, flow, size):
        h, w = flow.shape[-2:]
        return _scaled(_resampled(flow, size), size[1] // w, size[0] // h)


@wrong("resizes the flow and leaves its values in pixels of the small map")
class Unscaled(FlowNet):
    def resize(self, flow, size):
        return _resampled(flow, size)


@wrong("multiplies both channels by the stride of 2, which odd sizes do not keep to")
class StrideScaled(FlowNet):
    def resize(self, flow, size):
        return 2 * _resampled(flow, size)


@wrong("scales u with the heights and v with the widths")
class Crossed(FlowNet):
    def resize(self, flow, size):
        h, w = flow.shape[-2:]
        return _scaled(_resampled(flow, size), size[0] / h, size[1] / w)


@wrong("scales both channels with the widths")
class OneRatio(FlowNet):
    def resize(self, flow, size):
        return _resampled(flow, size) * (size[1] / flow.shape[-1])


@wrong("divides by the ratios instead of multiplying by them")
class Divided(FlowNet):
    def resize(self, flow, size):
        h, w = flow.shape[-2:]
        return _scaled(_resampled(flow, size), w / size[1], h / size[0])


@wrong("rounds the ratios to whole numbers")
class Rounded(FlowNet):
    def resize(self, flow, size):
        h, w = flow.shape[-2:]
        return _scaled(_resampled(flow, size), round(size[1] / w), round(size[0] / h))


@wrong("aligns the corners when resizing")
class Aligned(FlowNet):
    def resize(self, flow, size):
        h, w = flow.shape[-2:]
        return _scaled(_resampled(flow, size, align_corners=True), size[1] / w, size[0] / h)


@wrong("smooths with antialiasing where the size is smaller than the map")
class Antialiased(FlowNet):
    def resize(self, flow, size):
        h, w = flow.shape[-2:]
        return _scaled(_resampled(flow, size, antialias=True), size[1] / w, size[0] / h)


@wrong("repeats the nearest motion instead of interpolating")
class Nearest(FlowNet):
    def resize(self, flow, size):
        h, w = flow.shape[-2:]
        return _scaled(F.interpolate(flow, size=tuple(size)), size[1] / w, size[0] / h)


@wrong("takes size for (width, height)")
class Swapped(FlowNet):
    def resize(self, flow, size):
        return super().resize(flow, (size[1], size[0]))


@wrong("scales the values in forward, so that its resize stage keeps the old pixels")
class LateScale(FlowNet):
    def resize(self, flow, size):
        return _resampled(flow, size)

    def forward(self, img1, img2):
        flow = self.estimate(self.encode(img1), self.encode(img2))
        return super().resize(flow, img1.shape[-2:])


@wrong("returns the flow in shares of the image, u over the width and v over the height")
class Shares(FlowNet):
    def forward(self, img1, img2):
        return _scaled(super().forward(img1, img2), 1 / img1.shape[3], 1 / img1.shape[2])


# -- mistakes in the loss ----------------------------------------------------------------------


def _errors(outputs, targets, valid):
    return (outputs - targets).movedim(1, -1)[valid]


@wrong("takes the root without eps, and its gradient at an error of 0 is NaN", of="flow_loss")
def rootless(outputs, targets, valid, eps=1e-3):
    error = _errors(outputs, targets, valid).square().sum(-1).sqrt()
    return error.sum() / max(error.numel(), 1)


@wrong("nests two hypotenuses, whose gradient at an error of 0 is NaN", of="flow_loss")
def nested(outputs, targets, valid, eps=1e-3):
    du, dv = _errors(outputs, targets, valid).unbind(-1)
    error = torch.hypot(torch.hypot(du, dv), du.new_tensor(eps))
    return error.sum() / max(error.numel(), 1)


@wrong("takes the norm, as if eps were 0", of="flow_loss")
def plain_norm(outputs, targets, valid, eps=1e-3):
    error = _errors(outputs, targets, valid).norm(dim=-1)
    return error.sum() / max(error.numel(), 1)


@wrong("adds eps under the root without squaring it", of="flow_loss")
def unsquared_eps(outputs, targets, valid, eps=1e-3):
    error = torch.sqrt(_errors(outputs, targets, valid).square().sum(-1) + eps)
    return error.sum() / max(error.numel(), 1)


@wrong("adds eps after the root, where it protects nothing", of="flow_loss")
def outer_eps(outputs, targets, valid, eps=1e-3):
    error = _errors(outputs, targets, valid).square().sum(-1).sqrt() + eps
    return error.sum() / max(error.numel(), 1)


@wrong("adds eps to each of the two components", of="flow_loss")
def eps_twice(outputs, targets, valid, eps=1e-3):
    error = torch.sqrt((_errors(outputs, targets, valid).square() + eps**2).sum(-1))
    return error.sum() / max(error.numel(), 1)


@wrong("takes eps off again after the root, so that a perfect flow costs nothing", of="flow_loss")
def shifted(outputs, targets, valid, eps=1e-3):
    error = torch.sqrt(_errors(outputs, targets, valid).square().sum(-1) + eps**2) - eps
    return error.sum() / max(error.numel(), 1)


@wrong("has 1e-3 for eps, whatever is asked for", of="flow_loss")
def fixed_eps(outputs, targets, valid, eps=1e-3):
    return flow_loss(outputs, targets, valid)


@wrong("has a much smaller default for eps", of="flow_loss")
def other_default(outputs, targets, valid, eps=1e-6):
    return flow_loss(outputs, targets, valid, eps)


@wrong("clamps the error at eps, where no gradient is left", of="flow_loss")
def clamped(outputs, targets, valid, eps=1e-3):
    error = _errors(outputs, targets, valid).square().sum(-1).clamp(min=eps**2).sqrt()
    return error.sum() / max(error.numel(), 1)


@wrong("takes the mean square over both channels", of="flow_loss")
def mean_square(outputs, targets, valid, eps=1e-3):
    error = _errors(outputs, targets, valid).square()
    return error.sum() / max(error.numel(), 1)


@wrong("adds the absolute errors in u and v instead of measuring the way between the tips", of="flow_loss")
def manhattan(outputs, targets, valid, eps=1e-3):
    error = torch.sqrt(_errors(outputs, targets, valid).square() + eps**2).sum(-1)
    return error.sum() / max(error.numel(), 1)


@wrong("averages over u and v instead of over pixels, and so halves the loss", of="flow_loss")
def halved(outputs, targets, valid, eps=1e-3):
    return flow_loss(outputs, targets, valid, eps) / 2


@wrong("averages over all pixels, valid or not", of="flow_loss")
def unmasked(outputs, targets, valid, eps=1e-3):
    return flow_loss(outputs, targets, torch.ones_like(valid), eps)


@wrong("multiplies the errors by the mask, and NaN times 0 is NaN", of="flow_loss")
def multiplied(outputs, targets, valid, eps=1e-3):
    error = torch.sqrt((outputs - targets).square().sum(1) + eps**2)
    return (error * valid).sum() / valid.sum().clamp(min=1)


@wrong("chooses the valid errors after the root, whose gradient at the others is NaN", of="flow_loss")
def poisoned(outputs, targets, valid, eps=1e-3):
    error = torch.sqrt((outputs - targets).square().sum(1) + eps**2)
    return torch.where(valid, error, 0.0).sum() / valid.sum().clamp(min=1)


@wrong("counts the pixels that are not valid as errors of eps", of="flow_loss")
def eps_of_invalid(outputs, targets, valid, eps=1e-3):
    known = torch.where(valid[:, None], targets, outputs.detach())
    error = torch.sqrt((outputs - known).square().sum(1) + eps**2)
    return error.sum() / valid.sum().clamp(min=1) if valid.any() else outputs.sum() * 0


@wrong("divides by all pixels, valid or not", of="flow_loss")
def counted_all(outputs, targets, valid, eps=1e-3):
    return flow_loss(outputs, targets, valid, eps) * valid.sum() / valid.numel()


@wrong("takes the mean of each image first, and then of those", of="flow_loss")
def per_image(outputs, targets, valid, eps=1e-3):
    each = [flow_loss(o[None], t[None], v[None], eps) for o, t, v in zip(outputs, targets, valid)]
    return torch.stack(each).mean()


@wrong("adds up the errors and does not divide", of="flow_loss")
def summed(outputs, targets, valid, eps=1e-3):
    return flow_loss(outputs, targets, valid, eps) * valid.sum()


@wrong("takes the mean over no pixels, which is NaN", of="flow_loss")
def nan_when_empty(outputs, targets, valid, eps=1e-3):
    return torch.sqrt(_errors(outputs, targets, valid).square().sum(-1) + eps**2).mean()


@wrong("returns a constant, cut off from the graph, when no pixel is valid", of="flow_loss")
def cut_off(outputs, targets, valid, eps=1e-3):
    if not valid.any():
        return outputs.new_zeros(())
    return flow_loss(outputs, targets, valid, eps)


@wrong("does not count motions longer than 400 pixels", of="flow_loss")
def short_only(outputs, targets, valid, eps=1e-3):
    return flow_loss(outputs, targets, valid & (targets.norm(dim=1) <= 400), eps)


@wrong("writes over the targets that do not count", of="flow_loss")
def overwriting(outputs, targets, valid, eps=1e-3):
    targets.movedim(1, -1)[~valid] = 0
    return flow_loss(outputs, targets, valid, eps)


@wrong("returns a Python number, which has no graph", of="flow_loss")
def numbered(outputs, targets, valid, eps=1e-3):
    return flow_loss(outputs, targets, valid, eps).item()
