"""The reference of captioning/additive_attention against NumPy, place by place, and fewer places for a mask."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
AdditiveAttention = load(ROOT / "solutions/captioning/additive_attention.py").namespace["AdditiveAttention"]


def drawn(seed, b=3, p=5, feat=4, hidden=6, attn=7):
    torch.manual_seed(seed)
    layer = AdditiveAttention(feat, hidden, attn).double()
    mask = torch.rand(b, p) < 0.6
    mask[:, seed % p] = True
    return layer, torch.randn(b, p, feat).double(), torch.randn(b, hidden).double(), mask


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("masked", [True, False])
def test_numpy(seed, masked):
    layer, a, h, mask = drawn(seed)
    ctx, alpha = layer(a, h, mask if masked else None)
    w = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    for i in range(len(a)):
        weights = []
        for place, free in zip(a[i].numpy(), mask[i], strict=True):
            z = w["wa.weight"] @ place + w["wa.bias"] + w["wh.weight"] @ h[i].numpy() + w["wh.bias"]
            score = (w["v.weight"] @ np.tanh(z) + w["v.bias"]).item()
            weights.append(np.exp(score) if free or not masked else 0.0)
        weights = np.array(weights) / sum(weights)
        np.testing.assert_allclose(alpha[i].detach().numpy(), weights)
        np.testing.assert_allclose(ctx[i].detach().numpy(), (weights[:, None] * a[i].numpy()).sum(0))


@pytest.mark.parametrize("seed", range(10))
def test_mask_is_fewer_places(seed):
    layer, a, h, mask = drawn(seed)
    ctx, alpha = layer(a, h, mask)
    assert not alpha[~mask].any()
    for i in range(len(a)):
        alone, weights = layer(a[i : i + 1, mask[i]], h[i : i + 1])
        torch.testing.assert_close(ctx[i], alone[0])
        torch.testing.assert_close(alpha[i, mask[i]], weights[0])


@pytest.mark.parametrize("seed", range(3))
def test_gradients(seed):
    layer, a, h, mask = drawn(seed, b=2)
    assert torch.autograd.gradcheck(
        lambda a, h: layer(a, h, mask), (a.requires_grad_(True), h.requires_grad_(True))
    )


def test_example():
    assert sum(p.numel() for p in AdditiveAttention(512, 512, 256).parameters()) == 262_913
    layer = AdditiveAttention(1, 1, 1)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(torch.ones_like(p))
        layer.wa.bias.zero_()
        layer.wh.bias.zero_()
        # Places whose scores are tanh of 0, 0.5 and 3, times log 3 over tanh of 0.5.
        layer.v.weight.copy_(torch.tensor([[3.0]]).log() / torch.tensor(0.5).tanh())
    a = torch.tensor([[[0.0], [0.5], [3.0]]])
    alpha = layer(a, torch.zeros(1, 1), torch.tensor([[True, True, False]]))[1]
    torch.testing.assert_close(alpha, torch.tensor([[0.25, 0.75, 0.0]]))
