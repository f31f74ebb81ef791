"""Weights to and from torch, Hugging Face, timm and d2l: the same networks as ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from course_lib.exchange import bert, gpt, recurrent, transformer, vit
from course_lib.exchange.bert import load_checkpoint
from course_lib.exchange.d2l import to_d2l
from course_lib.exchange.vit import from_timm, to_timm
from course_lib.transformer import GPT
from course_lib.vit import VisionTransformer

if TYPE_CHECKING:
    from transformers import (
        BertForPreTraining,
        BertModel,
        GPT2LMHeadModel,
        ViTForImageClassification,
    )

    from course_lib.bert import Bert, BertForPretraining

__all__ = [
    "from_huggingface",
    "from_timm",
    "from_torch",
    "load_checkpoint",
    "to_d2l",
    "to_huggingface",
    "to_timm",
    "to_torch",
]


def from_torch(module: nn.Module, path: str = "fused") -> Any:
    """The same network of our layers, with the weights of ``module``.

    - ``nn.LSTM``, ``nn.GRU``: one layer, ``Bidirectional``, or ``Stacked`` of these;
    - ``nn.MultiheadAttention``: ``MultiHeadAttention``;
    - ``nn.TransformerEncoder``, ``nn.TransformerDecoder``: a ``Stack``;
    - ``nn.Transformer``: two of them, the encoder and the decoder.

    Raises ``ValueError`` for another module, and for what ours has not.
    """
    if isinstance(module, (nn.LSTM, nn.GRU)):
        return recurrent.from_torch(module, path)
    return transformer.from_torch(module, path)


def to_torch(layer: Any) -> nn.Module:
    """The same network as one batch-first module of torch: :func:`from_torch` reversed.

    Raises ``ValueError`` for what torch has not.
    """
    if isinstance(layer, (*transformer.KINDS, tuple)):
        return transformer.to_torch(layer)
    if not hasattr(layer, "hidden_size"):
        raise ValueError(
            f"layer: got {type(layer).__name__}, expected a recurrent layer, a "
            "MultiHeadAttention, a Stack, or encoder and decoder as a tuple"
        )
    return recurrent.to_torch(layer)


def from_huggingface(
    model: BertModel | BertForPreTraining | ViTForImageClassification,
    path: str = "fused",
) -> Bert | BertForPretraining | VisionTransformer:
    """The same network of our layers, with the weights of ``model``.

    - ``BertModel``: a ``Bert``; its ``pooler_output`` is our ``summary``;
    - ``BertForPreTraining``: a ``BertForPretraining``, whose ``follows`` has the two
      classes in the other order;
    - ``ViTForImageClassification``: a ``VisionTransformer``.

    Raises ``ValueError`` for another model, and for what ours has not, and
    ``ImportError`` without transformers.
    """
    is_vit = type(model).__name__.startswith("ViT")
    return (vit if is_vit else bert).from_huggingface(model, path)


def to_huggingface(
    model: Bert | BertForPretraining | VisionTransformer | GPT,
) -> BertModel | BertForPreTraining | ViTForImageClassification | GPT2LMHeadModel:
    """The same network of transformers: :func:`from_huggingface` reversed.

    It has one kind more: a ``GPT`` becomes a ``GPT2LMHeadModel``.

    Raises ``ValueError`` for what transformers has not, and ``ImportError`` without it.
    """
    if isinstance(model, GPT):
        return gpt.to_huggingface(model)
    is_vit = isinstance(model, VisionTransformer)
    return (vit if is_vit else bert).to_huggingface(model)
