import torch

from grader import Kata, Rules, Source, Wanted, assert_close, logits, number, regimes, unit


def hw(source: Source, wanted: Wanted, drawn: dict) -> tuple[int, int]:
    """Height and width of the map."""
    return wanted.sizes["h"], wanted.sizes["w"]


@regimes("large")
def feat(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Features; in one regime large enough for boxes at either end of the sigmoid."""
    return source.normal(wanted.shape, 8.0 if source.regime == "large" else 1.0)


@regimes("background", "objects")
def label(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Classes, about half of them background; all or none of them in two regimes."""
    found = source.integers(wanted.shape, 1, wanted.sizes["num_classes"])
    if source.regime == "objects":
        return found
    if source.regime == "background":
        return torch.zeros_like(found)
    return found * source.flags(wanted.shape)


def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Boxes in shares of the image; anything where there is no object."""
    found = unit(source, wanted, drawn)
    return torch.where(drawn["label"][:, None] > 0, found, 50 * found - 25)


kata = Kata(
    __file__,
    hw=hw,
    feat=feat,
    logits=logits,
    box=unit,
    label=label,
    gt=gt,
    beta=number(0.0625, 0.5),
    lam=number(0.25, 4.0),
    rules=Rules(
        sizes={
            "b": (2, 3, 4),
            "feat_ch": (3, 5, 6),
            "h": range(2, 6),
            "num_classes": range(2, 6),
            "w": range(3, 8),
        },
        single="b h w num_classes",
        gradients_of="feat logits box",
    ),
)
kata.also("a larger batch", {"b": 9})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check
def test_moved_cells(SingleBoxDetector, feat_ch, hw, num_classes, feat, source):
    """Moving the cells of the map around changes the box and leaves the logits."""
    model = SingleBoxDetector(feat_ch, hw, num_classes).double().eval()
    model(feat)
    model.fill({name: source.normal(tuple(value.shape), 0.5) for name, value in model.state().items()})
    logits, box = model(feat)
    moved_logits, moved_box = model(feat.flatten(2).roll(1, dims=-1).reshape(feat.shape))
    assert_close(moved_logits, logits, "Moving the cells of the map changes the logits.")
    assert not torch.allclose(moved_box, box), "Moving the cells of the map does not change the box."


@kata.check
def test_no_gradient_from_background(detector_loss, logits, box, label, gt):
    """A sample without an object sends no gradient to its box."""
    box.requires_grad_(True)
    logits.requires_grad_(True)
    detector_loss(logits, box, label, gt).backward()
    grad = torch.zeros_like(box) if box.grad is None else box.grad
    assert not grad[label == 0].any(), "A background sample sends a gradient to its box."


test_training = kata.trains(
    "SingleBoxDetector", "detector_loss", sizes={"b": 4}, lr=0.05, outputs=("logits", "box")
)
