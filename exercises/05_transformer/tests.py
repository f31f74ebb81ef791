"""The visible tests: small inputs, so that a failure can be followed by hand."""

import math

import torch

from course_lib.grading import expect, question

LN3 = math.log(3)  # the softmax of (LN3, 0) is (0.75, 0.25)


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


def _worked():
    """x, memory and the matrices of q1's example."""
    rows = [
        [[[LN3, 0.0]]],
        [[[1.0, 1.0], [0.0, 3.0]]],
        [[1.0, 0.0], [0.0, 1.0]],
        [[1.0, 0.0], [0.0, 1.0]],
        [[4.0, 0.0], [0.0, 2.0]],
        [[1.0, 1.0], [0.0, 2.0]],
    ]
    return [torch.tensor(one) for one in rows]


def _tensors(B, T, n, C):
    """x, memory and four matrices; the scores are some units apart."""
    x, memory, *matrices = _small(
        B + 2 * T + 3 * n + C, (B, T, C), (B, n, C), *[(C, C)] * 4
    )
    return [2 * x, 2 * memory, *matrices]


def _attend(x, memory, W_q, W_k, W_v, W_o, heads, mask=None, causal=False):
    """The output and the weights of q1: one sequence, head and query after another."""
    (B, T, C), n = x.shape, memory.shape[1]
    D = C // heads
    joined, weights = torch.zeros(B, T, C), torch.zeros(B, heads, T, n)
    for b in range(B):
        for head in range(heads):
            part = slice(head * D, (head + 1) * D)
            keys, values = memory[b] @ W_k[part].T, memory[b] @ W_v[part].T  # (n, D)
            for t in range(T):
                seen = torch.ones(n, dtype=torch.bool) if mask is None else mask[b]
                if causal:
                    seen = seen & (torch.arange(n) <= n - T + t)
                if seen.any():
                    scores = keys[seen] @ (W_q[part] @ x[b, t]) / math.sqrt(D)
                    weights[b, head, t, seen] = scores.softmax(dim=0)
                joined[b, t, part] = weights[b, head, t] @ values
    return joined @ W_o.T, weights


def _compare_attention(S, which, tensors, heads, mask=None, causal=False):
    mask = None if mask is None else torch.tensor(mask)
    want = _attend(*tensors, heads, mask, causal)
    masks = () if mask is None and not causal else (mask, causal)
    got = _parts(S.multi_head_attention(*tensors, heads, *masks), want)
    given = {"x": tensors[0], "memory": tensors[1], "heads": heads}
    if mask is not None:
        given["mask"] = mask
    asked = ("output", "weights")[which]
    expect(got[which], want[which], **given, causal=causal, asked=asked)


def _heads():
    """Tensors and heads of q1 where all may look everywhere."""
    yield _worked(), 2
    for B, T, n, C, heads in [(1, 1, 2, 2, 1), (1, 2, 2, 4, 2), (2, 3, 2, 6, 3)]:
        yield _tensors(B, T, n, C), heads


@question(
    "q1",
    points=1,
    hint="the first D numbers of each query and key belong to head 1: split C into"
    " (H, D), then let heads and tokens change places. Divide by the root of D; the"
    " softmax runs over the keys. The weights are the second value, (B, H, T, S).",
)
def weights(S, rng):
    """No masks: the weights of each head are the softmax of q · k / √D"""
    for tensors, heads in _heads():
        _compare_attention(S, 1, tensors, heads)


@question(
    "q1",
    points=1,
    hint="each head's weights times its own D numbers of the values; then the heads"
    " side by side in the order of the split, (B, T, H, D) to (B, T, C), and W_o at"
    " the end. The output is the first value.",
)
def output(S, rng):
    """No masks: what the heads hear, side by side, mixed by W_o"""
    for tensors, heads in _heads():
        _compare_attention(S, 0, tensors, heads)


@question(
    "q1",
    points=1,
    hint="True is what may be seen. The mask (B, S) has to reach the scores"
    " (B, H, T, S): mask[:, None, None]. Write minus infinity over the scores of the"
    " padding before the softmax; no constant is below every score.",
)
def padding(S, rng):
    """With a mask: padding has weight 0, and the rest adds up to 1"""
    one = torch.ones(1, 1)
    for x, mask in [
        (LN3, [True, True, False]),
        (-2000.0, [False, True, True]),
        (-2e9, [False, True, True]),
    ]:
        tensors = [torch.tensor([[[x]]]), torch.tensor([[[0.0], [1.0], [2.0]]])]
        _compare_attention(S, 1, [*tensors, one, one, one, one], 1, [mask])
    two = [[True, True, True], [False, True, False]]
    _compare_attention(S, 1, _tensors(2, 2, 3, 2), 2, two)
    _compare_attention(S, 1, _tensors(2, 3, 3, 4), 2, two)


@question(
    "q1",
    points=1,
    hint="query t of T stands at place S - T + t of the memory, and sees that place"
    " and all before it: torch.tril with the diagonal S - T. Padding stays hidden too.",
)
def causal(S, rng):
    """Causal: nobody sees what comes later, and the last query sees everything"""
    two = [[True, True, True], [True, False, True]]
    for B, T, n, C, heads, mask in [
        (1, 2, 2, 1, 1, None),
        (1, 3, 3, 2, 2, None),
        (1, 1, 3, 2, 2, None),
        (1, 2, 4, 2, 1, None),
        (2, 3, 3, 4, 2, two),
        (2, 2, 3, 2, 2, two),
    ]:
        _compare_attention(S, 1, _tensors(B, T, n, C), heads, mask, True)


@question(
    "q1",
    points=1,
    hint="the softmax of minus infinity alone is NaN, that of one constant is the same"
    " everywhere. After the softmax, put 0 where nobody may look.",
)
def nothing_to_see(S, rng):
    """A query that may look nowhere gets weights of 0 and hears 0"""
    for mask, causal in [
        ([[False, False]], False),
        ([[False, True]], True),  # the first query sees the padding before it only
        ([[True, True], [False, False]], False),
    ]:
        tensors = _tensors(len(mask), 2, 2, 2)
        mask = torch.tensor(mask)
        want = _attend(*tensors, 2, mask, causal)
        got = _parts(S.multi_head_attention(*tensors, 2, mask, causal), want)
        empty = ~mask[:, None] & torch.ones(2, 2, dtype=torch.bool)
        if causal:
            empty = empty | torch.ones(2, 2, dtype=torch.bool).triu(1)
        empty = empty.all(dim=-1)  # (B, T)
        given = {"mask": mask, "causal": causal}
        for asked, mine, theirs, rows in zip(
            ("output", "weights"),
            got,
            want,
            (empty, empty[:, None].expand(-1, 2, -1)),
            strict=True,
        ):
            if not isinstance(mine, torch.Tensor) or mine.shape != theirs.shape:
                expect(mine, theirs, **given, asked=asked)
            asked = f"{asked} of the queries that see nothing"
            expect(mine[rows], theirs[rows], **given, asked=asked)
            expect(
                bool(mine.isfinite().all()), True, **given, asked="only finite numbers"
            )


@question(
    "q1",
    points=1,
    hint="no detach, no .data, no no_grad and no new tensor made of plain numbers on"
    " the way. NaN comes back from a row of minus infinity that is not overwritten. To"
    " change a tensor that was given, make a new one: mask & other, not mask &= other."
    " If an error reaches the padding, so did the look: see the test of padding.",
)
def way_back(S, rng):
    """The error reaches x, memory and all matrices, and no input is changed"""
    names = ("x", "memory", "W_q", "W_k", "W_v", "W_o")
    for mask, causal in [
        ([[True, True, True]], False),
        ([[True, True, False], [False, False, False]], False),
        ([[False, True, True], [True, True, True]], True),
    ]:
        tensors = _tensors(len(mask), 3, 3, 4)
        mask = torch.tensor(mask)
        (g,) = _small(7, tensors[0].shape)
        got = S.watch_attention(g, *tensors, 2, mask, causal)
        gradients, after = _parts(got, [None] * 2)
        for name, gradient in zip(names, _parts(gradients, names), strict=True):
            given = {"mask": mask, "causal": causal}
            arrived = bool(gradient.isfinite().all() and gradient.any())
            asked = f"a finite error, not only 0, reaches {name}"
            expect(arrived, True, **given, asked=asked)
        padding = gradients[1][~mask]  # of memory (B, S, C)
        asked = "the error that reaches the padding of memory"
        expect(padding, torch.zeros_like(padding), **given, asked=asked)
        for name, mine, before in zip(
            (*names, "mask"), after, (*tensors, mask), strict=True
        ):
            expect(mine, before, **given, asked=f"{name} after the call")


def _code(place, size):
    """The code of one place, number by number."""
    row = []
    for i in range(size // 2):
        angle = place / 10_000 ** (2 * i / size)
        row += [math.sin(angle), math.cos(angle)]
    return row


def _compare_codes(S, places, size):
    want = torch.tensor([_code(place, size) for place in places])
    places = torch.tensor(places)
    expect(S.sinusoids(places, size), want, places=places, size=size)


@question(
    "q2",
    points=1,
    hint="C/2 angles for each place, with 2i in the exponent. Sine and cosine of the"
    " same angle stand side by side: stack them in a new last dimension, then flatten.",
)
def code(S, rng):
    """The numbers 2i and 2i + 1 are sine and cosine of p · 10000^(-2i/C)"""
    _compare_codes(S, [0], 2)
    _compare_codes(S, [0, 1, 100], 4)
    _compare_codes(S, [1, 2, 3], 2)
    _compare_codes(S, [1, 2], 6)
    _compare_codes(S, [0, 1, 2, 3, 4], 8)


@question(
    "q2",
    points=1,
    hint="use the places that you are given, in their order, not 0, 1, 2 and so on."
    " Make the angles in float64, and turn the code to float32 at the very end.",
)
def any_place(S, rng):
    """Places in any order and far away are right too, and the code is float32"""
    _compare_codes(S, [3], 4)
    _compare_codes(S, [5, 2, 2], 4)
    _compare_codes(S, [123_456, 1_000_003], 8)
    places = torch.tensor([0, 7])
    kind = str(S.sinusoids(places, 4).dtype)
    expect(kind, "torch.float32", places=places, size=4, asked="dtype")


def _tokens():
    """Arguments of q3: the worked example, then small ones, all of float64."""
    yield (
        torch.tensor([3.0, 1.0], dtype=torch.float64),
        torch.tensor([2.0, 1.0], dtype=torch.float64),
        torch.tensor([2.0, 0.0], dtype=torch.float64),
        3.0,
    )
    for shape, eps in [((3,), 0.5), ((1, 3), 1e-5), ((2, 3), 0.1), ((2, 2, 3), 0.02)]:
        x, gain, d_y = _small(8, shape, shape[-1:], shape)
        yield x.double() + 1, gain.double(), d_y.double(), eps
    still = torch.full((1, 2), 4.0, dtype=torch.float64)  # without any variance
    yield still, torch.ones_like(still[0]), torch.eye(2)[:1].double(), 0.25


def _through_autograd(x, gain, d_y, eps):
    inputs = [x, gain, torch.zeros_like(gain)]
    inputs = [one.clone().requires_grad_() for one in inputs]
    y = torch.nn.functional.layer_norm(inputs[0], gain.shape, *inputs[1:], eps)
    return torch.autograd.grad(y, inputs, grad_outputs=d_y)


def _compare_backward(S, *which):
    for x, gain, d_y, eps in _tokens():
        want = _through_autograd(x, gain, d_y, eps)
        got = _parts(S.by_hand(x, gain, d_y, eps), want)
        for part in which:
            asked = ("dL/dx", "dL/dgain", "dL/dbias")[part]
            # Rounded, so that a message says 0 and not 1e-17.
            want_part = want[part].round(decimals=9)
            given = {"x": x, "gain": gain, "d_y": d_y, "eps": eps, "asked": asked}
            expect(got[part], want_part, tolerance=1e-7, **given)


@question(
    "q3",
    points=1,
    hint="s has eps inside the root, and the variance is divided by C. From g = gain"
    " times d_y take its mean, and x-hat times the mean of g times x-hat; divide by s."
    " All means are over one token's own numbers. Autograd is switched off here.",
)
def tokens(S, rng):
    """dL/dx is what autograd finds"""
    _compare_backward(S, 0)


@question(
    "q3",
    points=1,
    hint="the gain gets d_y times x-hat, the bias d_y, both of shape (C,): sum over all"
    " tokens, whatever their dimensions. A single token has none to sum over.",
)
def gain_and_bias(S, rng):
    """dL/dgain and dL/dbias are what autograd finds, summed over all tokens"""
    _compare_backward(S, 1, 2)


def _parallel(weights, tokens):
    """The logits of all places at once, and the keys and values of each block."""
    T = tokens.shape[1]
    x = weights["words"][tokens] + weights["places"][:T]
    cache = []
    for W_q, W_k, W_v, W_o, W_1, W_2 in weights["blocks"]:
        keys, values = x @ W_k.T, x @ W_v.T
        scores = torch.einsum("btc,bsc->bts", x @ W_q.T, keys)
        later = torch.ones(T, T, dtype=torch.bool).triu(1)
        x = x + scores.masked_fill(later, -math.inf).softmax(-1) @ values @ W_o.T
        x = x + torch.relu(x @ W_1.T) @ W_2.T
        cache.append((keys, values))
    return x @ weights["words"].T, cache


def _example():
    """The weights of q4's example; nothing is left of relu(-x)."""
    numbers = [0.0, 1.0, 1.0, 1.0, -1.0, 1.0]
    return {
        "words": torch.tensor([[1.0], [3.0]]),
        "places": torch.tensor([[0.0], [2.0], [5.0], [1.0], [4.0], [3.0]]),
        "blocks": [[torch.tensor([[one]]) for one in numbers]],
    }


def _model(C, inner, blocks):
    """Small weights, of a decoder with 5 words and 12 places."""
    words, places = (2 * one for one in _small(20 + C, (5, C), (12, C)))
    shapes = [(C, C)] * 4 + [(inner, C), (C, inner)]
    layers = [_small(10 * C + number, *shapes) for number in range(blocks)]
    return {"words": words, "places": places, "blocks": layers}


def _decoders():
    """Weights and tokens of q4, and how many tokens are in the cache at the start."""
    yield _example(), torch.tensor([[0, 1, 0]]), 0
    yield _model(1, 1, 1), torch.tensor([[3, 1]]), 0
    yield _model(2, 2, 2), torch.tensor([[4, 0, 4, 2]]), 0
    yield _model(2, 3, 2), torch.tensor([[1, 1, 3], [2, 0, 4]]), 0
    yield _model(2, 1, 3), torch.tensor([[0, 1, 2, 3, 4], [4, 4, 1, 0, 2]]), 2


def _walk(S, weights, tokens, known, others=None):
    """What the student's steps make of it, and what is asked for."""
    logits, cache = _parallel(weights, tokens)
    start = [(keys[:, :known], values[:, :known]) for keys, values in cache]
    rows = [len(tokens) * len(cache)] * (tokens.shape[1] - known)
    want = logits[:, known:], cache, rows
    got = S.run_steps(weights, tokens[:, known:], start, others)
    return _parts(got, want), want


def _given(weights, tokens, known):
    blocks = len(weights["blocks"])
    return {"tokens": tokens, "already in the cache": known, "blocks": blocks}


@question(
    "q4",
    points=2,
    hint="the place is how many tokens are in the cache. Append the new key and value"
    " first, each to those of its own block, then attend to all of them; the next block"
    " reads what `finish` returned.",
)
def every_place(S, rng):
    """Step by step: the logits of each place are those of the parallel pass"""
    for weights, tokens, known in _decoders():
        got, want = _walk(S, weights, tokens, known)
        given = _given(weights, tokens, known)
        expect(got[0], want[0], tolerance=1e-4, asked="logits", **given)


@question(
    "q4",
    points=1,
    hint="a list with one pair (keys, values) for each block, in the order of the"
    " blocks; both (B, n, C), the tokens in their order, the newest last.",
)
def the_cache(S, rng):
    """The new cache holds the keys and values of all tokens, for each block"""
    for weights, tokens, known in _decoders():
        got, want = _walk(S, weights, tokens, known)
        given = _given(weights, tokens, known)
        expect(got[1], want[1], tolerance=1e-4, asked="cache", **given)


@question(
    "q4",
    points=1,
    hint="project the new token only, and once in each block: one call gives its query,"
    " key and value. The old keys and values are in the cache already.",
)
def nothing_again(S, rng):
    """The logits are right, and each block projects each token once"""
    for weights, tokens, known in _decoders():
        got, want = _walk(S, weights, tokens, known)
        given = _given(weights, tokens, known)
        expect(got[2], want[2], asked="tokens projected in each step", **given)
        expect(got[0], want[0], tolerance=1e-4, asked="logits", **given)


@question(
    "q4",
    points=1,
    hint="torch.cat makes new tensors; put them into a new list, not into the one that"
    " you were given. Keep nothing outside the cache.",
)
def two_ways(S, rng):
    """From one cache two sentences go on, and neither sees the other"""
    for weights, tokens, known in _decoders():
        others = tokens[:, known:].flip(1)
        got, want = _walk(S, weights, tokens, known, others)
        given = _given(weights, tokens, known)
        expect(got[0], want[0], tolerance=1e-4, asked="logits", **given)
