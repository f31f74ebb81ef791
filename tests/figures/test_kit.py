"""The kit computes what torch computes."""

from __future__ import annotations

import math

import pytest
import torch
from javascript import Generator, matrix, run
from torch import nn

from course_lib.exchange import to_torch
from course_lib.figures.weights import pack
from course_lib.lstm_gru import GRU, LSTM, GatedLayer, lstm_gates

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def close(got: object, expected: torch.Tensor, **tolerance: float) -> None:
    torch.testing.assert_close(
        torch.tensor(got, dtype=torch.float64), expected, **(tolerance or EXACT)
    )


def test_unpack_reads_every_kind_of_float16() -> None:
    values = [0.0, -0.0, 1.0, -2.5, 1 / 3, 65504.0, -65504.0, 6e-5, 6e-8, -3e-7, 1e-9]
    got = run("return (await load('kit/nn.js')).unpack(packed);", packed=pack([values]))
    assert got["shape"] == [1, len(values)]
    close(got["data"], torch.tensor(values).half().double())


def test_every_bit_pattern_that_is_a_number() -> None:
    every = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(torch.float16)
    numbers = every[every.isfinite()]
    script = "return (await load('kit/nn.js')).unpack(packed).data;"
    close(run(script, packed=pack(numbers)), numbers.double())


def test_linear() -> None:
    W, x, b = normal(5, 3), normal(3, seed=1), normal(5, seed=2)
    script = """const { linear } = await load("kit/nn.js");
      return [linear(W, x, b), linear(W, x)];"""
    with_bias, without = run(script, W=matrix(W.tolist()), x=x.tolist(), b=b.tolist())
    close(with_bias, nn.functional.linear(x, W, b))
    close(without, W @ x)


@pytest.mark.parametrize("logits", [[0.0, 1.0, -2.0], [1000.0, 999.0, -1000.0], [3.0]])
def test_softmax(logits: list[float]) -> None:
    script = "return (await load('kit/nn.js')).softmax(logits);"
    close(run(script, logits=logits), torch.tensor(logits).double().softmax(0))


@pytest.mark.parametrize("name", ["tanh", "relu", "linear"])
def test_activation_and_its_slope(name: str) -> None:
    a = torch.linspace(-3, 3, 12, dtype=torch.float64, requires_grad=True)
    y = {"tanh": torch.tanh, "relu": torch.relu, "linear": lambda v: v * 1}[name](a)
    y.sum().backward()
    script = """const { activation } = await load("kit/nn.js");
      const y = a.map(activation[name].of);
      return [y, y.map(activation[name].slope)];"""
    values, slopes = run(script, a=a.tolist(), name=name)
    close(values, y.detach())
    close(slopes, a.grad)


def test_gelu_is_the_exact_one() -> None:
    script = 'const { gelu } = await load("kit/encoder.js"); return xs.map(gelu);'
    xs = [-40.0, -8.5, -6.1, -3.0, -0.7, -1e-9, 0.0, 1e-9, 0.3, 2.9, 5.99, 8.4, 50.0]
    close(run(script, xs=xs), nn.functional.gelu(torch.tensor(xs, dtype=torch.double)))


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_rnn_cell(nonlinearity: str) -> None:
    torch.manual_seed(0)
    cell = nn.RNNCell(3, 4, nonlinearity=nonlinearity).double()
    nn.init.zeros_(cell.bias_hh)
    x, h = normal(3), normal(4, seed=1)
    script = """const { rnnCell } = await load("kit/nn.js");
      return rnnCell({ W_x, W_h, b }, x, h, nonlinearity);"""
    got = run(
        script,
        W_x=matrix(cell.weight_ih.tolist()),
        W_h=matrix(cell.weight_hh.tolist()),
        b=cell.bias_ih.tolist(),
        x=x.tolist(),
        h=h.tolist(),
        nonlinearity=nonlinearity,
    )
    close(got["state"], cell(x, h).detach())
    close(got["fromInput"], (cell.weight_ih @ x).detach())
    close(got["fromState"], (cell.weight_hh @ h).detach())


def test_sigmoid() -> None:
    a = torch.tensor([-800.0, -3.0, 0.0, 0.5, 800.0]).double()
    script = "return a.map((await load('kit/nn.js')).sigmoid);"
    close(run(script, a=a.tolist()), a.sigmoid())


def parameters(layer: GatedLayer) -> dict[str, object]:
    """Those of a layer, as the kit takes them."""
    named = {name: value.tolist() for name, value in layer.named_parameters()}
    return named | {name: matrix(named[name]) for name in ("W_x", "W_h")}


def test_lstm_step() -> None:
    torch.manual_seed(0)
    layer = LSTM(3, 4).double()
    xs = normal(6, 3)
    script = """const { lstmStep } = await load("kit/gated.js");
      let state = { h: new Float64Array(4), c: new Float64Array(4) };
      return xs.map((x) => (state = lstmStep(cell, x, state)));"""
    got = run(script, cell=parameters(layer), xs=xs.tolist())
    module, state = to_torch(layer).double(), None
    h = torch.zeros(1, 4).double()
    for x, mine in zip(xs, got, strict=True):
        gates = lstm_gates(x[None], h, layer.W_x, layer.W_h, layer.b)
        _, state = module(x[None, None], state)
        h, c = (part[0].detach() for part in state)  # (1, 1, H) -> (1, H)
        for name, values in {**gates._asdict(), "h": h, "c": c}.items():
            close(mine[name], values[0].detach())


def test_gru_step() -> None:
    torch.manual_seed(0)
    layer = GRU(3, 4).double()
    xs = normal(6, 3)
    script = """const { gruStep } = await load("kit/gated.js");
      const all = [{ h: new Float64Array(4) }];
      for (const x of xs) all.push(gruStep(cell, x, all.at(-1).h));
      return all.slice(1);"""
    got = run(script, cell=parameters(layer), xs=xs.tolist())
    states, _ = to_torch(layer).double()(xs[None])
    before = torch.zeros(4).double()
    for x, mine, h in zip(xs, got, states[0].detach(), strict=True):
        close(mine["h"], h)
        z, n = (torch.tensor(mine[name], dtype=torch.float64) for name in "zn")
        close((z * before + (1 - z) * n).tolist(), h)
        r, _, _ = (layer.W_x @ x + layer.W_h @ before + layer.b).sigmoid().chunk(3)
        close(mine["r"], r.detach())
        before = h


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_spectral_radius(scale: float) -> None:
    W = scale * normal(20, 20)
    script = "return (await load('kit/nn.js')).spectralRadius(W);"
    expected = torch.linalg.eigvals(W).abs().max().item()
    assert run(script, W=matrix(W.tolist())) == pytest.approx(expected, rel=1e-9)


def test_spectral_radius_of_a_matrix_whose_powers_vanish() -> None:
    script = "return (await load('kit/nn.js')).spectralRadius(W);"
    assert run(script, W=matrix([[0.0, 5.0], [0.0, 0.0]])) == 0


@pytest.mark.parametrize("seed", [0, 1, 2, 12345, 2**31])
def test_generator_is_its_python_twin(seed: int) -> None:
    script = """const random = (await load("kit/nn.js")).generator(seed);
      return [Array.from({ length: 50 }, random.uniform),
              Array.from({ length: 50 }, random.normal)];"""
    uniform, gaussian = run(script, seed=seed)
    twin = Generator(seed)
    assert uniform == [twin.uniform() for _ in range(50)]
    for value in gaussian:
        radius = math.sqrt(-2 * math.log(twin.uniform()))
        angle = 2 * math.pi * twin.uniform()
        assert value == pytest.approx(radius * math.cos(angle), rel=1e-12)


def test_generator_is_uniform_and_normal() -> None:
    script = """const random = (await load("kit/nn.js")).generator(1);
      return [Array.from({ length: 40000 }, random.uniform),
              Array.from({ length: 40000 }, random.normal)];"""
    uniform, gaussian = map(torch.tensor, run(script))
    assert uniform.min() > 0
    assert uniform.max() < 1
    assert uniform.mean().item() == pytest.approx(0.5, abs=0.01)
    assert gaussian.mean().item() == pytest.approx(0, abs=0.02)
    assert gaussian.std().item() == pytest.approx(1, abs=0.02)


def test_numbers_are_written_as_people_write_them() -> None:
    script = """const d = await load("kit/draw.js");
      return [[-0.4217, -0.0001, 3].map((v) => d.number(v)),
        [-0.4, 0, 0.4].map((v) => d.signedNumber(v)),
        [0, 0.001, 0.5, 0.999, 1].map(d.percent),
        [0, 5.17e-12, 0.0517, 1, 99.4, 186, 3.3e6, Infinity].map(d.scientific)];"""
    number, signed, percent, scientific = run(script)
    assert number == ["−0.42", "0.00", "3.00"]
    assert signed == ["−0.40", "0.00", "+0.40"]
    narrow = [text.replace("\u00a0", " ") for text in percent]
    assert narrow == ["0 %", "< 1 %", "50 %", "> 99 %", "100 %"]
    assert scientific == [
        *("0", "5.2 × 10⁻¹²", "0.052", "1.0", "99", "186", "3.3 × 10⁶", "∞")
    ]


def test_several_values_are_one_update() -> None:
    script = """const { values } = await load("kit/values.js");
      const [said, heardBy] = [[], {}];
      const model = {
        set: (key) => heardBy[`change:${key}`]?.forEach((act) => act()),
        on: (event, act) => (heardBy[event] ??= []).push(act),
        save_changes: () => said.push("sent"),
      };
      const update = (changes) => said.push(`update ${Object.keys(changes)}`);
      const { set, report, heard } = values(model, update);
      heard(["a", "b"], () => said.push("heard"));
      set({ a: 1, b: 2 });
      report({ a: 3 });
      model.set("b"); // Python
      return said;"""
    assert run(script) == ["sent", "update a,b", "sent", "heard"]


def test_a_paced_step_waits_and_ends() -> None:
    script = """const { paced } = await load("kit/player.js");
      let left = 2;
      const tick = paced(100, () => --left > 0);
      return [40, 40, 40, 99, 100].map((passed) => [tick(passed), left]);"""
    waits = [[True, 2], [True, 2], [True, 1], [True, 1]]
    assert run(script) == [*waits, [False, 0]]


def test_counts_are_written_as_people_write_them() -> None:
    script = """const { grouped, plural } = await load("kit/counts.js");
      return [grouped(999), grouped(1234567), plural(1, "step"), plural(0, "step")];"""
    assert run(script) == ["999", "1,234,567", "1 step", "0 steps"]
