"""The live figures of chapter 6."""

from course_lib.figures.bert.fill_mask import FillMask
from course_lib.figures.bert.label_curve import LabelCurve
from course_lib.figures.bert.masking_machine import MaskingMachine
from course_lib.figures.bert.piece_builder import PieceBuilder

__all__ = ["FillMask", "LabelCurve", "MaskingMachine", "PieceBuilder"]
