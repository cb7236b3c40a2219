"""Whatever a learner's file does, it gets one clear sentence and the other katas are still graded."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

HEAD = "import torch\nfrom torch import Tensor\n\n\n"

# name: (the learner's file, the kind of verdict, words the story must hold)
FILES: dict[str, tuple[str | bytes, str, str]] = {
    "right": (HEAD + "def double(x):\n    return 2 * x\n", "passed", ""),
    "bom": (b"\xef\xbb\xbf" + (HEAD + "def double(x):\n    return x * 2\n").encode(), "passed", ""),
    "crlf": ((HEAD + "def double(x):\n    return x * 2\n").replace("\n", "\r\n"), "passed", ""),
    "other_names": (HEAD + "def double(values):\n    return values * 2\n", "passed", ""),
    "prints": (HEAD + "def double(x):\n    print('hello', x.shape)\n    return x * 2\n", "passed", ""),
    "latin1": (b"# caf\xe9\ndef double(x):\n    return x\n", "error", "not UTF-8 text (line 1)"),
    "syntax": (HEAD + "def double(x)\n    return 2 * x\n", "error", "SyntaxError"),
    "no_import": ("def double(x):\n    return torch.add(x, x)\n", "error", "NameError"),
    "import_fails": ("import nowhere_to_be_found\n", "error", "ModuleNotFoundError"),
    "missing": (HEAD + "x = 1\n", "contract", "no 'double'"),
    "misspelt": (HEAD + "def duoble(x):\n    return 2 * x\n", "contract", "did you mean"),
    "a_class": (HEAD + "class double:\n    pass\n", "contract", "a function is asked for"),
    "no_argument": (HEAD + "def double():\n    return 2\n", "contract", "cannot be called"),
    "two_arguments": (HEAD + "def double(x, y):\n    return 2 * x\n", "contract", "cannot be called"),
    "a_list": (HEAD + "def double(x):\n    return (2 * x).tolist()\n", "contract", "a list"),
    "numpy": (HEAD + "def double(x):\n    return (2 * x.detach()).numpy()\n", "contract", "numpy.ndarray"),
    "nothing": (HEAD + "def double(x):\n    2 * x\n", "contract", "None"),
    "a_string": (HEAD + "def double(x):\n    return 'two'\n", "contract", "a string"),
    "nan": (HEAD + "def double(x):\n    return x * float('nan')\n", "value", "not finite"),
    "transposed": (HEAD + "def double(x):\n    return (2 * x).T\n", "contract", "shape"),
    "single": (HEAD + "def double(x):\n    return (2 * x).float()\n", "contract", "float32"),
    "in_place": (HEAD + "def double(x):\n    x *= 2\n    return x\n", "mutation", "'x'"),
    "detached": (HEAD + "def double(x):\n    return 2 * x.detach()\n", "gradient", "No gradient"),
    "raises": (HEAD + "def double(x):\n    return x + [1]['a']\n", "error", "TypeError"),
    "exits": (HEAD + "import sys\n\n\ndef double(x):\n    sys.exit(0)\n", "error", "SystemExit"),
    "exits_early": ("import sys\nsys.exit(0)\n", "error", "SystemExit"),
    "base": (HEAD + "def double(x):\n    raise BaseException('boo')\n", "error", "BaseException: boo"),
    "interrupt": (HEAD + "def double(x):\n    raise KeyboardInterrupt\n", "error", "KeyboardInterrupt"),
    "leaves": (HEAD + "import os\n\n\ndef double(x):\n    os._exit(0)\n", "crashed", "exit code 0"),
    "segfault": (HEAD + "import ctypes\n\n\ndef double(x):\n    ctypes.string_at(0)\n", "crashed", "SIGSEGV"),
    "loops": (HEAD + "def double(x):\n    while True:\n        pass\n", "timeout", "It was in line"),
    "sleeps": (HEAD + "import time\n\n\ndef double(x):\n    time.sleep(600)\n", "timeout", "line 9"),
    "dawdles": (
        HEAD + "import time\n\n\ndef double(x):\n    time.sleep(0.3)\n    return 2 * x\n",
        "timeout",
        "more than 2 seconds",
    ),
    "loops_at_import": ("while True:\n    pass\n", "timeout", "while it was being loaded"),
    "recursion": (HEAD + "def double(x):\n    return double(x)\n", "error", "RecursionError"),
    "shouts": (HEAD + "print('x' * 1000000)\n\n\ndef double(x):\n    return 2 * x\n", "passed", ""),
    "random": (HEAD + "def double(x):\n    return 2 * x + torch.rand_like(x)\n", "value", "wrong"),
    "remembers": (
        HEAD
        + "calls = []\n\n\ndef double(x):\n    calls.append(1)\n    return x * (2 if len(calls) % 2 else 3)\n",
        "value",
        "second call",
    ),
    "same": (HEAD + "def double(x):\n    return x * 1\n", "value", "returns its input"),
    "peeks": (
        HEAD + "import solutions.tiny.peeks\n\n\ndef double(x):\n    return 2 * x\n",
        "error",
        "cannot import solutions",
    ),
    "judge": (
        HEAD + "import grader.contract.kata\n\n\ndef double(x):\n    return 2 * x\n",
        "error",
        "cannot import grader",
    ),
    "stops": (HEAD + "def double(x):\n    breakpoint()\n    return 2 * x\n", "error", "--pdb"),
    "liar": (
        HEAD
        + "class Yes(float):\n    def __eq__(self, other):\n        return True\n\n\ndef double(x):\n    return Yes(1)\n",
        "contract",
        "tensor is asked for",
    ),
    "patches": (
        HEAD + "torch.allclose = torch.equal = lambda *a, **k: True\n\n\ndef double(x):\n    return 3 * x\n",
        "value",
        "wrong",
    ),
    "stub": ("", "contract", "no 'double'"),
    "unfinished": (
        HEAD + "def double(x):\n    y = x + x\n    raise NotImplementedError(y)\n",
        "todo",
        "Not written yet",
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    folder = tiny.workspace(
        tmp_path_factory.mktemp("nasty"), {name: answer for name, (answer, _, _) in FILES.items()}, seconds=2
    )
    return tiny.graded(folder)


@pytest.mark.parametrize("name", FILES)
def test_gets_its_verdict_and_a_sentence(verdicts: dict[str, dict], name: str) -> None:
    _, kind, words = FILES[name]
    assert verdicts[name]["kind"] == kind, verdicts[name]["story"]
    assert words in verdicts[name]["story"]


def test_no_story_shows_the_reference(verdicts: dict[str, dict]) -> None:
    assert not [n for n, v in verdicts.items() if "return x + x" in v["story"] or "solutions/" in v["story"]]


def test_a_file_that_opens_the_reference_is_stopped(tmp_path: Path) -> None:
    target = tmp_path / "solutions" / "tiny" / "opener.py"
    answer = f"text = open({str(target)!r}).read()\n\n\ndef double(x):\n    return 2 * x\n"
    folder = tiny.workspace(tmp_path, {"opener": answer})
    assert "cannot open the author's files" in tiny.graded(folder)["opener"]["story"]


def test_verdicts_are_the_same_with_a_spawned_worker(tmp_path: Path) -> None:
    names = ["right", "same", "leaves", "loops", "in_place", "a_list", "exits"]
    folder = tiny.workspace(tmp_path, {n: FILES[n][0] for n in names}, seconds=3)
    spawned = tiny.graded(folder, "--dojo-worker=spawn")
    assert {n: spawned[n]["kind"] for n in names} == {n: FILES[n][1] for n in names}
