import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, just, logits, regimes


@regimes("ignored", "nothing")
def target(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Classes with about a third of the pixels ignored; nearly all or all of them in two regimes."""
    found = source.integers(wanted.shape, 0, wanted.sizes["k"] - 1)
    share = {"ignored": 0.9, "nothing": 1.0}.get(source.regime, 0.3)
    return found.where(~source.flags(wanted.shape, share), drawn["ignore_index"])


@regimes("light", "zero")
def weight(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Weights around one; some are 0 in one regime, and all of them are small in another."""
    found = source.numbers(wanted.shape, 0.25, 4.0)
    if source.regime == "zero":
        return found * source.flags(wanted.shape)
    return found / 256 if source.regime == "light" else found


# A tiny constant in the divisor is fine, also where all the weights are small.
CLOSE = Tolerance(float64=(1e-5, 1e-6))

kata = Kata(
    __file__,
    logits=logits,
    weight=weight,
    ignore_index=just(255),
    target=target,
    rules=Rules(
        sizes={"b": (2, 3), "k": (2, 3, 4, 5), "h": (3, 4, 5), "w": (4, 6, 7)},
        single="b k h w",
        forbid=("cross_entropy", "nll_loss"),
        gradients_of="logits",
        tolerance=CLOSE,
    ),
)
for other in (-100, -1, 0, 1):
    kata.also(f"ignore_index = {other}", {"k": 3}, ignore_index=other)
kata.also(
    "labelled pixels of weight 0",
    {"b": 1, "k": 3, "h": 2, "w": 2},
    weight=torch.tensor([0.0, 2.0, 0.0]).double(),
    target=torch.tensor([[[0, 2], [255, 0]]]),
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1)
def test_connected(seg_cross_entropy, logits):
    """Where nothing counts, the loss is a 0 that still belongs to the graph."""
    target = torch.full((logits.shape[0], *logits.shape[2:]), 255)
    loss = seg_cross_entropy(logits.requires_grad_(True), target)
    assert loss.item() == 0, f"All pixels are ignored, and the loss is {loss.item():g}."
    assert loss.requires_grad, "All pixels are ignored, and the loss does not belong to the graph."


@kata.check(times=1)
def test_quiet(seg_cross_entropy, logits):
    """Where nothing counts, the gradient of the logits is 0."""
    target = torch.full((logits.shape[0], *logits.shape[2:]), 255)
    loss = seg_cross_entropy(logits.requires_grad_(True), target)
    if not loss.requires_grad:
        return  # test_connected speaks of that
    loss.backward()
    assert logits.grad is not None, (
        "All pixels are ignored, and backward() on the loss does not reach the logits."
    )
    assert not logits.grad.any(), "All pixels are ignored, and the gradient of the logits is not 0."


@kata.check(times=2)
def test_ignored_pixels(seg_cross_entropy, logits, target, weight, source):
    """Whatever the logits of ignored pixels are, the loss stays the same."""
    other = logits.where((target != 255)[:, None], source.normal(tuple(logits.shape), 50.0))
    before, after = (seg_cross_entropy(z, target, weight=weight) for z in (logits, other))
    assert_close(after, before, "The logits of ignored pixels change the loss.")


@kata.check(times=2)
def test_scaled_weights(seg_cross_entropy, logits, target, weight):
    """Ten times the weights give the same loss."""
    before, after = (seg_cross_entropy(logits, target, weight=w) for w in (weight, 10 * weight))
    assert_close(after, before, "Ten times the weights change the loss.", tolerance=CLOSE)
