"""Optical flow: errors, outliers, resizing, consistency, the loss of a sequence."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, one, plus, require, text

TRIPLES = ((3, 4, 5), (6, 8, 10), (5, 12, 13), (0, 2, 2), (1, 0, 1), (0, 7, 7), (8, 6, 10), (4, 3, 5))
"""Right-angled vectors with a whole length."""


def _vector(rng: Random) -> tuple[int, int, int]:
    """Draw a vector with signs, and its length."""
    x, y, length = rng.choice(TRIPLES)
    return rng.choice((-1, 1)) * x, rng.choice((-1, 1)) * y, length


@generator("optical_flow", level=1, skills=("metric",))
def mean_endpoint_error(rng: Random) -> Question:
    """The mean end-point error over valid pixels, or the MSE of the same errors."""
    errors = [_vector(rng) for _ in range(4)]
    truth = [(rng.randint(-5, 15), rng.randint(-5, 15)) for _ in range(4)]
    guess = [(u + e[0], v + e[1]) for (u, v), e in zip(truth, errors, strict=True)]
    hidden = rng.randrange(4)
    lengths = [e[2] for i, e in enumerate(errors) if i != hidden]
    require(len(set(lengths)) >= 2)
    value = Fraction(sum(lengths), 3)
    kept = [e for i, e in enumerate(errors) if i != hidden]
    rows = "\n".join(
        f"- pixel {i + 1}{' (not valid)' if i == hidden else ''}: true `{truth[i]}`, predicted `{guess[i]}`"
        for i in range(4)
    )
    return number(
        f"Flow vectors `(u, v)` in pixels:\n\n{rows}\n\nWhat is the mean end-point error over the valid "
        "pixels? "
        "To two decimals.",
        value,
        why=(
            f"Pixel {hidden + 1} is left out. The differences of the others are "
            f"{', '.join(f'({e[0]}, {e[1]})' for e in kept)}.",
            f"Their lengths √(du² + dv²) are {listed(lengths)}.",
            f"Mean: {sum(lengths)} / 3 {equals(value, 2)} px.",
        ),
        places=2,
        unit="px",
        slips=(
            Fraction(sum(e[2] for e in errors), 4),
            Fraction(sum(lengths), 4),
            Fraction(sum(e[0] ** 2 + e[1] ** 2 for e in kept), 6),
            Fraction(sum(abs(e[0]) + abs(e[1]) for e in kept), 6),
            Fraction(sum(e[2] ** 2 for e in kept), 3),
        ),
    )


@generator("optical_flow", level=2, skills=("metric", "loss"))
def mse_of_flow(rng: Random) -> Question:
    """What ``nn.MSELoss`` says of errors whose end-point error is easy to see."""
    errors = [_vector(rng) for _ in range(2)]
    squares = sum(e[2] ** 2 for e in errors)
    value = Fraction(squares, 4)
    mean = Fraction(sum(e[2] for e in errors), 2)
    require(errors[0][2] != errors[1][2])
    return number(
        f"A flow prediction of shape `[1, 2, 1, 2]` is off by ({errors[0][0]}, {errors[0][1]}) px at one "
        "pixel "
        f"and by ({errors[1][0]}, {errors[1][1]}) px at the other. What does `nn.MSELoss()` give?",
        value,
        why=(
            "`nn.MSELoss` takes the mean over all elements: 2 channels times 2 pixels.",
            f"Squares: {' + '.join(str(c * c) for e in errors for c in e[:2])} = {squares}, divided by 4: "
            f"{text(value)}.",
            f"The mean end-point error of the same field is ({errors[0][2]} + {errors[1][2]}) / 2 = "
            f"{text(mean)} px.",
        ),
        slips=(mean, Fraction(squares, 2), squares),
    )


@generator("optical_flow", level=2, skills=("metric",))
def flow_outliers(rng: Random) -> Question:
    """KITTI's share of outliers, which needs both an absolute and a relative error."""
    # Errors are counted in halves of a pixel: 3 px are 6, and 5 % of a length L are L / 10.
    pixels = [
        (rng.choice((10, 20, 40, 50, 80, 100, 120)), rng.choice((1, 2, 4, 5, 7, 9, 12))) for _ in range(5)
    ]
    far = [halves > 6 for _, halves in pixels]
    steep = [10 * halves > length for length, halves in pixels]
    absolute, relative = sum(far), sum(steep)
    count = sum(f and s for f, s in zip(far, steep, strict=True))
    require(0 < count < absolute and relative != count)
    require(all(10 * halves != length for length, halves in pixels))
    rows = "\n".join(
        f"- true length {length} px, error {text(Fraction(halves, 2))} px" for length, halves in pixels
    )
    return number(
        f"End-point errors at five valid pixels:\n\n{rows}\n\nKITTI's Fl counts a pixel as an outlier if its "
        "error exceeds 3 px and also exceeds 5 % of the true length. What is Fl, in percent?",
        20 * count,
        why=(
            f"5 % of the lengths: {listed(Fraction(length, 20) for length, _ in pixels)} px.",
            f"Above 3 px are {absolute} errors, above 5 % are {relative}, above both {count}.",
            f"{count} / 5 = {text(Fraction(count, 5))}, or {20 * count} %.",
        ),
        unit="%",
        slips=(20 * absolute, 20 * relative),
    )


@generator("optical_flow", level=2, skills=("data", "numerics"))
def resized_flow(rng: Random) -> Question:
    """What becomes of a flow vector when the field is resized."""
    h, w = rng.sample((100, 120, 160, 200, 240, 320), 2)
    up, across = rng.sample((Fraction(1, 2), Fraction(1, 4), Fraction(2), Fraction(3, 2), Fraction(3)), 2)
    require((up * h).denominator == 1 and (across * w).denominator == 1)
    u, v = rng.choice((-1, 1)) * 4 * rng.randint(1, 6), rng.choice((-1, 1)) * 4 * rng.randint(1, 6)
    require(abs(u) != abs(v))

    def vector(x: Fraction | int, y: Fraction | int) -> str:
        return f"({text(x, 2)}, {text(y, 2)})"

    return one(
        rng,
        f"A flow field of {h}×{w} (height × width) holds ({u}, {v}) at some pixel, horizontal component "
        "first. "
        f"The field is resized to {text(up * h)}×{text(across * w)} for images resized likewise. Which "
        "vector "
        "belongs at the corresponding pixel?",
        vector(u * across, v * up),
        wrong=(
            (
                vector(u, v),
                "Interpolation only moves values; displacements in pixels must be scaled as well.",
            ),
            (
                vector(u * up, v * across),
                "The horizontal component scales with the width, the other with height.",
            ),
            (vector(u / across, v / up), "Larger images mean larger displacements: multiply, do not divide."),
            (vector(u * up, v * up), "Each component has its own factor."),
        ),
        why=(
            f"Width: {text(across * w)} / {w} = {text(across)}; height: {text(up * h)} / {h} = {text(up)}.",
            f"Horizontal: {u}·{text(across)} = {text(u * across)}; vertical: {v}·{text(up)} = "
            f"{text(v * up)}.",
            f"So {vector(u * across, v * up)}.",
        ),
    )


@generator("optical_flow", level=2, skills=("post-processing", "data"))
def round_trip(rng: Random) -> Question:
    """The forward-backward error, read where the forward flow leads."""
    x, y = rng.randint(20, 60), rng.randint(20, 60)
    u, v = rng.choice((-1, 1)) * rng.randint(2, 12), rng.choice((-1, 1)) * rng.randint(2, 12)
    rest, stray = _vector(rng), _vector(rng)
    require(rest[2] != stray[2])
    there, here, behind = (-u + rest[0], -v + rest[1]), (-u + stray[0], -v + stray[1]), (-u, -v)
    rows = [f"- `F_bw({x + u}, {y + v}) = {there}`", f"- `F_bw({x}, {y}) = {here}`"]
    rows.append(f"- `F_bw({x - u}, {y - v}) = {behind}`")
    rng.shuffle(rows)
    subtracted = isqrt((u - there[0]) ** 2 + (v - there[1]) ** 2)
    return number(
        f"At pixel (x, y) = ({x}, {y}) of image 1 the forward flow is `({u}, {v})`. The backward flow "
        "`F_bw` of "
        "image 2 holds:\n\n" + "\n".join(rows) + "\n\nHow long is the vector that remains after going there "
        "and back, in pixels?",
        rest[2],
        why=(
            f"The pixel lands at ({x} {plus(u)}, {y} {plus(v)}) = ({x + u}, {y + v}): read the backward "
            "flow there.",
            f"Sum: ({u}, {v}) + ({there[0]}, {there[1]}) = ({rest[0]}, {rest[1]}).",
            f"Length: √({rest[0] ** 2} + {rest[1] ** 2}) = {rest[2]} px. A large rest means an occlusion or "
            "a wrong flow.",
        ),
        unit="px",
        slips=(stray[2], 0, subtracted),
    )


@generator("optical_flow", level=2, skills=("loss", "training"))
def sequence_loss(rng: Random) -> Question:
    """The loss of a refining net: later estimates weigh more."""
    steps = rng.choice((3, 3, 4))
    gamma = Fraction(rng.choice((5, 8, 9)), 10)
    errors = sorted((rng.randint(1, 12) for _ in range(steps)), reverse=True)
    require(errors[0] > errors[-1])
    weights = [gamma ** (steps - i) for i in range(1, steps + 1)]
    value = sum((w * e for w, e in zip(weights, errors, strict=True)), Fraction(0))
    backwards = sum(w * e for w, e in zip(reversed(weights), errors, strict=True))
    return number(
        f"A refining flow net gives {steps} estimates whose L1 errors are {listed(errors)}, first to last. "
        f"Estimate i of N is weighted with γ^(N − i), γ = {text(gamma)}, and the terms are summed. What is "
        "the "
        "loss? To two decimals.",
        value,
        why=(
            f"Weights, first to last: {listed(weights)}; the last estimate counts fully.",
            "Terms: "
            + ", ".join(f"{text(w)}·{e} = {text(w * e)}" for w, e in zip(weights, errors, strict=True))
            + ".",
            f"Sum {equals(value, 2)}.",
        ),
        places=2,
        slips=(backwards, gamma * value, sum(errors), value / steps),
    )


GENERATORS = (mean_endpoint_error, mse_of_flow, flow_outliers, resized_flow, round_trip, sequence_loss)
