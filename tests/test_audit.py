"""The audit notices each way in which a kata can be badly made."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from grader.proof.audit import Report, audit, strays
from grader.proof.proving import main_audit
from grader.workspace import catalog, places, stub

GOOD = tiny.DOUBLE + "".join(
    f'\n\n@right("with {how}")\ndef right{i}(x):\n    return {how}\n'
    for i, how in enumerate(("x * 2.0", "torch.add(x, x)", "x - (-x)"))
)
MORE_WRONG = "".join(
    f'\n\n@wrong("{sentence}")\ndef wrong{i}(x):\n    return {code}\n'
    for i, (sentence, code) in enumerate(
        {
            "triples": "3 * x",
            "halves": "x / 2",
            "adds two": "x + 2",
            "transposes": "(2 * x).T",
            "returns float32": "(2 * x).float()",
            "is detached": "2 * x.detach()",
            "drops the sign": "2 * x.abs()",
        }.items()
    )
)
GOOD += MORE_WRONG


def report(
    folder: Path,
    solution: str = GOOD,
    test: str = tiny.DOUBLE_TEST,
    answer: str | None = None,
    *,
    strict: bool = True,
) -> Report:
    text = stub.stub_text(solution) if answer is None else answer
    tiny.workspace(folder, {"it": text}, solution=solution, test=test)
    (info,) = catalog.read(places.at(folder, environ={})).katas
    return audit(info, strict=strict)


def test_a_sound_kata(tmp_path: Path) -> None:
    found = report(tmp_path)
    assert found.troubles == []
    assert (found.accepted, found.rights, found.refused, found.wrongs) == (4, 4, 9, 9)
    assert found.named == 9


@pytest.mark.parametrize(
    ("solution", "test", "answer", "trouble"),
    [
        pytest.param(
            GOOD, tiny.DOUBLE_TEST, "def double(x):\n    return 2 * x\n", "out of step", id="answer as stub"
        ),
        pytest.param(
            GOOD.replace('"Return twice x."""\n    return', '"Return."""\n    return'),
            tiny.DOUBLE_TEST,
            stub.stub_text(GOOD).replace("Return twice x", "Return thrice x"),
            "out of step",
            id="stub out of step",
        ),
        pytest.param(
            GOOD.replace("return 2 * x\n", "return 2 * x + 1\n", 1),
            tiny.DOUBLE_TEST,
            None,
            "refuses 'product'",
            id="refused right",
        ),
        pytest.param(
            GOOD + '\n\n@wrong("is not wrong at all")\ndef fine(x):\n    return x * 2\n',
            tiny.DOUBLE_TEST,
            None,
            "accepts 'fine'",
            id="accepted wrong",
        ),
        pytest.param(
            GOOD,
            tiny.DOUBLE_TEST
            + "\n\n@kata.check\ndef test_nothing(double, x):\n    '''It runs.'''\n    double(x)\n",
            None,
            "'test_nothing' catches no wrong version",
            id="idle check",
        ),
        pytest.param(
            GOOD.replace('"Three."', '"Just write x + x, really: the_total = x + x"').replace(
                "    return x + x", "    the_total = x + x\n    return the_total"
            ),
            tiny.DOUBLE_TEST,
            None,
            "hint contains",
            id="hint with the answer",
        ),
        pytest.param(
            GOOD.replace(MORE_WRONG, ""), tiny.DOUBLE_TEST, None, "4 right and 2 wrong", id="too few"
        ),
        pytest.param(
            GOOD.replace("    return x + x\n", "    raise NotImplementedError\n", 1),
            tiny.DOUBLE_TEST,
            None,
            "refuses",
            id="no reference",
        ),
        pytest.param(GOOD, "x = 1\n", None, "defines no 'kata", id="no contract"),
        pytest.param(
            GOOD.replace('"triples"', '"halves"'),
            tiny.DOUBLE_TEST,
            None,
            "share the sentence",
            id="same sentence",
        ),
    ],
)
def test_each_flaw_is_told(
    tmp_path: Path, solution: str, test: str, answer: str | None, trouble: str
) -> None:
    found = report(tmp_path, solution, test, answer)
    assert any(trouble in t for t in found.troubles), found.troubles


def test_a_learners_answer_is_only_noted(tmp_path: Path) -> None:
    found = report(tmp_path, answer="def double(x):\n    return 2 * x\n", strict=False)
    assert found.troubles == []
    assert found.notes == ["the stub holds an answer"]


def test_a_stray_file_is_told(tmp_path: Path) -> None:
    report(tmp_path)
    (tmp_path / "katas" / "tiny" / "notes.py").write_text("")
    where = places.at(tmp_path, environ={})
    assert strays(where, catalog.read(where).katas) == ["katas/tiny/notes.py belongs to no kata"]


def test_the_command_says_it_in_a_table_and_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report(tmp_path)
    where = places.at(tmp_path, environ={})
    assert main_audit(where, strict=True) == 0
    out = capsys.readouterr().out
    assert "1 katas, all sound" in out
    assert max(map(len, out.splitlines())) <= 80
    (tmp_path / "katas" / "tiny" / "it.py").write_text("def double(x):\n    return 2 * x\n")
    assert main_audit(where, strict=True) == 1


def test_a_version_that_makes_a_forbidden_call_is_refused_here_too(tmp_path: Path) -> None:
    test = tiny.DOUBLE_TEST.replace('empty="n"', 'empty="n", forbid=("mul",)')
    lazy = '\n\n@wrong("leaves the work to torch.mul")\ndef lazy(x):\n    return torch.mul(x, 2)\n'
    found = report(tmp_path, GOOD + lazy, test)
    assert found.verdicts["lazy"] == "test_contract: forbidden"
