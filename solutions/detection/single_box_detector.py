"""A detector for one object, and its loss.

The model says what is in the image and where, or that there is nothing. It works on the feature map of
some backbone, of a size hw = (h, w) that is known beforehand:

    feat      [B, feat_ch, h, w]
    logits    [B, num_classes + 1]    mean of each channel over all positions, then one linear layer
    box       [B, 4]                  the flattened map, then one linear layer, then a sigmoid

* Class 0 is the background; the objects are classes 1 to num_classes. The logits get no softmax.
* The mean forgets where things are, so the box must be read from the map itself, flattened in the order
  channel, row, column into feat_ch * h * w numbers. Memory may be channels-last.
* box is (cx, cy, w, h) in shares of the image, each between 0 and 1. It stays in that form.
* Both linear layers have a bias; their weights are [num_classes + 1, feat_ch] and [4, feat_ch * h * w].
  There are no other parameters. Attributes may have any name.
* A batch of one keeps its batch axis. forward returns the tuple (logits, box).

detector_loss(logits, box, label, gt, beta, lam) = class term + lam * box term, a 0-d tensor with a graph
whose gradients reach logits and box:

* The class term is the mean cross-entropy of logits and label [B] over all samples, background included.
  Logits may be in the hundreds.
* The box term is the mean Smooth L1 of box against gt [B, 4] over the positive samples (label > 0) and
  their four coordinates; with d the difference of two coordinates and beta > 0,
      0.5 * d^2 / beta    if |d| < beta,        |d| - 0.5 * beta    otherwise.
* Without any positive sample the box term is 0, never NaN. The rows of gt of background samples hold
  arbitrary finite numbers and do not count, nor do their boxes: they get no gradient.
* B is at least 1. The inputs stay as they are. All tensors are on the CPU.

beta is small by default because coordinates lie between 0 and 1: with beta = 1 no difference would ever
leave the quadratic part, and the loss would be half of the mean square.

Example: logits of zeros for num_classes = 1, label (1, 0), first box off by (0.5, 0, 0, 0), beta = 0.2:
the class term is log 2, the box term (0.5 - 0.1) / 4 = 0.1, whatever the second box is. The loss is
0.793.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 25
HINTS = (
    "One head may forget positions and the other may not. And which samples have a box that could be wrong?",
    "Pool for the class, flatten for the box. In the loss, choose the positive samples first; then look at "
    "what a mean over no samples gives.",
    "Class: mean over the last two axes, linear layer. Box: flatten all axes but the first, linear layer, "
    "sigmoid. Loss: cross-entropy over everything, plus lam times Smooth L1, with beta, over the rows whose "
    "label is above 0; without such rows the sum over them is the zero you need, if you do not divide by 0.",
)


class SingleBoxDetector(nn.Module):
    """A class from the pooled map, a box from the flattened map."""

    def __init__(self, feat_ch: int, hw: tuple[int, int], num_classes: int):
        super().__init__()
        self.cls_head = nn.Linear(feat_ch, num_classes + 1)
        self.box_head = nn.Linear(feat_ch * hw[0] * hw[1], 4)

    def forward(
        self, feat: Float[Tensor, "b feat_ch h w"]
    ) -> tuple[Float[Tensor, "b num_classes+1"], Float[Tensor, "b 4"]]:
        """Return the logits and the boxes (cx, cy, w, h)."""
        logits = self.cls_head(feat.mean(dim=(2, 3)))
        box = self.box_head(feat.flatten(1)).sigmoid()
        return logits, box


def detector_loss(
    logits: Float[Tensor, "b num_classes+1"],
    box: Float[Tensor, "b 4"],
    label: Int64[Tensor, " b"],
    gt: Float[Tensor, "b 4"],
    beta: float = 1 / 9,
    lam: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy plus lam times the mean Smooth L1 of the positives."""
    positive = label > 0
    cls_term = F.cross_entropy(logits, label)
    box_term = F.smooth_l1_loss(box[positive], gt[positive], beta=beta, reduction="sum")
    return cls_term + lam * box_term / max(4 * int(positive.sum()), 1)


@right("under other names, in another order, with modules in a row")
class Rowed(nn.Module):
    def __init__(self, feat_ch, hw, num_classes):
        super().__init__()
        h, w = hw
        self.where = nn.Sequential(nn.Flatten(), nn.Linear(feat_ch * h * w, 4), nn.Sigmoid())
        self.what = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(feat_ch, num_classes + 1))

    def forward(self, feat):
        return [self.what(feat), self.where(feat)]


@right("with plain parameters and sums")
class Handmade(nn.Module):
    def __init__(self, feat_ch, hw, num_classes):
        super().__init__()
        n = feat_ch * hw[0] * hw[1]
        self.b1, self.b2 = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.zeros(num_classes + 1))
        self.w1, self.w2 = (
            nn.Parameter(torch.randn(4, n) / n),
            nn.Parameter(torch.randn(num_classes + 1, feat_ch)),
        )

    def forward(self, feat):
        flat = feat.reshape(len(feat), -1)
        pooled = feat.sum((-1, -2)) / feat[0, 0].numel()
        return pooled @ self.w2.T + self.b2, 1 / (1 + torch.exp(-(flat @ self.w1.T + self.b1)))


@right("with layers that find out their input size, and scores pooled after a 1x1 convolution")
class Lazy(nn.Module):
    def __init__(self, feat_ch, hw, num_classes):
        super().__init__()
        self.cls = nn.Conv2d(feat_ch, num_classes + 1, kernel_size=1)
        self.box = nn.LazyLinear(4)

    def forward(self, feat):
        box = torch.sigmoid(self.box(torch.flatten(feat, start_dim=1)))
        return self.cls(feat).mean(dim=-1).mean(dim=-1), box


@right("with a mask and the formula written out", of="detector_loss")
def masked(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term = -logits.log_softmax(1).gather(1, label[:, None]).mean()
    d = (box - gt).abs()
    smooth = torch.where(d < beta, 0.5 * d**2 / beta, d - 0.5 * beta)
    mask = (label > 0).to(box.dtype)
    return cls_term + lam * (smooth.mean(1) * mask).sum() / mask.sum().clamp(min=1)


@right("with a branch for a batch without objects", of="detector_loss")
def branched(logits, box, label, gt, beta=1 / 9, lam=1.0):
    loss = nn.CrossEntropyLoss()(logits, label)
    pos = torch.nonzero(label != 0).squeeze(1)
    if len(pos) == 0:
        return loss + box.sum() * 0.0
    return loss + lam * nn.SmoothL1Loss(beta=beta)(box[pos], gt[pos])


@right("sample by sample", of="detector_loss")
def looped(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term = torch.zeros(()).to(logits)
    terms = []
    for z, b, k, g in zip(logits, box, label.tolist(), gt):
        cls_term = cls_term + (torch.logsumexp(z, 0) - z[k]) / len(logits)
        if k > 0:
            terms.append(F.huber_loss(b, g, delta=beta) / beta)
    return cls_term + (lam * torch.stack(terms).mean() if terms else 0.0)


# -- mistakes in the model ---------------------------------------------------------------------


@wrong("reads the box from the pooled features, which do not know where anything is")
class PooledBox(SingleBoxDetector):
    def __init__(self, feat_ch, hw, num_classes):
        super().__init__(feat_ch, hw, num_classes)
        self.box_head = nn.Linear(feat_ch, 4)

    def forward(self, feat):
        pooled = feat.mean(dim=(2, 3))
        return self.cls_head(pooled), self.box_head(pooled).sigmoid()


@wrong("reads the class from the flattened map, so that it depends on where things are")
class FlatClass(SingleBoxDetector):
    def __init__(self, feat_ch, hw, num_classes):
        super().__init__(feat_ch, hw, num_classes)
        self.cls_head = nn.Linear(feat_ch * hw[0] * hw[1], num_classes + 1)

    def forward(self, feat):
        flat = feat.flatten(1)
        return self.cls_head(flat), self.box_head(flat).sigmoid()


@wrong("has no logit for the background")
class NoBackground(SingleBoxDetector):
    def __init__(self, feat_ch, hw, num_classes):
        super().__init__(feat_ch, hw, num_classes - 1)


@wrong("leaves the box without a sigmoid, so that it may lie outside the image")
class Unbounded(SingleBoxDetector):
    def forward(self, feat):
        return self.cls_head(feat.mean(dim=(2, 3))), self.box_head(feat.flatten(1))


@wrong("clips the box to the range from 0 to 1 instead of using a sigmoid, and stops its gradient there")
class Clipped(SingleBoxDetector):
    def forward(self, feat):
        return self.cls_head(feat.mean(dim=(2, 3))), self.box_head(feat.flatten(1)).clamp(0, 1)


@wrong("keeps the box away from 0 and 1 with a clamp after the sigmoid")
class KeptAway(SingleBoxDetector):
    def forward(self, feat):
        logits, box = super().forward(feat)
        return logits, box.clamp(0.05, 0.95)


@wrong("ends in a softmax over the classes")
class Softmaxed(SingleBoxDetector):
    def forward(self, feat):
        logits, box = super().forward(feat)
        return logits.softmax(-1), box


@wrong("pools by the maximum instead of the mean")
class MaxPooled(SingleBoxDetector):
    def forward(self, feat):
        return self.cls_head(feat.amax(dim=(2, 3))), self.box_head(feat.flatten(1)).sigmoid()


@wrong("sums over the positions instead of averaging")
class Summed(SingleBoxDetector):
    def forward(self, feat):
        return self.cls_head(feat.sum(dim=(2, 3))), self.box_head(feat.flatten(1)).sigmoid()


@wrong("flattens the map in the order row, column, channel")
class ChannelsLast(SingleBoxDetector):
    def forward(self, feat):
        flat = feat.permute(0, 2, 3, 1).flatten(1)
        return self.cls_head(feat.mean(dim=(2, 3))), self.box_head(flat).sigmoid()


@wrong("flattens the map column by column")
class ColumnsFirst(SingleBoxDetector):
    def forward(self, feat):
        flat = feat.transpose(2, 3).flatten(1)
        return self.cls_head(feat.mean(dim=(2, 3))), self.box_head(flat).sigmoid()


@wrong("squashes the box with a tanh that is moved to the range from 0 to 1, which is twice as steep")
class Tanh(SingleBoxDetector):
    def forward(self, feat):
        return self.cls_head(feat.mean(dim=(2, 3))), (self.box_head(feat.flatten(1)).tanh() + 1) / 2


@wrong("flattens the map with view, which fails for channels-last memory")
class Viewed(SingleBoxDetector):
    def forward(self, feat):
        flat = feat.view(feat.shape[0], -1)
        return self.cls_head(feat.mean(dim=(2, 3))), self.box_head(flat).sigmoid()


@wrong("squeezes the results, and so loses the batch axis of a single image")
class Squeezed(SingleBoxDetector):
    def forward(self, feat):
        logits, box = super().forward(feat)
        return logits.squeeze(0), box.squeeze(0)


@wrong("returns corners instead of (cx, cy, w, h)")
class Cornered(SingleBoxDetector):
    def forward(self, feat):
        logits, box = super().forward(feat)
        return logits, torch.cat([box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2], dim=-1)


@wrong("returns the box first and the logits second")
class Exchanged(SingleBoxDetector):
    def forward(self, feat):
        return super().forward(feat)[::-1]


@wrong("cuts the box head off from the features, so that the backbone learns from the class alone")
class CutOff(SingleBoxDetector):
    def forward(self, feat):
        return self.cls_head(feat.mean(dim=(2, 3))), self.box_head(feat.detach().flatten(1)).sigmoid()


@wrong("has a hidden layer before the box that was not asked for")
class Deeper(SingleBoxDetector):
    def __init__(self, feat_ch, hw, num_classes):
        super().__init__(feat_ch, hw, num_classes)
        n = feat_ch * hw[0] * hw[1]
        self.hidden = nn.Linear(n, n)

    def forward(self, feat):
        hidden = torch.relu(self.hidden(feat.flatten(1)))
        return self.cls_head(feat.mean(dim=(2, 3))), self.box_head(hidden).sigmoid()


# -- mistakes in the loss ----------------------------------------------------------------------


def _terms(logits, box, label, gt, beta):
    """The class term, and the Smooth L1 of each sample and coordinate."""
    return F.cross_entropy(logits, label), F.smooth_l1_loss(box, gt, beta=beta, reduction="none")


@wrong("takes Smooth L1 with beta = 1, whatever is asked for", of="detector_loss")
def beta_of_one(logits, box, label, gt, beta=1 / 9, lam=1.0):
    return detector_loss(logits, box, label, gt, 1.0, lam)


@wrong("has 1 as the default of beta", of="detector_loss")
def default_of_one(logits, box, label, gt, beta=1.0, lam=1.0):
    return detector_loss(logits, box, label, gt, beta, lam)


@wrong("ignores lam", of="detector_loss")
def without_lam(logits, box, label, gt, beta=1 / 9, lam=1.0):
    return detector_loss(logits, box, label, gt, beta)


@wrong("weights the class term with lam instead of the box term", of="detector_loss")
def lam_on_class(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term = F.cross_entropy(logits, label)
    return detector_loss(logits, box, label, gt, beta, 1.0) + (lam - 1) * cls_term


@wrong("takes the box term over all samples, background included", of="detector_loss")
def box_of_all(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term, each = _terms(logits, box, label, gt, beta)
    return cls_term + lam * each.mean()


@wrong("divides the box term of the positives by the number of all samples", of="detector_loss")
def over_the_batch(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term, each = _terms(logits, box, label, gt, beta)
    return cls_term + lam * (each.mean(1) * (label > 0)).mean()


@wrong("sums the four coordinates instead of averaging them", of="detector_loss")
def summed_coordinates(logits, box, label, gt, beta=1 / 9, lam=1.0):
    return detector_loss(logits, box, label, gt, beta, 4 * lam)


@wrong("sums the box term over the positives instead of averaging it", of="detector_loss")
def summed_samples(logits, box, label, gt, beta=1 / 9, lam=1.0):
    return detector_loss(logits, box, label, gt, beta, lam * int((label > 0).sum()))


@wrong("averages over no positives at all, which gives NaN", of="detector_loss")
def nan_without_objects(logits, box, label, gt, beta=1 / 9, lam=1.0):
    positive = label > 0
    return F.cross_entropy(logits, label) + lam * F.smooth_l1_loss(box[positive], gt[positive], beta=beta)


@wrong("leaves the background out of the class term", of="detector_loss")
def class_of_positives(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term, each = _terms(logits, box, label, gt, beta)
    positive = label > 0
    if not positive.any():
        return cls_term * 0
    return F.cross_entropy(logits, label, ignore_index=0) + lam * each[positive].mean()


@wrong("sums the class term over the batch", of="detector_loss")
def summed_class(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term = F.cross_entropy(logits, label)
    return detector_loss(logits, box, label, gt, beta, lam) + (len(label) - 1) * cls_term


@wrong("applies a softmax before the cross-entropy, which has one of its own", of="detector_loss")
def softmax_twice(logits, box, label, gt, beta=1 / 9, lam=1.0):
    return detector_loss(logits.softmax(-1), box, label, gt, beta, lam)


@wrong("takes the logarithm of a softmax that has become 0", of="detector_loss")
def unstable(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term = F.cross_entropy(logits, label)
    chosen = logits.softmax(-1).gather(1, label[:, None])
    return -chosen.log().mean() + detector_loss(logits, box, label, gt, beta, lam) - cls_term


@wrong("adds a small constant inside the logarithm of a softmax, which caps the loss", of="detector_loss")
def capped(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term = F.cross_entropy(logits, label)
    chosen = logits.softmax(-1).gather(1, label[:, None])
    return -(chosen + 1e-9).log().mean() + detector_loss(logits, box, label, gt, beta, lam) - cls_term


@wrong("divides by the number of positives plus one", of="detector_loss")
def one_too_many(logits, box, label, gt, beta=1 / 9, lam=1.0):
    n = int((label > 0).sum())
    return detector_loss(logits, box, label, gt, beta, lam * n / (n + 1))


@wrong("counts only classes from 2 up as objects", of="detector_loss")
def from_two(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term, each = _terms(logits, box, label, gt, beta)
    positive = label > 1
    return cls_term + (lam * each[positive].mean() if positive.any() else 0)


@wrong("takes Huber's loss, which is beta times Smooth L1", of="detector_loss")
def huber(logits, box, label, gt, beta=1 / 9, lam=1.0):
    return detector_loss(logits, box, label, gt, beta, lam * beta)


@wrong("takes the plain absolute difference", of="detector_loss")
def plain_l1(logits, box, label, gt, beta=1 / 9, lam=1.0):
    return detector_loss(logits, box, label, gt, 1e-12, lam)


@wrong("takes the mean square of the differences", of="detector_loss")
def mean_square(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term = F.cross_entropy(logits, label)
    positive = label > 0
    return cls_term + (lam * F.mse_loss(box[positive], gt[positive]) if positive.any() else 0)


@wrong("takes the last class for the background", of="detector_loss")
def last_is_background(logits, box, label, gt, beta=1 / 9, lam=1.0):
    cls_term, each = _terms(logits, box, label, gt, beta)
    positive = label < logits.shape[1] - 1
    return cls_term + (lam * each[positive].mean() if positive.any() else 0)


@wrong("turns the box term into a plain number, so that no gradient reaches the boxes", of="detector_loss")
def box_as_number(logits, box, label, gt, beta=1 / 9, lam=1.0):
    return detector_loss(logits, box.detach(), label, gt.detach(), beta, lam)


@wrong("writes the predicted boxes over the background rows of the caller's gt", of="detector_loss")
def in_place(logits, box, label, gt, beta=1 / 9, lam=1.0):
    gt[label == 0] = box[label == 0].detach()
    return detector_loss(logits, box, label, gt, beta, lam)


@wrong("returns one loss for each sample instead of one for the batch", of="detector_loss")
def per_sample(logits, box, label, gt, beta=1 / 9, lam=1.0):
    each = F.smooth_l1_loss(box, gt, beta=beta, reduction="none").mean(1) * (label > 0)
    return F.cross_entropy(logits, label, reduction="none") + lam * each
