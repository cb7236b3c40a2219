"""Notices when the learner saves: by the system's file events, and by looking where none arrive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from grader.watching.events import Put, Saved, Vanished

POLL_SECONDS = 0.5
_SETTLED_MS = 30
_STEP_MS = 5
_GAP_SECONDS = 0.1
"""How long an editor may have the file away, or half written."""

_Stamp = tuple[int, int]


class Saves:
    """Watches one file from a thread of its own, and tells each save once, whichever way it was heard."""

    def __init__(self, path: Path, put: Put, *, hears: bool = True, poll: float = POLL_SECONDS) -> None:
        self._path, self._put, self._hears, self._poll = path, put, hears, poll
        # Before the first run reads the file: what is saved from now on has not been graded.
        self._seen = _stamp(path)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="saves", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching; what was noticed before may still arrive."""
        self._over.set()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join(2.0)

    def _watch(self) -> None:
        if self._seen is None:
            self._put(Vanished(self._path))
        for is_heard in self._occasions():
            self._look(is_settled=is_heard)

    def _occasions(self) -> Iterator[bool]:
        """Yield whenever it is worth looking at the file, at least once in each period; true after events."""
        # Events may be out of reach: no folder, no watches left, an exotic file system. Then looking must do.
        with suppress(Exception):
            yield from self._heard()
        while not self._over.wait(self._poll):
            yield False

    def _heard(self) -> Iterator[bool]:
        """Yield after each burst of events in the folder, and once in each period without any."""
        if not self._hears:
            return
        from watchfiles import watch

        # The folder, not the file: many editors write a new file and rename it.
        changes = watch(
            self._path.parent,
            watch_filter=None,
            debounce=_SETTLED_MS,
            step=_STEP_MS,
            stop_event=self._over,
            rust_timeout=int(self._poll * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            force_polling=False,
            recursive=False,
        )
        for burst in changes:
            yield bool(burst)

    def _look(self, *, is_settled: bool) -> None:
        now = _stamp(self._path)
        if now != self._seen and (now is None or not is_settled):
            if self._over.wait(_GAP_SECONDS):
                return
            now = _stamp(self._path)
        if now != self._seen:
            self._seen = now
            self._put(Saved(self._path) if now else Vanished(self._path))


def _stamp(path: Path) -> _Stamp | None:
    """Return what changes when the learner saves; nothing while the file is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
