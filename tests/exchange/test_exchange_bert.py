"""BERT to and from Hugging Face: the same in value and gradient, checkpoints too."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.bert import Bert, SentenceClassifier, pretraining_loss
from course_lib.data.masking import collate, pack
from course_lib.data.wordpiece import SPECIAL
from course_lib.exchange import from_huggingface, load_checkpoint, to_huggingface
from course_lib.peers import MISSING_TRANSFORMERS
from course_lib.self_attention import PATHS
from course_lib.transformer import LayerNorm
from small_berts import V, bert_config, gapped, pretraining, texts
from small_transformers import C, H, close, gradients, shaken

by_path = pytest.mark.parametrize("path", PATHS)
KINDS = {"BertModel": "Bert", "BertForPreTraining": "BertForPretraining"}
by_kind = pytest.mark.parametrize("kind", KINDS)


def their_config(**changes) -> transformers.BertConfig:
    sizes = {
        "vocab_size": V,
        "hidden_size": C,
        "num_hidden_layers": 3,
        "num_attention_heads": H,
        "intermediate_size": 12,
        "max_position_embeddings": 24,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    return transformers.BertConfig(**sizes | changes)


def theirs_of(kind="BertForPreTraining", seed=0, **changes):
    torch.manual_seed(seed)
    return shaken(getattr(transformers, kind)(their_config(**changes)), seed)


def run(model, batch):
    return model(
        input_ids=batch.tokens,
        token_type_ids=batch.segments,
        attention_mask=batch.mask.long(),
        output_hidden_states=True,
    )


def hidden_states(model: Bert, batch) -> list[torch.Tensor]:
    """What goes into the first block, and what comes out of each."""
    found = []
    hooks = [
        block.register_forward_hook(lambda module, x, out: found.append(out[0]))
        for block in model.encoder.blocks
    ]
    hooks.append(
        model.embedding.register_forward_hook(lambda m, x, out: found.append(out))
    )
    model(batch.tokens, batch.segments, batch.mask)
    for hook in hooks:
        hook.remove()
    return found


def in_our_layout(theirs, output):
    """The gradients of ``theirs``, as the parameters of a network of ours."""
    found, twin = gradients(theirs, output), copy.deepcopy(theirs)
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter.copy_(found[name])
    return dict(from_huggingface(twin).named_parameters())


def assert_same_gradients(ours, theirs, out, wanted):
    found, expected = gradients(ours, out), in_our_layout(theirs, wanted)
    assert found.keys() == expected.keys()
    for name, one in found.items():
        close(one, expected[name], 1e-5)
    return found


# -- the same values and gradients -----------------------------------------------------


@by_path
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_encoder(attention, activation, path):
    theirs = theirs_of(
        "BertModel", attn_implementation=attention, hidden_act=activation
    )
    ours, batch = from_huggingface(theirs, path), texts()
    assert type(ours) is Bert
    wanted = run(theirs, batch)
    states = hidden_states(ours, batch)
    assert len(states) == len(wanted.hidden_states) == 4
    for one, other in zip(states, wanted.hidden_states, strict=True):
        close(one[batch.mask], other[batch.mask], 1e-5)
    close(ours.summary(states[-1]), wanted.pooler_output, 1e-5)
    out = torch.cat([states[-1][batch.mask], ours.summary(states[-1])])
    other = torch.cat([wanted.last_hidden_state[batch.mask], wanted.pooler_output])
    found = assert_same_gradients(ours, theirs, out, other)
    for name, one in found.items():
        if not name.endswith("W_k.bias"):  # it adds the same to all scores of a query
            assert one.abs().max() > 1e-5, name


@by_path
def test_both_tasks(path):
    theirs = theirs_of()
    ours, batch = from_huggingface(theirs, path), gapped()
    words, follows = ours(batch)
    wanted = run(theirs, batch)
    close(words, wanted.prediction_logits[batch.chosen], 1e-5)
    close(follows, wanted.seq_relationship_logits.flip(-1), 1e-5)
    assert (follows - wanted.seq_relationship_logits).abs().max() > 0.1
    out = torch.cat([words, follows.flatten().expand(V, -1).T])
    other = wanted.seq_relationship_logits.flip(-1).flatten().expand(V, -1).T
    other = torch.cat([wanted.prediction_logits[batch.chosen], other])
    found = assert_same_gradients(ours, theirs, out, other)
    assert all(found[f"follows.{name}"].abs().min() > 0 for name in ("weight", "bias"))


def test_their_loss_is_ours():
    """They call "B follows A" class 0, we call it class 1."""
    theirs, follows = theirs_of(), torch.tensor([1, 0, 0, 1])
    batch = gapped(follows=follows)
    wanted = theirs(
        input_ids=batch.tokens,
        token_type_ids=batch.segments,
        attention_mask=batch.mask.long(),
        labels=batch.original.masked_fill(~batch.chosen, -100),
        next_sentence_label=1 - follows,
    ).loss
    close(pretraining_loss(from_huggingface(theirs), batch), wanted, 1e-5)


@by_path
def test_ours_runs_on_theirs(path):
    model, batch = pretraining(path=path), gapped()
    theirs = to_huggingface(model)
    assert type(theirs) is transformers.BertForPreTraining
    wanted, (words, follows) = run(theirs, batch), model(batch)
    close(words, wanted.prediction_logits[batch.chosen], 1e-5)
    close(follows, wanted.seq_relationship_logits.flip(-1), 1e-5)
    alone = to_huggingface(model.bert)
    assert type(alone) is transformers.BertModel
    close(
        run(alone, batch).last_hidden_state[batch.mask],
        model.bert(batch.tokens, batch.segments, batch.mask)[batch.mask],
        1e-5,
    )


def test_dropout_falls_on_the_same_numbers(monkeypatch):
    model, batch = pretraining(dropout=0.3), gapped()
    theirs = to_huggingface(model)
    assert theirs.config.attention_probs_dropout_prob == 0
    assert theirs.training

    def halve(self, x):  # drawn numbers would lie in another order in memory
        return x / 2 if self.training and self.p == 0.3 else x

    monkeypatch.setattr(nn.Dropout, "forward", halve)
    in_training, _ = model(batch)
    close(run(theirs, batch).prediction_logits[batch.chosen], in_training, 1e-5)
    assert not torch.allclose(model.eval()(batch)[0], in_training, atol=0.1)


# -- there and back --------------------------------------------------------------------


@by_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_there_and_back_nothing_is_lost(kind, dtype, tmp_path):
    theirs = theirs_of(kind, layer_norm_eps=0.01, hidden_dropout_prob=0.25).to(dtype)
    ours = from_huggingface(theirs.eval())
    again = to_huggingface(ours)
    assert type(again) is type(theirs)
    assert not ours.training
    assert not again.training
    for name in (
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "hidden_act",
        "hidden_dropout_prob",
        "layer_norm_eps",
    ):
        assert getattr(again.config, name) == getattr(theirs.config, name)
    assert again.state_dict().keys() == theirs.state_dict().keys()
    for name, one in theirs.state_dict().items():
        assert torch.equal(again.state_dict()[name], one), name
        assert again.state_dict()[name].dtype == dtype
    assert type(ours).__name__ == KINDS[kind]
    norms = {one.eps for one in ours.modules() if isinstance(one, LayerNorm)}
    assert norms == {0.01}
    assert {m.p for m in ours.modules() if isinstance(m, nn.Dropout)} == {0.25}

    again.save_pretrained(tmp_path)
    loaded = from_huggingface(type(again).from_pretrained(tmp_path, dtype=dtype))
    assert loaded.state_dict().keys() == ours.state_dict().keys()
    for name, one in ours.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], one), name


def test_the_other_side_is_a_copy_and_its_output_is_tied_as_ours():
    model = pretraining()
    theirs = to_huggingface(model)
    words = theirs.bert.embeddings.word_embeddings.weight
    assert theirs.cls.predictions.decoder.weight is words
    before = {name: one.clone() for name, one in theirs.state_dict().items()}
    ours = from_huggingface(theirs)
    assert ours.words.output.weight is ours.bert.embedding.words.weight
    with torch.no_grad():
        for parameter in (*model.parameters(), *ours.parameters()):
            parameter.add_(1)
    for name, one in theirs.state_dict().items():
        assert torch.equal(one, before[name])


# -- published checkpoints -------------------------------------------------------------

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789éÉüñ漢가나다배먹었는집에"
PIECES = [
    "[unused0]",
    "[UNK]",
    "the",
    "café",
    "cafe",
    "[MASK]",
    "dog",
    "배",
    "##가",
    "집",
    "##에",
    "Hund",
    "[SEP]",
    "hund",
    *(c for c in ".,!?'-" + CHARACTERS if c not in "배집"),
    *("##" + c for c in CHARACTERS + "ABC" if c not in "가에"),
    "[CLS]",
    "[PAD]",
]
ENGLISH = "The dog, the CAFÉ: don't bark!"
TEXTS = [
    ENGLISH,
    "Le café — ein Über-Hund, mañana",
    "배가 집에 간다. 나는 漢字 먹었는데?",
    "x\x00y\u200bz\ttabs\u00a0and\ufffd",
    "a" * 101,
    "",
]


def checkpoint(folder, lowercase=True, kind="BertForPreTraining", **changes):
    """A small model of theirs, saved as such models are published."""
    theirs = theirs_of(kind, **{"vocab_size": len(PIECES)} | changes).eval()
    theirs.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    how = {"do_lower_case": lowercase, "tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(how))
    return theirs


@pytest.mark.parametrize("lowercase", [True, False])
def test_a_checkpoint_cuts_and_says_the_same(lowercase, tmp_path):
    theirs = checkpoint(tmp_path, lowercase, vocab_size=len(PIECES) + 7)
    model, vocabulary = load_checkpoint(tmp_path)
    their_tokenizer = transformers.BertTokenizer.from_pretrained(tmp_path)

    assert vocabulary.pieces[:5] == SPECIAL
    assert len(vocabulary) == len(PIECES)  # the 7 rows of no piece are left out
    others = [piece for piece in PIECES if piece not in SPECIAL]
    assert list(vocabulary.pieces[5:]) == others
    for text in TEXTS:
        wanted = their_tokenizer.tokenize(text)
        assert vocabulary.tokens(vocabulary.encode(text).ids) == wanted
    cut = vocabulary.tokens(vocabulary.encode(ENGLISH).ids)
    assert ("dog" in cut, "cafe" in cut) == (True, lowercase)

    rows = [their_tokenizer.get_vocab()[piece] for piece in vocabulary.pieces]
    pairs = [(TEXTS[0], TEXTS[1]), (TEXTS[2], TEXTS[0][:9]), (TEXTS[3], None)]
    theirs.config.max_position_embeddings = 64
    for pair in pairs:
        cut = [vocabulary.encode(text[:20]) for text in pair if text]
        batch = collate([pack(*cut)])
        ids = their_tokenizer(*(text[:20] for text in pair if text))
        their_tokens = torch.tensor([ids["input_ids"]])[:, :24]
        assert [rows[token] for token in batch.tokens[0]][:24] == their_tokens[
            0
        ].tolist()
        wanted = theirs(
            their_tokens, token_type_ids=torch.tensor([ids["token_type_ids"]])[:, :24]
        )
        x = model.bert(batch.tokens[:, :24], batch.segments[:, :24])
        close(model.words(x), wanted.prediction_logits[..., rows], 1e-5)
        follows = model.follows(model.bert.summary(x))
        close(follows, wanted.seq_relationship_logits.flip(-1), 1e-5)


def test_a_loaded_checkpoint_can_go_back_and_be_trained(tmp_path):
    checkpoint(tmp_path)
    model, vocabulary = load_checkpoint(str(tmp_path))
    table = model.bert.embedding.words
    assert table.weight is model.words.output.weight
    assert table.num_embeddings == model.words.output.out_features == len(vocabulary)
    batch = collate([pack(vocabulary.encode("the dog"), vocabulary.encode("배가"))])
    wanted = model.bert(batch.tokens, batch.segments, batch.mask)
    theirs = to_huggingface(model)
    close(run(theirs, batch).hidden_states[-1], wanted, 1e-5)
    head = SentenceClassifier(model.bert, 2)
    head(batch).sum().backward()
    assert head.bert.embedding.words.weight.grad.abs().sum() > 0


def test_weights_with_the_names_of_2018(tmp_path):
    """As bert-base-uncased has them to this day."""
    checkpoint(tmp_path)
    model, _ = load_checkpoint(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    for name in [name for name in weights if "LayerNorm" in name]:
        old = name.replace("Norm.weight", "Norm.gamma").replace(
            "Norm.bias", "Norm.beta"
        )
        weights[old] = weights.pop(name)
    assert "cls.predictions.decoder.weight" not in weights
    save_file(weights, path, {"format": "pt"})
    again, _ = load_checkpoint(tmp_path)
    for name, one in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], one), name


def test_half_precision_is_read_as_single(tmp_path):
    theirs = checkpoint(tmp_path)
    theirs.half().save_pretrained(tmp_path)
    model, _ = load_checkpoint(tmp_path)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_head_for_pairs_may_be_missing_but_not_that_for_words(tmp_path):
    theirs = checkpoint(tmp_path, kind="BertForMaskedLM")
    model, vocabulary = load_checkpoint(tmp_path)
    batch = collate([pack(vocabulary.encode("the dog"))])
    rows = [PIECES.index(piece) for piece in vocabulary.pieces]
    their_tokens = torch.tensor(rows)[batch.tokens]
    x = model.bert(batch.tokens, batch.segments, batch.mask)
    close(model.words(x), theirs(their_tokens).logits[..., rows], 1e-5)

    other = tmp_path / "other"
    other.mkdir()
    checkpoint(other, kind="BertModel")
    with pytest.raises(ValueError, match=r"path: .* has no cls\.predictions\."):
        load_checkpoint(other)


def edited(folder, file, **changes):
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("file", "changes", "got"),
    [
        ("config.json", {"model_type": "roberta"}, "holds a model 'roberta', expected"),
        ("config.json", {"hidden_act": "gelu_new"}, "activation 'gelu_new', expected"),
        ("config.json", {"position_embedding_type": "relative_key"}, "'relative_key'"),
        ("tokenizer_config.json", {"strip_accents": False}, "strip_accents False"),
        (
            "tokenizer_config.json",
            {"tokenize_chinese_chars": False},
            "handle_chinese_chars False, expected True",
        ),
    ],
)
def test_a_checkpoint_of_another_kind_is_named(tmp_path, file, changes, got):
    checkpoint(tmp_path)
    edited(tmp_path, file, **changes)
    with pytest.raises(ValueError, match=got):
        load_checkpoint(tmp_path)


def test_a_checkpoint_that_does_not_fit_its_vocabulary_is_named(tmp_path):
    checkpoint(tmp_path, vocab_size=len(PIECES) - 1)
    last = len(PIECES) - 1
    with pytest.raises(ValueError, match=f"a piece number {last}, but only {last} v"):
        load_checkpoint(tmp_path)


def test_no_checkpoint_and_no_network(tmp_path, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match=r"path: got 'c/no', expected a folder .*network"):
        load_checkpoint("c/no")
    with pytest.raises(ValueError, match=r"holds a model None, expected a 'bert'"):
        load_checkpoint(tmp_path)
    checkpoint(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"path: got .*, expected a folder with config"):
        load_checkpoint(tmp_path)


# -- what the other side has not -------------------------------------------------------


def untied():
    theirs = theirs_of()
    words = theirs.bert.embeddings.word_embeddings
    words.weight = nn.Parameter(words.weight.detach().clone())
    return theirs


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: theirs_of(type_vocab_size=1), "type_vocab_size 1, expected 2"),
        (lambda: theirs_of("BertModel", is_decoder=True), "is_decoder True"),
        (
            lambda: theirs_of("BertModel", is_decoder=True, add_cross_attention=True),
            "is_decoder True",
        ),
        (
            lambda: theirs_of(position_embedding_type="relative_key_query"),
            "position_embedding_type 'relative_key_query', expected 'absolute'",
        ),
        (lambda: theirs_of(hidden_act="relu"), "activation 'relu', expected gelu$"),
        (lambda: theirs_of("BertModel", hidden_act="silu"), "'silu', expected gelu or"),
        (lambda: theirs_of(hidden_act="gelu_new"), "activation 'gelu_new'"),
        (untied, "a matrix of its own"),
        (lambda: theirs_of(tie_word_embeddings=False), "a matrix of its own"),
        (
            lambda: transformers.BertModel(their_config(), add_pooling_layer=False),
            "no pooling layer",
        ),
        (lambda: theirs_of("BertForMaskedLM"), "BertForMaskedLM, expected a BertModel"),
        (lambda: theirs_of("BertLMHeadModel", is_decoder=True), "BertLMHeadModel, exp"),
        (lambda: nn.Linear(2, 2), "Linear, expected a BertModel"),
        (lambda: pretraining(), "BertForPretraining, expected a BertModel"),
    ],
)
def test_what_ours_has_not_is_named(make, got):
    with pytest.raises(ValueError, match=f"model: got .*{got}"):
        from_huggingface(make())


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: Bert(bert_config(norm="pre"), V), "norm 'pre', expected 'post'"),
        (lambda: pretraining(activation="relu"), "activation 'relu', expected gelu$"),
        (lambda: SentenceClassifier(pretraining().bert, 2), "SentenceClassifier, expe"),
        (lambda: nn.Linear(2, 2), "Linear, expected a Bert"),
    ],
)
def test_what_transformers_has_not_is_named(make, got):
    with pytest.raises(ValueError, match=f"model: got .*{got}"):
        to_huggingface(make())


# -- without transformers --------------------------------------------------------------


def test_transformers_is_imported_late_and_where_it_is_missing_it_is_named():
    code = (
        "import sys\n"
        "from course_lib import exchange\n"
        "print('transformers' in sys.modules)\n"
        "sys.modules['transformers'] = None\n"
        "for call in ('from_huggingface', 'to_huggingface', 'load_checkpoint'):\n"
        "    try:\n"
        "        getattr(exchange, call)('bert-base-uncased')\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    imported, *said = found.stdout.splitlines()
    assert imported == "False"
    assert len(said) == 3
    assert all(MISSING_TRANSFORMERS in line for line in said)
