import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes

NAN = float("nan")


def roi(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Features of either sign, large enough beside the biases that every ReLU is needed."""
    return source.normal(wanted.shape, 3.0)


@regimes("large")
def scores(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Logits without exact zeros, where formulas by hand have kinks; hundreds in one regime."""
    found = source.normal(wanted.shape, 300.0 if source.regime == "large" else 2.0)
    return torch.where(found == 0, 0.5, found)


@regimes("background", "objects")
def labels(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Classes, about a third of them background; all or none of them in two regimes."""
    found = source.integers(wanted.shape, 1, wanted.sizes["num_classes"])
    share = {"background": 0.0, "objects": 1.0}.get(source.regime, 0.66)
    return found * source.flags(wanted.shape, share)


def deltas(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Offsets on either side of the kink of Smooth L1, none of them on it."""
    return source.numbers(wanted.shape, -2, 2) + 1 / 4096


def box_targets(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Offsets; anything at all for the background."""
    return _or_anything(source, source.numbers(wanted.shape, -1, 1), drawn["labels"])


def mask_targets(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Masks of zeros and ones with fractions between them; anything at all for the background."""
    inside = source.flags(wanted.shape).double()
    found = torch.where(source.flags(wanted.shape, 0.3), source.numbers(wanted.shape, 0, 1), inside)
    return _or_anything(source, found, drawn["labels"])


def _or_anything(source: Source, found: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    holes = torch.tensor([NAN, 7.0, -3.0]).double()[source.integers(tuple(found.shape), 0, 2)]
    return torch.where((labels > 0).view(-1, *[1] * (found.dim() - 1)), found, holes)


kata = Kata(
    __file__,
    roi=roi,
    logits=scores,
    deltas=deltas,
    masks=scores,
    labels=labels,
    box_targets=box_targets,
    mask_targets=mask_targets,
    rules=Rules(
        sizes={
            "r": (5, 6, 7, 9),
            "feat_ch": (5, 7),
            "width": (6, 8),
            "num_classes": (2, 3),
            "m": (3, 4),
        },
        empty="r",
        single="r num_classes m",
        gradients_of="roi logits deltas masks",
    ),
)
kata.also(
    "one object among background", {"r": 4, "num_classes": 3, "m": 3}, labels=torch.tensor([0, 3, 0, 0])
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "InstanceSegmenter",
    "instance_loss",
    sizes={"r": 5, "feat_ch": 4, "width": 6, "num_classes": 2, "m": 3},
    steps=20,
    lr=0.02,
    outputs=("logits", "deltas", "masks"),
)


@kata.check(times=2)
def test_stages(InstanceSegmenter, feat_ch, num_classes, width, m, roi):
    """Each stage has its shape, and forward is the three heads on the shared map."""
    model = InstanceSegmenter(feat_ch, num_classes, width, m).double().eval()
    logits, deltas, masks = model(roi)
    shared = model.encode(roi)
    assert shared.shape == (len(roi), width, m, m), f"encode gives {tuple(shared.shape)}."
    assert_close(model.classify(shared), logits, "classify of encode is not what forward gives.")
    assert_close(model.locate(shared), deltas, "locate of encode is not what forward gives.")
    assert_close(model.segment(shared), masks, "segment of encode is not what forward gives.")


@kata.check(times=1)
def test_instances(InstanceSegmenter, feat_ch, num_classes, width, m, roi):
    """Each region is judged by itself: alone it gets the same class, box and mask."""
    model = InstanceSegmenter(feat_ch, num_classes, width, m).double().eval()
    together = model(roi)
    for i in range(len(roi)):
        for name, whole, own in zip(("logits", "deltas", "masks"), together, model(roi[i : i + 1])):
            assert_close(own, whole[i : i + 1], f"The {name} of region {i} depend on the other regions.")


@kata.check(times=2)
def test_own_channel(instance_loss, logits, deltas, masks, labels, box_targets, mask_targets):
    """Only the true class's deltas and channel of positive regions receive a gradient."""
    given = [t.requires_grad_(True) for t in (logits, deltas, masks)]
    instance_loss(*given, labels, box_targets, mask_targets).backward()
    other = torch.arange(1, masks.shape[1] + 1) != labels[:, None]
    grads = [torch.zeros_like(t) if t.grad is None else t.grad for t in given]
    assert not grads[1].unflatten(1, (-1, 4))[other].any(), "The deltas of another class get a gradient."
    assert not grads[2][other].any(), "The mask of another class gets a gradient."


@kata.check(times=1, regime="background")
def test_no_positives(instance_loss, logits, deltas, masks, labels, box_targets, mask_targets):
    """Without positives the class term is left, and boxes and masks have a gradient of 0."""
    deltas.requires_grad_(True)
    masks.requires_grad_(True)
    loss = instance_loss(logits, deltas, masks, labels, box_targets, mask_targets)
    wanted = torch.nn.functional.cross_entropy(logits, labels)
    assert_close(loss.detach(), wanted, "The loss without positives is not the class term.")
    assert loss.requires_grad, "Without positives the loss is cut off from deltas and masks."
    loss.backward()
    assert deltas.grad is not None, "Without positives the deltas are cut off from the loss."
    assert masks.grad is not None, "Without positives the masks are cut off from the loss."
    assert not deltas.grad.any(), "The deltas of the background get a gradient."
    assert not masks.grad.any(), "The masks of the background get a gradient."


@kata.check(times=1)
def test_no_regions(instance_loss, num_classes, m):
    """Without any region the loss is 0, and backward() on it works."""
    shapes = ((0, num_classes + 1), (0, 4 * num_classes), (0, num_classes, 2 * m, 2 * m))
    given = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    empty = torch.zeros(0, 4).double(), torch.zeros(0, 2 * m, 2 * m).double()
    loss = instance_loss(*given, torch.zeros(0, dtype=torch.int64), *empty)
    assert float(loss.detach()) == 0, f"The loss of no regions is {float(loss.detach()):g}."
    assert loss.requires_grad, "Without regions the loss is cut off from the graph: backward() on it fails."
    loss.backward()
    for name, part in zip(("logits", "deltas", "masks"), given):
        assert part.grad is not None, f"Without regions the {name} are cut off from the loss."
