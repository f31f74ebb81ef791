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
# # Exercise 00: a chapter by hand
#
# What is built here, question by question.
#
# **4 points, about 15 minutes.** You need chapter 00.
#
# How it works: replace each line `raise NotImplementedError(...)` by your answer, run
# the cell, then run the `check` below it. A check runs the *visible* tests. The hidden
# ones ask the same of random inputs, so an answer that is right is right there too.

# %%
import torch

from course_lib.grading import exercise

torch.set_printoptions(precision=4, sci_mode=False)
check = exercise("00_a_chapter").check

# %% [markdown]
# ## q1. One layer (4 points)
#
# $$y = W x + b$$
#
# The formula speaks of one column vector. Your tensor holds a batch, one input in each
# row.


# %% tags=["answer:q1"]
def layer(x, W, b):
    """One layer without a nonlinearity.

    x (B, I) holds the inputs; W (O, I) and b (O,) are the parameters.
    Returns the outputs, (B, O).
    """
    # BEGIN SOLUTION
    products = x @ W.T  # (B, I) @ (I, O) -> (B, O)
    return products + b
    # END SOLUTION


# %%
check("q1")

# %% [markdown]
# ## Where you stand
#
# The table counts the visible tests. For the whole score, save the notebook, then run
# this in a new cell, with your file's name:
#
# `!course grade student.ipynb`

# %%
check()
