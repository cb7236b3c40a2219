"""The answers of the instance segmentation bank, computed again."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import nn

BANK = Path(__file__).parents[2] / "questions" / "instance_segmentation.yaml"
QUESTIONS = {q["id"]: q for q in yaml.load(BANK.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)}


def number_is(name, value):
    question = QUESTIONS[name]
    assert abs(float(question["number"]) - float(value)) <= float(question["tolerance"]) + 1e-9


def shape_is(name, tensor):
    assert QUESTIONS[name]["shape"] == str(list(tensor.shape))


def answer_has(name, *parts):
    for part in parts:
        assert part in QUESTIONS[name]["answer"]


def code_of(name):
    names = {"torch": torch, "F": F}
    exec(QUESTIONS[name]["code"], names)
    return names


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def bilinear(feat, y, x):
    """Sample feat [H, W] at real coordinates inside it."""
    y0, x0 = math.floor(y), math.floor(x)
    a, b = y - y0, x - x0
    corners = feat[y0 : y0 + 2, x0 : x0 + 2]
    return (torch.tensor([[1 - a], [a]]) * torch.tensor([[1 - b, b]]) * corners).sum()


def aligned_bin(feat, roi, *, row, column, out=7, sampling=2):
    """One bin of RoIAlign at scale 1, aligned."""
    x1, y1, x2, y2 = (v - 0.5 for v in roi)
    h, w = (y2 - y1) / out, (x2 - x1) / out
    steps = [(i + 0.5) / sampling for i in range(sampling)]
    points = [bilinear(feat, y1 + (row + a) * h, x1 + (column + b) * w) for a in steps for b in steps]
    return torch.stack(points).mean()


def runs(mask):
    """COCO's uncompressed counts: down the columns, zeros first."""
    counts, value = [0], 0
    for pixel in mask.T.flatten().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def mask_iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_size_mismatch():
    answer_has("bce-size-mismatch", "ValueError")
    with pytest.raises(ValueError, match="must be the same as input size"):
        nn.BCEWithLogitsLoss()(torch.zeros(2, 10, 7, 7), torch.zeros(2, 10, 224, 224))


def test_pooling_loses_position():
    torch.manual_seed(0)
    head, feats = nn.Linear(512, 4), torch.randn(2, 512, 7, 7)
    shuffled = feats.flatten(2)[..., torch.randperm(49)].reshape(feats.shape)
    torch.testing.assert_close(head(feats.mean(dim=[2, 3])), head(shuffled.mean(dim=[2, 3])))
    answer_has("pooling-loses-position", "the same")


def test_gradient_share():
    torch.manual_seed(0)
    logits = torch.randn(4, 80, 28, 28, requires_grad=True)
    labels, gt = torch.tensor([0, 7, 7, 79]), (torch.rand(4, 28, 28) > 0.5).float()
    F.binary_cross_entropy_with_logits(logits[torch.arange(4), labels], gt).backward()
    number_is("gradient-share", (logits.grad != 0).sum())
    assert f"{logits.numel():,}" in QUESTIONS["gradient-share"]["why"]


def test_softmax_couples_the_classes():
    logits = torch.zeros(1, 3, 1, 1)
    raised = logits.clone()
    raised[0, 0] = 2
    assert (raised.softmax(1)[0, 1] < logits.softmax(1)[0, 1]).all()
    assert torch.equal(raised.sigmoid()[0, 1], logits.sigmoid()[0, 1])
    answer_has("softmax-over-mask-channels", "compete")


def test_bce_numerics():
    one = torch.tensor(1.0)
    x = torch.tensor(-200.0, requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, one)
    loss.backward()
    number_is("bce-with-logits-value", loss.detach())
    assert x.grad == -1
    assert torch.log(torch.sigmoid(x.detach())).isinf()
    x = torch.tensor(-200.0, requires_grad=True)
    loss = F.binary_cross_entropy(torch.sigmoid(x), one)
    loss.backward()
    assert loss == 100
    assert x.grad == 0
    answer_has("sigmoid-then-bce-gradient", "Loss 100", "gradient 0")


def test_roi_pool_shift():
    number_is("roi-pool-shift", abs(100 - 16 * math.floor(100 / 16 + 0.5)))


def test_roi_align():
    points = F.grid_sample(torch.zeros(5, 256, 50, 76), torch.zeros(5, 28, 28, 2), align_corners=False)
    shape_is("roi-align-shape", F.avg_pool2d(points, 2))
    ramp = torch.arange(32.0).expand(32, 32)
    value = aligned_bin(ramp, (4, 5, 18, 19), row=3, column=0)
    number_is("roi-align-ramp", value)


def test_rounding_halves():
    v = torch.tensor(40 / 16)
    away, even = int(torch.floor(v + 0.5)), int(torch.round(v))
    answer_has("rounding-halves", f"C++ {away}", f"`torch.round` {even}")


def test_pyramid_level():
    number_is("pyramid-level", math.floor(4 + math.log2(math.sqrt(112 * 112) / 224)))
    assert 112 / 2**3 == 14


def test_heads():
    convs = [part for _ in range(4) for part in (nn.Conv2d(256, 256, 3, padding=1), nn.ReLU())]
    up = nn.ConvTranspose2d(256, 256, 2, stride=2)
    mask = nn.Sequential(*convs, up, nn.ReLU(), nn.Conv2d(256, 80, 1))
    shape_is("mask-head-shape", mask(torch.zeros(12, 256, 14, 14)))
    shape_is("box-head-shape", nn.Linear(1024, 4 * 80)(torch.zeros(100, 1024)))
    first = nn.Linear(256 * 7 * 7, 1024)
    number_is("first-fc-parameters", parameters(first))
    assert parameters(first) > 4 * parameters(mask)
    answer_has("background-only-in-class-head", "Class 81, mask 80")
    number_is("mask-cell-size", 560 / 28)


def test_run_lengths():
    mask = torch.tensor([[1, 0], [1, 1], [0, 0]])
    assert QUESTIONS["rle-order"]["answer"] == str(runs(mask))
    assert str(runs(mask.T)) == "[0, 1, 1, 2, 2]"


def test_resize_and_threshold_do_not_commute():
    prob = torch.tensor([[[[0.45, 0.95]]]])

    def resize(x):
        return F.interpolate(x, size=(1, 8), mode="bilinear", align_corners=False)

    late, early = resize(prob) >= 0.5, resize((prob >= 0.5).float()) >= 0.5
    assert not torch.equal(late, early)
    answer_has("resize-then-threshold", "Resize, then threshold")


def test_mask_iou():
    masks = torch.zeros(2, 40, 40, dtype=torch.bool)
    masks[0, 10:20, 10:20] = True
    masks[1, 15:25, 15:25] = True
    number_is("mask-iou-rectangles", mask_iou(*masks))


def test_crossing_objects():
    up = torch.zeros(100, 100, dtype=torch.bool)
    rows = torch.arange(100)
    for shift in range(-2, 3):
        up[rows, (rows + shift).clamp(0, 99)] = True
    down = up.flip(-1)
    for mask in (up, down):
        assert mask.any(0).all()
        assert mask.any(1).all()
    assert mask_iou(up, down) < 0.1
    answer_has("crossing-objects-nms", "Box NMS keeps one", "mask NMS keeps both")


def test_intersections_by_matmul():
    torch.manual_seed(0)
    a, b = torch.rand(3, 100_000) > 0.4, torch.rand(2, 100_000) > 0.4
    true = (a[:, None] & b).sum(-1)
    right = []
    for text in QUESTIONS["mask-iou-by-matmul"]["choices"]:
        try:
            out = eval(text.split("`")[1], {"a": a, "b": b})
        except (RuntimeError, NotImplementedError):
            continue
        if out.shape == true.shape and torch.equal(out.double(), true.double()):
            right.append(text)
    assert right == [QUESTIONS["mask-iou-by-matmul"]["answer"]]
    assert torch.tensor(2049.0).half().item() == 2048


def test_mask_ap():
    thresholds = [0.5 + 0.05 * i for i in range(10)]
    number_is("mask-ap-thresholds", sum(t <= 0.72 for t in thresholds) / 10)


def test_panoptic_quality():
    iou, fp, fn = [0.9, 0.7], 1, 1
    pq = sum(iou) / (len(iou) + fp / 2 + fn / 2)
    number_is("panoptic-quality-value", pq)
    assert math.isclose(pq, (sum(iou) / 2) * (2 / 3))


def test_panoptic_merge_visibility():
    a, b, c = (torch.zeros(1000, dtype=torch.bool) for _ in range(3))
    a[:300] = True
    b[240:340] = True
    c[300:350] = True
    assert (a & b).sum() == 60
    assert (b & c).sum() == 40
    assert not (a & c).any()
    free, kept = torch.ones(1000, dtype=torch.bool), []
    for name, mask in zip("ABC", (a, b, c), strict=True):
        if (mask & free).sum() / mask.sum() >= 0.5:
            kept.append(name)
            free &= ~mask
    assert QUESTIONS["panoptic-merge-visibility"]["answer"] == " and ".join(kept)


def test_yolact_and_solo_shapes():
    masks = torch.einsum("hwk,nk->nhw", torch.zeros(138, 138, 32), torch.zeros(7, 32)).sigmoid()
    shape_is("yolact-mask-shape", masks)
    small = F.conv2d(torch.zeros(1, 4, 200, 300), torch.zeros(40 * 40, 4, 1, 1))
    shape_is("solov2-mask-shape", small)


def test_bug_inclusive_box():
    box = code_of("bug-inclusive-box")["mask_to_box"]
    mask = torch.zeros(8, 9, dtype=torch.bool)
    mask[2:5, 3:8] = True
    assert (torch.tensor([3.0, 2.0, 8.0, 5.0]) - box(mask)).tolist() == [0, 0, 1, 1]
    answer_has("bug-inclusive-box", "last two", "one too small")


def test_bug_flip_boxes():
    hflip = code_of("bug-flip-boxes")["hflip"]
    masks = torch.zeros(1, 6, 10, dtype=torch.bool)
    masks[0, 2:5, 1:4] = True
    _, flipped, boxes = hflip(torch.zeros(3, 6, 10), masks, torch.tensor([[1.0, 2.0, 4.0, 5.0]]))
    assert boxes.tolist() == [[9, 2, 6, 5]]
    columns = flipped[0].any(0).nonzero().flatten()
    assert [columns.min(), columns.max() + 1] == [6, 9]
    answer_has("bug-flip-boxes", "exchanged")


def test_bug_all_channels():
    loss = code_of("bug-all-channels")["mask_loss"]
    logits = torch.zeros(2, 5, 4, 4, requires_grad=True)
    loss(logits, torch.tensor([1, 3]), torch.ones(2, 4, 4)).backward()
    assert (logits.grad != 0).all()
    answer_has("bug-all-channels", "other classes")


def test_bug_threshold_first():
    paste = code_of("bug-threshold-first")["paste"]
    prob = torch.tensor([[0.45, 0.95], [0.45, 0.95]])
    out = paste(prob, (2, 1, 10, 7), 9, 12)
    big = F.interpolate(prob[None, None], size=(6, 8), mode="bilinear", align_corners=False)[0, 0]
    right = torch.zeros(9, 12, dtype=torch.bool)
    right[1:7, 2:10] = big >= 0.5
    assert out.shape == right.shape
    assert out.sum() < right.sum()
    answer_has("bug-threshold-first", "before it is resized")


def test_bug_bool_target():
    loss = code_of("bug-bool-target")["mask_loss"]
    with pytest.raises(RuntimeError, match="bool"):
        loss(torch.zeros(2, 3, 3), torch.zeros(2, 3, 3, dtype=torch.bool))
    assert loss(torch.zeros(2, 3, 3), torch.zeros(2, 3, 3)) > 0
    answer_has("bug-bool-target", "RuntimeError")
