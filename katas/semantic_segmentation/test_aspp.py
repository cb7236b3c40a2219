import torch

from grader import Kata, Rules, Source, Wanted, assert_close, one_of


def apart(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Features whose channels have means of either sign, so that the pooled ones do not vanish."""
    b, c = wanted.shape[:2]
    return source.normal(wanted.shape) + source.normal((b, c, 1, 1), 4.0)


kata = Kata(
    __file__,
    rates=one_of((2, 5, 1), (3,)),
    x=apart,
    rules=Rules(
        # Wide enough for the default rates to reach another column.
        sizes={"b": (2, 3), "in_ch": (3, 5), "out_ch": (2, 4), "h": (4, 6, 7), "w": (19, 20, 21)},
        single="b h w",
    ),
)
kata.also("rates larger than the map", {"h": 3, "w": 2}, rates=(4, 3, 5))

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1)
def test_large_rates(ASPP, x, in_ch, out_ch, source):
    """At rates that reach beyond the map, a 3x3 convolution acts as its centre tap alone."""
    x = x[..., :5]
    model = ASPP(in_ch, out_ch, rates=(7, 9)).double()
    before = model(x)
    for name, value in model.state().items():
        if value.numel() == 9 * in_ch * out_ch:
            other = source.normal(tuple(value.shape)).reshape(-1, 9)
            other[:, 4] = value.reshape(-1, 9)[:, 4]
            model.fill({name: other.reshape(value.shape)})
    assert_close(model(x), before, "Taps that reach beyond the map change the result.")
