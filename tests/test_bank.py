"""Banks: every kind of question is read, and every slip is a sentence with its line."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from grader.cli import run
from grader.model import QuestionKind
from grader.questions import bank
from grader.questions.bank.form import schema

ROOT = Path(__file__).resolve().parents[1]

ONE = """\
- id: giou-range
  level: 2
  skills: [metric]
  ask: What values can GIoU take?
  choices:
    - "[0, 1]"
    - "(-1, 1]"
    - "(-1, 0]"
  answer: "(-1, 1]"
  but:
    "[0, 1]": That is the range of IoU.
    "(-1, 0]": Two equal boxes have GIoU 1.
  why: A share between 0 and 1 is taken off IoU.
"""
HEAD = "- id: it\n  level: 1\n  skills: [shapes]\n  ask: What?\n  why: So.\n"
OTHER = """\
- id: other
  level: 1
  skills: [loss]
  ask: How large?
  number: 7
  why: Count.
"""


def read(folder: Path, text: str | bytes, *, name: str = "detection.yaml") -> bank.Loaded:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return bank.load(path)


def said(loaded: bank.Loaded, folder: Path) -> list[str]:
    return [str(problem).removeprefix(f"{folder}/") for problem in loaded.problems]


def test_one_choice_with_all_its_keys(tmp_path: Path) -> None:
    more = "  source: Rezatofighi et al., 2019\n  kata: detection/generalized_iou\n  family: giou\n"
    loaded = read(tmp_path, ONE + more)
    assert said(loaded, tmp_path) == []
    (question,) = loaded.questions
    assert (question.id, question.track) == ("detection/giou-range", "detection")
    assert question.kind is QuestionKind.ONE
    assert question.choices == ("[0, 1]", "(-1, 1]", "(-1, 0]")
    assert question.answer == ("(-1, 1]",)
    assert question.but["[0, 1]"] == "That is the range of IoU."
    assert (question.level, question.skills, question.family) == (2, ("metric",), "giou")
    assert (question.source, question.kata) == ("Rezatofighi et al., 2019", "detection/generalized_iou")


@pytest.mark.parametrize(
    ("keys", "kind", "field", "value"),
    [
        ("number: 1e3\n  unit: px\n  tolerance: 0.5", "number", "number", 1000.0),
        ("number: 0.25", "number", "answer", ("0.25",)),
        ('shape: "[B, 512, ceil(H/32), 7]"', "shape", "shape", ("B", "512", "ceil(H/32)", "7")),
        ('shape: "(4,)"', "shape", "answer", ("[4]",)),
        ('shape: "[]"', "shape", "shape", ()),
        ("order: [a, b, c]", "order", "answer", ("a", "b", "c")),
        ("points: [a, b]", "open", "points", ("a", "b")),
        ("choices: [a, b, c]\n  answers: [c, a]\n  but: {b: no}", "several", "answer", ("c", "a")),
        ("choices: [a, b]\n  answers: [a, b]", "several", "answer", ("a", "b")),
        (
            "code: |\n    def f(x):\n        return x\n  choices: [a, b]\n  answer: a\n  but: {b: no}",
            "bug",
            "code",
            "def f(x):\n    return x",
        ),
    ],
)
def test_the_kind_follows_from_the_keys(
    tmp_path: Path, keys: str, kind: str, field: str, value: object
) -> None:
    loaded = read(tmp_path, HEAD + f"  {keys}\n")
    assert said(loaded, tmp_path) == []
    assert loaded.questions[0].kind == kind
    assert getattr(loaded.questions[0], field) == value


def test_everything_is_text(tmp_path: Path) -> None:
    keys = "choices: [yes, no, 1e3, null, ~, 2026-01-01]\n  answers: [no, 1e3]\n"
    but = "  but: {yes: a, null: b, ~: c, 2026-01-01: d}\n"
    (question,) = read(tmp_path, HEAD + "  " + keys + but).questions
    assert question.choices == ("yes", "no", "1e3", "null", "~", "2026-01-01")
    assert question.answer == ("no", "1e3")


def test_a_text_may_be_repeated(tmp_path: Path) -> None:
    keys = '  choices: [&a "x: y", b]\n  answer: *a\n  but: {b: no}\n'
    (question,) = read(tmp_path, HEAD + keys).questions
    assert question.answer == ("x: y",)


def test_line_ends_and_a_mark_at_the_beginning_do_not_matter(tmp_path: Path) -> None:
    loaded = read(tmp_path, b"\xef\xbb\xbf" + ONE.replace("\n", "\r\n").encode())
    assert said(loaded, tmp_path) == []
    assert loaded.questions == read(tmp_path, ONE).questions


BROKEN = {
    "unknown key": (
        ONE.replace("  level", "  levle"),
        ["2: there is no key `levle`: did you mean `level`?"],
    ),
    "unknown key, nothing like it": (ONE + "  colour: red\n", ["14: there is no key `colour`."]),
    "wrong case": (
        ONE.replace("  Ask", "  ask").replace("ask:", "Ask:"),
        ["4: there is no key `Ask`: did you mean `ask`?"],
    ),
    "Norway as a level": (ONE.replace("level: 2", "level: no"), ["2: `level` must be 1, 2 or 3, not `no`."]),
    "level too high": (ONE.replace("level: 2", "level: 4"), ["2: `level` must be 1, 2 or 3, not `4`."]),
    "unknown skill": (
        ONE.replace("[metric]", "[metrik, loss]"),
        ["3: there is no skill `metrik`: did you mean `metric`?"],
    ),
    "skill as a text": (
        ONE.replace("[metric]", "metric"),
        [
            "3: `skills` must be a list, not the text `metric`: write each entry on a line of its own, after a dash."
        ],
    ),
    "no skills": (ONE.replace("[metric]", "[]"), ["3: `skills` is empty."]),
    "skill twice": (
        ONE.replace("[metric]", "[loss, loss]"),
        ["3: `loss` stands twice in `skills`: keep one."],
    ),
    "id not a slug": (
        ONE.replace("giou-range", "GIoU range"),
        ["1: `id` must be lower-case words joined by hyphens, such as `giou-range`, not `GIoU range`."],
    ),
    "duplicate ids": (
        ONE + ONE,
        ["14: the id `giou-range` is taken by the question in line 1: choose another."],
    ),
    "duplicate key": (
        ONE + "  level: 1\n",
        ["14: `level` is said twice, first in line 2: keep one."],
    ),
    "nothing to answer": (
        HEAD,
        [
            "1: the question cannot be answered: give it one of `choices`, `number`, `shape`, `order`, `points`."
        ],
    ),
    "two kinds at once": (
        HEAD + "  number: 7\n  points: [a]\n",
        ["7: `points` does not belong to a question with `number`."],
    ),
    "answer and answers": (
        ONE + '  answers: ["(-1, 1]"]\n',
        ["14: `answers` does not belong to a question with `choices` and `answer`."],
    ),
    "keys missing": (
        "- id: it\n  number: 7\n  ask: What?\n",
        ["1: the question lacks `level`, `skills`, `why`."],
    ),
    "empty text": (ONE.replace("ask: What values can GIoU take?", "ask:"), ["4: `ask` is empty."]),
    "answer not among choices": (
        ONE.replace('answer: "(-1, 1]"', 'answer: "(-1, 1)"'),
        ["9: `(-1, 1)` in `answer` is not among the choices: did you mean `(-1, 1]`?"],
    ),
    "choices not distinct": (
        ONE.replace('    - "(-1, 0]"', '    - "(-1, 0]"\n    - "[0, 1]"'),
        ["9: `[0, 1]` stands twice in `choices`: keep one."],
    ),
    "one choice alone": (
        HEAD + "  choices: [a]\n  answer: a\n  but: {b: no}\n",
        ["6: `choices` must be 2 to 9 options, not 1."],
    ),
    "choice that is a list": (
        ONE.replace('- "[0, 1]"\n', "- [0, 1]\n"),
        ["6: entry 1 of `choices` must be a text, not a list: put it in quotes."],
    ),
    "choices as a mapping": (
        HEAD + "  choices: {a: b}\n  answer: a\n  but: {b: no}\n",
        ["6: `choices` must be a list, not a mapping (`key: value`)."],
    ),
    "no but": (ONE[: ONE.index("  but")] + "  why: So.\n", ["1: the question lacks `but`."]),
    "but for one only": (
        ONE.replace('    "(-1, 0]": Two equal boxes have GIoU 1.\n', ""),
        ["10: `but` does not say why `(-1, 0]` is wrong: add a sentence."],
    ),
    "but for the right option": (
        ONE.replace("  why", '    "(-1, 1]": It is right.\n  why'),
        ["13: `but` explains `(-1, 1]`, which is right: leave it out."],
    ),
    "but for no option": (
        ONE.replace("  why", '    "[0, 2]": No.\n  why'),
        ["13: `[0, 2]` in `but` is not among the choices: did you mean `[0, 1]`?"],
    ),
    "several without but": (
        HEAD + "  choices: [a, b]\n  answers: [a]\n",
        ["1: `but` does not say why `b` is wrong: add a sentence."],
    ),
    "not a number": (
        OTHER.replace("7", "7 px"),
        ["5: `number` must be a number with a decimal point, such as `7`, `0.25` or `1e-3`, not `7 px`."],
    ),
    "decimal comma": (
        OTHER.replace("7", "1,5"),
        ["5: `number` must be a number with a decimal point, such as `7`, `0.25` or `1e-3`, not `1,5`."],
    ),
    "not finite": (OTHER.replace("7", "nan"), ["5: `number` must be finite."]),
    "negative tolerance": (
        OTHER + "  tolerance: -1\n",
        ["7: `tolerance` must be a number that is not negative, such as `0.01`, not `-1`."],
    ),
    "shape as a list": (
        HEAD + "  shape: [1, 2]\n",
        ["6: `shape` must be a text, not a list: put it in quotes."],
    ),
    "not a shape": (
        HEAD + "  shape: 3 x 4\n",
        ["6: `shape` must be sizes between brackets, such as `[B, 512, 7, 7]`, not `3 x 4`."],
    ),
    "size that is none": (
        HEAD + '  shape: "[B, ?, 7]"\n',
        ["6: `shape` must be sizes between brackets, such as `[B, 512, 7, 7]`, not `[B, ?, 7]`."],
    ),
    "two steps": (HEAD + "  order: [a, b]\n", ["6: `order` must be 3 to 9 steps, not 2."]),
    "steps not distinct": (HEAD + "  order: [a, b, a]\n", ["6: `a` stands twice in `order`: keep one."]),
    "kata without a track": (
        OTHER + "  kata: iou\n",
        ["7: `kata` must be written `track/name`, such as `detection/pairwise_iou`, not `iou`."],
    ),
    "question that is a text": (
        "- What is IoU?\n",
        ["1: a question is made of `key: value` lines, and this is the text `What is IoU?`."],
    ),
    "terminal codes": (
        ONE.replace("ask: What", 'ask: "\\e[31mWhat').replace("take?", 'take?"'),
        ["4: `ask` holds an invisible control character: delete it."],
    ),
    "colon in a text": (
        ONE.replace("What values", "What: values"),
        [
            "4: a colon with a space behind it begins a value: put the text in quotes, or mend the indentation."
        ],
    ),
    "bracket not closed": (
        ONE.replace("[metric]", "[metric"),
        ["3: the bracket opened here is not closed: close it, or put the text in quotes."],
    ),
    "quotes not closed": (
        ONE.replace("take?", 'take?"').replace("ask: ", 'ask: "') + '  source: "A\n',
        ["14: the quotes opened here are never closed."],
    ),
    "backtick at the beginning": (
        ONE.replace("What values", "`x` values"),
        ["4: a text cannot begin with this character: put it in quotes."],
    ),
    "star at the beginning": (
        ONE.replace("What values", "*args"),
        ["4: a text cannot begin with `*`: put `*args` in quotes."],
    ),
    "bad indentation": (
        ONE.replace("  level", "   level"),
        [
            "2: a colon with a space behind it begins a value: put the text in quotes, or mend the indentation."
        ],
    ),
    "tag": (
        ONE.replace("What values can GIoU take?", "!!python/object/apply:os.system [ls]"),
        [
            "4: the tag `tag:yaml.org,2002:python/object/apply:os.system` has no place in a bank: put a text with `!` in quotes."
        ],
    ),
    "merge key": (
        ONE + "  <<: *base\n",
        ["14: a text cannot begin with `*`: put `*base` in quotes."],
    ),
    "key that is a list": (
        ONE + "  ? [a]\n  : b\n",
        ["14: a key must be a plain text: put it in quotes if it begins with a bracket."],
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_question_is_told_and_its_neighbour_loads(tmp_path: Path, kind: str) -> None:
    text, sentences = BROKEN[kind]
    loaded = read(tmp_path, text)
    assert said(loaded, tmp_path) == [f"detection.yaml:{sentence}" for sentence in sentences]
    neighbour = HEAD.replace("id: it", "id: neighbour") + "  number: 7\n"
    names = [question.id for question in read(tmp_path, text + neighbour).questions]
    assert "detection/neighbour" in names


FILES = {
    "empty": (b"", "1: the bank is empty: begin with `- id: ...`."),
    "comments alone": (b"# to come\n", "1: the bank is empty: begin with `- id: ...`."),
    "empty list": (b"[]\n", "1: the bank is empty: begin with `- id: ...`."),
    "a text": (b"hello\n", "1: a bank is a list of questions: begin each with `- id: ...`."),
    "a mapping": (b"\nid: a\nlevel: 1\n", "2: a bank is a list of questions: begin each with `- id: ...`."),
    "tabs": (ONE.replace("  level", "\tlevel").encode(), "2: there is a tab in this line: write spaces."),
    "Latin-1": (
        "# ok\n- ask: caf\xe9\n".encode("latin-1"),
        "2: the byte 0xe9 is not UTF-8: save the file as UTF-8.",
    ),
    "UTF-16": (ONE.encode("utf-16"), "1: the file is UTF-16: save it as UTF-8."),
    "NUL": (b"- id: a\n  ask: \x00\n", "2: there is an invisible control character, U+0000: delete it."),
    "two documents": (
        (OTHER + "---\n" + ONE).encode(),
        "7: a second document begins here: a bank is a single list.",
    ),
    "10 MB": (OTHER.encode() * 120_000, "1: the file has 10.1 MB, and 2 MB are the most: split the bank."),
    "text behind the list": (
        b"- id: a\nmore\n",
        "2: this line is no `key: value`: mend its indentation or its quotes.",
    ),
    "text behind a bar": (
        b"- ask: | So\n",
        "1: behind `|` or `>` the text begins on the next line, indented.",
    ),
    "comma at the beginning": (
        b"- skills: [a,, b]\n",
        "1: a text cannot begin with a bracket, a brace or a comma: put it in quotes.",
    ),
    "deep brackets": (
        b"- " + b"[" * 900 + b"]" * 900,
        "1: the brackets or lists are nested too deep: put the text in quotes.",
    ),
    "very deep brackets": (b"- " + b"[" * 500_000, None),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_broken_file_is_told_and_the_other_banks_load(tmp_path: Path, kind: str) -> None:
    data, sentence = FILES[kind]
    (tmp_path / "classification.yaml").write_text(OTHER)
    (tmp_path / "losses.yaml").write_text(ONE)
    read(tmp_path, data)
    loaded = bank.load_all(tmp_path)
    names = [question.id for question in loaded.questions if question.track != "detection"]
    assert names == ["classification/other", "losses/giou-range"]
    assert len(loaded.problems) == 1
    if sentence:
        assert said(loaded, tmp_path) == [f"detection.yaml:{sentence}"]


def test_anchors_cannot_be_a_bomb(tmp_path: Path) -> None:
    bomb = "- a: &a [x, x]\n" + "".join(
        f"- {b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    loaded = read(tmp_path, bomb)
    assert "detection.yaml:2: `*a` repeats a list or a mapping: write it out here." in said(loaded, tmp_path)
    many = HEAD + "  points: [&a x" + ", *a" * 21 + "]\n"
    assert said(read(tmp_path, many), tmp_path) == [
        "detection.yaml:6: there are more than 20 aliases (`*name`): write the texts out."
    ]


def test_all_is_told_in_one_run(tmp_path: Path) -> None:
    text = """\
        - id: First
          level: no
          skills: [metrics, los]
          ask: What: is it?
          number: x
          why: w
        - id: second
          level: 9
          skills: [metrics, los]
          ask: [a]
          number: x
        - id: third
          level: 1
          ask: "never closed
        """
    loaded = read(tmp_path, textwrap.dedent(text) + OTHER)
    assert [problem.line for problem in loaded.problems] == [4, 7, 8, 9, 9, 10, 11, 14]
    assert [question.id for question in loaded.questions] == ["detection/other"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            ONE.replace('"(-1, 1]"', '"(-1, 1], since the share lies in [0, 1)"'),
            "9: note: the right option is much longer than the others: level them.",
        ),
        (
            HEAD + "  code: |\n" + "    pass\n" * 15 + "  choices: [a, b]\n  answer: a\n  but: {b: no}\n",
            "6: note: the code has 15 lines: cut it down to 14.",
        ),
        (
            OTHER.replace("Count.", "It is $x^2$."),
            "6: note: `$x^2$` looks like LaTeX: write mathematics as Unicode (√, ≤, Σ, x²).",
        ),
    ],
)
def test_advice_keeps_no_question_out(tmp_path: Path, text: str, sentence: str) -> None:
    loaded = read(tmp_path, text)
    assert said(loaded, tmp_path) == [f"detection.yaml:{sentence}"]
    assert len(loaded.questions) == 1
    assert loaded.errors == ()


def test_a_kata_that_is_not_there_is_noted(tmp_path: Path) -> None:
    (tmp_path / "katas" / "detection").mkdir(parents=True)
    (tmp_path / "katas" / "detection" / "iou.py").touch()
    path = tmp_path / "detection.yaml"
    path.write_text(OTHER + "  kata: detection/iou\n" + ONE + "  kata: detection/oui\n")
    loaded = bank.load(path, katas=tmp_path / "katas")
    assert said(loaded, tmp_path) == [
        "detection.yaml:21: note: there is no kata `detection/oui`: check its name."
    ]


def test_a_file_that_is_no_bank_is_told(tmp_path: Path) -> None:
    sentence = "a bank is named after its track: `<track>.yaml`, in lower case."
    assert said(read(tmp_path, ONE, name="detection.yml"), tmp_path) == [f"detection.yml:1: {sentence}"]
    assert said(read(tmp_path, ONE, name="My Bank.yaml"), tmp_path) == [f"My Bank.yaml:1: {sentence}"]
    (tmp_path / "depth.yaml").mkdir()
    assert "cannot be read" in said(bank.load(tmp_path / "depth.yaml"), tmp_path)[0]
    assert "No such file" in said(bank.load(tmp_path / "none.yaml"), tmp_path)[0]


def test_the_shipped_banks_have_no_problems() -> None:
    assert [str(problem) for problem in bank.load_all(ROOT / "questions", katas=None).errors] == []


def test_the_schema_is_in_step() -> None:
    written = json.loads((ROOT / "questions" / "schema.json").read_text(encoding="utf-8"))
    assert written == schema(), "run: dojo bank schema > questions/schema.json"


def test_the_schema_knows_each_kind() -> None:
    parts = schema()["$defs"]
    assert set(parts) == {"One", "Several", "Bug", "Number", "Shape", "Order", "Open"}
    assert parts["Open"]["additionalProperties"] is False
    assert parts["One"]["properties"]["choices"]["items"]["type"] == ["string", "number", "boolean"]
    assert "but" in parts["One"]["required"]


def test_banks_are_light() -> None:
    code = "import grader.questions.bank, grader.questions.library, grader.questions.spotted, grader.cli.bank, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "pytest", "hypothesis", "textual"} & set(done.stdout.split())


@pytest.fixture
def banks(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workspace)
    folder = workspace / "questions"
    folder.mkdir()
    (folder / "detection.yaml").write_text(ONE)
    (folder / "depth.yaml").write_text(OTHER)
    return folder


def test_check_says_that_all_is_well(banks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bank", "check"]) == 0
    assert capsys.readouterr().out == "2 banks, 2 questions, no problems.\n"


def test_check_tells_every_problem(banks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (banks / "depth.yaml").write_text(OTHER.replace("level: 1", "level: no") + "  kata: depth/none\n")
    assert run(["bank", "check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "questions/depth.yaml:2: `level` must be 1, 2 or 3, not `no`.",
        "questions/depth.yaml:7: note: there is no kata `depth/none`: check its name.",
        "2 banks, 1 question, 1 problem, 1 note.",
    ]
    assert run(["bank", "check", "detection", "questions/detection.yaml"]) == 0


def test_notes_alone_are_no_failure(banks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (banks / "depth.yaml").write_text(OTHER + "  kata: depth/none\n")
    assert run(["bank", "check", "depth"]) == 0


def test_check_speaks_json(banks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (banks / "depth.yaml").write_text("")
    assert run(["bank", "check", "--json"]) == 1
    sentence = "the bank is empty: begin with `- id: ...`."
    assert json.loads(capsys.readouterr().out) == {
        "banks": 2,
        "questions": 1,
        "problems": [{"file": "questions/depth.yaml", "line": 1, "sentence": sentence, "note": False}],
    }


def test_a_bank_that_is_not_there_is_a_problem(banks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bank", "check", "dept.yaml"]) == 1
    assert capsys.readouterr().out.startswith("dept.yaml:1: the file cannot be read: No such file")


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bank", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
