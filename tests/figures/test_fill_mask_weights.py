"""What chapter 6's bench learned is what was measured, and still reaches its score."""

from __future__ import annotations

import pytest
from fillers import STORED, stored, torch_model

from course_lib.data.korean_english import pairs
from course_lib.data.wordpiece import WordPiece
from course_lib.experiments import find
from course_lib.experiments import stored as result_of
from course_lib.experiments.bert.both_ways import Asked, asked_about, measure
from course_lib.experiments.bert.clozes import GROUPS

WAYS = ("both", "left")
pytestmark = pytest.mark.skipif(not STORED.exists(), reason="no models are stored")


@pytest.fixture(scope="module")
def weights() -> dict:
    return stored()


def test_the_figure_reads_what_the_experiment_writes(weights) -> None:
    assert find("both-ways").artefact == STORED
    record = weights["record"]
    assert record["experiment"] == "both-ways"
    assert record["seed"] == 0
    assert not record["commit"].endswith("-dirty"), "export it from a clean checkout"


def test_the_models_reach_the_stored_scores(weights) -> None:
    record = weights["record"]
    config = find("both-ways").config(record["scale"])
    tested = [pair.source for pair in pairs(config.test, 0, longest=config.longest)]
    models = {way: torch_model(weights, way).float() for way in WAYS}
    asked = Asked(WordPiece(weights["pieces"]), asked_about(tested), models, 0)
    assert len(asked.gaps["object"]) == record["clozes"]
    for way in WAYS:
        for name, score in measure(asked, way).items():
            rounded, exact = (
                record[f"test_{name}_{way}_float{bits}"] for bits in (16, 32)
            )
            assert score == pytest.approx(rounded, abs=0.01)
            assert rounded == pytest.approx(exact, abs=0.02)


def test_the_models_are_those_of_the_stored_result(weights) -> None:
    record = weights["record"]
    result = result_of(record["experiment"], record["scale"])
    run = next(run for run in result.runs if run.seed == record["seed"])
    for way in WAYS:
        for name in (
            f"{kind}_{group}" for kind in ("fits", "exact") for group in GROUPS
        ):
            measured = run.metrics[f"{name}_{way}"]  # stored with six digits
            assert record[f"test_{name}_{way}_float32"] == pytest.approx(
                measured, abs=1e-5
            )
    config = find("both-ways").config(record["scale"])
    assert weights["heads"] == config.heads
    table = weights["both"]["bert.embedding.words.weight"]["shape"]
    assert table == [len(weights["pieces"]), config.size]
