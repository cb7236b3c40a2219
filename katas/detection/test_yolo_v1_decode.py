import torch

from grader import Kata, Rules, Source, Wanted, one_of, regimes, size


@regimes("tied", "sparse", "outside")
def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Cells with at least one sure box; confidences and probabilities in quarters, or mostly zero."""
    B, C = wanted.sizes["b"], wanted.sizes["c"]
    s = wanted.shape[0]
    blocks = source.numbers((s, s, B, 5), 1 / 64, 63 / 64)
    probs = source.numbers((s, s, C), 1 / 64, 63 / 64)
    if source.regime == "tied":
        blocks[..., 4], probs = source.coarse((s, s, B), 0, 1), source.coarse((s, s, C), 0, 1)
    if source.regime == "sparse":
        blocks[..., 4] *= source.flags((s, s, B), 0.3)
    if source.regime == "outside":
        # Centres beyond the cell and extents beyond the image, as an untrained network gives them.
        blocks[..., :2], blocks[..., 2:4] = blocks[..., :2] * 3 - 1, blocks[..., 2:4] * 2
    row, col = source.integer(0, s - 1), source.integer(0, s - 1)
    blocks[row, col, source.integer(0, B - 1), 4] = 1
    probs[row, col, source.integer(0, C - 1)] = 1
    return torch.cat([blocks.flatten(2), probs], dim=-1)


def thr(source: Source, wanted: Wanted, drawn: dict) -> float:
    """Products of quarters where the scores are such."""
    if source.regime == "tied":
        return source.choice((0.1875, 0.25, 0.375, 0.5))
    return source.choice((0.125, 0.25, 0.4))


kata = Kata(
    __file__,
    B=size("b"),
    C=size("c"),
    pred=pred,
    img=one_of(448, 100, 64),
    thr=thr,
    rules=Rules(
        pictures={"result[0]": "xyxy"},
        sizes={"s": (3, 4, 5), "b": (2, 3), "c": (2, 3, 4, 5)},
        single="s b c",
        layouts=False,
    ),
)
kata.also("the sizes of the paper", {"s": 7, "b": 2, "c": 20})
# A size of zero lets empty floating-point results have any floating-point dtype.
kata.also("nothing above the threshold", {"n": 0}, thr=1.0)

test_contract = kata.contract()
test_values = kata.values()


@kata.check
def test_img_scales(yolo_v1_decode, pred, B, C):
    """An image twice as large makes every box twice as large and changes no score and no label."""
    small = yolo_v1_decode(pred, B, C, img=200)
    large = yolo_v1_decode(pred, B, C, img=400)
    assert small[0].shape == large[0].shape, "The size of the image changes what is kept."
    assert bool(((large[0] - 2 * small[0]).abs() < 1e-3).all()), "Boxes do not grow with the image."
    assert bool(((large[1] - small[1]).abs() < 1e-6).all()), "The size of the image changes the scores."
    assert large[2].tolist() == small[2].tolist(), "The size of the image changes the labels."


@kata.check
def test_rows_move_down(yolo_v1_decode, pred, B, C, s):
    """A cell's content moved one row down moves its boxes down by one cell, and not sideways."""
    one = torch.zeros_like(pred)
    one[0, 0] = pred[0, 0]
    one[0, 0, 4], one[0, 0, 5 * B] = 1, 1
    before = yolo_v1_decode(one, B, C, img=64, thr=0.5)[0]
    after = yolo_v1_decode(one.roll(1, dims=0), B, C, img=64, thr=0.5)[0]
    assert before.shape == after.shape, "Moving a cell's content changes how many boxes are kept."
    moved = torch.tensor([0, 64 / s, 0, 64 / s]).to(before.dtype)
    assert bool(((after - before - moved).abs() < 1e-3).all()), "The boxes do not move down by one cell."
