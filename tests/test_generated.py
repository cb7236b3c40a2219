from __future__ import annotations

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
import torch
from generated_oracles import ORACLES

from grader.model import SKILLS, Question, QuestionKind
from grader.questions.generated import GENERATORS, Generator, form, make

SEEDS = 1500
TRACKS = (
    *("classification", "detection", "semantic_segmentation"),
    *("instance_segmentation", "depth", "optical_flow"),
    *("lane_detection", "trajectory_prediction"),
    *("anomaly_detection", "captioning"),
    *("super_resolution", "inpainting"),
)
each_generator = pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: generator.name)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors of five numbers are not worth waking threads for."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@each_generator
def test_the_answer_is_what_torch_and_counting_find_from_the_ask(generator: Generator) -> None:
    find = ORACLES[generator.name]
    positions: Counter[int] = Counter()
    asks = set()
    for seed in range(SEEDS):
        question = make(generator.id, seed)
        if question.kind is QuestionKind.ONE:
            positions[question.choices.index(question.answer[0])] += 1
        if question.ask not in asks:
            asks.add(question.ask)
            agree(question, find(question.ask))
            human_sized(question)
    assert len(asks) >= 40, "too few different questions"
    if positions:
        assert max(positions.values()) < 0.5 * SEEDS, "the answer stands too often in the same place"


def agree(question: Question, expected: object) -> None:
    match question.kind:
        case QuestionKind.NUMBER:
            assert isinstance(expected, int | float)
            # Rounding to the last place asked for may take half of it; logarithms given in the ask, as much again.
            assert question.number == pytest.approx(expected, abs=0.6 * question.tolerance + 1e-9), question
        case QuestionKind.SHAPE:
            assert question.shape == tuple(str(size) for size in expected), question  # type: ignore[attr-defined]
        case QuestionKind.ONE:
            fits = expected if callable(expected) else expected.__eq__
            assert [option for option in question.choices if fits(option)] == list(question.answer), question


def human_sized(question: Question) -> None:
    """Nothing trivial, nothing that needs a calculator with many digits; all options distinct, each explained."""
    for line in (question.ask + "\n" + question.why).splitlines():
        assert max(map(len, line.split()), default=0) <= 100, f"cannot be wrapped: {line}"
    assert question.why.startswith("- ")
    assert "{" not in question.ask + question.why
    match question.kind:
        case QuestionKind.NUMBER:
            assert question.number is not None
            assert abs(question.number) < 100_000
            assert round(question.number, 3) == question.number
            assert question.answer[0] in question.why
            assert f"{question.number:g}" == question.answer[0] or question.number >= 1e5
            rounding = {1.01e-1: "one decimal", 1.01e-2: "two decimals", 1.01e-3: "three decimals"}
            if question.tolerance:
                place = min(rounding, key=lambda size: abs(size - question.tolerance))
                assert rounding[place] in question.ask
        case QuestionKind.SHAPE:
            assert all(1 <= int(size) <= 10_000 for size in question.shape)
            assert f"[{', '.join(question.shape)}]" in question.why
        case QuestionKind.ONE:
            assert 3 <= len(question.choices) <= 5
            assert len(set(question.choices)) == len(question.choices)
            assert set(question.but) == set(question.choices) - set(question.answer)
            assert all(len(option) <= 50 for option in question.choices)
            assert all(reason.endswith(".") for reason in question.but.values())
            assert question.answer[0] in question.why or "upsampler" in question.id


ARITHMETIC = r"(?:floor|ceil|√|[\d\s.()+−·/^²×|-])+"


def value(expression: str) -> float | None:
    """Work out what a line of a solution writes; ``None`` for what is not arithmetic."""
    signs = {"−": "-", "·": "*", "×": "*", "^": "**", "²": "**2", "√": "sqrt"}
    for sign, operator in signs.items():
        expression = expression.replace(sign, operator)
    expression = re.sub(r"\|(.*)\|", r"abs(\1)", expression).strip(" .")
    try:
        return float(
            eval(expression, {"floor": math.floor, "ceil": math.ceil, "sqrt": math.sqrt, "abs": abs})
        )
    except (SyntaxError, TypeError):
        return None


def equations(why: str) -> Iterator[tuple[str, str]]:
    """Find what stands on the two sides of each sign of equality."""
    for line in why.splitlines():
        parts = re.split("[=≈]", re.sub(r"(?<=\d),(?=\d{3}\b)", "", line.removeprefix("- ")))
        for before, after in pairwise(parts):
            left, right = re.search(rf"(?<![\w)]){ARITHMETIC}$", before), re.match(ARITHMETIC, after)
            if left and right and re.search(r"\d\s*[+−·/^²×]", left[0]):
                yield left[0], right[0]


@each_generator
def test_every_equation_of_the_worked_solution_holds(generator: Generator) -> None:
    for seed in range(150):
        for left, right in equations(make(generator.id, seed).why):
            found, said = value(left), value(right)
            if found is not None and said is not None:
                decimals = re.search(r"\.(\d+)", right)  # rounded, perhaps from rounded terms
                nearly = 1.1 * 10.0 ** -len(decimals[1]) if decimals else 1e-9
                assert found == pytest.approx(said, abs=nearly), (seed, left, right)


def test_nearly_every_solution_shows_its_arithmetic() -> None:
    shown = {
        g.name for g in GENERATORS if any(None not in map(value, e) for e in equations(make(g.id, 3).why))
    }
    assert len(shown) >= 0.85 * len(GENERATORS), {g.name for g in GENERATORS} - shown


def test_a_wrong_layer_gives_the_size_that_its_reason_says() -> None:
    for seed in range(100):
        question = make("semantic_segmentation/~upsampler-for-a-factor", seed)
        side = int(re.findall(r"A (\d+)×", question.ask)[0])
        for option, reason in question.but.items():
            layer = eval(f"nn.ConvTranspose2d(1, 1, {option.strip('`')}, device='meta')", {"nn": torch.nn})
            out = layer(torch.empty(1, 1, side, side, device="meta")).shape[-1]
            assert f"gives {out}×{out}," in reason


@each_generator
def test_the_same_seed_makes_the_same_question(generator: Generator) -> None:
    for seed in range(20):
        first = make(generator.id, seed)
        assert first == make(generator.id, seed)
        assert first == make(f"{generator.id}#{seed}")
        assert first.id == f"{generator.track}/~{generator.name}#{seed}"
        assert first.track == generator.track
        assert first.family == generator.name
        assert (first.level, first.skills) == (generator.level, generator.skills)


def test_another_process_makes_the_same_questions() -> None:
    script = "from grader.questions.generated import *\nfor g in GENERATORS: print(make(g.id, 5))"
    runs = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    assert runs.pop().splitlines() == [str(make(generator.id, 5)) for generator in GENERATORS]


def test_a_generator_draws_from_the_numbers_it_is_given() -> None:
    for generator in GENERATORS:
        assert generator.make(Random(1)) == generator.make(Random(1))
        assert generator.make(Random(1)).id == generator.id


def test_generators_are_spread_over_the_tracks() -> None:
    assert len({generator.name for generator in GENERATORS}) == len(GENERATORS) >= 22
    per_track = Counter(generator.track for generator in GENERATORS)
    assert set(per_track) == set(TRACKS)
    assert min(per_track.values()) >= 3
    assert {skill for generator in GENERATORS for skill in generator.skills} == set(SKILLS)
    assert {generator.level for generator in GENERATORS} == {1, 2, 3}
    assert set(ORACLES) == {generator.name for generator in GENERATORS}


def test_the_katas_they_follow_from_exist() -> None:
    katas = {make(generator.id, 0).kata for generator in GENERATORS} - {None}
    assert katas
    for kata in katas:
        assert (Path(__file__).parents[1] / "katas" / f"{kata}.py").is_file(), kata


def test_the_package_is_light() -> None:
    script = "import sys, grader.questions.generated\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "pytest", "hypothesis"} & set(done.stdout.split())


def test_an_unknown_generator_and_an_id_without_a_seed_are_said() -> None:
    with pytest.raises(KeyError, match="no generator 'detection/~nothing'"):
        make("detection/~nothing", 1)
    with pytest.raises(ValueError, match="write 'detection/~iou-two-boxes#7'"):
        make("detection/~iou-two-boxes")


def test_a_draw_that_never_fits_says_which_generator_is_broken() -> None:
    @form.generator("detection", level=1, skills=("metric",))
    def never(rng: Random) -> Question:
        raise form.Redraw

    with pytest.raises(RuntimeError, match="never finds no numbers"):
        never.make(Random(0))


def test_a_slip_within_the_tolerance_asks_for_other_numbers() -> None:
    with pytest.raises(form.Redraw):
        form.number("?", 1, why=("1",), places=1, slips=(1.1,))


def test_options_that_coincide_with_the_answer_are_left_out() -> None:
    question = form.one(
        Random(0), "?", "3", wrong=(("3", "a"), ("4", "b"), ("4", "c"), ("5", "d")), why=("3",)
    )
    assert dict(question.but) == {"4": "b", "5": "d"}
    with pytest.raises(form.Redraw):
        form.one(Random(0), "?", "3", wrong=(("3", "a"), ("4", "b")), why=("3",))


@pytest.mark.parametrize(
    ("value", "places", "written"),
    [
        (form.Fraction(1, 8), 2, "0.13"),
        (form.Fraction(-1, 8), 2, "-0.13"),
        (5, 0, "5"),
        (form.Fraction(1, 2), 3, "0.5"),
    ],
)
def test_numbers_are_rounded_and_written_as_on_paper(value: form.Exact, places: int, written: str) -> None:
    assert form.text(value, places) == written
