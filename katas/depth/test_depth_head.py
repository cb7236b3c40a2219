import torch

from grader import Kata, Rules, Source, Wanted, regimes


@regimes("large")
def feat(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Features; in one regime so large that an exponential of their projection overflows."""
    return source.normal(wanted.shape, 4000.0 if source.regime == "large" else 2.0)


def size(source: Source, wanted: Wanted, drawn: dict) -> tuple[int, int]:
    """A size beyond the map's, by no whole factor for the most part."""
    return source.integer(8, 12), source.integer(13, 17)


kata = Kata(
    __file__,
    feat=feat,
    size=size,
    rules=Rules(
        sizes={"b": (2, 3), "in_ch": (4, 5), "h": (3, 5, 6, 7), "w": (4, 6, 7, 8)}, single="b in_ch h w"
    ),
)
kata.also("a smaller size", {"h": 8, "w": 7}, size=(3, 2))
kata.also("the size the map has", {"h": 3, "w": 4}, size=(3, 4))
kata.also("the height the map has", {"h": 5, "w": 4}, size=(5, 9))
kata.also("the width the map has", {"h": 3, "w": 6}, size=(7, 6))
kata.also("a size of one pixel", {"h": 4, "w": 6}, size=(1, 1))
kata.also("a taller and narrower size", {"h": 3, "w": 8}, size=(9, 5))

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=3)
def test_positive(DepthHead, in_ch, feat, size):
    """Depths are positive, whatever the features."""
    depth = DepthHead(in_ch).double().eval()(10 * feat, size)
    assert bool((depth > 0).all()), f"The least depth is {float(depth.min()):.3g}."


@kata.check(times=2, regime="large")
def test_large_gradients(DepthHead, in_ch, feat, size):
    """Large features have a gradient too, and it is a number."""
    feat.requires_grad_(True)
    DepthHead(in_ch).double().eval()(feat, size).sum().backward()
    assert feat.grad is not None, "No gradient reaches feat."
    assert bool(feat.grad.isfinite().all()), "The gradient of large features is not finite."
