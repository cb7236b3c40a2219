"""LaTeX on request: Unicode maths becomes LaTeX between dollar signs, code stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.questions import bank
from grader.text.latex import to_latex


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no maths here", "no maths here"),
        ("IoU ≥ 0.5", r"IoU $\ge$ 0.5"),
        ("x² + y²", "$x^{2} + y^{2}$"),
        ("log₁₀(x)", "$log_{10}(x)$"),
        ("10·log₁₀(MAX²)", r"$10\cdot log_{10}(MAX^{2})$"),
        ("√(dx² + 1)", r"$\sqrt{dx^{2} + 1}$"),
        ("√2", r"$\sqrt{2}$"),
        ("⌈H/32⌉ × ⌈W/32⌉", r"$\lceil H/32\rceil \times \lceil W/32\rceil$"),
        ("the weight λ.", r"the weight $\lambda$."),
        ("`a ≤ b` stays", "`a ≤ b` stays"),
        ("α·x", r"$\alpha\cdot x$"),
    ],
)
def test_maths_becomes_latex(text: str, told: str) -> None:
    assert to_latex(text) == told


def test_every_question_of_the_banks_can_be_told_in_latex() -> None:
    folder = Path(__file__).resolve().parents[1] / "questions"
    for question in bank.load_all(folder).questions:
        told = to_latex(question.ask + "\n" + question.why)
        assert told.count("$") % 2 == (question.ask + question.why).count("$") % 2
