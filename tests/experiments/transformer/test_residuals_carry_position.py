from __future__ import annotations

import pytest
import torch

from claims import failed, outcome
from course_lib.experiments import Setting, find
from course_lib.experiments.transformer import residuals_carry_position as claim
from course_lib.transformer import LayerNorm, Stack, TransformerConfig

B, n, C = 3, 5, 8


@pytest.fixture(params=["post", "pre"])
def stack(request):
    torch.manual_seed(0)
    config = TransformerConfig(C, 2, 16, 3, request.param, dropout=0.0)
    return Stack(config)


@torch.no_grad()
def test_with_residuals_the_blocks_are_the_course_s_own(stack):
    x, code = torch.randn(B, n, C), torch.randn(n, C)
    *_, last = claim.vectors(x, code, stack.blocks, "with")
    torch.testing.assert_close(stack.norm(last), stack(x)[0])


@torch.no_grad()
def test_without_nothing_of_x_goes_round_a_part(stack):
    x = torch.randn(B, n, C)
    block = stack.blocks[0]
    for norm in (m for m in block.modules() if isinstance(m, LayerNorm)):
        norm.register_forward_hook(lambda norm, given, out: given[0])  # no norm at all
    got = claim.one_block(block, x, residual=False)
    heard = block.attention(x, block.attention.look_at(x))
    torch.testing.assert_close(got, block.feed_forward(heard))


@torch.no_grad()
def test_told_again_the_code_is_added_before_each_block(stack):
    x, code = torch.randn(B, n, C), torch.randn(n, C)
    states = list(claim.vectors(x, code, stack.blocks, "again"))
    for block, before, after in zip(stack.blocks, states, states[1:], strict=False):
        expected = claim.one_block(block, before + code, residual=False)
        torch.testing.assert_close(after, expected)


def test_a_probe_tells_what_is_there_however_small_and_nothing_else():
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (300, 6), generator=g)
    noise = torch.randn(300, 6, 10, generator=g)
    one_hot = torch.nn.functional.one_hot(labels, 4)
    told = torch.cat([noise, 1e-4 * (noise[..., :4] + 10 * one_hot)], dim=-1)
    assert claim.probe(told, labels, 200, 1e-2) > 0.95
    assert claim.probe(noise, labels, 200, 1e-2) == pytest.approx(1 / 4, abs=0.05)


def test_a_probe_is_asked_about_sentences_that_it_was_not_fitted_on():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(30, 2, 60, generator=g)  # as many numbers as fitted tokens
    labels = torch.randint(4, (30, 2), generator=g)
    assert claim.probe(x, labels, 29, 1e-9) <= 0.5
    x, labels = torch.cat([x, x]), torch.cat([labels, labels])
    assert claim.probe(x, labels, 30, 1e-9) == 1.0


def test_spread_is_zero_for_equal_vectors_and_one_around_zero():
    x = torch.randn(B, 1, C).expand(B, n, C)
    assert claim.spread(x) == pytest.approx(0, abs=1e-6)
    x = torch.randn(B, n, C)
    assert claim.spread(x - x.mean(dim=1, keepdim=True)) == pytest.approx(1)


def test_all_three_networks_have_the_same_blocks_and_read_the_same():
    experiment = find("residuals-carry-position")
    series = outcome(experiment, fitted=50, asked=20).series
    for norm in claim.NORMS:
        starts = [series[f"{kind}_{norm}"]["spread"][0] for kind in claim.KINDS]
        assert len(set(starts)) == 1
    one, again, other = (
        claim._stack(experiment.scales["quick"], 8, "post", Setting(seed))
        for seed in (0, 0, 1)
    )
    W, W_again, W_other = (
        s.blocks[0].attention.W_q.weight for s in (one, again, other)
    )
    assert torch.equal(W, W_again)
    assert not torch.equal(W, W_other)


def test_networks_that_all_have_residuals_fail_their_bands(monkeypatch):
    one_block = claim.one_block
    monkeypatch.setattr(
        claim, "one_block", lambda b, x, residual: one_block(b, x, True)
    )
    experiment = find("residuals-carry-position")
    found = failed(experiment, outcome(experiment).metrics)
    assert {"place_without_post", "place_without_pre"} <= found


def test_networks_without_any_residuals_fail_their_bands(monkeypatch):
    one_block = claim.one_block
    monkeypatch.setattr(
        claim, "one_block", lambda b, x, residual: one_block(b, x, False)
    )
    experiment = find("residuals-carry-position")
    found = failed(experiment, outcome(experiment).metrics)
    assert found == {"place_with_post", "place_with_pre", "word_with_post"}
