"""The live figures of chapter 4."""

from course_lib.figures.attention.alignment_growth import AlignmentGrowth
from course_lib.figures.attention.attention_lab import AttentionLab
from course_lib.figures.attention.score_workshop import ScoreWorkshop

__all__ = ["AlignmentGrowth", "AttentionLab", "ScoreWorkshop"]
