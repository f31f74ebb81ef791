"""The package behind *From Recurrence to Attention*: one module per chapter."""

__version__ = "0.1.0"
