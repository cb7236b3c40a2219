"""Plain text for the terminal: tables, verdicts and stories that fit the width and need no colour."""

from __future__ import annotations

import codecs
import io
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from grader.model import KataInfo, Kind, Verdict
from grader.practice.progress import KataState, Status
from grader.workspace.catalog import Catalog, tracks
from grader.workspace.runner import KataDone

_CODES = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}
_MARKS = {
    "passed": ("✓", "ok", "green"),
    "failed": ("✗", "no", "red"),
    "started": ("~", "~", "yellow"),
    "new": ("·", ".", "dim"),
    "waits": ("·", "..", "dim"),
}
_STAND_INS = {
    **{
        "×": "x",
        "·": ".",
        "–": "-",
        "—": "-",
        "−": "-",
        "…": "...",
        "→": "->",
        "←": "<-",
        "≤": "<=",
        "≥": ">=",
    },
    **{"≠": "!=", "≈": "~", "√": "sqrt", "Σ": "sum", "∑": "sum", "∈": "in", "∞": "inf", "²": "^2", "³": "^3"},
    **{"‘": "'", "’": "'", "“": '"', "”": '"', "⌈": "ceil(", "⌉": ")", "⌊": "floor(", "⌋": ")", "ᵀ": "^T"},
    **{"✓": "ok", "✗": "no", "•": "*", "›": ">"},
    # What frames and trees are drawn with: one sign for one, so that columns stay.
    **dict(zip("▼▶├└│┌┐┘┤╭╮╰╯─━┃█░▒▓▌▐▊▎▏▁▂▃▄▅▆▇▔", "v>|`|+++|++++--|#.*#|||||_______-", strict=True)),
    **{"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "θ": "theta", "λ": "lambda"},
    **{"μ": "mu", "π": "pi", "σ": "sigma", "τ": "tau", "φ": "phi", "ω": "omega", "Δ": "Delta", "∂": "d"},
}

_DRAWN = str.maketrans("·░▒▓█→↘↓↙←↖↑↗┌┐└┘─│•", ".:+%#>\\v/<\\^/++++-|o")
"""What failures are drawn with."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a terminal can show."""

    width: int = 80
    colour: bool = False
    unicode: bool = True

    def paint(self, text: str, style: str) -> str:
        """Colour a text, where there is colour; ``style`` is green, red, yellow, dim or bold."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour else text

    def mark(self, word: str) -> str:
        """Return the sign of a status or outcome, as wide in colour as without."""
        symbol, letters, style = _MARKS[word]
        return self.paint(symbol if self.unicode else letters.ljust(2), style)


def look_at(stream: TextIO, environ: Mapping[str, str]) -> Look:
    """Ask a stream and the environment for width, colour and symbols."""
    is_terminal = stream.isatty()
    width = shutil.get_terminal_size((80, 24)).columns if is_terminal or "COLUMNS" in environ else 80
    colour = is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Look(max(40, min(width, 100)), colour, carries(stream, "✓✗·…"))


def carries(stream: TextIO, text: str) -> bool:
    """Whether a stream's encoding has all characters of a text."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def stand_in(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace what an encoding cannot carry by the nearest ASCII; a codec error handler."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_STAND_INS.get(letter, "?") for letter in text), error.end


codecs.register_error("dojo", stand_in)


def let_through(stream: TextIO) -> None:
    """Let output go through an encoding that lacks some characters, with stand-ins for them."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="dojo")


def table(catalog: Catalog | Iterable[KataInfo], states: Mapping[str, KataState], look: Look) -> str:
    """Return every kata with its state, track by track, in aligned columns."""
    groups = tracks(catalog)
    longest = max((len(kata.name) for group in groups.values() for kata in group), default=0)
    lines: list[str] = []
    for track, group in groups.items():
        passed = sum(states[kata.id].status is Status.PASSED for kata in group)
        lines += ["", f"{look.paint(track, 'bold')}  {passed} of {len(group)} passed"]
        lines += [_row(kata, states[kata.id], longest, look) for kata in group]
    return "\n".join(lines[1:])


def verdict(verdict: Verdict, look: Look) -> str:
    """Return one check's line, with the story below it when it failed."""
    word = "passed" if verdict.passed else "waits" if verdict.kind is Kind.WAITS else "failed"
    kind = "" if verdict.passed else f"  [{verdict.kind}]"
    line = f"  {look.mark(word)} {clip(verdict.title, look.width - 8 - len(kind), look)}{kind}"
    shown = [] if word == "waits" else story(verdict.story, verdict.mistake, look)
    return "\n".join([line, *(f"      {part}".rstrip() for part in shown)])


def story(text: str, mistake: str | None, look: Look) -> list[str]:
    """Return a failure's story as lines; its layout is kept, and a mistake it does not name is added."""
    lines = (text if look.unicode else ascii_picture(text)).rstrip().splitlines()
    if mistake and mistake not in " ".join(text.split()):
        lines += ["", *wrap(f"Your code behaves like a version that {mistake}.", look.width - 6)]
    return lines


def ascii_picture(text: str) -> str:
    """Replace the signs of a drawing by ASCII, one for one, so that its columns stay."""
    return text.translate(_DRAWN)


def outcome(done: KataDone, look: Look) -> str:
    """Return what came of one kata."""
    if done.kind is Kind.PASSED:
        checks = f"{done.total} check{'s' if done.total != 1 else ''}"
        return f"{look.mark('passed')} {done.kata} is passed: {checks}, {done.seconds:.1f} s."
    if done.kind is Kind.TODO:
        return f"{look.mark('new')} {done.kata} is not started."
    return f"{look.mark('failed')} {done.kata}: {done.passed} of {done.total} checks pass."


def flow(text: str, width: int) -> str:
    """Fit a statement to a width: prose and list items are joined and broken anew, indented blocks kept."""
    return "\n".join(line for block in _blocks(text) for line in _broken(block, width))


def wrap(text: str, width: int) -> list[str]:
    """Break prose into lines, keeping blank lines between paragraphs."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        lines += ["", *textwrap.wrap(" ".join(paragraph.split()), max(20, width))]
    return lines[1:]


def _blocks(text: str) -> Iterator[list[str]]:
    """Group lines that belong together: a paragraph, a list item with its further lines, a line to keep."""
    block: list[str] = []
    for line in text.splitlines():
        is_kept = not line.strip() or (line.startswith("    ") and not (block and _is_item(block[0])))
        if block and (is_kept or _is_item(line)):
            yield block
            block = []
        if is_kept:
            yield [line]
        else:
            block.append(line)
    if block:
        yield block


def _is_item(line: str) -> bool:
    return line.lstrip().startswith(("* ", "- "))


def _broken(block: list[str], width: int) -> list[str]:
    first = block[0]
    if not first.strip() or (first.startswith("    ") and len(block) == 1 and not _is_item(first)):
        return [first.rstrip()]
    indent = " " * (len(first) - len(first.lstrip()) + (2 if _is_item(first) else 0))
    prose = " ".join(line.strip() for line in block)
    start = indent[2:] if _is_item(first) else indent
    return textwrap.wrap(
        prose, max(20, width), initial_indent=start, subsequent_indent=indent, break_on_hyphens=False
    )


def clip(text: str, width: int, look: Look) -> str:
    """Cut a text to a width, showing that something is missing."""
    dots = "…" if look.unicode else "..."
    return text if len(text) <= width else text[: max(0, width - len(dots))].rstrip() + dots


def _row(kata: KataInfo, state: KataState, longest: int, look: Look) -> str:
    facts = f"{kata.name:<{longest}}  L{kata.level}  {kata.minutes:>3} min  {state.status:<7}"
    room = look.width - len(facts) - 8
    title = f"  {clip(kata.title, room, look)}" if room >= 16 else ""
    return f"  {look.mark(state.status)} {facts}{title}".rstrip()
