"""Reads the learner's file as text, or says in one sentence why it gives nothing to grade."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.model import Kind

if TYPE_CHECKING:
    from grader.judge.problems import Problem


class CannotLoad(Exception):
    """The learner's file gives nothing to grade; carries why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


def read_source(path: Path) -> str:
    """Read a learner's file: a byte-order mark and any line ends are fine, other encodings are not."""
    from grader.judge.problems import Problem

    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        sentence = (
            f"There is no file {path.name}; `dojo reset {path.parent.name}/{path.stem}` lays it down again."
        )
    except UnicodeDecodeError as bad:
        line = bad.object[: bad.start].count(b"\n") + 1
        sentence = f"The file is not UTF-8 text (line {line}); save it as UTF-8."
    except OSError as error:
        sentence = f"The file cannot be read: {error.strerror}."
    raise CannotLoad(Problem(Kind.ERROR, sentence))
