"""Several processes train as one does: the same losses, gradients and weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from course_lib import processes
from course_lib.sharing import mean_over_all, share
from shared_trainings import TRAININGS, curve


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What each of two processes saw."""
    folder = tmp_path_factory.mktemp("seen")
    program = Path(__file__).with_name("shared_trainings.py")
    assert processes.launch([str(program), str(folder)], 2) == 0
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def flat(curve):
    steps, weights = curve
    return torch.tensor([number for step in steps for number in step] + weights)


@pytest.mark.parametrize("name", TRAININGS)
def test_two_processes_train_as_one(seen, name):
    alone, *both = (
        flat(c) for c in (curve(name), *(one["curves"][name] for one in seen))
    )
    assert torch.equal(*both)
    torch.testing.assert_close(both[0], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "rows that cannot be halved",
        "translation",
        "pre-training, both losses",
        "pre-training, words only",
        "next word",
        "coverage",
        "a share without tokens",
    ],
)
def test_a_mean_of_the_shares_own_means_would_be_seen(seen, name):
    apart = flat(seen[0]["mutants"][name]) - flat(curve(name))
    assert apart.abs().max() > 1e-3


def test_processes_agree_on_what_the_first_one_says(seen):
    assert [one["agreed"] for one in seen] == [5, 5]
    assert [one["largest"] for one in seen] == [6, 6]
    assert [one["total"] for one in seen] == [11, 11]


def test_they_drop_out_different_units_and_share_all_other_chance(seen):
    assert seen[0]["in_a_step"] != seen[1]["in_a_step"]
    assert seen[0]["after_it"] == seen[1]["after_it"]


def test_a_norm_over_the_batch_is_refused_on_the_cpu(seen):
    for one in seen:
        assert one["refused"] == (
            "devices: got 2, but ResNet normalises over its batch, which torch can "
            "share on GPUs only; expected 1 on the CPU"
        )


@pytest.fixture
def second_of_three(monkeypatch):
    monkeypatch.setattr(processes, "size", lambda: 3)
    monkeypatch.setattr(processes, "rank", lambda: 1)


@pytest.mark.usefixtures("second_of_three")
def test_a_share_is_every_nth_row_and_weighs_what_it_has():
    rows = torch.arange(7)
    (mine, numbers, nothing), weight = share((rows, {"own": 0.5}, None))
    assert mine.tolist() == [1, 4]
    assert numbers == {"own": 0.5}
    assert nothing is None
    assert weight == pytest.approx(3 * 2 / 7)
    few = torch.arange(2)
    assert share(few)[0] is few
    assert share(few)[1] == 1


@pytest.mark.usefixtures("second_of_three")
@pytest.mark.parametrize(
    ("batch", "says"),
    [
        ((torch.zeros(4, 2), torch.zeros(3)), r"shapes \(4, 2\), \(3,\), expected the"),
        ((torch.zeros(4), torch.tensor(1.0)), r"shapes \(4,\), \(\), expected the"),
        ([1, 2], "shapes none, expected the same number of rows"),
        ((torch.zeros(4), "text"), "got a str in it, expected tensors and numbers"),
    ],
)
def test_a_batch_that_has_no_rows_is_named(batch, says):
    with pytest.raises(ValueError, match=says):
        share(batch)


def test_in_one_process_it_is_the_mean_and_that_of_nothing_is_0():
    total = torch.tensor([0.1, 0.2]).sum()
    assert mean_over_all(total, 2) == total / 2
    assert mean_over_all(torch.zeros(()), torch.tensor(0)) == 0
