from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from asking import START, Bank, kata, number, one, opened

from grader.model import KataInfo, Question
from grader.practice import answers, interview
from grader.practice.deck import Deck
from grader.practice.interview import Interview, KataResult, NoInterview, Outcome, Reply
from grader.practice.quiz import Asked
from grader.practice.schedule import Rating


def bank(*tracks: str) -> Deck:
    made: list[Question] = []
    for track in tracks:
        made += [one(f"{track}/q{n}", level=1 + n % 3) for n in range(12)]
        made += [opened(f"{track}/o{n}") for n in range(8)]
        made.append(opened(f"{track}/after", kata=f"{track}/nms"))
    return Deck(Bank(made))


def prepared(deck: Deck, katas: Sequence[KataInfo] = (), **how: object) -> Interview:
    how = {"minutes": 45, "chance": Random(3)} | how
    return interview.prepare(deck, katas, **how)  # type: ignore[arg-type]


def asked(question: Question) -> Asked:
    return Asked(question.id, question, question.choices, question.id)


def test_the_time_is_shared_out() -> None:
    planned = prepared(bank("detection"), [kata("detection/nms", minutes=20)])
    assert planned.kata is not None
    assert planned.track == "detection"
    assert len(planned.follow_ups) >= 3
    assert len(planned.questions) >= 2
    need = 20 + 4 * len(planned.follow_ups) + 1.5 * len(planned.questions)
    assert 35 <= need <= 48
    assert planned.deadline(START) == START + timedelta(minutes=45)


def test_the_kata_leaves_time_for_questions() -> None:
    assert prepared(bank("detection"), [kata("detection/long", minutes=40)]).kata is None
    assert prepared(bank("detection"), [kata("detection/fits", minutes=27)]).kata is not None


def test_a_track_keeps_to_itself() -> None:
    katas = [kata("detection/nms"), kata("depth/scale")]
    for seed in range(8):
        planned = prepared(bank("detection", "depth"), katas, track="depth", chance=Random(seed))
        everything = (*planned.questions, *planned.follow_ups)
        assert planned.kata is katas[1]
        assert {one_.question.track for one_ in everything} == {"depth"}


def test_follow_ups_follow_from_the_kata_first() -> None:
    for seed in range(8):
        planned = prepared(bank("detection"), [kata("detection/nms")], chance=Random(seed))
        assert "detection/after" in {one_.card for one_ in planned.follow_ups}


def test_families_come_once_and_easy_before_hard() -> None:
    deck = Deck(Bank([one(f"a/q{n}", family=f"f{n % 3}", level=3 - n % 3) for n in range(9)]))
    planned = prepared(deck)
    families = [one_.family for one_ in planned.questions]
    assert len(set(families)) == len(families) == 3
    levels = [one_.question.level for one_ in planned.questions]
    assert levels == sorted(levels)


def test_what_was_asked_lately_comes_last() -> None:
    katas = [kata("detection/nms"), kata("detection/iou")]
    for seed in range(8):
        planned = prepared(bank("detection"), katas, recent=["detection/nms"], chance=Random(seed))
        assert planned.kata is katas[1]


def test_weights_say_what_is_wanted() -> None:
    katas = [kata("detection/nms"), kata("detection/iou")]
    for seed in range(8):
        planned = prepared(bank("detection"), katas, weight={"detection/nms": 0.0}, chance=Random(seed))
        assert planned.kata is katas[1]


def test_nothing_to_ask_is_said() -> None:
    with pytest.raises(NoInterview, match="nothing to ask in depth"):
        prepared(bank("detection"), track="depth")


GIOU, OPEN, IOU = asked(one()), asked(opened()), asked(number())
CODE = "def nms():\n    return 1\n"


def outcome() -> Outcome:
    planned = Interview(45, kata("detection/nms"), (GIOU, IOU), (OPEN,), "detection")
    wrong = Reply(GIOU, "[0, 1]", answers.judge(GIOU.question, ("[0, 1]",)), 14.0)
    fine = Reply(IOU, "0.25", answers.judge(IOU.question, ("0.25",)), 20.0)
    judged = answers.judge(OPEN.question, ("scale",))
    said = Reply(OPEN, "They | help\nevery cell.", judged, 60.0, ("scale",), Rating.HARD)
    result = KataResult(planned.kata, "value", 3, 5, 600.0, "yours 1, expected 2", CODE)  # type: ignore[arg-type]
    return Outcome(
        planned,
        START,
        START + timedelta(minutes=31),
        result,
        (wrong, fine, said),
        {interview.RUBRIC[0]: 3},
    )


def test_the_report_tells_what_failed_and_what_to_study() -> None:
    text = interview.report(outcome(), weakest=["loss"])
    for part in (
        "# Mock interview, 2026-03-02 09:00",
        "* Time: 31:00 of 45:00",
        "* Kata: `detection/nms`, value",
        "* Questions: 1 of 2 right",
        "* To look at again: `detection/giou`, `detection/anchors`",
        "3 of 5 checks, after 10:00",
        "yours 1, expected 2",
        "```python\ndef nms():",
        "Wrong, in 14 s.",
        "| [0, 1] | (-1, 1] |",
        "* That is the range of IoU.",
        "Source: Rezatofighi et al., 2019",
        "| They \\| help<br>every cell. | They give each cell a start. |",
        "- [x] scale\n- [ ] ratio",
        "Your own rating: 2 of 4 (hard).",
        f"* {interview.RUBRIC[0]} **3 of 4**",
        f"* {interview.RUBRIC[1]} (not graded)",
    ):
        assert part in text, part
    steps = text.partition("## Study next\n\n")[2].splitlines()
    assert len(steps) == 3
    assert steps[0] == "1. Write `detection/nms` again without a clock: `dojo check detection/nms`."
    assert steps[1] == "2. Practise metric, which failed 2 times: `dojo quiz --skill metric`."
    assert steps[2] == "3. Read the lesson again: `dojo study detection`."


def test_a_flawless_interview_points_at_the_weakest_skills() -> None:
    perfect = replace(outcome(), kata=None, replies=())
    steps = interview.study_next(perfect, weakest=["loss", "numerics"])
    assert [step.split(",")[0] for step in steps] == [
        "Practise loss",
        "Practise numerics",
        "Take another interview with less time: `dojo interview detection`.",
    ]
    assert len(interview.study_next(replace(perfect, interview=Interview(45, None, (), ())))) == 1


def test_what_was_not_reached_is_listed() -> None:
    text = interview.report(replace(outcome(), replies=(), kata=None))
    assert "## Not reached" in text
    assert "* Why anchors?" in text
    assert "not reached" in text


def test_a_question_that_was_skipped_is_told_with_its_answer() -> None:
    text = interview.report(replace(outcome(), replies=(Reply(GIOU),)))
    assert "## Follow-ups" not in text
    assert "Not answered.\n\nIt subtracts a share in [0, 1)." in text


def test_an_answer_takes_the_place_of_an_earlier_one() -> None:
    changed = outcome().with_reply(Reply(OPEN, "better", rating=Rating.GOOD))
    assert len(changed.replies) == 3
    assert changed.replies[-1].text == "better"


def test_an_empty_answer_failed() -> None:
    assert Reply(OPEN).failed
    assert not Reply(OPEN, "said", rating=Rating.GOOD).failed
    assert not Reply(OPEN, "said").failed


def test_a_report_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "interviews" / interview.file_name(START, "detection")
    assert path.name == "2026-03-02-090000-detection.md"
    interview.save("one\n", path)
    interview.save("two\n", path)
    assert path.read_text() == "two\n"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_interviews_are_remembered() -> None:
    event = interview.event(outcome(), START, "report.md")
    assert (event.kind, event.subject) == ("interview", "detection")
    assert event.data["right"] == 1
    assert event.data["rubric"] == {interview.RUBRIC[0]: 3}
    assert interview.recent([event]) == ["detection/nms", "detection/giou", "depth/iou", "detection/anchors"]


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (-5, "0:00"), (61, "1:01"), (3600, "60:00")])
def test_the_clock(seconds: int, shown: str) -> None:
    assert interview.clock(timedelta(seconds=seconds)) == shown
