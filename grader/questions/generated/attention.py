"""Attention: parameters, and the shape of its weights."""

from __future__ import annotations

from random import Random

from grader.model import Question
from grader.questions.generated.form import brackets, generator, one, require, shape


@generator("classification", level=2, skills=("architecture",))
def attention_parameters(rng: Random) -> Question:
    """The parameters of multi-head attention."""
    heads, each = rng.choice((2, 3, 4, 6, 8)), rng.choice((8, 16, 32, 64))
    width, bias = heads * each, rng.random() < 0.6
    total = 4 * width * width + 4 * width * bias
    return one(
        rng,
        f"How many parameters does `nn.MultiheadAttention(embed_dim={width}, num_heads={heads}, "
        f"bias={bias})` "
        "have?",
        f"{total:,}",
        wrong=(
            (
                f"{3 * width * width + 3 * width * bias:,}",
                "Queries, keys and values are three projections; the output has one more.",
            ),
            (f"{heads * total:,}", f"The {heads} heads share the {width} channels; each has only {each}."),
            (
                f"{4 * width * width + 4 * width * (not bias):,}",
                f"`bias={bias}`: the four projections have {'one bias per output' if bias else 'no biases'}.",
            ),
            (
                f"{4 * each * each * heads:,}",
                f"Every head reads all {width} channels, not only its own {each}.",
            ),
        ),
        why=(
            f"Four projections (query, key, value, output) of {width}×{width}: 4·{width}² = "
            f"{4 * width * width:,}.",
            f"Biases: {f'4·{width} = {4 * width:,}' if bias else 'none'}. Together {total:,}.",
            "The number of heads only says how the channels are cut.",
        ),
    )


@generator("classification", level=2, skills=("shapes", "architecture"))
def attention_weights_shape(rng: Random) -> Question:
    """The shape of the attention weights of a vision transformer."""
    batch, heads, patch = rng.randint(2, 8), rng.choice((3, 4, 6, 12)), rng.choice((8, 14, 16))
    rows, columns = rng.sample(range(4, 15), 2)
    tokens = rows * columns + 1
    result = (batch, heads, tokens, tokens)
    return shape(
        f"A vision transformer of width {64 * heads} with {heads} heads reads images of shape "
        f"`{brackets((batch, 3, patch * rows, patch * columns))}` in {patch}×{patch} patches, with one class "
        "token. What is the shape of one layer's self-attention weights, with the batch first and the heads "
        "second?",
        result,
        why=(
            f"Tokens: {rows}·{columns} patches + 1 = {tokens}.",
            "Each head weighs every token (row) against every token (column).",
            f"`{brackets(result)}`; the width does not appear, and the cost is quadratic in the tokens.",
        ),
    )


@generator("detection", level=2, skills=("shapes", "architecture"))
def query_attention_shape(rng: Random) -> Question:
    """The shape of the cross-attention weights of a detector with queries."""
    batch, heads, queries = rng.randint(2, 8), rng.choice((2, 4, 8)), rng.choice((50, 100, 300))
    rows, columns = rng.sample(range(5, 30), 2)
    h, w = 32 * rows - rng.choice((0, 8, 16)), 32 * columns - rng.choice((0, 8, 16))
    memory = rows * columns
    require(memory != queries)
    result = (batch, heads, queries, memory)
    return shape(
        f"A transformer detector reads images of shape `{brackets((batch, 3, h, w))}`; its backbone gives a "
        "map of ceil(H / 32) by ceil(W / 32), flattened into the memory. The decoder has "
        f"{queries} queries and {heads} heads. What is the shape of one layer's cross-attention weights, "
        "with "
        "batch, heads, queries and memory in this order?",
        result,
        why=(
            f"The map is ceil({h} / 32) = {rows} by ceil({w} / 32) = {columns}, so {memory} positions.",
            f"Each of the {queries} queries weighs every position, in each of {heads} heads.",
            f"`{brackets(result)}`.",
        ),
    )


GENERATORS = (attention_parameters, attention_weights_shape, query_attention_shape)
