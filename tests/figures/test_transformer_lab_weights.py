"""What chapter 5's pages learned is what was measured, and still reaches its score."""

from __future__ import annotations

import json

import pytest
import torch

from course_lib.data.korean_english import draws
from course_lib.data.translation import SPECIAL, Vocabulary
from course_lib.experiments import find, stored
from course_lib.experiments.transformer.order_needs_positions import PLACES
from course_lib.experiments.transformer.transformer_translation import measure
from course_lib.experiments.translation import Corpus, Part
from course_lib.figures.transformer import PositionClock, TransformerLab
from course_lib.figures.transformer.position_clock import STORED as TABLE
from course_lib.figures.transformer.transformer_lab import STORED as TRANSLATOR
from course_lib.figures.weights import unpack
from course_lib.transformer import Transformer, TransformerConfig

ARTEFACTS = {"transformer-translation": TRANSLATOR, "order-needs-positions": TABLE}
MEASURES = ("bleu", "bleu_longest", "perplexity")
both = pytest.mark.parametrize("name", ARTEFACTS)


def artefact(name: str) -> dict:
    return json.loads(find(name).artefact.read_text(encoding="utf-8"))


def run_of(record: dict):
    """The stored run that the artefact says it is from."""
    result = stored(record["experiment"], record["scale"])
    return next(run for run in result.runs if run.seed == record["seed"])


@pytest.fixture(scope="module")
def translator() -> dict:
    return artefact("transformer-translation")


def load(translator: dict) -> Transformer:
    words = (len(translator[f"{side}_words"]) for side in ("source", "target"))
    model = Transformer(TransformerConfig(**translator["config"]), *words)
    parameters = translator["parameters"].items()
    model.load_state_dict(
        {name: torch.tensor(unpack(packed)) for name, packed in parameters}
    )
    return model


def vocabulary(words: list[str]) -> Vocabulary:
    """Of these words in this order: the first is in all of these sentences."""
    made = Vocabulary([words[4:end] for end in range(5, len(words) + 1)])
    assert list(made.words) == words
    assert made.words[:4] == SPECIAL
    return made


def corpus(translator: dict) -> Corpus:
    """The test sentences, in the page's words."""
    config = find("transformer-translation").config(translator["record"]["scale"])
    assert config.test == translator["record"]["test_pairs"]
    tested = [one.pair for one in draws(config.test, 0, "test", longest=50)]
    source, target = (
        vocabulary(translator[f"{side}_words"]) for side in ("source", "target")
    )
    test = Part(
        [source.encode(pair.source) for pair in tested],
        [target.encode(pair.target) for pair in tested],
        [" ".join(pair.target) for pair in tested],
    )
    none = Part([], [], [])
    return Corpus(
        source,
        target,
        train=none,
        valid=none,
        test=test,
        best=[],
        text=lambda ids: " ".join(target.decode(ids)),
        source_text=str,
        tokenize="none",
    )


@both
def test_the_figure_reads_what_the_experiment_writes(name):
    assert find(name).artefact == ARTEFACTS[name]
    record = artefact(name)["record"]
    assert record["experiment"] == name
    assert record["seed"] == 0
    assert not record["commit"].endswith("-dirty"), "export it from a clean checkout"


def test_the_translator_reaches_the_stored_scores(translator):
    record = translator["record"]
    longest = find("transformer-translation").config(record["scale"]).longest
    _, found = measure(load(translator), corpus(translator), longest)
    rounded, exact = (
        {name: record[f"test_{name}_float{bits}"] for name in MEASURES}
        for bits in (16, 32)
    )
    assert found["perplexity"] == pytest.approx(rounded["perplexity"], rel=2e-3)
    assert found["bleu"] == pytest.approx(rounded["bleu"], abs=0.2)
    assert found["bleu_longest"] == pytest.approx(rounded["bleu_longest"], abs=0.5)
    assert abs(rounded["bleu"] - exact["bleu"]) < 0.5
    assert rounded["perplexity"] == pytest.approx(exact["perplexity"], rel=1e-2)


def test_the_translator_is_that_of_the_stored_result(translator):
    record = translator["record"]
    metrics = run_of(record).metrics
    for name in MEASURES:
        measured = metrics[f"{name}_sinusoidal"]  # stored with six digits
        assert record[f"test_{name}_float32"] == pytest.approx(measured, rel=1e-5)
    count = sum(p.numel() for p in load(translator).parameters())
    assert count == pytest.approx(metrics["parameters_sinusoidal"], rel=1e-5)
    config = find(record["experiment"]).config(record["scale"])
    sizes = load(translator).config
    assert sizes.positions == "sinusoidal"
    for name in ("size", "heads", "inner", "blocks"):
        assert getattr(sizes, name) == getattr(config, name)
    TransformerLab()


def test_the_table_is_that_of_the_stored_result():
    found = artefact("order-needs-positions")
    record = found["record"]
    measured = run_of(record).metrics["bleu_learned"]
    assert record["bleu_learned"] == pytest.approx(measured, rel=1e-5)
    config = find(record["experiment"]).config(record["scale"])
    assert found["table"]["shape"] == [PLACES, config.size]
    PositionClock(kind="learned")


def test_the_table_has_learned():
    table = torch.tensor(unpack(artefact("order-needs-positions")["table"]))
    assert table[:20].std() > 2 * 0.02, "it starts with 0.02"
