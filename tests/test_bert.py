"""BERT: what it sees, what it is asked, and which of its parameters move."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from course_lib.bert import (
    BASE,
    Bert,
    BertForPretraining,
    MaskedWords,
    SentenceClassifier,
    SpanFinder,
    TokenTagger,
    best_span,
    freeze,
    layer_rates,
    next_word_loss,
    pretraining_loss,
)
from course_lib.data.masking import Gapped, Texts
from course_lib.data.wordpiece import CLS, SEP
from course_lib.self_attention import PATHS
from course_lib.training import Setting, Training, train
from small_berts import V, bert_config, gapped, pretraining, texts
from small_transformers import C, close, gradients, numbers, shaken

FOLLOWS = torch.tensor([1, 0, 0, 1])
by_path = pytest.mark.parametrize("path", PATHS)
lengths = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=4
).map(tuple)


def wider(batch: Texts | Gapped, more: int, seed: int = 0) -> Texts | Gapped:
    """The same texts with ``more`` places of padding, which hold any tokens."""
    filled = {}
    for name, part in batch._asdict().items():
        if name == "follows" or part is None:
            continue
        value = -1 if name == "words" else False
        part = F.pad(part, (0, more), value=value)
        if name in ("tokens", "segments", "original"):
            top = 2 if name == "segments" else V
            other = torch.randint(
                top, part.shape, generator=torch.Generator().manual_seed(seed)
            )
            part = torch.where(F.pad(batch.mask, (0, more)), part, other)
        filled[name] = part
    return batch._replace(**filled)


def encode(model: BertForPretraining, batch: Texts | Gapped, causal: bool = False):
    return model.bert(batch.tokens, batch.segments, batch.mask, causal)


# -- what it sees ----------------------------------------------------------------------


@by_path
def test_a_token_begins_as_word_place_and_segment_with_a_norm(path):
    embedding, batch = pretraining(path=path).bert.embedding, texts()
    out = embedding(batch.tokens, batch.segments)
    x = embedding.words.weight[batch.tokens] + embedding.segments.weight[batch.segments]
    x = x + embedding.places.table.weight[: batch.tokens.shape[1]]
    weight, bias = embedding.norm.gain, embedding.norm.bias
    close(out, F.layer_norm(x, (C,), weight, bias, eps=1e-5), 1e-5)


def test_the_numbers_of_an_untrained_model():
    torch.manual_seed(0)
    model = BertForPretraining(bert_config(size=64, heads=4, longest=512), 1000)
    embedding = model.bert.embedding
    for table in (embedding.words, embedding.segments, embedding.places.table):
        assert table.weight.std().item() == pytest.approx(0.02, rel=0.15)
    x = embedding(torch.arange(100, 200)[None], torch.zeros(1, 100).long())
    assert x.std().item() == pytest.approx(1, abs=0.02)  # because of the norm
    assert (model.words.output.bias == 0).all()


def test_dropout_falls_on_embeddings_in_training_alone():
    model = pretraining(dropout=0.5)
    batch = texts()
    x = model.bert.embedding(batch.tokens, batch.segments)
    assert 0.3 < (x == 0).float().mean() < 0.7
    model.eval()
    assert not (model.bert.embedding(batch.tokens, batch.segments) == 0).any()


def test_eps_reaches_every_norm():
    model = pretraining(eps=0.25)
    norms = [module.eps for module in model.modules() if hasattr(module, "eps")]
    assert norms == [0.25] * (1 + 2 * 2 + 1)


def test_the_paper_counts_110_million_parameters():
    """Devlin et al. (2019), section 3; the vocabulary of the released base model."""
    with torch.device("meta"):
        count = sum(p.numel() for p in Bert(BASE, 30_522).parameters())
    assert count / 1e6 == pytest.approx(110, rel=0.01)


def test_segments_are_told_apart_and_none_means_the_first():
    model, batch = pretraining(), texts()
    plain = model.bert(batch.tokens, None, batch.mask)
    close(plain, model.bert(batch.tokens, batch.segments * 0, batch.mask), 0)
    moved = (encode(model, batch) - plain).abs().amax(dim=(1, 2))
    pair = batch.segments.any(dim=1)
    assert (moved[pair] > 0.01).all()
    assert (moved[~pair] == 0).all()


def test_the_summary_is_read_from_the_first_token():
    bert, x = pretraining().bert, numbers(3, 5, C)
    close(bert.summary(x), torch.tanh(x[:, 0] @ bert.pool.weight.T + bert.pool.bias))
    other = x.clone()
    other[:, 1:] = 0
    close(bert.summary(other), bert.summary(x), 0)


@by_path
@settings(max_examples=25)
@given(lengths=lengths, more=st.integers(1, 6), seed=st.integers(0, 99))
def test_padding_changes_nothing(path, lengths, more, seed):
    model = pretraining(path=path).double()
    batch = gapped(texts(lengths, seed), seed)
    batch = batch._replace(follows=FOLLOWS[: len(lengths)])
    longer = wider(batch, more, seed)
    real = batch.mask
    close(
        encode(model, longer)[:, : real.shape[1]][real],
        encode(model, batch)[real],
        1e-9,
    )
    for one, other in zip(model(longer), model(batch), strict=True):
        close(one, other, 1e-9)
    close(pretraining_loss(model, longer), pretraining_loss(model, batch), 1e-9)
    batch = texts(lengths, seed)
    longer = wider(batch, more, seed)
    close(next_word_loss(model, longer), next_word_loss(model, batch), 1e-9)
    for causal in (False, True):
        classifier = shaken(SentenceClassifier(model.bert, 3)).double()
        close(classifier(longer, causal), classifier(batch, causal), 1e-9)
    finder = shaken(SpanFinder(model.bert)).double()
    for one, other in zip(finder(longer), finder(batch), strict=True):
        assert (one[:, real.shape[1] :] == -math.inf).all()
        close(one[:, : real.shape[1]], other, 1e-9)


@by_path
@settings(max_examples=50)
@given(t=st.integers(0, 8), new=st.integers(5, V - 1), seed=st.integers(0, 99))
def test_only_a_causal_one_never_sees_a_later_token(path, t, new, seed):
    model, batch = pretraining(path=path), texts(((4, 3), (7, 0)), seed)
    other = batch.tokens.clone()
    other[:, t + 1 :] = torch.where(other[:, t + 1 :] == new, new - 1, new)
    other = batch._replace(tokens=other)
    for mask in (batch.mask, None):
        one, two = (
            model.bert(tokens, batch.segments, mask, causal=True)
            for tokens in (batch.tokens, other.tokens)
        )
        assert torch.equal(one[:, : t + 1], two[:, : t + 1])
        one, two = (
            model.bert(tokens, batch.segments, mask)
            for tokens in (batch.tokens, other.tokens)
        )
        seen = t + 1 < batch.tokens.shape[1]
        moved = (one - two)[0, : t + 1].abs().amax(dim=1)
        assert (moved > 0).all() if seen else (moved == 0).all()


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_both_paths_are_one_model_in_value_and_gradient(norm):
    fused, plain = (pretraining(path=path, norm=norm).double() for path in PATHS)
    batch = gapped(follows=FOLLOWS)
    for loss, data in ((pretraining_loss, batch), (next_word_loss, texts())):
        values = loss(fused, data), loss(plain, data)
        close(*values, 1e-9)
        own, other = (
            gradients(model, value[None])
            for model, value in zip((fused, plain), values, strict=True)
        )
        for name, one in own.items():
            close(one, other[name], 1e-9)
        asked = {name for name, one in own.items() if one.abs().max() > 1e-9}
        biases = {name for name in own if name.endswith("W_k.bias")}  # add to all alike
        pair = {name for name in own if name.startswith(("follows.", "bert.pool."))}
        assert asked == own.keys() - biases - (
            pair if loss is next_word_loss else set()
        )


def test_a_copy_keeps_the_words_vectors_as_the_output():
    model = pretraining()
    twin, loaded = copy.deepcopy(model), pretraining(seed=3)
    loaded.load_state_dict(model.state_dict())
    for other in (model, twin, loaded):
        assert other.words.output.weight is other.bert.embedding.words.weight
        close(other(gapped())[0], model(gapped())[0], 0)


# -- what it is asked ------------------------------------------------------------------


@by_path
def test_a_masked_word_is_dense_gelu_norm_and_the_words_own_vectors(path):
    model, x = pretraining(path=path), numbers(3, 4, C)
    head = model.words
    inside = x @ head.dense.weight.T + head.dense.bias
    inside = inside * (1 + torch.erf(inside / math.sqrt(2))) / 2  # gelu
    inside = F.layer_norm(inside, (C,), head.norm.gain, head.norm.bias)
    words = model.bert.embedding.words.weight
    close(head(x), inside @ words.T + head.output.bias, 1e-5)
    assert isinstance(head, MaskedWords)
    assert head(x).shape == (3, 4, V)


def test_only_chosen_places_reach_the_vocabulary(monkeypatch):
    model, batch = pretraining(), gapped(follows=FOLLOWS)
    x = encode(model, batch)
    asked = []
    hook = model.words.register_forward_hook(lambda m, x, y: asked.append(y.shape))
    words, follows = model(batch)
    hook.remove()
    assert asked == [(batch.chosen.sum(), V)]
    close(words, model.words(x)[batch.chosen], 1e-5)
    close(follows, model.follows(model.bert.summary(x)), 0)


def test_the_loss_is_the_mean_over_the_chosen_places_plus_that_of_pairs():
    model, batch = pretraining(), gapped(follows=FOLLOWS)
    x = encode(model, batch)
    known = [
        model.words(x[b, t]).log_softmax(0)[batch.original[b, t]]
        for b, t in batch.chosen.nonzero().tolist()
    ]
    words = -sum(known) / len(known)
    pairs = model.follows(model.bert.summary(x)).log_softmax(1)
    pairs = -sum(pairs[b, FOLLOWS[b]] for b in range(4)) / 4
    close(pretraining_loss(model, batch), words + pairs, 1e-5)
    close(pretraining_loss(model, batch._replace(follows=None)), words, 1e-5)


def test_the_loss_knows_nothing_of_places_that_are_not_chosen():
    model, batch = pretraining(), gapped()
    other = torch.where(batch.chosen, batch.original, 7)
    assert not torch.equal(other, batch.original)
    one = pretraining_loss(model, batch)
    assert torch.equal(pretraining_loss(model, batch._replace(original=other)), one)
    first = batch.chosen.nonzero()[0]
    other = batch.original.clone()
    other[tuple(first)] = 5 if other[tuple(first)] == 6 else 6
    assert pretraining_loss(model, batch._replace(original=other)) != one


def test_no_place_chosen_is_a_loss_of_0_with_gradients_of_0():
    model, batch = pretraining(), gapped()
    loss = pretraining_loss(model, batch._replace(chosen=batch.chosen & False))
    assert loss == 0
    assert all((one == 0).all() for one in gradients(model, loss[None]).values())


def test_the_loss_of_the_next_word_is_the_mean_over_all_that_have_one():
    model, batch = pretraining(), texts()
    x = encode(model, batch, causal=True)
    known = [
        model.words(x[b, t]).log_softmax(0)[batch.tokens[b, t + 1]]
        for b in range(4)
        for t in range(int(batch.mask[b].sum()) - 1)
    ]
    close(next_word_loss(model, batch), -sum(known) / len(known), 1e-5)


def test_a_new_model_guesses():
    torch.manual_seed(0)
    model = BertForPretraining(bert_config(size=64, heads=4), 1000)
    loss = pretraining_loss(model, gapped(follows=FOLLOWS))
    assert loss.item() == pytest.approx(math.log(1000) + math.log(2), abs=0.6)


def test_a_small_model_learns_to_fill_gaps():
    """Each text is one word, again and again: what is missing is what is there."""
    torch.manual_seed(0)
    model = BertForPretraining(bert_config(size=32, heads=4, inner=64), V)

    def batch_at(step):
        word = torch.randint(
            5, V, (32, 1), generator=torch.Generator().manual_seed(step)
        )
        batch = texts(((6, 0),) * 32)
        inside = batch.words >= 0
        return gapped(batch._replace(tokens=torch.where(inside, word, batch.tokens)))

    training = Training(steps=100, learning_rate=3e-3, warmup=20)
    losses = [
        step.loss
        for step in train(model, pretraining_loss, batch_at, training, Setting())
    ]
    assert losses[0] > 2.5
    assert losses[-1] < 0.5


@pytest.mark.parametrize("causal", [False, True])
def test_a_classifier_asks_the_first_token_or_the_last_if_that_saw_all(causal):
    model, batch = pretraining(), texts()
    classifier = shaken(SentenceClassifier(model.bert, 3))
    x = encode(model, batch, causal)
    wanted = []
    for b in range(4):
        asked = x[b, batch.mask[b].sum() - 1] if causal else x[b, 0]
        token = SEP if causal else CLS
        assert batch.tokens[b][batch.mask[b].sum() - 1 if causal else 0] == token
        wanted.append(
            classifier.output(
                torch.tanh(model.bert.pool.weight @ asked + model.bert.pool.bias)
            )
        )
    logits = classifier(batch, causal)
    assert logits.shape == (4, 3)
    close(logits, torch.stack(wanted), 1e-5)


def test_a_tagger_asks_every_token():
    model, batch = pretraining(), texts()
    tagger = shaken(TokenTagger(model.bert, 5))
    assert tagger(batch).shape == (*batch.tokens.shape, 5)
    close(tagger(batch), tagger.output(encode(model, batch)), 0)


@pytest.mark.parametrize("kind", [SentenceClassifier, TokenTagger])
def test_heads_drop_in_training_alone(kind):
    head = kind(pretraining(dropout=0.5).bert, 3)
    head.bert.eval()
    assert not torch.equal(head(texts()), head(texts()))
    head.eval()
    assert torch.equal(head(texts()), head(texts()))


def test_an_answer_lies_in_the_second_text():
    model, batch = pretraining(), texts()
    finder = shaken(SpanFinder(model.bert))
    first, last = finder(batch)
    logits = finder.output(encode(model, batch))
    for b, (a, c) in enumerate([(4, 3), (2, 6), (5, 0), (1, 1)]):
        inside = torch.zeros(batch.tokens.shape[1], dtype=torch.bool)
        inside[a + 2 : a + 2 + c] = True  # after [CLS], the first text and [SEP]
        for way, found in enumerate((first, last)):
            close(found[b][inside], logits[b, inside, way], 0)
            assert (found[b][~inside] == -math.inf).all()
    spans = best_span(first, last)
    assert (spans[0] >= 6).all()
    assert (spans[0] < 9).all()


logit = st.one_of(st.floats(-9, 9, width=32), st.just(-math.inf))


@given(
    rows=st.integers(1, 7).flatmap(
        lambda T: st.lists(
            st.tuples(*(st.lists(logit, min_size=T, max_size=T),) * 2),
            min_size=1,
            max_size=3,
        )
    ),
    longest=st.integers(1, 8),
)
def test_the_best_span_is_that_of_all_spans(rows, longest):
    first, last = (torch.tensor(part) for part in zip(*rows, strict=True))
    for row, (i, j) in enumerate(best_span(first, last, longest).tolist()):
        T = first.shape[1]
        spans = [(a, b) for a in range(T) for b in range(a, min(T, a + longest))]
        sums = {span: (first[row, span[0]] + last[row, span[1]]) for span in spans}
        best = max(sums.values())
        if best > -math.inf:
            assert (i, j) in sums
            assert sums[i, j] == best


# -- which parameters move -------------------------------------------------------------


def frozen(model: nn.Module) -> set[str]:
    return {name for name, p in model.named_parameters() if not p.requires_grad}


def test_freeze():
    model = SentenceClassifier(pretraining(blocks=3).bert, 2)
    names = [name for name, _ in model.named_parameters()]
    for blocks, parts in (
        (0, ("bert.embedding.",)),
        (2, ("bert.embedding.", "bert.encoder.blocks.0.", "bert.encoder.blocks.1.")),
        (3, ("bert.embedding.", "bert.encoder.")),
        (None, ("bert.",)),
    ):
        model.requires_grad_(True)
        freeze(model.bert, blocks)
        assert frozen(model) == {name for name in names if name.startswith(parts)}
    for blocks in (-1, 4):
        with pytest.raises(ValueError, match=f"blocks: got {blocks}, expected 0 to 3"):
            freeze(model.bert, blocks)


def test_the_deeper_the_slower():
    model = SentenceClassifier(pretraining(blocks=3).bert, 2)
    found = {}
    names = {parameter: name for name, parameter in model.named_parameters()}
    for parameter, factor in layer_rates(model, 0.5):
        found.setdefault(factor, set()).add(names.pop(parameter))
    assert not names  # each of them once
    parts = {
        1.0: ("output.", "bert.pool."),
        0.5: ("bert.encoder.blocks.2.",),
        0.25: ("bert.encoder.blocks.1.",),
        0.125: ("bert.encoder.blocks.0.",),
        0.0625: ("bert.embedding.",),
    }
    assert found.keys() == parts.keys()
    for factor, of in found.items():
        assert all(name.startswith(parts[factor]) for name in of)
    assert {factor for _, factor in layer_rates(pretraining(), 1.0)} == {1.0}
    assert len(list(layer_rates(pretraining(), 0.9))) == len(
        list(pretraining().parameters())
    )
    for decay in (0, -0.5, 1.1):
        with pytest.raises(ValueError, match=f"decay: got {decay}, expected more"):
            list(layer_rates(model, decay))


def classify(model, batch):
    return F.cross_entropy(model(batch), torch.tensor([0, 1, 1, 0]))


def test_training_obeys_the_factors():
    model = SentenceClassifier(pretraining(blocks=3).bert, 2)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    found = gradients(model, classify(model, texts())[None])
    scale = gradients(model, model.output.bias.sum()[None])["output.bias"][0]
    training = Training(
        steps=1, learning_rate=0.5, optimizer="sgd", clip_norm=None, warmup=0
    )
    rates = dict(zip(before, (f for _, f in layer_rates(model, 0.5)), strict=True))
    next(
        train(
            model,
            classify,
            lambda step: texts(),
            training,
            Setting(),
            rates=lambda model: layer_rates(model, 0.5),
        )
    )
    for name, parameter in model.named_parameters():
        step = 0.5 * rates[name] * found[name] / scale
        close(parameter.detach(), before[name] - step, 1e-6)
    assert found["bert.embedding.words.weight"].abs().max() > 1e-3


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("blocks", [None, 0, 2])
def test_what_is_frozen_does_not_move_and_all_else_does(optimizer, blocks):
    model = SentenceClassifier(pretraining(blocks=3).bert, 2)
    freeze(model.bert, blocks)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    training = Training(steps=3, learning_rate=0.1, optimizer=optimizer)
    for _ in train(
        model,
        classify,
        lambda step: texts(),
        training,
        Setting(),
        rates=lambda model: layer_rates(model, 0.8),
    ):
        pass
    same = {
        name for name, p in model.named_parameters() if torch.equal(p, before[name])
    }
    assert frozen(model) <= same
    assert same - frozen(model) <= {n for n in before if n.endswith("W_k.bias")}


def test_factors_survive_an_interruption(tmp_path):
    """What a checkpoint continues is, bit for bit, what an unbroken run does."""
    training = Training(steps=6, learning_rate=0.01, checkpoint_every=3)

    def run(folder, stop=None):
        model = SentenceClassifier(pretraining(blocks=2).bert, 2)
        steps = train(
            model,
            classify,
            lambda step: texts(seed=step),
            training,
            Setting(checkpoint=folder),
            rates=lambda model: layer_rates(model, 0.5),
        )
        for step in steps:
            if step.number == stop:
                steps.close()
        return model.state_dict()

    run(tmp_path / "a", stop=2)
    resumed, unbroken = run(tmp_path / "a"), run(tmp_path / "b")
    for name, one in resumed.items():
        assert torch.equal(one, unbroken[name])


# -- bad input -------------------------------------------------------------------------


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "none"])
def test_bert_has_a_table_of_places(positions):
    with pytest.raises(
        ValueError, match=f"positions: got '{positions}', expected 'learned'"
    ):
        Bert(bert_config(positions=positions), V)


def test_a_text_longer_than_the_table_is_named():
    model = pretraining(longest=10)
    model.bert(torch.ones(1, 10).long())
    with pytest.raises(ValueError, match="x: got 11 places, expected at most 10"):
        model.bert(torch.ones(1, 11).long())


def test_a_span_has_a_token():
    with pytest.raises(ValueError, match="longest: got 0, expected at least 1"):
        best_span(torch.zeros(1, 3), torch.zeros(1, 3), longest=0)
