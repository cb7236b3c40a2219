"""Every number, shape and computed claim of the lane detection bank, computed again."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

BANK = Path(__file__).parents[2] / "questions" / "lane_detection.yaml"
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


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def sure(columns: list[int], classes: int) -> Tensor:
    return F.one_hot(torch.tensor(columns), classes).double()


# ---------------------------------------------------------------- the head


def test_head_sizes() -> None:
    scores = nn.Linear(2048, 4 * 56 * 101, device="meta")
    assert scores(torch.empty(2, 2048, device="meta")).view(-1, 4, 56, 101).shape == shape(
        "head-output-shape"
    )
    agrees("head-parameters", sum(p.numel() for p in scores.parameters()) / 1e6)
    assert answer("rows-against-pixels") == f"{4 * 56} against {288 * 800:,}"
    assert scores.out_features == 22_624
    p = torch.empty(shape("head-output-shape"), device="meta")
    assert (p[:, :, 1:] - p[:, :, :-1]).shape == shape("similarity-difference-shape")


def test_squeeze() -> None:
    small, large = nn.Linear(8 * 225, 2048, device="meta"), nn.Linear(512 * 225, 2048, device="meta")
    assert large.weight.numel() == 64 * small.weight.numel()
    assert "64 times" in answer("squeeze-to-eight")
    assert large.weight.numel() == pytest.approx(236e6, rel=0.01)
    assert small.weight.numel() == pytest.approx(3.7e6, rel=0.01)
    assert sum(p.numel() for p in nn.Conv2d(512, 8, 1).parameters()) == 4104


def test_multiplications_of_the_backbone() -> None:
    """A ResNet-18 by its convolutions: channels, kernel, stride; blocks of two with a shortcut."""
    total = weights = 0
    h, w = 144, 400
    layers = [(3, 64, 7, h, w)]
    h, w, c = 72, 200, 64
    for out in (64, 128, 256, 512):
        if out != 64:
            h, w = math.ceil(h / 2), math.ceil(w / 2)
            layers.append((c, out, 1, h, w))
        layers += [(c, out, 3, h, w), *[(out, out, 3, h, w)] * 3]
        c = out
    assert (h, w) == (9, 25)
    for c_in, c_out, k, rows, columns in layers:
        weights += c_in * c_out * k * k
        total += c_in * c_out * k * k * rows * columns
    assert total == pytest.approx(8.3e9, rel=0.01)
    assert weights == pytest.approx(11e6, rel=0.02)
    head = 1800 * 2048 + 2048 * 22_624
    assert head == pytest.approx(50e6, rel=0.01)
    assert head < 0.01 * total
    assert "once per image" in answer("fifty-million-and-fast")


def test_sides_are_rounded_up() -> None:
    head = run("floor-side-bug", "Head")
    n = [math.ceil(300 / 32), math.ceil(288 / 32)]
    x = torch.zeros(1, 1, 300, 800)
    for _ in range(5):
        x = F.conv2d(x, torch.zeros(1, 1, 3, 3), stride=2, padding=1)
    assert x.shape[2:] == (n[0], 25)
    with torch.device("meta"):
        assert head(288, 800)(torch.empty(2, 512, n[1], 25)).shape == (2, 4, 56, 101)
        with pytest.raises(RuntimeError):
            head(300, 800)(torch.empty(2, 512, n[0], 25))
    assert "rounded up" in answer("floor-side-bug")


# ---------------------------------------------------------------- encoding and decoding


def test_encoding() -> None:
    assert [math.floor(x * 100 / 800) for x in (799.9, 800.0)] == [99, 100]
    assert answer("encode-right-edge") == "99 and 100"
    targets = run("encode-minus-two-bug", "targets")
    xs = torch.tensor([[-2.0, 0, 799.9, 800, 900]])
    assert targets(xs, 800, 100).tolist() == [[0, 0, 99, 100, 100]]
    assert "column 0" in answer("encode-minus-two-bug")
    x = torch.arange(0, 1280, 0.01, dtype=torch.float64)
    column = (x * 100 / 1280).floor()
    agrees("half-a-cell", ((column + 0.5) * 12.8 - x).abs().max().item())
    shift = x - column * 12.8
    assert shift.mean().item() == pytest.approx(6.4, abs=0.01)
    assert shift.max().item() < 12.8 < 20
    assert "smaller than the tolerance" in answer("left-edge-decoding")


def test_no_lane_is_not_a_place() -> None:
    p = doubles(0, 0, 0, 0.6, 0, 0, 0, 0, 0, 0, 0.4)
    logits = p.clamp(min=1e-30).log()
    column = (logits[:10].softmax(0) * torch.arange(10)).sum().item()
    agrees("decode-without-no-lane", (column + 0.5) * 80)
    assert (p * torch.arange(11)).sum().item() == pytest.approx(5.8)
    decode = run("decode-no-lane-bug", "decode")
    unsure = torch.full((1, 1, 2, 101), -30.0)
    unsure[..., 30] = 5
    unsure[:, :, 0, 100] = 4
    x, exists = decode(unsure)
    assert exists.all()
    assert x[0, 0, 1].item() == pytest.approx(244, abs=0.01)
    assert x[0, 0, 0].item() > 300
    assert 'class "no lane"' in answer("decode-no-lane-bug")
    kept = unsure.softmax(-1)[..., :100]
    cut = (kept * torch.arange(100)).sum(-1)
    assert cut[0, 0, 0] < 30
    assert cut[0, 0, 1].item() == pytest.approx(30, abs=1e-3)
    assert "to the left" in answer("drop-after-softmax")
    half = torch.zeros(100)
    half[[30, 60]] = 0.5
    assert (half * torch.arange(100)).sum().item() == 45
    assert answer("mean-between-peaks").startswith("45")


# ---------------------------------------------------------------- losses


def test_initial_losses() -> None:
    target = torch.randint(0, 101, (2, 4, 56), generator=torch.Generator().manual_seed(0))
    agrees("equal-scores", F.cross_entropy(torch.zeros(2, 101, 4, 56), target).item())
    p = torch.cat([torch.full((100,), 0.5 / 100), doubles(0.5)])
    agrees("plateau-half-empty", -(p * p.log()).sum().item())
    assert math.log(200) == pytest.approx(5.298, abs=0.0005)


def test_class_axis() -> None:
    logits, target = torch.zeros(8, 4, 56, 101), torch.zeros(8, 4, 56).long()
    with pytest.raises(RuntimeError, match="target"):
        F.cross_entropy(logits, target)
    assert "error about the targets' size" in answer("class-axis-last")
    loss = run("class-axis-reshape-bug", "lane_loss")
    target = torch.randint(0, 101, (2, 4, 56), generator=torch.Generator().manual_seed(0))
    perfect = 20 * F.one_hot(target, 101).float()
    assert loss(perfect, target).item() > 5
    assert F.cross_entropy(perfect.permute(0, 3, 1, 2), target).item() < 1e-6
    assert F.cross_entropy(perfect.movedim(-1, 1), target).item() < 1e-6


def test_wrong_columns_cost_the_same() -> None:
    p = torch.full((101,), 0.001, dtype=torch.float64)
    p[31] = 0.9
    assert p.sum().item() == pytest.approx(1)
    costs = [F.nll_loss(p.log(), torch.tensor(true)).item() for true in (30, 80)]
    assert costs[0] == costs[1] == pytest.approx(6.91, abs=0.005)
    assert answer("all-wrong-columns-alike").startswith("It is equal")


def similarity(p: Tensor) -> float:
    return (p[1:] - p[:-1]).abs().sum(-1).mean().item()


def bend(e: Tensor) -> float:
    return (e[:-2] - 2 * e[1:-1] + e[2:]).abs().mean().item()


def test_structure() -> None:
    agrees("similarity-value", similarity(sure([10, 10, 11, 30], 101)))
    agrees("shape-value", bend(doubles(10, 12, 13, 18)))
    slanted = list(range(10, 40))
    assert similarity(sure(slanted, 101)) == 2
    assert bend(torch.tensor(slanted).double()) == 0
    assert answer("straight-slanted-lane") == "Similarity 2, shape 0"
    k = torch.arange(100).double()
    costs = []
    for sigma in (0.5, 1, 4):
        bells = torch.stack([(-0.5 * ((k - c) / sigma) ** 2).softmax(0) for c in range(40, 60)])
        costs.append(similarity(bells))
    assert costs == pytest.approx([1.57, 0.80, 0.20], abs=0.01)


def line_iou(pred: Tensor, gt: Tensor, e: float = 15) -> Tensor:
    overlap = torch.minimum(pred, gt) - torch.maximum(pred, gt) + 2 * e
    union = torch.maximum(pred, gt) - torch.minimum(pred, gt) + 2 * e
    return overlap.sum(-1) / union.sum(-1)


def test_line_iou() -> None:
    gt = torch.full((3,), 100.0).double()
    agrees("line-iou-value", line_iou(gt + 12, gt).item())
    off = gt + doubles(10, 10, 60)
    agrees("line-iou-three-rows", line_iou(off, gt).item())
    rows = torch.stack([line_iou(off[i : i + 1], gt[i : i + 1]) for i in range(3)])
    assert rows.mean().item() == pytest.approx(0.222, abs=0.0005)
    assert line_iou(gt, gt) == 1
    assert -1 < line_iou(gt + 1e6, gt) < -0.99
    assert answer("line-iou-range") == "(−1, 1]"
    assert line_iou(gt + 10, gt).item() == pytest.approx(0.5)
    assert line_iou(gt + 60, gt).item() == pytest.approx(-1 / 3)
    agrees("slanted-width", 30 * math.sin(math.pi / 4))


def test_clamped_line_iou() -> None:
    loss = run("line-iou-clamp-bug", "line_iou_loss")
    gt = torch.full((1, 4), 100.0)
    for offset, moves in ((20.0, True), (31.0, False), (80.0, False)):
        pred = (gt + offset).requires_grad_()
        loss(pred, gt).backward()
        assert pred.grad is not None
        assert bool(pred.grad.abs().sum() > 0) == moves
        signed = (gt + offset).requires_grad_()
        (1 - line_iou(signed, gt)).mean().backward()
        assert signed.grad is not None
        assert (signed.grad > 0).all()
    overlap = torch.minimum(gt + 60, gt) - torch.maximum(gt + 60, gt) + 30
    assert torch.equal(60 - overlap, torch.maximum(gt + 60, gt) - torch.minimum(gt + 60, gt) + 30)
    slopes = []
    for offset in (1.0, 30, 60, 200):
        pred = (gt + offset).requires_grad_()
        line_iou(pred, gt).sum().backward()
        assert pred.grad is not None
        slopes.append(pred.grad.abs().sum().item())
    assert all(a > b for a, b in pairwise(slopes))
    assert "bounded" in answer("line-iou-against-l1")


def test_embeddings() -> None:
    lanes = [doubles(0, 4), doubles(5)]
    pulls = [((x - x.mean()).abs() - 0.5).clamp(min=0).square().mean() for x in lanes]
    agrees("pull-value", torch.stack(pulls).mean().item())


# ---------------------------------------------------------------- suppression


def kept(xs: Tensor, scores: Tensor, thr: float = 20) -> list[int]:
    keep: list[int] = []
    for i in scores.argsort(descending=True).tolist():
        if all((xs[i] - xs[j]).abs().mean() >= thr for j in keep):
            keep.append(i)
    return keep


def test_suppression() -> None:
    xs = doubles(100, 112, 124).unsqueeze(1).expand(3, 4)
    assert kept(xs, doubles(0.9, 0.8, 0.7)) == [0, 2]
    assert answer("nms-which-survive") == "A and C"
    buggy = run("nms-direction-bug", "lane_nms")
    lanes = doubles(100, 103, 300, 500, 700).unsqueeze(1).expand(5, 4)
    scores = doubles(0.9, 0.5, 0.8, 0.7, 0.6)
    assert buggy(lanes, scores) == [0, 1]
    assert kept(lanes, scores) == [0, 2, 3, 4]
    apart = torch.cat([torch.zeros(40), 5.0 * torch.arange(1, 17)])
    assert apart.max() == 80
    agrees("nms-fork", apart.mean().item())
    assert torch.zeros(0).mean().isnan()
    assert answer("nms-no-shared-rows").startswith("Keep both")


# ---------------------------------------------------------------- metrics


def test_tusimple() -> None:
    agrees("tusimple-rows-needed", next(n for n in range(57) if n / 56 >= 0.85))
    gt = torch.full((56,), -2.0)
    gt[:8] = 500
    empty = torch.full((56,), -2.0)
    both, neither = (gt >= 0) & (empty >= 0), (gt < 0) & (empty < 0)
    share = (both & ((gt - empty).abs() < 20) | neither).double().mean().item()
    assert share == pytest.approx(0.857, abs=0.0005)
    assert answer("tusimple-empty-prediction").startswith("0.857")
    assert f"{(6 - 4) / 6:.3f}" in answer("tusimple-extra-lanes")


def drawn_iou(offset: int, width: int = 30) -> float:
    x = torch.arange(400)
    a, b = (x >= 100) & (x < 100 + width), (x >= 100 + offset) & (x < 100 + offset + width)
    return ((a & b).sum() / (a | b).sum()).item()


def test_culane() -> None:
    agrees("culane-ten-pixels", next(d for d in range(40) if drawn_iou(d) <= 0.5))
    assert drawn_iou(12) == pytest.approx(18 / 42)
    assert answer("metrics-disagree") == "Accuracy 1.0, F1 0"
    precision, recall = 3 / 4, 3 / 5
    agrees("culane-f1", 2 * precision * recall / (precision + recall))
    assert (precision + recall) / 2 == pytest.approx(0.675)


def test_pixels_and_metres() -> None:
    agrees("pixels-at-75-metres", 75 * 20 / 1000)
    agrees("pitch-half-degree", 1000 * math.tan(math.radians(0.5)))
    mask = torch.zeros(288, 800, dtype=torch.bool)
    for left in (100, 300, 500, 700):
        mask[100:280, left : left + 5] = True
    agrees("empty-mask-accuracy", 100 * (~mask).double().mean().item())


# ---------------------------------------------------------------- data


def test_flip() -> None:
    hflip = run("flip-slots-bug", "hflip")
    columns = torch.tensor([[5, 100], [30, 31], [60, 61], [90, 100]])
    image = torch.arange(6.0).view(1, 2, 3)
    flipped, mirrored = hflip(image, columns, 100)
    assert flipped[0, 0].tolist() == [2, 1, 0]
    assert mirrored.tolist() == [[94, 100], [69, 68], [39, 38], [9, 100]]  # slot 0 is now at the right
    assert mirrored.flip(0)[0].tolist() == [9, 100]
    assert "order of the slots" in answer("flip-slots-bug")
    assert 300 * math.sin(math.radians(3)) == pytest.approx(16, abs=0.5)
