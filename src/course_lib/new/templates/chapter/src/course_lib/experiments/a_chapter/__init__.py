"""The claims of chapter 00, in the order in which the chapter makes them."""

CLAIMS = ()
