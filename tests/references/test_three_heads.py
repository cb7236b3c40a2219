"""The reference of instance_segmentation/three_heads against NumPy, one sum at a time, and known counts."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
Heads = load(ROOT / "solutions/instance_segmentation/three_heads.py").namespace["MaskRCNNHeads"]


def test_numbers_of_parameters():
    with torch.device("meta"):
        model = Heads(80)
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    assert sum(counts[n] for n in ("fc1", "fc2", "cls", "box")) == 14_306_705
    assert sum(counts[n] for n in ("convs", "up", "mask")) == 2_643_280
    assert sum(counts.values()) == 14_306_705 + 2_643_280


@pytest.mark.parametrize("num_classes", [1, 80])
def test_shapes_at_full_size(num_classes):
    with torch.device("meta"):
        model = Heads(num_classes)
        for r in (0, 1, 3):
            cls, box, mask = model(torch.zeros(r, 256, 7, 7), torch.zeros(r, 256, 14, 14))
            assert cls.shape == (r, num_classes + 1)
            assert box.shape == (r, 4 * num_classes)
            assert mask.shape == (r, num_classes, 28, 28)


def convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolve one map with padding, pixel by pixel."""
    side = weight.shape[-1]
    x = np.pad(x, ((0, 0), (side // 2,) * 2, (side // 2,) * 2))
    out = np.zeros((len(weight), x.shape[1] - side + 1, x.shape[2] - side + 1))
    for y, z in np.ndindex(*out.shape[1:]):
        out[:, y, z] = np.einsum("oikl,ikl->o", weight, x[:, y : y + side, z : z + side]) + bias
    return out


def test_numpy():
    torch.manual_seed(0)
    ch, k = 3, 2
    model = Heads(k, ch=ch).double()
    box_feat = torch.randn(2, ch, 7, 7, dtype=torch.float64) * 4
    mask_feat = torch.randn(2, ch, 14, 14, dtype=torch.float64) * 4
    cls, box, mask = (t.detach().numpy() for t in model(box_feat, mask_feat))
    w = {name: value.numpy() for name, value in model.state_dict().items()}

    hidden = box_feat.numpy().reshape(2, -1)
    for name in ("fc1", "fc2"):
        hidden = np.maximum(hidden @ w[f"{name}.weight"].T + w[f"{name}.bias"], 0)
    assert cls == pytest.approx(hidden @ w["cls.weight"].T + w["cls.bias"])
    assert box == pytest.approx(hidden @ w["box.weight"].T + w["box.bias"])

    for r in range(2):
        x = mask_feat[r].numpy()
        for i in range(4):
            x = np.maximum(convolved(x, w[f"convs.{i}.weight"], w[f"convs.{i}.bias"]), 0)
        up = np.zeros((ch, 28, 28))
        for y, z in np.ndindex(14, 14):
            # Every cell paints a square of its own: stride and kernel are both 2.
            painted = np.einsum("i,iokl->okl", x[:, y, z], w["up.weight"])
            up[:, 2 * y : 2 * y + 2, 2 * z : 2 * z + 2] = painted
        up = np.maximum(up + w["up.bias"][:, None, None], 0)
        assert mask[r] == pytest.approx(convolved(up, w["mask.weight"], w["mask.bias"]))
