"""Shapes that detectors, masks and matching nets make of an image: levels, anchors, tokens, volumes."""

from __future__ import annotations

from random import Random

from grader.model import Question
from grader.questions.generated.form import brackets, generator, number, require, shape
from grader.questions.generated.sizes import halved


@generator("detection", level=1, skills=("shapes", "architecture"))
def fpn_level_shape(rng: Random) -> Question:
    """The shape of one level of a feature pyramid on an odd-sized image."""
    batch, level, width = rng.randint(2, 8), rng.randint(2, 6), rng.choice((64, 128, 256))
    h, w = rng.sample(range(200, 641, 4), 2)
    rows, columns = halved(h, level), halved(w, level)
    require(h % 2**level != 0 or w % 2**level != 0)
    result = (batch, width, rows, columns)
    return shape(
        f"A feature pyramid has {width} channels at every level, and level P`l` has stride 2^`l`: each "
        f"stride-2 stage maps a side n to ceil(n / 2). Images have shape `{brackets((batch, 3, h, w))}`. "
        f"What is the shape of P{level}?",
        result,
        why=(
            f"P{level} has stride 2^{level} = {2**level}, and rounding up at each stage is rounding up once.",
            f"Height: ceil({h} / {2**level}) = {rows}; width: ceil({w} / {2**level}) = {columns}.",
            f"All levels share {width} channels: `{brackets(result)}`.",
        ),
    )


@generator("detection", level=2, skills=("shapes", "architecture"), kata="detection/anchor_grid")
def anchors_on_a_pyramid(rng: Random) -> Question:
    """How many anchors all levels of a pyramid hold together."""
    first, last = rng.choice(((3, 5), (4, 6), (3, 6), (4, 7), (3, 7)))
    h, w = rng.sample(range(128, 513, 64 if last < 7 else 128), 2)
    each = rng.choice((3, 6, 9))
    require(h % 2**last == 0 and w % 2**last == 0)
    cells = [(h >> level) * (w >> level) for level in range(first, last + 1)]
    return number(
        f"A one-stage detector puts {each} anchors at every cell of the levels P{first} to P{last}, where "
        f"P`l` has stride 2^`l`. The image is {h}×{w}. How many anchors are there in all?",
        each * sum(cells),
        why=(
            *(
                f"P{level}: {h >> level}×{w >> level} = {count} cells."
                for level, count in enumerate(cells, start=first)
            ),
            f"Together {sum(cells)} cells, times {each} anchors: {each * sum(cells)}.",
        ),
        slips=(sum(cells), each * sum(cells[:-1]), each * sum(cells[1:]), each * cells[0]),
    )


@generator("detection", level=1, skills=("shapes", "architecture"))
def grid_head_shape(rng: Random) -> Question:
    """The shape of the output of a grid detector's last convolution."""
    batch, anchors, classes = rng.randint(2, 8), rng.choice((2, 3, 5)), rng.choice((4, 10, 20, 80))
    stride = rng.choice((8, 16, 32))
    h, w = (stride * cells for cells in rng.sample(range(7, 21), 2))
    channels = anchors * (5 + classes)
    result = (batch, channels, h // stride, w // stride)
    return shape(
        f"A grid detector predicts, at each cell of its stride-{stride} map and for each of {anchors} "
        "anchors, "
        f"4 box numbers, 1 objectness and {classes} class scores, all with one 1×1 convolution. Images have "
        f"shape `{brackets((batch, 3, h, w))}`. What is the shape of that convolution's output?",
        result,
        why=(
            f"One anchor needs 4 + 1 + {classes} = {5 + classes} numbers, {anchors} anchors need {channels}.",
            f"The map is {h} / {stride} = {h // stride} by {w} / {stride} = {w // stride}.",
            f"Channels come second in PyTorch: `{brackets(result)}`.",
        ),
    )


@generator("classification", level=1, skills=("shapes", "architecture"))
def vit_tokens(rng: Random) -> Question:
    """The shape of the sequence that a vision transformer works on."""
    batch, patch, width = rng.randint(2, 8), rng.choice((8, 14, 16, 32)), rng.choice((192, 384, 768))
    rows, columns = rng.sample(range(4, 21), 2)
    extra = rng.choice((0, 1, 1, 5))
    tokens = {0: "no class token", 1: "one class token", 5: "one class token and 4 register tokens"}[extra]
    result = (batch, rows * columns + extra, width)
    return shape(
        f"A vision transformer cuts images of shape `{brackets((batch, 3, patch * rows, patch * columns))}` "
        f"into {patch}×{patch} patches that do not overlap, maps each to {width} numbers and adds {tokens}. "
        "What is the shape of the sequence, batch first, that enters the encoder?",
        result,
        why=(
            f"{patch * rows} / {patch} = {rows} rows and {patch * columns} / {patch} = {columns} columns: "
            f"{rows * columns} patches.",
            f"With {tokens}: {rows * columns} + {extra} = {rows * columns + extra} tokens.",
            f"So `{brackets(result)}`.",
        ),
    )


@generator("instance_segmentation", level=1, skills=("shapes", "architecture"))
def mask_head_shape(rng: Random) -> Question:
    """The shape that the mask branch of a two-stage net gives."""
    images, rois, classes = rng.randint(2, 6), rng.randint(5, 60), rng.choice((3, 8, 10, 20, 80))
    side, convs = rng.choice((7, 14, 16)), rng.choice((2, 3, 4))
    result = (images * rois, classes, 2 * side, 2 * side)
    return shape(
        f"{images} images give {rois} regions each. RoIAlign turns every region into a 256×{side}×{side} "
        "map; "
        f"{convs} convolutions 3×3 with padding 1, a transposed convolution 2×2 with stride 2 and a 1×1 "
        f"convolution to {classes} classes (a mask per class) follow. Regions of all images share the first "
        "axis. What is the shape of the mask logits?",
        result,
        why=(
            f"All regions form one batch: {images}·{rois} = {images * rois}.",
            f"The 3×3 convolutions keep {side}×{side}, the transposed one doubles it: ({side} − 1)·2 + 2 = "
            f"{2 * side}.",
            f"One mask per class: `{brackets(result)}`.",
        ),
    )


@generator("instance_segmentation", level=2, skills=("shapes", "architecture"))
def prototype_masks(rng: Random) -> Question:
    """The shape of masks assembled from prototypes and coefficients."""
    prototypes, kept = rng.choice((8, 16, 32)), rng.randint(3, 40)
    rows, columns = rng.sample(range(20, 140), 2)
    require(len({prototypes, kept, rows, columns}) == 4)
    result = (kept, rows, columns)
    return shape(
        f"For one image of {4 * rows}×{4 * columns} pixels a net predicts {prototypes} prototype masks at a "
        f"quarter of the resolution, and {kept} detections survive NMS, each with {prototypes} coefficients. "
        "The masks are the coefficient-weighted sums of prototypes, through a sigmoid. What is the shape of "
        "the stack of masks, detections first, before cropping and enlarging?",
        result,
        why=(
            f"The prototypes are `{brackets((prototypes, rows, columns))}`, the coefficients "
            f"`{brackets((kept, prototypes))}`.",
            f"The sum runs over the {prototypes} prototypes, which therefore vanish from the shape.",
            f"What is left is one quarter-size mask per detection: `{brackets(result)}`.",
        ),
    )


@generator("optical_flow", level=2, skills=("shapes", "architecture"))
def correlation_channels(rng: Random) -> Question:
    """The shape of a local correlation volume."""
    batch, channels, radius = rng.randint(2, 8), rng.choice((32, 64, 96, 128)), rng.randint(2, 6)
    rows, columns = rng.sample(range(10, 65), 2)
    result = (batch, (2 * radius + 1) ** 2, rows, columns)
    return shape(
        f"Two feature maps of shape `{brackets((batch, channels, rows, columns))}` are correlated: at each "
        "position the dot product over the channels is taken with every displacement of at most "
        f"{radius} in x and {radius} in y (zeros beyond the border), one output channel per displacement. "
        "What is the shape of the result?",
        result,
        why=(
            f"In each direction the displacements −{radius} to {radius} are 2·{radius} + 1 = "
            f"{2 * radius + 1}, zero included.",
            f"In two directions: {2 * radius + 1}² = {(2 * radius + 1) ** 2} channels.",
            f"The dot product sums away the {channels} feature channels: `{brackets(result)}`.",
        ),
    )


@generator("optical_flow", level=2, skills=("shapes", "architecture"))
def all_pairs_volume(rng: Random) -> Question:
    """The shape of one level of an all-pairs correlation pyramid."""
    batch, level = rng.randint(2, 6), rng.randint(0, 3)
    rows, columns = (8 * n for n in rng.sample(range(2, 9), 2))
    result = (batch, rows, columns, rows >> level, columns >> level)
    pooled = (
        f"{rows}×{columns} becomes {rows >> level}×{columns >> level} after {level} halvings"
        if level
        else "level 0 is not pooled"
    )
    return shape(
        f"Two images of shape `{brackets((batch, 3, 8 * rows, 8 * columns))}` give features at 1/8 of the "
        "resolution, and the dot products of all pairs of positions form a volume: the batch, then the "
        "position (row, column) in image 1, then the position in image 2. A pyramid halves the two axes of "
        f"image 2 at each level; level 0 is the full volume. What is the shape of level {level}?",
        result,
        why=(
            f"Features at 1/8 are {8 * rows} / 8 = {rows} by {8 * columns} / 8 = {columns}.",
            f"The position in image 1 keeps full resolution; for image 2, {pooled}.",
            f"So `{brackets(result)}`: small motions stay precise, large ones are reached on coarse levels.",
        ),
    )


@generator("optical_flow", level=3, skills=("trade-offs", "architecture"))
def all_pairs_memory(rng: Random) -> Question:
    """The memory that an all-pairs volume takes."""
    h, w = rng.choice((128, 192, 256, 384, 512)), rng.choice((256, 384, 512, 768, 1024))
    stride = rng.choice((4, 8, 8, 16))
    positions = (h // stride) * (w // stride)
    mebibytes = positions**2 * 4 // 2**20
    require(1 <= mebibytes <= 4096 and h <= w and positions**2 * 4 % 2**20 == 0)
    return number(
        "A flow net compares every position of one feature map with every position of the other, at "
        f"1/{stride} "
        f"of the resolution of {h}×{w} images. One float32 (4 bytes) is kept per pair. How many MiB (2^20 "
        "bytes) does this volume take for one pair of images?",
        mebibytes,
        why=(
            f"There are {h // stride}·{w // stride} = {positions} positions.",
            f"Pairs: {positions}² = {positions**2:,}, times 4 bytes = {positions**2 * 4:,} bytes.",
            f"Divided by 1,048,576: {mebibytes} MiB. Doubling both sides of the images makes it 16 times.",
        ),
        unit="MiB",
        slips=(mebibytes * 4, mebibytes / 4, positions * 4 / 2**20),
    )


GENERATORS = (
    fpn_level_shape,
    anchors_on_a_pyramid,
    grid_head_shape,
    vit_tokens,
    mask_head_shape,
    prototype_masks,
    correlation_channels,
    all_pairs_volume,
    all_pairs_memory,
)
