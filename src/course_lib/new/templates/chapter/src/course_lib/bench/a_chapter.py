"""Chapter 00: a training step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.a_chapter import PATHS, AChapter
from course_lib.bench import gradients
from course_lib.bench.match import Contender, Match, Work, training_step
from course_lib.data.batching import generator
from course_lib.training import Setting

SIZES = {"quick": (3, 4, 5), "cpu": (64, 512, 512), "cuda": (512, 4096, 4096)}
LETTERS = ("B", "I", "O")


def matches(scale: str) -> Iterator[Match]:
    """Our layer beside torch's own."""
    sizes = dict(zip(LETTERS, SIZES[scale], strict=True))
    yield Match(
        "A chapter",
        "a_chapter",
        "training step",
        sizes,
        sizes["B"],
        (
            Contender("ours", "ours", partial(_ours, sizes, PATHS[0])),
            Contender("ours, written out", "ours", partial(_ours, sizes, PATHS[1])),
            Contender("torch nn.Linear", "limit", partial(_torchs, sizes)),
        ),
        counted="ours, written out",
    )


def _ours(sizes: dict[str, int], path: str, setting: Setting) -> Work:
    return _work(AChapter(sizes["I"], sizes["O"], path), sizes, setting)


def _torchs(sizes: dict[str, int], setting: Setting) -> Work:
    ours = AChapter(sizes["I"], sizes["O"])  # drawn first, as in _ours
    theirs = nn.Linear(sizes["I"], sizes["O"])
    theirs.load_state_dict(ours.state_dict())
    return _work(theirs, sizes, setting)


def _work(model: nn.Module, sizes: dict[str, int], setting: Setting) -> Work:
    random = generator(setting.seed, 0)
    x = torch.randn(sizes["B"], sizes["I"], generator=random)
    y = torch.randn(sizes["B"], sizes["O"], generator=random)

    def output(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return model(batch[0])

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.mse_loss(output(model, batch), batch[1])

    return training_step(model, loss, (x, y), gradients.own, setting, output)
