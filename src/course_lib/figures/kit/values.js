// The values of a figure's model: several may change at once, by the reader or by Python.

// Sets several, and sends them to Python together.
export function assign(model, changes) {
  for (const [key, value] of Object.entries(changes)) model.set(key, value);
  model.save_changes();
}

// For a figure that is shown whole by update(changes):
// - set(changes) sets several values and updates once, after the last;
// - report(changes) sets what only Python reads, and updates nothing;
// - heard(keys, act) calls act() where one of these was set otherwise, by Python.
export function values(model, update) {
  let own = false;
  const report = (changes) => {
    own = true;
    assign(model, changes);
    own = false;
  };
  const set = (changes) => {
    report(changes);
    update(changes);
  };
  const heard = (keys, act) => {
    for (const key of keys) model.on(`change:${key}`, () => own || act());
  };
  return { set, report, heard };
}
