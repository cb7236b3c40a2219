import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, regimes


@regimes("one place")
def mask(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Which places may be looked at: a good half, and at least one in each row; just one in one regime."""
    b, p = wanted.shape
    must = source.integers((b, 1), 0, p - 1) == torch.arange(p)
    return must | source.flags((b, p), 0.0 if source.regime == "one place" else 0.6)


def a(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Features, those of one place larger than the others."""
    return source.normal(wanted.shape, 1.5) * (1 + source.flags((*wanted.shape[:2], 1), 0.2))


kata = Kata(
    __file__,
    mask=mask,
    a=a,
    rules=Rules(
        sizes={"b": (2, 3), "p": (4, 5, 6), "feat": (5, 7), "hidden": (3, 8), "attn": (4, 6, 9)},
        single="b",
        # A tiny constant may stand beside a sum of weights.
        tolerance=Tolerance(float64=(1e-5, 1e-6)),
    ),
)
kata.also("no mask", mask=None)
# With one place all gradients of the scores are 0 but for rounding, so they are not asked for.
kata.also("one image, one place", {"b": 1, "p": 1})
kata.also("one place", {"p": 1})
kata.also("as many places as images", {"b": 4, "p": 4})
kata.also("features and states of one size", {"feat": 6, "hidden": 6, "attn": 4})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_weights(AdditiveAttention, feat, hidden, attn, a, h, mask):
    """Every row of alpha sums to 1, with exactly 0 where no look is allowed."""
    layer = AdditiveAttention(feat, hidden, attn).double()
    for given in (mask, None):
        alpha = layer(a, h, given)[1]
        assert_close(alpha.sum(dim=1), torch.ones(len(a)).double(), "A row of alpha does not sum to 1.")
        if given is not None:
            assert not alpha[~given].any(), "A place that may not be looked at has a weight."


@kata.check(times=2)
def test_excluded(AdditiveAttention, feat, hidden, attn, a, h, mask):
    """What excluded places hold changes nothing, and places may come in any order."""
    layer = AdditiveAttention(feat, hidden, attn).double()
    ctx, alpha = layer(a, h, mask)
    other = layer(torch.where(mask[..., None], a, 100.0), h, mask)
    assert_close(other[0], ctx, "Excluded places change what is seen.")
    assert_close(other[1], alpha, "Excluded places change the weights.")
    turned = layer(a.flip(1), h, mask.flip(1))
    assert_close(turned[0], ctx, "In another order of the places something else is seen.")
    assert_close(turned[1], alpha.flip(1), "The weights do not move with their places.")


@kata.check(times=2)
def test_large(AdditiveAttention, feat, hidden, attn, a, h, mask, source):
    """With scores in the tens of thousands the weights are right, with a mask and without one."""
    layer = AdditiveAttention(feat, hidden, attn).double()
    large = 1e4
    layer.fill({name: torch.full_like(value, large) for name, value in layer.state().items()})
    near = Tolerance(float64=(1e-3, 1e-4))
    for given, level in ((None, 2 * large), (None, -2 * large), (mask, 2 * large), (mask, -2 * large)):
        scores = level + source.normal(tuple(a.shape[:2]))
        if given is not None:
            scores = torch.where(given, scores, scores - level + 4 * large)  # higher than any that counts
        # All weights and biases are `large`, so the sum of a place's features decides about its score.
        inner = torch.atanh((scores - large) / (attn * large)) / large - 2 - h.sum(1, keepdim=True)
        placed = torch.cat([a[..., 1:], (inner - a[..., 1:].sum(-1))[..., None]], -1)
        ctx, alpha = layer(placed, h, given)
        told = f"With scores around {level:g}" + (" and a mask" if given is not None else "")
        assert bool(alpha.isfinite().all()), f"{told} alpha is not finite."
        wanted = scores if given is None else scores.masked_fill(~given, -torch.inf)
        wanted = wanted.softmax(1)
        assert_close(alpha, wanted, f"{told} the weights are wrong.", tolerance=near)
        assert_close(ctx, (wanted[..., None] * placed).sum(1), f"{told} ctx is wrong.", tolerance=near)
