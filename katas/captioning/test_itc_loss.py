import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, number, regimes


@regimes("long", "opposite", "twins")
def img(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Embeddings of lengths around 2; in special regimes much longer, each by a factor, or two alike."""
    b, _ = wanted.shape
    found = source.normal(wanted.shape)
    found[:, 0] += 1 - 2 * source.integers((b,), 0, 1).double()
    found[:, 0] = torch.where(found.norm(dim=1) < 0.5, 1.0, found[:, 0])
    if source.regime == "twins":
        found[-1] = found[0]
    return found * 2.0 ** source.integers((b, 1), 2, 8) if source.regime == "long" else found


@regimes("similar", "twins")
def txt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Embeddings of their own; in special regimes near those of the images, or pointing away from them."""
    other, image = img(source, wanted, drawn), drawn["img"]
    if source.regime == "similar":
        return 2 * image + 0.25 * other
    return 0.25 * other - image if source.regime == "opposite" else other


kata = Kata(
    __file__,
    temp=number(0.05, 1.5),
    img=img,
    txt=txt,
    # A tiny constant beside the lengths may be divided by a small temperature.
    rules=Rules(
        sizes={"b": (2, 3, 5), "d": (4, 6, 7)},
        tolerance=Tolerance(float64=(1e-5, 1e-6)),
    ),
)
kata.also("temp = 0.001", {"b": 4, "d": 3}, temp=0.001)
kata.also("temp = 0.001, pairs that point away", {"b": 4, "d": 5}, "opposite", temp=0.001)
kata.also("sixteen pairs", {"b": 16, "d": 4})
kata.also("a single pair", {"b": 1, "d": 4})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_order(itc_loss, img, txt, temp, source):
    """The order of the pairs changes nothing, as long as both sides move together."""
    p = source.permutation(len(img))
    found = itc_loss(img[p], txt[p], temp=temp)
    assert_close(found, itc_loss(img, txt, temp=temp), "Another order of the pairs gives another loss.")


@kata.check(times=2)
def test_symmetric(itc_loss, img, txt, temp):
    """Images and texts may change places: the loss is symmetric."""
    found = itc_loss(txt, img, temp=temp)
    assert_close(found, itc_loss(img, txt, temp=temp), "With the two exchanged the loss is another.")


@kata.check(times=2)
def test_lengths(itc_loss, img, txt, temp, source):
    """Only directions count: a row that is longer or shorter changes nothing."""
    longer = [x * 2.0 ** source.integers((len(x), 1), -1, 4) for x in (img, txt)]
    near = Tolerance(float64=(1e-5, 1e-5))
    before, after = itc_loss(img, txt, temp=temp), itc_loss(*longer, temp=temp)
    assert_close(after, before, "The lengths of the embeddings change the loss.", tolerance=near)


@kata.check(times=1)
def test_small_temperature(itc_loss, img, txt):
    """At a small temperature loss and gradients are finite."""
    for value in (img, txt):
        value.requires_grad_(True)
    loss = itc_loss(img, txt, temp=0.001)
    assert bool(loss.isfinite()), "At temp = 0.001 the loss is not finite."
    loss.backward()
    for name, value in (("img", img), ("txt", txt)):
        assert value.grad is not None, f"No gradient reaches {name}."
        assert bool(value.grad.isfinite().all()), f"At temp = 0.001 the gradient of {name} is not finite."


@kata.check(times=1)
def test_single(itc_loss, img, txt, temp):
    """The loss of a single pair is 0 and can still be differentiated."""
    image, text = img[:1].requires_grad_(True), txt[:1].requires_grad_(True)
    loss = itc_loss(image, text, temp=temp)
    assert abs(float(loss.detach())) < 1e-6, f"The loss of a single pair is {float(loss.detach()):g}, not 0."
    assert loss.requires_grad, "The loss of a single pair is cut off from the graph."
    loss.backward()
    reached = image.grad is not None or text.grad is not None
    assert reached, "The loss of a single pair has a graph of its own, without img and txt."
    for name, value in (("img", image), ("txt", text)):
        assert value.grad is None or not value.grad.abs().max() > 1e-6, f"The gradient of {name} is not 0."
