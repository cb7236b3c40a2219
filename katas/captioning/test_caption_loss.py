import torch

from grader import Kata, Rules, Source, Wanted, assert_close, logits, number, regimes


def pad(source: Source, wanted: Wanted, drawn: dict) -> int:
    """Any of the ids."""
    return source.integer(0, wanted.sizes["v"] - 1)


@regimes("full", "nothing", "one empty")
def targets(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Captions of different lengths; without padding, all padding, or one all padding in special regimes."""
    (b, t), v = wanted.shape, wanted.sizes["v"]
    words = (drawn["pad"] + source.integers((b, t), 1, v - 1)) % v
    lengths = source.integers((b, 1), 1, t)
    lengths[0] = max(t - 1, 1)
    if source.regime in ("full", "nothing"):
        lengths = torch.full((b, 1), t if source.regime == "full" else 0)
    if source.regime == "one empty":
        lengths[-1] = 0
    return torch.where(torch.arange(t) < lengths, words, drawn["pad"])


def alphas(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Weights that sum to 1 over the places."""
    return torch.softmax(source.normal(wanted.shape, 1.5), dim=-1)


kata = Kata(
    __file__,
    pad=pad,
    targets=targets,
    logits=logits,
    alphas=alphas,
    lam=number(0.25, 4),
    rules=Rules(
        sizes={"b": (2, 3), "t": (4, 5, 6), "v": (5, 7, 8), "p": (3, 4, 9)},
        single="b t p",
        gradients_of="logits alphas",
    ),
)
kata.also("lam = 0", lam=0.0)
kata.also("one word in all", {"b": 1, "t": 1})
kata.also("many more steps than places", {"b": 2, "t": 12, "p": 2})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_padding(caption_loss, logits, alphas, targets, pad, lam, source):
    """More padding changes nothing, and nothing that the model says there has a gradient."""
    before = caption_loss(logits, alphas, targets, pad=pad, lam=lam)
    longer = [torch.cat([x, source.numbers((len(x), 3, x.shape[2]), 0, 1)], 1) for x in (logits, alphas)]
    longer = [x.requires_grad_(True) for x in longer]
    words = torch.cat([targets, torch.full((len(targets), 3), pad)], 1)
    after = caption_loss(*longer, words, pad=pad, lam=lam)
    assert_close(after, before, "Three more steps of padding change the loss.")
    after.backward()
    for name, value in zip(("logits", "alphas"), longer):
        assert value.grad is not None, f"No gradient reaches {name}."
        assert not value.grad[words == pad].any(), f"Padded steps of {name} have a gradient."


@kata.check(times=1, regime="nothing")
def test_nothing(caption_loss, logits, alphas, targets, pad, lam, p):
    """Where nothing counts the loss is lam * P and can still be differentiated: every gradient is 0."""
    logits.requires_grad_(True)
    alphas.requires_grad_(True)
    loss = caption_loss(logits, alphas, targets, pad=pad, lam=lam)
    assert abs(float(loss.detach()) - lam * p) < 1e-6, f"It is {float(loss.detach()):g}, not {lam * p:g}."
    assert loss.requires_grad, "The loss of padding alone is cut off from the graph."
    loss.backward()
    reached = logits.grad is not None or alphas.grad is not None
    assert reached, "The loss of padding alone has a graph of its own, without logits and alphas."
    for name, value in (("logits", logits), ("alphas", alphas)):
        assert value.grad is None or not value.grad.any(), f"The gradient of {name} is not 0."


@kata.check(times=1)
def test_even(caption_loss, v, pad):
    """Equal scores cost log V a word, and places seen once in all cost nothing."""
    targets = torch.full((2, 3), (pad + 1) % v)
    alphas = torch.eye(3).double().expand(2, 3, 3).clone()
    loss = caption_loss(torch.zeros(2, 3, v).double(), alphas, targets, pad=pad)
    wanted = torch.tensor(float(v)).double().log()
    assert_close(loss, wanted, f"The loss is {float(loss):.4f} and not log {v} = {float(wanted):.4f}.")
