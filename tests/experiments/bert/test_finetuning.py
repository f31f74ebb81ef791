"""Fine-tuning: what is learned from, what chooses, and an honest bag of words."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course_lib.bert import Bert, SentenceClassifier
from course_lib.data.masking import pack
from course_lib.data.wordpiece import Pieces
from course_lib.experiments import Setting, labels, run_to_end
from course_lib.experiments.bert import bag_of_words as bag
from course_lib.experiments.bert import finetuning
from course_lib.experiments.bert.bag_of_words import PENALTIES, BagOfWords, bag_of_words
from course_lib.experiments.bert.finetuning import (
    Examples,
    Question,
    accuracy,
    classification_loss,
    fine_tune,
    labelled_batches,
)
from course_lib.experiments.labels import Learned, Recipe, in_turns
from course_lib.transformer import TransformerConfig

V = 12


def told(*rows):
    """Examples of (ids of the words, label)."""
    texts = [pack(Pieces(torch.tensor(ids), torch.arange(len(ids)))) for ids, _ in rows]
    return Examples(texts, torch.tensor([label for _, label in rows]))


# Who has word 5 is 0, who has word 6 is 1; 7 and 8 tell nothing.
EASY = told(*[([5 + i % 2, 7 + i // 2 % 2], i % 2) for i in range(24)])
QUESTION = Question(EASY, EASY, EASY, 2)


@pytest.fixture
def bert():
    torch.manual_seed(0)
    config = TransformerConfig(
        16, 2, 16, 1, positions="learned", longest=8, dropout=0.0, activation="gelu"
    )
    return Bert(config, V)


# --- examples


def test_the_first_n_have_each_label_as_often_while_it_lasts():
    labels = [0] * 10 + [1] * 3 + [2] * 6
    order = in_turns(labels, seed=0)
    assert sorted(order) == list(range(19))
    for n, counts in ((3, (1, 1, 1)), (9, (3, 3, 3)), (15, (6, 3, 6))):
        found = Counter(labels[i] for i in order[:n])
        assert tuple(found[label] for label in range(3)) == counts
    assert order == in_turns(labels, seed=0) != in_turns(labels, seed=1)
    assert [i for i in order if i < 10] != sorted(i for i in order if i < 10)


def test_an_epoch_has_every_example_once_with_its_label():
    examples = told(*[([5 + i % 7] * (1 + i % 3), i) for i in range(10)])
    batch_at = labelled_batches(examples, 4, seed=0)
    batches = [batch_at(step) for step in range(3)]
    assert sorted(y for b in batches for y in b.labels.tolist()) == list(range(10))
    for batch in batches:
        for tokens, mask, label in zip(
            batch.texts.tokens, batch.texts.mask, batch.labels.tolist(), strict=True
        ):
            assert torch.equal(tokens[mask], examples.texts[label].ids)
    assert len(labelled_batches(examples, 99, seed=0)(7).labels) == 10


def test_the_share_told_right_is_of_all_examples(bert):
    class Longest(nn.Module):
        """Says 1 for a text of more than 4 tokens."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, texts, causal):
            long = texts.mask.sum(dim=1) > 4
            return nn.functional.one_hot(long.long(), 2).float()

    rows = [([5] * n, label) for n, label in ((1, 0), (4, 1), (2, 1), (3, 1), (1, 1))]
    for batch in (1, 2, 256):
        assert accuracy(Longest(), told(*rows), False, batch) == 3 / 5


@pytest.mark.parametrize("causal", [False, True])
def test_the_loss_and_the_measure_see_what_the_arm_may_see(bert, causal):
    model = SentenceClassifier(bert, 2)
    seen = []
    model.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    batch = labelled_batches(EASY, 4, 0)(0)
    loss = classification_loss(causal)(model, batch)
    expected = nn.functional.cross_entropy(model(batch.texts, causal), batch.labels)
    torch.testing.assert_close(loss, expected)
    accuracy(model, EASY, causal)
    assert seen == [causal] * 3


# --- fine-tuning

RECIPE = Recipe(rates=(1e-9, 1e-2), batch=8, least=25, epochs=3)


def test_as_many_steps_as_the_labels_need():
    assert [RECIPE.steps(n) for n in (1, 64, 65, 80)] == [25, 25, 27, 30]


def test_the_rate_that_learns_is_chosen_and_the_first_network_is_left_as_it_was(bert):
    before = {name: p.clone() for name, p in bert.state_dict().items()}
    seen = []
    steps = fine_tune(bert, False, QUESTION, 24, RECIPE, Setting(0))
    found = run_to_end(steps, seen.append)
    assert found == Learned(1.0, 1e-2)
    for name, p in bert.state_dict().items():
        assert torch.equal(p, before[name])
    assert [step for step, _ in seen] == [10, 20, 25, 35, 45, 50]
    assert seen[-1][1] < 0.5 * seen[0][1]


def test_only_the_first_n_labels_are_learned_from(bert):
    wrong = Examples(EASY.texts, torch.cat([EASY.labels[:8], 1 - EASY.labels[8:]]))
    question = QUESTION._replace(train=wrong)
    for n, right in ((8, True), (24, False)):
        found = run_to_end(fine_tune(bert, False, question, n, RECIPE, Setting(0)))
        assert (found.accuracy > 0.9) == right


def test_valid_chooses_and_test_does_not(bert, monkeypatch):
    shares = {"valid": iter([0.5, 0.9, 0.9, 0.7]), "test": iter([0.3])}
    valid, test = told(([5], 0)), told(([6], 1))

    def measured(model, examples, causal):
        return next(shares["valid" if examples is valid else "test"])

    monkeypatch.setattr(finetuning, "accuracy", measured)
    question = Question(EASY, valid, test, 2)
    recipe = Recipe((1e-5, 1e-4, 1e-3, 1e-2), batch=8, least=1, epochs=0)
    found = run_to_end(fine_tune(bert, False, question, 8, recipe, Setting(0)))
    assert found == Learned(0.3, 1e-4), "the first of the best, by valid"


def test_every_rate_starts_from_the_same_numbers(bert, monkeypatch):
    starts, train = [], labels.train

    def trained(model, *given):
        starts.append({name: p.clone() for name, p in model.state_dict().items()})
        return train(model, *given)

    monkeypatch.setattr(labels, "train", trained)
    run_to_end(fine_tune(bert, False, QUESTION, 8, RECIPE, Setting(0)))
    one, other = starts
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert all(torch.equal(one[f"bert.{n}"], p) for n, p in bert.state_dict().items())


# --- the bag of words


def test_a_bag_knows_neither_order_nor_count_nor_special_tokens():
    bag = BagOfWords(V, 2)
    bag.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    bag.bias.data = torch.tensor([0.5, -1.0])
    logits = bag(told(([5, 7], 0), ([7, 5, 7], 0), ([8], 1)).texts)
    expected = bag.weight[5] + bag.weight[7] + bag.bias
    torch.testing.assert_close(logits[0], expected)
    torch.testing.assert_close(logits[1], expected)
    torch.testing.assert_close(logits[2], bag.weight[8] + bag.bias)


def test_the_fit_is_the_least_of_the_penalised_loss():
    bag = BagOfWords(V, 2)
    noisy = Examples(EASY.texts, EASY.labels.clone())
    noisy.labels[:6] = 1 - noisy.labels[:6]
    bag.fit(noisy, 0.05)
    loss = nn.functional.cross_entropy(bag(noisy.texts), noisy.labels)
    loss = loss + 0.05 * bag.weight.square().sum()
    slopes = torch.autograd.grad(loss, [bag.weight, bag.bias])
    assert max(slope.abs().max() for slope in slopes) < 1e-3
    assert bag.weight.abs().max() > 0.05
    assert bag.accuracy(noisy) == 0.75


def test_a_penalty_holds_the_weights_down():
    sizes = []
    for penalty in (1e-4, 1e-1):
        bag = BagOfWords(V, 2)
        bag.fit(EASY, penalty)
        sizes.append(bag.weight.detach().norm().item())
    assert sizes[0] > 3 * sizes[1]


def test_the_penalty_is_chosen_by_valid_and_the_share_is_of_test(monkeypatch):
    found = {"valid": [0.4, 0.6, 0.8, 0.8, 0.1, 0.2], "test": [0.1, 0.2, 0.3, 1.0]}
    shares = {split: iter(of) for split, of in found.items()}
    valid, test = told(([5], 0)), told(([6], 1))
    fitted = []

    class Bag(SimpleNamespace):
        def fit(self, examples, penalty):
            fitted.append((len(examples.texts), penalty))

        def accuracy(self, examples):
            return next(shares["valid" if examples is valid else "test"])

    monkeypatch.setattr(bag, "BagOfWords", lambda vocabulary, classes: Bag())
    learned = bag_of_words(Question(EASY, valid, test, 2), 7, V)
    assert learned == Learned(0.3, PENALTIES[2])
    assert fitted == [(7, penalty) for penalty in PENALTIES]


def test_a_bag_learns_what_words_can_tell():
    learned = bag_of_words(QUESTION, 24, V)
    assert learned.accuracy == 1.0
    assert not math.isnan(learned.chosen)
