import torch

from grader import Kata, Rules, Tolerance, assert_close, normal

kata = Kata(
    __file__,
    x=normal,
    rules=Rules(
        sizes={"b": (2, 3), "c": (2, 3), "h": (4, 5), "w": (6, 7)},
        single="b c h w",
        # Sines and cosines written out in single precision are nobody's mistake.
        tolerance=Tolerance(float64=(1e-5, 1e-5)),
    ),
)
kata.also("an odd height and an odd width", {"h": 3, "w": 5})
kata.also("an even height and an even width", {"h": 6, "w": 4})
kata.also("an odd height and an even width", {"h": 5, "w": 2})
kata.also("one pixel", {"h": 1, "w": 1})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_sizes(FourierUnit, c, x):
    """One unit takes maps of any size, and gives back the same size."""
    unit = FourierUnit(c).double()
    for h, w in ((3, 4), (4, 3), (2, 5), (1, 2), (4, 1)):
        found = tuple(unit(x[:, :, :h, :w]).shape)
        assert found == (*x.shape[:2], h, w), f"Maps of {h} x {w} give a result of shape {found}."


@kata.check(times=1)
def test_global(FourierUnit, c, x):
    """One pixel influences all others."""
    unit = FourierUnit(c).double()
    for name, value in unit.state().items():
        unit.fill({name: torch.ones_like(value)})
    other = x.clone()
    other[:, 0, 1, 2] += 64
    moved = (unit(x) - unit(other)).abs().amax(1)
    assert bool((moved > 1e-3).all()), "There are pixels that another one does not reach."


@kata.check(times=2)
def test_copy(FourierUnit, c, x):
    """Where the convolution copies and no ReLU closes, the difference of two results is that of the maps."""
    unit = FourierUnit(c).double()
    for name, value in unit.state().items():
        copy = torch.eye(2 * c).double() if value.numel() == 4 * c**2 else torch.full((2 * c,), 64.0).double()
        unit.fill({name: copy.reshape(value.shape)})
    for image in (x, x[..., 1:]):
        found = unit(image) - unit(torch.zeros_like(image))
        assert_close(found, image, "Something is lost between the transform and its inverse.")
