"""The cache of keys and values: what is counted, timed and compared."""

from __future__ import annotations

import pytest
import torch

from claims import failed, outcome, quick
from course_lib.decoding import evaluating
from course_lib.experiments import find
from course_lib.experiments.transformer import cached_decoding as claim
from course_lib.experiments.transformer.cached_decoding import (
    build,
    cache_mib,
    count,
    drawn,
    next_token,
)
from course_lib.experiments.transformer.race import slope
from course_lib.self_attention import Seen
from course_lib.training import Setting

EXPERIMENT = find("cached-decoding")
CONFIG = EXPERIMENT.config("quick")
TINY = {"size": 16, "heads": 2, "blocks": 1, "lengths": (8, 16), "rounds": 1}
TINY |= {"vocabulary": 20}


def flop(config, n):
    """Of the n-th token, with the cache: weights, then scores and averages, logits."""
    C, inner, V = config.size, 4 * config.size, config.vocabulary
    weights = 2 * (4 * C**2 + 2 * C * inner)
    return (weights + 2 * 2 * n * C) * config.blocks + 2 * C * V


@pytest.fixture(scope="module")
def series():
    return quick("cached-decoding")[1].runs[0].series


# --- FLOP


def test_flop_of_one_token_by_hand():
    # two blocks: 4 of 64 x 64 and 2 of 64 x 256; 64 tokens to look at; 100 words
    assert 2 * 98_304 + 32_768 + 12_800 == flop(CONFIG, 64) == 242_176
    model = build(CONFIG, Setting(0), path="written_out")
    with evaluating(model):
        cached, again = next_token(model, drawn(CONFIG, 64, Setting(0)))
        assert count(cached) == 242_176
        assert count(again) == 64 * 242_176


def test_the_counter_sees_what_grows_with_n(series):
    lengths = CONFIG.lengths
    assert series["lengths"] == list(lengths)
    cached = [flop(CONFIG, n) / 1e6 for n in lengths]
    again = [n * flop(CONFIG, n) / 1e6 for n in lengths]
    assert series["mflop"] == {"cached": cached, "again": again}
    metrics = quick("cached-decoding")[1].runs[0].metrics
    assert metrics["flop_slope_cached"] == pytest.approx(slope(lengths, cached))
    assert metrics["flop_slope_cached"] > 0.05, "attention was not counted"
    assert metrics["flop_slope_again"] == pytest.approx(slope(lengths, again))
    assert metrics["flop_saved"] == lengths[-1]


# --- the cache


@pytest.mark.parametrize("n", [5, 9])
def test_the_cache_is_as_large_as_it_is_said_to_be(n):
    config = EXPERIMENT.config("quick", **TINY | {"blocks": 3})
    model = build(config, Setting(0))
    _, state = model(drawn(config, n, Setting(0)))
    kept = sum(tensor.nbytes for seen in state for tensor in seen)
    assert cache_mib(model, n) == kept / 2**20 > 0


def test_both_ways_give_the_next_word_the_same_logits():
    model = build(CONFIG, Setting(2))
    tokens = drawn(CONFIG, 12, Setting(2))
    assert torch.equal(tokens, drawn(CONFIG, 12, Setting(2)))
    with evaluating(model):
        (cached, state), (again, _) = (work() for work in next_token(model, tokens))
    assert cached.shape == (1, 1, CONFIG.vocabulary)
    assert state[0].keys.shape[2] == again.shape[1] == 12
    torch.testing.assert_close(cached[:, 0], again[:, -1])


def test_a_cache_that_forgets_fails_the_band(monkeypatch):
    def forget(past, more):
        tokens = (torch.cat(pair, 2)[:, :, -3:] for pair in zip(past, more))  # noqa: B905
        return Seen(*tokens)

    monkeypatch.setattr(Seen, "then", forget)
    assert "differ" in failed(EXPERIMENT, outcome(EXPERIMENT, **TINY).metrics)


def test_a_cache_that_is_not_used_fails_the_band(monkeypatch):
    monkeypatch.setattr(
        claim, "next_token", lambda model, tokens: (lambda: model(tokens),) * 2
    )
    metrics = outcome(EXPERIMENT, **TINY | {"lengths": (16, 64)}).metrics
    assert failed(EXPERIMENT, metrics) == {"flop_saved"}


# --- the clock


def test_the_fused_model_is_timed_and_the_written_out_one_is_counted(monkeypatch):
    timed, counted, inside = [], [], []
    honest = claim.next_token

    def watched(model, tokens):
        def noted(work):
            def noting():
                inside[0].append(model.config.path)
                return work()

            return noting

        return tuple(map(noted, honest(model, tokens)))

    def seconds(work, device):
        inside[:] = [timed]
        work()
        return 1.0

    def counts(work):
        inside[:] = [counted]
        return count(work)

    monkeypatch.setattr(claim, "next_token", watched)
    monkeypatch.setattr(claim, "seconds", seconds)
    monkeypatch.setattr(claim, "count", counts)
    outcome(EXPERIMENT, **TINY)
    assert timed == ["fused"] * (2 * 2 * 2)  # ways, lengths, rounds
    assert counted == ["written_out"] * (2 * 2)


def test_both_paths_have_the_same_parameters():
    fused, written_out = (
        build(CONFIG, Setting(1), path) for path in ("fused", "written_out")
    )
    theirs = written_out.state_dict()
    for name, value in fused.state_dict().items():
        assert torch.equal(value, theirs[name])
    other = build(CONFIG, Setting(2)).state_dict()
    assert not all(torch.equal(v, other[n]) for n, v in theirs.items())


def test_ways_take_turns_the_first_round_is_left_out_and_the_median_counts(monkeypatch):
    # by round: cached and again at 8 tokens, then at 16
    rounds = ((90, 90, 90, 90), (1, 8, 2, 32), (9, 99, 9, 96), (3, 16, 6, 64))
    clock = iter([ms / 1e3 for laps in rounds for ms in laps])
    monkeypatch.setattr(claim, "seconds", lambda work, device: next(clock))
    made = outcome(EXPERIMENT, **TINY | {"rounds": 3})
    ms = made.series["ms"]
    assert ms["cached"] == pytest.approx([3, 6])
    assert ms["again"] == pytest.approx([16, 64])
    assert ms["prompt"] == pytest.approx([2, 4])  # by token
    metrics = made.metrics
    assert metrics["time_saved"] == pytest.approx(64 / 6)
    assert metrics["prompt_gains"] == pytest.approx(6 / 4)
    assert metrics["time_slope_cached"] == pytest.approx(1)
    assert metrics["time_slope_again"] == pytest.approx(2)


def test_at_quick_scale_no_band_depends_on_a_clock():
    banded = {band.metric for band in EXPERIMENT.bands["quick"]}
    assert not {m for m in banded if m.startswith(("time_", "prompt_"))}
