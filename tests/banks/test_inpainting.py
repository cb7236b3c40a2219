"""Every number, shape and computed claim of the inpainting bank, computed again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

BANK = Path(__file__).parents[2] / "questions" / "inpainting.yaml"
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


def hole(size: int, top: int, height: int, width: int | None = None) -> Tensor:
    m = torch.ones(1, 1, size, size)
    m[..., top : top + height, top : top + (width or height)] = 0
    return m


def partial(x: Tensor, m: Tensor, weight: Tensor, bias: float = 0.0) -> tuple[Tensor, Tensor]:
    """A partial convolution of odd kernels that keeps the size, by windows."""
    k = weight.shape[-1]
    n = F.conv2d(m, torch.ones_like(weight[:1, :1]), padding=k // 2)
    seen = F.conv2d(x * m, weight, padding=k // 2)
    y = torch.where(n > 0, seen * k * k / n.clamp(min=1) + bias, 0)
    return y, (n > 0).to(x.dtype)


def down(i: int, o: int) -> nn.Module:
    return nn.Conv2d(i, o, 4, stride=2, padding=1)


def up(i: int, o: int) -> nn.Module:
    return nn.ConvTranspose2d(i, o, 4, stride=2, padding=1)


def dilated(c: int) -> list[nn.Module]:
    return [nn.Conv2d(c, c, 3, padding=d, dilation=d) for d in (2, 4, 8)]


def psnr(mse: float) -> float:
    return -10 * math.log10(mse)


# ---------------------------------------------------------------- shapes


def test_middle() -> None:
    net = nn.Sequential(down(4, 64), down(64, 128), down(128, 256), *dilated(256)).to("meta")
    assert tuple(net(torch.empty(4, 4, 200, 304, device="meta")).shape) == shape("middle-shape")


def test_spectrum() -> None:
    z = torch.fft.rfft2(torch.zeros(2, 16, 30, 45))
    assert tuple(torch.cat([z.real, z.imag], dim=1).shape) == shape("spectrum-shape")


def test_pyramid() -> None:
    m = torch.ones(1, 1, 45, 70)
    sizes = []
    for _ in range(3):
        m = F.max_pool2d(m, 2, ceil_mode=True)
        sizes.append(tuple(m.shape[2:]))
    assert tuple(m.shape) == shape("pyramid-shape")
    assert sizes == [(23, 35), (12, 18), (6, 9)]


def test_unpadded_skip() -> None:
    sides = [100]
    for _ in range(3):
        sides.append(down(1, 1)(torch.zeros(1, 1, sides[-1], sides[-1])).shape[-1])
    assert sides == [100, 50, 25, 12]
    y = up(1, 1)(torch.zeros(1, 1, 12, 12))
    assert y.shape[-1] == 24
    with pytest.raises(RuntimeError, match="must match"):
        torch.cat([y, torch.zeros(1, 1, 25, 25)], dim=1)
    assert answer("unpadded-skip") == "The first join raises"


# ---------------------------------------------------------------- partial convolution


def test_plain_mean_at_the_hole() -> None:
    m = torch.ones(1, 1, 20, 20)
    m[..., 10:] = 0
    mean = torch.full((1, 1, 3, 3), 1 / 9)
    wall = torch.full_like(m, 0.8)
    agrees("plain-mean-at-hole", F.conv2d(wall * m, mean, padding=1)[0, 0, 9, 9].item())
    assert partial(wall, m, mean)[0][0, 0, 9, 9].item() == pytest.approx(0.8)


def test_full_mask_beside_a_plain_convolution() -> None:
    x, m, weight = rand(1, 2, 9, 9), torch.ones(1, 1, 9, 9).double(), rand(1, 2, 3, 3, seed=1)
    plain, (y, _) = F.conv2d(x, weight, padding=1), partial(x, m, weight)
    factor = (y / plain)[0, 0]
    agrees("corner-rescaling", factor[0, 0].item())
    assert factor[0, 4].item() == pytest.approx(1.5)
    ring = torch.ones(9, 9, dtype=torch.bool)
    ring[1:-1, 1:-1] = False
    assert torch.equal(~torch.isclose(y, plain)[0, 0], ring)
    assert answer("full-mask-difference") == "In the outermost ring of pixels"


@pytest.mark.parametrize(("k", "layers"), [(5, 16), (3, 32)])
def test_layers_to_close(k: int, layers: int) -> None:
    m, count = hole(164, 50, 64), 0
    while not m.all():
        m, count = partial(m, m, torch.ones(1, 1, k, k))[1], count + 1
    assert count == layers
    if k == 5:
        agrees("layers-to-close", count)
    assert answer("one-of-nine") == "Not at all, both are 1"


def test_the_content_of_the_hole_has_no_effect() -> None:
    m, weight = hole(12, 4, 4).double(), rand(1, 1, 3, 3)
    x = rand(1, 1, 12, 12, seed=1)
    other = torch.where(m > 0.5, x, 100)
    assert torch.equal(partial(x, m, weight)[0], partial(other, m, weight)[0])
    assert answer("half-hole-window") == "It sums over known pixels and scales the sum up"


def test_scaled_bias() -> None:
    torch.manual_seed(0)
    layer = run("scaled-bias-bug", "PartialConv")(2, 3, 3)
    m = torch.zeros(1, 1, 9, 9)
    m[..., 4, 4] = 1
    y, m2 = layer(torch.zeros(1, 2, 9, 9), m)
    bias = layer.conv.bias[:, None]
    assert torch.allclose(y[0, :, m2[0, 0] > 0], 9 * bias.expand(3, 9))
    y, _ = layer(torch.zeros(1, 2, 9, 9), torch.ones_like(m))
    assert torch.allclose(y[0, :, 4, 4], bias[:, 0])
    assert answer("scaled-bias-bug") == "The bias is rescaled as well"


def test_hidden_division() -> None:
    m, x = hole(12, 3, 5), torch.rand(2, 2, 12, 12)
    weight, bias = torch.rand(3, 2, 3, 3, requires_grad=True), torch.rand(3, requires_grad=True)
    y, m2 = run("nan-gradient-bug", "partial_conv")(x, m, weight, bias)
    right, new = partial(x, m, weight, bias[:, None, None])
    assert torch.allclose(y, right)
    assert torch.equal(m2, new)
    assert not m2.all()
    y.square().sum().backward()
    assert weight.grad is not None
    assert weight.grad.isnan().all()
    (own,) = torch.autograd.grad(right.square().sum(), weight)
    assert own.isfinite().all()
    assert answer("nan-gradient-bug") == "It divides by 0 and only hides the result"


def test_trained_counter() -> None:
    torch.manual_seed(0)
    layer = run("counter-bug", "PartialConv")(2, 3)
    x, m = torch.rand(1, 2, 12, 12), torch.ones(1, 1, 12, 12)

    def plain() -> bool:
        y = F.conv2d(x, layer.conv.weight, padding=1)
        return torch.allclose(layer(x, m)[0][..., 1:-1, 1:-1], y[..., 1:-1, 1:-1], atol=1e-5)

    assert plain()
    optimiser = torch.optim.Adam(layer.parameters(), lr=1e-2)
    for _ in range(5):
        optimiser.zero_grad()
        y, m2 = layer(x, m)
        (y - 1).square().mean().backward()
        optimiser.step()
    assert not plain()
    assert not m2.requires_grad
    assert answer("counter-bug") == "The counting weights are trained"


# ---------------------------------------------------------------- other layers


def test_channelwise_weights() -> None:
    agrees("channelwise-weights", torch.empty(256, 36, 36, device="meta").numel())
    assert (256 * 36) ** 2 == 84_934_656 == 256 * 331_776


def test_gated_parameters() -> None:
    layer = nn.ModuleList([nn.Conv2d(4, 32, 5), nn.Conv2d(4, 32, 5)])
    agrees("gated-parameters", sum(p.numel() for p in layer.parameters()))


def test_gates_leave_a_way() -> None:
    torch.manual_seed(0)
    f, g = nn.Conv2d(4, 8, 3, padding=1).double(), nn.Conv2d(4, 8, 3, padding=1).double()
    m = hole(12, 4, 4).double()
    results = []
    for seed in (0, 1):
        x = torch.cat([torch.where(m > 0.5, 0.5, rand(1, 3, 12, 12, seed=seed)), m], dim=1)
        results.append(F.elu(f(x)) * g(x).sigmoid())
    assert not torch.isclose(*results)[..., 5:7, 5:7].any()
    assert answer("gates-guarantee").startswith("Yes")


def test_field_of_the_middle() -> None:
    layers = [nn.Conv2d(1, 1, 4, stride=2) for _ in range(3)]
    layers += [nn.Conv2d(1, 1, 3, dilation=d) for d in (2, 4, 8)]
    net = nn.Sequential(*layers).double()
    for p in net.parameters():
        nn.init.ones_(p)
    x = torch.zeros(1, 1, 246, 246, dtype=torch.float64, requires_grad=True)
    y = net(x)
    assert y.numel() == 1
    y.sum().backward()
    assert x.grad is not None
    touched = x.grad[0, 0].nonzero()
    agrees("seen-by-the-middle", (touched.amax(0) - touched.amin(0)).amax().item() + 1)


def test_cells_really_read() -> None:
    net = nn.Sequential(*[nn.Conv2d(1, 1, 3, dilation=d, bias=False) for d in (2, 4, 8)])
    for p in net.parameters():
        nn.init.ones_(p)
    x = torch.zeros(1, 1, 29, 29, requires_grad=True)
    net(x).sum().backward()
    assert x.grad is not None
    agrees("cells-really-read", (x.grad > 0).sum().item())
    assert 29 * 29 == 841
    assert {a + b + c for a in (-1, 0, 1) for b in (-2, 0, 2) for c in (-5, 0, 5)} == set(range(-8, 9))


class Wide(nn.Module):
    """The U-Net of the lesson, narrow."""

    def __init__(self) -> None:
        super().__init__()
        self.e1, self.e2, self.e3 = down(4, 4), down(4, 8), down(8, 16)
        self.mid = nn.Sequential(*dilated(16))
        self.d3, self.d2, self.d1 = up(16, 8), up(16, 4), up(8, 3)

    def forward(self, img: Tensor, m: Tensor) -> Tensor:
        x1 = F.leaky_relu(self.e1(torch.cat([img * m, m], dim=1)), 0.2)
        x2 = F.leaky_relu(self.e2(x1), 0.2)
        y = self.mid(F.leaky_relu(self.e3(x2), 0.2))
        y = torch.cat([self.d3(y).relu(), x2], dim=1)
        return self.d1(torch.cat([self.d2(y).relu(), x1], dim=1)).sigmoid()


def test_centre_of_a_wide_hole() -> None:
    torch.manual_seed(0)
    net, m = Wide(), hole(600, 100, 400)
    with torch.no_grad():
        first, second = (net(rand(1, 3, 600, 600, seed=s).float(), m)[0] for s in (0, 1))
    assert torch.equal(first[:, 300, 300], second[:, 300, 300])
    assert not torch.isclose(first, second)[:, 110, 110].any()
    assert first[:, 300, 300].min() > 0
    assert answer("hole-wider-than-field") == "Both times exactly the same colour"


def test_who_sees_all() -> None:
    x = rand(1, 2, 32, 32).requires_grad_()
    z = torch.fft.rfft2(x, norm="ortho")
    mixed = F.conv2d(torch.cat([z.real, z.imag], dim=1), rand(4, 4, 1, 1, seed=1) - 0.5).relu()
    y = torch.fft.irfft2(torch.complex(*mixed.chunk(2, dim=1)), s=(32, 32), norm="ortho")
    (grad,) = torch.autograd.grad(y[0, 0, 3, 5], x)
    assert (grad != 0).all()
    (grad,) = torch.autograd.grad(F.conv2d(x, rand(1, 2, 3, 3), padding=8, dilation=8)[0, 0, 15, 15], x)
    assert (grad[0, 0] != 0).sum() == 9
    touched = grad[0, 0].nonzero()
    assert (touched.amax(0) - touched.amin(0) + 1).tolist() == [17, 17]
    assert len(QUESTIONS["all-in-one-layer"]["answers"]) == 3


def test_fourier_wraps() -> None:
    x = torch.zeros(16, dtype=torch.float64)
    x[0] = 1
    f = torch.fft.fftfreq(16, 1 / 16)
    y = torch.fft.ifft(torch.fft.fft(x) * torch.exp(-f.square() / 8)).real
    first, *rest = y.argsort(descending=True)[:3].tolist()
    assert first == 0
    assert " and ".join(map(str, sorted(rest))) == answer("fourier-wraps")
    assert y[1].item() == pytest.approx(y[15].item())


def test_odd_width() -> None:
    torch.manual_seed(0)
    unit = run("odd-width-bug", "FourierUnit")(2)
    assert (torch.rand(1, 2, 64, 64) + unit(torch.rand(1, 2, 64, 64))).shape == (1, 2, 64, 64)
    assert unit(torch.rand(1, 2, 57, 57)).shape == (1, 2, 57, 56)
    with pytest.raises(RuntimeError, match="must match"):
        torch.rand(1, 2, 57, 57) + unit(torch.rand(1, 2, 57, 57))
    x = rand(57, 57)
    z = torch.fft.rfft2(x)
    assert z.shape[-1] == 29
    assert torch.allclose(torch.fft.irfft2(z, s=x.shape[-2:]), x)
    assert answer("odd-width-bug") == "irfft2 is not told the size"


# ---------------------------------------------------------------- losses and metrics


def test_balanced_share() -> None:
    q = 1 / 7
    assert 6 * q == pytest.approx(1 - q)
    agrees("balanced-share", q)
    assert pytest.approx(0.94, abs=0.005) == 0.99 / (0.99 + 6 * 0.01)
    assert pytest.approx(0.86, abs=0.005) == 6 * 0.5 / (6 * 0.5 + 0.5)


def test_psnr_and_share() -> None:
    in_hole = 10 ** (-20 / 10)
    agrees("whole-image-psnr", psnr(0.01 * in_hole))
    x, y = (10 ** (-db / 10) / share for db, share in ((32, 0.1), (28, 0.4)))
    assert psnr(x) == pytest.approx(22)
    assert psnr(y) == pytest.approx(24, abs=0.03)
    assert answer("psnr-across-shares") == "Y's, by 2 dB"


def test_guesses() -> None:
    truth = torch.tensor([0.0, 1.0]).repeat(8)
    agrees("honest-guess", ((truth - truth).square().mean() + (1 - truth - truth).square().mean()).item() / 2)
    assert (truth - 0.5).square().mean() == 0.25
    guess = torch.linspace(0, 1, 1001).double()
    l1 = 0.6 * guess + 0.4 * (1 - guess)
    l2 = 0.6 * guess**2 + 0.4 * (1 - guess) ** 2
    best = [guess[cost.argmin()].item() for cost in (l1, l2)]
    assert best == [0.0, pytest.approx(0.4)]
    assert [l1[400].item(), l1[0].item()] == pytest.approx([0.48, 0.4])
    assert [l2[0].item(), l2[400].item()] == pytest.approx([0.4, 0.24])
    assert answer("median-or-mean") == "L1 gives 0, L2 gives 0.4"


def test_total_variation() -> None:
    row, m = torch.tensor([0.1, 0.4, 0.9, 0.1, 0.5]), torch.tensor([[1.0, 1, 0, 1, 1]])
    region = F.max_pool1d(1 - m, 3, stride=1, padding=1)[0] > 0
    pairs = region[1:] & region[:-1]
    agrees("tv-of-a-row", row.diff().abs()[pairs].mean().item())
    assert pairs.sum() == 2


def test_gradient_through_the_composite() -> None:
    raw, img, m = rand(1, 3, 8, 8).requires_grad_(), rand(1, 3, 8, 8, seed=1), hole(8, 2, 3).double()
    (grad,) = torch.autograd.grad((m * img + (1 - m) * raw - img).abs().mean(), raw)
    assert torch.equal(grad != 0, (m < 0.5).expand_as(grad))
    assert answer("composite-only-gradient") == "Zero"


def test_divided_by_the_hole() -> None:
    weights = []
    for share in (1, 10):
        error = torch.zeros(100, requires_grad=True)
        (error[:share].sum() / share).backward()
        assert error.grad is not None
        weights.append(error.grad[0].item())
    assert weights[0] == pytest.approx(10 * weights[1])
    assert answer("divided-by-hole").startswith("Ten times as much in the first")


def test_gram() -> None:
    def gram(features: Tensor) -> Tensor:
        return features @ features.T

    f = rand(4, 30)
    mixed = f[:, torch.randperm(30, generator=torch.Generator().manual_seed(0))]
    assert torch.allclose(gram(mixed), gram(f))
    assert not torch.allclose(gram(2 * f), gram(f))
    assert not torch.allclose(gram(f[[1, 0, 2, 3]]), gram(f))
    assert answer("style-term").startswith("Shuffling")


# ---------------------------------------------------------------- masks


def test_masks_that_stay_masks() -> None:
    question = QUESTIONS["any-known-cell"]
    masks = (rand(200, 1, 64, 64) > 0.5).double()
    stay = set()
    for choice in question["choices"]:
        values = eval(choice.strip("`"), {"F": F, "m": masks}).unique()
        if set(values.tolist()) <= {0.0, 1.0}:
            stay.add(choice)
    assert stay == set(question["answers"])
    edge = torch.ones(1, 1, 4, 4)
    edge[..., 2:] = 0
    soft = F.interpolate(edge, scale_factor=2, mode="bilinear").unique()
    assert soft.tolist() == [0, 0.25, 0.75, 1]


def test_vanishing_scratch() -> None:
    m = torch.ones(1, 1, 256, 256)
    m[..., 100:103, :] = 0
    assert F.interpolate(m, size=(32, 32), mode="nearest").all()
    assert F.avg_pool2d(m, 8)[0, 0, 12, 0] == 0.625
    worst = 1 - F.max_pool2d(1 - m, 8)
    assert (worst[0, 0, :, 0] == 0).sum() == 1
    assert answer("scratch-vanishes") == "Nothing is hole"


def test_nan_times_zero() -> None:
    depth, m = torch.tensor([math.nan, 2.0]), torch.tensor([0.0, 1.0])
    assert (depth * m)[0].isnan()
    assert torch.where(m > 0.5, depth, 0).tolist() == [0, 2]
    assert (depth.nan_to_num() * m).tolist() == [0, 2]
    assert answer("nan-in-gaps") == "NaN"


def test_polarity() -> None:
    img, m = rand(1, 3, 8, 8), hole(8, 2, 3)
    file = ((1 - m) * 255).to(torch.uint8)  # 255 where to be replaced
    shown = run("polarity-bug", "fill")(lambda x: torch.full_like(x[:, :3], 7), img, file)
    assert torch.equal(shown == img, (m < 0.5).expand_as(img))
    assert torch.equal((file <= 127).float(), m)
    assert answer("polarity-bug") == "m is 1 where the hole is"


def test_byte_mask() -> None:
    img, raw = rand(3, 4, 4), rand(3, 4, 4, seed=1)
    m = torch.full((1, 4, 4), 255, dtype=torch.uint8)
    m[:, :2] = 0
    shown = run("byte-mask-bug", "composite")(img, raw, m)
    assert torch.allclose(shown[:, :2], raw[:, :2])
    assert torch.allclose(shown[:, 2:], (img + 2 * raw)[:, 2:])
    assert (m / 255).unique().tolist() == [0, 1]
    assert (raw * (1 - m)).is_floating_point()
    assert answer("byte-mask-bug") == "hole is 2 where m is 255"


def test_leak() -> None:
    loss = run("leak-bug", "loss")
    img, m = rand(1, 3, 8, 8), hole(8, 2, 3).double()
    assert loss(lambda x: x[:, :3], img, m) == 0  # a net that copies its input needs no inpainting
    assert ((6 * (1 - m) + m) * (img * m - img).abs()).mean() > 0
    assert answer("leak-bug") == "The net is shown what it has to guess"
    assert answer("check-for-a-leak").startswith("New content in the hole")


# ---------------------------------------------------------------- diffusion


def test_noise_of_known_pixels() -> None:
    agrees("noised-known-pixel", 0.64**0.5 * 0.5 + (1 - 0.64) ** 0.5 * -1)
    img, m = torch.zeros(1, 1, 64, 64), hole(64, 16, 32)
    seen = []

    def denoise(x: Tensor, t: int) -> Tensor:
        seen.append(x)
        return torch.randn_like(x)

    torch.manual_seed(0)
    run("repaint-bug", "inpaint")(denoise, img, m, 3)
    assert seen[0].std().item() == pytest.approx(1, abs=0.1)
    for x in seen[1:]:
        assert (x[m > 0.5] == 0).all()
        assert x[m < 0.5].std().item() == pytest.approx(1, abs=0.1)
    assert answer("repaint-bug") == "Known pixels are put in without their noise"


def test_all_that_is_computed_is_tested() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for name, question in QUESTIONS.items():
        if {"number", "shape", "code"} & set(question):
            assert f'"{name}"' in text, name
