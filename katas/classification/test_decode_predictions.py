from typing import Any

import torch

from grader import Kata, Rules, Source, Wanted, logits, one_of, regimes


@regimes("tied", "large", "close")
def scores(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Logits; in one regime those of a row differ by thousandths, or not at all."""
    if source.regime == "close":
        return 500 + source.integers(wanted.shape, -2, 2).double() / 1024
    return logits(source, wanted, drawn)


kata = Kata(
    __file__,
    mode=one_of("single", "multi"),
    thr=one_of(0.5, 0.125, 0.3, 0.75, 0.9),
    logits=scores,
    rules=Rules(empty="b", single="*"),
)
kata.also("several labels, a low threshold", mode="multi", thr=0.125)
kata.also("several labels, a high threshold", mode="multi", thr=0.9)
kata.also("one label, a high threshold", mode="single", thr=0.9)
kata.also(
    "nothing reaches the threshold", mode="multi", thr=0.5, logits=torch.tensor([[-2.0, -1.0, -3.0]]).double()
)
kata.also(
    "exactly the threshold", mode="multi", thr=0.5, logits=torch.tensor([[0.0, -1.0], [1.0, 0.0]]).double()
)
kata.also("almost the threshold", mode="multi", thr=0.5, logits=torch.tensor([[-1.0, 1.0]]).double() / 1024)
kata.also("equal logits", mode="single", logits=torch.tensor([[0.0, 1.0, 1.0], [2.0, 2.0, 2.0]]).double())
kata.also("large logits", mode="single", logits=torch.tensor([[300.0, 500.0, 400.0, -900.0]]).double())
kata.also(
    "large logits, several labels", mode="multi", logits=torch.tensor([[900.0, -900.0, 100.0]]).double()
)
kata.also("no image, one label", {"b": 0}, mode="single")
kata.also("one image, one label", {"b": 1}, mode="single")
kata.also("one image, several labels", {"b": 1}, mode="multi")

test_contract = kata.contract()
test_values = kata.values()


@kata.check(regime="tied")
def test_one_per_row(decode_predictions, logits):
    """With one label per image, every row holds exactly one True."""
    found = decode_predictions(logits, "single").sum(dim=1).tolist()
    assert found == [1] * len(logits), "A row does not hold exactly one True in mode 'single'."


@kata.check(regime="tied")
def test_half(decode_predictions, logits):
    """With several labels, the default threshold asks whether the logit is at least zero."""
    same = torch.equal(decode_predictions(logits, "multi"), logits >= 0)
    assert same, "Without thr the result is not 'logit >= 0'."
