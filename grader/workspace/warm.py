"""The warm parent as the faces see it: a process that has everything imported and grades within moments.

It is started ahead of need and again when the installed code has changed or when it has died. Where a process
cannot be forked safely, a spare with everything imported waits instead, and each run uses one up.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from grader.model import KataInfo
from grader.workspace import runner
from grader.workspace.places import Places
from grader.workspace.runner import End, Finding, Problem

_GRACE_SECONDS = 2.0
_PACKAGES = ("grader", "torch", "hypothesis", "jaxtyping", "safetensors", "numpy")


def forks() -> bool:
    """Whether judges are forked from one parent here."""
    return sys.platform.startswith("linux")


class Warm:
    """Grades katas in processes that are ready before they are needed."""

    def __init__(self, *, places: Places, environ: Mapping[str, str], fork: bool | None = None) -> None:
        self._places = places
        self._environ = environ
        self._forks = forks() if fork is None else fork
        self._count = 0
        self._lock = threading.Lock()
        self._parent: _Parent | None = self._new()
        self._used: list[_Parent] = []
        self._stamp = installed()

    def start(self, katas: Sequence[KataInfo], *, source: str) -> WarmSession:
        """Begin to grade; a run that is still on ends."""
        with self._lock:
            parent = self._ready()
            self._count += 1
            environ = runner.environment(self._environ, self._places, source)
            job = {
                "job": self._count,
                "tests": [str(kata.test) for kata in katas],
                "workspace": str(self._places.workspace),
                "environ": environ,
            }
            session = WarmSession(parent, self._count)
            parent.submit(job, session)
            if not self._forks:
                self._used.append(parent)
                self._parent = self._new()
            return session

    def close(self) -> None:
        """End every process."""
        with self._lock:
            for parent in [*self._used, *([self._parent] if self._parent else [])]:
                parent.close()
            self._used.clear()
            self._parent = None

    def _ready(self) -> _Parent:
        """Return a parent that lives and runs the code that is installed now."""
        for used in self._used:
            used.close()
        self._used.clear()
        stamp = installed()
        if self._parent is not None and (stamp != self._stamp or not self._parent.lives):
            self._parent.close()
            self._parent = None
        self._stamp = stamp
        if self._parent is None:
            self._parent = self._new()
        return self._parent

    def _new(self) -> _Parent:
        return _Parent(once=not self._forks, environ=self._environ)


class WarmSession:
    """One run: iterate ``findings``, or ``cancel`` from another thread."""

    def __init__(self, parent: _Parent, number: int) -> None:
        self._parent, self.number = parent, number
        self._events: queue.SimpleQueue[dict[str, object] | None] = queue.SimpleQueue()
        self._cancelled = False

    def findings(self) -> Iterator[Finding]:
        """Yield what is found, last an ``End`` or a ``Problem``."""
        while True:
            event = self._events.get()
            if self._cancelled:
                yield Problem("Grading was stopped.")
                return
            if event is None:
                yield Problem("Grading broke off: the process that grades has ended.", self._parent.tail())
                return
            if event["event"] == "broken":
                yield Problem(f"Grading broke off: {event['sentence']}", self._parent.tail())
                return
            if event["event"] == "end-of-judge":
                yield Problem(_ended(int(str(event["code"]))), self._parent.tail())
                return
            finding = runner.parse(json.dumps(event))
            if finding is not None:
                yield finding
            if isinstance(finding, End | Problem):
                return

    def cancel(self) -> None:
        """Stop the run; harmless when it is over."""
        self._cancelled = True
        self._parent.cancel(self.number)
        self._events.put(None)

    def take(self, event: dict[str, object] | None) -> None:
        """Take in an event of this run; None when no more can come."""
        self._events.put(event)


class _Parent:
    """One warm process and the thread that reads what it says."""

    def __init__(self, *, once: bool, environ: Mapping[str, str]) -> None:
        words = [sys.executable, "-m", "grader.grading.warm", *(["--once"] if once else [])]
        self._once = once
        self._session: WarmSession | None = None
        self._tail: list[str] = []
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            start_new_session=os.name == "posix",
        )
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._overhear, daemon=True).start()

    @property
    def lives(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def submit(self, job: Mapping[str, object], session: WarmSession) -> None:
        """Hand in a job; its events go to the session."""
        previous, self._session = self._session, session
        if previous is not None:
            previous.take({"event": "broken", "sentence": "another run began"})
        self._write(job)

    def cancel(self, number: int) -> None:
        """End a run, if it is the one that runs."""
        if self._session is None or self._session.number != number:
            return
        self._session = None
        if self._once:
            self.close()
        else:
            self._write({})

    def close(self) -> None:
        """End the process and all it started."""
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if self._once else _GRACE_SECONDS)
        runner.stop(self._process)

    def tail(self) -> str:
        """Return the last lines the process wrote beside its findings."""
        return "\n".join(self._tail[-20:])

    def _write(self, job: Mapping[str, object]) -> None:
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with suppress(ValueError):
                    event = json.loads(line)
                    session = self._session
                    if session is not None and event.get("job") == session.number:
                        session.take(event)
        if self._session is not None:
            self._session.take(None)

    def _overhear(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._tail = [*self._tail[-40:], line.decode("utf-8", "replace").rstrip()]


def installed() -> tuple[tuple[str, int], ...]:
    """Return what changes when the engine or a library it stands on does."""
    stamps = []
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in spec.submodule_search_locations or () if spec else ():
            stamps.append((folder, _newest(Path(folder), deep=package == "grader")))
    return tuple(stamps)


def _newest(folder: Path, *, deep: bool) -> int:
    """Return the latest change of a library's folder, or of any file of the engine."""
    try:
        newest = folder.stat().st_mtime_ns
        if deep:
            files = (
                Path(root) / name
                for root, _, names in os.walk(folder)
                for name in names
                if name.endswith(".py")
            )
            newest = max((file.stat().st_mtime_ns for file in files), default=newest)
    except OSError:
        return 0
    return newest


def _ended(code: int) -> str:
    if code < 0:
        return f"Grading broke off: signal {-code} ended the process that grades."
    return f"Grading broke off: the process that grades ended with code {code} and no result."
