from __future__ import annotations

from pathlib import Path

import pytest
from screens import Driver, press, shown, text
from textual.pilot import Pilot

from grader.text.render import Look
from grader.tui.app import DojoApp
from grader.tui.pane import Pane
from grader.tui.prose import Block, Prose, blocks, inline
from grader.tui.quiz import QuizScreen
from grader.tui.study import LessonScreen, StudyScreen

LESSON = """# Detection

What is **where**: `boxes`.

## The model

| head | map |
| --- | --- |
| class | [B, K, h, w] |

```python
x = 1
y = 2
```

## The loss

- focal loss for
  the classes
1. then boxes
"""


def test_a_lesson_is_read_section_by_section(drive: Driver, workspace: Path) -> None:
    (workspace / "katas" / "detection" / "README.md").write_text(LESSON + "\nfiller\n" * 40)
    (workspace / "katas" / "classification" / "README.md").write_text("# Classes\n")
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "s")
        assert isinstance(app.screen, StudyScreen)
        assert "detection       Detection" in shown(app)
        await press(pilot, "j", "enter")
        assert isinstance(app.screen, LessonScreen)
        assert "1  x = 1" in shown(app)
        await press(pilot, "n", "n")
        pane = app.screen.query_one(Pane)
        assert "The loss" in shown(app).splitlines()[1]
        await press(pilot, "b")
        assert "The model" in shown(app).splitlines()[1]
        assert pane.scroll_y > 0
        await press(pilot, "a")
        assert isinstance(app.screen, QuizScreen)
        assert "GIoU" in text(app, "#ask")
        await press(pilot, "escape", "escape", "escape")
        assert len(app.screen_stack) == 1

    drive(steps)


def test_no_lessons_is_said(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "s", "enter")
        assert "There are no lessons here." in shown(app)

    drive(steps)


def test_markdown_becomes_blocks() -> None:
    found = list(blocks(LESSON))
    assert [block.kind for block in found] == [
        *("heading", "prose", "heading", "table", "code", "heading", "item", "item")
    ]
    assert found[6] == Block("item", ("focal loss for the classes",), 0, "-")
    assert inline("a `b_c` **d** *e* 2 * 3 * 4 [f](g)").plain == "a b_c d e 2 * 3 * 4 f"


@pytest.mark.parametrize("width", [10, 24, 38, 80, 200])
@pytest.mark.parametrize("lesson", sorted((Path(__file__).parents[1] / "katas").glob("*/README.md")))
def test_lessons_fit_every_width(lesson: Path, width: int) -> None:
    prose = Prose(lesson.read_text(encoding="utf-8"), Look())
    content = prose._lay(width).content
    assert prose.headings(width)
    assert len(content.plain.splitlines()) == prose.get_height({}, width)
    wide = [line for line in content.split("\n") if line.cell_length > width]
    assert not wide or width < 30


def test_code_that_is_too_long_goes_on_below() -> None:
    code = "```\n    def f(first_argument, second_argument):\n```"
    lines = Prose(code, Look())._lay(32).content.plain.splitlines()
    assert lines == ["1      def f(first_argument,", "           second_argument):"]
