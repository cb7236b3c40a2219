"""Every number, shape and computed claim of the detection bank, worked out again with torch."""

from __future__ import annotations

import math
import types
from pathlib import Path

import torch
import torch.nn.functional as F
import yaml
from torch import nn

BANK = Path(__file__).parents[2] / "questions" / "detection.yaml"
QUESTIONS = {q["id"]: q for q in yaml.load(BANK.read_text(encoding="utf-8"), yaml.BaseLoader)}


def number(name, value):
    """Check that the bank's number is the computed one, within half of what the bank forgives."""
    question = QUESTIONS[name]
    forgiven = float(question.get("tolerance", 0))
    assert abs(float(question["number"]) - float(value)) <= max(forgiven / 2, 1e-9), (name, float(value))


def shape(name, tensor):
    """Check that the bank's shape is that of the tensor."""
    assert QUESTIONS[name]["shape"] == str(list(tensor.shape)), name


def answer(name, text):
    """Check that the bank's answer is the one that was worked out."""
    assert QUESTIONS[name]["answer"] == text, name


def code(name, **names):
    """Run the code of a question, with the names it takes for granted, and return what it defines."""
    space = {"torch": torch, "nn": nn, "F": F, "math": math, **names}
    exec(QUESTIONS[name]["code"], space)
    return types.SimpleNamespace(**space)


def boxes(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def pairwise(a, b):
    """Return IoU and GIoU of all pairs."""
    sides = torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2])
    inter = sides.clamp(min=0).prod(-1)
    hull = (torch.maximum(a[:, None, 2:], b[:, 2:]) - torch.minimum(a[:, None, :2], b[:, :2])).prod(-1)
    union = (a[:, 2:] - a[:, :2]).prod(-1)[:, None] + (b[:, 2:] - b[:, :2]).prod(-1) - inter
    iou = inter / union
    return iou, iou - (hull - union) / hull


def iou(a, b):
    return pairwise(a, b)[0]


# ---- one box per image


def test_pooling_loses_position():
    torch.manual_seed(0)
    feat, head = torch.randn(2, 512, 7, 7, dtype=torch.float64), nn.Linear(512, 4).double()
    shuffled = feat.flatten(2)[:, :, torch.randperm(49)].unflatten(2, (7, 7))
    assert torch.allclose(head(feat.mean((2, 3))), head(shuffled.mean((2, 3))))
    answer("pooling-loses-position", "It stays as it is, up to rounding")


def test_sigmoid_cxcywh():
    cx, cy, w, h = torch.tensor([2.2, 0, 0, -1], dtype=torch.float64).sigmoid()
    assert min(w, h, cx, cy) > 0
    assert max(cx, cy) < 1
    assert cx + w / 2 > 1
    assert "The whole box lies inside the image" not in QUESTIONS["sigmoid-cxcywh"]["answers"]


def test_box_loss_on_background():
    logits, box = torch.randn(3, 5), torch.rand(3, 4, requires_grad=True)
    gt = torch.zeros(3, 4)
    code("box-loss-on-background").detector_loss(logits, box, torch.zeros(3, dtype=torch.long), gt).backward()
    assert (box.grad > 0).all()  # every background sample pushes its box towards zero
    beta = 1 / 9
    at = [
        F.smooth_l1_loss(torch.tensor(beta + e), torch.tensor(0.0), beta=beta).item() for e in (-1e-6, 1e-6)
    ]
    assert math.isclose(at[0], at[1], abs_tol=1e-5)
    assert math.isclose(at[0], beta / 2, abs_tol=1e-5)


# ---- regression losses


def test_smooth_l1():
    p, t = torch.rand(50, 4, dtype=torch.float64), torch.rand(50, 4, dtype=torch.float64)
    assert torch.allclose(nn.SmoothL1Loss()(p, t), nn.MSELoss()(p, t) / 2)
    answer("smooth-l1-normalised", "Exactly half of `nn.MSELoss()`")
    number("smooth-l1-value", F.smooth_l1_loss(torch.tensor(0.5), torch.tensor(0.0), beta=1 / 9))


def test_gradients_of_losses():
    losses = {
        "Smooth L1 with `beta=1`": lambda d: F.smooth_l1_loss(d, 0 * d, reduction="sum"),
        "L1": lambda d: F.l1_loss(d, 0 * d, reduction="sum"),
        "The squared error": lambda d: F.mse_loss(d, 0 * d, reduction="sum"),
        "Smooth L1 with `beta=100`": lambda d: F.smooth_l1_loss(d, 0 * d, reduction="sum", beta=100),
    }
    question = QUESTIONS["gradients-of-losses"]
    assert set(losses) == set(question["choices"])
    sizes = {}
    for text, loss in losses.items():
        d = torch.tensor([0.01, 100.0], dtype=torch.float64)
        d.requires_grad_()
        (grad,) = torch.autograd.grad(loss(d), d)
        sizes[text] = [round(g, 6) for g in grad.tolist()]
    assert [text for text, size in sizes.items() if size == [0.01, 1]] == [question["answer"]]
    assert sizes["The squared error"] == [0.02, 200]
    assert sizes["Smooth L1 with `beta=100`"] == [0.0001, 1]


def test_scale_invariant_loss():
    a, b = boxes([10, 10, 40, 50]), boxes([14, 8, 43, 60])
    losses = {
        "1 − GIoU": lambda a, b: 1 - pairwise(a, b)[1].squeeze(),
        "Smooth L1 with `beta=1`": F.smooth_l1_loss,
        "L1": F.l1_loss,
        "Squared error": F.mse_loss,
    }
    assert set(losses) == set(QUESTIONS["scale-invariant-loss"]["choices"])
    same = [text for text, loss in losses.items() if torch.isclose(loss(a, b), loss(2 * a, 2 * b))]
    assert same == [QUESTIONS["scale-invariant-loss"]["answer"]]


# ---- IoU and GIoU


def test_iou_numbers():
    number("shifted-box", iou(boxes([0, 0, 10, 10]), boxes([4, 0, 14, 10])))
    assert round(iou(boxes([0, 0, 100, 100]), boxes([4, 0, 104, 100])).item(), 3) == 0.923
    plain, generalised = pairwise(boxes([0, 0, 2, 2]), boxes([1, 1, 3, 3]))
    number("iou-quarter", plain)
    number("giou-quarter", generalised)
    shape("pairwise-iou-shape", iou(torch.rand(1000, 4), torch.rand(6, 4)))


def test_iou_loss_disjoint():
    truth = boxes([0, 0, 10, 10])
    pred = boxes([20, 0, 30, 10]).requires_grad_()
    (grad,) = torch.autograd.grad((1 - iou(pred, truth)).sum(), pred)
    assert torch.equal(grad, torch.zeros(1, 4, dtype=torch.float64))
    (grad,) = torch.autograd.grad((1 - pairwise(pred, truth)[1]).sum(), pred)
    assert grad.abs().max() > 0
    answer("iou-loss-disjoint", "Zero in all four")


def test_giou_far_apart():
    far = [pairwise(boxes([0, 0, 1, 1]), boxes([d, 0, d + 1, 1]))[1].item() for d in (1, 2, 5, 50, 1e6)]
    assert far == sorted(far, reverse=True)
    assert far[0] == 0
    assert -1 < far[-1] < -0.99999
    answer("giou-far-apart", "It falls towards −1")


def test_iou_without_clamp():
    box_iou = code("iou-without-clamp").box_iou
    assert box_iou(torch.tensor([0.0, 0, 1, 1]), torch.tensor([2.0, 2, 3, 3])) == 1
    assert box_iou(torch.tensor([0.0, 0, 1, 1]), torch.tensor([9.0, 9, 10, 10])) < 0  # a negative union
    assert box_iou(torch.tensor([0.0, 0, 1, 1]), torch.tensor([2.0, 0, 3, 1])) < 0  # a gap in x only
    answer("iou-without-clamp", "Boxes with a gap in both x and y do not get IoU 0")
    a, b = torch.tensor([0.0, 0, 2, 3]), torch.tensor([1.0, 1, 3, 3])
    assert torch.isclose(box_iou(a, b), iou(a[None], b[None]).squeeze())


# ---- anchors


def test_anchor_sizes():
    number("rpn-anchor-count", len(torch.cartesian_prod(*map(torch.arange, (38, 50, 3, 3)))))
    sizes = code("anchor-ratio-swapped").anchor_sizes(8.0, [1.0, 4.0, 0.5])
    assert torch.allclose(sizes.prod(1), torch.tensor(64.0))
    assert torch.allclose(sizes[:, 0] / sizes[:, 1], torch.tensor([1.0, 4.0, 0.5]))


def test_anchor_assignment():
    overlap = torch.tensor([[0.5, 0.4], [0.8, 0.1], [0.2, 0.35], [0.1, 0.0]])
    assert (
        str([[round(v, 2) for v in row] for row in overlap.tolist()]) in QUESTIONS["anchor-assignment"]["ask"]
    )
    positive = (overlap.amax(1) >= 0.7) | (overlap == overlap.amax(0)).any(1)
    names = [f"Anchor {i}" for i in positive.nonzero().flatten().tolist()]
    assert names == QUESTIONS["anchor-assignment"]["answers"]
    assert 0.3 <= overlap[2].max() < 0.7
    assert overlap[3].max() < 0.3


def test_box_codec():
    anchor, box = boxes([10, 10, 30, 50]), boxes([20, 10, 50, 50])
    centre = [(b[:, :2] + b[:, 2:]) / 2 for b in (anchor, box)]
    size = anchor[:, 2:] - anchor[:, :2]
    number("encode-delta-x", ((centre[1] - centre[0]) / size)[0, 0])
    decoded = code("decode-centre-as-corner").decode(anchor, torch.zeros(1, 4, dtype=torch.float64))
    assert torch.allclose(decoded, anchor + size.repeat(1, 2) / 2)


# ---- regions


def test_roi_features():
    feat = torch.zeros(1, 256, 50, 68)
    theta = torch.eye(2, 3).repeat(300, 1, 1) * torch.rand(300, 1, 1)
    grid = F.affine_grid(theta, [300, 256, 7, 7], align_corners=False)
    shape("roi-features", F.grid_sample(feat.expand(300, -1, -1, -1), grid, align_corners=False))


# ---- YOLO


def test_yolo_v1_output():
    number("yolo-v1-numbers", torch.zeros(7, 7, 2 * 5 + 20).numel())
    shape("yolo-v1-shape", torch.zeros(14, 14, 3 * 5 + 10))


def test_yolo_rows_and_columns():
    pred = torch.zeros(7, 7, 30)
    pred[..., :2] = 0.5
    found = code("yolo-rows-and-columns", pred=pred)
    row, column = 1, 5
    assert found.cx[row, column] == (row + 0.5) / 7 * 448
    assert found.cy[row, column] == (column + 0.5) / 7 * 448
    assert found.cx[3, 3] == found.cy[3, 3] == 224


# ---- dense detectors


def test_focal_numbers():
    number("focal-factor", (1 - 0.9) ** 2)
    assert (1 - 0.5) ** 2 == 0.25
    number("focal-prior-bias", torch.tensor(0.01, dtype=torch.float64).logit())
    p = torch.tensor([0.9, 0.2, 0.6], dtype=torch.float64)

    def focal(alpha):
        return -(alpha * (1 - p) ** 2 * p.log()).sum()

    assert torch.isclose(focal(0.25) / focal(1.0), torch.tensor(0.25, dtype=torch.float64))


def test_fcos_centerness():
    left, top, right, bottom = 2, 3, 6, 3
    number(
        "fcos-centerness",
        math.sqrt(min(left, right) / max(left, right) * min(top, bottom) / max(top, bottom)),
    )


# ---- NMS and average precision


def greedy(found, scores, thr):
    kept = []
    for i in scores.argsort(descending=True).tolist():
        if all(iou(found[i][None], found[j][None]) <= thr for j in kept):
            kept.append(i)
    return kept


def test_nms_chain():
    found = boxes([0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10])
    kept = greedy(found, torch.tensor([0.9, 0.8, 0.7]), 0.4)
    assert kept == [0, 2]
    number("nms-chain", len(kept))
    overlap = iou(found, found)
    assert [round(overlap[i, j].item(), 2) for i, j in [(0, 1), (1, 2), (0, 2)]] == [0.43, 0.43, 0.11]


def test_nms_inverted():
    nms = code("nms-inverted", pairwise_iou=iou).nms
    found = boxes([0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60])
    scores = torch.tensor([0.9, 0.8, 0.7])
    assert nms(found, scores, 0.5) == [0, 1]  # the duplicate stays, the other object goes
    assert greedy(found, scores, 0.5) == [0, 2]
    assert nms(found[:1], scores[:1], 0.5) == [0]


def average_precision(hits, objects):
    hits = torch.tensor(hits, dtype=torch.float64)
    tp = hits.cumsum(0)
    precision, recall = tp / torch.arange(1, len(hits) + 1), tp / objects
    best = precision.flip(0).cummax(0).values.flip(0)
    return (best * recall.diff(prepend=recall.new_zeros(1))).sum()


def test_average_precision():
    number("small-ap", average_precision([1, 0, 1], 2))
    number("coco-thresholds", len(torch.arange(0.5, 0.96, 0.05)))


def test_duplicates_in_ap():
    overlaps, scores = [0.9, 0.8, 0.6], torch.tensor([0.6, 0.7, 0.8])
    claimed, right = False, []
    for i in scores.argsort(descending=True).tolist():
        if overlaps[i] >= 0.5 and not claimed:
            claimed = True
            right.append(overlaps[i])
    assert right == [0.6]
    assert "Only the one with IoU 0.6" in QUESTIONS["duplicates-in-ap"]["answer"]


# ---- shapes of DETR and of the backbone


def stages(channels, x):
    """Run five stride-2 stages as in a ResNet: each rounds up."""
    for stage in range(5):
        x = F.conv2d(x, torch.zeros(channels if stage == 4 else 1, x.shape[1], 3, 3), stride=2, padding=1)
    return x


def test_detr_shapes():
    found = nn.Linear(256, 20 + 1)(torch.zeros(2, 100, 256))
    shape("detr-class-logits", found)
    number("detr-sequence", stages(8, torch.zeros(1, 3, 800, 1066))[0, 0].numel())
    assert round(850**2, -4) == 720_000
    shape("backbone-map-480", stages(512, torch.zeros(1, 3, 480, 640)))


# ---- data


def test_flip_without_boxes():
    width = 20
    image = torch.zeros(8, width)
    x1, y1, x2, y2 = 3, 2, 9, 6
    image[y1:y2, x1:x2] = 1
    rows, columns = image.flip(1).nonzero(as_tuple=True)
    mirrored = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert mirrored == (width - x2, y1, width - x1, y2)
    answer("flip-without-boxes", "(W − x2, y1, W − x1, y2)")
