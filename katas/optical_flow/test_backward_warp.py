import torch

from grader import Kata, Rules, Source, Wanted, assert_close, images, regimes


@regimes("whole", "border", "far")
def flow(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Up to three pixels, never onto a whole coordinate; whole steps, onto the border, or far out."""
    if source.regime == "whole":
        return source.integers(wanted.shape, -3, 3).double()
    if source.regime == "border":
        # Onto the border or into the middle, or a quarter of a pixel to either side of that.
        h, w = wanted.shape[2:]
        last = torch.tensor([w - 1.0, h - 1.0]).double()[:, None, None]
        target = last * source.integers(wanted.shape, 0, 2) / 2 + source.integers(wanted.shape, -1, 1) / 4
        return target - torch.stack([torch.arange(w).expand(h, w), torch.arange(h)[:, None].expand(h, w)])
    reach = 40 if source.regime == "far" else 3
    return source.integers(wanted.shape, -reach, reach - 1) + source.numbers(wanted.shape, 1 / 64, 63 / 64)


kata = Kata(
    __file__,
    img2=images,
    flow12=flow,
    # Sides of 2^k + 1 pixels: scaled to [-1, 1], points on the border are exact as well.
    rules=Rules(sizes={"b": (2, 4), "c": (1, 2, 3, 4), "h": (5, 9), "w": (3, 5, 9)}),
)
kata.also("other sides", {"h": 6, "w": 8})
kata.also("other sides", {"h": 7, "w": 4})
kata.also("a batch of one, an image of two rows", {"b": 1, "h": 2})
kata.also("an image of two columns", {"c": 1, "h": 5, "w": 2})

_hair = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]]) * (1 + 2.0**-20)
_steps = _hair.double()[:, :, None, None].repeat(1, 1, 5, 9)
kata.also("a hair beyond the border", {"b": 4, "h": 5, "w": 9}, flow12=_steps)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_still(backward_warp, img2):
    """Without motion the image comes back as it is, all of it inside."""
    img, inside = backward_warp(img2, torch.zeros_like(img2[:, :1]).repeat(1, 2, 1, 1))
    assert_close(img, img2, "A flow of zeros changes the image.")
    assert bool(inside.all()), "A flow of zeros leaves the image."


@kata.check(times=2)
def test_whole_steps(backward_warp, img2, h, w, source):
    """A flow of whole pixels (dx, dy) fetches exactly the pixel dx to the right and dy below."""
    dx, dy = source.integer(-2, 2), source.integer(-2, 2)
    step = torch.tensor([dx, dy]).to(img2)[:, None, None].expand(len(img2), 2, h, w)
    img, inside = backward_warp(img2, step)
    y, x = torch.arange(h)[:, None] + dy, torch.arange(w) + dx
    there = (y >= 0) & (y < h) & (x >= 0) & (x < w)
    wanted = torch.where(there, img2.roll((-dy, -dx), (2, 3)), 0)
    assert_close(img, wanted, f"A motion of dx = {dx}, dy = {dy} everywhere does not fetch those pixels.")
    assert bool((inside == there).all()), f"For dx = {dx}, dy = {dy} everywhere, inside is wrong."
