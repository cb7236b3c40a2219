"""Loads the author's file: the reference and its right and wrong versions, as candidates."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.cases.shapes import AuthorError
from grader.judge.candidate import Candidate, Local, Transport
from grader.versions import MARK, Mark
from grader.worker.session import Session, describe


@dataclass(frozen=True)
class Version:
    """One way to write the kata, right or wrong, or the reference itself."""

    name: str
    sentence: str
    right: bool
    exports: Mapping[str, str]
    """The name in the author's file for each public symbol that it replaces."""


@dataclass(frozen=True)
class Solution:
    """An author's file that has been run."""

    path: Path
    text: str
    namespace: Mapping[str, Any]
    public: tuple[str, ...]
    versions: tuple[Version, ...]

    @property
    def rights(self) -> tuple[Version, ...]:
        """The correct versions besides the reference."""
        return tuple(v for v in self.versions if v.right)

    @property
    def wrongs(self) -> tuple[Version, ...]:
        """The known mistakes."""
        return tuple(v for v in self.versions if not v.right)

    def candidate(
        self,
        version: Version | None = None,
        *,
        transport: Transport | None = None,
        forbid: Sequence[str] = (),
    ) -> Candidate:
        """Return the reference or one of its versions, in this process unless a transport is given."""
        exports = dict(version.exports) if version is not None else {}
        if transport is not None:
            candidate = Candidate(transport, forbid=forbid)
            candidate.load(standalone(self.text), self.path.name, exports)
            return candidate
        local = Local(Session())
        local.session.adopt(self.namespace, str(self.path), exports)
        candidate = Candidate(local, forbid=forbid)
        candidate.symbols = {name: describe(self.namespace[exports.get(name, name)]) for name in self.public}
        return candidate


def load(path: Path, *, text: str | None = None) -> Solution:
    """Run an author's file and collect its public symbols and versions."""
    text = path.read_text(encoding="utf-8") if text is None else text
    module = types.ModuleType(f"solution_{path.stem}")
    module.__file__ = str(path)
    exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
    order = [
        node.name
        for node in ast.parse(text).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    ]
    namespace = vars(module)
    public = tuple(name for name in order if not _marked(namespace[name]))
    if not public:
        raise AuthorError(f"{path}: no public function or class to grade")
    versions = tuple(
        _version(name, _marked(namespace[name]), public, path) for name in order if _marked(namespace[name])
    )
    return Solution(path, text, namespace, public, versions)


def standalone(text: str) -> str:
    """Return the author's file without its ties to the grader, so that a worker can run it."""
    tree = ast.parse(text)
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "grader")
    ]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            node.decorator_list = [d for d in node.decorator_list if not _is_mark(d)]
    return ast.unparse(tree)


def _is_mark(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("right", "wrong")
    )


def _marked(value: Any) -> Mark | None:
    mark = vars(value).get(MARK) if hasattr(value, "__dict__") else None
    return mark if isinstance(mark, Mark) else None


def _version(name: str, mark: Mark | None, public: tuple[str, ...], path: Path) -> Version:
    assert mark is not None
    of = mark.of or public[0]
    exports = {of: name, **mark.also}
    if unknown := [symbol for symbol in exports if symbol not in public]:
        raise AuthorError(f"{path}: version '{name}' replaces {unknown[0]}, which is not public here")
    return Version(name, mark.sentence, mark.right, exports)
