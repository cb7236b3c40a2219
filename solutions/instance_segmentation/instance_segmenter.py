"""A whole instance segmenter on regions, and its loss.

Proposals have been found and cut out of the image's features, one map of m x m cells for each of R
regions, whichever image they belong to. Each region gets a class, a box and a mask of its own.
K = num_classes counts the classes of objects, 1 to K; class 0 is the background.

    roi        [R, feat_ch, m, m]
    encode     [R, width, m, m]      one 3x3 convolution, 1 of zero padding, then ReLU; all heads share it
    classify   [R, K + 1]            mean of each channel over its cells, then one linear layer
    locate     [R, 4K]               flattened in the order channel, row, column, then one linear layer
    segment    [R, K, 2m, 2m]        2x2 transposed convolution, stride 2, width -> width, then ReLU;
                                     then one 1x1 convolution
    forward    the tuple (logits, deltas, masks) of classify, locate and segment

* InstanceSegmenter has the methods encode(roi), classify(shared), locate(shared), segment(shared) and
  forward(roi); forward encodes once and hands the result to the three heads.
* No softmax, no sigmoid: the loss works on logits. Every layer has a bias, and there are no other
  parameters. Attributes may have any name.
* Numbers 4(c - 1) to 4c - 1 of deltas are the box offsets for class c, and channel c - 1 of masks is its
  mask. The background has neither.
* R may be 0, as for images in which nothing was proposed: the results are [0, K + 1], [0, 4K] and
  [0, K, 2m, 2m]. The input stays as it is.

instance_loss(logits, deltas, masks, labels, box_targets, mask_targets) = L_cls + L_box + L_mask

* labels [R] (long) are from 0 to K; box_targets are [R, 4] and mask_targets [R, 2m, 2m], numbers from 0
  to 1, both floats. A region is positive if its label is above 0.
* L_cls is the mean cross-entropy of logits and labels over all regions. Logits may be in the hundreds.
* L_box is the mean, over the positives and four coordinates, of Smooth L1 between box_targets and the
  four deltas of the true class: 0.5 * d^2 where |d| < 1, and |d| - 0.5 elsewhere.
* L_mask is the mean, over the positives and their 2m * 2m cells, of the binary cross-entropy between
  mask_targets and the sigmoid of the true class's channel. No other channel counts, so that classes do
  not compete for a cell. These logits may be in the hundreds, too.
* Without positives L_box and L_mask are 0, and without any region L_cls is as well; the loss stays
  connected to the graph of all three outputs.
* The targets of the background may hold anything, NaN too. Nothing of it reaches the loss or a gradient.
* The result is a 0-d tensor whose gradients reach logits, deltas and masks. All inputs stay as they are.

Example: with feat_ch = width = 256, m = 14 and K = 80 there are 16,950,497 parameters. Outputs of zeros
for K = 2, labels (2, 0) and a true box of (2, 0, 0, 0), whatever the mask: the loss is
log 3 + 1.5 / 4 + log 2 = 2.167.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 40
HINTS = (
    "Three heads, three ways to read one map: without places, with a weight for every place, and place by "
    "place. Which numbers of deltas and which channel of masks belong to label 1?",
    "Write the shape beside every layer. In the loss choose the positive regions first; one index for the "
    "region and one for its class, counted from 0, then pick four deltas and one channel each.",
    "Split deltas into an axis of K and one of 4. With the row numbers of the positives and their labels "
    "minus one, index deltas and masks at once. Sum each term and divide by how many numbers went into it, "
    "or by 1; a sum over nothing is a zero with a graph.",
)


class InstanceSegmenter(nn.Module):
    """A shared convolution, and a head each for class, box and mask."""

    def __init__(self, feat_ch: int, num_classes: int, width: int, m: int):
        super().__init__()
        self.conv = nn.Conv2d(feat_ch, width, kernel_size=3, padding=1)
        self.cls = nn.Linear(width, num_classes + 1)
        self.box = nn.Linear(width * m * m, 4 * num_classes)
        self.up = nn.ConvTranspose2d(width, width, kernel_size=2, stride=2)
        self.mask = nn.Conv2d(width, num_classes, kernel_size=1)

    def encode(self, roi: Float[Tensor, "r feat_ch m m"]) -> Float[Tensor, "r width m m"]:
        """Return the map that the heads share."""
        return F.relu(self.conv(roi))

    def classify(self, shared: Float[Tensor, "r width m m"]) -> Float[Tensor, "r num_classes+1"]:
        """Return the class logits of each region."""
        return self.cls(shared.mean(dim=(2, 3)))

    def locate(self, shared: Float[Tensor, "r width m m"]) -> Float[Tensor, "r 4*num_classes"]:
        """Return the box offsets of each region, four for each class."""
        return self.box(shared.flatten(1))

    def segment(self, shared: Float[Tensor, "r width m m"]) -> Float[Tensor, "r num_classes 2*m 2*m"]:
        """Return the mask logits of each region, a channel for each class."""
        return self.mask(F.relu(self.up(shared)))

    def forward(
        self, roi: Float[Tensor, "r feat_ch m m"]
    ) -> tuple[
        Float[Tensor, "r num_classes+1"],
        Float[Tensor, "r 4*num_classes"],
        Float[Tensor, "r num_classes 2*m 2*m"],
    ]:
        """Return class logits, box offsets and mask logits."""
        shared = self.encode(roi)
        return self.classify(shared), self.locate(shared), self.segment(shared)


def instance_loss(
    logits: Float[Tensor, "r num_classes+1"],
    deltas: Float[Tensor, "r 4*num_classes"],
    masks: Float[Tensor, "r num_classes 2*m 2*m"],
    labels: Int64[Tensor, " r"],
    box_targets: Float[Tensor, "r 4"],
    mask_targets: Float[Tensor, "r 2*m 2*m"],
) -> Float[Tensor, ""]:
    """Return the sum of the class, box and mask terms."""
    positive = (labels > 0).nonzero().squeeze(1)
    of = labels[positive] - 1
    box = deltas.unflatten(1, (-1, 4))[positive, of]  # p 4
    mask = masks[positive, of]  # p 2m 2m
    cls_term = F.cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)
    box_term = F.smooth_l1_loss(box, box_targets[positive], reduction="sum") / max(box.numel(), 1)
    mask_term = F.binary_cross_entropy_with_logits(mask, mask_targets[positive], reduction="sum")
    return cls_term + box_term + mask_term / max(mask.numel(), 1)


@right("with modules in rows, under other names and in another order, as a list")
class Rowed(nn.Module):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__()
        self.segment = nn.Sequential(
            nn.ConvTranspose2d(width, width, 2, 2), nn.ReLU(inplace=True), nn.Conv2d(width, num_classes, 1)
        )
        self.locate = nn.Sequential(nn.Flatten(), nn.Linear(m * m * width, num_classes * 4))
        self.classify = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 1 + num_classes)
        )
        self.encode = nn.Sequential(nn.Conv2d(feat_ch, width, 3, 1, 1), nn.ReLU())

    def forward(self, roi):
        z = self.encode(roi)
        return [self.classify(z), self.locate(z), self.segment(z)]


@right("with convolutions over the whole map, and scores pooled after a 1x1 convolution")
class Convolved(nn.Module):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__()
        self.a = nn.Conv2d(feat_ch, width, 3, padding="same")
        self.b = nn.Conv2d(width, num_classes + 1, 1)
        self.c = nn.Conv2d(width, 4 * num_classes, m)
        self.d = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.e = nn.Conv2d(width, num_classes, 1)

    def encode(self, roi):
        return self.a(roi).clamp(min=0)

    def classify(self, shared):
        return self.b(shared).mean(-1).mean(-1)

    def locate(self, shared):
        return self.c(shared)[:, :, 0, 0]

    def segment(self, shared):
        return self.e(torch.relu(self.d(shared)))

    def forward(self, roi):
        shared = self.encode(roi)
        return tuple(head(shared) for head in (self.classify, self.locate, self.segment))


@right("with layers that find out their input sizes, and sums over the cells")
class Lazy(nn.Module):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__()
        self.conv = nn.LazyConv2d(width, 3, padding=1)
        self.up = nn.LazyConvTranspose2d(width, 2, 2)
        self.heads = nn.ModuleDict(
            {
                "mask": nn.LazyConv2d(num_classes, 1),
                "box": nn.LazyLinear(4 * num_classes),
                "cls": nn.LazyLinear(num_classes + 1),
            }
        )

    def encode(self, roi):
        return self.conv(roi).relu()

    def classify(self, shared):
        h, w = shared.shape[-2:]
        return self.heads["cls"](shared.sum(dim=(-2, -1)) / (h * w))

    def locate(self, shared):
        return self.heads["box"](torch.flatten(shared, start_dim=1))

    def segment(self, shared):
        return self.heads["mask"](self.up(shared).relu())

    def forward(self, roi):
        shared = self.encode(roi)
        return self.classify(shared), self.locate(shared), self.segment(shared)


@right("with gather, branches and the library's means", of="instance_loss")
def branched(logits, deltas, masks, labels, box_targets, mask_targets):
    if len(labels) == 0:
        return logits.sum() + deltas.sum() + masks.sum()
    loss = nn.CrossEntropyLoss()(logits, labels)
    fg = labels > 0
    if fg.sum() == 0:
        return loss + 0 * deltas.sum() + 0 * masks.sum()
    c, n, size = labels[fg] - 1, int(fg.sum()), masks.shape[-1]
    own_box = deltas[fg].view(n, -1, 4).gather(1, c.view(n, 1, 1).expand(n, 1, 4)).squeeze(1)
    own_mask = masks[fg].gather(1, c.view(n, 1, 1, 1).expand(n, 1, size, size)).squeeze(1)
    loss = loss + nn.SmoothL1Loss()(own_box, box_targets[fg])
    return loss + nn.BCEWithLogitsLoss()(own_mask, mask_targets[fg])


@right("region by region, with the formulas written out", of="instance_loss")
def looped(logits, deltas, masks, labels, box_targets, mask_targets):
    zero = logits.sum() * 0 + deltas.sum() * 0 + masks.sum() * 0
    cls_term, box_term, mask_term, p = zero, zero, zero, 0
    for i, c in enumerate(labels.tolist()):
        cls_term = cls_term + logits[i].logsumexp(0) - logits[i, c]
        if c == 0:
            continue
        p += 1
        d = (deltas[i, 4 * c - 4 : 4 * c] - box_targets[i]).abs()
        box_term = box_term + torch.where(d < 1, 0.5 * d * d, d - 0.5).mean()
        x, y = masks[i, c - 1], mask_targets[i]
        mask_term = mask_term - (y * F.logsigmoid(x) + (1 - y) * F.logsigmoid(-x)).mean()
    return cls_term / max(len(labels), 1) + (box_term + mask_term) / max(p, 1)


@right("with one-hot classes and the background's targets set to 0", of="instance_loss")
def one_hot(logits, deltas, masks, labels, box_targets, mask_targets):
    k, n, p = masks.shape[1], max(len(labels), 1), (labels > 0).sum().clamp(min=1)
    hot = F.one_hot(labels, k + 1)[:, 1:].to(masks.dtype)  # r k, without the background
    box_targets = box_targets.masked_fill((labels == 0)[:, None], 0)
    mask_targets = mask_targets.masked_fill((labels == 0)[:, None, None], 0)
    box = F.huber_loss(deltas.reshape(-1, k, 4), box_targets[:, None].expand(-1, k, 4), reduction="none")
    x, y = masks, mask_targets[:, None]
    mask = x.clamp(min=0) - x * y + torch.log1p(torch.exp(-x.abs()))
    cls_term = -(logits.log_softmax(1) * F.one_hot(labels, k + 1)).sum() / n
    return cls_term + ((box.mean(2) + mask.mean((2, 3))) * hot).sum() / p


# -- mistakes in the model ---------------------------------------------------------------------


@wrong("has no head for the class, and so returns boxes and masks that nobody can name")
class Classless(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        del self.cls

    def forward(self, roi):
        shared = self.encode(roi)
        return self.locate(shared), self.segment(shared)


@wrong("predicts one mask per class for all regions together, and so knows no instances")
class WithoutInstances(InstanceSegmenter):
    def segment(self, shared):
        whole = super().segment(shared.mean(dim=0, keepdim=True))
        return whole.expand(len(shared), -1, -1, -1)


@wrong("returns the shared map before its ReLU from encode, and rectifies it in forward")
class LateRelu(InstanceSegmenter):
    def encode(self, roi):
        return self.conv(roi)

    def forward(self, roi):
        shared = F.relu(self.encode(roi))
        return self.classify(shared), self.locate(shared), self.segment(shared)


@wrong("predicts one box for all classes")
class OneBox(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        self.box = nn.Linear(width * m * m, 4)


@wrong("predicts one mask for all classes")
class OneMask(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        self.mask = nn.Conv2d(width, 1, kernel_size=1)


@wrong("has no output for the background")
class NoBackground(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        self.cls = nn.Linear(width, num_classes)


@wrong("gives the background a mask of its own")
class BackgroundMask(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        self.mask = nn.Conv2d(width, num_classes + 1, kernel_size=1)


@wrong("reads the box off the pooled features, which forget where things are")
class PooledBox(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        self.box = nn.Linear(width, 4 * num_classes)

    def locate(self, shared):
        return self.box(shared.mean(dim=(2, 3)))


@wrong("leaves the mask at the size of the map")
class SmallMask(InstanceSegmenter):
    def segment(self, shared):
        return self.mask(shared)


@wrong("resizes the map by interpolation instead of the transposed convolution")
class Interpolated(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")


@wrong("forgets the ReLU after the shared convolution")
class NoRelu(InstanceSegmenter):
    def encode(self, roi):
        return self.conv(roi)


@wrong("forgets the ReLU after the transposed convolution")
class NoReluAfterUp(InstanceSegmenter):
    def segment(self, shared):
        return self.mask(self.up(shared))


@wrong("ends the masks in a sigmoid")
class SigmoidMasks(InstanceSegmenter):
    def segment(self, shared):
        return super().segment(shared).sigmoid()


@wrong("lets the classes of a cell compete in a softmax")
class SoftmaxMasks(InstanceSegmenter):
    def segment(self, shared):
        return super().segment(shared).softmax(dim=1)


@wrong("ends the class head in a softmax")
class SoftmaxClasses(InstanceSegmenter):
    def classify(self, shared):
        return super().classify(shared).softmax(dim=-1)


@wrong("pools by the maximum instead of the mean")
class MaxPooled(InstanceSegmenter):
    def classify(self, shared):
        return self.cls(shared.amax(dim=(2, 3)))


@wrong("flattens the map in the order row, column, channel")
class ChannelsLast(InstanceSegmenter):
    def locate(self, shared):
        return self.box(shared.permute(0, 2, 3, 1).flatten(1))


@wrong("flattens with reshape and -1, which cannot be worked out without regions")
class Reshaped(InstanceSegmenter):
    def locate(self, shared):
        return self.box(shared.reshape(shared.shape[0], -1))


@wrong("squeezes the pooled features, and so loses the axis of a single region")
class Squeezed(InstanceSegmenter):
    def classify(self, shared):
        return self.cls(shared.mean(dim=(2, 3), keepdim=True).squeeze())


@wrong("splits the deltas into an axis of classes and one of coordinates")
class SplitDeltas(InstanceSegmenter):
    def locate(self, shared):
        return super().locate(shared).unflatten(1, (-1, 4))


@wrong("convolves without padding, which shrinks the map")
class Unpadded(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        self.conv = nn.Conv2d(feat_ch, width, kernel_size=3)


@wrong("gives each head a convolution of its own")
class Unshared(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        self.convs = nn.ModuleList(nn.Conv2d(feat_ch, width, 3, padding=1) for _ in range(2))

    def forward(self, roi):
        one, two = (F.relu(conv(roi)) for conv in self.convs)
        return self.classify(self.encode(roi)), self.locate(one), self.segment(two)


@wrong("cuts the mask head off from the shared map, which then learns from class and box alone")
class DetachedMasks(InstanceSegmenter):
    def forward(self, roi):
        shared = self.encode(roi)
        return self.classify(shared), self.locate(shared), self.segment(shared.detach())


@wrong("returns the boxes before the classes")
class BoxesFirst(InstanceSegmenter):
    def forward(self, roi):
        logits, deltas, masks = super().forward(roi)
        return deltas, logits, masks


@wrong("has layers without bias")
class Biasless(InstanceSegmenter):
    def __init__(self, feat_ch, num_classes, width, m):
        super().__init__(feat_ch, num_classes, width, m)
        self.conv = nn.Conv2d(feat_ch, width, kernel_size=3, padding=1, bias=False)


@wrong("rectifies the caller's features in place before it reads them")
class InPlace(InstanceSegmenter):
    def encode(self, roi):
        return F.relu(self.conv(roi.data.relu_()))


@wrong("encodes inside every head, so that its stages take the regions and not the shared map")
class HeadsEncode(InstanceSegmenter):
    def classify(self, roi):
        return super().classify(self.encode(roi))

    def forward(self, roi):
        shared = self.encode(roi)
        return super().classify(shared), self.locate(shared), self.segment(shared)


# -- mistakes in the loss ----------------------------------------------------------------------


def _terms(logits, deltas, masks, labels, box_targets, mask_targets, *, k=1, first=1):
    """The three terms; masks and boxes of the class that label - first names, for labels from k up."""
    p = (labels >= k).nonzero().squeeze(1)
    of = labels[p] - first
    box, mask = deltas.unflatten(1, (-1, 4))[p, of], masks[p, of]
    cls_term = F.cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)
    box_term = F.smooth_l1_loss(box, box_targets[p], reduction="sum") / max(box.numel(), 1)
    mask_term = F.binary_cross_entropy_with_logits(mask, mask_targets[p], reduction="sum")
    return cls_term, box_term, mask_term / max(mask.numel(), 1)


@wrong("leaves the class term out, as the model without a class head must", of="instance_loss")
def without_class(*given):
    return sum(_terms(*given)[1:]) + 0 * given[0].sum()


@wrong("leaves the box term out", of="instance_loss")
def without_box(*given):
    cls_term, _, mask_term = _terms(*given)
    return cls_term + mask_term


@wrong("leaves the mask term out", of="instance_loss")
def without_mask(*given):
    return sum(_terms(*given)[:2])


@wrong("averages the mask term over all K channels, the others with a mask of zeros", of="instance_loss")
def all_channels(logits, deltas, masks, labels, box_targets, mask_targets):
    cls_term, box_term, _ = _terms(logits, deltas, masks, labels, box_targets, mask_targets)
    p = labels > 0
    hot = F.one_hot(labels, logits.shape[1])[p, 1:].to(masks.dtype)
    wanted = hot[:, :, None, None] * mask_targets[p][:, None]
    total = F.binary_cross_entropy_with_logits(masks[p], wanted, reduction="sum")
    return cls_term + box_term + total / max(wanted.numel(), 1)


@wrong("asks every channel for the same mask, whatever its class", of="instance_loss")
def every_channel_alike(logits, deltas, masks, labels, box_targets, mask_targets):
    cls_term, box_term, _ = _terms(logits, deltas, masks, labels, box_targets, mask_targets)
    p = labels > 0
    wanted = mask_targets[p][:, None].expand_as(masks[p])
    total = F.binary_cross_entropy_with_logits(masks[p], wanted, reduction="sum")
    return cls_term + box_term + total / max(wanted.numel(), 1)


@wrong("takes the channel of the class that the logits predict instead of the true one", of="instance_loss")
def predicted_channel(logits, deltas, masks, labels, box_targets, mask_targets):
    cls_term, box_term, _ = _terms(logits, deltas, masks, labels, box_targets, mask_targets)
    p = labels > 0
    chosen = masks[p, logits[p, 1:].argmax(1)]
    total = F.binary_cross_entropy_with_logits(chosen, mask_targets[p], reduction="sum")
    return cls_term + box_term + total / max(chosen.numel(), 1)


@wrong("counts the channels of masks and the deltas from class 0, which has none", of="instance_loss")
def one_off(logits, deltas, masks, labels, box_targets, mask_targets):
    masks, deltas = masks.roll(1, dims=1), deltas.roll(4, dims=1)
    return instance_loss(logits, deltas, masks, labels, box_targets, mask_targets)


@wrong("counts the background's masks and boxes as well, as those of the last class", of="instance_loss")
def background_counts(*given):
    return sum(_terms(*given, k=0))


@wrong("takes labels above 1 for the positives", of="instance_loss")
def from_two(*given):
    return sum(_terms(*given, k=2))


@wrong("takes all 4K deltas of a positive for its box", of="instance_loss")
def all_deltas(logits, deltas, masks, labels, box_targets, mask_targets):
    cls_term, _, mask_term = _terms(logits, deltas, masks, labels, box_targets, mask_targets)
    p = labels > 0
    boxes = deltas[p].unflatten(1, (-1, 4))
    total = F.smooth_l1_loss(boxes, box_targets[p][:, None].expand_as(boxes), reduction="sum")
    return cls_term + total / max(boxes.numel(), 1) + mask_term


@wrong("reads the deltas coordinate by coordinate instead of class by class", of="instance_loss")
def interleaved(logits, deltas, masks, labels, box_targets, mask_targets):
    deltas = deltas.unflatten(1, (4, -1)).transpose(1, 2).flatten(1)
    return instance_loss(logits, deltas, masks, labels, box_targets, mask_targets)


@wrong("takes the class term over the positives only", of="instance_loss")
def class_of_positives(logits, deltas, masks, labels, box_targets, mask_targets):
    _, box_term, mask_term = _terms(logits, deltas, masks, labels, box_targets, mask_targets)
    total = F.cross_entropy(logits, labels, ignore_index=0, reduction="sum")
    return total / max(int((labels > 0).sum()), 1) + box_term + mask_term


@wrong("averages box and mask over all regions instead of the positives", of="instance_loss")
def over_all_regions(*given):
    cls_term, box_term, mask_term = _terms(*given)
    labels = given[3]
    return cls_term + (box_term + mask_term) * (labels > 0).sum() / max(len(labels), 1)


@wrong("averages over no positives, which gives NaN", of="instance_loss")
def nan_without_positives(*given):
    cls_term, box_term, mask_term = _terms(*given)
    p = (given[3] > 0).sum()
    return cls_term + (box_term + mask_term) * p / p


@wrong("averages the class term over no regions, which gives NaN", of="instance_loss")
def nan_without_regions(logits, deltas, masks, labels, box_targets, mask_targets):
    _, box_term, mask_term = _terms(logits, deltas, masks, labels, box_targets, mask_targets)
    return F.cross_entropy(logits, labels) + box_term + mask_term


@wrong("multiplies the terms of the background by 0, and NaN times 0 is NaN", of="instance_loss")
def multiplied(logits, deltas, masks, labels, box_targets, mask_targets):
    cls_term = F.cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)
    fg, rows, of = (labels > 0).to(masks.dtype), torch.arange(len(labels)), (labels - 1).clamp(min=0)
    box = F.smooth_l1_loss(deltas.unflatten(1, (-1, 4))[rows, of], box_targets, reduction="none").mean(1)
    mask = F.binary_cross_entropy_with_logits(masks[rows, of], mask_targets, reduction="none").mean((1, 2))
    return cls_term + ((box + mask) * fg).sum() / fg.sum().clamp(min=1)


@wrong(
    "returns a loss that the boxes and masks are cut off from when there are no positives", of="instance_loss"
)
def cut_off(logits, deltas, masks, labels, box_targets, mask_targets):
    if not (labels > 0).any():
        return F.cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)
    return instance_loss(logits, deltas, masks, labels, box_targets, mask_targets)


@wrong("returns a constant, cut off from the graph, without any region", of="instance_loss")
def constant_without_regions(logits, deltas, masks, labels, box_targets, mask_targets):
    if len(labels) == 0:
        return logits.new_zeros(())
    return instance_loss(logits, deltas, masks, labels, box_targets, mask_targets)


@wrong("adds up the four coordinates instead of averaging them", of="instance_loss")
def summed_coordinates(*given):
    cls_term, box_term, mask_term = _terms(*given)
    return cls_term + 4 * box_term + mask_term


@wrong("takes the plain absolute difference for the boxes", of="instance_loss")
def plain_l1(logits, deltas, masks, labels, box_targets, mask_targets):
    cls_term, _, mask_term = _terms(logits, deltas, masks, labels, box_targets, mask_targets)
    p = labels > 0
    box = deltas.unflatten(1, (-1, 4))[p, labels[p] - 1]
    total = F.l1_loss(box, box_targets[p], reduction="sum")
    return cls_term + total / max(box.numel(), 1) + mask_term


@wrong("takes the sigmoid of the masks first, and then the loss that takes it again", of="instance_loss")
def sigmoid_twice(logits, deltas, masks, labels, box_targets, mask_targets):
    return instance_loss(logits, deltas, masks.sigmoid(), labels, box_targets, mask_targets)


@wrong("takes logarithms of a sigmoid, which is 0 or 1 for large logits", of="instance_loss")
def log_of_sigmoid(logits, deltas, masks, labels, box_targets, mask_targets):
    cls_term, box_term, _ = _terms(logits, deltas, masks, labels, box_targets, mask_targets)
    p = labels > 0
    s, y = masks[p, labels[p] - 1].sigmoid(), mask_targets[p]
    each = -(y * s.log() + (1 - y) * (1 - s).log())
    return cls_term + box_term + each.sum() / max(each.numel(), 1)


@wrong("takes a softmax over the channels of the masks", of="instance_loss")
def softmax_masks(logits, deltas, masks, labels, box_targets, mask_targets):
    cls_term, box_term, _ = _terms(logits, deltas, masks, labels, box_targets, mask_targets)
    p = labels > 0
    s, y = masks.log_softmax(1)[p, labels[p] - 1], mask_targets[p]
    return cls_term + box_term - (y * s).sum() / max(y.numel(), 1)


@wrong("rounds the true masks to 0 and 1", of="instance_loss")
def rounded_masks(logits, deltas, masks, labels, box_targets, mask_targets):
    hard = (mask_targets > 0.5).to(masks.dtype)
    return instance_loss(logits, deltas, masks, labels, box_targets, hard)


@wrong("takes the softmax before the cross-entropy, which takes it again", of="instance_loss")
def softmax_twice(logits, deltas, masks, labels, box_targets, mask_targets):
    return instance_loss(logits.softmax(1), deltas, masks, labels, box_targets, mask_targets)


@wrong("writes over the targets of the background", of="instance_loss")
def overwriting(logits, deltas, masks, labels, box_targets, mask_targets):
    box_targets[labels == 0] = 0
    return instance_loss(logits, deltas, masks, labels, box_targets, mask_targets)


@wrong("returns a Python number, which has no graph", of="instance_loss")
def numbered(*given):
    return instance_loss(*given).item()
