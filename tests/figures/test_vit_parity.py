"""The Vision Transformers of the page are torch's, and so is what is made of them."""

from __future__ import annotations

import pytest
import torch
from javascript import run
from scipy.stats import rankdata, spearmanr
from vits import KINDS, TINY, images, stored, tiny, torch_model

from course_lib.vit import assembled, attention_maps, patches, rollout

MODELS = {"tiny": TINY, "another": tiny(5, heads=4, blocks=1, inner=8)}
every_side = pytest.mark.parametrize("side", [1, 2, 4])


@pytest.fixture(params=[*MODELS, "stored"])
def weights(request) -> dict:
    if request.param != "stored":
        return MODELS[request.param]
    return stored() or pytest.skip("no models are stored")


def close(mine: list, theirs: torch.Tensor) -> None:
    mine = torch.tensor(mine, dtype=torch.float64)
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def counts(seed: int = 0, pictures: int = 3) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 17, (pictures, 64), generator=generator).tolist()


# -- the models -----------------------------------------------------------------------

READ = """const { vit, rollout } = await load("vit/vit.js");
  const model = vit(weights.models[name], weights);
  return pictures.map((counts) => {
    const found = model.read(counts.map((n) => n / 16));
    return { ...found, flow: rollout(found.weights) };
  });"""


@torch.no_grad()
@pytest.mark.parametrize("name", KINDS)
def test_every_value_equals_torch(weights, name) -> None:
    pictures = [*counts(), weights["digits"][0]["points"]]
    found = run(READ, weights=weights, name=name, pictures=pictures)
    model, x = torch_model(weights, name), images(weights, pictures)
    close([one["logits"] for one in found], model(x))
    close([one["shares"] for one in found], model(x).softmax(-1))
    close([one["last"] for one in found], model.encode(x))
    maps = attention_maps(model, x)  # (blocks, B, H, T, T)
    close([one["weights"] for one in found], maps.transpose(0, 1))
    close([one["flow"] for one in found], rollout(maps))


@torch.no_grad()
def test_half_precision_moves_no_logit_far(weights) -> None:
    """What is packed is rounded: the page against float32 from the same file."""
    pictures = [one["points"] for one in weights["digits"]]
    for name in KINDS:
        found = run(READ, weights=weights, name=name, pictures=pictures)
        single = torch_model(weights, name).float()(images(weights, pictures).float())
        mine = torch.tensor([one["logits"] for one in found])
        torch.testing.assert_close(mine, single, rtol=1e-4, atol=1e-4)


def test_without_positions_no_order_is_seen(weights) -> None:
    script = """const { vit } = await load("vit/vit.js");
      const { moved, shuffled } = await load("vit/pixels.js");
      const model = vit(weights.models[name], weights);
      const read = (pixels) => model.read(pixels).logits;
      return pictures.map((counts) => {
        const pixels = counts.map((n) => n / 16);
        const other = moved(pixels, 2, shuffled(16, 3));
        const [a, b] = [read(pixels), read(other)];
        return Math.max(...a.map((z, k) => Math.abs(z - b[k])));
      });"""
    given = {"weights": weights, "pictures": counts()}
    assert max(run(script, **given, name="2 without positions")) < 1e-11
    assert max(run(script, **given, name="2")) > 1e-2


# -- the pixels -----------------------------------------------------------------------


def pixels(script: str, **given: object) -> object:
    names = "assembled, bitmapOf, counted, covered, cut, fitted, moved, shuffled"
    return run(f'const {{ {names} }} = await load("vit/pixels.js"); {script}', **given)


def test_a_bitmap_is_counted_in_squares() -> None:
    generator = torch.Generator().manual_seed(1)
    bitmap = torch.randint(0, 2, (32, 32), generator=generator)
    expected = bitmap.unflatten(0, (8, 4)).unflatten(2, (8, 4)).sum((1, 3))
    got = pixels("return counted(bitmap);", bitmap=bitmap.flatten().tolist())
    assert got == expected.flatten().tolist()


def test_a_picture_becomes_a_bitmap_with_its_counts() -> None:
    pictures = [*counts(), [0] * 64, [16] * 64]
    got = pixels("return pictures.map((c) => bitmapOf(c));", pictures=pictures)
    assert all(len(one) == 32 * 32 and {*one} <= {0, 1} for one in got)
    again = pixels("return bitmaps.map((b) => counted(b));", bitmaps=got)
    assert again == pictures


def test_the_points_of_a_bitmap_lie_beside_those_of_the_next_square() -> None:
    """Half a column of ink goes on where its neighbour is black."""
    picture = [16 if n % 8 == 3 else 8 if n % 8 == 4 else 0 for n in range(64)]
    got = pixels("return bitmapOf(picture);", picture=picture)
    row = got[32 * 16 : 32 * 17]
    assert [x for x, black in enumerate(row) if black] == [*range(12, 18)]


def drawn(left: int, top: int, width: int, height: int) -> list[int]:
    """A box of ink with a gap in its middle row."""
    bitmap = torch.zeros(32, 32, dtype=torch.int)
    bitmap[top : top + height, left : left + width] = 1
    bitmap[top + height // 2, left + 1 : left + width - 1] = 0
    return bitmap.flatten().tolist()


def test_a_drawing_is_fitted_to_the_board() -> None:
    script = "return bitmaps.map((b) => fitted(b));"
    small, wide, whole = drawn(3, 5, 4, 16), drawn(20, 9, 8, 4), drawn(12, 0, 8, 32)
    empty = [0] * 1024
    got = pixels(script, bitmaps=[small, wide, whole, empty])
    twice = torch.tensor(small).view(32, 32)[5:21, 3:7].repeat_interleave(2, 0)
    twice = twice.repeat_interleave(2, 1)  # (32, 8), and in the middle
    assert got[0] == torch.nn.functional.pad(twice, (12, 12)).flatten().tolist()
    rows = torch.tensor(got[1]).view(32, 32).sum(1)
    assert rows.nonzero().flatten().tolist() == list(range(8, 24))  # as wide as it may
    assert got[2:] == [whole, empty]


@every_side
def test_patches_are_those_of_python(side) -> None:
    picture = counts()[0]
    theirs = patches(torch.tensor(picture).view(1, 1, 8, 8), side)
    script = "return [cut(picture, side), assembled(cut(picture, side), side)];"
    mine, back = pixels(script, picture=picture, side=side)
    assert mine == theirs[0].tolist()
    assert back == picture


@every_side
def test_a_shuffle_moves_whole_patches(side) -> None:
    picture, T = counts()[0], (8 // side) ** 2
    script = """const order = shuffled(T, tries);
      return { order, after: moved(picture, side, order) };"""
    seen = set()
    for tries in range(1, 6):
        given = {"picture": picture, "side": side, "T": T, "tries": tries}
        found = pixels(script, **given)
        order = found["order"]
        assert sorted(order) == list(range(T)) != order
        seen.add(tuple(order))
        cut = patches(torch.tensor(picture).view(1, 1, 8, 8), side)
        theirs = assembled(cut[:, order], side, 1, 8, 8)
        assert found["after"] == theirs.flatten().tolist()
    assert len(seen) > 2


def test_a_shuffle_is_never_the_order_that_was() -> None:
    script = "return Array.from({ length: 20 }, (_, n) => shuffled(2, n + 1));"
    assert pixels(script) == [[1, 0]] * 20


@every_side
def test_a_covered_patch_is_empty_paper(side) -> None:
    T = (8 // side) ** 2
    given = {"picture": [16] * 64, "side": side, "T": T}
    script = (
        """return Array.from({ length: T }, (_, t) => covered(picture, side, t));"""
    )
    for t, got in enumerate(pixels(script, **given)):
        cut = patches(torch.tensor(got).view(1, 1, 8, 8), side)[0]
        assert [n for n in range(T) if cut[n].sum() == 0] == [t]
        assert sum(got) == 16 * (64 - side * side)


# -- occlusion ------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("name", ["1", "2"])
def test_occlusion_covers_each_patch_alone(weights, name) -> None:
    script = """const { vit } = await load("vit/vit.js");
      const { reading, agreement } = await load("vit/occlusion.js");
      const { side } = weights.models[name];
      const one = reading(vit(weights.models[name], weights), picture, side);
      const before = [one.changes[3], agreement(one)];
      const without = one.changes.map((_, t) => one.cover(t));
      return { ...one, before, without, agreement: agreement(one),
        looks: one.looks(1, 2), itself: one.itself(1, 2) };"""
    picture = weights["digits"][1]["points"]
    got = run(script, weights=weights, name=name, picture=picture)
    model, side = torch_model(weights, name), weights["models"][name]["side"]
    cut = patches(torch.tensor(picture).view(1, 1, 8, 8), side)
    T = cut.shape[1]
    shown = cut.repeat(T + 1, 1, 1)
    shown[range(T), range(T)] = 0
    shown = assembled(shown, side, 1, 8, 8).flatten(1).tolist()
    shares = model(images(weights, shown)).softmax(-1)
    answer = shares[-1].argmax().item()
    assert got["answer"] == answer
    assert got["before"] == [None, None]
    close(got["without"], shares[:-1])
    close(got["changes"], shares[:-1, answer] - shares[-1, answer])
    empty = cut[0].sum(-1) == 0
    assert empty.any()
    assert all(got["changes"][t] == 0 for t in empty.nonzero().flatten())
    maps = attention_maps(model, images(weights, [picture]))
    close(got["looks"], maps[0, 0, 1, 0, 1:])
    close([got["itself"]], maps[0, 0, 1, 0, :1])
    close(got["flow"], rollout(maps)[0, 0, 1:])
    falls = [-change for change in got["changes"]]
    assert got["agreement"] == pytest.approx(spearmanr(got["flow"], falls).statistic)


def test_ranks_and_their_correlation_are_those_of_scipy() -> None:
    generator = torch.Generator().manual_seed(2)
    a, b = torch.randint(0, 6, (2, 40), generator=generator).tolist()  # with ties
    script = """const { ranks, rankCorrelation } = await load("vit/occlusion.js");
      return [ranks(a), rankCorrelation(a, b), rankCorrelation(a, a),
        rankCorrelation(a, a.map((v) => -v)), rankCorrelation(a, a.map(() => 1))];"""
    found, mine, same, reverse, none = run(script, a=a, b=b)
    assert found == rankdata(a).tolist()
    assert mine == pytest.approx(spearmanr(a, b).statistic)
    assert (same, reverse, none) == (pytest.approx(1), pytest.approx(-1), None)
