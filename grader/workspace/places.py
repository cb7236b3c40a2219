"""Where things are: the workspace with its katas, the author's solutions, the questions, the record.

Faces look once and hand the answer down, so that no other module guesses a path.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MARK = "cv-dojo"
"""The table under ``[tool]`` in a ``pyproject.toml`` that makes its folder a workspace."""

_PACKAGE = Path(__file__).resolve().parents[1]


class MissingWorkspace(Exception):
    """No workspace lies at or above the folder the search began in."""


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of one workspace and of the one record beside it."""

    workspace: Path
    katas: Path
    solutions: Path
    questions: Path
    record: Path

    @property
    def is_checkout(self) -> bool:
        """Whether the author's solutions lie in the workspace, so that katas can be written here."""
        return self.solutions == self.workspace / "solutions"


def find(start: Path | None = None, *, environ: Mapping[str, str]) -> Places:
    """Look upwards from ``start`` (default: the current folder) for a workspace, then at the checkout."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, _PACKAGE.parent):
        if is_workspace(folder):
            return at(folder, environ=environ)
    raise MissingWorkspace(
        f"There is no workspace in {here} or above it: run `dojo init practice`, then `cd practice`."
    )


def at(workspace: Path, *, environ: Mapping[str, str]) -> Places:
    """Name the places of a workspace that is known."""
    return Places(
        workspace=workspace,
        katas=workspace / "katas",
        solutions=_beside_or_packaged(workspace, "solutions"),
        questions=_beside_or_packaged(workspace, "questions"),
        record=record_path(environ),
    )


def is_workspace(folder: Path) -> bool:
    """Whether a folder holds ``katas/`` and a ``pyproject.toml`` with a ``[tool.cv-dojo]`` table."""
    project = folder / "pyproject.toml"
    if not (folder / "katas").is_dir() or not project.is_file():
        return False
    try:
        text = project.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    if MARK not in text:
        return False
    try:
        return MARK in tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        # A typing slip elsewhere in the file must not make the whole workspace vanish.
        return f"[tool.{MARK}]" in text


def record_path(environ: Mapping[str, str]) -> Path:
    """Name the record's file: ``$DOJO_RECORD``, else one in the user's data folder."""
    if chosen := environ.get("DOJO_RECORD"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_dir

    return Path(user_data_dir("cv-dojo", appauthor=False)) / "record.sqlite3"


def packaged(name: str) -> Path:
    """Locate ``katas``, ``solutions`` or ``questions`` as shipped: in the wheel, else in the checkout."""
    shipped = _PACKAGE / "content" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name


def kata_of(path: Path) -> tuple[str, str]:
    """Name the track and the kata of a test, stub or solution file."""
    whole = Path(path).absolute()
    return whole.parent.name, whole.stem.removeprefix("test_")


def _beside_or_packaged(workspace: Path, name: str) -> Path:
    beside = workspace / name
    return beside if beside.is_dir() else packaged(name)
