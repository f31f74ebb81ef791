from __future__ import annotations

import pytest
import torch
from torch import nn

from claims import failed, outcome
from course_lib.experiments import find
from course_lib.experiments.lstm_gru.cell_measures import (
    by_distance,
    closed_right,
    others,
    perplexity,
    shares,
    silenced,
    well_written,
)
from course_lib.experiments.lstm_gru.cell_states import (
    KINDS,
    Config,
    build,
    hush_unseen,
    read,
)
from course_lib.rnn import one_hot
from course_lib.training import weight_count

EXPERIMENT = find("cell-states")
SMALL = Config(characters=5_000, measured=4_000, hidden_size=12, length=20)


@pytest.fixture(scope="module")
def corpus():
    return read(SMALL, 0)


class Fixed(nn.Module):
    """Gives the same logits whatever it reads, or the right ones if it may look."""

    def __init__(self, characters, likes: str = "", knows: bool = False) -> None:
        super().__init__()
        self.size, self.knows = len(characters), knows
        self.logits = nn.Parameter(torch.zeros(self.size))
        if likes:
            self.logits.data[characters.encode(likes)] = 5.0

    def forward(self, tokens, state=None):
        if self.knows:  # what follows; of the last one nothing
            return 9 * one_hot(tokens.roll(-1, 1), self.size), None
        return self.logits.expand(*tokens.shape, self.size), None


def test_the_networks_have_about_as_many_weights(corpus):
    V = len(corpus.characters)
    size = {kind: weight_count(build(Config(), kind, V, 0)) for kind in KINDS}
    assert all(0.97 < size[kind] / size["lstm"] <= 1 for kind in KINDS)
    assert size["lstm"] < 100_000


def test_the_perplexity_is_that_of_the_real_characters(corpus):
    V = len(corpus.characters)
    assert perplexity(Fixed(corpus.characters), corpus.test) == pytest.approx(V)
    part = corpus.test
    other = part._replace(tokens=torch.where(part.mask, part.tokens, 3))
    model = build(SMALL, "lstm", V, 0)
    assert perplexity(model, other) == pytest.approx(perplexity(model, part))


def test_one_that_knows_closes_right_and_one_that_always_says_the_same_does_not(corpus):
    all_right = shares(
        closed_right(Fixed(corpus.characters, knows=True), corpus), corpus
    )
    assert set(all_right.values()) == {1.0}
    same = shares(closed_right(Fixed(corpus.characters, likes="]"), corpus), corpus)
    assert same["quotes"] == 0
    assert same["brackets"] == pytest.approx(1 / 3, abs=0.1)
    quotes = shares(closed_right(Fixed(corpus.characters, likes='"'), corpus), corpus)
    assert (quotes["quotes"], quotes["brackets"]) == (1.0, 0.0)


def test_the_last_bracket_opened_is_a_good_guess_only_near_by(corpus):
    found = by_distance(corpus.test.closings.last, corpus)
    assert found[0] > 0.8
    assert found[-1] < 0.6
    assert shares(corpus.test.closings.last, corpus)["resumed"] == 0


def test_only_lines_that_are_well_formed_and_end_count_as_written(corpus):
    class Writes:
        def __init__(self, *texts: str) -> None:
            self.rows = torch.stack([corpus.characters.encode(t) for t in texts])

        def generate(self, before, length, generator):
            return self.rows

    model = Writes("[Peru]\n(Chad", "[Peru)\n(Chad", "[Peru](Chad ", "A\n[[[[Peru  ")
    assert well_written(model, corpus, 4, torch.Generator()) == 2 / 4


def test_a_silenced_cell_that_nobody_reads_costs_nothing(corpus):
    model = build(SMALL, "lstm", len(corpus.characters), 0)
    layer = model.layer
    with torch.no_grad():
        model.output.weight[:, 4] = 0.0
        layer.W_h[:, 4] = 0.0
    assert silenced(model, corpus.test, 4) == pytest.approx(1, abs=1e-6)
    with torch.no_grad():
        model.output.weight[:, 5] *= 100
    assert abs(silenced(model, corpus.test, 5) - 1) > 1e-3


def test_the_others_are_not_the_cell_itself():
    for cell in (0, 7, 11, 95):
        found = others(cell, 96)
        assert cell not in found
        assert len(set(found)) == len(found) >= 8


def test_what_training_never_shows_stays_silent(corpus):
    model = build(SMALL, "gru", len(corpus.characters), 0)
    hush_unseen(model, corpus)
    seen = set(corpus.characters.decode(corpus.train))
    for n, character in enumerate(corpus.characters.characters):
        assert model.layer.W_x[:, n].any().item() == (character in seen), character


def test_an_lstm_that_hardly_learns_has_no_cell_for_quotes():
    metrics = outcome(EXPERIMENT, steps=20, lstm_rate=1e-6, measure_every=20).metrics
    assert "score_quotes_lstm" in failed(EXPERIMENT, metrics)


def test_a_bad_text_is_named():
    with pytest.raises(ValueError, match="text: got 'x'"):
        outcome(EXPERIMENT, text="x")


@pytest.mark.data
def test_the_real_text_runs():
    found = outcome(EXPERIMENT, text="time-machine", steps=5, measure_every=5)
    assert "brackets_lstm" not in found.metrics
    assert set(found.series["told"]["lstm"]) >= {"inside quotes", "length of the line"}
    assert "closing" not in found.series
