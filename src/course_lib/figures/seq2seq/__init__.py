"""The live figures of chapter 3."""

from course_lib.figures.seq2seq.beam_tree import BeamTree
from course_lib.figures.seq2seq.bleu_calculator import BleuCalculator
from course_lib.figures.seq2seq.bottleneck_lab import BottleneckLab

__all__ = ["BeamTree", "BleuCalculator", "BottleneckLab"]
