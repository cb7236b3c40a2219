"""Quality of dense predictions: mIoU, Dice, PSNR."""

from __future__ import annotations

from fractions import Fraction
from math import log10
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, number, require, text


@generator("semantic_segmentation", level=2, skills=("metric",))
def miou_from_confusion(rng: Random) -> Question:
    """Mean IoU from a confusion matrix of three classes."""
    matrix = [
        [rng.randint(0, 9) + (20 if i == j else 0) * rng.randint(0, 2) for j in range(3)] for i in range(3)
    ]
    rows = [sum(row) for row in matrix]
    columns = [sum(matrix[i][j] for i in range(3)) for j in range(3)]
    require(all(matrix[i][i] > 0 for i in range(3)) and rows != columns)
    unions = [rows[i] + columns[i] - matrix[i][i] for i in range(3)]
    ious = [Fraction(matrix[i][i], unions[i]) for i in range(3)]
    value = sum(ious, Fraction(0)) / 3
    trace = sum(matrix[i][i] for i in range(3))
    drawn = "\n".join(f"- true class {i}: `{matrix[i]}`" for i in range(3))
    return number(
        "A confusion matrix of pixels, one row per true class, one column per predicted "
        f"class:\n\n{drawn}\n\n"
        "What is the mean IoU? To two decimals.",
        value,
        why=(
            *(
                f"Class {i}: {matrix[i][i]} / ({rows[i]} + {columns[i]} − {matrix[i][i]}) = "
                f"{matrix[i][i]}/{unions[i]} {equals(ious[i])}."
                for i in range(3)
            ),
            f"Mean: {equals(value, 2).lstrip('=≈ ')}. Pixel accuracy would be {trace}/{sum(rows)} "
            f"{equals(Fraction(trace, sum(rows)), 2)}.",
        ),
        places=2,
        slips=(
            Fraction(trace, sum(rows)),
            sum(Fraction(matrix[i][i], rows[i]) for i in range(3)) / 3,
            sum(Fraction(matrix[i][i], columns[i] or 1) for i in range(3)) / 3,
            sum(Fraction(matrix[i][i], rows[i] + columns[i]) for i in range(3)) / 3,
        ),
    )


@generator("semantic_segmentation", level=1, skills=("metric", "data"))
def background_everywhere(rng: Random) -> Question:
    """The mean IoU of a net that always answers with the largest class."""
    classes, percent = rng.choice((2, 3, 4, 5)), rng.choice((55, 60, 65, 70, 75, 80, 85, 90, 92, 95, 97, 98))
    value = Fraction(percent, 100 * classes)
    return number(
        f"A data set has {classes} classes, all of which occur; {percent} % of the pixels are background, "
        "which "
        "is one of them. A net answers background everywhere. What is its mean IoU over the "
        f"{classes} classes, between 0 and 1? To three decimals.",
        value,
        why=(
            f"Background: all {percent} % are found, and the union is every pixel: IoU {percent / 100:g}.",
            f"The other {'class has' if classes == 2 else f'{classes - 1} classes have'} IoU 0.",
            f"Mean: {percent / 100:g} / {classes} {equals(value)}, while pixel accuracy is "
            f"{percent / 100:g}.",
        ),
        places=3,
        slips=(Fraction(percent, 100), Fraction(1, classes)),
    )


@generator("semantic_segmentation", level=1, skills=("metric", "loss"))
def dice_from_counts(rng: Random) -> Question:
    """Dice of a binary mask from counts of pixels."""
    hits, extra, missed = rng.randint(10, 80), rng.randint(5, 60), rng.randint(5, 60)
    rest = rng.randrange(100, 901, 50)
    value = Fraction(2 * hits, 2 * hits + extra + missed)
    jaccard = Fraction(hits, hits + extra + missed)
    require(extra != missed)
    return number(
        f"A binary mask has {hits} true-positive, {extra} false-positive, {missed} false-negative and {rest} "
        "true-negative pixels. What is the Dice coefficient? To two decimals.",
        value,
        why=(
            "Dice = 2·TP / (2·TP + FP + FN); true negatives play no part.",
            f"2·{hits} / (2·{hits} + {extra} + {missed}) = {2 * hits}/{2 * hits + extra + missed} "
            f"{equals(value, 2)}.",
            f"IoU would be {hits}/{hits + extra + missed} {equals(jaccard, 2)}; Dice = 2·IoU / (1 + IoU).",
        ),
        places=2,
        slips=(
            jaccard,
            Fraction(hits, hits + extra),
            Fraction(hits, hits + missed),
            Fraction(hits + rest, hits + extra + missed + rest),
        ),
    )


@generator("optical_flow", level=2, skills=("metric", "numerics"))
def psnr_from_mse(rng: Random) -> Question:
    """The mean PSNR of two frames that were interpolated along a flow."""
    factors = {1: "0", 2: "0.3", 4: "0.6", 5: "0.7"}
    logs = {1: Fraction(0), 2: Fraction(3, 10), 4: Fraction(6, 10), 5: Fraction(7, 10)}
    parts = [(rng.choice((1, 2, 4, 5)), rng.randint(2, 4)) for _ in range(2)]
    require(parts[0] != parts[1])
    errors = [Fraction(lead, 10**power) for lead, power in parts]
    ratios = [10 * (power - logs[lead]) for lead, power in parts]
    value = sum(ratios, Fraction(0)) / 2
    joint = -10 * log10((errors[0] + errors[1]) / 2)
    require(abs(joint - float(value)) > 0.7)
    used = sorted({lead for lead, _ in parts} - {1})
    given = f" Use {', '.join(f'log₁₀ {lead} ≈ {factors[lead]}' for lead in used)}." if used else ""
    return number(
        "Two frames with values in [0, 1] are interpolated along an estimated flow. Their mean squared "
        "errors "
        f"are {text(errors[0], 4)} and {text(errors[1], 4)}.{given} What is the mean of the two PSNRs? "
        "To one decimal.",
        value,
        why=(
            "PSNR = 10·log₁₀(MAX² / MSE) with MAX = 1, for each frame by itself.",
            *(
                f"MSE {text(error, 4)} = {lead}·10^−{power}: 10·({power} − {factors[lead]}) = "
                f"{text(ratio)} dB."
                for error, (lead, power), ratio in zip(errors, parts, ratios, strict=True)
            ),
            f"Mean: {text(value, 1)} dB. The PSNR of the mean error, {joint:.1f} dB, is something else.",
        ),
        places=1,
        unit="dB",
        slips=(joint, value / 2, -value, 2 * value),
    )


GENERATORS = (miou_from_confusion, background_everywhere, dice_from_counts, psnr_from_mse)
