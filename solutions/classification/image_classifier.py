"""Image classifier on a backbone that is handed in.

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

Example: feat_ch = 512 and num_classes = 10 add 5,130 parameters to those of the backbone.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Which axes of the feature map hold positions, and which one must survive for the linear layer?",
    "A mean over two axes, or adaptive pooling to 1 x 1, works for any size of map. Mind what removes "
    "axes of size one when the batch holds a single image.",
    "Average over the last two axes, which leaves [B, feat_ch]; then one linear layer from feat_ch to "
    "num_classes.",
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
