from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.experiments import execute, run_to_end
from course_lib.panels import Panel, panel
from toy import TOY, Config, greedy


@pytest.fixture
def toy(tmp_path):
    made = Panel(TOY, tmp_path)
    yield made
    made.form.stop.click()
    made.wait(30)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def start(toy, **settings):
    for name, value in settings.items():
        toy.form.settings[name].value = value
    toy.form.run.click()


def measured(result):
    return [(run.seed, run.metrics, run.series) for run in result.runs]


def expected(seeds=1, **changes):
    return run_to_end(execute(TOY, seeds=range(seeds), **changes))


def test_a_run_ends_with_the_numbers_of_the_command_line(toy):
    toy.form.seeds.value = 2
    start(toy)
    toy.wait(60)
    assert measured(toy.result) == measured(expected(seeds=2))
    assert toy.form.bar.value == 1.0
    assert "course-result" in toy.form.message.value
    assert "✓ holds" in toy.form.message.value
    assert '<img alt="Figure of this run. The claim: A line' in toy.form.message.value
    assert not list(toy.folder.iterdir()), "the state of a finished run is gone"
    assert not toy.form.run.disabled
    assert toy.form.resume.disabled


def test_fields_become_widgets_with_their_comments(toy):
    kinds = {name: type(widget).__name__ for name, widget in toy.form.settings.items()}
    assert kinds["steps"] == kinds["widths"] == kinds["clip_norm"] == "Text"
    assert (kinds["kind"], kinds["noisy"]) == ("Dropdown", "Checkbox")
    assert toy.form.settings["widths"].value == "3, 2"
    assert "optimiser steps" in toy.form._settings_box.children[0].children[1].value
    toy.form.scale.value = "cpu"
    assert toy.form.settings["steps"].value == "40"
    start(toy, steps="3", widths="2", clip_norm="", kind="sgd", noisy=False)
    toy.wait(60)
    changes = {"steps": 3, "widths": (2,), "clip_norm": None, "noisy": False}
    assert measured(toy.result) == measured(expected(kind="sgd", **changes))


def test_stop_is_heard_within_a_step_and_resume_ends_with_the_same_numbers(toy):
    toy.form.seeds.value = 2
    start(toy, pause="0.03")
    until(lambda: toy._curves.lines)
    toy.form.stop.click()
    toy.wait(10)
    assert not toy.running
    assert toy.result is None
    assert 0 < toy.form.bar.value < 1
    assert "Resume goes on from here" in toy.form.note.value
    assert len(toy._curves.lines["loss"][0].points) < 12, "it did not stop"
    assert not toy.form.resume.disabled
    toy.form.resume.click()
    toy.wait(60)
    assert measured(toy.result) == measured(expected(seeds=2))


def test_another_panel_finds_what_an_ended_kernel_kept(toy):
    start(toy, pause="0.03")
    until(lambda: toy._curves.lines)
    toy.form.stop.click()
    toy.wait(10)
    found = []

    def run(config, setting):
        found.append(setting.checkpoint.exists())
        return (yield from TOY.run(config, setting))

    other = Panel(replace(TOY, run=run), toy.folder)
    assert other.form.resume.disabled, "nothing was kept of the settings of the scale"
    other.form.settings["pause"].value = "0.03"
    assert not other.form.resume.disabled
    assert other.form.run.description == "Run afresh"
    other.form.run.click()
    until(lambda: other._curves.lines)
    other.form.stop.click()
    other.wait(60)
    assert other.form.run.description == "Run afresh"
    other.form.resume.click()
    other.wait(60)
    assert found == [False, True]
    assert measured(other.result)[0][1] == expected().runs[0].metrics


def test_two_panels_take_turns_and_do_not_disturb_each_other(toy, tmp_path):
    other = Panel(TOY, tmp_path / "other")
    start(toy, pause="0.05")
    until(lambda: toy._curves.lines)
    start(other)
    until(lambda: "waiting: another panel is running" in other.form.note.value)
    assert not other._curves.lines
    assert not other.form.stop.disabled
    toy.wait(60)
    other.wait(60)
    assert measured(toy.result) == measured(other.result) == measured(expected())


def test_a_waiting_panel_can_be_stopped(toy, tmp_path):
    other = Panel(TOY, tmp_path / "other")
    start(toy, pause="0.1", steps="200")
    until(lambda: toy._curves.lines)
    start(other)
    other.form.stop.click()
    other.wait(10)
    assert not other.running
    assert "stopped before it began" in other.form.note.value
    assert toy.running


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"steps": "many"}, "steps: got &#x27;many&#x27;, expected a whole number"),
        ({"learning_rate": "fast"}, "learning_rate: got &#x27;fast&#x27;, expected a"),
        ({"steps": "0"}, "steps: got 0, expected at least 1"),
        (
            {"fail": "memory", "widths": "70, 60"},
            "out of GPU memory; lower widths (now (70, 60)), or choose the CPU",
        ),
        ({"fail": "disk"}, "the disk is full while writing runs/model.pt"),
    ],
)
def test_what_goes_wrong_is_said_and_the_panel_lives_on(toy, settings, says):
    before = {name: toy.form.settings[name].value for name in settings}
    start(toy, **settings)
    toy.wait(60)
    assert says in toy.form.message.value
    assert 'role="alert"' in toy.form.message.value
    assert "Traceback" not in toy.form.message.value
    start(toy, **before)
    toy.wait(60)
    assert toy.result is not None
    assert 'role="alert"' not in toy.form.message.value


def test_what_a_failed_run_held_is_let_go(tmp_path):
    alive = []
    toy = Panel(replace(TOY, run=greedy(alive)), tmp_path)
    start(toy)
    toy.wait(60)
    assert "out of GPU memory" in toy.form.message.value
    assert [ref() for ref in alive] == [None]


def test_a_bug_shows_its_traceback_in_the_panel(toy):
    start(toy, fail="a <bug>")
    toy.wait(60)
    assert "RuntimeError: a &lt;bug&gt;" in toy.form.message.value
    assert "<summary>Traceback</summary>" in toy.form.message.value
    assert not toy.form.run.disabled


def test_a_failing_figure_does_not_lose_the_result(tmp_path):
    def broken(result):
        raise RuntimeError("no figure")

    toy = Panel(replace(TOY, figure=broken), tmp_path)
    start(toy)
    toy.wait(60)
    assert toy.result.holds
    assert "no figure" in toy.form.message.value


def test_without_a_kernel_the_page_says_what_it_would_be(toy, tmp_path):
    bundle = toy._repr_mimebundle_()
    other = Panel(TOY, tmp_path / "elsewhere")._repr_mimebundle_()
    assert bundle["text/html"] == other["text/html"]
    assert bundle["text/plain"] == other["text/plain"] == "panel('toy')"
    assert "Open this chapter in Colab or JupyterLab" in bundle["text/html"]
    start(toy)
    toy.wait(60)
    assert toy._repr_mimebundle_() == bundle


def test_curves_need_the_same_memory_however_long_the_run(tmp_path):
    long = replace(TOY, scales={**TOY.scales, "quick": Config(steps=700)})
    toy = Panel(long, tmp_path)
    start(toy)
    toy.wait(120)
    assert 200 <= len(toy._curves.lines["loss"][0].points) <= 400
    assert toy.form.curves.value.count("<polyline") == 1
    assert 'role="img" aria-label="loss: now' in toy.form.curves.value


def test_the_name_of_an_experiment_that_is_not_there(monkeypatch):
    monkeypatch.setattr("course_lib.experiments.experiments", lambda: {"toy": TOY})
    assert panel("toy").experiment is TOY
    with pytest.raises(ValueError, match="experiment: got 'nothing', expected one of"):
        panel("nothing")


# --- in a real kernel, driven by the messages of a page


@pytest.fixture(scope="module")
def kernel():
    manager_module = pytest.importorskip("jupyter_client.manager")
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    path = {"PYTHONPATH": os.pathsep.join(paths)}
    manager, client = manager_module.start_new_kernel(env={**os.environ, **path})
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def execute_cell(client, code):
    """Run a cell; the content of its displays and of its errors."""
    shown = []

    def hook(message):
        if message["msg_type"] in ("display_data", "execute_result"):
            shown.append(message["content"]["data"])

    reply = client.execute_interactive(code, timeout=120, output_hook=hook)
    assert reply["content"]["status"] == "ok", reply["content"]
    return shown


def click(client, model_id):
    content = {"method": "custom", "content": {"event": "click"}}
    message = client.session.msg("comm_msg", {"comm_id": model_id, "data": content})
    client.shell_channel.send(message)


def said(client, expression):
    return execute_cell(
        client, f"display({{'text/plain': str({expression})}}, raw=True)"
    )[0]["text/plain"]


def wait_for(client, expression):
    until(lambda: said(client, expression) == "True")


def test_in_a_kernel_run_stop_resume_and_an_error_by_messages(kernel, tmp_path):
    setup = f"""
    from pathlib import Path
    from toy import TOY
    from course_lib.panels import Panel
    p = Panel(TOY, Path({str(tmp_path)!r}))
    p.form.settings["pause"].value = "0.05"
    p.form.settings["steps"].value = "60"
    """
    execute_cell(kernel, "\n".join(line.strip() for line in setup.splitlines()))
    (bundle,) = execute_cell(kernel, "p")
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == said(kernel, "p.form.box.model_id")
    assert "text/html" in bundle
    run, stop, resume = (
        said(kernel, f"p.form.{name}.model_id") for name in ("run", "stop", "resume")
    )
    click(kernel, run)
    wait_for(kernel, "p.form.bar.value > 0")
    click(kernel, stop)
    wait_for(kernel, "not p.running")
    assert "Resume goes on from here" in said(kernel, "p.form.note.value")
    assert said(kernel, "p.result") == "None"
    click(kernel, resume)
    wait_for(kernel, "p.result is not None and not p.running")
    said_loss = said(kernel, "repr(p.result.runs[0].metrics['loss'])")
    assert float(said_loss) == expected(steps=60).runs[0].metrics["loss"]
    for setting, wrong, says in (
        ("steps", "many", "steps: got"),
        ("fail", "memory", "out of GPU memory; lower widths (now (3, 2))"),
    ):
        field = f"p.form.settings[{setting!r}]"
        right = said(kernel, f"{field}.value")
        execute_cell(kernel, f"{field}.value = {wrong!r}")
        click(kernel, run)
        wait_for(kernel, f"{says!r} in p.form.message.value")
        wait_for(kernel, "not p.running")
        execute_cell(kernel, f"{field}.value = {right!r}")
    click(kernel, run)
    wait_for(kernel, "'course-result' in p.form.message.value and not p.running")
    said_loss = said(kernel, "repr(p.result.runs[0].metrics['loss'])")
    assert float(said_loss) == expected(steps=60).runs[0].metrics["loss"]


def test_no_thread_is_left_behind():
    until(lambda: not [t for t in threading.enumerate() if "_work" in t.name])
