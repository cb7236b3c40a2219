from __future__ import annotations

import json
import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.model import KataInfo, Kind, Verdict
from grader.workspace import catalog, places, runner
from grader.workspace.places import Places
from grader.workspace.runner import CheckDone, End, KataDone, Problem

needs_groups = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")


@pytest.fixture
def here(workspace: Path, record_file: Path) -> Places:
    return places.at(workspace, environ={"DOJO_RECORD": str(record_file)})


@pytest.fixture
def katas(here: Places) -> tuple[KataInfo, ...]:
    return catalog.find(catalog.read(here), "detection")


def scripted(tmp_path: Path, body: str) -> tuple[str, str]:
    """Return a command whose script has ``found``, the events' path, and ``say``."""
    head = """
        import json, os, signal, subprocess, sys, time
        found = next(word.split("=", 1)[1] for word in sys.argv if word.startswith("--dojo-events="))
        events = open(found, "a")
        def say(**event):
            events.write(json.dumps(event) + "\\n"); events.flush()
    """
    script = tmp_path / "scripted.py"
    script.write_text(textwrap.dedent(head) + textwrap.dedent(body))
    return (sys.executable, str(script))


def session(katas: tuple[KataInfo, ...], here: Places, command: tuple[str, str]) -> runner.Session:
    return runner.start(katas, places=here, source="check", environ=os.environ, command=command)


def gone(process: int) -> bool:
    """Whether a process has ended, waiting a little for it."""
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{process}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_findings_come_typed_and_in_order(
    katas: tuple[KataInfo, ...], here: Places, fake_pytest: tuple[str, str]
) -> None:
    katas[0].stub.write_text("def double(x):\n    return x * x\n")
    found = list(session(katas, here, fake_pytest).findings())
    assert found == [
        CheckDone(
            Verdict(
                "detection/double",
                "test_values",
                "Gives the right values.",
                Kind.VALUE,
                0.1,
                "yours 9, expected 6",
                "squares instead",
            )
        ),
        KataDone("detection/double", Kind.VALUE, 0.2, 0, 1),
        CheckDone(Verdict("detection/treble", "test_values", "Gives the right values.", Kind.TODO, 0.1)),
        KataDone("detection/treble", Kind.TODO, 0.2, 0, 1),
        End(1),
    ]


def test_findings_come_while_the_process_runs(
    katas: tuple[KataInfo, ...], here: Places, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    body = f"""
        say(event="kata", kata="detection/double", kind="passed", seconds=0, passed=1, total=1)
        while not os.path.exists({str(gate)!r}): time.sleep(0.01)
        say(event="end", exit=0)
    """
    findings = session(katas, here, scripted(tmp_path, body)).findings()
    assert isinstance(next(findings), KataDone)
    gate.touch()
    assert list(findings) == [End(0)]


def test_pytest_is_told_where_and_for_whom(
    katas: tuple[KataInfo, ...], here: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--pdb")
    names = ("DOJO_SOURCE", "DOJO_RECORD", "PYTEST_ADDOPTS")
    body = f"""
        print(json.dumps([sys.argv[1:], os.getcwd(), [os.environ.get(n) for n in {names}], sys.stdin.read()]))
        sys.exit(4)
    """
    (problem,) = session(katas, here, scripted(tmp_path, body)).findings()
    assert isinstance(problem, Problem)
    words, folder, environment, typed = json.loads(problem.tail)
    assert words[:4] == ["-c", str(here.workspace / "pyproject.toml"), "-p", "grader.plugin"]
    assert words[4:6] == [str(kata.test) for kata in katas]
    assert Path(folder) == here.workspace
    assert environment == ["check", str(here.record), None]
    assert typed == ""


@pytest.mark.parametrize(
    ("body", "sentence", "tail"),
    [
        ("print('usage: no such option'); sys.exit(4)", "pytest ended with code 4", "usage: no such option"),
        ("sys.exit(0)", "code 0 and no result", ""),
        ("say(event='kata')", "a line that cannot be read", ""),
        ("events.write('[1]\\n'); events.flush(); time.sleep(60)", "a line that cannot be read: [1]", ""),
        ('events.write(\'{"event": "end", \'); events.flush()', "no result", ""),
    ],
)
def test_a_session_that_breaks_off_is_a_problem(
    katas: tuple[KataInfo, ...], here: Places, tmp_path: Path, body: str, sentence: str, tail: str
) -> None:
    (problem,) = session(katas, here, scripted(tmp_path, body)).findings()
    assert isinstance(problem, Problem)
    assert sentence in problem.sentence
    assert problem.tail == tail


@needs_groups
def test_a_killed_process_is_a_problem(katas: tuple[KataInfo, ...], here: Places, tmp_path: Path) -> None:
    body = "os.kill(os.getpid(), signal.SIGKILL)"
    (problem,) = session(katas, here, scripted(tmp_path, body)).findings()
    assert isinstance(problem, Problem)
    assert f"signal {signal.SIGKILL:d}" in problem.sentence


def test_events_not_known_are_passed_over(katas: tuple[KataInfo, ...], here: Places, tmp_path: Path) -> None:
    body = "say(event='weather', is_fine=True); say(event='end', exit=0)"
    assert list(session(katas, here, scripted(tmp_path, body)).findings()) == [End(0)]


STUBBORN = """
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open({pids!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
    say(event="kata", kata="detection/double", kind="passed", seconds=0, passed=1, total=1)
    {then}
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_GRACE_SECONDS", 0.2)


@needs_groups
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("then", ["time.sleep(600)", "say(event='end', exit=0); time.sleep(600)"])
def test_nothing_is_left_running(
    katas: tuple[KataInfo, ...], here: Places, tmp_path: Path, then: str
) -> None:
    pids = tmp_path / "pids"
    running = session(katas, here, scripted(tmp_path, STUBBORN.format(pids=str(pids), then=then)))
    findings: Iterator[runner.Finding] = running.findings()
    assert isinstance(next(findings), KataDone)
    if "end" in then:
        assert list(findings) == [End(0)]
    else:
        threading.Timer(0.1, running.cancel).start()
        assert list(findings) == [Problem("Grading was stopped.")]
    assert all(gone(int(pid)) for pid in pids.read_text().split())
    assert not running._folder.exists()


@needs_groups
@pytest.mark.usefixtures("quick")
def test_a_reader_that_loses_interest_leaves_nothing(
    katas: tuple[KataInfo, ...], here: Places, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    running = session(
        katas, here, scripted(tmp_path, STUBBORN.format(pids=str(pids), then="time.sleep(600)"))
    )
    findings = running.findings()
    next(findings)
    findings.close()  # type: ignore[attr-defined]
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_cancelling_what_is_over_is_harmless(
    katas: tuple[KataInfo, ...], here: Places, fake_pytest: tuple[str, str]
) -> None:
    running = session(katas, here, fake_pytest)
    list(running.findings())
    running.cancel()
