"""The reference of trajectory_prediction/agent_frame against SciPy's rotations, complex numbers, kornia."""

import cmath
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = load(ROOT / "solutions/trajectory_prediction/agent_frame.py").namespace
to_agent, from_agent = SYMBOLS["to_agent"], SYMBOLS["from_agent"]


def drawn(seed, n=5, t=4):
    g = torch.Generator().manual_seed(seed)
    traj, origin = (torch.randn(*s, generator=g).double() * 5 for s in ((n, t, 2), (n, 2)))
    return traj, origin, torch.randn(n, generator=g).double() * 6


@pytest.mark.parametrize("seed", range(4))
def test_complex(seed):
    traj, origin, heading = drawn(seed)
    there, back = to_agent(traj, origin, heading), from_agent(traj, origin, heading)
    for i, (points, (ox, oy), h) in enumerate(
        zip(traj.tolist(), origin.tolist(), heading.tolist(), strict=True)
    ):
        for j, (x, y) in enumerate(points):
            z = (complex(x, y) - complex(ox, oy)) / cmath.exp(1j * h)
            assert there[i, j].tolist() == pytest.approx([z.real, z.imag], abs=1e-12)
            z = complex(x, y) * cmath.exp(1j * h) + complex(ox, oy)
            assert back[i, j].tolist() == pytest.approx([z.real, z.imag], abs=1e-12)


def test_scipy():
    rotation = pytest.importorskip("scipy.spatial.transform").Rotation
    traj, origin, heading = drawn(7)
    there, back = to_agent(traj, origin, heading), from_agent(traj, origin, heading)
    for i in range(len(traj)):
        turn = rotation.from_euler("z", heading[i].item())
        shift = np.append(origin[i].numpy(), 0)
        flat = np.pad(traj[i].numpy(), ((0, 0), (0, 1)))
        assert np.allclose(turn.inv().apply(flat - shift)[:, :2], there[i])
        assert np.allclose((turn.apply(flat) + shift)[:, :2], back[i])


def test_kornia():
    pytest.importorskip("kornia")
    from kornia.geometry.liegroup import Se2, So2

    traj, origin, heading = drawn(8)
    pose = Se2(So2.exp(heading), origin)
    for j in range(traj.shape[1]):
        back = pose.so2 * traj[:, j] + origin
        assert torch.allclose(from_agent(traj, origin, heading)[:, j], torch.as_tensor(back))


@pytest.mark.parametrize("function", [to_agent, from_agent])
def test_gradients(function):
    traj, origin, heading = drawn(3, 2, 3)
    origin[0] = traj[0, -1]
    traj.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: function(x, origin, heading), traj)


def test_example():
    origin, heading = torch.tensor([[2.0, 1]]).double(), torch.tensor([torch.pi / 2], dtype=torch.float64)
    points = torch.tensor([[[2.0, 4], [1, 1]]]).double()
    seen = torch.tensor([[[3.0, 0], [0, 1]]]).double()
    assert torch.allclose(to_agent(points, origin, heading), seen)
    assert torch.allclose(from_agent(seen, origin, heading), points)
    assert to_agent(points[:, :0], origin, heading).shape == (1, 0, 2)
