import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, number, regimes, unit


@regimes("ends")
def sig(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A sigmoid's values; in one regime 0, 1 and a half."""
    if source.regime == "ends":
        return source.integers(wanted.shape, 0, 2).double() / 2
    return unit(source, wanted, drawn)


kata = Kata(
    __file__,
    sig=sig,
    min_d=number(0.0625, 1.0),
    max_d=number(4.0, 100.0),
    rules=Rules(
        sizes={"b": (2, 3), "h": (4, 5), "w": (6, 7)},
        empty="b",
        single="b h w",
        devices=True,
        # One over 100 metres: a floor of 1e-7 under the division moves the depth by 1e-5 of itself.
        tolerance=Tolerance(float64=(2e-5, 1e-7)),
    ),
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_ends(disp_to_depth, sig, min_d, max_d):
    """A sigmoid of 0 is as far as max_d, one of 1 as near as min_d."""
    loose = Tolerance(float64=(2e-5, 1e-7))
    _, far = disp_to_depth(torch.zeros_like(sig), min_d=min_d, max_d=max_d)
    assert_close(far, torch.full_like(sig, max_d), f"0 is not {max_d:g} metres away.", tolerance=loose)
    _, near = disp_to_depth(torch.ones_like(sig), min_d=min_d, max_d=max_d)
    assert_close(near, torch.full_like(sig, min_d), f"1 is not {min_d:g} metres away.", tolerance=loose)


@kata.check(times=2)
def test_reciprocal(disp_to_depth, sig, min_d, max_d):
    """Disparity times depth is 1 at every pixel."""
    disp, depth = disp_to_depth(sig, min_d=min_d, max_d=max_d)
    loose = Tolerance(float64=(2e-5, 1e-7))
    assert_close(disp * depth, torch.ones_like(sig), "Disparity times depth is not 1.", tolerance=loose)
