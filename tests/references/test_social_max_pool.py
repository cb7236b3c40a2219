"""The reference of trajectory_prediction/social_max_pool against a brute force in plain Python."""

from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
social_max_pool = load(ROOT / "solutions/trajectory_prediction/social_max_pool.py").namespace[
    "social_max_pool"
]


def brute(h, valid):
    h, valid = h.tolist(), valid.tolist()
    return [
        [
            [
                max((row[d] for j, row in enumerate(scene) if there[j] and j != i), default=0.0)
                for d in range(len(scene[0]))
            ]
            for i in range(len(scene))
        ]
        for scene, there in zip(h, valid, strict=True)
    ]


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_brute(n, share):
    g = torch.Generator().manual_seed(n)
    h = torch.randn(5, n, 3, generator=g).double() - 2
    valid = torch.rand(5, n, generator=g) < share
    assert social_max_pool(h, valid).tolist() == brute(h, valid)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_gradients(share):
    g = torch.Generator().manual_seed(1)
    h = torch.randn(3, 4, 2, generator=g).double().requires_grad_(True)
    valid = torch.rand(3, 4, generator=g) < share
    assert torch.autograd.gradcheck(lambda x: social_max_pool(x, valid), h)
    social_max_pool(h, valid).sum().backward()
    assert h.grad.isfinite().all()
    # Each cell of the result that has somebody to look at hands its gradient to one agent.
    others = valid.sum(1, keepdim=True) - valid.long()
    assert h.grad.sum() == 2 * (others > 0).sum()


def test_example_and_empty():
    h, valid = torch.tensor([[[-1.0, 5], [-2, 3], [9, 9]]]), torch.tensor([[True, True, False]])
    assert social_max_pool(h, valid).tolist() == [[[-2, 3], [-1, 5], [-1, 5]]]
    assert social_max_pool(h[:0], valid[:0]).shape == (0, 3, 2)
