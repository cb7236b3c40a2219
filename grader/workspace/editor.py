"""The learner's editor: the command that opens a file in it."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

FALLBACKS = ("sensible-editor", "code", "nano", "micro", "hx", "nvim", "vim", "vi", "emacs", "notepad")

Which = Callable[[str], str | None]


class NoEditor(Exception):
    """No editor is named or installed; the message says how to name one."""


def command(path: Path, *, environ: Mapping[str, str], which: Which = shutil.which) -> list[str]:
    """Return the words that open a file: from ``$VISUAL``, ``$EDITOR``, else an editor that is installed."""
    for variable in ("VISUAL", "EDITOR"):
        if not (chosen := environ.get(variable, "").strip()):
            continue
        # Backslashes are part of a path on Windows, not quoting.
        words = shlex.split(chosen, posix=os.name != "nt")
        if which(words[0].strip('"')) is None:
            raise NoEditor(f"${variable} names `{words[0]}`, which is not installed: open {path} yourself.")
        return [word.strip('"') for word in words] + [str(path)]
    for name in FALLBACKS:
        if which(name):
            return [name, str(path)]
    raise NoEditor(f"No editor was found: set $EDITOR (to `nano`, say), or open {path} yourself.")
