from math import prod

import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, images, regimes


@regimes("constant", "small")
def disp(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Disparities from 1/4 to 1, no two the same, each image in a unit of its own."""
    if source.regime == "constant":
        return torch.full(wanted.shape, 0.375).double()
    count = prod(wanted.shape)
    found = 0.25 + 0.75 * (source.permutation(count).double() / count).reshape(wanted.shape)
    unit = 2.0 ** source.integers((wanted.shape[0], 1, 1, 1), -1, 4)
    return found * (unit / 16 if source.regime == "small" else unit)


kata = Kata(
    __file__,
    img=images,
    disp=disp,
    rules=Rules(
        sizes={"b": (2, 3), "h": (3, 4, 6), "w": (5, 7)},
        single="b",
        gradients_of="disp",
        # Monodepth2 adds 1e-7 to the mean.
        tolerance=Tolerance(float64=(1e-5, 1e-6)),
    ),
)
kata.also("two by two pixels", {"h": 2, "w": 2})
STEPS = torch.tensor([0, 3, 1, 5, 2]).double()
kata.also("edges larger than 1", {"b": 1, "h": 3, "w": 5}, img=STEPS.repeat(1, 3, 3, 1))
kata.also("an image without edges", {"b": 1, "h": 3, "w": 5}, img=torch.full((1, 3, 3, 5), 0.5).double())

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_scale(edge_smooth, disp, img):
    """Disparities four times as large, in one image of the batch, give the same loss."""
    scaled = disp.clone()
    scaled[0] *= 4
    assert_close(edge_smooth(scaled, img), edge_smooth(disp, img), "The scale of disp changes the loss.")


@kata.check(times=2)
def test_mirror(edge_smooth, disp, img):
    """Turning disparities and image upside down and left to right changes nothing."""
    turned = edge_smooth(disp.flip(2, 3), img.flip(2, 3))
    assert_close(turned, edge_smooth(disp, img), "A picture turned by 180 degrees gives another loss.")
