import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, normal, regimes


def inverses(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Symmetric matrices with eigenvalues well above 0, another one at each place."""
    h, w, c, _ = wanted.shape
    A = source.normal((h, w, c, c))
    return A @ A.mT / c + source.numbers((h, w, 1, 1), 0.25, 1) * torch.eye(c).double()


@regimes("normal places", "far")
def features(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Features around the mean; exactly the mean at about half of the places; far away from it."""
    d = source.normal(wanted.shape, 64.0 if source.regime == "far" else 2.0)
    if source.regime == "normal places":
        b, _, h, w = wanted.shape
        same = source.flags((b, 1, h, w))
        same[:, :, 0, 0] = False
        d = d.masked_fill(same, 0)
    return drawn["mean"] + d


kata = Kata(
    __file__,
    mean=normal,
    inv_cov=inverses,
    feats=features,
    rules=Rules(
        sizes={"b": (2, 3), "c": (4, 5), "h": (3, 6), "w": (7, 8)},
        single="b c h w",
        layouts=False,
        tolerance=Tolerance(float64=(1e-6, 1e-6)),
    ),
)
# Forms of exactly 4 and of just below 0, in whatever order they are added up.
_S = torch.tensor([[1, -1 - 2.0**-20], [-1 - 2.0**-20, 1]]).double()
kata.also(
    "a matrix that rounding has made indefinite",
    {"b": 1, "c": 2, "h": 1, "w": 3},
    feats=torch.tensor([[2.0, 1, 3], [0, 1, 3]]).double().reshape(1, 2, 1, 3),
    mean=torch.zeros(2, 1, 3).double(),
    inv_cov=_S.expand(1, 3, 2, 2).clone(),
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_identity(mahalanobis_map, feats, mean, inv_cov):
    """With identity matrices the result is the distance to the mean; four times them double it."""
    eye = torch.eye(feats.shape[1]).to(inv_cov).expand_as(inv_cov).contiguous()
    wanted = (feats - mean).square().sum(1).sqrt()
    assert_close(mahalanobis_map(feats, mean, eye), wanted, "With identities it is not the distance.")
    assert_close(
        mahalanobis_map(feats, mean, 4 * eye), 2 * wanted, "Four times the matrix, twice the distance."
    )


@kata.check(times=1)
def test_at_the_mean(mahalanobis_map, feats, mean, inv_cov):
    """Features that are the mean have distance 0, and steps to either side are equally far."""
    d = feats - mean
    found = mahalanobis_map(torch.stack([mean, mean + d[0], mean - d[0]]), mean, inv_cov)
    assert bool((found[0].abs() < 1e-5).all()), (
        f"At the mean the distance is up to {float(found[0].max()):.3g}."
    )
    assert_close(found[1], found[2], "A step to one side is farther than the same step to the other.")


@kata.check(times=2)
def test_units(mahalanobis_map, feats, mean, inv_cov, source):
    """Other units for the channels, in features and matrices alike, change no distance."""
    unit = 2.0 ** source.integers((feats.shape[1],), -2, 2).double()
    scaled = inv_cov / unit / unit[:, None]
    unit = unit[:, None, None]
    found = mahalanobis_map(feats * unit, mean * unit, scaled)
    assert_close(found, mahalanobis_map(feats, mean, inv_cov), "The units of the channels change a distance.")
