"""Workers for systems where a process cannot be forked safely: a fresh interpreter, one kept in reserve."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from grader.worker import resident
from grader.worker.child import READY
from grader.worker.plainly import MEMORY
from grader.worker.zygote import Died, how, sizes

_STARTING = 120.0
_GLANCE = 0.2
"""Seconds between two looks at a worker's memory."""


class SpawnedWorker:
    """The judge's end of one worker that runs in an interpreter of its own."""

    def __init__(self, *, watch: resident.Resident | None = None) -> None:
        self._watch = watch or (resident.by_ps if resident.needed() else None)
        self._folder = tempfile.TemporaryDirectory(prefix="dojo-", ignore_cleanup_errors=True)
        inside = Path(self._folder.name)
        self._output, self._stacks = inside / "output", inside / "stacks"
        self._output.touch()
        self._stacks.touch()
        (inside / "own").mkdir()
        self._told = 0
        self._rest = self._left = ""
        self._open = True
        environ = {
            **os.environ,
            "DOJO_WORKER_OUTPUT": str(self._output),
            "DOJO_WORKER_STACKS": str(self._stacks),
            "DOJO_WORKER_FOLDER": str(inside / "own"),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "grader.worker.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            start_new_session=os.name == "posix",
        )

    def exchange(self, frame: bytes, *, seconds: float) -> tuple[bytes, ...]:
        """Send a frame and return the reply's bytes, or raise ``Died``; ``seconds`` is a wall-clock limit."""
        if not self._open:
            raise Died("crashed", "the process that runs your file is gone")
        answers: queue.Queue[tuple[bytes, ...] | Died | None] = queue.Queue()
        threading.Thread(target=self._talk, args=(frame, answers), daemon=True).start()
        try:
            reply = self._awaited(answers, seconds)
        except queue.Empty:
            stack = self._stack()
            self.close()
            raise Died("timeout", f"ran out of time: no answer within {seconds:g} seconds", stack) from None
        except BaseException:
            self.close()
            raise
        if reply is None:
            raise self._ended()
        if isinstance(reply, Died):
            self.close()
            raise reply
        return reply

    def wait(self) -> None:
        """Wait until everything is imported: that is none of the learner's time."""
        answers: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._greet, args=(answers,), daemon=True).start()
        try:
            greeting = answers.get(timeout=_STARTING)
        except queue.Empty:
            greeting = None
        except BaseException:
            self.close()
            raise
        if greeting != READY:
            self.close()
            raise Died("crashed", "could not be run: the process for it did not start")

    def printed(self, limit: int = 20_000) -> str:
        """Return what the worker printed since it was last asked."""
        text, self._rest = self._rest, ""
        return text or (self._output_since(limit) if self._open else "")

    def close(self) -> int:
        """End the process and what it started; return its wait status in the form of ``os.wait``."""
        if not self._open:
            return 0
        self._open = False
        if os.name == "posix":
            # The group outlives its first process when that one left children behind.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        code = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._rest = self._output_since()
        self._left = self._dumped()
        self._folder.cleanup()
        return -code if code < 0 else code << 8

    def _awaited(self, answers: queue.Queue, seconds: float) -> tuple[bytes, ...] | Died | None:
        """Wait for the answer, looking at the worker's memory where nothing else limits that."""
        if self._watch is None:
            return answers.get(timeout=seconds)
        deadline = time.monotonic() + seconds
        while True:
            try:
                return answers.get(timeout=max(min(_GLANCE, deadline - time.monotonic()), 0))
            except queue.Empty:
                if self._watch(self._process.pid) > MEMORY:
                    return Died("crashed", f"was stopped: it held more than {MEMORY >> 30} GB of memory")
                if time.monotonic() >= deadline:
                    raise

    def _ended(self) -> Died:
        # One that closed its line and goes on is ended here; one that ended is given the time to be seen so.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        is_over = self._process.poll() is not None
        status = self.close()
        if os.name != "posix":
            return Died("crashed", f"ended the process (exit code {self._process.returncode})")
        if not is_over:
            return Died("crashed", "cut its process off from the grader")
        return Died("crashed", how(status), self._left)

    def _stack(self) -> str:
        """Ask a worker that does not answer where it is, where a signal can ask."""
        if not hasattr(signal, "SIGUSR1"):
            return ""
        with contextlib.suppress(OSError):
            self._process.send_signal(signal.SIGUSR1)
        patience = time.monotonic() + 1
        while not self._dumped() and time.monotonic() < patience:
            time.sleep(0.01)
        time.sleep(0.01)
        return self._dumped()

    def _dumped(self) -> str:
        with contextlib.suppress(OSError), self._stacks.open("rb") as stacks:
            return stacks.read(20_000).decode("utf-8", "replace")
        return ""

    def _output_since(self, limit: int = 20_000) -> str:
        with contextlib.suppress(OSError), self._output.open("rb") as output:
            size = output.seek(0, os.SEEK_END)
            output.seek(self._told)
            text = output.read(min(size - self._told, limit))
            cut = size - self._told > limit
            self._told = size
            return text.decode("utf-8", "replace") + ("\n... (output cut)\n" if cut else "")
        return ""

    def _greet(self, answers: queue.Queue[bytes | None]) -> None:
        try:
            answers.put(self._read(len(READY)))
        except (OSError, EOFError, ValueError):
            answers.put(None)

    def _talk(self, frame: bytes, answers: queue.Queue[tuple[bytes, ...] | Died | None]) -> None:
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(frame)
            self._process.stdin.flush()
            header = self._read(8)
            head, body = sizes(header)
            answers.put((header, self._read(head), self._read(body)))
        except Died as died:
            answers.put(died)
        except (OSError, EOFError, ValueError):
            answers.put(None)

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise EOFError
        return data


class Spawner:
    """Hands out workers and keeps one spare interpreter warming up."""

    def __init__(self) -> None:
        self._spare: SpawnedWorker | None = SpawnedWorker()

    def spawn(self) -> SpawnedWorker:
        """Return a worker that has never run anything and is ready to."""
        ready, self._spare = self._spare or SpawnedWorker(), SpawnedWorker()
        ready.wait()
        return ready

    def close(self) -> None:
        """End the spare."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None
