from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.workspace import catalog, places
from grader.workspace.places import Places


@pytest.fixture
def here(workspace: Path) -> Places:
    return places.at(workspace, environ={})


def test_a_kata_is_read_from_text(here: Places) -> None:
    (kata,) = [kata for kata in catalog.read(here) if kata.name == "double"]
    assert kata.id == "detection/double"
    assert kata.title == "Double a number"
    assert kata.statement.endswith("Give back twice what came in.")
    assert (kata.level, kata.minutes) == (1, 10)
    assert len(kata.hints) == 3
    assert kata.symbols == ("double",)
    assert kata.rights == ("by multiplication",)
    assert kata.wrongs == ("squares instead",)
    assert kata.stub == here.katas / "detection" / "double.py"
    assert kata.test == here.katas / "detection" / "test_double.py"


def test_order_is_tracks_then_level_then_minutes_then_name(
    here: Places, add_kata: Callable[..., None]
) -> None:
    add_kata(here.workspace, "my_own", "last")
    add_kata(here.workspace, "detection", "brief", level=2, minutes=5)
    add_kata(here.workspace, "detection", "also_brief", level=2, minutes=5)
    assert [kata.id for kata in catalog.read(here)] == [
        "classification/halve",
        "detection/double",
        "detection/also_brief",
        "detection/brief",
        "detection/treble",
        "my_own/last",
    ]
    assert list(catalog.tracks(catalog.read(here))) == ["classification", "detection", "my_own"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("def double(", "def double((", "solutions/detection/double.py:15: the file is not Python"),
        (
            "LEVEL = 1",
            "LEVEL = 6",
            "solutions/detection/double.py:10: LEVEL must be a whole number from 1 to 5",
        ),
        ("LEVEL = 1", "LEVEL = True", "LEVEL must be a whole number"),
        ("LEVEL = 1", "", "LEVEL is missing"),
        ("MINUTES = 10", "MINUTES = 2 * 5", "MINUTES must be written out as a plain value"),
        ('("Think', '"" and ("Think', "HINTS must be written out"),
        ("def double", "def _double", "nothing to write"),
        ('"""Double', '_ = """Double', "the statement is missing"),
        ("x: int)", "x: int = _secret)", ""),
    ],
)
def test_a_solution_that_cannot_be_read_is_a_sentence_and_the_others_load(
    here: Places, old: str, new: str, sentence: str
) -> None:
    path = here.solutions / "detection" / "double.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    read = catalog.read(here)
    if sentence:
        assert [kata.name for kata in read] == ["halve", "treble"]
        assert sentence in read.problems[0]
    else:
        assert len(read) == 3


def test_a_partner_of_a_version_is_no_symbol(here: Places) -> None:
    path = here.solutions / "detection" / "double.py"
    more = '\n\n@wrong("both", of="double", also={"triple": "triple_without"})\ndef pair(x): ...\n'
    path.write_text(path.read_text() + more + "\n\ndef triple(x): ...\n\n\ndef triple_without(x): ...\n")
    assert catalog.read_kata(path, here).symbols == ("double", "triple")


@pytest.mark.parametrize(
    "text",
    [
        "detection/double",
        "double",
        "katas/detection/double.py",
        "katas/detection/test_double.py",
        "./katas/detection/test_double.py",
        "test_double.py",
        "/somewhere/else/katas/detection/double.py",
        "solutions/detection/double.py",
        "katas\\detection\\double.py",
    ],
)
def test_a_kata_has_many_names(here: Places, text: str) -> None:
    assert [kata.id for kata in catalog.find(catalog.read(here), text)] == ["detection/double"]


@pytest.mark.parametrize("text", ["detection", "katas/detection", "katas/detection/"])
def test_a_track_is_all_its_katas(here: Places, text: str) -> None:
    assert [kata.name for kata in catalog.find(catalog.read(here), text)] == ["double", "treble"]


@pytest.mark.parametrize("text", ["dubble", "detection/duoble", "katas/detection/test_doubel.py"])
def test_a_slip_gets_a_guess(here: Places, text: str) -> None:
    with pytest.raises(catalog.UnknownKata, match="did you mean `detection/double`"):
        catalog.find(catalog.read(here), text)


def test_an_unknown_name_gets_the_way_to_the_list(here: Places) -> None:
    with pytest.raises(catalog.UnknownKata, match="`xyzzy`: `dojo list` shows them all"):
        catalog.find(catalog.read(here), "xyzzy")


def test_a_name_in_two_tracks_is_asked_back(here: Places, add_kata: Callable[..., None]) -> None:
    add_kata(here.workspace, "depth", "double")
    with pytest.raises(catalog.UnknownKata, match="`detection/double` or `depth/double`"):
        catalog.find(catalog.read(here), "double")


def test_is_stub_sees_through_line_ends(here: Places) -> None:
    katas = catalog.read(here)
    (kata,) = catalog.find(katas, "double")
    assert katas.is_stub(kata)
    kata.stub.write_bytes(b"\xef\xbb\xbf" + kata.stub.read_bytes().replace(b"\n", b" \r\n") + b"\r\n")
    assert katas.is_stub(kata)
    kata.stub.write_text(kata.stub.read_text() + "# an idea\n")
    assert not katas.is_stub(kata)
    assert katas.is_untouched(kata)
    for text in (b"\xff\xfe\x00", b"def double(x):\n    return 2 * x\n"):
        kata.stub.write_bytes(text)
        assert not katas.is_stub(kata)
        assert not katas.is_untouched(kata)
    kata.stub.unlink()
    assert katas.is_stub(kata)
    assert katas.is_untouched(kata)


def test_the_cache_gives_the_same_and_notices_changes(here: Places, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "catalog.json"
    first = catalog.read(here, cache=cache)
    assert cache.is_file()
    assert catalog.read(here, cache=cache) == first
    path = here.solutions / "detection" / "double.py"
    path.write_text(path.read_text().replace("MINUTES = 10", "MINUTES = 100"))
    (kata,) = catalog.find(catalog.read(here, cache=cache), "double")
    assert kata.minutes == 100
    (here.solutions / "detection" / "treble.py").unlink()
    assert len(catalog.read(here, cache=cache)) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"readers": 1}', '{"readers": [], "entries": 3}', "\0\0"])
def test_a_broken_cache_is_done_without(here: Places, tmp_path: Path, text: str) -> None:
    cache = tmp_path / "catalog.json"
    cache.write_text(text)
    assert len(catalog.read(here, cache=cache)) == 3


def test_a_cache_that_cannot_be_written_is_done_without(here: Places, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert len(catalog.read(here, cache=tmp_path / "file" / "catalog.json")) == 3
    (tmp_path / "taken" / "catalog.json").mkdir(parents=True)
    assert len(catalog.read(here, cache=tmp_path / "taken" / "catalog.json")) == 3
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["catalog.json"]


def test_the_faces_load_nothing_heavy() -> None:
    code = (
        "import sys, grader.cli, grader.workspace.scaffold, grader.cli.checkup\n"
        "heavy = {'torch', 'numpy', 'pytest', 'hypothesis', 'jaxtyping', 'textual'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import grader.tui.app\n"
        "heavy = {'torch', 'numpy', 'pytest', 'hypothesis', 'jaxtyping'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
