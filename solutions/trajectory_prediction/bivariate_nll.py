"""Negative log-likelihood of a Gaussian in the plane.

A network that is unsure where an agent will be can say so: for each point it predicts a normal
distribution in two dimensions, five numbers that may be anything, since nothing bounds the last layer
of a network. bivariate_nll(params, xy) says how badly they explain the point that came true:

* params [..., 5] holds mu_x, mu_y, log sigma_x, log sigma_y, r, in this order; xy [..., 2] the points
  (x, y). The leading axes are the same for both, and any number of them, even none: [5] and [2] give a
  result of shape []. Each is at least 1.
* The means are mu_x, mu_y. The standard deviations are the exponentials of log sigma_x and log sigma_y,
  which makes them positive. The correlation is rho = 0.999 * tanh(r), which keeps it away from -1
  and 1, where the density would be infinite.
* With a = (x - mu_x) / sigma_x, b = (y - mu_y) / sigma_y and q = 1 - rho^2 the result is
      log(2 pi) + log sigma_x + log sigma_y + 0.5 * log q + (a^2 - 2 rho a b + b^2) / (2 q)
  the natural logarithm of 1 / density. Return one number for each point, [...]: neither sum nor mean.
  It may be negative, for a density may be greater than 1.
* The result is finite for all finite inputs of sensible size: r of plus or minus 1000, a point a
  hundred sigmas away, where the density itself is 0 for a computer, log sigma of plus or minus 6.
  Nothing is clamped: far points still say which way to go.
* The result has the dtype of the inputs. Gradients flow to params, for all of these too. The inputs
  stay as they are.

Example: params of zeros and the point (0, 0) give log(2 pi) = 1.838. With params (0, 0, 0, log 2, 1000)
rho is 0.999, and the point (1, 2) has a = b = 1 and q = 0.001999:
1.8379 + 0 + 0.6931 - 3.1076 + 0.5003 = -0.0763. The point (1, -2) lies across the correlation, a = 1
and b = -1, and has 999.423.
"""

import math

import torch
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 25
HINTS = (
    "Take the logarithm on paper, before the computer has to form a density that may be 0 or infinite. Which "
    "of the terms does the network give as they are?",
    "unbind(-1) gives the five numbers for any leading axes. log sigma is needed twice: as it is, and "
    "through the exponential. torch.tanh knows what to do with 1000.",
    "Standardise both coordinates, a and b. One term each for log(2 pi), the two log sigmas, half the "
    "logarithm of 1 - rho^2, and the quadratic form over twice 1 - rho^2. Add them up, element by element.",
)


def bivariate_nll(params: Tensor, xy: Tensor) -> Tensor:
    """Return the negative log-likelihoods [...] of the points xy [..., 2] under params [..., 5]."""
    mu_x, mu_y, log_sx, log_sy, r = params.unbind(dim=-1)
    x, y = xy.unbind(dim=-1)
    rho = 0.999 * r.tanh()
    q = 1 - rho.square()
    a, b = (x - mu_x) / log_sx.exp(), (y - mu_y) / log_sy.exp()
    distance = (a.square() - 2 * rho * a * b + b.square()) / q  # of Mahalanobis, squared
    return math.log(2 * math.pi) + log_sx + log_sy + 0.5 * q.log() + 0.5 * distance


def _parts(params, xy):
    """The standardised differences, the two log sigmas and rho."""
    mu, log_s, r = params[..., :2], params[..., 2:4], params[..., 4]
    a, b = ((xy - mu) * (-log_s).exp()).unbind(-1)
    return a, b, log_s[..., 0], log_s[..., 1], 0.999 * torch.tanh(r)


def _summed(a, b, lx, ly, rho):
    """The formula itself."""
    q = 1 - rho * rho
    return math.log(2 * math.pi) + lx + ly + 0.5 * q.log() + (a * a - 2 * rho * a * b + b * b) / (2 * q)


@right("with torch's distribution and the Cholesky factor")
def by_distribution(params, xy):
    mu, (sx, sy), r = params[..., :2], params[..., 2:4].exp().unbind(-1), params[..., 4]
    rho = 0.999 * torch.tanh(r)
    zero = torch.zeros_like(rho)
    rows = [torch.stack([sx, zero], -1), torch.stack([rho * sy, sy * (1 - rho**2).sqrt()], -1)]
    tril = torch.stack(rows, dim=-2)
    return -torch.distributions.MultivariateNormal(mu, scale_tril=tril).log_prob(xy)


@right("as the density of x times that of y given x")
def by_condition(params, xy):
    mx, my, lx, ly, r = [params[..., i] for i in range(5)]
    rho = torch.tanh(r) * 0.999
    ratio = rho * (ly - lx).exp()
    shift = my + ratio * (xy[..., 0] - mx)
    spread = ly + 0.5 * torch.log1p(-rho * rho)
    normal = torch.distributions.Normal
    first = normal(mx, lx.exp()).log_prob(xy[..., 0])
    return -(first + normal(shift, spread.exp()).log_prob(xy[..., 1]))


@right("by whitening with a triangular solve")
def whitened(params, xy):
    flat, points = params.reshape(-1, 5), xy.reshape(-1, 2)
    s = torch.diag_embed(flat[:, 2:4].exp())
    rho = 0.999 * torch.tanh(flat[:, 4])
    one = torch.ones_like(rho)
    corr = torch.stack([one, rho, rho, one], dim=-1).reshape(-1, 2, 2)
    factor = s @ torch.linalg.cholesky(corr)
    z = torch.linalg.solve_triangular(factor, (points - flat[:, :2])[..., None], upper=False)
    half_logdet = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return (0.5 * z.square().sum((-2, -1)) + half_logdet + math.log(2 * math.pi)).reshape(xy.shape[:-1])


@right("with the inverse of the covariance matrix, written out")
def inverted(params, xy):
    d = xy - params[..., :2]
    sx, sy, rho = params[..., 2].exp(), params[..., 3].exp(), 0.999 * params[..., 4].tanh()
    cov = torch.stack([sx**2, rho * sx * sy, rho * sx * sy, sy**2], -1).unflatten(-1, (2, 2))
    det = sx**2 * sy**2 * (1 - rho**2)
    inv = torch.stack([cov[..., 1, 1], -cov[..., 0, 1], -cov[..., 1, 0], cov[..., 0, 0]], -1)
    inv = inv.unflatten(-1, (2, 2)) / det[..., None, None]
    return torch.log(2 * torch.pi * det.sqrt()) + 0.5 * torch.einsum("...i,...ij,...j->...", d, inv, d)


@right("point by point, with rotated axes")
def looped(params, xy):
    out = []
    for p, v in zip(params.reshape(-1, 5), xy.reshape(-1, 2)):
        mx, my, lx, ly, r = p
        a, b = (v[0] - mx) / torch.exp(lx), (v[1] - my) / torch.exp(ly)
        rho = 0.999 * (1 - 2 / (1 + torch.exp((2 * r).clamp(-60, 60))))
        plus, minus = (a + b) ** 2 / (1 + rho), (a - b) ** 2 / (1 - rho)
        norm = lx + ly + 0.5 * torch.log((1 - rho) * (1 + rho))
        out.append(norm + 0.25 * (plus + minus) + math.log(2 * math.pi))
    return torch.stack(out).reshape(xy.shape[:-1])


# -- the formula ---------------------------------------------------------------------------------


@wrong("leaves out the constant log(2 pi)")
def without_constant(params, xy):
    return bivariate_nll(params, xy) - math.log(2 * math.pi)


@wrong("halves the constant, as if there were one dimension")
def half_constant(params, xy):
    return bivariate_nll(params, xy) - 0.5 * math.log(2 * math.pi)


@wrong("leaves out the log sigmas, so that a wide distribution costs nothing")
def without_sigmas(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    return _summed(a, b, lx, ly, rho) - lx - ly


@wrong("leaves out the logarithm of 1 - rho^2")
def without_determinant(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    return _summed(a, b, lx, ly, rho) - 0.5 * (1 - rho**2).log()


@wrong("takes the logarithm of 1 - rho^2 whole instead of half")
def whole_determinant(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    return _summed(a, b, lx, ly, rho) + 0.5 * (1 - rho**2).log()


@wrong("does not halve the quadratic form")
def not_halved(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    return _summed(a, b, lx, ly, rho) + (a * a - 2 * rho * a * b + b * b) / (2 * (1 - rho**2))


@wrong("does not divide the quadratic form by 1 - rho^2")
def undivided(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    form = a * a - 2 * rho * a * b + b * b
    return _summed(a, b, lx, ly, rho) - form / (2 * (1 - rho**2)) + form / 2


@wrong("has the sign of the mixed term wrong")
def mirrored(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    return _summed(a, b, lx, ly, -rho)


@wrong("forgets the 2 in the mixed term")
def single_mixed(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    return _summed(a, b, lx, ly, rho) + rho * a * b / (2 * (1 - rho**2))


@wrong("ignores the correlation")
def uncorrelated(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    return _summed(a, b, lx, ly, 0 * rho)


@wrong("returns the log-likelihood, with the sign not turned")
def positive(params, xy):
    return -bivariate_nll(params, xy)


@wrong("returns the density itself")
def density(params, xy):
    return (-bivariate_nll(params, xy)).exp()


# -- what the parameters mean --------------------------------------------------------------------


@wrong("takes the logarithms of the sigmas for those of the variances")
def log_variance(params, xy):
    return bivariate_nll(params * params.new_tensor([1, 1, 0.5, 0.5, 1]), xy)


@wrong("takes log sigma for sigma")
def plain_sigma(params, xy):
    mu, s, rho = params[..., :2], params[..., 2:4].abs() + 1e-6, 0.999 * params[..., 4].tanh()
    a, b = ((xy - mu) / s).unbind(-1)
    return _summed(a, b, *s.log().unbind(-1), rho)


@wrong("makes the sigmas positive by softplus")
def softplus(params, xy):
    mu, s = params[..., :2], torch.nn.functional.softplus(params[..., 2:4])
    a, b = ((xy - mu) / s).unbind(-1)
    return _summed(a, b, *s.log().unbind(-1), 0.999 * params[..., 4].tanh())


@wrong("takes r for the correlation itself, cut off at 0.999")
def clamped_r(params, xy):
    a, b, lx, ly, _ = _parts(params, xy)
    return _summed(a, b, lx, ly, params[..., 4].clamp(-0.999, 0.999))


@wrong("takes tanh(r) for the correlation, which reaches 1")
def full_tanh(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    return _summed(a, b, lx, ly, rho / 0.999)


@wrong("cuts tanh(r) off at 0.999 instead of scaling it")
def cut_tanh(params, xy):
    a, b, lx, ly, _ = _parts(params, xy)
    return _summed(a, b, lx, ly, params[..., 4].tanh().clamp(-0.999, 0.999))


@wrong("scales r inside tanh instead of tanh itself, with a floor below 1 - rho^2")
def scaled_inside(params, xy):
    a, b, lx, ly, _ = _parts(params, xy)
    return _summed(a, b, lx, ly, (0.999 * params[..., 4]).tanh().clamp(-0.99999, 0.99999))


@wrong("swaps the two sigmas")
def swapped_sigmas(params, xy):
    return bivariate_nll(params[..., [0, 1, 3, 2, 4]], xy)


@wrong("takes the parameters in the order mu_x, log sigma_x, mu_y, log sigma_y, r")
def by_axis(params, xy):
    return bivariate_nll(params[..., [0, 2, 1, 3, 4]], xy)


@wrong("writes tanh as a quotient of exponentials, which overflow for large r")
def handmade_tanh(params, xy):
    a, b, lx, ly, _ = _parts(params, xy)
    up, down = params[..., 4].exp(), (-params[..., 4]).exp()
    return _summed(a, b, lx, ly, 0.999 * (up - down) / (up + down))


@wrong("takes the sign for tanh of large r, but keeps the overflow in the graph, where it becomes NaN")
def chosen_tanh(params, xy):
    a, b, lx, ly, _ = _parts(params, xy)
    r = params[..., 4]
    up, down = r.exp(), (-r).exp()
    return _summed(a, b, lx, ly, 0.999 * torch.where(r.abs() > 300, r.sign(), (up - down) / (up + down)))


# -- numerics ------------------------------------------------------------------------------------


@wrong("takes the logarithm of the density, which is 0 for far points")
def log_of_density(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    q = 1 - rho**2
    form = (-(a * a - 2 * rho * a * b + b * b) / (2 * q)).exp()
    return -(form / (2 * math.pi * lx.exp() * ly.exp() * q.sqrt())).log()


@wrong("keeps the density above 1e-20 before the logarithm, so that far points look alike")
def floored_density(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    q = 1 - rho**2
    form = (-(a * a - 2 * rho * a * b + b * b) / (2 * q)).exp()
    return -(form / (2 * math.pi * lx.exp() * ly.exp() * q.sqrt())).clamp(min=1e-20).log()


@wrong("clamps the sigmas from below")
def floored_sigma(params, xy):
    return bivariate_nll(
        torch.cat([params[..., :2], params[..., 2:4].clamp(min=-2), params[..., 4:]], -1), xy
    )


@wrong("adds a constant to 1 - rho^2 to keep the division safe")
def padded_determinant(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    q = 1 - rho**2 + 1e-4
    return math.log(2 * math.pi) + lx + ly + 0.5 * q.log() + (a * a - 2 * rho * a * b + b * b) / (2 * q)


@wrong("keeps 1 - rho^2 above 0.01, although 0.999 is care enough")
def floored_determinant(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    q = (1 - rho**2).clamp(min=0.01)
    return math.log(2 * math.pi) + lx + ly + 0.5 * q.log() + (a * a - 2 * rho * a * b + b * b) / (2 * q)


@wrong("limits the log sigmas to a range of -5 to 5")
def limited_sigma(params, xy):
    return bivariate_nll(torch.cat([params[..., :2], params[..., 2:4].clamp(-5, 5), params[..., 4:]], -1), xy)


@wrong("limits the differences to ten sigmas")
def limited(params, xy):
    a, b, lx, ly, rho = _parts(params, xy)
    return _summed(a.clamp(-10, 10), b.clamp(-10, 10), lx, ly, rho)


# -- shapes, gradients, inputs -------------------------------------------------------------------


@wrong("returns the mean over all points")
def averaged(params, xy):
    return bivariate_nll(params, xy).mean()


@wrong("adds up the last axis of the points")
def summed(params, xy):
    found = bivariate_nll(params, xy)
    return found.sum(-1) if found.dim() else found


@wrong("keeps an axis of size 1 at the end")
def kept(params, xy):
    return bivariate_nll(params, xy).unsqueeze(-1)


@wrong("knows just one leading axis")
def flat_only(params, xy):
    return bivariate_nll(params, xy).reshape(-1)


@wrong("indexes the second axis instead of the last")
def second_axis(params, xy):
    return _summed(*_parts(params.movedim(1, -1), xy.movedim(1, -1)))


@wrong("learns no correlation, because it is cut off from the graph")
def detached_correlation(params, xy):
    return bivariate_nll(torch.cat([params[..., :4], params[..., 4:].detach()], -1), xy)


@wrong("learns means but no spread, because the sigmas are cut off from the graph")
def detached_sigmas(params, xy):
    return bivariate_nll(torch.cat([params[..., :2], params[..., 2:4].detach(), params[..., 4:]], -1), xy)


@wrong("computes in NumPy, which no gradient survives")
def in_numpy(params, xy):
    return torch.from_numpy(bivariate_nll(params.detach(), xy.detach()).numpy().copy())


@wrong("applies the exponential in the caller's own params")
def in_place(params, xy):
    params[..., 2:4] = params[..., 2:4].exp()
    return bivariate_nll(torch.cat([params[..., :2], params[..., 2:4].log(), params[..., 4:]], -1), xy)


@wrong("makes its constants float64, and with them the result")
def double_precision(params, xy):
    return bivariate_nll(params.double(), xy.double())
