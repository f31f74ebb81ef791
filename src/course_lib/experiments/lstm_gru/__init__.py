"""The claims of chapter 2, in the order in which the chapter makes them."""

CLAIMS = (
    "forget_gate_gradient",
    "adding_problem",
    "recurrent_cost",
    "gated_character_model",
    "cell_states",
)
