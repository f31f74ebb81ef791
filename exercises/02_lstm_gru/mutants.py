"""Typical wrong answers, and exactly the tests that each must fail."""

from course_lib.grading import Mutant

Q1 = "q1.cell q1.state q1.any_step"
Q2 = "q2.after q2.before q2.any_form"
Q3 = "q3.along_the_cell q3.both_ways q3.gate_gradient q3.handed_on"
AFTER = "q5.same_state q5.any_network"
BEFORE = "q5.reset_before q5.any_before"
Q5 = f"q5.matrices {AFTER} {BEFORE}"


def lstm(
    a="x_t @ W_x.T + h @ W_h.T + b",
    blocks="i, f, g, o = a.chunk(4, dim=1)",
    squash="i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()",
    cell="f * c + i * g",
    state="o * new.tanh()",
    returned="state, new",
):
    """An answer to q1."""
    return f"""
def lstm_step(x_t, h, c, W_x, W_h, b):
    a = {a}
    {blocks}
    i, f, g, o = {squash}
    new = {cell}
    state = {state}
    return {returned}
"""


def gru(
    order="r, z, n",
    bias="b_h",
    gate="torch.sigmoid",
    candidate="torch.tanh",
    after="x_n + r * (h @ W_n.T + b_n)",
    before="x_n + (r * h) @ W_n.T + b_n",
    new="z * h + (1 - z) * n",
):
    """An answer to q2."""
    x_blocks, h_blocks, W_blocks, b_blocks = (
        ", ".join(f"{kind}_{block}" for block in order.split(", "))
        for kind in ("x", "h", "W", "b")
    )
    return f"""
def gru_step(x_t, h, W_x, W_h, b_x, b_h, reset):
    {x_blocks} = (x_t @ W_x.T + b_x).chunk(3, dim=1)
    {h_blocks} = (h @ W_h.T + {bias}).chunk(3, dim=1)
    {W_blocks} = W_h.chunk(3)
    {b_blocks} = ({bias} + torch.zeros_like(b_h)).chunk(3)
    r, z = {gate}(x_r + h_r), {gate}(x_z + h_z)
    n = {candidate}({after}) if reset == "after" else {candidate}({before})
    return {new}
"""


def gate(
    total="d_c + d_h * o * (1 - c.tanh() ** 2)",
    d_a="d * c_before * f * (1 - f)",
    carry="d * f",
    returned="d_a, carry",
):
    """An answer to q3."""
    return f"""
def forget_gate_backward(d_h, d_c, f, o, c_before, c):
    d = {total}
    d_a, carry = {d_a}, {carry}
    return {returned}
"""


def along(errors="RIGHT", life="math.log(0.5) / math.log(f)", never="math.inf"):
    """An answer to q4; ``errors`` is the body of ``cell_errors`` in one expression."""
    right = "torch.cat([f, d_c[None]]).flip(0).cumprod(0).flip(0)"
    return f"""
def cell_errors(f, d_c):
    return {errors.replace("RIGHT", right)}

def half_life(f):
    return {never} if f == 1 else {life}
"""


def move(
    matrix="torch.cat([r, -z, n])",
    bias_x="torch.cat([r, -z, n])",
    bias_h="torch.cat([r, -z, n])",
    split="z, r, n = t.chunk(3)",
    refused="not torch.equal(W_n, torch.diag(W_n.diagonal()))",
    block="W_h[2 * H:]",
    where='reset == "before"',
    added="b_h[2 * H:]",
    left="0",
):
    """An answer to q5; each of the first three makes a tensor of its z, r, n."""
    return f"""
def to_torch(W_x, W_h, b_x, b_h, reset):
    def rows(t, kind):
        {split}
        if kind == "b_x":
            return {bias_x}
        if kind == "b_h":
            return {bias_h}
        return {matrix}

    H = W_h.shape[1]
    W_n = {block}
    if reset == "before" and {refused}:
        return None
    W_x, W_h, = rows(W_x, "W_x"), rows(W_h, "W_h")
    b_x, b_h = rows(b_x, "b_x").clone(), rows(b_h, "b_h").clone()
    if {where}:
        b_x[2 * H:] += {added}
        b_h[2 * H:] = {left}
    return W_x, W_h, b_x, b_h
"""


def mutant(question, name, source, *fails):
    names = frozenset(test for one in fails for test in one.split())
    return Mutant(question, name, names, source)


MUTANTS = [
    # q1
    mutant("q1", "g_and_o_swapped", lstm(blocks="i, f, o, g = a.chunk(4, dim=1)"), Q1),
    mutant(
        "q1",
        "i_and_f_swapped",
        lstm(blocks="f, i, g, o = a.chunk(4, dim=1)"),
        Q1,
    ),
    mutant(
        "q1",
        "order_of_old_tensorflow",
        lstm(blocks="i, g, f, o = a.chunk(4, dim=1)"),
        Q1,
    ),
    mutant(
        "q1",
        "interleaved_rows",
        lstm(blocks="i, f, g, o = a.view(len(a), -1, 4).unbind(2)"),
        Q1,
    ),
    mutant("q1", "no_tanh_on_the_cell", lstm(state="o * new"), "q1.state q1.any_step"),
    mutant(
        "q1",
        "output_gate_before_the_tanh",
        lstm(state="(o * new).tanh()"),
        "q1.state q1.any_step",
    ),
    mutant(
        "q1",
        "old_cell_shown",
        lstm(state="o * c.tanh()"),
        "q1.state q1.any_step",
    ),
    mutant(
        "q1",
        "no_output_gate",
        lstm(state="new.tanh()"),
        "q1.state q1.any_step",
    ),
    mutant(
        "q1",
        "tanh_on_the_returned_cell",
        lstm(returned="state, new.tanh()"),
        "q1.cell q1.any_step",
    ),
    mutant(
        "q1",
        "sigmoid_for_the_candidate",
        lstm(squash="i.sigmoid(), f.sigmoid(), g.sigmoid(), o.sigmoid()"),
        Q1,
    ),
    mutant(
        "q1",
        "tanh_for_the_output_gate",
        lstm(squash="i.sigmoid(), f.sigmoid(), g.tanh(), o.tanh()"),
        "q1.state q1.any_step",
    ),
    mutant("q1", "no_input_gate", lstm(cell="f * c + g"), Q1),
    mutant("q1", "one_minus_f_for_i", lstm(cell="f * c + (1 - f) * g"), Q1),
    mutant("q1", "old_cell_lost", lstm(cell="i * g"), Q1),
    mutant("q1", "no_bias", lstm(a="x_t @ W_x.T + h @ W_h.T"), Q1),
    mutant(
        "q1", "cell_for_state_in_the_gates", lstm("x_t @ W_x.T + c @ W_h.T + b"), Q1
    ),
    mutant("q1", "cell_first", lstm(returned="new, state"), Q1),
    mutant("q1", "only_the_state", lstm(returned="state"), Q1),
    # q2
    mutant("q2", "z_replaces", gru(new="(1 - z) * h + z * n"), Q2),
    mutant("q2", "order_z_r_n", gru(order="z, r, n"), Q2),
    mutant(
        "q2",
        "always_after",
        gru(before="x_n + r * (h @ W_n.T + b_n)"),
        "q2.before q2.any_form",
    ),
    mutant(
        "q2",
        "always_before",
        gru(after="x_n + (r * h) @ W_n.T + b_n"),
        "q2.after q2.any_form",
    ),
    mutant("q2", "forms_exchanged", gru().replace('== "after"', '== "before"'), Q2),
    mutant(
        "q2",
        "bias_outside_the_reset",
        gru(after="x_n + r * (h @ W_n.T) + b_n"),
        "q2.after q2.any_form",
    ),
    mutant(
        "q2",
        "bias_inside_the_reset",
        gru(before="x_n + (r * h) @ W_n.T + r * b_n"),
        "q2.before q2.any_form",
    ),
    mutant("q2", "no_reset", gru(after="x_n + h_n", before="x_n + h_n"), Q2),
    mutant(
        "q2",
        "input_reset_too",
        gru(after="r * (x_n + h_n)"),
        "q2.after q2.any_form",
    ),
    mutant(
        "q2",
        "product_not_transposed",
        gru(before="x_n + (r * h) @ W_n + b_n"),
        "q2.before q2.any_form",
    ),
    mutant("q2", "sigmoid_for_the_candidate", gru(candidate="torch.sigmoid"), Q2),
    mutant("q2", "tanh_for_the_gates", gru(gate="torch.tanh"), Q2),
    mutant("q2", "b_h_forgotten", gru(bias="0 * b_h"), Q2),
    mutant("q2", "old_state_added_whole", gru(new="h + (1 - z) * n"), Q2),
    # q3
    mutant(
        "q3",
        "state_path_forgotten",
        gate(total="d_c"),
        "q3.both_ways q3.gate_gradient q3.handed_on",
    ),
    mutant(
        "q3",
        "cell_path_forgotten",
        gate(total="d_h * o * (1 - c.tanh() ** 2)"),
        Q3,
    ),
    mutant(
        "q3",
        "no_output_gate",
        gate(total="d_c + d_h * (1 - c.tanh() ** 2)"),
        "q3.both_ways q3.gate_gradient q3.handed_on",
    ),
    mutant(
        "q3",
        "no_tanh_derivative",
        gate(total="d_c + d_h * o"),
        "q3.both_ways q3.gate_gradient q3.handed_on",
    ),
    mutant(
        "q3",
        "tanh_left_out_of_its_derivative",
        gate(total="d_c + d_h * o * (1 - c ** 2)"),
        "q3.both_ways q3.gate_gradient q3.handed_on",
    ),
    mutant(
        "q3",
        "tanh_for_its_derivative",
        gate(total="d_c + d_h * o * c.tanh()"),
        "q3.both_ways q3.gate_gradient q3.handed_on",
    ),
    mutant(
        "q3",
        "d_c_through_the_tanh_too",
        gate(total="(d_c + d_h * o) * (1 - c.tanh() ** 2)"),
        Q3,
    ),
    mutant(
        "q3",
        "no_sigmoid_derivative",
        gate(d_a="d * c_before"),
        "q3.along_the_cell q3.both_ways q3.gate_gradient",
    ),
    mutant(
        "q3",
        "tanh_derivative_for_the_sigmoid",
        gate(d_a="d * c_before * (1 - f ** 2)"),
        "q3.along_the_cell q3.both_ways q3.gate_gradient",
    ),
    mutant(
        "q3",
        "sigmoid_of_the_gate_again",
        gate(d_a="d * c_before * f.sigmoid() * (1 - f.sigmoid())"),
        "q3.along_the_cell q3.both_ways q3.gate_gradient",
    ),
    mutant(
        "q3",
        "new_cell_for_old",
        gate(d_a="d * c * f * (1 - f)"),
        "q3.along_the_cell q3.both_ways q3.gate_gradient",
    ),
    mutant(
        "q3",
        "handed_on_without_the_gate",
        gate(carry="d"),
        "q3.along_the_cell q3.both_ways q3.handed_on",
    ),
    mutant(
        "q3",
        "handed_on_without_the_state_path",
        gate(carry="d_c * f"),
        "q3.both_ways q3.handed_on",
    ),
    mutant(
        "q3",
        "handed_on_through_the_sigmoid",
        gate(carry="d * f * (1 - f)"),
        "q3.along_the_cell q3.both_ways q3.handed_on",
    ),
    mutant("q3", "results_swapped", gate(returned="carry, d_a"), Q3),
    mutant("q3", "only_the_gate", gate(returned="d_a"), Q3),
    # q4
    mutant(
        "q4",
        "forward_product",
        along("torch.cat([d_c[None], f]).cumprod(0)"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "not_turned_back",
        along("torch.cat([f, d_c[None]]).flip(0).cumprod(0)"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "one_gate_too_many",
        along("torch.cat([d_c * f[t:].prod(0)[None] for t in [0, *range(len(f))]])"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "last_gate_left_out",
        along("torch.stack([d_c * f[t:-1].prod(0) for t in range(len(f) + 1)])"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "own_gate_only",
        along("d_c * torch.cat([f, torch.ones_like(f[:1])])"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "whole_product_everywhere",
        along("(d_c * f.prod(0)).expand(len(f) + 1, -1)"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "without_c_T",
        along("RIGHT[:-1]"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "error_left_out",
        along("torch.stack([f[t:].prod(0) for t in range(len(f) + 1)])"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "sum_for_product",
        along("torch.cat([f, d_c[None]]).flip(0).cumsum(0).flip(0)"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "divided_by_the_first_gates",
        along("d_c * f.prod(0) / torch.cat([0 * f[:1] + 1, f]).cumprod(0)"),
        "q4.errors q4.any_gates",
    ),
    mutant(
        "q4",
        "rounded_up",
        along(life="math.ceil(math.log(0.5) / math.log(f))"),
        "q4.half q4.any_half_life",
    ),
    mutant(
        "q4",
        "time_constant",
        along(life="-1 / math.log(f)"),
        "q4.half q4.any_half_life",
    ),
    mutant(
        "q4",
        "linear_decay",
        along(life="0.5 / (1 - f)"),
        "q4.half q4.any_half_life",
    ),
    mutant(
        "q4",
        "sign_forgotten",
        along(life="math.log(2) / math.log(f)"),
        "q4.half q4.any_half_life",
    ),
    mutant(
        "q4",
        "ratio_upside_down",
        along(life="math.log(f) / math.log(0.5)"),
        "q4.half q4.any_half_life",
    ),
    mutant("q4", "never_is_none", along(never="None"), "q4.half"),
    mutant("q4", "division_by_zero", along(never="1 / 0"), "q4.half"),
    # q5
    mutant(
        "q5",
        "order_kept",
        move(*["torch.cat([-z, r, n])"] * 3),
        Q5,
    ),
    mutant(
        "q5",
        "update_gate_not_turned",
        move(*["torch.cat([r, z, n])"] * 3),
        Q5,
    ),
    mutant("q5", "reset_gate_turned", move(*["torch.cat([-r, z, n])"] * 3), Q5),
    mutant("q5", "candidate_turned", move(*["torch.cat([r, z, -n])"] * 3), Q5),
    mutant("q5", "all_turned", move(*["torch.cat([-r, -z, -n])"] * 3), Q5),
    mutant("q5", "one_minus_the_weights", move(*["torch.cat([r, 1 - z, n])"] * 3), Q5),
    mutant("q5", "order_r_n_z", move(*["torch.cat([r, n, -z])"] * 3), Q5),
    mutant(
        "q5",
        "biases_not_turned",
        move(bias_x="torch.cat([r, z, n])", bias_h="torch.cat([r, z, n])"),
        AFTER,
        BEFORE,
    ),
    mutant("q5", "b_h_not_turned", move(bias_h="torch.cat([r, z, n])"), AFTER, BEFORE),
    mutant("q5", "b_x_not_turned", move(bias_x="torch.cat([r, z, n])"), AFTER, BEFORE),
    mutant("q5", "biases_left_alone", move(bias_x="t", bias_h="t"), AFTER, BEFORE),
    mutant(
        "q5",
        "matrices_not_turned",
        move(matrix="torch.cat([r, z, n])"),
        Q5,
    ),
    mutant(
        "q5",
        "interleaved_rows",
        move(split="z, r, n = t[0::3], t[1::3], t[2::3]"),
        Q5,
    ),
    mutant("q5", "always_moved", move(refused="False"), BEFORE),
    mutant("q5", "never_moved", move(refused="True"), BEFORE),
    mutant("q5", "only_one_unit_moved", move(refused="H > 1"), BEFORE),
    mutant(
        "q5",
        "every_block_diagonal",
        move(refused="any(t.diag().diag().ne(t).any() for t in W_h.chunk(3))"),
        BEFORE,
    ),
    mutant("q5", "wrong_block_diagonal", move(block="W_h[:H]"), BEFORE),
    mutant("q5", "bias_stays_inside", move(where="False"), BEFORE),
    mutant("q5", "bias_counted_twice", move(left="b_h[2 * H:]"), BEFORE),
    mutant("q5", "bias_dropped", move(added="0"), BEFORE),
    mutant("q5", "bias_always_moved", move(where="True"), AFTER),
]
