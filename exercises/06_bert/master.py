# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 6: BERT by hand
#
# BERT's encoder is that of chapter 5. What is new is around it, and you build it here:
# how two texts become one row of tokens (q1), how gaps are made in them (q2), the loss
# of the gaps (q3), a head for a task, and what of the model learns how fast (q4), and
# the answer to a question as a span of a text (q5).
#
# **20 points, about 75 minutes.** You need chapter 6.
#
# How it works: replace each line `raise NotImplementedError(...)` by your answer, run
# the cell, then run the `check` below it. A check runs the *visible* tests. The hidden
# ones ask the same of random inputs, so an answer that is right is right there too. No
# question builds on another.
#
# The letters are those of the chapter:
#
# | letter | meaning |
# |---|---|
# | $B$, $T$ | texts in a batch, tokens of the longest of them |
# | $M$ | chosen places of a batch, over all its texts |
# | $C$ | numbers of a token's vector |
# | $V$ | words in the vocabulary; a word is its number, 0 to $V - 1$ |
# | $K$ | classes |
# | mask | `True` where there is a token, `False` where there is padding |
#
# The first five words of the vocabulary are **special**. They have names below.

# %%
import math

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from course_lib.grading import exercise

torch.set_printoptions(precision=4, sci_mode=False)
check = exercise("06_bert").check

PAD, UNKNOWN, CLS, SEP, MASK = range(5)
SPECIAL = 5  # all words below this number are special

# %% [markdown]
# The next three cells are no questions. Only numbers can be sent to your notebook and
# back, so the checks call your answers through these functions. Run the cells and leave
# them as they are.


# %%
def watch_pack(first, second, longest):
    """Call your pack. Returns its answer, and the lists as they are afterwards."""
    return pack(first, second, longest), first, second


def gaps(tokens, vocabulary, seed, rate=None, times=1):
    """Call your make_gaps several times, with one generator that starts from seed.

    Returns the answers, and the tokens as they are afterwards.
    """
    generator = torch.Generator().manual_seed(seed)
    rates = () if rate is None else (rate,)
    answers = [
        several(make_gaps(tokens, vocabulary, generator, *rates), 2)
        for _ in range(times)
    ]
    return answers, tokens


def several(answer, number):
    if not isinstance(answer, (tuple, list)) or len(answer) != number:
        raise ValueError(f"the answer must return {number} values")
    return answer


class CountRows(TorchFunctionMode):
    """Finds the largest number of places for which logits of V words were computed."""

    def __init__(self, words):
        super().__init__()
        self.V, self.C = words.shape
        self.rows = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        shape = made.shape if isinstance(made, torch.Tensor) else ()
        if self.V in shape and made.is_floating_point():
            others = [n for n in shape if n not in (self.V, self.C)]
            self.rows = max(self.rows, math.prod(others))
        return made


def count_rows(x, chosen, original, words, bias):
    """Call your masked_word_loss. Returns the loss, and how many places had logits."""
    with CountRows(words) as count:
        loss = masked_word_loss(x, chosen, original, words, bias)
    return loss, count.rows


def watch_loss(seen, x, chosen, original, words, bias):
    """Send the error of your masked_word_loss back.

    The vectors are x plus those of the seen words, from the same table that answers.
    Returns the gradients of x, words and bias, and for each input whether it is still
    the same.
    """
    leaves = [one.clone().requires_grad_() for one in (x, words, bias)]
    x, words, bias = (one.clone() for one in leaves)
    inputs = [words[seen] + x, chosen, original, words, bias]
    before = [one.detach().clone() for one in inputs]
    masked_word_loss(*inputs).backward()
    gradients = [
        torch.zeros_like(one) if one.grad is None else one.grad for one in leaves
    ]
    same = [
        torch.equal(one.nan_to_num(), other.nan_to_num())
        for one, other in zip(inputs, before, strict=True)
    ]
    return gradients, same


# %%
class Bert(nn.Module):
    """A stand-in for BERT in q4. In each block, a token hears the mean of all tokens.

    Like the real one it has a size C, an embedding and a list of blocks.
    """

    def __init__(self, words, segments, blocks):
        super().__init__()
        self.size = words.shape[1]
        tables = {"words": words, "segments": segments}
        self.embedding = nn.ModuleDict(
            {
                name: nn.Embedding.from_pretrained(table.clone(), freeze=False)
                for name, table in tables.items()
            }
        )
        self.blocks = nn.ModuleList(
            nn.Linear(self.size, self.size, bias=False) for _ in blocks
        )
        for block, weight in zip(self.blocks, blocks, strict=True):
            block.weight.data.copy_(weight)

    def forward(self, tokens, segments, mask):
        """tokens, segments and mask, all (B, T): a vector for each token, (B, T, C)."""
        x = self.embedding["words"](tokens) + self.embedding["segments"](segments)
        real = mask[..., None]  # (B, T) -> (B, T, 1)
        for block in self.blocks:
            mean = (x * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)
            x = x + torch.tanh(block(x + mean))
        return x


# %%
def classify(weights, head, tokens, segments, mask, dropout=0.0, training=False):
    """Make your Classifier of these weights and call it.

    Returns the logits (B, K), and whether their error reaches the words of the BERT.
    """
    bert = Bert(**weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Classifier(bert, len(head["output"]), dropout).train(training)
        model.pool.weight.data.copy_(head["pool"])
        model.pool.bias.data.copy_(head["pool_bias"])
        model.output.weight.data.copy_(head["output"])
        model.output.bias.data.copy_(head["output_bias"])
        logits = model(tokens, segments, mask)
    if logits.requires_grad:
        logits.square().sum().backward()
    table = bert.embedding["words"].weight
    return logits, table.grad is not None and bool(table.grad.any())


def without_answers(blocks):
    """A model with the same parts as your Classifier, for freeze and groups."""
    model, still = nn.Module(), torch.zeros(2, 2)
    model.add_module("bert", Bert(still, still, [still] * blocks))
    model.add_module("pool", nn.Linear(2, 2))
    model.add_module("output", nn.Linear(2, 3))
    return model


def learning(blocks, calls):
    """Call your freeze, once with each argument of calls: which parameters learn?"""
    model = without_answers(blocks)
    for argument in calls:
        freeze(model) if argument is None else freeze(model, argument)
    return [name for name, one in model.named_parameters() if one.requires_grad]


def rates(blocks, rate, decay, frozen=()):
    """Call your groups. Returns the rate of each parameter that is in one of them."""
    model = without_answers(blocks)
    for name, one in model.named_parameters():
        one.requires_grad_(not name.startswith(tuple(frozen)))
    made = [
        (list(group["params"]), group["lr"]) for group in groups(model, rate, decay)
    ]
    found = [(id(one), float(lr)) for params, lr in made for one in params]
    if len(found) > len(dict(found)):
        raise ValueError("a parameter is there twice; an optimizer would refuse it")
    names = {id(one): name for name, one in model.named_parameters()}
    return {names[one]: lr for one, lr in found}


# %% [markdown]
# ## q1. Two texts in one row (3 points)
#
# BERT reads one row of tokens, and yet it is asked about pairs: does this sentence
# follow from that one, where in this page is the answer to this question? So both texts
# go into one row, with marks between them:
#
# `[CLS]` first text `[SEP]` second text `[SEP]`
#
# Which text a token is of is said by its **segment**: 0 from `[CLS]` to the first
# `[SEP]`, with both of them, and 1 from there to the end, with the second `[SEP]`.
#
# A row has at most `longest` tokens, the three marks included. Where two texts are too
# long together, cut **the longer one first**: take away its last token, and again,
# until all fits. Where both have the same length, the second loses its token. So a
# short question stays whole beside a long page.
#
# The rows of a batch have different lengths, *after* the cutting. Fill them up with
# `PAD` to the length $T$ of the longest row. Padding has segment 0, and `mask` is
# `False` there. The lists that you are given must stay as they are.
#
# **By hand.** Two pairs, and `longest` is 8, so there is room for 5 tokens. The first
# pair has 3 + 1 tokens, the second 6 + 2. The 6 lose a token three times, and 3 + 2
# are left.
#
# | | first pair | second pair |
# |---|---|---|
# | first text | 5 6 7 | 5 6 7 8 9 10 |
# | second text | 8 | 11 12 |
# | tokens | `CLS` 5 6 7 `SEP` 8 `SEP` `PAD` | `CLS` 5 6 7 `SEP` 11 12 `SEP` |
# | segments | 0 0 0 0 0 1 1 0 | 0 0 0 0 0 1 1 1 |
# | mask | T T T T T T T F | T T T T T T T T |
#
# (With 4 + 4 tokens, the second would go first: 4 + 3, then the first: 3 + 3, then 3 +
# 2.)


# %% tags=["answer:q1"]
def pack(first, second, longest):
    """Pairs of texts as one batch.

    first and second are lists of B texts; a text is a list of words (their numbers, no
    special ones). A row has at most longest tokens.
    Returns tokens (B, T), segments (B, T) and mask (B, T), in this order: whole
    numbers, whole numbers and truth values.
    """
    # BEGIN SOLUTION
    tokens, segments = [], []
    for a, b in zip(first, second, strict=True):
        a, b = list(a), list(b)  # copies: the given ones stay whole
        while len(a) + len(b) + 3 > longest:
            (a if len(a) > len(b) else b).pop()
        tokens.append(torch.tensor([CLS, *a, SEP, *b, SEP]))
        segments.append(torch.tensor([0] * (len(a) + 2) + [1] * (len(b) + 1)))
    pad = nn.utils.rnn.pad_sequence
    tokens = pad(tokens, batch_first=True, padding_value=PAD)  # (B, T)
    segments = pad(segments, batch_first=True)
    return tokens, segments, tokens != PAD
    # END SOLUTION


# %%
check("q1")

# %% [markdown]
# ## q2. Gaps to fill (6 points)
#
# Text becomes a task when parts of it are hidden. Two things are drawn.
#
# **Which places?** Each token is chosen with the probability `rate` (0.15, if nothing
# else is said), **each for itself**: it does not matter what else is chosen, so a short
# text may have no chosen place at all. Special tokens, and padding is one of them, are
# never chosen.
#
# **What stands there?** For each chosen place it is drawn anew, and again each for
# itself:
#
# | probability | what the model sees |
# |---|---|
# | 80 % | `MASK` |
# | 10 % | another word: any that is not special, all equally likely |
# | 10 % | the word that was there |
#
# (That "another word" is the old one by chance does no harm.) A place that is not
# chosen keeps its token. A chosen one is chosen even if its word stays: there, too, the
# model will be asked.
#
# Draw everything from the `generator` that you are given: `torch.rand(...,
# generator=generator)`, and `torch.randint` likewise. From the same state of it comes
# the same result. It moves on as you draw, so the next call makes new gaps. Leave the
# given `tokens` as they are.
#
# Chance is tested, too: your numbers are counted over thousands of tokens. The bounds
# are so wide that a right answer falls outside less than once in a million checks.
#
# **By hand.** Two draws for each place, between 0 and 1, and a word. A word is chosen
# if its first draw is below 0.15. A second draw below 0.8 says `MASK`, one from 0.9 on
# says another word.
#
# | token | `CLS` | 7 | 9 | 8 | `SEP` |
# |---|---|---|---|---|---|
# | first draw | 0.50 | **0.10** | **0.03** | 0.61 | 0.02 |
# | second draw | 0.71 | 0.93 | 0.40 | 0.12 | 0.95 |
# | any word | 6 | 12 | 8 | 11 | 5 |
# | seen | `CLS` | **12** | `MASK` | 8 | `SEP` |
# | chosen | F | T | T | F | F |


# %% tags=["answer:q2"]
def make_gaps(tokens, vocabulary, generator, rate=0.15):
    """Choose places, and hide what is there.

    tokens (B, T), vocabulary is V, rate the probability that a token is chosen.
    Returns the tokens that the model sees (B, T), and which places are chosen (B, T),
    truth values, in this order.
    """
    # BEGIN SOLUTION
    chosen = torch.rand(tokens.shape, generator=generator) < rate
    chosen = chosen & (tokens >= SPECIAL)
    fate = torch.rand(tokens.shape, generator=generator)
    other = torch.randint(SPECIAL, vocabulary, tokens.shape, generator=generator)
    seen = tokens.masked_fill(chosen & (fate < 0.8), MASK)
    seen = torch.where(chosen & (fate >= 0.9), other, seen)
    return seen, chosen
    # END SOLUTION


# %%
check("q2")

# %% [markdown]
# ## q3. The loss of the gaps (4 points)
#
# The encoder has made a vector $x$ of each token. At the chosen places, and only there,
# it must say which word it was. The table of the words' own vectors answers, the one
# from which the words came in (**tied weights**): the logit of word $v$ is the product
# of $x$ with the vector of $v$, plus a bias for $v$:
#
# $$\text{logits} = x\, \text{words}^\top + \text{bias}, \qquad
# L = \frac{1}{M} \sum_{\text{chosen}}
# - \log \operatorname{softmax}(\text{logits})_{\text{original}} .$$
#
# Four things to mind:
#
# - The mean is over the $M$ chosen places of the whole batch, not over $B \cdot T$.
# - A vocabulary has 30,000 words, and 85 of 100 places are not asked. So **first** pick
#   the $(M, C)$ vectors that are, then make logits of those alone.
# - What stands at the other places does not count, not even if it is NaN: neither the
#   vector there nor the number in `original`, which may be no word at all.
# - A batch without a chosen place has the loss 0, not NaN. The error must be able to go
#   back from there, too: `loss.backward()` works, and all gradients are 0.
#
# Return a tensor with one number. `nn.functional.cross_entropy` is allowed.
#
# **By hand.** $C = 1$, $V = 3$, the vectors of the words are $(0, \ln 2, 0)$ and their
# biases $(0, 0, \ln 2)$. One text of four tokens with $x = (1, 0, 5, 7)$. The first
# two are chosen, and the originals there are the words 0 and 2:
#
# | $x$ | logits | softmax | original | $-\log$ of its share |
# |---|---|---|---|---|
# | 1 | 0, $\ln 2$, $\ln 2$ | **0.2**, 0.4, 0.4 | 0 | 1.6094 |
# | 0 | 0, 0, $\ln 2$ | 0.25, 0.25, **0.5** | 2 | 0.6931 |
#
# $L = (1.6094 + 0.6931) / 2 = 1.1513$. If you get 0.5756, you divided by four.


# %% tags=["answer:q3"]
def masked_word_loss(x, chosen, original, words, bias):
    """The mean cross-entropy of the chosen words, a tensor with one number.

    x (B, T, C), chosen (B, T) truth values, original (B, T) the words as they were,
    words (V, C) their vectors, bias (V,).
    """
    # BEGIN SOLUTION
    asked = x[chosen]  # (B, T, C) -> (M, C)
    logits = asked @ words.T + bias  # (M, V)
    entropy = nn.functional.cross_entropy
    return entropy(logits, original[chosen], reduction="sum") / max(1, len(asked))
    # END SOLUTION


# %%
check("q3")

# %% [markdown]
# ## q4. A head for a task, and how fast each part learns (4 points)
#
# A trained BERT becomes a classifier by a small head, and one fine-tunes both. The
# encoder knows a lot, the head knows nothing. So not all should learn alike.
#
# **The head.** Take the vector of `[CLS]`, the first token; then
#
# $$\text{pooled} = \tanh(\text{pool}(x_{\texttt{[CLS]}})), \qquad
# \text{logits} = \text{output}(\text{dropout}(\text{pooled})) ,$$
#
# where `pool` and `output` are `nn.Linear` of $C \to C$ and $C \to K$. (In the chapter
# the pool is a part of BERT, trained with it. Here it is new, as the rest of the head.)
# `bert` is called with tokens, segments and mask; look at `Bert` above.
#
# **Freezing.** `freeze(model)` lets only the head learn, that is `pool` and `output`.
# `freeze(model, n)` keeps the embedding and the *first* $n$ blocks as they are, and the
# rest learns. For $n = 0$ it is the embedding alone. What learned or not before the
# call does not matter. So one can thaw a model block by block.
#
# **Rates.** What lies deeper is more general, and should change less. The head learns
# with `rate`, the last block with `rate * decay`, the one below with `rate * decay**2`,
# and so on, and the embedding least of all. Make the list of groups that an optimizer
# of torch takes: dicts with `"params"` and `"lr"`. Each parameter that learns is in
# exactly one, and frozen ones are in none.
#
# **By hand.** No blocks, and `[CLS]` has the vector $(\ln 2, \ln 3)$. `pool` changes
# nothing, so pooled is $(0.6, 0.8)$. With `output` of the rows $(1, 1)$ and $(1, -1)$
# and the bias $(0, 0.2)$ the logits are $(1.4, 0)$. In training, a dropout of 0.5 may
# hit the first number: then the second counts double, $(0, 1.6)$, and the logits are
# $(1.6, -1.4)$.
#
# Two blocks, a rate of 0.1 and a decay of 0.5; the parts from top to bottom:
#
# | | head | `blocks[1]` | `blocks[0]` | embedding |
# |---|---|---|---|---|
# | rate | 0.1 | 0.05 | 0.025 | 0.0125 |
# | after `freeze(model, 1)` | learns | learns | frozen | frozen |


# %% tags=["answer:q4"]
class Classifier(nn.Module):
    """A BERT and a head: one of K classes for each text, or pair of texts.

    Its parts are called bert, pool and output. dropout is the probability that a
    number is dropped.
    """

    def __init__(self, bert, classes, dropout):
        super().__init__()
        # BEGIN SOLUTION
        self.bert = bert
        self.pool = nn.Linear(bert.size, bert.size)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(bert.size, classes)
        # END SOLUTION

    def forward(self, tokens, segments, mask):
        """tokens, segments and mask, all (B, T): the logits (B, K)."""
        # BEGIN SOLUTION
        first = self.bert(tokens, segments, mask)[:, 0]  # (B, T, C) -> (B, C)
        return self.output(self.dropout(torch.tanh(self.pool(first))))
        # END SOLUTION


def freeze(model, blocks=None):
    """Let the head alone learn; or all but the embedding and the first blocks.

    model.bert has an embedding and blocks, a list; model.pool and model.output are the
    head.
    """
    # BEGIN SOLUTION
    model.requires_grad_(True)
    if blocks is None:
        model.bert.requires_grad_(False)
        return
    model.bert.embedding.requires_grad_(False)
    for block in model.bert.blocks[:blocks]:
        block.requires_grad_(False)
    # END SOLUTION


def groups(model, rate, decay):
    """The parameters that learn, in groups: dicts with "params", a list, and "lr"."""
    # BEGIN SOLUTION
    head = nn.ModuleList([model.pool, model.output])
    downwards = [head, *reversed(model.bert.blocks), model.bert.embedding]
    by_depth = []
    for depth, part in enumerate(downwards):
        learning = [one for one in part.parameters() if one.requires_grad]
        by_depth.append({"params": learning, "lr": rate * decay**depth})
    return by_depth
    # END SOLUTION


# %%
check("q4")

# %% [markdown]
# ## q5. The best span (3 points)
#
# A question and a page are packed as in q1, and the answer is a piece of the page. The
# model gives each token two logits: how well an answer could *start* there, and how
# well it could *end* there. The score of a span is the sum: the start of its first
# token plus the end of its last. Find the span with the largest score among those that
#
# - do not end before they start (one token alone is a span),
# - have at most `longest` tokens,
# - lie inside the second text: its segment is 1, and the `[SEP]` behind it does not
#   belong to it. The padding has segment 0, as in q1.
#
# Do it for all rows of the batch. In the tests, no two spans share the largest score.
#
# **By hand.** One row, `CLS` 9 `SEP` 5 6 7 8 `SEP`:
#
# | place | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
# |---|---|---|---|---|---|---|---|---|
# | token | `CLS` | 9 | `SEP` | 5 | 6 | 7 | 8 | `SEP` |
# | start | 9 | 0 | 0 | 4 | 1 | 0 | 5 | 0 |
# | end | 9 | 0 | 0 | 0 | 2 | 6 | -3 | 8 |
#
# The largest sum of all is at `CLS`, outside the page; place 7 is a `[SEP]`. On the
# page the best start is place 6 and the best end place 5: that span ends before it
# starts. The best one allowed is 3 to 5, with 4 + 6 = 10. With `longest = 2` it is 4 to
# 5, with 7.


# %% tags=["answer:q5"]
def best_span(start, end, tokens, segments, longest):
    """The places of the first and of the last token of the best span of each row.

    start and end (B, T) are logits; tokens and segments (B, T) as from q1. Returns
    whole numbers (B, 2); places are counted from the beginning of the row.
    """
    # BEGIN SOLUTION
    inside = (segments == 1) & (tokens != SEP)  # (B, T)
    T = tokens.shape[1]
    allowed = torch.ones(T, T, dtype=torch.bool).triu().tril(longest - 1)
    allowed = allowed & inside[:, :, None] & inside[:, None, :]  # (B, T, T)
    score = start[:, :, None] + end[:, None, :]
    best = score.masked_fill(~allowed, -math.inf).flatten(1).argmax(dim=1)  # (B,)
    return torch.stack([best // T, best % T], dim=1)
    # END SOLUTION


# %%
check("q5")

# %% [markdown]
# ## In words (no points)
#
# Answer each aloud, then unfold.
#
# <details><summary>In q2, one chosen word in ten stays. The model sees the right answer
# there. Why is it asked at all?</summary>
#
# If only <code>MASK</code> and wrong words were ever asked, a word that stands there in
# plain sight would never be checked: the model could learn nothing about the vectors of
# tokens that are as they should be. And those are the only ones that a later task
# shows. It does not know which of the words before it are true, so it must compare each
# with its surroundings.
#
# </details>
#
# <details><summary>A colleague computes the logits of all places in q3 and then picks
# the chosen ones. Her loss is the same. B = 32, T = 512, V = 30,000 and 4 bytes a
# number: what does she pay?</summary>
#
# $32 \cdot 512 \cdot 30{,}000 \cdot 4$ bytes: nearly 2 GB for the logits alone, and as
# much again for their gradients. Picked first, it is 15 % of that. There is a second
# price: if one of the other vectors is NaN, then the gradient of the words' table is
# NaN, because 0 times NaN is NaN.
#
# </details>
#
# <details><summary>With tied weights, the table of the words gets its gradient from two
# sides. Which are they, and how many of its rows does each touch?</summary>
#
# From the way in, only the rows of words that were seen. From the way out, all rows, at
# every step: the softmax pushes all wrong words away a little. So even a word that is
# never seen moves.
#
# </details>
#
# <details><summary>In q4 only the head learns, and dropout inside BERT is still on.
# Which call is missing, and what does <code>requires_grad</code> have to do with
# it?</summary>
#
# Nothing: <code>requires_grad</code> says who gets a gradient, <code>train()</code> and
# <code>eval()</code> say how a layer computes. A frozen encoder still drops numbers in
# training mode. For fixed features one calls <code>model.bert.eval()</code> as well.
#
# </details>
#
# ## Where you stand
#
# The table counts the visible tests of all questions. For the whole score, save the
# notebook, then run this in a new cell, with your file's name:
#
# `!course grade student.ipynb`
#
# In Colab, the notebook is not a file next to your code: first download it (*File →
# Download → Download .ipynb*) and drop it into the *Files* panel on the left. In
# JupyterLab the command is found where `make lab` started it, or where `course_lib` is
# installed in an active environment.
#
# All seven exercises at a glance, and what is next:
#
# `from course_lib.grading import progress; progress()`

# %%
check()
