"""Output sizes of convolution, pooling and transposed convolution, and what broadcasting makes of shapes."""

from __future__ import annotations

from random import Random

from grader.model import Question
from grader.questions.generated.form import brackets, generator, one, require, shape


def conv_size(n: int, k: int, *, s: int, p: int, d: int = 1) -> int:
    """Return the side that a convolution or a pooling makes of side ``n``."""
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


def transposed_size(n: int, k: int, *, s: int, p: int, extra: int = 0) -> int:
    """Return the side that a transposed convolution makes of side ``n``."""
    return (n - 1) * s - 2 * p + (k - 1) + extra + 1


def halved(n: int, times: int) -> int:
    """Return the side after ``times`` stages that each map n to ceil(n / 2)."""
    for _ in range(times):
        n = -(-n // 2)
    return n


@generator("classification", level=1, skills=("shapes",))
def conv_output_size(rng: Random) -> Question:
    """The output shape of a convolution with stride, padding and dilation."""
    batch, channels, filters = rng.randint(2, 8), rng.choice((3, 8, 16)), rng.choice((24, 32, 64))
    h, w = rng.sample(range(20, 65), 2)
    k, s, d = rng.choice((3, 5, 7)), rng.choice((1, 2, 2, 3)), rng.choice((1, 1, 2))
    p = rng.randint(0, 3)
    out_h, out_w = conv_size(h, k, s=s, p=p, d=d), conv_size(w, k, s=s, p=p, d=d)
    require((out_h, out_w) != (h, w))
    layer = f"nn.Conv2d({channels}, {filters}, kernel_size={k}, stride={s}, padding={p}, dilation={d})"
    result = (batch, filters, out_h, out_w)
    return shape(
        f"A tensor of shape `{brackets((batch, channels, h, w))}` goes through `{layer}`. "
        "What is the shape of the output?",
        result,
        why=(
            "A side becomes out = floor((n + 2p − d·(k − 1) − 1) / s) + 1.",
            f"Height: floor(({h} + 2·{p} − {d}·{k - 1} − 1) / {s}) + 1 = {out_h}.",
            f"Width: floor(({w} + 2·{p} − {d}·{k - 1} − 1) / {s}) + 1 = {out_w}.",
            f"The {filters} filters are the new channels and the batch stays: `{brackets(result)}`.",
        ),
    )


@generator("classification", level=2, skills=("shapes",))
def pool_floor_or_ceil(rng: Random) -> Question:
    """Pooling whose windows do not come out even, with and without ``ceil_mode``."""
    n, k, p = rng.randint(15, 64), rng.choice((2, 3, 5)), rng.choice((0, 0, 1))
    s = rng.choice((2, 3))
    up = rng.random() < 0.5
    span = n + 2 * p - k
    require(2 * p <= k and span % s != 0)
    floor, ceil = span // s + 1, -(-span // s) + 1
    require((ceil - 1) * s < n + p)  # else PyTorch drops a window that would start in the right padding
    answer, other = (ceil, floor) if up else (floor, ceil)
    unpadded = n - k
    bare = (-(-unpadded // s) if up else unpadded // s) + 1
    return one(
        rng,
        f"A {n}×{n} map goes through "
        f"`nn.MaxPool2d(kernel_size={k}, stride={s}, padding={p}, ceil_mode={up})`. What size comes out?",
        f"{answer}×{answer}",
        wrong=(
            (
                f"{other}×{other}",
                f"That rounds {span} / {s} {'down' if up else 'up'}; `ceil_mode={up}` rounds it "
                f"{'up' if up else 'down'}.",
            ),
            (f"{bare}×{bare}", f"That forgets the padding of {p} on both sides."),
            (f"{answer - 1}×{answer - 1}", "That counts the steps and forgets the window they start from."),
            (f"{n // s}×{n // s}", f"That divides by the stride and forgets the window of {k}."),
            (f"{answer + 1}×{answer + 1}", "That counts one window more than fits."),
        ),
        why=(
            "out = (n + 2p − k) / s, rounded, plus 1; `ceil_mode` decides which way it is rounded.",
            f"({n} + 2·{p} − {k}) / {s} = {span} / {s}, which is not whole.",
            f"Rounded {'up' if up else 'down'} and plus 1: {answer}×{answer}.",
        ),
    )


@generator("semantic_segmentation", level=2, skills=("shapes", "architecture"))
def transposed_conv_size(rng: Random) -> Question:
    """The output shape of a transposed convolution."""
    batch, channels, classes = rng.randint(2, 8), rng.choice((64, 128, 256, 512)), rng.randint(2, 30)
    h, w = rng.sample(range(5, 17), 2)
    k, s = rng.choice(((2, 2), (3, 2), (4, 2), (5, 2), (5, 3), (6, 4), (8, 4), (16, 8)))
    p = rng.randint(0, min(3, k // 2))
    extra = rng.choice((0, 0, 1))
    out_h, out_w = (transposed_size(n, k, s=s, p=p, extra=extra) for n in (h, w))
    layer = (
        f"nn.ConvTranspose2d({channels}, {classes}, kernel_size={k}, stride={s}, padding={p}, "
        f"output_padding={extra})"
    )
    result = (batch, classes, out_h, out_w)
    return shape(
        f"A tensor of shape `{brackets((batch, channels, h, w))}` goes through `{layer}`. "
        "What is the shape of the output?",
        result,
        why=(
            "With dilation 1 a side becomes out = (n − 1)·s − 2p + k + output_padding.",
            f"Height: ({h} − 1)·{s} − 2·{p} + {k} + {extra} = {out_h}.",
            f"Width: ({w} − 1)·{s} − 2·{p} + {k} + {extra} = {out_w}.",
            f"So the output is `{brackets(result)}`.",
        ),
    )


@generator("semantic_segmentation", level=2, skills=("shapes", "architecture"))
def upsampler_for_a_factor(rng: Random) -> Question:
    """Which transposed convolution enlarges a map by exactly a given factor."""
    n, f = rng.randint(6, 20), rng.choice((2, 4, 8, 16, 32))
    p = rng.choice((0, 1, f // 2))
    k = f + 2 * p
    require(p == 0 or k > f)

    def layer(k: int, s: int, p: int) -> str:
        return f"`kernel_size={k}, stride={s}, padding={p}`"

    def size(k: int, s: int, p: int) -> int:
        return transposed_size(n, k, s=s, p=p)

    others = [
        (k, f, p + 1),
        (k, f, max(p - 1, 0)),
        (k + 1, f, p),
        (k, f // 2, p),
        (2 * f, f, 0),
        (2 * f, f, f),
    ]
    wrong = [
        (layer(*other), f"That gives {size(*other)}×{size(*other)}, not {n * f}×{n * f}.")
        for other in others
        if size(*other) != n * f and size(*other) > 0
    ]
    rng.shuffle(wrong)
    return one(
        rng,
        f"A {n}×{n} map of logits is to become exactly {n * f}×{n * f} with one `nn.ConvTranspose2d` "
        "(dilation 1, no output padding). Which setting does it?",
        layer(k, f, p),
        wrong=wrong[:3],
        why=(
            "out = (n − 1)·s − 2p + k, and this is n·s exactly when k − 2p = s.",
            f"The factor is {n * f} / {n} = {f}, so s = {f} and k − 2p must be {f}: {k} − 2·{p} = {f}.",
            f"Check: ({n} − 1)·{f} − 2·{p} + {k} = {n * f}.",
        ),
    )


@generator("depth", level=2, skills=("shapes", "architecture"))
def encoder_then_decoder(rng: Random) -> Question:
    """The size that comes out when the decoder does not undo the encoder's stride."""
    batch = rng.randint(2, 8)
    h, w = rng.sample(range(64, 321, 8), 2)
    stages = rng.choice((3, 4, 5))
    k, s, p = rng.choice(((16, 8, 4), (8, 4, 2), (4, 2, 1), (32, 16, 8), (64, 32, 16), (8, 8, 0)))
    rows, columns = halved(h, stages), halved(w, stages)
    out_h, out_w = transposed_size(rows, k, s=s, p=p), transposed_size(columns, k, s=s, p=p)
    result = (batch, 1, out_h, out_w)
    fits = "the input's size again" if (out_h, out_w) == (h, w) else f"not the {h}×{w} of the input"
    return shape(
        f"A depth net's encoder has {stages} stages of stride 2, each mapping a side n to ceil(n / 2), and "
        f"ends in 512 channels. The decoder is `nn.ConvTranspose2d(512, 1, kernel_size={k}, stride={s}, "
        f"padding={p})` and nothing else. Images of shape `{brackets((batch, 3, h, w))}` go in. "
        "What is the shape of the output?",
        result,
        why=(
            f"The encoder halves {stages} times, rounding up: {h}×{w} becomes {rows}×{columns}.",
            f"Height: ({rows} − 1)·{s} − 2·{p} + {k} = {out_h}.",
            f"Width: ({columns} − 1)·{s} − 2·{p} + {k} = {out_w}.",
            f"The output is `{brackets(result)}`, {fits}.",
        ),
    )


@generator("depth", level=2, skills=("shapes", "numerics"))
def broadcast_difference(rng: Random) -> Question:
    """What subtracting two depth maps gives when one of them lacks an axis."""
    b, h, w = rng.sample(range(2, 33), 3)
    left, right, result = rng.choice(
        (
            ((b, 1, h, w), (b, h, w), (b, b, h, w)),
            ((b, h, w), (b, 1, h, w), (b, b, h, w)),
            ((b, 1, h, w), (b, 1, 1), (b, b, h, w)),
            ((b, 1, h, w), (b, 1, 1, 1), (b, 1, h, w)),
            ((b, 1, h, w), (h, w), (b, 1, h, w)),
        )
    )
    short, long = sorted((left, right), key=len)
    padded = (1,) * (4 - len(short)) + short
    surprise = (
        f"The {b} of one side meets an axis of size 1 of the other, so every pair of images is compared."
        if result == (b, b, h, w)
        else "Every image meets its own value: this is harmless."
    )
    return shape(
        f"`prediction` has shape `{brackets(left)}` and `other` has shape `{brackets(right)}`. "
        "PyTorch broadcasts. What is the shape of `prediction - other`?",
        result,
        why=(
            "Shapes are aligned from the right, and missing axes in front count as 1.",
            f"`{brackets(short)}` is read as `{brackets(padded)}`, against `{brackets(long)}`."
            if len(short) < 4
            else f"`{brackets(short)}` and `{brackets(long)}` have the same number of axes.",
            f"An axis of size 1 is repeated: `{brackets(result)}`.",
            surprise,
        ),
    )


GENERATORS = (
    conv_output_size,
    pool_floor_or_ceil,
    transposed_conv_size,
    upsampler_for_a_factor,
    encoder_then_decoder,
    broadcast_difference,
)
