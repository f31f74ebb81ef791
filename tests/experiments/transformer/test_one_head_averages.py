from __future__ import annotations

import pytest
import torch

from claims import failed, outcome
from course_lib.experiments import execute, run_to_end
from course_lib.experiments.transformer import one_head_averages
from course_lib.experiments.transformer.one_head_averages import (
    EXPERIMENT,
    ITEMS,
    LAYERS,
    NEAR,
    accuracies,
    build,
    items,
    loss,
    metrics_of,
    offsets,
    sequences,
)

CONFIG = EXPERIMENT.config("quick", size=16, symbols=5, length=12)
TINY = {"size": 16, "steps": 20, "measure_every": 10, "test": 20}


def some(number=6, seed=0):
    return sequences(CONFIG, number, torch.Generator().manual_seed(seed))


def test_items_are_the_word_before_and_the_second_after():
    x = some()
    found = items(x)
    assert found.shape == (6, 9, 2)
    for i in range(1, 10):
        assert torch.equal(found[:, i - 1, 0], x[:, i - 1])
        assert torch.equal(found[:, i - 1, 1], x[:, i + 2])


@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_reads_and_every_parameter_learns(kind):
    model = build(kind, CONFIG, seed=0)
    assert model(some()).shape == (6, 9, 2, 5)
    loss(model, some()).backward()
    still = {name for name, p in model.named_parameters() if not p.grad.any()}
    # The same added to every key's score changes no weight.
    assert still <= {"layer.W_k.bias"}


def test_layers_start_alike_and_have_the_same_width():
    one, many, conv = (
        build(kind, CONFIG, seed=2)
        for kind in ("one_head", "eight_heads", "convolution")
    )
    for (name, p), q in zip(one.named_parameters(), many.parameters(), strict=True):
        assert torch.equal(p, q), name
    assert torch.equal(one.symbols.weight, conv.symbols.weight)
    assert conv.readout.weight.shape == one.readout.weight.shape == (10, 16)
    assert [build(k, CONFIG, 0).layer.heads for k in list(LAYERS)[1:5]] == [1, 2, 4, 8]


def test_a_convolution_sees_two_places_each_way():
    model = build("convolution", CONFIG, seed=0)
    x = some(1)
    changed = x.clone()
    changed[0, 6] = (x[0, 6] + 1) % 5
    moved = (model(x) != model(changed)).flatten(2).any(dim=2)[0]
    assert [i + 1 for i in moved.nonzero().flatten().tolist()] == [4, 5, 6, 7, 8]


def test_only_the_network_behind_is_not_linear():
    for kind in LAYERS:
        readout = build(kind, CONFIG, seed=0).readout
        a, b = torch.randn(2, 7, 16, generator=torch.Generator().manual_seed(1))
        middle = (readout(a) + readout(b)) / 2
        linear = torch.allclose(readout((a + b) / 2), middle, atol=1e-6)
        assert linear == (kind != "one_head_mlp")


def test_both_means_at_once(monkeypatch):
    class Says(torch.nn.Module):
        """Always right about who, and about what at every other place."""

        symbols = torch.nn.Embedding(5, 1)

        def forward(self, x):
            true = items(x).clone()
            true[:, ::2, 1] = (true[:, ::2, 1] + 1) % 5
            return torch.nn.functional.one_hot(true, 5).float()

    found = accuracies(Says(), some())
    assert found == pytest.approx({"both": 4 / 9, "who": 1, "what": 4 / 9})


@pytest.mark.parametrize("place", [-4, -1, 0, 2, 4])
def test_offsets_are_counted_from_the_query(place, monkeypatch):
    model = build("two_heads", CONFIG, seed=0)
    x = some()
    T = x.shape[1]
    looks = torch.zeros(6, 2, T, T)
    looks[:, 0] = torch.eye(T).roll(place, dims=1)  # query i looks at i + place
    looks[:, 1] = torch.arange(T)[:, None]  # not weights, but they tell the queries

    def look(self, *given, **named):
        self.weights = looks
        return given[0]

    monkeypatch.setattr(one_head_averages.MultiHeadAttention, "forward", look)
    first, second = offsets(model, x)
    assert first == [float(o == place) for o in NEAR]
    assert second == [5.5] * len(NEAR), "queries 4 to 7 have all these places"


def test_weight_is_that_of_the_head_which_looks_most():
    def row(**at):
        return [at.get(f"at{o}".replace("-", "_"), 0.0) for o in NEAR]

    curve = {"both": [0.0, 0.1], "who": [0.0, 0.2], "what": [0.0, 0.9]}
    one = [row(at_1=0.6, at2=0.4)]
    two = [row(at_1=0.9, at2=0.1), row(at2=0.7)]
    parts = {
        kind: {"curve": curve, "offsets": two if kind == "two_heads" else one}
        for kind in LAYERS
    }
    metrics = metrics_of(parts)
    assert metrics["weight_one_head"] == pytest.approx(0.5)
    assert metrics["weight_two_heads"] == pytest.approx(0.8)
    assert metrics["both_convolution"] == 0.1, "the last of the curve"
    assert metrics["better_one_head"] == 0.9


def test_no_linear_readout_of_a_mean_gets_the_lesser_item():
    """The argument of the module, checked: the best readout, for fixed weights."""
    V = 6
    a, b = torch.cartesian_prod(torch.arange(V), torch.arange(V)).T
    one_hot = torch.eye(V)
    mean = 0.7 * one_hot[a] + 0.3 * one_hot[b]  # (V², V)
    readout = torch.nn.Linear(V, V)
    optimizer = torch.optim.LBFGS(readout.parameters(), max_iter=200)

    def closure():
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(readout(mean), b)
        value.backward()
        return value

    optimizer.step(closure)
    right = readout(mean).argmax(dim=1) == b
    assert right.sum() == V, "only where the two are the same symbol"


@pytest.mark.parametrize("changes", [{"length": 8}, {"kernel": 4}])
def test_sizes_that_do_not_fit_are_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        EXPERIMENT.config("quick", **changes)


def test_one_head_that_were_two_would_fail_its_band(monkeypatch):
    monkeypatch.setitem(LAYERS, "one_head", 2)
    assert failed(EXPERIMENT, outcome(EXPERIMENT).metrics) == {"both_one_head"}


def test_without_places_no_head_finds_its_neighbour(monkeypatch):
    class Nowhere(torch.nn.Module):
        def __init__(self, *sizes):
            super().__init__()

        def forward(self, x):
            return x

    monkeypatch.setattr(one_head_averages, "Learned", Nowhere)
    missed = failed(EXPERIMENT, outcome(EXPERIMENT, **TINY | {"steps": 60}).metrics)
    heads = {f"both_{kind}" for kind in LAYERS if LAYERS[kind] > 1}
    assert heads | {"better_one_head", "both_one_head_mlp"} <= missed


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
    assert seen[0].done > 0.4 * seen[0].total, "finished layers are not trained again"
    assert again.runs[0].metrics == unbroken.runs[0].metrics
    assert again.runs[0].series == unbroken.runs[0].series


def test_asked_for_places_are_shown():
    assert set(ITEMS) <= set(NEAR)
