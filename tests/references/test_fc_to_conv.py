"""The reference of semantic_segmentation/fc_to_conv against the linear layer on every window."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
fc_to_conv = load(ROOT / "solutions/semantic_segmentation/fc_to_conv.py").namespace["fc_to_conv"]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("C", "h", "w"), [(3, 2, 4), (1, 1, 1), (4, 3, 3), (2, 5, 1), (5, 1, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_windows(C, h, w, bias, dtype):
    torch.manual_seed(0)
    fc = nn.Linear(C * h * w, 6, bias=bias).to(dtype)
    before = {name: value.clone() for name, value in fc.state_dict().items()}
    conv = fc_to_conv(fc, C, h, w)
    assert type(conv) is nn.Conv2d
    assert conv.weight.dtype == dtype
    assert (conv.bias is None) is not bias
    x = torch.randn(2, C, h + 3, w + 2, dtype=dtype)
    columns = F.unfold(x, (h, w))  # 2, C*h*w, 4*3
    wanted = fc(columns.transpose(1, 2)).transpose(1, 2).reshape(2, 6, 4, 3)
    torch.testing.assert_close(conv(x), wanted, rtol=1e-4, atol=1e-5)
    same = conv(x[:, :, :h, :w])
    assert same.shape == (2, 6, 1, 1)
    torch.testing.assert_close(same.flatten(1), fc(x[:, :, :h, :w].flatten(1)), rtol=1e-4, atol=1e-5)
    assert fc.state_dict().keys() == before.keys()
    assert all(torch.equal(fc.state_dict()[name], value) for name, value in before.items())


def test_statement():
    fc = nn.Linear(4, 1)
    fc.weight.data[:] = torch.tensor([[1.0, 2, 3, 4]])
    fc.bias.data[:] = 10
    found = fc_to_conv(fc, 1, 2, 2)(torch.tensor([[[[1.0, 0, 0], [0, 0, 1]]]]))
    assert found.flatten().tolist() == [11, 14]
