from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from claims import failed, outcome, quick
from course_lib.data.translation import END, START, collate
from course_lib.decoding import greedy
from course_lib.experiments import Setting, find, run_to_end
from course_lib.experiments.seq2seq import exposure_bias
from course_lib.experiments.seq2seq.exposure_bias import compare, harm, look_back
from course_lib.experiments.seq2seq.mistakes import (
    Mistake,
    after,
    by_place,
    edits,
    first_mistakes,
    go_on,
    likely_mistakes,
    prices,
    rows_of,
    until_wrong,
    wrong_words,
)
from course_lib.experiments.translation import Part
from course_lib.seq2seq import Seq2SeqConfig, scheduled_sampling, seq2seq

EXPERIMENT = find("exposure-bias")
TINY = {"train": 300, "test": 60, "longest": 10, "steps": 20, "measure_every": 10}

LOST, SLIP, SECOND = 60, 61, 62  # what the counter says when it is wrong
NEVER = 50


class Counter(nn.Module):
    """A decoder that counts, and whose every error is ours.

    A source is (first word, number of words, place of a slip). The decoder says the
    right word, or SLIP at the place of its slip. After a word that is not the right one
    it is lost, and says LOST, for ``lost`` steps.
    """

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost
        self.anything = nn.Parameter(torch.zeros(1))

    def start(self, source, mask):
        first, number, slip = source.unbind(1)
        return torch.stack([first, number, slip, 0 * first, 0 * first], dim=1)

    def step(self, tokens, state):
        first, number, slip, place, lost = state.unbind(1)
        before = torch.where(place == 0, START, first + place - 1)
        lost = torch.where(tokens != before, self.lost, (lost - 1).clamp(min=0))
        word = torch.where(place < number, first + place, END)
        word = torch.where(place == slip, SLIP, word)
        word = torch.where(lost > 0, LOST, word)
        logits = nn.functional.one_hot(word, 64).float()
        logits[:, SECOND] += 0.5
        return logits, torch.stack([first, number, slip, place + 1, lost], dim=1)

    def forward(self, source, mask, previous):
        state, logits = self.start(source, mask), []
        for token in previous.unbind(1):
            now, state = self.step(token, state)
            logits.append(now)
        return torch.stack(logits, dim=1)


def part(*sentences: tuple[int, int, int]) -> Part:
    targets = [torch.arange(first, first + number) for first, number, _ in sentences]
    return Part([torch.tensor(one) for one in sentences], targets, [""] * len(targets))


def batch(*sentences: tuple[int, int, int]):
    one = part(*sentences)
    return collate(one.sources, one.targets)


def small():
    """A model of random weights, and three pairs of different lengths."""
    torch.manual_seed(0)
    model = seq2seq(Seq2SeqConfig(9, 12, embedding=6, hidden=8, feed_context=True))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3)  # so that the words before matter
    sources = [torch.tensor(ids) for ids in ([4, 5], [6, 7, 8, 4], [5])]
    targets = [torch.tensor(ids) for ids in ([4, 5, 6], [7, 8, 9, 10, 11], [5, 4])]
    return model.eval(), collate(sources, targets)


# --- the mistakes


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_harm_lasts_as_long_as_the_decoder_is_lost(lost):
    one = batch((10, 8, NEVER), (20, 5, NEVER))
    model = Counter(lost)
    wrong, logits = wrong_words(model, one)
    assert not wrong.any()
    mistake = likely_mistakes(one, logits)
    assert len(mistake.row) == 8 + 5  # nowhere at an end
    assert (mistake.word == SECOND).all()
    counts = after(model, one, wrong, mistake, lags=5)
    assert counts.places.tolist() == [8 + 5, 7 + 4, 6 + 3, 5 + 2, 4 + 1]
    # The true word after the mistake tells of no mistake: only the countdown goes on.
    expected = [n if k < lost else 0 for k, n in enumerate(counts.places.tolist())]
    assert counts.seen.tolist() == expected
    assert counts.unseen.tolist() == [0] * 5
    assert harm(counts, 1) == pytest.approx(sum(expected) / counts.places.sum().item())
    assert harm(counts, lost + 1) == 0


def test_a_hard_place_is_not_held_against_the_mistake():
    one = batch((10, 8, 4))
    wrong, _ = wrong_words(Counter(0), one)
    assert wrong.nonzero().tolist() == [[0, 4]]
    mistake = Mistake(*(torch.tensor([x]) for x in (0, 2, SECOND)))
    counts = after(Counter(0), one, wrong, mistake, lags=3)
    assert counts.seen.tolist() == counts.unseen.tolist() == [0, 1, 0]
    assert harm(counts, 1) == 0


def test_the_first_mistake_is_the_decoders_own_word_at_its_first_wrong_place():
    one = batch((10, 8, 3), (20, 6, NEVER), (30, 7, 0))
    wrong, logits = wrong_words(Counter(2), one)
    mistake = first_mistakes(wrong, logits)
    assert [column.tolist() for column in mistake] == [[0, 2], [3, 0], [SLIP, SLIP]]
    rows = rows_of(one, mistake)
    assert rows.previous[0].tolist()[:6] == [START, 10, 11, 12, SLIP, 14]
    assert rows.previous[1].tolist()[:3] == [START, SLIP, 31]
    counts = after(Counter(2), one, wrong, mistake, lags=4)
    assert counts.seen.tolist() == [2, 2, 0, 0]


def test_a_decoder_that_ends_too_early_says_nothing_that_could_be_followed():
    one = batch((10, 4, NEVER))
    short = one._replace(source=torch.tensor([[10, 2, NEVER]]))
    wrong, logits = wrong_words(Counter(0), short)
    assert wrong.tolist() == [[False, False, True, True, False]]
    assert not len(first_mistakes(wrong, logits).row)


def test_a_likely_mistake_is_no_word_of_the_reference_and_no_special_one():
    model, one = small()
    _, logits = wrong_words(model, one)
    mistake = likely_mistakes(one, logits)
    for row, place, word in zip(*(column.tolist() for column in mistake), strict=True):
        target = one.target[row].tolist()
        allowed = [w for w in range(4, 12) if w not in target]
        assert word == max(allowed, key=logits[row, place].tolist().__getitem__)
        assert target[place] != END


def test_after_is_what_reading_token_by_token_gives():
    model, one = small()
    _, logits = wrong_words(model, one)
    mistake = likely_mistakes(one, logits)
    most = torch.where(one.target > 6, logits.argmax(-1), one.target)
    one = one._replace(
        target=most
    )  # or a model that has learned nothing is never right
    wrong, _ = wrong_words(model, one)
    seen, unseen, places = ([0] * 3 for _ in range(3))
    for row, place, word in zip(*(column.tolist() for column in mistake), strict=True):
        length = int(one.target_mask[row].sum())
        state = model.start(one.source[row, None], one.source_mask[row, None])
        for t in range(length):
            given = word if t == place + 1 else int(one.previous[row, t])
            now, state = model.step(torch.tensor([given]), state)
            if 0 < (lag := t - place) <= 3:
                seen[lag - 1] += int(now.argmax() != one.target[row, t])
                unseen[lag - 1] += int(wrong[row, t])
                places[lag - 1] += 1
    counts = after(model, one, wrong, mistake, lags=3)
    assert [column.tolist() for column in counts] == [seen, unseen, places]
    assert any(unseen)
    assert seen != unseen


# --- going on alone


def test_a_decoder_that_never_finds_back_pays_with_all_the_rest():
    one = batch((10, 6, NEVER), (20, 3, NEVER))
    mistake = Mistake(*(torch.tensor(x) for x in ([0, 0, 1], [1, 5, 0], [SECOND] * 3)))
    # LOST up to 12 tokens in all: 10, 6 and 11 of them, against a rest of 4, 0 and 2.
    assert list(prices(Counter(1), one, mistake, 12)) == [10, 6, 11]
    assert list(prices(Counter(0), one, mistake, 12)) == [0, 0, 0]


def test_an_error_that_comes_anyway_is_not_in_the_price():
    one = batch((10, 6, 4))
    mistake = Mistake(*(torch.tensor([x]) for x in (0, 1, SECOND)))
    assert list(prices(Counter(0), one, mistake, 12)) == [0]
    said = go_on(Counter(0), rows_of(one, mistake), mistake.place + 2, 12)
    assert said == [(12, 13, SLIP, 15)]


def test_going_on_from_the_start_is_greedy_decoding():
    model, one = small()
    given = torch.ones(len(one.source), dtype=torch.long)
    state = model.start(one.source, one.source_mask)
    found = greedy(model.step, state, one.previous[:, 0], END, 15)
    expected = [hypothesis.tokens for hypothesis in found]
    assert go_on(model, one, given, 15) == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize(
    ("said", "reference", "expected"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("bcd", "abcd", 1)],
)
def test_edits(said, reference, expected):
    assert edits(said, reference) == expected


# --- the numbers


def test_until_wrong_counts_no_token_after_a_mistake():
    right = [
        torch.tensor(x, dtype=torch.bool) for x in ([1, 1, 1], [1, 0, 0], [0, 1, 1])
    ]
    assert until_wrong(right) == 2 / (3 + 2 + 1)


def test_by_place_counts_the_end_and_what_comes_after_it_as_wrong():
    # The first stops a word early, the second says one wrong word and ends in time.
    wrong = [torch.tensor(x, dtype=torch.bool) for x in ([0, 1, 0], [1, 0, 0])]
    found = by_place(wrong, said=[[7], [5, 6]], true=[[7, 8], [9, 6]])
    assert found == {"forced": [0.5, 0.5, 0.0], "alone": [0.5, 0.5, 0.5]}
    only = by_place(wrong[1:], said=[[5, 6]], true=[[9, 6]])
    assert only == {"forced": [1.0, 0.0, 0.0], "alone": [1.0, 0.0, 0.0]}


def test_look_back_adds_up_over_all_sentences(monkeypatch):
    sentences = part((10, 8, 3), (20, 6, NEVER), (30, 7, 2), (40, 4, NEVER))
    config = EXPERIMENT.config("quick", lags=3, every=1)
    whole = look_back(config, Counter(1), sentences)
    monkeypatch.setattr(exposure_bias, "READ_AT_ONCE", 1)
    single = look_back(config, Counter(1), sentences)
    for one, other in zip(whole[:2], single[:2], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert whole[2] == single[2] > 0


def test_compare_divides_by_teacher_forcing():
    names = ["exact", "exact_independent", "error_before", "error_hard", "error_own"]
    names += ["harm", "harm_far", "perplexity", "error", "edits", "price", "bleu"]
    teacher = dict.fromkeys(names, 1.0)
    teacher |= {"exact": 0.4, "exact_independent": 0.1, "harm": 0.2, "harm_far": 0.05}
    teacher |= {"error_before": 0.1, "error_hard": 0.25, "error_own": 0.3, "bleu": 20}
    sampled = teacher | {"perplexity": 1.5, "harm": 0.1, "bleu": 19}
    found = compare([0, 0.5], [teacher, sampled])
    assert found["exact_over_independent"] == pytest.approx(4)
    assert found["hard_share"] == pytest.approx(0.75)
    assert found["far_over_harm"] == pytest.approx(0.25)
    assert found["perplexity_ratio_50"] == pytest.approx(1.5)
    assert found["harm_ratio_50"] == pytest.approx(0.5)
    assert found["bleu_gain_50"] == -1
    assert math.isnan(compare([0], [teacher | {"harm": 0.0}])["far_over_harm"])


# --- the experiment


def test_the_share_of_own_words_grows_from_0_with_fresh_coins(monkeypatch):
    seen = []

    def record(model, source, mask, previous, own, coins):
        seen.append((own, coins.initial_seed()))
        return scheduled_sampling(model, source, mask, previous, own, coins)

    monkeypatch.setattr(exposure_bias, "scheduled_sampling", record)
    outcome(EXPERIMENT, **TINY)
    shares = [own for own, _ in seen]
    expected = [last * step / 20 for last in (0.5, 1.0) for step in range(20)]
    assert shares == pytest.approx(expected)  # and none for teacher forcing
    assert len({coins for _, coins in seen[:20]}) == 20


def test_decoding_is_exact_where_every_teacher_forced_word_is_right():
    _, result = quick("exposure-bias")
    for one in result.runs[0].series["metrics"]:
        assert one["disagree"] == 0
    assert result.runs[0].metrics["exact_teacher"] > 0


def test_all_models_start_alike():
    curves = outcome(EXPERIMENT, **TINY).series["curve"]
    assert len({curve["perplexity"][0] for curve in curves}) == 1
    assert len({curve["perplexity"][-1] for curve in curves}) == len(curves)


def test_untrained_models_fail_their_bands():
    metrics = outcome(EXPERIMENT, **TINY, learning_rate=1e-9).metrics
    assert "exact_over_independent" in failed(EXPERIMENT, metrics)


def test_a_run_that_is_stopped_goes_on_where_it_was(tmp_path):
    config = EXPERIMENT.config("quick", **TINY)
    unbroken = run_to_end(EXPERIMENT.run(config, Setting(0)))
    setting = Setting(0, checkpoint=tmp_path)
    steps = EXPERIMENT.run(config, setting)
    seen = list(itertools.islice(steps, 3))  # inside the second of three models
    steps.close()
    assert 1 / 3 < seen[-1].done / seen[-1].total < 2 / 3
    resumed = run_to_end(EXPERIMENT.run(config, setting))
    assert resumed.metrics == pytest.approx(unbroken.metrics, rel=0, nan_ok=True)
    assert resumed.series["curve"] == unbroken.series["curve"]


@pytest.mark.parametrize("own", [(0.0, 0.5), (0.5, 0.0, 1.0), (0.0, 0.5, 1.0, 1.5)])
def test_shares_of_own_words_that_bands_need(own):
    with pytest.raises(ValueError, match="own: got"):
        outcome(EXPERIMENT, own=own)
