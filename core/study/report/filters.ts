import { type Html, html } from "../html.ts";
import type { StudyTable } from "./study_cells.ts";
import type { Marks } from "./words.ts";

/** Checkboxes for methods and data sets; nothing where there is one of each. */
export function filters(
  { datasets }: StudyTable,
  marks: Marks,
): Html {
  const methods = marks.methods.map((name) => ({
    name,
    mark: marks.method(name),
  }));
  const tasks = [...datasets].map(([data, name]) => ({
    name,
    mark: marks.task(data),
  }));
  const groups = [
    { title: "Methods", boxes: methods },
    { title: "Data sets", boxes: tasks },
  ].filter(({ boxes }) => boxes.length > 1);
  if (groups.length === 0) return html``;
  return html`
    <form class="filters" aria-label="Filters" hidden>
      ${groups.map(({ title, boxes }) =>
        html`
          <fieldset>
            <legend>${title}</legend>
            ${boxes.map(({ name, mark }) =>
              html`<label><input type="checkbox" value="${mark}" checked> ${name}</label>`
            )}
          </fieldset>
        `
      )}
      <p><button type="button" data-set="all">All</button>
        <button type="button" data-set="none">None</button>
        <output></output></p>
    </form>
  `;
}

/**
 * Hides what is of a method or data set that is not checked. Without a script
 * the filters stay hidden and everything is shown.
 */
export const FILTER_SCRIPT = `
for (const form of document.querySelectorAll(".filters")) {
  const boxes = [...form.querySelectorAll("input")];
  const output = form.querySelector("output");
  const settings = [...document.querySelectorAll(".cells > details")];
  const show = () => {
    for (const { value, checked } of boxes) {
      const kind = value.startsWith("task") ? "task" : "method";
      for (const element of document.querySelectorAll("." + value)) {
        element.toggleAttribute("data-no-" + kind, !checked);
      }
    }
    const shown = settings.filter((one) => !one.hasAttribute("data-no-method"));
    output.textContent = shown.length + " of " + settings.length + " settings";
  };
  form.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of form.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      for (const box of boxes) box.checked = button.dataset.set === "all";
      show();
    });
  }
  // Browsers keep what was checked when a page is loaded again.
  show();
  form.hidden = false;
}
// A link to the runs of a setting opens them.
const openTarget = () => {
  const details = document.getElementById(location.hash.slice(1))
    ?.closest("details");
  if (details) details.open = true;
};
addEventListener("hashchange", openTarget);
openTarget();
`;
