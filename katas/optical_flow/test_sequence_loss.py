from typing import Any

import torch

from grader import Kata, Rules, Source, Wanted, assert_close, number, regimes


def seen(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Which pixels count: a share that differs from image to image, at least one."""
    share = torch.linspace(0.8, 0.3, wanted.shape[0])[:, None, None]
    found = source.numbers(wanted.shape, 0, 1) < share
    found[0, 0, 0] = True
    return found


@regimes("fast", "still", "unknown")
def truth(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Vectors of a few pixels; in special regimes hundreds, often none at all, or 1e9 where unknown."""
    found = source.normal(wanted.shape, 400.0 if source.regime == "fast" else 8.0)
    if source.regime == "still":
        b, _, h, w = wanted.shape
        found = found * source.flags((b, 1, h, w))
    return found.masked_fill(~drawn["valid"][:, None], 1e9) if source.regime == "unknown" else found


def guesses(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> list[torch.Tensor]:
    """Predictions around the truth, none of them equal to it, where a difference has no gradient."""
    near = drawn["gt"].clamp(-2000, 2000)
    shape = tuple(near.shape)
    n = wanted.sizes["n"]
    return [near + source.normal(shape, 2.0 * (n - i)) + 1 / 2048 for i in range(n)]


kata = Kata(
    __file__,
    valid=seen,
    gt=truth,
    preds=guesses,
    gamma=number(0.25, 0.9375),
    rules=Rules(sizes={"n": (2, 3, 4)}, single="b h w n", gradients_of="preds"),
)
kata.also("gamma = 1", gamma=1.0)
kata.also("many predictions", {"n": 12, "h": 2, "w": 3})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_last(sequence_loss, preds, gt, valid, gamma):
    """When all predictions but the last are perfect, the loss is the error of the last, whatever gamma."""
    gt = torch.where(valid[:, None], gt, 0)
    loss = sequence_loss([gt, gt, preds[-1]], gt, valid, gamma=gamma)
    alone = sequence_loss([preds[-1]], gt, valid, gamma=gamma)
    other = sequence_loss([gt, gt, preds[-1]], gt, valid, gamma=gamma / 2)
    assert_close(loss, alone, "Perfect predictions before the last change the loss.")
    assert_close(loss, other, "The weight of the last prediction depends on gamma.")


@kata.check(times=2)
def test_unknown(sequence_loss, preds, gt, valid):
    """What the predictions say where gt is not known changes nothing."""
    changed = [torch.where(valid[:, None], p, 7.0) for p in preds]
    loss, other = sequence_loss(preds, gt, valid), sequence_loss(changed, gt, valid)
    assert_close(loss, other, "The loss depends on pixels that are not valid.")
