"""Merge instances and stuff into one panoptic map.

A panoptic map gives every pixel one segment. Countable classes (things: car, person) come as instance
masks, which may overlap; everything else (stuff: road, sky) comes from a semantic map.

* sem [H, W] holds the class of each pixel, from 0; masks [N, H, W] the instances; scores [N] and
  classes [N] belong to them. things is the set of thing classes, Python ints. Every instance has a
  thing class. All other classes are stuff; class 0 is a class like any other.
* First the instances, from the highest score to the lowest; of equal scores the lower index comes
  first. The visible part of an instance is every pixel of its mask that no instance before it has
  taken. If visible / area, with the area of its whole mask, is less than min_visible, the instance is
  dropped: it takes nothing and gets no id. Else it takes its visible pixels. An instance with an empty
  mask is dropped too. min_visible is above 0 and at most 1. What sem says does not matter here.
* Then the stuff classes that occur in sem, in ascending order: a class takes all pixels of sem that
  bear it and are still free, as one segment. If there are none, it gets no id.
* Pixels that are left are void, 0: there sem tells a thing class and no instance is found.
* Ids are 1, 2, 3, ... without gaps, in the order in which segments are made.

Return (seg, table): seg [H, W] int64 with the id of each pixel, and table, the list of (id, class) of
all segments in the order of their ids, in Python ints. N may be 0, things may be empty. The inputs
stay as they are. All tensors are on the CPU.

Example: one row, sem = (0, 0, 3, 3, 5, 5), things = {3}, min_visible = 0.5. Mask A (1, 1, 1, 0, 0, 0)
has score 0.8 and mask B (0, 1, 1, 1, 0, 0) score 0.9, both of class 3. B takes its three pixels. A
still sees 1 of its 3, less than a half: dropped. Stuff: class 0 takes the first pixel, class 5 the
last two. So seg = (2, 1, 1, 1, 3, 3) and table = [(1, 3), (2, 0), (3, 5)]. Without B, A would take
three pixels, and the fourth would be void.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 35
HINTS = (
    "The map itself remembers what is taken: a pixel is free as long as its id is 0. The next id is one more "
    "than the table is long.",
    "Two loops after each other: instances in a stable order of falling score, then the classes of sem in "
    "ascending order. Both ask the same question: which of my pixels are free?",
    "For an instance compare the number of its free pixels with the number of all its pixels, and mind masks "
    "that are empty. For stuff skip thing classes (a tensor is never an element of a set of ints: convert it "
    "first) and classes without a free pixel.",
)


def panoptic_merge(
    sem: Int64[Tensor, "h w"],
    masks: Bool[Tensor, "n h w"],
    scores: Float[Tensor, " n"],
    classes: Int64[Tensor, " n"],
    things: set[int],
    min_visible: float = 0.5,
) -> tuple[Int64[Tensor, "h w"], list[tuple[int, int]]]:
    """Return the id of each pixel and the list of (id, class)."""
    seg = torch.zeros_like(sem)
    table: list[tuple[int, int]] = []

    def add(pixels: Tensor, label: int) -> None:
        table.append((len(table) + 1, label))
        seg[pixels] = len(table)

    for i in scores.argsort(descending=True, stable=True).tolist():
        visible = masks[i] & (seg == 0)
        if visible.any() and visible.sum() / masks[i].sum() >= min_visible:
            add(visible, int(classes[i]))
    for label in sem.unique().tolist():  # ascending
        free = (sem == label) & (seg == 0)
        if label not in things and free.any():
            add(free, label)
    return seg, table


def _falling(scores):
    return scores.argsort(descending=True, stable=True).tolist()


def _merge(sem, masks, scores, classes, things, min_visible, *, order=None, stuff=None, keep=None):
    """The whole algorithm; the options are where versions go wrong."""
    seg, table = torch.zeros_like(sem), []
    keep = keep or (lambda visible, area, i: area > 0 and visible / area >= min_visible)
    for i in _falling(scores) if order is None else order:
        visible = masks[i] & (seg == 0)
        if keep(int(visible.sum()), int(masks[i].sum()), i):
            table.append((len(table) + 1, int(classes[i])))
            seg[visible] = len(table)
    labels = [c for c in sem.unique().tolist() if c not in things]
    for label in labels if stuff is None else stuff(labels):
        free = (sem == label) & (seg == 0)
        if free.any():
            table.append((len(table) + 1, label))
            seg[free] = len(table)
    return seg, table


@right("in plain Python, pixel by pixel")
def plain(sem, masks, scores, classes, things, min_visible=0.5):
    h, w = sem.shape
    labels, found = sem.tolist(), [[0] * w for _ in range(h)]
    table, pixels = [], [(y, x) for y in range(h) for x in range(w)]
    for i in sorted(range(len(scores)), key=lambda i: (-float(scores[i]), i)):
        own = [(y, x) for y, x in pixels if masks[i, y, x]]
        seen = [(y, x) for y, x in own if found[y][x] == 0]
        if not own or len(seen) < min_visible * len(own):
            continue
        table.append([len(table) + 1, classes[i].item()])
        for y, x in seen:
            found[y][x] = len(table)
    stuff = {labels[y][x] for y, x in pixels if found[y][x] == 0} - set(things)
    for label in sorted(stuff):
        table.append([len(table) + 1, label])
        for y, x in pixels:
            if found[y][x] == 0 and labels[y][x] == label:
                found[y][x] = len(table)
    return torch.tensor(found, dtype=torch.long).reshape(h, w), table


@right("with a mask of what is free, and a counter")
def with_free(sem, masks, scores, classes, things, min_visible=0.5):
    free = torch.ones(sem.shape, dtype=torch.bool)
    seg = torch.zeros(sem.shape, dtype=torch.int64)
    table, next_id = [], 1
    order = torch.sort(scores, descending=True, stable=True).indices
    for mask, label in zip(masks[order], classes[order]):
        area, visible = mask.sum().item(), (mask & free).sum().item()
        if area == 0 or visible / area < min_visible:
            continue
        seg = torch.where(mask & free, next_id, seg)
        free = free & ~mask
        table.append((next_id, label))
        next_id += 1
    for label in torch.unique(sem[free]):
        if int(label) in things:
            continue
        seg[free & (sem == label)] = next_id
        table.append((next_id, label.item()))
        next_id += 1
    return seg, table


@right("in numpy")
def in_numpy(sem, masks, scores, classes, things, min_visible=0.5):
    s, m, c = sem.numpy(), masks.numpy(), classes.numpy()
    seg = np.zeros(s.shape, dtype=np.int64)
    table = []
    for i in np.argsort(-scores.numpy(), kind="stable"):
        visible = np.logical_and(m[i], seg == 0)
        if m[i].sum() == 0 or visible.sum() / m[i].sum() < min_visible:
            continue
        table.append((len(table) + 1, int(c[i])))
        seg[visible] = len(table)
    for label in np.unique(s):
        rest = (s == label) & (seg == 0)
        if int(label) not in things and rest.any():
            table.append((len(table) + 1, int(label)))
            seg[rest] = len(table)
    return torch.from_numpy(seg), table


@wrong("takes the instances in the order in which they come, not by score")
def as_they_come(sem, masks, scores, classes, things, min_visible=0.5):
    return _merge(sem, masks, scores, classes, things, min_visible, order=range(len(scores)))


@wrong("starts with the lowest score")
def worst_first(sem, masks, scores, classes, things, min_visible=0.5):
    order = scores.argsort(stable=True).tolist()
    return _merge(sem, masks, scores, classes, things, min_visible, order=order)


@wrong("sorts upwards and then flips, so that of equal scores the higher index comes first")
def last_of_ties(sem, masks, scores, classes, things, min_visible=0.5):
    order = scores.argsort(stable=True).flip(0).tolist()
    return _merge(sem, masks, scores, classes, things, min_visible, order=order)


@wrong("takes the order from topk, which mixes up instances of equal score")
def from_topk(sem, masks, scores, classes, things, min_visible=0.5):
    order = scores.topk(len(scores)).indices.tolist()
    return _merge(sem, masks, scores, classes, things, min_visible, order=order)


@wrong("lets an instance take its whole mask, over the pixels of better ones")
def overwriting(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = torch.zeros_like(sem), []
    for i in _falling(scores):
        visible = masks[i] & (seg == 0)
        if visible.any() and visible.sum() / masks[i].sum() >= min_visible:
            table.append((len(table) + 1, int(classes[i])))
            seg[masks[i]] = len(table)
    for label in sem.unique().tolist():
        free = (sem == label) & (seg == 0)
        if label not in things and free.any():
            table.append((len(table) + 1, label))
            seg[free] = len(table)
    return seg, table


@wrong("lets an instance that is dropped keep its pixels, so that nobody else gets them")
def blocked(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = torch.zeros_like(sem), []
    free = torch.ones_like(sem, dtype=torch.bool)
    for i in _falling(scores):
        visible = masks[i] & free
        free &= ~masks[i]
        if visible.any() and visible.sum() / masks[i].sum() >= min_visible:
            table.append((len(table) + 1, int(classes[i])))
            seg[visible] = len(table)
    for label in sem.unique().tolist():
        rest = (sem == label) & free
        if label not in things and rest.any():
            table.append((len(table) + 1, label))
            seg[rest] = len(table)
    return seg, table


@wrong("counts the pixels of dropped instances as hidden for the ones after them, though stuff may have them")
def hidden_by_dropped(sem, masks, scores, classes, things, min_visible=0.5):
    seen = torch.zeros_like(sem, dtype=torch.bool)
    kept = []
    for i in _falling(scores):
        visible = masks[i] & ~seen
        if visible.any() and visible.sum() / masks[i].sum() >= min_visible:
            kept.append(i)
        seen |= masks[i]
    return _merge(sem, masks, scores, classes, things, min_visible, order=kept)


@wrong("drops an instance whose visible share is exactly min_visible")
def dropped_at_limit(sem, masks, scores, classes, things, min_visible=0.5):
    keep = lambda visible, area, i: area > 0 and visible / area > min_visible  # noqa: E731
    return _merge(sem, masks, scores, classes, things, min_visible, keep=keep)


@wrong("divides the visible pixels by the size of the image instead of the instance's area")
def share_of_image(sem, masks, scores, classes, things, min_visible=0.5):
    keep = lambda visible, area, i: visible / sem.numel() >= min_visible  # noqa: E731
    return _merge(sem, masks, scores, classes, things, min_visible, keep=keep)


@wrong("keeps every instance of which anything is visible, whatever min_visible says")
def keeps_all(sem, masks, scores, classes, things, min_visible=0.5):
    keep = lambda visible, area, i: visible > 0  # noqa: E731
    return _merge(sem, masks, scores, classes, things, min_visible, keep=keep)


@wrong("always asks for a half, whatever min_visible says")
def always_half(sem, masks, scores, classes, things, min_visible=0.5):
    return _merge(sem, masks, scores, classes, things, 0.5)


@wrong("gives an id to an instance with an empty mask, because 0 / 0 is not less than anything")
def empty_kept(sem, masks, scores, classes, things, min_visible=0.5):
    keep = lambda visible, area, i: area == 0 or visible / area >= min_visible  # noqa: E731
    return _merge(sem, masks, scores, classes, things, min_visible, keep=keep)


@wrong("stops at the first instance that is dropped")
def stops_early(sem, masks, scores, classes, things, min_visible=0.5):
    going = [True]

    def keep(visible, area, i):
        going[0] = going[0] and area > 0 and visible / area >= min_visible
        return going[0]

    return _merge(sem, masks, scores, classes, things, min_visible, keep=keep)


@wrong("gives leftover pixels of a thing class to an instance of that class")
def leftovers_given(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    for number, label in table:
        seg[(seg == 0) & (sem == label)] = number
    return seg, table


@wrong("takes the classes that have an instance for the things, and all others for stuff")
def things_from_instances(sem, masks, scores, classes, things, min_visible=0.5):
    return _merge(sem, masks, scores, classes, set(classes.tolist()), min_visible)


@wrong("divides by zero for an instance with an empty mask")
def division_by_zero(sem, masks, scores, classes, things, min_visible=0.5):
    keep = lambda visible, area, i: visible / area >= min_visible  # noqa: E731
    return _merge(sem, masks, scores, classes, things, min_visible, keep=keep)


@wrong("lets an instance take only pixels to which sem gives the same class")
def agreeing(sem, masks, scores, classes, things, min_visible=0.5):
    masks = masks & (sem == classes[:, None, None])
    return _merge(sem, masks, scores, classes, things, min_visible)


@wrong("makes a segment of a thing class's leftover pixels, as tensors are never elements of a set of ints")
def things_as_stuff(sem, masks, scores, classes, things, min_visible=0.5):
    return _merge(sem, masks, scores, classes, set(), min_visible)


@wrong("takes class 0 for background and leaves its pixels void")
def without_class_zero(sem, masks, scores, classes, things, min_visible=0.5):
    return _merge(sem, masks, scores, classes, {0, *things}, min_visible)


@wrong("gives an id to stuff classes of which no pixel is free")
def stuff_without_pixels(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    count = sum(label in things for _, label in table)
    seg, table = torch.where(seg > count, 0, seg), table[:count]
    for label in sem.unique().tolist():
        if label not in things:
            table.append((len(table) + 1, label))
            seg[(sem == label) & (seg == 0)] = len(table)
    return seg, table


@wrong("lets stuff overwrite the instances")
def stuff_on_top(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    for number, label in table:
        if label not in things:
            seg[sem == label] = number
    return seg, table


@wrong("numbers the stuff before the instances")
def stuff_first(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    order = sorted(table, key=lambda row: row[1] in things)
    new = torch.zeros_like(seg)
    for number, (old, _) in enumerate(order, 1):
        new[seg == old] = number
    return new, [(number, label) for number, (_, label) in enumerate(order, 1)]


@wrong("numbers stuff in the order in which it appears in the image")
def by_appearance(sem, masks, scores, classes, things, min_visible=0.5):
    first = list(dict.fromkeys(sem.flatten().tolist()))
    sort = lambda labels: sorted(labels, key=first.index)  # noqa: E731
    return _merge(sem, masks, scores, classes, things, min_visible, stuff=sort)


@wrong("numbers stuff in descending order of class")
def descending(sem, masks, scores, classes, things, min_visible=0.5):
    return _merge(sem, masks, scores, classes, things, min_visible, stuff=lambda labels: labels[::-1])


@wrong("uses the instance's index plus one as its id, which leaves gaps")
def with_gaps(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = torch.zeros_like(sem), []
    for i in _falling(scores):
        visible = masks[i] & (seg == 0)
        if visible.any() and visible.sum() / masks[i].sum() >= min_visible:
            table.append((i + 1, int(classes[i])))
            seg[visible] = i + 1
    for number, label in enumerate((c for c in sem.unique().tolist() if c not in things), len(scores) + 1):
        free = (sem == label) & (seg == 0)
        if free.any():
            table.append((number, label))
            seg[free] = number
    return seg, table


@wrong("starts its ids at 0, where void is")
def from_zero(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    return (seg - 1).clamp(min=0), [(number - 1, label) for number, label in table]


@wrong("marks void pixels with 255")
def void_255(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    return torch.where(seg == 0, 255, seg), table


@wrong("gives all instances of a class one id")
def one_per_class(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    labels = list(dict.fromkeys(label for _, label in table))
    new = torch.zeros_like(seg)
    for number, label in table:
        new[seg == number] = labels.index(label) + 1
    return new, list(enumerate(labels, 1))


@wrong("writes classes into seg instead of ids")
def classes_in_seg(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    return torch.tensor([0, *(label for _, label in table)])[seg], table


@wrong("lists (class, id) in the table")
def table_turned(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    return seg, [(label, number) for number, label in table]


@wrong("returns the table as a dict")
def table_as_dict(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    return seg, dict(table)


@wrong("returns seg in int32")
def short_ints(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    return seg.int(), table


@wrong("takes hidden pixels out of the caller's masks")
def in_place(sem, masks, scores, classes, things, min_visible=0.5):
    result = _merge(sem, masks, scores, classes, things, min_visible)
    masks &= result[0] > 0
    return result


@wrong("writes the ids into the caller's semantic map")
def into_sem(sem, masks, scores, classes, things, min_visible=0.5):
    seg, table = _merge(sem, masks, scores, classes, things, min_visible)
    return sem.copy_(seg), table
