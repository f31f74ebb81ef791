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
# # Exercise 1: an RNN by hand
#
# In this exercise you build a recurrent network from one line of arithmetic. You take
# one step (q1), run a batch of sequences of different lengths (q2), carry the gradient
# back through time without autograd (q3), keep it from exploding (q4), and at the end
# predict how far back such a network can learn (q5).
#
# **20 points, about 55 minutes.** You need chapter 1 and a little matrix algebra.
#
# How it works: replace each line `raise NotImplementedError(...)` by your answer, run
# the cell, then run the `check` below it. A check runs the *visible* tests. The hidden
# ones ask the same of random inputs, so an answer that is right is right there too.
#
# The letters are those of the chapter:
#
# | letter | meaning |
# |---|---|
# | $B$ | sequences in a batch |
# | $T$ | time steps |
# | $I$ | numbers that come in at each step |
# | $H$ | numbers in the state |
# | $x_t$ | input at step $t$, shape $(B, I)$ |
# | $h_t$ | state after step $t$, shape $(B, H)$ |
# | $W_x, W_h, b$ | parameters, shapes $(H, I)$, $(H, H)$, $(H,)$ |

# %%
import torch

from course_lib.grading import exercise

torch.set_printoptions(precision=4, sci_mode=False)
check = exercise("01_rnn").check

# %% [markdown]
# ## q1. One step (3 points)
#
# A recurrent network has one rule, and uses it at every step. It mixes what comes in
# with what it remembers, and squashes the sum:
#
# $$h_t = \tanh(W_x\, x_t + W_h\, h_{t-1} + b)$$
#
# The formula speaks of one column vector. Your tensors hold a whole batch, with one
# sequence in each *row*. Write down the shapes before you write the code: which
# product of `x_t` $(B, I)$ and `W_x` $(H, I)$ has shape $(B, H)$?


# %% tags=["answer:q1"]
def rnn_step(x_t, h, W_x, W_h, b):
    """One step of an RNN.

    x_t (B, I) is the input, h (B, H) the state before the step.
    Returns the state after it, (B, H).
    """
    # BEGIN SOLUTION
    return torch.tanh(x_t @ W_x.T + h @ W_h.T + b)  # (B, I), (B, H) -> (B, H)
    # END SOLUTION


# %%
check("q1")

# %% [markdown]
# ## q2. A padded batch (5 points)
#
# Sequences have different lengths, and a tensor does not. So short sequences are
# filled up with padding, and a mask says which steps are real:
#
# | | $t=1$ | $t=2$ | $t=3$ | $t=4$ |
# |---|---|---|---|---|
# | `mask[0]` | True | True | True | True |
# | `mask[1]` | True | True | False | False |
#
# Padding must leave no trace. Over a padded step the state is **carried**: it stays
# exactly what it was. Then `states[:, -1]` is the state after the last real step of
# every sequence, and a batch gives what its sequences give one by one.
#
# Call `rnn_step`, with its arguments in the order of q1. While the tests of q2 run, in
# your checks and at grading, q2 is given a right `rnn_step`: a mistake in q1 costs you
# nothing here. Careful: a row of the batch can be padding while its neighbour is not,
# so `if mask[t]` is not enough. `torch.where` chooses row by row.


# %% tags=["answer:q2"]
def run_rnn(x, mask, h0, W_x, W_h, b):
    """Run an RNN over a padded batch.

    x (B, T, I) holds the inputs, mask (B, T) is True at real steps,
    h0 (B, H) is the state before the first step.
    Returns the states after each step, (B, T, H).
    """
    # BEGIN SOLUTION
    h, states = h0, []
    for t in range(x.shape[1]):
        new = rnn_step(x[:, t], h, W_x, W_h, b)  # (B, I), (B, H) -> (B, H)
        h = torch.where(mask[:, t, None], new, h)
        states.append(h)
    return torch.stack(states, dim=1)  # T times (B, H) -> (B, T, H)
    # END SOLUTION


# %%
check("q2")

# %% [markdown]
# ## q3. Back through time (6 points)
#
# Now the other direction. Say a loss $L$ looks at the last state only, and you know
# its gradient there, $g_T = \partial L / \partial h_T$. How does $L$ depend on $W_h$?
# Through *every* step, because each of them used it.
#
# Write $a_t = W_x x_t + W_h h_{t-1} + b$ for the sum inside the tanh, so that
# $h_t = \tanh(a_t)$. Going back from $t = T$ to $t = 1$, three lines are enough:
#
# $$
# \begin{aligned}
# \delta_t &= g_t \odot (1 - h_t^2)
#     && \text{back through the tanh: } \tanh'(a_t) = 1 - h_t^2 \\
# \frac{\partial L}{\partial W_h} &\mathrel{+}= \delta_t\, h_{t-1}^\top
#     && \text{this step's share, added to the others'} \\
# g_{t-1} &= W_h^\top \delta_t
#     && \text{back to the state before}
# \end{aligned}
# $$
#
# Here $\odot$ multiplies entry by entry. The formulas are for one sequence and column
# vectors; for a batch in rows, add up the shares of all sequences. This is
# backpropagation through time, BPTT (Werbos, 1990).
#
# There is no padding in this question. Write it without autograd: the tests compare
# your gradient with autograd's.


# %% tags=["answer:q3"]
def bptt(states, h0, W_h, grad_last):
    """Carry a gradient back through an RNN with tanh.

    states (B, T, H) are h_1 ... h_T, h0 (B, H) is the state before them,
    grad_last (B, H) is dL/dh_T.
    Returns dL/dW_h (H, H), summed over the batch, and dL/dh_0 (B, H).
    """
    # BEGIN SOLUTION
    grad, grad_W_h = grad_last, torch.zeros_like(W_h)
    for t in reversed(range(states.shape[1])):
        delta = grad * (1 - states[:, t] ** 2)
        before = states[:, t - 1] if t > 0 else h0
        grad_W_h = grad_W_h + delta.T @ before  # (H, B) @ (B, H) -> (H, H)
        grad = delta @ W_h
    return grad_W_h, grad
    # END SOLUTION


# %%
check("q3")

# %% [markdown]
# ## q4. A safety belt (3 points)
#
# At each step back, $g$ is multiplied by $W_h^\top$ once more. If that makes it longer
# every time, the gradient explodes, and a single update can ruin what was learned.
# Clipping by the **global norm** (Pascanu et al., 2013) shortens a gradient that is
# too long, and keeps its direction.
#
# Take the gradients $g_1, \dots, g_n$ of all parameters together as one long vector.
# Its length is
#
# $$\lVert g \rVert = \sqrt{\textstyle\sum_i \sum_j g_{ij}^2}$$
#
# where $g_{ij}$ is entry $j$ of gradient $i$. If $\lVert g \rVert$ is larger than
# `max_norm`, multiply **every** gradient by the same factor, so that the length becomes
# `max_norm`. Otherwise change nothing.


# %% tags=["answer:q4"]
def clip_by_global_norm(grads, max_norm):
    """Clip a list of gradients by their common norm.

    grads is a list of tensors of any shapes, max_norm a positive number.
    Returns the list of clipped gradients, in the same order.
    """
    # BEGIN SOLUTION
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    factor = max_norm / norm if norm > max_norm else 1.0
    return [g * factor for g in grads]
    # END SOLUTION


# %%
check("q4")

# %% [markdown]
# ## q5. How far back can it learn? (3 points)
#
# Think of a network whose states stay near zero. There $\tanh'(a) \approx 1$, and
# going back $k$ steps just multiplies the gradient by $(W_h^\top)^k$. For large $k$ one
# number decides how that power behaves: the **spectral radius** $\rho(W_h)$, the
# largest absolute value among the eigenvalues of $W_h$. The norm of the power shrinks
# or grows like $\rho^k$, up to a factor that grows more slowly than any exponential.
# (Eigenvalues can be complex; their absolute value is what counts. The first few steps
# may look different: some matrices stretch a gradient before they shrink it.)
#
# So take $\rho^k$ as the share of the gradient that is left after $k$ steps. Write two
# functions:
#
# 1. `decay_rate(W_h)` returns $\rho(W_h)$ as a float.
# 2. `horizon(W_h, threshold)` returns the smallest whole number $k$ for which
#    $\rho^k$ is **below** `threshold` (a number between 0 and 1). If the gradient does
#    not shrink, there is no such $k$: return `None`.
#
# Before you run the check, guess: with $\rho = 0.9$, after how many steps is less than
# one percent of the gradient left?


# %% tags=["answer:q5"]
def decay_rate(W_h):
    """The spectral radius of W_h (H, H), as a float."""
    # BEGIN SOLUTION
    return torch.linalg.eigvals(W_h).abs().max().item()
    # END SOLUTION


def horizon(W_h, threshold):
    """The smallest whole k with decay_rate(W_h)**k < threshold, or None."""
    # BEGIN SOLUTION
    rate = decay_rate(W_h)
    if rate >= 1:
        return None
    k = 0
    while rate**k >= threshold:
        k += 1
    return k
    # END SOLUTION


# %%
check("q5")

# %% [markdown]
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
