"""The page's picture and tables of what ``course bench`` has stored."""

from __future__ import annotations

import copy
import json
import math
import re

import pytest
from test_extensions import build

PAGE = "# Page\n\n```{speed}\n```\n"
TIMED = {"note": "", "quartiles": [9.0, 11.0], "mib": 3.2, "apart": 1e-7}
SAID = {
    "machine": {
        "device": "cpu",
        "device_name": "A <fine> CPU",
        "precision": "float32",
        "threads": 2,
        "torch": "2.13.0",
        "commit": "0123abc",
    },
    "peers": {"d2l": "1.0.3", "timm": "1.0.31"},
    "date": "2026-11-20",
    "rounds": 7,
    "peak_flop_per_second": 1.234e11,
    "matches": [
        {
            "name": "LSTM character model",
            "chapter": "lstm_gru",
            "task": "training step",
            "sizes": {"B": 128, "T": 32},
            "tokens": 4096,
            "words": "tokens",
            "flop": 7e9,
            "mfu": 0.42,
            "contenders": [
                {"name": "ours", "kind": "ours", "ms": 10.0, "speed_up": 1.0,
                 "tokens_per_second": 409_600.0} | TIMED,
                {"name": "torch nn.LSTM", "kind": "limit", "ms": 20.0, "speed_up": 2.0,
                 "tokens_per_second": 204_800.0} | TIMED | {"note": "the kernel alone"},
                {"name": "d2l GRU", "kind": "peer", "note": "",
                 "missing": "d2l is not installed"},
                {"name": "timm", "kind": "peer", "note": "",
                 "failed": "computes other values"},
            ],
        }
    ],
    "growth": [
        {"model": "LSTM", "chapter": "lstm_gru", "axis": "T", "sizes": [64, 1024],
         "fixed": {"C": 64, "B": 4}, "exponent": 1, "words": "one waits for the other",
         "ms": [1.0, 15.0], "flop": [1, 16], "slope": 0.977, "counted_slope": 1.0,
         "left_out": {"4096": "no room"}},
        {"model": "RNN", "chapter": "rnn", "axis": "C", "sizes": [32, 512],
         "fixed": {"T": 64, "B": 4}, "exponent": 2, "words": "", "failed": "no memory"},
    ],
    "devices": {
        "name": "Transformer", "sizes": {"B": 32, "T": 64},
        "alone": {"tokens_per_second": 4000.0, "threads": 2},
        "shared": {"tokens_per_second": 5240.0, "threads": 1, "devices": 2},
    },
}  # fmt: skip


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Build a page from what is stored by the name of its file."""

    def built(**stored):
        folder = tmp_path / "-".join(["book", *stored])
        (folder / "stored").mkdir(parents=True)
        build(folder, "# Empty\n")  # so that the extension can be imported
        import speed

        monkeypatch.setattr(speed, "SPEED", folder / "stored")
        for name, said in stored.items():
            (folder / "stored" / f"{name}.json").write_text(json.dumps(said))
        (folder / "again").mkdir()
        return build(folder / "again", PAGE)

    return built


def place(times):
    """Where a sign stands between half and eight times our time, in percent."""
    return 100 * (math.log2(times) + 1) / 4


def lines(html):
    """Name, number, place and sign of each line of the pictures."""
    return re.findall(
        r"<li><span>([^<]*)</span> <b>([\d.]*)\u202f×</b>"
        r'<span class="strip" style="--at:([\d.]+)%" aria-hidden="true">'
        r"<span>(.)</span></span></li>",
        html,
    )


def test_the_picture_has_a_line_for_each_that_was_timed_and_says_it_in_words(page):
    html, warnings = page(cpu=SAID)
    assert not warnings
    # The star: it has a note. The sign: that of a limit, whatever its name.
    assert lines(html) == [("torch nn.LSTM*", "2.00", f"{place(2):.1f}", "◇")]
    assert '<span aria-hidden="true">◇</span> torch&#x27;s fused kernels' in html
    said = copy.deepcopy(SAID)
    said["matches"][0]["contenders"][1]["kind"] = "peer"
    ((*_, sign),) = lines(page(cuda=said)[0])
    assert sign == "◆"


def test_the_line_of_our_own_time_stands_where_a_time_like_ours_does(page):
    said = copy.deepcopy(SAID)
    said["matches"][0]["contenders"][1]["speed_up"] = 1.0
    html, _ = page(cpu=said)
    (ours,) = re.findall(r'class="speed-picture" style="--one:([\d.]+)%"', html)
    assert [at for _, _, at, _ in lines(html)] == [ours]
    ticks = dict(re.findall(r'<span style="--at:([\d.]+)%">(.)</span>', html))
    assert ticks == {"0.0": "½", "25.0": "1", "50.0": "2", "75.0": "4", "100.0": "8"}


@pytest.mark.parametrize(("times", "expected"), [(0.01, "0.0"), (100, "100.0")])
def test_what_is_out_of_the_picture_stands_at_its_edge(page, times, expected):
    said = copy.deepcopy(SAID)
    said["matches"][0]["contenders"][1]["speed_up"] = times
    ((_, number, at, _),) = lines(page(cpu=said)[0])
    assert (float(number), at) == (times, expected)


def test_the_tables_have_times_missing_ones_and_failures(page):
    html, _ = page(cpu=SAID)
    assert "A &lt;fine&gt; CPU" in html
    about = "2 threads, torch 2.13.0, d2l 1.0.3, timm 1.0.31, commit 0123abc, 7 rounds"
    assert f"Measured on 2026-11-20: {about}" in html
    assert "123 GFLOP per second" in html
    assert "10 ms<br><small>9 ms to 11 ms</small>" in html
    assert "410\u202f000" in html
    assert "the kernel alone" in html
    assert '<td colspan="4">d2l is not installed</td>' in html
    assert "computes other values" in html
    assert "ours does 42% of what this machine can" in html


def test_growth_has_the_fitted_power_beside_the_counted_and_the_expected(page):
    html, _ = page(cpu=SAID)
    row = re.search(r"<th scope=\"row\">LSTM, length</th>.*?</tr>", html)[0]
    assert re.findall(r"T<sup>(.*?)</sup>", row) == ["0.98", "1.00", "1"]
    assert "T 64 to 1024; C 64, B 4" in row
    assert "one waits for the other; T 4096: no room" in row
    assert "no memory" in html


def test_one_process_stands_against_several_in_a_sentence(page):
    html, _ = page(cpu=SAID)
    said = "in 2 processes with 1 thread each: 1.31 times as many"
    assert said in html
    said = copy.deepcopy(SAID) | {"devices": {"missing": "there is 1 GPU"}}
    assert "Not measured: there is 1 GPU." in page(cuda=said)[0]


def test_each_device_has_its_section_the_cpu_first(page):
    gpu = copy.deepcopy(SAID)
    gpu["machine"] |= {"device": "cuda", "device_name": "A GPU"}
    html, warnings = page(cuda=gpu, cpu=SAID)
    assert not warnings
    assert html.index("On A &lt;fine&gt; CPU") < html.index("On A GPU")
    contents = re.findall(r'href="#(speed-[^"]*)"', html)
    parts = ("", "-lstm-gru", "-growth", "-devices")
    expected = [f"speed-{device}{part}" for device in ("cpu", "cuda") for part in parts]
    assert (
        re.findall(r'<section (?:class="speed" )?id="(speed[^"]*)"', html) == expected
    )
    assert set(expected) <= set(contents), "the page's contents lead there"


def test_nothing_stored_a_broken_file_and_a_name_of_nobody_are_warnings(page):
    assert "measure it with: course bench" in page()[1]
    assert "speed: KeyError" in page(cpu={"machine": SAID["machine"]})[1]
    said = copy.deepcopy(SAID)
    said["matches"][0]["contenders"][1] |= {"name": "nobody's", "kind": "peer"}
    assert "expected one of ours, d2l, torch" in page(cuda=said)[1]
