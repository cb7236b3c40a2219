import torch

from grader import Kata, Rules, Source, Wanted, assert_close, one_of, regimes


@regimes("tied", "large", "no lane sure")
def logits(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Scores of which about half say no lane; ties, hundreds, and no lane far ahead in three regimes."""
    if source.regime == "tied":
        found = source.integers(wanted.shape, -1, 1).double()
    else:
        found = source.normal(wanted.shape, 300.0 if source.regime == "large" else 1.5)
    none = source.flags(wanted.shape[:-1])
    found[..., -1] += {"tied": 0, "large": 300, "no lane sure": 2000}.get(source.regime, 2.5) * none
    return found


kata = Kata(
    __file__,
    logits=logits,
    W=one_of(800, 100),
    rules=Rules(
        sizes={"b": (2, 3), "l": (2, 3, 4), "r": (3, 5), "c": (4, 6, 7)},
        empty="b l r",
        single="b l r c",
    ),
)
kata.also("a hundred columns", {"b": 1, "l": 2, "r": 3, "c": 100}, W=1280)
kata.also("columns narrower than a pixel", {"b": 1, "l": 2, "r": 3, "c": 9}, W=4)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1)
def test_roundtrip(decode_lanes, source):
    """A point that is encoded as a column comes back to within half a column."""
    W, C = 100, 8
    xs = source.numbers((1, 3, 6), 0, 99.75)
    sure = 500.0 * torch.nn.functional.one_hot((xs * C / W).floor().long(), C + 1).double()
    x, exists = decode_lanes(sure, W)
    assert bool(exists.all()), "A point that is there is lost."
    worst = float((x - xs).abs().max())
    assert worst <= W / (2 * C) + 1e-6, f"A point moves by {worst:g} px, where columns are {W / C:g} px wide."


@kata.check(times=2)
def test_no_lane(decode_lanes, logits, W):
    """The score of no lane does not move a position: it only decides whether the lane exists."""
    other = logits.clone()
    other[..., -1] = logits[..., :-1].amax(dim=-1) + 3
    x, exists = decode_lanes(other, W)
    assert_close(x, decode_lanes(logits, W)[0], "The score of no lane moves the lane.")
    assert not exists.any(), "No lane has the highest score, and yet a lane exists."


@kata.check(times=2, regime="no lane sure")
def test_gradient(decode_lanes, logits, W):
    """The gradient is finite, and none reaches the score of no lane."""
    logits.requires_grad_(True)
    decode_lanes(logits, W)[0].sum().backward()
    assert bool(logits.grad.isfinite().all()), "A gradient is not finite."
    assert float(logits.grad[..., -1].abs().max()) < 1e-6, "A gradient reaches the score of no lane."
