"""The reference of inpainting/channelwise_fc against a grouped convolution and against nn.Linear layers."""

from pathlib import Path

import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
ChannelwiseFC = load(ROOT / "solutions/inpainting/channelwise_fc.py").namespace["ChannelwiseFC"]


@pytest.mark.parametrize(("b", "c", "h", "w"), [(1, 1, 1, 1), (2, 3, 1, 4), (3, 2, 4, 3), (2, 5, 3, 3)])
def test_counterparts(b, c, h, w):
    torch.manual_seed(b)
    model = ChannelwiseFC(c, h, w).double()
    nn.init.normal_(model.bias)
    x = torch.randn(b, c, h, w, dtype=torch.float64)
    found = model(x)
    grouped = nn.Conv1d(c * h * w, c * h * w, 1, groups=c).double()
    grouped.load_state_dict({"weight": model.weight.reshape(-1, h * w, 1), "bias": model.bias.reshape(-1)})
    assert torch.allclose(grouped(x.reshape(b, -1, 1)).reshape(x.shape), found)
    for i in range(c):
        layer = nn.Linear(h * w, h * w).double()
        layer.load_state_dict({"weight": model.weight[i], "bias": model.bias[i]})
        for image, result in zip(x, found, strict=True):
            assert torch.allclose(layer(image[i].reshape(-1)).reshape(h, w), result[i])


def test_examples():
    model = ChannelwiseFC(1, 1, 2)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[[1.0, 2], [3, 4]]]))
        model.bias.copy_(torch.tensor([[10.0, 20]]))
    assert model(torch.tensor([1.0, -1]).reshape(1, 1, 1, 2)).flatten().tolist() == [9, 19]
    with torch.device("meta"):
        assert sum(p.numel() for p in ChannelwiseFC(512, 4, 4).parameters()) == 139_264
        assert sum(p.numel() for p in nn.Linear(512 * 16, 512 * 16).parameters()) == 67_117_056
