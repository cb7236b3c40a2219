"""The reference of semantic_segmentation/deconv_geometry against torch's own layers."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
namespace = load(ROOT / "solutions/semantic_segmentation/deconv_geometry.py").namespace
conv_transpose_out, deconv_for_factor = namespace["conv_transpose_out"], namespace["deconv_for_factor"]


def layer_size(n: int, k: int, s: int, p: int, op: int = 0, d: int = 1) -> int:
    layer = nn.ConvTranspose1d(1, 1, k, stride=s, padding=p, output_padding=op, dilation=d)
    return layer(torch.zeros(1, 1, n)).shape[-1]


def test_grid():
    """All combinations that torch accepts."""
    compared = 0
    grid = itertools.product((1, 2, 5, 8), (1, 2, 3, 6), (1, 2, 3), (0, 1, 3), (0, 1, 2), (1, 2, 4))
    for n, k, s, p, op, d in grid:
        if op >= max(s, d) or (n - 1) * s - 2 * p + d * (k - 1) + op + 1 < 1:
            continue
        assert conv_transpose_out(n, k, s, p, op, d) == layer_size(n, k, s, p, op, d), (n, k, s, p, op, d)
        compared += 1
    assert compared > 400


def test_defaults():
    assert conv_transpose_out(5, 3, 2, 1) == layer_size(5, 3, 2, 1)


@pytest.mark.parametrize("f", [2, 4, 6, 8, 16, 32])
def test_factor(f):
    k, s, p = deconv_for_factor(f)
    assert k == 2 * f
    assert all(type(v) is int for v in (k, s, p))
    for n in (1, 2, 7, 8, 15):
        assert layer_size(n, k, s, p) == f * n


def test_known_layers():
    """The sizes that are quoted for the decoders of FCN-32s and FCN-8s, and the statement's examples."""
    assert deconv_for_factor(8) == (16, 8, 4)
    assert deconv_for_factor(32) == (64, 32, 16)
    assert deconv_for_factor(2) == (4, 2, 1)
    assert conv_transpose_out(7, 16, 8, 4) == 56
    assert conv_transpose_out(112, 16, 8, 4) == 896
    assert conv_transpose_out(28, 16, 8, 4) == 224
    assert conv_transpose_out(3, 4, 2, 1) == layer_size(3, 4, 2, 1) == 6
    assert conv_transpose_out(3, 4, 2, 1, op=1) == layer_size(3, 4, 2, 1, 1) == 7
    assert conv_transpose_out(2, 3, 2, 0, d=3) == layer_size(2, 3, 2, 0, 0, 3) == 9
