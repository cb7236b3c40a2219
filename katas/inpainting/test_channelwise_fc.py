import torch

from grader import Kata, Rules, assert_close, normal, size

kata = Kata(
    __file__,
    C=size("c"),
    H=size("h"),
    W=size("w"),
    x=normal,
    rules=Rules(sizes={"b": (2, 5), "c": (3,), "h": (2, 4), "w": (5,)}, single="b h w"),
)
kata.also("one position", {"h": 1, "w": 1})
kata.also("as many rows as columns", {"h": 3, "w": 3})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1)
def test_channels(ChannelwiseFC, C, H, W, x):
    """Channels are independent: what one of them holds changes no other."""
    model = ChannelwiseFC(C, H, W).double()
    model.fill({n: torch.linspace(-1, 1, v.numel()).double().view_as(v) for n, v in model.state().items()})
    before = model(x)
    other = x.clone()
    other[:, 0] += 4
    after = model(other)
    assert_close(after[:, 1:], before[:, 1:], "Another first channel changes the others.")
    assert bool((after[:, 0] != before[:, 0]).any()), "Another first channel does not change its own result."


@kata.check(times=1)
def test_permutation(ChannelwiseFC, C, H, W, x):
    """Matrices that move every position on by one do so, row by row: p is given what was at p - 1."""
    model = ChannelwiseFC(C, H, W).double()
    moved = torch.eye(H * W).double().roll(1, 0)
    parts = model.state().items()
    model.fill({n: moved.repeat(C, 1, 1).view_as(v) if v.numel() > C * H * W else 0 * v for n, v in parts})
    wanted = x.flatten(2).roll(1, -1).view_as(x)
    assert_close(model(x), wanted, "Each position does not hold what was at the position before it.")
