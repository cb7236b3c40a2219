"""What a learner's file may not do, refused with a sentence: import the grader, read the author's files,
write outside its own folder, start processes, signal others.

An audit hook sees what Python does; what C code does behind its back is held by the kernel where that can.
"""

from __future__ import annotations

import builtins
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from grader.worker import landlock

PRIVATE = ("grader", "solutions")
MOST_FILES = 64
"""How many times files may be opened to be written; with the limit on a file's size it bounds the disk."""

_STARTS = {"os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}
_CHANGES = {
    *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"),
    *("os.truncate", "os.utime", "os.setxattr", "os.removexattr", "shutil.rmtree", "os.mkfifo", "os.mknod"),
}
_WITHOUT_FOLDER = {"os.truncate", "os.setxattr", "os.removexattr"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine(denied: Sequence[str], folder: str | None = None) -> None:
    """Refuse, from here to the end of the process, what a kata has no use for."""
    roots = tuple(os.path.realpath(d) + os.sep for d in denied)
    homes = {root.rstrip(os.sep) for root in roots}
    parents = {os.path.dirname(home) for home in homes}
    sys.path[:] = [p for p in sys.path if p and os.path.realpath(p) not in parents | homes]
    for name in [m for m in sys.modules if m.partition(".")[0] in PRIVATE]:
        del sys.modules[name]
    _lend_builtins()
    sys.addaudithook(_watch(roots, None if folder is None else os.path.realpath(folder) + os.sep))
    if folder is not None:
        landlock.confine(folder, deny=[*homes])


def _watch(roots: tuple[str, ...], folder: str | None) -> Callable[[str, tuple[Any, ...]], None]:
    # All that is used is held here: a file that patches a module's names does not reach the hook.
    realpath, fsdecode, readlink, own = os.path.realpath, os.fsdecode, os.readlink, os.getpid()
    separator, nowhere, join = os.sep, os.devnull, os.path.join
    starts, changes, writing, private = frozenset(_STARTS), frozenset(_CHANGES), _WRITING, PRIVATE
    plain, left = frozenset(_WITHOUT_FOLDER), [MOST_FILES]

    def place(path: Any, at: Any = -1) -> str:
        text = fsdecode(path)
        if isinstance(at, int) and at >= 0:
            text = join(readlink(f"/proc/self/fd/{at}"), text)
        return realpath(text)

    def opened(path: Any, flags: Any) -> None:
        if not isinstance(path, (str, bytes)):
            return
        where = place(path)
        if roots and (where + separator).startswith(roots):
            raise PermissionError("a kata file cannot open the author's files")
        if folder is None or not isinstance(flags, int) or not flags & writing or where == nowhere:
            return
        if not where.startswith(folder):
            raise PermissionError("a kata file cannot write files outside the folder it runs in")
        left[0] -= 1
        if left[0] < 0:
            raise PermissionError("a kata file cannot write that many files")

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "import":
            if str(args[0]).partition(".")[0] in private:
                raise ImportError(f"a kata file cannot import {str(args[0]).partition('.')[0]}")
        elif event == "open":
            opened(args[0], args[2])
        elif event in starts:
            raise PermissionError("a kata file cannot start other processes")
        elif event in ("os.kill", "os.killpg"):
            if args[0] not in (0, own):
                raise PermissionError("a kata file cannot send signals to other processes")
        elif event in changes and folder is not None:
            ends = [(args[0], -1 if event in plain else args[-1])]
            if event in ("os.rename", "os.link"):
                ends = [(args[0], args[2]), (args[1], args[3])]
            elif event == "os.symlink":
                ends = [(args[1], args[2])]
            for path, at in ends:
                if isinstance(path, (str, bytes)) and not place(path, at).startswith(folder):
                    raise PermissionError("a kata file cannot change files outside the folder it runs in")

    return watch


def _lend_builtins() -> None:
    """Let whoever imports ``builtins`` from now on find a copy; the engine's own functions keep theirs."""
    copy = types.ModuleType("builtins", builtins.__doc__)
    copy.__dict__.update(vars(builtins))
    sys.modules["builtins"] = copy
