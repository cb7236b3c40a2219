import torch
from torch import nn

from grader import Kata, Rules, Source, Wanted, assert_close, randomised, regimes


@regimes("without a bias")
def fc(source: Source, wanted: Wanted, drawn: dict) -> nn.Linear:
    """A linear layer on flattened maps."""
    sizes = wanted.sizes
    inputs = sizes["C"] * sizes["h"] * sizes["w"]
    return randomised(nn.Linear(inputs, sizes["k"], bias=source.regime != "without a bias"), source)


kata = Kata(
    __file__,
    fc=fc,
    rules=Rules(
        sizes={"k": range(2, 8), "C": range(2, 7), "h": range(2, 6), "w": range(2, 7)}, single="k C h w"
    ),
)
kata.also("a square map", {"h": 3, "w": 3})
kata.also("as many channels as rows and columns", {"C": 3, "h": 3, "w": 3})
kata.also("one position", {"h": 1, "w": 1})

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_slides(fc_to_conv, fc, C, h, w, source):
    """On a larger map every output is what fc gives for one window."""
    conv = fc_to_conv(fc, C, h, w)
    x = source.normal((2, C, h + 2, w + 3))
    windows = x.unfold(2, h, 1).unfold(3, w, 1)  # 2 C rows columns h w
    wanted = fc.double()(windows.permute(0, 2, 3, 1, 4, 5).flatten(3)).permute(0, 3, 1, 2)
    with torch.no_grad():
        found = conv.double()(x)
    assert_close(
        found,
        wanted.detach(),
        "On a larger map the convolution does not give what fc gives window by window.",
    )
