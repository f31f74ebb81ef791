"""Trainings that processes can share, and what each process sees of them.

Run as ``python shared_trainings.py FOLDER`` by several processes, it writes what the
process number R saw into ``FOLDER/R.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import attention, bert, processes, seq2seq, sharing
from course_lib.cnn import ResNet
from course_lib.data.batching import generator
from course_lib.data.masking import Masking, Texts, with_gaps
from course_lib.data.translation import collate
from course_lib.experiments.translation import teacher_forced_loss
from course_lib.training import Setting, Training, train

STEPS, WORDS = 12, 20


def classifier(rows):
    def batch_at(step):
        drawn = generator(0, step)
        images = torch.randn(rows, 4, generator=drawn)
        return {"x": images, "y": torch.randint(3, (rows,), generator=drawn)}

    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    return model, lambda m, b: F.cross_entropy(m(b["x"]), b["y"]), batch_at


def translation():
    """Short sentences fall to one process, long ones to the other."""
    config = seq2seq.Seq2SeqConfig(WORDS, WORDS, 8, 8)

    def batch_at(step):
        drawn = generator(1, step)
        sides = [
            [
                torch.randint(4, WORDS, (length,), generator=drawn)
                for length in (2, 9, 1, 7, 3)
            ]
            for _ in range(2)
        ]
        return collate(*sides)

    return seq2seq.seq2seq(config), teacher_forced_loss, batch_at


def gaps(follows):
    """Both losses: the words, of which one process gets more to find, and the pairs."""

    def batch_at(step):
        drawn = generator(2, step)
        texts = texts_of((12, 3, 9, 4, 10, 3), drawn)
        batch = with_gaps(texts, Masking(rate=0.5), WORDS, drawn)
        pairs = torch.randint(2, (6,), generator=drawn)
        return batch._replace(follows=pairs if follows else None)

    return small_bert(), bert.pretraining_loss, batch_at


def next_word():
    return (
        small_bert(),
        bert.next_word_loss,
        lambda step: texts_of((12, 3, 9, 4, 10, 3), generator(3, step)),
    )


def coverage():
    """Each place that is looked at is looked at again, in targets of any length."""

    def batch_at(step):
        drawn = generator(4, step)
        lengths = torch.tensor([2, 9, 1, 7, 3])
        mask = torch.arange(9) < lengths[:, None]
        return torch.randn(5, 9, 4, generator=drawn), mask

    def loss(model, batch):
        weights = model(batch[0]).softmax(dim=-1)
        return attention.coverage_loss(weights, batch[1])

    return nn.Linear(4, 6), loss, batch_at


def empty_share():
    """The second process, which has rows 1 and 3, has no tokens to be learned."""

    def batch_at(step):
        drawn = generator(5, step)
        states = torch.randn(4, 3, 4, generator=drawn)
        truth = torch.randint(WORDS, (4, 3), generator=drawn)
        return states, truth, torch.tensor([[True], [False], [True], [False]])

    def loss(model, batch):
        states, truth, known = batch
        return seq2seq.sequence_loss(model(states), truth, known.expand_as(truth))

    return nn.Linear(4, WORDS), loss, batch_at


def texts_of(lengths, drawn):
    tokens = torch.randint(5, WORDS, (len(lengths), max(lengths)), generator=drawn)
    places = torch.arange(max(lengths)).expand(tokens.shape)
    mask = places < torch.tensor(lengths)[:, None]
    return Texts(tokens, torch.zeros_like(tokens), mask, places.masked_fill(~mask, -1))


def small_bert():
    sizes = bert.TransformerConfig(
        size=8, heads=2, inner=16, blocks=1, positions="learned", longest=16, dropout=0
    )
    return bert.BertForPretraining(sizes, WORDS)


TRAININGS = {
    "classifier": lambda: classifier(8),
    "rows that cannot be halved": lambda: classifier(7),
    "fewer rows than processes": lambda: classifier(1),
    "translation": translation,
    "pre-training, both losses": lambda: gaps(follows=True),
    "pre-training, words only": lambda: gaps(follows=False),
    "next word": next_word,
    "coverage": coverage,
    "a share without tokens": empty_share,
}


def curve(name):
    """Loss and gradient norm of every step, and the sizes of the weights at the end."""
    torch.manual_seed(processes.rank())  # the first one's start must become everyone's
    model, loss, batch_at = TRAININGS[name]()
    steps = train(model, loss, batch_at, Training(STEPS, 0.01, "sgd"), Setting())
    numbers = [(step.loss, step.gradient_norm) for step in steps]
    return numbers, [p.norm().item() for p in model.parameters()]


def mutants(monkeypatch):
    """The same with the mean over a share in the place of that over all."""
    for module in (seq2seq, attention, bert):
        monkeypatch.setattr(
            module, "mean_over_all", lambda total, count: total / max(1, int(count))
        )
    found = {name: curve(name) for name in TRAININGS}
    monkeypatch.undo()
    whole = sharing.share
    monkeypatch.setattr(sharing, "share", lambda batch: (whole(batch)[0], 1.0))
    name = "rows that cannot be halved"
    found[name] = curve(name)
    monkeypatch.undo()
    return found


def drawn_in_a_step():
    with sharing.own_chance(0, 0, torch.device("cpu")):
        return torch.rand(()).item()


def refused():
    model = ResNet(1, 2, 4)
    batch = torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.long)
    step = train(
        model,
        lambda m, b: F.cross_entropy(m(b[0]), b[1]),
        lambda step: batch,
        Training(1, 0.01),
        Setting(),
    )
    try:
        next(step)
    except ValueError as error:
        return str(error)


def main(folder):
    with processes.joined("cpu"):
        torch.manual_seed(0)
        seen = SimpleNamespace(
            agreed=processes.agreed(processes.rank() + 5),
            largest=processes.largest(processes.rank() + 5),
            total=processes.total(torch.tensor(processes.rank() + 5.0)).item(),
            in_a_step=drawn_in_a_step(),
            after_it=torch.rand(()).item(),
            curves={name: curve(name) for name in TRAININGS},
            mutants=mutants(pytest.MonkeyPatch()),
            refused=refused(),
        )
        path = Path(folder, f"{processes.rank()}.json")
        path.write_text(json.dumps(vars(seen)))
        print(f"process {processes.rank()} speaks")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
