"""Holes in images: what partial convolutions know and return, and how much a hole weighs in a loss."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, number, one, plus, require, text

Mask = list[list[int]]


def _window(mask: Mask, y: int, x: int) -> Iterator[int]:
    """What lies in the 3×3 window around a place; nothing outside of the mask."""
    for row in mask[max(y - 1, 0) : y + 2]:
        yield from row[max(x - 1, 0) : x + 2]


def _written(mask: Mask) -> str:
    return ", ".join("".join(map(str, row)) for row in mask)


@generator("inpainting", level=2, skills=("architecture", "shapes"), kata="inpainting/partial_conv")
def partial_mask_update(rng: Random) -> Question:
    """How many cells a partial convolution knows, for a small mask."""
    h, w, stride = rng.randint(4, 6), rng.randint(4, 6), rng.choice((1, 1, 2))
    known = rng.sample(range(h * w), rng.choice((1, 2, 2, 3)))
    mask = [[int(y * w + x in known) for x in range(w)] for y in range(h)]
    rows, columns = range(0, h, stride), range(0, w, stride)
    new = [[int(any(_window(mask, y, x))) for x in columns] for y in rows]
    cells, value = len(rows) * len(columns), sum(map(sum, new))
    require(3 <= value < cells)
    flat = sum(mask[y][x] for y in rows for x in columns)
    return number(
        f"A mask has the rows {_written(mask)}, where 1 is known and 0 is hole. A partial convolution, 3×3 "
        f"with stride {stride} and padding 1, where padding counts as unknown, updates it. How many cells of "
        "the new mask are known?",
        value,
        why=(
            f"The new mask has {len(rows)}×{len(columns)} cells; one is known if any pixel of its window is.",
            *(f"Row {row}: {''.join(map(str, cell))}, {sum(cell)} known." for row, cell in enumerate(new, 1)),
            f"Together {' + '.join(str(sum(cell)) for cell in new)} = {value}.",
        ),
        slips=(cells - value, len(known), flat),
    )


@generator("inpainting", level=2, skills=("numerics",), kata="inpainting/partial_conv")
def partial_conv_value(rng: Random) -> Question:
    """What a 2×2 partial convolution returns at one place."""
    values, weights = (
        [rng.randint(1, 9) for _ in range(4)],
        [rng.choice((-2, -1, 1, 2, 3)) for _ in range(4)],
    )
    n, bias = rng.choice((1, 2, 2, 3)), rng.choice((-3, -2, -1, 1, 2, 3))
    seen = rng.sample(range(4), n)
    mask = [int(at in seen) for at in range(4)]
    products = [w * v for w, v in zip(weights, values, strict=True)]
    total, whole = sum(products[at] for at in seen), sum(products)
    first, *others = sorted(seen)
    terms = [f"{text(weights[first])}·{values[first]}"]
    terms += [f"{plus(weights[at])}·{values[at]}" for at in others]
    factor = Fraction(4, n)
    value = factor * total + bias
    require(total != 0 and whole != total and (factor * total).denominator == 1)

    def square(four: list[int]) -> str:
        return f"({four[0]}, {four[1]}; {four[2]}, {four[3]})"

    return number(
        "A partial convolution has one input and one output channel. In its 2×2 window lie the values "
        f"{square(values)}, row by row, under the mask {square(mask)}, 1 for known, 0 for hole. The weights "
        f"are {square(weights)}, the bias is {bias}. What does the layer return there?",
        value,
        why=(
            f"Only known pixels count: {' '.join(terms)} = {text(total)}.",
            f"Of 4 pixels {n} {'is' if n == 1 else 'are'} known, so the sum is scaled by 4/{n}: "
            f"{total}·4/{n} = {text(factor * total)}.",
            f"The bias is added after that: {text(factor * total)} {plus(bias)} = {text(value)}.",
        ),
        slips=(
            total + bias,
            factor * (total + bias),
            whole + bias,
            Fraction(total, n) + bias,
            factor * total,
        ),
    )


@generator("inpainting", level=2, skills=("architecture", "trade-offs"), kata="inpainting/partial_conv")
def layers_until_closed(rng: Random) -> Question:
    """How many partial convolutions it takes to close a hole."""
    k = rng.choice((3, 3, 5, 7))
    long, short = sorted(rng.sample(range(6, 41), 2), reverse=True)
    h, w = rng.choice(((long, short), (short, long)))
    reach = (k - 1) // 2
    at_edge = rng.random() < 0.4
    # At the upper border rows can only be closed from below, columns still from both sides.
    need_rows = -(-h // reach) if at_edge else -(-h // (2 * reach))
    need_columns = -(-w // (2 * reach))
    layers = min(need_rows, need_columns)
    larger = max(need_rows, need_columns)
    one_side = -(-min(h, w) // reach)
    by_kernel = -(-min(h, w) // k)
    place = (
        "touches the upper border of the image, far from the other three"
        if at_edge
        else ("lies far from the borders of the image")
    )
    wrong = (
        (larger, f"As soon as one direction is closed no hole is left; {layers} layers suffice."),
        (by_kernel, f"A window reaches {reach} beyond its centre, so a layer never closes {k} at once."),
        (one_side, "The hole shrinks from two opposite sides at once, unless the border is on one of them."),
        (-(-h * w // (k * k)), "Windows overlap: the hole shrinks from its rim and is not tiled."),
        (layers + 1, "By then it has been closed for a layer already."),
    )
    return one(
        rng,
        f"A hole of {h} rows and {w} columns {place}. Partial convolutions follow one another, {k}×{k} with "
        f"stride 1 and padding {reach}, where padding counts as unknown. After how many of them does the "
        "mask have no hole left?",
        str(layers),
        wrong=tuple((str(count), reason) for count, reason in wrong if count != layers),
        why=(
            f"Where its rim touches known pixels, a layer moves it inwards by ({k} − 1)/2 = {reach}.",
            f"Rows are closed from {'below only' if at_edge else 'above and below'}, "
            f"{reach if at_edge else 2 * reach} in each layer: {need_rows} layers.",
            f"Columns are closed from both sides, {2 * reach} in each layer: {need_columns} layers.",
            f"The hole is gone when the first of them is done: after {layers}.",
        ),
    )


@generator("inpainting", level=1, skills=("loss", "numerics"), kata="inpainting/composite_and_loss")
def hole_and_valid_loss(rng: Random) -> Question:
    """The two-part L1 loss from the mean errors in the hole and outside."""
    share = rng.choice((5, 10, 20, 25, 30, 40))
    hole, valid = Fraction(rng.randint(2, 9), 20), Fraction(rng.randint(1, 9), 100)
    weight = rng.choice((2, 4, 5, 6, 8, 10))
    q = Fraction(share, 100)
    parts = (weight * q * hole, (1 - q) * valid)
    value = sum(parts, Fraction(0))
    return number(
        f"The hole covers {share} % of an image. The mean absolute error of the raw output is {text(hole)} "
        f"in the hole and {text(valid)} elsewhere. The loss weighs the hole {weight} and known pixels 1; "
        "both sums of errors are divided by the number of elements of the whole image. What is the loss? "
        "To three decimals.",
        value,
        why=(
            f"Hole: {weight}·{text(q)}·{text(hole)} = {text(parts[0], 4)}.",
            f"Known: {text(1 - q)}·{text(valid)} = {text(parts[1], 4)}.",
            f"Together: {text(parts[0], 4)} + {text(parts[1], 4)} {equals(value, 3)}.",
        ),
        places=3,
        slips=(
            weight * hole + valid,
            (weight * hole + valid) / (weight + 1),
            weight * (1 - q) * hole + q * valid,
            parts[0] / weight + parts[1],
            parts[0] / weight + weight * parts[1],
        ),
    )


GENERATORS = (partial_mask_update, partial_conv_value, layers_until_closed, hole_and_valid_loss)
