"""The reference of optical_flow/fb_occlusion against a loop over pixels with SciPy, and a scene that is known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
fb_occlusion = load(ROOT / "solutions/optical_flow/fb_occlusion.py").namespace["fb_occlusion"]


@pytest.mark.parametrize("numbers", [{}, {"a1": 0.1}, {"a2": 2.0}, {"a1": 0.05, "a2": 0.25}])
def test_pixel_by_pixel(numbers):
    ndimage = pytest.importorskip("scipy.ndimage")
    a1, a2 = numbers.get("a1", 0.01), numbers.get("a2", 0.5)
    rng = np.random.default_rng(3)
    motion = rng.uniform(-3, 3, (4, 2, 1, 1))
    fw, bw = motion + rng.normal(size=(4, 2, 9, 11)) / 2, -motion + rng.normal(size=(4, 2, 9, 11)) / 2
    found = fb_occlusion(torch.from_numpy(fw), torch.from_numpy(bw), **numbers).numpy()
    assert found.shape == (4, 1, 9, 11)
    shares = []
    for n, y, x in np.ndindex(4, 9, 11):
        u, v = fw[n, :, y, x]
        row, col = y + v, x + u
        inside = 0 <= col <= 10 and 0 <= row <= 8
        back = [ndimage.map_coordinates(bw[n, c], [[row], [col]], order=1)[0] for c in (0, 1)]
        gap = (u + back[0]) ** 2 + (v + back[1]) ** 2
        wanted = not inside or gap > a1 * (u * u + v * v + back[0] ** 2 + back[1] ** 2) + a2
        assert found[n, 0, y, x] == wanted
        shares.append(inside and wanted)
    assert 0.02 < np.mean(shares) < 0.98


def test_a_square_moving_before_a_still_wall():
    """The square hides as many columns of wall as it moves by, ahead of it; behind it none is hidden."""
    fw, bw = torch.zeros(1, 2, 12, 16), torch.zeros(1, 2, 12, 16)
    fw[0, 0, 4:8, 3:7], bw[0, 0, 4:8, 6:10] = 3, -3
    wanted = torch.zeros(1, 1, 12, 16, dtype=torch.bool)
    wanted[0, 0, 4:8, 7:10] = True
    assert torch.equal(fb_occlusion(fw, bw), wanted)


def test_example():
    fw = torch.tensor([2.0, 0]).view(1, 2, 1, 1).expand(1, 2, 4, 5)
    assert fb_occlusion(fw, -fw)[0, 0, 1].tolist() == [False, False, False, True, True]
    assert fb_occlusion(fw, -fw / 2).all()
