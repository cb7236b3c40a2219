"""A whole lane detector with row anchors, and its loss.

Ultra Fast Lane Detection finds lanes without segmenting anything: for each lane and each of a few fixed
image rows (the row anchors) it chooses one of `cells` columns, or "no lane". Build the network for
images of any height H and width W:

    x          [B, 3, H, W]
    encode     [B, feat_ch, h, w]                 the backbone's map; h, w depend on H, W and its stride
    compress   [B, 8 * fh * fw]                   from the map, in three steps:
                 [B, feat_ch, fh, fw]               adaptive average pooling to fhw = (fh, fw)
                 [B, 8, fh, fw]                     one 1x1 convolution to 8 channels, with bias
                 [B, 8 * fh * fw]                   flattened: channel by channel, row by row
    classify   [B, lanes, rows, cells + 1]        from that vector, in four steps:
                 [B, hidden]                        a linear layer with bias
                 [B, hidden]                        ReLU
                 [B, lanes * rows * (cells + 1)]    a linear layer with bias
                 [B, lanes, rows, cells + 1]        the same numbers in this order, the last axis fastest
    forward    [B, lanes, rows, cells + 1]        the scores

* RowAnchorNet has the methods encode(x), compress(features), classify(vector) and forward(x); forward
  uses the other three.
* fhw is a tuple of two ints, height first.
* The linear layers see the whole image at once, which lets them guess lanes behind cars, but they take
  maps of one size only. The pooling before them lets images have any size. As torch's adaptive average
  pooling has it, row i of the result is the mean of the rows floor(i * h / fh) up to, but without,
  ceil((i + 1) * h / fh) of the map, and the columns likewise. A map of fh x fw stays as it is; a smaller
  one is enlarged by the same rule.
* The last index, `cells`, is "no lane". Return logits: no softmax. There is no ReLU after the 1x1
  convolution, and no dropout or batch normalisation in the head.
* The backbone is handed in and belongs to the model: it is trained, and its mode follows the model's.
  Attributes may have any name.

lane_loss(outputs, targets) = mean cross-entropy over all lanes and rows of the batch:

* outputs are logits [B, lanes, rows, cells + 1], targets columns [B, lanes, rows] (long), from 0 to
  cells.
* Each lane and row is one choice among cells + 1 classes. "no lane" is a class like the others and
  counts as much: a network that never learns it sees lanes everywhere.
* The result is a 0-d tensor whose gradients reach outputs. Logits may be in the hundreds. The inputs
  stay as they are.

Example: feat_ch = 512, fhw = (9, 25), lanes = 4, rows = 56, cells = 100 and hidden = 2048, the numbers
for images of 288 x 800, add 50,049,128 parameters to those of the backbone: 4,104 in the convolution and
50,045,024 in the two linear layers. With outputs of zeros and 100 columns the loss is log 101 = 4.615,
whatever the targets.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 30
HINTS = (
    "Which layer ties the network to one image size, and what can stand before it? In the loss, which "
    "axis does torch's cross-entropy take for the classes?",
    "Four steps have no parameters of their own: pooling, flattening, ReLU, and the unfolding at the end. "
    "Unfold in the order lanes, rows, columns; do not transpose afterwards.",
    "Adaptive average pooling to fhw, a convolution of kernel size 1 to 8 channels, flatten from axis 1; "
    "linear, ReLU, linear, and a view with four axes. Loss: move the class axis to position 1, or fold "
    "everything before it into one axis, then cross-entropy as torch has it.",
)


class RowAnchorNet(nn.Module):
    """Backbone, pooling, 1x1 convolution, and two linear layers over the whole map."""

    def __init__(
        self,
        backbone: nn.Module,
        feat_ch: int,
        fhw: tuple[int, int],
        lanes: int,
        rows: int,
        cells: int,
        hidden: int,
    ):
        super().__init__()
        self.backbone = backbone
        self.pool = nn.AdaptiveAvgPool2d(fhw)
        self.reduce = nn.Conv2d(feat_ch, 8, kernel_size=1)
        self.fc1 = nn.Linear(8 * fhw[0] * fhw[1], hidden)
        self.fc2 = nn.Linear(hidden, lanes * rows * (cells + 1))
        self.shape = (lanes, rows, cells + 1)

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b feat_ch hs ws"]:
        """Return the backbone's map."""
        return self.backbone(x)

    def compress(self, features: Float[Tensor, "b feat_ch hs ws"]) -> Float[Tensor, "b 8*fh*fw"]:
        """Return the map as one vector per image, of a length that no longer depends on its size."""
        return self.reduce(self.pool(features)).flatten(1)

    def classify(self, vector: Float[Tensor, "b 8*fh*fw"]) -> Float[Tensor, "b lanes rows cells+1"]:
        """Return the scores of every lane and row."""
        return self.fc2(self.fc1(vector).relu()).unflatten(1, self.shape)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b lanes rows cells+1"]:
        """Return the scores of every lane and row of the images."""
        return self.classify(self.compress(self.encode(x)))


def lane_loss(
    outputs: Float[Tensor, "b lanes rows cells+1"], targets: Int64[Tensor, "b lanes rows"]
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy over all lanes and rows."""
    return F.cross_entropy(outputs.movedim(-1, 1), targets)


@right("with modules in a row, under other names and in another order")
class Rowed(nn.Module):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__()
        self.lanes, self.rows, self.cells = lanes, rows, cells
        n = 8 * fhw[0] * fhw[1]
        self.head = nn.Sequential(
            nn.Linear(n, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, lanes * rows * (cells + 1))
        )
        self.neck = nn.Sequential(nn.AdaptiveAvgPool2d(tuple(fhw)), nn.Conv2d(feat_ch, 8, 1), nn.Flatten())
        self.body = backbone

    def encode(self, x):
        return self.body(x)

    def compress(self, features):
        return self.neck(features)

    def classify(self, vector):
        return self.head(vector).view(-1, self.lanes, self.rows, self.cells + 1)

    def forward(self, x):
        return self.classify(self.compress(self.encode(x)))


@right("with the convolution before the pooling, which for a 1x1 convolution is the same")
class LatePooled(RowAnchorNet):
    def compress(self, features):
        return F.adaptive_avg_pool2d(self.reduce(features), self.pool.output_size).flatten(start_dim=1)


@right("with plain parameters, and the means taken window by window")
class Handmade(nn.Module):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__()
        (h, w), n = fhw, lanes * rows * (cells + 1)
        self.fhw, self.out = fhw, (lanes, rows, cells + 1)
        self.w0, self.b0 = nn.Parameter(torch.randn(8, feat_ch) / feat_ch**0.5), nn.Parameter(torch.zeros(8))
        self.w1 = nn.Parameter(torch.randn(hidden, 8 * h * w) / (8 * h * w) ** 0.5)
        self.w2 = nn.Parameter(torch.randn(n, hidden) / hidden**0.5)
        self.b1, self.b2 = nn.Parameter(torch.zeros(hidden)), nn.Parameter(torch.zeros(n))
        self.encode = backbone

    def compress(self, features):
        (h, w), (fh, fw) = features.shape[2:], self.fhw
        cuts = [[(i * n // f, -(-(i + 1) * n // f)) for i in range(f)] for n, f in ((h, fh), (w, fw))]
        pooled = torch.stack(
            [features[:, :, a:b, c:d].mean((2, 3)) for a, b in cuts[0] for c, d in cuts[1]], dim=-1
        )
        return (torch.einsum("oc,bcn->bon", self.w0, pooled) + self.b0[:, None]).reshape(len(features), -1)

    def classify(self, vector):
        hidden = torch.clamp(vector @ self.w1.T + self.b1, min=0)
        return torch.addmm(self.b2, hidden, self.w2.T).reshape(-1, *self.out)

    def forward(self, x):
        return self.classify(self.compress(self.encode(x)))


@right("with a convolution over the whole map for the first linear layer, and area interpolation")
class Convolved(nn.Module):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__()
        self.fhw, self.n = fhw, (lanes, rows)
        self.backbone = backbone
        self.narrow = nn.Conv2d(feat_ch, 8, 1)
        self.hidden = nn.Conv2d(8, hidden, kernel_size=fhw)
        self.out = nn.Conv2d(hidden, lanes * rows * (cells + 1), kernel_size=1)

    def encode(self, x):
        return self.backbone(x)

    def compress(self, features):
        return torch.flatten(self.narrow(F.interpolate(features, size=self.fhw, mode="area")), 1)

    def classify(self, vector):
        scores = self.out(F.relu(self.hidden(vector.reshape(-1, 8, *self.fhw))))
        return scores.reshape(len(scores), *self.n, -1)

    def forward(self, x):
        return self.classify(self.compress(self.encode(x)))


@right("with layers that find out their input size, and every lane and row as a list", of="RowAnchorNet")
class Lazy(RowAnchorNet):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__(backbone, feat_ch, fhw, lanes, rows, cells, hidden)
        self.reduce = nn.LazyConv2d(8, kernel_size=1)
        self.fc1 = nn.LazyLinear(hidden)

    def classify(self, vector):
        flat = self.fc2(torch.relu(self.fc1(vector)))
        lanes = flat.chunk(self.shape[0], dim=1)
        return torch.stack([lane.reshape(len(flat), *self.shape[1:]) for lane in lanes], dim=1)


@right("with everything but the classes in one axis", of="lane_loss")
def folded(outputs, targets):
    return nn.CrossEntropyLoss()(outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1))


@right("with the log-softmax gathered by hand", of="lane_loss")
def gathered(outputs, targets):
    return -outputs.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).mean()


@right("with targets as vectors of zeros and a one", of="lane_loss")
def one_hot(outputs, targets):
    wanted = F.one_hot(targets, num_classes=outputs.size(-1)).to(outputs.dtype)
    return (torch.logsumexp(outputs, dim=-1) - (outputs * wanted).sum(-1)).sum() / targets.numel()


@right("lane by lane and row by row", of="lane_loss")
def looped(outputs, targets):
    _, lanes, rows = targets.shape
    losses = [F.cross_entropy(outputs[:, i, j], targets[:, i, j]) for i in range(lanes) for j in range(rows)]
    return sum(losses) / len(losses)


@right("as the negative log-likelihood of a permuted log-softmax", of="lane_loss")
def likelihood(outputs, targets):
    return F.nll_loss(F.log_softmax(outputs.permute(0, 3, 1, 2), dim=1), targets)


# -- mistakes in the network -------------------------------------------------------------------


@wrong("flattens the map as it comes, and so works for one image size only")
class Tied(RowAnchorNet):
    def compress(self, features):
        return self.reduce(features).flatten(1)


@wrong("pools by the maximum")
class MaxPooled(RowAnchorNet):
    def compress(self, features):
        return self.reduce(F.adaptive_max_pool2d(features, self.pool.output_size)).flatten(1)


@wrong("resizes the map by bilinear interpolation")
class Interpolated(RowAnchorNet):
    def compress(self, features):
        resized = F.interpolate(features, size=self.pool.output_size, mode="bilinear", align_corners=False)
        return self.reduce(resized).flatten(1)


@wrong("pools larger maps but interpolates smaller ones")
class Enlarged(RowAnchorNet):
    def compress(self, features):
        (fh, fw), (h, w) = self.pool.output_size, features.shape[2:]
        if h < fh or w < fw:
            features = F.interpolate(features, size=(max(h, fh), max(w, fw)), mode="bilinear")
        return super().compress(features)


@wrong("cuts the map down to its upper left corner, and fills up with zeros")
class Cut(RowAnchorNet):
    def compress(self, features):
        (fh, fw), (h, w) = self.pool.output_size, features.shape[2:]
        return self.reduce(F.pad(features, (0, fw - w, 0, fh - h))).flatten(1)


@wrong("averages over the whole map, which says what is in the image and not where")
class PooledAway(RowAnchorNet):
    def compress(self, features):
        everywhere = features.mean(dim=(2, 3), keepdim=True)
        return self.reduce(everywhere.expand(-1, -1, *self.pool.output_size)).flatten(1)


@wrong("takes fhw for (width, height)")
class Swapped(RowAnchorNet):
    def compress(self, features):
        fh, fw = self.pool.output_size
        return self.reduce(F.adaptive_avg_pool2d(features, (fw, fh))).flatten(1)


@wrong("flattens the map in the order row, column, channel")
class ChannelsLast(RowAnchorNet):
    def compress(self, features):
        return self.reduce(self.pool(features)).permute(0, 2, 3, 1).flatten(1)


@wrong("flattens the map column by column")
class ColumnByColumn(RowAnchorNet):
    def compress(self, features):
        return self.reduce(self.pool(features)).transpose(2, 3).flatten(1)


@wrong("applies a ReLU after the 1x1 convolution too")
class Rectified(RowAnchorNet):
    def compress(self, features):
        return super().compress(features).relu()


@wrong("returns a map of 8 channels from compress, and flattens it only later")
class Unflattened(RowAnchorNet):
    def compress(self, features):
        return self.reduce(self.pool(features))

    def classify(self, vector):
        return super().classify(vector.flatten(1))


@wrong("leaves the pooling to encode, so that its stages have other shapes")
class EarlyPooled(RowAnchorNet):
    def encode(self, x):
        return self.pool(self.backbone(x))

    def compress(self, features):
        return self.reduce(features).flatten(1)


@wrong("forgets the ReLU between the linear layers, which makes them one")
class Linear(RowAnchorNet):
    def classify(self, vector):
        return self.fc2(self.fc1(vector)).unflatten(1, self.shape)


@wrong("puts another activation than ReLU between the linear layers")
class Leaky(RowAnchorNet):
    def classify(self, vector):
        return self.fc2(F.leaky_relu(self.fc1(vector))).unflatten(1, self.shape)


@wrong("bounds the hidden units at 6")
class Capped(RowAnchorNet):
    def classify(self, vector):
        return self.fc2(F.relu6(self.fc1(vector))).unflatten(1, self.shape)


@wrong("ends in a ReLU")
class RectifiedScores(RowAnchorNet):
    def classify(self, vector):
        return super().classify(vector).relu()


@wrong("unfolds the scores with the rows before the lanes")
class RowsFirst(RowAnchorNet):
    def classify(self, vector):
        lanes, rows, classes = self.shape
        flat = self.fc2(self.fc1(vector).relu())
        return flat.view(-1, rows, lanes, classes).transpose(1, 2)


@wrong("unfolds the scores with the columns outermost, and moves them to the end")
class ColumnsFirst(RowAnchorNet):
    def classify(self, vector):
        lanes, rows, classes = self.shape
        flat = self.fc2(self.fc1(vector).relu())
        return flat.view(-1, classes, rows, lanes).permute(0, 3, 2, 1)


@wrong("returns the columns on the second axis, where the cross-entropy would like them")
class ClassesSecond(RowAnchorNet):
    def classify(self, vector):
        return super().classify(vector).permute(0, 3, 1, 2)


@wrong("returns probabilities where logits are asked for")
class Softmaxed(RowAnchorNet):
    def classify(self, vector):
        return super().classify(vector).softmax(-1)


@wrong("returns the chosen columns, through which nothing can be learned")
class Decided(RowAnchorNet):
    def classify(self, vector):
        return super().classify(vector).argmax(-1)


@wrong("has no score for no lane")
class NoNoLane(RowAnchorNet):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__(backbone, feat_ch, fhw, lanes, rows, cells - 1, hidden)


@wrong("leaves the 1x1 convolution out and flattens all channels")
class Unsqueezed(RowAnchorNet):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__(backbone, feat_ch, fhw, lanes, rows, cells, hidden)
        self.reduce = nn.Identity()
        self.fc1 = nn.Linear(feat_ch * fhw[0] * fhw[1], hidden)


@wrong("has no hidden layer")
class Shallow(RowAnchorNet):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__(backbone, feat_ch, fhw, lanes, rows, cells, hidden)
        self.fc1 = nn.Identity()
        self.fc2 = nn.Linear(8 * fhw[0] * fhw[1], lanes * rows * (cells + 1))


@wrong("compresses with a 3x3 convolution")
class Wide(RowAnchorNet):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__(backbone, feat_ch, fhw, lanes, rows, cells, hidden)
        self.reduce = nn.Conv2d(feat_ch, 8, kernel_size=3, padding=1)


@wrong("compresses without a bias")
class Unbiased(RowAnchorNet):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__(backbone, feat_ch, fhw, lanes, rows, cells, hidden)
        self.reduce = nn.Conv2d(feat_ch, 8, kernel_size=1, bias=False)


@wrong("has one linear layer for all lanes to share")
class Shared(RowAnchorNet):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__(backbone, feat_ch, fhw, lanes, rows, cells, hidden)
        self.fc2 = nn.Linear(hidden, rows * (cells + 1))

    def classify(self, vector):
        one = self.fc2(self.fc1(vector).relu()).unflatten(1, self.shape[1:])
        return one.unsqueeze(1).expand(-1, self.shape[0], -1, -1)


@wrong("always has 2048 hidden units, whatever it is told")
class FixedHidden(RowAnchorNet):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__(backbone, feat_ch, fhw, lanes, rows, cells, 2048)


@wrong("normalises the compressed map over the batch")
class Normalised(RowAnchorNet):
    def __init__(self, backbone, feat_ch, fhw, lanes, rows, cells, hidden):
        super().__init__(backbone, feat_ch, fhw, lanes, rows, cells, hidden)
        self.norm = nn.BatchNorm2d(8)

    def compress(self, features):
        return self.norm(self.reduce(self.pool(features))).flatten(1)


@wrong("drops hidden units at random while it trains")
class Dropped(RowAnchorNet):
    def classify(self, vector):
        hidden = F.dropout(self.fc1(vector).relu(), 0.5, self.training)
        return self.fc2(hidden).unflatten(1, self.shape)


@wrong("freezes the backbone by running it without a graph")
class Frozen(RowAnchorNet):
    def encode(self, x):
        with torch.no_grad():
            return self.backbone(x)


@wrong("keeps the backbone in evaluation mode while the model trains")
class AlwaysEval(RowAnchorNet):
    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self


@wrong("drops the batch axis of a single image")
class Squeezed(RowAnchorNet):
    def forward(self, x):
        return super().forward(x).squeeze(0)


# -- mistakes in the loss ----------------------------------------------------------------------


@wrong("takes the lanes for the classes, because the class axis is last", of="lane_loss")
def lanes_as_classes(outputs, targets):
    return F.cross_entropy(outputs, targets)


@wrong("reshapes the scores to bring the classes forward, which shuffles them", of="lane_loss")
def reshaped(outputs, targets):
    b, lanes, rows, classes = outputs.shape
    return F.cross_entropy(outputs.reshape(b, classes, lanes, rows), targets)


@wrong("ignores the rows without a lane, so that no lane is never learned", of="lane_loss")
def ignoring(outputs, targets):
    none = outputs.shape[-1] - 1
    total = F.cross_entropy(outputs.movedim(-1, 1), targets, ignore_index=none, reduction="sum")
    return total / (targets != none).sum().clamp(min=1)


@wrong("leaves rows without a lane out of the sum, but divides by all of them", of="lane_loss")
def ignoring_in_the_sum(outputs, targets):
    none = outputs.shape[-1] - 1
    total = F.cross_entropy(outputs.movedim(-1, 1), targets, ignore_index=none, reduction="sum")
    return total / targets.numel()


@wrong("leaves out lanes that are in no row of the image", of="lane_loss")
def only_existing(outputs, targets):
    each = F.cross_entropy(outputs.movedim(-1, 1), targets, reduction="none")
    there = (targets < outputs.shape[-1] - 1).any(-1)
    return each[there].mean() if there.any() else each.mean()


@wrong("ignores targets of 0, which is the first column", of="lane_loss")
def ignoring_first(outputs, targets):
    total = F.cross_entropy(outputs.movedim(-1, 1), targets, ignore_index=0, reduction="sum")
    return total / (targets > 0).sum().clamp(min=1)


@wrong("weights rows without a lane a tenth, because there are so many of them", of="lane_loss")
def weighted(outputs, targets):
    weight = outputs.new_ones(outputs.shape[-1])
    weight[-1] = 0.1
    return F.cross_entropy(outputs.movedim(-1, 1), targets, weight=weight)


@wrong("leaves the score of no lane out of the softmax wherever there is a lane", of="lane_loss")
def conditional(outputs, targets):
    none = outputs.shape[-1] - 1
    here = -outputs[..., :-1].log_softmax(-1).gather(-1, targets.clamp(max=none - 1)[..., None])[..., 0]
    return torch.where(targets == none, -outputs.log_softmax(-1)[..., -1], here).mean()


@wrong("takes the first score for no lane", of="lane_loss")
def none_first(outputs, targets):
    return lane_loss(outputs.roll(-1, dims=-1), targets)


@wrong("takes the softmax before the cross-entropy, which takes it again", of="lane_loss")
def softmax_twice(outputs, targets):
    return lane_loss(outputs.softmax(-1), targets)


@wrong("takes the logarithm of a softmax that has become 0", of="lane_loss")
def log_of_softmax(outputs, targets):
    return -outputs.softmax(-1).gather(-1, targets[..., None]).log().mean()


@wrong("adds a small constant inside the logarithm, which caps the loss", of="lane_loss")
def capped(outputs, targets):
    return -(outputs.softmax(-1).gather(-1, targets[..., None]) + 1e-8).log().mean()


@wrong("adds the rows up and averages over the batch only", of="lane_loss")
def over_the_batch(outputs, targets):
    return F.cross_entropy(outputs.movedim(-1, 1), targets, reduction="sum") / len(targets)


@wrong("adds everything up and does not divide", of="lane_loss")
def summed(outputs, targets):
    return F.cross_entropy(outputs.movedim(-1, 1), targets, reduction="sum")


@wrong("returns one loss for every lane and row", of="lane_loss")
def unreduced(outputs, targets):
    return F.cross_entropy(outputs.movedim(-1, 1), targets, reduction="none")


@wrong("asks every column for itself, with a binary cross-entropy", of="lane_loss")
def binary(outputs, targets):
    wanted = F.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)
    return F.binary_cross_entropy_with_logits(outputs, wanted)


@wrong("smooths the targets by a tenth", of="lane_loss")
def smoothed(outputs, targets):
    return F.cross_entropy(outputs.movedim(-1, 1), targets, label_smoothing=0.1)


@wrong("returns a Python number, which has no graph", of="lane_loss")
def numbered(outputs, targets):
    return lane_loss(outputs, targets).item()


@wrong("counts the columns of the targets up by one in place", of="lane_loss")
def overwriting(outputs, targets):
    targets += 1
    padded = F.pad(outputs, (1, 0), value=float("-inf"))
    return lane_loss(padded, targets)
