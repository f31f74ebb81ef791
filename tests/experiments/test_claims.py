"""Every claim of the course: it runs, is checked, is reproducible, and is stored."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import sys
import time
from dataclasses import fields
from functools import partial

import matplotlib
import pytest

from claims import quick
from course_lib import training
from course_lib.experiments import execute, experiments, find, run_to_end, stored
from course_lib.experiments.claim import SCALES
from course_lib.experiments.fields import fields_of
from course_lib.experiments.machine import seconds
from course_lib.results import RESULTS, Result

each = pytest.mark.parametrize("name", list(experiments()))


@each
def test_quick_runs_reports_and_holds(name):
    seen, result = quick(name)
    assert len(seen) >= 10
    assert all(0 <= p.done <= p.total for p in seen)
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].done == seen[-1].total
    assert any(p.curves for p in seen)
    assert result.holds, [v for v in result.verdicts if not v.holds]
    assert all(math.isfinite(value) for value in result.runs[0].metrics.values())
    assert result.runs[0].tokens_per_second > 0


@each
def test_a_figure_can_be_drawn_and_read(name, tmp_path):
    _, result = quick(name)
    again = Result.load(result.save(tmp_path))  # as the book has it
    figure = find(name).figure(again)
    figure.savefig(tmp_path / "figure.png")
    assert figure.get_figwidth() <= 6  # inches: letters stay legible on a phone
    for axes in figure.axes:
        assert axes.get_xlabel() or axes is figure.axes[0]
        assert axes.has_data()
        assert not axes.get_title()
    assert not matplotlib.pyplot.get_fignums(), "a notebook would show it twice"


@each
def test_every_scale_has_bands_on_metrics_that_exist(name):
    experiment = find(name)
    metrics = quick(name)[1].runs[0].metrics
    assert set(SCALES) <= set(experiment.scales) == set(experiment.bands)
    for bands in experiment.bands.values():
        assert {band.metric for band in bands} <= set(metrics)
    assert set(experiment.units) <= set(metrics)


@each
def test_configs_are_frozen_and_every_field_is_explained(name):
    config = find(name).scales["cpu"]
    with pytest.raises(AttributeError):
        setattr(config, fields(config)[0].name, 1)
    fields_said = fields_of(config).values()
    assert not [field.name for field in fields_said if not field.comment]


def first_curves(steps):
    """The first values of the live curves; then the run is stopped."""
    values = [p.curves for p in itertools.islice(steps, 8) if p.curves]
    steps.close()
    return values


# That the same seed ends with the same numbers, test_killed.py shows.
@each
def test_the_seed_decides(name):
    first, again, other = (
        first_curves(execute(find(name), "quick", seeds=(seed,))) for seed in (0, 0, 1)
    )
    assert len(first) >= 5
    assert again == first
    assert other != first


def reads_a_clock(module, seen):
    """Whether ``module``, or one of the claims' that it takes anything from, does."""
    seen.add(module)
    if vars(module).get("time") is time or vars(module).get("seconds") is seconds:
        return True
    names = {getattr(value, "__module__", None) for value in vars(module).values()}
    used = {sys.modules[n] for n in names if str(n).startswith("course_lib.exp")}
    return any(reads_a_clock(one, seen) for one in used - seen)


@each
def test_what_measures_times_says_so_to_be_measured_alone(name):
    experiment = find(name)
    for_all = {sys.modules[f"course_lib.experiments.{m}"] for m in ("machine", "claim")}
    assert experiment.timed == reads_a_clock(inspect.getmodule(experiment.run), for_all)


def forbidden(*arguments):
    raise AssertionError("a time is taken before it is said")


TIMED = [name for name, one in experiments().items() if one.timed and one.shared]


@pytest.mark.parametrize("name", TIMED)
def test_what_is_trained_beside_others_takes_its_times_after_it(
    name, tmp_path, monkeypatch
):
    steps = []
    step = training.clip_gradient  # which is called in each
    monkeypatch.setattr(
        training, "clip_gradient", lambda *given: steps.append(1) or step(*given)
    )
    measured = partial(execute, find(name), "quick", (0,), folder=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(time, "process_time", forbidden)
        for module in [*sys.modules.values()]:
            if vars(module).get("seconds") is seconds:
                patch.setattr(module, "seconds", forbidden)
        assert run_to_end(measured(prepare=True)) is None
    trained = len(steps)
    run = run_to_end(measured()).runs[0]
    assert len(steps) - trained < trained / 5, "trained once more"
    whole = quick(name)[1].runs[0]
    assert run.metrics.keys() == whole.metrics.keys()
    learned = [m for m in run.metrics if m.startswith(("perplexity_", "accuracy_"))]
    assert learned
    assert [run.metrics[m] for m in learned] == [whole.metrics[m] for m in learned]


@each
def test_real_is_no_less_than_what_the_page_shows(name):
    scales = find(name).scales
    names = ("hidden_size", "hidden", "size", "blocks", "length", "train", "test")
    for said in set(names) & {field.name for field in fields(scales["cpu"])}:
        cpu, real = (getattr(scales[scale], said) for scale in ("cpu", "real"))
        assert real >= cpu, said


# --- what is stored

STORED = sorted(RESULTS.glob("*.json"))
each_stored = pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)


@each
def test_the_page_has_three_seeds_and_what_is_claimed_holds(name):
    result = stored(name, "cpu")
    assert [run.seed for run in result.runs] == [0, 1, 2]
    assert result.holds


@each_stored
def test_what_is_stored_says_what_the_code_says(path):
    name, scale, _ = path.name.split(".")
    assert scale != "quick", "a quick run is a test"
    experiment, result = find(name), Result.load(path)
    config = json.loads(json.dumps(vars(experiment.scales[scale])))
    assert dict(result.config) == config
    assert result.claim["says"] == experiment.claim
    assert result.claim["paper"] == experiment.paper
    for verdict, band in zip(result.verdicts, experiment.bands[scale], strict=True):
        assert (verdict.metric, verdict.says) == (band.metric, band.says)
        assert band.holds(result.mean(band.metric)) == verdict.holds
    assert path.stat().st_size < 100_000
    experiment.figure(result)


# Measured with uncommitted code, nobody could measure it again. After a change of the
# code that measures: commit, `course run NAME --scale SCALE`, commit the result.
@each_stored
def test_what_is_stored_was_measured_by_committed_code(path):
    commit = Result.load(path).machine["commit"]
    assert commit, "measured by an installed package: measure it in a checkout"
    assert not commit.endswith("-dirty"), "measure it again from a clean checkout"
