from typing import Any

import torch

from grader import Kata, Rules, Source, Wanted


def images(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Images of either sign, strong enough that every ReLU is needed."""
    return source.normal(wanted.shape, 3.0)


kata = Kata(
    __file__,
    img1=images,
    img2=images,
    rules=Rules(sizes={"b": (2, 3), "h": (8, 16), "w": (8, 16)}, single="b", layouts=False),
)
kata.also("larger images", {"b": 1, "h": 32, "w": 24})


def trained(make: Any, img1: torch.Tensor, img2: torch.Tensor, source: Source) -> Any:
    """Make a network with weights of its own, whatever it starts from."""
    net = make().double().eval()
    net(img1, img2)  # layers without shapes take them from here
    return net.fill({name: source.normal(tuple(v.shape), 0.1) for name, v in net.state().items()})


test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1)
def test_not_affine(TinyFlowNet, img1, img2, source):
    """The network is no affine function of its input: f(a + c) + f(0) differs from f(a) + f(c)."""
    net = trained(TinyFlowNet, img1, img2, source)
    zero = torch.zeros_like(img1)
    more = [source.normal(tuple(img1.shape), 3.0) for _ in range(2)]
    together = net(img1 + more[0], img2 + more[1]) + net(zero, zero)
    apart = net(img1, img2) + net(*more)
    assert (together - apart).abs().max() > 1e-6 * apart.abs().max(), "f(a + c) + f(0) equals f(a) + f(c)."


@kata.check(times=1)
def test_order(TinyFlowNet, img1, img2, source):
    """Swapping the images gives another flow."""
    net = trained(TinyFlowNet, img1, img2, source)
    one, other = net(img1, img2), net(img2, img1)
    assert (one - other).abs().max() > 1e-6 * one.abs().max(), "Swapping the two images changes nothing."
