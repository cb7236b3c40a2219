import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, regimes


@regimes("zeros", "lengths", "opposite")
def students(source: Source, wanted: Wanted, drawn: dict) -> list[torch.Tensor]:
    """Features of each level; in special regimes zero at many places, of all lengths, or pointing apart."""
    b, h, w = (wanted.sizes[axis] for axis in "bhw")
    found = []
    for _ in range(wanted.sizes["levels"]):
        shape = source.integer(1, h), source.integer(1, w)
        x = _apart(source, (b, source.integer(3, 6), *shape))
        if source.regime == "zeros":
            x = x * source.flags((b, 1, *shape), 0.7)
        if source.regime == "lengths":
            x = x * 2.0 ** source.integers((b, 1, *shape), -2, 6)
        found.append(x)
    return found


def teachers(source: Source, wanted: Wanted, drawn: dict) -> list[torch.Tensor]:
    """Features that differ from the student's in direction and length, at some places not at all."""
    found = []
    for s in drawn["fs"]:
        b, _, h, w = s.shape
        t = s * 2.0 ** source.integers((b, 1, h, w), -1, 2) + 0.75 * _apart(source, tuple(s.shape))
        if source.regime == "zeros":
            t = torch.where(source.flags((b, 1, h, w), 0.3), s, t) * source.flags((b, 1, h, w), 0.7)
        if source.regime == "opposite":
            t = torch.where(source.flags((b, 1, h, w), 0.7), -t, t)
        found.append(t)
    return found


def _apart(source: Source, shape: tuple[int, ...]) -> torch.Tensor:
    """Return numbers of which none is nearer to 0 than 1/4, so that no vector is."""
    sign = 2.0 * source.flags(shape) - 1
    return sign * source.numbers(shape, 0.25, 2)


def sizes(source: Source, wanted: Wanted, drawn: dict) -> tuple[int, int]:
    """The size asked for, at least that of every level."""
    return wanted.sizes["h"], wanted.sizes["w"]


kata = Kata(
    __file__,
    fs=students,
    ft=teachers,
    size=sizes,
    rules=Rules(
        sizes={"b": (2, 3), "levels": (2, 3), "h": (5, 7, 8), "w": (9, 10, 11)},
        single="b levels",
        layouts=False,
        tolerance=Tolerance(float64=(1e-5, 1e-6)),
    ),
)
kata.also("four levels", {"levels": 4})
kata.also(
    "a level of one place, another of the size asked for",
    {"h": 4, "w": 6},
    fs=[
        torch.tensor([1.0, 2.0]).double().reshape(1, 2, 1, 1),
        torch.arange(1, 49).double().reshape(1, 2, 4, 6),
    ],
    ft=[
        torch.tensor([-2.0, 1.0]).double().reshape(1, 2, 1, 1),
        torch.arange(48, 0, -1).double().reshape(1, 2, 4, 6),
    ],
    size=(4, 6),
)
kata.also(
    "a single channel",
    {"h": 3, "w": 6},
    fs=[torch.tensor([[2.0, -1.0, 0.5]]).double().reshape(1, 1, 1, 3)],
    ft=[torch.tensor([[4.0, 0.5, -1.0]]).double().reshape(1, 1, 1, 3)],
    size=(3, 6),
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_scaled(stfpm_map, fs, ft, size, source):
    """Features that are longer or shorter, place by place, have the same map."""

    def longer(x: torch.Tensor) -> torch.Tensor:
        return x * 2.0 ** source.integers((x.shape[0], 1, *x.shape[2:]), -1, 4)

    before = stfpm_map(fs, ft, size)
    after = stfpm_map([longer(s) for s in fs], [longer(t) for t in ft], size)
    near = Tolerance(float64=(1e-4, 1e-4))
    assert_close(after, before, "The lengths of the features change the map.", tolerance=near)


@kata.check(times=2, regime="zeros")
def test_agreement(stfpm_map, fs, size):
    """A student that agrees with its teacher up to a positive factor has 0 everywhere."""
    found = stfpm_map(fs, [4 * s for s in fs], size)
    assert bool((found.abs() < 1e-6).all()), f"Where both agree the map has {float(found.abs().max()):.3g}."


@kata.check(times=2)
def test_levels(stfpm_map, fs, ft, size):
    """The map is the product of the maps of the single levels, in whatever order they come."""
    product = 1.0
    for s, t in zip(fs, ft):
        product = product * stfpm_map([s], [t], size)
    assert_close(stfpm_map(fs, ft, size), product, "It is not the product of the maps of its levels.")
    assert_close(stfpm_map(fs[::-1], ft[::-1], size), product, "The order of the levels changes the map.")


@kata.check(times=1)
def test_comparable(stfpm_map, fs, ft, size):
    """An image has the same map alone and in a batch."""
    together = stfpm_map(fs, ft, size)
    for i in range(len(together)):
        alone = stfpm_map([s[i : i + 1] for s in fs], [t[i : i + 1] for t in ft], size)
        assert_close(alone, together[i : i + 1], "The other images change a map.")


@kata.check(times=1)
def test_faint(stfpm_map):
    """Vectors that are short, but not zero, have a direction: at right angles the distance is 1."""
    s = torch.tensor([2.0**-11, 0]).double().reshape(1, 2, 1, 1)
    found = float(stfpm_map([s], [s.flip(1)], (1, 1)))
    # Constants that keep a length from being zero may show, if they are tiny.
    assert abs(found - 1) < 0.05, (
        f"Of two vectors of length 0.0005 at right angles the distance is {found:.3g}."
    )
