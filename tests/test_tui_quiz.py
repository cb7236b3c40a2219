from __future__ import annotations

import pytest
from screens import Driver, lines, notices, press, same_as_snapshot, settled, shown, text
from textual.pilot import Pilot

from grader.text.render import Look
from grader.tui.app import DojoApp
from grader.tui.home import HomeScreen
from grader.tui.latex_screen import LatexScreen
from grader.tui.options import Options
from grader.tui.quiz import Phase, QuizScreen


def screen(app: DojoApp) -> QuizScreen:
    assert isinstance(app.screen, QuizScreen)
    return app.screen


def letter(app: DojoApp, option: str, *, of: str = "#options") -> str:
    """Return the letter in front of an option."""
    return "abcdef"[app.screen.query_one(of, Options).items.index(option)]


def test_one_choice_from_question_to_why(drive: Driver) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter")
        assert "1 of 1  ·  detection  ·  level 1  ·  new" in text(app, "#summary")
        assert same_as_snapshot(app, "quiz-asked")
        await press(pilot, letter(app, "[0, 1]"))
        assert same_as_snapshot(app, "quiz-answered")
        assert "✗" in shown(app)
        assert "✓" in shown(app)
        (event,) = drive.events("review")
        assert event.subject == "detection/one"
        assert event.data["correct"] is False
        assert event.data["answer"] == "[0, 1]"
        await press(pilot, "space")
        assert screen(app).phase is Phase.OVER
        assert "1 answered, 0 of them known." in shown(app)
        await press(pilot, "enter")
        assert isinstance(app.screen, HomeScreen)

    drive(steps)


def test_a_stray_key_answers_nothing(drive: Driver) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", "enter", "space", "y", "4", "9")
        assert len(drive.events("review")) == 1  # 4 is the fourth option
        await press(pilot, "u", "enter", "space", "u", "y", "9")
        assert screen(app).phase is Phase.ASKING
        assert "Choose first" in shown(app)

    drive(steps)


def test_maths_as_latex_on_request(drive: Driver) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", "x")
        assert isinstance(app.screen, LatexScreen)
        await press(pilot, "escape")
        assert screen(app).phase is Phase.ASKING

    drive(steps)


def test_arrows_choose_too(drive: Driver) -> None:
    drive.bank("bug")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter")
        assert "2  loss = F.cross_entropy(p, y)" in shown(app)
        place = app.screen.query_one("#options", Options).items.index("two softmaxes")
        await press(pilot, *["down"] * (place + 1), "enter")
        assert "Right." in text(app, "#verdict")
        assert drive.events("review")[0].data["rating"] == 4

    drive(steps)


def test_several_are_ticked_and_then_answered(drive: Driver) -> None:
    drive.bank("several")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", "a", "a")
        assert not drive.events("review")
        await press(pilot, letter(app, "softmax"), letter(app, "probabilities"))
        assert shown(app).count("[x]") == 2
        await press(pilot, "enter")
        assert "Right." in text(app, "#verdict")

    drive(steps)


def test_a_number_takes_letters_only_as_text(drive: Driver) -> None:
    drive.bank("number")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", "u", "d", "n", "q", "enter")
        assert screen(app).phase is Phase.ASKING
        assert "A number is asked for" in shown(app)
        await press(pilot, "ctrl+u", "7", "enter")
        assert "Right." in text(app, "#verdict")
        assert drive.events("review")[0].data["answer"] == "7"

    drive(steps)


@pytest.mark.parametrize("kind", ["number", "shape"])
def test_not_knowing_is_said_by_enter_twice(drive: Driver, kind: str) -> None:
    drive.bank(kind)

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", "enter")
        assert "Enter once more" in shown(app)
        assert not drive.events("review")
        await press(pilot, "enter")
        (event,) = drive.events("review")
        assert event.data["rating"] == 1
        assert event.data["answer"] == ""

    drive(steps)


def test_a_shape_is_typed(drive: Driver) -> None:
    drive.bank("shape")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", *"8x3x32x32", "enter")
        assert "Right." in text(app, "#verdict")

    drive(steps)


def test_steps_are_taken_along(drive: Driver) -> None:
    drive.bank("order")
    right = ["zero the gradients", "forward", "backward", "step"]

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter")
        options = app.screen.query_one("#options", Options)
        for place, step in enumerate(right):
            here = options.items.index(step)
            await press(pilot, *["up"] * 4, *["down"] * here, "space", *["up"] * (here - place), "space")
        assert options.items == right
        await press(pilot, "enter")
        assert "Right." in text(app, "#verdict")
        assert shown(app).count("✓") == 5

    drive(steps)


def test_wrong_steps_say_where_they_belong(drive: Driver) -> None:
    drive.bank("order")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", "enter")
        assert "Not right." in text(app, "#verdict")
        assert "Step " in shown(app)

    drive(steps)


def test_an_open_answer_is_ticked_and_rated(drive: Driver) -> None:
    drive.bank("open")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", *"easy ones", "ctrl+s")
        assert "You wrote. easy ones" in shown(app)
        assert "Most anchors are easy background" in shown(app)
        assert not drive.events("review")
        assert [event.data["text"] for event in drive.events("draft")] == ["easy ones"]
        await press(pilot, "a", "b", "3")
        (event,) = drive.events("review")
        assert event.data["rating"] == 3
        assert event.data["answer"] == "easy ones"
        assert screen(app).phase is Phase.SHOWN

    drive(steps)


@pytest.mark.parametrize("way", ["escape", "ctrl+q", "ctrl+c"])
def test_what_was_being_written_comes_back(drive: Driver, way: str) -> None:
    drive.bank("open")

    async def write(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", *"half an", way)

    async def read(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter")
        assert screen(app).pane.written.text == "half an"
        await press(pilot, "ctrl+s", "2")

    async def rated(pilot: Pilot[None], app: DojoApp) -> None:
        assert [event.data["answer"] for event in drive.events("review")] == ["half an"]

    drive(write)
    drive(read)
    drive(rated)


def test_undo_asks_again(drive: Driver) -> None:
    drive.bank("one", "bug")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter")
        first = text(app, "#ask")
        await press(pilot, "a", "enter")
        second = text(app, "#ask")
        assert first != second
        await press(pilot, "u")
        assert text(app, "#ask") == first
        assert "1 of 2" in text(app, "#summary")
        await press(pilot, "b", "enter")
        assert text(app, "#ask") == second
        assert [event.kind for event in drive.events()] == ["review", "undo", "review"]

    drive(steps)


def test_a_question_is_marked_as_doubtful(drive: Driver) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", "a", "d")
        assert [event.subject for event in drive.events("doubt")] == ["detection/one"]
        assert notices(app) == ["detection/one is marked as doubtful."]

    drive(steps)


def test_skipping_records_nothing(drive: Driver) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", "n")
        assert screen(app).phase is Phase.OVER
        assert not drive.events()

    drive(steps)


def test_nothing_to_ask_is_said(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        app.action_quiz()
        await press(pilot, "f1", "escape")
        assert "Nothing is due" in shown(app)

    drive(steps)


@pytest.mark.parametrize("kind", ["one", "several", "number", "shape", "order", "bug", "open"])
def test_every_kind_fits(drive: Driver, kind: str) -> None:
    drive.bank(kind)

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter")
        for width, height in ((80, 24), (60, 20), (40, 12)):
            await pilot.resize_terminal(width, height)
            await settled(pilot)
            assert all(len(line) <= width for line in lines(app))
            assert "1 of 1" in shown(app)

    drive(steps)


def test_letters_stand_in_for_symbols(drive: Driver) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", letter(app, "[0, 1]") if app.screen.query(Options) else "a")
        assert "ok " in shown(app)

    drive(steps, look=Look(unicode=False))
