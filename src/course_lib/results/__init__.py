"""What experiments measured, as the book rereads it: ``results/NAME.SCALE.json``.

Nothing here needs torch: the rendered book is built without it.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from course_lib.files import write_whole

# A wheel carries the results inside the package; a checkout has them at its root.
_PACKAGED = Path(__file__).parents[1] / "_stored" / "results"
_CHECKOUT = Path(__file__).parents[3] / "results"
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

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Run:
        """The run that JSON keeps as ``stored``; null stands for NaN."""
        numbers = ("seconds", "tokens_per_second", "peak_memory_mib")
        metrics = {name: _number(value) for name, value in stored["metrics"].items()}
        return cls(
            **{**stored, **{name: _number(stored[name]) for name in numbers}}
            | {"metrics": metrics}
        )


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


@dataclass(frozen=True, repr=False)
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
        return json.dumps(storable(asdict(self)), indent=1, sort_keys=True) + "\n"

    def save(self, folder: Path = RESULTS) -> Path:
        """Write ``NAME.SCALE.json`` into ``folder``, whole or not at all."""
        path = folder / f"{self.experiment}.{self.scale}.json"
        write_whole(path, self.to_json())
        return path

    @classmethod
    def load(cls, path: Path) -> Result:
        """Read a stored result. A number that was not finite comes back as NaN.

        Raises ``FileNotFoundError``, or ``ValueError`` for a file of another form.
        """
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            stored["runs"] = tuple(Run.of(run) for run in stored["runs"])
            stored["verdicts"] = tuple(
                Verdict(**{**verdict, "mean": _number(verdict["mean"])})
                for verdict in stored["verdicts"]
            )
            return cls(**stored)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}: not a result of this version of course_lib ({error}); "
                "delete it and measure again with: course run"
            ) from error

    def __repr__(self) -> str:
        from course_lib.results.table import text

        return text(self)

    def _repr_html_(self) -> str:
        from course_lib.results.table import html

        return html(self)


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


def workplace() -> Path:
    """Where commands write ``results/`` and ``runs/``: the checkout, if there is one,
    else the working folder.
    """
    checkout = _CHECKOUT.parent
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def _number(stored: float | None) -> float:
    return math.nan if stored is None else stored


def storable(value: Any) -> Any:
    """``value`` as a stored result keeps it: JSON, floats to six digits, or null."""
    if isinstance(value, float):
        # JSON has no infinity and no NaN; a band without a bound says null.
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value
