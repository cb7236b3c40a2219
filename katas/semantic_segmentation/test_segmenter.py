import torch

from grader import Kata, Rules, Source, Wanted, backbone, images, logits, one_of, regimes


@regimes("all ignored", "nothing ignored")
def targets(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Classes, about a third of the pixels ignored; all or none of them in two regimes."""
    found = source.integers(wanted.shape, 0, wanted.sizes["num_classes"] - 1)
    if source.regime == "nothing ignored":
        return found
    ignored = source.integers(wanted.shape, 0, 2) == 0
    if source.regime == "all ignored":
        ignored = torch.ones_like(ignored)
    return found.masked_fill(ignored, drawn.get("ignore_index", 255))


kata = Kata(
    __file__,
    backbone=backbone("feat_ch"),
    x=images,
    outputs=logits,
    ignore_index=one_of(255, -100),
    targets=targets,
    rules=Rules(
        sizes={
            "b": (2, 3),
            "feat_ch": (4, 5),
            "num_classes": (2, 3, 6),
            "h": (5, 7, 8),
            "w": (6, 9, 11),
        },
        single="b num_classes",
        gradients_of="x outputs",
    ),
)
kata.also("a map of one position", {"h": 1, "w": 2})
ONE = torch.tensor([[[255, 255, 1], [255, 255, 255]]])
kata.also("one pixel that counts", {"b": 1, "h": 2, "w": 3, "num_classes": 2}, targets=ONE, ignore_index=255)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "Segmenter", "segmentation_loss", sizes={"b": 2, "h": 5, "w": 6}, steps=20, lr=0.1
)


@kata.check(times=2)
def test_stages(Segmenter, backbone, feat_ch, num_classes, x):
    """Each stage has its shape: the map, its scores, the scores of every pixel."""
    model = Segmenter(backbone, feat_ch, num_classes).double().eval()
    b, _, h, w = x.shape
    small = ((h + 1) // 2, (w + 1) // 2)
    features = model.encode(x)
    assert features.shape == (b, feat_ch, *small), f"encode gives {tuple(features.shape)}."
    scores = model.classify(features)
    assert scores.shape == (b, num_classes, *small), f"classify gives {tuple(scores.shape)}."
    assert model(x).shape == (b, num_classes, h, w), "forward does not give the size of the image."
    taller = model(x.repeat(1, 1, 2, 1)).shape
    assert taller == (b, num_classes, 2 * h, w), "forward does not give the size of an image of another size."


@kata.check(times=1, regime="all ignored")
def test_nothing_counts(segmentation_loss, outputs, targets, ignore_index):
    """When no pixel counts, the loss is 0 and can still be differentiated: every gradient is 0."""
    outputs.requires_grad_(True)
    loss = segmentation_loss(outputs, targets, ignore_index)
    assert loss.requires_grad, "The loss of no pixels is cut off from the graph."
    loss.backward()
    assert outputs.grad is not None, (
        "The loss of no pixels can be differentiated, but does not reach outputs."
    )
    assert not outputs.grad.any(), "Pixels that do not count send a gradient."
