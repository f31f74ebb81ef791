"""A character model with any recurrent layer: training it, and writing with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.bench.match import Contender, Match, Work, decoding, training_step
from course_lib.data.batching import generator
from course_lib.exchange import to_d2l, to_torch
from course_lib.peers import import_d2l
from course_lib.rnn import RNN, LanguageModel, one_hot
from course_lib.training import Setting

V = 28  # letters, the space and the unknown: D2L's Time Machine
SIZES = {  # B, T, H; the CPU's first is that of D2L's book
    "quick": ((4, 6, 8),),
    "cpu": ((1024, 32, 32), (128, 32, 256)),
    "cuda": ((1024, 32, 32), (128, 32, 1024)),
}
ONE_STEP = (
    "on a CPU torch gives even one step to oneDNN's whole layer, which takes most of "
    "the time; ours makes that step by hand"
)
WRITTEN = {"quick": 6, "cpu": 200, "cuda": 200}  # characters, one after another


@dataclass(frozen=True)
class Entry:
    """A character model and its ``W_x``, ``W_h`` and ``W_o`` ``(outputs, inputs)``.

    ``write(length)`` continues token 0 by the most probable ones: ``(1, length)``.
    """

    model: nn.Module
    weights: tuple[nn.Parameter, nn.Parameter, nn.Parameter]
    write: Callable[[int], Tensor]
    from_the_right: bool = False  # its weights are (inputs, outputs)

    def gradients(self, model: nn.Module) -> dict[str, Tensor | None]:
        """Those of its weights, in the layout of ours."""
        found = [weight.grad for weight in self.weights]
        if self.from_the_right:
            found = [gradient.T for gradient in found]
        return dict(zip(("W_x", "W_h", "W_o"), found, strict=True))


Build = Callable[[type[nn.Module], int, Setting], Entry]  # of a cell, with H units


def matches(
    chapter: str, cell: type[nn.Module], peers: Mapping[str, Build], scale: str
) -> Iterator[Match]:
    """A training step of the model with ``cell`` at each size, then writing with it."""
    name, limit = f"{cell.__name__} character model", f"torch nn.{cell.__name__}"
    builds = {
        "ours": ("ours", ours),
        "ours, step by step": ("ours", step_by_step),
        **{peer: ("peer", build) for peer, build in peers.items()},
        limit: ("limit", torchs),
    }
    on_a_gpu = {
        "ours, step by step, torch.compile": ("ours", compiled),
        "ours, step by step, CUDA graph": ("ours", graphed),
    }
    for B, T, H in SIZES[scale]:
        entering = builds | (on_a_gpu if scale == "cuda" else {})
        yield Match(
            name,
            chapter,
            "training step",
            {"B": B, "T": T, "V": V, "H": H},
            B * T,
            tuple(
                Contender(who, kind, _training(build, cell, B, T, H))
                for who, (kind, build) in entering.items()
            ),
            counted="ours, step by step",
        )
    length = WRITTEN[scale]
    notes = {} if scale == "cuda" else {"torch nn.LSTM": ONE_STEP}
    yield Match(
        name,
        chapter,
        "decoding",
        {"B": 1, "T": length, "V": V, "H": H},
        length,
        tuple(
            Contender(who, kind, _writing(build, cell, H, length), notes.get(who, ""))
            for who, (kind, build) in builds.items()
        ),
    )


def ours(
    cell: type[nn.Module], hidden: int, setting: Setting, path: str = "fused"
) -> Entry:
    """Our model; the same one after the same seed, whatever its path."""
    model = LanguageModel(cell(V, hidden, path=path)).to(setting.device)
    first = torch.zeros(1, 1, dtype=torch.long, device=setting.device)
    return Entry(
        model,
        (model.layer.W_x, model.layer.W_h, model.output.weight),
        lambda length: model.generate(first, length, temperature=0),
    )


def step_by_step(cell: type[nn.Module], hidden: int, setting: Setting) -> Entry:
    """The loop that the chapter explains."""
    return ours(cell, hidden, setting, "steps")


def compiled(cell: type[nn.Module], hidden: int, setting: Setting) -> Entry:
    """That loop, unrolled and fused by ``torch.compile``."""
    entry = step_by_step(cell, hidden, setting)
    entry.model.layer.compile()
    return entry


def graphed(cell: type[nn.Module], hidden: int, setting: Setting) -> Entry:
    """That loop as a CUDA graph, made at the first call: one launch for all kernels.

    Raises ``NotImplementedError`` for bfloat16: values are float32, and it keeps to it.
    """
    if setting.precision != "float32":
        raise NotImplementedError("a graph keeps the float32 of its first call")
    entry = step_by_step(cell, hidden, setting)
    layer, whole = entry.model.layer, entry.model.layer.forward

    def first(x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        layer.forward = lambda x, state=None: whole(x)
        torch.cuda.make_graphed_callables(layer, (x,))
        return layer(x)

    layer.forward = first
    return entry


def torchs(cell: type[nn.Module], hidden: int, setting: Setting) -> Entry:
    """The same model around torch's layer: what its kernels allow."""
    mine = ours(cell, hidden, setting).model
    model = TorchLanguageModel(_torch_layer(mine.layer), mine.output)
    model.to(setting.device)

    def write(length: int) -> Tensor:
        token = torch.zeros(1, 1, dtype=torch.long, device=setting.device)
        state, tokens = None, []
        for _ in range(length):
            logits, state = model(token, state)
            token = logits[:, -1].argmax(dim=-1, keepdim=True)
            tokens.append(token)
        return torch.cat(tokens, dim=1)

    weights = model.layer.weight_ih_l0, model.layer.weight_hh_l0, model.output.weight
    return Entry(model, weights, write)


class TorchLanguageModel(nn.Module):
    """:class:`~course_lib.rnn.LanguageModel` around a layer of torch."""

    def __init__(self, layer: nn.Module, output: nn.Linear) -> None:
        super().__init__()
        self.layer, self.output = layer, output

    def forward(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        x = one_hot(tokens, self.layer.input_size, self.output.weight.dtype)
        states, state = self.layer(x, state)
        return self.output(states), state


def d2ls(cell: type[nn.Module], hidden: int, setting: Setting) -> Entry:
    """The same model as d2l's ``RNNLM`` around its ``RNN`` or ``GRU``."""
    d2l, mine = import_d2l(), ours(cell, hidden, setting).model
    layer = d2l.RNN(V, hidden) if cell is RNN else d2l.GRU(V, hidden, num_layers=1)
    layer.rnn.load_state_dict(_torch_layer(mine.layer).state_dict())
    model = d2l.RNNLM(layer, vocab_size=V)
    model.linear = mine.output
    model.to(setting.device)
    weights = layer.rnn.weight_ih_l0, layer.rnn.weight_hh_l0, model.linear.weight
    return Entry(model, weights, lambda n: _predicted(model, n, setting))


def d2ls_scratch(cell: type[nn.Module], hidden: int, setting: Setting) -> Entry:
    """The same RNN as d2l's ``RNNLMScratch``, which multiplies from the right."""
    model = to_d2l(ours(cell, hidden, setting).model).to(setting.device)
    weights = model.rnn.W_xh, model.rnn.W_hh, model.W_hq
    return Entry(model, weights, lambda n: _predicted(model, n, setting), True)


def _torch_layer(layer: nn.Module) -> nn.Module:
    return layer.to_torch() if isinstance(layer, RNN) else to_torch(layer)


def _predicted(model: nn.Module, length: int, setting: Setting) -> Tensor:
    """What d2l's own ``predict`` writes; it reads and writes text."""
    alphabet = [chr(ord("A") + number) for number in range(V)]

    class Vocabulary(dict):
        idx_to_token = alphabet

    ids = Vocabulary((letter, number) for number, letter in enumerate(alphabet))
    text = model.predict(alphabet[0], length, ids, setting.device)
    return torch.tensor([[ids[letter] for letter in text[1:]]])


def _training(
    build: Build, cell: type[nn.Module], B: int, T: int, H: int
) -> Callable[[Setting], Work]:
    def prepare(setting: Setting) -> Work:
        entry = build(cell, H, setting)
        tokens = torch.randint(V, (B, T + 1), generator=generator(setting.seed, B))
        return training_step(
            entry.model, loss, tokens, entry.gradients, setting, _logits
        )

    return prepare


def _writing(
    build: Build, cell: type[nn.Module], hidden: int, length: int
) -> Callable[[Setting], Work]:
    def prepare(setting: Setting) -> Work:
        entry = build(cell, hidden, setting)
        entry.model.eval()
        return decoding(lambda: entry.write(length))

    return prepare


def _logits(model: nn.Module, tokens: Tensor) -> Tensor:
    said = model(tokens[:, :-1])
    return said[0] if isinstance(said, tuple) else said  # d2l's gives no state


def loss(model: nn.Module, tokens: Tensor) -> Tensor:
    """The cross-entropy of each next character, by anyone's model."""
    return F.cross_entropy(
        _logits(model, tokens).flatten(0, 1), tokens[:, 1:].flatten()
    )
