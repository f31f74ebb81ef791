"""The live figures of chapter 4."""

from course_lib.figures.attention.score_workshop import ScoreWorkshop

__all__ = ["ScoreWorkshop"]
