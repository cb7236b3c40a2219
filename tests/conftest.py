"""A tiny workspace to practise in, and a record of its own for every test."""

from __future__ import annotations

import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# A shell starts what runs in the background deaf to Ctrl-C, and so would be every process of these tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from screens import Driver

SOLUTION = '''
    """Double a number.

    Give back twice what came in.
    """

    import torch

    from grader import right, wrong

    LEVEL = {level}
    MINUTES = {minutes}
    HINTS = ("Think of addition.", "Add it to itself.", "Return x + x.")


    def {name}(x: int) -> int:
        """Return twice x."""
        return x + x


    @right("by multiplication")
    def times_two(x):
        return 2 * x


    @wrong("squares instead")
    def squared(x):
        return x * x
'''

FAKE_PYTEST = '''
    """Stands in for pytest: judges each kata by the text of its stub."""

    import json, sys
    from pathlib import Path

    found = next(word.split("=", 1)[1] for word in sys.argv if word.startswith("--dojo-events="))
    code = 0
    with open(found, "a", encoding="utf-8") as events:
        def say(**event):
            events.write(json.dumps(event) + "\\n")
            events.flush()
        for test in [Path(word) for word in sys.argv if Path(word).name.startswith("test_")]:
            kata = f"{test.parent.name}/{test.stem[5:]}"
            stub = test.with_name(test.name[5:]).read_text()
            kind = "todo" if "NotImplementedError" in stub else "value" if "x * x" in stub else "passed"
            say(event="check", kata=kata, check="test_values", title="Gives the right values.", kind=kind,
                seconds=0.1, story="yours 9, expected 6" if kind == "value" else "",
                mistake="squares instead" if kind == "value" else None)
            say(event="kata", kata=kata, kind=kind, seconds=0.2, passed=int(kind == "passed"), total=1,
                story="", mistake=None)
            code = code or int(kind != "passed")
        say(event="end", exit=code)
    sys.exit(code)
'''


@pytest.fixture(autouse=True)
def record_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test away from the user's own record."""
    path = tmp_path / "record" / "record.sqlite3"
    monkeypatch.setenv("DOJO_RECORD", str(path))
    return path


@pytest.fixture
def add_kata() -> Callable[..., None]:
    """Return a function that writes a kata's three files into a workspace."""

    def add(workspace: Path, track: str, name: str, *, level: int = 1, minutes: int = 10) -> None:
        from grader.workspace.stub import stub_text

        text = textwrap.dedent(SOLUTION).lstrip().format(name=name, level=level, minutes=minutes)
        for path, content in (
            (workspace / "solutions" / track / f"{name}.py", text),
            (workspace / "katas" / track / f"{name}.py", stub_text(text)),
            (workspace / "katas" / track / f"test_{name}.py", "# the contract\n"),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    return add


@pytest.fixture
def workspace(tmp_path: Path, add_kata: Callable[..., None]) -> Path:
    """Make a checkout with three katas in two tracks."""
    root = tmp_path / "workspace"
    (root / "katas").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.cv-dojo]\nworkspace = true\n", encoding="utf-8")
    add_kata(root, "detection", "double", level=1)
    add_kata(root, "detection", "treble", level=2)
    add_kata(root, "classification", "halve", level=1)
    return root


@pytest.fixture
def fake_pytest(tmp_path: Path) -> tuple[str, str]:
    """Return a command that answers like pytest with the plugin, at once."""
    script = tmp_path / "fake_pytest.py"
    script.write_text(textwrap.dedent(FAKE_PYTEST).lstrip(), encoding="utf-8")
    return (sys.executable, str(script))


@pytest.fixture
def drive(workspace: Path, record_file: Path, fake_pytest: tuple[str, str]) -> Driver:
    """Return what runs the app on the workspace and walks through steps."""
    from screens import Driver

    (workspace / "questions").mkdir()
    return Driver(workspace, record_file, fake_pytest)
