import torch

from grader import Kata, Rules, Source, Wanted, assert_close, images, regimes


def hr(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Bright images, nearly of one colour each."""
    b, _, h, w = wanted.shape
    return source.numbers((b, 3, 1, 1), 0.5, 0.875) + source.numbers((b, 3, h, w), 0, 0.125)


@regimes("beyond")
def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Predictions around the true images, some outside [0, 1], or all of them; none is exact."""
    off = source.numbers(wanted.shape, -0.75, 0.75) + 2.0**-11
    return drawn["hr"] + (off + 1 if source.regime == "beyond" else off)


kata = Kata(
    __file__,
    x=images,
    hr=hr,
    pred=pred,
    rules=Rules(
        sizes={
            "b": (2, 3),
            "scale": (2, 3),
            "ch": (4, 5),
            "blocks": (1, 2),
            "h": (4, 6, 7),
            "w": (5, 8, 9),
        },
        single="b",
        layouts=False,
        costly=True,
        gradients_of="x pred",
    ),
)
kata.also("two blocks", {"blocks": 2, "b": 2, "scale": 3})
kata.also("the scale 1", {"scale": 1, "h": 6, "w": 4})
kata.also("the scale 4", {"scale": 4, "h": 3, "w": 2})
kata.also("one channel", {"ch": 1})
kata.also("a single pixel", {"h": 1, "w": 1})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "SubPixelSR",
    "sr_loss",
    sizes={"b": 2, "h": 3, "w": 4, "scale": 2, "ch": 8, "blocks": 2},
    steps=12,
    lr=0.01,
    to=0.6,
)


@kata.check(times=2)
def test_stages(SubPixelSR, scale, ch, blocks, x):
    """Each stage has its shape: features, deeper features, the image of full size."""
    model = SubPixelSR(scale=scale, ch=ch, blocks=blocks).double().eval()
    for image in (x, x[:, :, 1:, 3:]):
        b, _, h, w = image.shape
        features = model.shallow(image)
        assert features.shape == (b, ch, h, w), f"shallow gives {tuple(features.shape)} for {h} x {w}."
        deep = model.deep(features)
        assert deep.shape == (b, ch, h, w), f"deep gives {tuple(deep.shape)} for {h} x {w}."
        found = model.upsample(deep)
        wanted = (b, 3, scale * h, scale * w)
        assert found.shape == wanted, f"upsample gives {tuple(found.shape)} for {h} x {w}."
        assert_close(model(image), found, "upsample of deep of shallow is not what forward gives.")


@kata.check(times=1)
def test_defaults(SubPixelSR, source):
    """With the default numbers there are 361,840 parameters, and images become 4 times as large."""
    model = SubPixelSR().eval()
    size = tuple(model(source.numbers((1, 3, 2, 3), 0, 1).float()).shape)
    found = sum(value.numel() for value in model.state().values() if value.numel() > 1)
    assert found == 361_840, f"A network with the default numbers has {found:,} parameters."
    assert size == (1, 3, 8, 12), f"A network with the default numbers turns 2 x 3 into {size}."


@kata.check(times=1)
def test_global_residual(SubPixelSR, scale, ch, blocks, x):
    """With all weights at 0 the features pass through deep as they are."""
    model = SubPixelSR(scale=scale, ch=ch, blocks=blocks).double().eval()
    model(x)  # lazy layers have no weights before
    features = model.shallow(x)
    model.fill({name: torch.zeros_like(value) for name, value in model.state().items()})
    assert_close(model.deep(features), features, "With all weights at 0, deep changes the features.")
