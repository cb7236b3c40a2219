"""Every number, shape and computed claim of the classification bank, worked out again with torch."""

from __future__ import annotations

import math
import types
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

BANK = Path(__file__).parents[2] / "questions" / "classification.yaml"
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
    space = {"torch": torch, "nn": nn, "F": F, "math": math, "DataLoader": DataLoader, **names}
    exec(QUESTIONS[name]["code"], space)
    return types.SimpleNamespace(**space)


class Basic(nn.Module):
    """The basic block of ResNet-18."""

    def __init__(self, ci, co, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(ci, co, 3, stride, 1, bias=False), nn.BatchNorm2d(co)
        self.conv2, self.bn2 = nn.Conv2d(co, co, 3, 1, 1, bias=False), nn.BatchNorm2d(co)
        same = stride == 1 and ci == co
        self.downsample = (
            None if same else nn.Sequential(nn.Conv2d(ci, co, 1, stride, bias=False), nn.BatchNorm2d(co))
        )

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet18(nn.Module):
    """ResNet-18 with the usual names, so that cutting it by children behaves as in torchvision."""

    def __init__(self, classes=1000):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        sizes = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
        for i, (ci, co, s) in enumerate(sizes, 1):
            setattr(self, f"layer{i}", nn.Sequential(Basic(ci, co, s), Basic(co, co, 1)))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(512, classes)

    def forward(self, x):
        *body, fc = self.children()
        return fc(nn.Sequential(*body)(x).flatten(1))


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    return ResNet18().eval()


@pytest.fixture(scope="module")
def body(resnet):
    """ResNet-18 without its average pooling and its last layer."""
    return nn.Sequential(*list(resnet.children())[:-2])


def test_stand_in_is_resnet18(resnet):
    assert sum(p.numel() for p in resnet.parameters()) == 11_689_512


# ---- the output layer and its loss


def test_softmax_twice():
    best = F.cross_entropy(torch.eye(10)[:1], torch.tensor([0]))
    number("softmax-floor", best)
    number("softmax-twice-confidence", torch.eye(10)[0].softmax(0).max())
    assert "1.46" in QUESTIONS["softmax-twice"]["answer"]
    torch.manual_seed(0)
    probs = (torch.randn(5000, 10) * 20).softmax(1)
    assert F.cross_entropy(probs, probs.argmax(1), reduction="none").min() >= best - 1e-6
    assert math.isfinite(F.cross_entropy(torch.tensor([[0.0, 1.0]]), torch.tensor([0])))
    assert not torch.allclose(probs.softmax(1), probs)


def test_softmax_in_forward():
    images, target = torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 1])
    text = QUESTIONS["softmax-in-forward"]["code"].replace(
        "\nloss", "\nmodel = Classifier(nn.Conv2d(3, 512, 1), 3)\nloss"
    )
    space = {"nn": nn, "images": images, "target": target}
    exec(text, space)
    assert space["loss"].shape == ()
    assert torch.allclose(space["model"](images).sum(1), torch.ones(4))


def test_sigmoid_as_softmax():
    z = torch.linspace(-4, 4, 33, dtype=torch.float64)

    def second(a, b):
        return torch.stack([a, b], 1).softmax(1)[:, 1]

    forms = {
        "`softmax([0, z])[1]`": second(0 * z, z),
        "`softmax([-z, z])[1]`": second(-z, z),
        "`softmax([1, z])[1]`": second(0 * z + 1, z),
        "`softmax([1 - z, z])[1]`": second(1 - z, z),
    }
    assert set(forms) == set(QUESTIONS["sigmoid-as-softmax"]["choices"])
    (same,) = [text for text, value in forms.items() if torch.allclose(value, z.sigmoid())]
    answer("sigmoid-as-softmax", same)
    assert torch.allclose(forms["`softmax([-z, z])[1]`"], (2 * z).sigmoid())
    assert torch.allclose(forms["`softmax([1, z])[1]`"], (z - 1).sigmoid())
    assert torch.allclose(forms["`softmax([1 - z, z])[1]`"], (2 * z - 1).sigmoid())


def test_softmax_not_sigmoids():
    z = torch.tensor([0.3, -1.0, 2.0, 0.0, 1.0])
    up = z + torch.tensor([1.0, 0, 0, 0, 0])
    assert (up.softmax(0)[1:] < z.softmax(0)[1:]).all()
    assert torch.equal(up.sigmoid()[1:], z.sigmoid()[1:])
    assert torch.allclose((z + 3).softmax(0), z.softmax(0))
    assert not torch.allclose((z + 3).sigmoid(), z.sigmoid())
    assert (z.sigmoid() > 0.5).sum() > 1


def test_multi_label():
    z, tags = torch.randn(3, 20), torch.zeros(3, 20)
    tags[0, :2] = 1
    assert math.isfinite(F.binary_cross_entropy_with_logits(z, tags))
    assert math.isfinite(F.cross_entropy(z[:1], tags[:1] / tags[:1].sum()))  # the tempting one runs
    assert math.isfinite(F.binary_cross_entropy(z.softmax(1), tags))
    found = code("multi-label-decode")
    model = nn.Linear(5, 20)
    chosen = found.predict_tags(model, torch.randn(200, 5) * 50)
    assert chosen.dtype == torch.bool
    assert chosen.sum(1).max() == 1


def test_stable_log_sum_exp():
    z, y = torch.tensor([1000.0, 0.0, 0.0]), 0
    assert str((-z[y] + torch.log(torch.exp(z).sum())).item()) == QUESTIONS["stable-log-sum-exp"][
        "answer"
    ].strip("`")
    assert F.cross_entropy(z[None], torch.tensor([y])) == 0
    assert (torch.exp(z) / torch.exp(z).sum())[0].isnan()


def test_loss_numbers():
    number("initial-loss", F.cross_entropy(torch.zeros(1, 1000), torch.tensor([3])))
    z = torch.zeros(1, 4, requires_grad=True)
    F.cross_entropy(z, torch.tensor([0])).backward()
    number("cross-entropy-gradient", z.grad[0, 0])
    assert torch.allclose(z.grad[0, 1:], torch.tensor(0.25))


def test_label_smoothing():
    z, y = torch.tensor([[2.0, -1, 0.5, 0, 1]], dtype=torch.float64), torch.tensor([0])
    log_p = z.log_softmax(1)[0]

    def targets(eps):
        """Read the target distribution off the loss: it is the loss's gradient plus the softmax, negated."""
        x = z.clone().requires_grad_()
        F.cross_entropy(x, y, label_smoothing=eps).backward()
        return z.softmax(1)[0] - x.grad[0]

    number("label-smoothing-torch", targets(0.1)[0])
    eps = float(QUESTIONS["label-smoothing-convert"]["number"])
    wanted = torch.tensor([0.9, *[0.025] * 4], dtype=torch.float64)
    assert torch.allclose(targets(eps), wanted)
    assert torch.allclose(F.cross_entropy(z, y, label_smoothing=eps), -(wanted * log_p).sum())


def test_weighted_mean():
    p = torch.tensor([0.2, 1.0]).neg().exp()
    z = torch.stack([torch.stack([p[0], 1 - p[0]]), torch.stack([1 - p[1], p[1]])]).log()
    y, w = torch.tensor([0, 1]), torch.tensor([1.0, 4.0])
    assert torch.allclose(F.cross_entropy(z, y, reduction="none"), torch.tensor([0.2, 1.0]))
    number("weighted-mean", nn.CrossEntropyLoss(weight=w)(z, y))
    assert math.isclose(F.cross_entropy(z, y, w, reduction="sum") / 2, 2.1, abs_tol=1e-5)


# ---- the model and its shapes


def test_any_input_size(resnet):
    assert QUESTIONS["any-input-size"]["answer"].startswith("Any size")
    with torch.no_grad():
        for size in [(224, 224), (225, 225), (64, 96), (33, 33), (31, 50), (1, 1)]:
            assert resnet(torch.zeros(1, 3, *size)).shape == (1, 1000)


@torch.no_grad()
def test_maps(body):
    shape("resnet18-map", body(torch.zeros(2, 3, 256, 320)))
    shape("resnet18-map-odd", body(torch.zeros(4, 3, 225, 250)))
    assert body(torch.zeros(1, 3, 33, 33)).shape[2:] == (2, 2)


def test_flatten_channels_last():
    feats = torch.randn(8, 512, 7, 7).to(memory_format=torch.channels_last)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        code("flatten-channels-last", images=None, backbone=lambda _: feats, head=nn.Identity())
    assert torch.equal(feats.flatten(1), feats.contiguous().flatten(1))
    assert QUESTIONS["flatten-channels-last"]["answer"].startswith("It raises an error")
    small = torch.randn(8, 512, 1, 1).to(memory_format=torch.channels_last)
    assert small.view(8, -1).shape == (8, 512)


def test_squeeze_batch_of_one():
    forward = code("squeeze-batch-of-one").forward
    model = types.SimpleNamespace(backbone=nn.Conv2d(3, 512, 3), fc=nn.Linear(512, 10))
    assert forward(model, torch.zeros(2, 3, 9, 11)).shape == (2, 10)
    assert forward(model, torch.zeros(1, 3, 9, 11)).shape == (10,)
    assert "`[10]`" in QUESTIONS["squeeze-batch-of-one"]["answer"]


def test_batchnorm_one_value():
    cases = {
        "train mode, input `[1, 3, 32, 32]`": (True, 1, 32),
        "train mode, input `[1, 3, 64, 64]`": (True, 1, 64),
        "train mode, input `[2, 3, 32, 32]`": (True, 2, 32),
        "eval mode, input `[1, 3, 32, 32]`": (False, 1, 32),
    }
    assert set(cases) == set(QUESTIONS["batchnorm-one-value"]["choices"])
    for text, (train, batch, side) in cases.items():
        model = ResNet18().train(train)
        if text == QUESTIONS["batchnorm-one-value"]["answer"]:
            with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
                model(torch.randn(batch, 3, side, side))
        else:
            model(torch.randn(batch, 3, side, side))


def test_cut_by_children(resnet):
    cut = nn.Sequential(*list(resnet.children())[:-1])
    (key,) = [k for k, v in cut.state_dict().items() if v is resnet.conv1.weight or v.shape == (64, 3, 7, 7)]
    answer("cut-by-children", f"`{key}`")


def test_parameter_counts():
    def count(*layers):
        return sum(p.numel() for layer in layers for p in layer.parameters())

    number("flatten-head-size", count(nn.Linear(512 * 7 * 7, 10)))
    assert count(nn.Linear(512, 10)) == 5130
    convs = [
        nn.Conv2d(256, 64, 1, bias=False),
        nn.Conv2d(64, 64, 3, bias=False),
        nn.Conv2d(64, 256, 1, bias=False),
    ]
    number("bottleneck-weights", count(*convs))
    assert count(*[nn.Conv2d(256, 256, 3, bias=False)] * 2) == 1_179_648
    number("vit-patch-embedding", count(nn.Conv2d(3, 768, 16, 16)))


def test_efficientnet_cost():
    number("compound-scaling", 1.2 * 1.1**2 * 1.15**2)


def test_vit_tokens():
    def tokens(images, patch, width):
        x = nn.Conv2d(3, width, patch, patch)(images).flatten(2).transpose(1, 2)
        return torch.cat([torch.zeros(len(x), 1, width), x], dim=1)

    number("vit-sequence-length", tokens(torch.zeros(1, 3, 224, 224), 14, 8).shape[1])
    shape("vit-tokens-384", tokens(torch.zeros(4, 3, 384, 384), 16, 768))
    assert tokens(torch.zeros(1, 3, 224, 224), 16, 8).shape[1] == 197
    assert round(577**2 / 197**2, 1) == 8.6


# ---- transfer and imbalance


def test_frozen_backbone_moves():
    model = ResNet18(3).requires_grad_(False)
    model.fc.requires_grad_(True)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
    F.cross_entropy(model.train()(torch.randn(4, 3, 64, 64)), torch.tensor([0, 1, 2, 0])).backward()
    optimizer.step()
    after = model.state_dict()
    moved = {k for k in before if not torch.equal(before[k], after[k]) and not k.startswith("fc.")}
    assert {k.rsplit(".", 1)[1] for k in moved} == {"running_mean", "running_var", "num_batches_tracked"}
    assert "running statistics" in QUESTIONS["frozen-backbone-moves"]["answer"]


def test_sampler_weights():
    labels = torch.tensor([0] * 90 + [1] * 7 + [2] * 3)
    dataset = TensorDataset(torch.arange(100), labels)
    loader = code(
        "sampler-weights", labels=labels, dataset=dataset, WeightedRandomSampler=WeightedRandomSampler
    ).loader
    drawn = torch.cat([index for index, _ in loader])
    assert len(drawn) == 100
    assert set(drawn.tolist()) <= {0, 1, 2}
    with pytest.raises(ValueError, match="shuffle"):
        DataLoader(dataset, sampler=loader.sampler, shuffle=True)


def test_sampling_and_weights():
    labels = torch.tensor([0] * 8 + [1] * 2)
    weights = 1 / torch.bincount(labels)[labels]
    number("balanced-probability", (weights / weights.sum())[-1])
    number("effective-number", (1 - 0.99**100) / 0.01)
    counts = torch.tensor([1.0, 10, 1000])
    assert len(set(((1 - 0.0) / (1 - 0.0**counts)).tolist())) == 1
    answer("effective-number-beta-zero", "The same weight for every class")


# ---- metrics


def f1(cm):
    """Return the F1 of each class of a confusion matrix with rows of true classes."""
    hits = cm.diag()
    return 2 * hits / (cm.sum(0) + cm.sum(1)).clamp(min=1)


def test_confusion_numbers():
    number("majority-macro-f1", f1(torch.tensor([[95.0, 0], [5, 0]])).mean())
    cm = torch.tensor([[8.0, 2], [1, 9]])
    number("precision-from-confusion", cm[0, 0] / cm[:, 0].sum())


def test_micro_f1():
    torch.manual_seed(0)
    true, pred = torch.randint(3, (50,)), torch.randint(3, (50,))
    tp, fp, fn = [
        sum(((pred == c) == p).logical_and((true == c) == t).sum() for c in range(3))
        for p, t in [(True, True), (True, False), (False, True)]
    ]
    assert torch.isclose(2 * tp / (2 * tp + fp + fn), (true == pred).float().mean())
    answer("micro-f1", "The accuracy")


def test_metrics_and_prevalence():
    cm = torch.tensor([[90.0, 10], [15, 35]])
    more = cm * torch.tensor([[10.0], [1]])
    values = {
        "The recall of each class": lambda c: c.diag() / c.sum(1),
        "The precision of class 1": lambda c: c[1, 1] / c[:, 1].sum(),
        "The mean of the two recalls": lambda c: (c.diag() / c.sum(1)).mean(),
        "The accuracy": lambda c: c.diag().sum() / c.sum(),
        "The macro-F1": lambda c: f1(c).mean(),
    }
    assert set(values) == set(QUESTIONS["metrics-and-prevalence"]["choices"])
    same = {text for text, value in values.items() if torch.allclose(value(cm), value(more))}
    assert same == set(QUESTIONS["metrics-and-prevalence"]["answers"])


def test_mean_of_batch_accuracies():
    data = TensorDataset(torch.eye(2)[[0] * 960 + [1] * 40], torch.zeros(1000, dtype=torch.long))
    batches = DataLoader(data, batch_size=64, drop_last=False)
    assert [len(y) for _, y in batches] == [64] * 15 + [40]
    found = code("mean-of-batch-accuracies", model=nn.Identity(), loader=batches)
    assert found.accuracy == 15 / 16  # the share of right answers is 0.96


def test_missing_eval():
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)).train()
    before = model[0].running_mean.clone()
    batches = DataLoader(
        TensorDataset(torch.randn(20, 4) + 5, torch.zeros(20, dtype=torch.long)), batch_size=8
    )
    found = code("missing-eval")
    assert 0 <= found.validate(model, batches) <= 1
    assert not torch.equal(model[0].running_mean, before)


def test_calibration():
    confidence = torch.tensor([0.9] * 5 + [0.6] * 5, dtype=torch.float64)
    right = torch.tensor([1.0, 1, 1, 0, 0] * 2, dtype=torch.float64)
    total = 0.0
    for i in range(10):
        inside = (confidence > i / 10) & (confidence <= (i + 1) / 10)
        if inside.any():
            total += inside.double().mean() * (right[inside].mean() - confidence[inside].mean()).abs()
    number("ece-two-bins", total)
    z = torch.randn(500, 7)
    cool, warm = z.softmax(1), (z / 2).softmax(1)
    assert torch.equal(cool.argmax(1), warm.argmax(1))
    assert (warm.amax(1) < cool.amax(1)).all()
    answer("temperature-two", "Accuracy stays, confidences fall")


def test_cutmix_area():
    mask = torch.ones(224, 224)
    mask[50:162, 30:142] = 0
    number("cutmix-label", mask.mean())
