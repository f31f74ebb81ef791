// What goes on by itself, until it ends or the reader stops it.

// Calls tick(milliseconds since the last) for every frame while it plays and the figure
// can be seen; tick gives false to end.
export function player(box, tick, changed) {
  let playing = false;
  let visible = true;
  let before = null;
  const frame = (now) => {
    if (!playing) return;
    if (!box.isConnected) return set(false);
    if (visible && tick(Math.min(100, now - (before ?? now))) === false)
      return set(false);
    before = now;
    requestAnimationFrame(frame);
  };
  const set = (on) => {
    if (on === playing) return;
    playing = on;
    before = null;
    changed(on);
    if (on) requestAnimationFrame(frame);
  };
  new IntersectionObserver(([entry]) => (visible = entry.isIntersecting)).observe(box);
  return {
    set,
    get playing() {
      return playing;
    },
  };
}

// A tick that calls step() once in so many milliseconds, and ends where that gives false.
export function paced(milliseconds, step) {
  let waited = 0;
  return (passed) => {
    waited += passed;
    if (waited < milliseconds) return true;
    waited = 0;
    return step();
  };
}
