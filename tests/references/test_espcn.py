"""The reference of super_resolution/espcn against SciPy and the numbers of its statement."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
ESPCN = load(ROOT / "solutions/super_resolution/espcn.py").namespace["ESPCN"]


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("ch", [1, 3])
@pytest.mark.parametrize("hw", [(6, 8), (1, 4)])
def test_scipy(scale, ch, hw):
    correlate = pytest.importorskip("scipy.signal").correlate2d
    torch.manual_seed(scale)
    model = ESPCN(scale, ch).double()
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    x = torch.rand(2, ch, *hw, dtype=torch.float64)
    for image, found in zip(x.numpy(), model(x).detach().numpy(), strict=True):
        maps = image
        for n in (1, 2, 3):
            weight, bias = state[f"conv{n}.weight"], state[f"conv{n}.bias"]
            sums = [sum(correlate(m, k, mode="same") for m, k in zip(maps, ks, strict=True)) for ks in weight]
            maps = np.stack(sums) + bias[:, None, None]
            maps = np.tanh(maps) if n < 3 else maps
        for c, i, j in np.ndindex(ch, scale, scale):
            assert found[c, i::scale, j::scale] == pytest.approx(maps[c * scale**2 + i * scale + j])


def test_example():
    model = ESPCN(3)
    sizes = [sum(p.numel() for p in m.parameters()) for m in (model.conv1, model.conv2, model.conv3)]
    assert sizes == [4_864, 18_464, 7_803]
    assert sum(sizes) == 31_131
    assert sum(p.numel() for p in ESPCN(3, ch=1).parameters()) == 22_729
    assert model(torch.rand(1, 3, 20, 30)).shape == (1, 3, 60, 90)
