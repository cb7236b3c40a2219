"""The reference of instance_segmentation/panoptic_merge against a version that thinks in sets of pixels."""

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
panoptic_merge = load(ROOT / "solutions/instance_segmentation/panoptic_merge.py").namespace["panoptic_merge"]


def merged(sem, masks, scores, classes, things, least):
    """Return the map as a dict of pixels and the table, by sets and exact fractions."""
    h, w = sem.shape
    everything = {(y, x) for y in range(h) for x in range(w)}
    own = [{p for p in everything if bool(mask[p])} for mask in masks]
    left = list(range(len(scores)))
    segments = []
    taken: set = set()
    while left:
        # The best of what is left; max gives the first of equals.
        best = max(left, key=lambda i: float(scores[i]))
        left.remove(best)
        visible = own[best] - taken
        if own[best] and Fraction(len(visible), len(own[best])) >= Fraction(least):
            segments.append((visible, int(classes[best])))
            taken |= visible
    stuff: dict[int, set] = {}
    for p in everything - taken:
        stuff.setdefault(int(sem[p]), set()).add(p)
    segments += [(stuff[c], c) for c in sorted(stuff) if c not in things]
    found = dict.fromkeys(everything, 0)
    for number, (pixels, _) in enumerate(segments, 1):
        found.update(dict.fromkeys(pixels, number))
    return found, [(number, label) for number, (_, label) in enumerate(segments, 1)]


@pytest.mark.parametrize("seed", range(150))
def test_sets_of_pixels(seed):
    g = torch.Generator().manual_seed(seed)

    def number(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=g))

    h, w, n = number(1, 8), number(1, 8), number(0, 7)
    things = set(torch.randperm(5, generator=g)[: number(1, 4)].tolist())
    sem = torch.randint(0, 5, (h, w), generator=g)
    masks = torch.zeros(n, h, w, dtype=torch.bool)
    for mask in masks:
        y, x = number(0, h), number(0, w)
        mask[y : y + number(0, 5), x : x + number(0, 5)] = True
    scores = torch.randint(0, 4, (n,), generator=g).double() / 4
    known = torch.tensor(sorted(things))
    classes = known[torch.randint(0, len(known), (n,), generator=g)]
    least = (0.25, 0.5, 0.75, 1.0)[number(0, 4)]
    seg, table = panoptic_merge(sem, masks, scores, classes, things, least)
    pixels, expected = merged(sem, masks, scores, classes, things, least)
    assert table == expected
    assert all(int(seg[p]) == number for p, number in pixels.items())
    assert seg.dtype == torch.int64


def test_example():
    sem = torch.tensor([[0, 0, 3, 3, 5, 5]])
    masks = torch.tensor([[[1, 1, 1, 0, 0, 0]], [[0, 1, 1, 1, 0, 0]]]).bool()
    scores, classes = torch.tensor([0.8, 0.9]), torch.tensor([3, 3])
    seg, table = panoptic_merge(sem, masks, scores, classes, {3})
    assert seg.tolist() == [[2, 1, 1, 1, 3, 3]]
    assert table == [(1, 3), (2, 0), (3, 5)]
    seg, table = panoptic_merge(sem, masks[:1], scores[:1], classes[:1], {3})
    assert seg.tolist() == [[1, 1, 1, 0, 2, 2]]
    assert table == [(1, 3), (2, 5)]


def test_nothing_is_void_without_things():
    sem = torch.tensor([[4, 0], [4, 2]])
    none = torch.zeros(0, 2, 2, dtype=torch.bool)
    seg, table = panoptic_merge(sem, none, torch.zeros(0), torch.zeros(0, dtype=torch.int64), set())
    assert seg.tolist() == [[3, 1], [3, 2]]
    assert table == [(1, 0), (2, 2), (3, 4)]
