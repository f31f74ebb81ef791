from __future__ import annotations

import pytest
import torch

from claims import failed, outcome
from course_lib.experiments import execute, run_to_end
from course_lib.experiments.transformer import norm_and_warmup
from course_lib.experiments.transformer.norm_and_warmup import (
    BACKWARDS,
    EXPERIMENT,
    NORMS,
    PAPER,
    RATES,
    STARTS,
    frequencies_loss,
    gradient_norms,
    metrics_of,
    sizes,
    training,
    valid_loss,
)
from course_lib.experiments.transformer.translators import build
from course_lib.experiments.translation import batches, read, teacher_forced_loss
from course_lib.training import Setting

CONFIG = EXPERIMENT.config("quick", train=60, size=16, heads=2, inner=16, blocks=2)
TINY = {"size": 16, "inner": 16, "train": 60, "blocks": 2, "gradient_batches": 1}


@pytest.fixture(scope="module")
def corpus():
    return read("grammar", 60, 1, seed=0, longest=CONFIG.longest)


# --- rates


def test_rates_differ_in_the_warm_up_only():
    config = EXPERIMENT.scales["cpu"]
    none, warm = (training(start, 0.5, config) for start in STARTS)
    rates = [(none.rate(i), warm.rate(i)) for i in range(config.steps)]
    assert all(a == b for a, b in rates[config.warmup - 1 :])
    assert all(a == 0.5 > b for a, b in rates[: config.warmup - 1])
    assert warm.rate(0) == pytest.approx(0.5 / config.warmup)
    after = [a for a, _ in rates[config.warmup - 1 :]]
    assert after == sorted(after, reverse=True)
    assert after[-1] < 0.01
    assert none.clip_norm is warm.clip_norm is None


@pytest.mark.parametrize("step", [1, 100, 4000, 20_000])
def test_the_papers_rate_is_its_equation_3(step):
    d = 512**-0.5
    assert PAPER.rate(step - 1) == pytest.approx(d * min(step**-0.5, step * 4000**-1.5))
    assert BACKWARDS.rate(step - 1) == pytest.approx(d * step**-0.5)


# --- what is measured


def test_norms_start_from_the_same_draws(corpus):
    post, pre = (build(sizes(norm, CONFIG), corpus, seed=3) for norm in NORMS)
    theirs = dict(pre.named_parameters())
    assert all(torch.equal(p, theirs[name]) for name, p in post.named_parameters())
    assert (post.config.norm, pre.config.norm) == ("post", "pre")


def test_gradients_are_those_of_each_blocks_last_matrix(corpus):
    model = build(sizes("post", CONFIG), corpus, seed=0)
    found = gradient_norms(model, corpus, CONFIG, Setting(0))
    batch_at = batches(corpus.train, CONFIG.batch, 0)
    expected = {"encoder": torch.zeros(2), "decoder": torch.zeros(2)}
    for step in range(CONFIG.gradient_batches):
        model.zero_grad()
        teacher_forced_loss(model, batch_at(step)).backward()
        for stack, norms in expected.items():
            for i, block in enumerate(getattr(model, stack).blocks):
                norms[i] += block.feed_forward.W_2.weight.grad.norm()
    for stack, norms in expected.items():
        assert found[stack] == pytest.approx((norms / CONFIG.gradient_batches).tolist())


def test_the_loss_of_frequencies_is_that_of_their_logarithms(corpus):
    class Frequencies(torch.nn.Module):
        """Says the logarithm of how often each word and the end occur."""

        def __init__(self):
            super().__init__()
            counts = torch.ones(len(corpus.target))
            for target in corpus.train.targets:
                for word in [*target.tolist(), norm_and_warmup.END]:
                    counts[word] += 1
            self.logits = torch.nn.Parameter(counts.log())

        def forward(self, source, mask, previous):
            return self.logits.expand(*previous.shape, -1)

    assert frequencies_loss(corpus) == pytest.approx(valid_loss(Frequencies(), corpus))


def test_metrics_are_of_the_last_measurement():
    at = {"post_none": (5, 4), "post_warm": (2.5, 3), "pre_none": (1.5,)}
    at["pre_warm"] = (1.25,)
    curves = {
        f"{kind}_{rate}": {"valid": [9.0, loss]}
        for kind, losses in at.items()
        for rate, loss in zip(RATES, losses, strict=False)
    }
    gradients = {
        "post": {"encoder": [1.0, 2.0, 3.0], "decoder": [1.0, 2.0, 4.0]},
        "pre": {"encoder": [1.0, 2.0, 0.5], "decoder": [4.0, 2.0, 1.0]},
    }
    found = metrics_of(curves, gradients)
    assert found["cost_post"] == 2.5
    assert found["cost_pre"] == 0.25
    assert found["gain_low"] == 1
    assert found["pre_over_post"] == -1
    assert (found["best_post_none"], found["best_post_warm"]) == (4, 2.5)
    assert (found["growth_post_encoder"], found["growth_pre_decoder"]) == (3, 0.25)
    assert found["last_gradient"] == 4
    assert found["paper_peak"] == pytest.approx(6.99e-4, rel=1e-3)


# --- the claim


def test_runs_start_alike_and_go_apart_by_rate_and_warm_up():
    curves = outcome(EXPERIMENT, **TINY | {"size": 32}).series["curves"]
    assert set(curves) == {
        *(f"{norm}_{start}_high" for norm in NORMS for start in STARTS),
        *(f"post_{start}_low" for start in STARTS),
    }
    for norm, runs in (("post", 4), ("pre", 2)):
        mine = [curve["valid"] for name, curve in curves.items() if norm in name]
        assert len({one[0] for one in mine}) == 1
        assert len({one[-1] for one in mine}) == runs


def test_norms_that_are_alike_fail_their_bands(monkeypatch):
    honest = norm_and_warmup.sizes
    monkeypatch.setattr(
        norm_and_warmup, "sizes", lambda _, config: honest("pre", config)
    )
    metrics = outcome(EXPERIMENT, steps=7, train=60).metrics
    assert {"growth_post_decoder", "last_gradient"} <= failed(EXPERIMENT, metrics)
    assert metrics["loss_post_none_high"] == metrics["loss_pre_none_high"]


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    unbroken = run_to_end(execute(EXPERIMENT, "quick", (0,), **TINY))
    steps = execute(EXPERIMENT, "quick", (0,), folder=tmp_path, **TINY)
    for progress in steps:
        if progress.done >= 0.6 * progress.total:
            break
    steps.close()
    seen = []
    again = run_to_end(
        execute(EXPERIMENT, "quick", (0,), folder=tmp_path, **TINY), seen.append
    )
    assert seen[0].done > 0.4 * seen[0].total, "finished runs are not made again"
    assert again.runs[0].metrics == unbroken.runs[0].metrics
    assert again.runs[0].series == unbroken.runs[0].series
