import torch

from grader import Kata, Rules, assert_close, images

kata = Kata(
    __file__,
    x=images,
    rules=Rules(
        sizes={"scale": (2, 3), "ch": (1, 2, 4), "b": (2, 3), "h": (5, 7, 8), "w": (6, 9, 10)},
        single="b ch scale",
        layouts=False,
    ),
)
kata.also("a single pixel", {"b": 2, "h": 1, "w": 1})
kata.also("a single row", {"h": 1, "w": 6})
kata.also("the scale 4", {"scale": 4, "ch": 2, "h": 3, "w": 2})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1)
def test_reach(ESPCN, scale, ch, x, source):
    """A pixel of x changes its own block and those up to 4 pixels around it, and nothing else."""
    model = ESPCN(scale, ch=ch).double().eval()
    model(x)  # lazy layers have no weights before
    # Layers may start at 0, and would hide what reaches them.
    even = {n: v for n, v in model.state().items() if v.dim() > 1 and bool((v == v.flatten()[0]).all())}
    model.fill({name: source.normal(tuple(value.shape)) / 8 for name, value in even.items()})
    x = torch.cat([x, x], dim=3)
    other = x.clone()
    other[:, :, 0, 6] += 1
    changed = (model(other) - model(x)).abs().amax(dim=(0, 1)) > 1e-12
    s, (h, w) = scale, x.shape[2:]
    near = torch.zeros(h, w).bool()
    near[:5, 2:11] = True
    fine = near.repeat_interleave(s, 0).repeat_interleave(s, 1)
    assert changed.shape == fine.shape, f"The result is {tuple(changed.shape)} for images of {h} x {w}."
    assert not bool((changed & ~fine).any()), "A pixel changes the result far from its place."
    assert bool(changed[:s, 6 * s : 7 * s].all()), "A pixel does not change its own block."
    low, high = int(changed.any(0).nonzero()[0]), int(changed.any(0).nonzero()[-1])
    found = (6 - low // s, high // s - 6)
    assert found == (4, 4), f"A pixel reaches {found[0]} and {found[1]} pixels to its sides, and not 4."


@kata.check(times=1)
def test_sizes(ESPCN, scale, ch, x):
    """One network takes images of several sizes, and an image comes out the same, alone or in a batch."""
    model = ESPCN(scale, ch=ch).double()
    for image in (x, x[:, :, 2:, 3:], x[:, :, :1, :1]):
        b, _, h, w = image.shape
        together = model(image)
        found = tuple(together.shape)
        assert found == (b, ch, scale * h, scale * w), f"Images of {h} x {w} become {found}."
        assert_close(model(image[:1]), together[:1], "The other images of the batch change a result.")
