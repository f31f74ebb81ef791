"""The claims of chapter 6, in the order in which the chapter makes them."""

CLAIMS = ("both_ways", "label_efficiency", "probe_by_layer")
