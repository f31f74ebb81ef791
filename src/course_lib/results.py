"""What experiments measured, as the book rereads it: ``results/NAME.SCALE.json``.

Nothing here needs torch: the rendered book is built without it.
"""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# A wheel carries the results inside the package; a checkout has them at its root.
_PACKAGED = Path(__file__).parent / "_stored" / "results"
_CHECKOUT = Path(__file__).parents[2] / "results"
RESULTS = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


@dataclass(frozen=True)
class Run:
    """One seed: its metrics and series, wall time in seconds, speed and peak memory."""

    seed: int
    metrics: Mapping[str, float]
    series: Mapping[str, Any]
    seconds: float
    tokens_per_second: float
    peak_memory_mib: float


@dataclass(frozen=True)
class Verdict:
    """One band of a claim beside what was measured: does this part of it hold?"""

    metric: str
    says: str
    low: float | None
    high: float | None
    mean: float
    sd: float | None  # None for a single seed
    unit: str
    holds: bool


@dataclass(frozen=True)
class Result:
    """All seeds of one experiment at one scale, and the machine that ran them.

    ``claim`` repeats what was claimed when it was measured: ``chapter``, ``says``,
    ``source`` and ``paper`` (the source's own number, never ours).
    """

    experiment: str
    scale: str
    claim: Mapping[str, str]
    verdicts: tuple[Verdict, ...]
    config: Mapping[str, Any]
    runs: tuple[Run, ...]
    machine: Mapping[str, Any]

    @property
    def holds(self) -> bool:
        """Whether every part of the claim holds."""
        return all(verdict.holds for verdict in self.verdicts)

    def mean(self, metric: str) -> float:
        """Mean of ``metric`` over the seeds."""
        return statistics.fmean(run.metrics[metric] for run in self.runs)

    def sd(self, metric: str) -> float | None:
        """Sample standard deviation over the seeds (n - 1); None for a single seed."""
        values = [run.metrics[metric] for run in self.runs]
        return statistics.stdev(values) if len(values) > 1 else None

    def to_json(self) -> str:
        """The stored form: readable, stable, numbers to six significant digits."""
        return json.dumps(_storable(asdict(self)), indent=1, sort_keys=True) + "\n"

    def save(self, folder: Path = RESULTS) -> Path:
        """Write ``NAME.SCALE.json`` into ``folder``, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.experiment}.{self.scale}.json"
        part = path.with_name(path.name + ".part")
        part.write_text(self.to_json(), encoding="utf-8")
        os.replace(part, path)
        return path

    @classmethod
    def load(cls, path: Path) -> Result:
        """Read a stored result. Raises ``FileNotFoundError`` or ``ValueError``."""
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            stored["runs"] = tuple(Run(**run) for run in stored["runs"])
            stored["verdicts"] = tuple(Verdict(**v) for v in stored["verdicts"])
            return cls(**stored)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: not a stored result ({error})") from error


def stored(name: str, scale: str = "cpu", folder: Path = RESULTS) -> Result:
    """The stored result of experiment ``name`` at ``scale``.

    Raises ``FileNotFoundError`` that says which command measures it.
    """
    path = folder / f"{name}.{scale}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"no stored result of {name!r} at scale {scale!r}; "
            f"measure it with: course run {name} --scale {scale} --seeds 3"
        )
    return Result.load(path)


def _storable(value: Any) -> Any:
    if isinstance(value, float):
        # JSON has no infinity and no NaN; a band without a bound says null.
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    return value
