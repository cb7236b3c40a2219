"""Small wrong turns in a reference, made by machine: operators, constants, axes, comparisons, defaults.

Works on the syntax tree in place and puts it back, so that each mutant differs from the reference in one
spot. A mutant is known by what it changes, not by a line number, so that the record of equivalent ones
outlives edits elsewhere.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
_COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_TWINS = (
    *(("min", "max"), ("minimum", "maximum"), ("amin", "amax"), ("argmin", "argmax"), ("floor", "ceil")),
    *(
        ("sum", "mean"),
        ("zeros", "ones"),
        ("zeros_like", "ones_like"),
        ("new_zeros", "new_ones"),
        ("any", "all"),
    ),
    *(
        ("sigmoid", "tanh"),
        ("softmax", "log_softmax"),
        ("exp", "log"),
        ("cumsum", "cumprod"),
        ("prod", "sum"),
    ),
    *(("logical_and", "logical_or"), ("relu", "abs")),
)
_NAMES: dict[str, tuple[str, ...]] = {
    name: tuple(b if a == name else a for a, b in _TWINS if name in (a, b))
    for pair in _TWINS
    for name in pair
}
_SYMMETRIC = {
    "maximum",
    "minimum",
    "max",
    "min",
    "add",
    "mul",
    "logical_and",
    "logical_or",
    "logical_xor",
    "eq",
    "ne",
}
"""Swapping the arguments of these changes nothing."""
_DROPPABLE = {
    "clamp",
    "clamp_min",
    "clamp_max",
    "abs",
    "float",
    "double",
    "long",
    "contiguous",
    "clone",
    "exp",
    "log",
}


_CAN_GO = (ast.Expr, ast.Assign, ast.AugAssign, ast.If, ast.For)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed reference: what was changed, and the whole file's text."""

    key: str
    text: str


def mutants(text: str) -> Iterator[Mutant]:
    """Yield every mutant of the reference in an author's file."""
    tree = ast.parse(text)
    seen: set[str] = {ast.unparse(tree)}
    counted: Counter[str] = Counter()
    for owner, name in _owners(tree):
        for change in _changes(owner):
            before = change.shown()
            undo = change.apply()
            try:
                after, changed = change.shown(), ast.unparse(ast.fix_missing_locations(tree))
            finally:
                undo()
            if changed in seen:
                continue
            seen.add(changed)
            key = f"{name}: {_short(before)} -> {_short(after)}"
            counted[key] += 1
            yield Mutant(key if counted[key] == 1 else f"{key} ({counted[key]})", changed)


@dataclass(frozen=True)
class _Change:
    apply: Callable[[], Callable[[], None]]
    shown: Callable[[], str]


def _owners(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the reference's functions, classes and private constants, without the marked versions."""
    replaced = _unreached(tree)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            if not node.decorator_list and node.name not in replaced:
                yield node, node.name
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("_"):
            yield node, ast.unparse(node.targets[0])


def _unreached(tree: ast.Module) -> set[str]:
    """Return the names that only versions use: whatever the reference never reaches."""
    public = [
        n
        for n in tree.body
        if isinstance(n, (ast.FunctionDef, ast.ClassDef))
        and not n.decorator_list
        and not n.name.startswith("_")
    ]
    by_name = {n.name: n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    reached, queue = set(), [n.name for n in public]
    while queue:
        name = queue.pop()
        if name in reached or name not in by_name:
            continue
        reached.add(name)
        queue += [n.id for n in ast.walk(by_name[name]) if isinstance(n, ast.Name)]
    return set(by_name) - reached


def _changes(owner: ast.stmt) -> Iterator[_Change]:
    skipped = _untouchable(owner)
    statements = _statements(owner)
    neighbours = _neighbours(owner)
    for node in ast.walk(owner):
        if id(node) in skipped:
            continue
        holder = _holder(node, statements) or owner
        yield from _of(node, holder)
        if isinstance(node, ast.Name) and (other := neighbours.get(id(node))) is not None:
            yield _set(node, "id", other, holder)
    yield from _dropped(owner)


def _of(node: ast.AST, holder: ast.AST) -> Iterator[_Change]:
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)):
        yield from (_set(node, "op", op(), holder) for op in _OPERATORS.get(type(node.op), ()))
    if isinstance(node, ast.BinOp):
        yield from (_become(node, side, holder) for side in (node.left, node.right))
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from (_set(node, "ops", [op()], holder) for op in _COMPARISONS.get(type(node.ops[0]), ()))
    elif isinstance(node, ast.Constant):
        yield from (_set(node, "value", v, holder) for v in _other_constants(node.value))
    elif isinstance(node, ast.UnaryOp) and not _counts_from_the_end(node):
        yield _become(node, node.operand, holder)
    elif isinstance(node, ast.Call):
        yield from _calls(node, holder)
    elif isinstance(node, ast.Attribute):
        yield from (_set(node, "attr", name, holder) for name in _NAMES.get(node.attr, ()))
    elif isinstance(node, ast.Slice):
        ends = (f for f in ("lower", "upper", "step") if getattr(node, f) is not None)
        yield from (_set(node, f, None, holder) for f in ends)
    elif isinstance(node, ast.IfExp):
        yield from (_become(node, side, holder) for side in (node.body, node.orelse))
    elif isinstance(node, ast.arguments):
        yield from _defaults(node, holder)


def _calls(node: ast.Call, holder: ast.AST) -> Iterator[_Change]:
    plain = len(node.args) >= 2 and not any(isinstance(a, ast.Starred) for a in node.args)
    if plain and _called(node) not in _SYMMETRIC:
        yield _set(node, "args", [node.args[1], node.args[0], *node.args[2:]], holder)
    for i in range(len(node.keywords)):
        yield _set(node, "keywords", node.keywords[:i] + node.keywords[i + 1 :], holder)
    if isinstance(node.func, ast.Name):
        yield from (_set(node.func, "id", name, holder) for name in _NAMES.get(node.func.id, ()))
    if isinstance(node.func, ast.Attribute) and node.func.attr in _DROPPABLE:
        on_tensor = ast.unparse(node.func.value) not in ("torch", "F", "math")
        yield _become(node, node.func.value if on_tensor else node.args[0], holder)


def _defaults(node: ast.arguments, holder: ast.AST) -> Iterator[_Change]:
    for i, default in enumerate(node.defaults):
        for value in _other_constants(_literal(default)):
            changed = [*node.defaults[:i], ast.Constant(value), *node.defaults[i + 1 :]]
            yield _set(node, "defaults", changed, holder)


def _dropped(owner: ast.stmt) -> Iterator[_Change]:
    for parent in ast.walk(owner):
        for field in ("body", "orelse"):
            block = getattr(parent, field, None)
            for i, statement in enumerate(block if isinstance(block, list) else []):
                if isinstance(statement, _CAN_GO) and not _is_text(statement):
                    yield _drop(parent, field, i)


def _set(node: ast.AST, field: str, value: Any, holder: ast.AST) -> _Change:
    return _Change(lambda: _swap(node, field, value), lambda: _text(holder))


def _become(node: ast.AST, by: ast.AST, holder: ast.AST) -> _Change:
    return _Change(lambda: _replace(node, by), lambda: _text(holder))


def _drop(parent: ast.AST, field: str, i: int) -> _Change:
    block = getattr(parent, field)
    without = [*block[:i], ast.Pass(), *block[i + 1 :]]
    return _Change(lambda: _swap(parent, field, without), lambda: _text(getattr(parent, field)[i]))


def _other_constants(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return tuple(dict.fromkeys((value + 1, value - 1, 0)))
    if isinstance(value, float):
        return (value * 1.5 + 0.1, -value) if value else (1.0,)
    return ()


def _neighbours(owner: ast.stmt) -> dict[int, str]:
    """For each use of a parameter, the parameter after it, which it could be mistaken for."""
    found: dict[int, str] = {}
    for function in ast.walk(owner):
        if isinstance(function, ast.FunctionDef):
            names = [a.arg for a in function.args.args if a.arg != "self"]
            after = dict(zip(names, [*names[1:], *names[:1]], strict=True)) if len(names) > 1 else {}
            uses = (n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
            found |= {id(n): after[n.id] for n in uses if n.id in after}
    return found


def _untouchable(owner: ast.stmt) -> set[int]:
    """Annotations, docstrings and messages of exceptions decide nothing."""
    found: set[int] = set()
    for node in ast.walk(owner):
        parts: list[Any] = []
        if isinstance(node, ast.FunctionDef):
            parts = [node.returns, *(a.annotation for a in [*node.args.args, *node.args.kwonlyargs])]
        elif isinstance(node, ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.Expr) and _is_text(node):
            parts = [node]
        elif isinstance(node, ast.Raise):
            parts = [node.exc]
        elif isinstance(node, ast.arguments):
            # Defaults are changed as defaults, once.
            parts = [*node.defaults, *node.kw_defaults]
        for part in parts:
            if part is not None:
                found |= {id(n) for n in ast.walk(part)}
    return found


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _counts_from_the_end(node: ast.UnaryOp) -> bool:
    """A -1 is nearly always the last axis, and its own sign change the same axis again."""
    return (
        isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant) and node.operand.value == 1
    )


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _statements(owner: ast.stmt) -> list[ast.stmt]:
    """Return the statements inside, the innermost last."""
    inner = (n for n in ast.walk(owner) if isinstance(n, ast.stmt) and n is not owner)
    return [n for n in inner if not isinstance(n, (ast.FunctionDef, ast.ClassDef))]


def _holder(node: ast.AST, statements: list[ast.stmt]) -> ast.stmt | None:
    return next((s for s in reversed(statements) if any(n is node for n in ast.walk(s))), None)


def _swap(node: ast.AST, field: str, value: Any) -> Callable[[], None]:
    before = getattr(node, field)
    setattr(node, field, value)
    return lambda: setattr(node, field, before)


def _replace(node: ast.AST, by: ast.AST) -> Callable[[], None]:
    """Make a node become another one, in place, so that its parent need not be known."""
    kind, state = node.__class__, dict(node.__dict__)
    twin_kind, twin_state = by.__class__, dict(by.__dict__)
    node.__class__ = twin_kind
    node.__dict__.clear()
    node.__dict__.update(twin_state)

    def undo() -> None:
        node.__class__ = kind
        node.__dict__.clear()
        node.__dict__.update(state)

    return undo


def _text(node: Any) -> str:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return ast.unparse(node).splitlines()[0]
    if isinstance(node, (ast.If, ast.For, ast.While, ast.With)):
        return ast.unparse(node).partition("\n")[0]
    return ast.unparse(node)


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 160 else plain[:157] + "..."
