import torch
import torch.nn.functional as F

from grader import Kata, Rules, Source, Wanted, one_of, regimes

DEFAULTS = {"a1": 0.01, "a2": 0.5}


@regimes("quarters", "fast")
def forward(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """One motion for each image and some unrest, in quarters (so that some meet the border) or faster."""
    reach = 4 if source.regime == "fast" else 2
    motion = source.integers((wanted.shape[0], 2, 1, 1), -reach, reach)
    if source.regime == "quarters":
        return motion + source.coarse(wanted.shape, -0.75, 0.75)
    # The fractions keep away from whole coordinates, and so from the border.
    return motion + source.integers(wanted.shape, -1, 0) + source.numbers(wanted.shape, 1 / 64, 63 / 64)


def backward(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """About the way back, drawn such that no mismatch comes near its bound."""
    home = -drawn["fw"].mean((2, 3), keepdim=True).round()
    tries = [home + source.normal(wanted.shape, 0.75) for _ in range(5)]
    return max(tries, key=lambda bw: _clearance(bw, drawn))


def _clearance(bw: torch.Tensor, drawn: dict) -> float:
    """Return how near a mismatch comes to a bound, with the numbers drawn and with the defaults."""
    fw = drawn["fw"]
    h, w = fw.shape[-2:]
    x, y = torch.arange(w) + fw[:, 0], torch.arange(h)[:, None] + fw[:, 1]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    back = F.grid_sample(bw, grid, align_corners=True)
    gap, size = (fw + back).square().sum(1), fw.square().sum(1) + back.square().sum(1)
    bounds = [a1 * size + a2 for a1 in (drawn["a1"], DEFAULTS["a1"]) for a2 in (drawn["a2"], DEFAULTS["a2"])]
    return min(float((gap - bound).abs().min()) for bound in bounds)


kata = Kata(
    __file__,
    a1=one_of(0.01, 0.125),
    a2=one_of(0.5, 0.25, 1.5),
    fw=forward,
    bw=backward,
    # Sides of 2^k + 1 pixels: scaled to [-1, 1], points on the border are exact as well.
    rules=Rules(sizes={"b": (2, 3), "h": (5, 9), "w": (5, 9)}),
)
kata.also("other sides", {"h": 6, "w": 8})
kata.also("other sides", {"h": 7, "w": 4})
kata.also("a batch of one", {"b": 1})
kata.also("two rows", {"h": 2, "w": 7})
_step = torch.tensor([1.0, 0.0]).double()[None, :, None, None].repeat(1, 1, 4, 5)
kata.also("a mismatch equal to its bound", fw=_step, bw=torch.zeros_like(_step), a1=0.0, a2=1.0)
kata.also("a mismatch above a bound of the relative part alone", fw=_step, bw=0 * _step, a1=0.5, a2=0.0)

_hair = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]]) * (1 + 2.0**-20)
_steps = _hair.double()[:, :, None, None].repeat(1, 1, 5, 9)
kata.also("a hair beyond the border", fw=_steps, bw=-_steps)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3)
def test_inverse_flows(fb_occlusion, h, w, source):
    """Of two flows that are exactly inverse, only what leaves the image is occluded."""
    # A zoom about some point: the pixels move to q = c + (1 + s) * (p - c), and back.
    s = source.choice((1.0, -0.5))
    centre = source.coarse((2, 1, 1), 1, 3).double()
    pixels = torch.stack([torch.arange(w).expand(h, w), torch.arange(h)[:, None].expand(h, w)]).double()
    fw, bw = s * (pixels - centre), -s / (1 + s) * (pixels - centre)
    q = pixels + fw
    leaves = ((q < 0) | (q > torch.tensor([w - 1, h - 1])[:, None, None])).any(0)
    occluded = fb_occlusion(fw[None], bw[None])
    assert occluded.shape == (1, 1, h, w), "The result is no map [B, 1, H, W]."
    assert bool((occluded.bool() | ~leaves).all()), "A pixel that leaves the image is not occluded."
    assert bool((~occluded.bool() | leaves).all()), (
        "The flows are exactly inverse, and yet a pixel inside counts as occluded."
    )
