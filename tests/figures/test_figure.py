"""What every figure has in common: its arguments, its HTML, its anywidget."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from ablations import lab as transformer_lab
from attenders import lab as attention_lab
from fillers import bench
from histories import growth
from label_arms import ARMS, curve
from picture_arms import ARMS as NETWORKS
from picture_arms import hunger
from translators import lab
from vits import bench as patch_bench
from vits import rolled

from course_lib.figures import Figure
from course_lib.figures.attention import AlignmentGrowth, AttentionLab, ScoreWorkshop
from course_lib.figures.bert import FillMask, LabelCurve, MaskingMachine, PieceBuilder
from course_lib.figures.lstm_gru import CellMicroscope, GateConsole, Race
from course_lib.figures.quiz import Quiz
from course_lib.figures.rnn import EchoTrainer, GradientThermometer, Stepper
from course_lib.figures.seq2seq import BeamTree, BleuCalculator
from course_lib.figures.title import ThreeTranslators
from course_lib.figures.transformer import PositionClock, TransformerLab
from course_lib.figures.vit import AttentionRollout, DataCurve, PatchBench

QUIZ = {
    "question": "What is </script><!--<script> & \u2028?",
    "choices": ["A <b>tag</b>", "An <!-- comment"],
    "answer": 1,
    "explanations": ["No: </script>.", "Yes, <script>."],
}
FIGURES = [
    Stepper(),
    GradientThermometer(),
    EchoTrainer(),
    Quiz(**QUIZ),
    Stepper("</script><!--<script>"),
    CellMicroscope("</script><!--<script>"),
    GateConsole(),
    Race(),
    BleuCalculator(),
    BeamTree(),
    lab(text="</script><!--<script>"),
    ScoreWorkshop(),
    attention_lab(text="</script><!--<script>"),
    growth(),
    PositionClock(text="</script><!--<script>"),
    transformer_lab(text="</script><!--<script>"),
    bench(),
    MaskingMachine(),
    PieceBuilder("</script><!--<script>", word="</script>"),
    curve(arms=[{**ARMS[0], "name": "</script>"}, *ARMS[1:]]),
    patch_bench(),
    rolled(),
    ThreeTranslators(text="</script><!--<script>", book="../"),
    hunger(arms=[{**NETWORKS[0], "name": "</script>"}, *NETWORKS[1:]]),
]
every_figure = pytest.mark.parametrize("figure", FIGURES, ids=repr)


class Page(HTMLParser):
    """Reads HTML as a browser does: what is script, and what is text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.scripts, self.tags, self.open = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data


@every_figure
def test_html_is_whole_and_safe(figure: Figure) -> None:
    html = figure.to_html()
    page = Page(html)
    assert page.open == []
    state, boot = page.scripts
    assert json.loads(state) == json.loads(json.dumps(figure.state()))
    assert "<!--" not in state + boot  # would hide the end of the script
    assert "</" not in state + boot
    assert figure.title in html
    for tag, attributes in page.tags:
        assert not {"src", "href", "id"} & set(attributes), tag


@every_figure
def test_the_page_budget(figure: Figure) -> None:
    state = figure.state()
    artefacts = [json.dumps(state.get(name, "")) for name in ("weights", "groups")]
    assert len(figure.to_html()) - sum(map(len, artefacts)) < 120_000


@every_figure
def test_what_a_notebook_gets(figure: Figure) -> None:
    bundle = figure._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "0x" not in bundle["text/plain"]
    assert bundle["text/html"] == type(figure)(**arguments(figure)).to_html()


def arguments(figure: Figure) -> dict:
    return {name: getattr(figure, name) for name in figure.arguments}


def test_the_same_bytes_in_another_process_without_torch() -> None:
    script = (
        "import sys, hashlib\n"
        "from course_lib.figures.rnn import Stepper, EchoTrainer\n"
        "from course_lib.figures.quiz import Quiz\n"
        "from course_lib.figures.lstm_gru import CellMicroscope, Race\n"
        "from course_lib.figures import palette, weights\n"
        "heavy = {'torch', 'numpy', 'anywidget', 'traitlets', 'IPython', 'babel'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "html = Stepper().to_html() + EchoTrainer(lag=5).to_html()\n"
        "print(hashlib.sha256(html.encode()).hexdigest())\n"
    )
    import hashlib

    html = Stepper().to_html() + EchoTrainer(lag=5).to_html()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        )
        assert done.stdout.strip() == hashlib.sha256(html.encode()).hexdigest()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: EchoTrainer(lagg=3),
            "lagg: EchoTrainer has no such argument, expected lag",
        ),
        (
            lambda: EchoTrainer(lag=2.5),
            "lag: got 2.5, expected a whole number from 1 to 20",
        ),
        (lambda: EchoTrainer(lag="3"), "lag: got '3'"),
        (lambda: EchoTrainer(lag=True), "lag: got True"),
        (lambda: EchoTrainer(lag=21), "lag: got 21"),
        (lambda: EchoTrainer(rate=float("nan")), "rate: got nan"),
        (lambda: EchoTrainer(clip=0), "clip: got 0, expected a number .* or None"),
        (lambda: EchoTrainer(lag=None), "lag: got None"),
        (
            lambda: EchoTrainer(1, 2, 0.1, None, 0, 6),
            "EchoTrainer: too many positional",
        ),
        (lambda: GradientThermometer(nonlinearity="relu"), "nonlinearity: got 'relu'"),
        (lambda: GradientThermometer(radius=4), "radius: got 4"),
        (lambda: Stepper(text=3), "text: got 3, expected a string of at most 40"),
        (lambda: Stepper(text="a" * 41), "text: got"),
        (lambda: Quiz("Why?"), "Quiz: missing a required argument: 'choices'"),
        (
            lambda: Quiz(**QUIZ | {"choices": "ab"}),
            "choices: got 'ab', expected a list",
        ),
        (lambda: Quiz(**QUIZ | {"choices": ["a", " "]}), "choices: got"),
        (lambda: Quiz(**QUIZ | {"choices": ["a"]}), "choices: got 1, expected 2 to 6"),
        (lambda: Quiz(**QUIZ | {"answer": 2}), "answer: got 2, expected the index"),
        (
            lambda: Quiz(**QUIZ | {"explanations": ["a"]}),
            "explanations: got 1, expected 2",
        ),
        (
            lambda: Quiz(**QUIZ | {"explanations": ["a_1, a_2", "It can *hold* it."]}),
            r"explanations: got '\*hold\*', expected plain text",
        ),
        (
            lambda: Quiz(**QUIZ | {"question": "What is $x$?"}),
            r"question: got '\$x\$', expected plain text",
        ),
        (
            lambda: Quiz(**QUIZ | {"choices": ["`a`", "b"]}),
            "choices: got '`a`', expected plain text",
        ),
    ],
)
def test_a_wrong_argument_is_named(make, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    "kind",
    [
        Stepper,
        GradientThermometer,
        EchoTrainer,
        Quiz,
        GateConsole,
        Race,
        ScoreWorkshop,
        AttentionLab,
        AlignmentGrowth,
        PositionClock,
        TransformerLab,
        FillMask,
        LabelCurve,
        AttentionRollout,
        DataCurve,
        PatchBench,
        MaskingMachine,
        PieceBuilder,
    ],
)
def test_each_argument_is_documented(kind: type[Figure]) -> None:
    for name, parameter in inspect.signature(kind).parameters.items():
        assert f"- {name}: " in kind.__doc__
        if parameter.default is not parameter.empty:
            assert parameter.default == kind.arguments[name].default
    title = kind.title if isinstance(kind.title, str) else kind.title.default
    for text in (title, kind.description):
        assert text.strip() == text != ""


def test_without_javascript_a_quiz_is_a_list() -> None:
    html = Quiz(**QUIZ).fallback()
    assert "<ol><li>A &lt;b&gt;tag&lt;/b&gt;</li>" in html
    assert "<details>" in html
    assert "Yes, &lt;script&gt;." in html


@every_figure
def test_live_is_the_same_module_with_the_same_state(figure: Figure) -> None:
    widget = figure.live()
    assert widget._esm == figure.module()
    for name, value in figure.state().items():
        assert getattr(widget, name) == value
        assert widget.trait_metadata(name, "sync")
    assert "0x" not in repr(widget)
