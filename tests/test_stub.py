from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.workspace.source import reference_text
from grader.workspace.stub import StubError, is_bare, plain, stub_text, write_stub

SOLUTION = '''\
# A licence line, say.
"""Areas of boxes – w × h.

The statement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 1
MINUTES = 15
HINTS = ("a", "b", "c")
STEP = 2
SIZES = (STEP, 4 * STEP)  # a constant that stands on another
HIDDEN = math.pi

Boxes = Float[Tensor, "n 4"]


def area(
    boxes: Boxes,  # corners × 2
    *,
    sizes: tuple[int, ...] = SIZES,
    scale: float = 1.0,
) -> Float[Tensor, " n"]:
    """Return w × h of each box."""
    return F.relu(boxes[:, 2:] - boxes[:, :2]).prod(-1) * _scaled(scale) * HIDDEN


def one_line(x: int) -> int: return x


# How a scale is made.
def _scaled(scale):
    return scale


def _for_a_version(x):
    return torch.zeros(3)


class Net(nn.Module):
    """A net.

    With a longer text.
    """

    weight: Int[Tensor, " c"]
    count = 3

    def __init__(self, channels: int = 3):
        super().__init__()
        self.fc = nn.Linear(channels, 1)

    @staticmethod
    def pick(x):
        return x

    @property
    def size(self) -> int:
        """How many."""
        return 3

    @size.setter
    def size(self, value: int) -> None:
        self._size = value

    @torch.no_grad()
    def forward(self, x: Tensor) -> Net:
        return self

    def __len__(self):
        return 3

    def _secret(self):
        return 4


class Small(Net):
    def __init__(self):
        super().__init__(1)


@dataclass(frozen=True)
class Box:
    """A box."""

    x: int
    y: int = STEP

    def __post_init__(self):
        assert self.x

    def area(self) -> int:
        """Return it."""
        return self.x * self.y


class Empty:
    pass


@right("with a loop")
def looped(boxes):
    return _for_a_version(boxes)


@wrong("both", of="area", also={"one_line": "one_line_off"})
class Off(Net): ...


def one_line_off(x):
    return x + 1
'''

STUB = '''\
"""Areas of boxes – w × h.

The statement.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

STEP = 2
SIZES = (STEP, 4 * STEP)
Boxes = Float[Tensor, "n 4"]


def area(
    boxes: Boxes,  # corners × 2
    *,
    sizes: tuple[int, ...] = SIZES,
    scale: float = 1.0,
) -> Float[Tensor, " n"]:
    """Return w × h of each box."""
    raise NotImplementedError


def one_line(x: int) -> int:
    raise NotImplementedError


class Net(nn.Module):
    """A net.

    With a longer text.
    """

    def __init__(self, channels: int = 3):
        super().__init__()
        raise NotImplementedError

    @staticmethod
    def pick(x):
        raise NotImplementedError

    @property
    def size(self) -> int:
        """How many."""
        raise NotImplementedError

    @size.setter
    def size(self, value: int) -> None:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Net:
        raise NotImplementedError

    def __len__(self):
        raise NotImplementedError


class Small(Net):
    def __init__(self):
        super().__init__()
        raise NotImplementedError


@dataclass(frozen=True)
class Box:
    """A box."""

    x: int
    y: int = STEP

    def area(self) -> int:
        """Return it."""
        raise NotImplementedError


class Empty:
    pass
'''


def test_a_stub_holds_all_the_learner_needs_and_no_answer() -> None:
    assert stub_text(SOLUTION) == STUB
    compile(STUB, "stub", "exec")


def test_a_stub_of_a_stub_is_itself() -> None:
    assert stub_text(STUB) == STUB


def ruff(*words: str, text: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("ruff")
    project = Path(__file__).parents[1] / "pyproject.toml"
    where = ["--config", str(project), "--stdin-filename", "katas/detection/x.py", "-"]
    return subprocess.run(
        [sys.executable, "-m", "ruff", *words, *where],
        input=text,
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("make", [stub_text, reference_text])
def test_the_formatter_and_the_linter_have_nothing_to_say(make: Callable[[str], str]) -> None:
    solution = ruff("format", text=SOLUTION).stdout
    text = make(solution)
    assert ruff("format", "--diff", text=text).stdout == ""
    # `import torch` stays for the learner, used or not.
    assert ruff("check", "--extend-ignore", "F401", text=text).stdout == "All checks passed!\n"


def test_the_reference_is_shown_without_versions_and_what_only_they_use() -> None:
    text = reference_text(SOLUTION)
    compile(text, "reference", "exec")
    assert "# How a scale is made.\ndef _scaled(scale):" in text
    assert "HIDDEN = math.pi" in text
    assert "# a constant that stands on another" in text
    for gone in ("grader", "HINTS", "LEVEL", "looped", "_for_a_version", "one_line_off", "Off", "@right"):
        assert gone not in text


def solution(body: str, imports: str = "") -> str:
    return f'"""Title."""\n{imports}\n\n{textwrap.dedent(body).lstrip()}'


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ('def f(x={":": 1}, *, y=lambda a: a) -> dict[str, int]:', None),
        ('def f(x: "a: b" = ":", y=[1, 2][0:1]):', None),
        ("async def f(x, /, y=(1,)):", None),
        ("def F(x):  # noqa: N802", None),
        ("def f(x):  # the argument", "def f(x):"),
    ],
)
def test_a_header_ends_at_its_own_colon(header: str, kept: str | None) -> None:
    text = stub_text(solution(f"{header}\n    return x\n"))
    assert f"\n{kept or header}\n    raise NotImplementedError\n" in text


def test_long_imports_are_broken_as_the_formatter_breaks_them() -> None:
    names = [f"a_rather_long_name_{n}" for n in range(6)]
    imports = f"from somewhere import ({', '.join(names)}, unused)\n"
    text = stub_text(
        solution(f"def f({', '.join(f'x{n}: {name}' for n, name in enumerate(names))}): ...", imports)
    )
    assert "from somewhere import (\n    a_rather_long_name_0,\n" in text
    assert "    a_rather_long_name_5,\n)\n" in text


def test_a_signature_that_needs_a_secret_is_refused() -> None:
    with pytest.raises(StubError, match=r"^4: .*`_State`.*make that name public"):
        stub_text(solution("class _State: ...\n\n\ndef f(x: _State): ...\n"))


def test_a_forward_reference_keeps_its_import() -> None:
    text = stub_text(solution('def f(x: "Tensor", y: "n 4"): ...', "from torch import Tensor\n"))
    assert "from torch import Tensor" in text


def test_a_solution_with_nothing_public_is_refused() -> None:
    with pytest.raises(StubError, match="nothing to write"):
        stub_text(solution("def _f(): ...\n"))


def test_a_stub_without_imports() -> None:
    assert stub_text('"""T."""\n\n\ndef f():\n    return 1\n') == (
        '"""T."""\n\n\ndef f():\n    raise NotImplementedError\n'
    )


def test_named_tuples_and_enums_keep_their_fields() -> None:
    imports = "from typing import NamedTuple\nfrom enum import Enum\n"
    body = "class P(NamedTuple):\n    x: int\n    y: int = 2\n\n\nclass C(Enum):\n    A = 1\n"
    text = stub_text(solution(body, imports))
    assert "class P(NamedTuple):\n    x: int\n    y: int = 2\n" in text
    assert "class C(Enum):\n    A = 1\n" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (STUB, True),
        (STUB.replace("raise NotImplementedError", "raise NotImplementedError()"), True),
        (STUB.replace("raise NotImplementedError", "return 1", 1), False),
        ("def f(", False),
        ("", False),
        ("x = 1\n", False),
    ],
)
def test_a_bare_file_is_known_whatever_it_declares(text: str, expected: bool) -> None:
    assert is_bare(text) is expected


def test_plain_text_ignores_what_editors_change() -> None:
    assert plain("a  \r\nb\r\n\r\n") == plain("\na\nb") == "a\nb"
    assert plain("a\n b") != plain("a\nb")


def test_writing_a_stub_twice_changes_it_once(tmp_path: Path) -> None:
    source, stub = tmp_path / "solution.py", tmp_path / "katas" / "x.py"
    source.write_text(SOLUTION, encoding="utf-8")
    assert write_stub(source, stub)
    assert stub.read_text(encoding="utf-8") == STUB
    assert not write_stub(source, stub)
