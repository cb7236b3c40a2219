"""The reference of optical_flow/lucas_kanade against SciPy's filters, OpenCV's eigenvalues, and known motions."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
lucas_kanade = load(ROOT / "solutions/optical_flow/lucas_kanade.py").namespace["lucas_kanade"]


def _everywhere(h, w):
    ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return ys.flatten(), xs.flatten()


@pytest.mark.parametrize("r", [1, 2, 7])
def test_against_scipy(r):
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(r)
    one = rng.random((10, 13))
    two = one + rng.normal(size=one.shape) / 10
    kernel = [-0.5, 0, 0.5]
    gx, gy = (ndimage.correlate1d(one, kernel, axis=axis, mode="nearest") for axis in (1, 0))
    gt = two - one
    box = lambda m: ndimage.uniform_filter(m, 2 * r + 1, mode="nearest") * (2 * r + 1) ** 2  # noqa: E731
    xx, xy, yy, xt, yt = (box(m) for m in (gx * gx, gx * gy, gy * gy, gx * gt, gy * gt))
    flow, min_eig = lucas_kanade(torch.from_numpy(one), torch.from_numpy(two), *_everywhere(10, 13), r=r)
    for n, (y, x) in enumerate(np.ndindex(10, 13)):
        M = np.array([[xx[y, x], xy[y, x]], [xy[y, x], yy[y, x]]])
        assert min_eig[n] == pytest.approx(np.linalg.eigvals(M).min())
        assert flow[n].numpy() == pytest.approx(np.linalg.solve(M, -np.array([xt[y, x], yt[y, x]])), rel=1e-6)


def test_eigenvalues_against_opencv():
    cv2 = pytest.importorskip("cv2")
    r = 2
    # OpenCV's differences are Sobel's: scaled, and blurred across, which leaves the gradients of x * y as
    # they are. So away from the border its eigenvalues are ours but for one factor.
    y, x = np.arange(20.0)[:, None], np.arange(24.0)
    image = (x * y / 400).astype(np.float32)
    wanted = cv2.cornerMinEigenVal(image, 2 * r + 1, ksize=3)
    ys, xs = _everywhere(20, 24)
    _, min_eig = lucas_kanade(torch.from_numpy(image), torch.from_numpy(image), ys, xs, r=r)
    inner = (slice(r + 1, -r - 1), slice(r + 1, -r - 1))
    ratio = min_eig.view(20, 24).numpy()[inner] / wanted[inner]
    assert ratio == pytest.approx(np.full_like(ratio, ratio[0, 0]), rel=1e-2)


@pytest.mark.parametrize("motion", [(0.4, -0.3), (-0.2, 0.1), (0.0, 0.5)])
def test_known_motion_is_found(motion):
    y, x = torch.arange(40.0).double()[:, None], torch.arange(50.0).double()

    def pattern(x, y):
        return 0.5 + 0.2 * torch.sin(0.3 * x + 0.1 * y) + 0.2 * torch.cos(0.25 * y - 0.1 * x)

    at = torch.tensor([15, 20, 25]), torch.tensor([20, 30, 12])
    flow, min_eig = lucas_kanade(pattern(x, y), pattern(x - motion[0], y - motion[1]), *at)
    assert flow.numpy() == pytest.approx(np.tile(motion, (3, 1)), abs=0.015)
    assert (min_eig > 1e-2).all()


def test_aperture():
    x = torch.arange(20.0).double().expand(20, 20)
    at = torch.tensor([10, 3]), torch.tensor([10, 19])
    for image in (torch.sin(x), torch.sin(x).T, torch.ones(20, 20).double()):
        flow, min_eig = lucas_kanade(image.clone(), image + 0.1 * torch.cos(x), *at)
        assert not flow.any()
        assert min_eig.abs().max() < 1e-10


def test_example():
    y, x = torch.arange(5.0)[:, None], torch.arange(5.0)
    flow, min_eig = lucas_kanade(x * y, x * y - y, torch.tensor([2]), torch.tensor([2]), r=1)
    assert flow[0].tolist() == pytest.approx([1, 0], abs=1e-5)
    assert min_eig.tolist() == pytest.approx([6], rel=1e-5)
    flow, min_eig = lucas_kanade(x * y, x * y, torch.tensor([]).long(), torch.tensor([]).long())
    assert (flow.shape, min_eig.shape) == ((0, 2), (0,))
