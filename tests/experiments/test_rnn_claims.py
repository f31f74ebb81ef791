"""Chapter 1's claims: each runs, is checked, is reproducible, and can fail."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from functools import cache

import matplotlib
import pytest
import torch

from course_lib.experiments import Setting, execute, experiments, find, stored
from course_lib.experiments.rnn import (
    gradient_clipping,
    memory_horizon,
    vanishing_gradient,
    word_language,
)
from course_lib.results import RESULTS, Result

NAMES = (
    "vanishing-gradient",
    "memory-horizon",
    "gradient-clipping",
    "word-language",
    "character-model",
)


def drain(steps):
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


@cache
def quick(name: str):
    """Progress and result of one seed at quick scale, run once for all tests."""
    return drain(execute(find(name), "quick", seeds=(0,)))


def outcome(experiment, **changes):
    return drain(experiment.run(experiment.config("quick", **changes), Setting(0)))[1]


def failed(experiment, metrics) -> set[str]:
    """The metrics whose band at quick scale does not hold."""
    return {
        band.metric
        for band in experiment.bands["quick"]
        if not band.holds(metrics[band.metric])
    }


def test_the_chapter_has_these_claims_in_this_order():
    assert [n for n, e in experiments().items() if e.chapter == "rnn"] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
def test_every_scale_has_bands_on_metrics_that_exist(name):
    experiment = find(name)
    metrics = quick(name)[1].runs[0].metrics
    assert set(experiment.scales) == set(experiment.bands) == {"quick", "cpu", "real"}
    for bands in experiment.bands.values():
        assert bands
        assert {band.metric for band in bands} <= set(metrics)
        assert all(band.low <= band.high for band in bands)
    assert set(experiment.units) <= set(metrics)


@pytest.mark.parametrize("name", NAMES)
def test_configs_are_frozen_and_every_field_is_explained(name):
    from course_lib.experiments.fields import fields_of

    config = find(name).scales["cpu"]
    with pytest.raises(AttributeError):
        setattr(config, fields(config)[0].name, 1)
    fields_said = fields_of(config).values()
    assert not [field.name for field in fields_said if not field.comment]


STORED = sorted(
    (*path.stem.split("."), path)
    for path in RESULTS.glob("*.json")
    if path.stem.split(".")[0] in NAMES
)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_three_seeds_and_what_is_claimed_holds(name):
    result = stored(name, "cpu")
    assert [run.seed for run in result.runs] == [0, 1, 2]
    assert result.holds


@pytest.mark.parametrize(("name", "scale", "path"), STORED)
def test_what_is_stored_says_what_the_code_says(name, scale, path):
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


def same(one, other):
    return one.metrics == other.metrics and json.dumps(dict(one.series)) == json.dumps(
        dict(other.series)
    )


SMALL = {
    "vanishing-gradient": {"length": 110, "matrices": 1},
    "memory-horizon": {"lags": (5,), "steps": 20},
    "gradient-clipping": {"runs": 1, "steps": 20},
    "word-language": {"steps": 20, "measure_every": 10},
    "character-model": {"epochs": 1, "measure_every": 10},
}


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides(name):
    experiment = find(name)
    first, again = (outcome(experiment, **SMALL[name]) for _ in range(2))
    assert same(first, again)
    config = experiment.config("quick", **SMALL[name])
    _, other = drain(experiment.run(config, Setting(1)))
    assert other.series != first.series


def test_gradient_norms_are_those_of_autograd():
    config = vanishing_gradient.Config(hidden_size=6, input_size=3)
    random = torch.Generator().manual_seed(0)
    for nonlinearity in ("linear", "tanh"):
        W = vanishing_gradient.scaled_gaussian(6, 1.1, random)
        layer = vanishing_gradient._layer(config, nonlinearity, W, random)
        x = torch.randn(2, 9, 3, generator=random, dtype=torch.float64)
        last = torch.randn(2, 6, generator=random, dtype=torch.float64)
        found = vanishing_gradient.gradient_norms(layer, x, last)
        for lag in range(9):
            states, _ = layer(x[:, : 9 - lag])
            state = states[:, -1].detach().requires_grad_()
            end = layer(x[:, 9 - lag :], state)[1] if lag else state
            (gradient,) = torch.autograd.grad((last * end).sum(), state)
            expected = gradient.norm(dim=1).log10().mean()
            torch.testing.assert_close(found[lag], expected)


def test_gradient_norms_far_below_double_precision_are_still_numbers():
    metrics = outcome(find("vanishing-gradient"), length=1000, matrices=1)
    default = metrics.series["log10_norm"]["tanh default"]
    assert default[-1] < -320  # a double ends at 1e-308
    assert all(math.isfinite(value) for value in default)


def test_a_wrong_spectral_radius_fails_its_band(monkeypatch):
    def by_norm(size, radius, generator):  # the classic mistake: largest singular value
        W = torch.randn(size, size, generator=generator, dtype=torch.float64)
        return W * (radius / torch.linalg.matrix_norm(W, 2))

    monkeypatch.setattr(vanishing_gradient, "scaled_gaussian", by_norm)
    experiment = find("vanishing-gradient")
    assert "rate_error" in failed(experiment, outcome(experiment).metrics)


def test_a_recursion_without_the_slope_of_tanh_fails_its_band(monkeypatch):
    def linear_only(layer, x, last):
        layer.nonlinearity = "linear"
        return true_norms(layer, x, last)

    true_norms = vanishing_gradient.gradient_norms
    monkeypatch.setattr(vanishing_gradient, "gradient_norms", linear_only)
    experiment = find("vanishing-gradient")
    assert "tanh_largest" in failed(experiment, outcome(experiment).metrics)


def test_the_horizon_is_the_longest_lag_with_no_gap_before_it():
    lags = (5, 10, 20, 40)
    learned, not_learned = [1.0, 0.95, 0.2], [1.0, 0.5, 0.2]

    def horizon(*which):
        runs = [learned if yes else not_learned for yes in which]
        return memory_horizon.horizon(lags, dict(zip(lags, runs, strict=True)))

    assert horizon(1, 1, 0, 0) == 10
    assert horizon(1, 0, 1, 1) == 5
    assert horizon(0, 1, 1, 1) == 0
    assert horizon(1, 1, 1, 1) == 40


def test_a_task_that_shows_its_answer_again_has_no_horizon(monkeypatch):
    def shown(batch, lag, symbols, generator):
        x, y = true_task(batch, lag, symbols, generator)
        x[:, -1] = y
        return memory_horizon.Batch(x, y)

    true_task = memory_horizon.delayed_recall
    monkeypatch.setattr(memory_horizon, "delayed_recall", shown)
    experiment = find("memory-horizon")
    found = failed(experiment, outcome(experiment).metrics)
    assert {"horizon_default", "longest_default"} <= found


def test_without_clipping_there_is_no_gain(monkeypatch):
    monkeypatch.setattr(
        gradient_clipping,
        "Training",
        lambda steps, lr, kind, clip: true_training(steps, lr, kind, None),
    )
    experiment = find("gradient-clipping")
    metrics = outcome(experiment, runs=2, steps=100).metrics
    assert metrics["gain"] == 0
    assert "gain" in failed(experiment, metrics)


true_training = gradient_clipping.Training


def test_a_bag_that_sees_order_fails_its_band(monkeypatch):
    def given_order(name, config, words, seed):
        return true_prepare(
            "ngrams" if name == "letters" else name, config, words, seed
        )

    true_prepare = word_language._prepare
    monkeypatch.setattr(word_language, "_prepare", given_order)
    experiment = find("word-language")
    assert "order" in failed(experiment, outcome(experiment, steps=150).metrics)


def test_a_control_that_is_not_shuffled_fails_its_band(monkeypatch):
    true_encode = word_language.encode
    monkeypatch.setattr(
        word_language, "encode", lambda words, seed=None: true_encode(words)
    )
    experiment = find("word-language")
    found = failed(experiment, outcome(experiment, steps=150).metrics)
    assert {"order_lost", "shuffled_over_letters"} <= found


def test_shuffling_keeps_the_letters_of_each_word():
    words = [("donnerstag", 0), ("thursday", 1)]
    plain, shuffled = word_language.encode(words), word_language.encode(words, 1)
    assert torch.equal(plain.tokens.sort(1).values, shuffled.tokens.sort(1).values)
    assert not torch.equal(plain.tokens, shuffled.tokens)


def test_a_bag_does_not_see_order_and_the_rnn_does():
    torch.manual_seed(0)
    words = [("abcdef", 0), ("fedcba", 1)]
    part = word_language.encode(words)
    bag = word_language.CountClassifier(27, 3)
    torch.nn.init.normal_(bag.weight)
    rnn = word_language.SequenceClassifier(word_language.RNN(27, 8), 3)
    first, second = bag(part.tokens, part.mask)
    torch.testing.assert_close(first, second)
    first, second = rnn(part.tokens, part.mask)
    assert (first - second).abs().max() > 1e-3


def test_an_untrained_character_model_fails_its_band():
    experiment = find("character-model")
    metrics = outcome(experiment, epochs=1, learning_rate=1e-6).metrics
    assert "over_bigram" in failed(experiment, metrics)


def test_bad_choices_are_named():
    for name, field in (("word-language", "source"), ("character-model", "text")):
        with pytest.raises(ValueError, match=f"{field}: got 'x'"):
            outcome(find(name), **{field: "x"})


@pytest.mark.data
def test_the_real_texts_run():
    experiment = find("word-language")
    assert outcome(experiment, source="surnames", steps=10).metrics["chance"] < 0.06
    experiment = find("character-model")
    found = outcome(experiment, text="time-machine", epochs=1).series
    assert found["characters"] == 173_428
