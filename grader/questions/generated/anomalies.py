"""Anomalies: how well scores rank defects, and how far features lie from what is normal."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, one, require, text

Point = tuple[int, int]

# Legs and hypotenuse of right triangles, so that no root has to be rounded.
_TRIANGLES = ((3, 4, 5), (6, 8, 10), (5, 12, 13), (8, 15, 17))


@generator("anomaly_detection", level=2, skills=("metric",), kata="anomaly_detection/auroc")
def auroc_with_ties(rng: Random) -> Question:
    """The area under the ROC curve of a handful of scores, some of which tie."""
    defects = sorted((Fraction(rng.randint(2, 9), 10) for _ in range(rng.choice((2, 3)))), reverse=True)
    normal = sorted((Fraction(rng.randint(1, 8), 10) for _ in range(rng.choice((3, 4)))), reverse=True)
    won = [sum(d > n for n in normal) for d in defects]
    tied = [sum(d == n for n in normal) for d in defects]
    pairs = len(defects) * len(normal)
    wins, ties = sum(won), sum(tied)
    require(ties >= 1 and wins >= 2 and wins + ties < pairs)
    half = Fraction(1, 2)
    value = (wins + ties * half) / pairs
    return number(
        f"Defective images have the anomaly scores {listed(defects)}, normal images {listed(normal)}; higher "
        "means more anomalous. What is the AUROC, if a tie of a defective and a normal image counts one "
        "half? To two decimals.",
        value,
        why=(
            f"There are {len(defects)}·{len(normal)} = {pairs} pairs of a defective and a normal image.",
            *(
                f"Defect {text(d)}: {w} won, {t} tied, {len(normal) - w - t} lost."
                for d, w, t in zip(defects, won, tied, strict=True)
            ),
            f"AUROC = ({wins} + {ties}/2) / {pairs} {equals(value, 2)}.",
        ),
        places=2,
        slips=(Fraction(wins, pairs), Fraction(wins + ties, pairs), 1 - value),
    )


@generator(
    "anomaly_detection", level=2, skills=("metric", "numerics"), kata="anomaly_detection/mahalanobis_map"
)
def mahalanobis_of_two(rng: Random) -> Question:
    """The Mahalanobis distance of two features that do not vary together."""
    a, b, length = rng.choice(_TRIANGLES)
    if rng.random() < 0.5:
        a, b = b, a
    part = rng.choice((1, 2)) if a > 4 or b > 4 else 1
    spread = rng.sample((1, 2, 3, 4, 5, 10), 2)
    off = [
        Fraction(a * spread[0], part) * rng.choice((-1, 1)),
        Fraction(b * spread[1], part) * rng.choice((-1, 1)),
    ]
    mean = [rng.randint(2, 20), rng.randint(2, 20)]
    found = [m + d for m, d in zip(mean, off, strict=True)]
    value = Fraction(length, part)
    steps = [Fraction(a, part), Fraction(b, part)]
    by_variance = [d / s**2 for d, s in zip(off, spread, strict=True)]
    return number(
        f"Two features of normal patches have the mean ({listed(mean)}) and the covariance matrix "
        f"diag({listed(s * s for s in spread)}). A patch has the features ({listed(found)}). What is its "
        "Mahalanobis distance (with the square root) from the mean?",
        value,
        why=(
            f"The differences from the mean are {text(off[0])} and {text(off[1])}.",
            f"The covariance holds variances; the standard deviations are √{spread[0] ** 2} = {spread[0]} "
            f"and √{spread[1] ** 2} = {spread[1]}.",
            f"In standard deviations they are {text(steps[0])} and {text(steps[1])} long.",
            f"Distance: √({text(steps[0])}² + {text(steps[1])}²) = {text(value)}.",
        ),
        slips=(
            value**2,
            sum(steps),
            float(off[0] ** 2 + off[1] ** 2) ** 0.5,
            float(by_variance[0] ** 2 + by_variance[1] ** 2) ** 0.5,
        ),
    )


def _squared(p: Point, q: Point) -> int:
    return (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2


def _points(rng: Random, count: int) -> list[Point]:
    places = rng.sample(range(100), count)
    return [(place // 10, place % 10) for place in places]


def _place(point: Point) -> str:
    return f"({point[0]}, {point[1]})"


@generator(
    "anomaly_detection", level=2, skills=("numerics", "trade-offs"), kata="anomaly_detection/greedy_coreset"
)
def coreset_next_pick(rng: Random) -> Question:
    """The point that greedy k-centre selection takes after two chosen ones."""
    names = dict(zip("ABCDEF", _points(rng, 6), strict=True))
    chosen, rest = ("A", "B"), tuple("CDEF")
    near = {p: min(_squared(names[p], names[c]) for c in chosen) for p in rest}
    closer = {p: min(chosen, key=lambda c: _squared(names[p], names[c])) for p in rest}
    total = {p: sum(_squared(names[p], names[c]) ** 0.5 for c in chosen) for p in rest}
    latest = {p: _squared(names[p], names["B"]) for p in rest}
    best = max(rest, key=lambda p: near[p])
    require(sorted(near.values())[-2] < near[best])
    require(all(_squared(names[p], names["A"]) != _squared(names[p], names["B"]) for p in rest))
    tempting = {
        max(rest, key=lambda p: latest[p]): "It is the farthest from B, the last one taken, but",
        max(rest, key=lambda p: total[p]): "Its distances to A and B add up to the most, but",
        min(rest, key=lambda p: near[p]): "It is the closest to the chosen points:",
    }
    require(any("closest" not in said for p, said in tempting.items() if p != best))
    wrong = []
    for p in rest:
        if p != best:
            lead = tempting.get(p, "It is covered better:")
            wrong.append((p, f"{lead} {closer[p]} lies at √{near[p]}, closer than √{near[best]}."))
    shown = ", ".join(f"{name} {_place(point)}" for name, point in names.items())
    return one(
        rng,
        f"A memory bank holds six points: {shown}. Greedy k-centre selection with Euclidean distance has "
        "taken A and B. Which point does it take next?",
        best,
        wrong=wrong,
        why=(
            "For each point left, only the nearest chosen point counts:",
            *(
                f"{p}: to {closer[p]}, ({names[p][0]} − {names[closer[p]][0]})² + "
                f"({names[p][1]} − {names[closer[p]][1]})² = {near[p]}, distance √{near[p]}."
                for p in rest
            ),
            f"The worst covered of them is {best}, so it is taken: the greatest distance to a centre falls.",
        ),
    )


@generator(
    "anomaly_detection",
    level=2,
    skills=("metric", "post-processing"),
    kata="anomaly_detection/patchcore_score",
)
def nearest_patch_score(rng: Random) -> Question:
    """The score of an image: the largest of its patches' distances to their nearest neighbours."""
    points = _points(rng, 5)
    patches, bank = points[:2], points[2:]
    squares = [[_squared(p, m) for m in bank] for p in patches]
    near = [min(row) for row in squares]
    require(near[0] != near[1])
    score = isqrt(max(near))
    require(score**2 == max(near))
    roots = [n**0.5 for n in near]
    return number(
        "A memory bank of normal patches holds the features "
        f"{', '.join(map(_place, bank))}. An image has two patches with the features "
        f"{' and '.join(map(_place, patches))}. The score of a patch is the Euclidean distance to its "
        "nearest neighbour in the bank, the score of the image is the largest score of a patch. What is "
        "the score of the image?",
        score,
        why=(
            *(
                f"Patch {_place(p)}: squared distances {listed(row)}; the smallest is {min(row)}."
                for p, row in zip(patches, squares, strict=True)
            ),
            f"The larger of {listed(near)} is {max(near)}.",
            f"Score: √{max(near)} = {score}. The patch that is worst explained decides.",
        ),
        slips=(min(roots), sum(roots) / 2, max(max(row) for row in squares) ** 0.5, max(near)),
    )


GENERATORS = (auroc_with_ties, mahalanobis_of_two, coreset_next_pick, nearest_patch_score)
