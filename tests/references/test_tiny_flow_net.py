"""The reference of optical_flow/tiny_flow_net against SciPy's correlations and sums written out."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
TinyFlowNet = load(ROOT / "solutions/optical_flow/tiny_flow_net.py").namespace["TinyFlowNet"]


def convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return every second value of the full-size correlation, rectified."""
    correlate = pytest.importorskip("scipy.signal").correlate
    pad = weight.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    maps = [correlate(padded, kernel, mode="valid")[0] for kernel in weight]
    return np.maximum(np.stack(maps)[:, ::2, ::2] + bias[:, None, None], 0)


def transposed(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return the sum of the kernels that every cell stamps, eight pixels apart, without the outer four."""
    _, h, w = x.shape
    full = np.zeros((2, 8 * h + 8, 8 * w + 8))
    for i in range(h):
        for j in range(w):
            full[:, 8 * i : 8 * i + 16, 8 * j : 8 * j + 16] += np.tensordot(x[:, i, j], weight, axes=1)
    return full[:, 4:-4, 4:-4] + bias[:, None, None]


@pytest.mark.parametrize("size", [(8, 8), (16, 24), (40, 8)])
def test_against_scipy(size):
    torch.manual_seed(0)
    net = TinyFlowNet().double()
    img1, img2 = torch.randn(2, 2, 3, *size, dtype=torch.float64)
    found = net(img1, img2).detach().numpy()
    assert found.shape == (2, 2, *size)
    weights = [p.detach().numpy() for p in net.parameters()]
    for one, two, flow in zip(img1.numpy(), img2.numpy(), found, strict=True):
        x = np.concatenate([one, two])
        for layer in range(3):
            x = convolved(x, *weights[2 * layer : 2 * layer + 2])
        np.testing.assert_allclose(flow, transposed(x, *weights[6:]), atol=1e-10)


def test_parameters():
    shapes = sorted(tuple(p.shape) for p in TinyFlowNet().parameters() if p.dim() == 4)
    assert shapes == [(32, 6, 7, 7), (64, 2, 16, 16), (64, 32, 5, 5), (64, 64, 3, 3)]
    assert sum(p.numel() for p in TinyFlowNet().parameters()) == 130_402


def test_the_sizes_of_the_example():
    img = torch.zeros(1, 3, 224, 224)
    net = TinyFlowNet()
    assert net.encoder(torch.cat([img, img], dim=1)).shape[-2:] == (28, 28)
    assert net(img, img).shape == (1, 2, 224, 224)
    assert net.decoder(torch.zeros(1, 64, 112, 112)).shape[-2:] == (896, 896)
