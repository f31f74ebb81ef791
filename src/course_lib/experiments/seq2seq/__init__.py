"""The claims of chapter 3, in the order in which the chapter makes them."""

CLAIMS = ("context_bottleneck", "beam_width")
