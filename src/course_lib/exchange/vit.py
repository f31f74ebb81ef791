"""Weights to and from the Vision Transformers of timm and of Hugging Face.

Neither is needed by the rest of the course; each is imported where a model of it is to
be made or checked. Where they drop numbers that ours keeps (of the attention, inside
the feed-forward network, whole blocks), what comes from there is the same in evaluation
only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from course_lib.peers import import_timm, import_transformers
from course_lib.transformer import TransformerConfig
from course_lib.vit import PatchEmbedding, VisionTransformer

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer as TimmVit
    from transformers import ViTForImageClassification

TIMM = {  # parts of the names of our parameters, and of theirs
    "embedding.linear.": "patch_embed.proj.",
    "class_token": "cls_token",
    "places": "pos_embed",
    "encoder.blocks.": "blocks.",
    "encoder.norm.": "norm.",
    ".after_attention.norm.": ".norm1.",
    ".attention.W_o.": ".attn.proj.",
    ".attention.W_": ".attn.qkv.",  # three in one, see _pairs
    ".after_feed_forward.norm.": ".norm2.",
    ".feed_forward.W_1.": ".mlp.fc1.",
    ".feed_forward.W_2.": ".mlp.fc2.",
    "output.": "head.",
    ".gain": ".weight",
}

HUGGING_FACE = {
    "embedding.linear.": "vit.embeddings.patch_embeddings.projection.",
    "class_token": "vit.embeddings.cls_token",
    "places": "vit.embeddings.position_embeddings",
    "encoder.blocks.": "vit.layers.",
    "encoder.norm.": "vit.layernorm.",
    ".after_attention.norm.": ".layernorm_before.",
    ".attention.W_q.": ".attention.q_proj.",
    ".attention.W_k.": ".attention.k_proj.",
    ".attention.W_v.": ".attention.v_proj.",
    ".attention.W_o.": ".attention.o_proj.",
    ".after_feed_forward.norm.": ".layernorm_after.",
    ".feed_forward.W_1.": ".mlp.fc1.",
    ".feed_forward.W_2.": ".mlp.fc2.",
    "output.": "classifier.",
    ".gain": ".weight",
}

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU}


def from_timm(model: TimmVit, path: str = "fused") -> VisionTransformer:
    """The same network of our layers, with the weights of timm's ``model``.

    It may read a class token, or the mean of patches without one (``"avg"``, with the
    norm before it: ``fc_norm=False``), and have learned positions or none.

    Raises ``ValueError`` for another model, and for what ours has not.
    """
    if "timm" not in sys.modules or type(model) is not _timm_vit():
        raise ValueError(
            f"model: got {type(model).__name__}, expected a VisionTransformer of timm"
        )
    token = model.cls_token is not None
    expected = "token" if token else "avg"
    for name, got, wanted in (
        ("global_pool", model.global_pool, expected),
        ("no_embed_class", model.no_embed_class and token, False),
        ("dynamic_img_pad", model.patch_embed.dynamic_img_pad, False),
    ):
        if got != wanted:
            raise ValueError(f"model: got {name} {got!r}, expected {wanted!r}")
    first = model.blocks[0]
    config = TransformerConfig(
        size=model.embed_dim,
        heads=first.attn.num_heads,
        inner=first.mlp.fc1.out_features,
        blocks=len(model.blocks),
        norm="pre",
        positions="none",
        activation=_activation(first.mlp.act),
        dropout=model.pos_drop.p,
        eps=first.norm1.eps,
        path=path,
    )
    ours = VisionTransformer(
        config,
        (model.in_chans, *model.patch_embed.img_size),
        _side(model.patch_embed.patch_size),
        model.num_classes,
        "class" if token else "mean",
        "none" if model.pos_embed is None else "learned",
    )
    return _filled(ours, model, TIMM)


def to_timm(model: VisionTransformer) -> TimmVit:
    """The same network of timm: :func:`from_timm` reversed.

    Raises ``ValueError`` for what timm has not, and ``ImportError`` without it.
    """
    kind = _timm_vit()
    _check_ours(model, ("learned", "none"))
    config = model.config
    token = model.class_token is not None
    theirs = kind(
        img_size=model.image[1:],
        patch_size=model.side,
        in_chans=model.image[0],
        num_classes=model.output.out_features,
        global_pool="token" if token else "avg",
        embed_dim=config.size,
        depth=config.blocks,
        num_heads=config.heads,
        mlp_ratio=(config.inner + 0.5) / config.size,  # times size it is rounded down
        class_token=token,
        pos_embed="learn" if model.positions == "learned" else "none",
        fc_norm=False,
        pos_drop_rate=config.dropout,
        proj_drop_rate=config.dropout,
        norm_layer=partial(nn.LayerNorm, eps=config.eps),
        act_layer=ACTIVATIONS[config.activation],
    )
    return _filled_theirs(model, theirs, TIMM)


def from_huggingface(
    model: ViTForImageClassification, path: str = "fused"
) -> VisionTransformer:
    """Ours, with their weights; see :func:`course_lib.exchange.from_huggingface`."""
    if type(model) is not import_transformers().ViTForImageClassification:
        raise ValueError(
            f"model: got {type(model).__name__}, expected a ViTForImageClassification "
            "of transformers"
        )
    theirs = model.config
    if theirs.hidden_act not in ACTIVATIONS:
        raise ValueError(
            f"model: got activation {theirs.hidden_act!r}, expected gelu or relu"
        )
    config = TransformerConfig(
        size=theirs.hidden_size,
        heads=theirs.num_attention_heads,
        inner=theirs.intermediate_size,
        blocks=theirs.num_hidden_layers,
        norm="pre",
        positions="none",
        activation=theirs.hidden_act,
        dropout=theirs.hidden_dropout_prob,
        eps=theirs.layer_norm_eps,
        path=path,
    )
    image = (theirs.num_channels, *_pair(theirs.image_size))
    side, classes = _side(_pair(theirs.patch_size)), theirs.num_labels
    return _filled(VisionTransformer(config, image, side, classes), model, HUGGING_FACE)


def to_huggingface(model: VisionTransformer) -> ViTForImageClassification:
    """Theirs, with our weights; see :func:`course_lib.exchange.to_huggingface`."""
    transformers = import_transformers()
    _check_ours(model, ("learned",))
    if model.class_token is None:
        raise ValueError("model: got summary 'mean', expected 'class'")
    config = model.config
    theirs = transformers.ViTForImageClassification(
        transformers.ViTConfig(
            hidden_size=config.size,
            num_hidden_layers=config.blocks,
            num_attention_heads=config.heads,
            intermediate_size=config.inner,
            hidden_act=config.activation,
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=0.0,
            layer_norm_eps=config.eps,
            num_channels=model.image[0],
            image_size=model.image[1:],
            patch_size=model.side,
            num_labels=model.output.out_features,
        )
    )
    return _filled_theirs(model, theirs, HUGGING_FACE)


def _timm_vit() -> type[TimmVit]:
    return import_timm().models.vision_transformer.VisionTransformer


def _check_ours(model: VisionTransformer, positions: tuple[str, ...]) -> None:
    if not isinstance(model.embedding, PatchEmbedding):
        raise ValueError("model: got stem 'convolutions', expected 'patches'")
    for name, got, known in (
        ("norm", model.config.norm, ("pre",)),
        ("positions", model.positions, positions),
    ):
        if got not in known:
            expected = " or ".join(map(repr, known))
            raise ValueError(f"model: got {name} {got!r}, expected {expected}")


def _activation(module: nn.Module) -> str:
    for name, kind in ACTIVATIONS.items():
        if type(module) is kind and getattr(module, "approximate", "none") == "none":
            return name
    raise ValueError(f"model: got activation {module}, expected GELU() or ReLU()")


def _pair(size: int | list[int] | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)


def _side(patch: tuple[int, int]) -> int:
    if patch[0] != patch[1]:
        raise ValueError(f"model: got patches of {patch}, expected squares")
    return patch[0]


def _filled(
    ours: VisionTransformer, theirs: nn.Module, names: dict[str, str]
) -> VisionTransformer:
    ours = ours.to(next(theirs.parameters()))
    with torch.no_grad():
        for own, other in _pairs(ours, theirs, names):
            own.copy_(other.reshape(own.shape))
    return ours.train(theirs.training)


def _filled_theirs(
    ours: VisionTransformer, theirs: nn.Module, names: dict[str, str]
) -> nn.Module:
    theirs = theirs.to(next(ours.parameters()))
    with torch.no_grad():
        for own, other in _pairs(ours, theirs, names):
            other.copy_(own.reshape(other.shape))
    return theirs.train(ours.training)


def _pairs(
    ours: VisionTransformer, theirs: nn.Module, names: dict[str, str]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Each of our parameters with theirs, or with its third of theirs.

    Raises ``ValueError`` if there is one that the other side has not.
    """
    found, pairs = dict(theirs.named_parameters()), []
    left = set(found)
    for name, own in ours.named_parameters():
        their_name, third = name, None
        for part, their_part in names.items():
            their_name = their_name.replace(part, their_part)
        if ".qkv." in their_name:  # "….qkv.q.weight" are the first C rows of "….qkv…"
            start, end = their_name.split(".qkv.")
            their_name, third = f"{start}.qkv.{end[2:]}", "qkv".index(end[0])
        if their_name not in found:
            raise ValueError(f"model: has no {their_name}, expected one")
        left.discard(their_name)
        other = found[their_name]
        pairs.append((own, other if third is None else other.chunk(3)[third]))
    if left:
        raise ValueError(f"model: has {min(left)}, which ours has not")
    yield from pairs
