"""The visible tests: small inputs, so that a failure can be followed by hand."""

import math

import torch

from course_lib.grading import expect, question

LN3 = math.log(3)


def _small(seed, *shapes):
    """Tensors of one-digit numbers such as -0.7, none of them 0."""
    generator = torch.Generator().manual_seed(seed)
    tensors = []
    for shape in shapes:
        size = torch.randint(2, 10, shape, generator=generator)
        sign = 2 * torch.randint(0, 2, shape, generator=generator) - 1
        tensors.append(size * sign / 10)
    return tensors


def _parts(got, want):
    """``got``, if it has as many parts as ``want``."""
    if not isinstance(got, (list, tuple)) or len(got) != len(want):
        expect(got, want)  # says how many values were expected
    return got


def _manners(S, function, arguments, names, kind=None, **given):
    """Arguments stay, types are kept, and the device is that of the arguments.

    ``kind`` is the type of the answer, without it that of the arguments.
    """
    for one in (torch.float32, torch.float64):
        cast = [
            a.to(one) if isinstance(a, torch.Tensor) and a.is_floating_point() else a
            for a in arguments
        ]
        got, after = _parts(S.watch(function, *cast), [None] * 2)
        for name, mine, theirs in zip(names, after, cast, strict=True):
            if isinstance(theirs, torch.Tensor):
                expect(mine, theirs, **given, asked=f"{name} after {function}")
        for part in got if isinstance(got, (list, tuple)) else [got]:
            asked = f"type of {function}'s answer to arguments of {one}"
            found = str(getattr(part, "dtype", None))
            expect(found, str(kind or one), **given, asked=asked)
    asked = f"device of {function}'s answer to arguments on the device meta"
    expect(S.elsewhere(function, *arguments), "meta", **given, asked=asked)


def _patches(images, side):
    """q1, number by number: each patch from its own corner."""
    *_, height, width = images.shape
    corners = [(i, j) for i in range(0, height, side) for j in range(0, width, side)]
    cut = [images[:, :, i : i + side, j : j + side] for i, j in corners]
    return torch.stack([square.flatten(1) for square in cut], dim=1)


def _numbered(B, channels, height, width):
    """Images in which each number tells where it stands, such as 1234.0."""
    counts = [torch.arange(1, n + 1) for n in (B, channels, height, width)]
    b, c, i, j = torch.meshgrid(*counts, indexing="ij")
    return (1000 * b + 100 * c + 10 * i + j).float()


SIZES = [  # of q1: B, channels, height, width, P
    (1, 1, 2, 2, 1),
    (1, 1, 2, 4, 2),
    (1, 1, 4, 4, 2),
    (1, 2, 2, 4, 2),
    (2, 1, 2, 2, 2),
    (2, 3, 4, 6, 2),
    (1, 2, 9, 3, 3),
    (3, 2, 3, 4, 1),
]


def _example():
    """The image of q1's example."""
    ones = torch.arange(1.0, 9).reshape(2, 4)
    return torch.stack([ones, 10 * ones])[None]


@question(
    "q1",
    points=1,
    hint="split both axes: (B, channels, rows, P, columns, P). Then permute to (B,"
    " rows, columns, channels, P, P), and only then flatten the three last axes and the"
    " two that count the squares.",
)
def order(S, rng):
    """Squares in reading order, and in each of them channel after channel"""
    cases = [(_numbered(*size[:4]), size[4]) for size in SIZES]
    for images, side in [*cases[:3], (_example(), 2), *cases[3:]]:
        given = {"images": images, "side": side}
        expect(S.patchify(images, side), _patches(images, side), **given)


@question(
    "q1",
    points=1,
    hint="the steps of patchify backwards. Give the axes their names again, (B, rows,"
    " columns, channels, P, P), and permute to (B, channels, rows, P, columns, P). For"
    " the way back of a permutation ask of each axis where it has to go.",
)
def way_back(S, rng):
    """The images again, from their patches"""
    cases = [(_numbered(*size[:4]), size[4]) for size in SIZES]
    for images, side in [*cases[:3], (_example(), 2), *cases[3:]]:
        _, channels, height, width = images.shape
        patches = _patches(images, side)
        given = {"patches": patches, "side": side, "channels": channels}
        given |= {"height": height, "width": width}
        expect(S.unpatchify(patches, side, channels, height, width), images, **given)


@question(
    "q1",
    points=1,
    hint="write into no tensor that you were given, and make none that does not know"
    " the type and device: images.new_zeros(...), or torch.zeros(..., dtype=x.dtype,"
    " device=x.device). reshape, permute and stack take care of it themselves.",
)
def manners(S, rng):
    """Given tensors stay, numbers keep their type, on any device"""
    images = _numbered(2, 2, 4, 6)
    names = ("patches", "side", "channels", "height", "width")
    _manners(S, "patchify", (images, 2), ("images", "side"), B=2, side=2)
    arguments = _patches(images, 2), 2, 2, 4, 6
    _manners(S, "unpatchify", arguments, names, B=2, side=2)


def _vectors(images, weight, bias):
    """Patch by patch, the product with each kernel: (B, T, C)."""
    patches = _patches(images, weight.shape[-1])
    return torch.stack([patches @ one.flatten() for one in weight], dim=2) + bias


def _tokens(images, weight, bias, token, places):
    """q2, image by image: (B, 1 + T, C)."""
    rows = [
        torch.cat([token[None], vectors]) + places
        for vectors in _vectors(images, weight, bias)
    ]
    return torch.stack(rows)


def _embedding(seed, B, channels, height, width, side, C):
    """Small arguments of q2."""
    T = height * width // side**2
    images, *weights = _small(
        seed,
        (B, channels, height, width),
        (C, channels, side, side),
        (C,),
        (C,),
        (1 + T, C),
    )
    return images, *weights


EMBEDDINGS = [  # of q2: B, channels, height, width, P, C
    (1, 1, 1, 2, 1, 1),
    (1, 1, 2, 2, 2, 2),
    (1, 1, 4, 2, 2, 2),
    (1, 2, 2, 4, 2, 3),
    (2, 3, 4, 6, 2, 2),
    (3, 2, 6, 3, 3, 4),
]


@question(
    "q2",
    points=1,
    hint="a kernel, weight[c], laid flat has the order of a flat patch:"
    " patchify(images, P) @ weight.flatten(1).T + bias. As a convolution: stride P,"
    " no padding, then the grid laid flat, (B, C, rows, columns) -> (B, T, C), which"
    " is not a reshape alone.",
)
def vectors(S, rng):
    """Behind the class token: what a convolution with stride P makes of the image"""
    for seed, size in enumerate(EMBEDDINGS):
        images, weight, bias, token, places = _embedding(seed, *size)
        places = torch.zeros_like(places)
        got = S.embed(images, weight, bias, token, places)
        want = _tokens(images, weight, bias, token, places)
        given = {"images": images, "weight": weight, "bias": bias, "token": token}
        given["places"] = "all 0"
        expect(getattr(got, "shape", None), tuple(want.shape), **given, asked="shape")
        expect(got[:, 1:], want[:, 1:], **given, asked="tokens of the patches")


@question(
    "q2",
    points=1,
    hint="token.expand(B, 1, -1) goes in front, by torch.cat along axis 1, and places"
    " is added to all 1 + T tokens. The bias is the patches' alone.",
)
def class_and_places(S, rng):
    """The class token first, without the bias, and a position for every token"""
    example = (
        torch.tensor([[[[3.0, 5.0]]]]),
        torch.tensor([2.0, -1.0]).reshape(2, 1, 1, 1),
        torch.tensor([0.0, 1.0]),
        torch.tensor([7.0, 7.0]),
        torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]),
    )
    cases = [_embedding(10 + n, *size) for n, size in enumerate(EMBEDDINGS)]
    for arguments in [example, *cases]:
        images, weight, bias, token, places = arguments
        given = {"images": images, "weight": weight, "bias": bias}
        given |= {"token": token, "places": places}
        expect(S.embed(*arguments), _tokens(*arguments), **given)


NAMES = ("images", "weight", "bias", "token", "places")


@question(
    "q2",
    points=1,
    hint="use the tensors as they are: no detach, no .data, no torch.no_grad, and no"
    " new layer that copies them (nn.Linear, nn.Parameter). All images together teach"
    " the class token.",
)
def learns(S, rng):
    """The error reaches all five tensors; given tensors, type and device stay"""
    for seed, size in enumerate(EMBEDDINGS[:1] + EMBEDDINGS[3:]):
        arguments = _embedding(20 + seed, *size)
        leaves = [one.clone().requires_grad_() for one in arguments]
        answer = _tokens(*leaves)
        (error,) = _small(30 + seed, answer.shape)
        want = torch.autograd.grad(answer, leaves, error)
        got = S.error_back("embed", error, *arguments)
        given = {"B, channels, height, width, P, C": size}
        for name, mine, theirs in zip(NAMES, _parts(got, want), want, strict=True):
            expect(mine, theirs, **given, asked=f"the error that reaches {name}")
    arguments = _embedding(40, 2, 2, 4, 6, 2, 3)
    _manners(S, "embed", arguments, NAMES, B=2, channels=2, height=4, width=6, P=2, C=3)


def _axis(old, new):
    """How an axis with ``old`` places becomes ``new`` ones: weights (new, old)."""
    weights = torch.zeros(new, old, dtype=torch.float64)
    for i in range(new):
        s = min(max((i + 0.5) * old / new - 0.5, 0.0), old - 1.0)
        below = int(s)
        weights[i, below] += 1 - (s - below)
        weights[i, min(below + 1, old - 1)] += s - below
    return weights


def _resized(table, old, new):
    """q3, by the formula of its text."""
    picture = table[1:].double().reshape(*old, -1)  # (rows, columns, C)
    rows, columns = (_axis(*sizes) for sizes in zip(old, new, strict=True))
    picture = torch.einsum("ir,jc,rcn->ijn", rows, columns, picture)
    return torch.cat([table[:1], picture.flatten(0, 1).to(table.dtype)])


def _compare_places(S, table, old, new):
    given = {"table": table, "old": old, "new": new}
    expect(S.resize_places(table, old, new), _resized(table, old, new), **given)


def _table(seed, old, C):
    """A small table of positions, its class row far from the others."""
    (table,) = _small(seed, (1 + old[0] * old[1], C))
    table[0] += 20
    return table


@question(
    "q3",
    points=1,
    hint="cut the class row off first, table[1:], and put it back in front at the end."
    " Ask whether the grids are equal, not whether they have as many places: 2 x 6 and"
    " 3 x 4 have. Change nothing in place.",
)
def stays(S, rng):
    """The class row in any case; the whole table for the same grid; type and device"""
    for seed, old, C in [
        (0, (1, 1), 1),
        (1, (2, 2), 1),
        (2, (2, 3), 2),
        (3, (4, 1), 3),
    ]:
        table = _table(seed, old, C)
        given = {"table": table, "old": old, "new": old}
        expect(S.resize_places(table, old, old), table, **given)
    for seed, old, new in [
        (4, (1, 2), (1, 3)),
        (5, (3, 2), (2, 3)),
        (6, (4, 4), (2, 2)),
    ]:
        table = _table(seed, old, 2)
        given = {"table": table, "old": old, "new": new}
        got = S.resize_places(table, old, new)
        shape = (1 + new[0] * new[1], 2)
        expect(getattr(got, "shape", None), shape, **given, asked="shape")
        expect(got[0], table[0], tolerance=0.0, **given, asked="class row")
        names = ("table", "old", "new")
        _manners(S, "resize_places", (table, old, new), names, old=old, new=new)


def _corners():
    """The table of q3's example."""
    return torch.tensor([[9.0], [0.0], [4.0], [8.0], [12.0]])


@question(
    "q3",
    points=1,
    hint="the picture of interpolate is (1, C, rows, columns): (T, C) must be"
    " transposed before it is unflattened to the old grid, and again at the end."
    " mode='bilinear'; without align_corners, centres are laid over each other.",
)
def larger(S, rng):
    """A larger grid, also along one axis only"""
    for new in [(1, 4), (2, 4), (4, 2), (4, 4), (2, 3)]:
        _compare_places(S, _corners(), (2, 2), new)
    for seed, old, new, C in [
        (10, (1, 2), (1, 5), 1),
        (11, (2, 3), (4, 6), 1),
        (12, (2, 3), (3, 7), 2),
        (13, (3, 2), (5, 4), 3),
        (14, (1, 1), (2, 3), 2),
    ]:
        _compare_places(S, _table(seed, old, C), old, new)


@question(
    "q3",
    points=1,
    hint="the same rule: mix the two old places around s, and no others (antialias"
    " would take more of them in). Say the new size, (rows, columns), and not one"
    " factor: an axis may shrink while the other one grows.",
)
def smaller(S, rng):
    """A smaller grid, and one that shrinks along one axis and grows along the other"""
    for new in [(1, 1), (1, 2), (2, 1)]:
        _compare_places(S, _corners(), (2, 2), new)
    for seed, old, new, C in [
        (20, (1, 4), (1, 2), 1),
        (21, (4, 4), (2, 2), 1),
        (22, (5, 3), (2, 2), 2),
        (23, (2, 5), (3, 2), 1),
        (24, (3, 4), (2, 6), 2),
        (25, (6, 2), (4, 3), 3),
    ]:
        _compare_places(S, _table(seed, old, C), old, new)


def _weights(seed, *shape):
    """Attention weights with few digits: each row sums to 1, none of them is 0."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(1, 5, shape, generator=generator).double()
    return (counts / counts.sum(dim=-1, keepdim=True)).float()


def _rollout(maps):
    """q4: one image after another, one block after another."""
    flows = []
    for b in range(maps.shape[1]):
        flow = torch.eye(maps.shape[-1], dtype=torch.float64)
        for block in maps[:, b].double():
            heads = sum(0.5 * head for head in block) / len(block)
            flow = (heads + 0.5 * torch.eye(len(flow))) @ flow
        flows.append(flow)
    return torch.stack(flows).float()


def _compare_rollout(S, maps):
    blocks, B, H, T, _ = maps.shape
    given = {"maps": maps} if maps.numel() <= 12 else {}
    given |= {"blocks": blocks, "B": B, "H": H, "T": T}
    got, want = S.rollout(maps), _rollout(maps)
    expect(getattr(got, "shape", None), tuple(want.shape), **given, asked="shape")
    expect(got.sum(dim=-1), torch.ones(B, T), **given, asked="sum of each row")
    expect(got, want, **given, asked="flow")


@question(
    "q4",
    points=1,
    hint="mean over the heads, axis 2 of maps; then (W + I) / 2 for each image. The"
    " identity needs device=maps.device. A row of W sums to 1, and so does one of the"
    " half of the sum; there is nothing to divide by afterwards.",
)
def one_block(S, rng):
    """One block: heads averaged, half of each token is itself; type and device"""
    _compare_rollout(S, torch.tensor([[1.0, 0], [1, 0]]).reshape(1, 1, 1, 2, 2))
    heads = torch.tensor([[[1.0, 0], [1, 0]], [[0.0, 1], [0, 1]]])
    _compare_rollout(S, heads.reshape(1, 1, 2, 2, 2))
    for seed, (B, H, T) in enumerate([(1, 1, 3), (1, 2, 3), (3, 1, 2), (2, 3, 4)]):
        _compare_rollout(S, _weights(seed, 1, B, H, T, T))
    maps = _weights(5, 2, 2, 3, 4, 4)
    _manners(S, "rollout", (maps,), ("maps",), blocks=2, B=2, H=3, T=4)


@question(
    "q4",
    points=1,
    hint="start with the identity and go through the blocks from the first: flow = A @"
    " flow, the new block on the left. Average the heads in each block, before the"
    " product. Every block counts, the first and the last too.",
)
def many_blocks(S, rng):
    """More blocks: the product of all of them, the last one on the left"""
    first, second = ([[1.0, 0], [1, 0]], [[0.0, 1], [0, 1]])
    _compare_rollout(S, torch.tensor([first, second]).reshape(2, 1, 1, 2, 2))
    for seed, (blocks, B, H, T) in enumerate(
        [(2, 1, 1, 3), (2, 1, 2, 2), (3, 2, 1, 3), (3, 2, 2, 4), (5, 3, 3, 3)]
    ):
        _compare_rollout(S, _weights(10 + seed, blocks, B, H, T, T))


@question(
    "q4",
    points=1,
    hint="flow[:, 0, 1:]: of every image the class token's row, without its share of"
    " itself. Divide by the sum of that row (keepdim=True), then lay it on the grid,"
    " row by row. Into a new tensor: a slice of flow is flow itself.",
)
def class_picture(S, rng):
    """The class token's shares of the patches on the grid, in each image"""
    flow = torch.tensor([[0.6, 0.1, 0.1, 0.2], *[[0.25] * 4] * 3])[None]
    cases = [(flow, (1, 3))]
    for seed, (B, grid) in enumerate(
        [(1, (1, 1)), (1, (2, 1)), (1, (2, 2)), (2, (2, 3)), (3, (3, 2)), (3, (1, 3))]
    ):
        T = 1 + grid[0] * grid[1]
        cases.append((_weights(20 + seed, B, T, T), grid))
    for flow, grid in cases:
        rows = []
        for image in flow:
            shares = image[0, 1:]
            rows.append((shares / shares.sum()).reshape(grid))
        given = {"flow": flow, "grid": grid}
        expect(S.picture(flow, grid), torch.stack(rows), **given)
    arguments = _weights(30, 2, 7, 7), (2, 3)
    _manners(S, "picture", arguments, ("flow", "grid"), B=2, grid=(2, 3))


def _smoothed(labels, classes, smoothing):
    """q5's targets, label by label."""
    shares = torch.full((len(labels), classes), smoothing / classes)
    for row, label in zip(shares, labels, strict=True):
        row[label] += 1 - smoothing
    return shares


@question(
    "q5",
    points=1,
    hint="one_hot(labels, classes) times 1 - smoothing, plus smoothing / classes"
    " everywhere: the right class gets both. one_hot makes whole numbers; .float()."
    " Without classes, one_hot knows only the labels that it sees.",
)
def targets(S, rng):
    """Smoothed labels: a share for each class"""
    for labels, classes, smoothing in [
        ([0], 2, 0.0),
        ([0, 1], 4, 0.2),
        ([1, 0, 1], 2, 0.5),
        ([2, 0], 3, 0.1),
        ([1], 5, 1.0),
        ([0, 0, 3, 1], 10, 0.1),
    ]:
        given = {"labels": labels, "classes": classes, "smoothing": smoothing}
        arguments = torch.tensor(labels), classes, smoothing
        expect(S.smoothed(*arguments), _smoothed(labels, classes, smoothing), **given)
        names, kind = ("labels", "classes", "smoothing"), torch.float32
        _manners(S, "smoothed", arguments, names, kind=kind, **given)


def _mixed(images, targets, share, order):
    """q5's mixture, image by image."""
    answers = []
    for one in (images, targets):
        rows = [
            s * one[b] + (1 - s) * one[order[b]] for b, s in enumerate(share.tolist())
        ]
        answers.append(torch.stack(rows))
    return answers


def _batch(seed, B, channels, height, width, K):
    """Small images and targets of q5."""
    (images,) = _small(seed, (B, channels, height, width))
    return images, _weights(seed, B, K)


@question(
    "q5",
    points=1,
    hint="share has a number for each image: share[:, None, None, None] for images,"
    " share[:, None] for targets. one[order] is the batch in the other order, taken"
    " before anything is changed, so make new tensors. Both parts get the same shares.",
)
def mix(S, rng):
    """Images and targets mixed by the same shares and order, each image by its own"""
    two = _smoothed([0, 1], 4, 0.2)
    cases = [(torch.tensor([8.0, 4.0]).reshape(2, 1, 1, 1), two, [0.75, 1.0], [1, 0])]
    for seed, (size, share, order) in enumerate(
        [
            ((1, 1, 1, 1, 2), [0.5], [0]),
            ((2, 1, 1, 2, 2), [0.75, 0.25], [1, 0]),
            ((2, 2, 2, 2, 2), [0.0, 0.875], [0, 1]),
            ((3, 1, 2, 3, 3), [0.75, 0.125, 1.0], [1, 2, 0]),
            ((4, 3, 2, 4, 5), [0.875, 0.25, 0.5, 0.625], [2, 3, 1, 0]),
        ]
    ):
        cases.append((*_batch(seed, *size), share, order))
    for images, shares, share, order in cases:
        arguments = images, shares, torch.tensor(share), torch.tensor(order)
        given = {"images": images, "targets": shares, "share": share, "order": order}
        want = _mixed(*arguments)
        got = _parts(S.mixed(*arguments), want)
        for name, mine, theirs in zip(("images", "targets"), got, want, strict=True):
            expect(mine, theirs, **given, asked=f"mixed {name}")
        names = ("images", "targets", "share", "order")
        _manners(S, "mixed", arguments, names, share=share, order=order)


def _entropy(logits, targets):
    """q5's loss, image by image."""
    losses = [
        sum(part * (row.logsumexp(0) - row[k]) for k, part in enumerate(parts))
        for row, parts in zip(logits, targets.tolist(), strict=True)
    ]
    return sum(losses) / len(losses)


@question(
    "q5",
    points=1,
    hint="-(targets * logits.log_softmax(dim=1)): sum over the classes, mean over the"
    " images. log_softmax stays finite where softmax has become 0. No .item() and no"
    " detach on the way.",
)
def loss(S, rng):
    """The cross-entropy with soft targets, for large logits too, and its way back"""
    one = torch.tensor([[0.65, 0.25, 0.05, 0.05]])
    cases = [(torch.tensor([[LN3, 0.0, 0.0, 0.0]]), one)]
    for seed, (B, K, scale) in enumerate(
        [(1, 2, 1), (1, 3, 5), (3, 2, 5), (2, 4, 5), (3, 3, 5), (2, 3, 1000)]
    ):
        (logits,) = _small(40 + seed, (B, K))
        cases.append((scale * logits, _weights(40 + seed, B, K)))
    for logits, shares in cases:
        given = {"logits": logits, "targets": shares}
        want = _entropy(logits, shares)
        expect(S.soft_cross_entropy(logits, shares), want.item(), **given)
        leaf = logits.clone().requires_grad_()
        (back,) = torch.autograd.grad(_entropy(leaf, shares), leaf)
        got = S.error_back("soft_cross_entropy", torch.tensor(1.0), logits, shares)
        asked = "the error that reaches logits"
        expect(_parts(got, [None] * 2)[0], back, **given, asked=asked)
        names = ("logits", "targets")
        arguments = logits, shares
        _manners(S, "soft_cross_entropy", arguments, names, **given)
