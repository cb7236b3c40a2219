from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from grader import cli
from grader.cli import console
from grader.model import Event
from grader.text.render import Look, flow, look_at, stand_in, wrap
from grader.workspace import editor, places, runner, store

Run = Callable[..., "Outcome"]


class Outcome:
    """What a command left behind: its exit code and its two streams."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def dojo(
    workspace: Path,
    fake_pytest: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command in the workspace, grading with the stand-in for pytest."""
    monkeypatch.chdir(workspace)
    monkeypatch.setattr(runner, "start", partial(runner.start, command=fake_pytest))

    def run(*words: str) -> Outcome:
        code = cli.run(words)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return run


def solve(workspace: Path, name: str, body: str = "return x + x") -> Path:
    path = workspace / "katas" / "detection" / f"{name}.py"
    path.write_text(path.read_text().replace("raise NotImplementedError", body))
    return path


def passed(record_file: Path, kata: str) -> None:
    with store.open_record(record_file) as record:
        record.add(Event(datetime.now(UTC), "attempt", kata, {"kind": "passed"}))


def kinds(record_file: Path) -> list[tuple[str, str]]:
    with store.open_record(record_file) as record:
        return [(event.kind, event.subject) for event in record.events()]


# -- the command itself --------------------------------------------------------------------------


def test_without_a_terminal_the_app_does_not_open(dojo: Run) -> None:
    run = dojo()
    assert run.code == 2
    assert run.err.startswith("The app needs a terminal")
    assert run.err.count("\n") == 1


def test_help_names_every_command_and_fits(dojo: Run) -> None:
    run = dojo("--help")
    assert run.code == 0
    for name in cli.cli.commands:
        assert f"  {name} " in run.out
    assert max(map(len, run.out.splitlines())) <= 80


@pytest.mark.parametrize("name", sorted(cli.cli.commands))
def test_every_command_teaches(dojo: Run, name: str) -> None:
    run = dojo(name, "--help")
    assert run.code == 0
    assert "Example" in run.out
    assert f"dojo {name}" in run.out.split("Example")[1]
    assert max(map(len, run.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["chek"], "There is no command `chek`: did you mean `check`?"),
        (["qqqq"], "There is no command `qqqq`: `dojo --help` lists them."),
        (["check", "--nope"], "No such option"),
        (["check", "dubble"], "did you mean `detection/double`?"),
        (["hint", "detection"], "`detection` is a track of 2 katas: name one"),
        (["hint", "nothing/like/it"], "`dojo list` shows them all"),
        (["list", "detektion"], "did you mean `detection`"),
        (["reset"], "Say which kata to reset"),
        (["reset", "double", "--all"], "Say which kata to reset"),
        (["new", "noslash"], "say TRACK/NAME"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_a_slip_is_one_sentence(dojo: Run, words: list[str], sentence: str) -> None:
    run = dojo(*words)
    assert run.code == 2
    assert sentence in run.err
    assert run.err.count("\n") == 1
    assert run.out == ""


def test_outside_a_workspace_the_way_in_is_told(
    dojo: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_PACKAGE", tmp_path / "site-packages" / "grader")
    monkeypatch.chdir(tmp_path)
    run = dojo("list")
    assert run.code == 2
    assert "dojo init practice" in run.err


def test_a_fault_of_the_program_is_a_sentence_too(dojo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "choose", lambda *words: 1 / 0)
    run = dojo("check")
    assert run.code == 2
    assert "cv-dojo itself failed (ZeroDivisionError" in run.err
    monkeypatch.setenv("DOJO_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        cli.run(["check"])


# -- list ----------------------------------------------------------------------------------------


def test_list_shows_where_one_stands(dojo: Run, workspace: Path, record_file: Path) -> None:
    passed(record_file, "detection/double")
    solve(workspace, "treble")
    run = dojo("list")
    assert run.code == 0
    assert "detection  1 of 2 passed" in run.out
    assert "classification  0 of 1 passed" in run.out
    rows = {line.split()[1]: line for line in run.out.splitlines() if " min " in line}
    assert " passed" in rows["double"]
    assert " started" in rows["treble"]
    assert " new" in rows["halve"]
    assert len({line.index(" L") for line in rows.values()}) == 1
    assert max(map(len, run.out.splitlines())) <= 80
    assert "\x1b" not in run.out


def test_list_of_a_track(dojo: Run) -> None:
    assert "halve" not in dojo("list", "detection").out


def test_list_for_a_program(dojo: Run, workspace: Path) -> None:
    (workspace / "solutions" / "detection" / "broken.py").write_text("def (")
    data = dojo("list", "--json").data
    assert [row["id"] for row in data["katas"]] == [
        "classification/halve",
        "detection/double",
        "detection/treble",
    ]
    assert data["katas"][0] | {"title": ""} == {
        **{"id": "classification/halve", "track": "classification", "name": "halve", "title": ""},
        **{
            "level": 1,
            "minutes": 10,
            "status": "new",
            "attempts": 0,
            "hints_seen": 0,
            "solution_seen": False,
        },
        **{"last_kind": None, "last_at": None, "passed_at": None},
    }
    assert data["problems"][0].startswith("solutions/detection/broken.py:1: ")


def test_problems_and_notices_are_told_once_on_the_side(
    dojo: Run, workspace: Path, record_file: Path
) -> None:
    (workspace / "solutions" / "detection" / "broken.py").write_text("def (")
    record_file.parent.mkdir(parents=True)
    record_file.write_text("wreck " * 200)
    run = dojo("list")
    assert run.code == 0
    assert run.err.count("Left out: solutions/detection/broken.py:1") == 1
    assert run.err.count("was damaged") == 1


# -- check ---------------------------------------------------------------------------------------


def test_check_passes_only_when_all_pass(dojo: Run, workspace: Path) -> None:
    solve(workspace, "double")
    run = dojo("check", "double")
    assert run.code == 0
    assert "detection/double is passed: 1 check, 0.2 s." in run.out
    run = dojo("check", "detection")
    assert run.code == 1
    assert "1 of 2 katas passed, 1 not started." in run.out


def test_check_tells_the_story_and_the_next_step(dojo: Run, workspace: Path) -> None:
    solve(workspace, "double", "return x * x")
    run = dojo("check", "double")
    assert run.code == 1
    assert "Gives the right values.  [value]\n      yours 9, expected 6" in run.out
    assert "behaves like a version that squares instead." in run.out
    assert "`dojo hint detection/double`" in run.out


def test_check_says_not_started_in_one_line(dojo: Run) -> None:
    run = dojo("check", "double")
    assert run.code == 1
    assert len(run.out.splitlines()) == 1
    assert "detection/double is not started. `dojo open detection/double`" in run.out


def test_check_takes_the_next_kata(dojo: Run, workspace: Path, record_file: Path) -> None:
    assert "classification/halve" in dojo("check").out
    solve(workspace, "treble")
    assert "detection/treble" in dojo("check").out
    for kata in ("classification/halve", "detection/double", "detection/treble"):
        passed(record_file, kata)
    run = dojo("check")
    assert run.code == 2
    assert run.err == "Every kata is passed: name one to take it again.\n"


def test_check_for_a_program(dojo: Run, workspace: Path) -> None:
    solve(workspace, "double", "return x * x")
    run = dojo("check", "double", "treble", "double", "--json")
    data = run.data
    assert run.code == data["exit"] == 1
    assert [kata["kind"] for kata in data["katas"]] == ["value", "todo"]
    assert data["katas"][0]["checks"][0]["story"] == "yours 9, expected 6"
    assert data["problem"] is None


def test_check_without_the_test_file(dojo: Run, workspace: Path) -> None:
    (workspace / "katas" / "detection" / "test_double.py").unlink()
    run = dojo("check", "double")
    assert run.code == 2
    assert "test_double.py is missing: `dojo init` brings it back." in run.err


def test_check_that_breaks_off(dojo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (sys.executable, "-c", "print('no such option'); raise SystemExit(4)")
    monkeypatch.setattr(runner, "start", partial(runner.start.func, command=broken))  # type: ignore[attr-defined]
    run = dojo("check", "double")
    assert run.code == 2
    assert "no such option" in run.err
    assert "Grading broke off" in run.err
    data = dojo("check", "double", "--json").data
    assert data["problem"]["tail"] == "no such option"
    assert data["exit"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_check_leaves_nothing(
    workspace: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    pid = tmp_path / "pid"
    slow = tmp_path / "slow.py"
    slow.write_text(f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    body = (
        "import sys; from functools import partial; from grader import cli; from grader.workspace import runner\n"
        "runner._GRACE_SECONDS = 0.2\n"
        "runner.start = partial(runner.start, command=(sys.executable, sys.argv[1]))\n"
        "cli.main(['check', 'double'])\n"
    )
    words = [sys.executable, "-c", body, str(slow)]
    process = subprocess.Popen(words, cwd=workspace, stdout=-1, stderr=-1, text=True)
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


# -- hint, solution, reset, open -----------------------------------------------------------------


def test_hints_come_one_at_a_time_and_are_recorded(dojo: Run, record_file: Path) -> None:
    assert "detection/double, hint 1 of 3:\n\nThink of addition." in dojo("hint", "double").out
    assert "hint 2 of 3" in dojo("hint", "double").out
    assert dojo("hint", "double", "--json").data == {
        "kata": "detection/double",
        "level": 3,
        "of": 3,
        "hint": "Return x + x.",
    }
    assert "hint 3 of 3" in dojo("hint", "double").out
    assert kinds(record_file) == [("hint", "detection/double")] * 3


def test_a_hint_without_a_name_is_about_the_kata_in_hand(dojo: Run, workspace: Path) -> None:
    solve(workspace, "treble", "return 3")
    assert "detection/treble, hint 1 of 3" in dojo("hint").out


def test_the_solution_is_asked_for_before_passing(dojo: Run, record_file: Path) -> None:
    run = dojo("solution", "double")
    assert run.code == 2
    assert "You have not passed detection/double yet." in run.err
    assert "--yes" in run.err
    assert kinds(record_file) == []


def test_the_solution_is_shown_without_its_versions(dojo: Run, record_file: Path) -> None:
    run = dojo("solution", "double", "--yes")
    assert run.code == 0
    assert "return x + x" in run.out
    assert "times_two" not in run.out
    assert "HINTS" not in run.out
    compile(run.out, "solution", "exec")
    assert kinds(record_file) == [("solution", "detection/double")]


def test_the_solution_is_free_after_passing(dojo: Run, record_file: Path) -> None:
    passed(record_file, "detection/double")
    assert "return x + x" in dojo("solution", "double", "--json").data["solution"]


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_the_solution_can_be_declined(
    dojo: Run, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    import io

    typed = io.StringIO(answer)
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", typed)
    run = dojo("solution", "double")
    assert run.code == code
    assert ("def double" in run.out) is (code == 0)


def test_reset_keeps_the_answer_aside(dojo: Run, workspace: Path, record_file: Path) -> None:
    stub = (workspace / "katas" / "detection" / "double.py").read_text()
    path = solve(workspace, "double")
    answer = path.read_text()
    refused = dojo("reset", "double")
    assert refused.code == 2
    assert path.read_text() == answer
    run = dojo("reset", "double", "--yes")
    assert run.code == 0
    assert path.read_text() == stub
    (kept,) = (workspace / "katas" / "detection" / ".answers").iterdir()
    assert kept.read_text() == answer
    assert kept.name.startswith("double.2")
    assert str(kept.relative_to(workspace)) in run.out
    assert kinds(record_file) == [("reset", "detection/double")]
    path.write_text(answer)
    dojo("reset", "double", "--yes")
    assert len(list(kept.parent.iterdir())) == 2


def test_reset_of_a_stub_is_refused(dojo: Run) -> None:
    for words in (["double"], ["--all"]):
        run = dojo("reset", *words, "--yes")
        assert run.code == 2
        assert "untouched stub already: there is nothing to reset" in run.err


def test_reset_brings_back_a_missing_file(dojo: Run, workspace: Path) -> None:
    path = workspace / "katas" / "detection" / "double.py"
    path.unlink()
    run = dojo("reset", "double", "--yes")
    assert run.code == 0
    assert "NotImplementedError" in path.read_text()


def test_reset_all(dojo: Run, workspace: Path) -> None:
    for name in ("double", "treble"):
        solve(workspace, name)
    run = dojo("reset", "--all", "--yes")
    assert run.code == 0
    assert run.out.count("is a stub again") == 2
    assert "classification/halve" not in run.out


def test_open_hands_over_to_the_editor(dojo: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    script = workspace / "edit.py"
    script.write_text("import sys; open('opened', 'w').write(sys.argv[-1]); sys.exit(3)")
    monkeypatch.setenv("EDITOR", f"'{sys.executable}' {script}")
    assert dojo("open", "double").code == 3
    assert (workspace / "opened").read_text() == str(workspace / "katas" / "detection" / "double.py")


def test_without_an_editor_there_is_a_sentence() -> None:
    path = Path("double.py")
    with pytest.raises(editor.NoEditor, match=r"set \$EDITOR"):
        editor.command(path, environ={}, which=lambda name: None)
    with pytest.raises(editor.NoEditor, match=r"\$VISUAL names `ed`, which is not installed"):
        editor.command(path, environ={"VISUAL": "ed -x", "EDITOR": "vi"}, which=lambda name: None)
    assert editor.command(path, environ={"EDITOR": " "}, which=lambda name: name)[1] == "double.py"
    assert editor.command(path, environ={"EDITOR": "code --wait"}, which=str)[:2] == ["code", "--wait"]


# -- init, doctor, completion --------------------------------------------------------------------


@pytest.fixture
def learner(dojo: Run, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Run, Path]:
    """Stand in an empty folder with the workspace's content as the packaged one."""
    monkeypatch.setattr(places, "_PACKAGE", workspace / "grader")
    (workspace / "katas" / "detection" / "README.md").write_text("# Detection\n")
    (workspace / "katas" / "detection" / "notes.txt").write_text("stray\n")
    solve(workspace, "double", "return 'an answer of the author'")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    return dojo, home


def test_init_makes_a_workspace(learner: tuple[Run, Path]) -> None:
    dojo, home = learner
    run = dojo("init", "practice")
    assert run.code == 0
    made = sorted(str(p.relative_to(home / "practice")) for p in home.rglob("*") if p.is_file())
    assert made == [
        "katas/classification/halve.py",
        "katas/classification/test_halve.py",
        "katas/detection/README.md",
        "katas/detection/double.py",
        "katas/detection/test_double.py",
        "katas/detection/test_treble.py",
        "katas/detection/treble.py",
        "pyproject.toml",
    ]
    assert "NotImplementedError" in (home / "practice" / "katas" / "detection" / "double.py").read_text()
    assert "8 files added" in run.out
    os.chdir(home / "practice")
    assert "0 of 3 passed" in dojo("list").out


def test_init_again_never_touches_an_answer(learner: tuple[Run, Path], workspace: Path) -> None:
    dojo, home = learner
    dojo("init", "practice")
    katas = home / "practice" / "katas" / "detection"
    answer = katas / "double.py"
    answer.write_text("def double(x):\n    return 2 * x\n")
    stale = katas / "treble.py"
    stale.write_text("# my note\ndef old(x):\n    raise NotImplementedError\n")
    (workspace / "katas" / "detection" / "test_double.py").write_text("# a better contract\n")
    os.chdir(katas)
    run = dojo("init")
    assert run.code == 0
    assert answer.read_text() == "def double(x):\n    return 2 * x\n"
    assert "def treble" in stale.read_text()
    assert (katas / "test_double.py").read_text() == "# a better contract\n"
    assert sorted(p.name.partition(".")[0] for p in (katas / ".answers").iterdir()) == [
        "test_double",
        "treble",
    ]
    assert "2 brought up to date" in run.out
    assert "1 answer of yours left alone" in run.out
    assert "nothing to do, everything is here, 1 answer" in dojo("init").out


def test_init_leaves_other_projects_alone(learner: tuple[Run, Path]) -> None:
    dojo, home = learner
    (home / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
    run = dojo("init", ".")
    assert run.code == 2
    assert "belongs to another project" in run.err
    assert not (home / "katas").exists()


def test_init_in_the_checkout_is_refused(learner: tuple[Run, Path], workspace: Path) -> None:
    dojo, _ = learner
    run = dojo("init", str(workspace))
    assert run.code == 2
    assert "nothing to make" in run.err


def test_doctor_finds_what_is_broken_and_changes_nothing(
    dojo: Run, workspace: Path, record_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grader.cli import checkup

    said = {"torch": (0, "2.9.1+cpu"), "pytest": (1, "Traceback\nModuleNotFoundError: No module named 'x'")}
    monkeypatch.setattr(checkup, "_python_says", lambda code: said["pytest" if "pytest" in code else "torch"])
    record_file.parent.mkdir(parents=True)
    record_file.write_text("wreck " * 200)
    old = workspace / "katas" / "detection" / "double.py"
    old.write_text("def old(x):\n    raise NotImplementedError\n")
    (workspace / "katas" / "detection" / "treble.py").unlink()
    (workspace / "solutions" / "detection" / "broken.py").write_text("def (")
    before = {path: path.read_bytes() for path in workspace.parent.rglob("*") if path.is_file()}
    run = dojo("doctor", "--json")
    assert run.code == 1
    found = [(line["level"], line["what"], line["sentence"]) for line in run.data]
    levels = {what: level for level, what, _ in found}
    assert levels["Python"] == levels["torch"] == levels["workspace"] == "ok"
    assert levels["pytest plugin"] == levels["record"] == "fail"
    assert levels["pytest options"] == "warn"
    text = " ".join(sentence for _, _, sentence in found)
    for part in (
        "broken.py:1",
        "detection/treble is not in",
        "detection/double is out of step",
        "`dojo stub`",
    ):
        assert part in text
    assert "is damaged" in text
    assert "No module named 'x'" in text
    after = {path: path.read_bytes() for path in workspace.parent.rglob("*") if path.is_file()}
    assert after == before
    told = dojo("doctor").out
    assert "\nfail  record: " in told
    assert max(map(len, told.splitlines())) <= 80


def test_doctor_of_a_sound_setup(dojo: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from grader.cli import checkup

    monkeypatch.setattr(checkup, "_python_says", lambda code: (0, "9.1"))
    (workspace / "pyproject.toml").write_text(
        "[tool.cv-dojo]\n[tool.pytest.ini_options]\naddopts='-p grader.plugin'\n"
    )
    assert dojo("doctor").code == 0
    monkeypatch.setattr(checkup, "_python_says", lambda code: (1, ""))
    run = dojo("doctor")
    assert run.code == 1
    assert "no word from it within 60 s" in run.out


def test_doctor_names_an_old_torch(dojo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from grader.cli import checkup

    monkeypatch.setattr(checkup, "_python_says", lambda code: (0, "2.3.1"))
    assert "2.3.1 is too old" in " ".join(line["sentence"] for line in dojo("doctor", "--json").data)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(dojo: Run, shell: str) -> None:
    run = dojo("completion", shell)
    assert run.code == 0
    assert "_DOJO_COMPLETE" in run.out


def test_completion_knows_katas_and_tracks(dojo: Run) -> None:
    def complete(incomplete: str) -> list[str]:
        context = cli.cli.make_context("dojo", ["list"])
        return [item.value for item in console.complete_names(context, cli.cli.params[0], incomplete)]

    assert set(complete("d")) == {"detection/double", "detection/treble", "detection", "double"}
    assert complete("detection/t") == ["detection/treble"]
    assert complete("zzz") == []


# -- new, stub, audit ----------------------------------------------------------------------------


def test_new_writes_a_kata_that_is_in_step(dojo: Run, workspace: Path) -> None:
    run = dojo("new", "depth/centre_rows")
    assert run.code == 0
    assert "wrote solutions/depth/centre_rows.py" in run.out
    assert dojo("stub", "--check").code == 0
    assert "depth/centre_rows" in [row["id"] for row in dojo("list", "--json").data["katas"]]
    assert "is there already" in dojo("new", "depth/centre_rows").err
    assert "cannot be part of a kata's name" in dojo("new", "depth/Big-Name").err


def test_authors_commands_need_a_checkout(learner: tuple[Run, Path]) -> None:
    dojo, home = learner
    dojo("init", "practice")
    os.chdir(home / "practice")
    for words in (["new", "depth/x"], ["stub"]):
        run = dojo(*words)
        assert run.code == 2
        assert "checkout" in run.err


def test_stub_renews_stubs_and_spares_answers(dojo: Run, workspace: Path) -> None:
    katas = workspace / "katas" / "detection"
    sound = (katas / "double.py").read_text()
    (katas / "double.py").write_text("def old(x):\n    raise NotImplementedError\n")
    (katas / "treble.py").write_text("def treble(x):\n    return 3 * x\n")
    run = dojo("stub", "--check")
    assert run.code == 1
    assert run.out.count("is out of step") == 2
    assert "old" in (katas / "double.py").read_text()
    run = dojo("stub")
    assert run.code == 1
    assert (katas / "double.py").read_text() == sound
    assert "katas/detection/treble.py holds an answer" in run.out
    assert "3 * x" in (katas / "treble.py").read_text()
    assert dojo("stub", "treble", "--force").code == 0
    assert "NotImplementedError" in (katas / "treble.py").read_text()
    assert "All 3 stubs are in step" in dojo("stub").out


def test_audit_hands_over(dojo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import ModuleType

    asked: list[object] = []

    def main_audit(places: places.Places, **options: object) -> int:
        asked.append((places.workspace.name, options))
        return 7

    engine = ModuleType("grader.proof.proving")
    engine.main_audit = main_audit  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "grader.proof.proving", engine)
    assert dojo("audit", "detection", "--mutants").code == 7
    options = {
        "targets": ("detection/double", "detection/treble"),
        "as_json": False,
        "mutants": True,
        "worker": False,
        "strict": False,
    }
    assert asked == [("workspace", options)]


# -- what the terminal can show ------------------------------------------------------------------


def test_without_symbols_letters_stand_in(workspace: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-c", "from grader.cli import main; main(['list'])"]
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(words, cwd=workspace, env=environ, capture_output=True, check=True)
    assert b"  .  double" in done.stdout


def test_stand_ins_are_near() -> None:
    error = UnicodeEncodeError("ascii", "3 × 4 → 12 ☃", 2, 3, "")
    assert stand_in(error) == ("x", 3)
    assert "3 × 4 → ☃".encode("ascii", "dojo") == b"3 x 4 -> ?"


def test_colour_only_where_it_is_wanted() -> None:
    class Screen:
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    screen = Screen()
    assert look_at(screen, {}).colour  # type: ignore[arg-type]
    assert not look_at(screen, {"NO_COLOR": "1"}).colour  # type: ignore[arg-type]
    assert not look_at(screen, {"TERM": "dumb"}).colour  # type: ignore[arg-type]
    look = Look(colour=True)
    assert look.mark("passed") == "\x1b[32m✓\x1b[0m"
    assert replace(look, colour=False, unicode=False).mark("passed") == "ok"


def test_statements_flow_and_blocks_stay() -> None:
    text = "One two\nthree.\n\n* first item\n  goes on\n* second\n\n    kept    as\n    it is\n"
    assert flow(text, 60) == "One two three.\n\n* first item goes on\n* second\n\n    kept    as\n    it is"
    assert flow("* a long item that has to be broken somewhere", 24) == (
        "* a long item that has\n  to be broken somewhere"
    )
    assert wrap("a b\nc\n\nd", 20) == ["a b c", "", "d"]


def test_a_reader_that_leaves_early_is_no_error(workspace: Path) -> None:
    words = (
        f"'{sys.executable}' -c 'from grader.cli import main; main()' list | head -1; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", words], cwd=workspace, capture_output=True, text=True, check=False)
    assert done.stderr == ""
