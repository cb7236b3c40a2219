"""What is known of one candidate: its observations and problems over all planned cases, found once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grader.judge.candidate import Candidate
from grader.judge.problems import Problem
from grader.judge.seen import Observation

if TYPE_CHECKING:
    from grader.contract.kata import Kata


class Study:
    """The problems of one candidate over all planned cases, found once."""

    def __init__(self, kata: Kata, candidate: Candidate) -> None:
        self.kata, self.candidate = kata, candidate
        self.pairings: dict[Any, Any] = {}
        self._seen: dict[int, Observation] = {}
        self._found: list[Problem] = []
        self._rest: Iterator[Problem] = self._all()

    def observation(self, at: int) -> Observation:
        """Observe one planned case, once."""
        if at not in self._seen:
            case = self.kata.cases[at]
            self._seen[at] = self.kata.see(self.candidate, case, self.kata.expected(case)[1])
        return self._seen[at]

    def problems(self) -> Iterator[Problem]:
        """Yield the problems in order, looking further only as far as asked."""
        yield from self._found
        for problem in self._rest:
            self._found.append(problem)
            yield problem

    def _all(self) -> Iterator[Problem]:
        for turn, case in enumerate(self.kata.cases):
            yield from self.kata.differences(self.observation(turn), self.kata.expected(case)[0], case)
