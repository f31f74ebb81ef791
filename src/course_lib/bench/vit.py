"""Chapter 7: a step of training on images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.bench import gradients
from course_lib.bench.d2l_book import BookVit
from course_lib.bench.match import Contender, Match, Work, training_step
from course_lib.bench.sizes import Sizes, shape
from course_lib.data.batching import generator
from course_lib.exchange import from_huggingface, from_timm, to_huggingface, to_timm
from course_lib.training import Setting
from course_lib.vit import BASE, VisionTransformer

SIZES = {  # B, channels, side of the image, of a patch, classes, C, H, inner, blocks
    "quick": ((3, 2, 4, 2, 5, 8, 2, 12, 2),),
    "cpu": (
        (32, 1, 96, 16, 10, 512, 8, 2048, 2),  # that of D2L's book, but for B
        (64, 3, 32, 4, 10, 192, 3, 768, 6),
    ),
    "cuda": (
        (128, 1, 96, 16, 10, 512, 8, 2048, 2),
        (128, 3, 224, 16, 1000, 384, 6, 1536, 12),
    ),
}
LETTERS = ("B", "channels", "image", "P", "K", "C", "H", "inner", "blocks")


class Pictures(NamedTuple):
    """Images with what is on them."""

    images: Tensor  # (B, channels, height, width)
    classes: Tensor  # (B,)


def matches(scale: str) -> Iterator[Match]:
    """One large and shallow, one small and deep."""
    for numbers in SIZES[scale]:
        sizes = dict(zip(LETTERS, numbers, strict=True))
        yield Match(
            "Vision Transformer",
            "vit",
            "training step",
            sizes,
            sizes["B"],
            (
                Contender("ours", "ours", partial(_ours, sizes, "fused")),
                Contender(
                    "ours, written out", "ours", partial(_ours, sizes, "written_out")
                ),
                Contender(
                    "d2l's book",
                    "peer",
                    partial(_books, sizes),
                    "with our epsilon in its norms",
                ),
                Contender("timm", "peer", partial(_timms, sizes)),
                Contender(
                    "Hugging Face ViTForImageClassification",
                    "peer",
                    partial(_huggingfaces, sizes),
                ),
            ),
            tolerance=1e-3,  # the deep one's smallest gradients are rounded by 1e-4
            counted="ours, written out",
            words="images",
        )


def ours(sizes: Sizes, path: str = "fused") -> VisionTransformer:
    """The chapter's model, whose output, unlike there, is not all zeros at first."""
    config = replace(BASE, **shape(sizes), path=path)
    image = sizes["channels"], sizes["image"], sizes["image"]
    model = VisionTransformer(config, image, sizes["P"], sizes["K"])
    nn.init.normal_(model.output.weight, std=0.02)
    return model


def pictures(sizes: Sizes, seed: int) -> Pictures:
    """Random ones."""
    drawn = generator(seed, sizes["B"])
    side = sizes["image"]
    return Pictures(
        torch.rand(sizes["B"], sizes["channels"], side, side, generator=drawn),
        torch.randint(sizes["K"], (sizes["B"],), generator=drawn),
    )


def _logits(model: nn.Module, batch: Pictures) -> Tensor:
    said = model(batch.images)
    return getattr(said, "logits", said)  # Hugging Face has a class for it


def loss(model: nn.Module, batch: Pictures) -> Tensor:
    """The cross-entropy of the images' classes, by anyone's model."""
    return F.cross_entropy(_logits(model, batch), batch.classes)


def _ours(sizes: Sizes, path: str, setting: Setting) -> Work:
    return _work(sizes, ours(sizes, path), gradients.own, setting)


def _books(sizes: Sizes, setting: Setting) -> Work:
    mine = ours(sizes)
    found = lambda _: gradients.own(mine)  # noqa: E731  the book's are in ours
    return _work(sizes, BookVit(mine), found, setting)


def _timms(sizes: Sizes, setting: Setting) -> Work:
    back = partial(gradients.carried, back=from_timm)
    return _work(sizes, to_timm(ours(sizes)), back, setting)


def _huggingfaces(sizes: Sizes, setting: Setting) -> Work:
    back = partial(gradients.carried, back=from_huggingface)
    return _work(sizes, to_huggingface(ours(sizes)), back, setting)


def _work(
    sizes: Sizes,
    model: nn.Module,
    found: Callable[[nn.Module], Mapping[str, Tensor | None]],
    setting: Setting,
) -> Work:
    return training_step(
        model, loss, pictures(sizes, setting.seed), found, setting, _logits
    )
