import torch
from torch import nn

from grader import Kata, Rules, Source, Wanted, assert_close, randomised, regimes

INF, NAN = float("inf"), float("nan")


def backbone(source: Source, wanted: Wanted, drawn: dict) -> nn.Module:
    """A small feature extractor whose features have no bound."""
    width = wanted.sizes["feat_ch"]
    net = nn.Sequential(nn.Conv2d(3, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.LeakyReLU(0.5))
    return randomised(net, source)


@regimes("large")
def x(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Images; in one regime so large that an exponential of what becomes of them overflows."""
    return source.normal(wanted.shape, 2000.0 if source.regime == "large" else 2.0)


@regimes("dense", "sparse", "invalid")
def targets(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Depths with holes of every kind."""
    share = {"dense": 1.0, "sparse": 0.1, "invalid": 0.0}.get(source.regime, 0.6)
    holes = torch.tensor([0.0, NAN, INF, -1.5, -INF]).double()[source.integers(wanted.shape, 0, 4)]
    return torch.where(source.flags(wanted.shape, share), source.numbers(wanted.shape, 2, 8), holes)


def outputs(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Depths on either side of the targets, none of them equal to its target."""
    return source.numbers(wanted.shape, 0.25, 12) + 1 / 4096


kata = Kata(
    __file__,
    backbone=backbone,
    x=x,
    targets=targets,
    outputs=outputs,
    rules=Rules(
        sizes={"b": (2, 3), "feat_ch": (4, 5), "h": (5, 7, 8), "w": (6, 9, 11)},
        single="b",
        gradients_of="x outputs",
    ),
)
kata.also("a map of one position", {"h": 1, "w": 2})
kata.also("a map as wide as the image", {"h": 5, "w": 1})
kata.also("a map as high as the image", {"h": 1, "w": 5})
TWO = {"b": 2, "h": 3, "w": 4}
kata.also("depths below a millimetre", TWO, targets=2.0 ** -torch.arange(11.0, 35).reshape(2, 1, 3, 4))
kata.also("depths beyond 80 metres", TWO, targets=torch.arange(24.0).reshape(2, 1, 3, 4) * 256)
kata.also(
    "one valid pixel", {**TWO, "b": 1}, targets=torch.tensor([0.0, NAN, 2.5, *9 * [-1]]).view(1, 1, 3, 4)
)
kata.also("no channel axis", TWO, targets=torch.ones(2, 3, 4))
kata.also("no channel axis, as many images as rows", {**TWO, "b": 3}, targets=torch.ones(3, 3, 4))
kata.also("one map for two images", TWO, targets=torch.ones(1, 1, 3, 4))
kata.also("another height and width", TWO, targets=torch.ones(2, 1, 4, 3))
kata.also("the channel axis at the end", TWO, targets=torch.ones(2, 3, 4, 1))
kata.also("three channels", TWO, targets=torch.ones(2, 3, 3, 4))
kata.also("one column", TWO, targets=torch.ones(2, 1, 3, 1))

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "DepthNet", "depth_loss", sizes={"b": 2, "h": 5, "w": 6}, steps=30, lr=0.1, to=0.65
)


@kata.check(times=2)
def test_stages(DepthNet, backbone, feat_ch, x):
    """Each stage has its shape: the map, then the depths at whatever size is asked for."""
    model = DepthNet(backbone, feat_ch).double().eval()
    b, _, h, w = x.shape
    features, depth = model.encode(x), model(x)
    assert features.shape == (b, feat_ch, (h + 1) // 2, (w + 1) // 2), (
        f"encode gives {tuple(features.shape)}."
    )
    assert_close(model.decode(features, (h, w)), depth, "decode of encode is not what forward gives.")
    low, narrow = features.shape[2:]
    for size in ((2, 3), (h + 3, w + 1), (low, narrow + 2), (low + 2, narrow)):
        found = tuple(model.decode(features, size).shape)
        assert found == (b, 1, *size), f"decode gives {found} for the size {size}."
    cut = x[:, :, 1:, 2:]
    assert model(cut).shape == (b, 1, h - 1, w - 2), "A second image of another size gets a wrong size."


@kata.check(times=1)
def test_fresh(DepthNet, backbone, feat_ch, x):
    """A model that has just been made trains as a whole: train() changes nothing."""
    model = DepthNet(backbone, feat_ch).double()
    before = model(x)
    told = "The backbone of a new model is not in training mode, as the model is."
    assert_close(before, model.train()(x), told)


@kata.check(times=2)
def test_positive(DepthNet, backbone, feat_ch, x):
    """Depths are positive and finite, whatever the features."""
    model = DepthNet(backbone, feat_ch).double().eval()
    features = model.encode(x)
    for scale in (10.0, 4000.0):
        depth = model.decode(scale * features, (5, 4))
        assert bool((depth > 0).all()), f"The least depth is {float(depth.min()):.3g}."
        assert bool(depth.isfinite().all()), "A depth is not finite."


@kata.check(times=2)
def test_large_gradients(DepthNet, backbone, feat_ch, x):
    """Large features have a gradient too, and it is a number."""
    model = DepthNet(backbone, feat_ch).double().eval()
    found = 4000 * model.encode(x).detach()
    # Both signs, because the projection of one of them may be negative throughout.
    features = torch.cat([found, -found]).requires_grad_(True)
    model.decode(features, (5, 4)).sum().backward()
    assert features.grad is not None, "No gradient reaches the features."
    assert bool(features.grad.isfinite().all()), "The gradient of large features is not finite."


@kata.check(times=2)
def test_smaller(DepthNet, backbone, feat_ch, source):
    """A size smaller than the map is read off at single points, not averaged over an area."""
    features = source.normal((2, feat_ch, 6, 9))
    model = DepthNet(backbone, feat_ch).double().eval()
    whole = model.decode(features, (6, 9))
    # With align_corners=False, every third position starting with the second.
    assert_close(model.decode(features, (2, 3)), whole[:, :, 1::3, 1::3], "decode at a third of the size.")


@kata.check(times=2, regime="invalid")
def test_nothing_valid(depth_loss, outputs, targets):
    """When no pixel is valid, the loss is 0 and can still be differentiated: every gradient is 0."""
    outputs.requires_grad_(True)
    loss = depth_loss(outputs, targets)
    assert float(loss.detach()) == 0, f"The loss of no valid pixel is {float(loss.detach()):g}."
    assert loss.requires_grad, "The loss of no valid pixel is cut off from the graph."
    loss.backward()
    assert outputs.grad is not None, "backward() gives outputs no gradient."
    assert not outputs.grad.any(), "Pixels that do not count send a gradient."
