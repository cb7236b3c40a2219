"""Every number, shape and computed claim of the optical flow bank, computed again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

BANK = Path(__file__).parents[2] / "questions" / "optical_flow.yaml"
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


def pixels(h: int, w: int) -> Tensor:
    ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack([xs, ys])[None].double()


def sample(field: Tensor, at: Tensor) -> Tensor:
    h, w = field.shape[-2:]
    grid = torch.stack([2 * at[:, 0] / (w - 1) - 1, 2 * at[:, 1] / (h - 1) - 1], dim=-1)
    return F.grid_sample(field, grid, align_corners=True)


def constant_flow(u: float, v: float, h: int, w: int) -> Tensor:
    return torch.tensor([u, v], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, h, w)


# ---------------------------------------------------------------- shapes


def test_stacked_net() -> None:
    pair = torch.cat([torch.zeros(1, 3, 224, 224)] * 2, dim=1)
    encoded = nn.Conv2d(6, 64, 7, stride=2, padding=3)(pair)
    assert tuple(nn.ConvTranspose2d(64, 2, 16, stride=8, padding=4)(encoded).shape) == shape(
        "stacked-net-shape"
    )
    sides = {}
    for choice in QUESTIONS["decoder-stride-repair"]["choices"]:
        sides[choice] = eval(choice.replace("`", ""), {"nn": nn})(encoded).shape[-1]
    assert [c for c, s in sides.items() if s == 224] == [QUESTIONS["decoder-stride-repair"]["answer"]]
    assert sorted(sides.values()) == [223, 224, 230, 448]
    net = run("decoder-x8-bug", "FlowNet")()
    flow = net(torch.zeros(1, 3, 224, 224), torch.zeros(1, 3, 224, 224))
    assert flow.shape == (1, 2, 896, 896)
    assert "4 times" in answer("decoder-x8-bug")
    with pytest.warns(UserWarning, match="target size"), pytest.raises(RuntimeError):
        nn.MSELoss()(flow, torch.zeros(1, 2, 224, 224))
    with pytest.raises(TypeError, match="img2"):
        net(pair)
    assert "TypeError" in answer("one-input-or-two")


def test_tiny_net() -> None:
    net = nn.Sequential(
        nn.Conv2d(6, 32, 7, stride=2, padding=3),
        nn.Conv2d(32, 64, 5, stride=2, padding=2),
        nn.Conv2d(64, 64, 3, stride=2, padding=1),
        nn.ConvTranspose2d(64, 2, 16, stride=8, padding=4),
    )
    assert tuple(net(torch.zeros(1, 6, 100, 130)).shape) == shape("tiny-net-odd-shape")
    agrees("padded-height", math.ceil(436 / 8) * 8)


def test_correlation_sizes() -> None:
    f1, f2, d = torch.zeros(2, 128, 48, 64), torch.zeros(2, 128, 48, 64), 4
    padded = F.pad(f2, (d, d, d, d))
    channels = [
        (f1 * padded[:, :, y : y + 48, x : x + 64]).mean(1)
        for y in range(2 * d + 1)
        for x in range(2 * d + 1)
    ]
    assert tuple(torch.stack(channels, dim=1).shape) == shape("correlation-shape")
    agrees("flownetc-channels", len(range(-20, 21, 2)) ** 2)
    agrees("raft-lookup-channels", 4 * len(range(-4, 5)) ** 2)
    agrees("raft-reach", 4 * 8 * 8)
    agrees("raft-upsampling-mask", 8 * 8 * 3 * 3)


def test_all_pairs() -> None:
    maps = torch.zeros(1, 1, 440 // 8, 1024 // 8)
    assert (1, *maps.shape[2:], *maps.shape[2:]) == shape("all-pairs-shape")
    small = torch.einsum("bchw,bcij->bhwij", maps[..., :5, :8], maps[..., :5, :8])
    assert small.shape == (1, 5, 8, 5, 8)
    positions = maps.numel()
    agrees("raft-volume-memory", positions**2 * 4 / 1e6)
    assert (4 * positions) ** 2 == 16 * positions**2
    assert answer("raft-volume-growth") == "By 16"
    growth = 3840 * 2160 / (1024 * 436)
    assert growth == pytest.approx(18.6, abs=0.05)
    assert growth**2 == pytest.approx(345, abs=1)


# ---------------------------------------------------------------- warping and consistency


def test_forward_flow_samples_image_two() -> None:
    img1 = rand(1, 3, 8, 10)
    img2 = img1.roll(2, dims=-1)  # everything moves 2 px to the right
    back = sample(img2, pixels(8, 10) + constant_flow(2, 0, 8, 10))
    assert torch.allclose(back[..., :8], img1[..., :8])
    assert answer("forward-flow-warps-which") == "I₁(x) ≈ I₂(x + F(x))"
    assert answer("notes-backward-warping").startswith("Wrong: it needs the forward flow")


def moving_square() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Columns 4..7 of a row are an object that moves 3 px right over a still background."""
    fw, bw = torch.zeros(1, 2, 5, 16).double(), torch.zeros(1, 2, 5, 16).double()
    fw[:, 0, :, 4:8] = 3
    bw[:, 0, :, 7:11] = -3
    img1 = pixels(5, 16)[:, :1].clone()
    img1[..., 4:8] = 100
    img2 = pixels(5, 16)[:, :1].clone()
    img2[..., 7:11] = 100
    return fw, bw, img1, img2


def test_ghost() -> None:
    fw, _, _, img2 = moving_square()
    warped = sample(img2, pixels(5, 16) + fw)
    assert (warped[0, 0, 2, 8:11] == 100).all()  # hidden background shows the object again
    assert "second copy" in answer("ghost-at-occlusion")


def test_consistency() -> None:
    fw, bw, _, _ = moving_square()
    occluded = run("fb-without-warp-bug", "occluded", sample=sample)
    hidden = torch.zeros(16, dtype=torch.bool)
    hidden[8:11] = True
    wrong = occluded(fw, bw, pixels(5, 16))[0, 0, 2]
    assert (wrong & ~hidden).any()  # visible pixels are marked
    right = occluded(fw, bw, pixels(5, 16) + fw)[0, 0, 2]
    assert right.tolist() == hidden.tolist()
    assert "positions + fw" in answer("fb-without-warp-bug")
    agrees("consistency-threshold", 0.01 * (10**2 + 8**2) + 0.5)
    assert (10 - 8) ** 2 > 2.14
    assert answer("consistency-formula") == "F(x) + G(x + F(x))"
    assert not torch.allclose(bw, -fw)


def test_swapped_grid() -> None:
    warp = run("warp-swapped-bug", "backward_warp")
    img = rand(1, 1, 5, 8)
    assert not torch.allclose(warp(img, torch.zeros(1, 2, 5, 8).double()), img)
    square = rand(1, 1, 6, 6)
    assert torch.allclose(warp(square, torch.zeros(1, 2, 6, 6).double()), square.mT)


def test_corner_mismatch() -> None:
    warp = run("warp-corners-bug", "backward_warp")
    ones = torch.ones(1, 1, 5, 8).double()
    out = warp(ones, torch.zeros(1, 2, 5, 8).double())
    assert out[0, 0, 0, 0] == pytest.approx(0.25)  # half outside in both directions
    assert out[0, 0, 2, 3] == pytest.approx(1)
    ramp = pixels(5, 8)[:, :1]
    read = warp(ramp, torch.zeros(1, 2, 5, 8).double())[0, 0, 2]
    assert read[2] < 2 < 5 < read[5]  # positions are stretched, so the picture shrinks
    offsets = torch.arange(8) * 8 / 7 - 0.5 - torch.arange(8)
    assert offsets.abs().max().item() == pytest.approx(0.5)
    assert "align_corners=True" in answer("warp-corners-bug")


def test_normalised_displacement() -> None:
    agrees("normalised-displacement", 2 * 16 / (641 - 1))
    ramp = pixels(2, 641)[:, :1]
    x = -1 + float(QUESTIONS["normalised-displacement"]["number"])
    read = F.grid_sample(ramp, torch.tensor([[[[x, -1.0]]]]).double(), align_corners=True)
    assert read.item() == pytest.approx(16)


# ---------------------------------------------------------------- resizing and augmentation


def test_resizing() -> None:
    u, v = 8 * 768 / 1024, -6 * 218 / 436
    assert answer("resize-values") == f"({u:.0f}, −{-v:.0f})"
    agrees("upsample-eight", 2.5 * 8)
    resized = run("resize-flow-bug", "resize_flow")(constant_flow(3, 1, 4, 4), (8, 8))
    assert torch.allclose(resized, constant_flow(3, 1, 8, 8))  # the values did not change


def test_flip() -> None:
    img1 = rand(1, 3, 6, 9)
    img2 = img1.roll(2, dims=-1)
    a, b, flow = run("hflip-bug", "hflip")(img1, img2, constant_flow(2, 0, 6, 9))
    repaired = flow * torch.tensor([-1.0, 1]).view(1, 2, 1, 1)
    assert not torch.allclose(sample(b, pixels(6, 9) + flow)[..., 3:6], a[..., 3:6])
    assert torch.allclose(sample(b, pixels(6, 9) + repaired)[..., 3:6], a[..., 3:6])


def test_crops() -> None:
    img1 = rand(1, 1, 4, 40)
    img2 = img1.roll(7, dims=-1)
    crop1, crop2 = img1[..., 10:30], img2[..., 15:35]
    read = sample(crop2, pixels(4, 20) + constant_flow(7 - 5, 0, 4, 20))
    assert torch.allclose(read[..., :17], crop1[..., :17])
    assert answer("different-crops") == "(u − 5, v)"


# ---------------------------------------------------------------- losses and metrics


def epe(error: Tensor) -> float:
    return error.norm(dim=1).mean().item()


def test_epe_and_mse() -> None:
    error = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    agrees("epe-single", epe(error))
    agrees("mse-single", nn.MSELoss()(error, torch.zeros_like(error)).item())
    three = torch.tensor([[3.0, 0, 0], [4, 0, 1]]).view(1, 2, 1, 3)
    agrees("epe-three-pixels", epe(three))
    assert three.square().sum(1).mean().sqrt().item() == pytest.approx(2.94, abs=0.005)
    root = three.square().mean().sqrt().item()
    assert root != pytest.approx(epe(three))
    assert root * math.sqrt(2) != pytest.approx(epe(three))
    assert error.square().mean().sqrt().item() == pytest.approx(3.54, abs=0.005)


def test_epe_gradient_at_zero() -> None:
    loss = run("epe-gradient-bug", "epe_loss")
    pred = torch.zeros(1, 2, 2, 2, requires_grad=True)
    gt = torch.zeros(1, 2, 2, 2)
    gt[..., 0] = 1
    value = loss(pred, gt)
    value.backward()
    assert value.isfinite()
    assert pred.grad is not None
    assert pred.grad.isnan().any()
    safe = torch.zeros(1, 2, 2, 2, requires_grad=True)
    torch.linalg.vector_norm(safe - gt, dim=1).mean().backward()
    assert safe.grad is not None
    assert safe.grad.isfinite().all()
    assert "infinite slope" in answer("epe-gradient-bug")


def test_fl() -> None:
    length = torch.tensor([100.0, 10, 10, 200])
    error = torch.tensor([4.0, 4, 2, 12])
    agrees("fl-value", 100 * ((error > 3) & (error > 0.05 * length)).float().mean().item())
    a, b = torch.full((100,), 2.9), torch.cat([torch.zeros(98), torch.full((2,), 20.0)])
    assert a.mean().item() == pytest.approx(2.9)
    assert b.mean().item() == pytest.approx(0.4)
    outliers = [((e > 3) & (e > 0.05 * 40)).float().mean().item() for e in (a, b)]
    assert outliers == pytest.approx([0, 0.02])
    assert answer("epe-and-fl-disagree") == "B by EPE, A by Fl"


def test_sequence_loss() -> None:
    agrees("sequence-loss-value", sum(0.8 ** (3 - i) * e for i, e in enumerate((4, 2, 1), start=1)))
    loss = run("sequence-loss-bug", "sequence_loss")
    gt = torch.zeros(1, 2, 2, 2)
    last_wrong, first_wrong = [gt, gt, gt + 1], [gt + 1, gt, gt]
    assert loss(first_wrong, gt).item() == pytest.approx(1)
    assert loss(last_wrong, gt).item() == pytest.approx(0.64)


def test_census_keeps_the_order() -> None:
    img = rand(1, 1, 6, 6)
    census = [img.roll(s, dims=-1) > img for s in (1, -1)]
    mapped = img.pow(2.2) * 0.7 + 0.1
    assert all(torch.equal(a, mapped.roll(s, dims=-1) > mapped) for a, s in zip(census, (1, -1), strict=True))
    assert "census" in answer("photometric-exposure")


# ---------------------------------------------------------------- linear nets


def deviation(net: nn.Module) -> float:
    """How far f(a + c) + f(0) - f(a) - f(c) is from 0, which it is for affine maps."""
    a, c = rand(1, 6, 16, 16), rand(1, 6, 16, 16, seed=1)
    with torch.no_grad():
        return (net(a + c) + net(torch.zeros_like(a)) - net(a) - net(c)).abs().max().item()


class Product(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 8, 7, stride=2, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x[:, :3]) * self.encoder(x[:, 3:])


def test_what_breaks_affine() -> None:
    torch.manual_seed(0)
    first, up = nn.Conv2d(6, 8, 7, stride=2, padding=3), nn.ConvTranspose2d(8, 2, 4, stride=2, padding=1)
    norm = nn.BatchNorm2d(8)
    nn.init.normal_(norm.running_mean)
    nets = {
        "A ReLU": nn.Sequential(first, nn.ReLU(), up),
        "A second convolution": nn.Sequential(first, nn.Conv2d(8, 8, 3, padding=1), up),
        "Encoding the images separately": nn.Sequential(Product(), up),
        "Batch norm": nn.Sequential(first, norm, up),
        "Bilinear resizing": nn.Sequential(first, up, nn.Upsample(scale_factor=2.0, mode="bilinear")),
    }
    question = QUESTIONS["which-break-affine"]
    for choice in question["choices"]:
        (net,) = (n.double().eval() for start, n in nets.items() if choice.startswith(start))
        assert (deviation(net) > 1e-3) == (choice in question["answers"]), choice
    plain = nn.Sequential(
        nn.Conv2d(6, 64, 7, stride=2, padding=3, bias=False),
        nn.ConvTranspose2d(64, 2, 4, stride=2, padding=1, bias=False),
    ).double()
    x = rand(1, 6, 16, 16)
    assert torch.allclose(plain(2 * x), 2 * plain(x))
    assert answer("affine-net-contrast") == "It doubles"


def test_receptive_field() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(6, 64, 7, stride=2, padding=3),
        nn.Softplus(),  # like ReLU for the field, but never without gradient
        nn.ConvTranspose2d(64, 2, 16, stride=8, padding=4),
    )
    x = torch.rand(1, 6, 64, 64, requires_grad=True)
    for row, column in ((100, 100), (103, 121), (104, 104)):
        (grad,) = torch.autograd.grad(net(x)[0, 0, row, column], x)
        seen = grad[0].abs().sum(0) > 0
        agrees("receptive-field-size", int(seen.any(0).sum()))
        agrees("receptive-field-size", int(seen.any(1).sum()))


# ---------------------------------------------------------------- classical


def test_lucas_kanade() -> None:
    a = torch.tensor([[4.0, 2], [2, 2]], dtype=torch.float64)
    u, v = torch.linalg.solve(a, torch.tensor([2.0, 0], dtype=torch.float64)).tolist()
    agrees("lucas-kanade-solve", v)
    assert u == pytest.approx(1)
    agrees("brightness-constancy-1d", 6 / 4)
    agrees("pyramid-levels", next(n for n in range(20) if 20 / 2**n <= 1))


def test_eigenvalues_on_an_edge() -> None:
    x = torch.arange(15.0).expand(15, 15).double()
    edge = torch.sigmoid(x - 7)
    ix = (edge[1:-1, 2:] - edge[1:-1, :-2]) / 2
    iy = (edge[2:, 1:-1] - edge[:-2, 1:-1]) / 2
    matrix = torch.stack([(ix * ix).sum(), (ix * iy).sum(), (ix * iy).sum(), (iy * iy).sum()]).view(2, 2)
    low, high = torch.linalg.eigvalsh(matrix).tolist()
    assert low == pytest.approx(0, abs=1e-12)
    assert high > 0.1
    assert answer("lucas-kanade-eigenvalues") == "One large, one about zero"


def test_every_number_shape_and_bug_is_computed_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    missing = [
        n for n, q in QUESTIONS.items() if {"number", "shape", "code"} & set(q) and f'"{n}"' not in text
    ]
    assert not missing
