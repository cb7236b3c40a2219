"""Every number, shape and computed claim of the super-resolution bank, computed again."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

BANK = Path(__file__).parents[2] / "questions" / "super_resolution.yaml"
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


def run(name: str, symbol: str, **known: object) -> Any:
    scope: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, **known}
    exec(QUESTIONS[name]["code"], scope)  # the bank's own code
    return scope[symbol]


def rand(*sizes: int, seed: int = 0) -> Tensor:
    return torch.rand(*sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def psnr(mse: float, top: float = 1) -> float:
    return 10 * math.log10(top**2 / mse)


def spread_inside_blocks(image: Tensor, r: int) -> float:
    """The largest difference between two pixels of one r x r block."""
    blocks = F.pixel_unshuffle(image, r).unflatten(1, (-1, r * r))
    return (blocks.amax(2) - blocks.amin(2)).max().item()


# ---------------------------------------------------------------- shapes and counts


def test_shuffle_shape() -> None:
    x = torch.empty(2, 48, 30, 20)
    assert tuple(nn.PixelShuffle(4)(x).shape) == shape("shuffle-shape")
    moved = nn.PixelShuffle(4)(rand(2, 48, 3, 2)).flatten().sort().values
    assert torch.equal(moved, rand(2, 48, 3, 2).flatten().sort().values)
    assert answer("shuffle-arithmetic") == "Nothing: it only moves values"
    assert not list(nn.PixelShuffle(4).parameters())


def test_sizes_of_pairs() -> None:
    photo = torch.empty(1, 3, 350, 203)
    h, w = photo.shape[2] // 3, photo.shape[3] // 3
    cut = photo[..., : 3 * h, : 3 * w]
    assert cut.shape[2:] == (348, 201)
    small = F.interpolate(cut, scale_factor=1 / 3, mode="bicubic", antialias=True)
    assert tuple(small.shape) == shape("cut-then-shrink")
    kept = torch.empty(1, 3, 50, 75)[..., ::4, ::4]
    assert tuple(kept.shape) == shape("degraded-shape")


def test_tail() -> None:
    tails = {s: nn.Conv2d(64, 3 * s * s, 3) for s in (2, 4)}
    count = {s: sum(p.numel() for p in tail.parameters()) for s, tail in tails.items()}
    agrees("tail-parameters", count[4] - count[2])
    assert nn.PixelShuffle(4)(tails[4](torch.zeros(1, 64, 5, 5))).shape[1] == 3
    assert count[4] - count[2] == 361_840 - 341_068  # the whole networks of the lesson


def reach(layers: int) -> int:
    """The side of the square of inputs on which one output depends."""
    n = 2 * layers + 9
    x = torch.zeros(1, 1, n, n, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(layers):
        y = F.conv2d(y, torch.ones(1, 1, 3, 3, dtype=torch.float64), padding=1)
    y[0, 0, n // 2, n // 2].backward()
    assert x.grad is not None
    return int((x.grad[0, 0] != 0).any(0).sum())


def test_receptive_fields() -> None:
    assert reach(5) == 11
    agrees("receptive-field-hr", 4 * reach(5))
    agrees("halo-width", (reach(11) - 1) // 2)


@pytest.mark.parametrize("missing", [0, 1])
def test_the_halo_is_just_enough(missing: int) -> None:
    """A shorter chain, with positive weights: a tile with its halo is exact, with one pixel less it is not."""
    layers = 4
    kernel = torch.ones(1, 1, 3, 3, dtype=torch.float64)

    def net(x: Tensor) -> Tensor:
        for _ in range(layers):
            x = F.conv2d(x, kernel, padding=1)
        return x

    photo = rand(1, 1, 30, 40)
    halo = layers - missing
    tile = net(photo[..., : 20 + halo])[..., :20]
    assert torch.allclose(tile, net(photo)[..., :20]) == (missing == 0)


def test_gains_of_enlarging_last() -> None:
    body = nn.Conv2d(8, 8, 3, padding=1)
    positions = [body(torch.zeros(1, 8, 6 * s, 5 * s)).numel() for s in (1, 4)]
    assert positions[1] == 16 * positions[0]
    assert (
        "About 16 times fewer multiplications in the body" in QUESTIONS["gains-of-enlarging-last"]["answers"]
    )


# ---------------------------------------------------------------- shuffles and checkerboards


def test_where_a_channel_lands() -> None:
    x = torch.zeros(1, 48, 10, 12)
    x[0, 27, 5, 7] = 1
    _, c, row, column = F.pixel_shuffle(x, 4).nonzero()[0].tolist()
    assert answer("where-a-channel-lands") == f"Channel {c}, row {row}, column {column}"
    other = x.unflatten(1, (4, 4, 3)).permute(0, 3, 4, 1, 5, 2).reshape(1, 3, 40, 48)  # (i, j, c)
    _, c, row, column = other.nonzero()[0].tolist()
    assert f"Channel {c}, row {row}, column {column}" == "Channel 0, row 22, column 29"
    assert {"Channel 0, row 22, column 29", "Channel 1, row 23, column 30"} <= set(
        QUESTIONS["where-a-channel-lands"]["choices"]
    )


def test_orders_of_channels() -> None:
    s = 4
    inner = torch.arange(48).unflatten(0, (s * s, 3))[..., None] == 5  # sub-position, colour
    assert inner.nonzero()[0, :2].tolist() == [1, 2]
    outer = torch.arange(48).unflatten(0, (3, s * s)) == 5  # colour, sub-position
    assert outer.nonzero()[0].tolist() == [0, 5]
    assert answer("weights-from-tensorflow") == "Colours and sub-positions are mixed up"


def overlaps(k: int, s: int) -> set[int]:
    counts = F.conv_transpose1d(torch.ones(1, 1, 20), torch.ones(1, 1, k), stride=s)[0, 0, k:-k]
    return set(counts.int().tolist())


def test_even_overlap() -> None:
    even = set()
    for option in QUESTIONS["even-overlap"]["choices"]:
        k, s = (int(word.strip(",")) for word in option.split() if word.strip(",").isdigit())
        if len(overlaps(k, s)) == 1:
            even.add(option)
    assert even == set(QUESTIONS["even-overlap"]["answers"])
    assert overlaps(3, 2) == {1, 2}
    line = F.conv_transpose1d(torch.ones(1, 1, 20), torch.ones(1, 1, 5), stride=3)[0, 0, 6:12]
    assert line.tolist() == [2, 2, 1, 2, 2, 1]
    plane = F.conv_transpose2d(torch.ones(1, 1, 9, 9), torch.ones(1, 1, 3, 3), stride=2)[0, 0, 4:8, 4:8]
    assert sorted(plane.flatten().unique().tolist()) == [1, 2, 4]


def test_shuffle_is_a_transposed_convolution() -> None:
    r, k = 2, 3
    weight, x = rand(3 * r * r, 4, k, k), rand(1, 4, 6, 7, seed=1)
    joined = torch.zeros(4, 3, r * k, r * k, dtype=torch.float64)
    for i in range(r):
        for j in range(r):
            part = weight.unflatten(0, (3, r, r))[:, i, j].flip(-1, -2)
            joined[:, :, i::r, j::r] = part.transpose(0, 1)
    found = F.conv_transpose2d(x, joined, stride=r, padding=r * (k // 2))
    assert torch.allclose(found, F.pixel_shuffle(F.conv2d(x, weight, padding=k // 2), r))
    assert answer("shuffle-as-transposed") == "Kernel k·r, stride r"


@pytest.mark.parametrize("r", [2, 3, 4])
def test_icnr(r: int) -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 8, 6, 7)
    smooth = torch.ones(1, 8, 6, 7)
    conv = nn.Conv2d(8, 3 * r * r, 3, padding=1)
    assert spread_inside_blocks(F.pixel_shuffle(conv(smooth), r), r) > 0.1  # a pattern from the start
    run("icnr-bug", "icnr_")(conv, r)
    assert spread_inside_blocks(F.pixel_shuffle(conv(x), r), r) > 0.1
    sub = torch.randn(3, 8, 3, 3)
    with torch.no_grad():
        conv.weight.copy_(sub.repeat_interleave(r**2, dim=0))
    found = F.pixel_shuffle(conv(x), r)
    assert spread_inside_blocks(found, r) < 1e-6
    small = F.conv2d(x, sub, padding=1)
    assert torch.allclose(found, F.interpolate(small, scale_factor=r, mode="nearest"), atol=1e-5)
    assert answer("icnr-start") == "A convolution, then nearest-neighbour enlargement"
    assert answer("icnr-bug") == "Copies of a kernel have to be adjacent"


def test_own_shuffle_bug() -> None:
    x = rand(2, 48, 3, 5)
    shuffle = run("own-shuffle-bug", "shuffle")
    blocks = shuffle(x).unflatten(2, (3, 4)).unflatten(4, (5, 4))  # b c h i w j
    assert torch.equal(blocks.transpose(3, 5).flatten(4, 5).flatten(2, 3), F.pixel_shuffle(x, 4))
    assert not torch.equal(shuffle(x), F.pixel_shuffle(x, 4))
    y = x.view(2, 3, 4, 4, 3, 5).permute(0, 1, 4, 2, 5, 3)
    assert torch.equal(y.reshape(2, 3, 12, 20), F.pixel_shuffle(x, 4))
    with pytest.raises(RuntimeError, match="view"):
        y.view(2, 3, 12, 20)


# ---------------------------------------------------------------- PSNR


def test_psnr_numbers() -> None:
    agrees("rms-at-40-db", 255 / 10 ** (40 / 20))
    agrees("joint-psnr-gap", (psnr(0.01) + psnr(0.0001)) / 2 - psnr((0.01 + 0.0001) / 2))
    assert psnr((0.01 + 0.0001) / 2) == pytest.approx(22.97, abs=0.005)
    agrees("wrong-max-gap", psnr(0.003, 255) - psnr(0.003))


def luma(rgb: Tensor) -> Tensor:
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64)
    return (16 + (rgb * weights[:, None, None]).sum(-3)) / 255


def test_luma() -> None:
    truth, off = rand(3, 60, 60), 0.1 * rand(1, 60, 60, seed=1)
    errors = [(luma(truth + off) - luma(truth)).square().mean().item(), off.square().mean().item()]
    agrees("luma-of-equal-errors", psnr(errors[0]) - psnr(errors[1]))
    noise = 0.1 * torch.randn(3, 400, 400, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gain = psnr((luma(noise) - 16 / 255).square().mean().item()) - psnr(noise.square().mean().item())
    assert gain == pytest.approx(4.82, abs=0.05)


def test_a_perfect_image() -> None:
    values = 10 * torch.log10(1 / torch.tensor([0.01, 0.0, 0.001]))
    assert values.mean() == math.inf
    assert answer("perfect-image-in-the-mean") == "Infinite"


def test_batch_psnr_bug() -> None:
    evaluate = run("batch-psnr-bug", "evaluate")
    lr = torch.full((2, 3, 4, 4), 0.5, dtype=torch.float64)
    hr = lr + torch.tensor([0.1, 0.01], dtype=torch.float64).view(2, 1, 1, 1)
    assert evaluate(nn.Identity(), [(lr, hr)]).item() == pytest.approx(22.97, abs=0.005)
    one_by_one = [(lr[i : i + 1], hr[i : i + 1]) for i in range(2)]
    assert evaluate(nn.Identity(), one_by_one).item() == pytest.approx(30)


def test_uint8_bug() -> None:
    gt = torch.full((1, 3, 8, 8), 101, dtype=torch.uint8)
    pred = gt.clone()
    pred[..., ::2] = 100
    assert run("uint8-bug", "psnr")(pred, gt).item() == pytest.approx(3.01, abs=0.005)
    assert psnr((pred.float() - gt.float()).square().mean().item(), 255) == pytest.approx(51.1, abs=0.05)
    assert (torch.tensor(100, dtype=torch.uint8) - torch.tensor(101, dtype=torch.uint8)).item() == 255
    assert answer("uint8-bug") == "The difference wraps around"


# ---------------------------------------------------------------- SSIM


def ssim(x: Tensor, y: Tensor) -> float:
    g = torch.exp(-(torch.arange(-5, 6).double() ** 2) / (2 * 1.5**2))
    window = torch.outer(g, g)[None, None] / g.sum() ** 2

    def local(image: Tensor) -> Tensor:
        return F.conv2d(image[None, None], window)

    mx, my = local(x), local(y)
    vx, vy, vxy = local(x * x) - mx**2, local(y * y) - my**2, local(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    found = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return found.mean().item()


def test_ssim_of_flat_images() -> None:
    half, tenth = (torch.full((16, 16), v, dtype=torch.float64) for v in (0.5, 0.1))
    agrees("ssim-of-flat-images", ssim(half, tenth))
    assert ssim(half, half) == pytest.approx(1)


def test_same_psnr_other_ssim() -> None:
    flat = torch.full((200, 200), 0.5, dtype=torch.float64)
    noise = 0.1 * torch.randn(200, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert psnr((flat + 0.1 - flat).square().mean().item()) == pytest.approx(20)
    assert psnr(noise.square().mean().item()) == pytest.approx(20, abs=0.1)
    assert ssim(flat, flat + 0.1) == pytest.approx(0.98, abs=0.005)
    assert ssim(flat, flat + noise) < 0.12
    assert pytest.approx(0.08, abs=0.005) == 0.0009 / 0.0109
    assert answer("same-psnr-other-ssim") == "A is near 1, B is low"


# ---------------------------------------------------------------- losses and layers


def test_averages() -> None:
    x = torch.linspace(0, 1, 1001, dtype=torch.float64)
    squared, absolute = 0.6 * x**2 + 0.4 * (1 - x) ** 2, 0.6 * x + 0.4 * (1 - x)
    best = x[squared.argmin()].item(), x[absolute.argmin()].item()
    assert best == (pytest.approx(0.4), 0)
    assert answer("l1-optimum") == "0.4 for L2, 0 for L1"
    assert (squared[0].item(), squared[400].item()) == (pytest.approx(0.4), pytest.approx(0.24))


def test_stripes() -> None:
    a = torch.arange(8).remainder(2).double().expand(8, 8)
    agrees("expected-mse-of-a-guess", sum(F.mse_loss(a, truth).item() for truth in (a, 1 - a)) / 2)
    grey = F.mse_loss(torch.full_like(a, 0.5), a).item()
    assert grey == 0.25
    assert psnr(grey) - psnr(0.5) == pytest.approx(3, abs=0.02)


def test_norm_hides_contrast() -> None:
    torch.manual_seed(0)
    branch = nn.Sequential(
        *(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)),
    )
    x = torch.randn(2, 8, 16, 16)
    assert torch.allclose(branch(x), branch(x / 2), atol=1e-3)
    assert not torch.allclose(branch.eval()(x), branch(x / 2), atol=0.1)
    assert answer("norm-hides-contrast") == "It stays the same"


def test_clamped_pixel() -> None:
    for clamped, wanted in ((True, answer("clamped-pixel")), (False, "1")):
        pred = torch.tensor(1.2, requires_grad=True)
        loss = ((pred.clamp(0, 1) if clamped else pred) - 0.9).abs()
        loss.backward()
        assert pred.grad is not None
        assert pred.grad.item() == float(wanted)
        assert loss.item() == pytest.approx(0.1 if clamped else 0.3)


def test_frozen_features_bug() -> None:
    torch.manual_seed(0)
    vgg = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).requires_grad_(False).eval()
    hr = torch.rand(2, 3, 8, 8)
    slopes = []
    for weight in (0.0, 1.0, 100.0):
        pred = torch.full_like(hr, 0.5).requires_grad_()
        run("frozen-features-bug", "loss")(pred, hr, vgg, weight).backward()
        slopes.append(pred.grad)
    assert torch.equal(slopes[0], slopes[1])
    assert torch.equal(slopes[0], slopes[2])
    pred = torch.full_like(hr, 0.5).requires_grad_()
    F.l1_loss(vgg(pred), vgg(hr)).backward()
    assert pred.grad is not None
    assert pred.grad.abs().sum() > 0
    assert all(p.grad is None for p in vgg.parameters())
    assert answer("frozen-features-bug") == "No gradient reaches pred by the features"


# ---------------------------------------------------------------- small images


def test_footprint() -> None:
    sides = {}
    for antialias in (False, True):
        x = torch.zeros(1, 1, 64, 64, requires_grad=True)
        small = F.interpolate(x, scale_factor=1 / 4, mode="bicubic", antialias=antialias)
        small[0, 0, 8, 8].backward()
        assert x.grad is not None
        sides[antialias] = int((x.grad[0, 0] != 0).any(0).sum())
        assert (x.grad != 0).sum() == sides[antialias] ** 2
    assert sides == {False: 4, True: 16}
    assert answer("footprint-without-antialias") == f"{sides[False]}×{sides[False]} of them"


def test_half_pixels() -> None:
    x = torch.arange(64.0, dtype=torch.float64).view(1, 1, 1, 64)
    centres = F.interpolate(x, size=(1, 16), mode="area")[0, 0, 0]
    agrees("half-block-shift", centres[0].item())
    assert torch.equal(centres, 4 * torch.arange(16.0).double() + 1.5)


def test_align_corners() -> None:
    """Where the centres of the small pixels come to lie, by the two conventions."""
    s, n = 4, 16
    u = torch.arange(n, dtype=torch.float64)
    shift = u * (s * n - 1) / (n - 1) - (s * u + (s - 1) / 2)
    assert shift[0].item() == -(s - 1) / 2
    assert shift[-1].item() == pytest.approx((s - 1) / 2)
    assert shift.abs().argmin() in (n // 2 - 1, n // 2)
    ramp = F.interpolate(u.view(1, 1, 1, n), size=(1, s * n), mode="bilinear", align_corners=True)
    assert ramp[0, 0, 0, -1] == n - 1  # the last centre is the last pixel
    assert answer("cost-of-align-corners") == "Contents are displaced, most near the borders"


def test_crop_pair_bug() -> None:
    lr = torch.stack(torch.meshgrid(torch.arange(80), torch.arange(90), indexing="ij")).float()
    lr = torch.cat([lr, lr[:1]])
    hr = lr.repeat_interleave(4, 1).repeat_interleave(4, 2)
    torch.manual_seed(0)
    small, large = run("crop-pair-bug", "patches")(lr, hr)
    assert large.shape == (3, 192, 192)
    y, x = small[:2, 0, 0].int().tolist()
    assert y > 0
    assert not torch.equal(large[:, ::4, ::4], small)
    fixed = hr[:, 4 * y : 4 * (y + 48), 4 * x : 4 * (x + 48)]
    assert torch.equal(fixed[:, ::4, ::4], small)
    assert answer("crop-pair-bug") == "The position is not multiplied for hr"


def test_correlation_bug() -> None:
    blur = run("correlation-bug", "blur")
    x, kernel = rand(1, 2, 5, 6), torch.zeros(3, 3, dtype=torch.float64)
    kernel[1, 2] = 1
    assert torch.equal(blur(x, kernel)[..., :-1], x[..., 1:])  # to the left
    assert torch.equal(blur(x, kernel.flip(0, 1))[..., 1:], x[..., :-1])  # to the right


# ---------------------------------------------------------------- self-ensemble


def views(x: Tensor) -> list[Tensor]:
    turned = [x.rot90(turns, (2, 3)) for turns in range(4)]
    return turned + [view.flip(3) for view in turned]


def test_undo_order_bug() -> None:
    class Enlarge(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.interpolate(x, scale_factor=2, mode="nearest")

    ensemble: Callable[[nn.Module, Tensor], Tensor] = run("undo-order-bug", "self_ensemble")
    x = rand(1, 3, 6, 6)
    once = Enlarge()(x)
    assert not torch.allclose(ensemble(Enlarge(), x), once)
    assert all(not torch.equal(a, b) for i, a in enumerate(views(x)) for b in views(x)[:i])
    for turns in range(4):
        back = once.rot90(turns, (2, 3)).flip(3).rot90(-turns, (2, 3)).flip(3)
        wanted = once.rot90(2, (2, 3)) if turns % 2 else once
        assert torch.equal(back, wanted)
        assert torch.equal(once.rot90(turns, (2, 3)).flip(3).flip(3).rot90(-turns, (2, 3)), once)
    assert answer("undo-order-bug") == "The steps are undone in the wrong order"


def test_the_mean_of_eight_has_less_error_than_they_have_on_average() -> None:
    truth = rand(1, 3, 8, 8)
    guesses = torch.stack([truth + 0.1 * rand(1, 3, 8, 8, seed=i + 1) for i in range(8)])
    mean_error = (guesses - truth).square().mean()
    assert (guesses.mean(0) - truth).square().mean() < mean_error
    assert answer("ensemble-of-a-gan") == "PSNR rises, fine texture becomes softer"


def test_years_of_the_landmarks() -> None:
    order = [step.split(":")[0] for step in QUESTIONS["order-landmarks"]["order"]]
    years = {"SRCNN": 2014, "ESPCN": 2016, "EDSR": 2017, "ESRGAN": 2018, "SwinIR": 2021}
    assert all(years[a] < years[b] for a, b in pairwise(order))
    sources = {q.get("source", "") for q in QUESTIONS.values()}
    for start, year in (("Dong", 2014), ("Shi", 2016), ("Lim", 2017), ("Liang", 2021)):
        assert all(source.endswith(str(year)) for source in sources if source.startswith(start))
