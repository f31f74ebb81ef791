"""The claims of chapter 4, in the order in which the chapter makes them."""

CLAIMS: tuple[str, ...] = ()
