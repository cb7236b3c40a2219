"""One run of one learner's file: answer the judge's requests over a socket until it hangs up."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from grader.worker import plainly, wire
from grader.worker.confine import confine
from grader.worker.session import Raised, Session

READY = b"R"
"""The first byte of a worker that was not forked, once all is imported."""
CUT_OFF = 70
"""The exit code of a worker whose line to the judge broke: a file closed what it did not open."""

OPERATIONS = ("load", "call", "construct", "drop", "values", "view", "prepare", "fill", "backward")


def serve(read: Callable[[int], bytes], write: Callable[[bytes], None], *, folder: str | None = None) -> None:
    """Answer requests until the other side hangs up; ``folder`` is where the file may write."""
    session = Session()
    # Kept as locals so that a source that patches the module's names does not reach the loop.
    decode, encode, flush = wire.decode, wire.encode, _flush
    while True:
        try:
            request = decode(read)
        except EOFError:
            return
        operation = request.pop("op", None)
        if operation == "confine":
            confine(request["deny"], folder)
            reply: dict[str, Any] = {}
        else:
            reply = _answer(session, operation, request)
        flush()
        try:
            frame = encode(reply, keep=session.keep)
        except BaseException as error:
            frame = encode({"bad": f"returned something that cannot be sent back ({_named(error)})"})
        write(frame)


def _answer(session: Session, operation: object, request: dict[str, Any]) -> dict[str, Any]:
    if operation not in OPERATIONS:
        return {"bad": f"no operation called {operation}"}
    try:
        return {"ok": getattr(session, str(operation))(**request)}
    except Raised as raised:
        return {"raised": raised.told}
    except RecursionError:
        return {"bad": "returned something nested too deeply to be looked at"}
    except BaseException as error:
        return {"bad": f"broke the process it runs in ({_named(error)})"}


def _named(error: BaseException) -> str:
    message = plainly.message(error)
    told = message if isinstance(error, wire.WireError) else f"{type(error).__name__}: {message}"
    return told.rstrip(": ")[:300]


def prepare(output: int, stacks: int, folder: str | None = None) -> None:
    """Make this process safe to run a stranger's file in: output aside, limits on, a folder of its own."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _redirect(output)
    # A crash leaves the line it happened in, and so does the judge's question to one that does not answer.
    faulthandler.enable(file=stacks, all_threads=False)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, file=stacks, all_threads=False, chain=False)
    _limit()
    sys.breakpointhook = _no_breakpoint
    sys.argv = ["kata"]
    sys.dont_write_bytecode = True
    if folder is not None:
        os.chdir(folder)
        os.environ["TMPDIR"] = tempfile.tempdir = folder


def _redirect(output: int) -> None:
    os.dup2(output, 1)
    os.dup2(output, 2)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in (
        (resource.RLIMIT_AS, plainly.MEMORY),
        (resource.RLIMIT_FSIZE, plainly.FILE_SIZE),
        (resource.RLIMIT_NOFILE, plainly.OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            hard = resource.getrlimit(what)[1]
            top = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(what, (top, hard))
    # Past the limit a write fails with an error instead of ending the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _no_breakpoint(*_: object, **__: object) -> None:
    raise RuntimeError("breakpoint() needs a terminal of its own: run pytest with --pdb on this kata")


def main() -> None:
    """Serve over the standard streams; the way in where processes cannot be forked."""
    source, sink = os.dup(0), os.dup(1)
    output = os.open(os.environ["DOJO_WORKER_OUTPUT"], os.O_WRONLY | os.O_APPEND)
    stacks = os.open(os.environ["DOJO_WORKER_STACKS"], os.O_WRONLY | os.O_APPEND)
    import torch

    torch.set_num_threads(1)
    folder = os.environ.get("DOJO_WORKER_FOLDER")
    prepare(output, stacks, folder)

    def read(size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = os.read(source, min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def write(frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            view = view[os.write(sink, view) :]

    code = CUT_OFF
    try:
        write(READY)
        serve(read, write, folder=folder)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
