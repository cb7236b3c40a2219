"""Draws the small case of a failure: masks and maps cell by cell, flow as arrows, boxes on a canvas.

What a tensor is follows from its annotation: axes named h and w are an image. That four numbers are the
corners of a box is said by the kata, in ``Rules(pictures={"a": "xyxy"})``. Every sign has an ASCII
twin (``grader.text.render.ascii_picture``), so that a picture survives a terminal without Unicode.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from grader.cases.inputs import Symbol
from grader.cases.shapes import Spec, read
from grader.feedback.canvas import Canvas
from grader.judge.problems import Problem
from grader.model import Kind

RESULT = "result"
"""The name under which a kata says what its result is."""
_WIDE, _HIGH = 17, 12
_SHADES = "·░▒▓█"
_ARROWS = "→↘↓↙←↖↑↗"
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_BOXES = 4

Glyph = Callable[[Tensor, int, int], str]


def picture(problem: Problem, symbol: Symbol, pictures: Mapping[str, str]) -> str:
    """Return the picture of a wrong result and of the inputs that explain it, or nothing."""
    shape = problem.kind is Kind.CONTRACT and problem.difference is not None
    if problem.case is None or not (shape or problem.kind in (Kind.VALUE, Kind.PROPERTY)):
        return ""
    given = problem.case.arguments
    shown = [
        _boxes_given(given, symbol, pictures),
        _images_given(given, symbol),
        _result(problem, symbol, pictures),
    ]
    return "\n\n".join(text for text in shown if text)


def result_spec(returns: Any, path: str) -> Spec | None:
    """Return the spec of the part of a result at a path such as ``[1]``."""
    if path.startswith("[") and path.endswith("]") and path[1:-1].isdigit():
        parts = typing.get_args(returns)
        return read(parts[int(path[1:-1])]) if int(path[1:-1]) < len(parts) else None
    return read(returns) if not path else None


def _result(problem: Problem, symbol: Symbol, pictures: Mapping[str, str]) -> str:
    found = problem.difference
    if found is None or not isinstance(found.expected, Tensor) or not isinstance(found.actual, Tensor):
        return ""
    wanted, mine = found.expected.detach(), found.actual.detach()
    if wanted.shape != mine.shape or wanted.numel() < 2:
        return ""
    declared = pictures.get(RESULT + found.path)
    if declared is not None:
        return _boxes_beside(wanted, mine, declared, problem.case.arguments if problem.case else {})
    spec = result_spec(symbol.returns, found.path)
    if spec is None or not is_image(spec) or len(spec.dims) != wanted.dim():
        return ""
    if wanted.shape[-1] * wanted.shape[-2] < 2:
        return ""
    at = found.index or (0,) * wanted.dim()
    if is_flow(spec):
        return _beside(_plane(wanted, at, 3), _plane(mine, at, 3), at, _arrow, at[:-3])
    glyph = _glyph(spec, wanted)
    return _beside(_plane(wanted, at, 2), _plane(mine, at, 2), at, glyph, at[:-2]) + _legend(spec, wanted)


def _images_given(arguments: Mapping[str, Any], symbol: Symbol) -> str:
    """Draw the first plane of the inputs that are masks, label maps or flows, side by side."""
    panels: list[list[str]] = []
    for parameter in symbol.parameters:
        value, spec = arguments.get(parameter.name), parameter.spec
        if (
            not isinstance(value, Tensor)
            or spec is None
            or not is_image(spec)
            or len(spec.dims) != value.dim()
        ):
            continue
        if value.numel() == 0 or value.shape[-1] * value.shape[-2] < 4:
            continue
        if spec.family == "float" and not is_flow(spec):
            continue
        panels.append(_panel(parameter.name, spec, value.detach()))
    room, kept = 76, []
    for panel in panels:
        room -= len(panel[0]) + 3
        if room >= 0:
            kept.append(panel)
    height = max((len(panel) for panel in kept), default=0)
    filled = [panel + [" " * len(panel[0])] * (height - len(panel)) for panel in kept]
    return "\n".join(("  " + "   ".join(row)).rstrip() for row in zip(*filled, strict=True))


def _panel(name: str, spec: Spec, value: Tensor) -> list[str]:
    flow = is_flow(spec)
    plane = value[(0,) * (value.dim() - (3 if flow else 2))]
    where = f"{name} [{', '.join('0' * (value.dim() - plane.dim()))}]" if value.dim() > plane.dim() else name
    glyph = _arrow if flow else _glyph(spec, value)
    rows, columns = range(min(plane.shape[-2], _HIGH)), range(min(plane.shape[-1], _WIDE))
    lines = [where, *("".join(glyph(plane, y, x) + " " for x in columns) for y in rows)]
    width = max(len(line) for line in lines)
    return [line.ljust(width) for line in lines]


def is_image(spec: Spec) -> bool:
    """Whether the last two axes are the rows and columns of an image."""
    return len(spec.dims) >= 2 and spec.dims[-2].lower()[:1] == "h" and spec.dims[-1].lower()[:1] == "w"


def is_flow(spec: Spec) -> bool:
    """Whether the tensor holds a displacement (dx, dy) per pixel."""
    return is_image(spec) and spec.family == "float" and len(spec.dims) >= 3 and spec.dims[-3] == "2"


def _plane(value: Tensor, at: Sequence[int], kept: int) -> Tensor:
    return value[tuple(at[: value.dim() - kept])]


def _glyph(spec: Spec, wanted: Tensor) -> Glyph:
    if spec.family == "bool":
        return lambda plane, y, x: "█" if plane[y, x] else "·"
    if spec.family == "int":
        return lambda plane, y, x: _letter(int(plane[y, x]))
    finite = wanted[torch.isfinite(wanted)]
    low, high = (float(finite.min()), float(finite.max())) if finite.numel() else (0.0, 1.0)
    return lambda plane, y, x: _shade(float(plane[y, x]), low, high)


def _letter(number: int) -> str:
    return _LETTERS[number] if 0 <= number < len(_LETTERS) else "-" if number < 0 else "+"


def _shade(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return "?"
    share = (value - low) / (high - low) if high > low else 0.5
    return _SHADES[max(0, min(int(share * len(_SHADES)), len(_SHADES) - 1))]


def _legend(spec: Spec, wanted: Tensor) -> str:
    finite = wanted[torch.isfinite(wanted)] if spec.family == "float" else wanted[:0]
    if not finite.numel() or float(finite.min()) == float(finite.max()):
        return ""
    return f"\n  {_SHADES[0]} is {float(finite.min()):.4g}, {_SHADES[-1]} is {float(finite.max()):.4g}"


def _arrow(plane: Tensor, y: int, x: int) -> str:
    dx, dy = float(plane[0, y, x]), float(plane[1, y, x])
    if not (math.isfinite(dx) and math.isfinite(dy)):
        return "?"
    if math.hypot(dx, dy) < 1e-9:
        return "·"
    return _ARROWS[round(math.atan2(dy, dx) / (math.pi / 4)) % 8]


def _differs(wanted: Tensor, mine: Tensor) -> Tensor:
    """Return which pixels differ, over all but the last two axes."""
    if not wanted.is_floating_point():
        found = wanted != mine
    else:
        a, b = wanted.double(), mine.double()
        finite = a[torch.isfinite(a)]
        close = 1e-6 + 1e-5 * (float(finite.abs().max()) if finite.numel() else 1.0)
        found = ~torch.isclose(a, b, rtol=1e-5, atol=close, equal_nan=True)
    while found.dim() > 2:
        found = found.any(dim=0)
    return found


def _beside(wanted: Tensor, mine: Tensor, at: Sequence[int], glyph: Glyph, where: Sequence[int]) -> str:
    """Draw the expected plane and the learner's side by side, wrong cells with a star."""
    marked = _differs(wanted, mine)
    rows, columns = _window(marked.shape[0], at[-2], _HIGH), _window(marked.shape[1], at[-1], _WIDE)
    place = f" [{', '.join(str(i) for i in where)}]" if where else ""
    width = max(2 * len(columns), len("expected" + place))
    lines = [f"  {'expected' + place:<{width}}   yours{place}   (* differs)"]
    for y in rows:
        left = "".join(glyph(wanted, y, x) + " " for x in columns)
        right = "".join(glyph(mine, y, x) + ("*" if marked[y, x] else " ") for x in columns)
        lines.append(f"  {left:<{width}}   {right}".rstrip())
    if (len(rows), len(columns)) != tuple(marked.shape):
        ends = f"rows {rows[0]} to {rows[-1]}, columns {columns[0]} to {columns[-1]}"
        lines.append(f"  (of {marked.shape[0]} x {marked.shape[1]}: {ends})")
    return "\n".join(lines)


def _window(count: int, at: int, most: int) -> range:
    if count <= most:
        return range(count)
    start = min(max(at - most // 2, 0), count - most)
    return range(start, start + most)


# -- boxes -------------------------------------------------------------------------------------------


def _corners(boxes: Tensor, form: str, arguments: Mapping[str, Any]) -> list[tuple[float, ...]]:
    """Return boxes as (x1, y1, x2, y2); ``form`` may name the argument that says how they are written."""
    form = str(arguments.get(form, form))
    rows = boxes.reshape(-1, 4).double()
    if form == "cxcywh":
        rows = torch.cat([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2], dim=1)
    elif form == "xywh":
        rows = torch.cat([rows[:, :2], rows[:, :2] + rows[:, 2:]], dim=1)
    return [tuple(row) for row in rows.tolist()]


def _drawable(boxes: Sequence[tuple[float, ...]]) -> bool:
    whole = all(all(math.isfinite(v) for v in box) for box in boxes)
    return whole and all(x1 <= x2 and y1 <= y2 for x1, y1, x2, y2 in boxes)


def _boxes_beside(wanted: Tensor, mine: Tensor, form: str, arguments: Mapping[str, Any]) -> str:
    if wanted.shape[-1] != 4:
        return ""
    sides = [_corners(side, form, arguments)[:_BOXES] for side in (wanted, mine)]
    if not _drawable([*sides[0], *sides[1]]):
        return ""
    canvas = Canvas.around([*sides[0], *sides[1]], 33, _HIGH)
    drawn = [canvas.draw([(_LETTERS[i], box) for i, box in enumerate(side)]) for side in sides]
    width = max(len(line) for line in [*drawn[0], "expected"])
    lines = [f"  {'expected':<{width}}   yours"]
    lines += [f"  {left:<{width}}   {right}".rstrip() for left, right in zip(*drawn, strict=True)]
    return "\n".join(lines)


def _boxes_given(arguments: Mapping[str, Any], symbol: Symbol, pictures: Mapping[str, str]) -> str:
    """Draw the inputs that are boxes, together on one canvas."""
    drawn: list[tuple[str, tuple[float, ...]]] = []
    for parameter in symbol.parameters:
        value, form = arguments.get(parameter.name), pictures.get(parameter.name)
        if form is None or not isinstance(value, Tensor) or value.shape[-1:] != (4,) or not value.numel():
            continue
        boxes = _corners(value.detach(), form, arguments)
        several = len(boxes) > 1
        drawn += [
            (parameter.name[0] + (_LETTERS[i] if several else ""), b) for i, b in enumerate(boxes[:_BOXES])
        ]
    if not drawn or not _drawable([box for _, box in drawn]):
        return ""
    canvas = Canvas.around([box for _, box in drawn], 60, _HIGH)
    return "\n".join(f"  {line}".rstrip() for line in canvas.draw(drawn))
