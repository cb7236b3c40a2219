import torch

from grader import Kata, Rules, Source, Wanted, assert_close, one_of, regimes


def crop(source: Source, wanted: Wanted, drawn: dict) -> int:
    """A border that leaves something, sometimes a single row or column."""
    return source.integer(0, min((min(wanted.sizes["h"], wanted.sizes["w"]) - 1) // 2, 3))


@regimes("equal", "border", "beyond")
def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """The true images with noise of another strength in each; some equal, or in all but the border."""
    gt, n, peak = drawn["gt"], drawn["crop"], drawn["max_val"]
    strength = 2.0 ** -source.integers((len(gt), 1, 1, 1), 0, 5)
    if source.regime == "beyond":
        return source.normal(wanted.shape, 2.0) * peak
    noise = source.numbers(wanted.shape, -1, 1) * strength * peak
    if source.regime == "equal":
        noise[source.flags((len(gt),)) | (torch.arange(len(gt)) == 0)] = 0
    if source.regime == "border":
        noise[..., n : wanted.shape[2] - n, n : wanted.shape[3] - n] = 0
    return gt + noise


def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Images from 0 to the peak."""
    return source.numbers(wanted.shape, 0, 1) * drawn["max_val"]


kata = Kata(
    __file__,
    crop=crop,
    y_only=one_of(False, True),
    max_val=one_of(1.0, 255.0, 2.0),
    gt=gt,
    pred=pred,
    rules=Rules(sizes={"b": (2, 4), "h": range(5, 9), "w": range(5, 9)}, empty="b", single="b h w"),
)
kata.also("a crop that leaves one column", {"h": 8, "w": 5}, crop=2)
kata.also("a crop that leaves one row", {"h": 5, "w": 8}, crop=2)
kata.also("a crop that leaves no row", {"h": 4, "w": 7}, crop=2)
kata.also("a crop that leaves no column", {"h": 7, "w": 4}, crop=2)
kata.also("a crop beyond the middle", {"h": 5, "w": 6}, crop=3, y_only=True)
_same = torch.full((2, 3, 5, 6), 0.25).double()
kata.also("all images equal", {"b": 2, "h": 5, "w": 6}, gt=_same, pred=_same.clone(), crop=1)
_near = _same + torch.tensor([2.0**-20, 2.0**-12]).double()[:, None, None, None]
kata.also("images nearly equal", {"b": 2, "h": 5, "w": 6}, gt=_same, pred=_near, crop=1, max_val=1.0)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_alone(psnr, pred, gt, crop, y_only, max_val):
    """An image has the same PSNR in a batch as alone."""
    together = psnr(pred, gt, crop=crop, y_only=y_only, max_val=max_val)
    for i in range(len(gt)):
        alone = psnr(pred[i : i + 1], gt[i : i + 1], crop=crop, y_only=y_only, max_val=max_val)
        assert_close(together[i : i + 1], alone, "An image has another PSNR in company than alone.")


@kata.check(times=1)
def test_mean(psnr, gt, source):
    """Images with the mean squared errors 0.01 and 0.0001 have 20 dB and 40 dB."""
    clean = gt[:1].expand(2, -1, -1, -1)
    sign = source.flags((1, *gt.shape[1:])).double() * 2 - 1
    found = psnr(clean + sign * torch.tensor([0.1, 0.01]).double()[:, None, None, None], clean)
    assert_close(found, torch.tensor([20.0, 40.0]).double(), "20 dB and 40 dB are asked for.")


@kata.check(times=3, regime="equal")
def test_equal(psnr, pred, gt, y_only, max_val):
    """An image that equals the true one has PSNR inf, whatever the others in the batch are like."""
    found = psnr(pred, gt, y_only=y_only, max_val=max_val)
    equal = (pred == gt).flatten(1).all(dim=1)
    assert bool((found[equal] == torch.inf).all()), "An image equal to the true one does not have PSNR inf."
