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
# # Exercise 7: the Vision Transformer by hand
#
# The encoder of a Vision Transformer is that of chapter 5. What is new is around it,
# and you build it here: an image becomes a row of patches, and an image again (q1); the
# patches become vectors with a place (q2); the places fit an image of another size
# (q3); the attention of all blocks becomes one picture (q4); and few images teach more,
# because they are mixed (q5).
#
# **20 points, about 75 minutes.** You need chapter 7.
#
# How it works: replace each line `raise NotImplementedError(...)` by your answer, run
# the cell, then run the `check` below it. A check runs the *visible* tests. The hidden
# ones ask the same of random inputs, so an answer that is right is right there too. No
# question waits for another: q2 may use what q1 made, and its tests then put a right
# `patchify` in place of yours.
#
# Three manners hold for **all** answers, and are tested. Tensors that you are given
# stay as they are. Numbers keep their type: `float64` in, `float64` out. And what you
# make yourself, an identity matrix for example, is made on the device of what you were
# given.
#
# The letters are those of the chapter:
#
# | letter | meaning |
# |---|---|
# | $B$ | images in a batch; an image is `(channels, height, width)` |
# | $P$ | side of a patch, in pixels |
# | $T$ | patches of an image; with the class token there are $1 + T$ tokens |
# | $C$ | numbers of a token's vector |
# | $H$ | heads |
# | $K$ | classes |
# | grid | rows and columns of patches: `(rows, columns)`, $T$ is their product |

# %%
import torch
from torch.overrides import TorchFunctionMode

from course_lib.grading import exercise

torch.set_printoptions(precision=4, sci_mode=False)
check = exercise("07_vit").check

# %% [markdown]
# The next cell is no question. Only numbers can be sent to your notebook and back, so
# the checks call your answers through these functions. Run the cell and leave it as it
# is.


# %%
def watch(name, *arguments):
    """Call your function of this name.

    Returns its answer, and the arguments as they are afterwards.
    """
    return globals()[name](*arguments), arguments


def error_back(name, error, *arguments):
    """Call your function and send the error of its answer back.

    Returns the gradients of all arguments that are tensors of floating numbers.
    """
    arguments = [
        one.clone().requires_grad_() if is_floating(one) else one for one in arguments
    ]
    answer = globals()[name](*arguments)
    if answer.requires_grad:
        answer.backward(error.expand_as(answer))
    return [
        torch.zeros_like(one) if one.grad is None else one.grad
        for one in arguments
        if is_floating(one)
    ]


def is_floating(one):
    return isinstance(one, torch.Tensor) and one.is_floating_point()


class Last(TorchFunctionMode):
    """Remembers the function of torch that was called last."""

    name = ""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.name = func.__name__
        return func(*args, **(kwargs or {}))


def elsewhere(name, *arguments):
    """Call your function with tensors on another device. Returns where the answer is.

    That device is called "meta". Every torch has it; it knows shapes, but no numbers.
    Where your function mixes two devices, the answer is what torch says about it.
    """
    arguments = [
        one.to("meta") if isinstance(one, torch.Tensor) else one for one in arguments
    ]
    try:
        with Last() as last:
            answer = globals()[name](*arguments)
    except Exception as error:
        mixed = last.name in ("__setitem__", "copy_", "numpy") or any(
            words in str(error) for words in ("expected device", "same device")
        )
        return str(error) if mixed else "meta"  # to ask for a value is no mistake
    parts = answer if isinstance(answer, (tuple, list)) else (answer,)
    return " and ".join(sorted({str(part.device) for part in parts}))


# %% [markdown]
# ## q1. Patches, and back (4 points)
#
# A Transformer reads a row of vectors, and an image is none. So cut it into squares of
# $P \times P$ pixels and lay each one flat. Two orders must be agreed on:
#
# - **The squares** stand in the row as one reads a page: the top row of squares from
#   left to right, then the next row.
# - **The numbers of a square** stand as in a small image of its own: all of its first
#   channel, then all of its second. In a channel, again row by row.
#
# The second function is the way back, from $T$ flat squares to the image. Height and
# width are multiples of $P$; they need not be equal.
#
# Both are nothing but a new order of the same numbers. A `reshape` alone can't do it,
# because it never changes the order: think of an axis for each thing that you count
# (which row of squares, which pixel row inside, and so on), and then of their order.
#
# **By hand.** One image of two channels, 2 pixels high and 4 wide, and $P = 2$:
#
# | channel 1 | channel 2 |
# |---|---|
# | 1 2 3 4 | 10 20 30 40 |
# | 5 6 7 8 | 50 60 70 80 |
#
# There are two patches: (1, 2, 5, 6, 10, 20, 50, 60) and (3, 4, 7, 8, 30, 40, 70, 80).
# If yours begins 1, 10, 2, 20, the channels stand inside. If it begins 1, 2, 3, 4, you
# have not cut at all.


# %% tags=["answer:q1"]
def patchify(images, side):
    """The patches of images (B, channels, height, width); side is P.

    Returns (B, T, channels * P * P).
    """
    # BEGIN SOLUTION
    B, channels, height, width = images.shape
    rows, columns = height // side, width // side
    x = images.reshape(B, channels, rows, side, columns, side)
    x = x.permute(0, 2, 4, 1, 3, 5)  # (B, rows, columns, channels, P, P)
    return x.reshape(B, rows * columns, -1)  # (B, T, channels * P * P)
    # END SOLUTION


def unpatchify(patches, side, channels, height, width):
    """The images of which patches (B, T, channels * P * P) are the patches.

    Returns (B, channels, height, width).
    """
    # BEGIN SOLUTION
    rows, columns = height // side, width // side
    x = patches.reshape(-1, rows, columns, channels, side, side)
    x = x.permute(0, 3, 1, 4, 2, 5)  # (B, channels, rows, P, columns, P)
    return x.reshape(-1, channels, height, width)
    # END SOLUTION


# %%
check("q1")

# %% [markdown]
# ## q2. From patches to tokens (4 points)
#
# Each flat patch becomes a vector by one matrix, the same for all: number $c$ of the
# vector is the product of the patch with row $c$ of the matrix, plus a bias. That is a
# **convolution** whose kernel is as large as a patch, and which moves by a whole patch:
# nothing overlaps, nothing is skipped. The weights come in the form of its kernels,
# $(C, \text{channels}, P, P)$. Write it as a product or as a convolution, as you like.
#
# Before the first patch stands a **class token**. It is a learned vector, the same for
# each image, and no patch: the encoder writes there what it thinks of the whole. It has
# no bias of the patches.
#
# Then the **positions** are added, a learned table with a row for each token. Row 0 is
# the class token's, row 1 the first patch's, and so on:
#
# $$x = [\,\text{token};\; \text{patch}_1 E;\; \dots;\; \text{patch}_T E\,]
# + \text{places} .$$
#
# All five tensors are to be learned from, and images may come from something that
# learns, too. So the error must be able to go back to each of them.
#
# **By hand.** $C = 2$, and one image of one channel, 1 pixel high and 2 wide, with the
# pixels 3 and 5. $P = 1$, so a patch is a pixel. The kernels are 2 and $-1$, the bias
# is $(0, 1)$ and the class token $(7, 7)$:
#
# | token | vector | place | sum |
# |---|---|---|---|
# | class | 7, 7 | 0.1, 0.2 | 7.1, 7.2 |
# | pixel 3 | 6, $-2$ | 0.3, 0.4 | 6.3, $-1.6$ |
# | pixel 5 | 10, $-4$ | 0.5, 0.6 | 10.5, $-3.4$ |


# %% tags=["answer:q2"]
def embed(images, weight, bias, token, places):
    """The tokens of images (B, channels, height, width): (B, 1 + T, C).

    weight (C, channels, P, P) and bias (C,) make a vector of a patch; token (C,) is the
    class token, places (1 + T, C) the positions.
    """
    # BEGIN SOLUTION
    x = patchify(images, weight.shape[-1]) @ weight.flatten(1).T + bias  # (B, T, C)
    first = token.expand(len(images), 1, -1)
    return torch.cat([first, x], dim=1) + places
    # END SOLUTION


# %%
check("q2")

# %% [markdown]
# ## q3. Positions for another grid (4 points)
#
# A model was trained with images of 224 pixels, and now it gets larger ones. No weight
# depends on the number of patches, with one exception: the table of positions has a row
# for each. New rows are made by **interpolation**. The table is a picture, as high and
# wide as the grid, with $C$ channels. Scale it to the new grid, and lay it flat again.
#
# The **class row** is not in that picture. It stands nowhere, so it stays as it is, and
# stays the first row.
#
# The chapter scales with bicubic interpolation. Here it is **bilinear**, so that you
# can follow it by hand: rows first, then columns, or the other way round, the result is
# the same. Along an axis that goes from $n$ places to $n'$, the new place $i$ stands at
#
# $$s = (i + \tfrac{1}{2}) \cdot \frac{n}{n'} - \tfrac{1}{2}$$
#
# on the old axis. (So it is the *centres* of the patches that are laid over each
# other.) If $s$ is below 0 it becomes 0, and if it is above $n - 1$ it becomes $n - 1$.
# Then the two old places around $s$ are mixed, the nearer one weighs more: at
# $s = 1.25$ it is 0.75 of place 1 and 0.25 of place 2. It is the same whether the grid
# grows or shrinks. `torch.nn.functional.interpolate` is allowed; it does this with
# `mode="bilinear"`, if nothing else is said.
#
# Where the new grid is the old one, nothing changes. Where it only has as many places,
# 2 × 6 in place of 3 × 4, much does.
#
# **By hand.** $C = 1$, the old grid is 2 × 2, the table (9, 0, 4, 8, 12). The class row
# is 9, and the picture has the rows (0, 4) and (8, 12).
#
# | new grid | new table |
# |---|---|
# | 2 × 4 | 9, 0, 1, 3, 4, 8, 9, 11, 12 |
# | 1 × 4 | 9, 4, 5, 7, 8 |
# | 1 × 1 | 9, 6 |
#
# From 2 places to 4, the new ones stand at $s = -0.25$ (so 0), 0.25, 0.75 and 1.25 (so
# 1). From 2 to 1, at $s = 0.5$. If the first two numbers behind the 9 are 0 and 1.333,
# your corners are laid over each other, not your centres.


# %% tags=["answer:q3"]
def resize_places(table, old, new):
    """Positions for another grid: table (1 + T, C) -> (1 + T', C).

    old and new are grids, (rows, columns). Row 0 is the class token's.
    """
    # BEGIN SOLUTION
    picture = table[1:].T.unflatten(1, old)  # (T, C) -> (C, rows, columns)
    picture = torch.nn.functional.interpolate(picture[None], new, mode="bilinear")[0]
    return torch.cat([table[:1], picture.flatten(1).T])
    # END SOLUTION


# %%
check("q3")

# %% [markdown]
# ## q4. What the class token saw (4 points)
#
# Each block has attention weights: row $t$ says how much token $t$ looks at each token,
# and sums to 1. But in the second block a token is no longer its patch alone, it is
# already a mixture. So what does the class token have of each *patch* in the end?
# **Attention rollout** (Abnar and Zuidema, 2020) follows the flow through all blocks:
#
# 1. In each block, average the heads: $W$, one number for each pair of tokens.
# 2. A block adds what it hears to what was there. Count both as one half:
#    $A = \tfrac{1}{2} W + \tfrac{1}{2} I$, where $I$ is the identity.
# 3. Multiply the blocks. The first block reads the patches, so it stands on the right,
#    next to them: $\text{flow} = A_\text{last} \cdots A_2\, A_1$.
#
# Row $t$ of the flow says what token $t$ has of each patch, and sums to 1 again.
#
# The second function makes a picture of it: the row of the class token, which is token
# 0, **without** its share of itself, divided so that the shares of the patches sum to
# 1, and laid on the grid.
#
# **By hand.** Two tokens, two blocks of one head. In block 1 both look at token 1
# only, in block 2 both at token 2 only:
#
# | | row 1 | row 2 |
# |---|---|---|
# | $A_1$ | 1, 0 | 0.5, 0.5 |
# | $A_2$ | 0.5, 0.5 | 0, 1 |
# | flow | 0.75, 0.25 | 0.5, 0.5 |
#
# If your flow has the rows (0.5, 0.5) and (0.25, 0.75), you multiply in the other
# order: as if token 1 read what block 2 wrote before block 1 wrote it.
#
# A picture: for the row (0.6, 0.1, 0.1, 0.2) of the class token and a grid of 1 × 3 it
# is (0.25, 0.25, 0.5).


# %% tags=["answer:q4"]
def rollout(maps):
    """What each token has of each token of the input: (B, T, T).

    maps (blocks, B, H, T, T) are attention weights, each row sums to 1; here T counts
    the class token, too. The first block is maps[0].
    """
    # BEGIN SOLUTION
    same = torch.eye(maps.shape[-1], dtype=maps.dtype, device=maps.device)
    flow = same.expand(maps.shape[1], -1, -1)
    for weights in maps.mean(dim=2):  # (B, T, T), block after block
        flow = (weights + same) / 2 @ flow
    return flow
    # END SOLUTION


def picture(flow, grid):
    """The class token's shares of the patches: (B, rows, columns); they sum to 1.

    flow (B, 1 + T, 1 + T) is what rollout returns, grid is (rows, columns).
    """
    # BEGIN SOLUTION
    shares = flow[:, 0, 1:]  # (B, T)
    shares = shares / shares.sum(dim=1, keepdim=True)
    return shares.unflatten(1, grid)
    # END SOLUTION


# %%
check("q4")

# %% [markdown]
# ## q5. The loss of mixed images (4 points)
#
# A ViT that sees few images learns them by heart. What the CNN knows from the start, it
# must be taught by **more images than there are**, and by labels that are not too sure.
# DeiT, which needs ImageNet alone, uses both of the following (Touvron et al., 2021).
# And a mistake in them stops nothing: the model still trains, only worse.
#
# **Label smoothing.** In place of "class 2, for sure", the target is a share for each
# of the $K$ classes. A part `smoothing` of the whole is dealt out evenly to **all** $K$
# classes, the right one too, and the rest goes to the right one.
#
# **Mixup.** Image $b$ is mixed with image `order[b]` of the same batch. What stays of
# image $b$ is `share[b]`, a number of its own for each image. The targets are mixed in
# the same way, with the same shares: who sees three quarters of a cat and one of a
# dog should say so.
#
# $$\text{image}'_b = \text{share}_b\, \text{image}_b
# + (1 - \text{share}_b)\, \text{image}_{\text{order}_b}$$
#
# **The loss** is the cross-entropy with such targets, for each image the sum over the
# classes, and then the mean over the batch:
#
# $$L = - \frac{1}{B} \sum_b \sum_k \text{target}_{bk}
# \log \operatorname{softmax}(\text{logits}_b)_k .$$
#
# Write it without torch's `cross_entropy`; the tests compare with it. Logits may be as
# large as 1000, where the logarithm of a softmax that has become 0 is minus infinity.
# Return a tensor with one number, from which the error can go back.
#
# **By hand.** $K = 4$ and a smoothing of 0.2. Each class gets 0.05, and the right one
# 0.8 more. Image 0 is of class 0, image 1 of class 1. Image 0 is mixed with image 1,
# and its share is 0.75:
#
# | class | 0 | 1 | 2 | 3 |
# |---|---|---|---|---|
# | target of image 0 | 0.85 | 0.05 | 0.05 | 0.05 |
# | target of image 1 | 0.05 | 0.85 | 0.05 | 0.05 |
# | mixed | 0.65 | 0.25 | 0.05 | 0.05 |
#
# The model says $(\ln 3, 0, 0, 0)$, so the softmax is 1/2 and three times 1/6. The loss
# is $0.65 \ln 2 + 0.35 \ln 6 = 1.0777$.


# %% tags=["answer:q5"]
def smoothed(labels, classes, smoothing):
    """Targets of the labels (B,), whole numbers below classes: (B, K), float32.

    smoothing is the part that is dealt out to all K classes.
    """
    # BEGIN SOLUTION
    sure = torch.nn.functional.one_hot(labels, classes).float()  # (B,) -> (B, K)
    return (1 - smoothing) * sure + smoothing / classes
    # END SOLUTION


def mixed(images, targets, share, order):
    """Image b with image order[b], and so their targets; share[b] of b is left.

    images (B, channels, height, width), targets (B, K), share (B,), all of one type;
    order (B,) whole numbers. Returns images and targets, of the shapes they had.
    """

    # BEGIN SOLUTION
    def mix(one):
        left = share.reshape(-1, *[1] * (one.ndim - 1))  # (B,) -> (B, 1, ...)
        return left * one + (1 - left) * one[order]

    return mix(images), mix(targets)
    # END SOLUTION


def soft_cross_entropy(logits, targets):
    """The mean cross-entropy of logits and targets, both (B, K): one number."""
    # BEGIN SOLUTION
    return -(targets * logits.log_softmax(dim=1)).sum(dim=1).mean()
    # END SOLUTION


# %%
check("q5")

# %% [markdown]
# ## In words (no points)
#
# Answer each aloud, then unfold.
#
# <details><summary>Your patchify takes the squares column by column, in training and in
# use. Does the model of q2 suffer?</summary>
#
# No. The table of positions is learned, so every fixed order of the patches is as good
# as another: a row of the table belongs to a square, wherever it stands. It suffers
# where somebody else's weights are loaded, and in q3: there the table is laid on a
# grid, and a wrong order makes neighbours of squares that are none.
#
# </details>
#
# <details><summary>Images of 224 × 224 pixels and patches of side 16. How many tokens
# are there, and how many at 448 × 448? What becomes four times as much, and what
# sixteen times?</summary>
#
# $14 \cdot 14 + 1 = 197$ and $28 \cdot 28 + 1 = 785$. The feed-forward networks and all
# projections work on each token alone: about four times as much. The attention weights
# are pairs: about sixteen times.
#
# </details>
#
# <details><summary>A rollout through twelve blocks shows a cat's face in bright
# colours. What does it not prove?</summary>
#
# That the model's answer rests on the face. The rollout counts weights alone: not how
# large the values are, nor what the feed-forward networks do with them, nor what the
# output makes of the class token. The half for the residual is a convention. To test
# what matters, hide the face and look at the answer.
#
# </details>
#
# <details><summary>With a smoothing of 0.1 and ten classes, can the loss become 0?
# Which logits would be the best?</summary>
#
# No. It is lowest where the softmax equals the target, 0.91 and nine times 0.01, and
# there it is the target's own entropy, 0.50. So the right logit should lie
# $\ln 91 = 4.5$ above the others, and not further. Without smoothing the best is
# infinitely far away, and training never stops pushing.
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
