"""Workers for systems where a process cannot be forked safely: a fresh interpreter, one kept in reserve."""

from __future__ import annotations

import contextlib
import os
import queue
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from grader.worker.zygote import Died


class SpawnedWorker:
    """The judge's end of one worker that runs in an interpreter of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dojo-")
        self._output = Path(self._folder.name) / "output"
        self._stacks = Path(self._folder.name) / "stacks"
        self._output.touch()
        self._stacks.touch()
        self._told = 0
        environ = {
            **os.environ,
            "DOJO_WORKER_OUTPUT": str(self._output),
            "DOJO_WORKER_STACKS": str(self._stacks),
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
        answers: queue.Queue[tuple[bytes, ...] | None] = queue.Queue()
        threading.Thread(target=self._talk, args=(frame, answers), daemon=True).start()
        try:
            reply = answers.get(timeout=seconds)
        except queue.Empty:
            self.close()
            raise Died("timeout", f"ran out of time: no answer within {seconds:g} seconds") from None
        except BaseException:
            self.close()
            raise
        if reply is None:
            self._process.wait(timeout=5)
            raise Died("crashed", f"ended the process (exit code {self._process.returncode})")
        return reply

    def printed(self, limit: int = 20_000) -> str:
        """Return what the worker printed since it was last asked."""
        if not self._output.exists():
            return ""
        text = self._output.read_bytes()[self._told :]
        self._told += len(text)
        return text[:limit].decode("utf-8", "replace")

    def close(self) -> int:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._folder.cleanup()
        return self._process.returncode

    def _talk(self, frame: bytes, answers: queue.Queue[tuple[bytes, ...] | None]) -> None:
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(frame)
            self._process.stdin.flush()
            header = self._read(8)
            head, body = struct.unpack("!II", header)
            answers.put((header, self._read(head), self._read(body)))
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
        """Return a worker that has never run anything."""
        ready, self._spare = self._spare or SpawnedWorker(), SpawnedWorker()
        return ready

    def close(self) -> None:
        """End the spare."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None
