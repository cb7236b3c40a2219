"""A process that has everything imported, and grades on request: a judge forked for each, or itself once.

It reads jobs from standard input, one JSON line each, and writes what is found to standard output, one
JSON line each, tagged with the job's number. No tensor operation runs in it, so that its forks are safe;
each judge reads the learner's file, the reference and the tests anew. A new job ends the one that runs.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NoReturn, TextIO

_GRACE = 1.0
"""Seconds a judge has to end itself and what it started."""


def main() -> None:
    """Serve jobs until standard input closes; ``--once`` runs one in this process, for lack of fork."""
    if "--once" in sys.argv:
        _serve_one()
    else:
        _Parent().serve()


def _serve_one() -> None:
    output = _aside()
    starter = _imported("spawn")
    if line := sys.stdin.readline():
        job = json.loads(line)
        _say(output, {"event": "end-of-judge", "code": _judge(job, starter, output), "job": job["job"]})


class _Parent:
    """The warm parent: one judge at a time, and a spare one that waits for its job with a worker ready."""

    def __init__(self) -> None:
        self._output = _aside()
        self._awake, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self._awake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _leave)
        self._running: _Child | None = None
        self._job = 0
        _imported(None)
        self._spare: _Child | None = self._fork()

    def serve(self) -> None:
        """Take jobs as they come, until nobody can send any."""
        _say(self._output, {"event": "warm", "pid": os.getpid()})
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(self._awake, selectors.EVENT_READ)
            try:
                while True:
                    for key, _ in selector.select():
                        if key.fd == 0:
                            part = os.read(0, 1 << 16)
                            if not part:
                                return
                            *lines, rest = (rest + part).split(b"\n")
                            for line in lines:
                                self._take(line)
                        else:
                            os.read(self._awake, 1 << 10)
                            self._reap()
            finally:
                self._stop()
                if self._spare is not None:
                    self._spare.end()

    def _take(self, line: bytes) -> None:
        """Begin a job, or only end the one that runs."""
        self._stop()
        job = json.loads(line)
        if "tests" not in job:
            return
        self._job = job["job"]
        self._running, self._spare = self._spare or self._fork(), None
        if not self._running.send(line):
            # The spare has died in the meantime: a new one takes its place.
            self._running.end()
            self._running = self._fork()
            self._running.send(line)

    def _fork(self) -> _Child:
        ours, theirs = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os.close(theirs)
            self._be_judge(ours)
        os.close(ours)
        return _Child(pid, theirs)

    def _be_judge(self, source: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setpgid(0, 0)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            starter = _Ready(_imported("fork"))
            with os.fdopen(source, encoding="utf-8") as jobs:
                line = jobs.readline()
            if line:
                code = _judge(json.loads(line), starter, self._output)
            starter.close()
        except SystemExit:
            pass
        finally:
            os._exit(code)

    def _reap(self) -> None:
        """Notice which child has ended; a new spare is made once nothing runs."""
        if self._running is not None and (status := self._running.ended()) is not None:
            self._over(status)
        if self._spare is not None and self._spare.ended() is not None:
            self._spare = None
        if self._running is None and self._spare is None:
            self._spare = self._fork()

    def _stop(self) -> None:
        """End the judge that runs, with all it started."""
        if self._running is not None:
            self._over(self._running.end())

    def _over(self, status: int) -> None:
        self._running = None
        code = os.waitstatus_to_exitcode(status)
        _say(self._output, {"event": "end-of-judge", "code": code, "job": self._job})


class _Child:
    """A forked judge: it reads one job from its pipe and ends."""

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid, self._pipe = pid, pipe

    def send(self, line: bytes) -> bool:
        """Hand over the job; false when nobody is there to take it."""
        try:
            view = memoryview(line + b"\n")
            while view:
                view = view[os.write(self._pipe, view) :]
        except OSError:
            return False
        return True

    def ended(self) -> int | None:
        """Return the wait status if the process has ended."""
        done, status = os.waitpid(self._pid, os.WNOHANG)
        if done:
            os.close(self._pipe)
        return status if done else None

    def end(self) -> int:
        """Ask the process to end with all it started, then make it; return its wait status."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        patience = time.monotonic() + _GRACE
        while (status := self.ended()) is None and time.monotonic() < patience:
            time.sleep(0.002)
        if status is not None:
            return status
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.close(self._pipe)
        return os.waitpid(self._pid, 0)[1]


class _Ready:
    """Starts workers, the first of them ahead of need."""

    def __init__(self, starter: Any) -> None:
        self._starter = starter
        self._first = starter.spawn()

    def spawn(self) -> Any:
        """Return a worker that has never run anything."""
        first, self._first = self._first, None
        return first or self._starter.spawn()

    def close(self) -> None:
        """End every worker."""
        self._starter.close()


def _judge(job: dict[str, Any], starter: Any, output: TextIO) -> int:
    """Grade the katas of one job in this process."""
    from grader.grading.direct import grade
    from grader.grading.session import Grading

    os.environ.clear()
    os.environ.update(job["environ"])
    workspace = Path(job["workspace"])
    os.chdir(workspace)
    grading = Grading(starter=starter, debug=False, events=_Tagged(output, job["job"]), workspace=workspace)
    try:
        return grade([Path(test) for test in job["tests"]], grading, workspace)
    except Exception as error:
        _say(output, {"event": "broken", "job": job["job"], "sentence": f"{type(error).__name__}: {error}"})
        return 2
    finally:
        grading.close()


class _Tagged:
    """A sink for events that says which job they belong to."""

    def __init__(self, output: TextIO, job: int) -> None:
        self._output, self._job = output, job

    def write(self, line: str) -> None:
        _say(self._output, {**json.loads(line), "job": self._job})

    def flush(self) -> None:
        self._output.flush()

    def close(self) -> None:
        """The stream outlives the job."""


def _imported(worker: str | None) -> Any:
    """Import all that grading needs and return what starts workers; None imports only."""
    from grader.grading import start

    starter = None
    if worker is None:
        start.ready()
    else:
        starter = start.starter(worker)
    # Only once something has failed would these be needed; here they cost nobody any time.

    import grader.feedback.explain
    import grader.feedback.story
    import grader.grading.direct  # noqa: F401

    gc.freeze()
    return starter


def _aside() -> TextIO:
    """Keep standard output for events alone: whatever else is printed goes where it disturbs nobody."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return events


def _say(output: TextIO, event: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        output.write(json.dumps(event) + "\n")
        output.flush()


def _leave(*_: object) -> NoReturn:
    raise SystemExit(1)


if __name__ == "__main__":
    main()
