"""d2l's BERT: its loss counts slots that nobody uses; where ours is the same, and not.

As published its embedding has no norm, and GELU is ReLU; its head for words has a
matrix of its own, which is here the words' vectors. With these changed, as ``to_d2l``
does, everything else is equal.
"""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from course_lib.bert import pretraining_loss
from course_lib.data.masking import Gapped, Masking, with_gaps
from course_lib.data.wordpiece import SPECIAL
from course_lib.exchange import to_d2l
from course_lib.peers import import_d2l
from course_lib.self_attention import PATHS
from small_berts import V, gapped, pretraining, texts
from small_transformers import C, H, close, gradients

INNER = 12
FOLLOWS = torch.tensor([1, 0, 0, 1])
by_path = pytest.mark.parametrize("path", PATHS)


def published(theirs):
    """d2l's BERT as it is: no norm after the embedding, and ReLU for GELU."""
    theirs.encoder.blks = theirs.encoder.blks[1:]
    for block in theirs.encoder.blks:
        block.ffn.relu = nn.ReLU()
    theirs.mlm.mlp[1] = nn.ReLU()
    return theirs


def slots(batch: Gapped, unused: int = 0):
    """The chosen places as d2l keeps them: as many for each text, some with weight 0.

    Positions, weights and truth, ``(B, P)`` each. d2l fills slots with position 0 and
    token 0; here ``unused`` is that token.
    """
    rows = [row.nonzero().flatten() for row in batch.chosen]
    shape = len(rows), max(len(row) for row in rows)
    positions, weights = torch.zeros(shape).long(), torch.zeros(shape)
    truth = torch.full(shape, unused)
    for i, row in enumerate(rows):
        positions[i, : len(row)], weights[i, : len(row)] = row, 1
        truth[i, : len(row)] = batch.original[i, row]
    return positions, weights, truth


def d2ls_loss(net, batch: Gapped, unused: int = 0):
    """Of the words, of the pairs, and their sum."""
    positions, weights, truth = slots(batch, unused)
    return import_d2l()._get_batch_loss_bert(
        net,
        nn.CrossEntropyLoss(),
        V,
        batch.tokens,
        batch.segments,
        batch.mask.sum(dim=1),
        positions,
        weights,
        truth,
        batch.follows,
    )


class AsD2l(nn.Module):
    """Our model behind d2l's signature: for the same logits two losses."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, tokens, segments, lengths, positions):
        mask = torch.arange(tokens.shape[1]) < lengths[:, None]
        x = self.model.bert(tokens, segments, mask)
        rows = torch.arange(len(x))[:, None]
        follows = self.model.follows(self.model.bert.summary(x))
        return x, self.model.words(x[rows, positions]), follows


def by_hand(model, batch: Gapped):
    """-log p(truth), one chosen place after another; then their mean."""
    x = model.bert(batch.tokens, batch.segments, batch.mask)
    found = [
        -model.words(x[b, t]).log_softmax(dim=0)[batch.original[b, t]]
        for b, t in batch.chosen.nonzero().tolist()
    ]
    return sum(found) / len(found)


# -- the loss --------------------------------------------------------------------------


def test_d2ls_loss_counts_unused_slots_and_ours_has_none():
    model, batch = pretraining(), gapped(follows=FOLLOWS)
    _, weights, _ = slots(batch)
    assert 0 < (weights == 0).sum() < weights.numel()
    wanted = by_hand(model, batch)
    close(pretraining_loss(model, batch._replace(follows=None)), wanted, 1e-5)

    published, pairs, _ = d2ls_loss(AsD2l(model), batch)
    assert (published - wanted).abs() > 0.1
    moved, _, _ = d2ls_loss(AsD2l(model), batch, unused=7)
    assert (moved - published).abs() > 0.1  # though every one of them has weight 0
    close(pretraining_loss(model, batch) - wanted, pairs, 1e-5)


def test_d2ls_own_model_has_the_same_fault():
    torch.manual_seed(0)
    theirs = import_d2l().BERTModel(V, C, INNER, H, 2, 0.0)
    batch = gapped(follows=FOLLOWS)
    one, other = (d2ls_loss(theirs, batch, unused)[0] for unused in (0, 7))
    assert (one - other).abs() > 0.01


def test_where_every_slot_is_used_the_losses_are_equal_in_value_and_gradient():
    model, batch = pretraining(), gapped(follows=FOLLOWS)
    chosen = torch.zeros_like(batch.chosen)
    chosen[:, [1, 3]] = True  # two of each text
    batch = batch._replace(chosen=chosen)
    _, _, theirs = d2ls_loss(AsD2l(model), batch)
    ours = pretraining_loss(model, batch)
    close(ours, theirs, 1e-5)
    own, other = gradients(model, ours[None]), gradients(model, theirs[None])
    for name, one in own.items():
        close(one, other[name], 1e-5)


# -- the model -------------------------------------------------------------------------


@by_path
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_with_our_norm_and_activation_the_encoder_is_d2ls(path, activation):
    model, batch = pretraining(path=path, activation=activation), texts()
    lengths = batch.mask.sum(dim=1)
    x = model.bert(batch.tokens, batch.segments, batch.mask)
    other, _, follows = to_d2l(model)(batch.tokens, batch.segments, lengths)
    close(x[batch.mask], other[batch.mask], 5e-5)
    ours = model.follows(model.bert.summary(x))
    close(ours, follows, 5e-5)
    own = gradients(model, torch.cat([x[batch.mask].flatten(), ours.flatten()]))
    their = gradients(
        model, torch.cat([other[batch.mask].flatten(), follows.flatten()])
    )
    for name, found in own.items():
        close(found, their[name], 1e-5)
    for name in (
        "bert.embedding.places.table.weight",
        "bert.encoder.blocks.0.attention.W_q.weight",
        "bert.pool.weight",
        "follows.weight",
    ):
        assert own[name].abs().max() > 1e-3, name


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_as_published_it_is_another_encoder(activation):
    model, batch = pretraining(activation=activation), texts()
    x = model.bert(batch.tokens, batch.segments, batch.mask)
    theirs = published(to_d2l(model)).encoder
    other = theirs(batch.tokens, batch.segments, batch.mask.sum(dim=1))
    assert (x - other)[batch.mask].abs().max() > 0.1


@by_path
def test_with_gelu_the_head_for_words_is_d2ls(path):
    model, batch = pretraining(path=path), gapped()
    positions, weights, _ = slots(batch)
    x = model.bert(batch.tokens, batch.segments, batch.mask).detach()
    ours, used = model.words(x[batch.chosen]), weights.bool()
    theirs = to_d2l(model).mlm(x, positions)[used]  # (B, P, V) -> (M, V)
    close(theirs, ours, 1e-5)
    own, other = gradients(model, ours), gradients(model, theirs)
    for name, one in own.items():
        close(one, other[name], 1e-5)
    as_it_is = published(to_d2l(model)).mlm(x, positions)
    assert (as_it_is[used] - ours).abs().max() > 0.1


# -- the gaps --------------------------------------------------------------------------


def test_a_random_token_may_be_a_special_one_in_d2l_but_not_in_ours():
    d2l = import_d2l()
    words = [f"w{i}" for i in range(V - len(SPECIAL))]
    vocab = d2l.Vocab([words], reserved_tokens=["<pad>", "<mask>", "<cls>", "<sep>"])
    tokens, special = words * 20, {"<pad>", "<unk>", "<cls>", "<sep>"}
    random.seed(0)
    places = list(range(len(tokens)))
    seen, _ = d2l._replace_mlm_tokens(tokens, places, len(tokens), vocab)
    assert special & set(seen)

    batch = texts(((20, 0),) * 40)
    made = torch.Generator().manual_seed(0)
    gaps = with_gaps(batch, Masking(rate=0.9, masked=0, random=1), V, made)
    assert gaps.tokens[gaps.chosen].min() >= len(SPECIAL)
