"""Questions from known-wrong versions: what is wrong here? Read from a solution's text; nothing is run.

The code is the version as the learner might have written it, under the name they know; the options are its
sentence and those of three siblings. Only for katas that were passed: the code is close to an answer.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.model import KataInfo, Question, QuestionKind
from grader.workspace.source import Source, Symbol, assigned, names, public_symbols, version

OTHERS = 3
"""How many sentences of other versions are offered beside the right one."""
MOST_LINES = 20
_ROOM = 14
"""Helpers are shown in full while all the code fits into this many lines."""
_ALIKE = 0.5
_SMALL = re.compile(
    r"\b(a|an|and|as|at|by|for|from|in|into|is|it|its|of|on|one|or|so|that|the|their|to|with)\b"
)
_SKILLS = (
    ("loss", "loss entropy focal smoothing"),
    ("metric", "iou error precision recall accuracy confusion metrics psnr ssim epe miou auc f1"),
    ("post-processing", "nms decode suppress threshold merge paste peaks"),
    ("data", "sampler sampling weights mixup cutmix augment crop flip targets assignment"),
    ("training", "schedule warmup optimiser optimizer step ema clip"),
    ("shapes", "grid reshape patches im2col pad resize"),
)


@dataclass(frozen=True, slots=True)
class _Version:
    """One known-wrong version as its decorator tells it."""

    node: Symbol
    sentence: str
    of: str
    also: Mapping[str, str]
    """Further public symbols and what stands in for them."""


def questions(kata: KataInfo, text: str) -> tuple[Question, ...]:
    """Return a question for each known-wrong version that can be shown and has siblings enough."""
    source = Source(text)
    symbols = tuple(symbol.name for symbol in public_symbols(source.tree))
    versions = tuple(_versions(source.tree, symbols))
    found = (_question(kata, source, each, versions) for each in versions)
    return tuple(question for question in found if question)


def _versions(tree: ast.Module, symbols: Sequence[str]) -> Iterator[_Version]:
    for node in tree.body:
        marked = version(node) if isinstance(node, Symbol) else None
        if marked is None or marked[0] != "wrong" or not isinstance(node, Symbol) or not symbols:
            continue
        said = [word.value for word in marked[1].args if isinstance(word, ast.Constant)]
        also = {}
        for keyword in marked[1].keywords:
            if keyword.arg == "also" and isinstance(keyword.value, ast.Dict):
                also = _words(keyword.value)
        if said and (of := _of(marked[1], symbols)) in symbols:
            yield _Version(node, str(said[0]), of, also)


def _of(call: ast.Call, symbols: Sequence[str]) -> str:
    """Return the symbol that a version stands for."""
    named = [
        str(keyword.value.value)
        for keyword in call.keywords
        if keyword.arg == "of" and isinstance(keyword.value, ast.Constant)
    ]
    return named[0] if named else symbols[0]


def _words(pairs: ast.Dict) -> dict[str, str]:
    """Return the constant keys and values of a written mapping."""
    both = zip(pairs.keys, pairs.values, strict=True)
    return {
        str(key.value): str(value.value if isinstance(value, ast.Constant) else getattr(value, "id", ""))
        for key, value in both
        if isinstance(key, ast.Constant)
    }


def _question(
    kata: KataInfo, source: Source, chosen: _Version, versions: Sequence[_Version]
) -> Question | None:
    id = f"{kata.id}:{chosen.node.name}"
    others = _others(chosen, versions, seed=id)
    made = _code(source, chosen)
    if len(others) < OTHERS or made is None:
        return None
    code, stands_alone = made
    choices = sorted((chosen.sentence, *others), key=lambda sentence: _rank(id, sentence))
    also = f" A right version of it is called `{_right(chosen.of)}`." if not stands_alone else ""
    return Question(
        id=id,
        kind=QuestionKind.BUG,
        ask=f"This version of `{chosen.of}` ({_lower(kata.title)}) is wrong.{also} What is its mistake?",
        why=f"The mistake: it {chosen.sentence}.",
        level=2 if stands_alone else 1,
        skills=_skills(kata, chosen),
        choices=tuple(choices),
        answer=(chosen.sentence,),
        code=code,
        kata=kata.id,
        family=kata.id,
    )


def _others(chosen: _Version, versions: Sequence[_Version], *, seed: str) -> list[str]:
    """Return sentences of siblings that mean something else, those of the same symbol first."""
    ranked = sorted(versions, key=lambda each: (each.of != chosen.of, _rank(seed, each.sentence)))
    found: list[str] = []
    for each in ranked:
        if len(found) < OTHERS and not any(
            _alike(each.sentence, known) for known in (chosen.sentence, *found)
        ):
            found.append(each.sentence)
    return found


def _rank(seed: str, sentence: str) -> str:
    """Return a sort key that is always the same and follows no pattern."""
    return hashlib.sha256(f"{seed}\n{sentence}".encode()).hexdigest()


def _alike(a: str, b: str) -> bool:
    """Whether two sentences may mean the same: one says what the other does, or most words are shared."""
    one, two = _stems(a), _stems(b)
    return len(one & two) >= _ALIKE * min(len(one), len(two))


def _stems(sentence: str) -> set[str]:
    """Return the beginnings of the words that carry the meaning."""
    words = re.findall(r"[^\W_]+", _SMALL.sub(" ", sentence.lower())) or [sentence]
    return {word[:5] for word in words}


def _code(source: Source, chosen: _Version) -> tuple[str, bool] | None:
    """Return the version as the learner would have named it, and whether it does without a right version.

    Nothing is returned when it takes too many lines.
    """
    tree = source.tree
    top = {node.name: node for node in tree.body if isinstance(node, Symbol)}
    shown = [chosen.node, *(top[name] for name in chosen.also.values() if name in top)]
    new = {chosen.node.name: chosen.of} | {name: symbol for symbol, name in chosen.also.items()}
    # A class that the author calls right, and the audit finds right, stands for the reference.
    parents = _parents(tree, chosen.of)
    replaced = {chosen.of, *chosen.also, *new, *parents}
    helpers = _reached(tree, _names(shown), without=replaced)
    named = _names([*shown, *helpers])
    right = {symbol: _right(symbol) for symbol in named & {chosen.of, *chosen.also}}
    right |= {name: _right(chosen.of) for name in named & parents}
    main = [_rewritten(source.segment(node), new | right) for node in shown]
    parts = [*(_rewritten(source.segment(node), right) for node in helpers), *main]
    if _lines(parts) > _ROOM:
        # What the reference stands on too is known to be right; anything else may be where the mistake is.
        sound = _reached(tree, {symbol.name for symbol in public_symbols(tree)}, without=set())
        briefly = [_briefly(node) if node in sound else "" for node in helpers]
        parts = [brief or part for brief, part in zip(briefly + [""] * len(main), parts, strict=True)]
    return ("\n\n".join(parts), not right) if _lines(parts) <= MOST_LINES else None


def _parents(tree: ast.Module, of: str) -> set[str]:
    """Return the classes that are right versions of a symbol."""
    symbols = [symbol.name for symbol in public_symbols(tree)]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    marked = {node.name: made for node in classes if (made := version(node)) is not None}
    return {name for name, (kind, call) in marked.items() if kind == "right" and _of(call, symbols) == of}


def _reached(tree: ast.Module, wanted: set[str], *, without: set[str]) -> list[ast.stmt]:
    """Return the top-level definitions that names lead to, in order of definition."""
    own = {id(n): {n.name} if isinstance(n, Symbol) else assigned(n) for n in tree.body}
    while True:
        found = [node for node in tree.body if own[id(node)] & (wanted - without)]
        more = wanted | _names(found)
        if more == wanted:
            return found
        wanted = more


def _names(nodes: Sequence[ast.stmt]) -> set[str]:
    """Return what definitions read, their decorators left out."""
    parts = [
        part
        for n in nodes
        for part in ast.iter_child_nodes(n)
        if part not in getattr(n, "decorator_list", ())
    ]
    return set().union(*map(names, parts))


def _rewritten(text: str, new: Mapping[str, str]) -> str:
    """Return a definition or assignment under new names, without docstring and comments."""
    tree = ast.parse(text)
    lines = [line.encode() for line in text.split("\n")]
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    spots = [
        (n.lineno, n.col_offset, n.id)
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and n.id in new and n.id not in bound
    ]
    first = tree.body[0]
    if isinstance(first, Symbol) and first.name in new:
        spots.append((first.lineno, text.index(first.name, text.index(" ")), first.name))
    for row, column, name in sorted(spots, reverse=True):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + new[name].encode() + line[column + len(name.encode()) :]
    if isinstance(first, Symbol) and ast.get_docstring(first) is not None and len(first.body) > 1:
        told = first.body[0]
        del lines[told.lineno - 1 : told.end_lineno]
    return _uncommented(b"\n".join(lines).decode())


def _uncommented(text: str) -> str:
    """Return code without its comments, which may tell the mistake, and without empty lines."""
    lines = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return "\n".join(line for line in lines if line.strip())


def _briefly(node: ast.stmt) -> str:
    """Return a definition that is right with its body left out."""
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}: ...  # right"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        words = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        return f"def {node.name}({', '.join(words)}): ...  # right"
    return ""


def _lines(parts: Sequence[str]) -> int:
    return sum(part.count("\n") + 2 for part in parts) - 1


def _right(symbol: str) -> str:
    return f"Right{symbol}" if symbol[:1].isupper() else f"right_{symbol}"


def _skills(kata: KataInfo, chosen: _Version) -> tuple[str, ...]:
    """Return the skill that the names of kata and symbol speak of."""
    if isinstance(chosen.node, ast.ClassDef):
        return ("architecture",)
    words = set(f"{kata.name}_{chosen.of}".lower().split("_"))
    found = [skill for skill, known in _SKILLS if words & set(known.split())]
    return (found[0],) if found else ("numerics",)


def _lower(title: str) -> str:
    """Return a title as it stands inside a sentence."""
    return title[:1].lower() + title[1:] if title[1:2].islower() or title.startswith("A ") else title
