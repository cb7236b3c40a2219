"""Asks the kernel to keep a process inside its folder: Landlock, on Linux systems that have it.

Unlike anything Python can refuse, this also holds for code in C: nothing outside the folder is written, the
denied folders are not read, and from version 6 on no process outside is sent a signal.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PR_SET_NO_NEW_PRIVS = 38
_WRITE_FILE, _READ_FILE = 1 << 1, 1 << 2
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_SCOPE_SIGNAL = 1 << 1


def version() -> int:
    """Return the version the kernel offers; 0 when it offers none."""
    # The numbers of the calls are the same on these machines and most others.
    if sys.platform != "linux" or platform.machine() not in (
        "x86_64",
        "aarch64",
        "riscv64",
        "ppc64le",
        "s390x",
    ):
        return 0
    with suppress(OSError, AttributeError):
        return max(int(_call(_CREATE_RULESET, None, 0, 1)), 0)
    return 0


def confine(folder: str, *, deny: Sequence[str]) -> bool:
    """Let this process write below ``folder`` alone and not read the denied ones; whether that took hold."""
    offered = version()
    if not offered:
        return False
    writes = _WRITE_FILE | _REMOVE_AND_MAKE
    writes |= (_REFER if offered >= 2 else 0) | (_TRUNCATE if offered >= 3 else 0)
    handled = struct.pack("QQQ", writes | _READ_FILE, 0, _SCOPE_SIGNAL)
    ruleset = int(_call(_CREATE_RULESET, handled, 24 if offered >= 6 else 16 if offered >= 4 else 8, 0))
    if ruleset < 0:
        return False
    try:
        for place in readable(deny):
            _allow(ruleset, place, _READ_FILE)
        _allow(ruleset, folder, writes | _READ_FILE)
        _allow(ruleset, os.devnull, _WRITE_FILE | _READ_FILE)
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return int(_call(_RESTRICT_SELF, ruleset, 0)) == 0
    finally:
        os.close(ruleset)


def readable(deny: Sequence[str]) -> Iterator[str]:
    """Yield places that together hold everything but the denied folders: whatever stands beside their way."""
    roots = [os.path.realpath(d) for d in deny]
    yield from _beside("/", roots)


def _beside(place: str, roots: Sequence[str]) -> Iterator[str]:
    if place in roots:
        return
    if not any(root.startswith(place.rstrip("/") + "/") for root in roots):
        yield place
        return
    with suppress(OSError):
        for name in os.listdir(place):
            inner = os.path.join(place, name)
            if not os.path.islink(inner):
                yield from _beside(inner, roots)


def _allow(ruleset: int, place: str, rights: int) -> None:
    with suppress(OSError):
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)  # type: ignore[attr-defined,unused-ignore]
        try:
            if not os.path.isdir(place):
                rights &= _WRITE_FILE | _READ_FILE | _TRUNCATE
            _call(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, opened), 0)
        finally:
            os.close(opened)


def _call(number: int, *arguments: object) -> int:
    return int(ctypes.CDLL(None).syscall(number, *arguments))
