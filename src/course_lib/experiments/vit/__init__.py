"""The claims of chapter 7, in the order in which the chapter makes them."""

CLAIMS = (
    "data_hunger",
    "missing_bias",
    "patch_size",
    "position_table",
    "attention_distance",
    "augmentation_distillation",
)
