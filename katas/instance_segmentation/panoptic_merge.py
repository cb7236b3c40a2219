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

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


def panoptic_merge(
    sem: Int64[Tensor, "h w"],
    masks: Bool[Tensor, "n h w"],
    scores: Float[Tensor, " n"],
    classes: Int64[Tensor, " n"],
    things: set[int],
    min_visible: float = 0.5,
) -> tuple[Int64[Tensor, "h w"], list[tuple[int, int]]]:
    """Return the id of each pixel and the list of (id, class)."""
    raise NotImplementedError
