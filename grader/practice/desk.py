"""The learner's desk: what both faces do with a kata, and what the record hears of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from grader.model import Event, KataInfo
from grader.practice import progress
from grader.practice.progress import KataState
from grader.workspace import catalog as catalogs
from grader.workspace import places as all_places
from grader.workspace import store
from grader.workspace.catalog import Catalog
from grader.workspace.keeping import Refusal, set_aside
from grader.workspace.places import Places
from grader.workspace.source import reference_text
from grader.workspace.store import Record
from grader.workspace.stub import stub_text

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint as it is handed out."""

    text: str
    level: int
    of: int


@dataclass(frozen=True)
class Desk:
    """One workspace, its catalogue and the record, opened once for a command or an app."""

    places: Places
    catalog: Catalog
    record: Record
    clock: Clock

    def states(self) -> dict[str, KataState]:
        """Return where the learner stands with every kata, as of now."""
        return progress.states(self.catalog, self.record.events(), self.catalog.is_untouched)

    def state(self, kata: KataInfo) -> KataState:
        """Return where the learner stands with one kata, as of now."""
        return progress.states([kata], self.record.events(subject=kata.id), self.catalog.is_untouched)[
            kata.id
        ]

    def pick(self, text: str | None) -> KataInfo:
        """Return the one kata that is meant; nothing said means the next one not passed."""
        if text is None:
            kata = progress.next_kata(self.catalog, self.states())
            if kata is None:
                raise Refusal(_all_passed(self.catalog))
            return kata
        found = catalogs.find(self.catalog, text)
        if len(found) > 1:
            raise Refusal(
                f"`{text}` is a track of {len(found)} katas: name one, `{found[0].id}` for instance."
            )
        return found[0]

    def note(self, kind: str, kata: KataInfo, **data: object) -> None:
        """Add an event about a kata to the record."""
        self.record.add(Event(at=self.clock(), kind=kind, subject=kata.id, data=data))


def open_desk(start: Path | None = None, *, environ: Mapping[str, str], clock: Clock | None = None) -> Desk:
    """Find the workspace, read its catalogue and open the record."""
    places = all_places.find(start, environ=environ)
    return sit_down(places, clock=clock)


def sit_down(places: Places, *, clock: Clock | None = None) -> Desk:
    """Read the catalogue of a known workspace and open the record."""
    clock = clock or (lambda: datetime.now(UTC))
    katas = catalogs.read(places, cache=places.record.with_name("catalog.json"))
    return Desk(places, katas, store.open_record(places.record, clock=clock), clock)


def next_hint(desk: Desk, kata: KataInfo) -> Hint:
    """Hand out the next hint and record it; once all are seen, the last one again."""
    seen = desk.state(kata).hints_seen
    of = len(kata.hints)
    level = min(seen + 1, of)
    if level > seen:
        desk.note("hint", kata, level=level, of=of)
    return Hint(kata.hints[level - 1], level, of)


def show_solution(desk: Desk, kata: KataInfo) -> str:
    """Return the reference without its right and wrong versions, and record that it was seen."""
    text = reference_text(kata.solution.read_text(encoding="utf-8"))
    desk.note("solution", kata)
    return text


def reset(desk: Desk, kata: KataInfo) -> Path | None:
    """Put the stub back, keeping the answer aside; returns where, or nothing if there was no file."""
    if kata.stub.exists() and desk.catalog.is_stub(kata):
        raise Refusal(f"{kata.id} is the untouched stub already: there is nothing to reset.")
    text = stub_text(kata.solution.read_text(encoding="utf-8"))
    kept = set_aside(kata.stub, desk.clock()) if kata.stub.exists() else None
    kata.stub.parent.mkdir(parents=True, exist_ok=True)
    kata.stub.write_text(text, encoding="utf-8", newline="\n")
    desk.note("reset", kata, kept=kept.name if kept else None)
    return kept


def _all_passed(katas: Catalog) -> str:
    return "Every kata is passed: name one to take it again." if len(katas) else "There are no katas here."
