"""What reading the solutions gave last time, so that a face starts at once.

Only a shortcut: an entry counts while the solution and this package's own readers keep their size and time,
and a cache that cannot be read or written is done without.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

Entry = Mapping[str, object]
_READERS = ("cache.py", "catalog.py", "source.py", "stub.py", "../model.py")


@dataclass(frozen=True)
class Cache:
    """Entries by solution path, as they were and as they will be written."""

    path: Path | None
    old: Mapping[str, Entry]
    new: dict[str, Entry]

    def get(self, solution: Path) -> Entry | None:
        """Return the entry of a solution that has not changed since."""
        entry = self.old.get(str(solution))
        if entry is None or entry.get("stamp") != _stamp(solution):
            return None
        self.new[str(solution)] = entry
        return entry

    def put(self, solution: Path, entry: Entry) -> None:
        """Remember what reading a solution gave."""
        self.new[str(solution)] = {**entry, "stamp": _stamp(solution)}

    def save(self) -> None:
        """Write the entries in use, if they changed and the folder allows it."""
        if self.path is None or self.new == self.old:
            return
        text = json.dumps({"readers": _readers(), "entries": self.new}, ensure_ascii=False)
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(text, encoding="utf-8")
            draft.replace(self.path)
        except OSError:
            with suppress(OSError):
                draft.unlink()


def load(path: Path | None) -> Cache:
    """Read a cache file; anything unexpected in it makes an empty cache."""
    if path is None:
        return Cache(path, {}, {})
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        entries = data["entries"] if data["readers"] == _readers() else {}
    except (OSError, ValueError, KeyError, TypeError):
        entries = {}
    return Cache(path, entries, {})


def _stamp(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_size]


def _readers() -> list[list[int]]:
    return [_stamp(Path(__file__).parent / name) for name in _READERS]
