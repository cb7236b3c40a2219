"""The loop: one queue of what happens, what follows from each, and the screen after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from grader.model import KataInfo, Kind
from grader.practice.desk import Desk
from grader.practice.progress import Status
from grader.text.render import Look
from grader.watching import view
from grader.watching.events import Failed, Found, Happening, Key, Put, Saved, Tick, Vanished
from grader.watching.kata_page import near
from grader.watching.pressing import press
from grader.watching.saves import Saves
from grader.watching.sight import Page, Run, Sight, is_last
from grader.workspace.catalog import tracks
from grader.workspace.runner import Finding, KataDone, Problem


class Session(Protocol):
    """A run that is on."""

    def findings(self) -> Iterator[Finding]:
        """Yield what is found, last an ``End`` or a ``Problem``."""

    def cancel(self) -> None:
        """Stop the run; harmless when it is over."""


class Grader(Protocol):
    """What grades katas."""

    def start(self, katas: Sequence[KataInfo], *, source: str) -> Session:
        """Begin to grade; a run that is still on ends."""


class Watch:
    """Watches one kata after the other; ``take`` whatever happens, then show ``sight``."""

    def __init__(
        self,
        desk: Desk,
        kata: KataInfo,
        *,
        grader: Grader,
        put: Put,
        size: tuple[int, int] = (80, 24),
        look: Look | None = None,
        saves: Callable[..., Saves] = Saves,
        clock: Callable[[], float] = time.monotonic,
        edit: Callable[[KataInfo], str] | None = None,
    ) -> None:
        self.desk, self._grader, self._put, self._clock = desk, grader, put, clock
        self._make_saves, self.edit = saves, edit
        self.tracks = tracks(desk.catalog)
        self._session: Session | None = None
        self._run = 0
        self._began = 0.0
        self._runs_all = False
        self._is_fresh = True
        self._passed: set[str] = set()
        self.size, self.look = size, look or Look()
        self.is_over = False
        self._saves = self._turn_to(kata)
        self.see(note=desk.record.notice or "")

    def take(self, event: Happening) -> None:
        """Let one thing happen."""
        match event:
            case Key(name):
                press(self, name)
            case Saved(path) if path == self.sight.kata.stub:
                self.see(is_missing=False, page=Page.KATA, scroll=0)
                self.grade()
            case Vanished(path) if path == self.sight.kata.stub:
                self._cancel()
                self.see(is_missing=True, run=Run(), page=Page.KATA)
            case Found(run, finding) if run == self._run:
                self._found(finding)
            case Failed(error):
                raise error
            case Tick() if self.sight.is_running:
                self.see(seconds=int(self._clock() - self._began))

    def close(self) -> None:
        """Stop the run and the watching."""
        self._cancel()
        self._saves.close()
        self._saves.join()

    def lines(self) -> list[str]:
        """Return the lines of the screen as of now."""
        width, height = self.size
        return view.lines(self.sight, width=width, height=height, look=self.look)

    # -- the kata at hand --------------------------------------------------------------------------

    def _turn_to(self, kata: KataInfo) -> Saves:
        """Put a kata on the screen, watch its file and grade it."""
        track = self.tracks[kata.track]
        self.sight = Sight(kata=kata, track=track, states=self.desk.states())
        self.look_up()
        self._saves = self._make_saves(kata.stub, self._put)
        if kata.stub.is_file():
            self.grade()
        else:
            self.see(is_missing=True)
        return self._saves

    def open(self, kata: KataInfo) -> None:
        """Leave the kata at hand for another, or take the same one anew."""
        self._cancel()
        self._saves.close()
        self._turn_to(kata)

    def see(self, **changes: object) -> None:
        """Change what the learner is looking at."""
        self.sight = replace(self.sight, **changes)  # type: ignore[arg-type]

    def look_up(self) -> None:
        """Read anew where the learner stands."""
        # A file that is being replaced, or may not be read, leaves everything as it was.
        with suppress(OSError):
            states = self.desk.states()
            # What was passed here counts here, even where the record cannot be written.
            passed = {
                name: replace(states[name], status=Status.PASSED) for name in self._passed & states.keys()
            }
            self.see(states=states | passed)

    def begin_again(self) -> None:
        """Count the kata at hand as not passed any more."""
        self._passed.discard(self.sight.kata.id)
        self.see(run=Run(), hint=None)
        self.look_up()

    # -- runs --------------------------------------------------------------------------------------

    def grade(self) -> None:
        """Grade the kata at hand, or say what is missing for it."""
        kata = self.sight.kata
        if not kata.stub.is_file():
            self._cancel()
            self.see(is_missing=True, run=Run())
        elif not kata.test.is_file():
            lost = Problem(f"{near(kata.test)} is missing: `dojo init` brings it back.")
            self._cancel()
            self.see(run=Run(problem=lost))
        else:
            self._start((kata,))

    def grade_all(self) -> None:
        """Grade every kata of the track in one run."""
        there = tuple(kata for kata in self.sight.track if kata.test.is_file() and kata.stub.is_file())
        if self.sight.is_running and not self._runs_all:
            # What was found before is about an older answer.
            self.see(run=Run())
        self.see(page=Page.ALL, everything=(), broken=None, scroll=0)
        self._start(there, all_of_them=True)

    def _start(self, katas: Sequence[KataInfo], *, all_of_them: bool = False) -> None:
        """Begin a run, after ending one that is on; what was found last stays until there is news."""
        self._cancel()
        self._run += 1
        self._began, self._runs_all, self._is_fresh = self._clock(), all_of_them, True
        self.see(is_running=True, seconds=0)
        self._session = self._grader.start(katas, source="watch")
        words = (self._session, self._run, self._put)
        threading.Thread(target=_follow, args=words, name="findings", daemon=True).start()

    def _cancel(self) -> None:
        # What the old run still finds is nobody's any more.
        self._run += 1
        if self._session is not None:
            self._session.cancel()
            self._session = None
        self.see(is_running=False)

    def _found(self, finding: Finding) -> None:
        if isinstance(finding, KataDone) and finding.kind is Kind.PASSED:
            self._passed.add(finding.kata)
        if self._runs_all:
            self._found_in_all(finding)
        else:
            run = Run() if self._is_fresh else self.sight.run
            self._is_fresh = False
            self.see(run=run.after(finding))
        if is_last(finding):
            self._session = None
            self.see(is_running=False)
            self.look_up()

    def _found_in_all(self, finding: Finding) -> None:
        match finding:
            case KataDone():
                self.see(everything=(*self.sight.everything, finding))
            case Problem():
                self.see(broken=finding)


def _follow(session: Session, number: int, put: Put) -> None:
    """Pass on what a run finds, from a thread of its own."""
    try:
        for finding in session.findings():
            put(Found(number, finding))
    except Exception as error:
        with suppress(Exception):
            put(Failed(error))
