"""Question banks: YAML to Question, with all that is wrong told as ``file:line: sentence`` in one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.model import Question
from grader.questions.bank.problem import BankProblem

__all__ = ["MOST_BYTES", "BankProblem", "Loaded", "load", "load_all", "paths"]

MOST_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """The questions that could be read, and what there is to say of the rest."""

    questions: tuple[Question, ...]
    problems: tuple[BankProblem, ...] = ()

    @property
    def errors(self) -> tuple[BankProblem, ...]:
        """The problems that keep something out, without the advice."""
        return tuple(problem for problem in self.problems if not problem.note)


def load(path: Path, *, katas: Path | None = None) -> Loaded:
    """Read one bank; with the folder of the katas, a question from a kata that is not there is noted."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            return _refused(path, f"the file has {size / 1e6:.1f} MB, and 2 MB are the most: split the bank.")
        data = path.read_bytes()
    except OSError as error:
        return _refused(path, f"the file cannot be read: {error.strerror or error}.")
    return parse(path, data, katas=katas)


def load_all(folder: Path, *, katas: Path | None = None) -> Loaded:
    """Read every bank of a folder; a broken one leaves the others as they are."""
    banks = [load(path, katas=katas) for path in paths(folder)]
    return Loaded(
        tuple(question for bank in banks for question in bank.questions),
        tuple(problem for bank in banks for problem in bank.problems),
    )


def paths(folder: Path) -> tuple[Path, ...]:
    """Name the banks of a folder, in order."""
    return tuple(sorted(path for path in folder.glob("[!.]*.y*ml") if path.suffix in (".yaml", ".yml")))


def parse(path: Path, data: bytes, *, katas: Path | None = None) -> Loaded:
    """Read the bytes of one bank."""
    if path.suffix != ".yaml" or not path.stem.replace("_", "").isalnum() or path.stem != path.stem.lower():
        return _refused(path, "a bank is named after its track: `<track>.yaml`, in lower case.")
    # Where the banks come from the cache, nobody pays for the parser.
    from grader.questions.bank.reading import Reader
    from grader.questions.bank.tree import grow

    nodes, slips = grow(data)
    reader = Reader(path.stem)
    for slip in slips:
        reader.say(*slip)
    questions = [question for node in nodes if (question := reader.read(node))]
    if not nodes and not slips:
        reader.say(1, "the bank is empty: begin with `- id: ...`.")
    for kata, line in reader.kata_lines.items() if katas else ():
        if katas and not (katas / f"{kata}.py").is_file():
            reader.say(line, f"there is no kata `{kata}`: check its name.", note=True)
    told = sorted(reader.told, key=lambda each: each.line)
    problems = tuple(BankProblem(path, each.line, each.sentence, each.note) for each in told)
    return Loaded(tuple(questions), problems)


def _refused(path: Path, sentence: str) -> Loaded:
    return Loaded((), (BankProblem(path, 1, sentence),))
