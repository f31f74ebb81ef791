from __future__ import annotations

import re
from itertools import pairwise

from course_lib.experiments import Progress
from course_lib.panels.curves import Curves


def points(svg):
    return [
        [tuple(map(float, point.split(","))) for point in line.split()]
        for line in re.findall(r'points="([^"]*)"', svg)
    ]


def test_a_line_goes_from_the_left_edge_to_the_right_and_from_high_to_low():
    curves = Curves()
    assert curves.svg() == ""
    for done, loss in ((1, 3.0), (2, 2.0), (3, 1.0)):
        curves.add(Progress(done, 10, {"loss": loss}))
    assert points(curves.svg()) == [[(58, 24), (195, 67), (332, 110)]]
    assert 'aria-label="loss: now 1, between 1 and 3"' in curves.svg()


def test_seeds_lie_over_each_other_and_the_older_is_paler():
    curves = Curves()
    for done in range(1, 5):
        curves.add(Progress(done, 4, {"loss": done}, seed=(done - 1) // 2))
    first, second = points(curves.svg())
    assert [x for x, _ in first] == [x for x, _ in second] == [58, 332]
    assert curves.svg().count('class="old"') == 1


def test_what_spans_orders_of_magnitude_is_on_a_log_scale():
    curves = Curves()
    for done, loss in enumerate((100.0, 10.0, 1.0)):
        curves.add(Progress(done, 3, {"loss": loss}))
    assert points(curves.svg())[0][1] == (195, 67), "the middle in the logarithm"
    assert "(log scale)" in curves.svg()


def test_a_value_that_is_not_finite_is_said_not_drawn():
    curves = Curves()
    for done, loss in enumerate((1.0, float("inf"), float("nan"))):
        curves.add(Progress(done, 3, {"<loss>": loss}))
    assert "&lt;loss&gt; not a number" in curves.svg()
    assert len(points(curves.svg())[0]) == 1
    only = Curves()
    only.add(Progress(1, 3, {"loss": float("nan")}))
    assert "loss not a number" in only.svg()


def test_what_a_resumed_run_tells_again_is_drawn_once():
    curves = Curves()
    for done in (1, 2, 3, 1, 2, 3, 4):
        curves.add(Progress(done, 4, {"loss": 1 / done}))
    assert [x for x, _ in curves.lines["loss"][0].points] == [1, 2, 3, 4]


def test_of_many_curves_those_that_grew_last_are_shown():
    curves = Curves()
    for done in range(60):
        curves.add(Progress(done, 60, {f"lag {done // 6}": 1.0}))
    assert re.findall(r'aria-label="(lag \d)', curves.svg()) == [
        "lag 6",
        "lag 7",
        "lag 8",
        "lag 9",
    ]


def test_a_long_line_is_thinned_and_keeps_its_ends():
    curves = Curves()
    for done in range(1, 5001):
        curves.add(Progress(done, 5000, {"loss": 1.0 * done}))
    line = curves.lines["loss"][0].points
    assert 200 <= len(line) <= 400
    assert line[0][0] < 20
    assert line[-1][0] > 4980
    assert {b[0] - a[0] for a, b in pairwise(line)} == {16}, "evenly"
    assert all(y == x - 7.5 for x, y in line), "each is the mean of its 16"
