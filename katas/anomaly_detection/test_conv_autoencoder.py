import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, images


def targets(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Dark images, nearly of one colour each."""
    b, _, h, w = wanted.shape
    return source.numbers((b, 3, 1, 1), 0.0625, 0.25) + source.numbers((b, 3, h, w), 0, 0.125)


def outputs(source: Source, wanted: Wanted, drawn: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """A reconstruction and a code."""
    b, h, w = (wanted.sizes[axis] for axis in "bhw")
    code = source.normal((b, wanted.sizes["latent"], -(-h // 8), -(-w // 8)))
    return source.numbers((b, 3, h, w), 1 / 64, 63 / 64), code


kata = Kata(
    __file__,
    x=images,
    outputs=outputs,
    targets=targets,
    rules=Rules(
        sizes={"b": (2, 3), "latent": (5, 7), "width": (4, 6), "h": (9, 14, 16), "w": (17, 21, 24)},
        single="b",
        layouts=False,
        costly=True,
        gradients_of="x outputs",
    ),
)
kata.also("sizes that are multiples of 8", {"h": 16, "w": 24})
kata.also("an image smaller than one place of the code", {"b": 8, "h": 3, "w": 5})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "ConvAutoencoder", "reconstruction_loss", sizes={"b": 2, "h": 14, "w": 17}, steps=4, lr=0.02, to=0.5
)


@kata.check(times=1)
def test_stages(ConvAutoencoder, latent, width, x):
    """Each stage has its shape: the code, and the reconstruction at the size asked for."""
    model = ConvAutoencoder(latent, width).double().eval()
    for image in (x, x[:, :, 2:, 3:]):
        b, _, h, w = image.shape
        z = model.encode(image)
        wanted = (b, latent, -(-h // 8), -(-w // 8))
        assert z.shape == wanted, f"encode gives {tuple(z.shape)} for images of {h} x {w}."
        x_hat, code = model(image)
        assert_close(code, z, "The code that forward gives is not that of encode.")
        assert_close(model.decode(z, (h, w)), x_hat, "decode of encode is not what forward gives.")
        for size in ((h - 1, w - 2), (2, 1)):
            found = tuple(model.decode(z, size).shape)
            assert found == (b, 3, *size), f"decode gives {found} for the size {size}."


@kata.check(times=1)
def test_range(ConvAutoencoder, latent, width, x):
    """Every pixel of a reconstruction lies between 0 and 1, whatever the code."""
    model = ConvAutoencoder(latent, width).double().eval()
    z = model.encode(x)
    for sign in (1.0, -1.0):
        scale, off = 1.0, 1.0
        # Codes grow until a pixel is nearly black or white, and no further: exp may overflow then.
        while off > 1e-4 and scale < 1e24:
            found = model.decode(sign * scale * z, x.shape[2:])
            low, high = float(found.min()), float(found.max())
            assert 0 <= low <= high <= 1, f"A reconstruction runs from {low:.3g} to {high:.3g}."
            scale, off = 4 * scale, float(torch.minimum(found, 1 - found).min())
        # All pixels are equal where the last weights begin at zero.
        told = f"With a huge code no pixel is nearer to 0 or 1 than {off:.3g}."
        assert off <= 1e-4 or high - low < 1e-9, told


@kata.check(times=1)
def test_bright(ConvAutoencoder, latent, width, x):
    """No ReLU stops at a number: in evaluation mode numbers beside which biases vanish scale the code."""
    model = ConvAutoencoder(latent, width).double().eval()
    black, once, twice = (model.encode(scale * x) for scale in (0.0, 1e12, 2e12))
    near = Tolerance(float64=(1e-3, 1e-3))
    assert_close(
        twice - once, once - black, "Images of huge numbers, doubled, do not double the code.", tolerance=near
    )


@kata.check(times=1)
def test_alone(ConvAutoencoder, latent, width, x):
    """In evaluation mode an image is reconstructed the same, alone or in a batch."""
    model = ConvAutoencoder(latent, width).double().eval()
    together = model(x)[0]
    for i in range(len(x)):
        assert_close(model(x[i : i + 1])[0], together[i : i + 1], "The other images change a reconstruction.")


@kata.check(times=1)
def test_code_in_loss(reconstruction_loss, outputs, targets):
    """The loss is 0 for a perfect reconstruction, and the code has no say in it."""
    x_hat, z = outputs
    assert_close(float(reconstruction_loss((targets.clone(), z), targets)), 0.0, "A perfect one has a loss.")
    before, after = (float(reconstruction_loss((x_hat, code), targets)) for code in (z, 5 * z + 1))
    assert_close(after, before, "Another code changes the loss.")
