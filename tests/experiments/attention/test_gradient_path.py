from __future__ import annotations

import copy

import pytest
import torch

from claims import failed, outcome
from course_lib.data.translation import collate
from course_lib.experiments import execute, run_to_end
from course_lib.experiments.attention import decoders, gradient_path
from course_lib.experiments.attention.gradient_path import (
    EXPERIMENT,
    KINDS,
    build,
    encoder_gradients,
    gradients,
    measure,
    only_direct,
    without,
)
from course_lib.experiments.seq2seq.word_for_word import WordForWord

CONFIG = EXPERIMENT.config("quick", embedding=5, hidden=6)
TASK = WordForWord(8, 2, 6, seed=0)
ATTENTION = KINDS[1:]
TINY = {"steps": 20, "measure_every": 10, "untrained": 12, "points": 3, "test": 5}


def one_pair():
    """A sentence without repetition: each row of the embedding belongs to one word."""
    source = torch.tensor([6, 9, 4, 11, 7])
    return collate([source], [TASK.target(source)])


def drawn(name):
    return build(name, CONFIG, TASK.vocabulary, seed=1).double()


def started(name):
    """Model, state after the words before the third, and the embedded source."""
    model, batch = drawn(name), one_pair()
    state, embedded = gradient_path._start(model, batch)
    _, state, _ = model.decoder(batch.previous[:, :2], state)
    return model, batch.previous[:, 2:3], state, embedded


# --- the models


def test_only_the_context_differs_at_the_start():
    encoders = [build(name, CONFIG, 12, 3).encoder.state_dict() for name in KINDS]
    for other in encoders[1:]:
        assert all(torch.equal(other[key], encoders[0][key]) for key in other)
    hidden = {build(name, CONFIG, 12, 3).decoder.layer.hidden_size for name in KINDS}
    assert hidden == {6}


@pytest.mark.parametrize("name", KINDS)
def test_the_encoder_reads_one_way(name):
    model, batch = drawn(name), one_pair()
    changed = batch.source.clone()
    changed[:, 3] = 5
    first, after = (
        model.encoder(source, batch.source_mask).states
        for source in (batch.source, changed)
    )
    assert torch.equal(first[:, :3], after[:, :3])
    assert (first[:, 3:] != after[:, 3:]).any(dim=2).all()


# --- the gradients


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("place", [0, 3, 4])
def test_the_gradient_is_that_of_a_difference(name, place):
    model, batch = drawn(name), one_pair()
    direction = torch.randn(5, generator=torch.Generator().manual_seed(0)).double()
    losses = []
    for step in (1e-5, -1e-5):
        moved = copy.deepcopy(model)
        row = batch.source[0, place]
        moved.encoder.embedding.weight.data[row] += step * direction
        logits = moved(batch.source, batch.source_mask, batch.previous)[0, place]
        losses.append(-logits.log_softmax(0)[batch.target[0, place]])
    error = model(batch.source, batch.source_mask, batch.previous)[0, place].softmax(0)
    error[batch.target[0, place]] -= 1
    expected = (losses[0] - losses[1]) / 2e-5 / error.norm()
    found = gradients(model, batch, place).whole[0] @ direction
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", ATTENTION)
def test_the_two_ways_add_up_and_both_are_there(name):
    model, batch = drawn(name), one_pair()
    for place in range(5):
        whole, direct, rest = gradients(model, batch, place)
        torch.testing.assert_close(direct + rest, whole, rtol=1e-12, atol=0)
        assert direct.norm() > 1e-6
        assert rest.norm() > 1e-12


@pytest.mark.parametrize("name", ATTENTION)
@pytest.mark.parametrize("cut", [only_direct, without])
def test_a_cut_changes_no_number(name, cut):
    model, token, state, _ = started(name)
    expected, found = (model.decoder(token, s)[0] for s in (state, cut(state, 2)))
    assert torch.equal(found, expected)


@pytest.mark.parametrize("name", ATTENTION)
def test_the_direct_way_comes_by_no_later_word_and_the_rest_does(name):
    model, token, state, embedded = started(name)
    for cut, later in ((only_direct, False), (without, True)):
        logits = model.decoder(token, cut(state, 2))[0]
        (found,) = torch.autograd.grad(logits[0, 0, 5], embedded, retain_graph=True)
        assert found[0, 3:].any() == later
        assert found[0, 2].any()


def test_beside_the_direct_way_only_the_bridge_leads_to_the_last_word():
    """Of Luong, whose words before were said without a look at it."""
    model, batch = drawn("luong-general"), one_pair()
    assert gradients(model, batch, 4).rest.any()
    for part in model.bridge.parts:
        part.weight.data.zero_()
    assert not gradients(model, batch, 4).rest.any()
    assert gradients(model, batch, 4).direct.any()


def test_the_encoder_alone_is_autograd_step_by_step():
    model, batch = drawn("none"), one_pair()
    u = torch.randn(1, 6, dtype=torch.float64)
    layer, h = model.encoder.layer, torch.zeros(1, 6, dtype=torch.float64)
    x = model.encoder.embedding(batch.source).detach().requires_grad_()
    for t in range(5):
        h = layer.step(x[:, t], h)
    (expected,) = torch.autograd.grad((u * h).sum(), x)
    found = encoder_gradients(model, batch, u)
    torch.testing.assert_close(found, expected[0].norm(dim=1).log10().flip(0))


def test_distances_are_counted_from_the_end():
    part = TASK.part(3, 0, 6)
    model = drawn("none")
    found = measure(model.float(), part, points=6, seed=0)
    assert found["distance"] == [0, 1, 2, 3, 4, 5]
    batch = collate(part.sources, part.targets)
    for distance, place in ((0, 5), (5, 0)):
        one = gradients(model.double(), batch, place).whole
        expected = one.norm(dim=1).log10().mean().item()
        assert found["whole"][distance] == pytest.approx(expected, abs=1e-4)
    assert "share" not in found


def test_measuring_leaves_the_model_as_it_was():
    model = drawn("bahdanau").float()
    before = copy.deepcopy(model.state_dict())
    measure(model, TASK.part(2, 0, 4), points=2, seed=0)
    assert all(torch.equal(before[key], now) for key, now in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


# --- the claim


def test_an_encoder_that_reads_both_ways_fails_its_band(monkeypatch):
    def both_ways(name, config, vocabulary, seed):
        sizes = decoders.Sizes(vocabulary, vocabulary, config.embedding, config.hidden)
        return decoders.build(name, sizes, seed)

    monkeypatch.setattr(gradient_path, "build", both_ways)
    metrics = outcome(EXPERIMENT, **TINY | {"untrained": 40}).metrics
    assert "untrained_fall_none" in failed(EXPERIMENT, metrics)


def test_a_cut_that_cuts_nothing_fails_its_band(monkeypatch):
    monkeypatch.setattr(gradient_path, "without", lambda state, place: state)
    metrics = outcome(EXPERIMENT, **TINY).metrics
    assert "sum_error" in failed(EXPERIMENT, metrics)


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
    assert seen[0].done > 0.6 * seen[0].total, "finished models are not trained again"
    assert again.runs[0].metrics == unbroken.runs[0].metrics
    assert again.runs[0].series == unbroken.runs[0].series
