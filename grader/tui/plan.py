"""The plan: the day of the interview, the minutes a day, and the load that follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Label, Static

from grader.practice import plan as plans
from grader.practice.plan import Outlook, Plan
from grader.text.chart import spark
from grader.text.render import Look
from grader.tui.keys import Keys
from grader.tui.pane import Pane
from grader.tui.wanted import CramWanted

if TYPE_CHECKING:
    from grader.practice.practice import Practice

_WEEK = 7


class Foretold(Message):
    """The load of the days is known; no outlook means that there is no plan."""

    def __init__(self, outlook: Outlook | None, today: date) -> None:
        super().__init__()
        self.outlook = outlook
        self.today = today


class PlanScreen(Screen[None]):
    """A date and minutes to type, and what they mean for each day."""

    HELP = (
        "Type the day of the interview and your minutes a day; Enter makes the plan. New questions and "
        "katas are spread over the days, recall is raised in the last two weeks, and the last three days "
        "bring nothing new. A cram asks your weakest cards and leaves the schedule alone."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "Edit", id="plan.edit", tooltip="Change the date or the minutes"),
        Binding(
            "c", "cram", "Cram", id="plan.cram", tooltip="Ask the weakest cards; the schedule stays as it is"
        ),
        Binding("x", "drop", "Drop", id="plan.drop", tooltip="Drop the plan"),
        Binding("escape", "app.pop_screen", "Back", id="plan.back", tooltip="Back to the day"),
    ]

    def __init__(self, practice: Callable[[], Practice], look: Look) -> None:
        super().__init__()
        self._practice = practice
        self._look = look
        self.outlook: Outlook | None = None

    def compose(self) -> ComposeResult:
        """Lay out the two fields, the chart and the keys."""
        yield Static("Plan", id="summary", markup=False)
        with Horizontal(id="fields"):
            yield Label("Interview on ", markup=False)
            yield Input(id="date", placeholder="2027-01-15", max_length=10)
            yield Label("  minutes a day ", markup=False)
            yield Input(id="minutes", placeholder="60", max_length=3, type="integer")
        yield Static(id="slip", markup=False)
        with Pane():
            yield Static("Looking ahead ...", id="outlook", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Foretell the plan in force."""
        self.query_one(Pane).focus()
        self._foretell()

    def action_edit(self) -> None:
        """Go to the date."""
        self.query_one("#date").focus()

    def action_cram(self) -> None:
        """Ask for a cram."""
        self.post_message(CramWanted())

    def action_drop(self) -> None:
        """Drop the plan in force."""
        if self.outlook is not None:
            here = self._practice()
            here.desk.record.add(plans.event(None, here.desk.clock()))
            self._foretell()

    @on(Input.Submitted)
    def _make(self) -> None:
        """Make a plan of what is typed, or say what is wrong with it."""
        here = self._practice()
        try:
            made = read(self._value("date"), self._value("minutes"), today=here.today())
        except plans.PlanError as problem:
            self._say(str(problem))
            return
        here.desk.record.add(plans.event(made, here.desk.clock()))
        self.query_one(Pane).focus()
        self._foretell()

    def _foretell(self) -> None:
        def look_ahead() -> None:
            here = self._practice()
            plan = here.plan()
            self.post_message(Foretold(here.outlook(plan) if plan else None, here.today()))

        self.run_worker(look_ahead, thread=True, exclusive=True)

    @on(Foretold)
    def _show(self, event: Foretold) -> None:
        self.outlook = told = event.outlook
        self._say("")
        if told is None:
            self.query_one("#summary", Static).update("There is no plan yet")
            self.query_one("#outlook", Static).update("Press e, type the day of the interview, then Enter.")
            if self.focused is not None and isinstance(self.focused, Pane):
                self.query_one("#date").focus()
            return
        left = told.plan.days_left(event.today)
        when = "today" if left == 0 else "tomorrow" if left == 1 else f"in {left} days"
        self.query_one("#summary", Static).update(f"Interview {when}, on {told.plan.day:%a %d %b %Y}")
        for name, value in (("date", told.plan.day.isoformat()), ("minutes", str(told.plan.minutes))):
            self.query_one(f"#{name}", Input).value = value
        self.query_one("#outlook", Static).update("\n".join(self._lines(told)))

    def _lines(self, told: Outlook) -> list[str]:
        first, most = told.days[0], max(told.plan.minutes, *(day.minutes for day in told.days))
        katas = "".join(f", {name}" for name in first.katas)
        lines = [
            f"Today: {first.new} new, {first.reviews} reviews{katas}; about {first.minutes:.0f} minutes."
        ]
        lines += ["These are the last days: c asks your weakest cards."] if first.is_cram else []
        lines += ["Everything new finds its day." if told.fits else self._misfit(told), ""]
        for start in range(0, len(told.days), _WEEK):
            week = told.days[start : start + _WEEK]
            chart = spark([day.minutes for day in week], most=most, unicode=self._look.unicode).ljust(_WEEK)
            facts = f"{sum(d.minutes for d in week) / len(week):>3.0f} min  {sum(d.new for d in week):>3} new"
            facts += (
                f"  {sum(len(d.katas) for d in week):>2} katas  {sum(d.reviews for d in week):>4} reviews"
            )
            lines.append(
                f"{week[0].date:%d %b}  {chart}  {facts}  {'cram' if week[-1].is_cram else ''}".rstrip()
            )
        return [*lines, "", f"A sign is a day, a row a week; the highest is {most:.0f} minutes."]

    def _misfit(self, told: Outlook) -> str:
        left = [f"{told.new_left} questions"] * bool(told.new_left)
        left += [f"{len(told.katas_left)} katas"] * bool(told.katas_left)
        return f"{' and '.join(left)} find no room: more minutes a day would help."

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _say(self, sentence: str) -> None:
        slip = self.query_one("#slip", Static)
        slip.update(sentence)
        slip.display = bool(sentence)


def read(day: str, minutes: str, *, today: date) -> Plan:
    """Read a plan from what was typed; raises ``PlanError`` with what to type instead."""
    try:
        when = date.fromisoformat(day)
    except ValueError:
        raise plans.PlanError(f"`{day}` is no date: type it as 2027-01-15.") from None
    if minutes and not minutes.isdecimal():
        raise plans.PlanError(f"`{minutes}` is no number of minutes: type 60, for instance.")
    return plans.make(when, int(minutes or 60), today=today)
