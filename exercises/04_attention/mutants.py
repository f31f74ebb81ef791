"""Typical wrong answers, and exactly the tests that each must fail."""

from course_lib.grading import Mutant

Q1 = "q1.real_places q1.nothing_to_see q1.far_apart q1.any_scores"
EMPTY = "q1.nothing_to_see q1.any_scores"
FAR = "q1.far_apart q1.any_scores"
KEYS = "q2.keys q2.any_source"
LOOK = "q2.weights q2.context q2.any_source"
CONTEXT = "q2.context q2.any_source"
SCORES = "q3.scores q3.any_size"
OUTPUT = "q3.output q3.any_size"
BEFORE = "q4.look_first q4.input_feeding q4.any_decoder"
AFTER = "q4.step_first q4.input_feeding q4.any_decoder"
FED = "q4.input_feeding q4.any_decoder"
UNFED = "q4.look_first q4.step_first q4.any_decoder"
Q4 = "q4.look_first q4.step_first q4.input_feeding q4.any_decoder"
STATES = "q5.states q5.any_error"
PLACES = "q5.places q5.any_error"
Q5 = "q5.states q5.places q5.any_error"


def softmax(weights, seen="mask"):
    """An answer to q1, in one expression."""
    return f"""
def masked_softmax(scores, mask):
    mask = {seen}
    return {weights}
"""


def additive(
    keys="h @ W_k.T",
    projected="(query @ W_q.T)[:, None]",
    scores="(projected + keys).tanh() @ v",
    weights="masked_softmax(scores, mask)",
    context="(weights[..., None] * h).sum(dim=1)",
    returned="context, weights",
):
    """An answer to q2."""
    return f"""
def project_keys(h, W_k):
    return {keys}

def additive_attention(query, keys, h, mask, W_q, v):
    projected = {projected}
    scores = {scores}
    weights = {weights}
    context = {context}
    return {returned}
"""


def general(
    scores='torch.einsum("bh,hm,bsm->bs", s, W_a, h)',
    both="torch.cat([context, s], dim=1)",
    output="torch.tanh(both @ W_c.T)",
):
    """An answer to q3."""
    return f"""
def general_scores(s, h, W_a):
    return {scores}

def attentional_output(context, s, W_c):
    both = {both}
    return {output}
"""


def step(
    before="[word, attend(s)]",
    after="[word]",
    fed="[output]",
    feed="feed",
    old="s",
    query="new",
    looked="context",
    shown="new",
    returned="new, output",
    order="order",
):
    """An answer to q4; ``looked`` is the context of order "before" after its step."""
    return f"""
def decoder_step(word, s, output, order, feed, cell, attend, combine):
    order = {order}
    context = attend(s)
    read = {before} if order == "before" else {after}
    if {feed}:
        read = read + {fed}
    new = cell(torch.cat(read, dim=1), {old})
    context = {looked} if order == "before" else attend({query})
    output = combine(context, {shown})
    return {returned}
"""


def backward(
    d_weights="(h * g[:, None]).sum(dim=2)",
    mean="(weights * d).sum(dim=1, keepdim=True)",
    scores="weights * (d - mean)",
    states="weights[..., None] * g[:, None]",
    returned="scores, states",
):
    """An answer to q5."""
    return f"""
def attention_backward(g, weights, h):
    d = {d_weights}
    mean = {mean}
    scores = {scores}
    states = {states}
    return {returned}
"""


NEW_FED = (  # a step only to get a query, then the step itself
    "[word, attend(cell(torch.cat([word, context, *[output] * feed], dim=1), s))]"
)


def mutant(question, name, source, *fails):
    names = frozenset(test for one in fails for test in one.split())
    return Mutant(question, name, names, source)


MUTANTS = [
    # q1
    mutant(
        "q1",
        "no_mask",
        softmax("scores.softmax(-1)"),
        Q1,
    ),
    mutant(
        "q1",
        "masked_after_the_softmax",
        softmax("scores.softmax(-1).masked_fill(~mask, 0)"),
        "q1.real_places q1.far_apart q1.any_scores",
    ),
    mutant(
        "q1",
        "masked_after_and_renormalised",
        softmax(
            "(p := scores.softmax(-1) * mask)"
            " / p.sum(-1, keepdim=True).clamp(min=1e-30)"
        ),
        FAR,
    ),
    mutant(
        "q1",
        "zero_for_the_score",
        softmax("scores.masked_fill(~mask, 0).softmax(-1)"),
        Q1,
    ),
    mutant(
        "q1",
        "scores_times_the_mask",
        softmax("(scores * mask).softmax(-1).masked_fill(~mask, 0)"),
        "q1.real_places q1.far_apart q1.any_scores",
    ),
    mutant(
        "q1",
        "a_billion_for_infinity",
        softmax("scores.masked_fill(~mask, -1e9).softmax(-1).masked_fill(~mask, 0)"),
        "q1.far_apart",
    ),
    mutant(
        "q1",
        "a_billion_and_no_zeros",
        softmax("scores.masked_fill(~mask, -1e9).softmax(-1)"),
        "q1.far_apart",
        EMPTY,
    ),
    mutant(
        "q1",
        "a_thousand_for_infinity",
        softmax("scores.masked_fill(~mask, -1e3).softmax(-1).masked_fill(~mask, 0)"),
        FAR,
    ),
    mutant(
        "q1",
        "smallest_positive_for_infinity",
        softmax(
            "scores.masked_fill(~mask, torch.finfo(scores.dtype).tiny)"
            ".softmax(-1).masked_fill(~mask, 0)"
        ),
        "q1.real_places q1.far_apart q1.any_scores",
    ),
    mutant(
        "q1",
        "nan_where_nothing_is",
        softmax("scores.masked_fill(~mask, -math.inf).softmax(-1)"),
        EMPTY,
    ),
    mutant(
        "q1",
        "one_empty_row_empties_all",
        softmax(
            "torch.zeros_like(scores) if not mask.any(-1).all()"
            " else scores.masked_fill(~mask, -math.inf).softmax(-1)"
        ),
        EMPTY,
    ),
    mutant(
        "q1",
        "empty_only_if_all_are",
        softmax(
            "torch.zeros_like(scores) if not mask.any()"
            " else scores.masked_fill(~mask, -math.inf).softmax(-1)"
        ),
        EMPTY,
    ),
    mutant(
        "q1",
        "mask_inverted",
        softmax("scores.masked_fill(mask, -math.inf).softmax(-1).masked_fill(mask, 0)"),
        "q1.real_places q1.far_apart q1.nothing_to_see q1.any_scores",
    ),
    mutant(
        "q1",
        "first_dimension",
        softmax(
            "scores.masked_fill(~mask, -math.inf).softmax(0).masked_fill(~mask, 0)"
        ),
        "q1.real_places q1.nothing_to_see q1.any_scores",
    ),
    mutant(
        "q1",
        "not_normalised",
        softmax("scores.exp() * mask"),
        "q1.real_places q1.nothing_to_see q1.far_apart q1.any_scores",
    ),
    mutant(
        "q1",
        "largest_not_subtracted",
        softmax(
            "(p := scores.exp().masked_fill(~mask, 0))"
            " / p.sum(-1, keepdim=True).clamp(min=1e-30)"
        ),
        FAR,
    ),
    mutant(
        "q1",
        "largest_of_the_padding_subtracted",
        softmax(
            "(p := (scores - scores.amax(-1, True)).exp() * mask)"
            " / p.sum(-1, keepdim=True).clamp(min=1e-30)"
        ),
        FAR,
    ),
    mutant(
        "q1",
        "over_everything",
        softmax(
            "scores.masked_fill(~mask, -math.inf).flatten().softmax(0)"
            ".reshape(scores.shape).nan_to_num(0)"
        ),
        "q1.real_places q1.any_scores",
    ),
    mutant(
        "q1",
        "logarithm_of_it",
        softmax("scores.masked_fill(~mask, -math.inf).log_softmax(-1)"),
        Q1,
    ),
    mutant(
        "q1",
        "largest_only",
        softmax(
            "torch.nn.functional.one_hot(scores.masked_fill(~mask, -math.inf)"
            ".argmax(-1), scores.shape[-1]) * mask.float()"
        ),
        "q1.real_places q1.nothing_to_see q1.far_apart q1.any_scores",
    ),
    # q2
    mutant("q2", "keys_not_transposed", additive(keys="h @ W_k"), KEYS),
    mutant("q2", "keys_squashed", additive(keys="(h @ W_k.T).tanh()"), KEYS),
    mutant("q2", "keys_are_the_states", additive(keys="h"), KEYS),
    mutant(
        "q2",
        "keys_in_one_row",
        additive(keys="(h @ W_k.T).reshape(len(h), -1)"),
        KEYS,
    ),
    mutant(
        "q2",
        "context_from_the_keys",
        additive(context="(weights[..., None] * keys).sum(dim=1)"),
        CONTEXT,
    ),
    mutant("q2", "mean_of_all", additive(context="h.mean(dim=1)"), CONTEXT),
    mutant(
        "q2",
        "mean_for_sum",
        additive(context="(weights[..., None] * h).mean(dim=1)"),
        CONTEXT,
    ),
    mutant(
        "q2",
        "not_summed",
        additive(context="weights[..., None] * h"),
        CONTEXT,
    ),
    mutant(
        "q2",
        "context_of_the_scores",
        additive(context="(scores[..., None] * h).sum(dim=1)"),
        CONTEXT,
    ),
    mutant(
        "q2",
        "best_place_only",
        additive(context="h[torch.arange(len(h)), weights.argmax(1)]"),
        CONTEXT,
    ),
    mutant(
        "q2",
        "padding_in_the_context",
        additive(context="(scores.softmax(1)[..., None] * h).sum(dim=1)"),
        CONTEXT,
    ),
    mutant(
        "q2", "relu_for_tanh", additive(scores="(projected + keys).relu() @ v"), LOOK
    ),
    mutant(
        "q2",
        "sigmoid_for_tanh",
        additive(scores="(projected + keys).sigmoid() @ v"),
        LOOK,
    ),
    mutant("q2", "no_tanh", additive(scores="(projected + keys) @ v"), LOOK),
    mutant(
        "q2",
        "two_tanhs",
        additive(scores="(projected.tanh() + keys.tanh()) @ v"),
        LOOK,
    ),
    mutant(
        "q2",
        "tanh_around_the_score",
        additive(scores="((projected + keys) @ v).tanh()"),
        LOOK,
    ),
    mutant(
        "q2",
        "product_for_sum",
        additive(scores="(projected * keys).tanh() @ v"),
        LOOK,
    ),
    mutant("q2", "query_forgotten", additive(scores="keys.tanh() @ v"), LOOK),
    mutant("q2", "keys_forgotten", additive(scores="(projected + 0 * keys) @ v"), LOOK),
    mutant(
        "q2", "v_forgotten", additive(scores="(projected + keys).tanh().sum(2)"), LOOK
    ),
    mutant(
        "q2",
        "W_q_not_transposed",
        additive(projected="(query @ W_q)[:, None]"),
        LOOK,
    ),
    mutant("q2", "query_not_projected", additive(projected="query[:, None]"), LOOK),
    mutant(
        "q2",
        "keys_projected_again",
        additive(scores="(projected + keys @ W_q.T).tanh() @ v"),
        LOOK,
    ),
    mutant(
        "q2",
        "divided_by_the_root",
        additive(scores="(projected + keys).tanh() @ v / v.numel() ** 0.5"),
        LOOK,
    ),
    mutant("q2", "mask_missing", additive(weights="scores.softmax(1)"), LOOK),
    mutant(
        "q2",
        "mask_after_the_softmax",
        additive(weights="scores.softmax(1).masked_fill(~mask, 0)"),
        LOOK,
    ),
    mutant(
        "q2", "mask_inverted", additive(weights="masked_softmax(scores, ~mask)"), LOOK
    ),
    mutant(
        "q2",
        "zero_for_the_score",
        additive(weights="scores.masked_fill(~mask, 0).softmax(1)"),
        LOOK,
    ),
    mutant(
        "q2",
        "nan_where_nothing_is",
        additive(weights="scores.masked_fill(~mask, -math.inf).softmax(1)"),
        LOOK,
    ),
    mutant(
        "q2",
        "softmax_over_the_batch",
        additive(weights="masked_softmax(scores.T, mask.T).T"),
        LOOK,
    ),
    mutant("q2", "no_softmax", additive(weights="scores.masked_fill(~mask, 0)"), LOOK),
    mutant("q2", "weights_first", additive(returned="weights, context"), LOOK),
    mutant("q2", "only_the_context", additive(returned="context"), LOOK),
    mutant(
        "q2",
        "scores_returned",
        additive(returned="context, scores"),
        "q2.weights q2.any_source",
    ),
    # q3
    mutant(
        "q3",
        "W_a_transposed",
        general('torch.einsum("bh,mh,bsm->bs", s, W_a, h)'),
        SCORES,
    ),
    mutant("q3", "W_a_forgotten", general("(h * s[:, None]).sum(2)"), SCORES),
    mutant(
        "q3",
        "softmax_taken",
        general('torch.einsum("bh,hm,bsm->bs", s, W_a, h).softmax(1)'),
        SCORES,
    ),
    mutant(
        "q3",
        "tanh_in_the_score",
        general('torch.einsum("bh,bsh->bs", s, (h @ W_a.T).tanh())'),
        SCORES,
    ),
    mutant(
        "q3",
        "divided_by_the_root",
        general('torch.einsum("bh,hm,bsm->bs", s, W_a, h) / s.shape[1] ** 0.5'),
        SCORES,
    ),
    mutant(
        "q3",
        "sum_for_product",
        general("(h @ W_a.T + s[:, None]).sum(2)"),
        SCORES,
    ),
    mutant(
        "q3",
        "cosine",
        general("torch.nn.functional.cosine_similarity(s[:, None], h @ W_a.T, dim=2)"),
        SCORES,
    ),
    mutant("q3", "not_summed", general("h @ W_a.T * s[:, None]"), SCORES),
    mutant(
        "q3",
        "one_dimension_too_many",
        general("h @ W_a.T @ s[..., None]"),
        SCORES,
    ),
    mutant("q3", "state_first", general(both="torch.cat([s, context], dim=1)"), OUTPUT),
    mutant("q3", "no_tanh", general(output="both @ W_c.T"), OUTPUT),
    mutant("q3", "relu_for_tanh", general(output="(both @ W_c.T).relu()"), OUTPUT),
    mutant(
        "q3", "sigmoid_for_tanh", general(output="(both @ W_c.T).sigmoid()"), OUTPUT
    ),
    mutant(
        "q3", "tanh_before_the_product", general(output="both.tanh() @ W_c.T"), OUTPUT
    ),
    mutant(
        "q3", "state_left_out", general(both="torch.cat([context, 0 * s], 1)"), OUTPUT
    ),
    mutant(
        "q3", "context_left_out", general(both="torch.cat([0 * context, s], 1)"), OUTPUT
    ),
    mutant("q3", "state_added", general(output="torch.tanh(both @ W_c.T) + s"), OUTPUT),
    # q4
    mutant(
        "q4",
        "new_state_asked_before",
        step(looked="attend(new)"),
        BEFORE,
    ),
    mutant(
        "q4",
        "new_state_asked_and_fed",
        step(before=NEW_FED),
        BEFORE,
    ),
    mutant("q4", "old_state_asked_after", step(query="s"), AFTER),
    mutant(
        "q4",
        "orders_exchanged",
        step(order='"after" if order == "before" else "before"'),
        Q4,
    ),
    mutant("q4", "always_before", step(order='"before"'), AFTER),
    mutant("q4", "always_after", step(order='"after"'), BEFORE),
    mutant("q4", "context_first", step(before="[attend(s), word]"), BEFORE),
    mutant("q4", "context_fed_in_both", step(after="[word, attend(s)]"), AFTER),
    mutant("q4", "context_not_fed", step(before="[word]"), BEFORE),
    mutant("q4", "word_asked", step(before="[word, attend(word)]"), BEFORE),
    mutant("q4", "never_fed", step(feed="False"), FED),
    mutant("q4", "always_fed", step(feed="True"), UNFED),
    mutant("q4", "feeding_inverted", step(feed="not feed"), Q4),
    mutant("q4", "fed_only_after", step(feed='feed and order == "after"'), FED),
    mutant("q4", "state_fed", step(fed="[s]"), FED),
    mutant("q4", "context_fed_for_the_output", step(fed="[attend(s)]"), FED),
    mutant(
        "q4",
        "output_first",
        step(
            feed="False",
            before="([output, word, attend(s)] if feed else [word, attend(s)])",
            after="([output, word] if feed else [word])",
        ),
        FED,
    ),
    mutant(
        "q4",
        "output_before_the_context",
        step(
            feed='feed and order == "after"',
            before="([word, output, attend(s)] if feed else [word, attend(s)])",
        ),
        FED,
    ),
    mutant(
        "q4",
        "output_added_to_the_word",
        step(feed="False", before="[word + output if feed else word, attend(s)]"),
        FED,
    ),
    mutant("q4", "cell_from_the_output", step(old="output"), Q4),
    mutant("q4", "old_state_combined", step(shown="s"), Q4),
    mutant(
        "q4",
        "combined_the_wrong_way_round",
        step(returned="new, combine(new, context)"),
        Q4,
    ),
    mutant("q4", "output_first_returned", step(returned="output, new"), Q4),
    mutant("q4", "output_for_the_state", step(returned="output, output"), Q4),
    mutant("q4", "old_state_returned", step(returned="s, output"), Q4),
    mutant("q4", "context_returned", step(returned="new, context"), Q4),
    mutant("q4", "only_the_state", step(returned="new"), Q4),
    # q5
    mutant("q5", "mean_forgotten", backward(scores="weights * d"), PLACES),
    mutant(
        "q5", "mean_without_weights", backward(mean="d.mean(1, keepdim=True)"), PLACES
    ),
    mutant("q5", "mean_of_all_sentences", backward(mean="(weights * d).sum()"), PLACES),
    mutant("q5", "weight_outside_forgotten", backward(scores="d - mean"), PLACES),
    mutant(
        "q5",
        "only_the_diagonal",
        backward(scores="weights * (1 - weights) * d"),
        PLACES,
    ),
    mutant(
        "q5",
        "sigmoid_for_the_softmax",
        backward(scores="weights * (1 - weights) * (d - mean)"),
        PLACES,
    ),
    mutant("q5", "no_softmax", backward(scores="d"), PLACES),
    mutant("q5", "sign_turned", backward(scores="weights * (mean - d)"), PLACES),
    mutant("q5", "plus_for_minus", backward(scores="weights * (d + mean)"), PLACES),
    mutant(
        "q5",
        "weight_twice",
        backward(scores="weights * (weights * d - mean)"),
        PLACES,
    ),
    mutant(
        "q5",
        "value_of_the_gradient_forgotten",
        backward(d_weights="h.sum(dim=2)"),
        PLACES,
    ),
    mutant(
        "q5",
        "one_number_of_each_state",
        backward(d_weights="h[..., 0] * g[:, :1]"),
        PLACES,
    ),
    mutant(
        "q5", "context_subtracted_after", backward(scores="weights * d - mean"), PLACES
    ),
    mutant("q5", "states_get_all", backward(states="g[:, None].expand_as(h)"), STATES),
    mutant(
        "q5",
        "states_get_the_same",
        backward(states="g[:, None].expand_as(h) / h.shape[1]"),
        STATES,
    ),
    mutant(
        "q5",
        "states_times_themselves",
        backward(states="weights[..., None] * g[:, None] * h"),
        STATES,
    ),
    mutant(
        "q5",
        "states_through_the_scores",
        backward(states="scores[..., None] * g[:, None]"),
        STATES,
    ),
    mutant(
        "q5",
        "states_summed",
        backward(states="(weights[..., None] * g[:, None]).sum(1)"),
        STATES,
    ),
    mutant(
        "q5",
        "weights_in_the_states_only",
        backward(states="weights[..., None].expand_as(h)"),
        STATES,
    ),
    mutant("q5", "results_swapped", backward(returned="states, scores"), Q5),
    mutant("q5", "only_the_scores", backward(returned="scores"), Q5),
]
