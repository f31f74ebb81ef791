"""Our weights in the modules of d2l, the package of Dive into Deep Learning.

The parameters of attention, Transformers and BERT are not copied: theirs hold the very
tensors of ours, so a gradient of theirs lands in ours, under our name. Only recurrent
layers are copied, since d2l and torch lay their matrices out in other ways.

Where d2l is built for less (ReLU only, no norm after the embedding), its modules get
what ours has, so that both are one function. Its book has more models than its package:
see ``course_lib.bench.d2l_book``.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import Additive, Attention, Dot, Everywhere
from course_lib.bert import Bert, BertForPretraining, MaskedWords
from course_lib.exchange import recurrent
from course_lib.lstm_gru import GRU
from course_lib.peers import import_d2l
from course_lib.positions import Sinusoidal
from course_lib.recurrent import Stacked
from course_lib.rnn import RNN, LanguageModel
from course_lib.self_attention import MultiHeadAttention
from course_lib.seq2seq import Encoder
from course_lib.transformer import Block, FeedForward, LayerNorm, Residual

ACTIVATIONS = {F.relu: nn.ReLU, F.gelu: nn.GELU}


@singledispatch
def to_d2l(module: Any) -> nn.Module:
    """The same network of d2l's modules, with our weights.

    - ``RNN``: ``RNNScratch``, and a ``LanguageModel`` of one: ``RNNLMScratch``;
    - ``GRU``, or ``Stacked`` ones: ``GRU``; ``Encoder`` of these: ``Seq2SeqEncoder``;
    - ``Attention``: ``AdditiveAttention`` or ``DotProductAttention``;
    - ``MultiHeadAttention``, ``FeedForward``, ``Residual``, ``Block``: their parts of a
      Transformer, and ``(Embedding, Stack)``, as a tuple: ``TransformerEncoder``;
    - ``Bert``: ``BERTEncoder``; ``MaskedWords``: ``MaskLM``; ``BertForPretraining``:
      ``BERTModel``.

    Recurrent ones are time-major; padding is told to the others as lengths, ``(B,)``.

    Raises ``ValueError`` for what d2l has not, and ``ImportError`` without it.
    """
    raise ValueError(f"module: got {type(module).__name__}, which d2l has not")


@to_d2l.register
def _(module: RNN) -> nn.Module:
    if module.nonlinearity != "tanh":
        _refuse(f"nonlinearity {module.nonlinearity!r}", "'tanh'")
    theirs = import_d2l().RNNScratch(module.input_size, module.hidden_size)
    with torch.no_grad():
        theirs.W_xh.copy_(module.W_x.T)  # (H, I) -> (I, H): they compute x @ W
        theirs.W_hh.copy_(module.W_h.T)
        theirs.b_h.copy_(module.b)
    return theirs


@to_d2l.register
def _(module: LanguageModel) -> nn.Module:
    if not isinstance(module.layer, RNN):
        _refuse(type(module.layer).__name__, "an RNN")
    words = module.output.out_features
    theirs = import_d2l().RNNLMScratch(to_d2l(module.layer), vocab_size=words)
    with torch.no_grad():
        theirs.W_hq.copy_(module.output.weight.T)  # (V, H) -> (H, V)
        theirs.b_q.copy_(module.output.bias)
    return theirs


@to_d2l.register(GRU)
@to_d2l.register(Stacked)
def _(module: GRU | Stacked) -> nn.Module:
    same = recurrent.to_torch(module)
    if not isinstance(same, nn.GRU) or same.bidirectional:
        _refuse(f"{same}", "GRUs that read one way")
    theirs = import_d2l().GRU(
        same.input_size, same.hidden_size, same.num_layers, same.dropout
    )
    theirs.rnn.load_state_dict(same.state_dict())
    return theirs


@to_d2l.register
def _(module: Encoder) -> nn.Module:
    if module.reverse_source:
        _refuse("reverse_source True", "False")
    rnn = to_d2l(module.layer)
    words, size = module.embedding.weight.shape
    theirs = import_d2l().Seq2SeqEncoder(words, size, rnn.num_hiddens, rnn.num_layers)
    theirs.embedding, theirs.rnn = module.embedding, rnn
    return theirs


@to_d2l.register
def _(module: Attention) -> nn.Module:
    score = module.score
    if not isinstance(module.window, Everywhere):
        _refuse(f"window {type(module.window).__name__}", "Everywhere")
    if isinstance(score, Additive) and not score.coverage:
        theirs = import_d2l().AdditiveAttention(score.v.in_features, dropout=0.0)
        theirs.W_q, theirs.W_k, theirs.w_v = score.W_q, score.W_k, score.v
        return theirs
    if isinstance(score, Dot) and score.scale != 1.0:
        return import_d2l().DotProductAttention(dropout=0.0)
    _refuse(f"score {score}", "Additive without coverage, or a scaled Dot")


@to_d2l.register
def _(module: MultiHeadAttention) -> nn.Module:
    if module.rotary:
        _refuse("rotary True", "False")
    theirs = import_d2l().MultiHeadAttention(module.size, module.heads, dropout=0.0)
    for name in ("W_q", "W_k", "W_v", "W_o"):
        setattr(theirs, name, getattr(module, name))
    return theirs


@to_d2l.register
def _(module: FeedForward) -> nn.Module:
    theirs = import_d2l().PositionWiseFFN(
        module.W_1.out_features, module.W_2.out_features
    )
    theirs.dense1, theirs.dense2 = module.W_1, module.W_2
    theirs.relu = ACTIVATIONS[module.activation]()
    return theirs


@to_d2l.register
def _(module: Residual) -> nn.Module:
    if module.norm_first:
        _refuse("norm 'pre'", "'post'")
    theirs = import_d2l().AddNorm(len(module.norm.gain), module.dropout.p)
    theirs.ln = shared_norm(module.norm)
    return theirs


@to_d2l.register
def _(module: Block) -> nn.Module:
    if hasattr(module, "cross_attention"):
        _refuse("a decoder's block, which is only in its book", "an encoder's")
    C, inner = module.attention.size, module.feed_forward.W_1.out_features
    theirs = import_d2l().TransformerEncoderBlock(C, inner, module.attention.heads, 0.0)
    theirs.attention = to_d2l(module.attention)
    theirs.addnorm1 = to_d2l(module.after_attention)
    theirs.ffn = to_d2l(module.feed_forward)
    theirs.addnorm2 = to_d2l(module.after_feed_forward)
    return theirs


@to_d2l.register
def _(module: tuple) -> nn.Module:
    embedding, stack = module
    if not isinstance(embedding.places, Sinusoidal):
        _refuse(f"positions {stack.config.positions!r}", "'sinusoidal'")
    config, words = stack.config, embedding.words.num_embeddings
    theirs = import_d2l().TransformerEncoder(
        words, config.size, config.inner, config.heads, 0, embedding.dropout.p
    )
    theirs.embedding = embedding.words
    theirs.blks = nn.Sequential(*map(to_d2l, stack.blocks))
    return theirs


class _AfterEmbedding(nn.Module):
    """Our norm and dropout of the embedding, in the place of a first block."""

    def __init__(self, norm: LayerNorm, dropout: float) -> None:
        super().__init__()
        self.norm, self.dropout = shared_norm(norm), nn.Dropout(dropout)

    def forward(self, x: Tensor, valid_lens: Tensor | None) -> Tensor:
        return self.dropout(self.norm(x))


class _Places(nn.Module):
    """Our table of positions, sliced as their parameter ``(1, T, C)`` is."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.table = table

    def __getitem__(self, index: Any) -> Tensor:
        return self.table.weight[None][index]


@to_d2l.register
def _(module: Bert) -> nn.Module:
    config, embedding = module.config, module.embedding
    words = embedding.words.num_embeddings
    theirs = import_d2l().BERTEncoder(
        words, config.size, config.inner, config.heads, 0, dropout=0.0
    )
    theirs.token_embedding = embedding.words
    theirs.segment_embedding = embedding.segments
    del theirs.pos_embedding
    theirs.pos_embedding = _Places(embedding.places.table)
    first = _AfterEmbedding(embedding.norm, embedding.dropout.p)
    theirs.blks = nn.Sequential(first, *map(to_d2l, module.encoder.blocks))
    return theirs


@to_d2l.register
def _(module: MaskedWords) -> nn.Module:
    theirs = import_d2l().MaskLM(module.output.out_features, module.dense.out_features)
    norm = shared_norm(module.norm)
    theirs.mlp = nn.Sequential(module.dense, nn.GELU(), norm, module.output)
    return theirs


@to_d2l.register
def _(module: BertForPretraining) -> nn.Module:
    config, words = module.bert.config, module.words.output.out_features
    theirs = import_d2l().BERTModel(
        words, config.size, config.inner, config.heads, 0, dropout=0.0
    )
    theirs.encoder, theirs.mlm = to_d2l(module.bert), to_d2l(module.words)
    theirs.hidden[0], theirs.nsp.output = module.bert.pool, module.follows
    return theirs


def shared_norm(ours: LayerNorm) -> nn.LayerNorm:
    """torch's norm that holds the gain and the bias of ours."""
    theirs = nn.LayerNorm(len(ours.gain), ours.eps)
    theirs.weight, theirs.bias = ours.gain, ours.bias
    return theirs


def _refuse(got: str, expected: str) -> None:
    raise ValueError(f"module: got {got}, expected {expected}, as d2l has it")
