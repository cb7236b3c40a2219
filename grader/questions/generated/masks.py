"""Masks and regions: overlap of masks, sampling between pixels, rounding, panoptic quality."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, require, rounded, text


def _blob(rng: Random) -> set[tuple[int, int]]:
    """Draw a rectangle of a 4×6 grid with one corner cut off."""
    rows = rng.randint(2, 3), rng.randint(2, 4)
    top, left = rng.randint(0, 4 - rows[0]), rng.randint(0, 6 - rows[1])
    cells = {(top + i, left + j) for i in range(rows[0]) for j in range(rows[1])}
    return cells - {(top, left)} if rng.random() < 0.5 else cells


def _drawn(cells: set[tuple[int, int]]) -> str:
    return "\n".join(f"- `{''.join('1' if (i, j) in cells else '0' for j in range(6))}`" for i in range(4))


@generator("instance_segmentation", level=1, skills=("metric",))
def mask_iou(rng: Random) -> Question:
    """The IoU of two small binary masks."""
    a, b = _blob(rng), _blob(rng)
    both, union = len(a & b), len(a | b)
    require(0 < both < min(len(a), len(b)))
    return number(
        f"Mask A:\n\n{_drawn(a)}\n\nMask B:\n\n{_drawn(b)}\n\nWhat is their IoU? To two decimals.",
        Fraction(both, union),
        why=(
            f"A has {len(a)} ones, B has {len(b)}, and {both} positions are 1 in both.",
            f"Union: {len(a)} + {len(b)} − {both} = {union}.",
            f"IoU = {both} / {union} {equals(Fraction(both, union), 2)}.",
        ),
        places=2,
        slips=(Fraction(2 * both, len(a) + len(b)), Fraction(both, len(a)), Fraction(both, 24)),
    )


@generator("instance_segmentation", level=2, skills=("numerics", "architecture"))
def bilinear_sample(rng: Random) -> Question:
    """The value that RoIAlign reads between four pixels."""
    values = rng.sample(range(1, 13), 4)
    x0, y0 = rng.randint(1, 8), rng.randint(1, 8)
    fx, fy = (Fraction(rng.choice((1, 2, 3)), 4) for _ in range(2))
    require(fx != fy)
    tl, tr, bl, br = values

    def rows(fx: Fraction) -> tuple[Fraction, Fraction]:
        return tl + fx * (tr - tl), bl + fx * (br - bl)

    def read(fx: Fraction, fy: Fraction) -> Fraction:
        return rows(fx)[0] + fy * (rows(fx)[1] - rows(fx)[0])

    (top, bottom), value = rows(fx), read(fx, fy)
    nearest = values[2 * (fy > Fraction(1, 2)) + (fx > Fraction(1, 2))]
    return number(
        "RoIAlign reads a feature map by bilinear interpolation; values sit at whole coordinates. "
        f"Around (x, y) = ({text(x0 + fx)}, {text(y0 + fy)}) the map holds {tl} at ({x0}, {y0}), "
        f"{tr} at ({x0 + 1}, {y0}), {bl} at ({x0}, {y0 + 1}) and {br} at ({x0 + 1}, {y0 + 1}). "
        "What value is read? To two decimals.",
        value,
        why=(
            f"The point lies {text(fx)} of the way right and {text(fy)} of the way down.",
            f"Upper row: {tl} + {text(fx)}·({tr} − {tl}) = {text(top)}.",
            f"Lower row: {bl} + {text(fx)}·({br} − {bl}) = {text(bottom)}.",
            f"Between them: {text(top)} + {text(fy)}·({text(bottom)} − {text(top)}) {equals(value, 2)}.",
        ),
        places=2,
        slips=(read(1 - fx, 1 - fy), read(fy, fx), nearest, Fraction(sum(values), 4)),
    )


@generator("instance_segmentation", level=2, skills=("numerics", "architecture"))
def roi_pool_rounding(rng: Random) -> Question:
    """How far RoI pooling moves a region's edge by rounding it to the grid."""
    stride = rng.choice((8, 16, 32))
    edge = rng.randint(3 * stride, 20 * stride)
    cell = rounded(Fraction(edge, stride), 0).numerator
    moved = cell * stride - edge
    require(edge % stride != stride // 2 and abs(moved) >= 2)
    return number(
        f"RoI pooling on a map of stride {stride} divides a region's coordinates by {stride} and rounds "
        "them to "
        f"the nearest whole cell. The left edge of a region is at x = {edge} px. By how many image pixels "
        "does "
        "the rounding move it? Give the distance, without a sign.",
        abs(moved),
        why=(
            f"{edge} / {stride} {equals(Fraction(edge, stride))}, rounded to cell {cell}.",
            f"Cell {cell} is at {cell}·{stride} = {cell * stride} px.",
            f"The edge moved by |{cell * stride} − {edge}| = {abs(moved)} px; RoIAlign does not round at "
            "all.",
        ),
        unit="px",
        slips=(stride - abs(moved),),
    )


@generator("instance_segmentation", level=2, skills=("metric",))
def panoptic_quality(rng: Random) -> Question:
    """Panoptic quality from matched IoUs and the segments left over."""
    matched = [Fraction(rng.randrange(55, 96, 5), 100) for _ in range(rng.choice((2, 3, 4)))]
    missed, extra = rng.sample(range(1, 6), 2)
    below = len(matched) + Fraction(missed + extra, 2)
    value = sum(matched, Fraction(0)) / below
    return number(
        f"For one class, {len(matched)} predicted segments match ground truth with IoU {listed(matched)}; "
        f"{extra} predicted segments match nothing and {missed} ground-truth segments stay unmatched. "
        "What is the panoptic quality? To two decimals.",
        value,
        why=(
            "PQ = (sum of the matched IoUs) / (TP + FP/2 + FN/2).",
            f"Sum: {' + '.join(text(v) for v in matched)} = {text(sum(matched, Fraction(0)))}.",
            f"Below: {len(matched)} + {extra}/2 + {missed}/2 = {text(below)}.",
            f"PQ = {text(sum(matched, Fraction(0)))} / {text(below)} {equals(value, 2)}.",
        ),
        places=2,
        slips=(
            sum(matched) / (len(matched) + missed + extra),
            sum(matched) / len(matched),
            len(matched) / below,
        ),
    )


GENERATORS = (mask_iou, bilinear_sample, roi_pool_rounding, panoptic_quality)
