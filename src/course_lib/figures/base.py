"""A live figure: a Python class and an ES module of the same name.

The module follows anywidget's contract, ``export default { render({ model, el }) }``.
:class:`Figure` puts it, its imports and its state into ``text/html`` that needs no
kernel and no network: the same bytes on every machine, alive in JupyterLab, in Colab
and in the built page. :meth:`Figure.live` wraps the same module in an anywidget, where
Python must read a value back.
"""

from __future__ import annotations

import hashlib
import html
import inspect
import json
from pathlib import Path
from typing import Any, ClassVar

from course_lib.figures.arguments import REQUIRED, Argument
from course_lib.figures.linker import link

# In dark mode the theme of the book puts a light box round every HTML output.
_STYLE = (
    ".course-figure{margin:1rem 0}"
    ".text_html:has(>.course-figure)"
    "{background:none!important;color:inherit!important;padding:0!important}"
)


class Figure:
    """Base of all live figures.

    A subclass says what it is called (``title``), what it shows for those who can't see
    it (``description``), what to look for (``caption``), which :class:`Argument` it
    takes, and what its page reports back (``reports``, with the values at the start).
    """

    title: str
    description: str
    caption: str
    reports: ClassVar[dict[str, Any]] = {}
    arguments: ClassVar[dict[str, Argument]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = {k: v for k, v in vars(cls).items() if isinstance(v, Argument)}
        cls.arguments = {**cls.arguments, **own}
        cls.__signature__ = inspect.Signature(
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=inspect.Parameter.empty if a.default is REQUIRED else a.default,
            )
            for name, a in cls.arguments.items()
        )
        lines = [f"- {k}: {v.says}; {v.expected}" for k, v in cls.arguments.items()]
        cls.__doc__ = "\n".join([inspect.cleandoc(cls.__doc__ or ""), "", *lines])

    def __init__(self, *positional: Any, **named: Any) -> None:
        """Raises ``ValueError`` that names the argument that is wrong."""
        name = type(self).__name__
        if unknown := sorted(set(named) - set(self.arguments)):
            raise ValueError(
                f"{', '.join(unknown)}: {name} has no such argument, "
                f"expected {', '.join(self.arguments)}"
            )
        try:
            given = type(self).__signature__.bind(*positional, **named)
        except TypeError as error:
            raise ValueError(f"{name}: {error}") from error
        given.apply_defaults()
        for key, argument in self.arguments.items():
            setattr(self, key, argument.check(key, given.arguments[key]))
        self.validate()

    def validate(self) -> None:
        """Check what no argument can know alone; may replace attributes."""

    @classmethod
    def module(cls) -> str:
        """The ES module with all that it imports, as one string."""
        return link(Path(inspect.getfile(cls)).with_suffix(".js"))

    def state(self) -> dict[str, Any]:
        """What the module reads: texts, arguments, and the reports' first values."""
        texts = {k: getattr(self, k) for k in ("title", "description", "caption")}
        given = {k: getattr(self, k) for k in self.arguments}
        return {**texts, **given, **self.reports}

    def fallback(self) -> str:
        """HTML that stands in the figure's place where no script runs."""
        return (
            f"<p><strong>{html.escape(self.title)}</strong> (a live figure: it needs "
            "JavaScript, and in a notebook that you trust it). "
            f"{html.escape(self.description)}</p>"
        )

    def to_html(self) -> str:
        """The figure as one self-contained piece of HTML, the same bytes each time."""
        module = self.module()
        digest = hashlib.sha256(module.encode()).hexdigest()[:12]
        mount = Path(__file__).with_name("mount.js").read_text(encoding="utf-8")
        mount = mount.replace("__HASH__", _script(digest))
        mount = mount.replace("__MODULE__", _script(module))
        return (
            f'<div class="course-figure" data-module="{digest}">'
            f"<style>{_STYLE}</style>"
            f'<div class="course-figure-view">{self.fallback()}</div>'
            f'<script type="application/json">{_script(self.state())}</script>'
            f"</div>\n<script>\n{mount}</script>"
        )

    def live(self) -> Any:
        """The same figure as an anywidget: Python reads and sets its values.

        Only where a kernel runs; arguments and reports are its traits.
        """
        import anywidget
        import traitlets

        synced = {k: traitlets.Any(v).tag(sync=True) for k, v in self.state().items()}
        name, text = f"{type(self).__name__}Live", f"{self!r}.live()"
        members = {**synced, "_esm": self.module(), "__repr__": lambda _: text}
        return type(name, (anywidget.AnyWidget,), members)()

    def __repr__(self) -> str:
        changed = (
            f"{key}={getattr(self, key)!r}"
            for key, argument in self.arguments.items()
            if getattr(self, key) != argument.default
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        return {"text/html": self.to_html(), "text/plain": repr(self)}


def _script(value: Any) -> str:
    """JSON that may stand inside ``<script>``, whatever strings it holds."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")
