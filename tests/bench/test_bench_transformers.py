"""Matches of chapters 5 to 7: other values are caught, and nobody is missed in silence.

That all contenders of all matches agree stands in test_bench_matches.py.
"""

from __future__ import annotations

import sys
from functools import partial

import pytest
import torch

from course_lib.bench import bert, encoder, gradients, self_attention, translator, vit
from course_lib.bench.match import differences
from course_lib.bench.rounds import play
from course_lib.exchange import from_timm, to_timm
from course_lib.training import Setting

SETTING = Setting(deterministic=False)
SIZES = {"B": 4, "T": 12, "V": 40, "C": 16, "H": 2, "inner": 24, "blocks": 2}
PICTURES = dict(zip(vit.LETTERS, vit.SIZES["quick"][0], strict=True))


def values(prepare):
    torch.manual_seed(0)
    return prepare(SETTING).values


# -- another function is caught --------------------------------------------------------


class OneTooFew(encoder.D2lReader):
    def forward(self, tokens, mask):
        return self.encoder(tokens, mask.sum(dim=1) - 1)


class SeesTheAnswer(translator.TorchTransformer):
    def write(self, tokens, memory, mask):
        return self.output(self.both.decoder(self.target(tokens), memory))


class AlwaysFirst(translator.BookTransformer):
    """As published: every token that it writes stands at the first place."""

    def decode(self, tokens, memory, lengths, past, first=0):
        return super().decode(tokens, memory, lengths, past)


def every_slot(model, batch, whole=bert._d2ls_loss):
    """As published: what has weight 0 counts."""
    return whole(model, batch._replace(weights=torch.ones_like(batch.weights)))


def looks_everywhere(layer, mask, real):
    return self_attention.d2ls(layer, "none", real)


def with_another_epsilon(model):
    theirs = to_timm(model)
    theirs.norm.eps = 0.1
    return theirs


def hearing(build, mask):
    return self_attention._hearing(build, "fused", mask, (3, 8, 8, 2))


OTHERS = {
    "padding is heard": (
        hearing(self_attention.ours, "padding"),
        hearing(looks_everywhere, "padding"),
    ),
    "the future is heard": (
        hearing(self_attention.ours, "causal"),
        hearing(looks_everywhere, "causal"),
    ),
    "one token too few": (
        encoder._tagging(encoder.Reader, SIZES),
        encoder._tagging(OneTooFew, SIZES),
    ),
    "sees what it has to say": (
        translator._training(translator.itself, SIZES),
        translator._training(SeesTheAnswer, SIZES),
    ),
    "always at the first place": (
        translator._decoding(translator.itself, translator.our_greedy, SIZES),
        translator._decoding(AlwaysFirst, translator.by_book, SIZES),
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_another_function_is_caught(kind):
    ours, another = map(values, OTHERS[kind])
    assert differences(another, ours) > 2 * translator.RELU


def test_d2ls_published_loss_is_caught(monkeypatch):
    ours = values(partial(bert._ours, SIZES, "fused"))
    assert differences(values(partial(bert._d2ls, SIZES)), ours) < 1e-4
    monkeypatch.setattr(bert, "_d2ls_loss", every_slot)
    assert differences(values(partial(bert._d2ls, SIZES)), ours) > 1e-2


def test_another_epsilon_is_caught(monkeypatch):
    ours = values(partial(vit._ours, PICTURES, "fused"))
    assert differences(values(partial(vit._timms, PICTURES)), ours) < 1e-4
    monkeypatch.setattr(vit, "to_timm", with_another_epsilon)
    assert 1e-2 < differences(values(partial(vit._timms, PICTURES)), ours) < 10


# -- what the values are ---------------------------------------------------------------


def test_the_translator_writes_more_than_one_word_again_and_again():
    """Or a cache could forget all that was written, and nobody would see it."""
    sizes = SIZES | {"T": 24, "V": 400, "C": 64, "inner": 256}
    decode = translator._decoding(translator.itself, translator.our_greedy, sizes)
    tokens = values(decode)["tokens"]
    assert tokens.shape == (4, 24)
    assert all(len(row.unique()) > 10 for row in tokens)
    assert len({tuple(row) for row in tokens.tolist()}) == 4


def test_gradients_of_others_are_ours_by_name_and_each_of_them_counts():
    mine = values(partial(vit._ours, PICTURES, "fused"))
    model = vit.ours(PICTURES)
    names = {name for name, _ in model.named_parameters() if "W_k.bias" not in name}
    assert mine.keys() == names | {"loss", "output"}
    for name in names:
        assert mine[name].abs().max() > 1e-6, name
    theirs = values(partial(vit._timms, PICTURES))
    for name in mine:
        torch.testing.assert_close(theirs[name], mine[name], rtol=1e-3, atol=1e-6)


def test_a_gradient_that_was_not_made_is_no_gradient_of_zeros():
    theirs = to_timm(vit.ours(PICTURES))
    theirs(vit.pictures(PICTURES, 0).images).sum().backward()
    theirs.head.bias.grad = None
    with pytest.raises(ValueError, match="theirs: a parameter has no gradient"):
        gradients.carried(theirs, from_timm)


def test_slots_are_the_chosen_places_in_their_order():
    batch = bert.batch_of(SIZES | {"B": 8, "T": 60}, 0)
    found = bert.slots(batch)
    chosen, words = batch.chosen.sum(dim=1), batch.mask.sum(dim=1)
    assert chosen.tolist() == [max(1, round(0.15 * n)) for n in words.tolist()]
    assert found.positions.shape == (8, 9)
    assert 0 < (found.weights == 0).sum() < found.weights.numel()
    for b in range(8):
        places = batch.chosen[b].nonzero().flatten().tolist()
        unused = [0] * (9 - len(places))
        assert found.positions[b].tolist() == places + unused
        assert found.weights[b].tolist() == [1.0] * len(places) + unused
        truth = batch.original[b, places]
        assert torch.equal(found.truth[b, : len(places)], truth)


# -- who is not there ------------------------------------------------------------------

PACKAGES = {"d2l": ("d2l.torch", "d2l"), "timm": ("timm",), "transformers": ()}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_peer_that_is_not_installed_is_named_and_costs_no_other(package, monkeypatch):
    (match,) = vit.matches("quick")
    for name in PACKAGES[package][:1]:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    *_, (_, _, result) = play(match, SETTING, rounds=1)
    missing = {one.name: one.missing for one in result.measured if one.missing}
    ((name, said),) = missing.items()
    assert package in said
    assert "pip install" in said
    assert all(one.seconds for one in result.measured if one.name != name)
