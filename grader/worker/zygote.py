"""A process that has imported torch and nothing else worth knowing, and forks a worker in milliseconds.

The judge forks the zygote before any tensor operation (a fork after OpenMP has run can hang its child for
ever) and before any reference is read (what the parent has read, the child can find). The zygote forks
one worker per kata run and never reuses it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import struct
import tempfile
import time
import warnings
from typing import IO

from grader.worker import child

_NUMBER = struct.Struct("!q")
_PR_SET_PDEATHSIG = 1


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
        self._rest = ""
        self._open = True

    def exchange(self, frame: bytes, *, seconds: float) -> tuple[bytes, ...]:
        """Send a frame and return the reply's bytes, or raise ``Died``; ``seconds`` is a wall-clock limit."""
        if not self._open:
            raise Died("crashed", "the process that runs your file is gone")
        deadline = time.monotonic() + seconds
        try:
            self._send(frame, deadline)
            header = self._receive(8, deadline)
            head, body = struct.unpack("!II", header)
            return header, self._receive(head, deadline), self._receive(body, deadline)
        except TimeoutError:
            raise self._out_of_time(seconds) from None
        except (EOFError, ConnectionError, BrokenPipeError):
            raise self._ended() from None
        except BaseException:
            self.close()
            raise

    def printed(self, limit: int = 20_000) -> str:
        """Return what the worker printed since it was last asked."""
        text, self._rest = self._rest, ""
        return text or (self._output_since(limit) if self._open else "")

    def close(self) -> int:
        """End the process and everything it started; return its wait status."""
        if not self._open:
            return 0
        self._open = False
        self._connection.close()
        status = self._zygote.end(self._pid)
        self._rest = self._output_since()
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
            self._wait(selectors.EVENT_WRITE, deadline)
            view = view[self._connection.send(view[: 1 << 20]) :]

    def _receive(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._wait(selectors.EVENT_READ, deadline)
            part = self._connection.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _wait(self, event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, event)
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise TimeoutError

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
        return os.pread(self._stacks.fileno(), 20_000, 0).decode("utf-8", "replace")

    def _ended(self) -> Died:
        status = self.close()
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
            return Died("crashed", f"crashed the process ({signal.Signals(os.WTERMSIG(status)).name})")
        if os.WIFSIGNALED(status):
            return Died("crashed", "was killed, most likely because it asked for too much memory")
        code = os.waitstatus_to_exitcode(status)
        return Died("crashed", f"ended the process (exit code {code}); does it call os._exit?")


class Zygote:
    """The judge's end of the process that forks workers."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._control = ours
        self._owner = os.getpid()
        with warnings.catch_warnings():
            # Newer Pythons warn of threads at a fork; those of the libraries loaded here are idle by now.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            ours.close()
            _be_zygote(theirs)
        theirs.close()
        self._pid = pid

    def spawn(self) -> Worker:
        """Fork a worker."""
        ours, theirs = socket.socketpair()
        files = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        socket.send_fds(self._control, [b"F"], [theirs.fileno(), *(f.fileno() for f in files)])
        theirs.close()
        return Worker(self, ours, self._number(), files)

    def end(self, pid: int) -> int:
        """Kill a worker with its descendants and return its wait status."""
        self._control.sendall(b"K" + _NUMBER.pack(pid))
        return self._number()

    def close(self) -> None:
        """End the zygote and every worker."""
        if os.getpid() != self._owner:
            return
        self._control.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _number(self) -> int:
        parts = b""
        while len(parts) < _NUMBER.size:
            part = self._control.recv(_NUMBER.size - len(parts))
            if not part:
                raise Died("crashed", "the process that starts workers is gone")
            parts += part
        return int(_NUMBER.unpack(parts)[0])


def _be_zygote(control: socket.socket) -> None:
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _die_with_parent()
        children: set[int] = set()
        while True:
            message, fds, _, _ = socket.recv_fds(control, 1, 3)
            if not message:
                break
            if message == b"F":
                pid = _fork_worker(control, fds)
                children.add(pid)
                control.sendall(_NUMBER.pack(pid))
            else:
                pid = _NUMBER.unpack(control.recv(_NUMBER.size))[0]
                children.discard(pid)
                control.sendall(_NUMBER.pack(_end(pid)))
        for pid in children:
            _end(pid)
    finally:
        os._exit(0)


def _fork_worker(control: socket.socket, fds: list[int]) -> int:
    pid = os.fork()
    if pid:
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        for fd in fds:
            os.close(fd)
        return pid
    try:
        control.close()
        _die_with_parent()
        connection = socket.socket(fileno=fds[0])
        child.prepare(fds[1], fds[2])
        child.serve(lambda size: _exactly(connection, size), connection.sendall)
    finally:
        os._exit(0)


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _end(pid: int) -> int:
    # A worker that has already ended is still waited for; one that has not is killed with its group.
    done, status = os.waitpid(pid, os.WNOHANG)
    if not done:
        time.sleep(0.001)
        done, status = os.waitpid(pid, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if not done:
        _, status = os.waitpid(pid, 0)
    return status


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
