import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, regimes


def _flat(source: Source, shape: tuple[int, ...]) -> torch.Tensor:
    """Images of one grey in each channel, about a third of them black."""
    b, c, h, w = shape
    grey = source.numbers((b, c, 1, 1), 0, 1) * source.flags((b, c, 1, 1), 0.65)
    return grey.repeat(1, 1, h, w)


@regimes("flat", "faint", "inverted", "uneven")
def x(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Images: noise; one colour, black among them; hardly any contrast; a ramp with noise."""
    if source.regime == "flat":
        return _flat(source, wanted.shape)
    if source.regime == "faint":
        return 0.5 + source.numbers(wanted.shape, -1 / 32, 1 / 32)
    found = source.numbers(wanted.shape, 0, 1)
    return _ramp(found) if source.regime == "uneven" else found


def y(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """The image with noise on it, or its negative; other flat images; a ramp that falls."""
    x = drawn["x"]
    if source.regime == "flat":
        return _flat(source, wanted.shape)
    if source.regime == "inverted":
        return 1 - x
    if source.regime == "faint":
        return (x + source.numbers(wanted.shape, 0, 1 / 32)) / 2 + 0.25
    noisy = (x + source.numbers(wanted.shape, 0, 1)) / 2
    return _ramp(noisy.flip(3)).flip(3) if source.regime == "uneven" else noisy


def _ramp(image: torch.Tensor) -> torch.Tensor:
    """Darken an image towards its upper left corner."""
    h, w = image.shape[2:]
    rows, columns = torch.arange(h).double() / h, torch.arange(w).double() / w
    return image * rows[:, None] * columns


kata = Kata(
    __file__,
    x=x,
    y=y,
    rules=Rules(
        sizes={"b": (2, 3), "c": (1, 2, 3), "h": (11, 12, 13), "w": (12, 13, 14)},
        single="b c",
        tolerance=Tolerance(float64=(1e-4, 5e-5), float32=(3e-3, 1e-3)),
    ),
)
kata.also("one window", {"h": 11, "w": 11})
kata.also("one row of windows", {"h": 11, "w": 14})
kata.also("one column of windows", {"h": 14, "w": 11})
kata.also("images that are too low", {"h": 10, "w": 14})
kata.also("images that are too narrow", {"h": 14, "w": 10})
kata.also("images that are too small", {"h": 1, "w": 2})
kata.also("black images", x=torch.zeros(2, 3, 11, 12).double(), y=torch.zeros(2, 3, 11, 12).double())

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=1)
def test_equal(ssim, x):
    """Equal images have the similarity 1, black, grey and white ones too."""
    for told, image in (
        ("", x),
        (" of one colour", x[..., :1, :1].expand_as(x).contiguous()),
        (" that are black", torch.zeros_like(x)),
        (" that are white", torch.ones_like(x)),
    ):
        found = ssim(image, image.clone())
        assert_close(found, torch.ones(len(x)).double(), f"Equal images{told} do not have 1.")


@kata.check(times=2)
def test_each_image(ssim, x, y):
    """Every pair has the similarity it has alone, and its channels count alike."""
    together = ssim(x, y)
    for i in range(len(x)):
        alone = ssim(x[i : i + 1], y[i : i + 1])
        assert_close(alone, together[i : i + 1], "The other images of the batch change a result.")
    channels = ssim(x.flatten(0, 1)[:, None], y.flatten(0, 1)[:, None]).reshape(x.shape[:2])
    assert_close(channels.mean(1), together, "It is not the mean of what the channels have by themselves.")


@kata.check(times=1, regime="uneven")
def test_places(ssim, x, y):
    """A large image has the mean of what every 11 x 11 piece of it has by itself."""
    h, w = x.shape[2] - 10, x.shape[3] - 10
    pieces = [(..., slice(r, r + 11), slice(s, s + 11)) for r in range(h) for s in range(w)]
    found = torch.stack([ssim(x[at].contiguous(), y[at].contiguous()) for at in pieces]).mean(0)
    assert_close(ssim(x, y), found, "An image does not have the mean of its 11 x 11 pieces.")
