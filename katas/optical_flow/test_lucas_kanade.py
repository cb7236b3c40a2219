import torch
import torch.nn.functional as F

from grader import Kata, Rules, Source, Wanted, images, one_of, regimes


@regimes("edge", "patches", "faint")
def first(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Noise; stripes, along which nothing can be seen; flat patches that meet; hardly any contrast."""
    h, w = wanted.shape
    if source.regime == "edge":
        shape = source.choice(((1, w), (h, 1)))
        return source.coarse(shape, 0, 1).expand(h, w).clone()
    if source.regime == "patches":
        image = torch.full((h, w), 0.25).double()
        image[source.integer(1, h - 2) :, source.integer(1, w - 2) :] = 0.75
        return image
    noise = images(source, wanted, drawn)
    return 0.5 + (noise - 0.5) * source.choice((2.0**-6, 2.0**-14)) if source.regime == "faint" else noise


def second(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """The first image, changed by an eighth of its contrast."""
    one = drawn["I1"]
    return one + (one.max() - one.min()) * source.numbers(wanted.shape, -0.125, 0.125)


def rows(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Rows in which some pixel is clear."""
    free = _clear(drawn).any(1).nonzero().flatten()
    return free[source.integers(wanted.shape, 0, len(free) - 1)]


def columns(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A clear pixel in each of the rows."""
    free = [row.nonzero().flatten() for row in _clear(drawn)[drawn["ys"]]]
    picks = [f[source.integer(0, len(f) - 1)] for f in free]
    return torch.stack(picks) if picks else drawn["ys"].clone()


def _clear(drawn: dict) -> torch.Tensor:
    """Return where no eigenvalue comes near the threshold, neither with the r drawn nor with 7."""
    least = torch.stack([_least(drawn["I1"], r) for r in (drawn["r"], 7)])
    clear = ((least < 2e-7) | (least > 5e-6)).all(0)
    return clear if bool(clear.any()) else torch.ones_like(clear)


def _least(image: torch.Tensor, r: int) -> torch.Tensor:
    """Return the smaller eigenvalue at every pixel."""
    padded = F.pad(image[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    x, y = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2, (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    products = F.pad(torch.stack([x * x, x * y, y * y])[:, None], (r, r, r, r), mode="replicate")
    xx, xy, yy = F.avg_pool2d(products, 2 * r + 1, stride=1, divisor_override=1)[:, 0]
    return (xx + yy) / 2 - torch.hypot((xx - yy) / 2, xy)


kata = Kata(
    __file__,
    r=one_of(1, 2, 3),
    I1=first,
    I2=second,
    ys=rows,
    xs=columns,
    rules=Rules(
        sizes={"h": (6, 7, 8), "w": (7, 8, 9, 10), "n": (3, 4, 5)},
        empty="n",
        single="n",
        dtypes=(torch.float64,),
    ),
)
_y, _x = torch.arange(5.0).double()[:, None], torch.arange(5.0).double()
for _told, _least_value in (("twice", 2e-6), ("half", 5e-7)):
    _scale = (_least_value / 6) ** 0.5
    kata.also(
        f"a smaller eigenvalue of {_told} the threshold",
        I1=_scale * _x * _y,
        I2=_scale * (_x - 1) * _y,
        ys=torch.tensor([2]),
        xs=torch.tensor([2]),
        r=1,
    )
# The smaller eigenvalue is 4e-7, the larger one 4e4: their product is not small.
kata.also(
    "a steep ramp, all but straight",
    I1=64 * _x + _x * _y / 4096,
    I2=64 * _x + _x * (_y - 1) / 4096,
    ys=torch.tensor([2]),
    xs=torch.tensor([2]),
    r=1,
)
kata.also(
    "a flat image", I1=0 * _x * _y, I2=0 * _x * _y + 0.5, ys=torch.tensor([2, 0]), xs=torch.tensor([2, 4])
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_subpixel_motion(lucas_kanade, source):
    """A smooth pattern moved by a fraction of a pixel is found to move so, to a few hundredths."""
    dx, dy = source.choice(((0.4, -0.3), (-0.2, 0.5), (0.45, 0.25)))
    y, x = torch.arange(24.0).double()[:, None], torch.arange(26.0).double()

    def pattern(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 0.5 + 0.2 * torch.sin(0.33 * x + 0.11 * y) + 0.2 * torch.cos(0.29 * y - 0.13 * x)

    at = torch.tensor([9, 12, 14]), torch.tensor([14, 10, 16])
    flow, _ = lucas_kanade(pattern(x, y), pattern(x - dx, y - dy), *at)
    assert flow.shape == (3, 2), "The flow has no row (u, v) for each point."
    off = float((flow - torch.tensor([dx, dy])).abs().max())
    assert off < 0.04, f"The pattern moves by ({dx}, {dy}), and the flow is off by {off:.2f} pixels."


@kata.check(times=2)
def test_aperture(lucas_kanade, h, w, source):
    """On a straight edge, and on a flat patch, min_eig is nearly 0 and the flow is 0."""
    level = source.choice((1.0, 0.5))
    upright = (torch.arange(w) >= w // 2).double().mul(level).expand(h, w).clone()
    lying = (torch.arange(h) >= h // 2).double().mul(level)[:, None].repeat(1, w)
    points = torch.tensor([h // 2, h // 2 - 1]), torch.tensor([w // 2, w // 2 - 1])
    for image in (upright, lying, torch.full_like(upright, 0.25)):
        flow, min_eig = lucas_kanade(image, 0.75 * image, *points, r=2)
        assert bool((min_eig.abs() < 1e-9).all()), "Nothing varies along the edge, and yet min_eig is not 0."
        assert bool((flow == 0).all()), "The motion cannot be seen there, and yet the flow is not 0."


@kata.check(times=1)
def test_precision(lucas_kanade, I1, I2, ys, xs, r):
    """Float32 images give a float32 flow and float32 eigenvalues."""
    flow, min_eig = lucas_kanade(I1.float(), I2.float(), ys, xs, r=r)
    assert (flow.dtype, min_eig.dtype) == (torch.float32, torch.float32), (
        f"Here the flow is {flow.dtype} and min_eig {min_eig.dtype}."
    )
