"""``course bench``: what is shown, stored, named as missing, and refused."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from course_lib.bench import characters, command, seq2seq
from course_lib.cli import app
from course_lib.peers import MISSING_D2L

PEERS = ("d2l", "timm", "transformers")


def run(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments), "--quick"])


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("course_lib.bench.rounds.LEAST", 0.0)
    monkeypatch.setattr("course_lib.bench.peak.SIDES", {"cpu": (64,)})


def test_a_table_and_a_json_that_says_the_machine_the_sizes_and_the_times(
    small, tmp_path
):
    done = run("rnn", "--rounds", 2, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "RNN character model, training step: B=4 T=6 V=28 H=8" in done.output
    said = json.loads((tmp_path / "cpu.json").read_text(encoding="utf-8"))
    assert said["machine"]["device"] == "cpu"
    assert said["peers"] == {name: version(name) for name in PEERS}
    assert said["rounds"] == 2
    assert said["peak_flop_per_second"] > 1e6
    step, writing = said["matches"]
    assert step["sizes"] == {"B": 4, "T": 6, "V": 28, "H": 8}
    assert (step["tokens"], writing["tokens"]) == (24, 6)
    ours, *others = step["contenders"]
    assert (ours["name"], ours["speed_up"]) == ("ours", 1)
    assert [one["kind"] for one in others] == ["ours", "peer", "peer", "limit"]
    for one in (ours, *others):
        low, high = one["quartiles"]
        assert 0 < low <= one["ms"] <= high
        assert one["tokens_per_second"] == pytest.approx(24e3 / one["ms"], rel=1e-4)
    share = step["flop"] / (ours["ms"] / 1e3) / said["peak_flop_per_second"]
    assert step["mfu"] == pytest.approx(share, rel=1e-4)


def test_a_peer_that_is_missing_is_named_with_what_installs_it(
    small, tmp_path, monkeypatch
):
    def missing(*_):
        raise ImportError(MISSING_D2L)

    monkeypatch.setattr(characters, "import_d2l", missing)
    monkeypatch.setattr(characters, "to_d2l", missing)
    done = run("rnn", "--rounds", 1, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert f"Missing: d2l RNNLM: {MISSING_D2L}" in done.output.replace("\n", " ")
    assert command.INSTALL in done.output
    said = json.loads((tmp_path / "cpu.json").read_text(encoding="utf-8"))
    lacking = [one for one in said["matches"][0]["contenders"] if "missing" in one]
    assert [one["name"] for one in lacking] == ["d2l RNNLMScratch", "d2l RNNLM"]


def test_one_that_computes_other_values_is_red_and_the_others_are_timed(
    small, tmp_path, monkeypatch
):
    def other(model):
        theirs = seq2seq.TorchSeq2Seq(model)
        theirs.bridge.weight.data.mul_(1.5)
        return theirs

    honest = seq2seq._training
    monkeypatch.setattr(
        seq2seq,
        "_training",
        lambda of, sizes: honest(other if of is seq2seq.TorchSeq2Seq else of, sizes),
    )
    done = run("seq2seq", "--rounds", 1, "--out", tmp_path)
    assert done.exit_code == 1, done.output
    said = "Failed: GRU encoder-decoder, training step: torch nn.GRU: computes other"
    assert said in done.output.replace("\n", " ")
    stored = json.loads((tmp_path / "cpu.json").read_text(encoding="utf-8"))
    encoder, step, _ = stored["matches"]
    assert all("ms" in one for one in encoder["contenders"])
    assert ["ms" in one for one in step["contenders"]] == [True, False]


def test_a_test_or_a_part_is_not_stored_among_the_results(small, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "workplace", lambda: tmp_path)
    assert run("rnn", "--rounds", 1).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_the_help_names_the_chapters():
    said = " ".join(run("--help").output.split())
    assert "Of rnn, lstm_gru, seq2seq, attention, transformer, bert, vit" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gpt"], "CHAPTER: got 'gpt', expected rnn, lstm_gru"),
        (["--device", "tpu"], "device: got 'tpu', expected 'cpu', 'cuda'"),
        (["--device", "cuda"], "this torch sees no CUDA GPU"),
        (["--precision", "bfloat16"], "precision: 'bfloat16' needs a CUDA device"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output
