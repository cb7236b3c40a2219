"""The reference of detection/single_box_detector against NumPy, SciPy and torch's own losses."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
namespace = load(ROOT / "solutions/detection/single_box_detector.py").namespace
SingleBoxDetector, detector_loss = namespace["SingleBoxDetector"], namespace["detector_loss"]


def drawn(seed: int, b: int = 6, k: int = 3) -> list[torch.Tensor]:
    """Return logits, boxes, labels with at least one object, and ground truth."""
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(b, k + 1, generator=g, dtype=torch.float64)
    label = torch.randint(0, k + 1, (b,), generator=g)
    label[0] = 1
    box, gt = torch.rand(2, b, 4, generator=g, dtype=torch.float64)
    return [logits, box, label, gt]


def test_forward():
    expit = pytest.importorskip("scipy.special").expit
    torch.manual_seed(0)
    model = SingleBoxDetector(5, (2, 3), 4).double()
    feat = torch.randn(3, 5, 2, 3, dtype=torch.float64)
    logits, box = model(feat)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    x = feat.numpy()
    pooled = np.einsum("bchw->bc", x) / 6
    flat = np.stack([x[:, c, i, j] for c in range(5) for i in range(2) for j in range(3)], axis=1)
    wanted = pooled @ state["cls_head.weight"].T + state["cls_head.bias"]
    assert logits.detach().numpy() == pytest.approx(wanted)
    assert box.detach().numpy() == pytest.approx(
        expit(flat @ state["box_head.weight"].T + state["box_head.bias"])
    )
    assert sum(p.numel() for p in model.parameters()) == 5 * 5 + 5 + 4 * 30 + 4


@pytest.mark.parametrize("seed", range(10))
def test_loss_in_numpy(seed):
    logsumexp = pytest.importorskip("scipy.special").logsumexp
    logits, box, label, gt = (t.numpy() for t in drawn(seed))
    beta, lam = 0.05 * (seed + 1), 0.5 * seed
    cls_term = np.mean([logsumexp(z) - z[k] for z, k in zip(logits, label, strict=True)])
    terms = []
    for d in np.abs(box - gt)[label > 0].ravel():
        terms.append(d * d / (2 * beta) if d < beta else d - beta / 2)
    found = detector_loss(*drawn(seed), beta=beta, lam=lam)
    assert float(found) == pytest.approx(cls_term + lam * np.mean(terms))


@pytest.mark.parametrize("seed", range(5))
def test_loss_of_torch(seed):
    logits, box, label, gt = drawn(seed)
    pos = label > 0
    wanted = nn.CrossEntropyLoss()(logits, label) + nn.SmoothL1Loss(beta=1 / 9)(box[pos], gt[pos])
    torch.testing.assert_close(detector_loss(logits, box, label, gt), wanted)


def test_gradients():
    logits, box, label, gt = drawn(3)
    logits.requires_grad_(True)
    box.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda z, b: detector_loss(z, b, label, gt), (logits, box))
    detector_loss(logits, box, label, gt).backward()
    assert not box.grad[label == 0].any()


def test_only_background():
    logits, box, label, gt = drawn(1)
    found = detector_loss(logits, box, torch.zeros_like(label), gt, lam=5.0)
    torch.testing.assert_close(found, nn.CrossEntropyLoss()(logits, torch.zeros_like(label)))


def test_example():
    gt = torch.tensor([[0.5, 0.5, 0.5, 0.5], [9.0, 9.0, 9.0, 9.0]])
    box = torch.tensor([[1.0, 0.5, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0]])
    found = detector_loss(torch.zeros(2, 2), box, torch.tensor([1, 0]), gt, beta=0.2)
    assert float(found) == pytest.approx(0.793, abs=5e-4)
