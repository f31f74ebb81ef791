"""Turn an ES module and what it imports into one string without imports.

A figure travels inside a page as a blob URL, which has no folder to import from.
Only the few forms that the figures use are understood; any other one raises.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

_IMPORT = re.compile(
    r'^import \{(\s*\w+(?:,\s*\w+)*,?\s*)\} from "(\.[^"]+\.js)";\n'
    r'|^import (\w+) from "(\.[^"]+\.json)" with \{ type: "json" \};\n',
    re.MULTILINE,
)
_EXPORT = re.compile(r"^export (?=(?:function|const|class) (\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default (?=[{\w])", re.MULTILINE)
_LEFT_OVER = re.compile(r"^[ \t]*(?:import|export)\b.*|\bimport\s*[(.].*", re.MULTILINE)


def link(path: Path) -> str:
    """The module at ``path`` with all its dependencies, each in a scope of its own.

    Raises ``ValueError`` on a form of import or export that it does not understand,
    on a name that a dependency does not export, and on a circle of imports.
    """
    scopes: dict[Path, tuple[str, str, list[str]]] = {}  # variable, code, exports
    body = _resolved(path.resolve(), scopes, ())
    own = _DEFAULT.sub("", _EXPORT.sub("", body))
    _refuse_left_over(own, path)
    return "".join(code for _, code, _ in scopes.values()) + body


def _resolved(path: Path, scopes: dict, above: tuple[Path, ...]) -> str:
    """The source of ``path``, its imports replaced by what ``scopes`` now defines."""

    def replace(match: re.Match[str]) -> str:
        names, module, json_name, json_file = match.groups()
        target = (path.parent / (module or json_file)).resolve()
        if target == path or target in above:
            raise ValueError(f"{path.name}: imports {target.name} in a circle")
        if json_name:
            data = json.loads(target.read_text(encoding="utf-8"))
            return f"const {json_name} = {json.dumps(data, separators=(',', ':'))};\n"
        if target not in scopes:
            inner = _resolved(target, scopes, (*above, path))
            exports = _EXPORT.findall(inner)
            code = _EXPORT.sub("", inner)
            _refuse_left_over(code, target)
            variable = f"$module{len(scopes)}"
            scopes[target] = (
                variable,
                f"const {variable} = (() => {{\n{code}"
                f"return {{ {', '.join(exports)} }};\n}})();\n",
                exports,
            )
        variable, _, exports = scopes[target]
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        if missing := [name for name in wanted if name not in exports]:
            raise ValueError(f"{path.name}: {target.name} does not export {missing}")
        return f"const {{ {', '.join(wanted)} }} = {variable};\n"

    return _IMPORT.sub(replace, path.read_text(encoding="utf-8"))


def _refuse_left_over(code: str, path: Path) -> None:
    if match := _LEFT_OVER.search(code):
        raise ValueError(
            f"{path.name}: the linker does not understand {match[0].strip()!r}"
        )
