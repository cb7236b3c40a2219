"""What ``dojo doctor`` looks at: one function for each thing that can be wrong; none changes anything."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.text.render import Look, carries, wrap
from grader.workspace import catalog as catalogs
from grader.workspace import editor, places, store
from grader.workspace.catalog import Catalog
from grader.workspace.places import MissingWorkspace, Places
from grader.workspace.stub import is_bare

_OLDEST_PYTHON = (3, 11)
_OLDEST_TORCH = (2, 4)
_TORCH_SECONDS = 60
_FEW_BYTES, _TOO_FEW_BYTES = 500_000_000, 20_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ``ok``, ``warn`` or ``fail``, what it is, and a sentence with the next step."""

    level: str
    what: str
    sentence: str

    def data(self) -> dict[str, str]:
        """Return the finding for a program."""
        return asdict(self)


def findings(*, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything, the quick things first."""
    yield _python()
    try:
        here = places.find(environ=environ)
    except MissingWorkspace as error:
        yield Finding("fail", "workspace", str(error))
    else:
        yield Finding("ok", "workspace", f"{here.workspace}.")
        yield _options(here)
        yield from _katas(here, catalogs.read(here))
    record = places.record_path(environ)
    yield _record(record)
    yield _disk(record)
    yield _terminal(environ)
    yield _editor(environ)
    yield _torch()
    yield _plugin()


def told(finding: Finding, look: Look) -> str:
    """Return a finding as lines for the terminal."""
    style = {"ok": "green", "warn": "yellow", "fail": "red"}[finding.level]
    first, *rest = wrap(f"{finding.what}: {finding.sentence}", look.width - 6)
    return "\n".join(
        [f"{look.paint(f'{finding.level:<4}', style)}  {first}", *(f"      {line}" for line in rest)]
    )


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return Finding("fail", "Python", f"{found} is too old: install 3.11 or newer.")
    return Finding("ok", "Python", f"{found}.")


def _options(here: Places) -> Finding:
    if "grader.plugin" in (here.workspace / "pyproject.toml").read_text(encoding="utf-8", errors="replace"):
        return Finding("ok", "pytest options", "a bare `pytest` grades katas here.")
    sentence = (
        f"{here.workspace / 'pyproject.toml'} does not turn the plugin on, so a bare `pytest` cannot grade: "
        'add "-p", "grader.plugin" to addopts (`dojo check` works all the same).'
    )
    return Finding("warn", "pytest options", sentence)


def _katas(here: Places, katas: Catalog) -> Iterator[Finding]:
    mend = "`dojo stub`" if here.is_checkout else "`dojo init`"
    for problem in katas.problems:
        yield Finding("fail", "katas", f"one cannot be read: {problem}")
    missing = [kata.id for kata in katas if not (kata.test.is_file() and kata.stub.is_file())]
    if missing:
        yield Finding("warn", "katas", f"{_some(missing)} not in the workspace: {mend} adds what is missing.")
    stale = [
        kata.id for kata in katas if kata.stub.is_file() and not katas.is_stub(kata) and _is_bare(kata.stub)
    ]
    if stale:
        yield Finding(
            "warn", "katas", f"{_some(stale)} out of step with the solutions: {mend} renews the stubs."
        )
    if not (katas.problems or missing or stale):
        yield Finding("ok", "katas", f"{len(katas)} in {len(catalogs.tracks(katas))} tracks.")


def _is_bare(path: Path) -> bool:
    return is_bare(path.read_text(encoding="utf-8-sig", errors="replace"))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more} {'is' if len(names) == 1 else 'are'}"


def _record(path: Path) -> Finding:
    if path.is_file():
        try:
            # Immutable: even a reader of a journalled file would otherwise leave files beside it.
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            verdict, version = str(error), 0
        if verdict != "ok":
            sentence = f"{path} is damaged ({verdict}): the next command keeps it aside and begins a new one."
            return Finding("fail", "record", sentence)
        if version > store.VERSION:
            return Finding(
                "warn", "record", f"{path} is of a newer cv-dojo: upgrade, or nothing is recorded."
            )
    holder = path if path.exists() else _nearest(path.parent)
    folder = _nearest(path.parent)
    if (path.exists() and not path.is_file()) or not (
        os.access(holder, os.W_OK) and os.access(folder, os.W_OK)
    ):
        sentence = f"{path} cannot be written, so nothing is remembered: set $DOJO_RECORD to a file that can."
        return Finding("fail", "record", sentence)
    return Finding("ok", "record", f"{path}{'' if path.exists() else ' (not begun yet)'}.")


def _nearest(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())


def _disk(record: Path) -> Finding:
    free = shutil.disk_usage(_nearest(record.parent)).free
    sentence = f"{free / 1e9:.1f} GB free where the record is"
    if free < _TOO_FEW_BYTES:
        return Finding("fail", "disk", f"{sentence}: make room, or nothing is remembered.")
    return (
        Finding("warn", "disk", f"{sentence}: that is little.")
        if free < _FEW_BYTES
        else _fine("disk", sentence)
    )


def _terminal(environ: Mapping[str, str]) -> Finding:
    if not sys.stdout.isatty():
        return Finding("warn", "terminal", "output is not a terminal, so the app cannot open; commands work.")
    columns, rows = shutil.get_terminal_size()
    if columns < 60 or rows < 20:
        return Finding("warn", "terminal", f"{columns}x{rows} is small: the app wants 60x20 or more.")
    if environ.get("TERM") == "dumb":
        return Finding("warn", "terminal", "$TERM is `dumb`, so the app cannot draw: commands work.")
    if not carries(sys.stdout, "✓·…"):
        sentence = (
            f"its encoding {sys.stdout.encoding} lacks symbols, so letters stand in: PYTHONUTF8=1 may help."
        )
        return Finding("warn", "terminal", sentence)
    return _fine("terminal", f"{columns}x{rows}, {sys.stdout.encoding}")


def _editor(environ: Mapping[str, str]) -> Finding:
    try:
        words = editor.command(Path("x.py"), environ=environ)
    except editor.NoEditor:
        return Finding("warn", "editor", "none was found: set $EDITOR for `dojo open`.")
    return _fine("editor", f"`{' '.join(words[:-1])}`")


def _torch() -> Finding:
    code, output = _python_says("import torch; print(torch.__version__)")
    last = output.splitlines()[-1] if output else f"no word from it within {_TORCH_SECONDS} s"
    if code != 0:
        return Finding("fail", "torch", f"it cannot be imported ({last}): `pip install torch`.")
    numbers = tuple(int(part) for part in last.split("+")[0].split(".")[:2] if part.isdigit())
    if numbers < _OLDEST_TORCH:
        return Finding("fail", "torch", f"{last} is too old: `pip install -U torch` (2.4 or newer).")
    return _fine("torch", last)


def _plugin() -> Finding:
    code, output = _python_says("import pytest, grader.plugin; print(pytest.__version__)")
    last = output.splitlines()[-1] if output else "no word from it"
    if code != 0:
        return Finding("fail", "pytest plugin", f"it does not load ({last}): reinstall cv-dojo with `pip`.")
    return _fine("pytest plugin", f"loads, pytest {last}")


def _python_says(code: str) -> tuple[int, str]:
    """Run a line of Python in a process of its own, so that a broken library cannot break the doctor."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=_TORCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, ""
    return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()


def _fine(what: str, sentence: str) -> Finding:
    return Finding("ok", what, f"{sentence}.")
