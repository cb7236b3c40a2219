"""A whole segmentation model and its loss.

The model gives every pixel of an image its scores. For images of any height H and width W:

    x          [B, 3, H, W]
    encode     [B, feat_ch, h, w]        the backbone's map; h and w depend on H, W and its stride
    classify   [B, num_classes, h, w]    one 1x1 convolution, with bias
    forward    [B, num_classes, H, W]    the scores, resized to the size of the image

* Segmenter has the methods encode(x), classify(features) and forward(x); forward uses the other two.
* The resizing is bilinear with align_corners=False, and always to the size of the image that came in. A
  fixed factor of 32 would turn the 8 rows that a stride of 32 leaves of 225 into 256.
* Return logits: no softmax. The backbone is handed in and belongs to the model: it is trained, and its mode
  follows the model's. Apart from it there are feat_ch * num_classes + num_classes parameters. Attributes
  may have any name.

segmentation_loss(outputs, targets, ignore_index=255) = mean cross-entropy over the pixels that count:

* outputs are logits [B, num_classes, H, W], targets classes [B, H, W] (long). A pixel whose target is
  ignore_index, such as the border that annotators leave open, does not count: neither in the sum nor in
  the number it is divided by, and it sends no gradient.
* The mean is over all pixels of the batch together. When no pixel counts the loss is 0, never NaN, and still
  connected to the graph of outputs.
* The result is a 0-d tensor whose gradients reach outputs. Logits may be in the hundreds. The inputs stay as
  they are.

Example: feat_ch = 512 and num_classes = 21 add 10,773 parameters to those of the backbone. With outputs of
zeros, 21 classes and at least one pixel that counts, the loss is log 21 = 3.045.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 25
HINTS = (
    "The backbone shrinks the image. What has to happen for every pixel to get scores, whatever the size?",
    "Classify first, on the small map, then resize the scores: fewer numbers to interpolate. In the loss, "
    "what is a mean over no pixels?",
    "A 1x1 convolution from feat_ch to num_classes, then bilinear interpolation to the last two sizes of x. "
    "In the loss, add up the cross-entropy of the pixels that count and divide by their number, or by 1.",
)


class Segmenter(nn.Module):
    """Backbone, 1x1 classifier, bilinear resizing."""

    def __init__(self, backbone: nn.Module, feat_ch: int, num_classes: int):
        super().__init__()
        self.backbone = backbone
        self.classifier = nn.Conv2d(feat_ch, num_classes, kernel_size=1)

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b feat_ch hs ws"]:
        """Return the backbone's map."""
        return self.backbone(x)

    def classify(self, features: Float[Tensor, "b feat_ch hs ws"]) -> Float[Tensor, "b num_classes hs ws"]:
        """Return the scores of every position of the map."""
        return self.classifier(features)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b num_classes h w"]:
        """Return the scores of every pixel."""
        scores = self.classify(self.encode(x))
        return F.interpolate(scores, size=x.shape[-2:], mode="bilinear", align_corners=False)


def segmentation_loss(
    outputs: Float[Tensor, "b num_classes h w"], targets: Int64[Tensor, "b h w"], ignore_index: int = 255
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy over the pixels that count."""
    count = (targets != ignore_index).sum()
    total = F.cross_entropy(outputs, targets, ignore_index=ignore_index, reduction="sum")
    return total / count.clamp(min=1)


@right("with the head before the backbone, and a module that resizes")
class Sequenced(nn.Module):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(feat_ch, num_classes, 1))
        self.net = backbone

    def encode(self, x):
        return self.net(x)

    def classify(self, features):
        return self.head(features)

    def forward(self, x):
        h, w = x.shape[2], x.shape[3]
        return nn.Upsample(size=(h, w), mode="bilinear")(self.classify(self.encode(x)))


@right("with a linear layer over the channels, as a matrix product")
class Multiplied(nn.Module):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__()
        self.encode = backbone
        self.fc = nn.Linear(feat_ch, num_classes)

    def classify(self, features):
        return self.fc(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def forward(self, x):
        return nn.functional.interpolate(self.classify(self.encode(x)), x.shape[2:], mode="bilinear")


@right("resizing the features before classifying them, which for a 1x1 convolution is the same")
class Late(Segmenter):
    def forward(self, x):
        features = F.interpolate(self.encode(x), size=x.shape[-2:], mode="bilinear", align_corners=False)
        return self.classify(features)


@right("with the log-softmax gathered by hand", of="segmentation_loss")
def gathered(outputs, targets, ignore_index=255):
    valid = targets != ignore_index
    logp = outputs.log_softmax(dim=1)
    picked = logp.gather(1, targets.masked_fill(~valid, 0).unsqueeze(1)).squeeze(1)
    if not valid.any():
        return outputs.sum() * 0.0
    return -picked[valid].mean()


@right("over a list of the pixels that count", of="segmentation_loss")
def listed(outputs, targets, ignore_index=255):
    flat = outputs.permute(0, 2, 3, 1).reshape(-1, outputs.shape[1])
    keep = targets.reshape(-1) != ignore_index
    flat, wanted = flat[keep], targets.reshape(-1)[keep]
    losses = flat.logsumexp(1) - flat[torch.arange(len(flat)), wanted]
    return losses.sum() / max(len(losses), 1)


@wrong("returns the small map and leaves the pixels between unscored")
class Small(Segmenter):
    def forward(self, x):
        return self.classify(self.encode(x))


@wrong("resizes every image to the size of the first one it has seen")
class Remembered(Segmenter):
    def forward(self, x):
        self.size = getattr(self, "size", x.shape[-2:])
        return F.interpolate(self.classify(self.encode(x)), size=self.size, mode="bilinear")


@wrong("upsamples by a fixed factor, so that odd images come back in another size")
class Factored(Segmenter):
    def forward(self, x):
        return F.interpolate(
            self.classify(self.encode(x)), scale_factor=2, mode="bilinear", align_corners=False
        )


@wrong("aligns the corners when resizing")
class Aligned(Segmenter):
    def forward(self, x):
        scores = self.classify(self.encode(x))
        return F.interpolate(scores, size=x.shape[-2:], mode="bilinear", align_corners=True)


@wrong("repeats the nearest score instead of interpolating")
class Nearest(Segmenter):
    def forward(self, x):
        return F.interpolate(self.classify(self.encode(x)), size=x.shape[-2:])


@wrong("returns probabilities where logits are asked for")
class Softmaxed(Segmenter):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


@wrong("returns the most likely class of every pixel, through which nothing can be learned")
class Decided(Segmenter):
    def forward(self, x):
        return super().forward(x).argmax(dim=1)


@wrong("classifies with a 3x3 convolution")
class Wide(Segmenter):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__(backbone, feat_ch, num_classes)
        self.classifier = nn.Conv2d(feat_ch, num_classes, kernel_size=3, padding=1)


@wrong("upsamples with a learned transposed convolution, of many more parameters")
class Deconvolved(Segmenter):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__(backbone, feat_ch, num_classes)
        self.up = nn.ConvTranspose2d(num_classes, num_classes, kernel_size=4, stride=2, padding=1)

    def forward(self, x):
        return F.interpolate(self.up(self.classify(self.encode(x))), size=x.shape[-2:], mode="bilinear")


@wrong("swaps height and width when it resizes")
class Swapped(Segmenter):
    def forward(self, x):
        size = (x.shape[3], x.shape[2])
        return F.interpolate(self.classify(self.encode(x)), size=size, mode="bilinear", align_corners=False)


@wrong("leaves the bias of the classifier out")
class Unbiased(Segmenter):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__(backbone, feat_ch, num_classes)
        self.classifier = nn.Conv2d(feat_ch, num_classes, kernel_size=1, bias=False)


@wrong("freezes the backbone by running it without a graph")
class Frozen(Segmenter):
    def encode(self, x):
        with torch.no_grad():
            return self.backbone(x)


@wrong("adds a ReLU to the scores, so that none is below zero")
class Rectified(Segmenter):
    def classify(self, features):
        return self.classifier(features).relu()


@wrong("resizes inside classify already, so that its stage has another shape")
class Early(Segmenter):
    def classify(self, features):
        scores = self.classifier(features)
        return F.interpolate(scores, scale_factor=2, mode="bilinear", align_corners=False)

    def forward(self, x):
        scores = self.classifier(self.encode(x))
        return F.interpolate(scores, size=x.shape[-2:], mode="bilinear", align_corners=False)


@wrong("takes the mean over no pixels, which is NaN", of="segmentation_loss")
def nan_when_empty(outputs, targets, ignore_index=255):
    return F.cross_entropy(outputs, targets, ignore_index=ignore_index)


@wrong("divides by all pixels, ignored ones too", of="segmentation_loss")
def counted_all(outputs, targets, ignore_index=255):
    return F.cross_entropy(outputs, targets, ignore_index=ignore_index, reduction="sum") / targets.numel()


@wrong("takes the ignored pixels for the first class", of="segmentation_loss")
def ignored_as_background(outputs, targets, ignore_index=255):
    return F.cross_entropy(outputs, targets.masked_fill(targets == ignore_index, 0))


@wrong("always ignores 255, whatever it is told to ignore", of="segmentation_loss")
def fixed_ignore(outputs, targets, ignore_index=255):
    count = (targets != 255).sum()
    if ignore_index >= outputs.shape[1] or ignore_index < 0:
        targets = targets.masked_fill(targets == ignore_index, 0)
    total = F.cross_entropy(outputs, targets, ignore_index=255, reduction="sum")
    return total / count.clamp(min=1)


@wrong("takes the mean of each image first, and then of those", of="segmentation_loss")
def per_image(outputs, targets, ignore_index=255):
    each = [segmentation_loss(o[None], t[None], ignore_index) for o, t in zip(outputs, targets)]
    return torch.stack(each).mean()


@wrong("takes the softmax before the cross-entropy, which takes it again", of="segmentation_loss")
def softmax_twice(outputs, targets, ignore_index=255):
    return segmentation_loss(outputs.softmax(dim=1), targets, ignore_index)


@wrong("takes the logarithm of a softmax, which is minus infinity for sure pixels", of="segmentation_loss")
def log_of_softmax(outputs, targets, ignore_index=255):
    valid = targets != ignore_index
    logp = outputs.softmax(dim=1).log()
    picked = logp.gather(1, targets.masked_fill(~valid, 0).unsqueeze(1)).squeeze(1)
    return -(picked * valid).sum() / valid.sum().clamp(min=1)


@wrong("adds up the pixels and does not divide", of="segmentation_loss")
def summed(outputs, targets, ignore_index=255):
    return F.cross_entropy(outputs, targets, ignore_index=ignore_index, reduction="sum")


@wrong("returns a constant, cut off from the graph, when no pixel counts", of="segmentation_loss")
def cut_off(outputs, targets, ignore_index=255):
    if (targets == ignore_index).all():
        return outputs.new_zeros(())
    return F.cross_entropy(outputs, targets, ignore_index=ignore_index)


@wrong("writes over the targets that it is to ignore", of="segmentation_loss")
def overwriting(outputs, targets, ignore_index=255):
    count = (targets != ignore_index).sum()
    targets[targets == ignore_index] = -100
    return F.cross_entropy(outputs, targets, reduction="sum") / count.clamp(min=1)


@wrong("returns a Python number, which has no graph", of="segmentation_loss")
def numbered(outputs, targets, ignore_index=255):
    return segmentation_loss(outputs, targets, ignore_index).item()
