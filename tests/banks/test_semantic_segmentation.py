"""The answers of the semantic segmentation bank, computed again."""

import itertools
import math
import random
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import nn

BANK = Path(__file__).parents[2] / "questions" / "semantic_segmentation.yaml"
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
    names = {"torch": torch, "F": F, "random": random}
    exec(QUESTIONS[name]["code"], names)
    return names


def layer(text):
    return eval(text.strip("`"), {"ConvTranspose2d": nn.ConvTranspose2d})


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def reached(dilations):
    """The offsets along one axis that 3-tap layers with these dilations can reach."""
    return {sum(taps) for taps in itertools.product(*[(-d, 0, d) for d in dilations])}


def test_transposed_convolution_shapes():
    shape_is(
        "deconv-seven-to-fiftysix",
        nn.ConvTranspose2d(512, 21, 16, stride=8, padding=4)(torch.zeros(2, 512, 7, 7)),
    )
    question = QUESTIONS["deconv-for-thirtytwo"]
    sides = {text: layer(text)(torch.zeros(1, 512, 7, 7)).shape[-1] for text in question["choices"]}
    assert [text for text, side in sides.items() if side == 224] == [question["answer"]]
    assert sorted(sides.values()) == [56, 192, 224, 256]
    for text, side in sides.items():
        if side != 224:
            assert str(side) in question["but"][text]


def test_loss_on_small_logits():
    answer_has("loss-on-small-logits", "RuntimeError", "size mismatch")
    with pytest.raises(RuntimeError, match="size mismatch"):
        nn.CrossEntropyLoss()(torch.zeros(2, 21, 56, 56), torch.zeros(2, 224, 224, dtype=torch.long))


def test_parameters_of_heads():
    number_is("deconv-parameters", parameters(nn.ConvTranspose2d(512, 21, 64, stride=32, padding=16)))
    number_is("one-by-one-classifier-parameters", parameters(nn.Conv2d(512, 21, 1)))


def test_odd_input_overshoots():
    side, sides = 225, []
    for _ in range(5):
        side = math.ceil(side / 2)
        sides.append(side)
    assert " → ".join(map(str, [225, *sides])) in QUESTIONS["odd-input-overshoots"]["why"]
    out = nn.ConvTranspose2d(2, 2, 64, stride=32, padding=16)(torch.zeros(1, 2, side, side))
    number_is("odd-input-overshoots", out.shape[-1])


@pytest.mark.parametrize("size", [(224, 224), (225, 225), (250, 333)])
def test_exact_size_for_any_input(size):
    image = torch.zeros(1, 3, *size)
    logits = torch.zeros(1, 2, *[math.ceil(n / 32) for n in size])
    right = {}
    for text in QUESTIONS["exact-size-for-any-input"]["choices"]:
        call = text.strip("`").replace("(K, K,", "(2, 2,")
        out = eval(call, {"F": F, "nn": nn, "logits": logits, "image": image})
        out = out(logits) if isinstance(out, nn.Module) else out
        right[text] = out.shape[-2:] == image.shape[-2:]
    assert right[QUESTIONS["exact-size-for-any-input"]["answer"]]
    if size == (250, 333):
        assert sum(right.values()) == 1


def test_fully_connected_as_convolution():
    fc, feat = nn.Linear(4 * 7 * 7, 10), torch.randn(1, 4, 10, 12)
    out = F.conv2d(feat, fc.weight.reshape(10, 4, 7, 7), fc.bias)
    torch.testing.assert_close(out[..., 2, 3], fc(feat[..., 2:9, 3:10].flatten(1)))
    shape_is("fc-as-convolution", out)
    # The order of the positions matters to a linear layer.
    shuffled = feat[..., :7, :7].flatten(2).flip(-1).flatten(1)
    assert not torch.allclose(fc(shuffled), fc(feat[..., :7, :7].flatten(1)))
    answer_has("fc-ignores-space", "False", "tied to a position")


def test_unet_without_padding():
    side, path = 572, [572]
    for level in range(5):
        side -= 4
        path.append(side)
        if level < 4:
            side //= 2
            path.append(side)
    up = []
    for _ in range(4):
        up.append(side * 2)
        side = side * 2 - 4
        up.append(side)
    why = QUESTIONS["unet-valid-convolutions"]["why"]
    assert " → ".join(map(str, path)) in why
    assert " → ".join(map(str, up)) in why
    number_is("unet-valid-convolutions", side)


def test_aspp():
    branches = [nn.Conv2d(8, 256, 1)] + [nn.Conv2d(8, 256, 3, padding=r, dilation=r) for r in (6, 12, 18)]
    feat = torch.zeros(4, 8, 512 // 16, 512 // 16)
    maps = [branch(feat) for branch in branches] + [torch.zeros(4, 256, *feat.shape[-2:])]
    shape_is("aspp-concat-shape", torch.cat(maps, dim=1))
    answer_has("aspp-rate-beyond-map", "1×1", "centre")
    feat, far = torch.randn(1, 8, 10, 10), nn.Conv2d(8, 2, 3, padding=18, dilation=18)
    torch.testing.assert_close(far(feat), F.conv2d(feat, far.weight[..., 1:2, 1:2], far.bias))
    assert (
        "37"
        in QUESTIONS["aspp-rate-beyond-map"]["but"]["An error, since the dilated kernel exceeds the input"]
    )


def test_dilations():
    offsets = reached((1, 2, 4))
    number_is("dilations-receptive-field", max(offsets) - min(offsets) + 1)
    number_is("gridding-taps", len(reached((2, 2, 2))) ** 2)
    assert max(reached((2, 2, 2))) == 6
    question = QUESTIONS["no-gridding-rates"]
    for text in question["choices"]:
        offsets = reached(tuple(map(int, text.split(", "))))
        whole = len(offsets) == max(offsets) - min(offsets) + 1
        assert whole == (text == question["answer"])
    # The order of the layers is free: "from small to large" is only how the rule is read.
    assert reached((4, 2, 1)) == reached((1, 2, 4))


def test_what_dilation_keeps():
    near = nn.Conv2d(4, 4, 3, padding=1)
    far = nn.Conv2d(4, 4, 3, padding=4, dilation=4)
    x = torch.zeros(1, 4, 20, 31)
    assert near(x).shape == far(x).shape
    assert parameters(near) == parameters(far)
    wrong = set(QUESTIONS["what-dilation-keeps"]["choices"]) - set(
        QUESTIONS["what-dilation-keeps"]["answers"]
    )
    assert wrong == {"The receptive field of the layer"}


def test_cost_of_stride_eight():
    answer_has("stride-to-dilation-cost", "weights stay", f"{(32 // 8) ** 2} times")


def test_checkerboard():
    question = QUESTIONS["checkerboard-kernel"]
    for text in question["choices"]:
        kernel, stride = (int(part.split()[-1]) for part in text.split(","))
        cover = F.conv_transpose1d(torch.ones(1, 1, 20), torch.ones(1, 1, kernel), stride=stride)[0, 0, 15:33]
        assert (cover.min() == cover.max()) == (text == question["answer"])


def test_deconvolution_does_not_invert():
    torch.manual_seed(0)
    for stride in (1, 2):
        x, w = torch.randn(1, 1, 9, 9), torch.randn(1, 1, 3, 3)
        y = F.conv2d(x, w, stride=stride, padding=1)
        back = F.conv_transpose2d(y, w, stride=stride, padding=1)
        assert back.shape == x.shape
        assert not torch.allclose(back, x, atol=0.1)
    answer_has("deconvolution-name", "the shape, not the values")


def test_align_corners_row():
    row = torch.tensor([[[0.0, 4.0]]])
    out = F.interpolate(row, scale_factor=2, mode="linear", align_corners=False)
    assert (
        QUESTIONS["align-corners-row"]["answer"]
        == "(" + ", ".join(f"{v:g}" for v in out[0, 0].tolist()) + ")"
    )
    aligned = F.interpolate(row, scale_factor=2, mode="linear", align_corners=True)
    torch.testing.assert_close(aligned[0, 0], torch.tensor([0, 4 / 3, 8 / 3, 4]))


def test_void_labels():
    answer_has("label-255", "IndexError")
    with pytest.raises(IndexError, match="Target 255 is out of bounds"):
        nn.CrossEntropyLoss()(torch.zeros(1, 21, 2, 2), torch.full((1, 2, 2), 255))
    answer_has("all-pixels-ignored", "nan")
    logits, target = torch.randn(1, 21, 2, 2, requires_grad=True), torch.full((1, 2, 2), 255)
    loss = nn.CrossEntropyLoss(ignore_index=255)(logits, target)
    loss.backward()
    assert loss.isnan()
    assert (logits.grad == 0).all()
    assert nn.CrossEntropyLoss(ignore_index=255, reduction="sum")(logits, target) == 0


def test_weighted_mean():
    logits, target = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    weight = torch.tensor([1.0, 3.0])
    number_is("weighted-mean-divisor", F.cross_entropy(logits, target, weight=weight))
    by_count = F.cross_entropy(logits, target, weight=weight, reduction="none").mean()
    assert round(by_count.item(), 3) == 3.254


def test_weights_that_break_the_mean():
    logits, weight = torch.randn(1, 3, 1, 2), torch.tensor([1.0, math.inf, 0.0])
    assert F.cross_entropy(logits, torch.tensor([[[0, 0]]]), weight=weight).isfinite()
    assert F.cross_entropy(logits, torch.tensor([[[0, 1]]]), weight=weight).isnan()
    assert F.cross_entropy(logits, torch.tensor([[[2, 2]]]), weight=weight).isnan()
    assert "∞/∞" in QUESTIONS["open-class-weight-trap"]["why"]


def test_softmax_before_the_loss():
    perfect = torch.eye(21)[:1]
    number_is("softmax-before-loss-floor", F.cross_entropy(perfect, torch.tensor([0])))
    torch.manual_seed(0)
    others = torch.cat([torch.randn(1000, 21) * 10, torch.randn(1000, 21)]).softmax(dim=1)
    assert F.cross_entropy(others, torch.zeros(2000, dtype=torch.long), reduction="none").min() > 2.12
    assert round(math.log(21), 2) == 3.04


def test_label_map_without_channel_axis():
    with pytest.raises(RuntimeError):
        F.cross_entropy(torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4, dtype=torch.long))
    assert F.cross_entropy(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long)) > 0
    assert len(QUESTIONS["why-ce-per-pixel"]["answers"]) == 2


def test_dice():
    iou = 0.6
    number_is("dice-from-iou", 2 * iou / (1 + iou))
    p, t = torch.zeros(10_000, dtype=torch.float64), torch.zeros(10_000, dtype=torch.float64)
    t[:100], p[:110] = 1, 0.8
    wide_p, wide_t = F.pad(p, (0, 30_000)), F.pad(t, (0, 30_000))

    def dice(p, t):
        return 1 - 2 * (p * t).sum() / (p.sum() + t.sum())

    assert dice(p, t) == dice(wide_p, wide_t)
    small, wide = F.binary_cross_entropy(p, t), F.binary_cross_entropy(wide_p, wide_t)
    torch.testing.assert_close(small, 4 * wide)
    answer_has("dice-versus-ce-true-negatives", "Dice stays the same", "cross-entropy falls")


def test_mean_iou():
    cm = torch.tensor([[95, 0], [5, 0]])
    tp = cm.diag()
    iou = tp / (cm.sum(0) + cm.sum(1) - tp)
    number_is("background-only-miou", iou.mean())
    number_is("miou-over-dataset", (90 + 0) / (100 + 2))
    assert "0.45" in QUESTIONS["miou-over-dataset"]["why"]


def test_counts_in_float32():
    stop = int(QUESTIONS["float32-pixel-counts"]["number"])
    one = torch.tensor(1.0)
    assert torch.tensor(float(stop)) + one == stop
    assert torch.tensor(float(stop - 1)) + one == stop
    number_is("float32-pixel-counts", 2**24)
    assert round(stop / (1920 * 1080)) == 8


def test_semantic_map_of_queries():
    classes, masks = torch.tensor([0.9, 0.5]), torch.tensor([0.8, 0.4])
    number_is("maskformer-semantic-map", (classes * masks).sum())


def test_rates_at_stride_eight():
    rates = [6 * 2, 12 * 2, 18 * 2]
    answer_has("deeplab-rates-stride-8", ", ".join(map(str, rates)))


def test_bug_ignored_in_mean():
    loss = code_of("bug-ignored-in-mean")["seg_loss"]
    target = torch.full((1, 2, 2), 255)
    target[0, 0, 0] = 1
    logits = torch.randn(1, 3, 2, 2)
    torch.testing.assert_close(4 * loss(logits, target), F.cross_entropy(logits, target, ignore_index=255))
    answer_has("bug-ignored-in-mean", "divisor")


def test_bug_argmax_axis():
    predict = code_of("bug-argmax-axis")["predict"]
    model = nn.Conv2d(3, 5, 1)
    assert predict(model, torch.randn(2, 3, 6, 7)).shape == (2, 5, 6)
    answer_has("bug-argmax-axis", "along the width")


def test_bug_absent_class():
    mean_iou = code_of("bug-absent-class-zero")["mean_iou"]
    cm = torch.zeros(21, 21, dtype=torch.long)
    cm[0, 0] = cm[1, 1] = 10
    torch.testing.assert_close(mean_iou(cm), torch.tensor(2 / 21))
    answer_has("bug-absent-class-zero", "IoU 0")


def test_bug_confusion_with_void():
    confusion = code_of("bug-confusion-void")["confusion"]
    pred = torch.randint(0, 21, (1, 4, 4))
    target = torch.randint(0, 21, (1, 4, 4))
    assert confusion(pred, target).sum() == 16
    assert confusion(torch.zeros_like(pred), torch.ones_like(pred))[1, 0] == 16
    target[0, 0, 0] = 255
    with pytest.raises(RuntimeError, match="invalid for input of size"):
        confusion(pred, target)
    answer_has("bug-confusion-void", "reshape fails")


def test_bug_two_coins():
    flip = code_of("bug-two-coins")["random_flip"]
    random.seed(0)
    label = torch.arange(6).reshape(2, 3)
    image = label.expand(3, 2, 3)
    pairs = [flip(image, label) for _ in range(400)]
    apart = sum(not torch.equal(a[0], b) for a, b in pairs)
    assert 150 < apart < 250
    answer_has("bug-two-coins", "own coin")


def test_bug_bilinear_labels():
    resize = code_of("bug-bilinear-labels")["resize"]
    label = torch.tensor([[0, 255], [0, 255]])
    _, out = resize(torch.zeros(3, 2, 2), label, (4, 4))
    assert set(out.unique().tolist()) == {0, 63, 191, 255}
    _, out = resize(torch.zeros(3, 1, 2), torch.tensor([[2, 4]]), (1, 3))
    assert 3 in out
    answer_has("bug-bilinear-labels", "blended")


def test_bilinear_blend_invents_class_one():
    label = torch.tensor([[[[0.0, 2.0]]]])
    out = F.interpolate(label, size=(1, 3), mode="bilinear", align_corners=False)
    assert 1 in out
    answer_has("resize-label-map", "blends")
