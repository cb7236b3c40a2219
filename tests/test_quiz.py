from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from asking import (
    EVERY,
    START,
    Bank,
    Clock,
    begin,
    bug,
    event,
    kata,
    number,
    one,
    opened,
    order,
    right,
    several,
    shape,
    table,
)

from grader.model import Question, QuestionKind
from grader.practice import answers, quiz
from grader.practice.answers import Unreadable, judge, rate, read
from grader.practice.cards import Cards
from grader.practice.deck import Deck, Item
from grader.practice.quiz import Limits, Only
from grader.practice.schedule import Rating, states


@pytest.fixture
def held(tmp_path: Path) -> Cards:
    return table(tmp_path / "record.sqlite3")


@pytest.fixture
def clock() -> Clock:
    return Clock()


# -- reading and judging -------------------------------------------------------------------------

THREE = ("red", "green", "blue")


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        ("b", ("green",)),
        ("B", ("green",)),
        (" 2 ", ("green",)),
        ("b)", ("green",)),
        ("a c", ("red", "blue")),
        ("ac", ("red", "blue")),
        ("1,3", ("red", "blue")),
        ("13", ("red", "blue")),
        ("c, a", ("blue", "red")),
    ],
)
def test_letters_and_numbers_choose(typed: str, chosen: tuple[str, ...]) -> None:
    assert answers.chosen(typed, THREE) == chosen


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Type letters from a to c or numbers from 1 to 3."),
        ("d", "There is no option `d`: type letters from a to c"),
        ("4", "There is no option `4`"),
        ("0", "There is no option `0`"),
        ("a a", "named twice"),
        ("?", "There is no option `?`"),
    ],
)
def test_what_names_no_option_is_no_answer(typed: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence.replace("?", r"\?")):
        answers.chosen(typed, THREE)


def test_one_option_means_one() -> None:
    assert read(one(), "a", THREE) == ("red",)
    with pytest.raises(Unreadable, match="One option"):
        read(one(), "a b", THREE)


def test_all_steps_are_asked_for() -> None:
    with pytest.raises(Unreadable, match="All 3 steps"):
        read(order(), "a b", THREE)
    assert read(order(), "cab", THREE) == ("blue", "red", "green")


@pytest.mark.parametrize(
    ("typed", "unit", "value"),
    [
        ("7", "", 7),
        ("1.5", "", 1.5),
        ("3e-2", "", 0.03),
        ("3E-2", "", 0.03),
        (".5", "", 0.5),
        ("5.", "", 5),
        ("-2", "", -2),
        ("−2", "", -2),
        ("+3", "", 3),
        ("12_544", "", 12544),
        ("7 px", "px", 7),
        ("7px", "px", 7),
        ("7", "px", 7),
        ("25%", "%", 25),
        ("25 %", "%", 25),
        ("25", "%", 25),
    ],
)
def test_numbers_that_are_read(typed: str, unit: str, value: float) -> None:
    assert answers.number(typed, unit=unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("1,5", "with a point and without commas"),
        ("12,544", "with a point and without commas"),
        ("25%", "not asked for in percent"),
        ("7 km", "A number is asked for"),
        ("", "A number is asked for"),
        (".", "A number is asked for"),
        ("e3", "A number is asked for"),
        ("nan", "A number is asked for"),
        ("inf", "A number is asked for"),
        ("1/3", "A number is asked for"),
        ("0x10", "A number is asked for"),
        ("1e999", "too large"),
    ],
)
def test_numbers_that_are_not_read(typed: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        answers.number(typed)


@pytest.mark.parametrize(
    ("typed", "correct"),
    [
        ("0.951", True),
        ("0.953", True),
        ("0.949", True),
        ("0.9531", False),
        ("0.9489", False),
        ("-0.951", False),
    ],
)
def test_a_number_within_the_tolerance_counts(typed: str, correct: bool) -> None:
    assert judge(number(value=0.951, tolerance=0.002), (typed,)).correct is correct


def test_an_exact_number_is_exact() -> None:
    assert judge(number(value=0.3), ("0.3",)).correct
    assert judge(number(value=0.3), ("0.30000",)).correct
    assert not judge(number(value=0.3), ("0.301",)).correct
    assert judge(number(value=25, unit="%"), ("25%",)).correct
    assert judge(number(value=25, unit="%"), ("25",)).right == "25%"
    assert judge(number(value=7, unit="px"), ("7px",)).right == "7 px"


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "[B, 512, 7, 7]",
            "B 512 7 7",
            "(b,512,7,7)",
            "Bx512x7x7",
            "b×512×7×7",
            "B x 512 x 7 x 7",
            "B*512*7*7",
        ),
        *("{B, 512, 7, 7}", "torch.Size([B, 512, 7, 7])", "[B, 512, 7, 7,]", "  B,512,  7,7 ", "[B 512 7 7]"),
        "((B, 512, 7, 7))",
    ],
)
def test_ways_to_write_a_shape(typed: str) -> None:
    assert judge(shape(), (typed,)).correct


@pytest.mark.parametrize(
    "typed", ["512 7 7", "[7, 7, 512, B]", "B 512 7", "B512 7 7", "[B, 512, 7, 8]", "[]", "[B, 512, 49]"]
)
def test_other_shapes_are_wrong(typed: str) -> None:
    assert not judge(shape(), (typed,)).correct


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("[]", ()),
        ("()", ()),
        ("7", ("7",)),
        ("(7,)", ("7",)),
        ("007", ("7",)),
        ("H/4 x W/4", ("h/4", "w/4")),
        ("HxW", ("h", "w")),
        ("[B, K, ceil(H/32), ceil(W/32)]", ("b", "k", "ceil(h/32)", "ceil(w/32)")),
        ("[B, H * W, C]", ("b", "h*w", "c")),
        ("B max", ("b", "max")),
        ("max", ("max",)),
        ("[B, max(H, W), 3]", ("b", "max(h,w)", "3")),
        ("[B, 2C, 7]", ("b", "2c", "7")),
    ],
)
def test_shapes_are_read_part_by_part(typed: str, parts: tuple[str, ...]) -> None:
    assert answers.shape(typed) == parts


@pytest.mark.parametrize("typed", ["", "  ", "[B,,7]", "8xx7"])
def test_a_broken_shape_is_no_answer(typed: str) -> None:
    with pytest.raises(Unreadable):
        answers.shape(typed)


@pytest.mark.parametrize("question", EVERY, ids=lambda q: q.kind)
def test_the_right_answer_is_right(question: Question) -> None:
    found = judge(question, right(question))
    assert found.correct is (None if question.kind is QuestionKind.OPEN else True)
    assert found.why == question.why
    assert not found.tempting
    assert not found.missed


def test_a_wrong_choice_says_why_it_tempted() -> None:
    found = judge(one(), ("[0, 1]",))
    assert not found.correct
    assert found.tempting == ("That is the range of IoU.",)
    assert found.right == "(-1, 1]"
    assert found.source == "Rezatofighi et al., 2019"


def test_several_choices_are_all_or_nothing() -> None:
    half = judge(several(), ("focal",))
    assert (half.correct, half.missed, half.tempting) == (False, ("dice",), ())
    more = judge(several(), ("focal", "dice", "nms"))
    assert (more.correct, more.missed, more.tempting) == (False, (), ("That is post-processing.",))
    assert judge(several(), ("dice", "focal")).correct


def test_order_and_bug() -> None:
    assert not judge(order(), ("sort", "filter by score", "suppress")).correct
    assert judge(order(), ("sort",)).right.startswith("1. filter by score\n2. sort")
    assert not judge(bug(), ("[0, 1]",)).correct


@pytest.mark.parametrize(
    ("ticked", "suggested"),
    [(3, Rating.GOOD), (2, Rating.HARD), (1, Rating.AGAIN), (0, Rating.AGAIN)],
)
def test_ticked_points_suggest_a_rating(ticked: int, suggested: Rating) -> None:
    found = judge(opened(), opened().points[:ticked])
    assert (found.correct, found.suggested, len(found.missed)) == (None, suggested, 3 - ticked)


@pytest.mark.parametrize(
    ("correct", "seconds", "helped", "rating"),
    [
        # wrong is Again, however it went
        (False, 3, False, Rating.AGAIN),
        (False, 300, True, Rating.AGAIN),
        # right, and how
        (True, 3, False, Rating.EASY),
        (True, 7.9, False, Rating.EASY),
        (True, 8, False, Rating.GOOD),
        (True, 60, False, Rating.GOOD),
        (True, 61, False, Rating.HARD),
        (True, 3, True, Rating.HARD),
        # a clock that stood or went backwards proves no speed
        (True, 0, False, Rating.GOOD),
        (True, -5, False, Rating.GOOD),
    ],
)
def test_the_rating_follows_from_the_answer(
    correct: bool, seconds: float, helped: bool, rating: Rating
) -> None:
    assert rate(one(), correct, seconds, helped=helped) is rating


def test_working_out_a_number_may_take_longer() -> None:
    assert rate(number(), True, 179) is Rating.GOOD
    assert rate(number(), True, 181) is Rating.HARD


# -- choosing the next card ----------------------------------------------------------------------


def many(*tracks: str, each: int = 4) -> list[Question]:
    return [one(f"{track}/q{n}") for track in tracks for n in range(each)]


def play(round_: quiz.Quiz, clock: Clock, most: int = 99) -> list[str]:
    """Answer everything right and return the cards in the order asked."""
    asked = []
    while len(asked) < most and (found := round_.next()) is not None:
        clock.forward(seconds=20)
        round_.answer(found, right(found.question), seconds=20)
        asked.append(found.card)
    return asked


def test_new_cards_are_limited_and_the_reason_is_said(held: Cards, clock: Clock) -> None:
    round_ = begin(many("a", "b", each=10), held, clock, limits=Limits(new=5))
    assert round_.left == (0, 5)
    assert len(play(round_, clock)) == 5
    assert round_.ended == "Nothing more is due, and the day's 5 new cards are done."
    again = begin(many("a", "b", each=10), held, clock, limits=Limits(new=5))
    assert again.next() is None
    clock.forward(days=1)
    tomorrow = begin(many("a", "b", each=10), held, clock, limits=Limits(new=5))
    assert len(play(tomorrow, clock)) == 5


def test_a_day_has_a_cap(held: Cards, clock: Clock) -> None:
    round_ = begin(many("a", "b"), held, clock, limits=Limits(cards=3))
    assert len(play(round_, clock)) == 3
    assert round_.ended.startswith("That was the day's 3 cards")


def test_due_cards_come_before_new_ones_least_remembered_first(held: Cards, clock: Clock) -> None:
    for name, rating in (("a/q0", 4), ("b/q0", 3), ("c/q0", 1)):
        held.add(event("review", name, rating=rating))
    clock.forward(days=40)
    questions = many("a", "b", "c", "d", each=2)
    asked = play(begin(questions, held, clock), clock)
    assert asked[:3] == ["c/q0", "b/q0", "a/q0"]
    assert len(asked) == 8


def test_topics_are_mixed(held: Cards, clock: Clock) -> None:
    asked = play(begin(many("a", "b", "c", each=5), held, clock, limits=Limits(new=99)), clock)
    tracks = [card.partition("/")[0] for card in asked]
    assert len(asked) == 15
    assert all(first != second for first, second in pairwise(tracks))


def test_easy_ones_are_met_first(held: Cards, clock: Clock) -> None:
    questions = [one(f"a/l{level}-{n}", level=level) for level in (3, 1, 2) for n in range(3)]
    asked = play(begin(questions, held, clock, limits=Limits(new=99)), clock)
    assert [card[3] for card in asked] == list("111222333")


@pytest.mark.parametrize("seed", range(20))
def test_near_duplicates_never_follow_each_other(held: Cards, clock: Clock, seed: int) -> None:
    chance = Random(seed)
    questions = [one(f"{chance.choice('ab')}/q{n}", family=chance.choice("xyz")) for n in range(14)]
    family = {question.id: question.family for question in questions}
    for question in questions[:9]:
        held.add(event("review", question.id, day=-9 + chance.random(), rating=chance.randint(1, 3)))
    last = ""
    for _ in range(3):
        asked = play(begin(questions, held, clock, chance=seed, limits=Limits(new=99)), clock, most=6)
        for card in asked:
            assert family[card] != last, asked
            last = family[card]


def test_only_near_duplicates_left_ends_the_round(held: Cards, clock: Clock) -> None:
    round_ = begin([one(f"a/q{n}", family="x") for n in range(3)], held, clock)
    assert len(play(round_, clock)) == 1
    assert round_.ended.startswith("What is left is too much like the last question")


def test_only_what_is_asked_for(held: Cards, clock: Clock) -> None:
    questions = [one("a/q", level=1), one("a/w", level=2), one("b/q", level=2), one("a/x", skills=("loss",))]
    held.add(event("review", "a/w", day=-30, rating=3))

    def asked(**only: object) -> set[str]:
        return set(play(begin(questions, held, clock, only=Only(**only)), clock))  # type: ignore[arg-type]

    assert asked(track="a", level=2) == {"a/w"}
    assert asked(skill="loss") == {"a/x"}
    assert asked(track="b") == {"b/q"}


def test_a_question_that_was_deleted_is_passed_over_and_keeps_its_past(held: Cards, clock: Clock) -> None:
    held.add(event("review", "a/gone", day=-9, rating=1))
    held.add(event("review", "a/kept", day=-9, rating=1))
    before = held.get("a/gone")
    assert play(begin([one("a/kept")], held, clock), clock) == ["a/kept"]
    assert held.get("a/gone") == before
    back = begin([one("a/kept"), one("a/gone")], held, clock)
    assert play(back, clock) == ["a/gone"]


def test_a_question_deleted_while_asking_is_passed_over(held: Cards, clock: Clock) -> None:
    bank = Bank([one("a/q"), one("b/q")])
    round_ = quiz.begin(Deck(bank), held, clock=clock, chance=Random(0))
    del bank.questions[:]
    assert round_.next() is None


def test_an_edited_question_keeps_its_schedule(held: Cards, clock: Clock) -> None:
    held.add(event("review", "a/q", day=-20, rating=3))
    edited = one("a/q", ask="What can GIoU be?", choices=("1", "2"), answer=("2",), but={"1": "no"})
    round_ = begin([edited], held, clock)
    asked = round_.next()
    assert asked is not None
    assert asked.question.ask == "What can GIoU be?"
    assert asked.state == held.get("a/q")


def test_leeches_are_marked(held: Cards, clock: Clock) -> None:
    for day in range(8):
        held.add(event("review", "a/q", day=day - 10, rating=1))
    asked = begin([one("a/q")], held, clock).next()
    assert asked is not None
    assert asked.is_leech
    assert not asked.is_new


def test_options_are_shuffled_and_steps_never_lie_in_order() -> None:
    seen = {quiz.shuffled(one(), Random(seed)) for seed in range(50)}
    assert len(seen) == 6
    assert all(quiz.shuffled(order(), Random(seed)) != order().answer for seed in range(200))


# -- answering, undoing, marking -----------------------------------------------------------------


def test_an_answer_is_in_the_record_at_once(held: Cards, clock: Clock) -> None:
    round_ = begin([one("a/q")], held, clock)
    asked = round_.next()
    assert asked is not None
    assert asked.is_new
    done = round_.answer(asked, ("[0, 1]",), seconds=12.34)
    assert (done.rating, done.judgement.correct) == (Rating.AGAIN, False)
    assert done.state == held.get("a/q")
    (kept,) = held.record.events("review")
    assert kept.data == {
        "rating": 1,
        "kind": "one",
        "correct": False,
        "seconds": 12.3,
        "answer": "[0, 1]",
        "seed": None,
    }


def test_an_open_answer_has_the_learners_own_rating(held: Cards, clock: Clock) -> None:
    round_ = begin([opened("a/q")], held, clock)
    asked = round_.next()
    assert asked is not None
    done = round_.answer(asked, ("scale",), seconds=90, rating=Rating.GOOD, text="because")
    assert done.rating is Rating.GOOD
    data = held.record.events("review")[0].data
    assert (data["correct"], data["answer"], data["rating"]) == (None, "because", 3)


def test_a_graded_answer_cannot_be_rated_away(held: Cards, clock: Clock) -> None:
    round_ = begin([one("a/q")], held, clock)
    asked = round_.next()
    assert asked is not None
    assert round_.answer(asked, ("[0, 1]",), seconds=9, rating=Rating.EASY).rating is Rating.AGAIN


def test_undo_brings_the_card_and_the_question_back(held: Cards, clock: Clock) -> None:
    held.add(event("review", "a/q", day=-20, rating=3))
    before = held.get("a/q")
    round_ = begin([one("a/q")], held, clock)
    asked = round_.next()
    assert asked is not None
    round_.answer(asked, ("[0, 1]",), seconds=9)
    assert held.get("a/q") != before
    assert round_.undo() is asked
    assert held.get("a/q") == before
    assert round_.answered == []
    assert round_.undo() is None
    round_.put_back(asked)
    assert round_.next() is asked
    round_.answer(asked, right(asked.question), seconds=9)
    assert [one_.kind for one_ in held.record.events()] == ["review", "review", "undo", "review"]
    assert states(held.record.events()) == {state.subject: state for state in held.all()}


def test_undoing_a_new_card_makes_it_new(held: Cards, clock: Clock) -> None:
    round_ = begin([one("a/q")], held, clock)
    asked = round_.next()
    assert asked is not None
    round_.answer(asked, ("[0, 1]",), seconds=9)
    round_.undo()
    assert held.get("a/q") is None
    assert held.seen(clock()) == (0, 0)


def test_a_doubt_is_noted_and_moves_nothing(held: Cards, clock: Clock) -> None:
    round_ = begin([one("a/q")], held, clock)
    asked = round_.next()
    assert asked is not None
    round_.doubt(asked, "it depends on the convention")
    (kept,) = held.record.events("doubt")
    assert (kept.subject, kept.data["note"]) == ("a/q", "it depends on the convention")
    assert held.get("a/q") is None


def test_skipping_records_nothing(held: Cards, clock: Clock) -> None:
    round_ = begin(many("a", each=2), held, clock)
    first = round_.next()
    assert first is not None
    round_.skip(first)
    second = round_.next()
    assert second is not None
    assert second.card != first.card
    assert round_.next() is None
    assert held.record.events() == ()


def test_a_cram_asks_the_weakest_and_leaves_the_schedule_alone(held: Cards, clock: Clock) -> None:
    for name, rating in (("a/q0", 4), ("b/q0", 1), ("c/q0", 3)):
        held.add(event("review", name, rating=rating))
    before = held.all()
    clock.forward(hours=30)
    asked = play(begin(many("a", "b", "c", each=1), held, clock, is_cram=True), clock)
    assert asked == ["b/q0", "c/q0", "a/q0"]
    assert held.all() == before
    assert len(held.record.events("cram")) == 3


# -- generators and known mistakes ---------------------------------------------------------------


def generated(name: str, track: str = "depth") -> Item:
    return Item(f"{track}/~{name}", track, 1, ("shapes",), "generated", name)


class Maker:
    """A generator that asks for its own seed."""

    id, name, track, level, skills = "depth/~seed", "seed", "depth", 1, ("shapes",)


def make(card: str, seed: int) -> Question:
    return number(f"{card}#{seed}", value=float(seed))


def test_a_generator_is_one_card_with_fresh_numbers(held: Cards, clock: Clock) -> None:
    deck = Deck(Bank(), (Maker(),), make)
    seeds = []
    for day in range(3):
        round_ = quiz.begin(deck, held, clock=clock, chance=Random(day))
        asked = round_.next()
        assert asked is not None
        assert asked.card == "depth/~seed"
        assert asked.question.number == asked.seed
        round_.answer(asked, right(asked.question), seconds=20)
        seeds.append(asked.seed)
        clock.forward(days=60)
    assert len(set(seeds)) == 3
    assert [one_.data["seed"] for one_ in held.record.events("review")] == seeds
    assert len(held.all()) == 1


def test_a_generator_that_is_gone_is_passed_over(held: Cards, clock: Clock) -> None:
    held.add(event("review", "depth/~old", day=-9, rating=1))
    assert quiz.begin(Deck(Bank(), (Maker(),), make), held, clock=clock, chance=Random(0)).left == (0, 1)


def test_mistakes_are_asked_of_passed_katas_only(held: Cards, clock: Clock) -> None:
    looked: list[str] = []

    def spot(info: object) -> list[Question]:
        looked.append(info.id)  # type: ignore[attr-defined]
        return [bug(f"{info.id}:{name}") for name in ("first", "second")]  # type: ignore[attr-defined]

    passed = {"detection/nms": kata("detection/nms")}
    deck = Deck(Bank(), (), None, passed, spot)
    asked = play(quiz.begin(deck, held, clock=clock, chance=Random(0)), clock)
    assert set(asked) == {"detection/nms:first", "detection/nms:second"}
    assert looked == ["detection/nms"]
    clock.forward(days=60)
    # Reset and not passed again: they wait.
    assert quiz.begin(Deck(Bank(), (), None, {}, spot), held, clock=clock, chance=Random(0)).left == (0, 0)


def test_seconds_never_go_below_zero(held: Cards, clock: Clock) -> None:
    round_ = begin([one("a/q")], held, clock)
    asked = round_.next()
    assert asked is not None
    assert round_.answer(asked, right(asked.question), seconds=-3).rating is Rating.GOOD
    assert held.record.events("review")[0].data["seconds"] == 0.0


def test_the_clock_going_backwards_mid_round(held: Cards, clock: Clock) -> None:
    questions = many("a", "b", each=3)
    round_ = begin(questions, held, clock, limits=Limits(new=99))
    for _ in range(3):
        asked = round_.next()
        assert asked is not None
        round_.answer(asked, right(asked.question), seconds=9)
        clock.at -= timedelta(days=3)
    assert len(held.record.events("review")) == 3
    assert len(held.all()) == 3
    assert clock.at < START
