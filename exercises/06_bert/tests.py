"""The visible tests: small inputs, so that a failure can be followed by hand.

Those of q2 count over thousands of tokens, because they are about chance.
"""

import math

import torch

from course_lib.grading import expect, question

PAD, UNKNOWN, CLS, SEP, MASK = range(5)
SPECIAL = 5
LN2, LN3 = math.log(2), math.log(3)
NAN, INF = math.nan, math.inf


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


def _packed(first, second, longest):
    """The answer to q1, place by place: how many tokens of each pair are left?"""
    rows = []
    for a, b in zip(first, second, strict=True):
        i, j = len(a), len(b)
        while i + j > longest - 3:
            i, j = (i - 1, j) if i > j else (i, j - 1)
        rows.append(([CLS, *a[:i], SEP, *b[:j], SEP], i + 2))
    T = max(len(row) for row, _ in rows)
    tokens = torch.full((len(rows), T), PAD)
    segments, mask = torch.zeros_like(tokens), torch.zeros(len(rows), T).bool()
    for b, (row, before) in enumerate(rows):
        tokens[b, : len(row)] = torch.tensor(row)
        segments[b, before : len(row)] = 1
        mask[b, : len(row)] = True
    return tokens, segments, mask


def _compare_packed(S, first, second, longest):
    given = {"first": first, "second": second, "longest": longest}
    want = _packed(first, second, longest)
    got, *after = _parts(S.watch_pack(first, second, longest), [None] * 3)
    names = ("tokens", "segments", "mask")
    for name, mine, theirs in zip(names, _parts(got, want), want, strict=True):
        expect(mine, theirs, **given, asked=name)
        expect(str(mine.dtype), str(theirs.dtype), **given, asked=f"dtype of {name}")
    for name, mine in zip(("first", "second"), after, strict=True):
        expect(mine, given[name], **given, asked=f"{name} after the call")


@question(
    "q1",
    points=1,
    hint="build one row as a Python list: CLS, the first text, SEP, the second, SEP."
    " len(first) + 2 tokens have segment 0, len(second) + 1 have segment 1. Padding"
    " comes last, up to the longest row of the batch, with segment 0 and mask False.",
)
def packed(S, rng):
    """All fits: tokens, segments and mask of a batch"""
    _compare_packed(S, [[5]], [[6]], 5)
    _compare_packed(S, [[7, 8]], [[5]], 9)
    _compare_packed(S, [[5]], [[6, 7, 8]], 7)
    _compare_packed(S, [[5, 6, 7], [9]], [[8], [6, 5]], 8)
    _compare_packed(S, [[5], [6, 7], [9]], [[8], [6, 5, 5, 6], [7, 8]], 20)


@question(
    "q1",
    points=1,
    hint="while the two have more than longest - 3 tokens, the longer one loses its"
    " last; with the same length the second does. Cut copies, list(text): pop changes"
    " the list that you were given. T is the longest row after the cutting.",
)
def cut(S, rng):
    """Too long: the longer text loses its last tokens, and no given list changes"""
    _compare_packed(S, [[5, 6]], [[7]], 5)
    _compare_packed(S, [[5]], [[6, 7]], 5)
    _compare_packed(S, [[5, 6]], [[7, 8]], 6)
    _compare_packed(S, [[5, 6, 7, 8]], [[9, 5, 6, 7]], 8)
    _compare_packed(
        S, [[5, 6, 7], [5, 6, 7, 8, 9, 10]], [[8], [11, 12]], 8
    )  # the worked example
    _compare_packed(S, [[5, 6], [7]], [[5, 6, 7, 8, 9, 10], [8]], 9)


def _band(n, p):
    """Where the number of hits in n trials lies, but for once in 10^8 (Bernstein)."""
    log = math.log(2e8)
    far = log / 3 + math.sqrt(log**2 / 9 + 2 * log * n * p * (1 - p))
    return max(0, math.ceil(n * p - far)), min(n, math.floor(n * p + far))


def _count(hits, n, p, **given):
    low, high = _band(n, p)
    if not low <= int(hits) <= high:
        expect(f"{int(hits)}", f"{low} to {high} of {n}", **given)


def _gaps(S, tokens, vocabulary, seed, rate=None, times=1):
    """What the student's make_gaps says: ``times`` pairs of seen and chosen."""
    answers, _ = _parts(S.gaps(tokens, vocabulary, seed, rate, times), [None] * 2)
    given = {"tokens": tokens, "rate": 0.15 if rate is None else rate}
    for answer in answers:
        for name, mine in zip(("seen", "chosen"), answer, strict=True):
            if not isinstance(mine, torch.Tensor) or mine.shape != tokens.shape:
                expect(mine, tokens, **given, asked=name)
    return answers


def _words(B, T, vocabulary):
    """Tokens (B, T), none of them special, all words about equally often."""
    word = torch.arange(B * T) * 7919 % (vocabulary - SPECIAL)
    return SPECIAL + word.reshape(B, T)


@question(
    "q2",
    points=1,
    hint="chosen means: the draw is below rate, and the token is not below SPECIAL."
    " Write MASK and other words only where chosen is True, into a new tensor. chosen"
    " is made of truth values, and it is the second value that you return.",
)
def places(S, rng):
    """Rate 1: all words are chosen, special ones never. Rate 0: nothing changes"""
    rows = [
        [[CLS, 7, SEP, PAD]],
        [[CLS, 5, 6, SEP, 7, SEP], [CLS, 8, SEP, 9, SEP, PAD]],
        [[CLS, UNKNOWN, 5, MASK, 9, SEP], [CLS, 6, MASK, UNKNOWN, SEP, PAD]],
        [[CLS, *range(5, 15), SEP]],
    ]
    for number, row in enumerate(rows):
        tokens = torch.tensor(row)
        for rate in (1.0, 0.0):
            ((seen, chosen),) = _gaps(S, tokens, 15, number, rate)
            want = (tokens >= SPECIAL) & (rate > 0)
            given = {"tokens": tokens, "rate": rate}
            expect(chosen, want, **given, asked="chosen")
            expect(str(chosen.dtype), "torch.bool", **given, asked="dtype of chosen")
            kept = torch.where(want, tokens, seen)
            expect(kept, tokens, **given, asked="seen, where nothing is chosen")
            _, after = S.gaps(tokens, 15, number, rate)
            expect(after, tokens, **given, asked="tokens after the call")


@question(
    "q2",
    points=1,
    hint="one torch.rand number for each token, of the shape (B, T), compared with"
    " rate: no fixed number of places in a row, no draw that two tokens share.",
)
def chance(S, rng):
    """Each word is chosen with probability rate, whatever else is chosen"""
    tokens = _words(200, 200, 105)
    ((_, chosen),) = _gaps(S, tokens, 105, 1)
    given = {"tokens": tokens, "rate": 0.15, "asked": "how many are chosen"}
    _count(chosen.bool().sum(), tokens.numel(), 0.15, **given)
    tokens = _words(4000, 2, 105)
    ((_, chosen),) = _gaps(S, tokens, 105, 2, 0.5)
    chosen = chosen.bool()
    given = {"tokens": tokens, "rate": 0.5}
    both = chosen.all(dim=1).sum()
    _count(both, 4000, 0.25, **given, asked="rows with both tokens chosen")
    both = (chosen[::2] & chosen[1::2]).sum()
    _count(both, 4000, 0.25, **given, asked="chosen in a row and in the next")
    tokens = torch.tensor([[7, 9]])
    given = {"tokens": tokens, "rate": 0.5, "calls": 200}
    chosen = [int(one.sum()) for _, one in _gaps(S, tokens, 15, 3, 0.5, 200)]
    for how_many, p in ((0, 0.25), (1, 0.5), (2, 0.25)):
        asked = f"calls in which {how_many} of the two are chosen"
        _count(chosen.count(how_many), 200, p, **given, asked=asked)


@question(
    "q2",
    points=1,
    hint="a second draw for each token decides: below 0.8 MASK, the next tenth another"
    " word, the last tenth nothing. The shares are of the chosen places; a second step"
    " must not overwrite the first. A kept word is chosen all the same.",
)
def fates(S, rng):
    """Of the chosen 80 % are MASK, 10 % another word, 10 % as before, independently"""
    tokens = _words(300, 200, 1005)
    for rate in (0.15, 1.0):
        ((seen, chosen),) = _gaps(S, tokens, 1005, 4, rate)
        chosen = chosen.bool()
        n, masked = int(chosen.sum()), chosen & (seen == MASK)
        kept = chosen & (seen == tokens)
        given = {"tokens": tokens, "rate": rate, "chosen": n}
        _count(masked.sum(), n, 0.8, **given, asked="how many are MASK")
        _count(kept.sum(), n, 0.1, **given, asked="how many are as they were")
        other = (chosen & ~masked & ~kept).sum()
        _count(other, n, 0.1, **given, asked="how many are another word")
    tokens = _words(10_000, 2, 1005)
    ((seen, chosen),) = _gaps(S, tokens, 1005, 5, 1.0)
    masked = seen == MASK
    given = {"tokens": tokens, "rate": 1.0}
    both = masked.all(dim=1).sum()
    _count(both, 10_000, 0.64, **given, asked="rows in which both tokens are MASK")
    both = (masked[::2] & masked[1::2]).sum()
    _count(both, 10_000, 0.64, **given, asked="MASK in a row and in the next")


@question(
    "q2",
    points=1,
    hint="torch.randint(low, high, ...) draws from low to high - 1. The ordinary words"
    " are SPECIAL to vocabulary - 1. Draw a word for each place, of the shape (B, T).",
)
def other_words(S, rng):
    """Another word is any word but a special one, drawn anew for each place"""
    vocabulary = 25
    given = {"vocabulary": vocabulary, "rate": 1.0}
    tokens = _words(300, 200, vocabulary)
    tokens[:, 0] = CLS
    ((seen, _),) = _gaps(S, tokens, vocabulary, 6, 1.0)
    words = seen[(seen != MASK) & (seen != tokens)]
    if not len(words):
        expect(0, 6000, **given, asked="how many other words there are, about")
    ends = [int(words.min()), int(words.max())]
    asked = "smallest and largest of the other words"
    expect(ends, [SPECIAL, vocabulary - 1], **given, asked=asked)
    for word in range(SPECIAL, vocabulary):
        asked = f"how many of {len(words)} other words are {word}"
        _count((words == word).sum(), len(words), 1 / 20, **given, asked=asked)
    tokens = torch.full((20_000, 2), 9)
    ((seen, _),) = _gaps(S, tokens, vocabulary, 7, 1.0)
    pairs = torch.cat([seen, torch.stack([seen[:-1, 0], seen[1:, 0]], dim=1)])
    pairs = pairs[((pairs != MASK) & (pairs != tokens[0])).all(dim=1)]
    same = (pairs[:, 0] == pairs[:, 1]).sum()
    asked = f"in how many of {len(pairs)} pairs of neighbours both are the same word"
    _count(same, len(pairs), 1 / 19, **given, asked=asked)
    # With two words only, a special one among the others is seen: as a MASK too many.
    calls = [_gaps(S, _words(300, 200, V), V, 10, 1.0) for V in (7, 1005)]
    few, many = (int((seen == MASK).sum()) for ((seen, _),) in calls)
    low, high = _band(120_000, 0.5)  # a difference spreads as a sum of both
    if not low <= few - many + 60_000 <= high:
        given = {"vocabulary": 7, "rate": 1.0, "asked": "how many of 60000 are MASK"}
        expect(f"{few}", f"about {many}, as for a vocabulary of 1005", **given)


@question(
    "q2",
    points=1,
    hint="each draw needs generator=generator: torch.rand, torch.randint and"
    " torch.multinomial have it, torch.rand_like has not. Never seed anything.",
)
def generator(S, rng):
    """The same seed gives the same gaps, another seed or a second call new ones"""
    tokens = _words(20, 50, 105)
    given = {"tokens": tokens, "rate": 0.5}
    one, two = _gaps(S, tokens, 105, 8, 0.5, times=2)
    again, _ = _gaps(S, tokens, 105, 8, 0.5, times=2)
    (other,) = _gaps(S, tokens, 105, 9, 0.5)
    for part, name in enumerate(("seen", "chosen")):
        for same, mine, asked in (
            (True, again, "again, from the same seed"),
            (False, other, "from another seed"),
            (False, two, "at the second call"),
        ):
            got = torch.equal(mine[part], one[part])
            expect(got, same, **given, asked=f"is {name} the same {asked}?")


def _loss(x, chosen, original, words, bias):
    """The loss of q3, one place after another."""
    losses = [
        (words @ x[b, t] + bias).logsumexp(0)
        - words[original[b, t]] @ x[b, t]
        - bias[original[b, t]]
        for b, t in chosen.nonzero().tolist()
    ]
    return sum(losses) / len(losses) if losses else 0 * (words.sum() + bias.sum())


def _example():
    """The arguments of q3's example."""
    return (
        torch.tensor([[[1.0], [0.0], [5.0], [7.0]]]),
        torch.tensor([[True, True, False, False]]),
        torch.tensor([[0, 2, 1, 1]]),
        torch.tensor([[0.0], [LN2], [0.0]]),
        torch.tensor([0.0, 0.0, LN2]),
    )


def _places(seed, B, T, C, V, chosen):
    """Small arguments of q3; ``chosen`` is a string such as "x-x -xx"."""
    x, words, bias = _small(seed, (B, T, C), (V, C), (V,))
    chosen = [[place == "x" for place in row] for row in chosen.split()]
    original = (torch.arange(B * T) * 5 + seed) % V
    return 2 * x, torch.tensor(chosen), original.reshape(B, T), words, bias


def _compare_loss(S, arguments, **given):
    x, chosen, original, words, bias = arguments
    given |= {"x": x, "chosen": chosen, "original": original, "words": words}
    got = S.masked_word_loss(*arguments)
    expect(got, float(_loss(*arguments)), **given, bias=bias)


@question(
    "q3",
    points=1,
    hint="x[chosen] and original[chosen] go together. The logits are x @ words.T +"
    " bias. Take -log of the softmax at the original word, best by cross_entropy: the"
    " log of a softmax that has become 0 is minus infinity. The mean is over M.",
)
def loss(S, rng):
    """The mean of -log softmax at the original word, over all chosen places"""
    _compare_loss(S, _example())
    _compare_loss(S, _places(1, 1, 1, 1, 2, "x"))
    _compare_loss(S, _places(2, 1, 3, 2, 4, "x-x"))
    _compare_loss(S, _places(3, 2, 3, 2, 5, "--x xxx"))
    x, *others = _places(4, 1, 3, 2, 4, "xx-")
    _compare_loss(S, (300 * x, *others))


@question(
    "q3",
    points=1,
    hint="index first: x[chosen] is (M, C), and only that meets the words. Nothing that"
    " is multiplied by 0 is gone: 0 times NaN is NaN. For M = 0 divide by 1.",
)
def only_chosen(S, rng):
    """Other places do not count and get no logits; without a chosen place it is 0"""
    for strange in (99.0, NAN, INF, 1e30):
        x, chosen, original, words, bias = _places(5, 2, 4, 3, 7, "x--x -xx-")
        x[~chosen] = strange
        original[~chosen] = -1 if math.isnan(strange) else 8
        given = {"x at the places not chosen": strange, "chosen": chosen}
        want = float(_loss(x, chosen, original, words, bias))
        got, rows = S.count_rows(x, chosen, original, words, bias)
        expect(got, want, **given, asked="loss")
        given = {"B": 2, "T": 4, "V": 7, "M": 4}
        asked = "for how many places were there logits?"
        if rows > 4:
            expect(rows, 4, **given, asked=asked)
    x, chosen, *others = _places(6, 1, 2, 1, 3, "--")
    got, _ = S.count_rows(x, chosen, *others)
    expect(got, 0.0, chosen=chosen, asked="loss")


@question(
    "q3",
    points=1,
    hint="no detach, no .data, no .item(), no new tensor of plain numbers on the way."
    " The words' table gets errors from the embedding and from the logits. NaN arrives"
    " there from logits of places that are not chosen. With M = 0 the sum over nothing"
    " is a 0 that can still send its error back; torch.tensor(0.0) cannot.",
)
def way_back(S, rng):
    """The error reaches x, words and bias, also for M = 0, and no input is changed"""
    for C, V, strange, row in [
        (1, 2, 1.0, "xx"),
        (2, 3, 1.0, "x-x"),
        (2, 5, NAN, "x--x -xx-"),
        (2, 4, 1.0, "-- --"),
    ]:
        B, T = len(row.split()), len(row.split()[0])
        x, chosen, original, words, bias = _places(7, B, T, C, V, row)
        x[~chosen] = strange
        seen = (original + 1) % V
        leaves = [one.clone().requires_grad_() for one in (x, words, bias)]
        inputs = leaves[1][seen] + leaves[0], chosen, original, *leaves[1:]
        want = torch.autograd.grad(_loss(*inputs), leaves, materialize_grads=True)
        got = S.watch_loss(seen, x, chosen, original, words, bias)
        gradients, same = _parts(got, [None] * 2)
        given = {"C": C, "V": V, "chosen": chosen}
        given["x at the places not chosen"] = strange
        for name, mine, theirs in zip(
            ("x", "words", "bias"), _parts(gradients, want), want, strict=True
        ):
            expect(mine, theirs, **given, asked=f"the error that reaches {name}")
        names = ("x", "chosen", "original", "words", "bias")
        for name, untouched in zip(names, same, strict=True):
            expect(untouched, True, **given, asked=f"is {name} as it was?")


def _encode(weights, tokens, segments, mask):
    """The vector of [CLS] of each text, text by text: (B, C)."""
    first = []
    for b in range(len(tokens)):
        real = mask[b]
        x = weights["words"][tokens[b]] + weights["segments"][segments[b]]  # (T, C)
        for W in weights["blocks"]:
            x = x + torch.tanh((x + x[real].mean(dim=0)) @ W.T)
        first.append(x[0])
    return torch.stack(first)


def _head_example():
    """q4's example: weights, head and texts."""
    words = torch.zeros(3, 2)
    words[CLS] = torch.tensor([LN2, LN3])
    weights = {"words": words, "segments": torch.zeros(2, 2), "blocks": []}
    head = {
        "pool": torch.eye(2),
        "pool_bias": torch.zeros(2),
        "output": torch.tensor([[1.0, 1.0], [1.0, -1.0]]),
        "output_bias": torch.tensor([0.0, 0.2]),
    }
    return weights, head, torch.tensor([[CLS]])


def _classifier(C, K, blocks):
    """Small weights of a BERT with 12 words, and of a head."""
    words, segments, *layers = _small(C + 3 * K, (12, C), (2, C), *[(C, C)] * blocks)
    names = ("pool", "pool_bias", "output", "output_bias")
    head = _small(C * K, (C, C), (C,), (K, C), (K,))
    weights = {"words": words, "segments": segments, "blocks": layers}
    return weights, dict(zip(names, head, strict=True))


def _logits(weights, head, texts):
    first = _encode(weights, *texts)
    pooled = torch.tanh(first @ head["pool"].T + head["pool_bias"])
    return pooled @ head["output"].T + head["output_bias"]


def _compare_logits(S, weights, head, texts, dropout=0.0):
    given = {"tokens": texts[0], "blocks": len(weights["blocks"]), "dropout": dropout}
    want = _logits(weights, head, texts)
    got = S.classify(weights, head, *texts, dropout)
    logits, arrived = _parts(got, [None] * 2)
    expect(logits, want, **given, asked="logits of model.eval()")
    expect(arrived, True, **given, asked="does the error reach the words of the BERT?")


@question(
    "q4",
    points=1,
    hint="x[:, 0] is the vector of [CLS]; then pool, tanh, dropout, output, in this"
    " order and no softmax. Hand tokens, segments and mask to bert. nn.Dropout knows"
    " model.eval() by itself. Do not cut the gradient: freezing is not its business.",
)
def head(S, rng):
    """The logits of [CLS], with dropout between tanh and output in training only"""
    weights, parts, tokens = _head_example()
    texts = tokens, torch.zeros_like(tokens), torch.ones_like(tokens).bool()
    _compare_logits(S, weights, parts, texts)
    _compare_logits(S, weights, parts, texts, dropout=0.5)
    for C, K, blocks, first, second in [
        (2, 1, 1, [[5]], [[6]]),
        (2, 3, 1, [[5, 6], [7]], [[8], [9]]),
        (3, 2, 2, [[5], [7, 8, 5]], [[6, 9], [10, 11]]),
    ]:
        texts = _packed(first, second, 20)
        _compare_logits(S, *_classifier(C, K, blocks), texts, dropout=0.25)
    # In training: of many equal texts, the numbers of [CLS] are 0 or 1 / (1 - 0.25).
    B, dropout = 2000, 0.25
    parts = {
        "pool": torch.eye(2),
        "pool_bias": torch.tensor([30.0, 30.0]),  # tanh makes 1 of them
        "output": torch.tensor([[3.0, 0.0], [3.0, 0.0], [3.0, 3.0]]),
        "output_bias": torch.tensor([1.0, 1.0, 1.0]),
    }
    tokens = torch.full((B, 1), CLS)
    texts = tokens, torch.zeros_like(tokens), torch.ones_like(tokens).bool()
    got = S.classify(weights, parts, *texts, dropout, True)
    logits, _ = _parts(got, [None] * 2)
    given = {"dropout": dropout, "B": B, "output": parts["output"]}
    given["output's bias"] = parts["output_bias"]
    if not isinstance(logits, torch.Tensor) or logits.shape != (B, 3):
        expect(logits, torch.zeros(B, 3), **given, asked="logits of model.train()")
    expected = [1.0, 5.0]
    values = sorted({round(one, 3) for one in logits[:, 0].tolist()})
    expect(values, expected, **given, asked="all values of logit 1 in training")
    asked = "are logits 1 and 2, with the same weights, the same in training?"
    expect(torch.equal(logits[:, 0], logits[:, 1]), True, **given, asked=asked)
    asked = "in how many texts logit 1 lost its number"
    _count((logits[:, 0] < 3).sum(), B, dropout, **given, asked=asked)
    asked = "in how many texts logit 3 lost both of its numbers"
    _count((logits[:, 2] < 3).sum(), B, dropout**2, **given, asked=asked)


def _names(blocks):
    """The parameters of a model with a head, and the level of each: embedding 0."""
    deep = ["bert.embedding.words.weight", "bert.embedding.segments.weight"]
    middle = [f"bert.blocks.{number}.weight" for number in range(blocks)]
    top = ["pool.weight", "pool.bias", "output.weight", "output.bias"]
    levels = [0, 0, *range(1, blocks + 1), *[blocks + 1] * 4]
    return dict(zip([*deep, *middle, *top], levels, strict=True))


@question(
    "q4",
    points=1,
    hint="first let everything learn, then freeze: model.requires_grad_(True), and"
    " requires_grad_(False) of the parts. blocks=0 is not blocks=None. A slice"
    " bert.blocks[:n] holds the first n; 'bert.blocks.1' also begins the name of"
    " block 10. Setting module.requires_grad = False does nothing to its parameters.",
)
def frozen(S, rng):
    """Head alone, or all but the embedding and the first n blocks, after any call"""
    for blocks, calls in [
        (1, [None]),
        (2, [0]),
        (2, [1]),
        (2, [2]),
        (3, [None, 2]),
        (3, [3, 1, 0]),
        (3, [0, None]),
        (12, [2]),
    ]:
        still = blocks if calls[-1] is None else calls[-1]
        got = S.learning(blocks, calls)
        given = {"blocks": blocks, "freeze is called with": calls}
        for name, level in _names(blocks).items():
            expect(name in got, level > still, **given, asked=f"does {name} learn?")


@question(
    "q4",
    points=1,
    hint="count from the top: the head 0, the last block 1, the first block as many as"
    " there are blocks, the embedding one more; the rate is rate * decay**depth. Take"
    " parameters with requires_grad only. pool and output have weights and biases.",
)
def rates(S, rng):
    """Each parameter that learns is in one group, with the rate of its depth"""
    for blocks, rate, decay, still in [
        (0, 1.0, 0.5, []),
        (1, 1.0, 0.5, []),
        (2, 0.1, 0.5, []),
        (2, 0.1, 1.0, ["bert"]),
        (3, 0.2, 0.9, ["bert.blocks.1"]),
        (12, 1.0, 0.8, ["bert.embedding.words"]),
    ]:
        got = S.rates(blocks, rate, decay, still)
        given = {"blocks": blocks, "rate": rate, "decay": decay, "frozen": still}
        for name, level in _names(blocks).items():
            want = rate * decay ** (blocks + 1 - level)
            if name.startswith(tuple(still)):
                want = None
            expect(got.get(name), want, **given, parameter=name)


def _span(start, end, tokens, segments, longest):
    """The best span of each row: every one is tried."""
    found = []
    for b in range(len(tokens)):
        there = (segments[b] == 1) & (tokens[b] != SEP)
        places = there.nonzero().flatten().tolist()
        spans = [(i, j) for i in places for j in places if 0 <= j - i < longest]
        scores = [float(start[b, i] + end[b, j]) for i, j in spans]
        found.append(spans[scores.index(max(scores))])
    return torch.tensor(found)


def _page(start, end, asked=1):
    """Arguments of q5 for one row: ``asked`` words of a question, then the page."""
    words = len(start) - asked - 3
    row = [CLS, *[9] * asked, SEP, *range(5, 5 + words), SEP]
    segments = [0] * (asked + 2) + [1] * (words + 1)
    return [torch.tensor([one]) for one in (start, end, row, segments)]


def _compare_spans(S, start, end, tokens, segments, longest):
    given = {"start": start, "end": end, "tokens": tokens, "longest": longest}
    want = _span(start, end, tokens, segments, longest)
    expect(S.best_span(start, end, tokens, segments, longest), want, **given)


@question(
    "q5",
    points=1,
    hint="start[:, :, None] + end[:, None, :] holds the scores of all pairs (first,"
    " last). Allowed is last - first of 0 to longest - 1. Put minus infinity elsewhere:"
    " no constant is below all scores, and a product of two negatives is positive.",
)
def ordered(S, rng):
    """The largest sum; never an end before its start, nor more than longest tokens"""
    for start, end, longest in [
        ([1.0], [2.0], 1),
        ([3.0, 1.0], [1.0, 2.0], 2),
        ([1.0, 4.0], [5.0, 1.5], 2),
        ([1.0, 4.0], [5.0, 1.5], 1),
        ([4.0, 1.0, 0.0, 5.0], [0.0, 2.0, 6.0, -3.0], 4),
        ([4.0, 1.0, 0.0, 5.0], [0.0, 2.0, 6.0, -3.0], 3),
        ([4.0, 1.0, 0.0, 5.0], [0.0, 2.0, 6.0, -3.0], 2),
        ([3.0, -9.0, 2.0], [-8.0, 3.0, 2.0], 1),
        ([-2.0, -1.0, -3.0], [-1.25, -4.0, -2.5], 3),
        ([-4e3, -3e3, -5e3], [-6e3, -5e3, -1e3], 30),
    ]:
        far = min(-50.0, 3 * min(start + end))  # outside the page
        rows = [[far] * 3 + one + [far] for one in (start, end)]
        _compare_spans(S, *_page(*rows), longest)


@question(
    "q5",
    points=1,
    hint="both ends need segment 1 and a token that is not SEP, whatever the logits say"
    " elsewhere. Places are counted from [CLS], for each row by itself: (B, 2).",
)
def inside(S, rng):
    """Only inside the second text, without its SEP and padding, in each row"""
    start = [9.0, 0.0, 0.0, 4.0, 1.0, 0.0, 2.0, 0.0]
    end = [9.0, 0.0, 0.0, 0.0, 2.0, 6.0, -3.0, 8.0]
    _compare_spans(S, *_page(start, end), 30)
    start = [-6.0, -8.0, -7.0, -9.0, -2e3, -3e3, -1e3]
    end = [-1e3, -2e3, -3e3, -9.0, -8.0, -7.0, -6.0]
    _compare_spans(S, *_page(start, end, 2), 30)
    tokens, segments, _ = _packed([[9], [9, 5, 6]], [[5, 6, 7], [8, 7]], 20)
    start = torch.tensor(
        [[1.0, 3, 2, 4, 1, 3, 9, 8], [5, 2, 4, 3, 1, 2, 0.5, 9]],
    )
    end = torch.tensor([[8.0, 1, 2, 1, 5, 3, 6, 9], [1, 9, 2, 3, 7, 2, 4, 8]])
    _compare_spans(S, start, end, tokens, segments, 30)
