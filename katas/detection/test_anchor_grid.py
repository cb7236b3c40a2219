import torch

from grader import Kata, Rules, Source, Wanted, assert_close, one_of, regimes


def _lists(low: float, high: float):
    @regimes("whole")
    def make(source: Source, wanted: Wanted, drawn: dict) -> list[float]:
        """One to three positive numbers in any order; ints in one regime."""
        many = source.integer(1, 3)
        if source.regime == "whole":
            return [source.integer(int(low) + 1, int(high)) for _ in range(many)]
        return [float(source.numbers((), low, high)) for _ in range(many)]

    return make


kata = Kata(
    __file__,
    stride=one_of(8, 7, 16, 33),
    scales=_lists(4, 64),
    ratios=_lists(0.25, 4),
    rules=Rules(pictures={"result": "xyxy"}, empty="h w", single="h w", dtypes=(torch.float64,)),
)
kata.also("usual anchors", stride=16, scales=[32, 64, 128], ratios=[0.5, 1.0, 2.0])
kata.also("two scales and three ratios", scales=[32.0, 8.0], ratios=[2, 0.5, 1])
kata.also("no scales", scales=[])
kata.also("no ratios", ratios=[])

test_contract = kata.contract()
test_values = kata.values()


@kata.check
def test_area_and_ratio(anchor_grid, h, w, stride, scales, ratios):
    """Every anchor has the area of its scale and the height / width of its ratio."""
    found = anchor_grid(h, w, stride, scales, ratios).double().reshape(h * w, len(scales), len(ratios), 4)
    width, height = found[..., 2] - found[..., 0], found[..., 3] - found[..., 1]
    area = torch.tensor(scales).double()[:, None] ** 2
    ratio = torch.tensor(ratios).double()
    loose = {"rtol": 1e-3, "atol": 1e-4}
    assert torch.allclose(width * height, area.expand_as(width), **loose), (
        "An anchor's area is not its scale squared."
    )
    assert torch.allclose(height / width, ratio.expand_as(width), **loose), (
        "An anchor's height / width is not its ratio."
    )


@kata.check
def test_next_cell(anchor_grid, h, w, stride, scales, ratios):
    """The next column lies one stride to the right, the next row one stride below."""
    found = anchor_grid(h, w, stride, scales, ratios).reshape(h, w, -1, 4)
    right, down = found[:, 1:] - found[:, :-1], found[1:] - found[:-1]
    step = float(stride)
    assert_close(
        right,
        torch.tensor([step, 0, step, 0]).expand_as(right),
        "The next column is not a stride to the right.",
    )
    assert_close(
        down, torch.tensor([0, step, 0, step]).expand_as(down), "The next row is not a stride below."
    )
