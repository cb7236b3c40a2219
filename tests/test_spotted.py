"""Known-wrong versions become questions: the code under the known name, its sentence among its siblings'."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest

from grader.model import KataInfo, Question, QuestionKind
from grader.questions import spotted
from grader.workspace import catalog, places

ROOT = Path(__file__).resolve().parents[1]

SOLUTION = '''\
"""Overlap of intervals."""

import torch

from grader import right, wrong

LEVEL = 1
MINUTES = 5
HINTS = ("a", "b", "c")
SMALL = 1e-9


def overlap(a, b):
    """Return how much of the line a and b share."""
    return _positive(min(a[1], b[1]) - max(a[0], b[0]))


def union(a, b):
    """Return how much of the line a and b cover."""
    return a[1] - a[0] + b[1] - b[0] - overlap(a, b)


def _positive(x):
    """Cut at zero."""
    return max(x, 0)  # never below


def _wild(x):
    return x + SMALL


@right("written out")
def written_out(a, b): return 0


@wrong("forgets that intervals may lie apart")
def unclamped(a, b):
    """Tell too much."""
    # The mistake: no clamp.
    return min(a[1], b[1]) - max(a[0], b[0])  # may be negative


@wrong("forgets that two intervals may also lie apart")
def unclamped_again(a, b):
    return min(b[1], a[1]) - max(b[0], a[0])


@wrong("takes the ends for the beginnings")
def swapped(a, b):
    return _positive(max(a[1], b[1]) - min(a[0], b[0]))


@wrong("doubles its result")
def doubled(a, b):
    overlap = 2
    return overlap * _positive(min(a[1], b[1]) - max(a[0], b[0]))


@wrong("adds a constant that is not small")
def padded(a, b):
    return _wild(overlap(a, b))


@wrong("counts the shared part twice", of="union")
def counted_twice(a, b):
    return a[1] - a[0] + b[1] - b[0]


@wrong("measures in other units, everywhere", of="union", also={"overlap": "_scaled"})
def scaled(a, b):
    return 3 * (a[1] - a[0] + b[1] - b[0]) - _scaled(a, b)


def _scaled(a, b):
    return 3 * _positive(min(a[1], b[1]) - max(a[0], b[0]))
'''


def kata(*, name: str = "overlap", track: str = "detection", title: str = "Overlap of intervals") -> KataInfo:
    here = Path("nowhere")
    facts = {
        "statement": title,
        "level": 1,
        "minutes": 5,
        "hints": (),
        "symbols": (),
        "rights": (),
        "wrongs": (),
    }
    return KataInfo(track=track, name=name, title=title, stub=here, test=here, solution=here, **facts)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def found() -> dict[str, Question]:
    return {q.id.partition(":")[2]: q for q in spotted.questions(kata(), SOLUTION)}


def code(text: str) -> str:
    return textwrap.dedent(text).strip()


def test_each_version_is_a_question_of_its_kata(found: dict[str, Question]) -> None:
    names = ["unclamped", "unclamped_again", "swapped", "doubled", "padded", "counted_twice", "scaled"]
    assert list(found) == names
    for name, question in found.items():
        assert question.id == f"detection/overlap:{name}"
        assert (question.kata, question.family) == ("detection/overlap", "detection/overlap")
        assert (question.kind, question.track) == (QuestionKind.BUG, "detection")
        assert len(set(question.choices)) == 4
        assert question.answer[0] in question.choices
        assert question.answer[0] in question.why


def test_the_code_bears_the_known_name_and_tells_nothing(found: dict[str, Question]) -> None:
    assert found["unclamped"].code == code("""
        def overlap(a, b):
            return min(a[1], b[1]) - max(a[0], b[0])
    """)
    assert found["unclamped"].level == 2
    assert found["unclamped"].ask == (
        "This version of `overlap` (overlap of intervals) is wrong. What is its mistake?"
    )


def test_helpers_come_along(found: dict[str, Question]) -> None:
    assert found["swapped"].code == code("""
        def _positive(x):
            return max(x, 0)

        def overlap(a, b):
            return _positive(max(a[1], b[1]) - min(a[0], b[0]))
    """)


def test_a_local_variable_keeps_its_name(found: dict[str, Question]) -> None:
    assert "    overlap = 2\n    return overlap * _positive(" in found["doubled"].code


def test_a_version_that_calls_the_right_one_says_so(found: dict[str, Question]) -> None:
    assert found["padded"].code == code("""
        SMALL = 1e-9

        def _wild(x):
            return x + SMALL

        def overlap(a, b):
            return _wild(right_overlap(a, b))
    """)
    assert "A right version of it is called `right_overlap`." in found["padded"].ask
    assert found["padded"].level == 1


def test_a_version_of_two_symbols_shows_both(found: dict[str, Question]) -> None:
    assert found["scaled"].code.count("def ") == 3
    assert "def union(a, b):" in found["scaled"].code
    assert "- overlap(a, b)" in found["scaled"].code
    assert "def overlap(a, b):\n    return 3 *" in found["scaled"].code


def test_siblings_of_the_same_meaning_are_not_offered(found: dict[str, Question]) -> None:
    assert "forgets that two intervals may also lie apart" not in found["unclamped"].choices
    assert "forgets that intervals may lie apart" not in found["unclamped_again"].choices


def test_siblings_of_the_same_symbol_come_first(found: dict[str, Question]) -> None:
    assert "counts the shared part twice" not in found["unclamped"].choices
    assert "measures in other units, everywhere" in found["counted_twice"].choices


def test_the_same_text_gives_the_same_questions_and_no_pattern() -> None:
    first, second = (spotted.questions(kata(), SOLUTION) for _ in range(2))
    assert first == second
    assert len({q.choices.index(q.answer[0]) for q in first}) > 1


def test_too_few_siblings_make_no_question() -> None:
    cut = SOLUTION[: SOLUTION.index('@wrong("takes the ends')]
    assert spotted.questions(kata(), cut) == ()
    assert spotted.questions(kata(), "x = 1\n") == ()


def test_long_helpers_that_are_right_are_left_out_and_doubtful_ones_are_not() -> None:
    body = "".join(f"    x = x + {number}\n" for number in range(14))
    long_right = SOLUTION.replace("    return max(x, 0)", f"{body}    return max(x, 0)")
    found = {q.id.partition(":")[2]: q.code for q in spotted.questions(kata(), long_right)}
    assert found["swapped"].startswith("def _positive(x): ...  # right\n\ndef overlap(a, b):")
    long_doubtful = SOLUTION.replace("    return x + SMALL", f"{body * 2}    return x + SMALL")
    found = {q.id.partition(":")[2]: q.code for q in spotted.questions(kata(), long_doubtful)}
    assert "padded" not in found
    assert "swapped" in found


def test_a_class_is_renamed_inside_too() -> None:
    versions = "".join(
        f'@wrong("{sentence}")\nclass Bad{number}(Head):\n    def __init__(self):\n'
        f"        super(Bad{number}, self).__init__()\n\n\n"
        for number, sentence in enumerate(("loses its bias", "pools twice", "swaps axes", "never trains"))
    )
    solution = f'"""A head."""\n\n\nclass Head(nn.Module):\n    pass\n\n\n{versions}'
    first = spotted.questions(kata(name="head", title="A head"), solution)[0]
    assert first.code == code("""
        class Head(RightHead):
            def __init__(self):
                super(Head, self).__init__()
    """)
    assert first.skills == ("architecture",)
    assert "(a head)" in first.ask


def test_a_parent_that_is_right_stands_for_the_reference() -> None:
    versions = "".join(
        f'@wrong("{sentence}")\nclass Bad{number}(Stepwise):\n    def last(self, x):\n        return {code}\n\n\n'
        for number, (sentence, code) in enumerate(
            (("adds one", "x + 1"), ("halves", "x / 2"), ("doubles", "2 * x"), ("returns zeros", "0 * x"))
        )
    )
    parent = '@right("with steps")\nclass Stepwise(Head):\n    def last(self, x):\n        return x\n\n\n'
    reference = '"""A head."""\n\n\nclass Head(nn.Module):\n    pass\n\n\n'
    first = spotted.questions(kata(name="head", title="A head"), reference + parent + versions)[0]
    assert first.code == code("""
        class Head(RightHead):
            def last(self, x):
                return x + 1
    """)
    assert "A right version of it is called `RightHead`." in first.ask


def test_the_shipped_katas_give_questions_that_parse() -> None:
    katas = catalog.read(places.at(ROOT, environ={}))
    found = {each: spotted.questions(each, each.solution.read_text(encoding="utf-8")) for each in katas}
    # Where the code of a kata is too long for one screen, only its short versions become questions.
    assert min(len(made) for made in found.values()) >= 3
    assert sum(map(len, found.values())) >= 0.9 * sum(len(each.wrongs) for each in katas)
    for each, made in found.items():
        for question in made:
            ast.parse(question.code)
            assert question.code.count("\n") < spotted.MOST_LINES
            assert "@right" not in question.code
            assert "@wrong" not in question.code
            assert set(question.answer) < set(question.choices) <= set(each.wrongs)
