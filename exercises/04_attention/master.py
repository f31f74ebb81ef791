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
# # Exercise 4: attention by hand
#
# In this exercise you build what a decoder needs to look back at the source: weights
# that leave the padding out (q1), the additive score (q2), Luong's general score and
# his output (q3), and one step of a decoder in each of its orders (q4). At the end you
# derive how an error teaches the weights where to look (q5).
#
# **20 points, about an hour.** You need chapter 4.
#
# How it works: replace each line `raise NotImplementedError(...)` by your answer, run
# the cell, then run the `check` below it. A check runs the *visible* tests. The hidden
# ones ask the same of random inputs, so an answer that is right is right there too. In
# q2 you may use your `masked_softmax` of q1: the tests of q2 put the right one in its
# place. No other question builds on another.
#
# The letters are those of the chapter:
#
# | letter | meaning |
# |---|---|
# | $B$, $S$ | sentences in a batch, places in the longest source of them |
# | $h_i$ | state of the encoder at place $i$, a vector of $M$ numbers |
# | $s_t$ | state of the decoder after step $t$, a vector of $H$ numbers |
# | $q$ | query: what the places are compared with, a vector of $Q$ numbers |
# | $e_i$ | score of place $i$ |
# | $\alpha_i$ | weight of place $i$: the softmax of the scores |
# | $\sum_i \alpha_i h_i$ | the context, `context` in code |
# | $[a; b]$ | the vectors $a$ and $b$ as one, $a$ first |
# | mask | `True` where there is a token, `False` where there is padding |

# %%
import math

import torch

from course_lib.grading import exercise

torch.set_printoptions(precision=4, sci_mode=False)
check = exercise("04_attention").check

LN3 = math.log(3)  # for the examples: tanh(LN3 / 2) = 0.5, tanh(LN3) = 0.8

# %% [markdown]
# The next cell is no question. In q4 your step is given three functions. Only numbers
# can be sent to your notebook, so the checks send tensors, and this cell makes the
# functions of them. Run it and leave it as it is.


# %%
def run_decoder(words, s, output, order, feed, weights, keys, h):
    """Call your decoder_step for one word after another: words (B, T, E).

    Returns the states and the outputs of all steps, each (B, T, H).
    """
    W_x, W_s, C, D = weights

    def cell(x, s):
        fits("cell", x, (len(h), W_x.shape[1]))
        fits("cell", s, (len(h), W_s.shape[1]))
        return x @ W_x.T + s @ W_s.T  # (B, ...), (B, H) -> (B, H)

    def attend(query):
        fits("attend", query, (len(h), keys.shape[2]))
        compare = torch.nn.functional.scaled_dot_product_attention
        return compare(query[:, None], keys, h, scale=1.0)[:, 0]  # (B, M)

    def combine(context, s):
        fits("combine", context, (len(h), C.shape[1]))
        fits("combine", s, (len(h), D.shape[1]))
        return torch.tanh(context @ C.T + s @ D.T)  # (B, M), (B, H) -> (B, H)

    steps = []
    for t in range(words.shape[1]):
        word = words[:, t]
        s, output = decoder_step(word, s, output, order, feed, cell, attend, combine)
        steps.append((s, output))
    return [torch.stack(part, dim=1) for part in zip(*steps, strict=True)]


def fits(name, tensor, shape):
    if tensor.shape != shape:
        raise ValueError(f"{name}: got shape {tuple(tensor.shape)}, expected {shape}")


# %% [markdown]
# ## q1. Weights that do not see the padding (4 points)
#
# Scores become weights by a softmax, and padding must get **exactly 0**:
#
# $$\alpha_i = \frac{e^{e_i}}{\sum_{j \text{ real}} e^{e_j}}
# \quad \text{where there is a token,} \qquad \alpha_i = 0 \quad \text{elsewhere.}$$
#
# It sounds easy, and three things go wrong with it:
#
# - **The padding takes part.** If it is set to 0 only after the softmax, it still
#   stands below the fraction bar, and the weights no longer add up to 1.
# - **The constant.** Often -1000000000 is written over the padding, "small enough".
#   But a score is any number. A real score may lie below your constant, and then the
#   padding wins.
# - **Nothing to see.** A row may have no token at all: an empty sentence, or a window
#   behind the end of the source. Then all of its weights are 0. The formula gives
#   0/0, and a constant gives the same weight to each place of the padding.
#
# The mask *broadcasts* against the scores, as everywhere in torch: scores of shape
# $(B, T, S)$ come with a mask of shape $(B, 1, S)$, the same for all $T$ queries.
#
# **By hand.** Three scores, of which the last is padding:
#
# | place | 1 | 2 | 3 |
# |---|---|---|---|
# | score | $\ln 3$ | 0 | $\ln 4$ |
# | mask | True | True | False |
# | weight | 0.75 | 0.25 | 0 |
#
# If you get 0.375 and 0.125, you have masked after the softmax; with 0.6, 0.2 and 0.2,
# you have made the *score* of the padding 0, which is a score like any other.


# %% tags=["answer:q1"]
def masked_softmax(scores, mask):
    """The softmax over the last dimension of scores (..., S), where mask is True.

    mask broadcasts against scores. Where it is False the weight is 0, also in a row
    without any True. Returns the weights (..., S).
    """
    # BEGIN SOLUTION
    weights = scores.masked_fill(~mask, -math.inf).softmax(dim=-1)
    return weights.masked_fill(~mask, 0.0)  # a row of -inf alone had become NaN
    # END SOLUTION


# %%
check("q1")

# %% [markdown]
# ## q2. Additive attention (5 points)
#
# Bahdanau et al. (2015) compare a query with a place by a small network. It has one
# layer of $A$ units and a vector $v$ that makes one number of them:
#
# $$e_i = v \cdot \tanh(W_q\, q + W_k\, h_i)$$
#
# The vector $k_i = W_k h_i$ is the **key** of place $i$. It does not depend on the
# query, so it is the same at each step of the decoder. Hence two functions. The first
# runs once per sentence, the second at each step; it is given the keys, and $W_k$ is
# not among its arguments.
#
# 1. `project_keys(h, W_k)` makes the keys.
# 2. `additive_attention(query, keys, h, mask, W_q, v)` makes the context and the
#    weights.
#
# Mind which is which: keys are *compared*, and the context is the weighted mean of the
# *values*, and these are the states $h_i$ themselves.
#
# **By hand.** Let $A = M = Q = 1$ and $q = 1$, with $W_q = \tfrac{1}{2} \ln 3$,
# $W_k = -\tfrac{1}{2} \ln 3$ and $v = 2 \ln 3$. The third place is padding:
#
# | place | 1 | 2 | 3 |
# |---|---|---|---|
# | $h_i$ | 0 | 1 | 0 |
# | $W_q q + W_k h_i$ | $\tfrac{1}{2} \ln 3$ | 0 | padding |
# | $e_i$ | $2 \ln 3 \cdot 0.5 = \ln 3$ | 0 | padding |
# | $\alpha_i$ | 0.75 | 0.25 | 0 |
#
# The context is $0.75 \cdot 0 + 0.25 \cdot 1 = 0.25$. With the padding it would be
# $1/7$, and with the keys in place of the values it would be negative.


# %% tags=["answer:q2"]
def project_keys(h, W_k):
    """The keys of all places: h (B, S, M), W_k (A, M) -> (B, S, A)."""
    # BEGIN SOLUTION
    return h @ W_k.T
    # END SOLUTION


def additive_attention(query, keys, h, mask, W_q, v):
    """Look at the source once.

    query (B, Q) is compared with keys (B, S, A); h (B, S, M) holds the values, and
    mask (B, S) is True where there is a token. The weights of the score are
    W_q (A, Q) and v (A,).
    Returns the context (B, M) and the weights (B, S), in this order.
    """
    # BEGIN SOLUTION
    inside = (query @ W_q.T)[:, None] + keys  # (B, 1, A), (B, S, A) -> (B, S, A)
    weights = masked_softmax(inside.tanh() @ v, mask)  # (B, S)
    return (weights[..., None] * h).sum(dim=1), weights  # (B, S, M) -> (B, M)
    # END SOLUTION


# %%
check("q2")

# %% [markdown]
# ## q3. Luong's general score, and what he does with the context (3 points)
#
# Luong et al. (2015) have a simpler score, a product with one matrix between its
# factors:
#
# $$e_i = s \cdot W_a\, h_i$$
#
# where $W_a$ has $H$ rows and $M$ columns, so the two vectors need not have the same
# size. There is no tanh in it. It comes later: the context meets the state in a layer
# of its own, and what it says is the *attentional output*,
#
# $$\text{output} = \tanh(W_c\, [\text{context}; s]).$$
#
# The context stands **first** in $[\text{context}; s]$. So the first $M$ columns of
# $W_c$ belong to it and the other $H$ to the state.
#
# Write both, for a batch and without loops. `general_scores` returns the scores as they
# are, before any mask and softmax.
#
# **By hand.** Let $H = 2$ and $M = 1$, with $s = (2, -1)$, and let $W_a$ have the rows
# $(3)$ and $(4)$. The places are $h_1 = 1$ and $h_2 = -2$. Then
# $W_a h_1 = (3, 4)$ and $e_1 = 2 \cdot 3 - 1 \cdot 4 = 2$, and $e_2 = -4$.
#
# For the output let $H = M = 1$, $W_c = (\ln 3, \tfrac{1}{2} \ln 3)$, a context of 1
# and a state of -1: $\tanh(\ln 3 - \tfrac{1}{2} \ln 3) = 0.5$. The other way round you
# would get -0.5.


# %% tags=["answer:q3"]
def general_scores(s, h, W_a):
    """Luong's general score: s (B, H), h (B, S, M), W_a (H, M) -> (B, S)."""
    # BEGIN SOLUTION
    return (h @ W_a.T @ s[..., None]).squeeze(-1)  # (B, S, H), (B, H, 1) -> (B, S)
    # END SOLUTION


def attentional_output(context, s, W_c):
    """context (B, M), s (B, H), W_c (H, M + H) -> (B, H)."""
    # BEGIN SOLUTION
    both = torch.cat([context, s], dim=1)  # (B, M + H)
    return torch.tanh(both @ W_c.T)
    # END SOLUTION


# %%
check("q3")

# %% [markdown]
# ## q4. What is fed when (4 points)
#
# Now the parts become a step of the decoder. In which order? Here Bahdanau and Luong
# differ, and it is easily mixed up:
#
# - `order="before"` (Bahdanau): look first. The query is the **old** state $s_{t-1}$,
#   and the context goes into the cell, beside the word.
# - `order="after"` (Luong): step first. The query is the **new** state $s_t$, and the
#   cell sees no context.
#
# And in both there may be *input feeding* (`feed=True`): the cell is also shown the
# output of the step before, so that it knows what has been looked at already. Without
# it, what was last put out plays no part in the step. So the cell reads
#
# | | `feed=False` | `feed=True` |
# |---|---|---|
# | `"before"` | [word; context] | [word; context; output of step $t - 1$] |
# | `"after"` | [word] | [word; output of step $t - 1$] |
#
# in the order that stands here. In all four the step ends in the same way: the context
# of this step and the new state are combined to the new output. (Bahdanau's own output
# layer was another, a maxout; here both orders get the same.) There is **one** look at
# the source in each step.
#
# You are given the parts as functions, all of them for a batch:
#
# - `cell(x, s)` makes the new state of what is read, $x$, and the old state;
# - `attend(query)` makes the context $(B, M)$ of a query $(B, H)$;
# - `combine(context, s)` makes the output $(B, H)$ of them: the layer of q3.
#
# **By hand.** Everything is one number wide, and $L = \ln 3$. The old state is $L$, the
# word is $-2L$, and the last output was 0.5. The cell adds up what it gets, but counts
# the output $2L$ times. The source has two places, with the keys 0 and 1 and the values
# 0 and $4L$. So the queries $-L$, 0 and $L$ give the contexts $L$, $2L$ and $3L$. And
# `combine` is $\tanh(\tfrac{1}{2}\,\text{context} - \tfrac{1}{2}\,s)$.
#
# | `order` | `feed` | the cell reads | new state | context | new output |
# |---|---|---|---|---|---|
# | `"before"` | no | $-2L;\ 3L$ | $2L$ | $3L$ | 0.5 |
# | `"before"` | yes | $-2L;\ 3L;\ 0.5$ | $3L$ | $3L$ | 0 |
# | `"after"` | no | $-2L$ | $-L$ | $L$ | 0.8 |
# | `"after"` | yes | $-2L;\ 0.5$ | 0 | $2L$ | 0.8 |
#
# Go through the first and the last row with pencil before you write code. The checks
# run your step over several words, each time with the state and the output that you
# returned last.


# %% tags=["answer:q4"]
def decoder_step(word, s, output, order, feed, cell, attend, combine):
    """One step of a decoder with attention.

    word (B, E) is the embedding of the word that is read; s and output (B, H) are the
    state and the output of the step before. order is "before" or "after", feed is True
    or False. cell, attend and combine are functions, as above.
    Returns the new state and the new output, in this order, each (B, H).
    """
    # BEGIN SOLUTION
    read = [word]
    if order == "before":
        context = attend(s)
        read.append(context)
    if feed:
        read.append(output)
    s = cell(torch.cat(read, dim=1), s)
    if order == "after":
        context = attend(s)
    return s, combine(context, s)
    # END SOLUTION


# %%
check("q4")

# %% [markdown]
# ## q5. How the weights learn where to look (4 points)
#
# Nobody tells the model which word to look at. It learns that from the loss, through
# the weighted mean
#
# $$\text{context} = \sum_i \alpha_i h_i, \qquad
# \alpha_i = \frac{e^{e_i}}{\sum_j e^{e_j}} .$$
#
# Let the error have arrived at the context: $g = \partial L / \partial\,\text{context}$
# is given, a vector of $M$ numbers. Derive, with pencil:
#
# 1. $\partial L / \partial h_i$, the error that reaches the state $h_i$ **through the
#    mean**. (Scores and weights are taken as fixed here: what reaches $h_i$ through its
#    key is not asked.)
# 2. $\partial L / \partial \alpha_i$. How does the loss change if place $i$ gets a bit
#    more weight? It is a number, for $\alpha_i$ is one.
# 3. $\partial L / \partial e_i$, with the derivative of the softmax,
#
# $$\frac{\partial \alpha_j}{\partial e_i} =
# \begin{cases}
# \alpha_i (1 - \alpha_i) & \text{for } j = i \\
# -\alpha_j \alpha_i & \text{otherwise}
# \end{cases}$$
#
# A higher score for one place takes weight from *all* others, so $e_i$ acts on the loss
# through each $\alpha_j$: sum over $j$, then put $\alpha_i$ outside the bracket. What
# remains inside has a simple meaning: place $i$, compared with the mean.
#
# Write 1 and 3 as one function, with products and sums and without autograd; the tests
# have it check you.
#
# **By hand.** $M = 1$ and $g = 2$, with two places:
#
# | place | 1 | 2 |
# |---|---|---|
# | $\alpha_i$ | 0.75 | 0.25 |
# | $h_i$ | 8 | 0 |
# | $\partial L / \partial e_i$ | 3 | -3 |
# | $\partial L / \partial h_i$ | 1.5 | 0.5 |
#
# Gradient descent lowers the first score. That is right: $g$ says that the context is
# too large, and the 8 makes it so. Why must the errors of the scores add up to 0?


# %% tags=["answer:q5"]
def attention_backward(g, weights, h):
    """Send the error of the context back to the scores and to the states.

    g (B, M) is dL/dcontext, weights (B, S) the weights after the softmax, h (B, S, M)
    the states. Returns dL/de (B, S) and dL/dh through the mean (B, S, M), in this
    order.
    """
    # BEGIN SOLUTION
    d_weights = (h * g[:, None]).sum(dim=2)  # (B, S, M) -> (B, S), g · h_i
    mean = (weights * d_weights).sum(dim=1, keepdim=True)  # (B, 1)
    return weights * (d_weights - mean), weights[..., None] * g[:, None]
    # END SOLUTION


# %%
check("q5")

# %% [markdown]
# ## In words (no points)
#
# Answer each aloud, then unfold.
#
# <details><summary>A colleague's answer to q1 multiplies the exponentials by the mask,
# divides by their sum, and puts 0 for NaN where a row is empty. For moderate scores the
# weights are right. What goes wrong in training?</summary>
#
# The way back. An empty row is 0/0, whose derivative is NaN. The 0 that arrives from
# above is multiplied by it, and $0 \cdot$ NaN is NaN. One such sentence in a batch, and
# the next step of the optimizer makes weights NaN, and these everything else. Whoever
# *overwrites* the scores of the padding first (`masked_fill`) is safe: to an entry that
# was overwritten nothing is sent back.
#
# </details>
#
# <details><summary>Whoever projects the keys again at each step of q2 gets the same
# numbers. What does it cost, and what can nobody save?</summary>
#
# With $T$ steps, $T$ times $S \cdot A \cdot M$ multiplications in place of one time,
# $M$ times what the products with $v$ need. What nobody can save is the tanh. It stands
# around the *sum* of query and key, so it has to be computed for each pair:
# $T \cdot S \cdot A$ values. Luong's score has none, and there, once the keys are made,
# $s \cdot W_a h_i$ for all pairs is one product of two matrices.
#
# </details>
#
# <details><summary>One of the four kinds of q4 can run all steps of its recurrent layer
# in one call, if the words are known. Which, and what stops the other three?</summary>
#
# `"after"` without feeding. There the cell reads words only, so all states can be made
# first, and then all contexts at once. With `"before"` each step waits for the context
# of its own old state; with feeding it waits for the output of the step before, which
# waits for its context.
#
# </details>
#
# <details><summary>In q5, let the model be quite sure: one weight is 1, and the others
# are 0. It looks at the wrong word. What does it learn from its mistake?</summary>
#
# At the scores, nothing: where $\alpha_i = 0$ the gradient is 0, and where
# $\alpha_i = 1$ the mean *is* $g \cdot h_i$, so the bracket is 0. A softmax that is
# saturated does not learn where to look. Scores far apart bring it there, and that is
# why the chapter divides a dot product by the root of its width.
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
