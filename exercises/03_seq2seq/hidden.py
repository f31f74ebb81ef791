"""The tests at grading: random inputs, drawn from a seed that the teacher chooses.

Public like everything here; only the seed is not. What is right is said by torch, by
sacrebleu and by the code of the course.
"""

import itertools
import math

import torch
from sacrebleu.metrics import BLEU
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from course_lib import decoding
from course_lib.data.translation import END, PAD, START, collate
from course_lib.grading import expect, question


@question(
    "q1",
    points=1,
    hidden=True,
    hint="log_softmax: rows whose logits lie hundreds apart, in any number of"
    " dimensions. masked_loss: compare with a loop over the tokens, and put -inf at"
    " the padding.",
)
def any_loss(S, rng):
    """Random logits, and batches of random lengths in which nobody may write PAD"""
    for shape, spread in [((7,), 2), ((3, 5), 2), ((2, 3, 4), 2), ((4, 6), 200)]:
        offset = 400 * torch.randn((*shape[:-1], 1), generator=rng)
        logits = offset + spread * torch.randn(shape, generator=rng)
        want = F.log_softmax(logits, dim=-1)
        expect(S.log_softmax(logits), want, tolerance=1e-4, shape=shape)
    for B, T, V in [(1, 1, 3), (2, 4, 5), (5, 9, 7)]:
        lengths = torch.randint(1, T + 1, (B,), generator=rng)
        lengths[0], lengths[-1] = T, (T + 1) // 2
        mask = torch.arange(T) < lengths[:, None]  # (T,), (B, 1) -> (B, T)
        target = torch.randint(END, V, (B, T), generator=rng) * mask
        logits = 2 * torch.randn((B, T, V), generator=rng)
        logits[..., PAD] = -torch.inf
        log_p = F.log_softmax(logits, dim=-1)
        want = F.nll_loss(log_p[mask], target[mask]).item()
        expect(S.masked_loss(log_p, target, mask), want, B=B, T=T, lengths=lengths)


@question(
    "q2",
    points=1,
    hidden=True,
    hint="do it row by row, with Python lists, and compare. A row of any length up to"
    " T gets its own END.",
)
def any_batch(S, rng):
    """Random batches: what collate makes of the same sentences"""
    for B, T in [(1, 1), (3, 4), (6, 9)]:
        lengths = torch.randint(0, T + 1, (B,), generator=rng)
        lengths[0], lengths[-1] = T, (T + 1) // 2
        mask = torch.arange(T) < lengths[:, None]  # (T,), (B, 1) -> (B, T)
        words = torch.randint(END + 1, 20, (B, T), generator=rng) * mask
        rows = [row[real] for row, real in zip(words, mask, strict=True)]
        want = collate([torch.tensor([END])] * B, rows)[2:]
        expect(S.decoder_batch(words, mask), want, B=B, T=T, lengths=lengths)


@question(
    "q3",
    points=1,
    hidden=True,
    hint="decode each row alone: its tokens and its score must not depend on the other"
    " rows, but for the PAD behind them.",
)
def any_table(S, rng):
    """Random models: the tokens and scores of every row"""
    for N, V, longest, end in [
        (1, 5, 6, 1),
        (4, 6, 8, 1),
        (9, 8, 12, 1),
        (3, 6, 4, -50),
    ]:
        logits = 3 * torch.randn((N + longest, V, V), generator=rng)
        logits[..., [PAD, START]] -= 20  # as if trained
        logits[..., END] += end  # with -50 only longest stops it
        state = torch.randperm(N, generator=rng)
        if N > 1:
            logits[state[0], START, END] += 100  # one row ends long before another
            logits[state[1], START, END] -= 100
        table = logits.log_softmax(dim=-1)
        first = torch.full((N,), START)
        found = decoding.greedy(
            lambda tokens, state, table=table: (table[state, tokens], state + 1),
            state, first, END, longest,
        )  # fmt: skip
        rows = [torch.tensor([*one.tokens, END][:longest]) for one in found]
        tokens = pad_sequence(rows, batch_first=True, padding_value=PAD)
        scores = torch.tensor([one.log_probability for one in found])
        got = S.run_greedy(table, state, first, longest)
        expect(got, (tokens, scores), N=N, V=V, longest=longest)


def _random_tree(rng, V, longest):
    """log p after 0, 1, … tokens, (V,) * (t + 1)."""
    tree = []
    for t in range(longest):
        logits = 1.5 * torch.randn((V,) * (t + 1), generator=rng)
        logits[..., END] += 1.5  # so that END is often among the best
        tree.append(logits.log_softmax(dim=-1))
    return tree


def _compare_ranked(got, want, **given):
    """``want``: pairs of a list of tokens and a ranked score, best first."""
    if not isinstance(got, (list, tuple)) or len(got) != len(want):
        expect(got, want, **given)  # says how many were expected
    for mine, theirs in zip(got, want, strict=True):
        if not isinstance(mine, (list, tuple)) or len(mine) != 2:
            expect(mine, theirs, **given)  # says that two values were expected
    sequences = [_written(tokens) for tokens, _ in want]
    expect([_written(tokens) for tokens, _ in got], sequences, **given)
    scores = [score for _, score in want]
    expect([score for _, score in got], scores, tolerance=1e-4, **given)


def _written(tokens):
    """Such as "4 3 2", also of a tensor of ids."""
    ids = tokens.tolist() if isinstance(tokens, torch.Tensor) else tokens
    if not isinstance(ids, (list, tuple)):
        return ids
    ids = [one.item() if isinstance(one, torch.Tensor) else one for one in ids]
    return " ".join(map(str, ids))


@question(
    "q4",
    points=1,
    hidden=True,
    hint="print the beam and what was put aside after each step, and follow them on"
    " a small tree of your own; mind what a beginning that ended does later.",
)
def any_tree(S, rng):
    """Random models, widths and penalties: what the chapter's beam search finds"""
    for V, longest, width, alpha in 6 * [
        (4, 3, 1, 0.0), (4, 3, 2, 0.0), (5, 4, 2, 0.0), (5, 4, 3, 0.0),
        (5, 4, 3, 1.0), (6, 5, 2, 1.0), (6, 5, 4, 2.0), (6, 5, 5, 0.6),
    ]:  # fmt: skip
        tree = _random_tree(rng, V, longest)

        def step(tokens, state, tree=tree):
            state = torch.cat([state, tokens[:, None]], dim=1)  # START, then the prefix
            prefix = state[:, 1:].T  # (t, N)
            return tree[len(prefix)][tuple(prefix)].expand(len(tokens), -1), state

        nothing, first = torch.empty(1, 0, dtype=torch.long), torch.tensor([START])
        (found,) = decoding.beam_search(
            step, nothing, first, END, longest, width, alpha
        )
        want = [
            ([*one.tokens, END][:longest], decoding.normalised(one, alpha))
            for one in found
        ]
        got = S.run_beam(tree, longest, width, alpha)
        _compare_ranked(got, want, V=V, longest=longest, width=width, alpha=alpha)


@question(
    "q4",
    points=1,
    hidden=True,
    hint="with such a width nothing is ever dropped, so every sequence is put aside:"
    " those that end, and those of longest tokens. Is any of them lost, or a score"
    " wrong?",
)
def exact(S, rng):
    """A beam as wide as all sequences ranks them as trying them all does"""
    V, longest = 4, 3
    for alpha in (0.0, 1.0, 3.0):
        tree = _random_tree(rng, V, longest)
        ranked = []
        for length in range(1, longest + 1):
            for tokens in itertools.product(range(V), repeat=length):
                ended = tokens[-1] == END
                if END in tokens[:-1] or not (ended or length == longest):
                    continue
                p = math.prod(
                    tree[t][tokens[: t + 1]].exp().item() for t in range(length)
                )
                ranked.append((list(tokens), math.log(p) / ((5 + length) / 6) ** alpha))
        ranked.sort(key=lambda one: one[1], reverse=True)
        got = S.run_beam(tree, longest, V**longest, alpha)
        given = {"V": V, "longest": longest, "width": V**longest, "alpha": alpha}
        count = len(got) if isinstance(got, (list, tuple)) else got
        expect(count, len(ranked), asked="how many sequences", **given)
        _compare_ranked(got[:8], ranked[:8], **given)


def _corpus(rng, sentences, longest, words, shorter):
    """Random translations and references as lists of words, some of them the same."""
    corpora = [], []
    for _ in range(sentences):
        length = int(torch.randint(2, longest + 1, (), generator=rng))
        reference = torch.randint(words, (length,), generator=rng)
        kept = torch.rand(length, generator=rng) < shorter
        kept[0] = True
        translation = reference[kept]
        other = torch.randint(words, translation.shape, generator=rng)
        wrong = torch.rand(translation.shape, generator=rng) < 0.3
        translation = torch.where(wrong, other, translation)
        for corpus, ids in zip(corpora, (translation, reference), strict=True):
            corpus.append([f"w{i}" for i in ids.tolist()])
    return corpora


def _sacrebleu(translations, references):
    metric = BLEU(tokenize="none", smooth_method="none")
    lines = [[" ".join(s) for s in corpus] for corpus in (translations, references)]
    return metric.corpus_score(lines[0], [lines[1]])


@question(
    "q5",
    points=1,
    hidden=True,
    hint="n from 1 to 4, also in sentences shorter than n; count on one sentence at a"
    " time, never across two.",
)
def any_precision(S, rng):
    """The precisions of random corpora are sacrebleu's"""
    for sentences, longest, words in [(1, 4, 3), (3, 5, 4), (20, 12, 6)]:
        for corpora in _both_ways(rng, sentences, longest, words):
            want = _sacrebleu(*corpora).precisions
            for n in (1, 2, 3, 4):
                got = S.precision(*corpora, n)
                given = {"sentences": sentences, "n": n}
                expect(got, want[n - 1] / 100, **given)


@question(
    "q5",
    points=1,
    hidden=True,
    hint="compare the words of all translations with those of all references; the"
    " penalty is below 1 only where the translations have fewer.",
)
def any_brevity(S, rng):
    """The brevity penalties of random corpora are sacrebleu's"""
    for sentences, longest, words in [(1, 4, 3), (3, 5, 4), (20, 12, 6)]:
        for corpora in _both_ways(rng, sentences, longest, words):
            c, r = (sum(map(len, corpus)) for corpus in corpora)
            got, want = S.brevity_penalty(*corpora), _sacrebleu(*corpora).bp
            expect(got, want, sentences=sentences, c=c, r=r)


def _both_ways(rng, sentences, longest, words):
    """A corpus that is too short, and the same with the roles exchanged."""
    translations, references = _corpus(rng, sentences, longest, words, 0.8)
    return (translations, references), (references, translations)
