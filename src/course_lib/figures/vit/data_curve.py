"""Accuracy over the number of pictures: what patches must learn first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from course_lib.figures.arguments import Choice, Text
from course_lib.figures.count_curve import CountCurve, List, not_numbers


class DataCurve(CountCurve):
    """Curves of any number of arms, each a network that learns the same task.

    Each of the ``arms`` has a ``name``, and ``runs``: for each seed the accuracy at
    each of the ``counts``: ``{"name": "ViT", "runs": [[0.3, 0.5], [0.4, 0.5]]}``. The
    seeds of all arms are the same and in the same order, because the gap between two
    arms is taken seed by seed.
    """

    title = "How many pictures does it take?"
    description = (
        "Curves of accuracy over the number of training pictures, on a logarithmic "
        "axis, one for each network, each with a band of one standard deviation over "
        "the seeds. First only one network's curve is there, and another's "
        "at two counts: a handle is moved to where the other is thought to be as good. "
        "Then a slider goes along the axis, and a table has the numbers of all "
        "networks at that count. A switch shows the gaps instead of the accuracies."
    )
    caption = (
        "Once the question is answered, a slider goes along the axis. A point is one "
        "hundredth of accuracy, ± one standard deviation over the seeds. “As many "
        "pictures” is read off the lines between the counts that were measured; "
        "beyond the last one nothing was."
    )
    reports: ClassVar[dict[str, Any]] = {
        "guess": None,  # how many pictures, where the handle stands
        "gap": None,  # by how much accuracy the other arm is behind
        "times": None,  # how many times as many pictures it needs
    }

    arms = List("what is compared", of="mappings with name and runs")
    reference = Text(
        "the arm that the others are compared with; the first if empty",
        default="",
        longest=60,
    )
    against = Text(
        "the arm that is asked about; the second if empty", default="", longest=60
    )
    view = Choice(
        "what is shown over the counts", default="accuracy", options=("accuracy", "gap")
    )

    def validate(self) -> None:
        """Check that the parts fit together, and fill in what is not given."""
        self.check_counts()
        count = len(self.counts)
        self.check_arms(runs=lambda runs: _no_runs(runs, count))
        seeds = [len(arm["runs"]) for arm in self.arms]
        if len(set(seeds)) > 1:
            raise ValueError(f"arms: got {seeds} runs, expected as many in each arm")
        self.check_pair("reference", "against")
        for arm in self.arms:  # four digits are enough for a page
            arm["runs"] = [[round(float(v), 4) for v in run] for run in arm["runs"]]


def _no_runs(runs: Any, count: int) -> str | None:
    """What was expected if ``runs`` is not two lists or more, each of ``count``."""
    if not isinstance(runs, Sequence) or isinstance(runs, str) or len(runs) < 2:
        return "two runs or more"
    return next(
        (
            f"in each run {wrong}"
            for run in runs
            if (wrong := not_numbers(run, count, most=1))
        ),
        None,
    )
