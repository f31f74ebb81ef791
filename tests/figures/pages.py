"""What the browser tests of the figures do with a page."""

from __future__ import annotations

from course_lib.figures import Figure


def slider(page, name: str):
    return page.get_by_role("slider", name=name)


def shown(page, name: str) -> str:
    """The number beside a slider."""
    return slider(page, name).locator("xpath=..").locator("b").inner_text()


def reveal(page) -> None:
    page.get_by_role("button", name="Just show me").click()


def focused(page) -> str:
    """The text of what has the focus, inside a figure's shadow too."""
    return page.evaluate(
        """() => {
          let at = document.activeElement;
          while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
          return at === document.body ? "body" : at.innerText;
        }"""
    )


def settled(page) -> None:
    """Wait until pictures know their width: each redraws when it hears of it.

    The first frame tells them; what they draw may bring a scroll bar, and so the
    next frame tells them again. A place read between the two is no longer there.
    """
    page.evaluate(
        """async () => {
          for (let frame = 0; frame < 4; frame++)
            await new Promise(requestAnimationFrame);
        }"""
    )


# As anywidget has it: the page holds the model, and Python sets its values.
LIVE = """async ([source, state]) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const heard = {};
  globalThis.model = {
    get: (key) => state[key],
    set(key, value) {
      if (state[key] === value) return;
      state[key] = value;
      for (const listener of heard[`change:${key}`] ?? []) listener();
    },
    save_changes() {},
    on: (event, listener) => (heard[event] ??= []).push(listener),
  };
  const { default: figure } = await import(url);
  figure.render({ model, el: document.querySelector("#live") });
}"""


def live(show, figure: Figure, **look):
    """A page whose figure listens to ``model.set``."""
    page = show('<div id="live"></div>', **look)
    page.evaluate(LIVE, [figure.module(), figure.state()])
    settled(page)
    return page
