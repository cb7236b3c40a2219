"""``dojo watch``: what the screen shows, how saves are heard, what keys do, and the whole in a terminal."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tiny

from grader.model import Event, KataInfo, Kind, Verdict
from grader.practice import desk as desks
from grader.practice.desk import Desk, Hint
from grader.practice.progress import KataState, Status
from grader.text.render import Look
from grader.watching import keys, rows, view
from grader.watching.events import Found, Happening, Key, Saved, Tick, Vanished
from grader.watching.loop import Watch
from grader.watching.saves import Saves
from grader.watching.sight import Page, Run, Sight
from grader.workspace.runner import CheckDone, End, Failing, Finding, KataDone, Problem

SIZES = [(40, 10), (80, 24), (120, 40), (200, 60), (7, 2)]
STORY = """The result is wrong.

  double(x)
  x        = [[2.19336, -1.50195, -0.201172], [0.416016, -1.10352, 0.0927734], [-2.06348, -1.5791, -1.5459]]
  yours    = [[0.0]]
  ┌────────────────────────────────────────────────────────────┐
  │░░▒▒▓▓██                                                    │
  └────────────────────────────────────────────────────────────┘

You printed: 検出 🙂 \x1b[2J\tand more, which goes on for long enough to be broken at a word somewhere in here.

Your line:
  double.py:7  y = x * x
"""


def verdict(name: str, kind: Kind = Kind.PASSED, story: str = "", mistake: str | None = None) -> Verdict:
    return Verdict("detection/double", name, f"Gives the right {name}.", kind, 0.1, story, mistake)


def done(kata: str, kind: Kind, passed: int = 1, total: int = 3) -> KataDone:
    return KataDone(f"detection/{kata}", kind, 0.3, passed, total)


FAILED = Run(
    (
        verdict("shapes"),
        verdict("values", Kind.VALUE, STORY, "squares instead"),
        verdict("gradients", Kind.WAITS),
    ),
    done=done("double", Kind.VALUE),
)
PASSED = Run((verdict("shapes"), verdict("values")), done=done("double", Kind.PASSED, 2, 2))


def kata(name: str, folder: Path = Path("/katas/detection")) -> KataInfo:
    return KataInfo(
        *("detection", name, f"What {name} does, at some length", "Title.\n\nGive back twice what came in."),
        *(1, 15, ("One.", "Two."), (name,), (), ()),
        *(folder / f"{name}.py", folder / f"test_{name}.py", folder / f"s_{name}.py"),
    )


def sight(**changes: object) -> Sight:
    track = tuple(map(kata, ("double", "treble", "halve")))
    states = {one.id: KataState() for one in track}
    made = Sight(kata=track[0], track=track, states=states, listed=track)
    return replace(made, **changes)  # type: ignore[arg-type]


SIGHTS = {
    "new": sight(run=Run((verdict("values", Kind.TODO),), done=done("double", Kind.TODO))),
    "failed": sight(run=FAILED, hint=Hint("Add it to itself. " * 9, 2, 3), note="Not passed yet. " * 9),
    "early": sight(run=Run((), failing=verdict("values", Kind.VALUE, STORY)), is_running=True, seconds=3),
    "passed": sight(run=PASSED),
    "asked": sight(run=PASSED, asks_reset=True, note="Reset double?"),
    "gone": sight(is_missing=True),
    "broken": sight(run=Run(problem=Problem("Grading broke off.", "Traceback\n" * 50))),
    "list": sight(page=Page.LIST, cursor=2),
    "all": sight(page=Page.ALL, everything=(done("double", Kind.PASSED), done("treble", Kind.TODO))),
    "keys": sight(page=Page.KEYS),
}


def bare(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;;.*?\x1b\\", "", line)


# -- the view ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SIGHTS)
def test_every_page_fits(name: str, size: tuple[int, int]) -> None:
    for look in (Look(), Look(colour=True), Look(unicode=False)):
        shown = view.lines(SIGHTS[name], width=size[0], height=size[1], look=look)
        assert len(shown) <= size[1]
        for line in map(bare, shown):
            assert rows.cells(line) <= size[0]
            assert line.isprintable()
            assert look.unicode or line.isascii()


def screen(what: Sight, width: int = 80, height: int = 24) -> str:
    return "\n".join(view.lines(what, width=width, height=height, look=Look()))


def test_a_failure_is_told_with_its_place() -> None:
    shown = screen(sight(run=FAILED), 120, 40)
    assert "double.py:7\n" in shown
    assert "✗ 1 of 3 checks pass." in shown
    assert "✓ Gives the right shapes.\n✗ [value] Gives the right values.\n· [waits] Gives the right" in shown
    assert "behaves like a version that squares instead." in shown
    assert "0 of 3 passed in detection" in shown


def test_what_does_not_fit_is_scrolled_and_the_story_comes_first() -> None:
    what = sight(run=FAILED)
    small = screen(what, 40, 10).splitlines()
    assert small[3].startswith("✗ [value]")
    assert "The result is wrong." in small
    assert "j/k, PgDn/PgUp" in small[-3]
    most = view.reach(what, width=40, height=10, look=Look())
    assert "· [waits]" in screen(replace(what, scroll=most), 40, 10)
    assert screen(replace(what, scroll=most), 40, 10) == screen(replace(what, scroll=999), 40, 10)


def test_a_pass_says_what_passed_and_what_comes_next() -> None:
    shown = screen(SIGHTS["passed"])
    assert "✓ Passed: 2 checks, 0.3 s." in shown
    assert "n: next kata, treble: What treble does" in shown
    assert "1 of 3 passed in detection" in shown
    assert "n next" in shown
    assert "n next" not in screen(sight(run=FAILED))


def test_the_path_is_a_link_where_there_is_colour() -> None:
    line = view.lines(sight(run=FAILED), width=80, height=24, look=Look(colour=True))[1]
    assert line.startswith("\x1b]8;;file:///katas/detection/double.py\x1b\\")
    assert bare(line).endswith("double.py:7")


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ("nq", ["n", "q"]),
        ("\x1b", ["esc"]),
        ("\x1b[A\x1bOB\x1b[6~", ["up", "down", "pgdn"]),
        ("\x1b[1;5C\x1bx\x00é\r\n", ["é", "enter", "enter"]),
        ("\x1b[<0;3;4Mj", ["j"]),
    ],
)
def test_keys_have_names(sent: str, names: list[str]) -> None:
    assert list(keys.parse(sent)) == names


# -- saves ---------------------------------------------------------------------------------------


class Inbox:
    """What was put, to be waited for."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Happening] = queue.SimpleQueue()

    def next(self, seconds: float = 5.0) -> Happening:
        return self.queue.get(timeout=seconds)

    def is_quiet(self, seconds: float) -> bool:
        with suppress(queue.Empty):
            self.queue.get(timeout=seconds)
            return False
        return True


@pytest.fixture(params=[True, False], ids=["events", "looking"])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Inbox]]:
    path, inbox = tmp_path / "x.py", Inbox()
    path.write_text("old")
    # With events, looking alone would be too late for these tests.
    saves = Saves(path, inbox.queue.put, hears=request.param, poll=20 if request.param else 0.05)
    # The system's watch begins a moment later: it is there once it has heard something.
    for count in range(1, 50 if request.param else 1):
        path.write_text("old" * count)
        if not inbox.is_quiet(0.25):
            break
    yield path, inbox
    saves.close()
    saves.join()
    assert not saves._thread.is_alive()


def test_a_save_in_place_is_noticed_once(watched: tuple[Path, Inbox]) -> None:
    path, inbox = watched
    path.write_text("newer")
    assert inbox.next() == Saved(path)
    assert inbox.is_quiet(0.3)


def test_a_file_put_in_its_place_is_noticed(watched: tuple[Path, Inbox]) -> None:
    path, inbox = watched
    beside = path.with_name("x.py~")
    beside.write_text("by rename")
    beside.replace(path)
    assert inbox.next() == Saved(path)
    assert inbox.is_quiet(0.3)


def test_saves_in_quick_succession_are_few_and_none_is_missed(watched: tuple[Path, Inbox]) -> None:
    path, inbox = watched
    for count in range(1, 11):
        path.write_text("x" * count)
    assert inbox.next() == Saved(path)
    # Each look finds at most one, and the last text is always found.
    assert sum(not inbox.is_quiet(0.15) for _ in range(3)) <= 2
    path.write_text("one more")
    assert inbox.next() == Saved(path)
    assert inbox.is_quiet(0.2)


def test_a_file_that_vanishes_is_waited_for(watched: tuple[Path, Inbox]) -> None:
    path, inbox = watched
    path.unlink()
    assert inbox.next() == Vanished(path)
    path.write_text("back")
    assert inbox.next() == Saved(path)


def test_other_files_are_none_of_its_business(watched: tuple[Path, Inbox]) -> None:
    path, inbox = watched
    path.with_name("y.py").write_text("another")
    assert inbox.is_quiet(0.3)


def test_a_folder_that_is_not_there_yet_is_looked_for(tmp_path: Path) -> None:
    path, inbox = tmp_path / "later" / "x.py", Inbox()
    saves = Saves(path, inbox.queue.put, poll=0.05)
    assert inbox.next() == Vanished(path)
    path.parent.mkdir()
    path.write_text("here")
    assert inbox.next() == Saved(path)
    saves.close()
    saves.join()


# -- the loop ------------------------------------------------------------------------------------


class FakeSession:
    """Finds what it is given, when it is given it."""

    def __init__(self, katas: Sequence[KataInfo]) -> None:
        self.katas = katas
        self.given: queue.SimpleQueue[Finding] = queue.SimpleQueue()
        self.is_cancelled = False

    def findings(self) -> Iterator[Finding]:
        while True:
            finding = self.given.get()
            yield finding
            if isinstance(finding, End | Problem):
                return

    def cancel(self) -> None:
        self.is_cancelled = True
        self.given.put(Problem("Grading was stopped."))


class FakeWarm:
    """Remembers what it was asked to grade."""

    def __init__(self) -> None:
        self.sessions: list[FakeSession] = []

    def start(self, katas: Sequence[KataInfo], *, source: str) -> FakeSession:
        assert source == "watch"
        self.sessions.append(FakeSession(katas))
        return self.sessions[-1]


class Still:
    """Hears nothing."""

    def __init__(self, path: Path, put: object) -> None:
        self.path = path

    def close(self) -> None:
        pass

    join = close


class Bench:
    """A watch on a desk, with hands on everything that happens to it."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.warm, self.inbox, self.now = desk, FakeWarm(), Inbox(), 0.0
        first = desk.pick("double")
        make: Callable[..., Saves] = Still  # type: ignore[assignment]
        self.watch = Watch(
            *(desk, first),
            **{"grader": self.warm, "put": self.inbox.queue.put, "saves": make, "clock": lambda: self.now},
        )

    def press(self, *names: str) -> Sight:
        for name in names:
            self.watch.take(Key(name))
            self.watch.lines()
        return self.watch.sight

    def save(self) -> None:
        self.watch.take(Saved(self.watch.sight.kata.stub))

    def find(self, *findings: Finding) -> Sight:
        """Let the run that is on find something."""
        for finding in findings:
            self.warm.sessions[-1].given.put(finding)
            while True:
                event = self.inbox.next()
                self.watch.take(event)
                self.watch.lines()
                if isinstance(event, Found) and event.finding == finding:
                    break
        return self.watch.sight

    def passes(self) -> Sight:
        name = self.watch.sight.kata.name
        at_hand = self.watch.sight.kata.id
        self.desk.record.add(Event(datetime.now(UTC), "attempt", at_hand, {"kind": "passed"}))
        return self.find(done(name, Kind.PASSED, 3), End(0))

    def fails(self) -> Sight:
        failed = verdict("values", Kind.VALUE, "yours 9", "squares instead")
        return self.find(CheckDone(verdict("shapes")), CheckDone(failed), done("double", Kind.VALUE), End(1))

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(event.kind, event.subject) for event in self.desk.record.events()]


@pytest.fixture
def bench(workspace: Path) -> Iterator[Bench]:
    desk = desks.open_desk(workspace, environ=os.environ)
    made = Bench(desk)
    yield made
    made.watch.close()
    desk.record.close()


def test_it_grades_at_once_and_shows_findings_as_they_come(bench: Bench) -> None:
    assert bench.watch.sight.is_running
    early = verdict("values", Kind.VALUE, "yours 9, at length")
    assert bench.find(CheckDone(verdict("shapes")), Failing(early)).run.failure == early
    whole = verdict("values", Kind.VALUE, "yours 9", "squares instead")
    seen = bench.find(CheckDone(whole), done("double", Kind.VALUE), End(1))
    assert seen.run.failure == whole
    assert seen.run.failing is None
    assert not seen.is_running


def test_a_save_while_a_run_is_on_starts_anew(bench: Bench) -> None:
    first = bench.warm.sessions[0]
    bench.find(CheckDone(verdict("shapes")))
    bench.save()
    assert first.is_cancelled
    assert len(bench.warm.sessions) == 2
    # What was found stays until there is news, and what the old run still finds is dropped.
    assert len(bench.watch.sight.run.verdicts) == 1
    first.given.put(CheckDone(verdict("ghost")))
    assert [v.check for v in bench.find(CheckDone(verdict("values"))).run.verdicts] == ["values"]
    assert bench.watch.sight.is_running


def test_time_is_told_while_a_run_is_on(bench: Bench) -> None:
    bench.now = 4.2
    bench.watch.take(Tick())
    assert "Grading ... 4 s" in "\n".join(bench.watch.lines())
    bench.fails()
    bench.now = 9.0
    bench.watch.take(Tick())
    assert bench.watch.sight.seconds == 4


def test_next_waits_for_a_pass_and_for_the_key(bench: Bench) -> None:
    bench.fails()
    assert "double is not passed yet; l lists" in bench.press("n").note
    bench.save()
    assert bench.passes().kata.name == "double"
    assert bench.press("n").kata.name == "treble"
    assert bench.warm.sessions[-1].katas == (bench.watch.sight.kata,)
    bench.passes()
    # The track is done: the next one follows.
    assert bench.press("n").kata.id == "classification/halve"
    bench.passes()
    seen = bench.press("n")
    assert seen.kata.id == "classification/halve"
    assert "Every kata is passed" in seen.note


def test_without_a_record_a_pass_counts_all_the_same(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOJO_RECORD", str(tmp_path / "pyproject" / "record"))
    (tmp_path / "pyproject").write_text("a file where the folder should be")
    desk = desks.open_desk(workspace, environ=os.environ)
    bench = Bench(desk)
    assert "Nothing is recorded" in bench.watch.sight.note
    bench.find(done("double", Kind.PASSED), End(0))
    assert bench.press("n").kata.name == "treble"
    assert "1 of 2 passed" in "\n".join(bench.watch.lines())
    bench.press("l", "k", "enter")
    bench.watch.sight.kata.stub.write_text("def double(x): return x + x\n")
    bench.press("x", "y")
    assert "0 of 2 passed" in "\n".join(bench.watch.lines())
    bench.watch.close()
    desk.record.close()


def test_run_again(bench: Bench) -> None:
    bench.fails()
    assert bench.press("r").is_running
    assert len(bench.warm.sessions) == 2


def test_hints_come_one_at_a_time_and_the_record_hears(bench: Bench) -> None:
    seen = bench.press("h", "h")
    assert seen.hint is not None
    assert (seen.hint.level, seen.hint.of) == (2, 3)
    assert "Hint 2 of 3\nAdd it to itself." in "\n".join(bench.watch.lines())
    assert bench.events == [("hint", "detection/double")] * 2
    assert bench.press("esc").hint is None


def test_the_list_opens_what_is_chosen(bench: Bench) -> None:
    bench.fails()
    seen = bench.press("l", "j", "j", "k", "down", "up", "G")
    assert (seen.page, seen.cursor) == (Page.LIST, 1)
    assert bench.press("q").page is Page.KATA
    assert not bench.watch.is_over
    assert bench.press("l", "j", "enter").kata.name == "treble"
    assert bench.press("l", "right", "enter").kata.track == "classification"
    assert bench.watch.sight.is_running


def test_reset_asks_first(bench: Bench) -> None:
    stub = bench.watch.sight.kata.stub
    assert "nothing to reset" in bench.press("x").note
    stub.write_text("def double(x): return 9\n")
    assert bench.press("x").asks_reset
    assert not bench.press("n").asks_reset
    assert "return 9" in stub.read_text()
    seen = bench.press("x", "y")
    assert "double is a stub again; your answer is in" in seen.note
    assert "NotImplementedError" in stub.read_text()
    assert bench.events == [("reset", "detection/double")]
    assert "return 9" in next((stub.parent / ".answers").iterdir()).read_text()


def test_a_reset_that_cannot_be_is_a_sentence(bench: Bench) -> None:
    stub = bench.watch.sight.kata.stub
    stub.write_text("def double(x): return 9\n")
    (stub.parent / ".answers").write_text("a file where the folder should be")
    assert ".answers: File exists." in bench.press("x", "y").note


def test_check_all_tells_a_line_a_kata_and_any_key_returns(bench: Bench) -> None:
    bench.fails()
    bench.press("c")
    assert [one.name for one in bench.warm.sessions[-1].katas] == ["double", "treble"]
    seen = bench.find(done("double", Kind.PASSED))
    assert seen.is_running
    assert "Grading 1 of 2" in "\n".join(bench.watch.lines())
    bench.find(CheckDone(verdict("values")), done("treble", Kind.TODO), End(1))
    assert "1 of 2 katas passed, 1 not started." in "\n".join(bench.watch.lines())
    seen = bench.press("z")
    assert seen.page is Page.KATA
    assert seen.run.failure is not None
    assert len(bench.warm.sessions) == 2


def test_leaving_a_run_over_all_ends_it(bench: Bench) -> None:
    bench.press("c")
    everything = bench.warm.sessions[-1]
    bench.press("esc")
    assert everything.is_cancelled
    assert len(bench.warm.sessions[-1].katas) == 1
    bench.press("c")
    bench.save()
    assert bench.watch.sight.page is Page.KATA
    assert bench.watch.sight.is_running


def test_a_vanished_file_is_said_and_waited_for(bench: Bench) -> None:
    stub = bench.watch.sight.kata.stub
    text = stub.read_text()
    stub.unlink()
    bench.watch.take(Vanished(stub))
    assert "The file is not there" in "\n".join(bench.watch.lines())
    assert not bench.press("r").is_running
    stub.write_text(text)
    bench.save()
    assert bench.watch.sight.is_running
    assert not bench.watch.sight.is_missing


def test_a_missing_contract_is_a_sentence(bench: Bench) -> None:
    bench.watch.sight.kata.test.unlink()
    bench.press("r")
    assert "test_double.py is missing: `dojo init`" in " ".join(map(str.strip, bench.watch.lines()))


def test_a_run_that_breaks_off_is_told(bench: Bench) -> None:
    bench.find(Problem("Grading broke off: no memory.", "last words"))
    shown = "\n".join(bench.watch.lines())
    assert "✗ Grading broke off: no memory." in shown
    assert "last words" in shown
    bench.save()
    assert bench.watch.sight.is_running


@pytest.mark.parametrize("page", ["", "l", "c", "?"])
def test_unknown_keys_do_nothing(bench: Bench, page: str) -> None:
    bench.fails()
    bench.press(*page)
    runs = len(bench.warm.sessions)
    seen = bench.press("z", "Z", "é", "ctrl-l", "tab") if page in ("", "l") else bench.press("z")
    assert seen.page is (Page.LIST if page == "l" else Page.KATA)
    assert len(bench.warm.sessions) == runs + (page == "c")
    assert not bench.watch.is_over


def test_a_long_story_is_scrolled_and_no_further_than_its_end(bench: Bench) -> None:
    bench.watch.size = (40, 10)
    bench.find(CheckDone(verdict("values", Kind.VALUE, STORY)), done("double", Kind.VALUE), End(1))
    bench.press(*["j"] * 99)
    most = bench.watch.sight.scroll
    assert bench.press("k").scroll == most - 1
    assert bench.press("g").scroll == 0
    assert bench.press("pgdn").scroll > 1
    assert bench.press("G").scroll == most


def test_quit(bench: Bench) -> None:
    bench.press("q")
    assert bench.watch.is_over


def loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.split())


def test_what_watching_needs_is_loaded_by_watching_alone() -> None:
    commands = loaded("import grader.cli.commands")
    assert "grader.cli.watch" in commands
    assert not {"watchfiles", "anyio", "grader.watching"} & commands
    watching = loaded("import grader.watching.loop, grader.watching.terminal")
    assert "grader.watching.loop" in watching
    assert not {"watchfiles", "torch", "numpy", "pytest", "hypothesis", "textual"} & watching


def test_without_a_terminal_it_says_so(workspace: Path) -> None:
    words = [sys.executable, "-c", "from grader.cli import main; main(['watch'])"]
    done = subprocess.run(words, cwd=workspace, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert done.stderr == "dojo watch needs a terminal; `dojo check` grades once.\n"


# -- the whole, in a terminal --------------------------------------------------------------------


posix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")


class InTerminal:
    """`dojo watch` in a pseudo-terminal of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        import pty
        import termios

        self.ours, self.theirs = pty.openpty()
        termios.tcsetwinsize(self.theirs, (24, 80))
        self._attributes = termios.tcgetattr
        self.before = termios.tcgetattr(self.theirs)
        self.seen = ""
        words = [sys.executable, "-c", "from grader.cli import main; main(['watch', 'tiny'])"]
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", **environ},
            **{"stdin": self.theirs, "stdout": self.theirs, "stderr": self.theirs},
            preexec_fn=self._lead,
        )
        os.set_blocking(self.ours, False)

    def _lead(self) -> None:
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(self.theirs, termios.TIOCSCTTY, 0)

    def until(self, text: str, seconds: float = 30.0) -> None:
        """Read what it writes until a text was there; what was read before is forgotten."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            with suppress(BlockingIOError):
                self.seen += os.read(self.ours, 1 << 16).decode("utf-8", "replace")
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen!r}"
            time.sleep(0.01)
        self.seen = self.seen.partition(text)[2]

    def send(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def resize(self, columns: int, lines: int) -> None:
        import termios

        termios.tcsetwinsize(self.theirs, (lines, columns))

    def ends(self, code: int) -> None:
        """Expect the end, the terminal as it was, and nobody left behind."""
        self.until("\x1b[?25h\x1b[?1049l")
        assert self.process.wait(20) == code
        assert self._attributes(self.theirs) == self.before
        assert left_behind(os.environ["DOJO_RECORD"]) == []
        os.close(self.ours)
        os.close(self.theirs)


def left_behind(record: str) -> list[str]:
    """List the processes that were given a record, where the system tells."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"DOJO_RECORD={record}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.fixture
def run_in_terminal() -> Iterator[Callable[[Path], InTerminal]]:
    """Return what opens a terminal; whatever happens, nothing stays behind."""
    opened: list[InTerminal] = []

    def run(folder: Path) -> InTerminal:
        opened.append(InTerminal(folder))
        return opened[-1]

    yield run
    for app in opened:
        app.process.kill()
        app.process.wait(10)


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    return tiny.workspace(tmp_path, {"one": "def double(x):\n    raise NotImplementedError\n"})


@posix
def test_from_a_stub_over_a_failure_to_a_pass(
    practice: Path, run_in_terminal: Callable[[Path], InTerminal]
) -> None:
    stub = practice / "katas" / "tiny" / "one.py"
    app = run_in_terminal(practice)
    app.until("Not started")
    beside = stub.with_name("one.py.new")
    beside.write_text("def double(x):\n    return x * x\n")
    beside.replace(stub)
    app.until("squares instead of doubling.")
    app.until("1 of 3 checks pass")
    app.send("n")
    app.until("one is not passed yet")
    app.send("\x1b[A?")
    app.until("next kata, once this one is passed")
    app.send("z")
    stub.write_text("def double(x):\n    return x + x\n")
    app.until("3 checks")
    app.until("1 of 1 passed in tiny")
    app.resize(40, 10)
    app.until("\x1b[2J")
    app.until("\x1b[10;1H")
    # There is no shell here to stop for: it gives the terminal back, and takes it again.
    app.send("\x1a")
    app.until("\x1b[?25h\x1b[?1049l\x1b[?1049h\x1b[?25l")
    app.until("Passed")
    app.send("q")
    app.ends(0)
    desk = desks.open_desk(practice, environ=os.environ)
    told = [(event.data["kind"], event.data["source"]) for event in desk.record.events("attempt")]
    assert told == [("value", "watch"), ("passed", "watch")]
    assert desk.state(desk.pick("one")).status is Status.PASSED
    desk.record.close()


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_however_it_ends_the_terminal_is_as_before(
    practice: Path, run_in_terminal: Callable[[Path], InTerminal], number: signal.Signals, code: int
) -> None:
    app = run_in_terminal(practice)
    app.until("Grading")
    assert len(left_behind(os.environ["DOJO_RECORD"])) > 1 or sys.platform != "linux"
    if number is signal.SIGINT:
        app.send("\x03")
    else:
        app.process.send_signal(number)
    app.ends(code)
