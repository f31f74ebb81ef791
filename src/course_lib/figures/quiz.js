// One question; the feedback of a choice appears as soon as it is picked.
import { frame, make } from "./kit/draw.js";

function render({ model, el }) {
  const body = frame({ model, el }, null);
  const answer = model.get("answer");
  const explanations = model.get("explanations");
  const said = make("p", { class: "says", "aria-live": "polite" });
  const options = model.get("choices").map((text, index) => {
    const input = make("input", { type: "radio", name: "choice", value: index });
    input.addEventListener("change", () => {
      model.set("choice", index);
      model.save_changes();
    });
    return make("label", { class: "option" }, input, make("span", {}, text));
  });
  const update = () => {
    const choice = model.get("choice");
    options.forEach((option, index) => {
      const picked = index === choice;
      option.firstChild.checked = picked;
      option.classList.toggle("right", picked && index === answer);
      option.classList.toggle("wrong", picked && index !== answer);
    });
    said.replaceChildren();
    if (choice === null) return;
    const verdict = choice === answer ? "✓ Right. " : "✗ Not quite. ";
    said.append(make("b", {}, verdict), explanations[choice]);
  };
  body.append(
    make(
      "fieldset",
      {},
      make("legend", { class: "question" }, model.get("question")),
      ...options,
    ),
    said,
  );
  model.on("change:choice", update);
  update();
}

export default { render };
