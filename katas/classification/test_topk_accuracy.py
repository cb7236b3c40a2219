from itertools import pairwise
from typing import Any

import torch

from grader import Kata, Rules, Source, Wanted, logits, raises, regimes


@regimes("tied", "large", "close")
def scores(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Logits; in one regime those of a row differ by thousandths, or not at all."""
    if source.regime == "close":
        return 500 + source.integers(wanted.shape, -9, 9).double() / 1024
    return logits(source, wanted, drawn)


def targets(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """The true class of each sample."""
    return source.integers(wanted.shape, 0, wanted.sizes["k"] - 1)


def places(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> tuple[int, ...]:
    """One to four different k, in any order."""
    found = [source.integer(1, wanted.sizes["k"]) for _ in range(source.integer(1, 4))]
    return tuple(dict.fromkeys(found))


kata = Kata(
    __file__,
    logits=scores,
    target=targets,
    ks=places,
    rules=Rules(sizes={"b": range(5, 12), "k": range(3, 10)}, empty="b", single="*"),
)
kata.also("no k at all", ks=())
kata.also("k larger than the batch", {"b": 2, "k": 6}, ks=(5, 1))
kata.also("k = K", {"k": 5}, ks=(5,))
kata.also("k beyond the classes", {"b": 9, "k": 4}, ks=(1, 5))
kata.also("k far beyond the classes", {"b": 3, "k": 4}, ks=(40,))
kata.also("k = 0", {"k": 4}, ks=(0, 2))
kata.also("k below zero", {"k": 4}, ks=(-1,))
kata.also(
    "all logits equal",
    ks=(1, 2, 4),
    logits=torch.zeros(7, 7).double(),
    target=torch.tensor([0, 0, 0, 1, 1, 2, 6]),
)
kata.also("one image", {"b": 1, "k": 4}, ks=(2,))

test_contract = kata.contract()
test_values = kata.values()


@kata.check
def test_monotone(topk_accuracy, logits, target, k):
    """A larger k never has fewer hits, and at k = K every sample is one."""
    found = topk_accuracy(logits, target, tuple(range(1, k + 1)))
    shares = [float(found[i]) for i in range(1, k + 1)]
    assert all(b >= a - 1e-6 for a, b in pairwise(shares)), "A larger k has fewer hits."
    assert abs(shares[-1] - 1) < 1e-5, "The share at k = K is not 1."


@kata.check
def test_range(topk_accuracy, logits, target, k):
    """A k that does not lie between 1 and K is refused with a ValueError."""
    for bad in (0, k + 1):
        with raises(ValueError):
            topk_accuracy(logits, target, (1, bad))
