"""d2l can be imported wherever torch can, and our RNN is its RNN."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from course_lib.exchange import to_d2l
from course_lib.peers import (
    import_d2l,
    import_timm,
    import_transformers,
    versions,
)
from course_lib.rnn import PATHS, RNN, LanguageModel

B, T, V, H = 3, 7, 5, 4
ROOT = Path(__file__).parents[1]
PINNED = dict(
    re.findall(
        r"^([\w-]+)==(\S+)$",
        (ROOT / "benchmarks" / "requirements-peers.txt").read_text("utf-8"),
        re.MULTILINE,
    )
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
(TRANSFORMERS,) = PROJECT["optional-dependencies"]["huggingface"]


def assert_same_gradients(layer, theirs):
    for ours, other in (
        (layer.W_x.grad, theirs.W_xh.grad.T),
        (layer.W_h.grad, theirs.W_hh.grad.T),
        (layer.b.grad, theirs.b_h.grad),
    ):
        assert ours.abs().max() > 1e-3  # zeros would agree with anything
        torch.testing.assert_close(ours, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("path", PATHS)
def test_rnn_equals_d2l_in_value_and_gradient(path):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(B, T, V, generator=generator)
    h0 = torch.randn(B, H, generator=generator)
    torch.manual_seed(0)
    layer = RNN(V, H, path=path)
    theirs = to_d2l(layer)

    states, last = layer(x, h0)
    # d2l is time-major, and wants its state as a tuple of one.
    outputs, their_last = theirs(x.transpose(0, 1), (h0,))
    their_states = torch.stack(outputs, dim=1)  # T x (B, H) -> (B, T, H)
    torch.testing.assert_close(states, their_states, atol=1e-6, rtol=0)
    torch.testing.assert_close(last, their_last, atol=1e-6, rtol=0)

    weight = torch.randn(B, T, H, generator=generator)
    (states * weight).mean().backward()
    (their_states * weight).mean().backward()
    assert_same_gradients(layer, theirs)


@pytest.mark.parametrize("path", PATHS)
def test_language_model_equals_d2l_in_value_and_gradient(path):
    tokens = torch.randint(V, (B, T + 1), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = LanguageModel(RNN(V, H, path=path))
    theirs = to_d2l(model)

    logits, _ = model(tokens[:, :-1])
    their_logits = theirs(tokens[:, :-1])
    assert logits.shape == (B, T, V)
    torch.testing.assert_close(logits, their_logits, atol=1e-6, rtol=0)

    F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    theirs.loss(their_logits, tokens[:, 1:]).backward()
    assert_same_gradients(model.layer, theirs.rnn)
    ours, other = model.output.weight.grad, theirs.W_hq.grad.T
    torch.testing.assert_close(ours, other, atol=1e-6, rtol=0)


def test_the_peers_are_those_of_the_one_file():
    assert {"d2l", "timm", "transformers"} <= PINNED.keys()
    assert {name: version(name) for name in PINNED} == PINNED
    said = [
        (str(path.relative_to(ROOT)), *pin)
        for folder in ("book", "chapters", "exercises", "src", "tests", "text", ".")
        for path in (ROOT / folder).glob("*" if folder == "." else "**/*")
        if path.suffix in {".md", ".ipynb", ".py", ".sh", ".toml", ".txt"}
        and "colab" not in path.parts  # what runs there is not ours to choose
        for pin in re.findall(
            rf"\b({'|'.join(PINNED)})==(\d[\w.]*\w)", path.read_text("utf-8")
        )
    ]
    assert len(said) > 12  # the first cells of six texts and notebooks, and the message
    assert not [one for one in said if PINNED[one[1]] != one[2]]


@pytest.mark.parametrize(
    ("load", "package", "command"),
    [
        (import_d2l, "d2l", f"pip install --no-deps d2l=={PINNED['d2l']}"),
        (import_timm, "timm", f"pip install --no-deps timm=={PINNED['timm']}"),
        (import_transformers, "transformers", f"pip install '{TRANSFORMERS}'"),
    ],
)
def test_a_peer_that_is_missing_says_how_to_get_it(monkeypatch, load, package, command):
    monkeypatch.delitem(sys.modules, f"{package}.torch", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"^{package} is not installed.*{command}"):
        load()
    monkeypatch.undo()
    assert load().__name__.startswith(package)


def test_versions_are_those_of_what_is_installed(monkeypatch):
    assert versions() == {
        name: PINNED[name] for name in ("d2l", "timm", "transformers")
    }

    def without_timm(name):
        if name == "timm":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("course_lib.peers.version", without_timm)
    assert versions().keys() == {"d2l", "transformers"}


SETTINGS = """
import random, sys, warnings
import matplotlib.pyplot as plt
import numpy as np
import torch
from course_lib.peers import import_d2l

def settings():
    return {
        "matplotlib": dict(plt.rcParams),
        "numpy print": np.get_printoptions(),
        "numpy errors": np.geterr(),
        "numpy random": np.random.get_state()[1].tolist(),
        "random": random.getstate(),
        "torch random": torch.get_rng_state().tolist(),
        "torch dtype": torch.get_default_dtype(),
        "torch threads": torch.get_num_threads(),
        "torchvision": sorted(n for n in sys.modules if n[:11] == "torchvision"),
    }

before = settings()
d2l = import_d2l()
after = settings()
assert d2l is import_d2l() is sys.modules["d2l.torch"]
d2l.RNNScratch(2, 3)
print("changed:", [name for name in before if before[name] != after[name]])
made = getattr(d2l.torchvision, "made_here", None)
print("torchvision:", made if isinstance(made, str) else "empty")
"""


@pytest.mark.parametrize(
    ("torchvision", "found"),
    [
        ("raise RuntimeError('operator torchvision::nms does not exist')", "empty"),
        ("made_here = 'real'", "real"),
    ],
    ids=["built for another torch", "works"],
)
def test_import_leaves_every_setting_as_it_was(tmp_path: Path, torchvision, found):
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(torchvision)
    (package / "transforms.py").write_text("")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{SETTINGS}"
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    changed = [] if found == "empty" else ["torchvision"]
    assert done.stdout.splitlines() == [f"changed: {changed}", f"torchvision: {found}"]
