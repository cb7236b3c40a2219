"""What a question must make sense of beyond its types: each check yields the key at fault and a sentence."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from grader.model import QuestionKind
from grader.questions.bank.problem import guess, shown

LONGEST_CODE = 14
_MUCH_LONGER = 1.6
_LONGEST_SHAPE = 200
_SHORT = 20
"""Options shorter than this give nothing away by their length."""
_LATEX = re.compile(r"\$[^$\n]+\$|\\[a-zA-Z]{2,}")
_CODE_SPAN = re.compile(r"`[^`]*`")
_SIZE = re.compile(r"(?!.*\d[A-Za-z_])[\w\s+*/().,-]{1,80}", re.ASCII)
_NODES = (ast.Expression, ast.BinOp, ast.Name, ast.Load, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv)


class Finding(NamedTuple):
    """The key at fault, the entry in it if it is one, and the sentence."""

    key: str
    sentence: str
    entry: int | str | None = None
    note: bool = False


Values = Mapping[str, Any]
"""The values of a question by key, as far as they are what their types ask for."""


def sense(kind: QuestionKind, values: Values) -> Iterator[Finding]:
    """Yield all that makes no sense in a question."""
    for key in ("skills", "choices", "answers", "order", "points"):
        yield from _distinct(key, values.get(key, ()))
    for check in _CHECKS.get(kind, ()):
        yield from check(values)
    yield from _latex(values)


def sizes(text: str) -> tuple[str, ...] | None:
    """Return the sizes of a written shape such as ``[B, 512, H/32]``, or nothing if it is none."""
    text = text.strip()
    if text[:1] + text[-1:] not in ("[]", "()") or len(text) > _LONGEST_SHAPE:
        return None
    inside = text[1:-1].strip().removesuffix(",")
    parts = re.split(r",(?![^()]*\))", inside) if inside else []
    found = tuple(" ".join(part.split()) for part in parts)
    return found if all(map(_is_size, found)) else None


def _is_size(text: str) -> bool:
    if not _SIZE.fullmatch(text):
        return False
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(_is_arithmetic(node) for node in ast.walk(tree))


def _is_arithmetic(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("ceil", "floor", "max", "min")
    return isinstance(node, _NODES)


def _distinct(key: str, entries: list[str]) -> Iterator[Finding]:
    for place, entry in enumerate(entries):
        if entry in entries[:place]:
            yield Finding(key, f"{shown(entry)} stands twice in `{key}`: keep one.", place)


def _right_is_offered(values: Values) -> Iterator[Finding]:
    choices = values.get("choices")
    if choices is None:
        return
    if "answer" in values and values["answer"] not in choices:
        yield Finding("answer", _not_offered("answer", values["answer"], choices))
    for place, answer in enumerate(values.get("answers", ())):
        if answer not in choices:
            yield Finding("answers", _not_offered("answers", answer, choices), place)


def _not_offered(key: str, text: str, choices: list[str]) -> str:
    near = guess(text, choices)
    return f"{shown(text)} in `{key}` is not among the choices{near if 'did you mean' in near else '.'}"


def _wrong_is_explained(values: Values) -> Iterator[Finding]:
    """Check that ``but`` has a sentence for each wrong option, and for nothing else."""
    right = set(values.get("answers", ())) | {values.get("answer")}
    choices = values.get("choices")
    if choices is None or not right & set(choices):
        return
    but = values.get("but", {})
    wrong = [choice for choice in dict.fromkeys(choices) if choice not in right]
    for choice in wrong:
        # A question without any `but` has been told that the key is missing.
        if choice not in but and ("but" in values or "answers" in values):
            yield Finding("but", f"`but` does not say why {shown(choice)} is wrong: add a sentence.")
    for choice in but:
        if choice in right:
            yield Finding("but", f"`but` explains {shown(choice)}, which is right: leave it out.", choice)
        elif choice not in choices:
            yield Finding("but", _not_offered("but", choice, wrong), choice)


def _right_is_not_longest(values: Values) -> Iterator[Finding]:
    answer, choices = values.get("answer"), values.get("choices")
    if answer is None or choices is None:
        return
    others = [len(choice) for choice in choices if choice != answer]
    if others and len(answer) > max(_SHORT, _MUCH_LONGER * max(others)):
        yield Finding("answer", "the right option is much longer than the others: level them.", note=True)


def _finite(values: Values) -> Iterator[Finding]:
    for key in ("number", "tolerance"):
        if not math.isfinite(values.get(key, 0.0)):
            yield Finding(key, f"`{key}` must be finite.")


def _a_shape(values: Values) -> Iterator[Finding]:
    text = values.get("shape")
    if text is not None and sizes(text) is None:
        said = f"`shape` must be sizes between brackets, such as `[B, 512, 7, 7]`, not {shown(text)}."
        yield Finding("shape", said)


def _short_code(values: Values) -> Iterator[Finding]:
    lines = values.get("code", "").count("\n") + 1
    if lines > LONGEST_CODE:
        yield Finding("code", f"the code has {lines} lines: cut it down to {LONGEST_CODE}.", note=True)


def _latex(values: Values) -> Iterator[Finding]:
    for key in ("ask", "why"):
        if found := _LATEX.search(_CODE_SPAN.sub("", values.get(key, ""))):
            said = f"{shown(found[0])} looks like LaTeX: write mathematics as Unicode (√, ≤, Σ, x²)."
            yield Finding(key, said, note=True)


_OPTIONS = (_right_is_offered, _wrong_is_explained, _right_is_not_longest)
_CHECKS: Mapping[QuestionKind, tuple[Callable[[Values], Iterator[Finding]], ...]] = {
    QuestionKind.ONE: _OPTIONS,
    QuestionKind.SEVERAL: _OPTIONS,
    QuestionKind.BUG: (*_OPTIONS, _short_code),
    QuestionKind.NUMBER: (_finite,),
    QuestionKind.SHAPE: (_a_shape,),
}
