"""The reference of super_resolution/self_ensemble against NumPy and the group of the eight views."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
self_ensemble = load(ROOT / "solutions/super_resolution/self_ensemble.py").namespace["self_ensemble"]


def net(s: int) -> nn.Module:
    """Return a network that enlarges by s."""
    torch.manual_seed(s)
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 2 * s * s, 3, padding=1)]
    return nn.Sequential(*layers, nn.PixelShuffle(s)).double().eval()


@pytest.mark.parametrize("s", [1, 2, 3])
@pytest.mark.parametrize("hw", [(4, 7), (5, 5), (1, 3), (1, 1)])
def test_numpy(s, hw):
    model, x = net(s), torch.rand(3, 2, *hw, dtype=torch.float64)
    h, w = hw
    total = np.zeros((3, 2, s * h, s * w))
    for k in range(4):
        for mirrored in (False, True):
            view = np.rot90(x.numpy(), k, axes=(2, 3))
            view = view[:, :, ::-1] if mirrored else view
            with torch.no_grad():
                y = model(torch.from_numpy(view.copy())).numpy()
            y = y[:, :, ::-1] if mirrored else y
            total += np.rot90(y, -k, axes=(2, 3))
    assert self_ensemble(model, x).numpy() == pytest.approx(total / 8)


def test_linear_model():
    """The ensemble of a convolution is the convolution with the mean of the eight kernels."""
    conv = nn.Conv2d(2, 2, 5, padding=2).double()
    kernel = conv.weight.detach()
    turned = [k for n in range(4) for k in (kernel.rot90(n, (2, 3)), kernel.rot90(n, (2, 3)).mT)]
    assert len({k.numpy().tobytes() for k in turned}) == 8
    x = torch.rand(2, 2, 6, 9, dtype=torch.float64)
    mean = torch.stack(turned).mean(0)
    wanted = nn.functional.conv2d(x, mean, conv.bias, padding=2)
    assert self_ensemble(conv, x).numpy() == pytest.approx(wanted.detach().numpy())


def test_example():
    right = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    right.weight.data = torch.tensor([[[[0.0, 0, 0], [0, 0, 1], [0, 0, 0]]]])
    x = torch.tensor([[[[1.0, 2, 6], [3, 5, 4]]]])
    assert right(x)[0, 0].tolist() == [[2, 6, 0], [5, 4, 0]]
    assert self_ensemble(right, x)[0, 0].tolist() == [[1.25, 3, 1.5], [1.5, 2.25, 2.75]]
