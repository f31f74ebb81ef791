"""Four arms and the same labels: what each starts from, and what it is asked."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import transformers

from claims import failed, outcome, quick
from course_lib.data import sentiment
from course_lib.data.korean_english import split_of
from course_lib.data.sentiment import Labelled
from course_lib.data.wordpiece import CLS, SEP
from course_lib.experiments import find
from course_lib.experiments.bert import label_efficiency as claim
from course_lib.experiments.bert import tasks
from course_lib.experiments.bert.kinds import halves
from course_lib.experiments.bert.label_efficiency import ARMS, FEW, NETWORKS
from course_lib.experiments.labels import Learned

EXPERIMENT = find("label-efficiency")
SEED = 3
TINY = {"train": 150, "valid": 12, "test": 24, "counts": (6, 12), "size": 16}
TINY |= {"steps": 6, "warmup": 1, "learning_rate": 0.05, "measure_every": 3}
TINY |= {"unseen_counts": (12, 24), "fine_steps": 2}


class Made:
    """A tiny run: its models before and after, and what each was tuned on."""

    def __init__(self) -> None:
        self.before, self.models, self.losses, self.tuned = {}, {}, {}, []

    def untrained(self, config, task, seed):
        model = self.true["untrained"](config, task, seed)
        arm = NETWORKS[len(self.models)]
        self.task, self.models[arm] = task, model
        self.before[arm] = {n: p.clone() for n, p in model.state_dict().items()}
        return model

    def learn(self, model, **given):
        self.losses[given["name"]] = given["loss"]
        return (yield from self.true["learn"](model, **given))

    def fine_tune(self, bert, causal, question, n, recipe, setting):
        arm = next(arm for arm, model in self.models.items() if model.bert is bert)
        self.tuned.append((arm, causal, question, n, recipe))
        return (
            yield from self.true["fine_tune"](
                bert, causal, question, n, recipe, setting
            )
        )

    def run(self):
        names = ("untrained", "learn", "fine_tune")
        self.true = {name: getattr(claim, name) for name in names}
        with pytest.MonkeyPatch.context() as patch:
            for name in names:
                patch.setattr(claim, name, getattr(self, name))
            self.outcome = outcome(EXPERIMENT, SEED, **TINY)
        return self


@pytest.fixture(scope="module")
def made():
    return Made().run()


def test_all_networks_start_from_the_same_numbers_and_two_are_pre_trained(made):
    for arm in NETWORKS:
        changed = False
        for name, p in made.models[arm].state_dict().items():
            assert torch.equal(made.before[arm][name], made.before["both"][name])
            changed |= not torch.equal(p, made.before[arm][name])
        assert changed == (arm != "scratch")
    assert made.losses == {
        "both": claim.pretraining_loss,
        "left": claim.next_word_loss,
    }


def test_each_arm_has_each_number_of_labels_and_sees_what_it_learned_to_see(made):
    whole, half = (tuned[2] for tuned in (made.tuned[0], made.tuned[-1]))
    assert [(arm, question is half, n) for arm, _, question, n, _ in made.tuned] == [
        (arm, unseen, n)
        for unseen, counts in ((False, (6, 12)), (True, (12, 24)))
        for arm in NETWORKS
        for n in counts
    ]
    assert all(causal == (arm == "left") for arm, causal, *_ in made.tuned)
    assert len({recipe for *_, recipe in made.tuned}) == 1
    assert whole.train is made.task.train


def test_labels_are_of_the_text_that_was_read_and_the_splits_share_none(made):
    texts = {tuple(text.ids.tolist()) for text in made.task.texts}
    train, valid, test = (
        {tuple(text.ids.tolist()) for text in part.texts}
        for part in (made.task.train, made.task.valid, made.task.test)
    )
    assert train < texts
    assert not texts & (valid | test)
    assert not valid & test


def test_the_test_about_unseen_nouns_has_no_noun_of_the_labels(made):
    question = made.tuned[-1][2]
    words = made.task.vocabulary
    of = {
        part: [words.tokens(text.ids) for text in getattr(question, part).texts]
        for part in ("train", "valid", "test")
    }
    assert [len(of[part]) for part in of] == [24, 12, 24]
    told = {part: {sentence[3] for sentence in of[part]} for part in of}  # after [CLS]
    seen, unseen = ({noun.ko for noun in half} for half in halves(SEED))
    assert told["train"] | told["valid"] <= seen
    assert told["test"] <= unseen
    assert not seen & unseen
    assert not {tuple(s) for s in of["train"]} & {tuple(s) for s in of["valid"]}
    for part in of:
        labels = getattr(question, part).labels
        assert set(labels.tolist()) == set(range(6))


def test_the_pre_trained_have_read_each_noun_without_a_label(made):
    ids = {i for text in made.task.texts for i in text.ids.tolist()}
    of = made.tuned[-1][2].test
    known = sum(int(text.ids[3]) in ids for text in of.texts) / len(of.texts)
    assert known > 0.5  # in 150 sentences; in thousands all


def test_the_numbers_are_those_of_the_curves(made):
    series, metrics = made.outcome.series, made.outcome.metrics
    whole, half = series["all"]["accuracy"], series["unseen"]["accuracy"]
    assert series["all"]["counts"] == [6, 12]
    assert series["unseen"]["counts"] == [12, 24]
    for arm in ARMS:
        assert metrics[f"few_{arm}"] == whole[arm][FEW]
        assert metrics[f"all_{arm}"] == whole[arm][-1]
        assert metrics[f"unseen_{arm}"] == half[arm][-1]
        assert len(whole[arm]) == len(half[arm]) == 2
        assert len(series["all"]["chosen"][arm]) == 2
    assert metrics["chance"] == 1 / 6
    rivals = metrics["few_scratch"], metrics["few_bag"]
    assert metrics["gain_few"] == metrics["few_both"] - rivals[0]
    assert metrics["gain_few_over_best"] == metrics["few_both"] - max(rivals)
    rivals = metrics["all_scratch"], metrics["all_bag"]
    assert metrics["gain_all"] == metrics["all_both"] - rivals[0]
    assert metrics["gain_all_over_best"] == metrics["all_both"] - max(rivals)


def test_pre_training_is_measured_on_text_that_was_not_read(made):
    for curve in made.outcome.series["pretraining"].values():
        assert curve["step"] == [0, 3, 6]
        assert all(math.isfinite(loss) for loss in curve["valid"])
    starts = [c["valid"][0] for c in made.outcome.series["pretraining"].values()]
    assert starts[0] == pytest.approx(starts[1], abs=1.5)  # both near ln V


def test_a_bag_of_words_knows_nothing_of_a_noun_that_it_never_saw():
    _, result = quick("label-efficiency")
    metrics = result.runs[0].metrics
    assert metrics["unseen_bag"] == pytest.approx(1 / 6, abs=0.12)


def test_arms_that_learn_nothing_fail_their_bands(monkeypatch):
    def nothing(*_):
        return Learned(1 / 6, 1e-3)
        yield

    monkeypatch.setattr(claim, "fine_tune", nothing)
    assert "all_scratch" in failed(EXPERIMENT, outcome(EXPERIMENT, **TINY).metrics)


# --- real sentences

TEXTS = {
    "train": [f"{'good' if i % 2 else 'bad'} film number {i}" for i in range(40)],
    "valid": [f"film {i} was good" for i in range(9)],
    "test": [f"a bad film of the year {i}" for i in range(9)],
}


@pytest.fixture
def read(monkeypatch):
    monkeypatch.setattr(
        sentiment,
        "sst2",
        lambda split: Labelled(
            tuple(TEXTS[split]), tuple(i % 2 for i in range(len(TEXTS[split])))
        ),
    )


@pytest.mark.usefixtures("read")
def test_reviews_are_cut_and_their_pieces_come_from_the_training_text():
    task = tasks.reviews("sst2", pieces=60, longest=4, valid=5, test=99, seed=0)
    sizes = [len(part.texts) for part in (task, task.train, task.valid, task.test)]
    assert sizes == [40, 40, 5, 9]
    for text in (*task.texts, *task.valid.texts, *task.test.texts):
        assert len(text.ids) <= 6
        assert (text.ids[0], text.ids[-1]) == (CLS, SEP)
    letters = set("".join(TEXTS["train"]))
    assert {p.removeprefix("##") for p in task.vocabulary.pieces[5:]} >= letters - {" "}
    assert all(set(p.removeprefix("##")) <= letters for p in task.vocabulary.pieces[5:])
    assert task.train.labels[:10].sum() == 5
    good = [
        label
        for text, label in zip(task.train.texts, task.train.labels, strict=True)
        if task.vocabulary.decode(text.ids[1:-1]).startswith("good")
    ]
    assert set(map(int, good)) == {1}


@pytest.mark.usefixtures("read")
def test_real_corpora_have_no_unseen_nouns_and_no_more_labels_than_there_are():
    changes = TINY | {"corpus": "sst2", "counts": (10, 100), "pieces": 60}
    found = outcome(EXPERIMENT, **changes)
    assert found.series["all"]["counts"] == [10, 40]
    assert "unseen" not in found.series
    assert found.metrics["chance"] == 0.5
    measured = set(found.metrics)
    for scale in ("real", "real-sst2"):
        assert {band.metric for band in EXPERIMENT.bands[scale]} <= measured


def test_sentences_of_the_test_split_are_the_grammars(made):
    tokens = made.task.vocabulary.tokens
    unknown = 0
    for text in made.task.test.texts:
        words = tokens(text.ids[1:-1])
        unknown += "[UNK]" in words
        assert "[UNK]" in words or split_of(words) == "test"
    assert unknown < len(made.task.test.texts) / 2


def saved(folder, **changes):
    """A tiny BERT with the letters of TEXTS, as such models are published."""
    letters = sorted({c for text in TEXTS["train"] for c in text} - {" "})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    pieces += ["##" + letter for letter in letters]
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 8, "max_position_embeddings": 16}
    config = transformers.BertConfig(vocab_size=len(pieces), **sizes)
    torch.manual_seed(0)
    theirs = transformers.BertForPreTraining(config)
    theirs.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return theirs


@pytest.mark.usefixtures("read")
def test_a_published_checkpoint_is_fine_tuned_beside_its_own_size_and_a_bag(tmp_path):
    theirs = saved(tmp_path)
    config = replace(
        EXPERIMENT.scales["real"], corpus="sst2", published=str(tmp_path), valid=5
    )
    task, models = claim.start(config, SEED)
    assert list(models) == ["both", "scratch"]
    table = theirs.bert.embeddings.word_embeddings.weight
    assert torch.equal(models["both"].bert.embedding.words.weight, table)
    assert models["scratch"].bert.config == models["both"].bert.config
    assert not torch.equal(models["scratch"].bert.embedding.words.weight, table)
    assert len(task.vocabulary) == len(table)

    changes = TINY | {"corpus": "sst2", "published": str(tmp_path), "counts": (4, 10)}
    found = outcome(EXPERIMENT, **changes)
    assert list(found.series["all"]["accuracy"]) == ["both", "scratch", "bag"]
    assert found.series["pretraining"] == {}


def test_no_checkpoint_has_the_words_of_the_grammar():
    with pytest.raises(ValueError, match=r"published: got 'some/bert', expected none"):
        claim.start(replace(EXPERIMENT.scales["cpu"], published="some/bert"), SEED)
