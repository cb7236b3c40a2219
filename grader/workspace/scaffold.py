"""Makes what was not there: a learner's workspace, an author's new kata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from grader.workspace.keeping import Refusal, set_aside
from grader.workspace.places import Places, is_workspace
from grader.workspace.stub import is_bare, plain, stub_text, write_stub

PROJECT = """\
# A workspace of cv-dojo: `dojo list` shows the katas, `dojo check` or `pytest katas` grades them.

[tool.cv-dojo]
workspace = true

[tool.pytest.ini_options]
minversion = "8.2"
testpaths = ["katas"]
addopts = [
    "-p", "grader.plugin",
    "-p", "no:hypothesispytest",
    "-p", "no:jaxtyping",
    "-p", "no:anyio",
    "-p", "no:torchtyping",
    "--import-mode=importlib",
]
"""

_SOLUTION = '''\
"""{title}.

Say here what the learner needs and nothing that gives the answer away: what goes in, what comes out,
shapes, conventions, edge cases, a worked example. This one takes the mean of each row away from it:

    {name}([[1., 3.], [5., 5.]])  ->  [[-1., 1.], [0., 0.]]
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "A nudge: which axis does the mean go over?",
    "More: what shape must the mean have to be taken away from every entry of its row?",
    "Nearly the answer: `mean` has an argument that keeps the axis it goes over.",
)


def {name}(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Take the mean of each row away from it."""
    return x - x.mean(dim=1, keepdim=True)


@right("with a matrix that centres")
def with_a_matrix(x):
    d = x.shape[1]
    return x @ (torch.eye(d, dtype=x.dtype) - torch.full((d, d), 1 / d, dtype=x.dtype))


@right("with a sum over the columns, transposed")
def transposed(x):
    return (x.T - x.T.sum(dim=0) / x.shape[1]).T


@right("with a loop over the rows")
def looped(x):
    return torch.stack([row - row.mean() for row in x])


@wrong("takes the mean over the whole matrix")
def over_everything(x):
    return x - x.mean()


@wrong("takes the mean over each column")
def over_columns(x):
    return x - x.mean(dim=0, keepdim=True)


@wrong("divides by one less than the number of entries")
def divides_by_one_less(x):
    return x - x.sum(dim=1, keepdim=True) / max(x.shape[1] - 1, 1)


@wrong("takes the median away instead of the mean")
def median(x):
    return x - x.median(dim=1, keepdim=True).values


@wrong("scales each row to deviation one as well")
def standardised(x):
    return (x - x.mean(dim=1, keepdim=True)) / x.std(dim=1, keepdim=True)


@wrong("changes the input in place")
def in_place(x):
    return x.sub_(x.mean(dim=1, keepdim=True))


@wrong("returns float32 whatever came in")
def single_precision(x):
    return (x - x.mean(dim=1, keepdim=True)).float()


@wrong("lets no gradient through the mean")
def detached(x):
    return x - x.mean(dim=1, keepdim=True).detach()
'''

_TEST = '''\
"""The contract of ``{track}/{name}``."""

from grader import Kata, assert_close, normal

kata = Kata(__file__, x=normal)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check
def test_rows_have_mean_zero({name}, x):
    """Every row of the result has mean 0."""
    result = {name}(x)
    assert_close(result.mean(dim=1), 0 * x[:, 0])
'''


@dataclass
class Changes:
    """What ``init`` did to a workspace, file by file, relative to it."""

    added: list[Path] = field(default_factory=list)
    updated: list[Path] = field(default_factory=list)
    answers: list[Path] = field(default_factory=list)
    """Files with work of the learner in them, left as they are."""


def init(workspace: Path, *, katas: Path, solutions: Path, at: datetime) -> Changes:
    """Make a workspace or bring one up to date; what the learner wrote is never touched."""
    project = workspace / "pyproject.toml"
    changes = Changes()
    if (
        project.exists()
        and not is_workspace(workspace)
        and "[tool.cv-dojo]" not in project.read_text("utf-8")
    ):
        raise Refusal(f"{project} belongs to another project: choose an empty folder for the workspace.")
    if not project.exists():
        (workspace / "katas").mkdir(parents=True, exist_ok=True)
        project.write_text(PROJECT, encoding="utf-8", newline="\n")
        changes.added.append(Path("pyproject.toml"))
    for path, text in _content(katas, solutions):
        _bring(workspace, Path("katas") / path, text, changes, at)
    return changes


def new_kata(places: Places, track: str, name: str) -> tuple[Path, Path, Path]:
    """Write the skeletons of a solution and a test, and the stub; returns the three paths."""
    for word in (track, name):
        if not word.isidentifier() or word != word.lower() or word.startswith(("_", "test_")):
            raise Refusal(f"`{word}` cannot be part of a kata's name: use lower-case words with `_` between.")
    if not places.is_checkout:
        raise Refusal(f"Katas are written in a checkout of cv-dojo, and {places.workspace} is not one.")
    solution = places.solutions / track / f"{name}.py"
    test = places.katas / track / f"test_{name}.py"
    stub = test.with_name(f"{name}.py")
    for path in (solution, test, stub):
        if path.exists():
            raise Refusal(f"{path} is there already: choose another name.")
    words = {"track": track, "name": name, "title": name.replace("_", " ").capitalize()}
    for path, template in ((solution, _SOLUTION), (test, _TEST)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.format(**words), encoding="utf-8", newline="\n")
    write_stub(solution, stub)
    return solution, test, stub


def _content(katas: Path, solutions: Path) -> Iterator[tuple[Path, str]]:
    """Yield what belongs into ``katas/``: lessons and tests as shipped, stubs made from the solutions."""
    sources = {path.relative_to(solutions): path for path in sorted(solutions.glob("*/[!_.]*.py"))}
    for path in sorted(katas.glob("*/*")):
        name = path.relative_to(katas)
        is_shipped = path.suffix == ".md" or path.name.startswith("test_")
        if path.is_file() and is_shipped and name not in sources:
            yield name, path.read_text(encoding="utf-8")
    for name, path in sources.items():
        yield name, stub_text(path.read_text(encoding="utf-8"))


def _bring(workspace: Path, name: Path, text: str, changes: Changes, at: datetime) -> None:
    """Add or update one file; a replaced one is kept aside, an answer is left alone."""
    path = workspace / name
    if path.exists():
        old = path.read_text(encoding="utf-8", errors="replace")
        if plain(old) == plain(text):
            return
        is_shipped = path.suffix == ".md" or path.name.startswith("test_")
        if not is_shipped and not is_bare(old):
            changes.answers.append(name)
            return
        set_aside(path, at)
    (changes.updated if path.exists() else changes.added).append(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
