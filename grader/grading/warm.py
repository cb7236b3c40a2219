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
    """The warm parent: one judge at a time."""

    def __init__(self) -> None:
        self._output = _aside()
        self._awake, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self._awake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _leave)
        self._judge = 0
        self._job = 0
        _imported(None)

    def serve(self) -> None:
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
                                self._take(json.loads(line))
                        else:
                            os.read(self._awake, 1 << 10)
                            self._reap()
            finally:
                self._stop()

    def _take(self, job: dict[str, Any]) -> None:
        """Begin a job, or only end the one that runs."""
        self._stop()
        if "tests" not in job:
            return
        self._job = job["job"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._be_judge(job)
        self._judge = pid

    def _be_judge(self, job: dict[str, Any]) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, _leave)
            os.setpgid(0, 0)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            code = _judge(job, _imported("fork"), self._output)
        except SystemExit:
            pass
        finally:
            os._exit(code)

    def _reap(self) -> None:
        if not self._judge:
            return
        done, status = os.waitpid(self._judge, os.WNOHANG)
        if done:
            self._ended(status)

    def _stop(self) -> None:
        """Ask the judge to end with all it started, then make it."""
        if not self._judge:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._judge, signal.SIGTERM)
        patience = time.monotonic() + _GRACE
        done, status = os.waitpid(self._judge, os.WNOHANG)
        while not done and time.monotonic() < patience:
            time.sleep(0.002)
            done, status = os.waitpid(self._judge, os.WNOHANG)
        if not done:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._judge, signal.SIGKILL)
            _, status = os.waitpid(self._judge, 0)
        self._ended(status)

    def _ended(self, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        self._judge = 0
        _say(self._output, {"event": "end-of-judge", "code": code, "job": self._job})


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
