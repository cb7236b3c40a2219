import torch

from grader import Kata, Rules, Source, Wanted, assert_close, number


def images(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Dark images, nearly of one colour each."""
    b, _, h, w = wanted.shape
    return source.numbers((b, 3, 1, 1), 0.0625, 0.25) + source.numbers((b, 3, h, w), 0, 0.125)


def masks(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A hole of a few rows and columns, and single ones around it."""
    h, w = wanted.shape[2:]
    found = source.flags(wanted.shape, 0.8).double()
    for mask in found[:, 0]:
        r, c = source.integer(0, h // 2), source.integer(0, w // 2)
        mask[r : r + h // 3, c : c + w // 3] = 0
    return found


def raw(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Outputs off the grid of the images, so that no difference is 0."""
    return source.numbers(wanted.shape, 1 / 64, 62 / 64) + 1 / 4096


kata = Kata(
    __file__,
    img=images,
    m=masks,
    raw=raw,
    w_hole=number(2, 8),
    w_valid=number(0.25, 1.75),
    rules=Rules(
        sizes={"b": (2, 3), "ch": (2, 4), "h": (9, 14, 16), "w": (11, 17)},
        dtypes=(torch.float64,),
        layouts=False,
        costly=True,
        gradients_of="raw",
    ),
)
kata.also("an image smaller than one place of the smallest map", {"h": 3, "w": 5})
kata.also("a tall image whose sizes are multiples of 8", {"b": 1, "ch": 2, "h": 80, "w": 8})
kata.also("a wide image", {"b": 1, "ch": 2, "h": 7, "w": 75})
ONES = torch.ones(2, 1, 3, 5)
BEYOND = torch.arange(90).remainder(7).sub(3).double().view(2, 3, 3, 5)
kata.also("an image beyond [0, 1], with black pixels", {"b": 2, "ch": 2, "h": 3, "w": 5}, img=BEYOND)
kata.also("no hole", {"b": 2, "h": 3, "w": 5}, m=ONES, w_hole=3.0)
kata.also("nothing known", {"b": 2, "h": 3, "w": 5}, m=0 * ONES, w_hole=3.0)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "InpaintUNet",
    "inpaint_loss",
    sizes={"b": 2, "ch": 4, "h": 9, "w": 14},
    steps=5,
    lr=0.03,
    to=0.8,
    outputs=("raw",),
)


@kata.check(times=1)
def test_stages(InpaintUNet, ch, img, m):
    """Each stage has its shape: three maps, the smallest one after the middle, the image."""
    model = InpaintUNet(ch).double()
    b, _, height, width = img.shape
    h, w = -(-height // 8), -(-width // 8)
    x1, x2, x3 = model.encode(img, m)
    for level, x in enumerate((x1, x2, x3)):
        wanted = (b, ch * 2**level, 4 * h // 2**level, 4 * w // 2**level)
        found = tuple(x.shape)
        assert found == wanted, (
            f"encode gives x{level + 1} of shape {found} for images of {height} x {width}."
        )
    y = model.middle(x3)
    assert y.shape == x3.shape, f"middle gives {tuple(y.shape)}."
    raw, _ = model(img, m)
    assert_close(model.decode(x1, x2, y, (height, width)), raw, "decode of middle is not what forward gives.")
    model.encode(1 - img, m)
    again = model.decode(x1, x2, y, (height, width))
    assert_close(
        again, raw, "After encode has seen another image, decode of the same maps gives another result."
    )
    found = tuple(model.decode(x1, x2, y, (height - 1, 2)).shape)
    assert found == (b, 3, height - 1, 2), f"decode gives {found} for the size {(height - 1, 2)}."
    assert 0 <= float(raw.min()) <= float(raw.max()) <= 1, "The raw output leaves [0, 1]."


@kata.check(times=1)
def test_large(InpaintUNet, ch, source):
    """Nothing bounds the maps on their way up: large ones end at the bounds of the sigmoid."""
    model = InpaintUNet(ch).double()
    x1, x2, y = (torch.zeros(2, n, side, side).double() for n, side in ((ch, 12), (2 * ch, 6), (4 * ch, 3)))
    raw = model.decode(x1, x2, source.normal(tuple(y.shape)) * 2.0**40, (24, 24))
    assert float((raw - 0.5).abs().max()) > 0.499999, "Large maps give no pixel that is black or white."


@kata.check(times=1)
def test_middle(InpaintUNet, source):
    """The middle looks 14 places far in every direction: at those that are 2, 4 and 8 steps apart."""
    model = InpaintUNet(1).double()
    # With positive weights every ReLU is open, and whatever is looked at shows.
    for name, value in model.state().items():
        model.fill({name: source.numbers(tuple(value.shape), 0.25, 0.75)})
    x3 = torch.zeros(1, 4, 33, 31).double()
    before = model.middle(x3)
    x3[:, :, 16, 15] = 1
    seen = (model.middle(x3) - before)[0].abs().amax(0) > 1e-9
    wanted = torch.zeros(33, 31, dtype=torch.bool)
    wanted[2:31:2, 1:30:2] = True
    far = [int((line.nonzero() - at).abs().max()) for line, at in ((seen[:, 15], 16), (seen[16], 15))]
    told = f"One number reaches {far[0]} rows and {far[1]} columns far through middle."
    assert torch.equal(seen, wanted), told


@kata.check(times=1)
def test_default(InpaintUNet):
    """When nothing is said, there are 64, 128 and 256 channels."""
    maps = InpaintUNet().encode(torch.zeros(1, 3, 1, 1), torch.zeros(1, 1, 1, 1))
    found = [x.shape[1] for x in maps]
    assert found == [64, 128, 256], f"By default, encode gives maps of {found} channels."


@kata.check(times=1)
def test_hole(InpaintUNet, ch, img, m):
    """What the hole holds has no effect, neither on the raw output nor on the composite."""
    model = InpaintUNet(ch).double()
    other = torch.where(m > 0, img, 9 - 30 * img)
    for name, a, b in zip(("raw output", "composite"), model(img, m), model(other, m)):
        assert_close(b, a, f"Other numbers in the hole change the {name}.")


@kata.check(times=1)
def test_known(InpaintUNet, ch, img, m):
    """The composite is the image where it is known, bit for bit, and the raw output in the hole."""
    img = img / 7  # far from what comes out, and off the grid: there rounding shows
    raw, composite = InpaintUNet(ch).double()(img, m)
    assert torch.equal(composite, torch.where(m > 0, img, raw)), (
        "The composite is neither image nor raw output."
    )


@kata.check(times=1)
def test_outside(InpaintUNet, ch, img, m):
    """Beyond its last row and column an image goes on as a hole does."""
    model = InpaintUNet(ch).double()
    b, _, h, w = img.shape
    big = torch.full((b, 3, -(-h // 8) * 8, -(-w // 8) * 8), 0.75).double()
    big_m = torch.zeros_like(big[:, :1])
    big[..., :h, :w], big_m[..., :h, :w] = img, m
    found = model(big, big_m)[0][..., :h, :w]
    assert_close(found, model(img, m)[0], "Holes added below and on the right change the raw output.")


@kata.check(times=1)
def test_weights(inpaint_loss, raw, img, m):
    """When nothing is said, the hole weighs 6 and the rest 1; a perfect output has no loss, no gradient."""
    n = img.numel()
    hole, valid = (float((part * (raw - img)).abs().sum()) / n for part in (1 - m, m))
    assert_close(float(inpaint_loss(raw, img, m)), 6 * hole + valid, "The weights are not 6 and 1.")
    perfect = img.clone().requires_grad_(True)
    loss = inpaint_loss(perfect, img, m)
    assert_close(float(loss.detach()), 0.0, "A perfect output has a loss.")
    loss.backward()
    assert perfect.grad is not None, "backward() gives a perfect output no gradient."
    assert bool((perfect.grad == 0).all()), "The gradient of a perfect output is not 0."
