"""The reference of anomaly_detection/conv_autoencoder against plain layers in a row and NumPy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
NAMES = load(ROOT / "solutions/anomaly_detection/conv_autoencoder.py").namespace
ConvAutoencoder, reconstruction_loss = NAMES["ConvAutoencoder"], NAMES["reconstruction_loss"]


def in_a_row(latent, c):
    encoder, decoder = [], [nn.Conv2d(latent, 4 * c, 1), nn.ReLU()]
    for i, o in ((3, c), (c, 2 * c), (2 * c, 4 * c)):
        encoder += [nn.Conv2d(i, o, 4, 2, 1), nn.BatchNorm2d(o), nn.ReLU()]
    for i, o in ((4 * c, 2 * c), (2 * c, c)):
        decoder += [nn.ConvTranspose2d(i, o, 4, 2, 1), nn.BatchNorm2d(o), nn.ReLU()]
    decoder += [nn.ConvTranspose2d(c, 3, 4, 2, 1), nn.Sigmoid()]
    return nn.Sequential(*encoder, nn.Conv2d(4 * c, latent, 1)), nn.Sequential(*decoder)


@pytest.mark.parametrize("size", [(32, 48), (100, 130), (7, 9), (1, 1), (8, 33)])
def test_layers(size):
    torch.manual_seed(0)
    model = ConvAutoencoder(5, 8).double()
    encoder, decoder = in_a_row(5, 8)
    rows = nn.ModuleList([encoder, decoder]).double()
    rows.load_state_dict(dict(zip(rows.state_dict(), model.state_dict().values(), strict=True)))
    for training in (True, False):
        x = torch.rand(4, 3, *size).double()
        model.train(training)
        rows.train(training)
        below, right = -(-size[0] // 8) * 8 - size[0], -(-size[1] // 8) * 8 - size[1]
        full = np.pad(x.numpy(), ((0, 0), (0, 0), (0, below), (0, right)), mode="edge")
        wanted_z = encoder(torch.from_numpy(full))
        wanted = decoder(wanted_z)[:, :, : size[0], : size[1]]
        x_hat, z = model(x)
        assert torch.allclose(z, wanted_z, atol=1e-10)
        assert torch.allclose(x_hat, wanted, atol=1e-10)
        assert x_hat.shape == x.shape
        assert x_hat.min() > 0
        assert x_hat.max() < 1


@pytest.mark.parametrize("seed", range(3))
def test_loss(seed):
    g = torch.Generator().manual_seed(seed)
    x, x_hat = torch.rand(2, 3, 5, 7, generator=g), torch.rand(2, 3, 5, 7, generator=g)
    wanted = (
        sum((a - b) ** 2 for a, b in zip(x.flatten().tolist(), x_hat.flatten().tolist(), strict=True)) / 210
    )
    assert reconstruction_loss((x_hat, torch.zeros(2, 4, 1, 1)), x).item() == pytest.approx(wanted, rel=1e-5)


def test_gradient():
    x = torch.rand(1, 3, 2, 3).double()
    x_hat, z = torch.rand_like(x).requires_grad_(), torch.zeros(1, 2, 1, 1).double()
    assert torch.autograd.gradcheck(lambda y: reconstruction_loss((y, z), x), x_hat)


def test_example():
    model = ConvAutoencoder(16, 32)
    assert sum(p.numel() for p in model.parameters()) == 335_955
    for size, code in (((128, 128), (16, 16)), ((100, 130), (13, 17))):
        x_hat, z = model.eval()(torch.rand(1, 3, *size))
        assert x_hat.shape == (1, 3, *size)
        assert z.shape == (1, 16, *code)
    half = torch.full((1, 3, 4, 4), 0.5), torch.zeros(1, 16, 1, 1)
    assert reconstruction_loss(half, torch.zeros(1, 3, 4, 4)).item() == pytest.approx(0.25)
    assert reconstruction_loss(half, half[0]).item() == 0


def test_overfits_one_batch():
    torch.manual_seed(0)
    model, x = ConvAutoencoder(4, 8), torch.rand(2, 3, 20, 20) / 4
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        losses.append(reconstruction_loss(model(x), x))
        adam.zero_grad()
        losses[-1].backward()
        adam.step()
    assert losses[-1] < 0.1 * losses[0]
