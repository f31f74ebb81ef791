"""The weights in the page still reach the perplexity that their record states."""

from __future__ import annotations

import json

import pytest
import torch

from course_lib.experiments import Setting, find, run_to_end, stored
from course_lib.experiments.lstm_gru.cell_measures import perplexity
from course_lib.experiments.lstm_gru.cell_states import EXAMPLES, look, read
from course_lib.figures.weights import unpack
from course_lib.lstm_gru import LSTM
from course_lib.rnn import LanguageModel


@pytest.fixture(scope="module")
def artefact():
    path = find("cell-states").artefact
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def corpus(artefact):
    record = artefact["record"]
    config = find(record["experiment"]).config(record["scale"])
    return read(config, record["seed"])


def load(artefact) -> LanguageModel:
    hidden = artefact["parameters"]["layer.W_h"]["shape"][1]
    model = LanguageModel(LSTM(len(artefact["alphabet"]), hidden))
    model.load_state_dict(
        {name: torch.tensor(unpack(v)) for name, v in artefact["parameters"].items()}
    )
    return model


def test_they_reach_the_stored_perplexity(artefact, corpus):
    record = artefact["record"]
    assert not record["commit"].endswith("-dirty"), "export it from a clean checkout"
    assert corpus.characters.characters == artefact["alphabet"]
    found = perplexity(load(artefact), corpus.test)
    assert found == pytest.approx(record["test_perplexity_float16"], rel=2e-3)
    rounded, exact = (record[f"test_perplexity_float{n}"] for n in (16, 32))
    assert abs(rounded - exact) < 0.01


def test_they_are_those_of_the_stored_result(artefact):
    record = artefact["record"]
    result = stored(record["experiment"], record["scale"])
    run = next(run for run in result.runs if run.seed == record["seed"])
    assert record["test_perplexity_float32"] == pytest.approx(
        run.metrics["perplexity_lstm"], abs=1e-5
    )


def test_the_named_cells_are_the_best_and_score_what_the_page_says(artefact, corpus):
    told = look(load(artefact), corpus)
    assert [one["concept"] for one in artefact["cells"]] == list(told)
    for one in artefact["cells"]:
        found = told[one["concept"]]
        assert found.score == pytest.approx(one["score"], abs=0.01), one["concept"]
        assert found.cell == one["cell"], one["concept"]


def test_the_examples_are_lines_that_the_network_could_have_read(artefact):
    from course_lib.data.nested import well_formed

    assert artefact["examples"] == list(EXAMPLES)
    assert all(well_formed(line) for line in artefact["examples"])


def test_a_fresh_export_says_what_it_is():
    experiment = find("cell-states")
    config = experiment.config("quick", steps=10, measure_every=10)
    outcome = run_to_end(experiment.run(config, Setting(4)))
    artefact = json.loads(json.dumps(experiment.export(config, outcome)))
    record = artefact["record"]
    assert record["scale"] == "changed"
    assert record["seed"] == 4
    assert record["test_perplexity_float32"] == round(
        outcome.metrics["perplexity_lstm"], 6
    )
    rounded = load(artefact).state_dict()
    for name, value in outcome.model.model.state_dict().items():
        torch.testing.assert_close(rounded[name], value, rtol=1e-3, atol=1e-6)
