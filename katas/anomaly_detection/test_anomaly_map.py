import torch

from grader import Kata, Rules, Source, Wanted, assert_close, images, one_of, regimes


@regimes("equal", "defect")
def reconstructions(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Images like x; equal to it in one regime, and in another everywhere but near one corner."""
    x = drawn["x"]
    if source.regime == "equal":
        return x.clone()
    other = x + source.numbers(wanted.shape, -0.5, 0.5)
    if source.regime != "defect":
        return other
    y, h, w = x.clone(), x.shape[2] // 2, x.shape[3] // 2
    y[:, :, h:, :w] = other[:, :, h:, :w]
    return y


kata = Kata(
    __file__,
    x=images,
    x_hat=reconstructions,
    r=one_of(0, 1, 2, 3),
    rules=Rules(sizes={"b": (2, 3), "h": (5, 7, 8), "w": (6, 9, 10)}, single="b h w"),
)
kata.also("a window larger than the image", {"b": 2, "h": 3, "w": 4}, r=5)
kata.also("a wide window in a wider image", {"b": 1, "h": 11, "w": 13}, r=4)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=1)
def test_perfect(anomaly_map, x, r):
    """An image that is reconstructed perfectly has 0 everywhere, and the score 0."""
    smooth, score = anomaly_map(x, x.clone(), r=r)
    assert bool((smooth.abs() < 1e-9).all()), f"The map of a perfect reconstruction has {smooth.max():.3g}."
    assert bool((score.abs() < 1e-9).all()), f"The score of a perfect reconstruction is {score.max():.3g}."


@kata.check(times=2)
def test_comparable(anomaly_map, x, x_hat, r):
    """Errors twice as large in one image make its map four times as large, and leave the others alone."""
    before, first = anomaly_map(x, x_hat, r=r)
    worse = x_hat.clone()
    worse[0] = x[0] + 2 * (x_hat[0] - x[0])
    after, second = anomaly_map(x, worse, r=r)
    assert_close(after[0], 4 * before[0], "Errors twice as large do not make the map four times as large.")
    assert_close(second[0], 4 * first[0], "Errors twice as large do not make the score four times as large.")
    assert_close(after[1:], before[1:], "A worse image changes the maps of the others.")
    assert_close(second[1:], first[1:], "A worse image changes the scores of the others.")


@kata.check(times=2)
def test_even(anomaly_map, x, r, source):
    """The same error at every pixel stays the same, up to the border."""
    step = source.numbers((1, 3, 1, 1), 0.25, 0.5)
    smooth, score = anomaly_map(x, x + step, r=r)
    wanted = step.square().mean()
    assert_close(smooth, wanted.expand_as(smooth), "An error that is the same everywhere comes out uneven.")
    assert_close(score, wanted.expand_as(score), "The score of an even error is not that error.")
