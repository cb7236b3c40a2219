"""One run of one learner's file: answer the judge's requests over a socket until it hangs up."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from grader.worker import wire
from grader.worker.session import Raised, Session

MEMORY = 4 << 30
FILE_SIZE = 64 << 20
OPEN_FILES = 256
OPERATIONS = ("load", "call", "construct", "drop", "values", "prepare", "fill", "backward")
PRIVATE = ("grader", "solutions")


def serve(read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
    """Answer requests until the other side hangs up."""
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
            confine(request["deny"])
            reply: dict[str, Any] = {}
        else:
            reply = _answer(session, operation, request)
        flush()
        try:
            frame = encode(reply, keep=session.keep)
        except Exception as error:
            frame = encode({"bad": f"the result cannot be sent back: {error}"})
        write(frame)


def _answer(session: Session, operation: object, request: dict[str, Any]) -> dict[str, Any]:
    if operation not in OPERATIONS:
        return {"bad": f"no operation called {operation}"}
    try:
        return {"ok": getattr(session, str(operation))(**request)}
    except Raised as raised:
        return {"raised": raised.told}
    except BaseException as error:
        return {"bad": f"{type(error).__name__}: {error}"[:500]}


def prepare(output: int, stacks: int) -> None:
    """Make this process safe to run a stranger's file in: output aside, limits on, no way home."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _redirect(output)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, file=stacks, all_threads=False, chain=False)
    _limit()
    sys.breakpointhook = _no_breakpoint
    sys.argv = ["kata"]


def confine(denied: Sequence[str]) -> None:
    """Refuse to import the grader and to open anything below the denied folders."""
    roots = tuple(os.path.realpath(d) + os.sep for d in denied)
    homes = {root.rstrip(os.sep) for root in roots}
    parents = {os.path.dirname(home) for home in homes}
    sys.path[:] = [p for p in sys.path if p and os.path.realpath(p) not in parents | homes]
    for name in [m for m in sys.modules if m.partition(".")[0] in PRIVATE]:
        del sys.modules[name]
    realpath, fsdecode, private = os.path.realpath, os.fsdecode, PRIVATE

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "import" and str(args[0]).partition(".")[0] in private:
            raise ImportError(f"a kata file cannot import {str(args[0]).partition('.')[0]}")
        named = event == "open" and roots and isinstance(args[0], (str, bytes))
        if named and (realpath(fsdecode(args[0])) + os.sep).startswith(roots):
            raise PermissionError("a kata file cannot open the author's files")

    sys.addaudithook(watch)


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
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
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
    prepare(output, stacks)

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

    serve(read, write)
    os._exit(0)


if __name__ == "__main__":
    main()
