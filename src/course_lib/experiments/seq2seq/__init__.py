"""The claims of chapter 3, in the order in which the chapter makes them."""

CLAIMS = (
    "context_bottleneck",
    "source_reversal",
    "exposure_bias",
    "beam_width",
)
