"""Weights to and from the BERT of Hugging Face, and its published checkpoints.

transformers is imported where it is needed; nothing else of the course needs it. With
dropout it also drops weights of the attention, which ours does not: what comes from
there is then the same in evaluation only. Whether B follows A it answers by "yes, no",
ours by "no, yes".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from course_lib.bert import Bert, BertForPretraining
from course_lib.data.wordpiece import SPECIAL, WordPiece
from course_lib.peers import import_transformers
from course_lib.transformer import TransformerConfig

if TYPE_CHECKING:
    from transformers import (
        BertConfig,
        BertForPreTraining,
        BertModel,
        BertTokenizerFast,
    )

NAMES = {  # parts of the names of our parameters, and of theirs
    "embedding.words.": "embeddings.word_embeddings.",
    "embedding.segments.": "embeddings.token_type_embeddings.",
    "embedding.places.table.": "embeddings.position_embeddings.",
    "embedding.norm.": "embeddings.LayerNorm.",
    "encoder.blocks.": "encoder.layer.",
    ".attention.W_q.": ".attention.self.query.",
    ".attention.W_k.": ".attention.self.key.",
    ".attention.W_v.": ".attention.self.value.",
    ".attention.W_o.": ".attention.output.dense.",
    ".after_attention.norm.": ".attention.output.LayerNorm.",
    ".feed_forward.W_1.": ".intermediate.dense.",
    ".feed_forward.W_2.": ".output.dense.",
    ".after_feed_forward.norm.": ".output.LayerNorm.",
    "pool.": "pooler.dense.",
    "words.dense.": "cls.predictions.transform.dense.",
    "words.norm.": "cls.predictions.transform.LayerNorm.",
    "words.output.": "cls.predictions.decoder.",
    "follows.": "cls.seq_relationship.",
    ".gain": ".weight",
}


def from_huggingface(
    model: BertModel | BertForPreTraining, path: str = "fused"
) -> Bert | BertForPretraining:
    """Ours, with their weights; see :func:`course_lib.exchange.from_huggingface`."""
    transformers = import_transformers()
    whole = type(model) is transformers.BertForPreTraining
    if not whole and type(model) is not transformers.BertModel:
        raise ValueError(
            f"model: got {type(model).__name__}, expected a BertModel or a "
            "BertForPreTraining of transformers"
        )
    config = _our_config(model.config, whole, path)
    bert = model.bert if whole else model
    if bert.pooler is None:
        raise ValueError("model: got no pooling layer, expected one")
    words = bert.embeddings.word_embeddings.weight
    if whole and model.cls.predictions.decoder.weight is not words:
        raise ValueError(
            "model: got an output with a matrix of its own, expected the words' vectors"
        )
    kind = BertForPretraining if whole else Bert
    ours = kind(config, model.config.vocab_size).to(next(model.parameters()))
    with torch.no_grad():
        for own, theirs in _pairs(ours, model):
            own.copy_(theirs)
    return ours.train(model.training)


def to_huggingface(model: Bert | BertForPretraining) -> BertModel | BertForPreTraining:
    """Theirs, with our weights; see :func:`course_lib.exchange.to_huggingface`."""
    transformers = import_transformers()
    whole = isinstance(model, BertForPretraining)
    if not whole and not isinstance(model, Bert):
        raise ValueError(
            f"model: got {type(model).__name__}, expected a Bert or a "
            "BertForPretraining"
        )
    bert = model.bert if whole else model
    config = bert.config
    if config.norm != "post":
        raise ValueError(f"model: got norm {config.norm!r}, expected 'post'")
    _check_activation(config.activation, whole)
    kind = transformers.BertForPreTraining if whole else transformers.BertModel
    theirs = kind(
        transformers.BertConfig(
            vocab_size=bert.embedding.words.num_embeddings,
            hidden_size=config.size,
            num_hidden_layers=config.blocks,
            num_attention_heads=config.heads,
            intermediate_size=config.inner,
            hidden_act=config.activation,
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=0.0,
            max_position_embeddings=config.longest,
            layer_norm_eps=config.eps,
        )
    ).to(next(model.parameters()))
    with torch.no_grad():
        for own, other in _pairs(model, theirs):
            other.copy_(own)
    return theirs.train(model.training)


def load_checkpoint(path: str | Path) -> tuple[BertForPretraining, WordPiece]:
    """A published BERT with its vocabulary; ready to be used, or trained further.

    ``path`` is a folder with ``config.json``, weights and ``vocab.txt``, or a name on
    the Hugging Face hub, such as ``"bert-base-uncased"`` or ``"klue/bert-base"``, which
    is downloaded and kept. Its special tokens get the ids that ours have, so the rows
    of the word table and of the output are in another order than in the file. Weights
    of the pooling layer or of the next sentence that it has not are drawn anew, and
    transformers says so.

    Raises ``ImportError`` without transformers, ``OSError`` where there is no such
    checkpoint or no network, and ``ValueError`` for one that is not of such a BERT.
    """
    transformers = import_transformers()
    name = str(path)
    try:
        said, _ = transformers.BertConfig.get_config_dict(name)
        if (kind := said.get("model_type")) != "bert":
            raise ValueError(f"path: {name} holds a model {kind!r}, expected a 'bert'")
        config = transformers.BertConfig.from_dict(said)
        _our_config(config, whole=True)
        tokenizer = transformers.BertTokenizerFast.from_pretrained(name)
        theirs, report = transformers.BertForPreTraining.from_pretrained(
            name, output_loading_info=True
        )
    except OSError as error:
        raise OSError(
            f"path: got {name!r}, expected a folder with config.json, weights and "
            "vocab.txt, or a name on the Hugging Face hub and a network to fetch it"
        ) from error
    optional = ("bert.pooler.", "cls.seq_relationship.")
    if lacks := [key for key in report["missing_keys"] if not key.startswith(optional)]:
        raise ValueError(f"path: {name} has no {min(lacks)}, which must be there")
    vocabulary, rows = _vocabulary(tokenizer, name)
    if max(rows) >= config.vocab_size:
        raise ValueError(
            f"path: {name} has a piece number {max(rows)}, but only "
            f"{config.vocab_size} vectors"
        )
    return _with_rows(rows, from_huggingface(theirs.float())), vocabulary


def _our_config(
    config: BertConfig, whole: bool, path: str = "fused"
) -> TransformerConfig:
    for name, expected in (
        ("position_embedding_type", "absolute"),  # older releases have others
        ("type_vocab_size", 2),
        ("is_decoder", False),
        ("add_cross_attention", False),
    ):
        if (got := getattr(config, name, expected)) != expected:
            raise ValueError(f"model: got {name} {got!r}, expected {expected!r}")
    _check_activation(config.hidden_act, whole)
    return TransformerConfig(
        size=config.hidden_size,
        heads=config.num_attention_heads,
        inner=config.intermediate_size,
        blocks=config.num_hidden_layers,
        positions="learned",
        longest=config.max_position_embeddings,
        activation=config.hidden_act,
        dropout=config.hidden_dropout_prob,
        eps=config.layer_norm_eps,
        path=path,
    )


def _check_activation(name: object, whole: bool) -> None:
    known = ("gelu",) if whole else ("gelu", "relu")  # our head for words has gelu
    if name not in known:
        raise ValueError(
            f"model: got activation {name!r}, expected {' or '.join(known)}"
        )


def _pairs(ours: nn.Module, theirs: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """Each of our parameters with theirs, as views that can be written to."""
    found = dict(theirs.named_parameters(remove_duplicate=False))
    for name, own in ours.named_parameters():
        their_name = name
        for part, their_part in NAMES.items():
            their_name = their_name.replace(part, their_part)
        other = found[their_name]
        if name.startswith("follows."):
            yield own[0], other[1]
            yield own[1], other[0]
        else:
            yield own, other


def _vocabulary(tokenizer: BertTokenizerFast, name: str) -> tuple[WordPiece, list[int]]:
    """Our tokenizer that cuts as theirs does, and the row that each piece had there."""
    rows = tokenizer.get_vocab()
    if lacks := [token for token in SPECIAL if token not in rows]:
        raise ValueError(f"path: {name} has no {lacks[0]} in its vocabulary")
    cleaning = json.loads(tokenizer.backend_tokenizer.to_str())["normalizer"] or {}
    lowercase = cleaning.get("lowercase")
    for option, known in (
        ("type", ("BertNormalizer",)),
        ("clean_text", (True,)),
        ("handle_chinese_chars", (True,)),
        ("strip_accents", (None, lowercase)),
    ):
        if (got := cleaning.get(option)) not in known:
            raise ValueError(
                f"path: {name} has a tokenizer with {option} {got!r}, "
                f"expected {known[-1]!r}"
            )
    others = sorted(rows.keys() - set(SPECIAL), key=rows.__getitem__)
    pieces = [*SPECIAL, *others]
    return WordPiece(pieces, lowercase), [rows[piece] for piece in pieces]


def _with_rows(rows: list[int], model: BertForPretraining) -> BertForPretraining:
    """``model`` with these rows of its words, in this order; those of no piece go."""
    words, output = model.bert.embedding.words, model.words.output
    words.weight = output.weight = nn.Parameter(words.weight.detach()[rows])
    output.bias = nn.Parameter(output.bias.detach()[rows])
    words.num_embeddings = output.out_features = len(rows)
    return model
