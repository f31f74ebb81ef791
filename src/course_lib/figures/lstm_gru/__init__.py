"""The live figures of chapter 2."""

from course_lib.figures.lstm_gru.cell_microscope import CellMicroscope
from course_lib.figures.lstm_gru.gate_console import GateConsole
from course_lib.figures.lstm_gru.race import Race

__all__ = ["CellMicroscope", "GateConsole", "Race"]
