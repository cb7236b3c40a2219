"""Proves the graders in both directions: rights pass, wrongs are refused and named, no check is idle.

The same checks that grade learners run on the reference, on every ``@right`` and ``@wrong`` version and on
the stub, through the same interface: in this process, or through a worker with ``--worker``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from grader.cases.shapes import AuthorError
from grader.contract.kata import Check, Kata, attempt
from grader.contract.reading import load_kata
from grader.feedback.recognise import closest
from grader.judge.candidate import Candidate, Local, Raised, Transport
from grader.judge.problems import Problem
from grader.model import KataInfo, Kind
from grader.solution import Version
from grader.workspace import stub
from grader.workspace.places import Places

LEAST_RIGHT, LEAST_WRONG, LEAST_NAMED = 3, 8, 0.9


@dataclass
class Report:
    """What the audit found out about one kata."""

    kata: str
    checks: int = 0
    rights: int = 0
    accepted: int = 0
    wrongs: int = 0
    refused: int = 0
    named: int = 0
    unnamed: list[str] = field(default_factory=list)
    """Wrong versions whose mistake the story does not name."""
    idle: list[str] = field(default_factory=list)
    seconds: float = 0.0
    troubles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    """Per version, the check that refused it and the kind; or ``accepted``."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with the kata."""
        return not self.troubles


def audit(
    info: KataInfo, *, transport: Callable[[Kata], Transport] | None = None, strict: bool = False
) -> Report:
    """Audit one kata; ``transport`` makes the way to a worker, in-process without it."""
    start = time.perf_counter()
    report = Report(info.id)
    try:
        kata, checks = load_kata(info.test)
        report.checks = len(checks)
        _papers(info, kata, report, strict=strict)
        _versions(kata, checks, report, transport)
        _stub(kata, checks, report)
    except (AuthorError, OSError, SyntaxError) as error:
        report.troubles.append(str(error))
    except Exception as error:
        report.troubles.append(f"{info.id}: the audit stumbled: {type(error).__name__}: {error}")
    report.seconds = time.perf_counter() - start
    return report


def first_problem(checks: dict[str, Check], candidate: Candidate) -> tuple[str, Problem] | None:
    """Run the checks in order of tier and return the first that refuses, with its problem."""
    for name, check in sorted(checks.items(), key=lambda item: item[1].tier):
        if (problem := attempt(check, candidate)) is not None:
            return name, problem
    return None


def _versions(
    kata: Kata, checks: dict[str, Check], report: Report, transport: Callable[[Kata], Transport] | None
) -> None:
    reference = Version("the reference", "", True, {})
    killed: dict[str, int] = dict.fromkeys(checks, 0)
    for version in (reference, *kata.solution.versions):
        with _candidate(kata, version, transport) as candidate:
            found = first_problem(checks, candidate)
            report.verdicts[version.name] = f"{found[0]}: {found[1].kind.value}" if found else "accepted"
            if version.right:
                _right(version, found, report)
                continue
            report.wrongs += 1
            report.refused += found is not None
            if found is None:
                report.troubles.append(f"accepts '{version.name}', which {version.sentence}")
                continue
            for name, check in checks.items():
                killed[name] += attempt(check, candidate) is not None
            named = _named(kata, checks, candidate, found)
            if named is not None and _same_behaviour(kata, named, version):
                report.named += 1
            else:
                report.unnamed.append(f"{version.name} (told as {named.name if named else 'nothing'})")
    report.idle = [name for name, kills in killed.items() if not kills]
    report.troubles += [f"check '{name}' catches no wrong version" for name in report.idle]
    if report.wrongs and report.named < LEAST_NAMED * report.wrongs:
        report.troubles.append(f"does not name {', '.join(report.unnamed)}")


@contextlib.contextmanager
def _candidate(
    kata: Kata, version: Version, transport: Callable[[Kata], Transport] | None
) -> Iterator[Candidate]:
    if transport is None:
        yield kata.known(version)
        return
    candidate = kata.solution.candidate(version, transport=transport(kata), forbid=kata.rules.forbid)
    try:
        yield candidate
    finally:
        kata.forget(candidate)
        candidate.close()


def _right(version: Version, found: tuple[str, Problem] | None, report: Report) -> None:
    counts = version.name.isidentifier()
    report.rights += counts
    report.accepted += counts and found is None
    if found is not None:
        from grader.feedback.story import sentence

        case = f" [{found[1].case.plan.label}]" if found[1].case is not None else ""
        what = f"{found[0]}: {sentence(found[1])}{case}"
        report.troubles.append(f"refuses '{version.name}' ({version.sentence or 'the reference'}): {what}")


def _named(
    kata: Kata, checks: dict[str, Check], candidate: Candidate, found: tuple[str, Problem]
) -> Version | None:
    from grader.feedback.recognise import mistake

    if found[1].kind in (Kind.FORBIDDEN, Kind.SLOW):
        return next((v for v in kata.solution.wrongs if kata.known(v) is candidate), None)
    if found[1].case is not None and found[1].case in kata.cases:
        return closest(kata, kata.cases, kata.watched(candidate), kata.solution.wrongs)
    return mistake(kata, candidate, found[1], checks[found[0]])


def _same_behaviour(kata: Kata, named: Version, version: Version) -> bool:
    if named.name == version.name:
        return True
    from grader.feedback.recognise import alike

    ours, theirs = kata.watched(kata.known(named)), kata.watched(kata.known(version))
    return all(alike(kata, a, b, c) for a, b, c in zip(ours, theirs, kata.cases, strict=True))


def _stub(kata: Kata, checks: dict[str, Check], report: Report) -> None:
    """The stub must come out as not started."""
    candidate = Candidate(Local())
    try:
        candidate.load(stub.stub_text(kata.solution.text), f"{kata.name}.py")
    except Raised as raised:
        report.troubles.append(f"the stub does not load: {raised}")
        return
    found = first_problem(checks, candidate)
    if found is None:
        report.troubles.append("the stub passes")
    elif found[1].kind is not Kind.TODO:
        report.troubles.append(f"the stub is told as '{found[1].kind.value}' instead of not started")
    kata.forget(candidate)


def _papers(info: KataInfo, kata: Kata, report: Report, *, strict: bool) -> None:
    """Check what is written rather than what runs: stub in step, hints, numbers of versions."""
    wanted = stub.stub_text(kata.solution.text)
    if not info.stub.is_file():
        report.troubles.append(f"there is no stub; `dojo stub {info.id}` writes it")
    elif stub.plain(info.stub.read_text(encoding="utf-8-sig")) != stub.plain(wanted):
        if strict or stub.is_bare(info.stub.read_text(encoding="utf-8-sig")):
            report.troubles.append(
                f"the stub is out of step with the solution; `dojo stub {info.id}` renews it"
            )
        else:
            report.notes.append("the stub holds an answer")
    rights, wrongs = len(kata.solution.rights), len(kata.solution.wrongs)
    if rights < LEAST_RIGHT or wrongs < LEAST_WRONG:
        report.troubles.append(
            f"has {rights} right and {wrongs} wrong versions; {LEAST_RIGHT} and {LEAST_WRONG} are the least"
        )
    if len(info.hints) != 3:
        report.troubles.append(f"has {len(info.hints)} hints; three are asked for")
    told = " ".join(" ".join(info.hints).split())
    for line in _telling_lines(kata):
        if line in told:
            report.troubles.append(f"a hint contains the answer's line '{line}'")
    sentences = [v.sentence for v in kata.solution.wrongs]
    report.troubles += [
        f"two wrong versions share the sentence '{s}'"
        for s in {s for s in sentences if sentences.count(s) > 1}
    ]


def _telling_lines(kata: Kata) -> Iterator[str]:
    import inspect

    for name in kata.solution.public:
        value = kata.solution.namespace[name]
        start = value.__code__.co_firstlineno if hasattr(value, "__code__") else None
        lines = kata.solution.text.splitlines()
        first = (start or _class_line(lines, name)) - 1
        block = inspect.getblock([line + "\n" for line in lines[first:]])
        for line in block[1:]:
            plain = " ".join(line.split("#")[0].split())
            if len(plain) >= 16 and not plain.startswith(('"""', "def ", "class ", "return self", "super()")):
                yield plain.removeprefix("return ")


def _class_line(lines: list[str], name: str) -> int:
    return next(i for i, line in enumerate(lines, 1) if line.startswith(f"class {name}"))


def strays(places: Places, katas: Sequence[KataInfo]) -> list[str]:
    """Return sentences about files that belong to no kata."""
    known = {p for k in katas for p in (k.stub, k.test, k.solution)}
    found = []
    for root in (places.katas, places.solutions):
        for path in sorted(root.rglob("*")):
            hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(root).parts)
            if path.is_dir() or hidden or path in known or path.suffix == ".pyc":
                continue
            if root == places.katas and path.name == "README.md" and path.parent.parent == root:
                continue
            if path.suffix == ".toml" and path.stem == "equivalent":
                continue
            found.append(f"{path.relative_to(root.parent)} belongs to no kata")
    found += [f"{k.id} has no test file {k.test.name}" for k in katas if not k.test.is_file()]
    return found
