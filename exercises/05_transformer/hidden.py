"""The tests at grading: random inputs, drawn from a seed that the teacher chooses.

Public like everything here; only the seed is not. What is right is said by torch and by
the model of the chapter.
"""

import torch

from course_lib.grading import expect, question
from course_lib.positions import sinusoids
from course_lib.self_attention import MultiHeadAttention


def _normal(rng, *shapes):
    return [torch.randn(shape, generator=rng) for shape in shapes]


def _parts(got, want):
    if not isinstance(got, (list, tuple)) or len(got) != len(want):
        expect(got, want)  # says how many values were expected
    return got


def _mask(rng, B, n):
    """The first sequence is full, the second is cut; of three, one is empty."""
    mask = torch.rand((B, n), generator=rng) < 0.7
    mask[0] = True
    if B > 1:
        mask[1, n // 2] = False
    if B > 2:
        mask[2] = False
    return mask


def _attention(C, heads, W_q, W_k, W_v, W_o):
    """The chapter's attention with these matrices."""
    module = MultiHeadAttention(C, heads, bias=False, path="written_out")
    module.keep_weights = True
    with torch.no_grad():
        module.W_q.weight.copy_(W_q)
        module.W_k.weight.copy_(W_k)
        module.W_v.weight.copy_(W_v)
        module.W_o.weight.copy_(W_o)
    return module


@question(
    "q1",
    points=1,
    hidden=True,
    hint="try B, T, S, H and D that all differ, with and without each of the masks, and"
    " compare one query of one head with plain vectors. Is a row without any True 0?",
)
def any_attention(S, rng):
    """Random tokens, masks and numbers of heads: the chapter's attention"""
    for B, T, n, heads, D in [
        (1, 2, 2, 1, 3),
        (2, 3, 4, 2, 2),
        (3, 5, 5, 4, 3),
        (4, 2, 7, 3, 5),
    ]:
        C = heads * D
        x, memory, *matrices = _normal(rng, (B, T, C), (B, n, C), *[(C, C)] * 4)
        matrices = [one / C**0.5 for one in matrices]
        module = _attention(C, heads, *matrices)
        for mask in (None, _mask(rng, B, n)):
            for causal in (False, True):
                with torch.no_grad():
                    output = module(2 * x, module.look_at(memory), mask, causal)
                want = output, module.weights
                got = S.multi_head_attention(
                    2 * x, memory, *matrices, heads, mask, causal
                )
                given = {"B": B, "T": T, "S": n, "heads": heads, "D": D}
                given |= {"causal": causal, "with a mask": mask is not None}
                for asked, mine, theirs in zip(
                    ("output", "weights"), _parts(got, want), want, strict=True
                ):
                    expect(mine, theirs, tolerance=1e-4, asked=asked, **given)


@question(
    "q2",
    points=1,
    hidden=True,
    hint="try a size of 2 and a large one, places in any order and beyond 10000.",
)
def any_code(S, rng):
    """Random places and sizes: the chapter's code"""
    for T, size, longest in [(1, 2, 10), (3, 6, 1000), (5, 64, 10**6)]:
        places = torch.randint(longest // 2, longest, (T,), generator=rng)
        got = S.sinusoids(places, size)
        expect(got, sinusoids(places, size), places=places, size=size)


@question(
    "q3",
    points=2,
    hidden=True,
    hint="all three gradients, for x of 1 to 4 dimensions and for a variance as small"
    " as eps. Does dL/dx of each token add up to 0?",
)
def any_error(S, rng):
    """Random tokens in any number of dimensions: what autograd finds in float64"""
    for shape, spread, eps in [
        ((3,), 1, 0.5),
        ((2, 4), 1e-2, 1e-3),
        ((3, 2, 5), 10, 1e-5),
        ((2, 3, 1, 6), 1e-3, 1e-5),
    ]:
        x, gain, bias, d_y = (
            one.double() for one in _normal(rng, shape, *[shape[-1:]] * 2, shape)
        )
        inputs = [spread * x + 3, gain, bias]
        leaves = [one.clone().requires_grad_() for one in inputs]
        y = torch.nn.functional.layer_norm(leaves[0], gain.shape, *leaves[1:], eps)
        want = torch.autograd.grad(y, leaves, grad_outputs=d_y)
        got = S.by_hand(*inputs[:2], d_y, eps)
        for asked, mine, theirs in zip(
            ("dL/dx", "dL/dgain", "dL/dbias"), _parts(got, want), want, strict=True
        ):
            given = {"shape of x": shape, "eps": eps, "asked": asked}
            expect(mine, theirs, tolerance=1e-7, **given)


def _all_at_once(weights, tokens):
    """The logits of all places, by the chapter's attention with a causal mask."""
    C = weights["words"].shape[1]
    x = weights["words"][tokens] + weights["places"][: tokens.shape[1]]
    cache = []
    for W_q, W_k, W_v, W_o, W_1, W_2 in weights["blocks"]:
        module = _attention(C, 1, W_q * C**0.5, W_k, W_v, W_o)  # q4 has no root
        seen = module.look_at(x)
        x = x + module(x, seen, causal=True)
        x = x + (x @ W_1.T).relu() @ W_2.T
        cache.append(tuple(one[:, 0] for one in seen))  # (B, 1, n, C) -> (B, n, C)
    return x @ weights["words"].T, cache


@question(
    "q4",
    points=1,
    hidden=True,
    hint="print the place and the shape of the keys at the first three steps, in each"
    " block. Is anything kept from a step that should be new, or of one block in"
    " another? Are the rows of the batch apart?",
)
def any_decoder(S, rng):
    """Random decoders, from an empty cache and from a full one: the parallel pass"""
    for B, T, C, inner, V, blocks, known in [
        (1, 3, 2, 3, 4, 1, 0),
        (3, 6, 4, 5, 7, 2, 0),
        (4, 7, 3, 2, 5, 4, 3),
    ]:
        words, places = _normal(rng, (V, C), (2 * T, C))
        shapes = [(C, C)] * 4 + [(inner, C), (C, inner)]
        layers = [
            [one / one.shape[1] ** 0.5 for one in _normal(rng, *shapes)]
            for _ in range(blocks)
        ]
        weights = {"words": words, "places": places, "blocks": layers}
        tokens = torch.randint(V, (B, T), generator=rng)
        others = torch.randint(V, (B, T - known), generator=rng)
        with torch.no_grad():
            logits, cache = _all_at_once(weights, tokens)
        start = [(keys[:, :known], values[:, :known]) for keys, values in cache]
        want = logits[:, known:], cache, [B * blocks] * (T - known)
        given = {"B": B, "C": C, "blocks": blocks, "already in the cache": known}
        for other in (None, others):
            got = S.run_steps(weights, tokens[:, known:], start, other)
            logits, new, rows = _parts(got, want)
            expect(logits, want[0], tolerance=1e-4, asked="logits", **given)
            if other is None:
                expect(new, want[1], tolerance=1e-4, asked="cache", **given)
                expect(rows, want[2], asked="tokens projected in each step", **given)
