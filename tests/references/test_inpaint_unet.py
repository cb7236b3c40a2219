"""The reference of inpainting/inpaint_unet against torch's functions one by one, and its loss against NumPy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
NAMES = load(ROOT / "solutions/inpainting/inpaint_unet.py").namespace
InpaintUNet, inpaint_loss = NAMES["InpaintUNet"], NAMES["inpaint_loss"]


def step_by_step(weights, img, m):
    it = iter(weights)
    take = lambda: (next(it), next(it))  # noqa: E731
    height, width = img.shape[2:]
    full = np.zeros((len(img), 4, -(-height // 8) * 8, -(-width // 8) * 8))
    full[:, :3, :height, :width] = np.where(m.numpy() == 1, img.numpy(), 0)
    full[:, 3:, :height, :width] = m.numpy()
    maps = [torch.from_numpy(full)]
    for _ in range(3):
        y = F.conv2d(maps[-1], *take(), stride=2, padding=1)
        maps.append(torch.where(y > 0, y, 0.2 * y))
    y = maps[3]
    for d in (2, 4, 8):
        y = F.conv2d(y, *take(), padding=d, dilation=d).clamp(min=0)
    y = F.conv_transpose2d(y, *take(), stride=2, padding=1).clamp(min=0)
    y = F.conv_transpose2d(torch.cat([y, maps[2]], 1), *take(), stride=2, padding=1).clamp(min=0)
    y = F.conv_transpose2d(torch.cat([y, maps[1]], 1), *take(), stride=2, padding=1)
    raw = (1 / (1 + np.exp(-y.detach().numpy())))[:, :, :height, :width]
    return raw, np.where(m.numpy() == 1, img.numpy(), raw)


@pytest.mark.parametrize("size", [(32, 48), (100, 130), (7, 9), (1, 1), (8, 33)])
def test_steps(size):
    torch.manual_seed(0)
    model = InpaintUNet(6).double()
    img, m = torch.rand(2, 3, *size).double(), (torch.rand(2, 1, *size) < 0.7).double()
    raw, composite = model(img, m)
    wanted = step_by_step(list(model.parameters()), img, m)
    assert np.allclose(raw.detach().numpy(), wanted[0], atol=1e-10)
    assert np.allclose(composite.detach().numpy(), wanted[1], atol=1e-10)
    assert torch.equal(composite * m, img * m)


def test_hole_does_not_enter():
    model = InpaintUNet(4)
    img, m = torch.rand(1, 3, 20, 21), (torch.rand(1, 1, 20, 21) < 0.7).float()
    for a, b in zip(model(img, m), model(torch.where(m == 1, img, 1e6), m), strict=True):
        assert torch.equal(a, b)


def test_receptive_field():
    model = InpaintUNet(1).double()
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(1 / 8)
    img = torch.rand(1, 3, 600, 8).double().requires_grad_()
    x3 = model.encode(img, torch.ones(1, 1, 600, 8).double())[2]
    model.middle(x3)[0, :, 37].sum().backward()
    rows = img.grad.abs().sum((0, 1, 3)).nonzero()
    assert rows.max() - rows.min() + 1 == 246


@pytest.mark.parametrize("seed", range(4))
def test_loss(seed):
    g = torch.Generator().manual_seed(seed)
    raw, img = (torch.rand(2, 3, 4, 5, generator=g).double() for _ in range(2))
    m = (torch.rand(2, 1, 4, 5, generator=g) < 0.3 * seed).double()
    hole = valid = 0.0
    for b, c, y, x in np.ndindex(2, 3, 4, 5):
        error = abs(raw[b, c, y, x].item() - img[b, c, y, x].item())
        hole, valid = (hole, valid + error) if m[b, 0, y, x] == 1 else (hole + error, valid)
    assert inpaint_loss(raw, img, m).item() == pytest.approx((6 * hole + valid) / 120)
    assert inpaint_loss(raw, img, m, 2.5, 0.5).item() == pytest.approx((2.5 * hole + 0.5 * valid) / 120)
    assert torch.autograd.gradcheck(lambda y: inpaint_loss(y, img, m), raw.requires_grad_())


def test_example():
    model = InpaintUNet()
    assert sum(p.numel() for p in model.parameters()) == 3_222_915
    img, m = torch.rand(1, 3, 100, 130), torch.ones(1, 1, 100, 130)
    maps = model.encode(img, m)
    assert [tuple(x.shape) for x in maps] == [(1, 64, 52, 68), (1, 128, 26, 34), (1, 256, 13, 17)]
    assert model(img, m)[0].shape == (1, 3, 100, 130)
    m = torch.ones(1, 1, 4, 4)
    m[..., 0] = 0
    black = torch.zeros(1, 3, 4, 4)
    assert inpaint_loss(black + 0.5, black, m).item() == 1.125
    assert inpaint_loss(black + 0.5, black, m, w_valid=0).item() == 0.75


def test_overfits_one_batch():
    torch.manual_seed(0)
    model, img, m = InpaintUNet(8), torch.rand(2, 3, 20, 20) / 4, torch.ones(2, 1, 20, 20)
    m[..., 5:12, 6:13] = 0
    adam = torch.optim.Adam(model.parameters(), lr=0.005)
    losses = []
    for _ in range(60):
        losses.append(inpaint_loss(model(img, m)[0], img, m))
        adam.zero_grad()
        losses[-1].backward()
        adam.step()
    assert losses[-1] < 0.25 * losses[0]
