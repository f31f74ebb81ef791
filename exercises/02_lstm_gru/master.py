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
# # Exercise 2: LSTM and GRU by hand
#
# In this exercise you open the two gated layers. You take one step of an LSTM (q1) and
# of a GRU (q2), send an error back through a gate without autograd (q3), and follow it
# along the cell over many steps (q4). At the end you move the weights of a GRU to
# torch, from a program that writes the same network another way (q5).
#
# **20 points, about an hour.** You need chapter 2.
#
# How it works: replace each line `raise NotImplementedError(...)` by your answer, run
# the cell, then run the `check` below it. A check runs the *visible* tests. The hidden
# ones ask the same of random inputs, so an answer that is right is right there too. No
# question builds on your answer to another.
#
# The letters are those of the chapter:
#
# | letter | meaning |
# |---|---|
# | $B$, $T$ | sequences in a batch, time steps |
# | $I$, $H$ | numbers that come in at each step, numbers in the state |
# | $x_t$ | input at step $t$, shape $(B, I)$ |
# | $h_t$, $c_t$ | state and cell after step $t$, each of shape $(B, H)$ |
# | $i, f, o$; $r, z$ | gates of the LSTM; gates of the GRU; all between 0 and 1 |
# | $g$; $n$ | the candidate of the LSTM; that of the GRU |
# | $\sigma$, $\odot$ | the sigmoid; multiplication entry by entry |

# %%
import math

import torch

from course_lib.grading import exercise

torch.set_printoptions(precision=4, sci_mode=False)
check = exercise("02_lstm_gru").check

LN3 = math.log(3)  # for the examples: sigmoid(LN3) = 0.75, tanh(LN3 / 2) = 0.5

# %% [markdown]
# ## q1. One step of an LSTM (3 points)
#
# An LSTM has four blocks: three gates and a candidate. They differ only in their
# weights and in what squashes them:
#
# $$
# \begin{aligned}
# i, f, o &= \sigma(W_x\, x_t + W_h\, h_{t-1} + b)
#     && \text{each with its own rows of } W_x, W_h, b \\
# g &= \tanh(W_x\, x_t + W_h\, h_{t-1} + b)
#     && \text{with its own rows} \\
# c_t &= f \odot c_{t-1} + i \odot g \\
# h_t &= o \odot \tanh(c_t)
# \end{aligned}
# $$
#
# All rows are **stacked in one matrix**, in torch's order $i, f, g, o$: the first $H$
# rows belong to $i$, the next $H$ to $f$, and so on. So one product serves all four
# blocks. As in exercise 1, the formulas speak of column vectors, and your tensors hold
# one sequence in each row.
#
# **By hand.** Let $B = I = H = 1$, $x_t = 1$, $h_{t-1} = 0$, $c_{t-1} = 2$, no bias,
# and let $W_x$ hold these four numbers:
#
# | block | $i$ | $f$ | $g$ | $o$ |
# |---|---|---|---|---|
# | row of $W_x$ | $0$ | $\ln 3$ | $\tfrac{1}{2} \ln 3$ | $-\ln 3$ |
# | after squashing | 0.5 | 0.75 | 0.5 | 0.25 |
#
# Then $c_t = 0.75 \cdot 2 + 0.5 \cdot 0.5 = 1.75$, and
# $h_t = 0.25 \cdot \tanh(1.75) = 0.2353$. The check asks this first.


# %% tags=["answer:q1"]
def lstm_step(x_t, h, c, W_x, W_h, b):
    """One step of an LSTM.

    x_t (B, I) is the input; h and c (B, H) are the state and the cell before the step.
    W_x (4H, I), W_h (4H, H) and b (4H,) hold the blocks i, f, g, o, in this order.
    Returns the state and the cell after the step, in this order, each (B, H).
    """
    # BEGIN SOLUTION
    a = x_t @ W_x.T + h @ W_h.T + b  # (B, I), (B, H) -> (B, 4H)
    i, f, g, o = a.chunk(4, dim=1)  # (B, 4H) -> 4 x (B, H)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c
    # END SOLUTION


# %%
check("q1")

# %% [markdown]
# ## q2. One step of a GRU, in two forms (3 points)
#
# A GRU has no cell. Its update gate $z$ says how much of the old state is **kept**, its
# reset gate $r$ how much of it the candidate may see:
#
# $$
# \begin{aligned}
# r, z &= \sigma(W_x\, x_t + b_x + W_h\, h_{t-1} + b_h)
#     && \text{each with its own rows} \\
# h_t &= z \odot h_{t-1} + (1 - z) \odot n
# \end{aligned}
# $$
#
# For the candidate there are two forms. With the rows of $n$ written as $W_x^n$,
# $W_h^n$, $b_x^n$, $b_h^n$:
#
# $$
# \begin{aligned}
# \texttt{"after"}:\quad
#     n &= \tanh\bigl(W_x^n x_t + b_x^n + r \odot (W_h^n h_{t-1} + b_h^n)\bigr) \\
# \texttt{"before"}:\quad
#     n &= \tanh\bigl(W_x^n x_t + b_x^n + W_h^n (r \odot h_{t-1}) + b_h^n\bigr)
# \end{aligned}
# $$
#
# Torch resets *after* the product: one product with $W_h$ then serves all blocks. Cho
# et al. (2014) reset *before* it. The rows are stacked in torch's order $r, z, n$. As
# in torch there are two biases, because in the first form $b_h^n$ stands inside the
# reset. (The chapter adds them up wherever that changes nothing.)
#
# **By hand.** Two units, $h_{t-1} = (1, -1)$, no biases, and an input that sets the
# gates to $r = (0.75, 0.25)$ and $z = (0.75, 0.75)$. The candidate sees nothing of the
# input, and $W_h^n$, with the rows $(0, 1)$ and $(1, 0)$, swaps the two units. Then:
#
# | | inside the tanh | $n$ | $h_t$ |
# |---|---|---|---|
# | `"after"` | -0.75, 0.25 | -0.6351, 0.2449 | 0.5912, -0.6888 |
# | `"before"` | -0.25, 0.75 | -0.2449, 0.6351 | 0.6888, -0.5912 |
#
# The weights are the same, and the networks are not. The check asks this first.


# %% tags=["answer:q2"]
def gru_step(x_t, h, W_x, W_h, b_x, b_h, reset):
    """One step of a GRU.

    x_t (B, I) is the input, h (B, H) the state before the step. W_x (3H, I),
    W_h (3H, H), b_x (3H,) and b_h (3H,) hold the blocks r, z, n, in this order.
    reset is "after" or "before" (the product with W_h).
    Returns the state after the step, (B, H).
    """
    # BEGIN SOLUTION
    x_r, x_z, x_n = (x_t @ W_x.T + b_x).chunk(3, dim=1)  # (B, 3H) -> 3 x (B, H)
    h_r, h_z, h_n = (h @ W_h.T + b_h).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    if reset == "after":
        n = torch.tanh(x_n + r * h_n)
    else:
        n = torch.tanh(x_n + (r * h) @ W_h.chunk(3)[2].T + b_h.chunk(3)[2])
    return z * h + (1 - z) * n
    # END SOLUTION


# %%
check("q2")

# %% [markdown]
# ## q3. Back through the forget gate (5 points)
#
# Now the other direction, for **one** step of an LSTM:
#
# $$
# f = \sigma(a_f), \qquad
# c_t = f \odot c_{t-1} + i \odot g, \qquad
# h_t = o \odot \tanh(c_t)
# $$
#
# where $a_f$ is the sum that goes into the sigmoid. The later steps are done, and two
# errors have arrived from them: $d_h = \partial L / \partial h_t$, and $d_c$, which
# comes from $c_{t+1}$ along the cell. So $d_c$ does **not** yet hold what reaches $c_t$
# through $h_t$.
#
# Derive, with pencil and the chain rule:
#
# 1. the whole error $\partial L / \partial c_t$ (on which two ways does $c_t$ act on
#    $L$?);
# 2. $\partial L / \partial a_f$, the gradient of the forget gate before its sigmoid;
# 3. the error handed on to $c_{t-1}$ **along the cell**, through $f \odot c_{t-1}$.
#    (What is handed on to $h_{t-1}$, through the gates, is not asked here.)
#
# You need two derivatives: $\sigma'(a) = \sigma(a)\,(1 - \sigma(a))$ and
# $\tanh'(c) = 1 - \tanh^2(c)$. Everything is entry by entry: there is no matrix here.
#
# **By hand.** Let $f = 0.75$, $o = 0.5$, $c_{t-1} = 2$ and $c_t = \tfrac{1}{2} \ln 3$,
# so that $\tanh(c_t) = 0.5$. With $d_h = 2$ and $d_c = 0.25$ you should find
# $\partial L / \partial a_f = 0.375$ and $0.75$ for the error handed on. Check your
# formulas with these numbers before you write code.


# %% tags=["answer:q3"]
def forget_gate_backward(d_h, d_c, f, o, c_before, c):
    """Send the errors of one LSTM step back through its forget gate.

    d_h (B, H) is dL/dh_t; d_c (B, H) is what reaches c_t along the cell.
    f and o (B, H) are the gates, after the sigmoid; c_before and c (B, H) are the cell
    before and after the step, c_{t-1} and c_t.
    Returns dL/da_f and the error handed on to c_{t-1} along the cell, each (B, H).
    """
    # BEGIN SOLUTION
    d_c = d_c + d_h * o * (1 - c.tanh() ** 2)
    return d_c * c_before * f * (1 - f), d_c * f
    # END SOLUTION


# %%
check("q3")

# %% [markdown]
# ## q4. Along the cell (4 points)
#
# Repeat the last line of q3 over many steps, and leave the way through $h_t$ out: the
# error that reaches $c_t$ along the cell alone is the error on $c_T$ times **every
# forget gate on the way**,
#
# $$d_{c_t} = d_{c_T} \odot f_{t+1} \odot f_{t+2} \odot \dots \odot f_T .$$
#
# No matrix and no derivative of a squashing function: that is the additive path. Mind
# the index: $f_t$ stands between $c_{t-1}$ and $c_t$.
#
# Write two functions:
#
# 1. `cell_errors(f, d_c)` takes the gates $f_1, \dots, f_T$ as rows, shape $(T, H)$,
#    and the error `d_c` on $c_T$, shape $(H,)$. It returns the errors on
#    $c_0, c_1, \dots, c_T$ as rows, shape $(T + 1, H)$. (The row `f[0]` is $f_1$.) A
#    gate may be closed, exactly 0; nothing arrives before it.
# 2. `half_life(f)` takes one number $0 < f \le 1$, a gate that is the same at each
#    step. It returns the number of steps after which half of the error is left: the $k$
#    with $f^k = \tfrac{1}{2}$. It need not be whole. A gate of 1 loses nothing; return
#    `math.inf`.
#
# **By hand.** One unit, $T = 3$, the gates $f_1, f_2, f_3 = 0.5, 0.8, 0.25$ and an
# error of 10 on $c_3$:
#
# | on | $c_0$ | $c_1$ | $c_2$ | $c_3$ |
# |---|---|---|---|---|
# | error | 1 | 2 | 2.5 | 10 |
#
# Before you run the check, guess: a gate of 0.5 halves the error at each step. How many
# steps does a gate of 0.99 need?


# %% tags=["answer:q4"]
def cell_errors(f, d_c):
    """The errors along the cell: f (T, H), d_c (H,) on c_T -> (T + 1, H).

    Row t is the error on c_t; row 0 that on the first cell, row T is d_c itself.
    """
    # BEGIN SOLUTION
    errors = [d_c]
    for gate in f.flip(0):  # f_T first
        errors.append(gate * errors[-1])
    return torch.stack(errors).flip(0)  # (T + 1) times (H,) -> (T + 1, H)
    # END SOLUTION


def half_life(f):
    """Steps until half of the error is left, for a gate that is always f, a float."""
    # BEGIN SOLUTION
    return math.inf if f == 1 else math.log(0.5) / math.log(f)
    # END SOLUTION


# %%
check("q4")

# %% [markdown]
# ## q5. The same network, written another way (5 points)
#
# You are given a trained GRU from another program. It uses the letters of Chung et al.
# (2014), where the update gate **replaces**:
#
# $$h_t = (1 - z) \odot h_{t-1} + z \odot n$$
#
# In torch, $z$ **keeps** (q2). The program differs from torch in up to three things:
#
# | | this program | torch |
# |---|---|---|
# | order of the blocks | $z, r, n$ | $r, z, n$ |
# | a $z$ near 1 | replaces the state | keeps the state |
# | reset | `"after"` or `"before"`, as in q2 | `"after"` |
#
# The rest is as in q2: two biases, the sigmoid for the gates, tanh for $n$. Return the
# weights with which torch computes **the same states**:
#
# 1. **Order.** Put the rows of every tensor into torch's order.
# 2. **Update gate.** Torch's $z$ must be one minus theirs. Use
#    $1 - \sigma(a) = \sigma(-a)$: what becomes of the rows of $z$? In which of the four
#    tensors?
# 3. **Reset.** With `"after"` nothing more is to be done. With `"before"`, compare the
#    two forms of q2. Torch would need
#    $r \odot (W_h^n h) = W_h^n (r \odot h)$ for all $r$ and $h$. Write out the first
#    row for $H = 2$, and you see that it holds exactly if $W_h^n$ is **diagonal**: each
#    unit's candidate reads only its own old state. If it is not, return `None`: the
#    weights cannot be moved. If it is, one thing remains. Where does $b_h^n$ stand in
#    the two forms, and where must it go?
#
# With $H = 1$ every $W_h^n$ is diagonal. (We leave aside units whose reset gates happen
# to be the same all the time.)
#
# **By hand.** Let $H = I = 1$. The blocks $z, r, n$ of the program, and $r, z, n$ of
# torch:
#
# | | theirs | torch, from `"after"` | torch, from `"before"` |
# |---|---|---|---|
# | `W_x` | 0.5, 0.2, 0.7 | 0.2, -0.5, 0.7 | 0.2, -0.5, 0.7 |
# | `W_h` | 0.6, 0.8, 0.9 | 0.8, -0.6, 0.9 | 0.8, -0.6, 0.9 |
# | `b_x` | 0.1, 0.2, 0.3 | 0.2, -0.1, 0.3 | find it |
# | `b_h` | 0.4, 0.5, 0.6 | 0.5, -0.4, 0.6 | find it |
#
# The tests run torch with your weights and compare the states, so any biases that give
# the same network are right.


# %% tags=["answer:q5"]
def to_torch(W_x, W_h, b_x, b_h, reset):
    """Move a GRU in which z replaces, with blocks z, r, n, to torch.

    W_x (3H, I), W_h (3H, H), b_x (3H,), b_h (3H,); reset is "after" or "before".
    Returns W_x, W_h, b_x, b_h for torch, with blocks r, z, n and z keeping, in the
    same shapes; or None where torch can't compute this network.
    """
    # BEGIN SOLUTION
    moved = []
    for tensor in (W_x, W_h, b_x, b_h):
        z, r, n = tensor.chunk(3)  # (3H, ...) -> 3 x (H, ...)
        moved.append(torch.cat([r, -z, n]))
    if reset == "before":
        H = W_h.shape[1]
        W_n = W_h[2 * H :]
        if not torch.equal(W_n, torch.diag(W_n.diagonal())):
            return None
        # Not inside torch's reset, so beside the input's bias.
        moved[2][2 * H :] += moved[3][2 * H :]
        moved[3][2 * H :] = 0
    return moved
    # END SOLUTION


# %%
check("q5")

# %% [markdown]
# ## In words (no points)
#
# Answer each aloud, then unfold.
#
# <details><summary>Which bias of the forget gate gives a half-life of 100 steps, if the
# gate sees nothing but its bias?</summary>
#
# $f^{100} = \tfrac{1}{2}$ gives $f = 2^{-1/100} = 0.9931$, and $\sigma(b) = f$ gives
# $b = \ln \frac{f}{1 - f} = 4.97$. With a bias of 0 the half-life is one step, and over
# 100 steps $2^{-100} \approx 8 \cdot 10^{-31}$ of the error is left. That an LSTM *can*
# keep an error does not mean that it does so from the start.
#
# </details>
#
# <details><summary>Then why not fix f = 1 for good?</summary>
#
# That is the cell of 1997, without a forget gate. It only adds: nothing is ever
# cleared, and on a long text the cell can grow until its tanh is saturated and that
# derivative is gone.
#
# </details>
#
# <details><summary>Your q4 is exact, and still not the whole gradient. What is
# missing?</summary>
#
# The ways through $h_t$: each gate and the candidate read $h_{t-1}$, through $W_h$ and
# a squashing function. Those ways shrink or grow as in a plain RNN.
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
