"""Counts: parameters, multiplications, elements that a loss runs over."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, number, one
from grader.questions.generated.sizes import conv_size


@generator("classification", level=1, skills=("architecture",))
def conv_parameters(rng: Random) -> Question:
    """The parameters of a convolution, with groups and bias."""
    c, n, k = rng.choice((8, 16, 32, 64)), rng.choice((16, 32, 64, 128)), rng.choice((1, 3, 5, 7))
    groups = rng.choice((1, 1, 2, 4, 8))
    bias = rng.random() < 0.6
    weights = n * (c // groups) * k * k
    total = weights + n * bias
    layer = f"nn.Conv2d({c}, {n}, kernel_size={k}, groups={groups}, bias={bias})"
    return one(
        rng,
        f"How many parameters does `{layer}` have?",
        f"{total:,}",
        wrong=(
            (f"{n * c * k * k + n * bias:,}", f"Each filter sees only {c} / {groups} input channels."),
            (
                f"{weights + n * (not bias):,}",
                f"`bias={bias}`: there {'is one bias per filter' if bias else 'are no biases'}.",
            ),
            (f"{weights + c * bias:,}", f"Biases belong to the {n} outputs, not to the {c} inputs."),
            (f"{n * (c // groups) * k + n * bias:,}", f"A kernel has {k}·{k} weights, not {k}."),
            (f"{n * k * k + n * bias:,}", "A filter has its own kernel for every channel it sees."),
            (f"{(c // groups) * k * k + bias:,}", f"That is one filter; there are {n}."),
            (f"{total * groups:,}", "Groups divide the weights; they do not multiply anything."),
        ),
        why=(
            f"Each of the {n} filters sees {c} / {groups} = {c // groups} channels through {k}×{k} weights.",
            f"Weights: {n}·{c // groups}·{k}·{k} = {weights:,}.",
            f"Biases: {n if bias else 0}. Together {total:,}, whatever the size of the image.",
        ),
    )


@generator("classification", level=2, skills=("architecture", "trade-offs"))
def conv_macs(rng: Random) -> Question:
    """The multiply-accumulates of a convolution."""
    c, n, k = rng.choice((2, 3, 4, 8)), rng.choice((4, 8, 16)), rng.choice((2, 3, 5))
    side, s, p = rng.choice((8, 10, 12, 14, 16)), rng.choice((1, 2)), rng.choice((0, 1, 2))
    p = min(p, k // 2)
    out = conv_size(side, k, s=s, p=p)
    total = n * c * k * k * out * out
    return one(
        rng,
        f"How many multiply-accumulates does `nn.Conv2d({c}, {n}, kernel_size={k}, stride={s}, padding={p}, "
        f"bias=False)` need for one {c}×{side}×{side} input? Products with padded zeros count too.",
        f"{total:,}",
        wrong=(
            (
                f"{n * c * k * k * side * side:,}",
                f"The kernel is applied once per output position: {out}×{out}, not {side}×{side}.",
            ),
            (f"{n * c * k * k:,}", f"Those are the weights; each is used at {out}·{out} positions."),
            (f"{n * k * k * out * out:,}", f"Each output sums over all {c} input channels."),
            (f"{c * k * k * out * out:,}", f"That is one output channel; there are {n}."),
            (f"{2 * total:,}", "Those are operations, a multiplication and an addition counted apart."),
            (f"{n * c * out * out:,}", f"Each output also sums over {k}·{k} positions of the kernel."),
        ),
        why=(
            f"Output side: floor(({side} + 2·{p} − {k}) / {s}) + 1 = {out}.",
            f"One output value costs {c}·{k}·{k} = {c * k * k} multiply-accumulates.",
            f"There are {n}·{out}·{out} = {n * out * out:,} outputs: {total:,}.",
        ),
    )


@generator("classification", level=2, skills=("architecture", "trade-offs"))
def separable_saving(rng: Random) -> Question:
    """How many times fewer weights a depthwise separable convolution has."""
    k, c, n = rng.choice((3, 5, 7)), rng.choice((16, 32, 64)), rng.choice((20, 25, 32, 50, 64, 100))
    full, depth, point = k * k * c * n, k * k * c, c * n
    return number(
        f"A {k}×{k} convolution from {c} to {n} channels is replaced by a depthwise {k}×{k} convolution "
        "followed by a 1×1 convolution, all without biases. By what factor does the number of weights "
        "shrink? To one decimal.",
        Fraction(full, depth + point),
        why=(
            f"Before: {k}·{k}·{c}·{n} = {full:,}.",
            f"After: depthwise {k}·{k}·{c} = {depth:,}, then 1×1 {c}·{n} = {point:,}, together "
            f"{depth + point:,}.",
            f"{full:,} / {depth + point:,} {equals(Fraction(full, depth + point), 1)}. "
            f"In general 1 / (1/n + 1/k²), never more than {k * k}.",
        ),
        places=1,
        slips=(k * k, n, Fraction(full, depth), Fraction(full, 2 * point)),
    )


@generator("semantic_segmentation", level=2, skills=("architecture", "trade-offs"))
def upsampling_head_parameters(rng: Random) -> Question:
    """The parameters of a head that classifies and enlarges in one transposed convolution."""
    c, classes, k = rng.choice((32, 64, 128, 256)), rng.randint(2, 21), rng.choice((4, 8, 16))
    s = k // 2
    total = c * classes * k * k + classes
    plain = c * classes + classes
    return one(
        rng,
        f"A segmentation head enlarges {c} channels straight to {classes} class maps with "
        f"`nn.ConvTranspose2d({c}, {classes}, kernel_size={k}, stride={s}, padding={k // 4})`. "
        "How many parameters does it have?",
        f"{total:,}",
        wrong=(
            (f"{c * classes * k * k + c:,}", f"The biases belong to the {classes} outputs."),
            (f"{c * classes * k * k:,}", "PyTorch's layer has a bias unless told otherwise."),
            (f"{plain:,}", f"That is a 1×1 convolution; here every pair of channels has {k}·{k} weights."),
            (
                f"{c * classes * s * s + classes:,}",
                f"The stride says how far the {k}×{k} kernels are set apart; it does not shrink them.",
            ),
        ),
        why=(
            f"Every pair of an input and an output channel has a {k}×{k} kernel: {c}·{classes}·{k}·{k} = "
            f"{c * classes * k * k:,}.",
            f"Plus {classes} biases: {total:,}.",
            f"A 1×1 convolution, followed by fixed bilinear enlarging, would need {plain:,}.",
        ),
    )


@generator("instance_segmentation", level=2, skills=("loss", "training"))
def mask_loss_elements(rng: Random) -> Question:
    """How many logits the per-class mask loss runs over."""
    regions, share = rng.choice((64, 100, 128, 200)), rng.choice((10, 20, 25, 50))
    classes, side = rng.choice((5, 10, 20)), rng.choice((14, 20, 28))
    positives = regions * share // 100
    total = positives * side * side
    return one(
        rng,
        f"A two-stage net samples {regions} regions, {share} % of them positive (rounded down), and predicts "
        f"mask logits of shape `[{regions}, {classes}, {side}, {side}]`. As in Mask R-CNN, only positive "
        "regions "
        "and only the channel of the true class enter the mask loss. How many logits get a loss?",
        f"{total:,}",
        wrong=(
            (
                f"{positives * classes * side * side:,}",
                "Channels of other classes get no loss; with it the classes would compete again.",
            ),
            (f"{regions * side * side:,}", "Negative regions have no mask to learn from."),
            (f"{regions * classes * side * side:,}", "That is every logit, of every region and class."),
            (f"{positives * side:,}", f"A mask has {side}·{side} pixels, not {side}."),
        ),
        why=(
            f"Positive regions: {share} % of {regions} = {positives} (rounded down).",
            f"Each contributes the {side}·{side} = {side * side} logits of its class.",
            f"{positives}·{side * side} = {total:,}; all {classes} channels together hold {classes} times "
            "that.",
        ),
    )


GENERATORS = (conv_parameters, conv_macs, separable_saving, upsampling_head_parameters, mask_loss_elements)
