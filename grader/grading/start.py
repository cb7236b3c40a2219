"""Gets a grading process ready: torch imported once, and what starts workers, before any kata is read."""

from __future__ import annotations

import gc
import sys
from typing import Any


def starter(worker: str) -> Any:
    """Import torch, once and with one thread, and return what starts workers: by fork where that is safe."""
    _torch()
    start = _spawner() if worker == "spawn" or (worker == "auto" and not _forks()) else _zygote()
    # The judge's own parts come after the fork: the worker's side has no use for them.
    import grader.contract.kata  # noqa: F401

    gc.freeze()
    gc.enable()
    return start


def ready() -> None:
    """Import torch and the judge's parts without starting anything; what is forked later has them."""
    _torch()
    import grader.contract.kata
    import grader.worker.zygote  # noqa: F401

    gc.freeze()
    gc.enable()


def _torch() -> None:
    # A million objects are about to be made that stay: collecting among them costs a tenth of a second.
    gc.disable()
    import torch

    torch.set_num_threads(1)
    import jaxtyping  # noqa: F401  (stubs import it; a worker that is forked has it already)

    gc.freeze()


def _forks() -> bool:
    """Whether a process with torch in it can be forked safely: not on macOS, and not at all on Windows."""
    return sys.platform.startswith("linux")


def _zygote() -> Any:
    from grader.worker.zygote import Zygote

    return Zygote()


def _spawner() -> Any:
    from grader.worker.spawned import Spawner

    return Spawner()
