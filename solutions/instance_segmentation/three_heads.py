"""The three heads of Mask R-CNN.

For each of R regions a detector has cut two maps out of its features, one of 7 x 7 cells for the class
and the box, and a finer one of 14 x 14 cells for the mask. With K = num_classes, the model is

    box_feat   [R, ch, 7, 7]
      flattened to ch * 49 numbers, in the order channel, row, column
      fc1      linear, 1024 outputs, ReLU
      fc2      linear, 1024 outputs, ReLU
      cls      linear on fc2, K + 1 outputs          -> [R, K + 1], one of them for the background
      box      linear on fc2, 4K outputs             -> [R, 4K], four offsets for each class

    mask_feat  [R, ch, 14, 14]
      four 3x3 convolutions, padding 1, ch -> ch, each followed by a ReLU
      one 2x2 transposed convolution, stride 2 (nn.ConvTranspose2d), ch -> ch, followed by a ReLU
      one 1x1 convolution, ch -> K                   -> [R, K, 28, 28]

* forward returns the tuple (cls, box, mask). None of the three gets a softmax, a sigmoid or a ReLU: the
  losses work on logits and offsets.
* Every layer has a bias. There are no other parameters: no normalisation, no dropout, nothing shared
  between the two branches. Attributes may have any name.
* R may be 0, as for an image in which nothing was found: the results are then [0, K + 1], [0, 4K] and
  [0, K, 28, 28]. With R = 1 the first axis stays. K may be 1. Memory may be channels-last.
* The feature maps stay as they are. The heads are trained: gradients flow to both maps and to every
  parameter.

Example: with num_classes = 80 and ch = 256 the box branch (fc1, fc2, cls, box) has 14,306,705 parameters
and the mask branch 2,643,280.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 25
HINTS = (
    "Two branches that share nothing: one forgets the grid at its first layer, one keeps it to the end. "
    "Write the shape beside every layer. Which steps turn 14 x 14 into 28 x 28?",
    "Flattening from axis 1 on gives what the first linear layer reads, and works without regions, where a "
    "-1 in view or reshape cannot be worked out. Class and box read the same 1024 numbers.",
    "Box branch: flatten, linear, ReLU, linear, ReLU; then two linear layers side by side. Mask branch: "
    "four times convolution (3, padding 1) and ReLU, transposed convolution (2, stride 2), ReLU, convolution "
    "(1). Channels stay ch up to the last layer.",
)


class MaskRCNNHeads(nn.Module):
    """Class, box and mask of each region, from two feature maps."""

    def __init__(self, num_classes: int, ch: int = 256):
        super().__init__()
        self.fc1 = nn.Linear(ch * 7 * 7, 1024)
        self.fc2 = nn.Linear(1024, 1024)
        self.cls = nn.Linear(1024, num_classes + 1)
        self.box = nn.Linear(1024, 4 * num_classes)
        self.convs = nn.ModuleList(nn.Conv2d(ch, ch, kernel_size=3, padding=1) for _ in range(4))
        self.up = nn.ConvTranspose2d(ch, ch, kernel_size=2, stride=2)
        self.mask = nn.Conv2d(ch, num_classes, kernel_size=1)

    def forward(
        self, box_feat: Float[Tensor, "r ch 7 7"], mask_feat: Float[Tensor, "r ch 14 14"]
    ) -> tuple[
        Float[Tensor, "r num_classes+1"],
        Float[Tensor, "r 4*num_classes"],
        Float[Tensor, "r num_classes 28 28"],
    ]:
        """Return class logits, box offsets for each class, and mask logits for each class."""
        hidden = F.relu(self.fc1(box_feat.flatten(1)))
        hidden = F.relu(self.fc2(hidden))  # r 1024
        x = mask_feat
        for conv in self.convs:
            x = F.relu(conv(x))
        x = F.relu(self.up(x))  # r ch 28 28
        return self.cls(hidden), self.box(hidden), self.mask(x)


@right("as three rows of modules, the mask branch first, as a list")
class Rowed(nn.Module):
    def __init__(self, num_classes, ch=256):
        super().__init__()
        layers = []
        for _ in range(4):
            layers += [nn.Conv2d(ch, ch, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [
            nn.ConvTranspose2d(ch, ch, 2, stride=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(ch, num_classes, 1),
        ]
        self.mask_branch = nn.Sequential(*layers)
        self.trunk = nn.Sequential(
            nn.Flatten(), nn.Linear(49 * ch, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU()
        )
        self.offsets, self.scores = nn.Linear(1024, num_classes * 4), nn.Linear(1024, num_classes + 1)

    def forward(self, box_feat, mask_feat):
        hidden = self.trunk(box_feat)
        return [self.scores(hidden), self.offsets(hidden), self.mask_branch(mask_feat)]


@right("with the first linear layer as a convolution over the whole map, and layers under numbered names")
class Convolved(nn.Module):
    def __init__(self, num_classes, ch=256):
        super().__init__()
        self.a = nn.Conv2d(ch, 1024, kernel_size=7)
        self.b = nn.Conv2d(1024, 1024, kernel_size=1)
        self.heads = nn.ModuleDict(
            {"box": nn.Linear(1024, 4 * num_classes), "cls": nn.Linear(1024, num_classes + 1)}
        )
        for i in range(4):
            setattr(self, f"conv{i}", nn.Conv2d(ch, ch, 3, 1, "same"))
        self.deconv = nn.ConvTranspose2d(ch, ch, 2, 2)
        self.logits = nn.Conv2d(ch, num_classes, 1)

    def forward(self, box_feat, mask_feat):
        hidden = self.b(self.a(box_feat).clamp(min=0)).clamp(min=0)[:, :, 0, 0]
        for i in range(4):
            mask_feat = torch.relu(getattr(self, f"conv{i}")(mask_feat))
        mask = self.logits(torch.relu(self.deconv(mask_feat)))
        return self.heads["cls"](hidden), self.heads["box"](hidden), mask


@right("with layers that find out their input sizes")
class Lazy(nn.Module):
    def __init__(self, num_classes, ch=256):
        super().__init__()
        self.fc6, self.fc7 = nn.LazyLinear(1024), nn.LazyLinear(1024)
        self.bbox_pred, self.cls_score = nn.LazyLinear(4 * num_classes), nn.LazyLinear(1 + num_classes)
        self.mask_fcn = nn.Sequential(*(nn.LazyConv2d(ch, 3, padding=1) for _ in range(4)))
        self.mask_up = nn.LazyConvTranspose2d(ch, 2, 2)
        self.mask_logits = nn.LazyConv2d(num_classes, 1)

    def forward(self, box_feat, mask_feat):
        z = torch.relu(self.fc7(torch.relu(self.fc6(torch.flatten(box_feat, start_dim=1)))))
        for layer in (*self.mask_fcn, self.mask_up):
            mask_feat = layer(mask_feat).relu()
        return self.cls_score(z), self.bbox_pred(z), self.mask_logits(mask_feat)


def _trunk(model, box_feat):
    return F.relu(model.fc2(F.relu(model.fc1(box_feat.flatten(1)))))


@right("registered from back to front, under other names")
class Backwards(nn.Module):
    def __init__(self, num_classes, ch=256):
        super().__init__()
        self.predictor = nn.Conv2d(ch, num_classes, 1)
        self.deconv = nn.ConvTranspose2d(ch, ch, 2, stride=2)
        self.c4, self.c3, self.c2, self.c1 = (nn.Conv2d(ch, ch, 3, padding=1) for _ in range(4))
        self.bbox_pred = nn.Linear(1024, num_classes * 4)
        self.cls_score = nn.Linear(1024, num_classes + 1)
        self.lin2 = nn.Linear(1024, 1024)
        self.lin1 = nn.Linear(ch * 7 * 7, 1024)

    def forward(self, box_feat, mask_feat):
        x = self.lin2(self.lin1(box_feat.flatten(1)).relu()).relu()
        for layer in (self.c1, self.c2, self.c3, self.c4, self.deconv):
            mask_feat = layer(mask_feat).relu()
        return self.cls_score(x), self.bbox_pred(x), self.predictor(mask_feat)


@wrong("flattens with view and -1, which cannot be worked out without regions")
class Viewed(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        flat = box_feat.reshape(box_feat.shape[0], -1)
        _, _, mask = super().forward(box_feat, mask_feat)
        hidden = F.relu(self.fc2(F.relu(self.fc1(flat))))
        return self.cls(hidden), self.box(hidden), mask


@wrong("squeezes the hidden vector, and so loses the axis of a single region")
class Squeezed(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        _, _, mask = super().forward(box_feat, mask_feat)
        hidden = _trunk(self, box_feat).squeeze()
        return self.cls(hidden), self.box(hidden), mask


@wrong("forgets the ReLU after fc1, so that fc1 and fc2 are one linear map")
class NoReluAfterFirst(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        hidden = F.relu(self.fc2(self.fc1(box_feat.flatten(1))))
        return self.cls(hidden), self.box(hidden), super().forward(box_feat, mask_feat)[2]


@wrong("forgets the ReLU after fc2")
class NoReluAfterSecond(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        hidden = self.fc2(F.relu(self.fc1(box_feat.flatten(1))))
        return self.cls(hidden), self.box(hidden), super().forward(box_feat, mask_feat)[2]


class _OwnMask(MaskRCNNHeads):
    """Replaces the mask branch only."""

    def forward(self, box_feat, mask_feat):
        hidden = _trunk(self, box_feat)
        return self.cls(hidden), self.box(hidden), self.masks(mask_feat)


@wrong("forgets the ReLU after the transposed convolution")
class NoReluAfterUp(_OwnMask):
    def masks(self, x):
        for conv in self.convs:
            x = F.relu(conv(x))
        return self.mask(self.up(x))


@wrong("lets a little of the negative numbers through after the transposed convolution")
class LeakyUp(_OwnMask):
    def masks(self, x):
        for conv in self.convs:
            x = F.relu(conv(x))
        return self.mask(F.leaky_relu(self.up(x)))


@wrong("puts no ReLU between the four convolutions, only one at their end")
class OneRelu(_OwnMask):
    def masks(self, x):
        for conv in self.convs:
            x = conv(x)
        return self.mask(F.relu(self.up(F.relu(x))))


@wrong("runs the first convolution four times and leaves the other three idle")
class SameConvolution(_OwnMask):
    def masks(self, x):
        for _ in self.convs:
            x = F.relu(self.convs[0](x))
        return self.mask(F.relu(self.up(x)))


@wrong("convolves without padding, which shrinks the mask to 12 x 12")
class Unpadded(MaskRCNNHeads):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, ch)
        for conv in self.convs:
            conv.padding = (0, 0)


@wrong("ends the mask branch in a sigmoid")
class SigmoidMask(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        cls, box, mask = super().forward(box_feat, mask_feat)
        return cls, box, mask.sigmoid()


@wrong("ends the class head in a softmax")
class SoftmaxClass(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        cls, box, mask = super().forward(box_feat, mask_feat)
        return cls.softmax(dim=-1), box, mask


@wrong("has no output for the background")
class NoBackground(MaskRCNNHeads):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, ch)
        self.cls = nn.Linear(1024, num_classes)


@wrong("predicts one box for all classes")
class OneBox(MaskRCNNHeads):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, ch)
        self.box = nn.Linear(1024, 4 + 0 * num_classes)


@wrong("gives the background a box of its own")
class BackgroundBox(MaskRCNNHeads):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, ch)
        self.box = nn.Linear(1024, 4 * (num_classes + 1))


@wrong("returns the boxes before the classes")
class BoxesFirst(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        cls, box, mask = super().forward(box_feat, mask_feat)
        return box, cls, mask


@wrong("averages the box features over the grid instead of flattening them")
class Pooled(MaskRCNNHeads):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, ch)
        self.fc1 = nn.Linear(ch, 1024)

    def forward(self, box_feat, mask_feat):
        return super().forward(box_feat.mean((2, 3)), mask_feat)


@wrong("flattens in the order row, column, channel")
class ChannelsLast(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        return super().forward(box_feat.permute(0, 2, 3, 1), mask_feat)


@wrong("upsamples by interpolation and a convolution instead of a transposed convolution")
class Interpolated(_OwnMask):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, ch)
        self.up = nn.Conv2d(ch, ch, 3, padding=1)

    def masks(self, x):
        for conv in self.convs:
            x = F.relu(conv(x))
        return self.mask(F.relu(self.up(F.interpolate(x, scale_factor=2.0, mode="bilinear"))))


@wrong("normalises after every convolution")
class Normalised(_OwnMask):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, ch)
        self.norms = nn.ModuleList(nn.BatchNorm2d(ch) for _ in range(4))

    def masks(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = F.relu(norm(conv(x)))
        return self.mask(F.relu(self.up(x)))


@wrong("keeps the convolutions in a plain list, where their parameters are not registered")
class Unregistered(_OwnMask):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, ch)
        convs = list(self.convs)
        del self.convs
        self.rest = [conv.double() for conv in convs]

    def masks(self, x):
        for conv in self.rest:
            x = F.relu(conv(x.double())).to(x.dtype)
        return self.mask(F.relu(self.up(x)))


@wrong("has convolutions without bias")
class Biasless(MaskRCNNHeads):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, ch)
        self.convs = nn.ModuleList(nn.Conv2d(ch, ch, 3, padding=1, bias=False) for _ in range(4))


@wrong("ignores ch and is always 256 wide")
class Fixed(MaskRCNNHeads):
    def __init__(self, num_classes, ch=256):
        super().__init__(num_classes, min(ch, 256))
        self.up = nn.ConvTranspose2d(ch, 256, 2, stride=2)
        self.mask = nn.Conv2d(256, num_classes, 1)


@wrong("is 64 channels wide unless told otherwise")
class Narrow(MaskRCNNHeads):
    def __init__(self, num_classes, ch=64):
        super().__init__(num_classes, ch)


@wrong("drops out half of the hidden numbers in training")
class Dropped(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        hidden = F.dropout(_trunk(self, box_feat), 0.5, self.training)
        return self.cls(hidden), self.box(hidden), super().forward(box_feat, mask_feat)[2]


@wrong("cuts the hidden vector off before the boxes, so that only the classes train fc1 and fc2")
class DetachedBoxes(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        hidden = _trunk(self, box_feat)
        return self.cls(hidden), self.box(hidden.detach()), super().forward(box_feat, mask_feat)[2]


@wrong("predicts boxes from fc1, before fc2")
class BoxesFromFirst(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        first = F.relu(self.fc1(box_feat.flatten(1)))
        return self.cls(F.relu(self.fc2(first))), self.box(first), super().forward(box_feat, mask_feat)[2]


@wrong("rectifies the caller's mask features in place")
class InPlace(MaskRCNNHeads):
    def forward(self, box_feat, mask_feat):
        found = super().forward(box_feat, mask_feat.clone())
        with torch.no_grad():
            mask_feat.relu_()
        return found
