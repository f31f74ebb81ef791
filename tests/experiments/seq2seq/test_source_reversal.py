from __future__ import annotations

import math

import pytest
import torch

from claims import failed, outcome, quick
from course_lib.data.batching import pad
from course_lib.experiments import execute, find, run_to_end
from course_lib.experiments.seq2seq import source_reversal
from course_lib.experiments.seq2seq.source_reversal import (
    ALL_ORDERS,
    build,
    by_place,
    longest_quarter,
    steps_share,
    tasks,
)
from course_lib.experiments.seq2seq.word_for_word import WordForWord
from course_lib.experiments.translation import Forced, Part

EXPERIMENT = find("source-reversal")
TINY = {
    "steps": 20,
    "test": 20,
    "train_pairs": 150,
    "test_pairs": 40,
    "translation_steps": 20,
    "measure_every": 5,
}


@pytest.fixture(scope="module")
def three():
    return {task.name: task for task in tasks(EXPERIMENT.config("quick", **TINY), 0)}


def parts(mirrored: bool, step: int = 3, length: int | None = None) -> Part:
    return WordForWord(9, 2, 6, seed=1, mirrored=mirrored).part(40, step, length)


# --- the tasks


def test_mirrored_is_monotone_said_from_the_end():
    plain, mirrored = parts(False), parts(True)
    for i in range(40):
        assert torch.equal(plain.sources[i], mirrored.sources[i])
        assert torch.equal(plain.targets[i].flip(0), mirrored.targets[i])
    assert any(not torch.equal(t, t.flip(0)) for t in plain.targets)


def test_monotone_translates_each_word_where_it_stands():
    word = {}
    for source, target in zip(parts(False).sources, parts(False).targets, strict=True):
        for s, t in zip(source.tolist(), target.tolist(), strict=True):
            assert word.setdefault(s, t) == t
    assert sorted(word) == sorted(word.values()) == list(range(4, 13))
    assert any(s != t for s, t in word.items())


def test_lengths_and_sentences_are_those_asked_for():
    assert {len(s) for s in parts(False).sources} == {2, 3, 4, 5, 6}
    assert {len(s) for s in parts(False, length=5).sources} == {5}
    assert any(
        not torch.equal(a, b)
        for a, b in zip(
            parts(False, 3, 5).sources, parts(False, 4, 5).sources, strict=True
        )
    )


def test_no_test_sentence_was_drawn_for_training(three):
    task = three["monotone"]
    trained = [task.batch_at(step).source.tolist() for step in range(task.steps)]
    for part in (task.few, task.test, task.longest):
        first = pad(part.sources[:5])[0].tolist()
        assert not any(first == batch[:5] for batch in trained)
    assert {len(s) for s in (*task.few.sources, *task.longest.sources)} == {7}


def test_tokens_are_counted_as_they_are_trained_on(three):
    for task in three.values():
        batches = [task.batch_at(step) for step in range(20)]
        pairs = sum(len(batch.source) for batch in batches)
        counted = sum(int(b.source_mask.sum() + b.target_mask.sum()) for b in batches)
        assert task.tokens == pytest.approx(counted / pairs, rel=0.1)


def test_the_longest_quarter():
    sources = [torch.ones(n) for n in (3, 9, 1, 8, 2, 7, 4, 5)]
    part = Part(sources, sources, [str(len(s)) for s in sources])
    assert sorted(longest_quarter(part).references) == ["8", "9"]


# --- the encoders


def test_reversed_reads_the_same_words_from_the_end_with_the_same_weights(three):
    task = three["mirrored"]
    forward, backward = (build(task, order, 3) for order in ("forward", "reversed"))
    for (name, one), other in zip(
        forward.named_parameters(), backward.parameters(), strict=True
    ):
        assert torch.equal(one, other), name
    sources = task.test.sources[:6]
    turned = [source.flip(0) for source in sources]
    torch.testing.assert_close(
        backward.encoder(*pad(sources)).summary, forward.encoder(*pad(turned)).summary
    )
    assert not torch.allclose(
        backward.encoder(*pad(sources)).summary, forward.encoder(*pad(sources)).summary
    )


def test_only_the_reading_differs_between_the_orders(three):
    task = three["monotone"]
    forward, backward = (build(task, order, 3) for order in ("forward", "reversed"))
    part = task.test.of(range(6))
    turned = part._replace(sources=[source.flip(0) for source in part.sources])
    found = source_reversal.forced(backward, part)
    for one, other in zip(found, source_reversal.forced(forward, turned), strict=True):
        torch.testing.assert_close(one.losses, other.losses)


def test_the_encoder_that_reads_both_ways_hands_over_no_more(three):
    models = {order: build(three["translation"], order, 0) for order in ALL_ORDERS}
    assert {m.encoder.hidden_size for m in models.values()} == {32}
    size = {o: sum(p.numel() for p in m.parameters()) for o, m in models.items()}
    assert size["forward"] == size["reversed"] > size["both"]
    _, mask = pad(three["translation"].test.sources[:4])
    source, _ = pad(three["translation"].test.sources[:4])
    summary = models["both"].encoder(source, mask).summary
    changed = source.clone()
    changed[:, 0] = 5 + (changed[:, 0] == 5).long()
    after = models["both"].encoder(changed, mask).summary
    assert (summary != after).any(dim=0).all()


# --- the measures


def test_places_are_counted_from_the_first_word_and_leave_out_the_end():
    losses = [[1.0, 2.0, 3.0, 4.0, 99.0], [5.0, 6.0, 99.0]]
    right = [[True, True, False, False, True], [False, True, True]]
    found = [
        Forced(torch.tensor(a), torch.tensor(b))
        for a, b in zip(losses, right, strict=True)
    ]
    halves = by_place(found, 2)
    assert halves["perplexity"] == pytest.approx(
        [math.exp((1 + 2 + 5) / 3), math.exp((3 + 4 + 6) / 3)]
    )
    assert halves["accuracy"] == pytest.approx([2 / 3, 1 / 3])
    assert by_place(found[:1], 4)["perplexity"] == pytest.approx(
        [math.exp(n) for n in (1, 2, 3, 4)]
    )
    with pytest.raises(ValueError, match="places: got 4 for targets of 2 to 2 words"):
        by_place(found[1:], 4)


def test_the_share_of_the_steps():
    slow = {"step": [0, 10, 20, 30, 40], "longest": [9.0, 8.0, 7.0, 6.0, 5.0]}
    fast = {"step": [0, 10, 20, 30, 40], "longest": [9.0, 6.0, 4.0, 3.0, 2.0]}
    assert steps_share(fast, slow) == 0.5
    assert steps_share(slow, fast) == 1.0
    assert steps_share(slow, slow) == 1.0


def test_ratios_are_of_reversed_over_forward():
    _, result = quick("source-reversal")
    run = result.runs[0]
    for task in ("monotone", "mirrored", "translation"):
        for metric in ("perplexity", "longest", "first", "last"):
            pair = [
                run.metrics[f"{task}_{o}_{metric}"] for o in ("reversed", "forward")
            ]
            assert run.metrics[f"{task}_ratio_{metric}"] == pair[0] / pair[1]
        curves = [run.series["curve"][f"{task}_{o}"] for o in ("reversed", "forward")]
        early = curves[0]["step"].index(75) if task != "translation" else 0
        assert run.metrics[f"{task}_early_first"] == pytest.approx(
            curves[0]["first"][early] / curves[1]["first"][early]
        )
        places = run.series["by_place"][f"{task}_forward"]["perplexity"]
        assert len(places) == (10 if task == "translation" else 7)


BANDS = {
    "monotone_early_first",
    "monotone_ratio_longest",
    "monotone_steps_share",
    "mirrored_early_first",
    "mirrored_ratio_longest",
    "mirrored_steps_share",
}


def test_encoders_that_never_turn_round_fail_every_band(monkeypatch):
    honest = build
    monkeypatch.setattr(
        source_reversal, "build", lambda task, _, seed: honest(task, "forward", seed)
    )
    metrics = outcome(EXPERIMENT, **TINY | {"steps": 150, "measure_every": 50}).metrics
    assert failed(EXPERIMENT, metrics) == BANDS
    assert metrics["monotone_ratio_longest"] == 1


def test_a_mirrored_task_that_is_not_fails_its_bands(monkeypatch):
    monkeypatch.setattr(WordForWord, "target", lambda self, s: self.dictionary()[s])
    metrics = outcome(EXPERIMENT, **TINY | {"steps": 200, "test": 100}).metrics
    assert {"mirrored_early_first", "mirrored_ratio_longest"} <= failed(
        EXPERIMENT, metrics
    )


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    unbroken = run_to_end(execute(EXPERIMENT, "quick", (0,), **TINY))
    steps = execute(EXPERIMENT, "quick", (0,), folder=tmp_path, **TINY)
    for progress in steps:
        if progress.done >= 0.7 * progress.total:
            break
    steps.close()
    seen = []
    again = run_to_end(
        execute(EXPERIMENT, "quick", (0,), folder=tmp_path, **TINY), seen.append
    )
    assert seen[0].done > 0.5 * seen[0].total, "finished encoders are not trained again"
    assert again.runs[0].metrics == unbroken.runs[0].metrics
    assert again.runs[0].series == unbroken.runs[0].series


@pytest.mark.data
def test_the_real_corpus_runs():
    small = TINY | {"corpus": "multi30k", "translation_steps": 5}
    assert outcome(EXPERIMENT, **small).metrics["translation_both_perplexity"] > 1
