"""The reference of captioning/captioner against NumPy: the model, its captions, and its loss."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
namespace = load(ROOT / "solutions/captioning/captioner.py").namespace
Captioner, caption_loss = namespace["Captioner"], namespace["caption_loss"]
decoder = load(ROOT / "solutions/captioning/sat_decoder.py").namespace["SATDecoder"]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def places(w: dict[str, np.ndarray], image: np.ndarray) -> list[np.ndarray]:
    """Return the features of every place behind an encoder that is a 1x1 convolution."""
    _, height, width = image.shape
    kernel, bias = w["encoder.weight"][:, :, 0, 0], w["encoder.bias"]
    return [kernel @ image[:, y, x] + bias for y in range(height) for x in range(width)]


def begin(w: dict[str, np.ndarray], a: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    mean = sum(a) / len(a)
    return (
        np.tanh(w["init_h.weight"] @ mean + w["init_h.bias"]),
        np.tanh(w["init_c.weight"] @ mean + w["init_c.bias"]),
    )


def step(w, a, token, h, c):
    scores = [
        w["v.weight"][0] @ np.tanh(w["wa.weight"] @ place + w["wa.bias"] + w["wh.weight"] @ h + w["wh.bias"])
        for place in a
    ]
    alpha = np.exp(scores) / np.exp(scores).sum()
    x = np.concatenate([w["embed.weight"][token], alpha @ np.array(a)])
    gates = w["cell.weight_ih"] @ x + w["cell.bias_ih"] + w["cell.weight_hh"] @ h + w["cell.bias_hh"]
    i, f, g, o = np.split(gates, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return w["out.weight"] @ h + w["out.bias"], alpha, h, c


def made(seed: int = 0, scale: float = 1.0):
    torch.manual_seed(seed)
    model = Captioner(nn.Conv2d(3, 5, 1), 5, 7, 4, 6, 3).double()
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(scale)
    return model, {name: value.detach().numpy() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("hw", [(3, 4), (1, 5), (1, 1)])
def test_forward(hw):
    model, w = made()
    images, tokens = torch.randn(2, 3, *hw).double(), torch.randint(0, 7, (2, 4))
    logits, alphas = model(images, tokens)
    assert logits.shape == (2, 4, 7)
    assert alphas.shape == (2, 4, hw[0] * hw[1])
    for n in range(2):
        a = places(w, images[n].numpy())
        assert model.encode(images)[n].detach().numpy() == pytest.approx(np.array(a))
        h, c = begin(w, a)
        for t in range(4):
            scores, alpha, h, c = step(w, a, int(tokens[n, t]), h, c)
            assert logits[n, t].detach().numpy() == pytest.approx(scores)
            assert alphas[n, t].detach().numpy() == pytest.approx(alpha)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("eos", range(7))
def test_generate(seed, eos):
    model, w = made(seed, 3.0)
    images = 2 * torch.randn(4, 3, 2, 3).double()
    rows = []
    for image in images.numpy():
        a = places(w, image)
        (h, c), token, row = begin(w, a), 1, []
        while not row or (len(row) < 6 and token != eos):
            scores, _, h, c = step(w, a, token, h, c)
            token = int(scores.argmax())
            row.append(token)
        rows.append(row)
    longest = max(len(row) for row in rows)
    wanted = [row + [eos] * (longest - len(row)) for row in rows]
    assert model.generate(images, 1, eos, 6).tolist() == wanted


def test_decoder():
    # The two katas have the same decoder.
    model, _ = made()
    other = decoder(7, 4, 6, 3, feat=5).double()
    own = {name: value for name, value in model.state_dict().items() if not name.startswith("encoder")}
    other.load_state_dict(own)
    images, tokens = torch.randn(2, 3, 3, 4).double(), torch.randint(0, 7, (2, 4))
    for found, wanted in zip(model(images, tokens), other(model.encode(images), tokens), strict=True):
        assert torch.allclose(found, wanted)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_loss(seed, scale):
    logsumexp = pytest.importorskip("scipy.special").logsumexp
    rng = np.random.default_rng(seed)
    b, t, v, p, pad, lam = 4, 5, 6, 3, seed % 6, 0.5 + seed
    logits, alphas = rng.normal(0, scale, (b, t, v)), rng.dirichlet(np.ones(p), (b, t))
    lengths = rng.integers(0, t + 1, b)
    lengths[:2] = 0, 3
    targets = np.full((b, t), pad)
    for n, length in enumerate(lengths):
        targets[n, :length] = rng.choice([k for k in range(v) if k != pad], length)
    words = [
        logsumexp(logits[n, s]) - logits[n, s, targets[n, s]] for n in range(b) for s in range(lengths[n])
    ]
    uneven = [sum((1 - alphas[n, : lengths[n], q].sum()) ** 2 for q in range(p)) for n in range(b)]
    found = caption_loss(*map(torch.from_numpy, (logits, alphas, targets)), pad=pad, lam=lam)
    assert float(found) == pytest.approx(np.mean(words) + lam * np.mean(uneven))


def test_example():
    logits, alphas = torch.zeros(1, 2, 8), torch.tensor([[[0.75, 0.25], [0.0, 1.0]]])
    found = float(caption_loss(logits, alphas, torch.tensor([[5, 0]])))
    assert found == pytest.approx(math.log(8) + 0.25**2 + 0.75**2)
    assert found == pytest.approx(2.704, abs=5e-4)
    model = Captioner(nn.Identity(), 512, 1000, 256, 512, 256)
    assert sum(p.numel() for p in model.parameters()) == 4_182_761


def test_gradients():
    torch.manual_seed(0)
    logits, alphas = torch.randn(2, 3, 4).double(), torch.rand(2, 3, 5).double()
    given = logits.requires_grad_(), alphas.requires_grad_()
    targets = torch.tensor([[1, 3, 0], [2, 0, 0]])
    assert torch.autograd.gradcheck(lambda x, y: caption_loss(x, y, targets), given)
    caption_loss(*given, targets).backward()
    for value in given:
        assert not value.grad[targets == 0].any()
