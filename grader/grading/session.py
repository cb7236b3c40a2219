"""One grading session: opens the learner's files behind the cut, and turns outcomes into verdicts.

Knows the order of things (tiers, which check is a kata's last), the budget of a failure (make it small,
name the mistake, tell the story), and where an attempt is recorded. The pytest plugin only forwards hooks.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from grader.grading.learner import CannotLoad, read_source
from grader.model import Event, Kind, Verdict
from grader.workspace import places, store

if TYPE_CHECKING:
    from grader.contract.kata import Check, Kata
    from grader.judge.candidate import Candidate
    from grader.judge.problems import Problem


class Sink(Protocol):
    """Where events go, one JSON line each."""

    def write(self, line: str, /) -> object:
        """Take a line."""

    def flush(self) -> object:
        """Let nothing wait."""

    def close(self) -> object:
        """No more will come."""


@dataclass
class _Sitting:
    """One kata during one session."""

    kata: Kata
    checks: int = 0
    expected: set[str] = field(default_factory=set)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    tiers: dict[str, int] = field(default_factory=dict)
    candidate: Candidate | None = None
    unloadable: Problem | None = None
    text: str = ""
    told: bool = False

    @property
    def worst(self) -> Verdict | None:
        """The first failure."""
        return next((v for v in self.verdicts.values() if not v.passed and v.kind is not Kind.WAITS), None)

    @property
    def kind(self) -> Kind:
        """What the kata as a whole came to."""
        return self.worst.kind if self.worst is not None else Kind.PASSED

    @property
    def whole(self) -> bool:
        """Whether every check of the kata was run or waited."""
        return len(self.verdicts) >= self.checks


class Grading:
    """Everything a grading process holds between its first kata and its end."""

    def __init__(self, *, starter: Any, debug: bool, events: Sink | None, workspace: Path) -> None:
        self._starter = starter
        self.debug = debug
        self._sittings: dict[str, _Sitting] = {}
        self._events = events
        self._workspace = workspace
        self._notice: str | None = None

    @classmethod
    def begin(cls, *, worker: str, debug: bool, events: str | None, workspace: Path) -> Grading:
        """Import torch and start what forks workers, before any kata is read."""
        from grader.grading.start import starter

        sink = open(events, "a", encoding="utf-8", buffering=1) if events else None  # noqa: SIM115
        return cls(starter=starter(worker), debug=debug, events=sink, workspace=workspace)

    # -- katas ----------------------------------------------------------------------------------

    def adopt(self, kata: Kata, nodeid: str) -> None:
        """Take in one collected check of a kata."""
        sitting = self._sittings.setdefault(kata.id, _Sitting(kata))
        sitting.checks += 1
        kata.opener = self._open

    def expect(self, items: Iterable[tuple[str, str]]) -> None:
        """Take in which checks will be run."""
        for kata, name in items:
            self._sittings[kata].expected.add(name)

    def stands_on(self, kata: Kata, check: Check) -> str | None:
        """Return the failed check of a lower tier, if there is one."""
        sitting = self._sittings[kata.id]
        if sitting.unloadable is not None and sitting.worst is not None:
            return sitting.worst.check
        failed = (
            name
            for name, v in sitting.verdicts.items()
            if not v.passed and v.kind is not Kind.WAITS and sitting.tiers[name] < check.tier
        )
        return next(failed, None)

    def waits(self, kata: Kata, name: str, check: Check) -> None:
        """Note a check that was not run because of an earlier one."""
        self._note(kata, check, Verdict(kata.id, name, check.title, Kind.WAITS))

    def verdict(
        self, kata: Kata, name: str, check: Check, error: BaseException | None, seconds: float, nodeid: str
    ) -> Verdict | None:
        """Turn the outcome of a check into a verdict; None leaves it to pytest."""
        from grader.contract.checks import CheckFailed

        if error is None:
            verdict = Verdict(kata.id, name, check.title, Kind.PASSED, seconds)
        elif isinstance(error, CannotLoad):
            verdict = self._failed(kata, name, check, error.problem, None, seconds, nodeid)
        elif isinstance(error, CheckFailed):
            verdict = self._failed(kata, name, check, error.problem, error.candidate, seconds, nodeid)
        elif isinstance(error, Exception) and not self.debug:
            verdict = self._stumbled(kata, name, check, error, seconds)
        else:
            return None
        self._note(kata, check, verdict)
        return verdict

    def summary(self) -> Iterator[str]:
        """Yield the closing lines: what is not started, one line a kata; notices."""
        fresh = [s for s in self._sittings.values() if s.kind is Kind.TODO]
        if fresh:
            yield ""
            width = max(len(_shown(s.kata.stub, self._workspace)) for s in fresh)
            for sitting in fresh:
                unit = "not started" if sitting.kata.is_stub() else "not finished"
                yield f"{_shown(sitting.kata.stub, self._workspace):<{width}}  {unit}"
        if self.debug and self._sittings:
            yield "Your code ran in this process, for the debugger; such a run is not recorded as an attempt."
        if self._notice:
            yield self._notice

    def end(self, code: int) -> None:
        """Record the attempts and close the event stream."""
        for sitting in self._sittings.values():
            self._finish(sitting)
        self._record()
        self._emit({"event": "end", "exit": code})
        self.close()

    def close(self) -> None:
        """End every process that was started."""
        for sitting in self._sittings.values():
            if sitting.candidate is not None:
                sitting.candidate.close()
                sitting.candidate = None
        if self._starter is not None:
            self._starter.close()
            self._starter = None
        if self._events is not None:
            self._events.close()
            self._events = None

    # -- the learner's file ------------------------------------------------------------------------

    def _open(self, kata: Kata) -> Candidate:
        sitting = self._sittings[kata.id]
        if sitting.unloadable is not None:
            raise CannotLoad(sitting.unloadable)
        if sitting.candidate is None:
            try:
                sitting.candidate = self._load(kata, sitting)
            except CannotLoad as cannot:
                sitting.unloadable = cannot.problem
                raise
        return sitting.candidate

    def _load(self, kata: Kata, sitting: _Sitting) -> Candidate:
        from grader.judge.candidate import Candidate, Died, Local, Raised, Remote
        from grader.judge.problems import Problem, raised_problem

        sitting.text = read_source(kata.stub)
        if kata.is_stub():
            raise CannotLoad(Problem(Kind.TODO, "Not started yet."))
        try:
            if self.debug:
                candidate = Candidate(Local(), forbid=kata.rules.forbid)
            else:
                worker = self._starter.spawn()
                transport = Remote(worker, seconds=kata.rules.seconds, deny=[str(kata.solutions)])
                candidate = Candidate(transport, forbid=kata.rules.forbid)
            sitting.candidate = candidate
            candidate.load(sitting.text, str(kata.stub))
        except Raised as raised:
            raise CannotLoad(raised_problem(raised.told, None)) from None
        except Died as died:
            kind = Kind.TIMEOUT if died.kind == "timeout" else Kind.CRASHED
            raise CannotLoad(
                Problem(kind, f"Your file {died.detail} while it was being loaded.", note=died.stack)
            ) from None
        return candidate

    # -- failures --------------------------------------------------------------------------------

    def _failed(
        self,
        kata: Kata,
        name: str,
        check: Check,
        problem: Problem,
        candidate: Candidate | None,
        seconds: float,
        nodeid: str,
    ) -> Verdict:
        from grader.feedback import story

        mistake, printed, drawing = None, "", ""
        if candidate is not None:
            # Making the case small and naming the mistake may take seconds; that it fails is known now.
            short = story.told(problem, title=check.title, file=kata.stub)
            self._emit(_said("failing", Verdict(kata.id, name, check.title, problem.kind, seconds, short)))
            from grader.feedback.explain import drawn, explain, prints

            with contextlib.redirect_stdout(io.StringIO()):
                problem, mistake = explain(kata, check, problem, candidate)
            printed = prints(kata, problem, candidate)
            drawing = drawn(kata, problem)
        text = story.told(
            problem,
            title=check.title,
            mistake=mistake,
            printed=printed,
            again=f"pytest {nodeid}",
            file=kata.stub,
            drawing=drawing,
        )
        return Verdict(kata.id, name, check.title, problem.kind, seconds, text, mistake)

    def _stumbled(self, kata: Kata, name: str, check: Check, error: Exception, seconds: float) -> Verdict:
        text = f"The grader itself stumbled over {kata.id}: {type(error).__name__}: {error}"
        if os.environ.get("DOJO_DEBUG"):
            import traceback

            text += "\n" + "".join(traceback.format_exception(error))
        return Verdict(kata.id, name, check.title, Kind.ERROR, seconds, text)

    # -- telling and recording ---------------------------------------------------------------------

    def _note(self, kata: Kata, check: Check, verdict: Verdict) -> None:
        sitting = self._sittings[kata.id]
        sitting.verdicts[verdict.check] = verdict
        sitting.tiers[verdict.check] = check.tier
        self._emit(_said("check", verdict))
        if sitting.expected <= set(sitting.verdicts):
            self._finish(sitting)

    def _finish(self, sitting: _Sitting) -> None:
        """Tell what a kata came to, once, and let its process go."""
        if sitting.candidate is not None:
            sitting.candidate.close()
            sitting.candidate = None
        if sitting.told or not sitting.verdicts:
            return
        sitting.told = True
        worst = sitting.worst
        self._emit(
            {
                "event": "kata",
                "kata": sitting.kata.id,
                "kind": sitting.kind.value,
                "seconds": round(sum(v.seconds for v in sitting.verdicts.values()), 4),
                "passed": sum(v.passed for v in sitting.verdicts.values()),
                "total": len(sitting.verdicts),
                "story": worst.story if worst else "",
                "mistake": worst.mistake if worst else None,
            }
        )

    def _record(self) -> None:
        """Append each attempt to the record; a disk that refuses stops no grading."""
        told = [s for s in self._sittings.values() if s.verdicts and s.kind is not Kind.TODO]
        told = [s for s in told if s.whole or s.kind is not Kind.PASSED]
        if self.debug or not told:
            return
        with contextlib.suppress(Exception), store.open_record(places.record_path(os.environ)) as record:
            for sitting in told:
                record.add(_attempt(sitting))
            self._notice = record.notice

    def _emit(self, event: dict[str, Any]) -> None:
        if self._events is not None:
            self._events.write(json.dumps(event) + "\n")
            self._events.flush()


def _said(event: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "event": event,
        "kata": verdict.kata,
        "check": verdict.check,
        "title": verdict.title,
        "kind": verdict.kind.value,
        "seconds": round(verdict.seconds, 4),
        "story": verdict.story,
        "mistake": verdict.mistake,
    }


def _attempt(sitting: _Sitting) -> Event:
    return Event(
        at=datetime.now(UTC),
        kind="attempt",
        subject=sitting.kata.id,
        data={
            "kind": sitting.kind.value,
            "seconds": round(sum(v.seconds for v in sitting.verdicts.values()), 4),
            "mistake": sitting.worst.mistake if sitting.worst else None,
            "source": os.environ.get("DOJO_SOURCE", "pytest"),
            "fingerprint": hashlib.sha256(sitting.text.encode()).hexdigest(),
            "checks": {name: v.kind.value for name, v in sitting.verdicts.items()},
        },
    )


def _shown(path: Path, workspace: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(workspace))
    return str(path)
