import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, labels, regimes


@regimes("large")
def mask_logits(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Logits without exact zeros, where formulas by hand have kinks; hundreds in one regime."""
    found = source.normal(wanted.shape, 300.0 if source.regime == "large" else 2.0)
    return torch.where(found == 0, 0.5, found)


@regimes("plain", "full", "hollow")
def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Masks of zeros and ones with fractions between them; without fractions, all or nothing in others."""
    inside = source.flags(wanted.shape).double()
    if source.regime == "full":
        return torch.ones_like(inside)
    if source.regime == "hollow":
        return torch.zeros_like(inside)
    if source.regime == "plain":
        return inside
    return torch.where(source.flags(wanted.shape, 0.3), source.numbers(wanted.shape, 0.0, 1.0), inside)


kata = Kata(
    __file__,
    mask_logits=mask_logits,
    labels=labels("k"),
    gt=gt,
    rules=Rules(
        sizes={"k": (2, 3, 5), "m": (4, 6, 7)},
        empty="r",
        single="r k m",
        dtypes=(torch.float32,),
        tolerance=Tolerance(float32=(1e-4, 1e-5)),
        gradients_of="mask_logits",
    ),
)
kata.also(
    "the example of the statement",
    mask_logits=torch.tensor([5.0, 0.0]).reshape(1, 2, 1, 1),
    labels=torch.tensor([1]),
    gt=torch.ones(1, 1, 1),
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_other_channels(per_class_mask_loss, mask_logits, labels, gt, k):
    """The channels of other classes change neither the loss nor its gradient, which is 0 there."""
    others = torch.arange(k) != labels[:, None]
    mask_logits.requires_grad_(True)
    loss = per_class_mask_loss(mask_logits, labels, gt)
    changed = torch.where(others[:, :, None, None], mask_logits.detach() + 1, mask_logits.detach())
    assert_close(per_class_mask_loss(changed, labels, gt), loss.detach(), "Another channel changes the loss.")
    loss.backward()
    assert not mask_logits.grad[others].any(), "The channel of another class receives a gradient."


@kata.check(times=1)
def test_no_regions(per_class_mask_loss):
    """Without regions the loss is 0, and backward() on it reaches mask_logits."""
    mask_logits = torch.zeros(0, 3, 4, 4, requires_grad=True)
    loss = per_class_mask_loss(mask_logits, torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4, 4))
    assert loss.item() == 0, "The loss of no regions is not 0."
    assert loss.requires_grad, "Without regions the loss is cut off from the graph: backward() on it fails."
    loss.backward()
    assert mask_logits.grad is not None, "Without regions backward() does not reach mask_logits."
