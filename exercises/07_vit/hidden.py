"""The tests at grading: random inputs, drawn from a seed that the teacher chooses.

Public like everything here; only the seed is not. What is right is said by torch:
its unfold and fold, its convolution, its interpolation, its cross-entropy.
"""

import torch
from torch.nn import functional as F

from course_lib.grading import expect, question


def _parts(got, want):
    if not isinstance(got, (list, tuple)) or len(got) != len(want):
        expect(got, want)  # says how many values were expected
    return got


def _manners(S, function, *arguments, kind=None, **given):
    """Arguments stay, types are kept, and the device is that of the arguments.

    ``kind`` is the type of the answer, without it that of the arguments.
    """
    for one in (torch.float32, torch.float64):
        cast = [
            a.to(one) if isinstance(a, torch.Tensor) and a.is_floating_point() else a
            for a in arguments
        ]
        got, after = _parts(S.watch(function, *cast), [None] * 2)
        for number, (mine, theirs) in enumerate(zip(after, cast, strict=True), 1):
            if isinstance(theirs, torch.Tensor):
                asked = f"argument {number} of {function}, afterwards"
                expect(mine, theirs, **given, asked=asked)
        for part in got if isinstance(got, (list, tuple)) else [got]:
            asked = f"type of {function}'s answer to arguments of {one}"
            found = str(getattr(part, "dtype", None))
            expect(found, str(kind or one), **given, asked=asked)
    asked = f"device of {function}'s answer to arguments on the device meta"
    expect(S.elsewhere(function, *arguments), "meta", **given, asked=asked)


@question(
    "q1",
    points=1,
    hidden=True,
    hint="try images whose height, width, channels and P are all different, with pixels"
    " 0, 1, 2, ...; then a P as large as the image, and a P of 1.",
)
def any_image(S, rng):
    """Any height, width, channels and side: patches, and the images again"""
    for B, channels, height, width, side in [
        (2, 3, 4, 8, 2),
        (3, 1, 9, 3, 3),
        (1, 4, 5, 5, 5),
        (2, 5, 2, 3, 1),
        (4, 2, 12, 8, 4),
    ]:
        images = torch.randn((B, channels, height, width), generator=rng)
        given = {"B": B, "channels": channels, "height": height, "width": width}
        given["side"] = side
        want = F.unfold(images, side, stride=side).transpose(1, 2)
        expect(S.patchify(images, side), want, **given, asked="patches")
        patches = torch.randn(want.shape, generator=rng)
        want = F.fold(patches.transpose(1, 2), (height, width), side, stride=side)
        size = side, channels, height, width
        expect(S.unpatchify(patches, *size), want, **given, asked="images")
        _manners(S, "patchify", images, side, **given)
        _manners(S, "unpatchify", patches, *size, **given)


@question(
    "q2",
    points=1,
    hidden=True,
    hint="compare with nn.functional.conv2d(images, weight, bias, stride=P), which"
    " answers (B, C, rows, columns), for a grid with more columns than rows.",
)
def any_embedding(S, rng):
    """Random images and weights: torch's convolution, and every gradient"""
    for B, channels, rows, columns, side, C in [
        (1, 1, 3, 1, 1, 2),
        (2, 3, 2, 4, 2, 5),
        (4, 2, 3, 2, 3, 4),
        (3, 2, 1, 3, 4, 3),
    ]:
        shapes = [
            (B, channels, rows * side, columns * side),
            (C, channels, side, side),
            (C,),
            (C,),
            (1 + rows * columns, C),
        ]
        arguments = [torch.randn(shape, generator=rng) for shape in shapes]
        leaves = [one.clone().requires_grad_() for one in arguments]
        images, weight, bias, token, places = leaves
        found = F.conv2d(images, weight, bias, stride=side)  # (B, C, rows, columns)
        found = found.permute(0, 2, 3, 1).reshape(B, rows * columns, C)
        want = torch.cat([token.repeat(B, 1, 1), found], dim=1) + places
        given = {"B": B, "channels": channels, "grid": (rows, columns), "P": side}
        given["C"] = C
        expect(S.embed(*arguments), want.detach(), tolerance=1e-4, **given)
        error = torch.randn(want.shape, generator=rng)
        backs = torch.autograd.grad(want, leaves, error)
        got = _parts(S.error_back("embed", error, *arguments), backs)
        names = ("images", "weight", "bias", "token", "places")
        for name, mine, theirs in zip(names, got, backs, strict=True):
            asked = f"the error that reaches {name}"
            expect(mine, theirs, tolerance=1e-4, **given, asked=asked)
        _manners(S, "embed", *arguments, **given)


@question(
    "q3",
    points=1,
    hidden=True,
    hint="try grids with more rows than columns and the other way round, 2 x 6 in place"
    " of 3 x 4, and one axis that grows while the other shrinks.",
)
def any_grid(S, rng):
    """Random tables and grids, larger and smaller: torch's bilinear interpolation"""
    for old, new in [
        ((2, 3), (2, 3)),
        ((3, 4), (2, 6)),
        ((2, 5), (6, 7)),
        ((7, 4), (3, 2)),
        ((4, 1), (1, 4)),
        ((3, 3), (6, 6)),
        ((6, 6), (3, 3)),
        ((5, 2), (3, 6)),
    ]:
        C = int(torch.randint(1, 6, (), generator=rng))
        table = 3 * torch.randn((1 + old[0] * old[1], C), generator=rng)
        picture = table[1:].reshape(1, *old, C).permute(0, 3, 1, 2)
        picture = F.interpolate(picture, new, mode="bilinear", align_corners=False)
        places = picture[0].permute(1, 2, 0).reshape(-1, C)
        given = {"old": old, "new": new, "C": C}
        got = S.resize_places(table, old, new)
        shape = 1 + len(places), C
        expect(getattr(got, "shape", None), shape, **given, asked="shape")
        expect(got[0], table[0], tolerance=0.0, **given, asked="class row")
        expect(got[1:], places, **given, asked="rows behind the class row")
    _manners(S, "resize_places", table, old, new, **given)


@question(
    "q4",
    points=1,
    hidden=True,
    hint="try two blocks that look at different tokens, and swap them: the flow must"
    " change. Then two images, whose flows must not depend on each other.",
)
def any_maps(S, rng):
    """Random attention: the flow through all blocks, and its picture"""
    for blocks, B, H, grid in [
        (1, 2, 3, (1, 2)),
        (2, 1, 2, (3, 1)),
        (3, 3, 1, (2, 3)),
        (12, 2, 4, (3, 2)),
        (4, 4, 4, (1, 3)),
    ]:
        T = 1 + grid[0] * grid[1]
        logits = 3 * torch.randn((blocks, B, H, T, T), generator=rng)
        maps = logits.softmax(dim=-1)
        given = {"blocks": blocks, "B": B, "H": H, "T": T}
        halves = [(one.mean(1) + torch.eye(T)) / 2 for one in maps]
        want = halves.pop()
        while halves:  # from the last block, on the left, down to the first
            want = torch.einsum("bij,bjk->bik", want, halves.pop())
        got = S.rollout(maps)
        expect(getattr(got, "shape", None), (B, T, T), **given, asked="shape")
        expect(got.sum(dim=-1), torch.ones(B, T), **given, asked="sum of each row")
        expect(got, want, **given, asked="flow")
        _manners(S, "rollout", maps, **given)
        flow = torch.randn((B, T, T), generator=rng).softmax(dim=-1)
        shares = F.normalize(flow[:, 0, 1:], p=1, dim=1).reshape(B, *grid)
        given = {"B": B, "grid": grid, "asked": "picture"}
        expect(S.picture(flow, grid), shares, **given)
        _manners(S, "picture", flow, grid, B=B, grid=grid)


@question(
    "q5",
    points=1,
    hidden=True,
    hint="compare with nn.functional.cross_entropy: it takes shares as targets, and has"
    " label_smoothing. Try three images with three shares in an order of three.",
)
def any_mixture(S, rng):
    """Random labels, mixtures and logits: torch's cross-entropy"""
    for B, channels, height, width, K, scale in [
        (1, 1, 2, 3, 2, 1),
        (3, 2, 4, 3, 3, 5),
        (4, 3, 2, 4, 10, 5),
        (6, 1, 3, 6, 6, 500),
    ]:
        labels = torch.randint(K, (B,), generator=rng)
        smoothing = round(float(0.1 + 0.8 * torch.rand((), generator=rng)), 3)
        given = {"labels": labels, "classes": K, "smoothing": smoothing}
        targets = S.smoothed(labels, K, smoothing)
        expect(getattr(targets, "shape", None), (B, K), **given, asked="shape")
        right = F.one_hot(labels, K) * (1 - smoothing) + smoothing / K
        expect(targets, right, **given, asked="targets")
        arguments = labels, K, smoothing
        _manners(S, "smoothed", *arguments, kind=torch.float32, **given)

        images = torch.rand((B, channels, height, width), generator=rng)
        share = torch.rand(B, generator=rng)
        # Moved on by one: no image is mixed with itself, and no two only swap.
        order = torch.randperm(B, generator=rng)
        order = order[(order.argsort() + 1) % B]
        given = {"B": B, "channels": channels, "height": height, "width": width}
        given |= {"K": K, "share": share, "order": order}
        want = [
            torch.einsum("b,b...->b...", share, one)
            + torch.einsum("b,b...->b...", 1 - share, one.index_select(0, order))
            for one in (images, right)
        ]
        got = _parts(S.mixed(images, right, share, order), want)
        for name, mine, theirs in zip(("images", "targets"), got, want, strict=True):
            expect(mine, theirs, **given, asked=f"mixed {name}")
        _manners(S, "mixed", images, right, share, order, **given)

        logits = scale * torch.randn((B, K), generator=rng)
        leaf = logits.clone().requires_grad_()
        loss = F.cross_entropy(leaf, want[1])
        (back,) = torch.autograd.grad(loss, leaf)
        given = {"B": B, "K": K, "logits": logits}
        got = S.soft_cross_entropy(logits, want[1])
        expect(got, loss.item(), **given, asked="loss")
        got = S.error_back("soft_cross_entropy", torch.tensor(1.0), logits, want[1])
        asked = "the error that reaches logits"
        expect(_parts(got, [None] * 2)[0], back, **given, asked=asked)
        _manners(S, "soft_cross_entropy", logits, want[1], **given)
