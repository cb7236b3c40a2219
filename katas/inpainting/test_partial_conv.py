import torch
from torch.nn import functional as F

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, one_of, regimes, whole


def padding(source: Source, wanted: Wanted, drawn: dict) -> int:
    """At most half of the kernel."""
    return source.integer(0, drawn["k"] // 2)


@regimes("all known", "none known", "few known")
def masks(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A hole of 4 x 4 pixels and single ones around it; whole images or hardly any in the regimes."""
    h, w = wanted.shape[2:]
    share = {"all known": 1.0, "none known": 0.0, "few known": 0.15}.get(source.regime, 0.7)
    found = source.flags(wanted.shape, share).double()
    if source.regime == "generic":
        for mask in found[:, 0]:
            r, c = source.integer(0, max(h - 4, 0)), source.integer(0, max(w - 4, 0))
            mask[r : r + 4, c : c + 4] = 0
    return found


@regimes("bright holes")
def features(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Normal numbers and zeros, in known pixels too; in one regime the holes hold large ones."""
    bright = source.flags((*wanted.shape[:1], 1, *wanted.shape[2:]), 0.8)
    found = torch.where(bright, source.normal(wanted.shape), 0)
    return torch.where(drawn["m"] > 0, found, 4096 * found) if source.regime == "bright holes" else found


kata = Kata(
    __file__,
    k=one_of(3, 2, 1),
    stride=whole(1, 2),
    padding=padding,
    m=masks,
    x=features,
    rules=Rules(
        sizes={"b": (2, 3), "i": (2, 3), "o": (4, 5), "h": (6, 8), "w": (7, 9)},
        single="b i o",
        gradients_of="x",
        # An epsilon of a millionth of a pixel beside n is nobody's mistake.
        tolerance=Tolerance(float64=(5e-6, 1e-6)),
    ),
)
kata.also("a larger kernel", {}, "few known", k=5, stride=2, padding=2)
kata.also("a window as large as the image", {"h": 3, "w": 3}, k=3, stride=1, padding=0)
kata.also("windows that leave out the last row and column", {"h": 6, "w": 8}, k=3, stride=2, padding=0)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_hole(PartialConv2d, i, o, x, m):
    """What the hole holds has no effect, however large it is."""
    layer = PartialConv2d(i, o, 3, padding=1).double()
    y, m2 = layer(x, m)
    other, other_m2 = layer(torch.where(m > 0, x, 2.0**40 * (1 - 3 * x)), m)
    assert_close(other, y, "Other numbers in the hole change the result.")
    assert_close(other_m2, m2, "Other numbers in the hole change the mask.")


@kata.check(times=2)
def test_full(PartialConv2d, i, o, x):
    """With a full mask the inside is that of a plain convolution; a corner counts 9/4."""
    layer = PartialConv2d(i, o, 3, padding=1).double()
    ones = torch.ones_like(x[:, :1])
    zero, _ = layer(torch.zeros_like(x), ones)
    y, m2 = layer(x, ones)
    assert bool((m2 == 1).all()), "A full mask has holes afterwards."
    plain = layer(F.pad(x, (1, 1, 1, 1)), F.pad(ones, (1, 1, 1, 1), value=1.0))[0][:, :, 1:-1, 1:-1]
    inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    assert_close(y[inside], plain[inside], "The inside depends on the padding.")
    found, wanted = (y - zero)[:, :, 0, 0], 9 / 4 * (plain - zero)[:, :, 0, 0]
    assert_close(found, wanted, "In the corner, the sum without the bias is not 9/4 of what was seen.")


@kata.check(times=1)
def test_unknown(PartialConv2d, i, o, x, m):
    """Where no pixel is known, result, mask and gradients are exactly 0."""
    layer = PartialConv2d(i, o, 3, padding=1).double()
    left = (torch.arange(m.shape[3]) < 3).double().expand_as(m)
    x.requires_grad_(True)
    y, m2 = layer(x, left)
    assert not y[..., 4:].any(), "The result is not 0 where no pixel is known."
    assert not m2[..., 4:].any(), "The mask is not 0 where no pixel is known."
    assert bool((m2[..., :4] == 1).all()), "The mask does not grow by one pixel into the hole."
    y.sum().backward()
    assert x.grad is not None, "No gradient reaches x."
    assert bool(x.grad.isfinite().all()), "The gradient of x is not finite."
    assert not x.grad[..., 3:].any(), "A gradient reaches the hole."


@kata.check(times=1)
def test_dark(PartialConv2d, i, o, x, m):
    """Known is what the mask says: where a black image gives a result of 0, the new mask is still 1."""
    layer = PartialConv2d(i, o, 3, padding=1).double()
    layer.fill({n: torch.zeros_like(v) for n, v in layer.state().items() if v.numel() == o})
    y, m2 = layer(torch.zeros_like(x), m)
    assert not y.any(), "A black image does not give 0 when the bias is 0."
    wanted = F.max_pool2d(m, 3, stride=1, padding=1)
    assert_close(m2, wanted, "The new mask depends on what the image holds.")
