"""Tells a failure as a short story: the call, what came back, what was asked for, which mistake it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from grader.cases.inputs import Case
from grader.judge.candidate import Handle, Opaque
from grader.judge.compare import describe, dtype_name
from grader.judge.problems import Problem
from grader.model import Kind
from grader.worker.decoders import NextWord
from grader.worker.plainly import visible
from grader.worker.wire import Elsewhere, Stream

WIDTH = 78
_SMALL = 24
_CORNER = 4
_LINES = 12
_PLACES = 8


def told(
    problem: Problem,
    *,
    title: str,
    mistake: str | None = None,
    printed: str = "",
    again: str = "",
    file: Path | None = None,
    drawing: str = "",
) -> str:
    """Return the whole story as plain text."""
    paragraphs = [
        _opening(problem, title),
        _call(problem),
        drawing,
        _frames(problem, file),
        _printed(printed),
    ]
    if mistake is not None:
        paragraphs.append(f"It behaves like a version that {mistake}.")
    if again:
        paragraphs.append(f"Run it again: {again}")
    return visible("\n\n".join(p for p in paragraphs if p))


def sentence(problem: Problem) -> str:
    """Return the one sentence that says what is wrong."""
    if problem.sentence:
        return problem.sentence
    found = problem.difference
    if found is None:
        return f"{problem.kind.value.capitalize()} problem."
    where = f"The result{found.path}" if found.path else "The result"
    if found.kind is Kind.CONTRACT and not found.sentence.startswith("has "):
        return f"{'It' if not found.path else where} {found.sentence}."
    if found.kind is Kind.CONTRACT:
        return f"{where} {found.sentence}."
    if found.sentence == "not finite":
        return f"{where} is not finite where a number is expected."
    return f"{where} is wrong."


def _opening(problem: Problem, title: str) -> str:
    text = sentence(problem)
    if problem.kind is Kind.PROPERTY:
        text = f"This should hold: {title}" + (f"\n{text}" if text and text != "wrong value" else "")
    if problem.part:
        text += f" ({problem.part})"
    if problem.kind in (Kind.TIMEOUT, Kind.CRASHED):
        return text
    return f"{text}\n\n{problem.note}" if problem.note else text


def _call(problem: Problem) -> str:
    case = problem.case
    if case is None or problem.kind in (Kind.TODO, Kind.FORBIDDEN):
        return ""
    lines = [_signature(case)] if case.plan.label != "property" else []
    told = {n for n in case.optional if n in case.arguments and _inline(case.arguments[n]) != "..."}
    rows = [(name, show(value)) for name, value in case.told.items() if name not in told]
    found = problem.difference
    if found is not None and problem.kind in (Kind.VALUE, Kind.GRADIENT, Kind.PROPERTY):
        rows += _pair(problem)
    elif found is not None:
        rows += [("yours", _typed(found.actual)), ("expected", _typed(found.expected))]
    width = max((len(name) for name, _ in rows), default=0)
    lines += [_row(name, text, width) for name, text in rows]
    return "\n".join(lines)


def _pair(problem: Problem) -> list[tuple[str, str]]:
    found = problem.difference
    assert found is not None
    mine, wanted = found.actual, found.expected
    big = isinstance(wanted, Tensor) and wanted.numel() > _SMALL and found.index is not None
    if big and isinstance(mine, Tensor) and mine.shape == wanted.shape:
        at = "[" + ", ".join(str(i) for i in found.index or ()) + "]"
        return [
            ("shape", str(tuple(wanted.shape))),
            (f"yours{at}", f"{_cell(mine[found.index])}   (the first place that differs)"),
            (f"expected{at}", _cell(wanted[found.index])),
        ]
    return [("yours", show(mine)), ("expected", show(wanted))]


def _typed(value: Any) -> str:
    """Show a value by its type, and a small tensor by its contents too."""
    if isinstance(value, Tensor) and 0 < value.numel() <= _SMALL:
        return f"{_nested(value.detach())}\n({describe(value)})"
    if isinstance(value, (list, tuple)) and all(isinstance(v, (int, float, str)) for v in value):
        return f"{show(value)}\n({describe(value)})"
    return describe(value)


def _signature(case: Case) -> str:
    if case.making:
        inner = ", ".join(f"{n}={_inline(v)}" for n, v in case.making.items())
        return f"{case.plan.symbol}({inner})" + (
            "" if case.steps[0][0] == "__call__" else f".{case.steps[0][0]}(...)"
        )
    given = case.steps[0][1]
    parts = [n if n not in case.optional else f"{n}={_inline(given[n])}" for n in given]
    extra = _extra(case)
    return f"{case.plan.symbol}({', '.join(parts)})" + (f"      # {extra}" if extra else "")


def _extra(case: Case) -> str:
    plan = case.plan
    notes = []
    if plan.layout == "strided":
        notes.append("inputs not contiguous in memory")
    if plan.dtype not in (torch.float64,):
        notes.append(f"inputs in {dtype_name(plan.dtype)}")
    return ", ".join(notes)


def _row(name: str, text: str, width: int) -> str:
    pad = " " * (width + 5)
    return f"  {name:<{width}} = " + text.replace("\n", "\n" + pad)


def show(value: Any) -> str:
    """Show a value in a few short lines: small tensors whole, large ones by shape and a corner."""
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, NextWord):
        return _decoder(value)
    if isinstance(value, nn.Module):
        return repr(value) if len(repr(value)) < WIDTH else f"nn.{type(value).__name__}(...)"
    if isinstance(value, (Opaque, Handle, Elsewhere)):
        return describe(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (list, tuple)):
        left, right = "[]" if isinstance(value, list) else "()"
        inner = ", ".join(show(v) for v in value)
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        text = f"{left}{inner}{comma}{right}"
        return text if len(text) < 600 else f"{describe(value)}, {text[:200]}..."
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {show(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Stream):
        return f"iter({show(list(value.items))})"
    text = repr(value)
    return text if len(text) < 400 else text[:400] + "..."


def _decoder(value: NextWord) -> str:
    lines = [
        f"place {p}: logits [{', '.join(f'{x:.3g}' for x in scores)}], words lead to {moves}"
        for p, (scores, moves) in enumerate(zip(value.logits.tolist(), value.moves.tolist(), strict=True))
    ]
    more = len(lines) - _PLACES
    return "\n".join(lines if more <= 0 else [*lines[:_PLACES], f"and {more} places more"])


def _tensor(value: Tensor) -> str:
    value = value.detach()
    if value.numel() == 0:
        return f"an empty tensor of shape {tuple(value.shape)}"
    if value.numel() <= _SMALL:
        return _nested(value)
    corner = value
    for axis in range(value.dim()):
        corner = corner.narrow(axis, 0, min(_CORNER if axis >= value.dim() - 2 else 1, value.shape[axis]))
    while corner.dim() > 2:
        corner = corner[0]
    return f"shape {tuple(value.shape)}, starts\n{_nested(corner)}"


def _nested(value: Tensor) -> str:
    if value.dim() == 0:
        return _cell(value)
    if value.dim() == 1:
        return "[" + ", ".join(_cell(v) for v in value) + "]"
    rows = [_nested(v) for v in value]
    one = "[" + ", ".join(rows) + "]"
    return one if len(one) <= WIDTH - 20 else "[" + ",\n ".join(r.replace("\n", "\n ") for r in rows) + "]"


def _cell(value: Tensor) -> str:
    return _number(value.item()) if value.is_floating_point() else str(value.item())


def _number(value: float) -> str:
    text = f"{value:.6g}"
    return text + ".0" if text.lstrip("-").isdigit() else text


def _inline(value: Any) -> str:
    text = show(value)
    return text if "\n" not in text and len(text) < 40 else "..."


def _frames(problem: Problem, file: Path | None) -> str:
    if problem.kind is Kind.TODO:
        return ""
    if problem.kind in (Kind.TIMEOUT, Kind.CRASHED):
        line = _line_of(problem.note, file)
        return f"It was in line {line[0]}: {line[1]}" if line else ""
    raised = problem.raised
    if raised is None or not raised["frames"]:
        return ""
    name = file.name if file is not None else "your file"
    shown = [f"  {name}:{number}  {text.strip()}" for number, _, text in raised["frames"][-4:]]
    return (
        "Your lines, outermost first:\n" + "\n".join(shown) if len(shown) > 1 else "Your line:\n" + shown[0]
    )


def _printed(text: str) -> str:
    """Show the first lines of what the code printed."""
    lines = [line[:WIDTH] for line in text.splitlines()]
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"... and {len(lines) - _LINES} more lines"]
    return "\n".join(["Your code printed:", *(f"  {line}" for line in lines)]) if lines else ""


def _line_of(stack: str, file: Path | None) -> tuple[int, str] | None:
    """Find the learner's innermost line in a stack that faulthandler dumped."""
    if file is None:
        return None
    # Whoever writes a stack while a process dies knows ASCII alone.
    name = str(file).encode("ascii", "backslashreplace").decode()
    for row in stack.splitlines():
        if f'"{name}"' in row and ", line " in row:
            number = int(row.split(", line ")[1].split(" ")[0])
            try:
                return number, file.read_text(encoding="utf-8-sig").splitlines()[number - 1].strip()
            except (OSError, IndexError, UnicodeDecodeError):
                return number, ""
    return None
