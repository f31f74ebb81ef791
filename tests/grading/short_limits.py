"""The ``course`` command itself, with limits that keep a test short.

``python short_limits.py grade 01_rnn submissions/`` is ``course grade 01_rnn
submissions/``. The processes that the command starts for its pool import this file as
their main module, and so have the same limits.
"""

from course_lib.grading import exercises

LIMITS = exercises.Limits(
    cell_seconds=4,
    call_seconds=3,
    total_seconds=90,
    start_seconds=120,  # a busy machine takes long to import torch
    memory_mb=1500,
    file_mb=4,
)
exercises.Limits = lambda **_: LIMITS

if __name__ == "__main__":
    from course_lib.cli import app

    app(prog_name="course")
