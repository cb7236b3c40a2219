import math

import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes


@regimes("wide r", "far", "sharp", "no correlation")
def params(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Five numbers each, up to three leading axes; large r, r = 0, or sigmas from e^-6 to e^6 in regimes."""
    b, n, t = (wanted.sizes[axis] for axis in "bnt")
    lead = source.choice([(), (b,), (b, t), (b, n, t)])
    means = source.normal((*lead, 2), 4.0)
    spread = 6 if source.regime == "sharp" else 1.5
    log_sigmas = source.numbers((*lead, 2), -spread, spread)
    r = source.normal((*lead, 1), 1.0)
    if source.regime == "wide r":
        r = source.numbers((*lead, 1), 8, 1000) * (1 - 2 * source.integers((*lead, 1), 0, 1))
    if source.regime == "no correlation":
        r = r * 0
    return torch.cat([means, log_sigmas, r], dim=-1)


def xy(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Points within a few sigmas; in one regime up to a hundred away."""
    means, sigmas = drawn["params"][..., :2], drawn["params"][..., 2:4].exp()
    scale = 60.0 if source.regime == "far" else 1.5
    return means + sigmas * source.normal(tuple(means.shape), scale)


kata = Kata(
    __file__,
    params=params,
    xy=xy,
    rules=Rules(
        sizes={"b": (2, 3), "n": (3, 4), "t": (5, 6)},
        single="b t",
        dtypes=(torch.float64,),
        gradients_of="params",
    ),
)
PARAMS = torch.tensor([[0, 0, 0, math.log(2), 1000.0]]).double()
kata.also("the example", params=PARAMS.expand(2, 5), xy=torch.tensor([[1.0, 2], [1, -2]]).double())
kata.also("no leading axis", params=PARAMS[0], xy=torch.tensor([1.0, 2]).double())
kata.also("three leading axes", params=PARAMS.expand(2, 1, 3, 5), xy=torch.arange(12.0).reshape(2, 1, 3, 2))

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_two_normals(bivariate_nll, params, xy):
    """With r = 0 the result is the sum of those of two separate normal distributions."""
    params = torch.cat([params[..., :4], 0 * params[..., 4:]], dim=-1)
    scaled = (xy - params[..., :2]) / params[..., 2:4].exp()
    wanted = (0.5 * scaled.square() + params[..., 2:4] + 0.5 * math.log(2 * math.pi)).sum(-1)
    assert_close(bivariate_nll(params, xy), wanted, "With r = 0 it is not the sum of two.")


@kata.check(times=2)
def test_axes(bivariate_nll, params, xy):
    """Which coordinate is called x is a matter of names: swapping both changes nothing."""
    swapped = params[..., [1, 0, 3, 2, 4]]
    assert_close(bivariate_nll(swapped, xy.flip(-1)), bivariate_nll(params, xy), "Swapping x and y matters.")


@kata.check(times=2)
def test_single_precision(bivariate_nll, params, xy):
    """Inputs in float32 give a finite result in float32."""
    found = bivariate_nll(params.float(), xy.float())
    assert found.dtype == torch.float32, f"float32 becomes {str(found.dtype).removeprefix('torch.')}."
    assert bool(found.isfinite().all()), "The result is not finite."


@kata.check(times=1)
def test_density(bivariate_nll, source):
    """The density integrates to 1 over the plane."""
    line = torch.arange(-64, 65).double() / 4
    grid = torch.cartesian_prod(line, line)
    params = torch.cat([source.normal((2,), 1.0), source.numbers((2,), 0, 0.5), source.numbers((1,), 0.5, 1)])
    mass = (-bivariate_nll(params.expand(len(grid), 5), grid)).exp().sum() / 16
    assert_close(mass, torch.ones(()).double(), "The density does not integrate to 1.")


@kata.check(times=4, regime="wide r")
def test_gradients_far_out(bivariate_nll, params, xy):
    """For large r, and a hundred sigmas away, the gradient is finite and still says which way to go."""
    params.requires_grad_(True)
    far = xy + 100 * params[..., 2:4].detach().exp()
    bivariate_nll(params, far).sum().backward()
    assert bool(params.grad.isfinite().all()), "The gradient is not finite."
    assert bool((params.grad[..., :2] != 0).any(-1).all()), "Far points do not pull the means."
