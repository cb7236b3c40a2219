"""Makes katas plain pytest: verdicts instead of tracebacks, tiers, one line for what is not started.

Loaded with ``-p grader.plugin``. Costs nothing until a kata is collected; then it imports torch and forks
the zygote, before the kata's test file or its reference is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from grader.grading.session import Grading


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that programs use."""
    group = parser.getgroup("dojo")
    group.addoption("--dojo-events", metavar="PATH", help="write one JSON line per verdict to this file")
    group.addoption(
        "--dojo-worker",
        choices=("auto", "fork", "spawn"),
        default=os.environ.get("DOJO_WORKER", "auto"),
        help="how the process that runs the learner's code is made",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep the session's state on the config, where hooks can reach it."""
    config.stash[_STASH] = None
    if config.option.verbose == 0 and config.args and all("katas" in Path(a).parts for a in config.args):
        # A learner wants the verdict; -v brings the header and a line per check back.
        config.option.verbose = -1


def is_kata(path: Path) -> bool:
    """Whether a file is a kata's test: ``katas/<track>/test_<name>.py``."""
    return path.name.startswith("test_") and path.suffix == ".py" and path.parent.parent.name == "katas"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Never run a learner's own file as a test in this process, whatever it is called."""
    path = collection_path
    return True if path.suffix == ".py" and path.parent.parent.name == "katas" and not is_kata(path) else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> None:
    """Get ready to grade as soon as the first kata is seen."""
    if is_kata(file_path):
        _grading(parent.config)


def _grading(config: pytest.Config) -> Grading:
    found = config.stash.get(_STASH, None)
    if found is None:
        from grader.grading.session import Grading

        found = Grading.begin(
            worker=config.getoption("--dojo-worker"),
            debug=bool(config.getoption("usepdb", False) or config.getoption("trace", False)),
            events=config.getoption("--dojo-events"),
            workspace=config.rootpath,
        )
        config.stash[_STASH] = found
    return found


_STASH: pytest.StashKey[Any] = pytest.StashKey()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Hand the learner's implementation to each check."""
    if (kata := _kata(item)) is not None:
        _grading(item.config).adopt(kata, item.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Count the checks of each kata, so that its last one is known."""
    grading = config.stash.get(_STASH, None)
    if grading is not None:
        grading.expect([(_kata(item).id, item.name) for item in items if _kata(item) is not None])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a check that stands on one that failed."""
    kata = _kata(item)
    if kata is None:
        return
    grading = _grading(item.config)
    if (failed := grading.stands_on(kata, item.obj.check)) is not None:  # type: ignore[attr-defined]
        pytest.skip(f"waits for {failed}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Turn the outcome of a check into a verdict and its story."""
    report = yield
    kata = _kata(item)
    if kata is None:
        return report
    grading = _grading(item.config)
    if call.when == "setup" and report.skipped:
        report.dojo = "waits"
        report.longrepr = (str(item.path), 0, str(report.longrepr[2]).removeprefix("Skipped: "))
        grading.waits(kata, item.name, item.obj.check)  # type: ignore[attr-defined]
    if call.when == "call":
        verdict = grading.verdict(
            kata,
            item.name,
            item.obj.check,  # type: ignore[attr-defined]
            call.excinfo.value if call.excinfo else None,
            call.duration,
            item.nodeid,
        )
        if verdict is not None:
            report.dojo = verdict.kind.value
            report.outcome = "passed" if verdict.passed else "failed"
            report.longrepr = None if verdict.passed else _Story(verdict.story)
    return report


class _Story:
    """A failure told in plain text, where pytest would print a traceback."""

    reprcrash = None

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def toterminal(self, tw: Any) -> None:
        """Write the story."""
        from grader.text.render import ascii_picture, carries

        text = self.text if carries(sys.stdout, "·█→") else ascii_picture(self.text)
        for line in text.splitlines():
            tw.line(line)


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Give katas not started and checks that wait words of their own."""
    kind = getattr(report, "dojo", None)
    if kind == "todo" and report.when == "call":
        return "not started", "t", "NOT STARTED"
    if kind == "waits":
        return "waiting", "w", "WAITS"
    return None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what is not started, one line each."""
    grading = config.stash.get(_STASH, None)
    if grading is None:
        return
    for line in grading.summary():
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Record the attempts, tell listeners, and end every process that was started."""
    grading = session.config.stash.get(_STASH, None)
    if grading is not None:
        grading.end(int(exitstatus))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End every process, also when the session never finished."""
    grading = config.stash.get(_STASH, None)
    if grading is not None:
        grading.close()


def _kata(item: Any) -> Any:
    return getattr(getattr(item, "obj", None), "kata", None)
