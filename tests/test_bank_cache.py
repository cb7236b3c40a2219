"""The compiled banks: the same questions, at once, whatever happens to the file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from grader.questions import bank, bankcache, library
from grader.questions.library import Library
from grader.workspace import places
from grader.workspace.places import Places

QUESTION = """\
- id: {id}
  level: {level}
  skills: [loss, shapes]
  ask: How large?
  number: 7
  why: Count.
"""


def bank_of(*ids: str, level: int = 1) -> str:
    return "".join(QUESTION.format(id=id, level=level) for id in ids)


@pytest.fixture
def here(tmp_path: Path) -> Places:
    found = places.at(tmp_path, environ={"DOJO_RECORD": str(tmp_path / "record")})
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "detection.yaml").write_text(bank_of("a", "b"))
    (tmp_path / "questions" / "depth.yaml").write_text(bank_of("a", level=3))
    return replace(found, questions=tmp_path / "questions")


@pytest.fixture
def opened(here: Places, tmp_path: Path) -> Iterator[Callable[[], Library]]:
    """Return a function that opens the library anew; all are closed at the end."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(library.open(here, cache_folder=tmp_path / "cache")))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the banks read, as they are read."""
    names: list[str] = []
    load = bank.load

    def counted(path: Path) -> bank.Loaded:
        names.append(path.name)
        return load(path)

    monkeypatch.setattr(bank, "load", counted)
    return names


def ids(lib: Library) -> list[str]:
    return [entry.id for entry in lib.entries()]


def test_entries_and_questions(opened: Callable[[], Library], here: Places) -> None:
    lib = opened()
    assert ids(lib) == ["depth/a", "detection/a", "detection/b"]
    entry = lib.entries()[0]
    assert (entry.track, entry.level, entry.skills) == ("depth", 3, ("loss", "shapes"))
    assert (entry.kind, entry.family, entry.kata) == ("number", "depth/a", None)
    for question in bank.load_all(here.questions).questions:
        assert lib.get(question.id) == question
    assert lib.get("detection/none") is None
    assert lib.get("none/a") is None
    assert lib.get("none") is None
    assert lib.problems == ()


def test_ids_by_track_level_and_skill(opened: Callable[[], Library]) -> None:
    lib = opened()
    assert lib.ids(track="detection") == ("detection/a", "detection/b")
    assert lib.ids(level=3) == ("depth/a",)
    assert lib.ids(skill="shapes", level=1) == ("detection/a", "detection/b")
    assert lib.ids(skill="metric") == ()


def test_nothing_is_read_twice(opened: Callable[[], Library], read: list[str]) -> None:
    first = opened()
    assert read == ["depth.yaml", "detection.yaml"]
    second = opened()
    assert second.entries() == first.entries()
    assert second.get("detection/b") == first.get("detection/b")
    assert len(read) == 2


def test_a_bank_that_changes_is_read_again_and_no_other(
    opened: Callable[[], Library], here: Places, read: list[str]
) -> None:
    opened()
    (here.questions / "detection.yaml").write_text(bank_of("a", "c", "d"))
    lib = opened()
    assert read == ["depth.yaml", "detection.yaml", "detection.yaml"]
    assert ids(lib) == ["depth/a", "detection/a", "detection/c", "detection/d"]
    assert lib.get("detection/b") is None


def test_the_same_size_and_another_time_is_a_change(opened: Callable[[], Library], here: Places) -> None:
    opened()
    path = here.questions / "depth.yaml"
    path.write_text(bank_of("z", level=3))
    os.utime(path, ns=(1, 1))
    assert "depth/z" in ids(opened())


def test_a_bank_that_goes_takes_its_questions_along(opened: Callable[[], Library], here: Places) -> None:
    opened()
    (here.questions / "depth.yaml").unlink()
    lib = opened()
    assert ids(lib) == ["detection/a", "detection/b"]
    assert lib.get("depth/a") is None


def test_a_library_in_use_can_be_refreshed(opened: Callable[[], Library], here: Places) -> None:
    lib = opened()
    (here.questions / "depth.yaml").write_text(bank_of("new"))
    assert "depth/new" not in ids(lib)
    lib.refresh()
    assert "depth/new" in ids(lib)


def test_problems_are_kept_and_advice_is_not_shown(
    opened: Callable[[], Library], here: Places, read: list[str]
) -> None:
    path = here.questions / "depth.yaml"
    path.write_text(bank_of("a") + bank_of("b", level=9) + bank_of("c").replace("Count", "$x$ and so on"))
    for _ in range(2):
        lib = opened()
        assert [str(each) for each in lib.problems] == [f"{path}:8: `level` must be 1, 2 or 3, not `9`."]
        assert lib.ids(track="depth") == ("depth/a", "depth/c")
    assert len(read) == 2


@pytest.mark.parametrize("damage", ["text", "empty", "cut", "middle", "table", "body", "folder"])
def test_a_damaged_cache_is_made_anew_without_a_word(
    opened: Callable[[], Library], tmp_path: Path, damage: str
) -> None:
    before = opened()
    expected, question = before.entries(), before.get("detection/b")
    before.close()
    path = tmp_path / "cache" / bankcache.NAME
    data = path.read_bytes()
    if damage == "text":
        path.write_text("no database" * 1000)
    if damage == "empty":
        path.write_bytes(b"")
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    if damage == "middle":
        path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    if damage == "folder":
        path.unlink()
        path.mkdir()
    if damage in ("table", "body"):
        base = sqlite3.connect(path)
        done = "drop table question" if damage == "table" else "update question set body = x'00ff'"
        base.execute(done)
        base.commit()
        base.close()
    after = opened()
    assert after.entries() == expected
    assert after.get("detection/b") == question
    assert after.problems == ()


def test_damage_during_use_is_mended(opened: Callable[[], Library], tmp_path: Path) -> None:
    lib = opened()
    other = sqlite3.connect(tmp_path / "cache" / bankcache.NAME)
    other.execute("update bank set entries = x'c1'")
    other.commit()
    other.close()
    assert ids(lib) == ["depth/a", "detection/a", "detection/b"]
    question = lib.get("detection/a")
    assert question is not None
    assert question.number == 7


def test_a_bank_replaced_by_another_process_is_found_again(
    opened: Callable[[], Library], here: Places
) -> None:
    lib = opened()
    (here.questions / "depth.yaml").write_text(bank_of("new"))
    assert "depth/new" in ids(opened())
    assert lib.get("depth/new") is not None
    assert "depth/new" in ids(lib)


@pytest.mark.parametrize("version", [0, 99])
def test_another_format_is_made_anew(opened: Callable[[], Library], tmp_path: Path, version: int) -> None:
    (tmp_path / "cache").mkdir()
    base = sqlite3.connect(tmp_path / "cache" / bankcache.NAME)
    base.execute("create table bank (old)")
    base.execute(f"pragma user_version = {version}")
    base.close()
    assert len(ids(opened())) == 3


def test_a_change_of_the_readers_counts(
    opened: Callable[[], Library], read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    monkeypatch.setattr(bankcache, "_readers", lambda: "newer")
    opened()
    assert len(read) == 4


def test_without_a_folder_it_works_in_memory(here: Places, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (None, tmp_path / "file" / "cache", Path("/proc/none")):
        with closing(library.open(here, cache_folder=folder)) as lib:
            assert len(ids(lib)) == 3
            assert lib.get("depth/a") is not None


def test_a_cache_that_cannot_be_written_is_read(
    opened: Callable[[], Library], here: Places, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened().close()
    connected = bankcache._connected

    def read_only(path: Path) -> sqlite3.Connection:
        base = connected(path)
        base.execute("pragma query_only = on")
        return base

    monkeypatch.setattr(bankcache, "_connected", read_only)
    assert len(ids(opened())) == 3
    assert len(read) == 2
    (here.questions / "depth.yaml").write_text(bank_of("new"))
    lib = opened()
    assert "depth/new" in ids(lib)
    assert lib.get("detection/b") is not None
    assert set(read[2:]) == {"depth.yaml"}


def test_another_process_that_writes_for_long_does_not_stop_us(
    opened: Callable[[], Library], here: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened().close()
    monkeypatch.setattr(bankcache, "_PATIENCE", 0.01)
    other = sqlite3.connect(tmp_path / "cache" / bankcache.NAME)
    other.execute("begin exclusive")
    (here.questions / "depth.yaml").write_text(bank_of("new"))
    assert "depth/new" in ids(opened())
    other.close()


def test_the_folder_is_the_users_or_the_one_named(tmp_path: Path) -> None:
    assert bankcache.folder({"DOJO_CACHE": str(tmp_path)}) == tmp_path
    assert bankcache.folder({}).name == "cv-dojo"


def test_a_start_from_the_cache_parses_nothing(opened: Callable[[], Library], tmp_path: Path) -> None:
    opened().close()
    code = (
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from grader.questions import library; from grader.workspace import places\n"
        "here = Path(sys.argv[1]); found = places.at(here, environ={'DOJO_RECORD': str(here)})\n"
        "found = replace(found, questions=here / 'questions')\n"
        "lib = library.open(found, cache_folder=here / 'cache')\n"
        "print(len(lib.entries()), lib.get('depth/a').level, 'yaml' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "3", "False"]
