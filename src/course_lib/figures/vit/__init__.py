"""The live figures of chapter 7."""

from course_lib.figures.vit.attention_rollout import AttentionRollout
from course_lib.figures.vit.data_curve import DataCurve
from course_lib.figures.vit.patch_bench import PatchBench

__all__ = ["AttentionRollout", "DataCurve", "PatchBench"]
