"""A solution as text: its tree, its public symbols and versions, and pieces cut out of it by position."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Collection, Iterator
from contextlib import suppress

LONGEST = 110
"""The longest line that the project's formatter leaves alone."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Symbol = Function | ast.ClassDef
_SETTINGS = {"LEVEL", "MINUTES", "HINTS"}


class Source:
    """A solution's text with its tree, cut by position (``ast`` counts columns in bytes)."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self._lines = [line.encode() for line in text.split("\n")]

    def segment(self, node: ast.stmt | ast.expr) -> str:
        """Return the exact source of a node, its later lines indented as they were."""
        return self.between((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))

    def between(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """Return the text from one (line, column) to another."""
        lines = self._lines[start[0] - 1 : end[0]]
        lines[-1] = lines[-1][: end[1]]
        lines[0] = lines[0][start[1] :]
        return b"\n".join(lines).decode()

    def header(self, node: Symbol) -> str:
        """Return ``def f(...) -> ...:`` as written, with comments inside and a ``noqa`` behind."""
        first = node.body[0]
        start = (getattr(first, "decorator_list", None) or [first])[0]
        text = self.between((node.lineno, node.col_offset), (start.lineno, start.col_offset))
        end = _colon(text)
        behind = text[end:].split("\n", 1)[0].strip()
        return text[:end] + (f"  {behind}" if behind.startswith("# noqa") else "")

    def block(self, node: ast.stmt) -> str:
        """Return the whole lines of a top-level statement with the comment right above it."""
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        while first > 1 and self._lines[first - 2].startswith(b"#"):
            first -= 1
        return b"\n".join(self._lines[first - 1 : node.end_lineno]).decode()

    def has_gap(self, first: int, last: int) -> bool:
        """Whether a blank line lies between two lines."""
        return any(not self._lines[line - 1].strip() for line in range(first + 1, last))


def public_symbols(tree: ast.Module) -> tuple[Symbol, ...]:
    """Return the functions and classes that the learner writes, in order of definition."""
    return tuple(n for n in _unversioned(tree) if isinstance(n, Symbol) and not n.name.startswith("_"))


def version(node: Symbol) -> tuple[str, ast.Call] | None:
    """Return ``right`` or ``wrong`` with the decorator's call when the symbol is such a version."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and (name := last_word(decorator)) in ("right", "wrong"):
            return name, decorator
    return None


def reference_text(solution_text: str) -> str:
    """Return a solution for the learner's eyes: without versions, hints and what only these use."""
    source = Source(solution_text)
    tree = source.tree
    kept = _reachable(tree)
    text = ""
    for before, node in zip([None, *kept], kept, strict=False):
        far = isinstance(node, Symbol) or isinstance(before, Symbol)
        text += ("\n\n\n" if far else "\n") + source.block(node)
    head = source.segment(tree.body[0]) if ast.get_docstring(tree) else ""
    lines = "\n".join(imports(source, set().union(*map(names, kept)), keep=()))
    return "\n\n".join(part for part in (head, lines) if part) + "\n" + text + "\n"


def names(tree: ast.AST) -> set[str]:
    """Return every name that a tree reads, forward references in annotations included."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        for written in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(written, ast.Constant) and isinstance(written.value, str):
                # A string there may also be a shape, which is no expression.
                with suppress(SyntaxError):
                    found |= names(ast.parse(written.value))
    return found


def assigned(node: ast.stmt) -> set[str]:
    """Return the names that an assignment binds; none for any other statement."""
    if isinstance(node, ast.Assign):
        parts = (part for target in node.targets for part in ast.walk(target))
        return {part.id for part in parts if isinstance(part, ast.Name)}
    return (
        {node.target.id} if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else set()
    )


def imports(source: Source, used: Collection[str], *, keep: Collection[str] = ("torch",)) -> list[str]:
    """Return the import lines still needed, with the author's blank lines between groups."""
    lines: list[str] = []
    previous = 0
    for node in source.tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if previous and lines and lines[-1] and source.has_gap(previous, node.lineno):
            lines.append("")
        previous = node.end_lineno or node.lineno
        lines += _import(node, used, keep)
    return lines[:-1] if lines and not lines[-1] else lines


def last_word(node: ast.expr) -> str:
    """Return the last word of a decorator or base: ``setter`` of ``size.setter``, ``dataclass`` of a call."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _unversioned(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the top-level statements that are no version and no partner a version brings along."""
    versions = [found for n in tree.body if isinstance(n, Symbol) and (found := version(n))]
    partners = {name for _, call in versions for name in _partners(call)}
    for node in tree.body:
        if not (isinstance(node, Symbol) and (version(node) or node.name in partners)):
            yield node


def _partners(call: ast.Call) -> Iterator[str]:
    """Yield the names that a version brings along with ``also={"decode": "decode_without_log"}``."""
    for keyword in call.keywords:
        for value in keyword.value.values if isinstance(keyword.value, ast.Dict) else ():
            if keyword.arg == "also" and isinstance(value, ast.Constant):
                yield str(value.value)
            elif keyword.arg == "also" and isinstance(value, ast.Name):
                yield value.id


def _reachable(tree: ast.Module) -> list[ast.stmt]:
    """Return the public symbols with everything at the top level they lead to, in order."""
    own = [n for n in _unversioned(tree) if isinstance(n, Symbol) or assigned(n)]
    binds = {id(n): {n.name} if isinstance(n, Symbol) else assigned(n) for n in own}
    wanted = {node.name for node in public_symbols(tree)}
    while True:
        kept = [n for n in own if binds[id(n)] & wanted and not binds[id(n)] <= _SETTINGS]
        more = wanted.union(*map(names, kept))
        if more == wanted:
            return kept
        wanted = more


def _import(node: ast.Import | ast.ImportFrom, used: Collection[str], keep: Collection[str]) -> list[str]:
    if isinstance(node, ast.Import):
        kept = [a for a in node.names if a.name in keep or (a.asname or a.name.split(".")[0]) in used]
        return [f"import {_alias(a)}" for a in kept if a.name.split(".")[0] != "grader"]
    module = "." * node.level + (node.module or "")
    if module.split(".")[0] == "grader":
        return []
    words = [_alias(a) for a in node.names if module == "__future__" or (a.asname or a.name) in used]
    line = f"from {module} import {', '.join(words)}"
    if len(line) > LONGEST:
        return [f"from {module} import (", *(f"    {word}," for word in words), ")"]
    return [line] if words else []


def _alias(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _colon(header: str) -> int:
    """Return the offset just behind the colon that ends a header."""
    depth = 0
    lines = header.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(header).readline):
        if token.type != tokenize.OP:
            continue
        depth += (token.string in "([{") - (token.string in ")]}")
        if token.string == ":" and depth == 0:
            row, column = token.end
            return sum(len(line) + 1 for line in lines[: row - 1]) + column
    raise ValueError("a header without a colon")
