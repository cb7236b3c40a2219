"""Turns the Unicode maths of a question into LaTeX, for those who would rather read that."""

from __future__ import annotations

import re
from itertools import groupby

_SYMBOLS = {
    **{
        "·": r"\cdot",
        "×": r"\times",
        "÷": r"\div",
        "−": "-",
        "±": r"\pm",
        "≤": r"\le",
        "≥": r"\ge",
        "≠": r"\ne",
    },
    **{"≈": r"\approx", "∈": r"\in", "∉": r"\notin", "∞": r"\infty", "∂": r"\partial", "∇": r"\nabla"},
    **{"Σ": r"\sum", "∑": r"\sum", "Π": r"\prod", "∏": r"\prod", "∫": r"\int", "→": r"\to", "←": r"\gets"},
    **{"⌈": r"\lceil", "⌉": r"\rceil", "⌊": r"\lfloor", "⌋": r"\rfloor", "∩": r"\cap", "∪": r"\cup"},
    **{"⊂": r"\subset", "∝": r"\propto", "‖": r"\Vert", "⊙": r"\odot", "∗": r"\ast", "√": r"\sqrt"},
    **{"α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\epsilon", "η": r"\eta"},
    **{"θ": r"\theta", "λ": r"\lambda", "μ": r"\mu", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau"},
    **{"φ": r"\phi", "ψ": r"\psi", "ω": r"\omega", "Δ": r"\Delta", "Ω": r"\Omega"},
}
_UP = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵀ", "0123456789+-nT", strict=True))
_DOWN = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₙ", "0123456789+-ijkn", strict=True))
_MARKS = set(_SYMBOLS) | set(_UP) | set(_DOWN)
_JOINS = re.compile(r"[\d.,+\-/=()\[\]|<>^]+|[A-Za-z]\d?")
"""What may stand between two pieces of maths and belongs to them: numbers, operators, single letters."""


def to_latex(text: str) -> str:
    """Return the text with its maths between dollar signs; inline code and code blocks are left alone."""
    parts = re.split(r"(```.*?```|`[^`]*`)", text, flags=re.DOTALL)
    return "".join(part if part.startswith("`") else _lines(part) for part in parts)


def _lines(text: str) -> str:
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    words = line.split(" ")
    maths = [any(c in _MARKS for c in word) for word in words]
    # A joint belongs to the maths when there is maths on both sides of it.
    for at in range(1, len(words) - 1):
        if not maths[at] and _JOINS.fullmatch(words[at]) and maths[at - 1] and any(maths[at + 1 : at + 3]):
            maths[at] = True
    for at in range(1, len(words)):
        # So does everything up to the bracket that closes one opened in it.
        maths[at] = maths[at] or (maths[at - 1] and _open(words, maths, at))
    out: list[str] = []
    for is_maths, run in groupby(zip(maths, words, strict=True), key=lambda pair: pair[0]):
        said = " ".join(word for _, word in run)
        if is_maths:
            body = said.rstrip(".,;:?!")
            said = f"${_maths(body)}${said[len(body) :]}"
        out.append(said)
    return " ".join(out)


def _open(words: list[str], maths: list[bool], at: int) -> bool:
    """Whether the run of maths before a word has a bracket that is still open."""
    start = at
    while start and maths[start - 1]:
        start -= 1
    run = " ".join(words[start:at])
    return run.count("(") > run.count(")")


def _maths(word: str) -> str:
    word = re.sub(r"√\(([^()]*)\)", r"\\sqrt{\1}", word)
    word = re.sub(r"√(\w+)", r"\\sqrt{\1}", word)
    word = _shifted(_shifted(word, _UP, "^"), _DOWN, "_")
    for sign, name in _SYMBOLS.items():
        # A name needs a space before a letter: \\cdot x, and none before a digit or a sign.
        word = re.sub(re.escape(sign) + r"(?=[A-Za-z])", lambda _, name=name: f"{name} ", word)  # type: ignore[misc]
        word = word.replace(sign, name)
    return word


def _shifted(word: str, marks: dict[str, str], sign: str) -> str:
    """Write runs of raised or lowered signs as an exponent or an index."""
    run = "[" + re.escape("".join(marks)) + "]+"
    return re.sub(run, lambda found: f"{sign}{{{''.join(marks[c] for c in found[0])}}}", word)
