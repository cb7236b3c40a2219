import torch

from grader import Kata, Rules, Source, Wanted, one_of, regimes


@regimes("tied", "sparse")
def overlaps(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Overlaps; some ground truths are hard to reach. Quarters in one regime, many zeros in another."""
    a, m = wanted.shape
    if source.regime == "tied":
        # Products of quarters and halves: equal in every precision, and often exactly a threshold.
        return source.coarse((a, m), 0, 1) * 0.5 ** source.integers((1, m), 0, 1)
    found = source.numbers((a, m), 0, 1) * 0.5 ** source.integers((1, m), 0, 2)
    found = found * 0.5 ** source.integers((a, 1), 0, 2)
    if source.regime == "sparse":
        found = found * source.flags((a, m), 0.4) * source.flags((1, m), 0.6)
    return found


kata = Kata(
    __file__,
    iou=overlaps,
    pos=one_of(0.7, 0.5, 0.75),
    neg=one_of(0.3, 0.25, 0.5),
    rules=Rules(sizes={"a": range(6, 14), "m": (2, 3, 4, 5)}, empty="a m", single="*"),
)
kata.also("one anchor", {"a": 1})
kata.also("anchors that overlap nothing", iou=torch.zeros(4, 3, dtype=torch.float64))
kata.also(
    "one threshold", iou=torch.tensor([[0.5, 0.25], [0.25, 0.375], [0.125, 0.75]]).double(), pos=0.5, neg=0.5
)

kata.also(
    "almost tied",
    iou=torch.tensor([[0.5, 0.0], [0.4921875, 0.25], [0.0, 0.24609375], [0.4765625, 0.125]]).double(),
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=12, regime="sparse")
def test_nobody_left_out(assign_anchors, iou):
    """Every ground truth that some anchor overlaps has a positive among its best anchors."""
    label, _ = assign_anchors(iou)
    for j, column in enumerate(iou.unbind(1)):
        if column.max() > 0:
            best = label[column == column.max()]
            assert (best == 1).any(), (
                f"Ground truth {j} can be reached, but none of its best anchors is positive."
            )


@kata.check(times=12)
def test_far_is_never_rescued(assign_anchors, iou, source):
    """An anchor that overlaps nothing is negative, whatever the others do."""
    alone = source.integer(0, len(iou) - 1)
    iou = iou.clone()
    iou[alone] = 0
    iou[:, source.integer(0, iou.shape[1] - 1)] = 0
    label, _ = assign_anchors(iou)
    assert label[alone] == 0, f"Anchor {alone} overlaps nothing and is labelled {int(label[alone])}, not 0."
