"""The claims of chapter 5, in the order in which the chapter makes them."""

CLAIMS = (
    "attention_cost",
    "one_head_averages",
    "residuals_carry_position",
    "order_needs_positions",
    "norm_and_warmup",
    "transformer_translation",
    "cached_decoding",
)
