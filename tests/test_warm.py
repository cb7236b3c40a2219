"""The warm parent: the same verdicts, at once; nothing left behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny

from grader.model import KataInfo
from grader.workspace import catalog, places, warm
from grader.workspace.places import Places
from grader.workspace.runner import CheckDone, End, Failing, KataDone, Problem
from grader.workspace.warm import Warm, WarmSession

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")

HEAD = "import torch\n\n\n"
ANSWERS = {
    "right": HEAD + "def double(x):\n    return 2 * x\n",
    "same": HEAD + "def double(x):\n    return x.clone()\n",
    "loops": HEAD + "def double(x):\n    while True:\n        pass\n",
    "exits": HEAD + "import os\n\n\ndef double(x):\n    os._exit(0)\n",
    "broken": HEAD + "def double(x:\n",
    "todo": HEAD + "def double(x):\n    raise NotImplementedError\n",
}
KINDS = {
    "right": "passed",
    "same": "value",
    "loops": "timeout",
    "exits": "crashed",
    "broken": "error",
    "todo": "todo",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Places:
    folder = tiny.workspace(tmp_path_factory.mktemp("warm"), dict(ANSWERS), seconds=2)
    return places.at(folder, environ={"DOJO_RECORD": str(folder / "record.sqlite3")})


@pytest.fixture(params=[True, False], ids=["forked", "spawned"])
def either(request: pytest.FixtureRequest, here: Places) -> Iterator[Warm]:
    if request.param and not warm.forks():
        pytest.skip("judges are not forked here")
    yield from opened(Warm(places=here, environ=os.environ, fork=request.param))


@pytest.fixture(scope="module")
def parent(here: Places) -> Iterator[Warm]:
    yield from opened(Warm(places=here, environ=os.environ))


def opened(made: Warm) -> Iterator[Warm]:
    yield made
    made.close()
    assert not running(made)


def running(parent: Warm) -> list[str]:
    """List the processes that still grade for this test."""
    mark = str(parent._places.workspace)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes() and folder.name != str(os.getpid()):
                found.append((folder / "cmdline").read_bytes().decode())
        except OSError:
            continue
    return found


def kata(here: Places, name: str) -> KataInfo:
    return next(k for k in catalog.read(here) if k.name == name)


def whole(session: WarmSession) -> tuple[str, list[object]]:
    found = list(session.findings())
    kinds = [f.kind.value for f in found if isinstance(f, KataDone)]
    assert isinstance(found[-1], End), found[-1]
    return kinds[0], found


def test_verdicts_are_those_of_pytest(either: Warm, here: Places) -> None:
    for name, kind in KINDS.items():
        found, told = whole(either.start([kata(here, name)], source="watch"))
        assert found == kind, told
    cold = tiny.graded(here.workspace)
    assert {name: cold[name]["kind"] for name in KINDS} == KINDS


def test_a_failure_is_told_before_it_is_explained(parent: Warm, here: Places) -> None:
    _, found = whole(parent.start([kata(here, "same")], source="watch"))
    kinds = [type(f) for f in found]
    failing = next(f for f in found if isinstance(f, Failing))
    done = next(f for f in found if isinstance(f, CheckDone) and f.verdict.check == failing.verdict.check)
    assert kinds.index(Failing) < found.index(done)
    assert failing.verdict.mistake is None
    assert done.verdict.mistake == "returns its input"
    assert f"pytest katas/tiny/test_same.py::{done.verdict.check}" in done.verdict.story


def test_the_file_is_read_anew(parent: Warm, here: Places) -> None:
    info = kata(here, "right")
    info.stub.write_text(ANSWERS["same"])
    assert whole(parent.start([info], source="watch"))[0] == "value"
    info.stub.write_text(ANSWERS["right"])
    assert whole(parent.start([info], source="watch"))[0] == "passed"


def test_several_katas_in_one_run(parent: Warm, here: Places) -> None:
    found = list(parent.start([kata(here, n) for n in ("same", "right", "todo")], source="watch").findings())
    assert [f.kind.value for f in found if isinstance(f, KataDone)] == ["value", "passed", "todo"]
    assert found[-1] == End(1)


def test_a_second_run_ends_the_first(parent: Warm, here: Places) -> None:
    first = parent.start([kata(here, "loops")], source="watch")
    heard: list[object] = []
    listener = threading.Thread(target=lambda: heard.extend(first.findings()))
    listener.start()
    time.sleep(0.5)
    begun = time.monotonic()
    assert whole(parent.start([kata(here, "right")], source="watch"))[0] == "passed"
    listener.join(10)
    assert isinstance(heard[-1], Problem)
    assert time.monotonic() - begun < 20


def test_a_cancelled_run_ends(either: Warm, here: Places) -> None:
    session = either.start([kata(here, "loops")], source="watch")
    threading.Timer(0.5, session.cancel).start()
    assert list(session.findings())[-1] == Problem("Grading was stopped.")
    assert whole(either.start([kata(here, "right")], source="watch"))[0] == "passed"


def test_a_parent_that_died_is_replaced(here: Places) -> None:
    made = Warm(places=here, environ=os.environ)
    try:
        assert whole(made.start([kata(here, "right")], source="watch"))[0] == "passed"
        assert made._parent is not None
        made._parent._process.kill()
        made._parent._process.wait()
        assert whole(made.start([kata(here, "right")], source="watch"))[0] == "passed"
    finally:
        made.close()


def test_new_code_is_noticed(here: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Warm(places=here, environ=os.environ)
    try:
        assert whole(made.start([kata(here, "right")], source="watch"))[0] == "passed"
        before = made._parent
        whole(made.start([kata(here, "right")], source="watch"))
        if warm.forks():
            assert made._parent is before
        monkeypatch.setattr(warm, "installed", lambda: (("grader", 1),))
        assert whole(made.start([kata(here, "right")], source="watch"))[0] == "passed"
        assert made._parent is not before
    finally:
        made.close()


def test_the_stamp_changes_with_the_engine(tmp_path: Path) -> None:
    assert warm.installed() == warm.installed()
    (tmp_path / "one.py").write_text("")
    before = warm._newest(tmp_path, deep=True)
    os.utime(tmp_path / "one.py", ns=(before + 10**9, before + 10**9))
    assert warm._newest(tmp_path, deep=True) > before


def test_a_contract_that_cannot_be_read_is_told(here: Places, tmp_path: Path) -> None:
    folder = tiny.workspace(tmp_path, {"it": ANSWERS["right"]}, test="raise RuntimeError('no contract')\n")
    there = places.at(folder, environ={"DOJO_RECORD": str(folder / "record.sqlite3")})
    made = Warm(places=there, environ=os.environ)
    try:
        last = list(made.start([kata(there, "it")], source="watch").findings())[-1]
        assert last == Problem("Grading broke off: RuntimeError: no contract", last.tail)
    finally:
        made.close()
