"""Lanes: the IoU of widened lines, the accuracy of a benchmark, a position read from columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, require, text

APART = 20
"""Pixels at which a point of the benchmark is no longer right."""
MISSING = -2


@generator("lane_detection", level=2, skills=("metric", "loss"), kata="lane_detection/line_iou")
def line_iou_of_lanes(rng: Random) -> Question:
    """The signed IoU of two lanes that are widened at each row."""
    half = rng.choice((10, 15, 20))
    offsets = [rng.choice((0, 4, 5, 6, 8, 10, 12, 15, 20, 40, 50, 60)) for _ in range(3)]
    require(len(set(offsets)) > 1 and any(offsets))
    truth = [rng.randrange(200, 400, 5) for _ in offsets]
    guess = [x + rng.choice((-1, 1)) * d for x, d in zip(truth, offsets, strict=True)]
    overlaps, unions = [2 * half - d for d in offsets], [2 * half + d for d in offsets]
    value = Fraction(sum(overlaps), sum(unions))
    rows = [Fraction(over, union) for over, union in zip(overlaps, unions, strict=True)]
    clamped = [max(over, 0) for over in overlaps]
    return number(
        f"Two lanes have their x at three rows, in pixels: predicted {listed(guess)}, true {listed(truth)}. "
        f"Each lane is widened to x ± {half} px. What is their Line IoU, the sum of the overlaps over the "
        "sum of the unions, with negative overlaps (and the gap in the union) where intervals do not meet? "
        "To three decimals.",
        value,
        why=(
            f"The offsets are {listed(offsets)} px; at each row the overlap is {2 * half} − offset, the "
            f"union {2 * half} + offset.",
            f"Overlaps: {listed(overlaps)}, together {sum(overlaps)}. Unions: {listed(unions)}, together "
            f"{sum(unions)}.",
            f"{sum(overlaps)} / {sum(unions)} {equals(value)}: rows are summed before the division.",
        ),
        places=3,
        slips=(
            *((sum(rows, Fraction(0)) / 3,) if sum(rows, Fraction(0)) / 3 != value else ()),
            *((Fraction(sum(clamped), sum(unions)),) if min(overlaps) < 0 else ()),
            Fraction(sum(half - d for d in offsets), sum(half + d for d in offsets)),
        ),
    )


def _both_or_neither(a: int, b: int) -> bool:
    """Whether a row is right: two points near each other, or none."""
    return a == b == MISSING or (min(a, b) >= 0 and abs(a - b) < APART)


def _accuracy(
    truth: Sequence[Sequence[int]], guess: Sequence[Sequence[int]], right: Callable[[int, int], bool]
) -> list[Fraction]:
    """Return for each true lane the best share of right rows."""
    return [max(Fraction(sum(map(right, t, g)), len(t)) for g in guess) for t in truth]


@generator("lane_detection", level=2, skills=("metric",), kata="lane_detection/tusimple_accuracy")
def tusimple_accuracy_of_lanes(rng: Random) -> Question:
    """The mean over true lanes of the best share of right rows, missing points included."""
    truth, guess = [], []
    for left in (rng.randrange(100, 200, 10), rng.randrange(400, 500, 10)):
        slant = rng.choice((-12, -8, 8, 10, 12))
        lane = [left + slant * i for i in range(5)]
        near = [x + rng.choice((-1, 1)) * rng.choice((3, 6, 11, 18, 20, 25, 31)) for x in lane]
        top, other = rng.choice((0, 1, 2)), rng.choice((0, 1, 2))
        truth.append([MISSING] * top + lane[top:])
        guess.append([MISSING] * other + near[other:])
    scores = _accuracy(truth, guess, _both_or_neither)
    value = sum(scores, Fraction(0)) / 2
    points_only = _accuracy(truth, guess, lambda a, b: min(a, b) >= 0 and abs(a - b) < APART)
    generous = _accuracy(
        truth, guess, lambda a, b: a == b == MISSING or (min(a, b) >= 0 and abs(a - b) <= APART)
    )
    require(0 < value < 1 and points_only != scores)
    order = rng.sample((0, 1), 2)
    lanes = [f"- true lane {i + 1}: `{tuple(lane)}`" for i, lane in enumerate(truth)]
    lanes += [f"- prediction {i + 1}: `{tuple(guess[which])}`" for i, which in enumerate(order)]
    counts = ", ".join(f"lane {i + 1}: {text(score * 5)} of 5" for i, score in enumerate(scores))
    return number(
        f"Lanes by their x in pixels at five rows, {MISSING} where there is no point:\n\n"
        + "\n".join(lanes)
        + f"\n\nA row is right if both have a point and are less than {APART} px apart, or if neither has a "
        "point. Each true lane scores the largest share of right rows that any prediction reaches. What is "
        "the mean score of the true lanes?",
        value,
        why=(
            f"A difference of exactly {APART} px is wrong; rows where both are {MISSING} are right.",
            f"Right rows with the best prediction, {counts}.",
            f"({text(scores[0])} + {text(scores[1])}) / 2 = {text(value)}.",
        ),
        slips=(
            sum(points_only, Fraction(0)) / 2,
            *((sum(generous, Fraction(0)) / 2,) if generous != scores else ()),
        ),
    )


@generator(
    "lane_detection", level=2, skills=("post-processing", "numerics"), kata="lane_detection/decode_lanes"
)
def decoded_column(rng: Random) -> Question:
    """The position that scores over columns and "no lane" mean, in pixels."""
    cells, width = rng.choice(((100, 800), (50, 800), (100, 1600), (200, 800), (100, 1000), (50, 1000)))
    first = rng.randrange(8, cells - 8)
    second = first + rng.choice((1, 2, 3))
    a, b = rng.choice(((1, 3), (3, 1), (2, 3), (3, 2), (1, 1), (4, 1), (1, 4)))
    nothing = Fraction(rng.choice((1, 2, 3, 4)), 10)
    left, right = (1 - nothing) * Fraction(a, a + b), (1 - nothing) * Fraction(b, a + b)
    require(all((100 * p).denominator == 1 for p in (left, right)))
    mean = Fraction(a * first + b * second, a + b)
    cell = Fraction(width, cells)
    value = (mean + Fraction(1, 2)) * cell
    lost = left * first + right * second
    return number(
        f"An image {width} px wide is divided into C = {cells} columns, numbered from 0; index {cells} is "
        f'"no lane". At one row the softmax over all {cells + 1} scores gives {text(left)} for column '
        f'{first}, {text(right)} for column {second} and {text(nothing)} for "no lane". The position is '
        "x = (E + 0.5)·W/C, E being the mean column under a softmax over the first C scores alone. What is "
        "x, in pixels? To one decimal.",
        value,
        why=(
            f'Without "no lane" the rest is divided by its sum: {text(left)}/{text(1 - nothing)} = '
            f"{text(Fraction(a, a + b))} and {text(right)}/{text(1 - nothing)} = {text(Fraction(b, a + b))}.",
            f"E = {text(Fraction(a, a + b))}·{first} + {text(Fraction(b, a + b))}·{second} = {text(mean)}.",
            f"x = ({text(mean)} + 0.5)·{text(cell)} {equals(value, 1)} px.",
        ),
        places=1,
        unit="px",
        slips=(
            mean * cell,
            (lost + Fraction(1, 2)) * cell,
            (lost + nothing * cells + Fraction(1, 2)) * cell,
            (first + Fraction(1, 2)) * cell,
            (second + Fraction(1, 2)) * cell,
        ),
    )


GENERATORS = (line_iou_of_lanes, tusimple_accuracy_of_lanes, decoded_column)
