import torch

from grader import Kata, Rules, Source, Wanted, assert_close, one_of, regimes

_CLASSES = 6


@regimes("mixed")
def things(source: Source, wanted: Wanted, drawn: dict) -> set[int]:
    """One to three thing classes of six; class 0 may be one of them."""
    return set(source.permutation(_CLASSES)[: source.integer(1, 3)].tolist())


def sem(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A map of six blocks; single pixels of other classes in one regime."""
    h, w = wanted.shape
    blocks = source.integers((2, 3), 0, _CLASSES - 1)
    found = blocks[torch.arange(h)[:, None] * 2 // h, torch.arange(w) * 3 // w]
    if source.regime == "mixed":
        return found.where(source.flags((h, w), 0.7), source.integers((h, w), 0, _CLASSES - 1))
    return found


@regimes("paired", "nested", "gone", "covering")
def masks(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Rectangles: overlapping by halves, one inside the next, some without pixels, over everything."""
    n, h, w = wanted.shape
    start, extent = source.integers((n, 2), 0, 4), source.integers((n, 2), 2, 5)
    if source.regime == "paired":
        start, extent = source.integers((n, 2), 0, 2) * 2, source.integers((n, 2), 1, 2) * 2
    elif source.regime == "nested":
        start, extent = start[:1].expand(n, 2) // 2, source.permutation(n)[:, None] + 1
    elif source.regime == "gone":
        extent = torch.where(source.flags((n, 2), 0.3), 0, extent)
    elif source.regime == "covering":
        start, extent = source.integers((n, 2), 0, 1), torch.full((n, 2), 99)
    rows, cols = torch.arange(h), torch.arange(w)
    inside_y = (rows >= start[:, :1]) & (rows < start[:, :1] + extent[:, :1])
    inside_x = (cols >= start[:, 1:]) & (cols < start[:, 1:] + extent[:, -1:])
    return inside_y[:, :, None] & inside_x[:, None, :]


@regimes("tied")
def scores(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Different scores between 0 and 1; two values only in one regime."""
    if source.regime == "tied":
        return source.integers(wanted.shape, 1, 2).double() / 4
    return (source.permutation(wanted.shape[0]) + 1).double() / 16


def classes(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A thing class for each instance."""
    known = torch.tensor(sorted(drawn["things"]))
    return known[source.integers(wanted.shape, 0, len(known) - 1)]


kata = Kata(
    __file__,
    things=things,
    sem=sem,
    masks=masks,
    scores=scores,
    classes=classes,
    min_visible=one_of(0.5, 0.25, 0.75, 1.0),
    rules=Rules(
        sizes={"n": (4, 5), "h": (6, 8), "w": (7, 9)}, empty="n", single="n h w", dtypes=(torch.float64,)
    ),
)
# Sorts that are not stable keep the order of a few equals by chance, and of many they do not.
kata.also("forty instances, many ties", {"n": 40}, scores=torch.arange(40).remainder(3).double() / 4)
kata.also("no things at all", {"n": 0}, things=set(), classes=torch.zeros(0, dtype=torch.int64))
kata.also(
    "a class of stuff that is hidden by an instance",
    {"n": 1, "h": 1, "w": 4},
    sem=torch.tensor([[2, 0, 0, 1]]),
    masks=torch.tensor([[[False, True, True, False]]]),
    scores=torch.tensor([0.5]).double(),
    classes=torch.tensor([3]),
    things={3},
)
kata.also(
    "a dropped instance frees its pixels",
    {"n": 3, "h": 1, "w": 6},
    sem=torch.tensor([[4, 4, 4, 4, 0, 3]]),
    masks=torch.tensor([[1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]]).bool()[:, None],
    scores=torch.tensor([0.5, 0.75, 0.25]).double(),
    classes=torch.tensor([3, 3, 4]),
    things={3, 4},
)
# 29 of 59 pixels are less than a half, 30 of 59 are more.
across, down = torch.arange(60), torch.arange(2)[:, None]
kata.also(
    "a pixel less than a half, and a pixel more",
    {"n": 4, "h": 2, "w": 60},
    sem=torch.zeros(2, 60, dtype=torch.int64),
    masks=torch.stack([(down == row) & span for row in (0, 1) for span in (across >= 29 + row, across < 59)]),
    scores=torch.tensor([0.75, 0.5, 0.75, 0.5]).double(),
    classes=torch.tensor([1, 1, 1, 1]),
    things={1},
    min_visible=0.5,
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3, regime="gone")
def test_ids(panoptic_merge, sem, masks, scores, classes, things):
    """The table counts 1, 2, 3, ... and lists exactly the ids that occur in the map, apart from void."""
    seg, table = panoptic_merge(sem, masks, scores, classes, things)
    ids = [int(row[0]) for row in table]
    assert ids == list(range(1, len(ids) + 1)), f"The ids are {ids}."
    assert sorted({*seg.flatten().tolist()} - {0}) == ids, "The ids of the map are not those of the table."


@kata.check(times=3)
def test_order_of_instances(panoptic_merge, sem, masks, scores, classes, things, source, n):
    """With different scores the order in which the instances come changes nothing."""
    seg, table = panoptic_merge(sem, masks, scores, classes, things)
    p = source.permutation(n)
    again = panoptic_merge(sem, masks[p], scores[p], classes[p], things)
    assert_close(again[0], seg, "Other order of the same instances, other map.")
    assert_close(again[1], table, "Other order of the same instances, other table.")
