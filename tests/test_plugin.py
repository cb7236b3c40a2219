"""Katas are plain pytest: node ids, the usual flags, exit codes, short output, recorded attempts."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from xml.etree import ElementTree

import pytest
import tiny

from grader.workspace import stub

RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return x * x\n"
STUB = stub.stub_text(tiny.DOUBLE)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    return tiny.workspace(tmp_path, {"right": RIGHT, "wrong": WRONG, "fresh": STUB})


def test_a_fresh_track_is_one_line_a_kata_and_fails(tmp_path: Path) -> None:
    folder = tiny.workspace(tmp_path, {f"k{i}": STUB for i in range(8)})
    done = tiny.pytest(folder, "katas/tiny")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) < 20, done.stdout
    assert sum("not started" in line for line in lines) == 9  # one per kata and the summary
    assert "FAILURES" not in done.stdout
    assert max(map(len, lines)) <= 80


def test_all_solved_is_exit_code_zero(tmp_path: Path) -> None:
    done = tiny.pytest(tiny.workspace(tmp_path, {"a": RIGHT, "b": RIGHT}), "katas")
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout


def test_a_failure_is_a_story_and_what_stands_on_it_waits(mixed: Path) -> None:
    done = tiny.pytest(mixed, "katas")
    assert done.returncode == 1
    assert "It behaves like a version that squares instead of doubling." in done.stdout
    assert "Run it again: pytest katas/tiny/test_wrong.py::test_values" in done.stdout
    assert "1 failed" in done.stdout
    assert "1 not started" in done.stdout
    assert "3 waiting" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "x + x" not in done.stdout


def test_node_ids_and_selection(mixed: Path) -> None:
    one = tiny.pytest(mixed, "katas/tiny/test_right.py::test_values", "-v")
    assert one.returncode == 0
    assert "test_right.py::test_values PASSED" in one.stdout
    some = tiny.pytest(mixed, "katas", "-k", "right and gradients", "-q")
    assert (some.returncode, "1 passed" in some.stdout) == (0, True)
    first = tiny.pytest(mixed, "katas", "-x", "-q")
    assert (first.returncode, "1 passed" not in first.stdout) == (1, True)


def test_last_failed(mixed: Path) -> None:
    (mixed / "pyproject.toml").write_text(tiny.PROJECT.replace('"-p", "no:cacheprovider",', ""))
    tiny.pytest(mixed, "katas", "-q")
    again = tiny.pytest(mixed, "katas", "--lf", "-v")
    assert "test_right.py" not in again.stdout
    assert "test_wrong.py::test_values FAILED" in again.stdout


def test_junit(mixed: Path) -> None:
    tiny.pytest(mixed, "katas", "--junitxml=out.xml")
    suite = ElementTree.parse(mixed / "out.xml").getroot()[0]
    assert suite.get("failures") == "2"
    assert "squares instead of doubling" in "".join(suite.itertext())


def test_prints_are_kept_apart_and_shown_on_request(tmp_path: Path) -> None:
    folder = tiny.workspace(tmp_path, {"a": "def double(x):\n    print('seen', x.dim())\n    return 2 * x\n"})
    assert "seen 2" not in tiny.pytest(folder, "katas").stdout
    assert "seen 2" in tiny.pytest(folder, "katas", "-s").stdout
    bad = tiny.workspace(tmp_path, {"a": "def double(x):\n    print('seen', x.dim())\n    return x\n"})
    told = tiny.pytest(bad, "katas").stdout
    assert "Your code printed:\n  seen 2" in told
    assert told.count("seen 2") <= 3


def test_the_debugger_runs_the_code_here_and_counts_no_attempt(mixed: Path) -> None:
    done = tiny.pytest(mixed, "katas/tiny/test_right.py", "--pdb")
    assert done.returncode == 0
    assert "not recorded as an attempt" in done.stdout
    assert attempts(mixed) == []


def test_from_elsewhere_by_path(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = tiny.pytest(mixed, str(mixed / "katas" / "tiny" / "test_right.py"), cwd=elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_attempt_is_recorded_but_not_a_look_at_a_stub(mixed: Path) -> None:
    tiny.pytest(mixed, "katas")
    assert attempts(mixed) == ["tiny/right", "tiny/wrong"]
    tiny.pytest(mixed, "katas/tiny/test_right.py", "-k", "values")
    assert attempts(mixed) == ["tiny/right", "tiny/wrong"]


def test_a_record_that_cannot_be_written_stops_nothing(mixed: Path) -> None:
    (mixed / "a_file").write_text("")
    done = tiny.pytest(
        mixed, "katas/tiny/test_right.py", environ={"DOJO_RECORD": str(mixed / "a_file" / "record")}
    )
    assert done.returncode == 0
    assert "3 passed" in done.stdout


def test_the_same_file_gives_the_same_story(mixed: Path) -> None:
    first, second = (tiny.pytest(mixed, "katas/tiny/test_wrong.py").stdout for _ in range(2))
    assert (
        first.split("_ test_values _")[1].split("short test")[0]
        == second.split("_ test_values _")[1].split("short test")[0]
    )


def test_a_missing_answer_says_how_to_get_it_back(mixed: Path) -> None:
    (mixed / "katas" / "tiny" / "right.py").unlink()
    done = tiny.pytest(mixed, "katas/tiny/test_right.py")
    assert "dojo reset tiny/right" in done.stdout


def test_no_process_is_left(mixed: Path) -> None:
    (mixed / "katas" / "tiny" / "wrong.py").write_text(
        "import os, time\nif os.fork() == 0:\n    time.sleep(300)\n\n\ndef double(x):\n    return 2 * x\n"
    )
    tiny.pytest(mixed, "katas")
    marks = [p for p in Path("/proc").glob("[0-9]*/environ") if str(mixed).encode() in _read(p)]
    assert marks == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def attempts(folder: Path) -> list[str]:
    path = folder / "record.sqlite3"
    if not path.exists():
        return []
    with sqlite3.connect(path) as db:
        return [row[0] for row in db.execute("select subject from events where kind='attempt' order by id")]
