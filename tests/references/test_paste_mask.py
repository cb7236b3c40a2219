"""The reference of instance_segmentation/paste_mask against SciPy, OpenCV, kornia and loops."""

import math
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
paste_mask = load(ROOT / "solutions/instance_segmentation/paste_mask.py").namespace["paste_mask"]


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor, int, int, float]:
    """Return a mask, a box that may leave the image, the image's size and a threshold."""
    g = torch.Generator().manual_seed(seed)
    m, h, w = (int(torch.randint(low, high, (), generator=g)) for low, high in ((1, 29), (1, 30), (1, 30)))
    start = torch.rand(2, generator=g, dtype=torch.float64) * 40 - 15
    extent = torch.rand(2, generator=g, dtype=torch.float64) * 30 + 0.3
    prob = torch.rand(m, m, generator=g, dtype=torch.float64)
    return prob, torch.cat([start, start + extent]), h, w, 0.1 + 0.8 * float(torch.rand((), generator=g))


def places(box: torch.Tensor, m: int, h: int, w: int) -> tuple[list[float], list[float]]:
    """Return the place of every row and column of the image among the cell centres of the mask."""
    x1, y1, x2, y2 = box.tolist()
    # Solved from the statement: x1 + (j + 0.5) * (x2 - x1) / m = c + 0.5.
    return (
        [(r + 0.5 - y1) / ((y2 - y1) / m) - 0.5 for r in range(h)],
        [(c + 0.5 - x1) / ((x2 - x1) / m) - 0.5 for c in range(w)],
    )


@pytest.mark.parametrize("seed", range(30))
def test_scipy(seed):
    ndimage = pytest.importorskip("scipy.ndimage")
    prob, box, h, w, thr = drawn(seed)
    rows, cols = places(box, len(prob), h, w)
    y, x = torch.meshgrid(torch.tensor(rows).double(), torch.tensor(cols).double(), indexing="ij")
    # Not mode="constant", which is 0 as soon as a point leaves the outermost centres.
    rim = torch.nn.functional.pad(prob, (1, 1, 1, 1)).numpy()
    values = ndimage.map_coordinates(
        rim, [(y + 1).numpy(), (x + 1).numpy()], order=1, mode="constant", cval=0
    )
    assert torch.equal(paste_mask(prob, box, h, w, thr), torch.from_numpy(values >= thr))


@pytest.mark.parametrize("seed", range(30))
def test_opencv(seed):
    cv2 = pytest.importorskip("cv2")
    np = pytest.importorskip("numpy")
    prob, box, h, w, thr = drawn(seed)
    rows, cols = places(box, len(prob), h, w)
    x, y = np.meshgrid(np.float32(cols), np.float32(rows))
    values = cv2.remap(prob.float().numpy(), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    # OpenCV knows 1/32 of a cell.
    found, sure = paste_mask(prob, box, h, w, thr).numpy(), abs(values - thr) > 0.07
    assert (found == (values >= thr))[sure].all()


@pytest.mark.parametrize("seed", range(30))
def test_kornia(seed):
    remap = pytest.importorskip("kornia.geometry.transform").remap
    prob, box, h, w, thr = drawn(seed)
    rows, cols = places(box, len(prob), h, w)
    y, x = torch.meshgrid(torch.tensor(rows).double(), torch.tensor(cols).double(), indexing="ij")
    m = len(prob)
    if m == 1:
        return  # kornia normalises pixel coordinates by m - 1
    values = remap(prob[None, None], x[None], y[None], align_corners=True)[0, 0]
    assert torch.equal(paste_mask(prob, box, h, w, thr), values >= thr)


@pytest.mark.parametrize("seed", range(20))
def test_loops(seed):
    prob, box, h, w, thr = drawn(seed)
    rows, cols = places(box, len(prob), h, w)
    cells = range(len(prob))
    for r, v in enumerate(rows):
        for c, u in enumerate(cols):
            value = math.fsum(
                max(0.0, 1 - abs(v - i)) * max(0.0, 1 - abs(u - j)) * float(prob[i, j])
                for i in cells
                for j in cells
                if abs(v - i) < 1 and abs(u - j) < 1
            )
            assert bool(paste_mask(prob, box, h, w, thr)[r, c]) == (value >= thr)


def test_a_box_on_pixels_is_the_mask_itself():
    prob = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)).double()
    found = paste_mask(prob, torch.tensor([3.0, 2, 8, 7]).double(), 9, 10, 0.4)
    expected = torch.zeros(9, 10, dtype=torch.bool)
    expected[2:7, 3:8] = prob >= 0.4
    assert torch.equal(found, expected)


def test_example():
    prob, box = torch.tensor([[1.0, 0], [1, 0]]), torch.tensor([0.0, 0, 4, 2])
    found = paste_mask(prob, box, 2, 5)
    assert found.tolist() == [[True, True, False, False, False]] * 2
    values = [0.75, 0.75, 0.25, 0, 0]
    for thr in (0.2, 0.25, 0.3, 0.7, 0.75, 0.8):
        assert paste_mask(prob, box, 2, 5, thr).tolist() == [[v >= thr for v in values]] * 2
