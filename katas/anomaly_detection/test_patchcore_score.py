import torch

from grader import Kata, Rules, Source, Wanted, assert_close, one_of, regimes


@regimes("copies", "far", "large")
def banks(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Items on a fine grid; many of them copies; items close together; far apart."""
    m, d = wanted.shape
    found = _grid(source, (m, d))
    if source.regime == "copies":
        found = found[source.integers((m,), 0, max(m // 3, 1))]
    return found * 2.0**10 if source.regime == "large" else found


@regimes("normal")
def tests(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Patches around the bank or a thousand away; some, or all of an image, are items of the bank."""
    # Rounding must not decide what is nearest: of a few draws take the one with the widest gaps.
    draws = [_patches(source, wanted.shape, drawn["bank"]) for _ in range(4)]
    return max(draws, key=lambda test: _gap(test, drawn["bank"], drawn["b"]))


def _patches(source: Source, shape: tuple[int, ...], bank: torch.Tensor) -> torch.Tensor:
    n, p, d = shape
    found = _grid(source, shape)
    if source.regime == "far":
        return found + 2.0**10 * torch.eye(d).double()[source.integers((n, 1), 0, d - 1)]
    if source.regime == "large":
        return found * 2.0**10
    if source.regime == "normal":
        same = source.flags((n, p, 1))
        same[0] = True
        return torch.where(same, bank[source.integers((n, p), 0, len(bank) - 1)], found)
    return found


def _grid(source: Source, shape: tuple[int, ...]) -> torch.Tensor:
    """Return sixteenths: squared distances of a few units are exact, in float32 too."""
    return source.integers(shape, -32, 32).double() / 16


def _gap(test: torch.Tensor, bank: torch.Tensor, b: int) -> float:
    """Return by how much the nearest decision falls: which patch, which item, which b items."""
    far = (test[:, :, None] - bank).norm(dim=-1)
    least = 1.0
    for d, patches in zip(far, test):
        s, worst = d.amin(1).max(dim=0)
        if s == 0:
            continue
        others = d.amin(1)[(patches != patches[worst]).any(1)]
        star = bank[d[worst].argmin()]
        items = d[worst][(bank != star).any(1)]
        between, order = (bank - star).norm(dim=1).sort()
        gaps = [s - others.max()] if len(others) else []
        gaps += [items.min() - s] if len(items) else []
        if b < len(bank) and bool((bank[order[b - 1]] != bank[order[b]]).any()):
            gaps.append(between[b] - between[b - 1])
        least = min([least, *(float(g) for g in gaps)])
    return least


kata = Kata(
    __file__,
    b=one_of(1, 2, 4, 6),
    bank=banks,
    test=tests,
    rules=Rules(sizes={"n": (2, 3), "p": (5, 6), "m": (13, 14, 15), "d": (4, 7)}, single="n p d"),
)
kata.also("b larger than the bank", {"m": 5}, b=8)
kata.also("one item in the bank", {"m": 1}, b=9)
kata.also("as many as there are in the bank", {"m": 4}, b=4)
kata.also("a bank of copies", {"n": 2, "p": 3, "d": 2}, bank=torch.full((6, 2), 0.25).double(), b=4)
kata.also(
    "the nearest items lie behind m*, seen from the patch",
    test=torch.tensor([[[0.0, 0.0], [1.0, 0.0]]]).double(),
    bank=torch.tensor([[3.0, 0], [5, 0], [6, 0], [0, 4], [-4.5, 0]]).double(),
    b=3,
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_normal_images(patchcore, bank, b, source):
    """Patches that are items of the bank score 0, and so does an image of them."""
    test = bank[source.integers((2, 4), 0, len(bank) - 1)]
    patch, image = patchcore(test, bank, b=b)
    for told, found in (("A patch", patch), ("An image", image)):
        assert bool((found.abs() < 1e-6).all()), (
            f"{told} out of the bank has the score {found.abs().max():.3g}."
        )


@kata.check(times=2)
def test_each_image(patchcore, test, bank, b):
    """An image has the same scores alone and among others, and whatever the order of its patches."""
    patch, image = patchcore(test, bank, b=b)
    for i in range(len(test)):
        own, score = patchcore(test[i : i + 1].flip(1), bank, b=b)
        assert_close(own.flip(1), patch[i : i + 1], "The other images, or the order, change patch scores.")
        assert_close(
            score, image[i : i + 1], "The other images, or the order of the patches, change a score."
        )


@kata.check(times=2)
def test_below_worst(patchcore, test, bank, b):
    """The score of an image lies between 0 and its largest patch score, and grows with b."""
    patch, image = patchcore(test, bank, b=b)
    _, more = patchcore(test, bank, b=b + 3)
    _, one = patchcore(test, bank, b=1)
    assert bool((image >= -1e-9).all() and (image <= patch.amax(1) + 1e-9).all()), "A score is out of bounds."
    assert bool((more >= image - 1e-9).all()), "More neighbours make a score smaller."
    assert bool((one.abs() < 1e-9).all()), f"With b = 1 a score is {float(one.abs().max()):.3g}."


@kata.check(times=2, regime="far")
def test_far(patchcore, bank, b):
    """Of distances only differences count: a patch has the same weight at 1,000 and at 2,000."""
    line = torch.zeros_like(bank)
    line[:, 0] = bank[:, 0] + torch.arange(len(bank)) / 64
    weights = []
    for at in (1000.0, 2000.0):
        test = torch.zeros_like(bank[:1])[None]
        test[..., 0] = at
        patch, image = patchcore(test, line, b=b)
        weights.append(image / patch.amax(1))
    assert_close(weights[1], weights[0], "The weight changes with the distance from the whole bank.")
