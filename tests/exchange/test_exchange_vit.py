"""Vision Transformers to and from timm and Hugging Face: in value and gradient."""

from __future__ import annotations

import copy
import subprocess
import sys
from functools import partial

import pytest
import torch
import transformers
from torch import nn

from course_lib.exchange import (
    from_huggingface,
    from_timm,
    to_huggingface,
    to_timm,
)
from course_lib.peers import import_timm
from course_lib.self_attention import PATHS
from course_lib.transformer import LayerNorm
from course_lib.vit import VisionTransformer, at_resolution, interpolated
from small_transformers import close, gradients, numbers, shaken
from small_vits import GRID, IMAGE, SIDE, K, pictures, small_vit

import_timm()
from timm.layers import resample_abs_pos_embed  # noqa: E402
from timm.models import vision_transformer as timm_vit  # noqa: E402

by_path = pytest.mark.parametrize("path", PATHS)
MEAN = {"class_token": False, "global_pool": "avg", "fc_norm": False}
KINDS = {
    "class": {},
    "mean": MEAN,
    "no places": {"pos_embed": "none"},
    "mean, no places": MEAN | {"pos_embed": "none"},
    "relu": {"act_layer": nn.ReLU},
    "any size": {"dynamic_img_size": True},
}
by_kind = pytest.mark.parametrize("kind", KINDS)


def timms(seed=0, **changes):
    torch.manual_seed(seed)
    sizes = {
        "img_size": IMAGE[1:],
        "patch_size": SIDE,
        "in_chans": 3,
        "num_classes": K,
        "embed_dim": 8,
        "depth": 2,
        "num_heads": 2,
        "mlp_ratio": 1.5,
    }
    return shaken(timm_vit.VisionTransformer(**sizes | changes), seed)


def huggingfaces(seed=0, kind="ViTForImageClassification", **changes):
    torch.manual_seed(seed)
    sizes = {
        "image_size": list(IMAGE[1:]),
        "patch_size": SIDE,
        "num_channels": 3,
        "num_labels": K,
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 12,
    }
    config = transformers.ViTConfig(**sizes | changes)
    return shaken(getattr(transformers, kind)(config), seed)


def assert_the_same(ours, theirs, back, run, atol=1e-10):
    """Logits, and the gradients of every weight, laid out as ours are."""
    out, wanted = ours(pictures().double()), run(theirs, pictures().double())
    close(out, wanted, atol)
    found, expected = gradients(ours, out), gradients(theirs, wanted)
    twin = copy.deepcopy(theirs)
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter.copy_(expected[name])
    expected = dict(back(twin).named_parameters())
    assert found.keys() == expected.keys()
    for name, one in found.items():
        close(one, expected[name], atol)
        if not name.endswith("W_k.bias"):  # it adds the same to all scores of a query
            assert one.abs().max() > 1e-6, name


def by_timm(model, images):
    return model(images)


def by_huggingface(model, images):
    return model(pixel_values=images).logits


# -- the same values and gradients -----------------------------------------------------


@by_path
@by_kind
def test_timms_in_ours(kind, path):
    theirs = timms(**KINDS[kind]).double()
    ours = from_timm(theirs, path)
    assert type(ours) is VisionTransformer
    assert ours.config.path == path
    assert_the_same(ours, theirs, from_timm, by_timm)


@by_path
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_huggingfaces_in_ours(attention, activation, path):
    theirs = huggingfaces(attn_implementation=attention, hidden_act=activation)
    theirs = theirs.double()
    ours = from_huggingface(theirs, path)
    assert ours.config.path == path
    atol = 1e-10 if attention == "sdpa" else 1e-6  # theirs has a softmax in float32
    assert_the_same(ours, theirs, from_huggingface, by_huggingface, atol)


@by_path
@pytest.mark.parametrize("positions", ["learned", "none"])
@pytest.mark.parametrize("summary", ["class", "mean"])
def test_ours_in_timm(summary, positions, path):
    ours = small_vit(summary, positions, path=path, inner=13)
    theirs = to_timm(ours)
    assert type(theirs) is timm_vit.VisionTransformer
    close(theirs(pictures()), ours(pictures()), 1e-4)
    assert_the_same(ours.double(), theirs.double(), from_timm, by_timm)


@by_path
def test_ours_in_huggingface(path):
    ours = small_vit(path=path)
    theirs = to_huggingface(ours)
    assert type(theirs) is transformers.ViTForImageClassification
    close(by_huggingface(theirs, pictures()), ours(pictures()), 1e-4)
    assert_the_same(ours.double(), theirs.double(), from_huggingface, by_huggingface)


# -- at another resolution -------------------------------------------------------------


@pytest.mark.parametrize("new", [(3, 4), (6, 8), (5, 3), (1, 1), (2, 9)])
@pytest.mark.parametrize("extra", [0, 1])
def test_positions_are_interpolated_as_timm_does(new, extra):
    table = numbers(12 + extra, 8)
    wanted = resample_abs_pos_embed(
        table[None], list(new), list(GRID), num_prefix_tokens=extra
    )
    close(interpolated(table, GRID, new), wanted[0])


@pytest.mark.parametrize("kind", ["class", "mean"])
@pytest.mark.parametrize("size", [(12, 16), (4, 6), (6, 8)])
def test_at_another_resolution_ours_is_timms(size, kind):
    theirs = timms(**KINDS[kind])
    ours = at_resolution(from_timm(theirs), *size)
    images = pictures(image=(3, *size))
    resized = copy.deepcopy(theirs)
    resized.set_input_size(img_size=size)
    close(ours(images), resized(images), 1e-4)
    dynamic = timms(**KINDS[kind], dynamic_img_size=True)
    close(ours(images), dynamic(images), 1e-4)
    close(from_timm(resized)(images), resized(images), 1e-4)


# -- there and back --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@by_kind
def test_to_timm_and_back_nothing_is_lost(kind, dtype):
    norm = partial(nn.LayerNorm, eps=0.01)
    theirs = timms(**KINDS[kind], norm_layer=norm, pos_drop_rate=0.25)
    theirs = theirs.to(dtype).eval()
    ours = from_timm(theirs)
    again = to_timm(ours)
    assert not ours.training
    assert not again.training
    assert again.state_dict().keys() == theirs.state_dict().keys()
    for name, one in theirs.state_dict().items():
        assert torch.equal(again.state_dict()[name], one), name
        assert again.state_dict()[name].dtype == dtype
    images = pictures().to(dtype)
    assert torch.equal(again(images), theirs(images))
    assert (again.pos_drop.p, again.norm.eps) == (0.25, 0.01)
    assert {one.eps for one in ours.modules() if isinstance(one, LayerNorm)} == {0.01}
    assert {m.p for m in ours.modules() if isinstance(m, nn.Dropout)} == {0.25}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_to_huggingface_and_back_nothing_is_lost(dtype, tmp_path):
    theirs = huggingfaces(layer_norm_eps=0.01, hidden_dropout_prob=0.25)
    theirs = theirs.to(dtype).eval()
    ours = from_huggingface(theirs)
    again = to_huggingface(ours)
    assert not ours.training
    assert not again.training
    for name in (
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "hidden_act",
        "hidden_dropout_prob",
        "layer_norm_eps",
        "num_channels",
        "patch_size",
        "num_labels",
    ):
        assert getattr(again.config, name) == getattr(theirs.config, name)
    assert again.state_dict().keys() == theirs.state_dict().keys()
    for name, one in theirs.state_dict().items():
        assert torch.equal(again.state_dict()[name], one), name
        assert again.state_dict()[name].dtype == dtype
    again.save_pretrained(tmp_path)
    loaded = from_huggingface(type(again).from_pretrained(tmp_path, dtype=dtype))
    for name, one in ours.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], one), name


@pytest.mark.parametrize("there", [to_timm, to_huggingface])
def test_the_other_side_is_a_copy(there):
    ours = small_vit()
    theirs = there(ours)
    before = {name: one.clone() for name, one in theirs.state_dict().items()}
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(1)
    for name, one in theirs.state_dict().items():
        assert torch.equal(one, before[name])


def test_dropout_of_huggingface_falls_on_the_same_numbers(monkeypatch):
    ours = small_vit(dropout=0.3)
    theirs = to_huggingface(ours)
    assert theirs.config.attention_probs_dropout_prob == 0

    def every_other(self, x):  # drawn numbers would lie in another order in memory
        kept = torch.arange(x.shape[-1]) % 2 == 0
        return x * kept if self.training and self.p == 0.3 else x

    monkeypatch.setattr(nn.Dropout, "forward", every_other)
    in_training = ours(pictures())
    close(by_huggingface(theirs, pictures()), in_training, 1e-4)
    assert not torch.allclose(ours.eval()(pictures()), in_training, atol=0.1)


# -- what the other side has not -------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (
            lambda: timms(reg_tokens=2, no_embed_class=False),
            "has reg_token, which ours",
        ),
        (
            lambda: timms(init_values=0.1),
            r"has blocks\.0\.ls1\.gamma, which ours has n",
        ),
        (lambda: timms(qk_norm=True), r"has blocks\.0\.attn\.k_norm\.bias, which"),
        (lambda: timms(qkv_bias=False), r"has no blocks\.0\.attn\.qkv\.bias, expected"),
        (lambda: timms(**MEAN | {"fc_norm": True}), r"has no norm\.weight, expected"),
        (lambda: timms(global_pool="avg"), "got global_pool 'avg', expected 'token'"),
        (
            lambda: timms(class_token=False, global_pool="max", fc_norm=False),
            "got global_pool 'max', expected 'avg'",
        ),
        (lambda: timms(no_embed_class=True), "got no_embed_class True, expected False"),
        (lambda: timms(dynamic_img_pad=True), "got dynamic_img_pad True, expected Fa"),
        (
            lambda: timms(act_layer=partial(nn.GELU, approximate="tanh")),
            r"got activation GELU\(approximate='tanh'\), expected GELU",
        ),
        (
            lambda: timms(patch_size=(2, 4)),
            r"got patches of \(2, 4\), expected squares",
        ),
        (lambda: timms(pre_norm=True), r"has no patch_embed\.proj\.bias, expected one"),
        (lambda: nn.Linear(2, 2), "got Linear, expected a VisionTransformer of timm"),
        (small_vit, "got VisionTransformer, expected a VisionTransformer of timm"),
    ],
)
def test_what_ours_has_not_of_timm_is_named(make, got):
    with pytest.raises(ValueError, match=f"model: {got}"):
        from_timm(make())


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: huggingfaces(hidden_act="gelu_new"), "got activation 'gelu_new', exp"),
        (lambda: huggingfaces(qkv_bias=False), r"has no vit\.layers\.0\.attention\.q_"),
        (lambda: huggingfaces(patch_size=[2, 4]), r"got patches of \(2, 4\), expected"),
        (lambda: huggingfaces(kind="ViTModel"), "got ViTModel, expected a ViTForImage"),
    ],
)
def test_what_ours_has_not_of_huggingface_is_named(make, got):
    with pytest.raises(ValueError, match=f"model: {got}"):
        from_huggingface(make())


@pytest.mark.parametrize(
    ("there", "make", "got"),
    [
        (to_timm, lambda: small_vit(norm="post"), "got norm 'post', expected 'pre'"),
        (
            to_timm,
            lambda: small_vit(positions="sinusoidal_2d"),
            "got positions 'sinusoidal_2d', expected 'learned' or 'none'",
        ),
        (to_timm, lambda: small_vit(stem="convolutions"), "got stem 'convolutions'"),
        (to_huggingface, lambda: small_vit(stem="convolutions"), "got stem 'convolu"),
        (to_huggingface, lambda: small_vit("mean"), "got summary 'mean', expected 'c"),
        (
            to_huggingface,
            lambda: small_vit(positions="none"),
            "got positions 'none', expected 'learned'",
        ),
    ],
)
def test_what_the_others_have_not_is_named(there, make, got):
    with pytest.raises(ValueError, match=f"model: {got}"):
        there(make())


# -- without them ----------------------------------------------------------------------


def test_timm_is_imported_late_and_where_it_is_missing_it_is_named():
    code = (
        "import sys\n"
        "from torch import nn\n"
        "from course_lib import exchange\n"
        "from course_lib.vit import BASE, VisionTransformer\n"
        "print({'timm', 'transformers'} & set(sys.modules))\n"
        "sys.modules['timm'] = sys.modules['transformers'] = None\n"
        "from dataclasses import replace\n"
        "small = replace(BASE, size=8, heads=2, inner=8, blocks=1)\n"
        "model = VisionTransformer(small, (1, 4, 4), 2, 3)\n"
        "for call in (exchange.to_timm, exchange.to_huggingface, exchange.from_timm):\n"
        "    try:\n"
        "        call(model)\n"
        "    except (ImportError, ValueError) as error:\n"
        "        print(type(error).__name__, error)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    imported, timm, huggingface, other = found.stdout.splitlines()
    assert imported == "set()"
    assert timm.startswith("ImportError timm is not installed.")
    assert "pip install 'transformers" in huggingface
    assert other.startswith("ImportError timm is not installed.")
