"""How a result is shown: the claim, our number beside the paper's, the machine.

The same table stands in a notebook's output, in the terminal's text form and on the
results page of the book; it depends on nothing but the result, to the byte.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from course_lib.words import counted

if TYPE_CHECKING:
    from course_lib.results import Result, Verdict

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# currentColor only: the box that shows the table knows whether the page is dark. The
# class is written twice to outweigh what JupyterLab says of every table.
_STYLE = """
.course-result{max-width:52rem;line-height:1.45}
.course-result.course-result table{border-collapse:collapse;border:0;margin:.4em 0;
width:100%;font-size:inherit;color:inherit;table-layout:auto}
.course-result.course-result caption{caption-side:top;text-align:left;
font-weight:600;padding:0 0 .4em;color:inherit}
.course-result.course-result :is(th,td){text-align:left;vertical-align:top;
padding:.3em .9em .3em 0;border:0;border-bottom:1px solid;
border-color:color-mix(in srgb,currentColor 25%,transparent);
background:none;color:inherit;font-weight:400;white-space:normal}
.course-result.course-result tr{background:none}
.course-result.course-result thead th{font-weight:600}
.course-result.course-result tbody th{min-width:9em}
.course-result .n{white-space:nowrap;font-variant-numeric:tabular-nums}
.course-result p{margin:.35em 0}
.course-result details{margin:.35em 0;font-size:.92em}
.course-result summary{cursor:pointer}
.course-result .scroll{overflow-x:auto}
"""


def html(result: Result) -> str:
    """``result`` as self-contained HTML: a table, its source, its machine folded."""
    rows = "".join(
        f'<tr{_kind(verdict)}><th scope="row">{escape(verdict.says)}</th>'
        f"<td>{_short(mean_and_sd(verdict.mean, verdict.sd))} {escape(verdict.unit)}"
        f"</td><td>{_short(band(verdict))}</td>"
        f"<td>{_short(_verdict(verdict))}</td></tr>"
        for verdict in result.verdicts
    )
    heads = "".join(
        f'<th scope="col">{head}</th>'
        for head in (
            "Part of the claim",
            f"Measured ({_seeds(result)})",
            "It holds if",
            "Verdict",
        )
    )
    return (
        f'<div class="course-result"><style>{_STYLE}</style>'
        f'<div class="scroll" tabindex="0" role="group" aria-label="Result of '
        f'{escape(result.experiment)}"><table>'
        f"<caption>{_but(result)}{escape(result.claim['says'])}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"<p><strong>{_mark(result.holds)}</strong> at the scale “{result.scale}”. "
        f"{escape(paper(result))}</p>"
        "<details><summary>Where and how it was measured</summary>"
        f"<p>{escape(machine(result))}</p></details></div>"
    )


def text(result: Result) -> str:
    """``result`` as plain lines, for a terminal and for ``repr``."""
    lines = [f"{result.experiment} · {result.scale}: {result.claim['says']}"]
    lines += [
        f"  {_verdict(verdict)}: {verdict.says}: {measured(verdict)} "
        f"({_seeds(result)}{_if(verdict)})"
        for verdict in result.verdicts
    ]
    return "\n".join([*lines, f"  {paper(result)}", f"  {machine(result)}"])


def measured(verdict: Verdict) -> str:
    """Mean ± sample standard deviation with the unit: ``"0.931 ± 0.012 nats"``."""
    return f"{mean_and_sd(verdict.mean, verdict.sd)} {verdict.unit}".strip()


def band(verdict: Verdict) -> str:
    """The interval in words: ``"≥ 0.9"``, ``"0.1 to 0.3"``, or ``"–"`` for none."""
    low, high = verdict.low, verdict.high
    if low is not None and high is not None:
        return f"{number(low)} to {number(high)}"
    if low is not None:
        return f"≥ {number(low)}"
    return "–" if high is None else f"≤ {number(high)}"


def _kind(verdict: Verdict) -> str:
    """The class of a row without a band: a phone shows no line for it."""
    return ' class="compared"' if band(verdict) == "–" else ""


def _if(verdict: Verdict) -> str:
    return "" if band(verdict) == "–" else f"; it holds if {band(verdict)}"


def _verdict(verdict: Verdict) -> str:
    """Whether a part holds; a number without a band is there for comparison only."""
    return "–" if band(verdict) == "–" else _mark(verdict.holds)


def paper(result: Result) -> str:
    """The source's own number, with the source named."""
    said = result.claim["paper"].strip().rstrip(".")
    return f"The source says ({result.claim['source']}): {said}."


def machine(result: Result) -> str:
    """Where and how fast it was measured, in one line."""
    m, runs = result.machine, result.runs
    seconds = sum(run.seconds for run in runs) / len(runs)
    parts = [
        f"Measured on {m['device_name']}",
        _devices(m),
        m["precision"],
        f"{duration(seconds)} per seed{_beside(m)}",
    ]
    speed = sum(run.tokens_per_second for run in runs) / len(runs)
    if speed > 0:  # an experiment that counts no tokens states no speed
        parts.append(f"{_count(speed)} tokens/s")
    peak = max(run.peak_memory_mib for run in runs)
    if math.isfinite(peak):
        parts.append(f"peak memory {_count(peak)} MiB")
    parts.append(f"torch {m['torch']}")
    commit = m["commit"]
    parts.append(f"commit {commit}" if commit else f"course_lib {m['course_lib']}")
    return ", ".join(parts) + "."


def _beside(machine: Mapping[str, Any]) -> str:
    """What the seconds suffered from; old results do not say, and had none beside."""
    others = machine.get("jobs", 1) - 1
    if not others:
        return ""
    claims = "claims were" if others > 1 else "claim was"
    times = ", but not while its times were taken" if "times" in machine else ""
    return f" while up to {others} other {claims} measured beside it{times}"


def _devices(machine: Mapping[str, Any]) -> str:
    """How many did the work; results from before several could do it do not say."""
    count, threads = machine.get("devices", 1), machine["threads"]
    if machine["device"] != "cpu":
        return machine["device"] if count == 1 else f"{count} GPUs"
    said = counted(threads, "thread")
    return said if count == 1 else f"{count} processes, {said} each"


def number(value: float, digits: int = 4) -> str:
    """``digits`` significant; scientific below a thousandth and from a million on."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "not a number")
    power = _power(value)
    if power:
        short = _plain(value / 10**power, digits)
        return f"{short} × 10{str(power).translate(_SUPERSCRIPT)}"
    return _plain(value, digits)


def mean_and_sd(mean: float, sd: float | None) -> str:
    """``mean ± sd``, the mean rounded to the two digits that its sd supports."""
    if sd is None or not math.isfinite(mean) or not math.isfinite(sd):
        return number(mean)
    # a mean that is 0 but for rounding says nothing of the size
    power = _power(mean if abs(mean) > sd / 100 else sd)
    mean, sd = mean / 10**power, sd / 10**power
    if sd == 0:
        said = f"{_plain(mean)} ± 0"
    else:
        digits = min(6, max(0, 1 - math.floor(math.log10(sd))))
        mean = round(mean, digits) + 0.0  # not −0
        said = _spaced(f"{mean:,.{digits}f} ± {sd:,.{digits}f}")
    return f"({said}) × 10{str(power).translate(_SUPERSCRIPT)}" if power else said


def duration(seconds: float) -> str:
    """``"0.4 s"``, ``"12 s"``, ``"3 min 20 s"``, ``"1 h 05 min"``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _power(value: float) -> int:
    """The power of ten to write ``value`` with; 0 where plain digits read better."""
    if value == 0 or not math.isfinite(value) or 1e-3 <= abs(value) < 1e6:
        return 0
    return math.floor(math.log10(abs(value)))


def _plain(value: float, digits: int = 4) -> str:
    if abs(value) >= 1000:
        return _spaced(f"{value:,.0f}")
    return _spaced(f"{value:.{digits}g}")


def _spaced(digits: str) -> str:
    """A space for thousands, and a minus sign as wide as a plus."""
    return digits.replace(",", " ").replace("-", "−")


def _count(value: float) -> str:
    """Two significant digits are all that a speed or a peak is worth."""
    return _spaced(f"{float(f'{value:.2g}'):,.0f}")


def _short(text: str) -> str:
    return f'<span class="n">{escape(text)}</span>'


def _but(result: Result) -> str:
    """Before a claim that fails: who only skims reads no further than the claim."""
    return "" if result.holds else f"{_mark(result.holds)} here: "


def _mark(holds: bool) -> str:
    return "✓ holds" if holds else "✗ does not hold"


def _seeds(result: Result) -> str:
    if len(result.runs) == 1:
        return "1 seed"
    return f"mean ± sd, {len(result.runs)} seeds"
