"""The ``course`` command as ``python -m course_lib.cli``, which torchrun can start."""

from course_lib.cli import app

app(prog_name="course")
