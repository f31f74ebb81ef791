"""What chapter 7's bench learned is what was measured, and still reaches its score."""

from __future__ import annotations

import pytest
import torch
from vits import KINDS, STORED, images, stored, torch_model

from course_lib.data.images import digits
from course_lib.experiments.vit.position_table import EXPERIMENT

pytestmark = pytest.mark.skipif(not STORED.exists(), reason="no models are stored")


@pytest.fixture(scope="module")
def weights() -> dict:
    return stored()


def test_the_figures_read_what_the_experiment_writes(weights) -> None:
    assert EXPERIMENT.artefact == STORED
    record = weights["record"]
    assert record["experiment"] == EXPERIMENT.name
    assert record["seed"] == 0
    assert not record["commit"].endswith("-dirty"), "export it from a clean checkout"


@torch.no_grad()
@pytest.mark.parametrize("name", KINDS)
def test_a_network_reaches_its_stored_score(weights, name) -> None:
    test = digits("test")
    x = images(weights, (16 * test.images.flatten(1)).tolist())
    right = torch_model(weights, name)(x).argmax(-1) == test.labels
    accuracy = right.double().mean().item()
    assert accuracy == pytest.approx(weights["models"][name]["accuracy"], abs=0.006)


def test_the_pictures_are_of_the_test_set(weights) -> None:
    test = digits("test")
    known = {
        tuple((16 * image).flatten().int().tolist()): label
        for image, label in zip(test.images, test.labels.tolist(), strict=True)
    }
    for one in weights["digits"]:
        assert known[tuple(one["points"])] == one["label"]
