import torch

from grader import Kata, Rules, Source, Wanted, just, whole


def wide(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Maps with values of either sign, far enough from 0 for every ReLU to open here and close there."""
    return source.normal(wanted.shape, 4.0)


kata = Kata(
    __file__,
    width=just(2),
    depth=whole(1, 2),
    x=wide,
    rules=Rules(
        sizes={"b": 2, "in_ch": (1, 3), "num_classes": (5, 7), "h": (9, 10), "w": (8, 11)},
        single="b",
    ),
)
kata.also("sizes that divide by 2^depth", {"h": 8, "w": 12}, depth=2)
kata.also("odd at every level, one row at the bottom", {"h": 7, "w": 15}, depth=2, width=4)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1)
def test_skip(UNet, in_ch, num_classes, source):
    """Where nothing comes up from below, every pixel still reaches the result through the skips."""
    model = UNet(in_ch, num_classes, width=2, depth=2).double()
    # Positive weights keep every ReLU open; the transposed convolutions alone have 8 c^2 weights.
    ups = {8 * 2**2, 8 * 4**2}
    for name, value in model.state().items():
        drawn = source.numbers(tuple(value.shape), 1 / 16, 1 / 4)
        model.fill({name: torch.zeros_like(value) if value.numel() in ups else drawn})
    x = source.numbers((1, in_ch, 6, 7), 1 / 4, 1).requires_grad_(True)
    model(x).sum().backward()
    reached = x.grad is not None and bool((x.grad > 0).all())
    assert reached, "With transposed convolutions of zeros no gradient reaches the first level."
