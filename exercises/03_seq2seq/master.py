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
# # Exercise 3: loss, decoding and BLEU by hand
#
# In this exercise you write what stands around a sequence-to-sequence model: the loss
# it is trained with (q1), what its decoder is shown and asked (q2), two ways to get a
# sentence out of it (q3, q4), and the number that says how good the sentences are (q5).
#
# **20 points, about an hour.** You need chapter 3.
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
# | $B$, $T$ | sentences in a batch, places in the longest of them |
# | $V$ | tokens in the vocabulary, with the ids $0, \dots, V - 1$ |
# | $N$ | sentences that are decoded side by side |
# | mask | `True` where there is a token, `False` where there is padding |
# | $\ln$, $\log p$ | the natural logarithm; that of a probability |

# %%
import math

import torch

from course_lib.grading import exercise

torch.set_printoptions(precision=4, sci_mode=False)
check = exercise("03_seq2seq").check

PAD, START, END, UNKNOWN = range(4)  # the ids of the special tokens; words come after
LN2 = math.log(2)  # for the examples: -log p of a token of probability 1/2

# %% [markdown]
# The next cell is no question. In q3 and q4 you are given a model as a Python function,
# as in the chapter. Only numbers can be sent to your notebook, so the checks send
# tables, and this cell makes functions of them. Run it and leave it as it is.


# %%
def run_greedy(table, state, first, longest):
    """Call your greedy with a model in which table[s, v] is log p after v in s."""

    def step(tokens, state):
        if tokens.shape != state.shape:
            came = tuple(tokens.shape), tuple(state.shape)
            raise ValueError(f"step: got shapes {came}, expected (N,) of both")
        return table[state, tokens], state + 1  # (N, V), (N,)

    return greedy(step, state, first, longest)


def run_beam(tree, longest, width, alpha):
    """Call your beam_search with a model in which tree[t] is log p after t tokens."""

    def log_p(prefix):
        if len(prefix) >= longest:
            came = f"a prefix of {len(prefix)} tokens"
            raise ValueError(f"log_p: got {came}, expected fewer than {longest}")
        return tree[len(prefix)][tuple(prefix)]  # (V,)

    return beam_search(log_p, longest, width, alpha)


# %% [markdown]
# ## q1. A loss that does not see the padding (4 points)
#
# A decoder gives a score to each token of its vocabulary, the *logits*
# $z_1, \dots, z_V$. The softmax makes probabilities of them, and the loss needs their
# logarithms:
#
# $$\log p_k = \ln \frac{e^{z_k}}{\sum_j e^{z_j}}$$
#
# Written down like this it fails. In single precision $e^{z}$ is infinite from
# $z = 89$ on, and where $p_k$ is rounded to 0, its logarithm is $-\infty$. Two remarks
# help. Subtracting the same number from all logits changes no probability. And the
# logarithm of a fraction is a difference.
#
# Write two functions:
#
# 1. `log_softmax(logits)` for logits of shape $(\dots, V)$, any number of dimensions.
#    It must be right for logits such as $0$ and $1000$ as well. Write it yourself, with
#    `exp` and `log`.
# 2. `masked_loss(log_p, target, mask)`: the mean of $-\log p$ of the true tokens,
#    **per token**. Padding counts neither above the fraction bar nor below it. So a
#    long sentence weighs more than a short one, and how far a batch is padded changes
#    nothing.
#
# Mind one thing. A decoder may be barred from ever writing PAD, and then
# $\log p$ of PAD is $-\infty$. At a place of padding that must do no harm, but
# $0 \cdot \infty$ is NaN.
#
# **By hand.** The logits $0$ and $\ln 3$ have the probabilities 0.25 and 0.75, so the
# logarithms are $-1.3863$ and $-0.2877$. And let the probabilities of the true tokens
# of two sentences be these:
#
# | | $t=1$ | $t=2$ | $t=3$ |
# |---|---|---|---|
# | sentence 1 | 1/2 | 1/4 | 1/2 |
# | sentence 2 | 1/4 | padding | padding |
#
# The sum of $-\log p$ is $(1 + 2 + 1 + 2) \ln 2$, over 4 tokens, so the loss is
# $1.5 \ln 2 = 1.0397$. If you get 0.6931, you have divided by all 6 places; with
# 1.1552, you have averaged the means of the two sentences.


# %% tags=["answer:q1"]
def log_softmax(logits):
    """The logarithms of the softmax over the last dimension: (..., V) -> (..., V)."""
    # BEGIN SOLUTION
    z = logits - logits.amax(dim=-1, keepdim=True)  # the largest is 0 now
    return z - z.exp().sum(dim=-1, keepdim=True).log()
    # END SOLUTION


def masked_loss(log_p, target, mask):
    """The mean of -log p of the true tokens, per token, as a number or a tensor ().

    log_p (B, T, V) holds log-probabilities, target (B, T) the ids of the true tokens
    and PAD, mask (B, T) is True where there is a token.
    """
    # BEGIN SOLUTION
    true = log_p.gather(-1, target[..., None]).squeeze(-1)  # (B, T, V) -> (B, T)
    return -true[mask].mean()
    # END SOLUTION


# %%
check("q1")

# %% [markdown]
# ## q2. What the decoder is shown, and what it is asked (3 points)
#
# In training the decoder reads the true target, and at each place it is asked for the
# **next** token. So there are two versions of the target, shifted by one:
#
# - `previous`, what it is shown: START, then the words;
# - `target`, what it is asked for: the words, then END.
#
# The same place of the two must never hold the same word, or the answer would be in
# the question. START is never asked for. END is, or the model would not learn to stop.
# It is therefore a token like others for the loss, and the mask of the loss is `True`
# there.
#
# You are given the words of a batch, without START and END, padded with PAD. A row may
# be empty.
#
# **By hand.** The second sentence has one word:
#
# | | row 0 | row 1 |
# |---|---|---|
# | `words` | 7, 8, 9 | 5, PAD, PAD |
# | `mask` | True, True, True | True, False, False |
# | `previous` | START, 7, 8, 9 | START, 5, PAD, PAD |
# | `target` | 7, 8, 9, END | 5, END, PAD, PAD |
# | `target_mask` | True, True, True, True | True, True, False, False |
#
# Mind where END stands in the second row.


# %% tags=["answer:q2"]
def decoder_batch(words, mask):
    """What a decoder is shown, what it is asked for, and where there is a token.

    words (B, T) holds the ids of the words and PAD, mask (B, T) is True at the words.
    Returns previous, target and target_mask, in this order, each (B, T + 1).
    """
    # BEGIN SOLUTION
    edge = torch.full_like(words[:, :1], START)  # (B, 1)
    previous = torch.cat([edge, words], dim=1)  # (B, T + 1)
    target = torch.cat([words, torch.full_like(edge, PAD)], dim=1)
    target[torch.arange(len(words)), mask.sum(dim=1)] = END
    target_mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
    return previous, target, target_mask
    # END SOLUTION


# %%
check("q2")

# %% [markdown]
# ## q3. Greedy decoding of a batch (4 points)
#
# Now nobody knows the target. The decoder reads its **own** last token. The model is a
# function, as in the chapter:
#
# `log_p, state = step(tokens, state)`
#
# It reads one token of each row, `tokens` of shape $(N,)$. It returns the
# log-probabilities of the next one, $(N, V)$, and the state from which it goes on. Here
# a state is a tensor $(N,)$ of whole numbers. You need not know what it means; hand on
# what you got last.
#
# Greedy decoding takes the most probable token, again and again. The rows have
# different lengths, and that is where it goes wrong:
#
# - A row ends with its first END. That token is in the result, and its log-probability
#   counts.
# - After END there is only PAD, whatever the model says, and the score of the row
#   stays what it is.
# - Stop as soon as every row has ended, or after `longest` tokens; a row then simply
#   has no END. So the result has as many columns as its longest row has tokens.
#
# The score of a row is the sum of the log-probabilities of its tokens.
#
# **By hand.** Two rows, with `first = [START, START]`. The most probable token and its
# probability, at each step:
#
# | | step 1 | step 2 | step 3 | score |
# |---|---|---|---|---|
# | row 0 | 4 (0.6) | 5 (0.5) | END (0.8) | $\ln 0.24 = -1.4271$ |
# | row 1 | 5 (0.7) | END (0.9) | 4 (0.6) | $\ln 0.63 = -0.4620$ |
#
# The tokens are `[[4, 5, END], [5, END, PAD]]`, and the 4 of the last step is nowhere
# to be seen. `longest` may be 10; there are still 3 columns.


# %% tags=["answer:q3"]
def greedy(step, state, first, longest):
    """Decode N rows side by side, each with its most probable next token.

    step(tokens (N,), state) -> (log_p (N, V), state) is the model; state is where it
    begins, first (N,) the tokens it reads first, longest the most tokens of a row.
    Returns the tokens (N, L), PAD after END, and the scores (N,), in this order.
    """
    # BEGIN SOLUTION
    token, columns = first, []
    scores = torch.zeros(len(first))
    over = torch.zeros(len(first), dtype=torch.bool)
    while len(columns) < longest and not over.all():
        log_p, state = step(token, state)
        best, token = log_p.max(dim=-1)  # (N, V) -> (N,), (N,)
        scores = scores + best.masked_fill(over, 0.0)
        columns.append(token.masked_fill(over, PAD))
        over = over | (token == END)
    return torch.stack(columns, dim=1), scores  # L times (N,) -> (N, L)
    # END SOLUTION


# %%
check("q3")

# %% [markdown]
# ## q4. Beam search (5 points)
#
# A greedy choice may be regretted. Beam search keeps the `width` best beginnings
# instead of one. Here it is for **one** sentence, and the model is asked about a whole
# beginning at a time: `log_p(prefix)` takes the tokens chosen so far, a tuple without
# START, at first `()`. It returns the log-probabilities of the next token, $(V,)$.
#
# The score of a beginning is the sum of the log-probabilities of its tokens. At each
# step:
#
# 1. Continue every beginning in the beam by every token of the vocabulary.
# 2. Of all these together, keep the `width` best by score.
# 3. Those that end with END are complete. They **leave the beam** and are put aside;
#    the others are the new beam. So the beam may shrink, and fill up again at the next
#    step. It may be empty, and then the search is over. That `width` sequences have
#    been put aside is no reason to stop: one that is still growing may beat them.
#
# What has `longest` tokens is complete as well, without END. At the end rank everything
# that was put aside. A sum of logarithms falls with each token, so short sentences are
# at an advantage. The length penalty of Wu et al. (2016) takes some of it away: rank by
#
# $$\frac{\text{score}}{\left((5 + L) / 6\right)^{\alpha}}$$
#
# where $L$ is the number of tokens, **END included**. With $\alpha = 0$ that is the
# score itself. Return the `width` best, best first, as pairs of tokens and this ranked
# score.
#
# **By hand.** The words are $a = 4$ and $b = 5$; a token that is not shown has next to
# no probability. After each beginning the next token has these probabilities:
#
# | | $a$ | $b$ | END |
# |---|---|---|---|
# | `()` | 0.5 | 0.4 | 0.1 |
# | `(a,)` | 0.1 | 0.7 | 0.2 |
# | `(b,)` | 0.1 | 0.1 | 0.8 |
# | `(a, b)` | 0.06 | 0.04 | 0.9 |
#
# With `width = 2` and `longest = 3`:
#
# | | the two best | probability | put aside |
# |---|---|---|---|
# | step 1 | $a$; $b$ | 0.5; 0.4 | |
# | step 2 | $a\,b$; $b$ END | 0.35; 0.32 | $b$ END |
# | step 3 | $a\,b$ END; $a\,b\,a$ | 0.315; 0.021 | both |
#
# | put aside | score | $L$ | ranked, $\alpha = 0$ | ranked, $\alpha = 1$ |
# |---|---|---|---|---|
# | $b$ END | $\ln 0.32$ | 2 | **-1.1394** | -0.9767 |
# | $a\,b$ END | $\ln 0.315$ | 3 | -1.1552 | **-0.8664** |
# | $a\,b\,a$ | $\ln 0.021$ | 3 | -3.8632 | -2.8974 |
#
# Without a penalty $b$ END comes first, with $\alpha = 1$ it comes second. What would
# greedy decoding have found, and is it the most probable sentence?


# %% tags=["answer:q4"]
def beam_search(log_p, longest, width, alpha):
    """The width best sequences that a beam finds, best first.

    log_p(prefix) -> (V,) gives the log-probabilities of the token after the tuple
    prefix. longest is the most tokens of a sequence, alpha the length penalty's power.
    Returns a list of pairs (tokens, ranked score); tokens is a tuple or a list of ids,
    with END where the sequence has ended.
    """
    # BEGIN SOLUTION
    beam, found = [((), 0.0)], []
    for length in range(1, longest + 1):
        continued = [
            ((*prefix, token), score + more)
            for prefix, score in beam
            for token, more in enumerate(log_p(prefix).tolist())
        ]
        best = sorted(continued, key=lambda one: one[1], reverse=True)[:width]
        complete = [one[0][-1] == END or length == longest for one in best]
        penalty = ((5 + length) / 6) ** alpha
        for (tokens, score), put_aside in zip(best, complete, strict=True):
            if put_aside:
                found.append((tokens, score / penalty))
        beam = [one for one, gone in zip(best, complete, strict=True) if not gone]
    return sorted(found, key=lambda one: one[1], reverse=True)[:width]
    # END SOLUTION


# %%
check("q4")

# %% [markdown]
# ## q5. The two parts of BLEU (4 points)
#
# How good are the translations of a whole test set? BLEU (Papineni et al., 2002)
# counts *n-grams*, runs of $n$ words, and has two parts. You write both. Each sentence
# is a list of words, without START and END, and has one reference.
#
# 1. `precision(translations, references, n)` is the share of the translations' n-grams
#    that their reference has too:
#
#    $$p_n = \frac{\text{matched n-grams, of all sentences}}
#        {\text{n-grams of all translations}}$$
#
#    Matches are **clipped**: an n-gram counts in a sentence at most as often as it
#    occurs in the reference *of that sentence*. Sum over the corpus first, then divide
#    once. If the translations have no n-gram at all, return 0.
# 2. `brevity_penalty(translations, references)`: precision alone would reward output
#    that is too short. So with $c$ words in all translations and $r$ in all references,
#
#    $$\text{BP} = \min\left(1,\ e^{1 - r / c}\right)$$
#
#    and 0 if there are no words at all in the translations.
#
# **By hand.** Two sentences:
#
# | translation | reference |
# |---|---|
# | the the the cat | the cat sat on the mat |
# | a dog barks | a dog |
#
# | | sentence 1 | sentence 2 | corpus |
# |---|---|---|---|
# | $p_1$ | *the* twice, *cat*: 3 of 4 | *a*, *dog*: 2 of 3 | 5/7 = 0.7143 |
# | $p_2$ | *the cat*: 1 of 3 | *a dog*: 1 of 2 | 2/5 = 0.4 |
# | words | 4, reference 6 | 3, reference 2 | $c = 7$, $r = 8$ |
#
# The brevity penalty is $e^{1 - 8/7} = e^{-1/7} = 0.8669$: the second translation, too
# long, makes up for a part of the first. If you get 0.625 for $p_1$, you have swapped
# the arguments: that is recall. With 0.7083 you have averaged over sentences.


# %% tags=["answer:q5"]
def precision(translations, references, n):
    """The clipped precision of the n-grams of a corpus, a number from 0 to 1.

    translations and references are lists of as many sentences, each a list of words.
    """
    # BEGIN SOLUTION
    matched = total = 0
    for translation, reference in zip(translations, references, strict=True):
        left = [tuple(reference[i : i + n]) for i in range(len(reference) - n + 1)]
        for i in range(len(translation) - n + 1):
            gram = tuple(translation[i : i + n])
            total += 1
            if gram in left:
                left.remove(gram)  # so it can't be matched again
                matched += 1
    return matched / total if total else 0.0
    # END SOLUTION


def brevity_penalty(translations, references):
    """The brevity penalty of a corpus, a number from 0 to 1.

    translations and references are lists of as many sentences, each a list of words.
    """
    # BEGIN SOLUTION
    c = sum(len(translation) for translation in translations)
    r = sum(len(reference) for reference in references)
    return min(1.0, math.exp(1 - r / c)) if c else 0.0
    # END SOLUTION


# %%
check("q5")

# %% [markdown]
# ## In words (no points)
#
# Answer each aloud, then unfold.
#
# <details><summary>The training loss of a colleague falls when the batches are sorted
# less well by length. The model is the same. What is wrong?</summary>
#
# The loss is divided by all places, padding included. Less well sorted batches hold
# more padding, so the same sum is divided by more. Losses can then no longer be
# compared, and the step of the optimizer depends on who shares a batch with whom.
#
# </details>
#
# <details><summary>Your beam search asks the model about whole beginnings. A fast one
# carries a state for each row of the beam. What must happen to the states after each
# step?</summary>
#
# They must be reordered like the beginnings: the new first row may continue the old
# third one, and two new rows may share one old row, whose state is then copied. If it
# is forgotten, each row goes on with a state that belongs to another sentence. Nothing
# crashes; with a beam of 1 all is well, and the results get worse as the beam gets
# wider.
#
# </details>
#
# <details><summary>A wider beam usually finds sentences that the model holds
# more probable. Why can BLEU fall all the same?</summary>
#
# The most probable sentence of a model need not be the best translation. Often it is
# too short, sometimes empty: END after the first words costs one factor, a whole
# sentence costs many. Then the brevity penalty bites. The narrow beam had hidden a
# fault of the model; a length penalty does so on purpose.
#
# </details>
#
# <details><summary>Put the two parts together. What is the BLEU of the two sentences
# of q5, with n up to 4?</summary>
#
# No run of three or four words is matched, so $p_3 = p_4 = 0$, and the geometric mean
# $(p_1 p_2 p_3 p_4)^{1/4}$ is 0. On few sentences BLEU says little. Programs differ in
# what they put in place of such a zero, which is one reason to quote a signature.
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
