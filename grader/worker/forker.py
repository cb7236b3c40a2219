"""What the process that forks workers does: fork one, end one with all it started, until the judge is gone.

It runs no stranger's code and holds nothing of the judge's but one socket: no terminal, no file of events,
no session or process group through which a worker could reach who is outside.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import NoReturn

from grader.worker import child, strays

NUMBER = struct.Struct("!q")
_PR_SET_PDEATHSIG = 1
_MOST_FILES = 1 << 20
_GLANCE = 2.0
"""Seconds between two looks at whether the judge still lives."""
_PATIENCE = 1.0
"""Seconds for a worker whose line is closed to end by itself, so that it is known how."""


def serve(control: socket.socket) -> NoReturn:
    """Answer the judge's requests for workers until it hangs up or dies."""
    workers = _Workers(control)
    judge = os.getppid()
    try:
        _let_go_of_all_but(control.fileno())
        strays.adopt_orphans()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        control.settimeout(_GLANCE)
        while True:
            try:
                message, fds, _, _ = socket.recv_fds(control, 1, 3)
            except TimeoutError:
                # The line would stay open if a stranger in the judge's process had forked it.
                if os.getppid() != judge:
                    break
                continue
            if not message:
                break
            if message == b"F":
                control.sendall(NUMBER.pack(workers.fork(fds)))
            else:
                pid = NUMBER.unpack(_exactly(control, NUMBER.size))[0]
                control.sendall(NUMBER.pack(workers.end(pid, patience=_PATIENCE if message == b"E" else 0)))
    except (OSError, EOFError):
        pass
    finally:
        try:
            workers.end_all()
        finally:
            os._exit(0)


@dataclass
class _Workers:
    """The workers that were forked and not ended yet, each with a folder to itself."""

    control: socket.socket
    folders: dict[int, str] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)

    def fork(self, fds: list[int]) -> int:
        folder = tempfile.mkdtemp(prefix="dojo-")
        pid = os.fork()
        if pid == 0:
            _be_worker(self.control, fds, folder)
        self.folders[pid] = folder
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        for fd in fds:
            os.close(fd)
        return pid

    def end(self, pid: int, *, patience: float = 0) -> int:
        """Kill a worker and everything it started; return its wait status."""
        status = self.statuses.pop(pid, None)
        if status is None:
            status = _ended(pid, patience)
        folder = self.folders.pop(pid, None)
        self.statuses |= strays.end_all(spare=self.folders.keys())
        if folder is not None:
            _remove(folder)
        return status

    def end_all(self) -> None:
        for pid in list(self.folders):
            self.end(pid)
        strays.end_all()


def _ended(pid: int, patience: float) -> int:
    """Wait a little for a worker that is about to end by itself, then kill it with its group."""
    deadline = time.monotonic() + patience
    done, status = os.waitpid(pid, os.WNOHANG)
    while not done and time.monotonic() < deadline:
        time.sleep(0.001)
        done, status = os.waitpid(pid, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if not done:
        # It may have left its group.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return child.CUT_OFF << 8
    return status


def _be_worker(control: socket.socket, fds: list[int], folder: str) -> NoReturn:
    code = child.CUT_OFF
    try:
        control.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _when_parent_dies(signal.SIGKILL)
        connection = socket.socket(fileno=fds[0])
        child.prepare(fds[1], fds[2], folder)
        child.serve(lambda size: _exactly(connection, size), connection.sendall, folder=folder)
        code = 0
    finally:
        os._exit(code)


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _let_go_of_all_but(kept: int) -> None:
    """Close every inherited file and leave the terminal, so that no worker finds the judge's."""
    faulthandler.disable()
    with contextlib.suppress(OSError):
        os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    os.closerange(3, kept)
    os.closerange(kept + 1, _MOST_FILES)


def _remove(folder: str) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", folder], check=False)


def _when_parent_dies(number: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
