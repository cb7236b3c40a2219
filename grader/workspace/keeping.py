"""What was written is never lost: an answer set aside, and the refusal when that cannot be."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path


class Refusal(Exception):
    """Something asked for that makes no sense now; the message is the sentence to show."""


def set_aside(path: Path, at: datetime) -> Path:
    """Copy a file into ``.answers`` beside it, under a name that says when, and return the copy."""
    folder = path.parent / ".answers"
    folder.mkdir(exist_ok=True)
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    for count in range(1, 1000):
        kept = folder / f"{path.stem}.{stamp}{f'-{count}' if count > 1 else ''}{path.suffix}"
        # Exclusive creation: two resets within one second must not share a name.
        with suppress(FileExistsError), kept.open("xb") as copy:
            copy.write(path.read_bytes())
            return kept
    raise Refusal(f"{folder} is full of answers from {stamp}: move them away first.")
