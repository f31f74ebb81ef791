"""The live figures of chapter 5."""

from course_lib.figures.transformer.position_clock import PositionClock
from course_lib.figures.transformer.transformer_lab import TransformerLab

__all__ = ["PositionClock", "TransformerLab"]
