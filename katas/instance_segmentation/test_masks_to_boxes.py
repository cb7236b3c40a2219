import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, regimes


@regimes("full", "scattered", "empty")
def masks(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Blobs with ragged borders; filled rectangles, a few single pixels, or nothing at all for some."""
    n, h, w = wanted.shape
    if source.regime == "scattered":
        return source.flags((n, h, w), 2.5 / (h * w))
    rows, columns = _spans(source, n, h), _spans(source, n, w)
    found = rows[:, :, None] & columns[:, None, :]
    if source.regime != "full":
        found &= source.flags((n, h, w), 0.6)
    if source.regime == "empty":
        found &= source.flags((n, 1, 1))
    return found


def _spans(source: Source, n: int, length: int) -> torch.Tensor:
    """Runs of True, one for each of n rows."""
    ends = torch.stack([source.integers((n,), 0, length - 1) for _ in range(2)]).sort(0).values
    places = torch.arange(length)
    return (places >= ends[0][:, None]) & (places <= ends[1][:, None])


def _with_pixels(*pixels: tuple[int, int]) -> torch.Tensor:
    mask = torch.zeros(1, 6, 7, dtype=torch.bool)
    for y, x in pixels:
        mask[0, y, x] = True
    return mask


kata = Kata(
    __file__,
    masks=masks,
    rules=Rules(
        sizes={"h": (5, 6, 9), "w": (7, 8, 11), "n": (2, 3, 4)},
        empty="n",
        single="n h w",
        dtypes=(torch.float64,),
        # Coordinates are whole numbers.
        tolerance=Tolerance(float32=(1e-6, 1e-6)),
    ),
)
kata.also("the example of the statement", masks=_with_pixels((1, 2), (3, 4)))
kata.also("one pixel in the upper left corner", masks=_with_pixels((0, 0)))
kata.also("one pixel in the lower right corner", masks=_with_pixels((5, 6)))
kata.also("nothing but empty masks", masks=torch.zeros(2, 4, 5, dtype=torch.bool))
# Wide enough for half precision, which does not know every number there.
kata.also("a wide image", {"n": 3, "h": 2, "w": 6001})
kata.also("a tall image", {"n": 3, "h": 700, "w": 2})

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2, regime="full")
def test_area(masks_to_boxes, masks):
    """The area of a filled rectangle's box is its number of pixels."""
    boxes = masks_to_boxes(masks)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    assert_close(area, masks.sum((1, 2)).float(), "The area of a box is not the rectangle's pixel count.")


@kata.check(times=2)
def test_transposed(masks_to_boxes, masks):
    """Exchanging the rows and columns of a mask exchanges x and y of its box."""
    expected = masks_to_boxes(masks)[:, [1, 0, 3, 2]]
    assert_close(
        masks_to_boxes(masks.transpose(1, 2)), expected, "Transposing a mask does not exchange x and y."
    )
