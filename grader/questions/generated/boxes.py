"""Boxes: overlap, enclosing overlap, suppression, decoding."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, one, plus, require, text

Box = tuple[int, int, int, int]

FORM = "Boxes are `(x1, y1, x2, y2)` with areas (x2 − x1)·(y2 − y1)."


def area(box: Box) -> int:
    """Return the area of a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def shared(a: Box, b: Box) -> tuple[int, int]:
    """Return the width and the height that two boxes share, 0 where they do not touch."""
    return max(0, min(a[2], b[2]) - max(a[0], b[0])), max(0, min(a[3], b[3]) - max(a[1], b[1]))


def iou(a: Box, b: Box) -> Fraction:
    """Return the intersection over union of two boxes."""
    width, height = shared(a, b)
    return Fraction(width * height, area(a) + area(b) - width * height)


def _nearness(a: Box, b: Box) -> float:
    """Return the IoU where a comparison with a threshold is all that matters."""
    width, height = shared(a, b)
    return width * height / (area(a) + area(b) - width * height)


def _box(rng: Random, reach: int = 10) -> Box:
    x, y = rng.randint(0, reach), rng.randint(0, reach)
    return x, y, x + rng.randint(3, 10), y + rng.randint(3, 10)


@generator("detection", level=1, skills=("metric",), kata="detection/pairwise_iou")
def iou_two_boxes(rng: Random) -> Question:
    """The IoU of two boxes that overlap in part."""
    a, b = _box(rng, 6), _box(rng, 6)
    width, height = shared(a, b)
    both = width * height
    union = area(a) + area(b) - both
    require(0 < both < min(area(a), area(b)) and area(a) != area(b))
    return number(
        f"{FORM} What is the IoU of A = `{a}` and B = `{b}`? To two decimals.",
        iou(a, b),
        why=(
            f"Shared width: min({a[2]}, {b[2]}) − max({a[0]}, {b[0]}) = {width}; shared height: "
            f"min({a[3]}, {b[3]}) − max({a[1]}, {b[1]}) = {height}.",
            f"Intersection {width}·{height} = {both}; areas {area(a)} and {area(b)}.",
            f"Union {area(a)} + {area(b)} − {both} = {union}.",
            f"IoU = {both} / {union} {equals(iou(a, b), 2)}.",
        ),
        places=2,
        slips=(
            Fraction(both, area(a) + area(b)),
            Fraction(both, area(a)),
            Fraction(both, area(b)),
            Fraction((width + 1) * (height + 1), union),
        ),
    )


@generator("detection", level=2, skills=("metric", "loss"))
def giou_two_boxes(rng: Random) -> Question:
    """The generalised IoU of two boxes, apart or overlapping."""
    a, b = _box(rng), _box(rng)
    width, height = shared(a, b)
    both = width * height
    union = area(a) + area(b) - both
    hull: Box = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    empty = area(hull) - union
    value = iou(a, b) - Fraction(empty, area(hull))
    require(empty > 0 and area(hull) <= 300 and both < min(area(a), area(b)))
    return number(
        f"{FORM} What is the GIoU of A = `{a}` and B = `{b}`? To two decimals; it may be negative.",
        value,
        why=(
            f"Intersection {width}·{height} = {both}; union {area(a)} + {area(b)} − {both} = {union}; "
            f"IoU {equals(iou(a, b))}.",
            f"The smallest box around both is `{hull}`, of area {area(hull)}.",
            f"Of it the union leaves {area(hull)} − {union} = {empty} empty: {empty} / {area(hull)} "
            f"{equals(Fraction(empty, area(hull)))}.",
            f"GIoU = {both}/{union} − {empty}/{area(hull)} {equals(value, 2)}.",
        ),
        places=2,
        slips=(iou(a, b), iou(a, b) - Fraction(empty, union), Fraction(both, area(hull)), 1 - value),
    )


@generator("detection", level=2, skills=("post-processing",), kata="detection/batched_nms")
def nms_survivors(rng: Random) -> Question:
    """Which of four boxes in a row survive greedy suppression."""
    boxes, scores = _row_of_boxes(rng)
    percent = rng.choice((30, 40, 50))
    limit = text(Fraction(percent, 100))
    near = {(m, n): _nearness(boxes[m], boxes[n]) for m, n in combinations(boxes, 2)}
    require(all(abs(value - percent / 100) > 0.02 for value in near.values()))
    overlap = near | {(n, m): value for (m, n), value in near.items()}

    def rivals(name: str, others: list[str], least: float = percent / 100) -> list[str]:
        return [other for other in others if other != name and overlap[name, other] > least]

    order = sorted(boxes, key=lambda name: -scores[name])
    before = {name: order[:place] for place, name in enumerate(order)}
    kept = _greedy(order, rivals)
    chained = [name for name in order if not rivals(name, before[name])]
    touching = [name for name in order if not rivals(name, before[name], least=0)]
    lonely = [name for name in order if not rivals(name, order)]
    require(len(kept) < len(order) and chained != kept)

    def step(name: str) -> str:
        if name in kept:
            return f"{name} ({text(scores[name])}) overlaps no kept box too much: kept."
        by = rivals(name, kept)[0]
        return f"{name} ({text(scores[name])}): IoU with {by} ≈ {overlap[name, by]:.2f} > {limit}: dropped."

    def said(names: list[str]) -> str:
        return ", ".join(sorted(names))

    rows = "\n".join(f"- {name} = `{boxes[name]}`, score {text(scores[name])}" for name in boxes)
    return one(
        rng,
        f"Four boxes `(x1, y1, x2, y2)` of one class:\n\n{rows}\n\nGreedy NMS drops a box whose IoU with a "
        f"kept box of higher score is above {limit}. Which boxes survive?",
        said(kept),
        wrong=(
            (said(chained), "A box that was itself dropped can drop no other."),
            (said(touching), "Touching is not enough: the IoU must be above the threshold."),
            (said(_greedy(order[::-1], rivals)), "The highest score goes first, not the lowest."),
            (
                said(lonely or kept),
                "Of two boxes that overlap too much, the one with the higher score stays.",
            ),
            (said(order), f"Some of them overlap by more than {limit}."),
        ),
        why=(f"By falling score: {', '.join(order)}.", *map(step, order), f"Left: {said(kept)}."),
    )


def _greedy(order: list[str], rivals: Callable[[str, list[str]], list[str]]) -> list[str]:
    """Keep each name that has no rival among those kept before it."""
    kept: list[str] = []
    for name in order:
        if not rivals(name, kept):
            kept.append(name)
    return kept


def _row_of_boxes(rng: Random) -> tuple[dict[str, Box], dict[str, Fraction]]:
    """Draw four boxes of one height along a line, so that an overlap is a matter of widths."""
    top, height, x = rng.randint(0, 5), 10, 0
    boxes: dict[str, Box] = {}
    for name in "ABCD":
        boxes[name] = (x, top, x + rng.choice((10, 10, 12)), top + height)
        x += rng.choice((2, 3, 4, 4, 5, 8))
    scores = [Fraction(cents, 100) for cents in rng.sample(range(35, 99, 3), 4)]
    return boxes, dict(zip("ABCD", scores, strict=True))


@generator("detection", level=2, skills=("post-processing", "shapes"), kata="detection/box_codec")
def decode_anchor(rng: Random) -> Question:
    """The box that an anchor and four regression outputs stand for."""
    w, h = rng.sample((16, 24, 32, 40, 48, 64), 2)
    cx, cy = rng.randrange(60, 141, 2), rng.randrange(60, 141, 2)
    dx, dy = (Fraction(rng.choice((-2, -1, 1, 2)), 4) for _ in range(2))
    grow_w, grow_h = rng.sample((Fraction(1, 2), Fraction(1), Fraction(2)), 2)
    require(1 not in (grow_w, grow_h) or rng.random() < 0.5)
    logs = {Fraction(1, 2): "-ln 2", Fraction(1): "0", Fraction(2): "ln 2"}
    x, y, width, height = cx + dx * w, cy + dy * h, grow_w * w, grow_h * h

    def corners(x: Fraction | int, y: Fraction | int, width: Fraction, height: Fraction) -> str:
        return f"`({listed((x - width / 2, y - height / 2, x + width / 2, y + height / 2))})`"

    linear = {Fraction(1, 2): Fraction(31, 100), Fraction(1): Fraction(1), Fraction(2): Fraction(169, 100)}
    return one(
        rng,
        f"An anchor has centre ({cx}, {cy}), width {w} and height {h}. The net gives the offsets tx = "
        f"{text(dx)}, ty = {text(dy)}, tw = {logs[grow_w]}, th = {logs[grow_h]}, in the coding of R-CNN "
        "(centre offsets in units of the anchor, log sizes, no extra weights). Which box "
        "`(x1, y1, x2, y2)` is it?",
        corners(x, y, width, height),
        wrong=(
            (
                corners(cx + dx * h, cy + dy * w, width, height),
                "The offset in x is in units of the width, the one in y of the height.",
            ),
            (
                corners(cx + dx, cy + dy, width, height),
                "The offsets are in units of the anchor, not in pixels.",
            ),
            (
                corners(x, y, linear[grow_w] * w, linear[grow_h] * h),
                "The sizes are logarithms: multiply by exp(t), not by 1 + t.",
            ),
            (
                corners(cx - dx * w, cy - dy * h, width, height),
                "A positive offset moves the centre right and down.",
            ),
            (
                f"`({listed((x, y, x + width, y + height))})`",
                "(x, y) is the centre, so half the size lies on either side.",
            ),
        ),
        why=(
            f"Centre: {cx} {plus(dx)}·{w} = {text(x)} and {cy} {plus(dy)}·{h} = {text(y)}.",
            f"Size: {w}·exp({logs[grow_w]}) = {text(width)} and {h}·exp({logs[grow_h]}) = {text(height)}.",
            f"Half the size on either side: {corners(x, y, width, height)}.",
        ),
    )


GENERATORS = (iou_two_boxes, giou_two_boxes, nms_survivors, decode_anchor)
