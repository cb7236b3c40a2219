"""The reference of optical_flow/sequence_loss against NumPy, torch's L1 loss and the published RAFT code."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
sequence_loss = load(ROOT / "solutions/optical_flow/sequence_loss.py").namespace["sequence_loss"]


def drawn(seed: int, n: int = 3) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
    """Return predictions, the truth and which pixels count."""
    g = torch.Generator().manual_seed(seed)
    gt = 20 * torch.randn(2, 2, 4, 5, generator=g, dtype=torch.float64)
    preds = [gt + torch.randn(2, 2, 4, 5, generator=g, dtype=torch.float64) for _ in range(n)]
    return preds, gt, torch.rand(2, 4, 5, generator=g) < 0.6


@pytest.mark.parametrize("seed", range(10))
def test_in_numpy(seed):
    preds, gt, valid = drawn(seed, seed % 4 + 1)
    gamma = 0.5 + 0.05 * seed
    wanted = 0.0
    for power, pred in enumerate(preds[::-1]):
        b, y, x = valid.numpy().nonzero()
        gaps = np.abs(pred.numpy()[b, :, y, x] - gt.numpy()[b, :, y, x])  # valid pixels, 2
        wanted += gamma**power * gaps.mean()
    assert float(sequence_loss(preds, gt, valid, gamma=gamma)) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(5))
def test_against_raft(seed):
    """RAFT divides by all pixels; with every pixel valid and none fast, both are the same."""
    preds, gt, valid = drawn(seed, 4)
    valid = torch.ones_like(valid)
    mag = torch.sum(gt**2, dim=1).sqrt()
    kept = (valid >= 0.5) & (mag < 400)
    flow_loss = 0.0
    for i in range(len(preds)):
        i_weight = 0.8 ** (len(preds) - i - 1)
        i_loss = (preds[i] - gt).abs()
        flow_loss += i_weight * (kept[:, None] * i_loss).mean()
    torch.testing.assert_close(sequence_loss(preds, gt, valid), flow_loss)


def test_single_prediction():
    preds, gt, valid = drawn(3, 1)
    keep = valid[:, None].expand_as(gt)
    wanted = torch.nn.L1Loss()(preds[0][keep], gt[keep])
    torch.testing.assert_close(sequence_loss(preds, gt, valid, gamma=0.1), wanted)


def test_gradients():
    preds, gt, valid = drawn(5, 2)
    leaves = [p.requires_grad_(True) for p in preds]
    assert torch.autograd.gradcheck(lambda *p: sequence_loss(list(p), gt, valid, gamma=0.7), leaves)
    sequence_loss(preds, gt, valid, gamma=0.7).backward()
    size = 1 / (2 * int(valid.sum()))
    for p, weight in zip(preds, (0.7, 1.0), strict=True):
        wanted = weight * size * torch.sign(p.detach() - gt) * valid[:, None]
        torch.testing.assert_close(p.grad, wanted)


def test_example():
    gt = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    preds = [torch.zeros_like(gt), torch.full_like(gt, 3.0)]
    assert float(sequence_loss(preds, gt, torch.ones(1, 1, 1).bool())) == pytest.approx(3.3)
