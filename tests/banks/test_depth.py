"""Every number, shape and computed claim of the depth bank, computed again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

BANK = Path(__file__).parents[2] / "questions" / "depth.yaml"
QUESTIONS: dict[str, dict[str, Any]] = {
    q["id"]: q for q in yaml.load(BANK.read_text(encoding="utf-8"), yaml.BaseLoader)
}


def shape(name: str) -> tuple[int, ...]:
    return tuple(int(size) for size in QUESTIONS[name]["shape"].strip("[]").split(","))


def agrees(name: str, value: float) -> None:
    """The computed value lies within half of the tolerance, so that an honestly rounded answer still counts."""
    question = QUESTIONS[name]
    tolerance = float(question.get("tolerance", 0))
    assert abs(float(question["number"]) - value) <= tolerance / 2 + 1e-9, (name, value)


def answer(name: str) -> str:
    return str(QUESTIONS[name]["answer"]).replace("`", "")


def run(name: str, function: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {"torch": torch, "nn": nn, "F": F}
    exec(QUESTIONS[name]["code"], scope)  # the bank's own code
    return scope[function]


def trunk() -> nn.Sequential:
    """Stand-in for ResNet-18 without its head: five stride-2 stages, each n -> ceil(n/2)."""
    widths = (3, 8, 8, 8, 8, 512)
    return nn.Sequential(*(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in itertools.pairwise(widths)))


def side(layer: nn.ConvTranspose2d, size: int = 7) -> int:
    return layer(torch.zeros(1, layer.in_channels, size, size)).shape[-1]


# ---------------------------------------------------------------- shapes


def test_decoder_shapes() -> None:
    by_8 = nn.ConvTranspose2d(512, 1, 16, stride=8, padding=4)
    by_32 = nn.ConvTranspose2d(512, 1, 64, stride=32, padding=16)
    assert tuple(by_8(torch.zeros(2, 512, 7, 7)).shape) == shape("decoder-x8-shape")
    assert tuple(by_8(trunk()(torch.zeros(4, 3, 192, 640))).shape) == shape("decoder-x8-wide-shape")
    assert tuple(by_32(trunk()(torch.zeros(1, 3, 100, 250))).shape) == shape("decoder-x32-odd-size-shape")


def test_only_the_named_repair_gives_224() -> None:
    assert side(nn.ConvTranspose2d(4, 1, 64, stride=8, padding=4)) == 104
    assert side(nn.ConvTranspose2d(4, 1, 16, stride=8, padding=4, dilation=4)) == 101
    assert side(nn.ConvTranspose2d(4, 1, 16, stride=8, padding=4, output_padding=7)) == 63
    named = eval(f"nn.ConvTranspose2d(4, 1, {answer('decoder-x32-repair')})")
    assert side(named) == 224


def test_parameters() -> None:
    layer = nn.ConvTranspose2d(512, 1, 64, stride=32, padding=16)
    agrees("decoder-x32-parameters", sum(p.numel() for p in layer.parameters()))
    assert sum(p.numel() for p in nn.Conv2d(512, 1, 1).parameters()) == 513


def test_wrong_sizes_warn_and_raise() -> None:
    assert "RuntimeError" in answer("wrong-size-into-l1")
    with pytest.warns(UserWarning, match="target size"), pytest.raises(RuntimeError):
        nn.L1Loss()(torch.zeros(2, 1, 56, 56), torch.zeros(2, 1, 224, 224))


def test_silent_broadcast() -> None:
    assert "4·4·64·64" in answer("broadcast-batch-4")
    with pytest.warns(UserWarning, match="target size"):
        pairs = nn.L1Loss(reduction="none")(torch.zeros(4, 1, 64, 64), torch.zeros(4, 64, 64))
    assert pairs.numel() == 4 * 4 * 64 * 64
    target = torch.tensor([1.0, 5.0]).view(2, 1, 1).expand(2, 8, 8)
    with pytest.warns(UserWarning, match="target size"):
        agrees("broadcast-perfect-prediction", nn.L1Loss()(target[:, None], target).item())
    constant = torch.arange(0, 10, 0.5)  # one value per prediction against all targets of a batch
    best = constant[(constant[:, None] - torch.tensor([1.0, 2, 9])).abs().mean(1).argmin()].item()
    assert best == 2  # the median, not the mean
    assert "median of the batch" in QUESTIONS["broadcast-batch-4"]["why"]


# ---------------------------------------------------------------- heads


def test_positive_heads() -> None:
    x = torch.linspace(-10, 10, 2001)
    scope = {"x": x, "torch": torch, "F": F}
    for choice in QUESTIONS["which-heads-are-positive"]["choices"]:
        positive = bool((eval(choice.replace("`", ""), scope) > 0).all())
        assert positive == (choice in QUESTIONS["which-heads-are-positive"]["answers"]), choice


def test_relu_has_no_gradient_below_zero() -> None:
    x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    F.relu(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 1]
    assert "no gradient" in answer("relu-depth-head")


def test_linear_head_is_negative_half_of_the_time() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(64, 512, generator=generator)
    features = torch.randn(512, 1000, generator=generator).relu()
    assert 0.3 < (weight @ features < 0).float().mean().item() < 0.7


def test_disparity() -> None:
    agrees("affine-disparity-numbers", 1 / (0.01 + (10 - 0.01) * 0.5))
    disp, depth = run("disparity-bounds-bug", "disp_to_depth")(torch.tensor([0.0, 1.0]))
    assert depth.tolist() == pytest.approx([10, 0.01])
    assert disp[0].item() == pytest.approx(0.1)
    assert "1 / max_d to 1 / min_d" in answer("disparity-bounds-bug")


# ---------------------------------------------------------------- losses


def test_l1_and_l2_optimum() -> None:
    depths = torch.tensor([2.0] * 6 + [10.0] * 4)
    guesses = torch.arange(0, 12, 0.1)
    errors = guesses[:, None] - depths
    agrees("l2-at-an-edge", round(guesses[errors.square().mean(1).argmin()].item(), 4))
    assert answer("l1-at-an-edge") == f"{guesses[errors.abs().mean(1).argmin()].item():.0f} m"
    assert math.exp(0.6 * math.log(2) + 0.4 * math.log(10)) == pytest.approx(3.8, abs=0.02)


def test_berhu() -> None:
    def berhu(e: float, c: float) -> float:
        return abs(e) if abs(e) <= c else (e * e + c * c) / (2 * c)

    agrees("berhu-value", berhu(3, 1))
    assert berhu(1 + 1e-9, 1) == pytest.approx(1)


def test_zeros_win_under_l1() -> None:
    targets = torch.cat([torch.zeros(95), torch.full((5,), 20.0)])
    guesses = torch.arange(0, 25, 0.5)
    errors = guesses[:, None] - targets
    assert guesses[errors.abs().mean(1).argmin()].item() == 0
    assert guesses[errors.square().mean(1).argmin()].item() == 1.0  # 5 % of 20
    assert "Zero" in answer("holes-fitted-by-l1")


def test_nan_survives_the_mask() -> None:
    loss = run("nan-holes-bug", "masked_l1")
    gt = torch.tensor([[[[1.0, math.nan], [2.0, 3.0]]]])
    assert loss(torch.ones(1, 1, 2, 2), gt).isnan()
    assert loss(torch.ones(1, 1, 2, 2), gt.nan_to_num(0)).item() == 1
    assert not (torch.tensor(math.nan) > 0)


def test_mean_of_nothing() -> None:
    loss = run("empty-mask-bug", "masked_l1")
    assert loss(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)).isnan()
    pred = torch.ones(1, 1, 2, 2, requires_grad=True)
    loss(pred, torch.ones(1, 1, 2, 2)).backward()
    assert pred.grad is not None
    assert pred.grad.isfinite().all()


def test_where_hides_the_value_but_not_the_gradient() -> None:
    loss = run("masked-log-bug", "masked_log_l1")
    gt = torch.tensor([[[[1.0, 0.0], [2.0, 0.0]]]])
    pred = torch.tensor([[[[2.0, 0.0], [3.0, 4.0]]]], requires_grad=True)
    value = loss(pred, gt)
    value.backward()
    assert value.isfinite()
    assert pred.grad is not None
    assert pred.grad.isnan().tolist() == [[[[False, True], [False, False]]]]


def silog(pred: Tensor, gt: Tensor, lam: float) -> float:
    e = pred.log() - gt.log()
    return (e.square().mean() - lam * e.mean().square()).item()


def test_silog() -> None:
    gt = torch.rand(50, dtype=torch.float64) + 1
    pred = torch.rand(50, dtype=torch.float64) + 1
    agrees("silog-doubled-half", silog(2 * gt, gt, 0.5))
    assert answer("silog-lambda-one").startswith("λ = 1")
    assert silog(7 * pred, gt, 1) == pytest.approx(silog(pred, gt, 1))
    for lam in (0.0, 0.5):
        assert silog(7 * pred, gt, lam) != pytest.approx(silog(pred, gt, lam))


def test_smoothness_punishes_edges() -> None:
    smooth = run("smoothness-sign-bug", "smooth_x")
    disp = torch.tensor([1.0, 1, 2, 2]).expand(1, 1, 4, 4)
    flat, edge = torch.zeros(1, 3, 4, 4), torch.tensor([0.0, 0, 1, 1]).expand(1, 3, 4, 4)
    assert smooth(disp, edge) > smooth(disp, flat)
    assert smooth(5 * disp, edge).item() == pytest.approx(smooth(disp, edge).item())
    assert "(-i).exp()" in answer("smoothness-sign-bug")


# ---------------------------------------------------------------- metrics


def test_delta_and_abs_rel() -> None:
    pred, gt = torch.tensor([1.2, 5.2, 9, 19]), torch.tensor([1.0, 4, 10, 16])
    agrees("delta-one-value", (torch.maximum(pred / gt, gt / pred) < 1.25).float().mean().item())
    pred = torch.tensor([1.2, 5, 9, 20])
    agrees("abs-rel-value", round(((pred - gt).abs() / gt).mean().item(), 6))


def test_only_rmse_grows_with_distance() -> None:
    assert answer("metric-ruled-by-far") == "RMSE"
    gt = torch.tensor([2.0, 80.0])
    pred = 1.1 * gt
    assert ((pred - gt) / gt).tolist() == pytest.approx([0.1, 0.1])
    assert (pred.log() - gt.log()).tolist() == pytest.approx([math.log(1.1)] * 2, rel=1e-4)
    assert (pred - gt).tolist() == pytest.approx([0.2, 8.0], rel=1e-4)


def test_median_scaling() -> None:
    abs_rel = run("median-scaling-bug", "abs_rel")
    gt = torch.arange(1.0, 10.0).view(3, 3)
    assert abs_rel(gt / 2, gt).item() == pytest.approx(0.75)  # four times too small
    assert abs_rel(gt, gt).item() == 0
    offset = gt + 2
    scaled = offset * gt.median() / offset.median()
    assert ((scaled - gt).abs() / gt).mean() > 0.05  # an offset is not hidden


def test_scale_and_shift() -> None:
    pred = torch.tensor([[1.0, 1], [2, 1], [3, 1]], dtype=torch.float64)
    target = torch.tensor([[0.5], [0.7], [0.9]], dtype=torch.float64)
    s, t = torch.linalg.lstsq(pred, target).solution.flatten().tolist()
    agrees("scale-shift-fit", t)
    assert s == pytest.approx(0.2)


# ---------------------------------------------------------------- geometry


def test_stereo() -> None:
    f, b = 721, 0.54
    agrees("stereo-triangulation", f * b / 10)
    agrees("stereo-one-pixel-error", f * b / 9 - f * b / 10)
    assert f * b / 99 - f * b / 100 == pytest.approx(0.04, abs=0.002)

    def error(z: float, base: float, pixels: float = 1e-3) -> float:
        d = f * base / z
        return f * base / (d - pixels) - z

    assert error(40, b) / error(20, b) == pytest.approx(4, rel=0.01)
    assert error(20, 2 * b) / error(20, b) == pytest.approx(0.5, rel=0.01)
    assert answer("stereo-error-growth").endswith("Z²")


def pixel(k: Tensor, point: Tensor) -> Tensor:
    u, v, w = (k @ point).unbind()
    return torch.stack([u / w, v / w])


K = torch.tensor([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]], dtype=torch.float64)


def test_common_scale_changes_no_pixel() -> None:
    angle = 0.1
    r = torch.tensor(
        [[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]],
        dtype=torch.float64,
    )
    r2 = torch.tensor(
        [
            [math.cos(3 * angle), 0, math.sin(3 * angle)],
            [0, 1, 0],
            [-math.sin(3 * angle), 0, math.cos(3 * angle)],
        ],
        dtype=torch.float64,
    )
    t = torch.tensor([0.2, 0.0, 0.1], dtype=torch.float64)
    ray = torch.linalg.inv(K) @ torch.tensor([30.0, 20, 1], dtype=torch.float64)
    before = pixel(K, r @ (5 * ray) + t)
    assert torch.allclose(before, pixel(K, r @ (15 * ray) + 3 * t))
    assert not torch.allclose(before, pixel(K, r @ (15 * ray) + t))
    assert not torch.allclose(before, pixel(K, r @ (8 * ray) + t + 3))
    assert not torch.allclose(before, pixel(K, r2 @ (15 * ray) + t))
    assert "depths and all translations" in answer("photometric-scale")


def test_z_and_ray() -> None:
    agrees("z-or-ray", 20 * math.sqrt((600 / 721) ** 2 + 1))


def test_intrinsics() -> None:
    point = torch.tensor([0.3, -0.2, 2.0], dtype=torch.float64)
    half = K.clone()
    half[:2] /= 2
    assert torch.allclose(pixel(half, point), pixel(K, point) / 2)
    crop = K.clone()
    crop[0, 2] -= 100
    crop[1, 2] -= 50
    shift = torch.tensor([100.0, 50], dtype=torch.float64)
    assert torch.allclose(pixel(crop, point), pixel(K, point) - shift)
    assert answer("crop-intrinsics").startswith("cx − 100 and cy − 50")


def test_wall_shift() -> None:
    wall = torch.tensor([0.5, 0.2, 5.0], dtype=torch.float64)
    moved = wall - torch.tensor([0.1, 0, 0], dtype=torch.float64)
    agrees("view-shift-pixels", (pixel(K, wall) - pixel(K, moved)).norm().item())


def test_minimum_reprojection() -> None:
    errors = torch.tensor([[0.1, 0.8, 0.3], [0.6, 0.2, 0.3]])
    agrees("minimum-reprojection-value", round(errors.amin(0).mean().item(), 6))
    assert errors.mean().item() == pytest.approx(0.3833, abs=1e-4)


def test_every_number_and_shape_is_computed_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    missing = [
        n for n, q in QUESTIONS.items() if {"number", "shape", "code"} & set(q) and f'"{n}"' not in text
    ]
    assert not missing
