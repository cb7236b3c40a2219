import torch

from grader import Kata, Rules, Source, Wanted, assert_close, images, number, regimes


@regimes("nothing known", "no hole")
def m(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Masks with holes of different sizes in the images of a batch; or all hole, or none."""
    if source.regime in ("nothing known", "no hole"):
        return torch.full(wanted.shape, float(source.regime == "no hole")).double()
    known = source.flags(wanted.shape, 0.7)
    known[:1] &= source.flags(known[:1].shape, 0.6)
    return known.double()


def img(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Images in [0, 1], with black pixels among them."""
    return images(source, wanted, drawn) * source.flags(wanted.shape, 0.9)


def raw(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Predictions without bounds, none of them equal to the image's own value."""
    return source.normal(wanted.shape) + 1 / 4096


kata = Kata(
    __file__,
    m=m,
    img=img,
    raw=raw,
    w_hole=number(2, 9),
    w_valid=number(0.25, 1.75),
    rules=Rules(sizes={"b": (2, 3), "h": (4, 5), "w": (6, 7)}, single="b h w", gradients_of="raw"),
)
kata.also(
    "the example",
    img=torch.full((1, 3, 1, 2), 0.5).double(),
    raw=torch.tensor([0.25, 1]).double().repeat(1, 3, 1, 1),
    m=torch.tensor([[[[1.0, 0]]]]).double(),
    w_hole=6.0,
    w_valid=1.0,
)
kata.also("w_hole = 0", w_hole=0.0)
kata.also("w_valid = 0", w_valid=0.0)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_copies(composite, img, raw, m):
    """Each pixel of the composite is an exact copy: of the image where known, else of the prediction."""
    known = (m == 1).expand_as(img)
    for scale in (2.0**-60, 2.0**60):
        found = composite(img, scale * raw, m)
        assert torch.equal(found[known], img[known]), "Known pixels are not copied exactly."
        assert torch.equal(found[~known], (scale * raw)[~known]), "The prediction is not copied exactly."


@kata.check(times=2)
def test_everywhere(hole_valid_l1, img, raw, m):
    """With equal weights it does not matter where the hole is: the loss is the mean absolute error."""
    found = hole_valid_l1(raw, img, m, w_hole=1.0, w_valid=1.0)
    assert_close(found, (raw - img).abs().mean(), "With weights of 1 it is not the mean absolute error.")


@kata.check(times=2)
def test_known_pixels_teach(hole_valid_l1, img, raw, m):
    """The gradient reaches every pixel of the prediction, known ones too."""
    raw.requires_grad_(True)
    hole_valid_l1(raw, img, m).backward()
    assert raw.grad is not None, "backward() gives the prediction no gradient."
    assert bool((raw.grad != 0).all()), "Some pixels of the prediction get no gradient."


@kata.check(times=1)
def test_nothing_to_learn(hole_valid_l1, img, m):
    """A prediction that is right already has no loss and a gradient of zeros."""
    raw = img.clone().requires_grad_(True)
    loss = hole_valid_l1(raw, img, m)
    assert float(loss.detach()) == 0, "A perfect prediction has a loss."
    loss.backward()
    assert raw.grad is not None, "backward() gives the prediction no gradient."
    assert bool(raw.grad.isfinite().all()), "The gradient of a perfect prediction is not finite."
    assert not raw.grad.any(), "The gradient of a perfect prediction is not 0."
