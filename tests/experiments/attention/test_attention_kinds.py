"""Ten decoders on one budget: what they cost, and the table of it."""

from __future__ import annotations

import pytest
import torch

from claims import failed, outcome, quick
from course_lib.attention import Additive, Dot
from course_lib.data.translation import collate
from course_lib.experiments import find
from course_lib.experiments.attention.attention_kinds import (
    COLUMNS,
    SAYS,
    table,
)
from course_lib.experiments.attention.decoders import KINDS, NAMES, Sizes, build
from course_lib.experiments.machine import saved_mib
from course_lib.experiments.translation import teacher_forced_loss

EXPERIMENT = find("attention-kinds")


@pytest.fixture(scope="module")
def result():
    return quick("attention-kinds")[1]


def batch(length: int, pairs: int = 3):
    ids = [torch.arange(length) % 5 + 4 for _ in range(pairs)]
    return collate(ids, ids)


def kept_mib(model, batch):
    return saved_mib(lambda: teacher_forced_loss(model, batch), model)


def test_every_decoder_is_named_and_measured(result):
    assert set(SAYS) == set(NAMES)
    metrics = result.runs[0].metrics
    for name in NAMES:
        for measure in ("bleu", "bleu_longest", "ms", "tokens", "mib", "perplexity"):
            assert metrics[f"{measure}_{name}"] >= 0
        assert (f"error_rate_{name}" in metrics) == (name in KINDS)
        tokens = metrics[f"tokens_{name}"] * metrics[f"ms_{name}"] / 1e3
        config = result.config  # the end of each target is a token as well
        assert tokens == pytest.approx(config["batch"] * (config["timed_length"] + 1))


def test_the_additive_score_keeps_a_tensor_for_each_pair_of_places():
    sizes = Sizes(12, 12, 8, 16)
    concat, general = (
        build(name, sizes, 0) for name in ("luong-concat", "luong-general")
    )
    assert isinstance(concat.decoder.attention.score, Additive)
    for length in (8, 16):
        more = kept_mib(concat, batch(length)) - kept_mib(general, batch(length))
        inner = 3 * (length + 1) * length * 16 * 4 / 2**20  # B T S A numbers
        assert 0.8 * inner < more < 1.2 * inner


def test_what_is_kept_counts_shared_memory_once_and_no_parameter():
    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.W = torch.nn.Parameter(torch.ones(9, 3))

        def forward(self, source, mask, previous):
            x = torch.nn.functional.one_hot(previous, 9).float() @ self.W  # (B, T, 3)
            return x.expand(2, *x.shape).sum(0).tanh()[..., :1].expand(-1, -1, 30)

    few, many = (kept_mib(Twice(), batch(8, pairs)) for pairs in (2, 8))
    assert few > 0
    assert many < 4.1 * few, "a parameter or a shared storage was counted again"


def test_the_table_has_a_line_for_each_decoder(result):
    lines = table(result).splitlines()
    assert len(lines) == 1 + len(SAYS)
    assert lines[0].split() == [head for head, *_ in COLUMNS.values()]
    assert len({len(line) for line in lines}) == 1
    assert "–" in lines[1], "no attention has no links"
    metrics = result.runs[0].metrics
    dot = next(line for line in lines if line.startswith("Luong, dot  "))
    assert dot.endswith(f" {metrics['mib_luong-dot']:.0f}")
    assert f"{metrics['tokens_luong-dot'] / 1000:.1f} ± 0.0" in dot


def test_a_dot_with_no_memory_of_its_own_fails_the_band(monkeypatch):
    tiny = {"train": 200, "test": 20, "steps": 1, "longest": 3, "timed": 1}
    monkeypatch.setattr(
        "course_lib.experiments.attention.decoders._score", lambda name, H: Dot(H)
    )
    metrics = outcome(EXPERIMENT, **tiny).metrics
    assert "additive_mib" in failed(EXPERIMENT, metrics)


@pytest.mark.data
def test_kinds_run_on_captions_as_well():
    tiny = {"corpus": "multi30k", "embedding": 4, "hidden": 4, "batch": 4}
    tiny |= {"steps": 1, "longest": 2, "timed": 1}
    metrics = outcome(EXPERIMENT, **tiny).metrics
    assert "error_rate_bahdanau" not in metrics
    assert metrics["mib_luong-concat"] > metrics["mib_luong-dot"]
