import torch

from grader import Kata, Rules, Source, Wanted, regimes

INF, NAN = float("inf"), float("nan")


@regimes("dense", "sparse", "invalid")
def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Depths with holes of every kind, with or without the channel axis."""
    share = {"dense": 1.0, "sparse": 0.1, "invalid": 0.0}.get(source.regime, 0.5)
    holes = torch.tensor([0.0, NAN, INF, -1.5, -INF]).double()[source.integers(wanted.shape, 0, 4)]
    found = torch.where(source.flags(wanted.shape, share), source.numbers(wanted.shape, 0.25, 8), holes)
    return found[:, 0] if source.integer(0, 1) else found


def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Predictions of any sign, none of them equal to its depth."""
    return source.normal(wanted.shape, 4.0) + 1 / 4096


kata = Kata(
    __file__,
    pred=pred,
    gt=gt,
    rules=Rules(
        sizes={"b": (2, 3), "h": (4, 5), "w": (6, 7)}, empty="b", single="b h w", gradients_of="pred"
    ),
)
TWO = {"b": 2, "h": 3, "w": 4}
kata.also(
    "a height of 1, no channel axis", {**TWO, "h": 1}, gt=torch.tensor([[[1.0, 0, 2, 3]], [[NAN, 4, 5, 6]]])
)
kata.also("one valid pixel", {"b": 1, "h": 2, "w": 2}, gt=torch.tensor([[[[0.0, NAN], [2.5, -1]]]]))
kata.also("depths below a millimetre", TWO, gt=2.0 ** -torch.arange(11.0, 35).reshape(2, 1, 3, 4))
kata.also("depths beyond 80 metres", TWO, gt=torch.arange(24.0).reshape(2, 3, 4) * 256)
kata.also("another height and width", TWO, gt=torch.ones(2, 1, 4, 3))
kata.also("another height and width, no channel axis", TWO, gt=torch.ones(2, 4, 3))
kata.also("the channel axis at the end", TWO, gt=torch.ones(2, 3, 4, 1))
kata.also("one gt for two images", TWO, gt=torch.ones(1, 1, 3, 4))
kata.also("one gt for two images, no channel axis", TWO, gt=torch.ones(1, 3, 4))
kata.also("no batch axis", {**TWO, "b": 1}, gt=torch.ones(3, 4))
kata.also("one column", TWO, gt=torch.ones(2, 1, 3, 1))
kata.also("three channels", TWO, gt=torch.ones(2, 3, 3, 4))
kata.also("an axis too many", TWO, gt=torch.ones(2, 1, 1, 3, 4))

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2, regime="invalid")
def test_nothing_valid(masked_l1, pred, gt):
    """Without a valid pixel the loss is 0, and backward() gives pred a gradient of zeros."""
    pred.requires_grad_(True)
    loss = masked_l1(pred, gt)
    assert float(loss.detach()) == 0, f"The loss is {float(loss.detach()):g}."
    assert loss.requires_grad, "The loss is not connected to pred's graph."
    loss.backward()
    assert pred.grad is not None, "backward() gives pred no gradient."
    assert not pred.grad.any(), "The gradient is not zero."
