from math import prod

import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes


@regimes("single pixels", "no hole", "all hole")
def m(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A box of hole anywhere in each image, with some known pixels; or few single pixels, or none, or all."""
    _, _, h, w = wanted.shape
    if source.regime in ("no hole", "all hole"):
        return torch.full(wanted.shape, float(source.regime == "no hole")).double()
    if source.regime == "single pixels":
        return (~source.flags(wanted.shape, 0.06)).double()
    found = torch.ones(wanted.shape).double()
    for image in found:
        y, x = source.integer(0, h - 1), source.integer(0, w - 1)
        image[:, y : y + source.integer(1, 3), x : x + source.integer(1, 3)] = 0
    return torch.where(source.flags(wanted.shape, 0.2), 1, found)


def img(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Images in [0, 1], no two values of which are the same."""
    count = prod(wanted.shape)
    return (source.permutation(count).double() / 2**10).reshape(wanted.shape)


kata = Kata(
    __file__,
    m=m,
    img=img,
    rules=Rules(
        sizes={"b": (2, 3), "h": (5, 6, 8), "w": (7, 9)},
        single="b h w",
        gradients_of="img",
    ),
)
ROW = torch.tensor([0.0, 1, 3, 9]).double().repeat(1, 3, 1, 1)
kata.also("the first example", img=ROW, m=torch.tensor([[[[0.0, 1, 1, 1]]]]).double())
kata.also("the second example", img=ROW, m=torch.tensor([[[[1.0, 0, 1, 1]]]]).double())
kata.also("a single pixel, in the hole", {"b": 1, "h": 1, "w": 1}, "all hole")
CORNERS = torch.ones(2, 1, 5, 7).double()
CORNERS[0, 0, 0, 0] = CORNERS[1, 0, 4, 6] = 0
kata.also("holes in two corners", {"b": 2, "h": 5, "w": 7}, m=CORNERS)
MIDDLE = torch.ones(1, 1, 5, 7).double()
MIDDLE[0, 0, 2, 3] = 0
kata.also("a hole of one pixel", {"b": 1, "h": 5, "w": 7}, m=MIDDLE)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1, regime="no hole")
def test_no_pair(tv_in_hole, img, m):
    """Without a pair the loss is 0, and backward() gives img a gradient of zeros."""
    for told, part, mask in (
        ("Without a hole", img, m),
        ("For a single pixel", img[:1, :, :1, :1].clone(), 0 * m[:1, :, :1, :1]),
    ):
        part.requires_grad_(True)
        loss = tv_in_hole(part, mask)
        assert float(loss.detach()) == 0, f"{told} the loss is {float(loss.detach()):g}."
        assert loss.requires_grad, f"{told} the loss is not connected to img's graph."
        loss.backward()
        assert part.grad is not None, f"{told} backward() gives img no gradient."
        assert not part.grad.any(), f"{told} the gradient is not zero."


@kata.check(times=2)
def test_constant(tv_in_hole, img, m):
    """An image of one colour has no variation, wherever the hole is, and a gradient of zeros."""
    flat = img[:, :, :1, :1].expand_as(img).clone().requires_grad_(True)
    found = tv_in_hole(flat, m)
    assert_close(found.detach(), torch.zeros(()).to(img), "The loss of an image of one colour is not 0.")
    found.backward()
    assert flat.grad is not None, "backward() gives an image of one colour no gradient."
    assert bool(flat.grad.isfinite().all()), "The gradient of an image of one colour is not finite."
    assert not flat.grad.any(), "Equal neighbours pass on a gradient."


@kata.check(times=3, regime="single pixels")
def test_far_away(tv_in_hole, img, m):
    """Pixels that are neither hole nor next to it have no effect."""
    far = -torch.nn.functional.max_pool2d(-m, 3, stride=1, padding=1) > 0
    other = torch.where(far, 5 * img - 2, img)
    assert_close(tv_in_hole(other, m), tv_in_hole(img, m), "Pixels away from the hole change the loss.")


@kata.check(times=2)
def test_turned(tv_in_hole, img, m):
    """Image and mask turned by a quarter have the same loss."""
    turned = tv_in_hole(img.rot90(1, (2, 3)), m.rot90(1, (2, 3)))
    assert_close(turned, tv_in_hole(img, m), "A picture turned by 90 degrees gives another loss.")
