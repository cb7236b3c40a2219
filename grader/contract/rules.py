"""What a kata's contract admits, beyond what the signature says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from grader.judge.compare import Tolerance
from grader.judge.problems import Oracle


@dataclass(frozen=True)
class Rules:
    """What a kata's contract admits, beyond what the signature says."""

    sizes: Mapping[str, Any] = field(default_factory=dict)
    """Per axis, the size or the sizes it may have; 2 to 7 where nothing is said."""
    empty: str = ""
    """Axes that may be 0, separated by spaces."""
    single: str = ""
    """Axes that may be 1, separated by spaces; ``*`` for all that have no size of their own."""
    forbid: Sequence[str] = ()
    """Plain names of torch functions the learner has to write by hand."""
    dtypes: tuple[torch.dtype, ...] = (torch.float64, torch.float32)
    """Input precisions; the first is the one most cases use."""
    tolerance: Tolerance = field(default_factory=Tolerance)
    same: Oracle | None = None
    """The kata's own comparison of results, tried when the plain one finds a difference."""
    layouts: bool = True
    """Whether inputs may come in any memory layout."""
    devices: bool = False
    """Whether the statement promises results on the device of the inputs."""
    changes: str = ""
    """The inputs that a call is asked to change, tensors or layers, separated by spaces: what they hold after
    it is compared as its result is."""
    gradients_of: str = ""
    """The float inputs whose gradients are graded, separated by spaces; all of them when empty."""
    costly: bool = False
    """Whether a call costs so much that one case of each kind has to do, gradients in one of them."""
    seconds: float = 20.0
    """Wall-clock limit on all that the learner's code does to be judged."""
    pictures: Mapping[str, str] = field(default_factory=dict)
    """For inputs (and ``result`` or ``result[1]``) that hold boxes: how, as ``xyxy``, ``cxcywh`` or ``xywh``,
    or the name of the argument that says it. A failure then comes with a drawing."""
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For a class that is no module: its methods in the order they are called."""
