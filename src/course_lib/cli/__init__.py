"""The ``course`` command."""

from course_lib.cli.commands import app

__all__ = ["app"]
