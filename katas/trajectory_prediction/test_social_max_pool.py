import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes


@regimes("nobody", "alone")
def valid(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Everybody in the first scene, about half of them in others; in special regimes one agent, or none."""
    b, n = wanted.shape
    if source.regime == "nobody":
        return torch.zeros(b, n, dtype=torch.bool)
    if source.regime == "alone":
        return source.integers((b, 1), 0, n - 1) == torch.arange(n)
    found = source.flags((b, n))
    if source.regime != "generic":
        return found
    found[:1] = True
    found[1:, :1] = False
    return found


@regimes("negative", "huge", "tied")
def h(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Features around 0, none equal to another; far below it (padding above), or often equal."""
    n = wanted.shape[1]
    if source.regime == "tied":
        return source.integers(wanted.shape, -2, 1).double()
    found = source.normal(wanted.shape, 1.5) + torch.arange(n).double()[:, None] / 2**14
    if source.regime == "negative":
        return -found.abs() - 1.5
    if source.regime == "huge":
        # Padding has to lose though it is a million higher than the others.
        return 1024 * found + torch.where(drawn["valid"][..., None], -(2.0**18), 7 * 2.0**17)
    return found


kata = Kata(
    __file__,
    valid=valid,
    h=h,
    rules=Rules(sizes={"b": (2, 3), "n": (4, 5, 6), "d": (3, 7)}, empty="b", single="b n d"),
)
kata.also("two agents, one of them padding", {"n": 2, "b": 2}, valid=torch.tensor([[1, 0], [0, 1]]).bool())
kata.also(
    "two agents alike",
    {"b": 1, "n": 2, "d": 2},
    h=torch.tensor([[[-1.0, 2.0], [-1.0, 2.0]]]).double(),
    valid=torch.ones(1, 2).bool(),
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_order(social_max_pool, h, valid, n, source):
    """The order of the agents does not matter: when they change places, so do the rows of the result."""
    order = source.permutation(n)
    found = social_max_pool(h[:, order], valid[:, order])
    assert_close(found, social_max_pool(h, valid)[:, order], "The result depends on the order of the agents.")


@kata.check(times=2)
def test_padding(social_max_pool, h, valid):
    """What padded agents hold reaches nobody else."""
    found = social_max_pool(h, valid)
    other = social_max_pool(torch.where(valid[..., None], h, 1000.0), valid)
    assert_close(other, found, "The result depends on the features of padded agents.")


@kata.check(times=1, regime="nobody")
def test_finite(social_max_pool, h, valid):
    """Agents without others are given 0 and send gradients of 0, never NaN."""
    h.requires_grad_(True)
    found = social_max_pool(h, valid)
    assert not found.any(), "Agents without others are not given 0."
    (found.sum() + 0 * h.sum()).backward()
    assert h.grad.isfinite().all(), "Gradients are not finite where nobody is valid."
    assert not h.grad.any(), "Agents without others send a gradient."
