"""The claims of chapter 6, in the order in which the chapter makes them."""

CLAIMS = (
    "both_ways",
    "label_efficiency",
    "masking_recipe",
    "next_sentence",
    "probe_by_layer",
)
