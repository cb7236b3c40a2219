"""A process that has imported torch and nothing else worth knowing, and forks a worker in milliseconds.

The judge forks the zygote before any tensor operation (a fork after OpenMP has run can hang its child for
ever) and before any reference is read (what the parent has read, the child can find). The zygote forks
one worker per kata run and never reuses it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import tempfile
import time
import warnings
from typing import IO, TYPE_CHECKING

from grader.worker import child, forker
from grader.worker.forker import NUMBER
from grader.worker.wire import MAX_BODY, MAX_HEAD

if TYPE_CHECKING:
    from grader.worker.spawned import SpawnedWorker, Spawner

_PATIENCE = 15.0
"""Seconds after which the zygote, which has nothing to do but answer, is taken to be lost."""


class Died(Exception):
    """The worker is gone: out of time, crashed, or it ended itself."""

    def __init__(self, kind: str, detail: str, stack: str = "") -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.stack = stack


class Worker:
    """The judge's end of one worker process."""

    def __init__(
        self, zygote: Zygote, connection: socket.socket, pid: int, files: tuple[IO[bytes], IO[bytes]]
    ) -> None:
        self._zygote = zygote
        self._connection = connection
        self._pid = pid
        self._output, self._stacks = files
        self._told = 0
        self._rest = self._left = ""
        self._open = True
        self._orphaned: Died | None = None

    def exchange(self, frame: bytes, *, seconds: float) -> tuple[bytes, ...]:
        """Send a frame and return the reply's bytes, or raise ``Died``; ``seconds`` is a wall-clock limit."""
        if not self._open:
            raise Died("crashed", "the process that runs your file is gone")
        deadline = time.monotonic() + seconds
        try:
            self._send(frame, deadline)
            header = self._receive(8, deadline)
            head, body = sizes(header)
            return header, self._receive(head, deadline), self._receive(body, deadline)
        except TimeoutError:
            raise self._out_of_time(seconds) from None
        except (EOFError, ConnectionError, BrokenPipeError):
            raise self._ended() from None
        except BaseException:
            # Also for Ctrl-C: the question was not answered, so the next one would get the wrong answer.
            self.close()
            raise

    def printed(self, limit: int = 20_000) -> str:
        """Return what the worker printed since it was last asked."""
        text, self._rest = self._rest, ""
        return text or (self._output_since(limit) if self._open else "")

    def close(self, *, ending: bool = False) -> int:
        """End the process and everything it started; return its wait status.

        One that is ``ending`` has a moment to do so by itself, so that it is known how.
        """
        if not self._open:
            return 0
        self._open = False
        self._connection.close()
        status = 0
        try:
            status = self._zygote.end(self._pid, ending=ending)
        except Died as died:
            self._orphaned = died
        self._rest = self._output_since()
        self._left = self._dumped()
        self._output.close()
        self._stacks.close()
        return status

    def _output_since(self, limit: int = 20_000) -> str:
        size = os.fstat(self._output.fileno()).st_size
        text = os.pread(self._output.fileno(), min(size - self._told, limit), self._told)
        cut = size - self._told > limit
        self._told = size
        return text.decode("utf-8", "replace") + ("\n... (output cut)\n" if cut else "")

    def _send(self, frame: bytes, deadline: float) -> None:
        view = memoryview(frame)
        while view:
            self._wait(deadline)
            view = view[self._connection.send(view[: 1 << 20]) :]

    def _receive(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._wait(deadline)
            part = self._connection.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _wait(self, deadline: float) -> None:
        """Let the next operation wait until the deadline at the most."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)

    def _out_of_time(self, seconds: float) -> Died:
        stack = self._stack()
        self.close()
        return Died("timeout", f"ran out of time: no answer within {seconds:g} seconds", stack)

    def _stack(self) -> str:
        """Ask a worker that does not answer where it is; also works while it is in C code."""
        with contextlib.suppress(OSError):
            os.kill(self._pid, signal.SIGUSR1)
        patience = time.monotonic() + 1
        while not os.fstat(self._stacks.fileno()).st_size and time.monotonic() < patience:
            time.sleep(0.01)
        time.sleep(0.01)
        return self._dumped()

    def _dumped(self) -> str:
        return os.pread(self._stacks.fileno(), 20_000, 0).decode("utf-8", "replace")

    def _ended(self) -> Died:
        status = self.close(ending=True)
        return self._orphaned or Died("crashed", how(status), self._left)


def sizes(header: bytes) -> tuple[int, int]:
    """Return the sizes that a frame's header announces, before room is made for them."""
    head, body = struct.unpack("!II", header)
    if head > MAX_HEAD or body > MAX_BODY:
        raise Died("crashed", "sent back more than can be looked at")
    return head, body


def how(status: int) -> str:
    """Say how a process ended by itself."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
        number = os.WTERMSIG(status)
        try:
            return f"crashed the process ({signal.Signals(number).name})"
        except ValueError:
            return f"crashed the process (signal {number})"
    if os.WIFSIGNALED(status):
        return "was killed, most likely because it asked for too much memory"
    code = os.waitstatus_to_exitcode(status)
    if code == child.CUT_OFF:
        return "cut its process off from the grader, as closing files that it did not open does"
    return f"ended the process (exit code {code}), as os._exit does"


class Zygote:
    """The judge's end of the process that forks workers."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._control = ours
        self._owner = os.getpid()
        self._spawner: Spawner | None = None
        # A Ctrl-C that comes between the fork and the first line of the child waits until that ignores it.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with warnings.catch_warnings():
                # Newer Pythons warn of threads at a fork; those of the libraries loaded here are idle by now.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.pthread_sigmask(signal.SIG_SETMASK, held)
                ours.close()
                forker.serve(theirs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        theirs.close()
        ours.settimeout(_PATIENCE)
        self._pid = pid

    def spawn(self) -> Worker | SpawnedWorker:
        """Fork a worker; if the zygote is lost, start one as a fresh interpreter."""
        if self._spawner is None:
            try:
                return self._forked()
            except (Died, OSError):
                from grader.worker.spawned import Spawner

                self._spawner = Spawner()
        return self._spawner.spawn()

    def end(self, pid: int, *, ending: bool = False) -> int:
        """Kill a worker with its descendants and return its wait status."""
        try:
            self._control.sendall((b"E" if ending else b"K") + NUMBER.pack(pid))
            return self._number()
        except OSError:
            raise self._lost() from None

    def close(self) -> None:
        """End the zygote and every worker."""
        if os.getpid() != self._owner:
            return
        if self._spawner is not None:
            self._spawner.close()
        self._control.close()
        patience = time.monotonic() + _PATIENCE
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            while not os.waitpid(self._pid, os.WNOHANG)[0]:
                if time.monotonic() > patience:
                    os.kill(self._pid, signal.SIGKILL)
                time.sleep(0.001)

    def _forked(self) -> Worker:
        ours, theirs = socket.socketpair()
        files = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        with theirs:
            socket.send_fds(self._control, [b"F"], [theirs.fileno(), *(f.fileno() for f in files)])
        return Worker(self, ours, self._number(), files)

    def _lost(self) -> Died:
        # Whatever state it is in, stopped for one, it is of no more use, and its workers go with it.
        with contextlib.suppress(OSError):
            os.kill(self._pid, signal.SIGKILL)
        return Died("crashed", "ended the process that starts yours, as a signal to the parent does")

    def _number(self) -> int:
        parts = b""
        while len(parts) < NUMBER.size:
            part = self._control.recv(NUMBER.size - len(parts))
            if not part:
                raise self._lost()
            parts += part
        return int(NUMBER.unpack(parts)[0])
