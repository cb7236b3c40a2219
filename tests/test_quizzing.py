from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asking import Bank, Clock, bug, number, one, opened, order, several, shape

from grader import cli
from grader.cli import talk
from grader.model import Event, Question
from grader.practice import cards, practice, schedule
from grader.practice.deck import Deck
from grader.practice.quiz import Asked
from grader.text import markdown
from grader.workspace import runner, store

Run = Callable[..., "Outcome"]

BANK = """\
- id: giou
  level: 1
  skills: [metric]
  ask: What values can GIoU take?
  choices: ["[0, 1]", "(-1, 1]", "(-1, 0]"]
  answer: "(-1, 1]"
  but:
    "[0, 1]": That is the range of IoU; boxes far apart have a negative GIoU.
    "(-1, 0]": Two equal boxes have GIoU 1.
  why: It subtracts from IoU the share of the enclosing box that the union leaves empty.
"""


class Outcome:
    """What a command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Ask from a bank in memory."""
    made = Bank()
    monkeypatch.setattr(practice, "open_deck", lambda *_, **__: Deck(made, problems=made.problems))
    return made


@pytest.fixture
def dojo(
    workspace: Path,
    fake_pytest: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command in the workspace with lines to read."""
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("DOJO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(runner, "start", partial(runner.start, command=fake_pytest))

    def run(*words: str, typed: str | io.StringIO = "") -> Outcome:
        lines = io.StringIO(typed) if isinstance(typed, str) else typed
        monkeypatch.setattr(sys, "stdin", lines)
        code = cli.run(words)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return run


def kept(record_file: Path, kind: str = "review") -> tuple[Event, ...]:
    with store.open_record(record_file) as record:
        return record.events(kind)


def history(record_file: Path, *events: tuple[str, str, float, dict[str, object]]) -> None:
    """Write events that happened some days ago."""
    now = datetime.now(UTC)
    with store.open_record(record_file) as record:
        for kind, subject, days, data in events:
            record.add(Event(now - timedelta(days=days), kind, subject, data))


# -- a round for a person ------------------------------------------------------------------------


def test_a_wrong_answer_says_what_tempted_and_why(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [one()]
    typed = "a\n"
    run = dojo("quiz", typed=typed)
    assert run.code == 0
    chosen = kept(record_file)[0].data["answer"]
    assert "What values can GIoU take?" in run.out
    assert "It subtracts a share in [0, 1)." in run.out
    assert "Source: Rezatofighi et al., 2019" in run.out
    if chosen == "(-1, 1]":
        assert "Right: (-1, 1]" in run.out
    else:
        assert "Wrong: (-1, 1]" in run.out
        assert f"Your choice: {one().but[str(chosen)]}" in run.out
    assert "1 answered" in run.out


def test_every_line_fits(dojo: Run, bank: Bank) -> None:
    long = "word " * 60
    bank.questions = [one(ask=long, choices=(long, "b"), answer=("b",), but={long: long}, why=long)]
    run = dojo("quiz", typed="a\n")
    assert max(map(len, run.out.splitlines())) <= 80


def test_a_slip_of_the_pen_costs_nothing(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [number("a/n", value=1.5)]
    run = dojo("quiz", typed="1,5\n1.5\n")
    assert "with a point and without commas" in run.out
    assert [event.data["correct"] for event in kept(record_file)] == [True]


def test_an_open_answer_is_ticked_and_rated(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [opened("a/o")]
    run = dojo("quiz", typed="they help\na c\n\n")
    assert "A model answer:" in run.out
    assert "The points suggest 2 (hard)." in run.out
    data = kept(record_file)[0].data
    assert (data["answer"], data["rating"], data["correct"]) == ("they help", 2, None)


def test_the_learner_may_rate_otherwise(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [opened("a/o")]
    run = dojo("quiz", typed="they help\n9 9\n\n7\n4\n")
    assert "There is no option `9`" in run.out
    assert "Rate with 1 (again)" in run.out
    assert kept(record_file)[0].data["rating"] == 4


def test_undo_asks_the_question_again(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [number("a/n", value=1), number("b/n", value=1)]
    run = dojo("quiz", typed="2\nu\n1\n1\n")
    assert "Taken back" in run.out
    assert run.out.count("How much?") == 4
    assert [event.data["correct"] for event in kept(record_file)] == [False, True, True]
    assert len(kept(record_file, "undo")) == 1
    with store.open_record(record_file) as record:
        states = {state.subject: state for state in cards.open_cards(record).all()}
    assert all(state.reps == 1 and state.stability > 1 for state in states.values())
    assert len(states) == 2


def test_undo_with_nothing_to_undo(dojo: Run, bank: Bank) -> None:
    bank.questions = [number("a/n", value=1)]
    assert "There is no rating in this round" in dojo("quiz", typed="u\n1\n").out


def test_doubt_skip_quit_and_keys(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [number("a/n", value=1), number("b/n", value=1), number("c/n", value=1)]
    run = dojo("quiz", typed="?\nd\ns\n1\nq\n")
    assert "d marks as doubtful" in run.out
    assert "Marked as doubtful" in run.out
    assert len(kept(record_file, "doubt")) == 1
    assert len(kept(record_file)) == 1
    assert "1 answered, 1 of 1 graded ones right." in run.out


def test_input_that_ends_ends_the_round(dojo: Run, bank: Bank) -> None:
    bank.questions = [one()]
    run = dojo("quiz", typed="")
    assert (run.code, "Nothing was answered." in run.out) == (0, True)


@pytest.mark.parametrize(
    ("typed", "choices", "key"),
    [
        ("d", 0, "d"),
        ("d", 3, "d"),
        ("d", 4, None),
        (":d", 4, "d"),
        ("Q", 4, "q"),
        (":u", 4, "u"),
        ("s", 4, "s"),
        ("d d", 0, None),
        ("", 0, None),
    ],
)
def test_a_letter_that_names_an_option_is_no_key(typed: str, choices: int, key: str | None) -> None:
    options = tuple(f"option {n}" for n in range(choices))
    question = one(choices=options) if choices else number()
    assert talk.is_command(typed, Asked("a/q", question, options, "a/q")) == key


def test_the_count_level_skill_and_track(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [number(f"a/n{n}", value=1) for n in range(5)]
    bank.questions += [number("b/n", value=1), one("b/loss", skills=("loss",), level=2)]
    assert "2 answered" in dojo("quiz", "a", "--n", "2", typed="1\n" * 9).out
    run = dojo("quiz", "--level", "2", typed="a\n" * 9)
    assert "1 answered" in run.out
    assert {event.subject for event in kept(record_file)} >= {"b/loss"}
    assert "Nothing is due" in dojo("quiz", "--skill", "loss", typed="").out


def test_an_unknown_track_is_guessed(dojo: Run, bank: Bank) -> None:
    bank.questions = [one()]
    run = dojo("quiz", "detektion")
    assert (run.code, run.err) == (2, "There is no track `detektion`: did you mean `detection`?\n")


def test_problems_in_banks_are_told_and_stop_nothing(dojo: Run, bank: Bank) -> None:
    bank.questions, bank.problems = [one()], ("questions/detection.yaml:3: `ask` is missing.",)
    run = dojo("quiz", typed="a\n")
    assert "1 answered" in run.out
    assert run.err == "Left out: questions/detection.yaml:3: `ask` is missing.\n"


def test_a_cram_leaves_the_schedule_alone(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [number("a/n", value=1)]
    history(record_file, ("review", "a/n", 0.0, {"rating": 4}))
    assert "Nothing is due" in dojo("quiz").out
    run = dojo("quiz", "--cram", typed="2\n")
    assert "1 answered, 0 of 1" in run.out
    assert len(kept(record_file, "cram")) == 1
    with store.open_record(record_file) as record:
        state = cards.open_cards(record).get("a/n")
    assert state is not None
    assert state.reps == 1


# -- a round for a program -----------------------------------------------------------------------


def test_json_is_one_object_a_line(dojo: Run, bank: Bank) -> None:
    bank.questions = [one("a/q"), opened("b/o")]
    run = dojo("quiz", "--json", typed="a\na\n\n" * 2)
    assert run.code == 0
    assert {line["event"] for line in run.lines} >= {"question", "model", "verdict", "end"}


def test_json_of_a_graded_question(dojo: Run, bank: Bank) -> None:
    bank.questions = [number("a/n", value=7, unit="px")]
    run = dojo("quiz", "--json", typed="seven\n7\n")
    assert run.events() == ["question", "unreadable", "verdict", "end"]
    asked, _, verdict, end = run.lines
    assert (asked["card"], asked["kind"], asked["unit"], asked["new"]) == ("a/n", "number", "px", True)
    assert asked["left"] == {"due": 0, "new": 0}
    assert (verdict["correct"], verdict["rating"], verdict["right"]) == (True, 4, "7 px")
    assert datetime.fromisoformat(verdict["due"]) > datetime.now(UTC)
    assert (end["answered"], end["graded"], end["right"]) == (1, 1, 1)


def test_json_of_an_open_question(dojo: Run, bank: Bank) -> None:
    bank.questions = [opened("a/o")]
    run = dojo("quiz", "--json", typed="said\na b c\n\n")
    assert run.events() == ["question", "model", "rate", "verdict", "end"]
    assert run.lines[1]["points"] == ["scale", "ratio", "assignment"]
    assert run.lines[2]["suggested"] == 3
    assert run.lines[3]["rating"] == 3


@pytest.mark.parametrize("question", [one(), several(), order(), bug(), shape(), number(), opened()])
def test_every_kind_can_be_asked(dojo: Run, bank: Bank, question: Question) -> None:
    bank.questions = [question]
    typed = {"several": "a b\n", "order": "a b c\n", "shape": "b 512 7 7\n", "number": "0.25\n"}
    run = dojo("quiz", "--json", typed=typed.get(question.kind, "a\n") + "a\n3\n")
    assert "verdict" in run.events()


# -- saving --------------------------------------------------------------------------------------


def test_ctrl_c_loses_nothing_and_exits_130(workspace: Path, tmp_path: Path, record_file: Path) -> None:
    (workspace / "questions").mkdir()
    (workspace / "questions" / "detection.yaml").write_text(BANK)
    environ = os.environ | {"DOJO_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen(
        [sys.executable, "-c", "import grader.cli; grader.cli.main()", "quiz", "detection", "--json"],
        cwd=workspace,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    asked = json.loads(process.stdout.readline())
    process.stdin.write({"one": "a", "number": "1"}.get(asked["kind"], "[1]") + "\n")
    process.stdin.flush()
    seen = [json.loads(process.stdout.readline())]
    while seen[-1]["event"] not in ("question", "end"):
        seen.append(json.loads(process.stdout.readline()))
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert [event.subject for event in kept(record_file)] == [asked["card"]]


# -- due, stats, study ---------------------------------------------------------------------------


def test_due_shows_questions_katas_and_leeches(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [one("detection/a"), one("depth/b"), one("depth/new")]
    history(
        record_file,
        ("attempt", "detection/double", 30, {"kind": "passed"}),
        *(("review", "depth/b", 30 - n, {"rating": 1}) for n in range(8)),
        ("review", "detection/a", 30, {"rating": 3}),
        ("review", "depth/gone", 30, {"rating": 3}),
    )
    run = dojo("due")
    assert run.out.startswith("2 questions due, 1 new, 1 katas due.")
    assert "detection/double: Double a number. `dojo reset detection/double`" in run.out
    assert "depth/b  7 times" in run.out
    data = dojo("due", "--json").data
    assert set(data["questions"]) == {"detection/a", "depth/b"}
    assert data["katas"] == ["detection/double"]
    assert data["leeches"] == [{"card": "depth/b", "lapses": 7}]
    assert (data["new"], data["seen"]) == (1, 0)


def test_due_with_nothing_to_do(dojo: Run, bank: Bank) -> None:
    assert dojo("due").out == "0 questions due, 0 new, 0 katas due.\n"


def test_stats_of_nothing(dojo: Run, bank: Bank) -> None:
    run = dojo("stats")
    assert run.code == 0
    assert "0 reviews of 0 cards; practised 0 days in a row." in run.out


def test_stats(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [one("detection/a"), one("detection/b", skills=("loss",)), number("depth/c")]
    history(
        record_file,
        ("review", "detection/a", 3, {"rating": 3}),
        ("review", "detection/a", 1, {"rating": 1}),
        ("review", "detection/b", 1, {"rating": 3}),
        ("review", "detection/b", 0, {"rating": 3}),
        ("doubt", "depth/c", 0, {"note": "?"}),
    )
    run = dojo("stats")
    assert "4 reviews of 2 cards; practised 2 days in a row." in run.out
    assert "Recalled 50% of what came back" in run.out
    assert "Marked as doubtful: depth/c" in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    data = dojo("stats", "--json").data
    assert (data["streak"], data["retention"], data["reviews_total"]) == (2, 0.5, 4)
    assert data["tracks"]["detection"]["seen"] == 2
    assert data["tracks"]["detection"]["total"] == 4, "two questions and two katas"
    assert 0.4 < data["tracks"]["detection"]["readiness"] <= 0.5
    assert data["skills"]["loss"]["coverage"] == 1.0
    assert len(data["reviews"]) == len(data["forecast"]) == 14
    assert sum(data["forecast"].values()) == 2
    assert data["doubts"] == {"depth/c": 1}


def test_study_prints_a_lesson(dojo: Run, workspace: Path) -> None:
    assert "There are no lessons here." in dojo("study").out
    (workspace / "katas" / "detection" / "README.md").write_text(
        "# Object detection\n\n" + "Where is **it**? " * 20 + "\n\n```python\nx  =  1\n```\n"
    )
    assert "detection" in dojo("study").out
    run = dojo("study", "detection")
    assert run.out.startswith("Object detection\n================\n\nWhere is it?")
    assert "\n    x  =  1\n" in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    assert "did you mean `detection`" in dojo("study", "detektion").err


MARKDOWN = """\
## A *title*

Prose that
is joined, with `code **kept**` and **bold** and a [link](http://x.y).

* one item
  that goes on
* another
    1. nested

| a | b |
|---|---|
| 1 | long cell |

```text
kept   as it is
    # even this
```
last"""


def test_markdown_as_plain_text() -> None:
    assert markdown.plain(MARKDOWN, 60) == [
        "A *title*",
        "---------",
        "",
        "Prose that is joined, with `code **kept**` and bold and a",
        "link (http://x.y).",
        "",
        "* one item that goes on",
        "* another",
        "    1. nested",
        "",
        "a  b",
        "1  long cell",
        "",
        "    kept   as it is",
        "        # even this",
        "last",
    ]


# -- plan ----------------------------------------------------------------------------------------


def day(ahead: int) -> str:
    return str(schedule.day_of(datetime.now().astimezone()).date() + timedelta(days=ahead))


def test_a_plan_is_shown_kept_changed_and_dropped(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [one(f"a/q{n}") for n in range(60)]
    assert "There is no plan yet" in dojo("plan").err
    run = dojo("plan", "--date", day(30), "--minutes", "60")
    assert "in 30 days; 60 minutes a day." in run.out
    assert "Everything new finds its day before the interview." in run.out
    assert "Today: 3 new questions" in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    assert len(run.out.splitlines()) <= 24
    assert dojo("plan").out == run.out
    assert "in 30 days; 30 minutes a day." in dojo("plan", "--minutes", "30").out
    assert len(kept(record_file, "plan")) == 2
    data = dojo("plan", "--json").data
    assert data["plan"]["minutes"] == 30
    assert len(data["days"]) == 31
    assert data["fits"] is True
    assert dojo("due", "--json").data["new"] == 3, "the plan sets the new cards of a day"
    assert "no plan any more" in dojo("plan", "--clear").out
    assert dojo("due", "--json").data["new"] == 10


def test_the_days_share_does_not_grow_while_it_is_done(dojo: Run, bank: Bank, record_file: Path) -> None:
    bank.questions = [number(f"{'ab'[n % 2]}/q{n}", value=1) for n in range(60)]
    dojo("plan", "--date", day(30))
    assert "3 answered" in dojo("quiz", typed="1\n" * 20).out
    assert len(kept(record_file)) == 3
    assert "Nothing more is due, and the day's 3 new cards are done." in dojo("quiz", typed="1\n").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--date", "2001-01-01"], "is over"),
        (["--date", "soon"], "does not match"),
        (["--date", "2099-01-01"], "two years away"),
        (["--date", day(9), "--minutes", "1"], "make no plan"),
    ],
)
def test_a_plan_that_makes_no_sense(dojo: Run, bank: Bank, words: list[str], sentence: str) -> None:
    run = dojo("plan", *words)
    assert run.code == 2
    assert sentence in run.err


def test_too_little_time_is_said_with_what_would_do(dojo: Run, bank: Bank) -> None:
    bank.questions = [one(f"a/q{n}") for n in range(300)]
    run = dojo("plan", "--date", day(20), "--minutes", "15")
    assert "find no room" in run.out
    assert "minutes a day would do for all." in run.out


# -- interview -----------------------------------------------------------------------------------


@pytest.fixture
def questions(bank: Bank) -> Bank:
    bank.questions = [number(f"detection/n{n}", value=1) for n in range(9)]
    bank.questions += [opened(f"detection/o{n}") for n in range(9)]
    return bank


def test_a_whole_interview(
    dojo: Run, questions: Bank, workspace: Path, record_file: Path, tmp_path: Path
) -> None:
    for name in ("double", "treble"):
        path = workspace / "katas" / "detection" / f"{name}.py"
        assert "NotImplementedError" in path.read_text()
    # The kata is given up; wrong and right numbers; open answers; ticks, ratings and the rubric.
    typed = "s\n" + "2\n" * 3 + "1\n" * 20
    run = dojo(
        "interview", "detection", "--minutes", "30", "--json", "--to", str(tmp_path / "out"), typed=typed
    )
    assert run.code == 0, run.err
    assert run.events()[:3] == ["begin", "kata", "noted"]
    assert run.events()[-1] == "report"
    (report,) = (tmp_path / "out").glob("*.md")
    text = report.read_text()
    for part in (
        "## Kata",
        "given up",
        "## Questions",
        "## Follow-ups",
        "| You | Model answer |",
        "## Study next",
    ):
        assert part in text
    assert "no hints" in run.lines[0]["sentence"]
    assert not [line for line in run.lines if line["event"] == "verdict"], "verdicts wait for the report"
    assert len(kept(record_file, "interview")) == 1
    graded = [event for event in kept(record_file) if event.data["kind"] == "number"]
    assert graded
    assert {event.data["kind"] for event in kept(record_file)} == {"number", "open"}


class Writer(io.StringIO):
    """Writes an answer into every stub while the prompt waits."""

    def __init__(self, folder: Path, body: str) -> None:
        super().__init__("\n")
        self._folder, self._body = folder, body

    def readline(self, *size: int) -> str:  # type: ignore[override]
        for path in self._folder.glob("[!t]*.py"):
            path.write_text(path.read_text().replace("raise NotImplementedError", self._body))
        return super().readline(*size)


@pytest.mark.parametrize(
    ("body", "word", "part"),
    [
        ("return x + x", "passed", "1 of 1 checks"),
        ("return x * x", "value", "yours 9, expected 6"),
        ("raise NotImplementedError", "not started", "dojo check detection/"),
    ],
)
def test_the_kata_is_graded(
    dojo: Run,
    questions: Bank,
    workspace: Path,
    tmp_path: Path,
    body: str,
    word: str,
    part: str,
) -> None:
    folder = workspace / "katas" / "detection"
    (folder / "treble.py").rename(folder / "test_treble.bak")
    run = dojo("interview", "detection", "--to", str(tmp_path / "out"), typed=Writer(folder, body))
    assert f"Kata: {word}." in run.out
    report = next((tmp_path / "out").glob("*.md")).read_text()
    assert f"`detection/double` {word}" in report
    assert part in report


def test_a_kata_that_was_begun_is_left_alone(
    dojo: Run, questions: Bank, workspace: Path, tmp_path: Path
) -> None:
    for name in ("double", "treble"):
        path = workspace / "katas" / "detection" / f"{name}.py"
        path.write_text(path.read_text().replace("raise NotImplementedError", "return x * x"))
    run = dojo("interview", "detection", "--to", str(tmp_path / "out"), typed="\n")
    assert "Write detection/" not in run.out


def test_a_passed_kata_is_laid_down_clean_and_the_answer_kept(
    dojo: Run, questions: Bank, workspace: Path, record_file: Path, tmp_path: Path
) -> None:
    for name in ("double", "treble"):
        path = workspace / "katas" / "detection" / f"{name}.py"
        path.write_text(path.read_text().replace("raise NotImplementedError", "return x + x"))
        history(record_file, ("attempt", f"detection/{name}", 3, {"kind": "passed"}))
    run = dojo("interview", "detection", "--to", str(tmp_path / "out"), typed="s\n")
    assert "Your earlier answer is kept as" in run.out
    assert len(list((workspace / "katas" / "detection" / ".answers").iterdir())) == 1
    assert len(kept(record_file, "reset")) == 1


def test_leaving_early_saves_the_report(
    dojo: Run, questions: Bank, record_file: Path, tmp_path: Path
) -> None:
    run = dojo("interview", "--no-kata", "--to", str(tmp_path / "out"), typed="2\nq\n")
    assert run.code == 0
    (report,) = (tmp_path / "out").glob("*.md")
    assert "Wrong, in" in report.read_text()
    assert "## Not reached" in report.read_text()
    assert len(kept(record_file)) == 1
    assert len(kept(record_file, "interview")) == 1


def test_the_report_lies_beside_the_record_unless_said(dojo: Run, questions: Bank, record_file: Path) -> None:
    dojo("interview", "--no-kata", typed="q\n")
    assert len(list((record_file.parent / "interviews").glob("*.md"))) == 1


def test_when_the_time_is_up_the_rest_is_not_reached(
    dojo: Run, questions: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(datetime.now(UTC))

    def tick() -> datetime:
        clock.forward(minutes=1)
        return clock()

    from grader.practice import desk

    monkeypatch.setattr(desk, "sit_down", partial(desk.sit_down, clock=tick))
    monkeypatch.setattr(
        desk,
        "open_desk",
        lambda start=None, *, environ, clock=None: desk.sit_down(desk.all_places.find(environ=environ)),
    )
    run = dojo("interview", "--no-kata", "--minutes", "5", "--to", str(tmp_path / "out"), typed="1\n" * 40)
    assert "The time is up." in run.out
    assert "## Not reached" in next((tmp_path / "out").glob("*.md")).read_text()


def test_nothing_to_ask_is_a_sentence(dojo: Run, bank: Bank) -> None:
    run = dojo("interview", "--no-kata")
    assert run.code == 2
    assert run.err.startswith("There is nothing to ask")
