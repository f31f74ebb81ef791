"""The tests at grading: random inputs, drawn from a seed that the teacher chooses.

Public like everything here; only the seed is not. What is right is said by torch, by
the chapter's batches, and by trying all spans.
"""

import math

import torch

from course_lib.data import masking
from course_lib.data.wordpiece import CLS, MASK, SEP, SPECIAL, Pieces
from course_lib.grading import expect, question


def _parts(got, want):
    if not isinstance(got, (list, tuple)) or len(got) != len(want):
        expect(got, want)  # says how many values were expected
    return got


def _number(rng, low, high):
    return int(torch.randint(low, high, (), generator=rng))


def _texts(rng, B, shortest, longest, vocabulary=50):
    """B texts of random lengths, as lists of words."""
    sizes = torch.randint(shortest, longest + 1, (B,), generator=rng).tolist()
    first = len(SPECIAL)
    return [
        torch.randint(first, vocabulary, (size,), generator=rng).tolist()
        for size in sizes
    ]


def _packed(first, second):
    """The chapter's batch of these pairs, which fit: tokens, segments and mask."""
    pieces = [
        [Pieces(torch.tensor(text), torch.arange(len(text))) for text in texts]
        for texts in (first, second)
    ]
    rows = [masking.pack(a, b) for a, b in zip(*pieces, strict=True)]
    return masking.collate(rows)[:3]


@question(
    "q1",
    points=1,
    hidden=True,
    hint="print the lengths of both texts before and after the cutting, for one much"
    " longer than the other and for equal ones. Is the longest row of the batch full?",
)
def any_texts(S, rng):
    """Random texts, long and short: those of the chapter, after the cutting"""
    for B, longest_text, longest in [(1, 4, 11), (8, 9, 40), (30, 30, 24), (5, 12, 6)]:
        first = _texts(rng, B, 1, longest_text)
        second = _texts(rng, B, 1, longest_text)
        short = []
        for a, b in zip(first, second, strict=True):
            room = longest - 3
            # Each may have half of the room, and what the other one leaves.
            i = min(len(a), max(room - len(b), (room + 1) // 2))
            short.append((a[:i], b[: room - i]))
        want = _packed(*zip(*short, strict=True))
        got, *_ = _parts(S.watch_pack(first, second, longest), [None] * 3)
        given = {"B": B, "longest": longest}
        given["lengths"] = [[len(one) for one in texts] for texts in (first, second)]
        names = ("tokens", "segments", "mask")
        for name, mine, theirs in zip(names, _parts(got, want), want, strict=True):
            expect(mine, theirs, **given, asked=name)


def _count(hits, n, p, most=None, **given):
    """Outside these bounds once in 10^8 (Bernstein), for any share from p to most."""
    log, ends = math.log(2e8), []
    for share in (p, most or p):
        far = log / 3 + math.sqrt(log**2 / 9 + 2 * log * n * share * (1 - share))
        ends.append((math.ceil(n * share - far), math.floor(n * share + far)))
    low, high = max(0, ends[0][0]), min(n, ends[1][1])
    if not low <= int(hits) <= high:
        expect(f"{int(hits)}", f"{low} to {high} of {n}", **given)


@question(
    "q2",
    points=1,
    hidden=True,
    hint="count, over thousands of tokens with special ones between them: how many"
    " words are chosen, and what stands there. Do it for a small and for a large rate.",
)
def any_gaps(S, rng):
    """Random texts, vocabularies and rates: whom it spares, and all the shares"""
    for B, T in [(400, 50), (10_000, 4)]:
        vocabulary, seed = _number(rng, 12, 21), _number(rng, 0, 10**6)
        rate = 0.3 + 0.3 * float(torch.rand((), generator=rng))
        tokens = torch.randint(vocabulary, (B, T), generator=rng)
        tokens[:, 1:3] = torch.randint(len(SPECIAL), vocabulary, (B, 2), generator=rng)
        tokens[:, 0], tokens[:, -1] = CLS, SEP
        given = {"vocabulary": vocabulary, "rate": rate, "B": B, "T": T}
        answers, after = _parts(S.gaps(tokens, vocabulary, seed, rate, 2), [None] * 2)
        expect(after, tokens, **given, asked="tokens after the call")
        for seen, chosen in answers:
            expect(seen.shape, tokens.shape, **given, asked="shape of seen")
            expect(chosen.shape, tokens.shape, **given, asked="shape of chosen")
            chosen = chosen.bool()
            words = tokens >= len(SPECIAL)
            asked = "special tokens that are chosen"
            expect(int((chosen & ~words).sum()), 0, **given, asked=asked)
            asked = "tokens that changed and are not chosen"
            expect(int(((seen != tokens) & ~chosen).sum()), 0, **given, asked=asked)
            n, n_words = int(chosen.sum()), int(words.sum())
            _count(n, n_words, rate, **given, asked="how many words are chosen")
            both = chosen[:, 1] & chosen[:, 2]
            asked = "rows in which places 1 and 2 are both chosen"
            _count(both.sum(), B, rate**2, **given, asked=asked)
            masked, kept = chosen & (seen == MASK), chosen & (seen == tokens)
            other = seen[chosen & ~masked & ~kept]
            _count(masked.sum(), n, 0.8, **given, asked="MASK of the chosen")
            pair = masked[both][:, 1:3].all(dim=1)
            asked = "rows of these in which both are MASK"
            _count(pair.sum(), len(pair), 0.64, **given, asked=asked)
            # Another word may be the old one by chance, or never.
            most = 0.1 + 0.1 / (vocabulary - len(SPECIAL))
            _count(kept.sum(), n, 0.1, most, **given, asked="kept of the chosen")
            ends = [int(other.min()), int(other.max())] if len(other) else None
            asked = "smallest and largest of the other words"
            expect(ends, [len(SPECIAL), vocabulary - 1], **given, asked=asked)
        again, _ = _parts(S.gaps(tokens, vocabulary, seed, rate, 2), [None] * 2)
        for part, name in enumerate(("seen", "chosen")):
            for call, (one, two) in enumerate(zip(answers, again, strict=True), 1):
                same = torch.equal(one[part], two[part])
                asked = f"is {name} of call {call} the same from the same seed?"
                expect(same, True, **given, asked=asked)
            same = torch.equal(answers[0][part], answers[1][part])
            expect(same, False, **given, asked=f"is {name} the same in both calls?")


@question(
    "q3",
    points=1,
    hidden=True,
    hint="try large logits, a batch with one chosen place and one with all, NaN at the"
    " others. Compare the gradient of words with cross_entropy on x[chosen].",
)
def any_loss(S, rng):
    """Random vectors, words and places: torch's cross-entropy and its gradients"""
    for B, T, C, V, spread in [(1, 2, 3, 7, 1), (3, 4, 2, 11, 1), (4, 5, 6, 40, 30)]:
        x = spread * torch.randn((B, T, C), generator=rng)
        words = torch.randn((V, C), generator=rng)
        bias = torch.randn(V, generator=rng)
        seen, original = torch.randint(V, (2, B, T), generator=rng)
        chosen = torch.rand((B, T), generator=rng) < 0.5
        chosen[0, 0], chosen[-1, -1] = True, False
        original[0, 0] = 0
        x[~chosen], original[~chosen] = math.nan, -1
        leaves = [one.clone().requires_grad_() for one in (x, words, bias)]
        logits = (leaves[1][seen] + leaves[0])[chosen] @ leaves[1].T + leaves[2]
        want = torch.nn.functional.cross_entropy(logits, original[chosen])
        grads = torch.autograd.grad(want, leaves)
        given = {"B": B, "T": T, "C": C, "V": V, "chosen": chosen}
        arguments = chosen, original, words, bias
        got, rows = S.count_rows((words[seen] + x), *arguments)
        expect(got, want.item(), tolerance=1e-4, **given, asked="loss")
        M = int(chosen.sum())
        if rows > M:
            expect(rows, M, **given, asked="for how many places were there logits?")
        gradients, _ = _parts(S.watch_loss(seen, x, *arguments), [None] * 2)
        for name, mine, theirs in zip(
            ("x", "words", "bias"), _parts(gradients, grads), grads, strict=True
        ):
            asked = f"the error that reaches {name}"
            expect(mine, theirs, tolerance=1e-4, **given, asked=asked)


def _model(rng, C, K, blocks, V=50):
    """Random weights of a BERT and of a head."""
    shapes = [(V, C), (2, C), *[(C, C)] * blocks, (C, C), (C,), (K, C), (K,)]
    words, segments, *rest = (
        torch.randn(shape, generator=rng) / (shape[-1] ** 0.5 if len(shape) > 1 else 1)
        for shape in shapes
    )
    names = ("pool", "pool_bias", "output", "output_bias")
    head = dict(zip(names, rest[blocks:], strict=True))
    return {"words": words, "segments": segments, "blocks": rest[:blocks]}, head


def _logits(weights, head, tokens, segments, mask):
    x = weights["words"][tokens] + weights["segments"][segments]
    for W in weights["blocks"]:
        mean = x.masked_fill(~mask[..., None], 0.0).sum(1) / mask.sum(1)[:, None]
        x = x + torch.tanh((x + mean[:, None]) @ W.T)
    pooled = torch.tanh(x[:, 0] @ head["pool"].T + head["pool_bias"])
    return pooled @ head["output"].T + head["output_bias"]


@question(
    "q4",
    points=1,
    hidden=True,
    hint="print each parameter's name, requires_grad and rate, for no block, for one"
    " and for twelve. Is the head the same part for freeze and for groups?",
)
def any_model(S, rng):
    """Random models: their logits, what freeze leaves, and every rate"""
    for C, K, blocks in [(2, 3, 1), (5, 2, 3), (4, 6, 12)]:
        weights, head = _model(rng, C, K, blocks)
        texts = _packed(_texts(rng, 4, 1, 6), _texts(rng, 4, 1, 6))
        given = {"B": 4, "C": C, "K": K, "blocks": blocks}
        got = S.classify(weights, head, *texts, 0.4)
        logits, arrived = _parts(got, [None] * 2)
        want = _logits(weights, head, *texts)
        expect(logits, want, tolerance=1e-4, **given, asked="logits of model.eval()")
        expect(arrived, True, **given, asked="does the error reach the words?")

        levels = {"bert.embedding.words.weight": 0, "bert.embedding.segments.weight": 0}
        levels |= {f"bert.blocks.{n}.weight": n + 1 for n in range(blocks)}
        for name in ("pool.weight", "pool.bias", "output.weight", "output.bias"):
            levels[name] = blocks + 1
        some = _number(rng, 0, blocks + 1)
        for calls in ([None], [0], [some], [blocks, None, min(2, blocks)]):
            got, last = S.learning(blocks, calls), calls[-1]
            still = blocks if last is None else last
            for name, level in levels.items():
                want = level > still
                asked = f"does {name} learn?"
                expect(name in got, want, blocks=blocks, calls=calls, asked=asked)

        rate, decay = (0.1 + 0.8 * torch.rand(2, generator=rng).double()).tolist()
        frozen = [f"bert.blocks.{_number(rng, 0, blocks)}.", "bert.embedding.segments"]
        got = S.rates(blocks, rate, decay, frozen)
        given = {"blocks": blocks, "rate": rate, "decay": decay, "frozen": frozen}
        for name, level in levels.items():
            want = rate * decay ** (blocks + 1 - level)
            want = None if name.startswith(tuple(frozen)) else want
            expect(got.get(name), want, **given, parameter=name)


@question(
    "q5",
    points=1,
    hidden=True,
    hint="try all pairs with two loops, for one row at a time, and compare. A page of"
    " one word, a longest of 1, and all logits far below 0 are worth a look.",
)
def any_span(S, rng):
    """Random pages and logits: the best of all spans that are allowed"""
    for B, longest_page, longest in [(1, 1, 1), (3, 6, 2), (40, 40, 4), (5, 40, 100)]:
        first, second = _texts(rng, B, 1, 6), _texts(rng, B, 1, longest_page)
        tokens, segments, mask = _packed(first, second)
        start, end = 2000 * torch.randn((2, *tokens.shape), generator=rng) - 3000
        allowed = (segments == 1) & mask & (tokens != SEP)
        best = []  # of all spans, one after another
        for b in range(B):
            places = allowed[b].nonzero().flatten().tolist()
            spans = [(i, j) for i in places for j in places if 0 <= j - i < longest]
            pairs = (start[b][:, None] + end[b]).tolist()
            scores = [pairs[i][j] for i, j in spans]
            best.append(spans[scores.index(max(scores))])
        got = S.best_span(start, end, tokens, segments, longest)
        expect(got, torch.tensor(best), B=B, longest=longest, tokens=tokens)
