"""The weights in the page still reach the accuracy that their record states."""

from __future__ import annotations

import json

import pytest
import torch

from course_lib.data.words import ALPHABET, languages
from course_lib.experiments import Setting, find, run_to_end, stored
from course_lib.experiments.rnn.word_language import balanced_accuracy, encode
from course_lib.figures.weights import unpack
from course_lib.rnn import RNN, SequenceClassifier


@pytest.fixture(scope="module")
def artefact():
    path = find("word-language").artefact
    return json.loads(path.read_text(encoding="utf-8"))


def load(artefact) -> SequenceClassifier:
    hidden = artefact["parameters"]["W_h"]["shape"][0]
    layer = RNN(len(artefact["alphabet"]), hidden)
    model = SequenceClassifier(layer, len(artefact["labels"]))
    state = {
        name: torch.tensor(unpack(artefact["parameters"][name.removeprefix("layer.")]))
        for name in model.state_dict()
    }
    model.load_state_dict(state)
    return model


def test_they_reach_the_stored_accuracy(artefact):
    record = artefact["record"]
    assert not record["commit"].endswith("-dirty"), "export it from a clean checkout"
    words = languages(record["seed"])
    assert list(words.labels) == artefact["labels"]
    assert artefact["alphabet"] == ALPHABET
    part = encode(words.test)
    found = balanced_accuracy(load(artefact), part, len(words.labels)).mean().item()
    assert found == pytest.approx(record["test_accuracy_float16"], abs=2e-3)
    assert abs(record["test_accuracy_float16"] - record["test_accuracy_float32"]) < 0.01


def test_they_are_those_of_the_stored_result(artefact):
    record = artefact["record"]
    result = stored(record["experiment"], record["scale"])
    run = next(run for run in result.runs if run.seed == record["seed"])
    assert record["test_accuracy_float32"] == pytest.approx(
        run.metrics["rnn"], abs=1e-5
    )


def test_what_training_never_shows_stays_silent(artefact):
    W_x = load(artefact).layer.W_x
    assert not W_x[:, ALPHABET.index(" ")].any()


def test_a_fresh_export_says_what_it_is():
    experiment = find("word-language")
    config = experiment.config("quick", steps=10, measure_every=10)
    outcome = run_to_end(experiment.run(config, Setting(4)))
    artefact = json.loads(json.dumps(experiment.export(config, outcome)))
    record = artefact["record"]
    assert record["scale"] == "changed"
    assert record["seed"] == 4
    assert record["test_accuracy_float32"] == round(outcome.metrics["rnn"], 6)
    rounded = load(artefact).state_dict()
    for name, value in outcome.model.model.state_dict().items():
        torch.testing.assert_close(rounded[name], value, rtol=1e-3, atol=1e-6)
