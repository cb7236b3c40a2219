"""The reference of instance_segmentation/roi_align against loops as in C++, SciPy, grid_sample and kornia."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
roi_align = load(ROOT / "solutions/instance_segmentation/roi_align.py").namespace["roi_align"]


def interpolated(data: list[list[float]], y: float, x: float) -> float:
    """Return what bilinear_interpolate of the C++ layer returns."""
    height, width = len(data), len(data[0])
    if y < -1.0 or y > height or x < -1.0 or x > width:
        return 0.0
    y, x = max(y, 0.0), max(x, 0.0)
    y_low, x_low = int(y), int(x)
    if y_low >= height - 1:
        y_high = y_low = height - 1
        y = float(y_low)
    else:
        y_high = y_low + 1
    if x_low >= width - 1:
        x_high = x_low = width - 1
        x = float(x_low)
    else:
        x_high = x_low + 1
    ly, lx = y - y_low, x - x_low
    hy, hx = 1.0 - ly, 1.0 - lx
    low = hx * data[y_low][x_low] + lx * data[y_low][x_high]
    high = hx * data[y_high][x_low] + lx * data[y_high][x_high]
    return hy * low + ly * high


def in_loops(feat: torch.Tensor, rois: torch.Tensor, out: int, scale: float, sampling: int) -> torch.Tensor:
    """Return what roi_align_forward computes with aligned=True."""
    data = feat.tolist()
    result = feat.new_zeros(len(rois), len(feat), out, out)
    for n, roi in enumerate(rois.tolist()):
        start_w, start_h, end_w, end_h = (v * scale - 0.5 for v in roi)
        bin_h, bin_w = (end_h - start_h) / out, (end_w - start_w) / out
        for c in range(len(feat)):
            for ph in range(out):
                for pw in range(out):
                    total = 0.0
                    for iy in range(sampling):
                        y = start_h + ph * bin_h + (iy + 0.5) * bin_h / sampling
                        for ix in range(sampling):
                            x = start_w + pw * bin_w + (ix + 0.5) * bin_w / sampling
                            total += interpolated(data[c], y, x)
                    result[n, c, ph, pw] = total / (sampling * sampling)
    return result


def drawn(seed: int, *, beyond: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a map and regions that leave it by up to a share of its size."""
    g = torch.Generator().manual_seed(seed)
    h, w = (int(torch.randint(1, 9, (), generator=g)) for _ in range(2))
    feat = torch.randn(2, h, w, generator=g, dtype=torch.float64)
    size = torch.tensor([w, h]).double() * 16
    ends = (torch.rand(5, 2, 2, generator=g, dtype=torch.float64) * (1 + 2 * beyond) - beyond) * size
    return feat, torch.cat([ends.amin(dim=1), ends.amax(dim=1)], dim=1)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("beyond", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    ("out", "scale", "sampling"), [(2, 1 / 16, 2), (3, 1 / 16, 3), (1, 0.1, 1), (4, 0.05, 2)]
)
def test_loops(seed, beyond, out, scale, sampling):
    feat, rois = drawn(seed, beyond=beyond)
    expected = in_loops(feat, rois, out, scale, sampling)
    torch.testing.assert_close(roi_align(feat, rois, out, scale, sampling), expected)


def test_the_usual_arguments():
    feat, rois = drawn(8, beyond=0.4)
    torch.testing.assert_close(roi_align(feat, rois), in_loops(feat, rois, 7, 1 / 16, 2))


def test_points_exactly_at_the_limit():
    feat = torch.randn(2, 7, 8, generator=torch.Generator().manual_seed(0)).double()
    rois = torch.tensor([[-1, 0.5, 3, 4.5], [5, 4, 9, 8], [2, -1, 6, 3]]).double()
    torch.testing.assert_close(roi_align(feat, rois, 2, 1.0), in_loops(feat, rois, 2, 1.0, 2))


@pytest.mark.parametrize("seed", range(20))
def test_scipy(seed):
    ndimage = pytest.importorskip("scipy.ndimage")
    feat, rois = drawn(seed, beyond=0.02)  # less than a cell
    h, w = feat.shape[1:]
    share = (torch.arange(6).double() + 0.5) / 6
    for roi, found in zip(rois, roi_align(feat, rois, 3), strict=True):
        x1, y1, x2, y2 = roi / 16 - 0.5
        y, x = torch.meshgrid(y1 + share * (y2 - y1), x1 + share * (x2 - x1), indexing="ij")
        for channel, expected in zip(feat, found, strict=True):
            values = ndimage.map_coordinates(channel.numpy(), [y.numpy(), x.numpy()], order=1, mode="nearest")
            means = torch.from_numpy(values).reshape(3, 2, 3, 2).mean(dim=(1, 3))
            torch.testing.assert_close(expected, means)
    assert (rois[:, :2] > -16 * 0.5).all()
    assert (rois[:, 2:] < torch.tensor([w, h]) * 16 + 8).all()


@pytest.mark.parametrize("seed", range(20))
def test_grid_sample(seed):
    feat, rois = drawn(seed, beyond=0.02)
    h, w = feat.shape[1:]
    zero = rois.new_zeros(len(rois))
    x1, y1, x2, y2 = (rois / 16).unbind(1)
    theta = torch.stack(
        [
            torch.stack([(x2 - x1) / w, zero, (x1 + x2) / w - 1], dim=1),
            torch.stack([zero, (y2 - y1) / h, (y1 + y2) / h - 1], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(theta, [len(rois), 2, 6, 6], align_corners=False)
    many = feat.expand(len(rois), -1, -1, -1)
    values = F.grid_sample(many, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(roi_align(feat, rois, 3), F.avg_pool2d(values, 2))


@pytest.mark.parametrize("seed", range(10))
def test_kornia(seed):
    crop_and_resize = pytest.importorskip("kornia.geometry.transform").crop_and_resize
    feat = torch.randn(2, 9, 9, generator=torch.Generator().manual_seed(seed)).double()
    # kornia maps the first and last point to the corners it is given: with one point per bin, these.
    x1, y1, extent = 1.25, 2.5, 4.5
    first, last = extent / 6, extent * 5 / 6
    left, top, right, bottom = x1 + first - 0.5, y1 + first - 0.5, x1 + last - 0.5, y1 + last - 0.5
    corners = torch.tensor([[[left, top], [right, top], [right, bottom], [left, bottom]]]).double()
    expected = crop_and_resize(feat[None], corners, (3, 3), align_corners=True)
    rois = torch.tensor([[x1, y1, x1 + extent, y1 + extent]]).double()
    torch.testing.assert_close(roi_align(feat, rois, 3, 1.0, 1), expected, rtol=1e-4, atol=1e-5)


def test_gradients():
    feat, rois = drawn(4, beyond=0.3)
    feat.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda f: roi_align(f, rois, 3), feat)


def test_example():
    feat, rois = torch.tensor([[[0.0, 10, 20, 30]]]), torch.tensor([[1.0, 0, 7, 2]])
    assert roi_align(feat, rois, 1, 0.5, 2).item() == 15


def test_no_regions():
    assert roi_align(torch.zeros(3, 4, 5), torch.zeros(0, 4)).shape == (0, 3, 7, 7)
