"""Upscaling: how far a prediction is off in dB, what a shuffle does to a shape, what enlarging costs."""

from __future__ import annotations

from fractions import Fraction
from math import log10
from random import Random

from grader.model import Question
from grader.questions.generated.form import brackets, equals, generator, number, one, require, shape, text

# Four differences by their mean square, with the logarithm of that mean to one decimal.
_PATCHES: tuple[tuple[int, str, tuple[int, int, int, int]], ...] = (
    (1, "0", (1, 1, 1, 1)),
    (1, "0", (2, 0, 0, 0)),
    (2, "0.3", (2, 2, 0, 0)),
    (4, "0.6", (2, 2, 2, 2)),
    (4, "0.6", (4, 0, 0, 0)),
    (5, "0.7", (3, 3, 1, 1)),
    (5, "0.7", (4, 2, 0, 0)),
    (1, "0", (4, 4, 2, 2)),
    (1, "0", (6, 2, 0, 0)),
    (2, "0.3", (6, 6, 2, 2)),
    (2, "0.3", (8, 4, 0, 0)),
)


@generator("super_resolution", level=1, skills=("metric", "numerics"), kata="super_resolution/psnr_y")
def psnr_of_a_patch(rng: Random) -> Question:
    """The PSNR of a handful of pixels."""
    lead, log, sizes = rng.choice(_PATCHES)
    unit = rng.choice((10, 100))
    off = [size * rng.choice((-1, 1)) for size in rng.sample(sizes, 4)]
    truth = [rng.randint(unit // 10, unit * 9 // 10) for _ in off]
    found = [t + d for t, d in zip(truth, off, strict=True)]
    require(all(0 <= value <= unit for value in found) and max(sizes) <= unit // 2)
    squares = [Fraction(d * d, unit * unit) for d in off]
    error = sum(squares, Fraction(0)) / 4
    power = next(p for p in range(1, 6) if error == Fraction(lead, 10**p))
    value = 10 * (power - Fraction(log))
    absolute = sum(Fraction(abs(d), unit) for d in off) / 4
    given = f" Use log₁₀ {lead} ≈ {log}." if lead > 1 else ""
    step, times = (f"10·({power} − {log})", f"{lead}·") if lead > 1 else (f"10·{power}", "")
    return number(
        f"Four pixels of the true image are {_decimals(truth, unit)}; the prediction has "
        f"{_decimals(found, unit)}. Values lie in [0, 1], and MAX is 1.{given} What is the PSNR of these "
        "four pixels? To one decimal.",
        value,
        why=(
            f"Differences: {_decimals(off, unit)}.",
            f"MSE: ({' + '.join(text(square, 4) for square in squares)}) / 4 = {text(error, 4)}.",
            "PSNR = 10·log₁₀(MAX² / MSE), here with MAX = 1.",
            f"{text(error, 4)} is {times}10^−{power}, so it is {step} = {text(value)} dB.",
        ),
        places=1,
        unit="dB",
        slips=(2 * value, value / 2, -value, value + 20 * Fraction(2406, 1000), -10 * log10(4 * error))
        + (-10 * log10(absolute), -20 * log10(absolute)) * (absolute**2 != error),
    )


def _decimals(values: list[int], unit: int) -> str:
    return ", ".join(text(Fraction(value, unit)) for value in values)


@generator("super_resolution", level=2, skills=("shapes",), kata="super_resolution/pixel_shuffle")
def shuffled_shape(rng: Random) -> Question:
    """The shape behind a pixel unshuffle, a convolution and a pixel shuffle, or two of them."""
    down, up = rng.choice(((1, 2), (1, 3), (1, 4), (2, 1), (4, 1), (2, 4), (2, 2), (4, 2), (2, 3)))
    batch, channels = rng.randint(1, 8), rng.choice((1, 3, 8))
    h, w = (side * down for side in rng.sample(range(10, 41), 2))
    out = rng.choice((1, 3)) if up > 1 else rng.choice((16, 32, 64))
    inner, wide = channels * down**2, out * up**2
    result = (batch, out, h // down * up, w // down * up)
    require(result != (batch, channels, h, w))
    layers, steps = [], []
    if down > 1:
        layers.append(f"`nn.PixelUnshuffle({down})`")
        steps.append(
            f"Unshuffle: each {down}×{down} block becomes channels, {channels}·{down}² = {inner} of them: "
            f"`{brackets((batch, inner, h // down, w // down))}`."
        )
    layers.append(f"`nn.Conv2d({inner}, {wide}, kernel_size=3, padding=1)`")
    steps.append(
        f"The convolution changes only the channels: `{brackets((batch, wide, h // down, w // down))}`."
    )
    if up > 1:
        layers.append(f"`nn.PixelShuffle({up})`")
        steps.append(
            f"Shuffle: {wide} channels become {wide} / {up}² = {out}, both sides are multiplied by {up}: "
            f"`{brackets(result)}`."
        )
    return shape(
        f"A tensor of shape `{brackets((batch, channels, h, w))}` goes through {', then '.join(layers)}. "
        "What is the shape of the output?",
        result,
        why=steps,
    )


@generator("super_resolution", level=2, skills=("architecture", "numerics"))
def overlaps_of_a_kernel(rng: Random) -> Question:
    """How many inputs reach each output of a transposed convolution."""
    s = rng.choice((2, 3, 4))
    k = rng.randint(s, 9)
    h, w = rng.sample(range(12, 41), 2)
    least, most = k // s, -(-k // s)
    even = least == most
    answer = f"{most**2} at every pixel" if even else f"between {least**2} and {most**2}"
    other = f"between {(most - 1) ** 2} and {most**2}" if even else f"{most**2} at every pixel"
    return one(
        rng,
        f"`nn.ConvTranspose2d(1, 1, kernel_size={k}, stride={s})` enlarges a map of {h}×{w}. Away from the "
        "borders, how many input pixels contribute to an output pixel?",
        answer,
        wrong=(
            (
                other,
                f"The stride {s} divides the kernel {k}, so no output is reached more often than another."
                if even
                else f"The stride {s} does not divide the kernel {k}, so the number changes across pixels.",
            ),
            (
                f"{most} at every pixel" if even else f"between {least} and {most}",
                "That is along one axis; rows and columns multiply.",
            ),
            (
                f"{k * k} at every pixel",
                f"One input reaches {k}·{k} outputs; the question is the other way round.",
            ),
            (f"{s * s} at every pixel", f"{s}·{s} is how many times more pixels there are."),
        ),
        why=(
            f"Along one axis, copies of a kernel of {k} start every {s} pixels. Over any pixel lie "
            + (
                f"{k} / {s} = {most} of them."
                if even
                else f"{least} or {most} of them, as {s} does not divide {k}."
            ),
            f"Rows and columns multiply: {most}·{most} = {most**2}."
            if even
            else f"Rows and columns multiply: {least}·{least} = {least**2} to {most}·{most} = {most**2}.",
            f"So it is {answer}" + ("." if even else ": a checkerboard, unless the weights make up for it."),
        ),
    )


@generator(
    "super_resolution",
    level=3,
    skills=("architecture", "trade-offs"),
    kata="super_resolution/edsr_lite",
)
def enlarged_first_or_last(rng: Random) -> Question:
    """How many times dearer a network is that works on the enlarged image."""
    s, ch, layers = rng.choice((2, 3, 4)), rng.choice((8, 16, 32, 64)), rng.randint(1, 8)
    head, body = 27 * ch, layers * 9 * ch * ch
    small = head + body + 27 * ch * s * s
    large = head + body + 27 * ch
    value = Fraction(s * s * large, small)
    return number(
        f"Two networks enlarge colour images by {s}, with a 3×3 convolution from 3 to {ch} channels, then "
        f"{layers} of 3×3 from {ch} to {ch}, then one of 3×3 to the output. A stays on the small image: its "
        f"last convolution gives 3·{s}² channels, and pixel shuffle follows. B works on the image that "
        "bicubic interpolation has enlarged, and its last convolution gives 3 channels. How many times as "
        "many multiplications as A's do B's convolutions need? All keep the height and width of their input, "
        "and products with padded zeros count. To one decimal.",
        value,
        why=(
            f"A, for each small pixel: 9·3·{ch} + {layers}·9·{ch}·{ch} + 9·{ch}·{3 * s * s} = {small:,}.",
            f"B, for each large pixel: 9·3·{ch} + {layers}·9·{ch}·{ch} + 9·{ch}·3 = {large:,}.",
            f"There are {s}² = {s * s} large pixels for each small one: {s * s}·{large:,} / {small:,} "
            f"{equals(value, 1)}.",
            f"Less than {s * s}, since A's last convolution has to write all the fine pixels as channels.",
        ),
        places=1,
        slips=(s * s, s, Fraction(large, small), Fraction(small, large), 2 * s),
    )


GENERATORS = (psnr_of_a_patch, shuffled_shape, overlaps_of_a_kernel, enlarged_first_or_last)
