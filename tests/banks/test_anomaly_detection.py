"""Every number, shape and computed claim of the anomaly detection bank, computed again."""

from __future__ import annotations

import math
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

BANK = Path(__file__).parents[2] / "questions" / "anomaly_detection.yaml"
QUESTIONS: dict[str, dict[str, Any]] = {
    q["id"]: q for q in yaml.load(BANK.read_text(encoding="utf-8"), yaml.BaseLoader)
}


def shape(name: str) -> tuple[int, ...]:
    return tuple(int(size) for size in QUESTIONS[name]["shape"].strip("[]").split(","))


def agrees(name: str, value: float) -> None:
    """The computed value lies within half of the tolerance, so that an honestly rounded answer still counts."""
    question = QUESTIONS[name]
    tolerance = float(question.get("tolerance", 0))
    assert abs(float(question["number"]) - value) <= tolerance / 2 + 1e-9, (name, value)


def answer(name: str) -> str:
    return str(QUESTIONS[name]["answer"]).replace("`", "")


def run(name: str, symbol: str, **known: object) -> Any:
    scope: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, **known}
    exec(QUESTIONS[name]["code"], scope)  # the bank's own code
    return scope[symbol]


def rand(*sizes: int, seed: int = 0) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def auroc(defects: Tensor, normal: Tensor) -> float:
    gap = defects[:, None] - normal
    return ((gap > 0).double() + 0.5 * (gap == 0).double()).mean().item()


def average_precision(defects: Tensor, normal: Tensor) -> float:
    precisions = [(defects >= t).sum() / ((defects >= t).sum() + (normal >= t).sum()) for t in defects]
    return torch.stack(precisions).mean().item()


def mahalanobis(d: Tensor, covariance: Tensor) -> float:
    return (d @ torch.linalg.solve(covariance, d)).sqrt().item()


def greedy(points: Tensor, count: int) -> Tensor:
    chosen = [0]
    while len(chosen) < count:
        chosen.append(int(torch.cdist(points, points[chosen]).amin(1).argmax()))
    return points[chosen]


class TinyAutoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 4, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.decoder = nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.encoder(x)
        return self.decoder(z), z


# ---------------------------------------------------------------- shapes


def test_code_shape() -> None:
    sizes = (3, 32, 64, 128)
    down = [nn.Conv2d(i, o, 4, stride=2, padding=1) for i, o in pairwise(sizes)]
    encoder = nn.Sequential(*down, nn.Conv2d(128, 16, 1)).to("meta")
    assert tuple(encoder(torch.empty(8, 3, 256, 192, device="meta")).shape) == shape("code-shape")


def test_odd_size() -> None:
    x = torch.zeros(1, 3, 100, 100)
    sides = []
    for layer in [nn.Conv2d(3, 3, 4, stride=2, padding=1)] * 3 + [
        nn.ConvTranspose2d(3, 3, 4, stride=2, padding=1)
    ] * 3:
        x = layer(x)
        sides.append(x.shape[-1])
    assert tuple(x.shape) == shape("odd-size-shape")
    assert sides == [50, 25, 12, 24, 48, 96]


def test_bottleneck() -> None:
    image, code = torch.empty(3, 128, 128), torch.empty(16, 16, 16)
    agrees("bottleneck-ratio", image.numel() / code.numel())
    assert torch.empty(256, 16, 16).numel() == 65_536 > image.numel() == 49_152
    assert answer("wider-code").startswith("Defects are reconstructed")


def test_padim_features() -> None:
    maps = [torch.zeros(1, c, 224 // s, 224 // s, device="meta") for c, s in ((64, 4), (128, 8), (256, 16))]
    finest = maps[0].shape[2:]
    joined = torch.cat([F.interpolate(m, size=finest) for m in maps], dim=1)
    assert tuple(joined.shape) == shape("padim-features-shape")
    bytes_of = [math.prod((*finest, c, c)) * 4 for c in (100, 448)]
    agrees("padim-memory", bytes_of[0] / 1e6)
    assert bytes_of[1] / bytes_of[0] == pytest.approx(20, abs=0.1)


# ---------------------------------------------------------------- Gaussians


def test_rank() -> None:
    agrees("covariance-rank", int(torch.linalg.matrix_rank(torch.cov(rand(20, 50).T))))


def test_mahalanobis() -> None:
    covariance = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    across, along = torch.tensor([3.0, -3.0]).double(), torch.tensor([3.0, 3.0]).double()
    agrees("mahalanobis-correlated", mahalanobis(across, covariance))
    assert mahalanobis(across, covariance) == pytest.approx(across.norm().item())
    assert mahalanobis(along, covariance) == pytest.approx(math.sqrt(6))
    unit = torch.eye(2, dtype=torch.float64)
    assert mahalanobis(across, unit) == pytest.approx(across.norm().item())
    assert answer("identity-covariance").startswith("The Euclidean distance")


def test_mahalanobis_and_likelihood() -> None:
    zero, d = torch.zeros(2).double(), torch.tensor([1.0, 2.0]).double()
    rows = []
    for scale in (1.0, 100.0):
        covariance = scale * torch.tensor([[2.0, 1.0], [1.0, 2.0]]).double()
        nll = -torch.distributions.MultivariateNormal(zero, covariance).log_prob(d).item()
        squared = mahalanobis(d, covariance) ** 2
        constant = torch.logdet(covariance).item() + 2 * math.log(2 * math.pi)
        assert 2 * nll == pytest.approx(squared + constant)
        rows.append((squared, nll))
    assert rows[0][0] > rows[1][0]  # the distance calls the first position worse,
    assert rows[0][1] < rows[1][1]  # the likelihood the second
    assert answer("notes-gaussian-nll") == "It holds at each position, not between positions"


def test_large_eps() -> None:
    feats = rand(40, 5) * torch.tensor([0.1, 0.5, 1, 3, 10]).double()
    covariance, new = torch.cov(feats.T), rand(30, 5, seed=1)
    eye = torch.eye(5).double()
    near, far = (torch.tensor([mahalanobis(d, covariance + e * eye) for d in new]) for e in (0.01, 1e9))
    assert torch.equal(far.argsort(), new.norm(dim=1).argsort())
    assert not torch.equal(near.argsort(), new.norm(dim=1).argsort())
    assert torch.allclose(far.double(), new.norm(dim=1) / 1e9**0.5)
    assert answer("more-eps").startswith("As the Euclidean")


@pytest.mark.parametrize("seed", range(6))
def test_singular_bug(seed: int) -> None:
    feats, new = rand(20, 50, seed=seed).float(), rand(200, 50, seed=100 + seed).float()
    try:
        mean, inverse = run("singular-bug", "fit")(feats)
    except torch.linalg.LinAlgError:  # an exact zero among the pivots
        pytest.skip("found singular")
    squared = torch.einsum("nk,kl,nl->n", new - mean, inverse, new - mean)
    assert squared.abs().median() > 1000
    assert (squared < 0).any()
    assert answer("singular-bug") == "cov is singular"
    assert pytest.approx(1.05, abs=0.005) == 20 / 19


def test_what_makes_a_covariance_invertible() -> None:
    feats = rand(20, 50)
    covariance = torch.cov(feats.T)
    changes = {
        "Adding 0.01·I": covariance + 0.01 * torch.eye(50),
        "Keeping only 10 of the channels": torch.cov(feats[:, :10].T),
        "Averaging it with its own diagonal": (covariance + covariance.diagonal().diag()) / 2,
        "Counting each image five times": torch.cov(feats.repeat(5, 1).T),
        "Dividing by N instead of N − 1": torch.cov(feats.T, correction=0),
    }
    question = QUESTIONS["make-invertible"]
    assert set(changes) == set(question["choices"])
    full = {name for name, matrix in changes.items() if torch.linalg.matrix_rank(matrix) == len(matrix)}
    assert full == set(question["answers"])
    assert torch.linalg.matrix_rank(changes["Counting each image five times"]) == 19


def test_torch_cov_bug() -> None:
    feats = rand(20, 50).float()
    assert torch.cov(feats).shape == (20, 20)
    assert torch.cov(feats.T).shape == (50, 50)
    with pytest.raises(RuntimeError, match="size of tensor"):
        run("torch-cov-bug", "fit")(feats)
    d = feats - feats.mean(0)
    assert torch.allclose(torch.cov(feats.T), d.T @ d / 19, atol=1e-5)
    assert torch.allclose(torch.cov(feats.T + 3), torch.cov(feats.T), atol=1e-4)


# ---------------------------------------------------------------- banks


def test_bank_size() -> None:
    agrees("bank-size", round(28 * 28 * 200 * 0.01))


def test_covering_radius() -> None:
    points = torch.tensor([0.0, 1, 2, 6, 9, 10])[:, None]
    chosen = greedy(points, 3)
    assert chosen.flatten().tolist() == [0, 10, 6]
    agrees("covering-radius", torch.cdist(points, chosen).amin(1).max().item())


def test_odd_patches_are_chosen_early() -> None:
    many, odd = rand(990, 8), 12 + 0.1 * rand(10, 8, seed=1)
    chosen = greedy(torch.cat([many, odd]), 10)
    assert (chosen.mean(1) > 6).any()
    assert torch.cdist(odd, chosen).amin() < 1
    assert answer("polluted-bank").startswith("They score low")


def reweighted(distances: list[float]) -> float:
    d = torch.tensor(distances, dtype=torch.float64)
    return ((1 - d[0].exp() / d.exp().sum()) * d[0]).item()


def test_reweighting() -> None:
    agrees("crowded-weight", reweighted([6, 6, 6]))
    assert 4 < reweighted([6, 8, 8]) < 6
    assert reweighted([2, 2, 2]) == pytest.approx(1.33, abs=0.005)
    assert reweighted([2, 6, 6]) == pytest.approx(1.98, abs=0.005)
    assert answer("lonely-neighbour").startswith("B,")


def test_distance_of_a_patch_to_itself() -> None:
    x = rand(500, 1024).float()
    x = 100 * x / x.norm(dim=1, keepdim=True)
    squares = x.square().sum(1)
    own = (squares[:, None] - 2 * x @ x.T + squares).diagonal()
    wrong = own[own > 0].sqrt()
    assert (own < 0).any()
    assert wrong.numel()
    assert 0.01 < wrong.median() < 0.1
    assert (x[:, None] - x[:1])[0].norm() == 0
    assert answer("distance-to-itself") == "Large, nearly equal numbers are subtracted"


def test_training_scores_and_their_threshold() -> None:
    train, new = rand(6, 5, 8), rand(20, 5, 8, seed=1)
    score, threshold = run("threshold-bug", "fit")(train)
    assert threshold == 0
    assert all(score(image) > threshold for image in new)
    assert answer("training-scores-zero").startswith("Zero")


def test_student() -> None:
    teacher, student = torch.tensor([3.0, 4.0]), torch.tensor([4.0, 3.0])
    half = (F.normalize(teacher, dim=0) - F.normalize(student, dim=0)).square().sum() / 2
    agrees("normalised-student", round(half.item(), 6))
    assert half.item() == pytest.approx(1 - F.cosine_similarity(teacher, student, dim=0).item(), abs=1e-6)
    features = rand(1, 8, 4, 4)
    assert torch.allclose(F.normalize(3 * features), F.normalize(features))
    assert answer("student-scale") == "0 everywhere"


# ---------------------------------------------------------------- maps and scores


def test_box_border() -> None:
    error = torch.zeros(1, 1, 64, 64)
    error[..., 0, 0] = 9
    inside = F.avg_pool2d(error, 5, stride=1, padding=2, count_include_pad=False)
    agrees("corner-mean", inside[0, 0, 0, 0].item())
    assert F.avg_pool2d(error, 5, stride=1, padding=2)[0, 0, 0, 0].item() == pytest.approx(0.36)
    smooth = run("box-border-bug", "smooth")(torch.ones(2, 9, 9))
    assert smooth[0, 4, 4].item() == pytest.approx(1)
    assert smooth[0, 0, 0].item() == pytest.approx(9 / 25)
    with pytest.raises(RuntimeError, match="at most half"):
        F.avg_pool2d(torch.ones(2, 1, 9, 9), 5, stride=1, padding=4)
    assert F.avg_pool2d(torch.ones(1, 1, 9, 9), 4, stride=1, padding=2)[0, 0, 0, 0] < 1
    assert answer("box-border-bug") == "Padding counts in the mean"


def test_mean_and_maximum() -> None:
    good = torch.full((256, 256), 0.01, dtype=torch.float64)
    bad = good.clone()
    bad[40:48, 90:98] = 1
    agrees("mean-of-map", (bad.mean() / good.mean()).item())
    assert bad.mean().item() == pytest.approx(0.01097, abs=5e-6)
    assert bad.max() / good.max() == pytest.approx(100)
    assert pytest.approx(0.001, abs=5e-5) == 8 * 8 / 256**2


def test_min_max_bug() -> None:
    x = rand(4, 3, 8, 8)
    found = run("min-max-bug", "scores")(
        x, x + rand(4, 3, 8, 8, seed=1) * torch.arange(1.0, 5).view(4, 1, 1, 1)
    )
    assert torch.equal(found, torch.ones(4).double())


def test_train_mode_bug() -> None:
    torch.manual_seed(0)
    model = TinyAutoencoder()
    scores = run("train-mode-bug", "scores")
    image, calm, wild = (s * rand(1, 3, 16, 16, seed=i).float() for i, s in enumerate((1, 1, 20)))
    before = model.encoder[1].running_mean.clone()
    alone = [scores(model, torch.cat([image, other]))[0] for other in (calm, wild)]
    assert not torch.isclose(*alone, rtol=1e-3)
    assert not torch.equal(model.encoder[1].running_mean, before)
    model.eval()
    alone = [scores(model, torch.cat([image, other]))[0] for other in (calm, wild)]
    assert torch.isclose(*alone)
    assert answer("train-mode-bug") == "model.eval() is missing"


# ---------------------------------------------------------------- metrics


def test_auroc_by_hand() -> None:
    defects, normal = torch.tensor([0.9, 0.6, 0.3]), torch.tensor([0.6, 0.4, 0.2, 0.1])
    agrees("auroc-by-hand", auroc(defects, normal))


def test_auroc_invariance() -> None:
    defects, normal = rand(30).exp() * 2, rand(50, seed=1).exp()
    value = auroc(defects, normal)
    changes = {
        "Taking the logarithm of all (positive) scores": auroc(defects.log(), normal.log()),
        "Counting every normal image twice": auroc(defects, normal.repeat(2)),
        "Multiplying all scores by 3 and adding 1": auroc(3 * defects + 1, 3 * normal + 1),
        "Dividing each image's map by its own maximum before the score": auroc(
            defects / defects, normal / normal
        ),
        "Multiplying all scores by −1": auroc(-defects, -normal),
    }
    question = QUESTIONS["auroc-invariant"]
    assert set(changes) == set(question["choices"])
    assert {c for c, v in changes.items() if v == pytest.approx(value)} == set(question["answers"])
    assert changes["Multiplying all scores by −1"] == pytest.approx(1 - value)
    assert changes["Dividing each image's map by its own maximum before the score"] == 0.5


def test_more_normal_images() -> None:
    defects, normal = rand(30) + 1, rand(50, seed=1)
    assert auroc(defects, normal.repeat(10)) == pytest.approx(auroc(defects, normal))
    assert average_precision(defects, normal.repeat(10)) < average_precision(defects, normal) - 0.05
    assert answer("more-normal-images") == "AUROC stays, AP falls"


def test_standardised_by_the_test_set() -> None:
    normal, defects = rand(200), rand(20, seed=1) + 6
    everything = torch.cat([normal, defects])
    assert auroc(*((s - everything.mean()) / everything.std() for s in (defects, normal))) == pytest.approx(
        auroc(defects, normal)
    )
    limits = [s.mean() + 3 * s.std() for s in (everything, torch.cat([normal, defects.repeat(5)]))]
    assert limits[1] > limits[0] + 1
    assert answer("statistics-from-test") == "The AUROC stands, the false alarm rate does not"


def test_ties_bug() -> None:
    found = run("ties-bug", "auroc")
    labels = torch.tensor([0] * 4 + [1] * 4)
    assert found(torch.ones(8), labels) == 1
    assert found(torch.ones(8), labels.flip(0)) == 0
    distinct = torch.tensor([0.1, 0.7, 0.2, 0.4, 0.3, 0.9, 0.5, 0.8])
    assert found(distinct, labels).item() == pytest.approx(auroc(distinct[4:], distinct[:4]))
    assert sum(range(1, 9)) / 8 == 4.5
    assert answer("ties-bug") == "Tied scores get different ranks"


def test_rare_defects() -> None:
    bad, good = 100, 99_900
    alarms = 0.9 * bad + 0.01 * good
    agrees("precision-on-the-line", 0.9 * bad / alarms)
    assert pytest.approx(11 / 12, abs=0.002) == 1 - 90 / 1089
    hits, false = 0.9 * 0.001, 0.02 * 0.999
    assert f"{hits / (hits + false):.0%}".replace("%", " %") == answer("pixel-precision")
    agrees("false-alarms-from-quantile", round(0.005 * 20_000, 6))


def test_regions() -> None:
    agrees("pro-or-recall", (0.9 + 0) / 2)
    assert pytest.approx(0.89, abs=0.002) == 9_000 / 10_100


def test_greedy_selection_stays_within_twice_the_best_radius() -> None:
    points = rand(9, 2)
    radius = torch.cdist(points, greedy(points, 3)).amin(1).max()
    best = min(
        torch.cdist(points, points[list(three)]).amin(1).max() for three in product(range(9), repeat=3)
    )
    assert best <= radius <= 2 * best
    assert answer("kcentre-goal").startswith("The greatest distance of any point")


def test_one_vector_per_image() -> None:
    patches = torch.zeros(784, 4)
    patches[100] = 7.84
    assert torch.allclose(patches.mean(0), torch.full((4,), 0.01))
    assert answer("one-vector-per-image").startswith("The mean over positions")
