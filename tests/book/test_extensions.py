"""The book's own Sphinx extensions, on small books of one page."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parents[2]


def build(folder: Path, page: str, theme_script: str = "") -> tuple[str, str]:
    """Build ``page``; its HTML, and the warnings."""
    source = folder / "source"
    source.mkdir()
    (source / "index.md").write_text(page, encoding="utf-8")
    (source / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {str(ROOT / 'book' / '_ext')!r})\n"
        "extensions = ['myst_parser', 'course', 'benchmarks', 'speed', 'offline']\n"
        "html_theme = 'basic'\n"
        f"html_js_files = [{theme_script!r}] if {theme_script!r} else []\n"
    )
    out, warnings = folder / "out", io.StringIO()
    app = Sphinx(source, source, out, out, "html", status=None, warning=warnings)
    app.build()
    # A second Sphinx in one process finds its own roles registered; that is no news.
    said = [
        w for w in warnings.getvalue().splitlines() if "already registered" not in w
    ]
    return (out / "index.html").read_text(encoding="utf-8"), "\n".join(said)


def test_a_live_figure_lands_in_the_page_with_its_arguments(tmp_path: Path) -> None:
    html, warnings = build(
        tmp_path,
        "# Page\n\n```{live-figure} rnn.GradientThermometer\n"
        ":radius: 1.25\n:length: 33\n\nA caption.\n```\n",
    )
    assert not warnings
    assert 'class="course-figure"' in html
    assert '"radius":1.25' in html
    assert '"length":33' in html
    assert "A caption." in html


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```{live-figure} rnn.NoSuchFigure\n```", "NoSuchFigure"),
        ("```{live-figure} rnn.GradientThermometer\n:radius: 99\n```", "radius"),
        ("{measured}`no-such-claim.cpu:accuracy`", "course run no-such-claim"),
    ],
)
def test_what_is_missing_is_a_warning(tmp_path: Path, text: str, said: str) -> None:
    _, warnings = build(tmp_path, f"# Page\n\n{text}\n")
    assert "WARNING" in warnings
    assert said in warnings


def test_a_measured_number_carries_its_deviation(tmp_path: Path, monkeypatch) -> None:
    import course

    from course_lib.results import Result, Run, Verdict

    same = {"share": 1 / 3, "size": 2048}
    runs = tuple(
        Run(seed, {"accuracy": 64.0 + seed, **same}, {}, 1.0, 1.0, 1.0)
        for seed in range(3)
    )
    verdict = Verdict("accuracy", "it is right", 50.0, None, 65.0, 1.0, "%", True)
    machine = {"device": "cpu", "device_name": "a CPU", "precision": "float32"}
    machine |= {"threads": 1, "torch": "2", "commit": "abc", "course_lib": "0"}
    claim = {"chapter": "01_rnn", "says": "Order matters.", "source": "X", "paper": "Y"}
    result = Result("some-claim", "cpu", claim, (verdict,), {}, runs, machine)
    result.save(tmp_path / "results")
    monkeypatch.setattr(course, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(course, "stored", lambda name, scale: result)
    html, warnings = build(
        tmp_path,
        "# Page\n\nIt is {measured}`some-claim.cpu:accuracy`.\n\n"
        "Of all, {measured}`some-claim.cpu:share|percent`.\n\n"
        "It has {measured}`some-claim.cpu:size` numbers.\n\n```{results}\n```\n",
    )
    assert not warnings
    assert "65.0 ± 1.0 %" in html
    assert ">33%<" in html
    assert ">2 048<" in html
    assert "Order matters." in html
    text = re.sub(r"<[^>]*>", "", html)
    assert "course run some-claim --scale cpu --seeds 3" in text
    for number, (wrong, said) in enumerate(
        (
            ("loss", "there are accuracy, share, size"),
            ("accuracy|percent", "got 65.0, expected a share"),
            ("share|permille", "got 'permille', expected 'percent'"),
        )
    ):
        (tmp_path / str(number)).mkdir()
        _, warnings = build(
            tmp_path / str(number), f"# Page\n\n{{measured}}`some-claim.cpu:{wrong}`\n"
        )
        assert said in warnings


def test_the_times_of_the_graders_are_those_measured(tmp_path, monkeypatch) -> None:
    import benchmarks

    page = "# Page\n\n```{grader-times}\n```\n"
    times = {
        "exercise": "01_rnn",
        "machine": {"cores": 2, "device_name": "a CPU", "torch": "2.13"},
        "course": {
            "submissions": 200, "hostile": 10, "jobs": 2, "seconds": 210,
            "seconds_each": 1.52,
        },
        "peers": [{"name": "other", "version": "7.0", "seconds_each": [9, 12, 30]}],
    }  # fmt: skip
    file = tmp_path / "grading.json"
    monkeypatch.setattr(benchmarks, "GRADING", file)
    file.write_text(json.dumps(times))
    (tmp_path / "right").mkdir()
    html, warnings = build(tmp_path / "right", page)
    assert not warnings
    text = re.sub(r"<[^>]*>|\s+", " ", html)
    assert "a class of 200, 10 of them hostile, took 3.5 minutes" in text
    assert re.search(r"this one +1\.5 s +3\.5 min", text)
    assert re.search(r"other 7\.0 +12\.0 s +40 min, extrapolated", text)

    times["peers"] = [{"name": "other", "missing": "no other in there"}]
    file.write_text(json.dumps(times))
    (tmp_path / "missing").mkdir()
    assert "no other in there" in build(tmp_path / "missing", page)[1]
    file.unlink()
    (tmp_path / "none").mkdir()
    assert "grader-times" in build(tmp_path / "none", page)[1]


def test_the_weights_and_times_of_the_book_are_those_measured(tmp_path, monkeypatch):
    import benchmarks

    def weight(title, *numbers):
        html, fonts = numbers
        return {
            "title": title,
            "requests": {"html": 1, "fonts": 6},
            "bytes": {"html": html, "fonts": fonts},
        }

    stored = {
        "weights": {
            "browser": "Chromium 1",
            "date": "2026-11-22",
            "pages": [weight("A chapter", 1_200_000, 340_000)],
            "floors": [weight("An empty page", 1_000, 99_000)],
        },
        "times": {
            "machine": {"cores": 2, "device_name": "a CPU"},
            "date": "2026-11-22",
            "book": 21.4,
            "notebooks": {"01_rnn": 40.0, "02_lstm_gru": 50.0},
        },
    }
    file = tmp_path / "pages.json"
    monkeypatch.setattr(benchmarks, "PAGES", file)
    file.write_text(json.dumps(stored))
    page = "# Page\n\n```{page-weights}\n```\n\n```{build-times}\n```\n"
    html, warnings = build(tmp_path, page)
    assert not warnings
    text = re.sub(r"<[^>]*>|\s+", " ", html)
    assert re.search(r"A chapter +7 +1\.54 +An empty page +7 +0\.10 ", text)
    assert "took 21 s to build in an environment" in text
    assert "all 2 notebooks, executed one after another, 1.5 min" in text
    assert "the longest of them 02_lstm_gru with 50 s" in text
    assert "2026-11-22" in text
    file.unlink()
    (tmp_path / "none").mkdir()
    _, warnings = build(tmp_path / "none", page)
    assert "page-weights" in warnings
    assert "build-times" in warnings


def test_a_remote_script_fails_the_build(tmp_path: Path) -> None:
    with pytest.raises(ExtensionError, match=r"cdn\.example"):
        build(tmp_path, "# Page\n", "https://cdn.example/require.js")


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://a.example/x.js"></script>',
        '<link rel="stylesheet" href="//a.example/x.css">',
        '<img src="http://a.example/x.png" alt="x">',
        '<style>@import "https://a.example/x.css";</style>',
        "<style>@font-face { src: url(https://a.example/x.woff) }</style>",
        '<p style="background: url(//a.example/x.png)">x</p>',
        '<svg><use href="https://a.example/x.svg#i"/></svg>',
    ],
)
def test_remote_loads_are_found(html: str) -> None:
    from offline import remote_loads

    assert len(remote_loads(html)) == 1


def test_links_and_local_files_are_no_remote_loads() -> None:
    from offline import remote_loads

    html = (
        '<a href="https://a.example/">a</a><script src="_static/x.js"></script>'
        '<link rel="canonical" href="https://a.example/"><img src="x.png" alt="x">'
        "<script>const home = 'https://a.example/';</script>"
    )
    assert remote_loads(html) == []
