from __future__ import annotations

import pytest
import torch

from claims import failed, outcome
from course_lib.data.text import windows
from course_lib.experiments import find
from course_lib.experiments.lstm_gru.gated_character_model import (
    NETWORKS,
    PLAN,
    Batch,
    Config,
    Job,
    build,
    loss,
    training,
)
from course_lib.experiments.next_character import (
    perplexity,
    perplexity_by_batch,
    read,
    window_loss,
)
from course_lib.training import weight_count

EXPERIMENT = find("gated-character-model")
TINY = {"train_windows": 400, "valid_windows": 200, "epochs": 1, "sample": 5}


def batch(shown: torch.Tensor | None = None) -> Batch:
    ids = torch.randint(7, (40,), generator=torch.Generator().manual_seed(3))
    every = windows(ids, 9).clone()  # or they would share memory
    shown = torch.ones(len(every), 9, dtype=torch.bool) if shown is None else shown
    return Batch(every, shown)


@pytest.mark.parametrize("network", NETWORKS)
def test_with_nothing_hidden_it_is_the_loss_of_chapter_1(network):
    model = build(Config(hidden_size=5), network, 7, 0)
    torch.testing.assert_close(
        loss(model, batch()), window_loss(model, batch().windows)
    )


def test_a_hidden_character_leaves_no_trace():
    model = build(Config(hidden_size=5), "lstm", 7, 0)
    shown = torch.ones(len(batch().windows), 9, dtype=torch.bool)
    shown[:, 4] = False
    first, second = batch(shown), batch(shown)
    second.windows[:, 4] = (second.windows[:, 4] + 1) % 7
    # Character 4 is still a target, that of step 3: leave this step's loss out.
    found = [_by_step(model, b) for b in (first, second)]
    keep = [t for t in range(9) if t != 3]
    torch.testing.assert_close(found[0][:, keep], found[1][:, keep])
    assert not torch.allclose(_by_step(model, batch())[:, 5], found[0][:, 5])


def _by_step(model, one: Batch) -> torch.Tensor:
    """The loss of every row and step ``(B, T)``, from :func:`loss` on prefixes."""
    rows = []
    for row in range(len(one.windows)):
        sums = [
            (t + 1)
            * loss(
                model,
                Batch(one.windows[row, None, : t + 2], one.shown[row, None, : t + 1]),
            )
            for t in range(one.shown.shape[1])
        ]
        rows.append(torch.stack(sums).diff(prepend=torch.zeros(1)))
    return torch.stack(rows).detach()


def test_the_recipes_differ_where_they_say():
    config = Config()
    ours = training(config, Job("lstm", "ours"), 10)
    assert (ours.optimizer, ours.learning_rate) == ("adam", config.adam_rate)
    for network, rate in (("lstm", 4.0), ("gru", 4.0), ("rnn", 1.0)):
        theirs = training(config, Job(network, "d2l"), 10)
        assert (theirs.optimizer, theirs.learning_rate) == ("sgd", rate)
        assert theirs.clip_norm == 1.0


def test_the_networks_have_the_sizes_that_are_claimed():
    size = {name: weight_count(build(Config(), name, 27, 0)) for name in NETWORKS}
    assert 0.95 < size["wide"] / size["lstm"] <= 1
    assert size["rnn"] < size["gru"] < size["lstm"]
    assert build(Config(), "rnn", 27, 0).layer.hidden_size == 32
    assert len(PLAN) == len(set(PLAN)) == 7


def test_both_recipes_start_from_the_same_weights_and_see_the_same_windows():
    curves = outcome(EXPERIMENT, **TINY).series["perplexity"]
    for network in ("rnn", "gru", "lstm"):
        starts = [curves[name]["valid"][0] for name in (network, f"d2l_{network}")]
        assert starts[0] == starts[1]
    assert curves["rnn"]["valid"][0] != curves["wide"]["valid"][0]


def test_untrained_networks_fail_their_bands():
    slow = {"adam_rate": 1e-7, "sgd_rate": 1e-7, "rnn_sgd_rate": 1e-7}
    metrics = outcome(EXPERIMENT, **TINY, **slow).metrics
    assert {"lstm_over_trigram", "gru_over_trigram"} <= failed(EXPERIMENT, metrics)


def test_the_two_perplexities():
    found = torch.tensor([[0.0, 0.0], [2.0, 2.0]])
    assert perplexity(found) == pytest.approx(torch.e)
    assert perplexity_by_batch(found, 1) == pytest.approx((1 + torch.e**2) / 2)
    assert perplexity_by_batch(found, 2) == pytest.approx(torch.e)


def test_what_the_counts_read_is_what_the_networks_read():
    text = read("names", 8, 300, 100, 0)
    assert torch.equal(text.train, windows(text.seen, 8))
    assert torch.equal(text.valid, windows(text.unseen, 8))
    both = torch.cat([text.seen, text.unseen])
    characters = text.characters.decode(both)
    assert len(characters) == 300 + 8 + 100 + 8
    with pytest.raises(ValueError, match="text: got 'x'"):
        read("x", 8, 300, 100, 0)


@pytest.mark.data
def test_the_real_text_runs():
    assert outcome(EXPERIMENT, text="time-machine", **TINY).metrics["trigram"] < 15
