"""The claims of chapter 4, in the order in which the chapter makes them."""

CLAIMS = (
    "attention_by_length",
    "attention_alignment",
    "attention_kinds",
    "gradient_path",
    "scaled_dot_product",
)
