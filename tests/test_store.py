from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from grader.model import Event
from grader.workspace import store

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def event(subject: str = "detection/double", kind: str = "attempt", **data: object) -> Event:
    return Event(at=AT, kind=kind, subject=subject, data=data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "record.sqlite3"


def test_events_come_back_in_order_and_whole(path: Path) -> None:
    given = [event(kind="value", seconds=0.5, checks={"test_values": "value"}), event("a/b", "hint", level=1)]
    with store.open_record(path) as record:
        for one in given:
            record.add(one)
        assert record.remembers
        assert record.notice is None
    with store.open_record(path) as record:
        assert list(record.events()) == given
        assert record.events(kind="hint") == (given[1],)
        assert record.events(subject="detection/double") == (given[0],)
        assert record.events(kind="hint", subject="detection/double") == ()


def test_times_are_kept_in_utc(path: Path) -> None:
    east = AT.astimezone(timezone(timedelta(hours=9)))
    with store.open_record(path) as record:
        record.add(Event(at=east, kind="reset", subject="a/b"))
        assert record.events()[0].at == AT
        assert record.events()[0].at.utcoffset() == timedelta(0)


def test_the_schema_is_versioned_and_journalled(path: Path) -> None:
    store.open_record(path).close()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (store.VERSION,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


@pytest.mark.parametrize("statement", ["UPDATE events SET kind = 'x'", "DELETE FROM events"])
def test_the_record_only_grows(path: Path, statement: str) -> None:
    with store.open_record(path) as record:
        record.add(event())
    db = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        db.execute(statement)
    db.close()


def test_two_processes_lose_nothing(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from grader.workspace import store; from grader.model import Event\n"
        "record = store.open_record(Path(sys.argv[1]))\n"
        "for n in range(200):\n"
        "    record.add(Event(datetime.now(UTC), 'attempt', sys.argv[2], {'n': n}))\n"
        "assert record.notice is None and record.remembers, record.notice\n"
    )
    words = [sys.executable, "-c", code, str(path)]
    running = [subprocess.Popen([*words, name]) for name in ("one", "two", "three")]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with store.open_record(path) as record:
        for name in ("one", "two", "three"):
            assert [one.data["n"] for one in record.events(subject=name)] == list(range(200))


def test_a_damaged_file_is_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    path.with_name(path.name + "-wal").write_bytes(b"a journal that must not be replayed into the new file")
    with store.open_record(path, clock=lambda: AT) as record:
        record.add(event())
        assert "record.corrupt-20240506T070809Z.sqlite3" in (record.notice or "")
        assert len(record.events()) == 1
        assert record.remembers
    aside = path.with_name("record.corrupt-20240506T070809Z.sqlite3")
    assert aside.read_bytes().startswith(b"this is no database")


def test_damage_twice_in_a_second_keeps_both(path: Path) -> None:
    path.parent.mkdir()
    for text in (b"first wreck " * 100, b"second wreck " * 100):
        path.write_bytes(text)
        store.open_record(path, clock=lambda: AT).close()
    kept = sorted(path.parent.glob("record.corrupt-*.sqlite3"))
    assert [file.read_bytes()[:5] for file in kept] == [b"secon", b"first"]


def test_damage_in_the_middle_is_found_while_reading(path: Path) -> None:
    with store.open_record(path) as record:
        for number in range(500):
            record.add(event(text="x" * 200, number=number))
    whole = bytearray(path.read_bytes())
    whole[4096 * 3 : 4096 * 20] = b"\xee" * (4096 * 17)
    path.write_bytes(whole)
    with store.open_record(path, clock=lambda: AT) as record:
        assert record.events() == ()
        assert "damaged" in (record.notice or "")
        record.add(event())
        assert len(record.events()) == 1
    assert path.with_name("record.corrupt-20240506T070809Z.sqlite3").exists()


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with store.open_record(tmp_path / "file" / "record.sqlite3") as record:
        record.add(event())
        assert record.events() == (event(),)
        assert not record.remembers
        assert "Nothing is recorded in this session" in (record.notice or "")


def test_a_folder_in_the_records_place_stops_nothing(tmp_path: Path) -> None:
    with store.open_record(tmp_path) as record:
        record.add(event())
        assert not record.remembers
        assert record.notice


def test_a_read_only_folder_stops_nothing(path: Path) -> None:
    with store.open_record(path) as record:
        record.add(event())
    path.chmod(0o400)
    path.parent.chmod(0o500)
    if os.access(path.parent, os.W_OK):
        pytest.skip("permissions do not bind this user")
    try:
        with store.open_record(path) as record:
            record.add(event(kind="hint"))
            assert [one.kind for one in record.events()] == ["attempt", "hint"]
            assert not record.remembers
    finally:
        path.parent.chmod(0o700)


def test_a_disk_that_fills_up_later_stops_nothing(path: Path) -> None:
    with store.open_record(path) as record:
        record.add(event(number=0))
        assert record._db is not None
        pages = record._db.execute("PRAGMA page_count").fetchone()[0]
        record._db.execute(f"PRAGMA max_page_count = {pages}")
        for number in range(1, 100):
            record.add(event(number=number, text="x" * 500))
        assert [one.data["number"] for one in record.events()] == list(range(100))
        assert not record.remembers
        assert (record.notice or "").count("Nothing is recorded") == 1


def test_a_record_that_another_program_holds_stops_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_BUSY_SECONDS", 0.05)
    store.open_record(path).close()
    rival = sqlite3.connect(path, isolation_level=None)
    rival.execute("BEGIN EXCLUSIVE")
    with store.open_record(path) as record:
        record.add(event())
        assert record.events() == (event(),)
        assert "locked" in (record.notice or "")
    rival.close()


def test_a_newer_record_is_left_alone(path: Path) -> None:
    store.open_record(path).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {store.VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with store.open_record(path) as record:
        record.add(event())
        assert record.events() == (event(),)
        assert "newer cv-dojo" in (record.notice or "")
    assert path.read_bytes() == before


def test_closing_twice_is_harmless(path: Path) -> None:
    record = store.open_record(path)
    record.close()
    record.close()


def test_importing_is_cheap() -> None:
    code = (
        "import sys, grader.workspace.store; assert not {'platformdirs', 'click', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
