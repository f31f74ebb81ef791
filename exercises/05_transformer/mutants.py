"""Typical wrong answers, and exactly the tests that each must fail."""

from course_lib.grading import Mutant

LOOK = "q1.weights q1.output q1.padding q1.causal q1.any_attention"
Q1 = f"{LOOK} q1.nothing_to_see q1.way_back"
JOINED = "q1.output q1.any_attention"
FLOW = "q1.output q1.way_back q1.any_attention"
MASKED = "q1.padding q1.causal q1.nothing_to_see q1.way_back q1.any_attention"
EMPTY = "q1.nothing_to_see q1.way_back q1.any_attention"
RETURNED = "q1.weights q1.padding q1.causal q1.nothing_to_see q1.any_attention"
CAUSAL = "q1.causal q1.any_attention"
AHEAD = "q1.causal q1.nothing_to_see q1.any_attention"
BACK = "q1.way_back"
CODE = "q2.code q2.any_place q2.any_code"
FAR = "q2.any_place q2.any_code"
TOKENS = "q3.tokens q3.any_error"
SHARED = "q3.gain_and_bias q3.any_error"
Q3 = "q3.tokens q3.gain_and_bias q3.any_error"
Q4 = "q4.every_place q4.the_cache q4.nothing_again q4.two_ways q4.any_decoder"
LOGITS = "q4.every_place q4.nothing_again q4.two_ways q4.any_decoder"

BEFORE = "torch.ones(T, S, dtype=torch.bool).tril(S - T)"  # what causal lets see


def attention(
    split="y.unflatten(-1, (heads, -1)).transpose(1, 2)",
    given="",
    projected="x @ W_q.T, memory @ W_k.T, memory @ W_v.T",
    scale="q.shape[-1] ** 0.5",
    scores="q @ k.transpose(-2, -1) / scale",
    seen="mask[:, None, None]",
    before=BEFORE,
    hidden="-math.inf",
    softmax="scores.masked_fill(~allowed, hidden).softmax(-1)",
    weights="weights.masked_fill(~allowed, 0.0)",
    joined="(weights @ v).transpose(1, 2).flatten(2)",
    output="joined @ W_o.T",
    returned="output, weights",
):
    """An answer to q1."""
    return f"""
def multi_head_attention(x, memory, W_q, W_k, W_v, W_o, heads, mask=None, causal=False):
    (B, T, C), S = x.shape, memory.shape[1]
    D = C // heads
    {given or "pass"}
    q, k, v = [{split} for y in ({projected})]
    scale, hidden = {scale}, {hidden}
    scores = {scores}
    allowed = torch.ones(B, 1, T, S, dtype=torch.bool)
    if mask is not None:
        allowed = allowed & {seen}
    if causal:
        allowed = allowed & {before}
    weights = {softmax}
    weights = {weights}
    joined = {joined}
    output = {output}
    return {returned}
"""


def sinusoids(
    pair="torch.arange(0, size, 2)",
    kind="torch.float64",
    base="10_000",
    exponent="-pair / size",
    places="places",
    angles="places[:, None] * speed",
    code="torch.stack([angles.sin(), angles.cos()], -1).flatten(1)",
    returned="code.float()",
):
    """An answer to q2."""
    return f"""
def sinusoids(places, size):
    pair = {pair}.to({kind})
    speed = {base} ** ({exponent})
    places = {places}
    angles = {angles}
    code = {code}
    return {returned}
"""


def backward(
    centred="x - x.mean(-1, keepdim=True)",
    variance="centred.square().mean(-1, keepdim=True)",
    s="(variance + eps).sqrt()",
    hat="centred / s",
    g="gain * d_y",
    mean="g.mean(-1, keepdim=True)",
    along="(g * hat).mean(-1, keepdim=True)",
    d_x="(g - mean - hat * along) / s",
    d_gain="(d_y * hat).reshape(-1, C).sum(0)",
    d_bias="d_y.reshape(-1, C).sum(0)",
    returned="d_x, d_gain, d_bias",
):
    """An answer to q3."""
    return f"""
def layer_norm_backward(x, gain, d_y, eps):
    C = len(gain)
    centred = {centred}
    variance = {variance}
    s = {s}
    hat = {hat}
    g = {g}
    mean = {mean}
    along = {along}
    d_x = {d_x}
    d_gain = {d_gain}
    d_bias = {d_bias}
    return {returned}
"""


AUTOGRAD = """
def layer_norm_backward(x, gain, d_y, eps):
    x, gain = x.clone().requires_grad_(), gain.clone().requires_grad_()
    bias = torch.zeros_like(gain).requires_grad_()
    torch.nn.functional.layer_norm(x, gain.shape, gain, bias, eps).backward(d_y)
    return x.grad, gain.grad, bias.grad
"""


def cached(
    place="cache[0][0].shape[1]",
    new="[]",
    embedded="model.embed(tokens, place)",
    projected="block.project(x)",
    keys="torch.cat([keys, key[:, None]], dim=1)",
    values="torch.cat([values, value[:, None]], dim=1)",
    heard="block.attend(query, keys, values)",
    finished="block.finish(x, heard)",
    kept="new.append((keys, values))",
    old="cache[number]",
    logits="model.output(x)",
    returned="logits, new",
    outside="",
):
    """An answer to q4."""
    return f"""
{outside}
def step(tokens, cache, model):
    place = {place}
    new = {new}
    x = first = {embedded}
    for number, block in enumerate(model.blocks):
        keys, values = {old}
        query, key, value = {projected}
        old_keys, old_values = keys, values
        keys = {keys}
        values = {values}
        heard = {heard}
        {kept}
        x = {finished}
    logits = {logits}
    return {returned}
"""


def mutant(question, name, source, *fails):
    names = frozenset(test for one in fails for test in one.split())
    return Mutant(question, name, names, source)


MUTANTS = [
    # q1
    mutant("q1", "divided_by_the_root_of_C", attention(scale="C ** 0.5"), LOOK),
    mutant("q1", "not_divided", attention(scale="1.0"), LOOK),
    mutant("q1", "divided_by_D", attention(scale="D"), LOOK),
    mutant(
        "q1", "divided_by_the_root_of_the_heads", attention(scale="heads ** 0.5"), LOOK
    ),
    mutant(
        "q1",
        "divided_after_the_softmax",
        attention(scale="1.0", weights="weights.masked_fill(~allowed, 0.0) / D**0.5"),
        LOOK,
    ),
    mutant(
        "q1",
        "softmax_over_the_queries",
        attention(softmax="scores.masked_fill(~allowed, hidden).softmax(-2)"),
        LOOK,
    ),
    mutant(
        "q1",
        "softmax_over_the_heads",
        attention(softmax="scores.masked_fill(~allowed, hidden).softmax(1)"),
        LOOK,
    ),
    mutant(
        "q1",
        "split_by_a_reshape",
        attention(split="y.reshape(B, heads, -1, D)"),
        "q1.weights q1.output q1.padding q1.causal q1.way_back q1.any_attention",
    ),
    mutant(
        "q1",
        "split_and_joined_by_a_reshape",
        attention(
            split="y.reshape(B, heads, -1, D)", joined="(weights @ v).reshape(B, T, C)"
        ),
        Q1,
    ),
    mutant(
        "q1",
        "every_other_number_to_a_head",
        attention(split="y.unflatten(-1, (-1, heads)).permute(0, 3, 1, 2)"),
        LOOK,
    ),
    mutant(
        "q1",
        "one_head_only",
        attention(
            split="y[:, None].expand(-1, heads, -1, -1)", joined="(weights @ v)[:, 0]"
        ),
        LOOK,
    ),
    mutant(
        "q1",
        "joined_by_a_reshape",
        attention(joined="(weights @ v).reshape(B, T, C)"),
        "q1.output q1.nothing_to_see q1.any_attention",
    ),
    mutant(
        "q1",
        "heads_in_the_wrong_order",
        attention(joined="(weights @ v).permute(0, 2, 3, 1).flatten(2)"),
        JOINED,
    ),
    mutant(
        "q1",
        "heads_averaged",
        attention(joined="(weights @ v).mean(1).repeat(1, 1, heads)"),
        JOINED,
    ),
    mutant(
        "q1",
        "output_of_weights_without_masks",
        attention(joined="(scores.softmax(-1) @ v).transpose(1, 2).flatten(2)"),
        EMPTY,
    ),
    mutant("q1", "W_o_forgotten", attention(output="joined"), FLOW),
    mutant("q1", "W_o_not_transposed", attention(output="joined @ W_o"), JOINED),
    mutant(
        "q1",
        "matrices_not_transposed",
        attention(projected="x @ W_q, memory @ W_k, memory @ W_v"),
        LOOK,
    ),
    mutant(
        "q1",
        "values_not_projected",
        attention(projected="x @ W_q.T, memory @ W_k.T, memory"),
        FLOW,
    ),
    mutant(
        "q1",
        "keys_for_the_values",
        attention(projected="x @ W_q.T, memory @ W_k.T, memory @ W_k.T"),
        FLOW,
    ),
    mutant(
        "q1",
        "keys_and_queries_exchanged",
        attention(projected="x @ W_k.T, memory @ W_q.T, memory @ W_v.T"),
        LOOK,
    ),
    mutant(
        "q1",
        "queries_only",
        attention(projected="x @ W_q.T, x @ W_k.T, x @ W_v.T"),
        "q1.weights q1.output q1.padding q1.causal q1.way_back q1.any_attention",
    ),
    mutant("q1", "mask_inverted", attention(seen="~mask[:, None, None]"), MASKED),
    mutant("q1", "mask_ignored", attention(seen="True"), MASKED),
    mutant(
        "q1",
        "mask_over_the_queries",
        attention(seen="mask[:, None, -T:, None]"),
        "q1.padding q1.causal q1.way_back q1.any_attention",
    ),
    mutant(
        "q1",
        "masks_joined_by_or",
        attention(
            seen=f"(mask[:, None, None] | {BEFORE} if causal else mask[:, None, None])",
            before=f"({BEFORE} if mask is None else True)",
        ),
        "q1.causal q1.nothing_to_see q1.way_back q1.any_attention",
    ),
    mutant(
        "q1",
        "masked_after_the_softmax",
        attention(softmax="scores.softmax(-1)"),
        "q1.padding q1.causal q1.way_back q1.any_attention",
    ),
    mutant(
        "q1", "zero_for_the_score", attention(hidden="0.0", weights="weights"), MASKED
    ),
    mutant("q1", "a_billion_for_infinity", attention(hidden="-1e9"), "q1.padding"),
    mutant(
        "q1",
        "a_billion_and_no_zeros",
        attention(hidden="-1e9", weights="weights"),
        "q1.padding q1.nothing_to_see q1.way_back q1.any_attention",
    ),
    mutant("q1", "a_thousand_for_infinity", attention(hidden="-1e3"), "q1.padding"),
    mutant("q1", "nan_where_nothing_is", attention(weights="weights"), EMPTY),
    mutant("q1", "causal_ignored", attention(before="True"), AHEAD),
    mutant(
        "q1",
        "causal_does_not_see_itself",
        attention(before="torch.ones(T, S, dtype=torch.bool).tril(S - T - 1)"),
        CAUSAL,
    ),
    mutant(
        "q1",
        "causal_sees_the_next",
        attention(before="torch.ones(T, S, dtype=torch.bool).tril(S - T + 1)"),
        AHEAD,
    ),
    mutant(
        "q1",
        "causal_from_the_first",
        attention(before="torch.ones(T, S, dtype=torch.bool).tril()"),
        CAUSAL,
    ),
    mutant(
        "q1",
        "causal_the_wrong_way_round",
        attention(before="torch.ones(T, S, dtype=torch.bool).triu(S - T)"),
        AHEAD,
    ),
    mutant(
        "q1",
        "causal_drops_the_mask",
        attention(before="True", given="mask = None if causal else mask"),
        "q1.causal q1.nothing_to_see q1.way_back q1.any_attention",
    ),
    mutant(
        "q1",
        "weights_detached",
        attention(joined="(weights.detach() @ v).transpose(1, 2).flatten(2)"),
        BACK,
    ),
    mutant(
        "q1", "without_a_gradient", attention(output="(joined @ W_o.T).detach()"), BACK
    ),
    mutant("q1", "memory_detached", attention(given="memory = memory.detach()"), BACK),
    mutant(
        "q1",
        "nan_on_the_way_back",
        attention(
            softmax="scores.exp() * allowed",
            weights="(weights / weights.sum(-1, keepdim=True)).nan_to_num(0)",
        ),
        "q1.padding q1.way_back",
    ),
    mutant(
        "q1",
        "mask_changed_in_place",
        attention(
            given="mask = None if mask is None else mask.logical_not_()",
            seen="~mask[:, None, None]",
        ),
        BACK,
    ),
    mutant(
        "q1", "x_scaled_in_place", attention(given="x /= D**0.5", scale="1.0"), BACK
    ),
    mutant("q1", "weights_first", attention(returned="weights, output"), Q1),
    mutant("q1", "only_the_output", attention(returned="output"), Q1),
    mutant("q1", "scores_returned", attention(returned="output, scores"), RETURNED),
    mutant(
        "q1",
        "mean_of_the_heads_returned",
        attention(returned="output, weights.mean(1)"),
        RETURNED,
    ),
    # q2
    mutant(
        "q2",
        "sines_first",
        sinusoids(code="torch.cat([angles.sin(), angles.cos()], -1)"),
        CODE,
    ),
    mutant(
        "q2",
        "cosine_first",
        sinusoids(code="torch.stack([angles.cos(), angles.sin()], -1).flatten(1)"),
        CODE,
    ),
    mutant(
        "q2",
        "sines_only",
        sinusoids(code="angles.sin().repeat_interleave(2, dim=1)"),
        CODE,
    ),
    mutant("q2", "i_for_2i", sinusoids(exponent="-pair / 2 / size"), CODE),
    mutant(
        "q2",
        "every_number_its_own_angle",
        sinusoids(
            pair="torch.arange(size)",
            code="torch.where(torch.arange(size) % 2 == 0, angles.sin(), angles.cos())",
        ),
        CODE,
    ),
    mutant("q2", "exponent_of_4i", sinusoids(exponent="-2 * pair / size"), CODE),
    mutant("q2", "sign_forgotten", sinusoids(exponent="pair / size"), CODE),
    mutant("q2", "size_forgotten", sinusoids(exponent="-pair"), CODE),
    mutant("q2", "base_forgotten", sinusoids(base="torch.e"), CODE),
    mutant("q2", "base_1000", sinusoids(base="1_000"), CODE),
    mutant("q2", "hands_from_1", sinusoids(pair="torch.arange(2, size + 1, 2)"), CODE),
    mutant(
        "q2",
        "last_hand_at_the_base",
        sinusoids(exponent="-pair / max(size - 2, 1)"),
        CODE,
    ),
    mutant(
        "q2",
        "degrees",
        sinusoids(angles="torch.deg2rad(places[:, None] * speed)"),
        CODE,
    ),
    mutant("q2", "place_from_1", sinusoids(places="places + 1"), CODE),
    mutant("q2", "places_from_0", sinusoids(places="torch.arange(len(places))"), CODE),
    mutant("q2", "table_of_5000", sinusoids(places="torch.arange(5000)[places]"), FAR),
    mutant("q2", "angles_of_float32", sinusoids(kind="torch.float32"), FAR),
    mutant("q2", "code_of_float64", sinusoids(returned="code"), "q2.any_place"),
    mutant("q2", "code_of_float16", sinusoids(returned="code.half()"), CODE),
    mutant("q2", "transposed", sinusoids(returned="code.float().T"), CODE),
    # q3
    mutant("q3", "autograd", AUTOGRAD, Q3),
    mutant("q3", "mean_forgotten", backward(d_x="(g - hat * along) / s"), TOKENS),
    mutant("q3", "along_forgotten", backward(d_x="(g - mean) / s"), TOKENS),
    mutant("q3", "both_means_forgotten", backward(d_x="g / s"), TOKENS),
    mutant("q3", "not_divided_by_s", backward(d_x="g - mean - hat * along"), TOKENS),
    mutant("q3", "times_s", backward(d_x="(g - mean - hat * along) * s"), TOKENS),
    mutant(
        "q3", "plus_for_minus", backward(d_x="(g - mean + hat * along) / s"), TOKENS
    ),
    mutant(
        "q3",
        "sums_for_means",
        backward(d_x="(g - C * mean - hat * C * along) / s"),
        TOKENS,
    ),
    mutant("q3", "gain_forgotten", backward(g="d_y"), TOKENS),
    mutant(
        "q3",
        "gain_last",
        backward(g="d_y", d_x="gain * (g - mean - hat * along) / s"),
        TOKENS,
    ),
    mutant("q3", "along_x", backward(along="(g * x).mean(-1, keepdim=True)"), TOKENS),
    mutant(
        "q3", "along_centred", backward(d_x="(g - mean - centred * along) / s"), TOKENS
    ),
    mutant(
        "q3",
        "variance_with_C_minus_1",
        backward(variance="x.var(-1, keepdim=True)"),
        Q3,
    ),
    mutant("q3", "eps_forgotten", backward(s="variance.sqrt()"), Q3),
    mutant("q3", "eps_outside_the_root", backward(s="variance.sqrt() + eps"), Q3),
    mutant("q3", "eps_squared", backward(s="(variance + eps**2).sqrt()"), Q3),
    mutant("q3", "eps_of_torch", backward(s="(variance + 1e-5).sqrt()"), Q3),
    mutant("q3", "root_forgotten", backward(s="variance + eps"), Q3),
    mutant(
        "q3",
        "statistics_of_the_batch",
        backward(
            centred="x - x.mean(0, keepdim=True)",
            variance="centred.square().mean(0, keepdim=True)",
        ),
        Q3,
    ),
    mutant(
        "q3",
        "statistics_of_everything",
        backward(centred="x - x.mean()", variance="centred.square().mean()"),
        Q3,
    ),
    mutant(
        "q3",
        "mean_of_everything",
        backward(mean="g.mean()", along="(g * hat).mean()"),
        TOKENS,
    ),
    mutant(
        "q3",
        "d_gain_with_x",
        backward(d_gain="(d_y * x).reshape(-1, C).sum(0)"),
        SHARED,
    ),
    mutant(
        "q3",
        "d_gain_with_centred_x",
        backward(d_gain="(d_y * centred).reshape(-1, C).sum(0)"),
        SHARED,
    ),
    mutant(
        "q3",
        "d_gain_with_gain",
        backward(d_gain="(g * hat).reshape(-1, C).sum(0)"),
        SHARED,
    ),
    mutant(
        "q3", "d_bias_with_gain", backward(d_bias="g.reshape(-1, C).sum(0)"), SHARED
    ),
    mutant("q3", "not_summed", backward(d_gain="d_y * hat", d_bias="d_y"), SHARED),
    mutant(
        "q3",
        "first_dimension_summed",
        backward(d_gain="(d_y * hat).sum(0)", d_bias="d_y.sum(0)"),
        SHARED,
    ),
    mutant(
        "q3",
        "mean_for_the_sum",
        backward(
            d_gain="(d_y * hat).reshape(-1, C).mean(0)",
            d_bias="d_y.reshape(-1, C).mean(0)",
        ),
        SHARED,
    ),
    mutant(
        "q3",
        "summed_over_the_numbers",
        backward(d_gain="(d_y * hat).sum(-1)", d_bias="d_y.sum(-1)"),
        SHARED,
    ),
    mutant(
        "q3",
        "gain_and_bias_exchanged",
        backward(returned="d_x, d_bias, d_gain"),
        SHARED,
    ),
    mutant("q3", "d_x_last", backward(returned="d_gain, d_bias, d_x"), Q3),
    mutant("q3", "only_d_x", backward(returned="d_x"), Q3),
    # q4
    mutant("q4", "always_at_place_0", cached(place="0"), Q4),
    mutant("q4", "one_place_too_far", cached(place="cache[0][0].shape[1] + 1"), Q4),
    mutant(
        "q4", "place_of_the_last", cached(place="max(cache[0][0].shape[1] - 1, 0)"), Q4
    ),
    mutant("q4", "place_of_the_batch", cached(place="cache[0][0].shape[0]"), Q4),
    mutant(
        "q4",
        "place_counted_outside",
        cached(
            place="next(places)", outside="import itertools\nplaces = itertools.count()"
        ),
        Q4,
    ),
    mutant(
        "q4", "overwritten", cached(keys="key[:, None]", values="value[:, None]"), Q4
    ),
    mutant("q4", "never_kept", cached(kept="new.append((old_keys, old_values))"), Q4),
    mutant(
        "q4",
        "put_in_front",
        cached(
            keys="torch.cat([key[:, None], keys], dim=1)",
            values="torch.cat([value[:, None], values], dim=1)",
        ),
        "q4.the_cache q4.any_decoder",
    ),
    mutant(
        "q4",
        "newest_key_in_front",
        cached(keys="torch.cat([key[:, None], keys], dim=1)"),
        Q4,
    ),
    mutant("q4", "keys_for_values", cached(values="keys"), Q4),
    mutant(
        "q4", "values_and_keys_exchanged", cached(kept="new.append((values, keys))"), Q4
    ),
    mutant(
        "q4", "values_not_kept", cached(values="value[:, None].expand_as(keys)"), Q4
    ),
    mutant(
        "q4",
        "does_not_see_itself",
        cached(heard="block.attend(query, old_keys, old_values) if place else 0 * x"),
        Q4,
    ),
    mutant(
        "q4", "key_for_the_query", cached(heard="block.attend(key, keys, values)"), Q4
    ),
    mutant("q4", "first_block_for_all", cached(old="cache[0]"), Q4),
    mutant(
        "q4",
        "one_cache_for_all_blocks",
        cached(old="cache[0] if not new else new[-1]"),
        Q4,
    ),
    mutant(
        "q4",
        "last_cache_for_all",
        cached(kept="new = [(keys, values)] * len(model.blocks)"),
        Q4,
    ),
    mutant("q4", "blocks_backwards", cached(kept="new.insert(0, (keys, values))"), Q4),
    mutant(
        "q4", "each_block_reads_the_words", cached(projected="block.project(first)"), Q4
    ),
    mutant(
        "q4",
        "keys_without_their_places",
        cached(
            projected="(p := block.project)(x)[0], p(model.words[tokens])[1], p(x)[2]"
        ),
        Q4,
    ),
    mutant("q4", "never_finished", cached(finished="heard"), Q4),
    mutant("q4", "nothing_added", cached(finished="block.finish(0 * x, heard)"), Q4),
    mutant("q4", "x_as_the_answer", cached(logits="x"), Q4),
    mutant("q4", "probabilities", cached(logits="model.output(x).softmax(-1)"), LOGITS),
    mutant(
        "q4",
        "first_sequence_for_all",
        cached(embedded="model.embed(tokens[:1].expand_as(tokens), place)"),
        Q4,
    ),
    mutant(
        "q4",
        "mean_of_the_batch",
        cached(keys="torch.cat([keys, key.mean(0).expand(len(x), 1, -1)], 1)"),
        Q4,
    ),
    mutant(
        "q4",
        "projected_three_times",
        cached(projected="[block.project(x)[part] for part in range(3)]"),
        "q4.nothing_again q4.any_decoder",
    ),
    mutant(
        "q4",
        "all_projected_again",
        cached(
            projected="block.project(torch.cat([keys, x[:, None]], 1))",
            keys="key",
            values="value",
            heard="block.attend(query[:, -1], keys, values)",
            kept="new.append((torch.cat([old_keys, x[:, None]], 1),) * 2)",
        ),
        Q4,
    ),
    mutant(
        "q4",
        "list_changed_in_place",
        cached(new="cache", kept="new[number] = (keys, values)"),
        "q4.two_ways q4.any_decoder",
    ),
    mutant(
        "q4",
        "kept_outside",
        cached(
            outside="everything = {}",
            place="cache[0][0].shape[1]",
            old="(everything if place and number in everything else cache)[number]",
            kept="everything[number] = keys, values; new.append((keys, values))",
        ),
        Q4,
    ),
    mutant("q4", "only_the_logits", cached(returned="logits"), Q4),
    mutant("q4", "cache_first", cached(returned="new, logits"), Q4),
    mutant("q4", "old_cache_returned", cached(returned="logits, cache"), Q4),
]
