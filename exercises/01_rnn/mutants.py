"""Typical wrong answers, and exactly the tests that each must fail."""

from course_lib.grading import Mutant

VALUES = "q1.values q1.any_step"
SCALED = "g * max_norm / norm if norm > max_norm else g"
Q2 = "q2.without_padding q2.padding_carries q2.one_by_one q2.padding_anywhere"


def step(expression):
    """An answer to q1."""
    return f"def rnn_step(x_t, h, W_x, W_h, b):\n    return {expression}\n"


def loop(new_state):
    """An answer to q2; ``m`` is the step's mask (B, 1), ``new`` the updated state."""
    return f"""
def run_rnn(x, mask, h0, W_x, W_h, b):
    h, states = h0, []
    for t in range(x.shape[1]):
        m = mask[:, t, None]
        new = rnn_step(x[:, t], h, W_x, W_h, b)
        h = {new_state}
        states.append(h)
    return torch.stack(states, dim=1)
"""


def back(
    delta="grad * (1 - states[:, t] ** 2)",
    share="delta.T @ before",
    start="torch.zeros_like(W_h)",
    total="total + share",
    carry="delta @ W_h",
):
    """An answer to q3."""
    return f"""
def bptt(states, h0, W_h, grad_last):
    grad, total = grad_last, {start}
    for t in reversed(range(states.shape[1])):
        delta = {delta}
        before = states[:, t - 1] if t > 0 else h0
        share = {share}
        total = {total}
        grad = {carry}
    return total, grad
"""


def clip(each, norm="torch.sqrt(sum((g**2).sum() for g in grads))"):
    """An answer to q4; ``each`` is what becomes of a gradient ``g``."""
    return f"""
def clip_by_global_norm(grads, max_norm):
    norm = {norm}
    return [{each} for g in grads]
"""


def decay(
    rate="torch.linalg.eigvals(W_h).abs().max().item()",
    never="None",
    condition="rate**k >= threshold",
    k="k",
):
    """An answer to q5."""
    return f"""
def decay_rate(W_h):
    return {rate}

def horizon(W_h, threshold):
    rate = decay_rate(W_h)
    if rate >= 1:
        return {never}
    k = 0
    while {condition} and k < 10_000:
        k += 1
    return {k}
"""


def mutant(question, name, source, *fails):
    names = frozenset(test for one in fails for test in one.split())
    return Mutant(question, name, names, source)


MUTANTS = [
    # q1: nothing goes on in q2, whose tests bring a right rnn_step.
    mutant("q1", "no_tanh", step("x_t @ W_x.T + h @ W_h.T + b"), VALUES),
    mutant("q1", "relu_for_tanh", step("(x_t @ W_x.T + h @ W_h.T + b).relu()"), VALUES),
    mutant(
        "q1",
        "W_h_transposed",
        step("torch.tanh(x_t @ W_x.T + h @ W_h + b)"),
        VALUES,
    ),
    mutant("q1", "no_bias", step("torch.tanh(x_t @ W_x.T + h @ W_h.T)"), VALUES),
    mutant(
        "q1",
        "bias_outside",
        step("torch.tanh(x_t @ W_x.T + h @ W_h.T) + b"),
        VALUES,
    ),
    mutant("q1", "state_forgotten", step("torch.tanh(x_t @ W_x.T + b)"), VALUES),
    mutant(
        "q1",
        "softmax_for_tanh",
        step("torch.softmax(x_t @ W_x.T + h @ W_h.T + b, 1)"),
        VALUES,
    ),
    mutant(
        "q1",
        "tanh_clipped",
        step("(x_t @ W_x.T + h @ W_h.T + b).clamp(-1, 1)"),
        VALUES,
    ),
    mutant(
        "q1",
        "columns_for_rows",
        step("torch.tanh(x_t @ W_x.T + h @ W_h.T + b).T"),
        "q1.shape",
        VALUES,
    ),
    # q2
    mutant(
        "q2",
        "mask_ignored",
        loop("new"),
        "q2.padding_carries q2.one_by_one q2.padding_anywhere",
    ),
    mutant("q2", "mask_inverted", loop("torch.where(m, h, new)"), Q2),
    mutant(
        "q2",
        "padding_zeroed",
        loop("torch.where(m, new, 0 * h)"),
        "q2.padding_carries q2.one_by_one q2.padding_anywhere",
    ),
    mutant(
        "q2",
        "state_not_carried",
        loop("torch.where(m, new, h0)"),
        "q2.padding_carries q2.one_by_one q2.padding_anywhere",
    ),
    mutant(
        "q2",
        "h0_ignored",
        loop("torch.where(m, new, h)").replace(
            "h, states = h0", "h, states = torch.zeros_like(h0)"
        ),
        "q2.without_padding q2.padding_carries q2.padding_anywhere",
    ),
    mutant(
        "q2",
        "every_step_from_h0",
        loop("torch.where(m, new, h)").replace("x[:, t], h,", "x[:, t], h0,"),
        "q2.without_padding q2.padding_carries q2.one_by_one q2.padding_anywhere",
    ),
    mutant(
        "q2",
        "first_row_decides",
        loop("new if m[0] else h"),
        "q2.padding_carries q2.one_by_one q2.padding_anywhere",
    ),
    mutant(
        "q2",
        "skip_when_all_padded",
        loop("new if m.any() else h"),
        "q2.padding_carries q2.one_by_one q2.padding_anywhere",
    ),
    # q3
    mutant(
        "q3",
        "no_sum_over_time",
        back(total="share"),
        "q3.three_steps q3.weight_gradient",
    ),
    mutant(
        "q3",
        "last_step_only",
        back(total="share if t == states.shape[1] - 1 else total"),
        "q3.three_steps q3.weight_gradient",
    ),
    mutant(
        "q3",
        "no_tanh_derivative",
        back(delta="grad"),
        "q3.one_step q3.three_steps q3.weight_gradient q3.first_state_gradient",
    ),
    mutant(
        "q3",
        "tanh_derivative_unsquared",
        back(delta="grad * (1 - states[:, t])"),
        "q3.one_step q3.three_steps q3.weight_gradient q3.first_state_gradient",
    ),
    mutant(
        "q3",
        "tanh_derivative_once",
        back(
            delta="grad * (1 - states[:, t] ** 2) if t == states.shape[1] - 1 else grad"
        ),
        "q3.three_steps q3.weight_gradient q3.first_state_gradient",
    ),
    mutant(
        "q3",
        "state_after_for_before",
        back(share="delta.T @ states[:, t]"),
        "q3.one_step q3.three_steps q3.weight_gradient",
    ),
    mutant(
        "q3",
        "outer_product_transposed",
        back(share="before.T @ delta"),
        "q3.one_step q3.three_steps q3.weight_gradient",
    ),
    mutant(
        "q3",
        "W_h_transposed",
        back(carry="delta @ W_h.T"),
        "q3.three_steps q3.weight_gradient q3.first_state_gradient",
    ),
    mutant(
        "q3",
        "mean_over_batch",
        back(share="delta.T @ before / len(before)"),
        "q3.one_step q3.weight_gradient",
    ),
    mutant(
        "q3",
        "h0_left_out",
        back().replace("else h0", "else 0 * h0"),
        "q3.one_step q3.three_steps q3.weight_gradient",
    ),
    mutant(
        "q3",
        "delta_returned",
        back().replace("return total, grad", "return total, delta"),
        "q3.first_state_gradient",
    ),
    mutant(
        "q3",
        "only_dW_h",
        back().replace("return total, grad", "return total"),
        "q3.one_step q3.three_steps q3.weight_gradient q3.first_state_gradient",
    ),
    # q4
    mutant(
        "q4",
        "each_tensor_alone",
        clip("g * min(1.0, max_norm / (g.norm() + 1e-9))"),
        "q4.too_long q4.any_list",
    ),
    mutant(
        "q4",
        "small_scaled_up",
        clip("g * max_norm / norm"),
        "q4.short_enough q4.any_list",
    ),
    mutant(
        "q4",
        "by_value",
        clip("g.clamp(-max_norm, max_norm)"),
        "q4.too_long q4.any_list",
    ),
    mutant(
        "q4",
        "no_square_root",
        clip(SCALED, "sum((g**2).sum() for g in grads)"),
        "q4.too_long q4.any_list",
    ),
    mutant(
        "q4",
        "sum_of_norms",
        clip(SCALED, "sum(g.norm() for g in grads)"),
        "q4.too_long q4.any_list",
    ),
    mutant("q4", "never", clip("g"), "q4.too_long q4.any_list"),
    mutant(
        "q4",
        "unit_length",
        clip("g / norm if norm > max_norm else g"),
        "q4.too_long q4.any_list",
    ),
    mutant(
        "q4",
        "dropped",
        clip("g if norm <= max_norm else 0 * g"),
        "q4.too_long q4.any_list",
    ),
    # q5
    mutant(
        "q5",
        "spectral_norm",
        decay("torch.linalg.matrix_norm(W_h, 2).item()"),
        "q5.rate q5.any_matrix",
    ),
    mutant(
        "q5",
        "real_part",
        decay("torch.linalg.eigvals(W_h).real.max().item()"),
        "q5.rate q5.any_matrix",
    ),
    mutant(
        "q5",
        "as_if_symmetric",
        decay("torch.linalg.eigvalsh(W_h).abs().max().item()"),
        "q5.rate q5.any_matrix",
    ),
    mutant(
        "q5",
        "determinant",
        decay("torch.linalg.det(W_h).abs().item()"),
        "q5.rate q5.any_matrix",
    ),
    mutant(
        "q5",
        "smallest",
        decay("torch.linalg.eigvals(W_h).abs().min().item()"),
        "q5.rate q5.any_matrix",
    ),
    mutant("q5", "one_too_few", decay(k="k - 1"), "q5.lag q5.any_matrix"),
    mutant("q5", "one_too_many", decay(k="k + 1"), "q5.lag q5.any_matrix"),
    mutant("q5", "zero_for_never", decay(never="0"), "q5.lag"),
    mutant(
        "q5",
        "threshold_halved",
        decay(condition="rate**k >= threshold / 2"),
        "q5.lag q5.any_matrix",
    ),
]
