"""What a claim of the book is made of: a config, a run, bands, a figure."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.chapters import chapter
from course_lib.training import Setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

# A step of a small model takes a GPU 1 to 10 ms, whatever the batch: mostly it waits
# for kernels to be started. So what "real" has over "cpu" is larger models and batches,
# longer sequences and published data, and hardly more steps. Where no result of it is
# stored, its bands are predictions.
SCALES = ("quick", "cpu", "real")


@dataclass(frozen=True)
class Progress:
    """One step of work, reported while an experiment runs.

    ``done`` and ``total`` count units of work within one seed; ``curves`` holds the
    newest value of each live curve, by name; ``note`` says in words what is running.
    ``timing`` says that all is trained, and that times are taken from here on. The
    runner adds the ``seed``.
    """

    done: int
    total: int
    curves: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    seed: int = 0
    timing: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one seed measured.

    ``metrics`` are single numbers, summarised over the seeds; ``series`` is whatever
    the figure draws (lists and dicts, ready for JSON); ``tokens`` counts the time
    steps processed, so that a speed can be stated; ``model`` is there for ``export``.
    """

    metrics: Mapping[str, float]
    series: Mapping[str, Any] = field(default_factory=dict)
    tokens: int = 0
    model: Any = None


@dataclass(frozen=True)
class Band:
    """The interval in which one part of a claim holds.

    ``metric`` names a key of :attr:`Outcome.metrics`; its mean over the seeds must lie
    in [``low``, ``high``]; ``says`` is that part of the claim in words.
    """

    metric: str
    says: str
    low: float = float("-inf")
    high: float = float("inf")

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(
                f"band of {self.metric}: got {self.low} to {self.high}, "
                "expected low <= high"
            )

    def holds(self, mean: float) -> bool:
        """Whether ``mean`` lies in the band. NaN never does."""
        return self.low <= mean <= self.high


@dataclass(frozen=True)
class Experiment:
    """A claim of the book, with everything needed to measure it.

    ``run(config, setting)`` is a generator: it yields :class:`Progress` and returns an
    :class:`Outcome`, so the same code drives a progress bar, a panel with a Stop
    button, a test and the command line. ``scales`` maps each of :data:`SCALES` to its
    config; a name like ``real-sst2`` is that scale on other data. ``bands`` maps a
    scale to the bands that are claimed there; ``paper`` is the source's own number, in
    words, and never ours.
    ``export(config, outcome)`` turns the trained model into the JSON that a live figure
    runs from; ``artefact`` is where it is stored.

    Raises ``ValueError`` for a chapter that is none, for scales that are none or are
    not those of the bands, and for one of ``export`` and ``artefact`` alone.
    """

    name: str
    chapter: str
    claim: str
    source: str
    paper: str
    scales: Mapping[str, Any]
    run: Callable[[Any, Setting], Generator[Progress, None, Outcome]]
    bands: Mapping[str, tuple[Band, ...]]
    figure: Callable[[Result], Figure]
    units: Mapping[str, str] = field(default_factory=dict)  # of metrics that have one
    export: Callable[[Any, Outcome], Mapping[str, Any]] | None = None
    artefact: Path | None = None  # where ``course run NAME --export`` writes it
    precision: str | None = None  # where the run has its own, whatever the setting says
    shared: bool = True  # whether it trains, so that several devices can share the work
    timed: bool = False  # whether it measures times: nothing may run beside it then

    def __post_init__(self) -> None:
        try:
            chapter(self.chapter)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        if unknown := {s for s in self.scales if s.partition("-")[0] not in SCALES}:
            raise ValueError(
                f"{self.name}: scales: got {sorted(unknown)}, "
                f"expected some of {', '.join(SCALES)}"
            )
        if set(self.bands) != set(self.scales) or not all(self.bands.values()):
            banded = sorted(scale for scale, bands in self.bands.items() if bands)
            raise ValueError(
                f"{self.name}: bands: got some for {banded}, "
                f"expected some for each of {sorted(self.scales)}"
            )
        if (self.export is None) != (self.artefact is None):
            raise ValueError(
                f"{self.name}: got {'artefact' if self.artefact else 'export'} alone, "
                "expected both of export and artefact, or neither"
            )

    def config(self, scale: str, **changes: Any) -> Any:
        """The frozen config of ``scale``, with single fields changed.

        Raises ``ValueError`` for a scale or a field that does not exist.
        """
        from dataclasses import fields, replace

        if scale not in self.scales:
            raise ValueError(
                f"scale: got {scale!r}, expected one of {', '.join(self.scales)}"
            )
        config = self.scales[scale]
        known = {f.name for f in fields(config)}
        if unknown := set(changes) - known:
            raise ValueError(
                f"config: {self.name} has no field {sorted(unknown)}; "
                f"it has {', '.join(sorted(known))}"
            )
        return replace(config, **changes)
