"""The reference of optical_flow/resize_flow against OpenCV, scikit-image, kornia and warped coordinates."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
resize_flow = load(ROOT / "solutions/optical_flow/resize_flow.py").namespace["resize_flow"]

SIZES = [
    ((4, 5), (9, 7)),
    ((8, 6), (3, 2)),
    ((5, 7), (10, 3)),
    ((6, 4), (6, 4)),
    ((1, 3), (4, 1)),
    ((7, 1), (2, 5)),
]


def drawn(size: tuple[int, int], seed: int = 0) -> torch.Tensor:
    """Return a flow field of a few pixels."""
    g = torch.Generator().manual_seed(seed)
    return 5 * torch.randn(2, 2, *size, generator=g, dtype=torch.float64)


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_against_opencv(old, new):
    cv2 = pytest.importorskip("cv2")
    flow = drawn(old)
    for one, found in zip(flow, resize_flow(flow, new), strict=True):
        wanted = cv2.resize(one.permute(1, 2, 0).numpy(), new[::-1], interpolation=cv2.INTER_LINEAR)
        wanted = wanted.reshape(*new, 2) * np.array([new[1] / old[1], new[0] / old[0]])
        np.testing.assert_allclose(found.permute(1, 2, 0).numpy(), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_against_scikit_image(old, new):
    transform = pytest.importorskip("skimage.transform")
    flow = drawn(old, 1)[0]
    u, v = (
        transform.resize(c, new, order=1, mode="edge", anti_aliasing=False, clip=False) for c in flow.numpy()
    )
    found = resize_flow(flow[None], new)[0].numpy()
    np.testing.assert_allclose(found, np.stack([u * new[1] / old[1], v * new[0] / old[0]]), atol=1e-9)


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_against_kornia(old, new):
    geometry = pytest.importorskip("kornia.geometry")
    flow = drawn(old, 2)
    wanted = geometry.resize(flow, new, interpolation="bilinear", align_corners=False)
    wanted = wanted * torch.tensor([new[1] / old[1], new[0] / old[0]]).double()[:, None, None]
    torch.testing.assert_close(resize_flow(flow, new), wanted)


def test_pixel_by_pixel():
    """Every target is where its point lands: resized coordinates plus resized flow."""
    (h, w), (h2, w2) = (5, 6), (11, 4)
    flow = drawn((h, w), 3)[:1]
    wanted = np.zeros((2, h2, w2))
    for y in range(h2):
        for x in range(w2):
            sy, sx = (np.clip((i + 0.5) * n / m - 0.5, 0, n - 1) for i, n, m in ((y, h, h2), (x, w, w2)))
            for j in range(h):
                for i in range(w):
                    weight = max(0, 1 - abs(sy - j)) * max(0, 1 - abs(sx - i))
                    wanted[:, y, x] += weight * flow[0, :, j, i].numpy()
    wanted *= np.array([w2 / w, h2 / h])[:, None, None]
    np.testing.assert_allclose(resize_flow(flow, (h2, w2))[0].numpy(), wanted, atol=1e-12)


def test_gradients():
    flow = drawn((3, 4)).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda f: resize_flow(f, (5, 2)), (flow,))


def test_example():
    flow = torch.tensor([[[[0.0, 4.0]], [[1.0, 1.0]]]])
    found = resize_flow(flow, (3, 4))
    assert found[0, 0].tolist() == [[0, 2, 6, 8]] * 3
    assert found[0, 1].tolist() == [[3, 3, 3, 3]] * 3
    assert resize_flow(flow[:0], (3, 4)).shape == (0, 2, 3, 4)
