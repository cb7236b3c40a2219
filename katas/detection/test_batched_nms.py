import torch

from grader import Kata, Rules, Source, Wanted, regimes
from grader import boxes as plain_boxes


@regimes("touching", "degenerate", "chain", "outside", "small")
def boxes(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Overlapping boxes: on integers, without area, in a row, over the edge, in shares of an image."""
    n = wanted.shape[0]
    if source.regime == "chain":
        # Each box overlaps its neighbours, and hardly the ones after them; the order is mixed.
        x = source.permutation(n).double() * 3
        start = torch.stack([x, torch.zeros(n).double()], dim=-1)
        return torch.cat([start, start + torch.tensor([8.0, 4.0]).double()], dim=-1)
    found = plain_boxes(source, wanted, drawn)
    if source.regime == "small":
        return found / 32
    return found - 30 if source.regime == "outside" else found


@regimes("tied")
def scores(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Scores from -1/4 to 1; quarters wherever boxes are on integers, so that ties are frequent."""
    if source.regime in ("tied", "touching", "degenerate"):
        return source.coarse(wanted.shape, -0.25, 1.0)
    return source.numbers(wanted.shape, -0.25, 1.0)


@regimes("single")
def labels(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Three classes; one class in a chain."""
    if source.regime in ("single", "chain"):
        return torch.full(wanted.shape, source.integer(0, 2))
    return source.integers(wanted.shape, 0, 2)


def iou_thr(source: Source, wanted: Wanted, drawn: dict) -> float:
    """Exact binary fractions where boxes are on integers, so that an IoU can equal the threshold."""
    if source.regime in ("touching", "degenerate"):
        return source.choice((0.0, 0.5, 0.25, 1.0))
    if source.regime == "chain":
        return source.choice((0.25, 0.375))
    # Otherwise none may come near it: rounding must not decide.
    near = float(source.numbers((), 0.125, 0.75)) + torch.arange(32) / 512
    away = (near[:, None] - _ious(drawn["boxes"])).abs().amin(dim=1) if len(drawn["boxes"]) else near
    return float(near[away.argmax()])


def _ious(boxes: torch.Tensor) -> torch.Tensor:
    start = torch.maximum(boxes[:, None, :2], boxes[:, :2])
    overlap = (torch.minimum(boxes[:, None, 2:], boxes[:, 2:]) - start).clamp(min=0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    return (overlap / (area[:, None] + area - overlap).clamp(min=1e-9)).flatten()


kata = Kata(
    __file__,
    boxes=boxes,
    scores=scores,
    labels=labels,
    iou_thr=iou_thr,
    rules=Rules(pictures={"boxes": "xyxy"}, sizes={"n": range(5, 13)}, empty="n", single="n"),
)
# Sorts that are not stable keep the order of a few equals by chance, and of many they do not.
kata.also("forty boxes, many ties", {"n": 40}, scores=torch.arange(40).remainder(3).double() / 4)
for what, threshold in (("at", 0.5), ("just above", 0.4995), ("just below", 0.5005)):
    kata.also(
        f"IoUs of one half, {what} the threshold",
        {"n": 3},
        boxes=torch.tensor([[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 2, 2]]).double(),
        scores=torch.tensor([0.25, 0.75, 0.5]).double(),
        labels=torch.tensor([1, 1, 1]),
        iou_thr=threshold,
    )

test_contract = kata.contract()
test_values = kata.values()


@kata.check(regime="touching")
def test_twice(batched_nms, boxes, scores, labels, iou_thr):
    """Applied to what it kept, it keeps everything, in the same order."""
    kept = batched_nms(boxes, scores, labels, iou_thr)
    again = batched_nms(boxes[kept], scores[kept], labels[kept], iou_thr)
    assert again.tolist() == list(range(len(kept))), "A second pass over the kept boxes changes them."


@kata.check
def test_classes_apart(batched_nms, boxes, scores, labels, iou_thr):
    """The boxes kept of a class are those that are kept when that class is alone."""
    kept = batched_nms(boxes, scores, labels, iou_thr)
    for label in labels.unique():
        own = torch.nonzero(labels == label).flatten()
        alone = own[batched_nms(boxes[own], scores[own], labels[own], iou_thr)]
        assert kept[labels[kept] == label].tolist() == alone.tolist(), (
            "Boxes of another class change what is kept."
        )
