"""The reference of captioning/sat_decoder against NumPy, image by image and place by place."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
SATDecoder = load(ROOT / "solutions/captioning/sat_decoder.py").namespace["SATDecoder"]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def decode(w: dict[str, np.ndarray], a: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits and weights of one image, [P, feat] and [T]."""
    mean = a.sum(axis=0) / len(a)
    h = np.tanh(w["init_h.weight"] @ mean + w["init_h.bias"])
    c = np.tanh(w["init_c.weight"] @ mean + w["init_c.bias"])
    logits, alphas = [], []
    for token in tokens:
        scores = []
        for place in a:
            inner = w["wa.weight"] @ place + w["wa.bias"] + w["wh.weight"] @ h + w["wh.bias"]
            scores.append(w["v.weight"][0] @ np.tanh(inner) + w["v.bias"][0])
        raised = np.exp(np.array(scores))
        alpha = raised / raised.sum()
        x = np.concatenate([w["embed.weight"][token], alpha @ np.array(a)])
        gates = w["cell.weight_ih"] @ x + w["cell.bias_ih"] + w["cell.weight_hh"] @ h + w["cell.bias_hh"]
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        logits.append(w["out.weight"] @ h + w["out.bias"])
        alphas.append(alpha)
    return np.array(logits), np.array(alphas)


@pytest.mark.parametrize(("b", "p", "t"), [(2, 5, 4), (3, 1, 2), (1, 4, 1), (1, 1, 1)])
def test_forward(b, p, t):
    torch.manual_seed(b * 10 + p)
    model = SATDecoder(9, 4, 6, 5, feat=7).double()
    a, tokens = torch.randn(b, p, 7).double(), torch.randint(0, 9, (b, t))
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    logits, alphas = model(a, tokens)
    assert logits.shape == (b, t, 9)
    assert alphas.shape == (b, t, p)
    for i in range(b):
        wanted = decode(weights, a[i].numpy(), tokens[i].numpy())
        assert logits[i].detach().numpy() == pytest.approx(wanted[0])
        assert alphas[i].detach().numpy() == pytest.approx(wanted[1])


def test_against_torch_lstm():
    # With one place there is nothing to choose: the decoder is torch's LSTM over constant contexts.
    torch.manual_seed(0)
    model = SATDecoder(9, 4, 6, 5, feat=7).double()
    a, tokens = torch.randn(3, 1, 7).double(), torch.randint(0, 9, (3, 5))
    lstm = nn.LSTM(11, 6, batch_first=True).double()
    lstm.load_state_dict({f"{name}_l0": value for name, value in model.cell.state_dict().items()})
    first = (model.init_h(a[:, 0]).tanh()[None], model.init_c(a[:, 0]).tanh()[None])
    states, _ = lstm(torch.cat([model.embed(tokens), a.expand(-1, 5, -1)], -1), first)
    assert torch.allclose(model(a, tokens)[0], model.out(states))


def test_gradients():
    torch.manual_seed(0)
    model = SATDecoder(5, 2, 3, 4, feat=3).double()
    a, tokens = torch.randn(2, 3, 3).double().requires_grad_(), torch.tensor([[1, 0, 4], [0, 0, 2]])
    assert torch.autograd.gradcheck(lambda x: model(x, tokens), a)
    sum(x.sum() for x in model(a, tokens)).backward()
    assert not model.embed.weight.grad[0].any()
    assert model.embed.weight.grad[4].any()
    assert model.v.bias.grad.abs().max() < 1e-12


def test_example():
    model = SATDecoder(vocab=1000, embed=256, hidden=512, attn=256)
    assert sum(p.numel() for p in model.parameters()) == 4_182_761
    _, alphas = model(torch.randn(1, 1, 512).expand(1, 49, 512), torch.tensor([[1, 2]]))
    assert alphas.detach().numpy() == pytest.approx(1 / 49)
    assert round(1 / 49, 4) == 0.0204
