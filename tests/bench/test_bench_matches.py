"""Every chapter's matches: all contenders take part and compute the same."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from course_lib.bench import characters, seq2seq
from course_lib.bench.match import SCALES, differences
from course_lib.bench.rounds import count
from course_lib.bench.run import matches
from course_lib.chapters import CHAPTERS
from course_lib.data.translation import END
from course_lib.lstm_gru import LSTM
from course_lib.training import Setting

QUICK = [*matches([], "quick")]
SETTING = Setting(deterministic=False)


def prepared(contender, setting=SETTING):
    torch.manual_seed(setting.seed)
    return contender.prepare(setting)


@pytest.mark.parametrize(
    "match", QUICK, ids=lambda match: f"{match.name}, {match.task}"
)
def test_all_compute_what_ours_does_and_can_go_on(match):
    ours, *others = ((one.name, prepared(one)) for one in match.contenders)
    for name, other in others:
        assert differences(other.values, ours[1].values) <= match.tolerance, name
    for _, work in (ours, *others):
        work.step()
    if match.counted:
        assert count(dict((ours, *others))[match.counted].step) > 0


@pytest.mark.parametrize(
    "match", QUICK, ids=lambda match: f"{match.name}, {match.task}"
)
def test_values_tell_other_weights_from_ours(match):
    """What decides about a contender does not pass anything."""
    ours = prepared(match.contenders[0])
    for one in match.contenders:
        other = prepared(one, Setting(seed=1, deterministic=False))
        assert differences(other.values, ours.values) > match.tolerance, one.name


def test_each_chapter_has_matches_with_someone_else_in_them_at_every_scale():
    for scale in SCALES:
        for chapter in CHAPTERS:
            found = [*matches([chapter.name], scale)]
            assert found
            assert all(match.chapter == chapter.name for match in found)
            assert all(
                {c.kind for c in match.contenders} != {"ours"} for match in found
            )
            assert any(match.task == "training step" for match in found)


def test_a_name_says_whose_it_is():
    owners = ("ours", "d2l", "torch", "Hugging Face", "timm")
    for scale in SCALES:
        for match in matches([], scale):
            for contender in match.contenders:
                assert contender.name.startswith(owners)
                assert contender.name.startswith("ours") == (contender.kind == "ours")


def test_names_of_matches_with_their_sizes_are_told_apart():
    for scale in SCALES:
        names = [(m.name, m.task, *m.sizes.items()) for m in matches([], scale)]
        assert len(set(names)) == len(names)


def test_a_chapter_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"CHAPTER: got 'gpt', expected rnn, lstm_gru"):
        [*matches(["rnn", "gpt"], "quick")]


def test_a_gpu_gets_the_loops_compiled_and_as_graphs():
    for match in matches(["rnn", "lstm_gru"], "cuda"):
        if match.task == "training step":
            names = {contender.name for contender in match.contenders}
            assert {
                f"ours, step by step, {way}" for way in ("torch.compile", "CUDA graph")
            } <= names


def test_the_compiled_loop_computes_what_the_loop_does():
    works = []
    for build in (characters.step_by_step, characters.compiled):
        torch.manual_seed(0)
        works.append(characters._training(build, LSTM, 2, 3, 3)(SETTING))
    loop, compiled = works
    assert differences(compiled.values, loop.values) < 1e-5
    assert compiled.step().loss == pytest.approx(loop.step().loss, rel=1e-5)


def test_the_bare_loop_writes_and_stops_as_ours_does():
    """The third token ends the first sentence, the fourth the other one."""
    sizes = {"B": 2, "T": 7, "V": 9, "E": 2, "H": 2}
    batch = seq2seq.pairs(sizes, SETTING)
    said = torch.tensor([[5, 6, END, 7, 8, 8, 8], [8, 5, 5, END, 6, 6, 6]])
    calls = []

    def next_logits(tokens):
        calls.append(tokens.shape[1])
        return F.one_hot(said[:, : tokens.shape[1]], 9).float()

    class Ours:
        def start(self, source, mask):
            return torch.zeros(2, dtype=torch.long)

        def step(self, token, t):
            return next_logits(said[:, : int(t[0]) + 1])[:, -1], t + 1

    bare = seq2seq.bare_greedy(next_logits, batch, 7)
    assert bare.tolist() == [[5, 6, *[END] * 5], [8, 5, 5, *[END] * 4]]
    assert calls == [1, 2, 3, 4]
    assert torch.equal(seq2seq.our_greedy(Ours(), batch, 7), bare)
    assert calls == [1, 2, 3, 4] * 2


def test_the_tokens_of_a_character_model_are_drawn_from_the_seed():
    """With the weights of one seed and the tokens of another there is another loss."""
    losses = []
    for seed in (0, 1):
        torch.manual_seed(0)
        prepare = characters._training(characters.ours, LSTM, 2, 3, 3)
        losses.append(prepare(Setting(seed=seed, deterministic=False)).values["loss"])
    assert losses[0] != losses[1]


def test_one_step_of_torchs_lstm_on_a_cpu_is_explained():
    for scale in ("cpu", "cuda"):
        (writing,) = (
            match
            for match in matches(["lstm_gru"], scale)
            if match.task == "decoding" and match.name.startswith("LSTM")
        )
        assert ("oneDNN" in writing.by["torch nn.LSTM"].note) == (scale == "cpu")
