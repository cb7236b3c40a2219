import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, regimes


@regimes("empty", "nested", "disjoint")
def masks(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Random pixels; in special regimes some masks are empty, all are nested, or hardly any overlap."""
    n, h, w = wanted.shape
    if source.regime == "empty":
        return source.flags((n, h, w)) & source.flags((n, 1, 1))
    if source.regime == "nested":
        order = torch.arange(h * w).reshape(h, w)
        return order < source.integers((n, 1, 1), 1, h * w)
    if source.regime == "disjoint":
        return torch.arange(w) == source.integers((n, h, 1), 0, w - 1)
    return source.flags((n, h, w), 0.5)


# Shares of counts, which are exact: only a tiny constant in the denominator can tell right answers apart.
CLOSE = Tolerance(float32=(1e-4, 1e-5))

kata = Kata(
    __file__,
    a=masks,
    b=masks,
    rules=Rules(
        sizes={"h": (3, 4, 6), "w": (5, 7, 8)},
        empty="n m",
        single="n m h w",
        dtypes=(torch.float64,),
        tolerance=CLOSE,
    ),
)
EMPTY, FULL = torch.zeros(1, 2, 3, dtype=torch.bool), torch.ones(1, 2, 3, dtype=torch.bool)
kata.also("as many masks in a as in b", {"n": 4, "m": 4})
kata.also("nothing but empty masks", a=EMPTY.expand(3, 2, 3), b=EMPTY.expand(2, 2, 3))
kata.also("an empty mask and a full one", a=EMPTY, b=FULL)
kata.also("single pixels", a=torch.eye(4).bool().reshape(4, 2, 2), b=torch.eye(4).bool().reshape(4, 2, 2))
kata.also("masks of hundreds of pixels", {"h": 24, "w": 25, "n": 2, "m": 3})
kata.also(
    "masks of 67,600 pixels",
    a=torch.ones(1, 260, 260, dtype=torch.bool),
    b=torch.ones(2, 260, 260, dtype=torch.bool),
)

test_contract = kata.contract()
test_values = kata.values()
test_speed = kata.speed({"n": 150, "m": 150, "h": 8, "w": 8}, seconds=0.1)


@kata.check(times=2)
def test_itself(mask_iou, a):
    """A mask that holds a pixel has IoU 1 with itself."""
    iou = mask_iou(a, a).diagonal()
    assert_close(iou, a.flatten(1).any(1).float(), "The IoU of a mask with itself is not 1.")


@kata.check(times=2)
def test_symmetric(mask_iou, a, b):
    """Exchanging the two sets transposes the matrix."""
    assert_close(mask_iou(b, a), mask_iou(a, b).transpose(0, 1), "The IoU of b and a is not that of a and b.")
