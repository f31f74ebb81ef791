from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from course_lib.experiments import Band, Outcome, Progress, execute, run_to_end
from course_lib.experiments.runner import JOBS, interrupted, state_folder
from toy import TOY


class Enough(Exception):
    pass


def stop_after(steps, count):
    """Stop the run after ``count`` progresses, as a reader does."""
    seen = []

    def on_progress(progress):
        seen.append(progress)
        if len(seen) == count:
            raise Enough

    with pytest.raises(Enough):
        run_to_end(steps, on_progress)


def measured(result):
    return [(run.seed, run.metrics, run.series) for run in result.runs]


def test_one_run_per_seed_and_seeds_differ():
    result = run_to_end(execute(TOY, seeds=(0, 3)))
    assert [run.seed for run in result.runs] == [0, 3]
    assert result.runs[0].metrics != result.runs[1].metrics
    assert measured(result) == measured(run_to_end(execute(TOY, seeds=(0, 3))))
    assert all(run.tokens_per_second > 0 for run in result.runs)
    assert all(run.peak_memory_mib > 10 for run in result.runs)
    assert result.config["steps"] == 12
    assert result.machine["torch"] == torch.__version__


def test_progress_counts_over_all_seeds():
    seen = list(execute(TOY, seeds=range(2)))
    assert [p.done for p in seen] == list(range(1, 25))
    assert {p.total for p in seen} == {24}
    assert [p.seed for p in seen] == [0] * 12 + [1] * 12
    assert seen[-1].note == "seed 1 · fitting a line"
    assert seen[-1].curves["loss"] > 0


def test_a_run_is_the_same_whatever_its_reader_draws_between_two_steps():
    quiet = run_to_end(execute(TOY, seeds=(0,)))
    torch.manual_seed(5)
    expected = torch.rand(15)
    torch.manual_seed(5)
    drawn, other = [], execute(TOY, seeds=(1,))

    def draw(progress):
        drawn.append(torch.rand(1))
        next(other, None)

    noisy = run_to_end(execute(TOY, seeds=(0,)), draw)
    assert measured(noisy) == measured(quiet)
    assert torch.equal(torch.cat(drawn), expected[: len(drawn)]), "the reader's numbers"


@pytest.mark.parametrize("count", [3, 12, 17])
def test_a_stopped_run_resumes_to_the_same_numbers(tmp_path, count):
    unbroken = run_to_end(execute(TOY, seeds=range(2)))
    stop_after(execute(TOY, seeds=range(2), folder=tmp_path), count)
    torch.rand(7)
    resumed = run_to_end(execute(TOY, seeds=range(2), folder=tmp_path))
    assert measured(resumed) == measured(unbroken)
    assert resumed.verdicts == unbroken.verdicts


def test_finished_seeds_are_not_run_again(tmp_path):
    first = run_to_end(execute(TOY, seeds=(0, 1), folder=tmp_path))

    def forbidden(config, setting):
        assert setting.seed == 2, "a finished seed was run again"
        return (yield from TOY.run(config, setting))

    more = run_to_end(
        execute(replace(TOY, run=forbidden), seeds=range(3), folder=tmp_path)
    )
    assert more.runs[:2] == first.runs
    assert more.runs[2].seed == 2


def test_series_are_as_a_resumed_run_rereads_them(tmp_path):
    def run(config, setting):
        yield Progress(1, 1)
        return Outcome({"loss": 1}, {"lag": (1, 2), "at": {5: 0.1}}, 1)

    toy = replace(TOY, run=run, export=None, artefact=None)
    fresh = run_to_end(execute(toy, seeds=(0,), folder=tmp_path))
    assert fresh.runs[0].series == {"lag": [1, 2], "at": {"5": 0.1}}
    assert run_to_end(execute(toy, seeds=(0,), folder=tmp_path)).runs == fresh.runs


def test_time_and_peak_go_on_where_it_stopped(tmp_path, monkeypatch):
    peaks = "course_lib.experiments.runner.peak_mib"
    monkeypatch.setattr(peaks, lambda device: 700.0)
    stop_after(execute(TOY, seeds=(0,), folder=tmp_path, pause=0.05, steps=6), 4)
    (note,) = tmp_path.glob("toy-*/seed-0/spent.json")
    before, _ = json.loads(note.read_text())
    assert before >= 0.2
    monkeypatch.setattr(peaks, lambda device: 300.0)
    run = run_to_end(
        execute(TOY, seeds=(0,), folder=tmp_path, pause=0.05, steps=6)
    ).runs[0]
    assert run.seconds >= before + 0.1
    assert run.peak_memory_mib == 700, "of all its parts"
    assert run.tokens_per_second == pytest.approx(8 * 6 / run.seconds)


def test_another_config_or_device_has_another_folder(tmp_path):
    def place(**changes):
        precision = changes.pop("precision", "float32")
        device = changes.pop("device", "cpu")
        return state_folder(TOY, "quick", device, precision, tmp_path, **changes)

    places = [
        place(),
        place(steps=13),
        place(device="cuda"),
        place(device="cuda", precision="bfloat16"),
    ]
    assert len(set(places)) == 4
    assert place() == places[0]
    assert place(steps=12) == places[0], "a change to the same value is none"


def test_other_code_does_not_continue_a_run(tmp_path, monkeypatch):
    before = state_folder(TOY, "quick", "cpu", "float32", tmp_path)
    runner = "course_lib.experiments.runner._sources"
    monkeypatch.setattr(runner, lambda: "edited")
    assert state_folder(TOY, "quick", "cpu", "float32", tmp_path) != before


def test_the_artefact_is_that_of_seed_0(tmp_path):
    run_to_end(execute(TOY, seeds=(0, 1), folder=tmp_path))
    state = state_folder(TOY, "quick", "cpu", "float32", tmp_path)
    exported = json.loads((state / "artefact.json").read_text())
    seen = {}

    def watching(config, setting):
        outcome = yield from TOY.run(config, setting)
        seen[setting.seed] = [p.tolist() for p in outcome.model.parameters()]
        return outcome

    run_to_end(execute(replace(TOY, run=watching), seeds=(0, 1)))
    assert exported == {"weight": seen[0]}
    assert exported != {"weight": seen[1]}


def test_verdicts_compare_the_mean_with_the_band():
    bands = (
        Band("loss", "within", low=0.0, high=50.0),
        Band("loss", "too low", high=-1.0),
    )
    toy = replace(TOY, bands={"quick": bands, "cpu": bands})
    result = run_to_end(execute(toy, seeds=(0, 1)))
    within, low = result.verdicts
    losses = [run.metrics["loss"] for run in result.runs]
    assert within.mean == pytest.approx(sum(losses) / 2)
    assert within.sd == pytest.approx(abs(losses[0] - losses[1]) / 2**0.5)
    assert (within.holds, low.holds, result.holds) == (True, False, False)
    assert (within.low, low.low, low.high) == (0.0, None, -1.0)
    assert within.unit == "nats"


def test_nan_never_holds():
    assert not Band("loss", "anything").holds(float("nan"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"scale": "huge"}, "scale: got 'huge', expected one of quick, cpu"),
        ({"seeds": ()}, "seeds: got none"),
        ({"device": "tpu"}, "device: got 'tpu', expected 'cpu', 'cuda' or 'cuda:N'"),
        ({"precision": "float16"}, "precision: got 'float16'"),
        ({"precision": "bfloat16"}, "'bfloat16' needs a CUDA device"),
        ({"depth": 3}, r"toy has no field \['depth'\]"),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        run_to_end(execute(TOY, **arguments))


def test_a_band_on_nothing_measured_is_said_after_the_first_seed():
    bands = (Band("loss", "small"), Band("weigth", "large"))
    toy = replace(TOY, bands={"quick": bands, "cpu": bands})
    seen = []
    with pytest.raises(ValueError, match=r"'weigth', which toy does not.* loss, w"):
        run_to_end(execute(toy, seeds=range(3)), seen.append)
    assert {progress.seed for progress in seen} == {0}


def test_changed_settings_may_measure_less_and_are_judged_by_the_rest():
    bands = (Band("loss", "small"), Band("weigth", "large"))
    toy = replace(TOY, bands={"quick": bands, "cpu": bands})
    result = run_to_end(execute(toy, seeds=(0,), steps=5))
    assert [verdict.metric for verdict in result.verdicts] == ["loss"]


def test_a_second_run_of_the_same_in_one_folder_is_refused(tmp_path):
    unbroken = run_to_end(execute(TOY, seeds=(0,)))
    first = execute(TOY, seeds=(0,), folder=tmp_path)
    next(first)
    for fresh in (False, True):
        with pytest.raises(OSError, match=f"another run is at work.* in {tmp_path}"):
            next(execute(TOY, seeds=(0,), folder=tmp_path, fresh=fresh))
    next(execute(TOY, seeds=(0,), folder=tmp_path, steps=13))  # another config may
    assert measured(run_to_end(first)) == measured(unbroken)
    again = run_to_end(execute(TOY, seeds=(0,), folder=tmp_path))
    assert again.runs[0].seconds > 0, "the folder is free again"


def test_what_was_kept_can_be_forgotten(tmp_path):
    stop_after(execute(TOY, seeds=(0, 1), folder=tmp_path), 17)
    state = state_folder(TOY, "quick", "cpu", "float32", tmp_path)
    assert interrupted(state)
    seen = []
    run_to_end(execute(TOY, seeds=(0, 1), folder=tmp_path, fresh=True), seen.append)
    assert [progress.done for progress in seen] == list(range(1, 25))


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_nothing_is_left_of_a_run_that_kept_nothing(tmp_path, monkeypatch, jobs):
    monkeypatch.setenv(JOBS, jobs)
    steps = execute(TOY, seeds=(0,), folder=tmp_path, fail="a bug")
    with pytest.raises(RuntimeError, match="a bug"):
        run_to_end(steps)
    state = state_folder(TOY, "quick", "cpu", "float32", tmp_path, fail="a bug")
    assert not interrupted(state)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("left", "name"), [(3, "seed-0/model.pt"), (17, "seed-0.json")]
)
@pytest.mark.parametrize("keep", [0, 40])
def test_a_damaged_state_is_named_and_can_be_deleted(tmp_path, left, name, keep):
    unbroken = run_to_end(execute(TOY, seeds=(0, 1)))
    stop_after(execute(TOY, seeds=(0, 1), folder=tmp_path), left)
    damaged = state_folder(TOY, "quick", "cpu", "float32", tmp_path) / name
    damaged.write_bytes(damaged.read_bytes()[:keep])
    with pytest.raises(ValueError, match=f"{damaged} is damaged .*; delete it"):
        run_to_end(execute(TOY, seeds=(0, 1), folder=tmp_path))
    damaged.unlink()
    again = run_to_end(execute(TOY, seeds=(0, 1), folder=tmp_path))
    assert measured(again) == measured(unbroken)
