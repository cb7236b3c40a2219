"""Commands that tell where the learner stands and what lies ahead: ``stats`` and ``plan``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

import click

from grader.cli import console
from grader.cli.quizzing import practice_here
from grader.practice import plan, progress
from grader.practice.deck import kata_item
from grader.practice.plan import Day, Outlook, Plan
from grader.practice.practice import Practice
from grader.practice.progress import Readiness
from grader.text.chart import bar, spark
from grader.text.render import Look
from grader.workspace import catalog
from grader.workspace.keeping import Refusal

_DAYS = 14
_ROOMIEST = 240


@click.command(short_help="Show reviews, recall and readiness.")
@console.JSON
def stats(as_json: bool) -> None:
    """Show reviews per day, how much was recalled, readiness per track and skill, and what comes.

    Readiness is mean recall times coverage: the share of all there is that you could answer now.

    \b
    Example:
      dojo stats
    """
    with practice_here() as here:
        facts = gather(here)
        if as_json:
            console.say_json(facts)
        else:
            _tell_stats(facts, console.look())


def gather(here: Practice) -> dict[str, object]:
    """Return the statistics of a practice, ready for JSON."""
    now, today = here.now(), here.today()
    events = here.desk.record.events()
    given = progress.reviews(events)
    per_day = progress.per_day(given, now.tzinfo)
    practised = per_day + progress.per_day((e for e in events if e.kind == "attempt"), now.tzinfo)
    recent = progress.retention(e for e in given if e.at >= now - timedelta(days=30))
    states = here.cards.all()
    topics = [*here.deck.entries(), *map(kata_item, here.desk.catalog)]
    tracks, skills = progress.readiness(topics, {state.subject: state for state in states}, now)
    days = [today - timedelta(days=back) for back in reversed(range(_DAYS))]
    return {
        "streak": progress.streak(practised, today),
        "reviews": {str(day): per_day[day] for day in days},
        "reviews_total": len(given),
        "retention": progress.retention(given),
        "retention_30_days": recent,
        "cards": len(states),
        "tracks": {name: _readiness(tracks[name]) for name in sorted(tracks, key=catalog.track_rank)},
        "skills": {name: _readiness(skills[name]) for name in sorted(skills)},
        "forecast": {
            str(today + timedelta(days=n)): c for n, c in enumerate(progress.forecast(states, now, _DAYS))
        },
        "leeches": [{"card": state.subject, "lapses": state.lapses} for state in here.leeches()],
        "doubts": dict(Counter(event.subject for event in events if event.kind == "doubt")),
    }


@click.command("plan", short_help="Be ready by the day of an interview.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day, as 2027-01-15.")
@click.option("--minutes", type=int, help="Minutes a day.  [default: 60]")
@click.option("--clear", is_flag=True, help="Drop the plan.")
@console.JSON
def plan_(day: datetime | None, minutes: int | None, clear: bool, as_json: bool) -> None:
    """Spread new questions and katas so that you are ready by the day of an interview.

    Cards come back sooner in the last two weeks, and the last three days bring nothing new:
    `dojo quiz --cram` then asks your weakest cards and leaves the schedule alone. Without a date
    the plan in force is shown.

    \b
    Examples:
      dojo plan --date 2027-01-15 --minutes 60
      dojo plan
    """
    with practice_here() as here:
        if clear:
            here.desk.record.add(plan.event(None, here.desk.clock()))
            click.echo("There is no plan any more; the usual limits hold.")
            return
        chosen = _chosen(here, day, minutes)
        told = here.outlook(chosen)
        if as_json:
            console.say_json(asdict(told) | {"fits": told.fits})
        else:
            _tell_plan(here, told, console.look())


def _chosen(here: Practice, day: datetime | None, minutes: int | None) -> Plan:
    """Make and record a plan where a date or minutes are said, else return the one in force."""
    current = here.plan()
    if day is None and current is None:
        raise Refusal("There is no plan yet: say the day, `dojo plan --date 2027-01-15 --minutes 60`.")
    if day is None and minutes is None and current is not None:
        return current
    when = day.date() if day else current.day if current else here.today()
    much = minutes if minutes is not None else current.minutes if current else 60
    try:
        made = plan.make(when, much, today=here.today())
    except plan.PlanError as problem:
        raise Refusal(str(problem)) from None
    here.desk.record.add(plan.event(made, here.desk.clock()))
    return made


def _tell_plan(here: Practice, told: Outlook, look: Look) -> None:
    chosen, days = told.plan, told.days
    left = chosen.days_left(here.today())
    when = "today" if left == 0 else "tomorrow" if left == 1 else f"in {left} days"
    click.echo(f"Interview on {chosen.day:%a %d %b %Y}, {when}; {chosen.minutes} minutes a day.\n")
    span = 7 if len(days) <= 84 else 28
    most = max(chosen.minutes, *(day.minutes for day in days))
    for start in range(0, len(days), span):
        _tell_row(days[start : start + span], most, span, look)
    click.echo(f"\nEach sign is a day, the highest {most:.0f} minutes; beside them the mean.")
    _tell_today(days[0], here)
    click.echo(_tell_fit(here, told))


def _tell_row(row: tuple[Day, ...], most: float, span: int, look: Look) -> None:
    chart = spark([day.minutes for day in row], most=most, unicode=look.unicode).ljust(span)
    mean = sum(day.minutes for day in row) / len(row)
    facts = [f"{mean:>3.0f} min", f"{sum(day.new for day in row):>4} new"]
    facts += [f"{sum(len(day.katas) for day in row):>3} katas", f"{sum(d.reviews for d in row):>4} reviews"]
    facts += [f"recall {row[-1].retention:.0%}"]
    click.echo(f"{row[0].date:%d %b}  {chart}  {'  '.join(facts)}{'  cram' if row[-1].is_cram else ''}")


def _tell_today(day: Day, here: Practice) -> None:
    katas = "".join(f", {name}" for name in day.katas)
    click.echo(
        f"Today: {day.new} new questions, {day.reviews} reviews{katas}; about {day.minutes:.0f} minutes."
    )
    if day.is_cram:
        click.echo("These are the last days: `dojo quiz --cram` asks your weakest cards.")


def _tell_fit(here: Practice, told: Outlook) -> str:
    if told.fits:
        return "Everything new finds its day before the interview."
    left = [f"{told.new_left} questions"] * bool(told.new_left)
    left += [f"{len(told.katas_left)} katas"] * bool(told.katas_left)
    rest = f"{' and '.join(left)} find no room"
    for minutes in range(told.plan.minutes + 15, _ROOMIEST + 1, 15):
        if told.cards < 5000 and here.outlook(Plan(told.plan.day, minutes)).fits:
            return f"{rest}: {minutes} minutes a day would do for all."
    return f"{rest}: the days are too few for all of it, so what comes first is taken first."


def _tell_stats(facts: Mapping[str, object], look: Look) -> None:
    reviews, forecast = facts["reviews"], facts["forecast"]
    assert isinstance(reviews, dict)
    assert isinstance(forecast, dict)
    streak = facts["streak"]
    click.echo(
        f"{facts['reviews_total']} reviews of {facts['cards']} cards; practised {_days(streak)} in a row."
    )
    for title, counts, unit in (("Last", reviews, "reviews"), ("Next", forecast, "due")):
        chart = spark(list(counts.values()), unicode=look.unicode)
        click.echo(f"{title} {_DAYS} days  {chart}  {sum(counts.values())} {unit}")
    if facts["retention"] is not None:
        recent = facts["retention_30_days"]
        late = f", {recent:.0%} in the last 30 days" if recent is not None else ""
        click.echo(f"Recalled {facts['retention']:.0%} of what came back{late}.")
    for title in ("tracks", "skills"):
        rows = facts[title]
        assert isinstance(rows, dict)
        click.echo(f"\nReadiness by {title[:-1]}")
        for name, row in rows.items():
            share = bar(row["readiness"], 20, unicode=look.unicode)
            seen = f"{row['seen']} of {row['total']} seen"
            recall = f", recall {row['recall']:.0%}" if row["seen"] else ""
            click.echo(f"  {name:<24}{share} {row['readiness']:>4.0%}  {seen}{recall}")
    _tell_marked(facts)


def _tell_marked(facts: Mapping[str, object]) -> None:
    leeches, doubts = facts["leeches"], facts["doubts"]
    assert isinstance(leeches, list)
    assert isinstance(doubts, dict)
    if leeches:
        click.echo("\nLeeches: " + ", ".join(f"{one['card']} ({one['lapses']})" for one in leeches[:8]))
    if doubts:
        click.echo("\nMarked as doubtful: " + ", ".join(list(doubts)[:8]))


def _readiness(found: Readiness) -> dict[str, object]:
    return {
        "total": found.total,
        "seen": found.seen,
        "recall": round(found.recall, 4),
        "coverage": round(found.coverage, 4),
        "readiness": round(found.share, 4),
    }


def _days(count: object) -> str:
    return "1 day" if count == 1 else f"{count} days"


COMMANDS = (stats, plan_)
