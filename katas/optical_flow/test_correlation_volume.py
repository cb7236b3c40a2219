import torch

from grader import Kata, Rules, assert_close, normal, one_of

kata = Kata(
    __file__,
    d=one_of(1, 2, 0),
    f1=normal,
    f2=normal,
    rules=Rules(sizes={"b": (2, 3), "c": (2, 3, 4), "h": (4, 5, 6), "w": (4, 5, 6, 7)}),
)
kata.also("a batch of one", {"b": 1}, d=1)
kata.also("one channel", {"c": 1}, d=1)
kata.also("a single pixel", {"h": 1, "w": 1}, d=1)
kata.also("d larger than the map is high", {"h": 2, "w": 4}, d=3)
kata.also("d larger than the map", {"h": 2, "w": 1}, d=3)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=3)
def test_peak_moves(correlation, f1, h, w, source):
    """Where f2 is f1 moved by (dx, dy), the channel of (dx, dy) holds the mean square of f1."""
    d = 2
    dy, dx = source.integer(-2, 2), source.integer(-2, 2)
    y, x = torch.arange(h)[:, None], torch.arange(w)
    stays = (y + dy >= 0) & (y + dy < h) & (x + dx >= 0) & (x + dx < w)
    found = correlation(f1, f1.roll((dy, dx), (2, 3)), d)[:, (dy + d) * (2 * d + 1) + dx + d]
    assert_close(
        torch.where(stays, found, 0),
        torch.where(stays, f1.square().mean(1), 0),
        f"f2 is f1 moved by dx = {dx}, dy = {dy}; the channel of that displacement does not show it.",
    )
