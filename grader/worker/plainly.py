"""The limits a learner's file runs under, and plain words for what it does: met limits, odd characters."""

from __future__ import annotations

import errno

MEMORY = 4 << 30
FILE_SIZE = 16 << 20
OPEN_FILES = 256

_CONTROL = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160)) if chr(n) not in "\n\t\r"}
_NO_MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory")


def message(error: BaseException) -> str:
    """Return an exception's message; that of a limit in words which say so."""
    try:
        text = str(error)
    except BaseException:
        return "(an exception whose message cannot be read)"
    if isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY):
        return f"it asks for more memory than a kata may use ({MEMORY >> 30} GB)"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return f"it prints or writes more than a kata may ({FILE_SIZE >> 20} MB)"
    if isinstance(error, OSError) and error.errno == errno.EMFILE:
        return f"it holds more files open than a kata may ({OPEN_FILES})"
    if isinstance(error, EOFError) and text == "EOF when reading a line":
        return "input() has nobody to answer it here; everything a kata needs is in its arguments"
    if isinstance(error, RuntimeError) and text == "can't start new thread":
        return "it starts more threads than there is room for"
    return text[:2000]


def visible(text: str) -> str:
    """Return text with control characters, and what no encoding has, written out: terminals obey them."""
    return text.translate(_CONTROL).encode("utf-8", "backslashreplace").decode()
