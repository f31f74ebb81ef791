"""``course new``: the skeleton of a chapter, an experiment, a figure or an exercise."""

from course_lib.new.skeleton import KINDS, Skeleton, skeleton

__all__ = ["KINDS", "Skeleton", "skeleton"]
