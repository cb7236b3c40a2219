import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, one_of, regimes


@regimes("dead", "faint", "same")
def features(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Correlated features around a mean; channels that never change; hardly any spread; copies."""
    n, c, h, w = wanted.shape
    mix = source.normal((h, w, c, c))
    spread = torch.einsum("ijkl,nlij->nkij", mix, source.normal((n, c, h, w)))
    if source.regime == "dead":
        spread = spread * source.flags((c, h, w))
    if source.regime == "same":
        spread = spread[source.integers((n,), 0, 1)]
    scale = 2.0**-6 if source.regime == "faint" else 1.0
    return source.normal((c, h, w), 2.0) + scale * spread


kata = Kata(
    __file__,
    eps=one_of(0.25, 1.0, 2.0**-9),
    feats=features,
    rules=Rules(
        sizes={"n": (3, 4, 12), "c": (5, 6), "h": (2, 3), "w": (4, 7)},
        single="c h w",
        dtypes=(torch.float64,),
        layouts=False,
        tolerance=Tolerance(float64=(1e-5, 1e-6)),
    ),
)
kata.also("two images", {"n": 2, "c": 3, "h": 1, "w": 2})
kata.also("one channel at one place", {"n": 4, "c": 1, "h": 1, "w": 1})
kata.also("20 images, 50 channels", {"n": 20, "c": 50, "h": 1, "w": 2}, eps=0.01)
kata.also("many images, few channels", {"n": 40, "c": 2, "h": 2, "w": 3}, eps=0.01)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_shift(fit, feats, eps):
    """The same vector added to all images moves the mean by it and leaves the matrices as they are."""
    step = torch.arange(1, 1 + feats[0].numel()).to(feats).reshape(feats.shape[1:]) / 16
    mean, inv_cov = fit(feats, eps=eps)
    moved, same = fit(feats + step, eps=eps)
    near = Tolerance(float64=(1e-5, 1e-5))
    assert_close(moved, mean + step, "The mean does not move with the features.", tolerance=near)
    assert_close(same, inv_cov, "Features that are moved together have other matrices.", tolerance=near)


@kata.check(times=2)
def test_inverse(fit, feats, eps, h, w):
    """The matrix of a place, times the covariance there with eps on its diagonal, is the identity."""
    c = feats.shape[1]
    _, inv_cov = fit(feats, eps=eps)
    eye = torch.eye(c).to(feats)
    for i in range(h):
        for j in range(w):
            cov = torch.cov(feats[:, :, i, j].T).reshape(c, c) + eps * eye
            off = float((inv_cov[i, j] @ cov - eye).abs().max())
            assert off < 1e-5, f"At the place ({i}, {j}) the product is off the identity by {off:.2g}."


@kata.check(times=1)
def test_nothing_varies(fit, feats):
    """Where all images are equal the matrix is the identity over eps, 100 times it by default."""
    feats = feats[:1].expand(3, -1, -1, -1).clone()
    _, inv_cov = fit(feats)
    eye = torch.eye(feats.shape[1]).to(feats)
    assert_close(inv_cov, (100 * eye).expand_as(inv_cov), "Equal images do not give 100 times the identity.")


@kata.check(times=1)
def test_precision(fit, feats, eps):
    """Float32 features give a float32 mean and float32 matrices."""
    mean, inv_cov = fit(feats.float(), eps=eps)
    assert (mean.dtype, inv_cov.dtype) == (torch.float32, torch.float32), (
        f"Here the mean is {mean.dtype} and the matrices are {inv_cov.dtype}."
    )
