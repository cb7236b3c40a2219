import torch

from grader import Kata, Rules, assert_close, images, normal

SIDE = range(5, 10)

kata = Kata(
    __file__,
    hr=images,
    kernel=normal,
    noise=normal,
    rules=Rules(
        sizes={"b": (2, 3, 4), "c": (2, 3, 4, 6), "k": (3, 5), "s": (2, 3), "h": SIDE, "w": SIDE},
        single="b c k s",
    ),
)
kata.also("a factor that divides height and width", {"h": 6, "w": 8, "s": 2})
kata.also("a factor of 4 that divides neither", {"h": 7, "w": 9, "s": 4})
kata.also("a factor larger than the image", {"h": 5, "w": 6, "k": 3, "s": 8})
kata.also("a kernel as wide as the image allows", {"h": 5, "w": 4, "k": 7, "s": 2})
kata.also("three channels and no noise", {"c": 3}, noise=None)
kata.also("a single pixel", {"h": 1, "w": 1, "k": 1, "s": 2})
kata.also("an even kernel", {"h": 5, "w": 6, "k": 2})
kata.also("an even kernel of 4", {"h": 7, "w": 6, "k": 4, "s": 1})

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_delta(degrade, hr, k, s):
    """A kernel with a single 1, in its centre, leaves every s-th pixel as it is."""
    delta = torch.zeros(k, k).double()
    delta[k // 2, k // 2] = 1
    wanted = hr[..., ::s, ::s]
    assert_close(
        degrade(hr, delta, s), wanted, "A kernel with a 1 in its centre does not give hr[..., ::s, ::s]."
    )


@kata.check(times=2)
def test_moves(degrade, hr, k):
    """A kernel with a single 1, to the right of its centre and below it, moves the image there."""
    spot = torch.zeros(k, k).double()
    spot[k // 2 + 1, k // 2 + 1] = 1
    found = degrade(hr, spot, 1)[..., 1:, 1:]
    told = "The image does not move to where the 1 of the kernel lies."
    assert_close(found, hr[..., :-1, :-1], told)
