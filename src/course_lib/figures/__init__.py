"""Live figures: they run in the page, without a kernel and without a network.

Importable with the standard library alone, because the book is built without torch.
"""

from course_lib.figures.base import Figure

__all__ = ["Figure"]
