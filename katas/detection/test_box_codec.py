import torch

from grader import Kata, Rules, Source, Wanted, boxes, regimes


@regimes("wild")
def deltas(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Offsets of about one; in the wild regime far beyond every clamp, on either side."""
    return source.normal(wanted.shape, 40.0 if source.regime == "wild" else 1.0)


def plain_boxes(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Boxes with positive extents, the only ones that can be encoded."""
    return boxes(source, wanted, drawn)


kata = Kata(
    __file__,
    anchors=plain_boxes,
    gt=plain_boxes,
    deltas=deltas,
    rules=Rules(pictures={"anchors": "xyxy", "gt": "xyxy"}, empty="n", single="n", devices=True),
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
