"""``course new``: the skeleton of a chapter, an experiment, a figure or an exercise."""

from course_lib.new.skeleton import skeleton

__all__ = ["skeleton"]
