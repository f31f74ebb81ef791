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
# # Exercise 5: the Transformer by hand
#
# In this exercise you build the parts of a Transformer that are most often built wrong:
# attention in many heads, with its masks (q1), the code of a place (q2), the way back
# through a layer norm (q3), and a decoder that does not compute again what it already
# knows (q4).
#
# **20 points, about 75 minutes.** You need chapter 5.
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
# | $B$ | sequences in a batch |
# | $T$, $S$ | tokens that ask (queries), tokens that are looked at (keys) |
# | $C$ | numbers of a token's vector |
# | $H$, $D$ | heads, and the numbers that each of them gets: $D = C / H$ |
# | $V$ | words in the vocabulary |
# | $W$ | a matrix; `x @ W.T` applies it to each row of `x`, as `nn.Linear` does |
# | mask | `True` where there is a token, `False` where there is padding |

# %%
import math

import torch

from course_lib.grading import exercise

torch.set_printoptions(precision=4, sci_mode=False)
check = exercise("05_transformer").check

LN3 = math.log(3)  # for the examples: the softmax of (LN3, 0) is (0.75, 0.25)

# %% [markdown]
# The next two cells are no questions. Only numbers can be sent to your notebook and
# back, so the checks of q1, q3 and q4 call your answers through these functions. Run
# the cells and leave them as they are.


# %%
def watch_attention(g, x, memory, W_q, W_k, W_v, W_o, heads, mask, causal):
    """Call your multi_head_attention, and send the error g of its output back.

    Returns the gradients of the six tensors, and all inputs as they are afterwards.
    """
    leaves = [t.clone().requires_grad_() for t in (x, memory, W_q, W_k, W_v, W_o)]
    inputs = [leaf.clone() for leaf in leaves]
    output, _ = two(multi_head_attention(*inputs, heads, mask, causal))
    fits("output", output, g.shape)
    if output.requires_grad:
        output.backward(g)
    nothing = torch.zeros_like
    gradients = [nothing(one) if one.grad is None else one.grad for one in leaves]
    return gradients, [*inputs, mask]


def by_hand(x, gain, d_y, eps):
    """Call your layer_norm_backward where torch records nothing."""
    with torch.inference_mode():
        return layer_norm_backward(x, gain, d_y, eps)


def two(answer):
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise ValueError("the answer must return two values")
    return answer


def fits(name, tensor, shape):
    if tensor.shape != shape:
        raise ValueError(f"{name}: got {tuple(tensor.shape)}, expected {tuple(shape)}")


# %%
class Block:
    """One block of the decoder of q4: one head, no norm; the root is inside W_q."""

    def __init__(self, W_q, W_k, W_v, W_o, W_1, W_2):
        self.W_q, self.W_k, self.W_v, self.W_o = W_q, W_k, W_v, W_o
        self.W_1, self.W_2 = W_1, W_2
        self.rows = 0  # how many tokens were projected

    def project(self, x):
        """The query, the key and the value of x (B, C): three times (B, C)."""
        self.rows += x.numel() // x.shape[-1]
        return x @ self.W_q.T, x @ self.W_k.T, x @ self.W_v.T

    def attend(self, query, keys, values):
        """What query (B, C) hears from keys and values (B, n, C): (B, C)."""
        fits("query", query, (len(query), len(self.W_q)))
        fits("keys", keys, (len(query), keys.shape[1], len(self.W_q)))
        fits("values", values, keys.shape)
        weights = torch.einsum("bc,bnc->bn", query, keys).softmax(dim=1)
        return torch.einsum("bn,bnc->bc", weights, values)

    def finish(self, x, heard):
        """Add what was heard to x (B, C), then what the token makes of that: (B, C)."""
        fits("heard", heard, x.shape)
        x = x + heard @ self.W_o.T
        return x + (x @ self.W_1.T).relu() @ self.W_2.T


class Decoder:
    """The decoder of q4: words and places in, blocks, logits out."""

    def __init__(self, words, places, blocks):
        self.words, self.places = words, places  # (V, C), (longest, C)
        self.blocks = [Block(*weights) for weights in blocks]

    def embed(self, tokens, place):
        """tokens (B,), which all stand at this place, a number: vectors (B, C)."""
        fits("tokens", tokens, (len(tokens),))
        return self.words[tokens] + self.places[place]

    def output(self, x):
        """The logits of each next word: x (B, C) -> (B, V)."""
        return x @ self.words.T


def run_steps(weights, tokens, cache, others=None):
    """Call your step for one token after another: tokens (B, T).

    Where there are others (B, T), each of them goes first, from the same cache, and
    what comes of it is thrown away. Returns the logits (B, T, V), the last cache, and
    how many tokens were projected in each step.
    """
    model = Decoder(**weights)
    logits, rows = [], []
    for t in range(tokens.shape[1]):
        if others is not None:
            step(others[:, t], cache, model)
        before = sum(block.rows for block in model.blocks)
        new, cache = two(step(tokens[:, t], cache, model))
        fits("logits", new, (len(tokens), len(model.words)))
        logits.append(new)
        rows.append(sum(block.rows for block in model.blocks) - before)
    return torch.stack(logits, dim=1), cache, rows


# %% [markdown]
# ## q1. Attention in many heads, with its masks (7 points)
#
# This is the one part of a Transformer in which tokens hear of each other. Whatever you
# build later (a translator, a GPT, a model of images), this function is inside.
#
# Each token of $x$ asks, and each token of `memory` answers. (In self-attention both
# are the same tensor.) Three matrices make queries, keys and values of them:
# $q = W_q x$, $k = W_k\,\text{memory}$ and $v = W_v\,\text{memory}$. Then the $C$
# numbers of each are **split**: head 1 gets the first $D$ of them, head 2 the next $D$,
# and so on. Each head attends by itself,
#
# $$\text{head} = \text{weights} \cdot v, \qquad
# \text{weights} = \operatorname{softmax}\left(\frac{q\, k^\top}{\sqrt{D}}\right),$$
#
# and in the end the heads are put side by side again and $W_o$ mixes them. There are
# two reasons not to look:
#
# - **Padding**: `mask` $(B, S)$ is `True` at the real tokens of `memory`. Padding gets
#   weight exactly 0, and the others add up to 1.
# - **The future**: with `causal=True` a query sees the keys up to its own place, and
#   its own too, but none after it. Where there are fewer queries than keys, the queries
#   are the **last** $T$ of the $S$ tokens. So the last query always sees all of them.
#
# A query that may look nowhere gets weights of 0. It must not become NaN, and no
# constant stands in for minus infinity, as in chapter 4.
#
# Do it without loops, and keep an eye on the shapes: $(B, T, C)$ becomes
# $(B, T, H, D)$, and the heads have to stand *before* the tokens, $(B, H, T, D)$, for
# the products. Leave the tensors that you were given as they are.
#
# **By hand.** One query, two keys, $C = 2$ and $H = 2$, so $D = 1$. $W_q$ and $W_k$
# change nothing; $W_v$ has the rows $(4, 0)$ and $(0, 2)$, and $W_o$ the rows $(1, 1)$
# and $(0, 2)$. The query's token is $(\ln 3, 0)$, the tokens of the memory are
# $(1, 1)$ and $(0, 3)$.
#
# | | scores | weights | values | what it hears |
# |---|---|---|---|---|
# | head 1 | $\ln 3$, 0 | 0.75, 0.25 | 4, 0 | 3 |
# | head 2 | 0, 0 | 0.5, 0.5 | 2, 6 | 4 |
#
# Side by side that is $(3, 4)$, and $W_o$ makes $(7, 8)$ of it. If the weights of head
# 1 are 0.685 and 0.315, you divide by the root of $C$.


# %% tags=["answer:q1"]
def multi_head_attention(x, memory, W_q, W_k, W_v, W_o, heads, mask=None, causal=False):
    """What each token of x hears from the tokens of memory.

    x (B, T, C) asks, memory (B, S, C) is looked at. The matrices are (C, C), heads is
    H. mask (B, S) is True at real tokens; without it, all are. With causal no query
    sees a key after its own place; the queries are the last T of the S tokens.
    Returns the output (B, T, C) and the weights (B, H, T, S), in this order.
    """
    # BEGIN SOLUTION
    q, k, v = (
        y.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, T, C) -> (B, H, T, D)
        for y in (x @ W_q.T, memory @ W_k.T, memory @ W_v.T)
    )
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, S)
    allowed = torch.ones_like(scores, dtype=torch.bool)
    if mask is not None:
        allowed = allowed & mask[:, None, None]  # (B, S) -> (B, 1, 1, S)
    if causal:
        T, S = scores.shape[-2:]
        allowed = allowed.tril(S - T)
    weights = scores.masked_fill(~allowed, -math.inf).softmax(dim=-1)
    weights = weights.masked_fill(~allowed, 0.0)  # a row of -inf alone had become NaN
    joined = (weights @ v).transpose(1, 2).flatten(2)  # (B, H, T, D) -> (B, T, C)
    return joined @ W_o.T, weights
    # END SOLUTION


# %%
check("q1")

# %% [markdown]
# ## q2. The code of a place (3 points)
#
# Attention has no notion of order: shuffle the tokens, and each hears the same. So a
# vector that says *where* is added to the one that says *what*. The code of Vaswani et
# al. (2017) needs no training and has no last place. It is a row of clock hands. Hand
# $i$ moves by the angle $\theta_i$ from one place to the next, and each is slower than
# the one before it:
#
# $$\theta_i = 10000^{-2i / C}, \qquad i = 0, 1, \dots, C/2 - 1 .$$
#
# At place $p$ the hand stands at the angle $p\, \theta_i$, and two numbers say where it
# points. They stand **side by side**:
#
# $$\text{code}_{2i} = \sin(p\, \theta_i), \qquad
# \text{code}_{2i+1} = \cos(p\, \theta_i).$$
#
# The places come as a tensor of whole numbers, in any order, and any of them may be
# large. There is a trap. A `float32` has about seven digits, and an angle of 123456 rad
# spends six of them before the point: what is left says little about its sine. So
# compute the angles in `float64`, and return the code in `float32`, as the model wants
# it.
#
# **By hand.** For $C = 4$ there are two hands, with $\theta_0 = 1$ and
# $\theta_1 = 10000^{-2/4} = 0.01$:
#
# | place | 0: $\sin p$ | 1: $\cos p$ | 2: $\sin 0.01p$ | 3: $\cos 0.01p$ |
# |---|---|---|---|---|
# | 0 | 0 | 1 | 0 | 1 |
# | 1 | 0.8415 | 0.5403 | 0.0100 | 1.0000 |
# | 100 | -0.5064 | 0.8623 | 0.8415 | 0.5403 |
#
# At place 100 the slow hand points where the fast one does at place 1. With 0.1 in
# place of 0.01 you have forgotten the 2 in the exponent.


# %% tags=["answer:q2"]
def sinusoids(places, size):
    """The code of each of places (T,), whole numbers: (T, size), float32.

    size is C, an even number.
    """
    # BEGIN SOLUTION
    pair = torch.arange(0, size, 2, dtype=torch.float64)  # 2i
    angles = places[:, None] * 10_000 ** (-pair / size)  # (T, 1), (C / 2,)
    code = torch.stack([angles.sin(), angles.cos()], dim=-1)  # (T, C / 2, 2)
    return code.flatten(1).float()  # (T, C)
    # END SOLUTION


# %%
check("q2")

# %% [markdown]
# ## q3. The way back through a layer norm (4 points)
#
# Layer norm stands behind, or before, every part of a Transformer, and every gradient
# passes it, twice in each block. What it does to them decides whether a deep stack can
# be trained. And whoever can write its way back can write the fused kernel that makes
# it fast.
#
# One token has the $C$ numbers $x_1, \dots, x_C$, with mean $\mu$ and variance
# $\sigma^2$ (the *mean* of the squared distances: divided by $C$). With
# $s = \sqrt{\sigma^2 + \varepsilon}$,
#
# $$\hat{x}_c = \frac{x_c - \mu}{s}, \qquad
# y_c = \text{gain}_c\, \hat{x}_c + \text{bias}_c .$$
#
# You are given $d_y = \partial L / \partial y$, one number for each $y_c$ of each
# token. Derive, with pencil:
#
# 1. $\partial L / \partial\,\text{bias}_c$ and $\partial L / \partial\,\text{gain}_c$.
#    All tokens share them, so the shares of all tokens add up.
# 2. $\partial L / \partial \hat{x}_c$; call it $g_c$.
# 3. $\partial L / \partial x_c$. Here it is easy to go wrong, because $x_c$ acts on
#    **each** $\hat{x}_j$ of its token: on its own, and through $\mu$ and $s$ on all:
#
# $$\frac{\partial \hat{x}_j}{\partial x_c} = \frac{1}{s} \left(
# [j = c] - \frac{1}{C} - \frac{\hat{x}_j\, \hat{x}_c}{C} \right),
# \qquad [j = c] = 1 \text{ if } j = c, \text{ else } 0.$$
#
# Multiply by $g_j$ and sum over $j$. Two of the three sums are *means*, and then it is
# one line.
#
# `x` has any number of leading dimensions: $(C,)$, $(B, C)$, $(B, T, C)$ and so on,
# and each row of $C$ numbers is a token. Write it with products, sums and means, and
# without autograd; the tests have it check you, with numbers of `float64`. While they
# call you, torch records nothing.
#
# **By hand.** One token of two numbers, $x = (3, 1)$, and $\varepsilon = 3$, which is
# large, so that one can see it. Then $\mu = 2$, $\sigma^2 = 1$ and $s = 2$. Let
# $\text{gain} = (2, 1)$ and $d_y = (2, 0)$:
#
# | | $c = 1$ | $c = 2$ | mean |
# |---|---|---|---|
# | $\hat{x}$ | 0.5 | -0.5 | 0 |
# | $g$ | 4 | 0 | 2 |
# | $g \odot \hat{x}$ | 2 | 0 | 1 |
# | $\partial L / \partial x$ | 0.75 | -0.75 | 0 |
# | $\partial L / \partial\,\text{gain}$ | 1 | 0 | |
# | $\partial L / \partial\,\text{bias}$ | 2 | 0 | |
#
# Without $\varepsilon$ the gradient of $x$ would be exactly 0. Why? (Which values can
# $\hat{x}$ have, if there are two numbers only?)


# %% tags=["answer:q3"]
def layer_norm_backward(x, gain, d_y, eps):
    """The gradients of a layer norm, by hand.

    x and d_y (..., C), gain (C,), eps a number. Returns dL/dx (..., C), dL/dgain (C,)
    and dL/dbias (C,), in this order.
    """
    # BEGIN SOLUTION
    centred = x - x.mean(dim=-1, keepdim=True)
    s = (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt()  # (..., 1)
    hat = centred / s
    g = gain * d_y
    along = (g * hat).mean(dim=-1, keepdim=True)
    d_x = (g - g.mean(dim=-1, keepdim=True) - hat * along) / s
    C = len(gain)
    d_gain = (d_y * hat).reshape(-1, C).sum(dim=0)  # (..., C) -> (C,)
    return d_x, d_gain, d_y.reshape(-1, C).sum(dim=0)
    # END SOLUTION


# %%
check("q3")

# %% [markdown]
# ## q4. What is known is not computed again (6 points)
#
# A GPT writes one token after another, and each new token looks at all before it. Run
# the whole model again for each token, and the keys of the first word are computed a
# thousand times, always with the same result. No token sees the future, so nothing that
# comes later can change them. So one **keeps** the keys and values: that is the KV
# cache, and without it no chatbot would answer in time.
#
# Write one step. It reads one new token of each sequence, and returns the logits for
# the next. The model is given; look at `Decoder` and `Block` above. You need
#
# - `model.embed(tokens, place)`: vectors $(B, C)$ of the tokens $(B,)$, which all stand
#   at this place (the first is 0);
# - `model.blocks`, a list, and of each block
#   - `block.project(x)`: the query, the key and the value of $x$, each $(B, C)$,
#   - `block.attend(query, keys, values)`: what a query $(B, C)$ hears from $n$ keys and
#     values $(B, n, C)$,
#   - `block.finish(x, heard)`: the rest of the block, $(B, C)$;
# - `model.output(x)`: the logits $(B, V)$.
#
# The cache is a list with one pair `(keys, values)` for **each block**, and both are
# $(B, n, C)$ after $n$ tokens. At the start $n = 0$. Five things to mind:
#
# - The new token stands at place $n$, not at place 0. The cache knows $n$.
# - It sees itself too: its own key and value go to the end of the cache *before* it
#   looks.
# - What a block reads is what the block before it returned.
# - Each block projects each token **once**.
# - The old cache must stay as it is. In a beam search several sentences go on from the
#   same one. So make a new list, and new tensors.
#
# **By hand.** One block, and everything is one number wide. The words are $a = 1$ and
# $b = 3$, the places 0, 1 and 2 have the codes 0, 2 and 5. The query is always 0, so
# all that is seen weighs the same, and what is heard is the *mean of the values*. The
# value of a token is its $x$, and `finish` only adds: $x + \text{heard}$. The tokens
# are $a$, $b$, $a$:
#
# | token | place | $x$ | values seen | heard | $x$ at the end | logits of $a$, $b$ |
# |---|---|---|---|---|---|---|
# | $a$ | 0 | 1 + 0 = 1 | 1 | 1 | 2 | 2, 6 |
# | $b$ | 1 | 3 + 2 = 5 | 1, 5 | 3 | 8 | 8, 24 |
# | $a$ | 2 | 1 + 5 = 6 | 1, 5, 6 | 4 | 10 | 10, 30 |
#
# If you get 5 and 15 in the second row, you are at place 0 again. With 10 and 30
# there, the cache was overwritten: the token hears only itself.


# %% tags=["answer:q4"]
def step(tokens, cache, model):
    """Read one token of each sequence: tokens (B,).

    cache holds (keys, values), each (B, n, C), for each block: of the n tokens so far.
    Returns the logits (B, V) of the next token, and the new cache, in this order.
    """
    # BEGIN SOLUTION
    place = cache[0][0].shape[1]
    x = model.embed(tokens, place)  # (B,) -> (B, C)
    new = []
    for block, (keys, values) in zip(model.blocks, cache, strict=True):
        query, key, value = block.project(x)
        keys = torch.cat([keys, key[:, None]], dim=1)  # (B, n + 1, C)
        values = torch.cat([values, value[:, None]], dim=1)
        new.append((keys, values))
        x = block.finish(x, block.attend(query, keys, values))
    return model.output(x), new
    # END SOLUTION


# %%
check("q4")

# %% [markdown]
# ## In words (no points)
#
# Answer each aloud, then unfold.
#
# <details><summary>A colleague splits the heads of q1 by
# <code>y.reshape(B, H, T, D)</code>, and joins them again by
# <code>reshape(B, T, C)</code>. The shapes are right, and the model even learns
# something. What do its heads see?</summary>
#
# Not all tokens. A reshape keeps the order in memory, where the $C$ numbers of token 1
# come before those of token 2. So "head 1" gets the first tokens, cut into pieces of
# $D$ numbers, and "head 2" the next ones. With two heads, the second half of a sentence
# never hears of the first, and a mask of $S$ places is laid over pieces, not tokens.
# The heads must be split off first, $(B, T, H, D)$, and then change places with the
# tokens.
#
# </details>
#
# <details><summary>Take two codes of q2 and multiply them: the sum of the products of
# their numbers. Why does it depend on the distance of the places only?</summary>
#
# Hand $i$ brings, for the places $p$ and $r$,
#
# $$\sin p\theta_i \sin r\theta_i + \cos p\theta_i \cos r\theta_i
# = \cos((p - r)\,\theta_i) .$$
#
# So a hand needs both of its numbers. (The order is a convention: all sines first, then
# all cosines would give the same product. But a model that was trained with one order
# cannot read the other.)
#
# </details>
#
# <details><summary>In q3, the gradients of one token's x add up to 0, whatever the
# gain and the error are. Why must that be?</summary>
#
# Add the same number to all $C$ entries of $x$: the mean takes it away again, and $y$
# stays the same. So in the direction $(1, \dots, 1)$ the loss does not change. For
# $\varepsilon = 0$ there is a second such direction: stretch $x - \mu$, and $s$ takes
# that away. With two numbers these two directions are all there are. Hence the 0 in the
# example.
#
# </details>
#
# <details><summary>A decoder has 12 blocks and C = 768, and its cache is kept in
# float16. How much memory does one sequence of 1024 tokens take? What would many heads
# that share their keys and values save?</summary>
#
# $2 \cdot 12 \cdot 768 \cdot 1024$ numbers of 2 bytes: about 38 MB, for one
# sequence. In each step all of it is read once, for a single token. Where all $H$ heads
# share one head's keys and values, the cache is $H$ times smaller.
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
