"""Failures with something to see come with a drawing, with or without Unicode."""

import io
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from grader.cases.inputs import Case, Plan, symbol
from grader.contract.reading import load_kata
from grader.feedback.picture import picture
from grader.judge.compare import Tolerance, difference
from grader.judge.problems import Problem
from grader.model import Kind
from grader.plugin import _Story
from grader.proof.audit import first_problem
from grader.text.render import Look, ascii_picture, story

ROOT = Path(__file__).resolve().parents[1]


def drawn(
    function: object, mine: object, wanted: object, pictures: dict[str, str] | None = None, **given: object
) -> str:
    found = difference(mine, wanted, Tolerance())
    case = Case(Plan("f", "plain", 0), {}, {}, (("", given),))
    problem = Problem(found.kind, "", case, difference=found)
    return picture(problem, symbol("f", function), pictures or {})


def test_masks_stand_side_by_side_with_a_star_where_they_differ() -> None:
    def f(x: Bool[Tensor, "n h w"]) -> Bool[Tensor, "n h w"]: ...

    wanted = torch.zeros(2, 2, 3, dtype=torch.bool)
    wanted[1, 0, 2] = True
    mine = wanted.clone()
    mine[1, 1, 0] = True
    assert drawn(f, mine, wanted, x=torch.ones(2, 1, 1)) == (
        "  expected [1]   yours [1]   (* differs)\n  · · █          · · █\n  · · ·          █*· ·"
    )


def test_label_maps_show_their_numbers() -> None:
    def f(x: Int64[Tensor, "h w"]) -> Int64[Tensor, "h w"]: ...

    text = drawn(f, torch.tensor([[0, 12], [-1, 99]]), torch.tensor([[0, 12], [3, 99]]), x=torch.zeros(1, 1))
    assert [line.split() for line in text.splitlines()[1:]] == [["0", "c", "0", "c"], ["3", "+", "-*+"]]


def test_flow_is_drawn_as_arrows_y_down() -> None:
    def f(x: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b 2 h w"]: ...

    wanted = torch.zeros(1, 2, 1, 5)
    wanted[0, :, 0] = torch.tensor([[1.0, 0.0, -1.0, 0.0, 2.0], [0.0, 1.0, 0.0, -1.0, 2.0]])
    mine = -wanted
    mine[0, :, 0, 1] = 0
    text = drawn(f, mine, wanted, x=torch.zeros(1, 2, 1, 1))
    assert text.splitlines()[1] == "  → ↓ ← ↑ ↘      ←*·*→*↓*↖*"


def test_maps_are_shaded_between_the_expected_extremes() -> None:
    def f(x: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]: ...

    wanted = torch.tensor([[0.0, 1.0, 4.0]])
    text = drawn(f, torch.tensor([[0.0, 9.0, float("nan")]]), wanted, x=torch.zeros(1, 1))
    assert text.splitlines()[1:] == ["  · ░ █      · █*?*", "  · is 0, █ is 4"]


def test_a_large_map_is_cut_around_the_first_difference() -> None:
    def f(x: Bool[Tensor, "h w"]) -> Bool[Tensor, "h w"]: ...

    wanted = torch.zeros(40, 50, dtype=torch.bool)
    mine = wanted.clone()
    mine[30, 45] = True
    text = drawn(f, mine, wanted, x=torch.zeros(1, 1))
    assert "(of 40 x 50: rows 24 to 35, columns 33 to 49)" in text
    assert text.count("█*") == 1
    assert max(map(len, text.splitlines())) <= 78


def test_boxes_are_drawn_where_the_kata_says_how_they_are_written() -> None:
    def f(a: Float[Tensor, "n 4"], form: str) -> Float[Tensor, "n 4"]: ...

    wanted = torch.tensor([[0.0, 0.0, 2.0, 1.0]])
    given = {"a": torch.tensor([[1.0, 0.5, 2.0, 1.0]]), "form": "cxcywh"}
    text = drawn(f, wanted + 1, wanted, {"a": "form", "result": "xyxy"}, **given)
    first, both = text.split("\n\n")
    assert first.splitlines()[0].startswith("  a─")
    assert both.splitlines()[0].split() == ["expected", "yours"]
    assert drawn(f, wanted + 1, wanted, {}, **given) == ""


def test_boxes_turned_inside_out_or_not_finite_are_not_drawn() -> None:
    def f(a: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]: ...

    wanted = torch.tensor([[0.0, 0.0, 2.0, 1.0]])
    for mine in (torch.tensor([[2.0, 0.0, 0.0, 1.0]]), torch.tensor([[0.0, 0.0, float("inf"), 1.0]])):
        assert drawn(f, mine, wanted, {"result": "xyxy"}, a=torch.zeros(0, 4)) == ""


def test_ascii_keeps_every_column() -> None:
    text = "  · ░ ▒ ▓ █ → ↘ ↓ ↙ ← ↖ ↑ ↗ ┌─┐│└┘•"
    assert ascii_picture(text).isascii()
    assert len(ascii_picture(text)) == len(text)
    assert "\n".join(story(text, None, Look(unicode=False))) == ascii_picture(text)


def test_pytest_falls_back_to_ascii(monkeypatch) -> None:
    lines: list[str] = []

    class Writer:
        def line(self, text: str) -> None:
            lines.append(text)

    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    _Story("  █ →").toterminal(Writer())
    assert lines == ["  # >"]


def test_a_real_failure_is_drawn() -> None:
    from grader.feedback.explain import drawn as of
    from grader.feedback.explain import explain

    kata, checks = load_kata(ROOT / "katas" / "detection" / "test_anchor_grid.py")
    version = next(v for v in kata.solution.wrongs if v.name == "width_over_height")
    candidate = kata.known(version)
    name, problem = first_problem(checks, candidate)
    small, _ = explain(kata, checks[name], problem, candidate)
    assert small.kind is Kind.VALUE
    assert "0─" in of(kata, small)
