"""The reference of depth/depth_metrics against NumPy, torchmetrics and scikit-image."""

import math
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
depth_metrics = load(ROOT / "solutions/depth/depth_metrics.py").namespace["depth_metrics"]


def drawn(seed, b=3, h=4, w=5):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0.5, 20, (b, 1, h, w))
    pred = gt * np.exp(rng.normal(0, 0.4, gt.shape)) * np.array([1, 3, 0.2, 5])[:b].reshape(-1, 1, 1, 1)
    holes = rng.choice([0, -2, np.nan, np.inf], gt.shape)
    return torch.from_numpy(pred), torch.from_numpy(np.where(rng.random(gt.shape) < 0.3, holes, gt))


def slowly(pred, gt, median_scale):
    pairs = []
    for p, g in zip(pred.flatten(1).tolist(), gt.flatten(1).tolist(), strict=True):
        own = [(a, b) for a, b in zip(p, g, strict=True) if math.isfinite(b) and b > 0]
        if median_scale and own:
            c = statistics.median_low([b for _, b in own]) / statistics.median_low([a for a, _ in own])
            own = [(a * c, b) for a, b in own]
        pairs += own
    p, g = np.array(pairs).T
    return p, g


@pytest.mark.parametrize("median_scale", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_numpy(seed, median_scale):
    pred, gt = drawn(seed)
    p, g = slowly(pred, gt, median_scale)
    expected = {
        "abs_rel": np.mean(np.abs(p - g) / g),
        "sq_rel": np.mean((p - g) ** 2 / g),
        "rmse": np.sqrt(np.mean((p - g) ** 2)),
        "rmse_log": np.sqrt(np.mean(np.log(p / g) ** 2)),
        **{f"d{k}": np.mean(np.abs(np.log(p / g)) < k * np.log(1.25)) for k in (1, 2, 3)},
    }
    assert depth_metrics(pred, gt, median_scale) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("median_scale", [False, True])
def test_libraries(median_scale):
    torchmetrics = pytest.importorskip("torchmetrics.functional")
    metrics = pytest.importorskip("skimage.metrics")
    pred, gt = drawn(1)
    p, g = slowly(pred, gt, median_scale)
    found = depth_metrics(pred, gt, median_scale)
    tp, tg = torch.from_numpy(p), torch.from_numpy(g)
    assert found["rmse"] == pytest.approx(metrics.mean_squared_error(g, p) ** 0.5)
    assert found["rmse_log"] == pytest.approx(
        torchmetrics.mean_squared_log_error(tp - 1, tg - 1).item() ** 0.5
    )
    assert found["abs_rel"] == pytest.approx(torchmetrics.mean_absolute_percentage_error(tp, tg).item())


def test_example():
    gt = torch.tensor([1.0, 2, 4, 0]).reshape(1, 1, 2, 2)
    pred = torch.tensor([1.25, 2, 2, 9]).reshape(1, 1, 2, 2)
    expected = {"abs_rel": 0.25, "sq_rel": 0.354, "rmse": 1.164, "rmse_log": 0.420}
    expected |= {"d1": 0.333, "d2": 0.667, "d3": 0.667}
    for median_scale in (False, True):
        assert depth_metrics(pred, gt, median_scale) == pytest.approx(expected, abs=5e-4)


def test_image_without_valid_pixel():
    pred, gt = drawn(3, b=2)
    gt[1] = 0
    for median_scale in (False, True):
        assert depth_metrics(pred, gt, median_scale) == depth_metrics(pred[:1], gt[:1], median_scale)
