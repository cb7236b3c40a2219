import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes, whole


@regimes("few known", "few holes")
def m(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Masks of random pixels, half of them known, about one in seven, or all but one in twenty."""
    share = {"few known": 0.15, "few holes": 0.95}.get(source.regime, 0.5)
    return source.flags(wanted.shape, share).double()


kata = Kata(
    __file__,
    m=m,
    levels=whole(2, 4),
    k=whole(1, 2),
    rules=Rules(sizes={"b": (2, 3), "h": (5, 7, 8), "w": (6, 9, 10)}, single="b h w"),
)
BOX = torch.ones(2, 1, 9, 7).double()
BOX[0, 0, 4, 2] = BOX[1, 0, 0, 6] = 0
kata.also("one hole pixel", m=BOX, k=2)
kata.also("one hole pixel, k = 3", m=BOX, k=3)
WIDE = torch.ones(1, 1, 13, 14).double()
WIDE[0, 0, 6, 7] = 0
kata.also("one hole pixel, k = 5", m=WIDE, k=5)
kata.also("k = 0", k=0)
kata.also("k larger than the image", {"h": 3, "w": 2}, "few holes", k=6)
kata.also("no hole", m=torch.ones(2, 1, 5, 6).double())
kata.also("nothing known", m=torch.zeros(2, 1, 5, 6).double())
kata.also("one level", levels=1)
kata.also("more levels than halvings", {"h": 5, "w": 8}, "few known", levels=6)
kata.also("sizes that are powers of two", {"h": 4, "w": 8}, "few known", levels=3)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_only_masks(mask_pyramid, grow_hole, m, levels, k):
    """Masks hold nothing but 0 and 1, at every level and after growing."""
    for i, mask in enumerate(mask_pyramid(m, levels)):
        assert bool(((mask == 0) | (mask == 1)).all()), f"The mask of level {i} holds other numbers."
    grown = grow_hole(m, k)
    assert bool(((grown == 0) | (grown == 1)).all()), "The mask with a grown hole holds other numbers."


@kata.check(times=1)
def test_borders(grow_hole, m):
    """A mask without hole stays as it is, however far holes would grow: the border is none."""
    full = torch.ones_like(m)
    for k in (1, 3, 12):
        assert_close(grow_hole(full, k), full, f"With k = {k} a mask without hole is given one.")


@kata.check(times=2, regime="few holes")
def test_steps(grow_hole, m):
    """Growing by one pixel, and by two more, is growing by three."""
    assert_close(grow_hole(grow_hole(m, 1), 2), grow_hole(m, 3), "1 pixel and 2 pixels are not 3.")
