"""Run the course's own experiments at quick scale, for the tests of their claims."""

from __future__ import annotations

from functools import cache

from course_lib.experiments import (
    Experiment,
    Outcome,
    Progress,
    Result,
    Setting,
    execute,
    find,
    run_to_end,
)


@cache
def quick(name: str) -> tuple[list[Progress], Result]:
    """Progress and result of one seed at quick scale, run once for all tests."""
    seen: list[Progress] = []
    return seen, run_to_end(execute(find(name), "quick", seeds=(0,)), seen.append)


def outcome(experiment: Experiment, seed: int = 0, **changes) -> Outcome:
    """What one seed measures at quick scale, with single settings changed."""
    config = experiment.config("quick", **changes)
    return run_to_end(experiment.run(config, Setting(seed)))


def failed(experiment: Experiment, metrics: dict[str, float]) -> set[str]:
    """The metrics whose band at quick scale does not hold."""
    return {
        band.metric
        for band in experiment.bands["quick"]
        if not band.holds(metrics[band.metric])
    }
