"""Whatever a learner's file does, it gets one clear sentence and the other katas are still graded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tiny
from nasty_files import FILES, KERNEL, LINUX_ONLY

from grader.worker import landlock

_ELSEWHERE = set() if sys.platform == "linux" else LINUX_ONLY
EVERYWHERE = [n for n in FILES if n not in _ELSEWHERE and KERNEL.get(n, 0) <= landlock.version()]
SLOW = {"alarm", "dawdles", "fills", "grows", "deaf", "stops_itself", "deterministic", "other_device"}
SLOW |= {"without_faulthandler", "a_gigabyte_err", "a_gigabyte_out", "patches_time"}
LOOPS = [n for n in EVERYWHERE if FILES[n].kind == "timeout" and n not in SLOW]
HARD = [n for n in EVERYWHERE[EVERYWHERE.index("loops") :] if n not in {*SLOW, *LOOPS[2:]}]
"""What is graded in every way there is; the whole table goes through pytest alone."""


@dataclass(frozen=True)
class Run:
    """What one grading of many files came to, and what it left behind."""

    verdicts: dict[str, dict[str, Any]]
    running: list[str]
    files: set[str]
    temporary: set[str]


class Ground:
    """A workspace of nasty files with a temporary folder of its own, and a mark on every process."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder, self.mark = folder, f"nasty-{uuid.uuid4().hex}"
        for seconds in {FILES[n].seconds for n in names}:
            chosen = {n: FILES[n].answer for n in names if FILES[n].seconds == seconds}
            tiny.workspace(folder, chosen, seconds=seconds)
        self.temporary = folder.parent / f"{folder.name}-tmp"
        self.temporary.mkdir()
        self._before = self._content()
        record = folder.parent / f"{folder.name}-record" / "record.sqlite3"
        self.environ = {"NASTY_MARK": self.mark, "TMPDIR": str(self.temporary), "DOJO_RECORD": str(record)}

    def after(self, verdicts: dict[str, dict[str, Any]]) -> Run:
        """Look around once the grading is over."""
        running = self._running()
        left = {
            str(p.relative_to(self.temporary)).partition(os.sep)[0] for p in self.temporary.rglob("*")
        } - {"dojo-hypothesis"}
        return Run(verdicts, running, (self._content() ^ self._before) - {"events.jsonl"}, left)

    def _content(self) -> set[str]:
        every = [p for p in self.folder.rglob("*") if "__pycache__" not in p.parts and p.is_file()]
        return {f"{p.relative_to(self.folder)}" for p in every}

    def _running(self) -> list[str]:
        """Processes that were started by this run; the judge's own may take a moment to go."""
        deadline = time.monotonic() + 5
        while (found := self._marked()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def _marked(self) -> list[str]:
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (place / "environ").read_bytes():
                    found.append((place / "cmdline").read_text() or place.name)
            except OSError:
                continue
        return found


@pytest.fixture(scope="module")
def by_pytest(tmp_path_factory: pytest.TempPathFactory) -> Run:
    ground = Ground(tmp_path_factory.mktemp("nasty"), EVERYWHERE)
    return ground.after(tiny.graded(ground.folder, environ=ground.environ))


@pytest.fixture(scope="module")
def by_check(tmp_path_factory: pytest.TempPathFactory) -> Run:
    ground = Ground(tmp_path_factory.mktemp("checked"), HARD)
    done = subprocess.run(
        [sys.executable, "-c", "from grader.cli import main; main()", "check", "tiny", "--json"],
        cwd=ground.folder,
        env={**os.environ, **ground.environ},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    told = json.loads(done.stdout)["katas"]
    return ground.after({row["kata"].partition("/")[2]: row for row in told})


@pytest.fixture(scope="module")
def by_warm(tmp_path_factory: pytest.TempPathFactory) -> Run:
    from grader.workspace import catalog, places
    from grader.workspace.runner import KataDone
    from grader.workspace.warm import Warm

    ground = Ground(tmp_path_factory.mktemp("warm"), HARD)
    environ = {**os.environ, **ground.environ}
    here = places.at(ground.folder, environ=environ)
    katas = list(catalog.read(here))
    found: dict[str, dict[str, Any]] = {}
    warm = Warm(places=here, environ=environ)
    try:
        for some in (katas[::2], katas[1::2]):
            for finding in warm.start(some, source="check").findings():
                if isinstance(finding, KataDone):
                    name = finding.kata.partition("/")[2]
                    found[name] = {"kind": finding.kind.value, "story": finding.story}
    finally:
        warm.close()
    return ground.after(found)


def judged(run: Run, name: str) -> None:
    wanted = FILES[name]
    assert run.verdicts[name]["kind"] == wanted.kind, run.verdicts[name]["story"]
    assert wanted.words in run.verdicts[name]["story"]


@pytest.mark.parametrize("name", EVERYWHERE)
def test_gets_its_verdict_and_a_sentence(by_pytest: Run, name: str) -> None:
    judged(by_pytest, name)


@pytest.mark.parametrize("name", HARD)
def test_dojo_check_says_the_same(by_check: Run, name: str) -> None:
    judged(by_check, name)


@pytest.mark.parametrize("name", HARD)
def test_the_warm_parent_says_the_same(by_warm: Run, name: str) -> None:
    judged(by_warm, name)


def test_at_least_forty_go_each_way() -> None:
    assert len(HARD) >= 40


@pytest.mark.parametrize("way", ["by_pytest", "by_check", "by_warm"])
def test_nothing_is_left_running_and_no_file_left_behind(way: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(way)
    assert not run.running
    assert not run.files
    assert not run.temporary


def test_no_story_shows_the_reference_or_a_traceback(by_pytest: Run) -> None:
    stories = {n: v["story"] for n, v in by_pytest.verdicts.items()}
    assert not [n for n, s in stories.items() if "return x + x" in s or "Traceback" in s]
    assert not [
        n for n, s in stories.items() if "solutions/" in s and "solutions/" not in str(FILES[n].answer)
    ]


def test_verdicts_are_the_same_with_a_spawned_worker(tmp_path: Path) -> None:
    names = ["same", "leaves", "loops", "in_place", "closes_files", "popen"]
    (tmp_path / "spawned").mkdir()
    ground = Ground(tmp_path / "spawned", names)
    run = ground.after(tiny.graded(ground.folder, "--dojo-worker=spawn", environ=ground.environ))
    for name in names:
        judged(run, name)
    assert not run.running
    assert not run.files
    assert not run.temporary


def ran(script: str) -> str:
    """Run a script in a process of its own, where forking is safe; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux")
def test_a_lost_zygote_costs_one_kata_and_fresh_interpreters_take_over() -> None:
    said = ran("""
        import os, signal, torch
        from grader.judge.candidate import Candidate, Died, Remote
        from grader.worker.zygote import Zygote
        zygote = Zygote()
        # Not confined: nothing refuses the signal.
        worker = zygote.spawn()
        from grader.worker import wire
        shot = {"op": "load", "source": "import os, time; os.kill(os.getppid(), 9); time.sleep(60)", "filename": "x.py", "exports": None}
        try:
            worker.exchange(wire.encode(shot), seconds=60)
        except Died as died:
            print(died.detail)
        worker.close()
        candidate = Candidate(Remote(zygote.spawn(), seconds=60))
        candidate.load("def double(x):\\n    return 2 * x\\n", "y.py")
        print(candidate.call("double", [torch.ones(1)]).value)
        candidate.close()
        zygote.close()
    """)
    assert said == "ended the process that starts yours, as a signal to the parent does\ntensor([2.])\n"


@pytest.mark.skipif(sys.platform != "linux", reason="orphans come back on Linux")
def test_one_worker_ends_while_another_lives() -> None:
    said = ran("""
        import os, torch
        from grader.judge.candidate import Candidate, Remote
        from grader.worker.strays import descendants
        from grader.worker.zygote import Zygote
        zygote = Zygote()
        daemon = (
            "import ctypes, time\\nlibc = ctypes.PyDLL(None)\\nif libc.fork() == 0:\\n    libc.setsid()\\n"
            "    time.sleep(1000)\\ndef double(x):\\n    return 2 * x\\n"
        )
        one, two = (Candidate(Remote(zygote.spawn(), seconds=60)) for _ in range(2))
        for candidate in (one, two):
            candidate.load(daemon, "x.py")
        print(len(descendants(os.getpid())))
        one.close()
        print(len(descendants(os.getpid())), two.call("double", [torch.ones(1)]).value)
        two.close()
        print(len(descendants(os.getpid())))
        zygote.close()
        print(len(descendants(os.getpid())))
    """)
    assert said == "5\n3 tensor([2.])\n1\n0\n"


def test_memory_is_watched_from_outside_where_no_limit_holds() -> None:
    from grader.judge.candidate import Candidate, Remote
    from grader.worker.resident import by_ps, needed
    from grader.worker.spawned import SpawnedWorker
    from grader.worker.zygote import Died

    held = iter([1 << 20, 5 << 30])
    worker = SpawnedWorker(watch=lambda _pid: next(held))
    worker.wait()
    candidate = Candidate(Remote(worker, seconds=60))
    candidate.load("import time\ndef double(x):\n    time.sleep(600)\n", "x.py")
    with pytest.raises(Died, match=r"it held more than 4 GB of memory"):
        candidate.call("double", [1])
    candidate.close()
    assert needed("darwin")
    assert not needed("linux")
    assert by_ps(os.getpid()) > 1 << 20


def test_a_frame_that_announces_too_much_is_not_made_room_for() -> None:
    from grader.worker.zygote import Died, sizes

    assert sizes(b"\0\0\0\x02\0\0\0\x03") == (2, 3)
    with pytest.raises(Died, match="more than can be looked at"):
        sizes(b"\xff" * 8)


def test_all_but_the_denied_folders_can_be_read(tmp_path: Path) -> None:
    denied, beside = tmp_path / "solutions", tmp_path / "katas"
    denied.mkdir()
    beside.mkdir()
    found = list(landlock.readable([str(denied)]))
    assert str(beside) in found
    assert not [p for p in found if Path(p) == denied or denied.is_relative_to(p)]
    assert list(landlock.readable([])) == ["/"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="/proc tells who runs")
def test_a_judge_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    ground = Ground(tmp_path / "killed", ["daemon", "sleeps"])
    # The daemon's kata is over, so its process too; what has to go is the sleeper with all above it.
    text = (ground.folder / "katas/tiny/test_sleeps.py").read_text()
    (ground.folder / "katas/tiny/test_sleeps.py").write_text(text.replace("seconds=0.6", "seconds=600"))
    both = (str(FILES["daemon"].answer) + str(FILES["sleeps"].answer)).encode()
    (ground.folder / "katas/tiny/sleeps.py").write_bytes(both)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "katas"],
        cwd=ground.folder,
        env={**os.environ, **ground.environ},
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(ground._marked()) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    run = ground.after({})
    assert not run.running
    assert not run.temporary
