"""What can happen while a kata is watched; everything reaches the loop as one of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.workspace.runner import Finding


@dataclass(frozen=True, slots=True)
class Key:
    """A key was pressed: a character, or a name such as ``up``, ``enter`` or ``esc``."""

    name: str


@dataclass(frozen=True, slots=True)
class Saved:
    """The learner's file has changed, or has come back."""

    path: Path


@dataclass(frozen=True, slots=True)
class Vanished:
    """The learner's file is not there any more."""

    path: Path


@dataclass(frozen=True, slots=True)
class Found:
    """A run has found something."""

    run: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Failed:
    """Something broke in a thread; the loop raises it where it can be told."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Happening = Key | Saved | Vanished | Found | Failed | Tick
Put = Callable[[Happening], object]
