from typing import Any

import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes


@regimes("large")
def motion(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Displacements of a few pixels, or of a few hundred."""
    return source.normal(wanted.shape, 300.0 if source.regime == "large" else 4.0)


@regimes("doubled", "halved", "mixed")
def new_size(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> tuple[int, int]:
    """The new height and width: any, multiples, fractions, or one larger and one smaller."""
    h, w = wanted.sizes["h"], wanted.sizes["w"]
    if source.regime == "doubled":
        return 2 * h, 3 * w
    if source.regime == "halved":
        return max(h // 2, 1), max(w // 3, 1)
    if source.regime == "mixed":
        return h + source.integer(1, 4), max(w - source.integer(1, 3), 1)
    return wanted.sizes["h2"], wanted.sizes["w2"]


SIZES = {"b": (2, 3), "h": range(3, 9), "w": range(3, 9), "h2": range(2, 12), "w2": range(2, 12)}

kata = Kata(
    __file__,
    flow=motion,
    size=new_size,
    rules=Rules(sizes=SIZES, empty="b", single="b h w h2 w2"),
)
kata.also("the same size", {"h": 4, "w": 6}, size=(4, 6))
kata.also("the same width", {"h": 4, "w": 6}, size=(7, 6))
kata.also("the same height", {"h": 4, "w": 6}, size=(4, 9))
kata.also("one pixel out of many", {"b": 2, "h": 49, "w": 4}, size=(1, 2))
kata.also("many pixels out of one", {"b": 2, "h": 1, "w": 1}, size=(3, 2))

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_constant(resize_flow, size, h, w):
    """A constant flow stays constant, times the factor of the width in u and that of the height in v."""
    u, v = torch.full((1, 1, h, w), 3.0).double(), torch.full((1, 1, h, w), -5.0).double()
    found = resize_flow(torch.cat([u, v], dim=1), size)
    wanted = torch.tensor([3.0 * size[1] / w, -5.0 * size[0] / h]).double()
    assert_close(
        found, wanted[None, :, None, None].expand(1, 2, *size), "The constant flow (3, -5) is wrong."
    )
