"""The reference of optical_flow/backward_warp against SciPy, OpenCV and kornia."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
backward_warp = load(ROOT / "solutions/optical_flow/backward_warp.py").namespace["backward_warp"]


def _drawn(b=2, c=3, h=9, w=12, reach=4.0):
    rng = np.random.default_rng(h * w)
    return rng.random((b, c, h, w)), rng.uniform(-reach, reach, (b, 2, h, w))


def _points(flow):
    h, w = flow.shape[-2:]
    return np.arange(w) + flow[:, 0], np.arange(h)[:, None] + flow[:, 1]


@pytest.mark.parametrize("reach", [0.5, 4.0, 30.0])
def test_against_scipy(reach):
    ndimage = pytest.importorskip("scipy.ndimage")
    img2, flow = _drawn(reach=reach)
    img, inside = (t.numpy() for t in backward_warp(torch.from_numpy(img2), torch.from_numpy(flow)))
    x, y = _points(flow)
    for n, c in np.ndindex(img2.shape[:2]):
        # A border of zeros drawn in, since SciPy's own constant border does not interpolate with it.
        padded = np.pad(img2[n, c], 2)
        wanted = ndimage.map_coordinates(padded, [y[n] + 2, x[n] + 2], order=1, mode="constant")
        assert img[n, c] == pytest.approx(wanted, abs=1e-10)
    h, w = img2.shape[-2:]
    for n, i, j in np.ndindex(x.shape):
        assert inside[n, 0, i, j] == (0 <= x[n, i, j] <= w - 1 and 0 <= y[n, i, j] <= h - 1)


def test_against_opencv():
    cv2 = pytest.importorskip("cv2")
    img2, flow = _drawn(b=1, c=1)
    x, y = (p[0].astype(np.float32) for p in _points(flow))
    # OpenCV rounds fractions to 1/32 of a pixel in some of its paths.
    wanted = cv2.remap(img2[0, 0].astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    img, _ = backward_warp(torch.from_numpy(img2), torch.from_numpy(flow))
    assert img[0, 0].numpy() == pytest.approx(wanted, abs=0.07)


def test_against_kornia():
    transform = pytest.importorskip("kornia.geometry.transform")
    img2, flow = _drawn()
    x, y = (torch.from_numpy(p) for p in _points(flow))
    img, _ = backward_warp(torch.from_numpy(img2), torch.from_numpy(flow))
    wanted = transform.remap(torch.from_numpy(img2), x, y, align_corners=True)
    assert torch.allclose(img, wanted)


def test_gradients_against_finite_differences():
    generator = torch.Generator().manual_seed(1)
    img2 = torch.rand(1, 2, 4, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    fraction = torch.rand(1, 2, 4, 5, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    flow = (fraction + torch.randint(-2, 2, (1, 2, 4, 5), generator=generator)).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, f: backward_warp(a, f)[0], (img2, flow))


def test_example():
    img2 = torch.tensor([10.0, 20, 40]).expand(1, 1, 4, 3)
    flow = torch.zeros(1, 2, 4, 3)
    flow[:, 0] = torch.tensor([0.5, 1, 0.5])
    img, inside = backward_warp(img2, flow)
    assert img[0, 0, 1].tolist() == [15, 40, 20]
    assert inside[0, 0, 1].tolist() == [True, True, False]
