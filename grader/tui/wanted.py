"""What screens want done: messages that go up to the app, which need not import a screen to hear them."""

from __future__ import annotations

from textual.message import Message

from grader.model import KataInfo


class KataMessage(Message):
    """Something is wanted for one kata."""

    def __init__(self, kata: KataInfo) -> None:
        super().__init__()
        self.kata = kata


class GradeWanted(KataMessage):
    """The kata shall be graded."""


class HintWanted(KataMessage):
    """The next hint shall be shown."""


class EditorWanted(KataMessage):
    """The learner's file shall be opened."""


class StatementWanted(KataMessage):
    """The statement shall be shown."""


class LessonWanted(KataMessage):
    """The lesson of the kata's track shall be shown."""


class Graded(Message):
    """A grading session is over, and the states may have changed."""


class TrackQuizWanted(Message):
    """Questions of one track shall be asked."""

    def __init__(self, track: str) -> None:
        super().__init__()
        self.track = track


class CramWanted(Message):
    """The weakest cards shall be asked, the schedule left alone."""


class InterviewWanted(Message):
    """An interview shall begin; no track means all."""

    def __init__(self, track: str | None, minutes: int) -> None:
        super().__init__()
        self.track = track
        self.minutes = minutes
