"""The live figure of the title page."""

from course_lib.figures.title.three_translators import ThreeTranslators

__all__ = ["ThreeTranslators"]
