"""Answers to generated questions found another way: read from the ask alone, worked out with torch or by counting.

Each oracle is named after its generator and takes the ask. For a choice it returns the right option's text, or
a predicate that exactly one option fulfils.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

META = "meta"
ORACLES: dict[str, Callable[[str], Any]] = {}


def oracle(function: Callable[[str], Any]) -> Callable[[str], Any]:
    ORACLES[function.__name__.replace("_", "-")] = function
    return function


def find(pattern: str, ask: str) -> str:
    found = re.search(pattern, ask)
    assert found, f"the ask does not say {pattern}: {ask}"
    return found[1]


def whole(pattern: str, ask: str) -> int:
    return int(find(pattern, ask))


def real(pattern: str, ask: str) -> float:
    return float(find(pattern, ask))


def several(text: str) -> list[float]:
    return [float(word) for word in re.findall(r"-?\d+(?:\.\d+)?", text)]


def wholes(text: str) -> list[int]:
    return [int(word) for word in re.findall(r"-?\d+", text)]


def many(pattern: str, ask: str) -> list[float]:
    return several(find(pattern, ask))


@cache
def layer(code: str) -> Any:
    """Build the layer that the ask shows, without memory for its weights."""
    return eval(code.removesuffix(")") + f", device='{META}')", {"nn": nn})


def shown_layer(ask: str) -> Any:
    return layer(find(r"`(nn\.\w+\([^`]*\))`", ask))


def shown_tensor(ask: str, which: int = 0) -> Tensor:
    return torch.empty(wholes(re.findall(r"`\[([\d, ]+)\]`", ask)[which]), device=META)


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# ---------------------------------------------------------------- sizes


@oracle
def conv_output_size(ask: str) -> tuple[int, ...]:
    return tuple(shown_layer(ask)(shown_tensor(ask)).shape)


@oracle
def pool_floor_or_ceil(ask: str) -> str:
    side = whole(r"A (\d+)×", ask)
    pool = eval(find(r"`(nn\.[^`]*)`", ask), {"nn": nn})
    out = pool(torch.empty(1, side, side, device=META)).shape
    return f"{out[1]}×{out[2]}"


ORACLES["transposed-conv-size"] = conv_output_size


@oracle
def upsampler_for_a_factor(ask: str) -> Callable[[str], bool]:
    side, wanted = whole(r"A (\d+)×", ask), whole(r"exactly (\d+)×", ask)

    @cache
    def fits(option: str) -> bool:
        up = layer(f"nn.ConvTranspose2d(1, 1, {option.strip('`')})")
        return up(torch.empty(1, 1, side, side, device=META)).shape[-1] == wanted

    return fits


@cache
def strided(h: int, w: int, stages: int) -> tuple[int, int]:
    x = torch.empty(1, 1, h, w, device=META)
    for _ in range(stages):
        x = layer("nn.Conv2d(1, 1, 3, stride=2, padding=1)")(x)
    return x.shape[2], x.shape[3]


@oracle
def encoder_then_decoder(ask: str) -> tuple[int, ...]:
    image = shown_tensor(ask)
    h, w = strided(*image.shape[2:], whole(r"has (\d) stages", ask))
    return tuple(shown_layer(ask)(torch.empty(image.shape[0], 512, h, w, device=META)).shape)


@oracle
def broadcast_difference(ask: str) -> tuple[int, ...]:
    return tuple(torch.broadcast_tensors(shown_tensor(ask, 0), shown_tensor(ask, 1))[0].shape)


# ---------------------------------------------------------------- receptive fields, by probing gradients


@cache
def probed(layers: tuple[tuple[int, int, int], ...]) -> int:
    """Count the inputs that move one output of layers (kernel, stride, dilation)."""
    x = torch.zeros(260, requires_grad=True)
    out = x
    for k, s, d in layers:
        out = out.unfold(0, d * (k - 1) + 1, s)[:, ::d].sum(1)
    out[0].backward()
    touched = x.grad.nonzero().flatten()
    return int(touched[-1] - touched[0]) + 1


@oracle
def receptive_field(ask: str) -> float:
    found = re.findall(r"(\d)×\1 stride (\d)", ask)
    return probed(tuple((int(k), int(s), 1) for k, s in found))


@oracle
def dilated_receptive_field(ask: str) -> float:
    k = whole(r"Convolutions (\d)×", ask)
    return probed(tuple((k, 1, int(d)) for d in many(r"dilations ([\d, ]+) stand", ask)))


# ---------------------------------------------------------------- pyramids, tokens, volumes


@oracle
def fpn_level_shape(ask: str) -> tuple[int, ...]:
    image = shown_tensor(ask)
    return (
        image.shape[0],
        whole(r"has (\d+) channels", ask),
        *strided(*image.shape[2:], whole(r"shape of P(\d)", ask)),
    )


@oracle
def anchors_on_a_pyramid(ask: str) -> float:
    h, w = wholes(find(r"image is (\d+×\d+)", ask))
    first, last = whole(r"levels P(\d)", ask), whole(r"to P(\d)", ask)
    cells = [
        (y, x)
        for level in range(first, last + 1)
        for y in range(0, h, 2**level)
        for x in range(0, w, 2**level)
    ]
    return len(cells) * whole(r"puts (\d+) anchors", ask)


@oracle
def grid_head_shape(ask: str) -> tuple[int, ...]:
    image = shown_tensor(ask)
    classes, anchors = whole(r"and (\d+) class scores", ask), whole(r"each of (\d+) anchors", ask)
    outputs = [(a, name) for a in range(anchors) for name in ("x", "y", "w", "h", "object", *range(classes))]
    body = F.avg_pool2d(image, whole(r"stride-(\d+)", ask))
    return tuple(layer(f"nn.Conv2d(3, {len(outputs)}, 1)")(body).shape)


@oracle
def vit_tokens(ask: str) -> tuple[int, ...]:
    image, patch = shown_tensor(ask), whole(r"into (\d+)×", ask)
    patches = image.unfold(2, patch, patch).unfold(3, patch, patch)[:, 0].flatten(1, 2)
    extra = ("one class token" in ask) + (int(found[1]) if (found := re.search(r"(\d) register", ask)) else 0)
    return len(image), patches.shape[1] + extra, whole(r"each to (\d+) numbers", ask)


@oracle
def mask_head_shape(ask: str) -> tuple[int, ...]:
    images, rois = whole(r"^(\d+) images", ask), whole(r"give (\d+) regions", ask)
    x = torch.empty(images * rois, 256, *wholes(find(r"256×(\d+×\d+)", ask)), device=META)
    for _ in range(whole(r"(\d+) convolutions", ask)):
        x = layer("nn.Conv2d(256, 256, 3, padding=1)")(x)
    x = layer("nn.ConvTranspose2d(256, 256, 2, stride=2)")(x)
    classes = whole(r"to (\d+) classes", ask)
    return tuple(layer(f"nn.Conv2d(256, {classes}, 1)")(x).shape)


@oracle
def prototype_masks(ask: str) -> tuple[int, ...]:
    image = torch.empty(1, *wholes(find(r"image of (\d+×\d+)", ask)), device=META)
    k = whole(r"predicts (\d+) prototype", ask)
    prototypes = F.avg_pool2d(image, 4).expand(k, -1, -1)
    coefficients = torch.empty(
        whole(r"and (\d+) detections", ask), whole(r"with (\d+) coefficients", ask), device=META
    )
    return tuple(torch.tensordot(coefficients, prototypes, dims=1).shape)


@oracle
def correlation_channels(ask: str) -> tuple[int, ...]:
    """Slide image 2, padded by the radius, over image 1: each place where it fits is a displacement."""
    b, c, h, w = shown_tensor(ask).shape
    r = whole(r"at most (\d) in x", ask)
    assert r == whole(r"and (\d) in y", ask)
    padded = torch.empty(b, c, h + 2 * r, w + 2 * r, device=META)
    return tuple(padded.unfold(2, h, 1).unfold(3, w, 1)[:, 0].flatten(1, 2).shape)


@oracle
def all_pairs_volume(ask: str) -> tuple[int, ...]:
    features = F.avg_pool2d(shown_tensor(ask), 8)
    volume = torch.einsum("bchw,bcij->bhwij", features, features)
    b, h, w = volume.shape[:3]
    for _ in range(whole(r"shape of level (\d)", ask)):
        volume = F.avg_pool2d(volume.flatten(0, 2), 2).unflatten(0, (b, h, w))
    return tuple(volume.shape)


@oracle
def all_pairs_memory(ask: str) -> float:
    h, w = wholes(find(r"resolution of (\d+×\d+)", ask))
    features = F.avg_pool2d(torch.empty(1, h, w, device=META), whole(r"at 1/(\d+)", ask)).flatten()
    volume = torch.outer(features, features)
    return volume.numel() * volume.element_size() / 2**20


# ---------------------------------------------------------------- counts


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@oracle
def conv_parameters(ask: str) -> str:
    return f"{parameters(shown_layer(ask)):,}"


ORACLES["attention-parameters"] = ORACLES["upsampling-head-parameters"] = conv_parameters


@oracle
def conv_macs(ask: str) -> str:
    module, shape = shown_layer(ask), tuple(wholes(find(r"one (\d+×\d+×\d+) input", ask)))
    return f"{macs(module, shape):,}"


@cache
def macs(module: nn.Conv2d, shape: tuple[int, int, int]) -> int:
    """Count products by walking the kernel over the padded image, and let torch count them as well."""
    channels, side, _ = shape
    k, s, p = module.kernel_size[0], module.stride[0], module.padding[0]
    starts = range(-p, side + p - k + 1, s)
    products = sum(1 for _ in starts for _ in starts for _ in range(k) for _ in range(k))
    counter = FlopCounterMode(display=False)
    with counter:
        module(torch.empty(1, *shape, device=META))
    total = products * channels * module.out_channels
    assert counter.get_total_flops() == 2 * total
    return total


@oracle
def separable_saving(ask: str) -> float:
    k, c, n = whole(r"A (\d)×", ask), whole(r"from (\d+)", ask), whole(r"to (\d+) channels", ask)
    full = parameters(layer(f"nn.Conv2d({c}, {n}, {k}, bias=False)"))
    depthwise = parameters(layer(f"nn.Conv2d({c}, {c}, {k}, groups={c}, bias=False)"))
    return full / (depthwise + parameters(layer(f"nn.Conv2d({c}, {n}, 1, bias=False)")))


@oracle
def mask_loss_elements(ask: str) -> str:
    logits = shown_tensor(ask)
    positives = int(len(logits) * whole(r", (\d+) % of them", ask) / 100)
    return f"{logits[:positives, 0].numel():,}"


# ---------------------------------------------------------------- attention


@cache
def weights_shape(width: int, heads: int, batch: int, queries: int, memory: int) -> tuple[int, ...]:
    q, k = (torch.empty(batch, n, width, device=META).unflatten(2, (heads, -1)) for n in (queries, memory))
    shape = torch.einsum("bqhd,bkhd->bhqk", q, k).shape
    if queries * memory % 64 == 0:  # the module itself takes a millisecond
        module, kv = layer(f"nn.MultiheadAttention({width}, {heads}, batch_first=True)"), k.flatten(2)
        assert module(q.flatten(2), kv, kv, average_attn_weights=False)[1].shape == shape
    return tuple(shape)


@oracle
def attention_weights_shape(ask: str) -> tuple[int, ...]:
    patches = F.avg_pool2d(shown_tensor(ask), whole(r"in (\d+)×", ask))
    tokens = patches[0, 0].numel() + 1
    width, heads = whole(r"width (\d+)", ask), whole(r"with (\d+) heads", ask)
    return weights_shape(width, heads, len(patches), tokens, tokens)


@oracle
def query_attention_shape(ask: str) -> tuple[int, ...]:
    image = shown_tensor(ask)
    rows, columns = strided(*image.shape[2:], 5)
    queries, heads = whole(r"has (\d+) queries", ask), whole(r"and (\d) heads", ask)
    return weights_shape(16, heads, len(image), queries, rows * columns)


# ---------------------------------------------------------------- losses


@oracle
def mean_cross_entropy(ask: str) -> float:
    chances = double([1 / int(n) for n in re.findall(r"1/(\d+)", ask)])
    logits = torch.stack([chances.log(), (1 - chances).log()], dim=1)
    return F.cross_entropy(logits, torch.zeros(len(chances), dtype=torch.long)).item()


@oracle
def smoothed_target(ask: str) -> Callable[[str], bool]:
    """Recover the target from the gradient of the loss, softmax minus target."""
    logits = torch.zeros(1, whole(r"over (\d+) classes", ask), dtype=torch.float64, requires_grad=True)
    F.cross_entropy(logits, torch.tensor([0]), label_smoothing=real(r"smoothing=([\d.]+)", ask)).backward()
    target = (logits.softmax(1) - logits.grad)[0, 0].item()
    return lambda option: abs(float(option) - target) < 1e-9


@oracle
def focal_factor(ask: str) -> Callable[[str], bool]:
    label, p = double([whole(r"label (\d) and", ask)]), double([real(r"p = ([\d.]+)\. ", ask)])
    gamma, alpha = whole(r"γ = (\d)", ask), real(r"α = ([\d.]+)", ask)
    entropy = F.binary_cross_entropy(p, label)
    distance = (label - p).abs()
    balance = label * alpha + (1 - label) * (1 - alpha)
    factor = (balance * distance**gamma * entropy / entropy).item()
    return lambda option: abs(float(option) - factor) < 1e-9


@oracle
def smooth_l1(ask: str) -> float:
    errors = double(many(r"off by ([-\d., ]+)\. What", ask))
    loss = eval(find(r"`(nn\.[^`]*)`", ask), {"nn": nn})
    return loss(errors, torch.zeros_like(errors)).item()


@oracle
def weighted_pixel_loss(ask: str) -> float:
    labels = torch.tensor([int(c) for c in many(r"labels ([\d, ]+) and", ask)])
    losses = double(many(r"cross-entropies ([\d., ]+)\. What", ask))
    chances = torch.exp(-losses)
    rows = ((1 - chances) / 2).log().unsqueeze(1).repeat(1, 3)
    for row, label, chance in zip(rows, labels, chances, strict=True):
        if label != 255:
            row[label] = chance.log()
    loss = eval(find(r"`(nn\.[^`]*)`", ask), {"nn": nn, "torch": torch}).double()
    return loss(rows, labels).item()


@oracle
def running_variance(ask: str) -> float:
    norm = eval(find(r"`(nn\.[^`]*)`", ask), {"nn": nn}).double()
    norm.running_var.fill_(real(r"variance is (\d+)", ask))
    norm(double(many(r"arrives: ([\d, ]+)\. What", ask)).unsqueeze(1))
    return norm.running_var.item()


# ---------------------------------------------------------------- boxes, by counting pixels


def pixels(corners: list[int]) -> set[tuple[int, int]]:
    x1, y1, x2, y2 = corners
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


def two_boxes(ask: str) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    return pixels(wholes(find(r"A = `\(([-\d, ]+)", ask))), pixels(wholes(find(r"B = `\(([-\d, ]+)", ask)))


@oracle
def iou_two_boxes(ask: str) -> float:
    a, b = two_boxes(ask)
    return len(a & b) / len(a | b)


@oracle
def giou_two_boxes(ask: str) -> float:
    a, b = two_boxes(ask)
    xs, ys = zip(*(a | b), strict=True)
    hull = (max(xs) - min(xs) + 1) * (max(ys) - min(ys) + 1)
    return len(a & b) / len(a | b) - (hull - len(a | b)) / hull


@oracle
def nms_survivors(ask: str) -> str:
    """Decide from the last box to the first, by asking whether any better one that survives is too near."""
    rows = re.findall(r"- (\w) = `\(([\d, ]+)\)`, score ([\d.]+)", ask)
    area = {name: pixels(wholes(box)) for name, box, _ in rows}
    score = {name: float(value) for name, _, value in rows}
    limit = real(r"score is above ([\d.]+)\. ", ask)

    def survives(name: str) -> bool:
        return not any(
            score[other] > score[name]
            and len(area[name] & area[other]) > limit * len(area[name] | area[other])
            and survives(other)
            for other in area
        )

    return ", ".join(filter(survives, area))


@oracle
def decode_anchor(ask: str) -> Callable[[str], bool]:
    cx, cy = many(r"centre (\([\d, ]+\))", ask)
    w, h = real(r"width (\d+)", ask), real(r"height (\d+)", ask)
    dx, dy = real(r"tx = (-?[\d.]+),", ask), real(r"ty = (-?[\d.]+),", ask)
    logs = {"ln 2": math.log(2), "-ln 2": -math.log(2), "0": 0.0}
    tw, th = logs[find(r"tw = ([-\w ]+),", ask)], logs[find(r"th = ([-\w ]+),", ask)]

    def fits(option: str) -> bool:
        """Encode the option again and compare the offsets."""
        x1, y1, x2, y2 = several(option)
        offsets = (
            ((x1 + x2) / 2 - cx) / w,
            ((y1 + y2) / 2 - cy) / h,
            math.log((x2 - x1) / w),
            math.log((y2 - y1) / h),
        )
        return max(abs(a - b) for a, b in zip(offsets, (dx, dy, tw, th), strict=True)) < 1e-9

    return fits


# ---------------------------------------------------------------- masks and regions


@oracle
def mask_iou(ask: str) -> float:
    a, b = double([[int(c) for c in row] for row in re.findall(r"`([01]{6})`", ask)]).view(2, -1).bool()
    return ((a & b).sum() / (a | b).sum()).item()


@oracle
def bilinear_sample(ask: str) -> float:
    x, y = many(r"\(x, y\) = (\([\d., ]+\))", ask)
    held = {(int(i), int(j)): float(v) for v, i, j in re.findall(r"(\d+) at \((\d+), (\d+)\)", ask)}
    grid = torch.zeros(1, 1, max(j for _, j in held) + 1, max(i for i, _ in held) + 1, dtype=torch.float64)
    for (i, j), value in held.items():
        grid[0, 0, j, i] = value
    h, w = grid.shape[2:]
    place = double([[[[2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1]]]])
    return F.grid_sample(grid, place, align_corners=True).item()


@oracle
def roi_pool_rounding(ask: str) -> float:
    """Find the nearest grid line by looking at all of them."""
    stride, edge = whole(r"stride (\d+)", ask), whole(r"x = (\d+) px", ask)
    return min(abs(line - edge) for line in range(0, 2000, stride))


@oracle
def panoptic_quality(ask: str) -> float:
    """Segmentation quality times recognition quality, the other way to write it."""
    matched = many(r"with IoU ([\d., ]+); ", ask)
    extra, missed = whole(r"; (\d+) predicted", ask), whole(r"and (\d+) ground-truth", ask)
    precision, recall = len(matched) / (len(matched) + extra), len(matched) / (len(matched) + missed)
    return sum(matched) / len(matched) * 2 * precision * recall / (precision + recall)


# ---------------------------------------------------------------- rankings


@oracle
def average_precision(ask: str) -> float:
    """For each recall there is, enumerate the prefixes of the ranking that reach it."""
    objects = whole(r"has (\d+) ground-truth", ask)
    hits = [word == "right" for word in re.findall(r"(right|wrong)(?:,|\.)", ask)]
    assert len(hits) == whole(r"Its (\d+) detections", ask)
    prefixes = [hits[:n] for n in range(1, len(hits) + 1)]
    return (
        sum(
            max((sum(p) / len(p) for p in prefixes if sum(p) >= wanted), default=0)
            for wanted in range(1, objects + 1)
        )
        / objects
    )


@oracle
def balanced_accuracy(ask: str) -> float:
    sizes, right = many(r"have ([\d, ]+) test images", ask), many(r"of which ([\d, ]+) are", ask)
    truth = torch.cat([torch.full((int(n),), c) for c, n in enumerate(sizes)])
    guess = torch.cat(
        [
            torch.tensor([c] * int(r) + [(c + 1) % 3] * int(n - r))
            for c, (n, r) in enumerate(zip(sizes, right, strict=True))
        ]
    )
    return sum((guess[truth == c] == c).double().mean().item() for c in range(3)) / 3


@oracle
def coco_thresholds(ask: str) -> float:
    found = [round(100 * v) for v in many(r"mask IoU ([\d.]+(?: and [\d.]+)?)", ask)]
    grid = torch.arange(50, 100, 5)
    return (torch.tensor(found).unsqueeze(1) >= grid).double().mean().item()


# ---------------------------------------------------------------- dense predictions


@oracle
def miou_from_confusion(ask: str) -> float:
    rows = [wholes(row) for row in re.findall(r"`\[([\d, ]+)\]`", ask)]
    pairs = [(t, p) for t in range(3) for p in range(3) for _ in range(rows[t][p])]
    return sum(sum(t == c == p for t, p in pairs) / sum(c in (t, p) for t, p in pairs) for c in range(3)) / 3


@oracle
def background_everywhere(ask: str) -> float:
    classes, percent = whole(r"has (\d) classes", ask), whole(r"(\d+) % of", ask)
    truth = [0] * 10 * percent + [1 + i % (classes - 1) for i in range(1000 - 10 * percent)]
    assert set(truth) == set(range(classes))
    overlaps = [truth.count(0) / len(truth) if c == 0 else 0 for c in range(classes)]
    return sum(overlaps) / classes


@oracle
def dice_from_counts(ask: str) -> float:
    tp, fp = whole(r"has (\d+) true-positive", ask), whole(r"(\d+) false-positive", ask)
    fn, tn = whole(r"(\d+) false-negative", ask), whole(r"(\d+) true-negative", ask)
    image = range(tp + fp + fn + tn)
    guess, truth = set(image[: tp + fp]), set(image[:tp]) | set(image[tp + fp : tp + fp + fn])
    return 2 * len(guess & truth) / (len(guess) + len(truth))


@oracle
def psnr_from_mse(ask: str) -> float:
    errors = [float(v) for v in re.search(r"errors are ([\d.]+) and (\d+\.\d+)", ask).groups()]
    return sum(20 * math.log10(1 / math.sqrt(e)) for e in errors) / 2


# ---------------------------------------------------------------- depth


@oracle
def depth_from_disparity(ask: str) -> float:
    """Search for the depth at which a point projects into the two cameras as far apart as stated."""
    focal, baseline = real(r"length of (\d+) px", ask), real(r"baseline of ([\d.]+) m", ask)
    disparity = real(r"disparity of (\d+)", ask)
    low, high = 0.01, 1e4
    for _ in range(80):
        middle = (low + high) / 2
        apart = focal * 1.0 / middle - focal * (1.0 - baseline) / middle
        low, high = (middle, high) if apart > disparity else (low, middle)
    return low


@oracle
def disparity_slip(ask: str) -> float:
    product = real(r"f·B = (\d+)", ask)
    found, true = real(r"finds (\d+) px", ask), real(r"point is (\d+) px", ask)
    return product * (true - found) / (true * found)


@oracle
def absolute_relative_error(ask: str) -> float:
    truth, guess = double(many(r"pixels are ([\d, ]+) m", ask)), double(many(r"Predicted: ([\d, ]+) m", ask))
    valid = truth > 0
    return (F.l1_loss(guess[valid], truth[valid], reduction="none") / truth[valid]).mean().item()


@oracle
def delta_accuracy(ask: str) -> float:
    truth, guess = (
        double(many(r"depths are ([\d, ]+) m", ask)),
        double(many(r"predicted depths are ([\d, ]+) m", ask)),
    )
    return ((guess / truth).log().abs() < math.log(1.25)).double().mean().item()


@oracle
def median_scaling(ask: str) -> float:
    guess, truth = double(many(r"depths ([\d, ]+) where", ask)), double(many(r"truth is ([\d, ]+) m", ask))
    scaled = guess * truth.median() / guess.median()
    return (scaled - truth).abs()[whole(r"pixel (\d),", ask) - 1].item()


@oracle
def ray_length(ask: str) -> float:
    focal, z = real(r"fy = (\d+)", ask), real(r"z = (\d+) m", ask)
    cx, cy = many(r"point (\([\d, ]+\))", ask)
    u, v = many(r"pixel (\([-\d, ]+\))", ask)
    camera = double([[focal, 0, cx], [0, focal, cy], [0, 0, 1]])
    return torch.linalg.vector_norm(torch.linalg.solve(camera, double([u, v, 1]) * z)).item()


@oracle
def sigmoid_to_depth(ask: str) -> float:
    near, far = real(r"between ([\d.]+) m", ask), real(r"and (\d+) m", ask)
    return (1 / torch.lerp(double(1 / far), double(1 / near), real(r"s = ([\d.]+) mean", ask))).item()


@oracle
def scale_invariant_error(ask: str) -> float:
    """The variance, plus what is left of the squared mean."""
    errors = double(many(r"\(true\) are ([-\d., ]+)\. What", ask))
    share = real(r"λ = ([\d.]+) \(no", ask)
    return (errors.var(correction=0) + (1 - share) * errors.mean() ** 2).item()


# ---------------------------------------------------------------- motion


@oracle
def mean_endpoint_error(ask: str) -> float:
    rows = re.findall(r"pixel \d( \(not valid\))?: true `\(([-\d, ]+)\)`, predicted `\(([-\d, ]+)\)`", ask)
    truth, guess = double([wholes(row[1]) for row in rows]), double([wholes(row[2]) for row in rows])
    valid = torch.tensor([not row[0] for row in rows])
    return torch.linalg.vector_norm(guess - truth, dim=1)[valid].mean().item()


@oracle
def mse_of_flow(ask: str) -> float:
    first, second = many(r"off by (\([-\d, ]+\))", ask), many(r"and by (\([-\d, ]+\))", ask)
    field = double([first, second]).T.view(1, 2, 1, 2)
    return nn.MSELoss()(field, torch.zeros_like(field)).item()


@oracle
def flow_outliers(ask: str) -> float:
    rows = re.findall(r"length (\d+) px, error ([\d.]+) px", ask)
    fine = sum(float(error) <= 3 or float(error) / int(length) <= 0.05 for length, error in rows)
    return 100 - 100 * fine / len(rows)


@oracle
def resized_flow(ask: str) -> Callable[[str], bool]:
    """Follow a pixel and its target through the enlargement."""
    (h, w), (u, v) = wholes(find(r"field of (\d+×\d+)", ask)), many(r"holds (\([-\d, ]+\))", ask)
    new_h, new_w = wholes(find(r"resized to (\d+×\d+)", ask))
    start, end = (7 / w, 3 / h), ((7 + u) / w, (3 + v) / h)
    moved = ((end[0] - start[0]) * new_w, (end[1] - start[1]) * new_h)
    return lambda option: max(abs(a - b) for a, b in zip(several(option), moved, strict=True)) < 1e-9


@oracle
def round_trip(ask: str) -> float:
    x, y = wholes(find(r"\(x, y\) = (\([\d, ]+\))", ask))
    u, v = wholes(find(r"flow is `(\([-\d, ]+\))", ask))
    backward = {
        tuple(wholes(place)): wholes(vector)
        for place, vector in re.findall(r"F_bw(\([-\d, ]+\)) = (\([-\d, ]+\))", ask)
    }
    back = backward[x + u, y + v]
    return math.hypot(x + u + back[0] - x, y + v + back[1] - y)


@oracle
def sequence_loss(ask: str) -> float:
    """Horner's rule: each estimate discounts all before it."""
    gamma, total = real(r"γ = ([\d.]+),", ask), 0.0
    for error in many(r"errors are ([\d, ]+), first", ask):
        total = gamma * total + error
    return total


# ---------------------------------------------------------------- lanes


@oracle
def line_iou_of_lanes(ask: str) -> float:
    """The intervals, end by end."""
    guess, truth = (
        double(many(r"predicted ([\d, ]+), true", ask)),
        double(many(r"true ([\d, ]+)\. Each", ask)),
    )
    half = real(r"x ± (\d+) px", ask)
    starts, ends = torch.stack([guess, truth]) - half, torch.stack([guess, truth]) + half
    return ((ends.amin(0) - starts.amax(0)).sum() / (ends.amax(0) - starts.amin(0)).sum()).item()


@oracle
def tusimple_accuracy_of_lanes(ask: str) -> float:
    """All lanes against all predictions at once; the difference of missing points is 0, of one 999."""
    truth = double([wholes(row) for row in re.findall(r"true lane \d: `(.*)`", ask)])
    guess = double([wholes(row) for row in re.findall(r"prediction \d: `(.*)`", ask)])
    truth, guess = (lanes.where(lanes >= 0, -999.0)[:, :, None] for lanes in (truth, guess))
    apart = (truth.movedim(1, 0) - guess.movedim(1, 0).mT).abs()  # [rows, true, predicted]
    return (apart < 20).double().mean(0).amax(1).mean().item()


@oracle
def decoded_column(ask: str) -> float:
    width, cells = real(r"image (\d+) px", ask), whole(r"C = (\d+) columns", ask)
    scores = torch.full((cells + 1,), -1e9, dtype=torch.float64)
    for p, column in re.findall(r"([\d.]+) for column (\d+)", ask):
        scores[int(column)] = math.log(float(p))
    scores[cells] = math.log(real(r"([\d.]+) for \"no lane\"", ask))
    centres = torch.linspace(width / cells / 2, width - width / cells / 2, cells, dtype=torch.float64)
    return (scores[:cells].softmax(0) @ centres).item()


# ---------------------------------------------------------------- futures


@oracle
def best_of_modes(ask: str) -> float:
    truth, a, b = (
        double(wholes(find(rf"{name}: `(.*)`", ask))).view(3, 2) for name in ("truth", "mode A", "mode B")
    )
    errors = torch.linalg.vector_norm(torch.stack([a, b]) - truth, dim=-1)
    ade, fde = errors.mean(1), errors[:, 2]
    asked = find(r"What is (minADE|minFDE|the ADE of)", ask)
    return {"minADE": ade.min(), "minFDE": fde.min(), "the ADE of": ade[fde.argmin()]}[asked].item()


@oracle
def constant_velocity_ahead(ask: str) -> Callable[[str], bool]:
    """On the line through the position some displacements ago and the last one."""
    track = double(wholes(find(r"seen at (.*), in metres", ask))).view(-1, 2)
    back = int(re.findall(r"last (\d) displacements", ask)[0]) if "displacements" in ask else 1
    ahead = whole(r"Where is it (\d) steps", ask)
    place = torch.lerp(track[-1 - back], track[-1], 1 + ahead / back).tolist()
    return lambda option: max(abs(a - b) for a, b in zip(several(option), place, strict=True)) < 1e-9


@oracle
def brier_min_fde(ask: str) -> float:
    modes = [(float(end), float(p)) for end, p in re.findall(r"FDE ([\d.]+) m, probability ([\d.]+)", ask)]
    end, p = sorted(modes)[0]
    return end + 1 - 2 * p + p * p


# ---------------------------------------------------------------- anomalies


@oracle
def auroc_with_ties(ask: str) -> float:
    """The area under the curve, corner by corner over falling thresholds."""
    defects = double(many(r"scores ([\d., ]+), normal", ask))
    normal = double(many(r"normal images ([\d., ]+);", ask))
    thresholds = torch.cat([defects, normal, double([2.0])]).unique().flip(0)[:, None]
    return torch.trapezoid(
        (defects >= thresholds).double().mean(1), (normal >= thresholds).double().mean(1)
    ).item()


@oracle
def mahalanobis_of_two(ask: str) -> float:
    """From the log densities of a Gaussian at the patch and at its mean."""
    mean, covariance = double(many(r"the mean (\([\d, ]+\))", ask)), double(many(r"diag(\([\d, ]+\))", ask))
    patch = double(many(r"the features (\([-\d., ]+\))", ask))
    normal = torch.distributions.MultivariateNormal(mean, torch.diag(covariance))
    return (2 * (normal.log_prob(mean) - normal.log_prob(patch))).sqrt().item()


@oracle
def coreset_next_pick(ask: str) -> str:
    names, places = zip(*re.findall(r"([A-F]) (\(\d, \d\))", ask), strict=True)
    points = double([several(place) for place in places])
    nearest = torch.cdist(points, points[:2]).amin(1)
    return str(names[int(nearest.argmax())])


@oracle
def nearest_patch_score(ask: str) -> float:
    bank, patches = (
        double([several(place) for place in re.findall(r"\(\d, \d\)", find(pattern, ask))])
        for pattern in (r"holds the features ([\d(), ]+)\. An", r"with the features ([\d(), and]+)\. The")
    )
    return torch.cdist(patches, bank).amin(1).max().item()


# ---------------------------------------------------------------- upscaling


@oracle
def psnr_of_a_patch(ask: str) -> float:
    truth, found = double(many(r"image are ([\d., ]+);", ask)), double(many(r"has ([\d., ]+)\. Values", ask))
    return -20 * math.log10((found - truth).norm().item() / math.sqrt(len(truth)))


@oracle
def shuffled_shape(ask: str) -> tuple[int, ...]:
    layers = nn.Sequential(*map(layer, re.findall(r"`(nn\.Conv2d\([^`]*\))`", ask)))
    x = shown_tensor(ask)
    if "Unshuffle" in ask:
        x = F.pixel_unshuffle(x, whole(r"PixelUnshuffle\((\d)\)", ask))
    x = layers(x)
    if "PixelShuffle" in ask:
        x = F.pixel_shuffle(x, whole(r"PixelShuffle\((\d)\)", ask))
    return tuple(x.shape)


@oracle
def overlaps_of_a_kernel(ask: str) -> str:
    """Enlarge a map of ones with a kernel of ones, and look at the middle."""
    k, s = whole(r"kernel_size=(\d)", ask), whole(r"stride=(\d)", ask)
    h, w = wholes(find(r"a map of (\d+×\d+)", ask))
    counts = F.conv_transpose2d(torch.ones(1, 1, h, w), torch.ones(1, 1, k, k), stride=s)
    inside = counts[0, 0, k:-k, k:-k].int()
    least, most = inside.min().item(), inside.max().item()
    return f"{most} at every pixel" if least == most else f"between {least} and {most}"


@oracle
def enlarged_first_or_last(ask: str) -> float:
    """Let torch count the products of both networks."""
    s, ch = whole(r"images by (\d)", ask), whole(r"from 3 to (\d+) channels", ask)
    layers = whole(r"then (\d) of 3×3", ask)

    def flops(side: int, out: int) -> int:
        sizes = [3, *[ch] * (layers + 1), out]
        net = [nn.Conv2d(i, o, 3, padding=1, device=META) for i, o in pairwise(sizes)]
        with FlopCounterMode(display=False) as counter:
            nn.Sequential(*net)(torch.empty(1, 3, side, side, device=META))
        return counter.get_total_flops()

    return flops(5 * s, 3) / flops(5, 3 * s * s)


# ---------------------------------------------------------------- captions


@oracle
def bleu_of_one_caption(ask: str) -> float:
    """Words are matched one by one, each with a place of its own in a reference."""
    caption, *refs = [said.split() for said in re.findall(r'"([^"]+)"', ask)]
    matched = 0
    for word in set(caption):
        most = max(ref.count(word) for ref in refs)
        matched += len([w for w in caption if w == word][:most])
    lengths = torch.tensor(sorted(len(ref) for ref in refs))
    r = lengths[(lengths - len(caption)).abs().argsort(stable=True)[0]].item()
    return min(1.0, math.exp(1 - r / len(caption))) * matched / len(caption)


@oracle
def brevity_penalty_of_corpus(ask: str) -> Callable[[str], bool]:
    c = r = 0
    for size, refs in re.findall(r"(\d+) words, references of ([\d, ]+)", ask):
        c += int(size)
        apart = {abs(length - int(size)): length for length in sorted(wholes(refs), reverse=True)}
        r += apart[min(apart)]
    penalty = min(1.0, math.exp(1 - r / c))

    def fits(option: str) -> bool:
        sizes = re.fullmatch(r"exp\(1 − (\d+)/(\d+)\)", option)
        said = math.exp(1 - int(sizes[1]) / int(sizes[2])) if sizes else float(option)
        return abs(said - penalty) < 1e-9

    return fits


@oracle
def beam_of_two(ask: str) -> str:
    """In logarithms, all extensions of the beam side by side."""
    tables = re.findall(r"A ([\d.]+), B ([\d.]+), C ([\d.]+)\.", ask)
    first, *after = double([[float(p) for p in row] for row in tables]).log()
    sums, kept = first.topk(2)
    place = int((sums[:, None] + torch.stack(after)[kept]).argmax())
    return f"{'ABC'[int(kept[place // 3])]} {'ABC'[place % 3]}"


@oracle
def looks_at_each_place(ask: str) -> float:
    weights = double([several(row) for row in re.findall(r"step \d: ([\d., ]+)[;.]", ask)])
    last = whole(r"target of step (\d) is padding", ask)
    assert last == len(weights)
    assert torch.allclose(weights.sum(1), torch.ones(last, dtype=torch.float64))
    return torch.linalg.vector_norm(1 - weights[: last - 1].sum(0)).square().item()


# ---------------------------------------------------------------- holes


@oracle
def partial_mask_update(ask: str) -> float:
    """Spread each known pixel by a maximum over its window."""
    rows = find(r"rows ([01, ]+), where", ask).split(", ")
    mask = torch.tensor([[[float(pixel) for pixel in row] for row in rows]])
    return F.max_pool2d(mask, 3, stride=whole(r"with stride (\d)", ask), padding=1).sum().item()


@oracle
def partial_conv_value(ask: str) -> float:
    """As weights times values, each divided by the share of known pixels."""
    values, mask, weights = (double(wholes(four)) for four in re.findall(r"\(([^()]+;[^()]+)\)", ask))
    share = F.avg_pool2d(mask.view(1, 2, 2), 2)
    return (values[mask > 0] @ weights[mask > 0] / share).item() + real(r"bias is (-?\d)", ask)


@oracle
def layers_until_closed(ask: str) -> str:
    """Convolve a mask until no hole is left."""
    h, w = whole(r"hole of (\d+) rows", ask), whole(r"and (\d+) columns", ask)
    k = whole(r"another, (\d)×", ask)
    top = 0 if "touches the upper border" in ask else 50
    mask = torch.ones(1, 1, h + top + 50, w + 100)
    mask[..., top : top + h, 50 : 50 + w] = 0
    layers = 0
    while not mask.all():
        counted = F.conv2d(mask, torch.ones(1, 1, k, k), padding=whole(r"padding (\d)", ask))
        mask, layers = (counted > 0).float(), layers + 1
    return str(layers)


@oracle
def hole_and_valid_loss(ask: str) -> float:
    """On a row of a hundred pixels."""
    share = whole(r"covers (\d+) %", ask)
    known = torch.arange(100) >= share
    hole, valid = real(r"output is ([\d.]+) in", ask), real(r"and ([\d.]+) elsewhere", ask)
    error = torch.where(known, double(valid), double(hole))
    return (error * torch.where(known, 1, whole(r"the hole (\d+) and known", ask))).mean().item()
