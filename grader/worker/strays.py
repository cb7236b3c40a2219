"""Finds and ends what a learner's file left running, however it was started.

The process that forks workers adopts every orphan below it (a Linux process can ask for that), so a daemon
made with a double fork and a session of its own comes back to it and is killed here at the end of the run.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Collection
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE = 5.0


def adopt_orphans() -> bool:
    """Become the parent of every orphaned descendant; False where the system cannot do that."""
    try:
        return ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    except (OSError, AttributeError):
        return False


def end_all(*, spare: Collection[int] = ()) -> dict[int, int]:
    """Kill and reap every descendant but the spared children and theirs; return how spared ones ended.

    All are stopped before any is killed: whatever forks without end would otherwise outrun the killing.
    """
    ended: dict[int, int] = {}
    stopped: set[int] = set()
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if not _reap(spare, ended):
            break
        found = descendants(os.getpid(), spare=spare)
        if not found:
            break
        fresh = found - stopped
        for pid in fresh or found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGSTOP if fresh else signal.SIGKILL)
        stopped = stopped | fresh if fresh else set()
    return ended


def descendants(root: int, *, spare: Collection[int] = ()) -> set[int]:
    """Return the processes below one, leaving out the spared ones with all below them; none without /proc."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in parentheses may hold anything, spaces and parentheses included.
            parent = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
            below.setdefault(parent, []).append(int(entry.parent.name))
    found: set[int] = set()
    queue = [root]
    while queue:
        fresh = [pid for pid in below.get(queue.pop(), ()) if pid not in spare and pid not in found]
        found.update(fresh)
        queue += fresh
    return found


def _reap(spare: Collection[int], ended: dict[int, int]) -> bool:
    """Wait for children that have ended; whether there may be others that have not."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if not pid:
            return True
        if pid in spare:
            ended[pid] = status
