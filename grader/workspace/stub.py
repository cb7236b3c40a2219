"""Solution text to stub text: what the learner starts from, made from what the author wrote.

Everything kept is the author's own source text, so that a formatted solution gives a formatted stub.
"""

from __future__ import annotations

import ast
import builtins
from pathlib import Path

from grader.workspace.source import (
    Function,
    Source,
    Symbol,
    assigned,
    imports,
    last_word,
    names,
    public_symbols,
)

RAISE = "raise NotImplementedError"
_KEPT_DECORATORS = {
    "staticmethod",
    "classmethod",
    "property",
    "cached_property",
    "abstractmethod",
    "override",
}
_ACCESSORS = {"setter", "getter", "deleter"}
_DECLARATIVE = {"NamedTuple", "TypedDict", "Protocol", "Enum", "StrEnum", "IntEnum"}
_MODULES = {"nn.Module", "torch.nn.Module", "Module"}


class StubError(ValueError):
    """A solution from which no stub can be made; the message is ``line: sentence``."""


def stub_text(solution_text: str) -> str:
    """Return the stub of a solution: statement, imports in use, signatures, docstrings, no answers."""
    source = Source(solution_text)
    bodies = [_symbol(source, node) for node in public_symbols(source.tree)]
    if not bodies:
        raise StubError("1: nothing to write: define a public function or class.")
    constants = _constants(source, bodies)
    used = names(ast.parse("\n\n".join([*constants, *bodies])))
    lines = imports(source, used)
    _refuse_unknown(source, used, "\n".join([*lines, *constants, *bodies]))
    head = [source.segment(source.tree.body[0])] if ast.get_docstring(source.tree) is not None else []
    top = [part for part in ("\n".join(lines), "\n".join(constants)) if part]
    return "\n\n\n".join(["\n\n".join([*head, *top]), *bodies]).lstrip("\n") + "\n"


def write_stub(solution: Path, stub: Path) -> bool:
    """Write the stub of a solution; returns whether the file changed."""
    text = stub_text(solution.read_text(encoding="utf-8"))
    if stub.is_file() and stub.read_text(encoding="utf-8") == text:
        return False
    stub.parent.mkdir(parents=True, exist_ok=True)
    stub.write_text(text, encoding="utf-8", newline="\n")
    return True


def plain(text: str) -> str:
    """Return a text without what editors change on their own: line ends, blank ends of lines and file."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def is_bare(text: str) -> bool:
    """Whether a file holds nothing but declarations: a stub, be it of this solution or of an older one."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    return bool(functions) and all(_is_bare_body(node.body) for node in functions)


def _symbol(source: Source, node: Symbol) -> str:
    return _class(source, node) if isinstance(node, ast.ClassDef) else _function(source, node, body=[RAISE])


def _function(source: Source, node: Function, *, body: list[str], indent: str = "") -> str:
    inner = indent + "    "
    lines = [indent + source.header(node)]
    if (docstring := _docstring(node)) is not None:
        lines.append(inner + source.segment(docstring))
    return "\n".join([*lines, *(inner + line for line in body)])


def _class(source: Source, node: ast.ClassDef) -> str:
    """Keep a class's bases, docstring, declared fields and public methods."""
    is_data = [d for d in node.decorator_list if last_word(d) == "dataclass"]
    declares = is_data or any(last_word(base) in _DECLARATIVE for base in node.bases)
    parts = []
    if (docstring := _docstring(node)) is not None:
        parts.append("    " + source.segment(docstring))
    if declares and (fields := [n for n in node.body if isinstance(n, ast.Assign | ast.AnnAssign)]):
        parts.append("\n".join("    " + source.segment(field) for field in fields))
    parts += [
        _method(source, node, item) for item in node.body if isinstance(item, Function) and _shown(item)
    ]
    head = [*(f"@{source.segment(d)}" for d in is_data), source.header(node)]
    return "\n".join([*head, "\n\n".join(parts or ["    pass"])])


def _method(source: Source, owner: ast.ClassDef, node: Function) -> str:
    kept = [d for d in node.decorator_list if last_word(d) in _KEPT_DECORATORS | _ACCESSORS]
    first = ["super().__init__()"] if node.name == "__init__" and _is_module(source, owner) else []
    text = _function(source, node, body=[*first, RAISE], indent="    ")
    return "\n".join([*(f"    @{source.segment(decorator)}" for decorator in kept), text])


def _shown(node: Function) -> bool:
    is_special = node.name.startswith("__") and node.name.endswith("__") and node.name != "__post_init__"
    return is_special or not node.name.startswith("_")


def _docstring(node: Symbol) -> ast.Expr | None:
    first = node.body[0]
    return first if isinstance(first, ast.Expr) and ast.get_docstring(node, clean=False) is not None else None


def _is_module(source: Source, node: ast.ClassDef) -> bool:
    """Whether a class is an ``nn.Module``, by its own base or by that of a class in the same file."""
    classes = {n.name: n for n in source.tree.body if isinstance(n, ast.ClassDef) and n is not node}
    for base in map(ast.unparse, node.bases):
        if base in _MODULES or (base in classes and _is_module(source, classes[base])):
            return True
    return False


def _constants(source: Source, bodies: list[str]) -> list[str]:
    """Return the module's assignments that the kept text refers to, and those these refer to."""
    wanted = names(ast.parse("\n\n".join(bodies)))
    while True:
        kept = [node for node in source.tree.body if assigned(node) & wanted]
        more = wanted.union(*map(names, kept))
        if more == wanted:
            return [source.segment(node) for node in kept]
        wanted = more


def _refuse_unknown(source: Source, used: set[str], kept: str) -> None:
    """Raise when the stub would refer to a symbol that only the solution knows."""
    known = {node.name for node in ast.parse(kept).body if isinstance(node, Symbol)} | set(dir(builtins))
    for node in source.tree.body:
        if isinstance(node, Symbol) and node.name in used - known:
            raise StubError(
                f"{node.lineno}: a kept signature refers to `{node.name}`, which the stub does not hold: "
                "make that name public or take it out of the signature."
            )


def _is_bare_body(body: list[ast.stmt]) -> bool:
    rest = [n for n in body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    words = [ast.unparse(n) for n in rest]
    if words[:1] == ["super().__init__()"]:
        words = words[1:]
    return words in ([RAISE], [f"{RAISE}()"])
