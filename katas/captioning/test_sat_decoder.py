import torch

from grader import Kata, Rules, Source, Wanted, assert_close


def a(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Features strong enough that some places are looked at more than others."""
    return source.normal(wanted.shape, 1.5)


def tokens(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Words of which about one in four is padding, anywhere."""
    found = source.integers(wanted.shape, 1, wanted.sizes["vocab"] - 1)
    return found.masked_fill(source.flags(wanted.shape, 0.25), 0)


kata = Kata(
    __file__,
    a=a,
    tokens=tokens,
    rules=Rules(
        sizes={
            "b": (2, 3),
            "hidden": (4, 5),
            "vocab": (6, 7),
            "embed": (8, 9),
            "feat": (10, 11),
            "attn": (12, 13),
            "t": (2, 3, 4, 5),
            "p": (3, 4, 5, 6, 7),
        },
        single="b p t",
        layouts=False,
        gradients_of="a",
    ),
)
PADDED = torch.tensor([[1, 3, 0, 0], [0, 4, 2, 0]])
kata.also("tokens of 0 at the start, in between and at the end", {"b": 2, "t": 4}, tokens=PADDED)
kata.also("one image, one place, one word", {"b": 1, "p": 1, "t": 1})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_causal(SATDecoder, vocab, embed, hidden, attn, feat, a, tokens, t):
    """A step knows nothing of later words: changing those leaves its logits and its weights."""
    model = SATDecoder(vocab, embed, hidden, attn, feat).double().eval()
    logits, alphas = model(a, tokens)
    for n in range(1, t):
        other = tokens.clone()
        other[:, n:] = (tokens[:, n:] + 1) % vocab
        found, weights = model(a, other)
        assert_close(found[:, :n], logits[:, :n], f"A change of word {n} changes logits before it.")
        # A step looks before it hears its word.
        assert_close(
            weights[:, : n + 1], alphas[:, : n + 1], f"A change of word {n} changes where it looked."
        )


@kata.check(times=2)
def test_places(SATDecoder, vocab, embed, hidden, attn, feat, a, tokens, p, source):
    """Weights sum to 1; places in another order get theirs in that order, and the logits are the same."""
    model = SATDecoder(vocab, embed, hidden, attn, feat).double().eval()
    logits, alphas = model(a, tokens)
    total = alphas.sum(-1)
    assert_close(total, torch.ones_like(total), "The weights of a step do not sum to 1.")
    order = source.permutation(p)
    found, weights = model(a[:, order], tokens)
    assert_close(found, logits, "Places in another order give other logits.")
    assert_close(weights, alphas[:, :, order], "The weights do not follow their places.")


@kata.check(times=1)
def test_even(SATDecoder, vocab, embed, hidden, attn, feat, a, tokens, p):
    """Where all places have the same features, all have the same weight."""
    model = SATDecoder(vocab, embed, hidden, attn, feat).double().eval()
    _, alphas = model(a[:, :1].expand_as(a).contiguous(), tokens)
    assert_close(alphas, torch.full_like(alphas, 1 / p), f"The weights of equal places are not 1/{p}.")
