"""What can go wrong in an evaluation.

EvaluationError
+-- QuestionSetError    a question set is malformed, or its evidence is not where it says
+-- RunError            a run cannot go on, be resumed, or be compared
+-- AnswerError         one question got no answer: it counts as zero, and the run goes on
"""

from __future__ import annotations

from pathlib import Path


class EvaluationError(Exception):
    """An evaluation cannot be done as asked. The message names what was wrong and the mend."""


class QuestionSetError(EvaluationError):
    """A line of a question set cannot be used."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")
        self.path = path
        self.line = line
        self.problem = problem


class RunError(EvaluationError):
    """A run cannot go on, be resumed, or be compared."""


class AnswerError(EvaluationError):
    """A question got no answer from the service."""
