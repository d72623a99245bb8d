import { formatPlural, formatShare } from "../format.ts";
import { type Html, html } from "../html.ts";
import type { StudyReport, StudyRun } from "./reported_study.ts";
import { seedOf, type StudySetting, type StudyTable } from "./study_cells.ts";
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
      <div class="cells">${settings.map((setting) =>
        group(setting, datasets, marks)
      )}</div>
    </section>
  `;
}

function group(
  setting: StudySetting,
  datasets: StudyTable["datasets"],
  marks: Marks,
): Html {
  const { index, name, method, mean } = setting;
  const done = mean.runs.filter(({ state }) => state === "done").length;
  const all = formatPlural(mean.runs.length, "run");
  const left = done < mean.runs.length && `, ${done} done`;
  const body = [...datasets].map(([data, title]) =>
    (setting.cells.get(data)?.runs ?? [])
      .toSorted((a, b) => seedOf(a) - seedOf(b))
      .map((run) => row(run, title, marks.task(data)))
  );
  return html`
    <details class="${marks.method(method)}">
      <summary>${name} <span class="note">${all}${left}</span></summary>
      <div class="scroll" tabindex="0" role="region" id="${`setting-${index}`}"
        aria-label="${`Runs of ${name}`}">
        <table>
          <thead>
            <tr>
              <th scope="col">data</th>
              <th scope="col" class="number">seed</th>
              <th scope="col" class="number">top-1, %</th>
              <th scope="col">options</th>
              <th scope="col">command</th>
            </tr>
          </thead>
          <tbody>${body}</tbody>
        </table>
      </div>
    </details>
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
