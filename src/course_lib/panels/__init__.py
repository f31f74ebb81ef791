"""A panel runs any experiment in a notebook: ``panel("vanishing-gradient")``."""

from course_lib.panels.runner import Panel, panel

__all__ = ["Panel", "panel"]
