"""A grading session as the faces see it: pytest in a process of its own, what it finds as it finds it.

The plugin in that process writes one JSON line for each finding to a file, which is read here as it grows:
unlike an inherited pipe, a file works the same on every platform and no stray grandchild can hold it open.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.model import KataInfo, Kind, Verdict
from grader.workspace.places import Places

_POLL_SECONDS = 0.03
_GRACE_SECONDS = 1.5
_TAIL_LINES = 20


@dataclass(frozen=True, slots=True)
class CheckDone:
    """One check of one kata has concluded."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Failing:
    """A check fails; its whole story, with the mistake named, follows as a ``CheckDone``."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class KataDone:
    """The last check of a kata has concluded."""

    kata: str
    kind: Kind
    seconds: float
    passed: int
    total: int
    story: str = ""
    mistake: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The session is over; ``exit`` is 0 only when everything asked for has passed."""

    exit: int


@dataclass(frozen=True, slots=True)
class Problem:
    """The session broke off; nothing about the learner's code follows from it."""

    sentence: str
    tail: str = ""
    """The last lines the process wrote."""


Finding = CheckDone | Failing | KataDone | End | Problem


def start(
    katas: Sequence[KataInfo],
    *,
    places: Places,
    source: str,
    environ: Mapping[str, str],
    command: Sequence[str] = (sys.executable, "-m", "pytest"),
) -> Session:
    """Begin to grade the katas; ``source`` (``check`` or ``tui``) goes into the record with each attempt."""
    folder = Path(tempfile.mkdtemp(prefix="dojo-"))
    found = folder / "events.jsonl"
    found.touch()
    words = [
        *command,
        *_settings(places),
        *(str(kata.test) for kata in katas),
        "-q",
        f"--dojo-events={found}",
    ]
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            words,
            cwd=places.workspace,
            env=environment(environ, places, source),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    return Session(process, folder)


class Session:
    """A running grading process: iterate ``findings``, or ``cancel`` from another thread."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._cancelled = False

    def findings(self) -> Iterator[Finding]:
        """Yield what the process finds, last an ``End`` or a ``Problem``; leaves nothing running."""
        ended = False
        try:
            for line in self._lines():
                finding = parse(line)
                if isinstance(finding, Problem):
                    yield self._broken(finding.sentence)
                    return
                if finding is not None:
                    yield finding
                if isinstance(finding, End):
                    ended = True
                    break
            if not ended:
                yield self._broken(self._cause())
        finally:
            if ended:
                self._let_end()
            stop(self._process)
            self._clean()

    def cancel(self) -> None:
        """Stop the process and everything it started; harmless when it is over."""
        self._cancelled = True
        stop(self._process)

    def _lines(self) -> Iterator[str]:
        """Yield whole lines as they appear, until the process is over and all is read."""
        with (self._folder / "events.jsonl").open(encoding="utf-8") as found:
            rest = ""
            while True:
                is_over = self._process.poll() is not None
                rest += found.read()
                *whole, rest = rest.split("\n")
                yield from (line for line in whole if line.strip())
                if is_over:
                    return
                if not whole:
                    time.sleep(_POLL_SECONDS)

    def _let_end(self) -> None:
        # The process still writes the attempt's last words; it is not hurried, but it is not trusted either.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)

    def _cause(self) -> str:
        if self._cancelled:
            return "Grading was stopped."
        code = self._process.returncode
        if code is not None and code < 0:
            return f"Grading broke off: signal {-code} ended the process that grades."
        return (
            f"Grading broke off: pytest ended with code {code} and no result. `dojo doctor` checks the setup."
        )

    def _broken(self, sentence: str) -> Problem:
        if self._cancelled:
            return Problem(sentence)
        output = (self._folder / "output.txt").read_text(encoding="utf-8", errors="replace")
        return Problem(sentence, "\n".join(output.strip().splitlines()[-_TAIL_LINES:]))

    def _clean(self) -> None:
        # On Windows a file may still be held for a moment; the system's own cleaning takes what is left.
        with suppress(OSError):
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()


def parse(line: str) -> Finding | None:
    """Return what one JSON line of the plugin says; nothing for events this version does not know."""
    try:
        data = json.loads(line)
        match data.get("event"):
            case "check":
                return CheckDone(_verdict(data))
            case "failing":
                return Failing(_verdict(data))
            case "kata":
                return KataDone(
                    kata=data["kata"],
                    kind=Kind(data["kind"]),
                    seconds=float(data["seconds"]),
                    passed=int(data["passed"]),
                    total=int(data["total"]),
                    story=data.get("story") or "",
                    mistake=data.get("mistake"),
                )
            case "end":
                return End(int(data["exit"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Problem(f"Grading broke off: its report held a line that cannot be read: {line[:200]}")
    return None


def _verdict(data: Mapping[str, str]) -> Verdict:
    return Verdict(
        kata=data["kata"],
        check=data["check"],
        title=data.get("title") or data["check"],
        kind=Kind(data["kind"]),
        seconds=float(data.get("seconds") or 0.0),
        story=data.get("story") or "",
        mistake=data.get("mistake"),
    )


def _settings(places: Places) -> list[str]:
    return ["-c", str(places.workspace / "pyproject.toml"), "-p", "grader.plugin"]


def environment(environ: Mapping[str, str], places: Places, source: str) -> dict[str, str]:
    """Return the environment of a process that grades."""
    # Options for the learner's own pytest runs (`--pdb`, say) would wait for a terminal that is not there.
    kept = {name: value for name, value in environ.items() if name != "PYTEST_ADDOPTS"}
    return kept | {"DOJO_SOURCE": source, "DOJO_RECORD": str(places.record)}


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the process and all it started to stop, then make them."""
    if sys.platform == "win32":
        if process.poll() is None:
            subprocess.run(
                ["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False
            )
    else:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
        # The group outlives its first process when that one left children behind.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
