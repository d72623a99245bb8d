import { formatPlural, formatShare } from "../format.ts";
import { type Html, html } from "../html.ts";
import type { StudyReport, StudyRun } from "./reported_study.ts";
import { seedOf, type StudyTable } from "./study_cells.ts";
import type { Marks } from "./words.ts";

/** How to repeat the study and each of its runs. */
export function repeatSection(
  { repeat }: StudyReport,
  table: StudyTable,
  marks: Marks,
): Html {
  const { settings, datasets } = table;
  return html`
    <section id="repeat">
      <h2>Repeat it</h2>
      ${repeat.map((command) =>
        html`
          <div class="command">
            <pre tabindex="0"><code>${command}</code></pre>
          </div>
        `
      )}
      <h3>A single run</h3>
      <div class="scroll" tabindex="0" role="region" aria-label="Runs and their commands">
        <table class="cells">
          <thead><tr>
            <th scope="col">data</th>
            <th scope="col" class="number">seed</th>
            <th scope="col" class="number">top-1, %</th>
            <th scope="col">options</th>
            <th scope="col">command</th>
          </tr></thead>
          ${settings.map((setting) =>
            html`
              <tbody id="${`setting-${setting.index}`}" class="${marks.method(
                setting.method,
              )}">
                <tr class="group"><th scope="rowgroup" colspan="5">${setting
                  .name}</th></tr>
                ${[...datasets].map(([data, name]) =>
                  (setting.cells.get(data)?.runs ?? []).toSorted((a, b) =>
                    seedOf(a) - seedOf(b)
                  ).map((run) => row(run, name, marks.task(data)))
                )}
              </tbody>
            `
          )}
        </table>
      </div>
    </section>
  `;
}

function row(run: StudyRun, data: string, mark: string): Html {
  const { hash, result, configPath, command } = run;
  return html`
    <tr class="${mark}" id="${`run-${hash}`}">
      <td>${data}</td>
      <td class="number">${seedOf(run)}</td>
      <td class="number">${result
        ? formatShare(result.test.top1)
        : stateText(run)}</td>
      <td>${configPath
        ? html`<a href="${configPath}"><code>${hash}</code></a>`
        : html`<code>${hash}</code>`}</td>
      <td>
        <div class="command inline">
          <details>
            <summary>show</summary>
            <pre tabindex="0"><code>${command}</code></pre>
          </details>
        </div>
      </td>
    </tr>
  `;
}

function stateText({ state, epochs, error }: StudyRun): Html {
  if (state === "failed") {
    return html`
      <span class="failure" title="${error ?? ""}">failed</span>
    `;
  }
  if (state === "new") return html`pending`;
  return html`${state} after ${formatPlural(epochs.length, "epoch")}`;
}
