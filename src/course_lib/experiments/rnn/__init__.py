"""The claims of chapter 1, in the order in which the chapter makes them."""

CLAIMS = (
    "vanishing_gradient",
    "memory_horizon",
    "gradient_clipping",
    "word_language",
    "character_model",
)
