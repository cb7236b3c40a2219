import torch
from torch import nn

from grader import Kata, Rules, Source, Wanted, assert_close, images, randomised


def model(source: Source, wanted: Wanted, drawn: dict) -> nn.Module:
    """A network that enlarges by s and prefers some directions; its pixels leave [0, 1]."""
    c, s = wanted.sizes["c"], wanted.sizes["s"]
    layers = (
        *(nn.Conv2d(c, 3, kernel_size=3, padding=1), nn.BatchNorm2d(3), nn.Tanh()),
        *(nn.Conv2d(3, 4, kernel_size=3, padding=1), nn.ConvTranspose2d(4, c, kernel_size=s, stride=s)),
    )
    return randomised(nn.Sequential(*layers), source).eval()


kata = Kata(
    __file__,
    model=model,
    x=images,
    rules=Rules(
        sizes={"b": (2, 3), "c": (1, 2, 3), "s": (2, 3), "h": (3, 5, 6), "w": (4, 7, 8)},
        single="b c s",
    ),
)
kata.also("a square image", {"h": 5, "w": 5})
kata.also("a square image, and a model that keeps its size", {"h": 6, "w": 6, "s": 1})
kata.also("as many images as channels, rows and columns", {"b": 3, "c": 3, "h": 3, "w": 3, "s": 2})
kata.also("an image of 2 x 2", {"h": 2, "w": 2})
RIGHT = nn.Conv2d(1, 1, kernel_size=3, padding=1, bias=False)
RIGHT.weight.data = torch.tensor([[[[0.0, 0, 0], [0, 0, 1], [0, 0, 0]]]])
ROWS = torch.tensor([[[[1.0, 2, 6], [3, 5, 4]]]]).double()
kata.also("the example", {"b": 1, "c": 1, "s": 1, "h": 2, "w": 3}, model=RIGHT.eval(), x=ROWS)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_turned(self_ensemble, model, x):
    """Turning or mirroring the image turns or mirrors the result, whatever the model prefers."""
    found = self_ensemble(model, x)
    for told, view in (
        ("by 90 degrees", lambda y: y.rot90(1, (2, 3))),
        ("upside down", lambda y: y.rot90(2, (2, 3))),
        ("to its mirror image", lambda y: y.flip(3)),
    ):
        turned = self_ensemble(model, view(x))
        assert_close(turned, view(found), f"An image turned {told} has another result than that turned.")


@kata.check(times=1)
def test_impartial(self_ensemble, x):
    """A model that treats all directions alike gains nothing: the result is its own."""
    assert_close(self_ensemble(nn.Identity(), x), x, "A model that changes nothing changes the image.")
    c = x.shape[1]
    blur = nn.Conv2d(c, c, kernel_size=3, padding=1, bias=False).double().eval()
    blur.weight.data = torch.full_like(blur.weight, 0.25)
    wanted = blur(x).detach()
    assert_close(self_ensemble(blur, x), wanted, "A model that adds up all neighbours gives another result.")


@kata.check(times=1)
def test_each_image(self_ensemble, model, x):
    """Every image of the batch has the result it has alone."""
    together = self_ensemble(model, x)
    for i in range(len(x)):
        alone = self_ensemble(model, x[i : i + 1])
        assert_close(alone, together[i : i + 1], "The other images of the batch change a result.")
