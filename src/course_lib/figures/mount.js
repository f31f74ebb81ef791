// Mounts every figure of this module that is not mounted yet. It runs once for each
// output, has no ids, and may run again when a notebook shows the same output twice.
(async () => {
  const hash = __HASH__;
  const modules = (globalThis.__courseFigures ??= {});
  // anywidget's model, without a kernel behind it
  class Model {
    constructor(state) {
      this.state = state;
      this.listeners = {};
    }
    get(key) {
      return this.state[key];
    }
    set(key, value) {
      if (this.state[key] === value) return;
      this.state[key] = value;
      for (const heard of this.listeners[`change:${key}`] ?? []) heard();
    }
    save_changes() {}
    on(event, listener) {
      (this.listeners[event] ??= []).push(listener);
    }
    off(event, listener) {
      this.listeners[event] = (this.listeners[event] ?? []).filter(
        (f) => f !== listener,
      );
    }
  }
  modules[hash] ??= (async () => {
    const source = __MODULE__;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      return (await import(url)).default;
    } catch {
      // a page that forbids blob: may still allow data:
      return (await import("data:text/javascript," + encodeURIComponent(source)))
        .default;
    } finally {
      URL.revokeObjectURL(url);
    }
  })();
  const figure = await modules[hash];
  const waiting = `.course-figure[data-module="${hash}"]:not([data-mounted])`;
  for (const box of document.querySelectorAll(waiting)) {
    // The page may still be arriving: a box is whole when its own script follows it.
    if (document.readyState === "loading" && !box.nextElementSibling) continue;
    box.dataset.mounted = "yes";
    const state = box.querySelector("script[type='application/json']").textContent;
    const el = box.querySelector(".course-figure-view");
    figure.render({ model: new Model(JSON.parse(state)), el });
  }
})();
