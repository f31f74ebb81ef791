"""A Transformer and the best of chapter 4: what is fair, and what the page gets."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from claims import failed, outcome
from course_lib.attention import Additive, AttentionSeq2Seq
from course_lib.decoding import Hypothesis
from course_lib.experiments import find, run_to_end, translation
from course_lib.experiments.transformer import transformer_translation as claim
from course_lib.experiments.transformer.transformer_translation import (
    MODELS,
    decoding_speed,
    measure,
    plan,
    untrained,
)
from course_lib.experiments.translation import (
    corpus_bleu,
    forced,
    grammar,
    perplexity,
    teacher_forced_loss,
    translate,
)
from course_lib.figures.transformer import TransformerLab
from course_lib.figures.weights import unpack
from course_lib.training import Setting
from course_lib.transformer import Transformer, TransformerConfig

EXPERIMENT = find("transformer-translation")
SEED = 3
TINY = {"train": 300, "test": 30, "size": 16, "hidden": 16, "timed": 1}
TINY |= {"steps": 4, "warmup": 2, "measure_every": 2, "label_smoothing": 0.2}
CONFIG = EXPERIMENT.config("quick", **TINY)
TRANSFORMERS = [name for name in MODELS if name != "bahdanau"]


@pytest.fixture(scope="module")
def made():
    """What a tiny run measures, and what each model was trained with."""
    given = {}
    learn = translation.learn

    def watched(model, **how):
        given[how["name"]] = how | {"model": model}
        return (yield from learn(model, **how))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation, "learn", watched)
        return outcome(EXPERIMENT, SEED, **TINY), given


@pytest.fixture(scope="module")
def corpus():
    return grammar(train=300, valid=20, test=30, seed=0)


# --- the models


def test_one_head_has_as_many_parameters_as_four_and_the_same_ones(corpus):
    config = EXPERIMENT.config("cpu")
    models = untrained(config, corpus, 0)
    four, one = models["transformer"], models["one_head"]
    assert (four.config.heads, one.config) == (4, replace(four.config, heads=1))
    theirs = one.state_dict()
    assert four.state_dict().keys() == theirs.keys()
    for name, value in four.state_dict().items():
        assert torch.equal(value, theirs[name]), name
    attentions = (model.encoder.blocks[0].attention for model in (four, one))
    assert [attention.heads for attention in attentions] == [4, 1]


def test_sinusoids_instead_of_rotary_positions_are_all_that_differs(corpus):
    models = untrained(CONFIG, corpus, 0)
    rotary, other = models["transformer"], models["sinusoidal"]
    assert rotary.config.positions == "rotary"
    assert other.config == replace(rotary.config, positions="sinusoidal")
    theirs = other.state_dict()
    for name, value in rotary.state_dict().items():
        assert torch.equal(value, theirs[name]), name
    assert (rotary.config.norm, rotary.config.dropout) == ("pre", 0)


def test_the_other_is_bahdanaus(corpus):
    model = untrained(CONFIG, corpus, 0)["bahdanau"]
    assert isinstance(model, AttentionSeq2Seq)
    assert model.decoder.order == "before"
    assert isinstance(model.decoder.attention.score, Additive)
    assert list(untrained(CONFIG, corpus, 0)) == list(MODELS)


# --- the training


@pytest.mark.parametrize("scale", ["quick", "cpu", "real"])
def test_the_rate_falls_in_a_line_and_only_the_transformers_warm_up(scale):
    config = EXPERIMENT.scales[scale]
    for name in MODELS:
        training = plan(config, name)
        first = 0 if name == "bahdanau" else config.warmup
        rates = [training.rate(step) for step in range(config.steps)]
        assert training.warmup == first
        assert max(rates) == rates[max(first - 1, 0)] == config.learning_rate
        falls = -torch.tensor(rates[max(first - 1, 0) :], dtype=torch.float64).diff()
        torch.testing.assert_close(falls, falls[:1].expand_as(falls))
        assert rates[-1] == pytest.approx(falls[0].item())  # the next would be 0
        assert rates[0] <= config.learning_rate / max(first, 1)


def test_all_learn_the_same_pairs_for_as_many_steps(made):
    given = made[1]
    assert list(given) == list(MODELS)
    for place, (name, how) in enumerate(given.items()):
        assert how["training"] == plan(CONFIG, name)
        assert how["done"] == place * CONFIG.steps
        for step in (0, 3):
            mine, first = (one["batch_at"](step) for one in (how, given["transformer"]))
            assert all(map(torch.equal, mine, first))


@pytest.mark.parametrize("name", MODELS)
def test_label_smoothing_reaches_the_transformers_only(name, made):
    how = made[1][name]
    model, batch = how["model"], how["batch_at"](0)
    with torch.no_grad():
        plain, smoothed = (teacher_forced_loss(model, batch, e) for e in (0.0, 0.2))
        wanted = plain if name == "bahdanau" else smoothed
        assert how["loss"](model, batch) == wanted
    assert plain != smoothed


# --- what is measured


def test_what_is_measured_is_of_the_trained_models(made):
    metrics, given = made[0].metrics, made[1]
    corpus = made[0].model.corpus
    for name, how in given.items():
        model = how["model"]
        found = forced(model, corpus.test)
        assert metrics[f"perplexity_{name}"] == pytest.approx(perplexity(found))
        said = translate(model, corpus.test.sources, CONFIG.longest)
        assert metrics[f"bleu_{name}"] == corpus_bleu(corpus, corpus.test, said)
        count = sum(p.numel() for p in model.parameters())
        assert metrics[f"parameters_{name}"] == count


def test_each_is_translated_with_once_however_often_it_goes_on(
    made, monkeypatch, tmp_path
):
    seen = []
    monkeypatch.setattr(
        claim, "measure", lambda *given: seen.append(given) or measure(*given)
    )
    setting = Setting(SEED, checkpoint=tmp_path)
    for progress in (begun := EXPERIMENT.run(CONFIG, setting)):
        if progress.timing:
            begun.close()
    found = run_to_end(EXPERIMENT.run(CONFIG, setting))
    assert len(seen) == len(MODELS)
    assert found.series == made[0].series


def test_the_last_quarter_is_the_longest(monkeypatch, corpus):
    model = untrained(CONFIG, corpus, 0)["sinusoidal"]
    monkeypatch.setattr(claim, "bleu_by_quarter", lambda *_: [4.0, 3.0, 2.0, 1.0])
    quarters, scores = measure(model, corpus, 10)
    assert scores["bleu_longest"] == quarters[-1] == 1


def test_tokens_written_per_second_count_the_ends_and_the_median_is_kept(
    monkeypatch, corpus
):
    taken = iter([1.0, 4.0, 8.0, 2.0, 3.0, 5.0])  # a and b, three times in turns

    def seconds(work, device):
        work()
        return next(taken)

    said = [Hypothesis((5, 6, 7), 0.0, True), Hypothesis((5,) * 10, 0.0, False)]
    monkeypatch.setattr(claim, "seconds", seconds)
    monkeypatch.setattr(claim, "translate", lambda *_: said * 15)
    config = replace(CONFIG, written=3)
    found = decoding_speed({"a": None, "b": None}, corpus, config, "cpu")
    tokens = 15 * (3 + 1 + 10) / 2 * 2
    assert found == {"decoded_a": tokens / 3, "decoded_b": tokens / 4}


def test_gains_are_differences_of_bleu(monkeypatch):
    given = iter([60.0, 58.0, 45.0, 50.0])
    monkeypatch.setattr(claim, "corpus_bleu", lambda *_: next(given))
    found = outcome(EXPERIMENT, **TINY | {"steps": 3}).metrics
    assert [found[f"bleu_{name}"] for name in MODELS] == [60, 58, 45, 50]
    assert found["heads_gain"] == 2
    assert found["rotary_gain"] == 15
    assert found["transformer_over_bahdanau"] == 10


def test_ratios_are_the_recurrent_models_over_the_transformers(made):
    found = made[0].metrics
    for measured in ("ms", "decoded"):
        one, other = (
            found[f"{measured}_{name}"] for name in ("bahdanau", "transformer")
        )
        assert found[f"{measured}_ratio"] == one / other
    tokens = CONFIG.batch * (CONFIG.timed_length + 1)  # an end is a token as well
    for name in MODELS:
        per_second = 1e3 * tokens / found[f"ms_{name}"]
        assert found[f"tokens_{name}"] == pytest.approx(per_second)


def test_at_quick_scale_no_band_depends_on_a_clock():
    banded = {band.metric for band in EXPERIMENT.bands["quick"]}
    assert not {m for m in banded if m.startswith(("ms", "tokens", "decoded"))}


def test_models_that_learn_nothing_fail_their_bands(monkeypatch):
    def idle(model, **how):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(3)
        yield from ()
        return {"step": [0, 2], "valid": [1.0, 1.0]}

    monkeypatch.setattr(translation, "learn", idle)
    metrics = outcome(EXPERIMENT, **TINY).metrics
    wanted = {"perplexity_transformer", "perplexity_bahdanau"}
    assert failed(EXPERIMENT, metrics) == wanted


# --- the page


def test_the_page_gets_a_model_that_still_reaches_its_score(made):
    exported = json.loads(json.dumps(EXPERIMENT.export(CONFIG, made[0])))
    TransformerLab(weights=exported)
    model, corpus, _ = made[0].model
    assert exported["source_words"] == list(corpus.source.words)
    assert exported["target_words"] == list(corpus.target.words)
    sizes = TransformerConfig(**exported["config"])
    assert sizes == made[1]["sinusoidal"]["model"].config
    rebuilt = Transformer(sizes, len(corpus.source), len(corpus.target))
    rebuilt.load_state_dict(
        {name: torch.tensor(unpack(p)) for name, p in exported["parameters"].items()}
    )
    for name, value in rebuilt.state_dict().items():
        torch.testing.assert_close(
            value, model.state_dict()[name], atol=1e-3, rtol=1e-3
        )
    record = exported["record"]
    assert (record["scale"], record["seed"]) == ("changed", SEED)
    _, scores = measure(rebuilt, corpus, CONFIG.longest)
    for name in ("bleu", "bleu_longest", "perplexity"):
        full, half = (record[f"test_{name}_float{bits}"] for bits in (32, 16))
        assert full == pytest.approx(made[0].metrics[f"{name}_sinusoidal"], abs=1e-6)
        assert half == pytest.approx(scores[name], abs=1e-6)
    assert record["test_pairs"] == 30


@pytest.mark.data
def test_it_runs_on_captions_as_well():
    tiny = {"corpus": "multi30k", "size": 4, "inner": 4, "embedding": 4}
    tiny |= {
        "hidden": 4,
        "steps": 2,
        "warmup": 1,
        "measure_every": 2,
        "longest": 2,
        "batch": 4,
    }
    metrics = outcome(EXPERIMENT, **tiny, timed=1).metrics
    assert metrics["perplexity_transformer"] > 100
