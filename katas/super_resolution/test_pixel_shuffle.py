import torch

from grader import Kata, Rules, assert_close

kata = Kata(
    __file__,
    rules=Rules(
        sizes={"b": (2, 3, 4), "c": (2, 3, 4), "r": (2, 3), "h": range(2, 7), "w": range(2, 7)},
        empty="b",
        single="b c r h w",
        forbid=("pixel_shuffle", "pixel_unshuffle"),
    ),
)
kata.also("a factor of 4", {"b": 2, "c": 2, "r": 4, "h": 2, "w": 3})
kata.also("what the factor does not divide", x=torch.arange(240.0).double().view(2, 6, 4, 5), r=2)
kata.also("a height that the factor does not divide", x=torch.arange(80.0).double().view(1, 4, 5, 4), r=2)
kata.also("a width that the factor does not divide", x=torch.arange(32.0).double().view(1, 4, 8, 1), r=2)
kata.also("fewer channels than a block has pixels", x=torch.arange(32.0).double().view(1, 2, 4, 4), r=2)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_blocks(pixel_shuffle, c, r, h, w):
    """The channels c * r * r, c * r * r + 1, ... fill each block of channel c row by row."""
    channels = torch.arange(c * r * r).double()
    found = pixel_shuffle(channels[None, :, None, None].repeat(1, 1, h, w), r)
    wanted = channels.view(1, c, r, r).repeat(1, 1, h, w)
    assert_close(found, wanted, "The channels of a block are not laid out row by row.")


@kata.check(times=2)
def test_round_trip(pixel_shuffle, pixel_unshuffle, x, c, r, h, w, source):
    """Each undoes the other."""
    assert_close(pixel_unshuffle(pixel_shuffle(x, r), r), x, "pixel_unshuffle does not undo pixel_shuffle.")
    y = source.normal((2, c, h * r, w * r))
    assert_close(pixel_shuffle(pixel_unshuffle(y, r), r), y, "pixel_shuffle does not undo pixel_unshuffle.")
