"""The reference against OpenCV's resizing and PyTorch's own loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

FILE = Path(__file__).resolve().parents[2] / "solutions" / "semantic_segmentation" / "segmenter.py"
NAMES = load(FILE).namespace


def model(stride: int = 4) -> nn.Module:
    torch.manual_seed(0)
    backbone = nn.Conv2d(3, 5, 3, stride=stride, padding=1)
    return NAMES["Segmenter"](backbone, 5, 4).double().eval()


@pytest.mark.parametrize("size", [(8, 12), (9, 13), (17, 5)])
def test_scores_are_those_opencv_interpolates(size: tuple[int, int]) -> None:
    cv2 = pytest.importorskip("cv2")
    segmenter, x = model(), torch.rand(2, 3, *size, dtype=torch.float64)
    small = segmenter.classify(segmenter.encode(x)).detach().numpy()
    wanted = np.stack(
        [[cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR) for plane in each] for each in small]
    )
    np.testing.assert_allclose(segmenter(x).detach().numpy(), wanted, atol=1e-6)


def test_parameters_of_the_example() -> None:
    made = NAMES["Segmenter"](nn.Identity(), 512, 21)
    assert sum(p.numel() for p in made.parameters()) == 10_773


@pytest.mark.parametrize("ignore_index", [255, -100])
def test_loss_is_that_of_torch_where_something_counts(ignore_index: int) -> None:
    outputs = torch.randn(2, 6, 5, 7, dtype=torch.float64)
    targets = torch.randint(0, 6, (2, 5, 7))
    targets[torch.rand(2, 5, 7) < 0.4] = ignore_index
    wanted = nn.functional.cross_entropy(outputs, targets, ignore_index=ignore_index)
    torch.testing.assert_close(NAMES["segmentation_loss"](outputs, targets, ignore_index), wanted)


def test_nothing_counts() -> None:
    outputs = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = NAMES["segmentation_loss"](outputs, torch.full((1, 2, 2), 255))
    loss.backward()
    assert loss.item() == 0
    assert not outputs.grad.any()


def test_the_loss_of_the_example() -> None:
    loss = NAMES["segmentation_loss"](torch.zeros(1, 21, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long))
    assert round(loss.item(), 3) == 3.045
