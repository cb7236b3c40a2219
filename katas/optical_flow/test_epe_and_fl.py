from typing import Any

import torch

from grader import Kata, Rules, Source, Wanted, assert_close, optional, regimes


@regimes("hidden", "unknown")
def seen(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Which pixels count: a share that differs from image to image; none in one regime."""
    if source.regime == "hidden":
        return torch.zeros(wanted.shape).bool()
    share = torch.linspace(0.8, 0.3, max(wanted.shape[0], 1))[: wanted.shape[0], None, None]
    return source.numbers(wanted.shape, 0, 1) < share


@regimes("slow", "fast", "still", "exact")
def truth(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Vectors of about 75 px, whose 5 % lie on either side of 3 px; 1e9 in places where nothing is known."""
    reach = {"slow": 8, "fast": 2000, "exact": 16}.get(source.regime, 100)
    found = source.numbers(wanted.shape, -reach, reach)
    b, _, h, w = wanted.shape
    if source.regime == "still":
        found = found * source.flags((b, 1, h, w))
    if source.regime == "unknown" and drawn["valid"] is not None:
        found = found.masked_fill(~drawn["valid"][:, None], 1e9)
    return found


def guess(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """The truth, off by a few pixels; by whole ones along one axis in the regime of exact errors."""
    near = drawn["gt"].clamp(-2000, 2000)
    if source.regime == "exact":
        b, _, h, w = wanted.shape
        along = source.flags((b, 1, h, w))
        step = source.integers((b, 1, h, w), 2, 4) * (2 * source.integers((b, 1, h, w), 0, 1) - 1)
        return near + torch.cat([step * along, step * ~along], dim=1)
    scale = 8.0 if source.regime == "fast" else 1.0
    return near + scale * source.numbers(wanted.shape, -5, 5)


kata = Kata(
    __file__,
    valid=optional(seen),
    gt=truth,
    pred=guess,
    rules=Rules(empty="b", single="*"),
)
kata.also(
    "exactly 5 %, and a trace more",
    gt=torch.tensor([[[[100.0, 0.0, 80.0, 100.0, 100.0]], [[0.0, -80.0, 0.0, 0.0, 0.0]]]]).double(),
    pred=torch.tensor([[[[105.0, 0.0, 80.0, 100.0, 105 + 2**-15]], [[0.0, -84.0, 4.5, 4.5, 0.0]]]]).double(),
    valid=None,
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_turned(epe_and_fl, pred, gt):
    """Turning every vector by the same angle changes neither number."""
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]]).double()
    epe, fl = epe_and_fl(pred, gt)
    turned_epe, turned_fl = epe_and_fl(
        torch.einsum("ij,bjhw->bihw", turn, pred), torch.einsum("ij,bjhw->bihw", turn, gt)
    )
    assert_close(float(turned_epe), float(epe), "The mean error changes when all vectors turn together.")
    assert_close(float(turned_fl), float(fl), "The share of outliers changes when all vectors turn together.")
