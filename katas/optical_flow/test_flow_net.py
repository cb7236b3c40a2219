import torch
from torch import nn

from grader import Kata, Rules, Source, Wanted, assert_close, number, randomised, regimes

INF, NAN = float("inf"), float("nan")


def backbone(source: Source, wanted: Wanted, drawn: dict) -> nn.Module:
    """A small feature extractor without batch normalisation: every image goes through it by itself."""
    net = nn.Sequential(nn.Conv2d(3, wanted.sizes["feat_ch"], 3, stride=2, padding=1), nn.Tanh())
    return randomised(net, source)


def images(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Images of either sign, strong enough that the ReLU is needed."""
    return source.normal(wanted.shape, 2.0)


@regimes("all valid", "none valid")
def valid(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Which pixels count: about two thirds of them; all or none in two regimes."""
    return source.flags(wanted.shape, {"all valid": 1.0, "none valid": 0.0}.get(source.regime, 0.66))


@regimes("far")
def targets(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """One motion with noise, of hundreds of pixels in one regime; anything at all where it does not count."""
    motion = torch.tensor([source.choice((-3, 4)), source.choice((-4, 3))]).double()
    found = source.normal(wanted.shape) + motion[:, None, None] * (200 if source.regime == "far" else 1)
    holes = torch.tensor([NAN, INF, 1e9, -INF, 0.0]).double()[source.integers(wanted.shape, 0, 4)]
    return torch.where(drawn["valid"][:, None], found, holes)


@regimes("perfect")
def outputs(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Flows of which about a quarter of the pixels, or all in one regime, are exactly right."""
    b, _, h, w = wanted.shape
    found = source.normal(wanted.shape, 3.0) + 1 / 4096
    hit = source.flags((b, h, w), 1.0 if source.regime == "perfect" else 0.25) & drawn["valid"]
    return torch.where(hit[:, None], drawn["targets"], found)


kata = Kata(
    __file__,
    backbone=backbone,
    img1=images,
    img2=images,
    valid=valid,
    targets=targets,
    outputs=outputs,
    eps=number(0.0625, 0.5),
    rules=Rules(
        sizes={"b": (2, 3), "feat_ch": (4, 5), "h": (5, 7, 8), "w": (6, 9, 11)},
        single="b",
        gradients_of="img1 img2 outputs",
    ),
)
kata.also("maps of one position", {"h": 1, "w": 2})
ONE = torch.tensor([[[False, True], [False, False]]])
kata.also("one valid pixel", {"b": 1, "h": 2, "w": 2}, valid=ONE)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains("FlowNet", "flow_loss", sizes={"b": 2, "h": 5, "w": 6}, steps=20, lr=0.03)


@kata.check(times=2)
def test_stages(FlowNet, backbone, feat_ch, img1, img2):
    """Each stage has its shape: the maps, the flow between them, the flow of the images."""
    model = FlowNet(backbone, feat_ch).double().eval()
    b, _, h, w = img1.shape
    small = ((h + 1) // 2, (w + 1) // 2)
    flow = model(img1, img2)
    first, second = model.encode(img1), model.encode(img2)
    assert first.shape == (b, feat_ch, *small), f"encode gives {tuple(first.shape)}."
    found = model.estimate(first, second)
    assert found.shape == (b, 2, *small), f"estimate gives {tuple(found.shape)}."
    assert_close(model.resize(found, (h, w)), flow, "resize of estimate is not what forward gives.")


@kata.check(times=2)
def test_units(FlowNet, backbone, feat_ch, img1, img2):
    """A flow that is the same everywhere grows by the ratio of widths in u and of heights in v."""
    model = FlowNet(backbone, feat_ch).double().eval()
    model(img1, img2)
    flow = torch.tensor([2.0, -1.0]).double().view(1, 2, 1, 1).expand(2, 2, 3, 4)
    for h, w in ((6, 10), (5, 4), (2, 3)):
        wanted = torch.tensor([2 * w / 4, -h / 3]).double().view(1, 2, 1, 1).expand(2, 2, h, w)
        assert_close(model.resize(flow, (h, w)), wanted, f"resize of (2, -1) on 3 x 4 to {h} x {w}.")


@kata.check(times=1)
def test_smaller(FlowNet, backbone, feat_ch, img1, img2, source):
    """A size smaller than the map is read off at single points, not averaged over an area."""
    model = FlowNet(backbone, feat_ch).double().eval()
    model(img1, img2)
    flow = source.normal((2, 2, 6, 9))
    # With align_corners=False, every third position starting with the second.
    found = model.resize(flow, (2, 3))
    assert_close(found, flow[:, :, 1::3, 1::3] / 3, "resize to a third of the size.")


@kata.check(times=1, regime="none valid")
def test_nothing_valid(flow_loss, outputs, targets, valid):
    """When no pixel is valid, the loss is 0 and can still be differentiated: every gradient is 0."""
    outputs.requires_grad_(True)
    loss = flow_loss(outputs, targets, valid)
    assert float(loss.detach()) == 0, f"The loss of no valid pixel is {float(loss.detach()):g}."
    assert loss.requires_grad, "The loss of no valid pixel is cut off from the graph."
    loss.backward()
    assert outputs.grad is not None, "backward() gives outputs no gradient."
    assert not outputs.grad.any(), "Pixels that do not count send a gradient."


@kata.check(times=1, regime="perfect")
def test_perfect(flow_loss, outputs, targets, valid, eps):
    """Where every valid pixel is exactly right, the loss is eps and the gradient is 0, not NaN."""
    outputs.requires_grad_(True)
    loss = flow_loss(outputs, targets, valid, eps)
    assert_close(loss.detach(), outputs.new_tensor(eps), "The loss of a perfect flow is not eps.")
    loss.backward()
    assert bool((outputs.grad == 0).all()), "The gradient of a perfect flow is not 0."
