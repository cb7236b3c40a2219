"""The reference of super_resolution/ssim against scikit-image, torchmetrics and kornia."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
ssim = load(ROOT / "solutions/super_resolution/ssim.py").namespace["ssim"]


def pairs(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images of all kinds: noise, smooth, flat, inverted, faint."""
    rng = np.random.default_rng(seed)
    h, w = rng.integers(11, 30, 2)
    x = rng.uniform(0, 1, (5, 3, h, w))
    x[1] = np.linspace(0, 1, w)
    x[2] = 0.25
    x[4] = 0.5 + (x[4] - 0.5) / 64
    y = np.clip(x + rng.normal(0, 0.2, x.shape), 0, 1)
    y[2], y[3] = 0.75, 1 - x[3]
    y[4] = 0.5 + (y[4] - 0.5) / 32
    return torch.from_numpy(x), torch.from_numpy(y)


@pytest.mark.parametrize("seed", range(6))
def test_scikit_image(seed):
    metrics = pytest.importorskip("skimage.metrics")
    x, y = pairs(seed)
    wanted = [
        metrics.structural_similarity(
            a.numpy(),
            b.numpy(),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
            channel_axis=0,
        )
        for a, b in zip(x, y, strict=True)
    ]
    assert ssim(x, y).numpy() == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_torchmetrics(seed):
    """Its mean counts windows over a mirrored border; its map has them outermost."""
    image = pytest.importorskip("torchmetrics.functional.image")
    x, y = pairs(seed)
    _, places = image.structural_similarity_index_measure(
        x, y, gaussian_kernel=True, sigma=1.5, data_range=1.0, reduction="none", return_full_image=True
    )
    wanted = places[..., 5:-5, 5:-5].mean((1, 2, 3))
    assert ssim(x, y).numpy() == pytest.approx(wanted.numpy(), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_kornia(seed):
    kornia = pytest.importorskip("kornia")
    x, y = pairs(seed)
    wanted = kornia.metrics.ssim(x, y, window_size=11, max_val=1.0, eps=0.0, padding="valid")
    assert ssim(x, y).numpy() == pytest.approx(wanted.mean((1, 2, 3)).numpy(), abs=1e-6)


def test_definition():
    """Compare with the sums of the statement, place by place."""
    x, y = (t[:, :1, :13, :12] for t in pairs(7))
    g = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    w = np.outer(g, g) / np.outer(g, g).sum()
    for n in range(len(x)):
        found = []
        for i in range(x.shape[2] - 10):
            for j in range(x.shape[3] - 10):
                p, q = (t[n, 0, i : i + 11, j : j + 11].numpy() for t in (x, y))
                m, k = (w * p).sum(), (w * q).sum()
                cov = (w * (p - m) * (q - k)).sum()
                var = (w * (p - m) ** 2).sum() + (w * (q - k) ** 2).sum()
                top = (2 * m * k + 1e-4) * (2 * cov + 9e-4)
                found.append(top / ((m * m + k * k + 1e-4) * (var + 9e-4)))
        assert float(ssim(x, y)[n]) == pytest.approx(np.mean(found))


def test_example():
    g = np.exp(-(np.arange(6) ** 2) / (2 * 1.5**2))
    assert g[1:] == pytest.approx([0.801, 0.411, 0.135, 0.0286, 0.00387], rel=3e-3)
    assert 1 / (2 * g.sum() - 1) ** 2 == pytest.approx(0.0708, abs=5e-5)
    x = torch.full((2, 1, 11, 14), 0.5)
    assert ssim(x, x / 2).tolist() == pytest.approx([0.800] * 2, abs=5e-4)


def test_equal_and_small():
    x = torch.rand(2, 3, 11, 12)
    assert ssim(x, x.clone()).tolist() == pytest.approx([1, 1])
    assert ssim(0 * x, 0 * x).tolist() == pytest.approx([1, 1])
    assert bool((ssim(x, 1 - x) < 0).all())
    for h, w in ((10, 20), (20, 10)):
        with pytest.raises(ValueError, match="11 x 11"):
            ssim(torch.rand(1, 1, h, w), torch.rand(1, 1, h, w))
