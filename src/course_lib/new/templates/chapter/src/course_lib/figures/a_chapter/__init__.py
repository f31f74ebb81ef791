"""The live figures of chapter 00."""

__all__ = []
