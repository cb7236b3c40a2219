"""Receptive fields of stacked layers."""

from __future__ import annotations

from itertools import accumulate
from math import prod
from random import Random

from grader.model import Question
from grader.questions.generated.form import generator, listed, number


@generator("classification", level=2, skills=("architecture", "shapes"))
def receptive_field(rng: Random) -> Question:
    """The window of the input that one output of convolutions and pools sees."""
    count = rng.choice((3, 3, 4))
    layers = [(rng.choice((3, 3, 5, 7)), rng.choice((1, 2))) for _ in range(count)]
    if rng.random() < 0.5:
        layers[rng.randrange(1, count)] = (2, 2)  # a pool
    field, jump, steps = 1, 1, []
    for k, s in layers:
        steps.append(f"{k}×{k}: r = {field} + ({k} − 1)·{jump} = {field + (k - 1) * jump}, jump {jump * s}.")
        field, jump = field + (k - 1) * jump, jump * s
    described = [
        f"max-pool {k}×{k} stride {s}" if k == 2 else f"convolution {k}×{k} stride {s}" for k, s in layers
    ]
    return number(
        f"Layers in a row: {', then '.join(described)}. No dilation; ignore the borders. "
        "How many input pixels wide is the window that one output value sees?",
        field,
        why=(
            "Start with r = 1 and jump 1; each layer adds (k − 1)·jump, then its stride multiplies the jump.",
            *steps,
        ),
        unit="px",
        slips=(1 + sum(k - 1 for k, _ in layers), prod(k for k, _ in layers), jump),
    )


@generator("semantic_segmentation", level=2, skills=("architecture", "trade-offs"))
def dilated_receptive_field(rng: Random) -> Question:
    """The window that a stack of dilated convolutions sees."""
    k = rng.choice((3, 3, 5))
    dilations = [rng.choice((1, 2, 3, 4, 5, 8)) for _ in range(rng.choice((2, 3, 4)))]
    fields = list(accumulate(((k - 1) * d for d in dilations), initial=1))
    return number(
        f"Convolutions {k}×{k} with stride 1 and dilations {listed(dilations)} stand in a row. "
        "How many input pixels wide is the window that one output value sees?",
        fields[-1],
        why=(
            "With stride 1 each layer adds (k − 1)·d to the window, which starts at 1.",
            *(
                f"Dilation {d}: {before} + {k - 1}·{d} = {after}."
                for d, before, after in zip(dilations, fields, fields[1:], strict=False)
            ),
        ),
        unit="px",
        slips=(1 + (k - 1) * len(dilations), sum(1 + (k - 1) * d for d in dilations), fields[-1] - 1),
    )


GENERATORS = (receptive_field, dilated_receptive_field)
