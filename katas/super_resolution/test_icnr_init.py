import torch
from torch import nn
from torch.nn import functional as F

from grader import Kata, Rules, Source, Wanted, assert_close, randomised, regimes


@regimes("without a bias")
def conv(source: Source, wanted: Wanted, drawn: dict) -> nn.Conv2d:
    """A convolution with a random start."""
    return _convolution(source, *(wanted.sizes[axis] for axis in ("c", "r", "cin", "k")))


def _convolution(source: Source, c: int, r: int, inputs: int, k: int) -> nn.Conv2d:
    bias = source.regime != "without a bias"
    return randomised(nn.Conv2d(inputs, c * r * r, k, padding=k // 2, bias=bias), source)


kata = Kata(
    __file__,
    conv=conv,
    rules=Rules(
        sizes={"c": (2, 3, 4), "cin": (2, 3, 4), "r": (2, 3), "k": (2, 3, 5)},
        single="c cin r k",
        changes="conv",
    ),
)
_fits = {"c": 2, "cin": 3, "r": 2, "k": 3}
for _told, _made in {
    "an output too many": nn.Conv2d(3, 9, 3),
    "outputs for another factor": nn.Conv2d(3, 18, 3),
    "twice the outputs": nn.Conv2d(3, 16, 3),
    "more input channels": nn.Conv2d(4, 8, 3),
    "a smaller kernel": nn.Conv2d(3, 8, 1),
    "inputs for outputs": nn.Conv2d(8, 3, 3),
}.items():
    kata.also(_told, _fits, conv=_made)
kata.also(
    "a sub of a single input channel, for a convolution of three",
    {**_fits, "cin": 1},
    conv=nn.Conv2d(3, 8, 3),
)
kata.also("a sub of 1 x 1 kernels, for a convolution of 3 x 3", {**_fits, "k": 1}, conv=nn.Conv2d(3, 8, 3))
kata.also("a factor of 4", {"c": 2, "cin": 3, "r": 4, "k": 1})
kata.also("a convolution that is not trained", _fits, conv=nn.Conv2d(3, 8, 3).requires_grad_(False))

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_blocks(icnr_, conv, r, sub, cin, source):
    """After pixel shuffle every block of r x r pixels is constant."""
    icnr_(conv, r, sub)
    with torch.no_grad():
        y = F.pixel_shuffle(conv(source.normal((2, cin, 5, 6))), r)
    blocks = y[..., ::r, ::r].repeat_interleave(r, dim=2).repeat_interleave(r, dim=3)
    assert_close(y, blocks, "A block of r x r pixels is not constant.")


@kata.check(times=1)
def test_as_it_is(icnr_, conv, r, sub, c):
    """Every weight is exactly the number it is copied from."""
    sub = sub / 3  # no longer numbers that float32 holds
    icnr_(conv, r, sub)
    exact = all(bool((conv.weight[i] == sub[i // (r * r)]).all()) for i in range(c * r * r))
    assert exact, "With sub / 3 in the place of sub the weights are not exactly its numbers."
