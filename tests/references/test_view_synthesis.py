"""The reference of depth/view_synthesis against OpenCV, SciPy, kornia and finite differences."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
inverse_warp = load(ROOT / "solutions/depth/view_synthesis.py").namespace["inverse_warp"]


def drawn(seed, b=2, h=9, w=12, forward=0.0):
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(seed)
    src, depth = rng.random((b, 3, h, w)), rng.uniform(2, 6, (b, 1, h, w))
    K = np.array([[10 + rng.random(), 0, w / 2 - 1], [0, 8 + rng.random(), h / 2], [0, 0, 1]])
    T = np.tile(np.eye(4), (b, 1, 1))
    for i in range(b):
        T[i, :3, :3] = cv2.Rodrigues(rng.normal(0, 0.1, 3))[0]
        T[i, :3, 3] = rng.normal(0, 0.3, 3) + np.array([0, 0, forward])
    return src, depth, K, T


def projected(depth, K, T):
    """Project with OpenCV, pixel by pixel; columns, rows and depths."""
    cv2 = pytest.importorskip("cv2")
    h, w = depth.shape
    rays = np.stack([*np.meshgrid(np.arange(w), np.arange(h)), np.ones((h, w))], -1) @ np.linalg.inv(K).T
    points = (rays * depth[..., None]).reshape(-1, 3)
    uv = cv2.projectPoints(points, cv2.Rodrigues(T[:3, :3])[0], T[:3, 3], K, None)[0]
    z = (points @ T[:3, :3].T + T[:3, 3])[:, 2]
    u, v = uv.reshape(h, w, 2).transpose(2, 0, 1)
    return u, v, z.reshape(h, w)


@pytest.mark.parametrize("forward", [0.0, -4.0, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_opencv_and_scipy(seed, forward):
    ndimage = pytest.importorskip("scipy.ndimage")
    cv2 = pytest.importorskip("cv2")
    src, depth, K, T = drawn(seed, forward=forward)
    img, valid = inverse_warp(*(torch.from_numpy(a) for a in (src, depth, K, T)))
    h, w = src.shape[2:]
    for i in range(len(src)):
        u, v, z = projected(depth[i, 0], K, T[i])
        inside = (z > 0) & (u >= 0) & (u <= w - 1) & (v >= 0) & (v <= h - 1)
        assert (valid[i, 0].numpy() == inside).all()
        near = (u > -1e3) & (u < 1e3) & (v > -1e3) & (v < 1e3) & (z > 0)
        for c in range(3):
            padded = np.pad(src[i, c], 2)
            wanted = ndimage.map_coordinates(padded, [v + 2, u + 2], order=1, mode="constant")
            np.testing.assert_allclose(img[i, c].numpy()[near], wanted[near], atol=1e-7)
            coarse = cv2.remap(
                src[i, c].astype(np.float32),
                u.astype(np.float32),
                v.astype(np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=0,
            )
            np.testing.assert_allclose(img[i, c].numpy()[near], coarse[near], atol=0.05)


def test_kornia():
    depth_ops = pytest.importorskip("kornia.geometry.depth")
    src, depth, K, T = (torch.from_numpy(a) for a in drawn(3))
    img, _ = inverse_warp(src, depth, K, T)
    wanted = depth_ops.warp_frame_depth(src, depth, T, K[None].expand(len(src), 3, 3))
    torch.testing.assert_close(img, wanted, atol=1e-6, rtol=1e-5)


def test_gradient():
    src, depth, K, T = (torch.from_numpy(a) for a in drawn(4, b=1, h=4, w=5))
    assert torch.autograd.gradcheck(lambda d: inverse_warp(src, d, K, T)[0], depth.requires_grad_())


def test_identity_and_example():
    src, depth, K, T = (torch.from_numpy(a) for a in drawn(5))
    still = torch.eye(4).double().expand_as(T)
    torch.testing.assert_close(inverse_warp(src, depth, K, still)[0], src)
    K = torch.tensor([[100.0, 0, 5], [0, 90, 4], [0, 0, 1]]).double()
    shift = still.clone()
    shift[:, 0, 3] = 0.1
    img, valid = inverse_warp(src, torch.full_like(depth, 5), K, shift)
    torch.testing.assert_close(img[..., :-2], src[..., 2:])
    assert not img[..., -2:].abs().gt(1e-9).any()
    assert not valid[..., -2:].any()
