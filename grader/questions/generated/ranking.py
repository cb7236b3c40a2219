"""Scores that rank or count: average precision, balanced accuracy, thresholds of COCO."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, require, text


@generator("detection", level=3, skills=("metric",))
def average_precision(rng: Random) -> Question:
    """All-point average precision from a ranking of hits and misses."""
    count, hits = rng.randint(4, 6), rng.choice((2, 3))
    objects = hits + rng.choice((0, 1, 2))
    right = [True] * hits + [False] * (count - hits)
    rng.shuffle(right)
    found, precisions = 0, []
    for rank, hit in enumerate(right, start=1):
        found += hit
        precisions.append(Fraction(found, rank))
    at_hits = [p for p, hit in zip(precisions, right, strict=True) if hit]
    smooth = [max(at_hits[i:]) for i in range(hits)]
    value = sum(smooth, Fraction(0)) / objects
    require(smooth != at_hits or objects > hits)
    slips = [precisions[-1], Fraction(hits, objects), sum(precisions, Fraction(0)) / count]
    if smooth != at_hits:
        slips.append(sum(at_hits, Fraction(0)) / objects)
    if objects > hits:
        slips.append(sum(smooth, Fraction(0)) / hits)
    ranking = ", ".join("right" if hit else "wrong" for hit in right)
    return number(
        f"A class has {objects} ground-truth objects. Its {count} detections, by falling score, are: "
        f"{ranking}. "
        "What is the average precision, as the area under the precision-recall curve after each precision is "
        "raised to the highest at any greater or equal recall? To two decimals.",
        value,
        why=(
            "Precision at each right detection: "
            f"{', '.join(f'{p.numerator}/{p.denominator}' for p in at_hits)}.",
            f"Raised from the right: {', '.join(f'{p.numerator}/{p.denominator}' for p in smooth)}.",
            f"Each of them holds for a recall step of 1/{objects}; objects never found add 0.",
            f"AP = ({' + '.join(f'{p.numerator}/{p.denominator}' for p in smooth)}) / {objects} "
            f"{equals(value, 2)}.",
        ),
        places=2,
        slips=slips,
    )


@generator("classification", level=2, skills=("metric", "data"), kata="classification/confusion_and_f1")
def balanced_accuracy(rng: Random) -> Question:
    """Mean recall over classes of very different size."""
    sizes = rng.sample((10, 20, 50, 100, 200), 3)
    right = [size * rng.randint(2, 9) // 10 for size in sizes]
    recalls = [Fraction(r, n) for r, n in zip(right, sizes, strict=True)]
    value = sum(recalls, Fraction(0)) / 3
    plain = Fraction(sum(right), sum(sizes))
    return number(
        f"Three classes have {listed(sizes)} test images, of which {listed(right)} are classified correctly. "
        "What is the balanced accuracy (the mean of the recalls of the classes), between 0 and 1? "
        "To two decimals.",
        value,
        why=(
            "Recalls: "
            + ", ".join(f"{r}/{n} = {text(q)}" for r, n, q in zip(right, sizes, recalls, strict=True))
            + ".",
            f"Mean: ({' + '.join(text(q) for q in recalls)}) / 3 {equals(value, 2)}.",
            f"Plain accuracy, {sum(right)} / {sum(sizes)} {equals(plain, 2)}, listens to the large classes "
            "most.",
        ),
        places=2,
        slips=(plain,),
    )


@generator("instance_segmentation", level=1, skills=("metric",))
def coco_thresholds(rng: Random) -> Question:
    """AP averaged over COCO's thresholds, when every object has one match of known quality."""
    overlaps = [
        Fraction(rng.choice([n for n in range(51, 95) if n % 5]), 100) for _ in range(rng.choice((1, 2)))
    ]
    thresholds = [Fraction(50 + 5 * step, 100) for step in range(10)]
    passed = [sum(value > t for t in thresholds) for value in overlaps]
    if len(overlaps) == 1:
        scene = (
            f"An image holds one object. A net predicts one mask for it, with mask IoU {text(overlaps[0])}."
        )
        value = Fraction(passed[0], 10)
        last = f"AP is 1 at those and 0 at the others: {passed[0]} / 10 = {text(value)}."
    else:
        require(overlaps[0] > overlaps[1] and passed[0] != passed[1])
        scene = (
            "Two classes have one object each. A net predicts one mask for each object, of the right "
            "class, with "
            f"mask IoU {text(overlaps[0])} and {text(overlaps[1])}."
        )
        value = Fraction(sum(passed), 20)
        last = f"The classes have AP {passed[0]}/10 and {passed[1]}/10; their mean is {text(value)}."
    return number(
        f"{scene} A mask counts as right at a threshold if its IoU reaches it. What is COCO's mask AP, the "
        "mean "
        "over the thresholds 0.50, 0.55, ..., 0.95 (and over classes), between 0 and 1?",
        value,
        why=(
            *(
                f"IoU {text(v)} reaches the {n} thresholds from 0.5 to {text(thresholds[n - 1])}."
                for v, n in zip(overlaps, passed, strict=True)
            ),
            last,
        ),
    )


GENERATORS = (average_precision, balanced_accuracy, coco_thresholds)
