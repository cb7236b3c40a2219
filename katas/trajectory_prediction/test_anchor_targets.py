import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes


@regimes("tied", "detour", "crossing")
def anchors(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Nearly straight paths in all directions; in one regime each of them is there twice or more."""
    k, t, _ = wanted.shape
    if source.regime == "tied":
        # Equal point by point, on quarters of a metre: however distances are summed, they are the same.
        kinds = source.coarse((max(k // 2, 1), t, 2), -4, 4)
        return kinds[source.integers((k,), 0, len(kinds) - 1)]
    time = torch.arange(1, t + 1).double()[:, None]
    return source.normal((k, 1, 2), 1.5) * time + source.normal(wanted.shape, 0.5)


def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Paths near an anchor; in special regimes with a jump in one point, or between two anchors."""
    n, t, _ = wanted.shape
    paths = drawn["anchors"]
    first, other = (paths[source.integers((n,), 0, len(paths) - 1)] for _ in range(2))
    if source.regime == "tied":
        return first + source.coarse(wanted.shape, -0.5, 0.5)
    found = first + source.normal(wanted.shape, 0.75)
    if source.regime == "detour":
        jump = source.normal((n, 1, 2), 12.0)
        return found + jump * (source.integers((n, 1), 0, t - 1) == torch.arange(t))[..., None]
    if source.regime == "crossing":
        early = source.integers((n, 1, 1), 1, t) > torch.arange(t)[:, None]
        return torch.where(early, found, other + source.normal((n, 1, 2), 0.5))
    return found


kata = Kata(
    __file__,
    anchors=anchors,
    gt=gt,
    rules=Rules(sizes={"n": (6, 7, 8), "k": (4, 5, 9), "t": (3, 5)}, empty="n", single="n k t"),
)
kata.also(
    "two paths to one end",
    anchors=torch.tensor([[[1, 0], [2, 0], [3, 0]], [[1, 3], [2, 3], [3, 3]]]).double(),
    gt=torch.tensor([[[1, 0], [2, 0], [3, 3]]]).double(),
)
# A zigzag around the anchor on which its points lie on average.
kata.also(
    "left and right",
    anchors=torch.tensor([[[1, 0], [2, 0]], [[1, 3], [2, -1]]]).double(),
    gt=torch.tensor([[[1, 2], [2, -2]]]).double(),
)
kata.also(
    "a close race",
    {"n": 2, "t": 3},
    anchors=torch.tensor([0.5, 0.5 - 2**-12, 0.5 - 2**-11, 0.5 - 2**-12])
    .double()[:, None, None]
    .repeat(1, 3, 2),
    gt=torch.zeros(2, 3, 2).double(),
)
kata.also(
    "once exact and once off, or half off twice",
    {"n": 1, "k": 2, "t": 2},
    anchors=torch.tensor([[[0.5 + 2**-10, 0], [0, 0.5 + 2**-10]], [[0, 0], [1, 0]]]).double(),
    gt=torch.zeros(1, 2, 2).double(),
)
kata.also("forty anchors, all alike", {"n": 3, "t": 2}, anchors=torch.ones(40, 2, 2).double())

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3)
def test_sum(anchor_targets, anchors, gt):
    """The chosen anchor plus the offset is the trajectory again."""
    idx, offset = anchor_targets(anchors, gt)
    assert_close(anchors[idx] + offset, gt, "The anchor and its offset do not add up to the trajectory.")


@kata.check(times=2)
def test_anchors_themselves(anchor_targets, anchors):
    """A trajectory that is an anchor has that one as its class, and no offset."""
    idx, offset = anchor_targets(anchors, anchors.flip(0))
    assert_close(idx, torch.arange(len(anchors)).flip(0), "An anchor is not the nearest to itself.")
    assert not offset.any(), "An anchor has an offset from itself."
