"""Image classifier on a backbone that is handed in, and its loss.

The model has three stages, for images of any height H and width W:

    x         [B, 3, H, W]
    backbone  [B, feat_ch, h, w]    h and w depend on H, W and the backbone's stride
    pooled    [B, feat_ch]          mean over the h x w positions of each channel
    fc        [B, num_classes]      one linear layer, with bias

* Return logits: no softmax, no sigmoid. The loss works on logits.
* h and w may be any sizes, also different ones, also 1 x 1; memory may be channels-last.
* A batch of one image keeps its batch axis: the result is [1, num_classes].
* The backbone is part of the model: its parameters are trained, and its mode (train, eval) follows the
  model's. Apart from it there are feat_ch * num_classes + num_classes parameters. Attributes may have
  any name.

classification_loss(outputs, targets) = mean cross-entropy of the batch:

* outputs are logits [B, num_classes], targets the true classes [B] (long), from 0 to num_classes - 1.
  With z the logits of an image and t its class, its loss is log(sum over k of exp(z_k)) - z_t.
* Logits may be in the hundreds; the loss and its gradient stay finite and right.
* B is at least 1. The result is a 0-d tensor whose gradients reach outputs. The inputs stay as they are.

Example: feat_ch = 512 and num_classes = 10 add 5,130 parameters to those of the backbone. Ten equal
logits have the loss log 10 = 2.303. A model that ends in a softmax can never bring this loss below
1.461, log(9 + e) - 1, however sure it is and right.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 1
MINUTES = 15
HINTS = (
    "Which axes of the feature map hold positions, and which one must survive for the linear layer? And "
    "which part of the loss could overflow?",
    "A mean over two axes, or adaptive pooling to 1 x 1, works for any size of map. Mind what removes "
    "axes of size one when the batch holds a single image. torch has the loss as one function of logits.",
    "Average over the last two axes, which leaves [B, feat_ch]; then one linear layer from feat_ch to "
    "num_classes. The loss: logsumexp over the classes, less the logit of the true class, averaged; or the "
    "cross-entropy of torch, which does just that.",
)


class ImageClassifier(nn.Module):
    """Backbone, global average pooling, linear layer."""

    def __init__(self, backbone: nn.Module, feat_ch: int, num_classes: int):
        super().__init__()
        self.backbone = backbone
        self.fc = nn.Linear(feat_ch, num_classes)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b num_classes"]:
        """Return the logits of a batch of images."""
        features = self.backbone(x)  # b feat_ch h/s w/s
        return self.fc(features.mean(dim=(2, 3)))


def classification_loss(
    outputs: Float[Tensor, "b num_classes"], targets: Int64[Tensor, " b"]
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the batch."""
    return F.cross_entropy(outputs, targets)


@right("with adaptive pooling and flatten, under other names and in another order")
class Pooled(nn.Module):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__()
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(feat_ch, num_classes))
        self.body = backbone

    def forward(self, x):
        return self.head(self.body(x))


@right("with a 1x1 convolution before the pooling")
class Convolved(nn.Module):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__()
        self.score = nn.Conv2d(feat_ch, num_classes, kernel_size=1)
        self.backbone = backbone

    def forward(self, x):
        return self.score(self.backbone(x)).mean(3).mean(2)


@right("with sums and a matrix product")
class Summed(nn.Module):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__()
        self.trunk = backbone
        self.w = nn.Parameter(torch.randn(num_classes, feat_ch) * 0.01)
        self.b = nn.Parameter(torch.zeros(num_classes))

    def forward(self, x):
        f = self.trunk(x)
        return torch.einsum("bchw,kc->bk", f, self.w) / (f.shape[2] * f.shape[3]) + self.b


@right("with the log-softmax gathered by hand", of="classification_loss")
def gathered(outputs, targets):
    return -outputs.log_softmax(dim=-1).gather(1, targets.unsqueeze(1)).mean()


@right("with the largest logit taken off first, and one-hot targets", of="classification_loss")
def one_hot(outputs, targets):
    z = outputs - outputs.max(dim=1, keepdim=True).values
    hot = F.one_hot(targets, outputs.shape[1])
    return (z.exp().sum(dim=1).log() - (z * hot).sum(dim=1)).sum() / len(targets)


@right("image by image", of="classification_loss")
def looped(outputs, targets):
    losses = [torch.logsumexp(z, 0) - z[t] for z, t in zip(outputs, targets.tolist())]
    return sum(losses) / len(losses)


@wrong("squeezes the pooled features, and so loses the batch axis of a single image")
class Squeezed(ImageClassifier):
    def forward(self, x):
        return self.fc(self.backbone(x).mean(dim=(2, 3), keepdim=True).squeeze())


@wrong("ends in a softmax")
class Softmaxed(ImageClassifier):
    def forward(self, x):
        return super().forward(x).softmax(dim=-1)


@wrong("ends in a log-softmax")
class LogSoftmaxed(ImageClassifier):
    def forward(self, x):
        return super().forward(x).log_softmax(dim=-1)


@wrong("pools by the maximum instead of the mean")
class MaxPooled(ImageClassifier):
    def forward(self, x):
        return self.fc(self.backbone(x).amax(dim=(2, 3)))


@wrong("sums over the positions, so that the result grows with the image")
class SummedUp(ImageClassifier):
    def forward(self, x):
        return self.fc(self.backbone(x).sum(dim=(2, 3)))


@wrong("averages over the channels and one spatial axis")
class WrongAxes(ImageClassifier):
    def forward(self, x):
        features = self.backbone(x)
        return self.fc(features.flatten(2).mean(dim=1)[:, : self.fc.in_features])


@wrong("reads only the first position of the map")
class FirstPosition(ImageClassifier):
    def forward(self, x):
        return self.fc(self.backbone(x)[:, :, 0, 0])


@wrong("has a linear layer without bias")
class Biasless(ImageClassifier):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__(backbone, feat_ch, num_classes)
        self.fc = nn.Linear(feat_ch, num_classes, bias=False)


@wrong("has a second linear layer that was not asked for")
class Deeper(ImageClassifier):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__(backbone, feat_ch, num_classes)
        self.hidden = nn.Linear(feat_ch, feat_ch)

    def forward(self, x):
        return self.fc(torch.relu(self.hidden(self.backbone(x).mean(dim=(2, 3)))))


@wrong("keeps the backbone in a list, where its parameters are not registered")
class Unregistered(ImageClassifier):
    def __init__(self, backbone, feat_ch, num_classes):
        nn.Module.__init__(self)
        self.parts = [backbone]
        self.fc = nn.Linear(feat_ch, num_classes)

    def forward(self, x):
        return self.fc(self.parts[0](x).mean(dim=(2, 3)))


@wrong("runs the backbone without gradients")
class Frozen(ImageClassifier):
    def forward(self, x):
        with torch.no_grad():
            features = self.backbone(x)
        return self.fc(features.mean(dim=(2, 3)))


@wrong("puts the backbone in evaluation mode when the model is made")
class MadeEval(ImageClassifier):
    def __init__(self, backbone, feat_ch, num_classes):
        super().__init__(backbone, feat_ch, num_classes)
        self.backbone.eval()


@wrong("holds the backbone in evaluation mode, so that its statistics never move")
class AlwaysEval(ImageClassifier):
    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self


@wrong("flattens with view, which fails for channels-last maps and any map larger than 1 x 1")
class Viewed(ImageClassifier):
    def forward(self, x):
        features = self.backbone(x)
        return self.fc(features.view(features.shape[0], -1))


@wrong("adds a ReLU before the linear layer")
class Rectified(ImageClassifier):
    def forward(self, x):
        return self.fc(torch.relu(self.backbone(x).mean(dim=(2, 3))))


# -- mistakes in the loss ----------------------------------------------------------------------


@wrong("takes the softmax before the cross-entropy, which takes it again", of="classification_loss")
def softmax_twice(outputs, targets):
    return F.cross_entropy(outputs.softmax(dim=-1), targets)


@wrong("takes the logarithm of a softmax, which is 0 for a class that is ruled out", of="classification_loss")
def log_of_softmax(outputs, targets):
    return -outputs.softmax(dim=-1).gather(1, targets[:, None]).log().mean()


@wrong("adds a small constant inside the logarithm, which caps the loss", of="classification_loss")
def capped(outputs, targets):
    return -(outputs.softmax(dim=-1).gather(1, targets[:, None]) + 1e-8).log().mean()


@wrong("adds up exponentials of the logits as they are, which overflow", of="classification_loss")
def overflowing(outputs, targets):
    return (outputs.exp().sum(dim=1).log() - outputs.gather(1, targets[:, None])[:, 0]).mean()


@wrong("keeps the logits between -50 and 50, and so flattens the loss", of="classification_loss")
def clamped(outputs, targets):
    return F.cross_entropy(outputs.clamp(-50, 50), targets)


@wrong("weighs each class by how rare it is in the batch", of="classification_loss")
def balanced(outputs, targets):
    counts = torch.bincount(targets, minlength=outputs.shape[1]).clamp(min=1)
    return F.cross_entropy(outputs, targets, weight=(1 / counts).to(outputs.dtype))


@wrong("hands logits to the loss for log-probabilities", of="classification_loss")
def nll_of_logits(outputs, targets):
    return F.nll_loss(outputs, targets)


@wrong("normalises over the batch instead of the classes", of="classification_loss")
def over_the_batch(outputs, targets):
    return -outputs.log_softmax(dim=0).gather(1, targets[:, None]).mean()


@wrong("adds up the losses of the images and does not divide", of="classification_loss")
def added_up(outputs, targets):
    return F.cross_entropy(outputs, targets, reduction="sum")


@wrong("returns one loss for each image", of="classification_loss")
def unreduced(outputs, targets):
    return F.cross_entropy(outputs, targets, reduction="none")


@wrong("divides by the number of classes instead of images", of="classification_loss")
def by_classes(outputs, targets):
    return F.cross_entropy(outputs, targets, reduction="sum") / outputs.shape[1]


@wrong("takes a yes or no for each class, with sigmoids", of="classification_loss")
def binary(outputs, targets):
    hot = F.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
    return F.binary_cross_entropy_with_logits(outputs, hot)


@wrong("picks the columns of all targets for every image", of="classification_loss")
def every_pair(outputs, targets):
    return -outputs.log_softmax(dim=-1)[:, targets].mean()


@wrong("smooths the labels a little, which nobody asked for", of="classification_loss")
def smoothed(outputs, targets):
    return F.cross_entropy(outputs, targets, label_smoothing=0.1)


@wrong("does not count the first class, as if it were a background", of="classification_loss")
def without_first(outputs, targets):
    total = F.cross_entropy(outputs, targets, ignore_index=0, reduction="sum")
    return total / (targets != 0).sum().clamp(min=1)


@wrong("returns the share of wrong answers, which has no gradient", of="classification_loss")
def error_rate(outputs, targets):
    return (outputs.argmax(dim=1) != targets).to(outputs.dtype).mean()


@wrong("returns a Python number, which has no graph", of="classification_loss")
def numbered(outputs, targets):
    return F.cross_entropy(outputs, targets).item()


@wrong("takes the largest logit off in place, in the caller's tensor", of="classification_loss")
def in_place(outputs, targets):
    outputs.data -= outputs.data.max(dim=1, keepdim=True).values
    return F.cross_entropy(outputs, targets)
