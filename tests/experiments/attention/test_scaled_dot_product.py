from __future__ import annotations

import math

import pytest
import torch

from claims import failed, outcome
from course_lib.data.batching import generator
from course_lib.experiments import execute, run_to_end
from course_lib.experiments.attention import scaled_dot_product
from course_lib.experiments.attention.scaled_dot_product import (
    EXPERIMENT,
    KINDS,
    Examples,
    accuracy_of,
    best,
    build,
    examples,
    saturation,
    slope,
    spread,
)

CONFIG = EXPERIMENT.config("quick", keys=5, values=3, queries=50)
TINY = {
    "widths": (4, 64),
    "queries": 50,
    "rates": (1e-3, 1e-2),
    "steps": 20,
    "long": 2,
    "measure_every": 10,
    "test": 50,
}


def some(number=6, seed=0):
    return examples(CONFIG, number, torch.Generator().manual_seed(seed))


# --- random vectors


def test_the_jacobian_is_that_of_the_softmax():
    scores = 2 * torch.randn(5, 7, generator=torch.Generator().manual_seed(0)).double()
    norms = [
        torch.autograd.functional.jacobian(lambda s: s.softmax(0), row).norm()
        for row in scores
    ]
    found = saturation(scores)
    assert found["jacobian"] == pytest.approx(torch.stack(norms).median().item())
    assert found["jacobian_mean"] == pytest.approx(torch.stack(norms).mean().item())


def test_saturation_at_its_ends():
    alike = saturation(torch.zeros(4, 8))
    assert alike["largest"] == pytest.approx(1 / 8)
    assert alike["entropy"] == pytest.approx(1)
    sure = saturation(100 * torch.eye(8))
    assert sure["largest"] == pytest.approx(1)
    assert sure["entropy"] == pytest.approx(0, abs=1e-9)
    assert sure["jacobian"] < 1e-9


def test_the_slope_of_a_power():
    assert slope((4, 16, 128), [5 * d**1.5 for d in (4, 16, 128)]) == pytest.approx(1.5)
    assert slope((4, 16), [3.0, 3.0]) == pytest.approx(0)


def test_scaling_divides_by_the_root_of_the_width():
    plain, scaled = (
        spread(kind, 64, CONFIG, generator(0, 1)) for kind in ("unscaled", "scaled")
    )
    assert plain.shape == (50, 5)
    torch.testing.assert_close(plain, 8 * scaled)


def test_the_additive_score_of_random_vectors_is_v_tanh():
    random = generator(0, 1)
    query = torch.randn(50, 1, 16, generator=random)
    keys = torch.randn(50, 5, 16, generator=random)
    v = (2 * torch.rand(16, generator=random) - 1) / 4
    found = spread("additive", 16, CONFIG, generator(0, 1))
    torch.testing.assert_close(found, ((query + keys).tanh() * v).sum(dim=2))


# --- the layer that learns


def test_dot_products_start_from_one_draw():
    plain, scaled, small = (
        build(kind, 16, CONFIG, seed=2) for kind in ("unscaled", "scaled", "small")
    )
    for (name, one), two, three in zip(
        plain.named_parameters(), scaled.parameters(), small.parameters(), strict=True
    ):
        assert torch.equal(one, two), name
        projected = name.endswith(("W_q.weight", "W_k.weight"))
        torch.testing.assert_close(three, one / 2 if projected else one)  # 16^(1/4)
    with torch.no_grad():
        torch.testing.assert_close(small(some())[0], scaled(some())[0])
        assert not torch.allclose(small(some())[0], plain(some())[0])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_starts_with_projections_of_variance_one(kind):
    score = build(kind, 400, CONFIG, seed=0).attention.score
    q = torch.randn(2000, 400, generator=torch.Generator().manual_seed(1))
    sd = score.W_q(q).std().item()
    assert sd == pytest.approx(400**-0.25 if kind == "small" else 1.0, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_learns(kind):
    model = build(kind, 8, CONFIG, seed=0)
    logits, weights = model(some())
    assert logits.shape == (6, 3)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(6))
    logits.logsumexp(dim=1).sum().backward()
    assert all(p.grad.any() for p in model.parameters())


def test_a_layer_that_looks_at_the_key_asked_for_is_always_right():
    model = build("unscaled", 5, CONFIG, seed=0)
    with torch.no_grad():
        for weight in (
            model.query.weight,
            model.key.weight,
            model.attention.score.W_k.weight,
        ):
            weight.copy_(torch.eye(5))
        model.attention.score.W_q.weight.copy_(50 * torch.eye(5))
        model.value.weight.copy_(torch.eye(3, 5))
        model.output.weight.copy_(torch.eye(3, 5))
        model.output.bias.zero_()
    assert accuracy_of(model, some(200)) == 1
    turned = some(200)
    turned = turned._replace(query=(turned.query + 1) % 5)
    assert accuracy_of(model, turned) < 0.6


def test_an_answer_is_the_value_of_the_key_asked_for():
    these = some(40)
    for values, query, answer in zip(*these, strict=True):
        assert values[query] == answer
    assert set(these.answer.tolist()) == {0, 1, 2}


def test_the_rate_is_chosen_on_other_examples_than_it_is_tested_on():
    assert best([[0.2, 0.9], [0.8, 0.1], [0.7, 1.0]]) == 1


# --- the claim


def test_a_scale_that_is_none_fails_its_bands(monkeypatch):
    honest = scaled_dot_product.Dot
    monkeypatch.setattr(
        scaled_dot_product, "Dot", lambda size, scaled=False: honest(size)
    )
    metrics = outcome(EXPERIMENT, **TINY).metrics
    assert {
        "variance_slope_scaled",
        "jacobian_fall_scaled",
        "best_scaled_wide",
    } <= failed(EXPERIMENT, metrics)
    assert metrics["best_scaled_wide"] == metrics["best_unscaled_wide"]


def test_a_lookup_without_a_question_is_not_learned(monkeypatch):
    def unasked(config, number, random):
        these = examples(config, number, random)
        return Examples(these.values, torch.zeros_like(these.query), these.answer)

    monkeypatch.setattr(scaled_dot_product, "examples", unasked)
    metrics = outcome(EXPERIMENT, **TINY | {"steps": 60, "test": 200}).metrics
    assert {"best_scaled_wide", "best_additive_wide"} <= failed(EXPERIMENT, metrics)


def test_metrics_say_which_rate(monkeypatch):
    found = outcome(EXPERIMENT, **TINY)
    rows = found.series["accuracy"]
    width = EXPERIMENT.config("quick").wide
    for kind in KINDS:
        assert found.metrics[f"one_rate_{kind}_wide"] == rows[f"{kind} {width}"][0]
        assert found.metrics[f"best_{kind}_wide"] in rows[f"{kind} {width}"]
    assert all(math.isfinite(value) for value in found.metrics.values())


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    unbroken = run_to_end(execute(EXPERIMENT, "quick", (0,), **TINY))
    steps = execute(EXPERIMENT, "quick", (0,), folder=tmp_path, **TINY)
    for progress in steps:
        if progress.done >= 0.8 * progress.total:
            break
    steps.close()
    seen = []
    again = run_to_end(
        execute(EXPERIMENT, "quick", (0,), folder=tmp_path, **TINY), seen.append
    )
    assert seen[0].done > 0.6 * seen[0].total, "finished layers are not trained again"
    assert again.runs[0].metrics == unbroken.runs[0].metrics
    assert again.runs[0].series == unbroken.runs[0].series
