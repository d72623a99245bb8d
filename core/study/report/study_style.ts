/** What the style sheet of a study's report adds to that of every report. */
export const STUDY_STYLE = `
[data-no-method], [data-no-task] { display: none !important; }
.unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap;
}
/* Keeps what is unseen inside of what scrolls. */
.scroll { position: relative; }
nav ul, ul.legend, .front { list-style: none; padding: 0; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0; }
section { scroll-margin-top: 1rem; }
.front { list-style: upper-alpha; padding-left: 1.75rem; margin: .5rem 0 0; font-size: .9rem; }
.front li::marker { font-weight: 700; }
ul.legend li { display: flex; gap: .4rem; align-items: center; }
ul.legend .plot { width: 16px !important; min-width: 16px !important; }

.filters {
  margin: 1.5rem 0 0; padding: .75rem 1rem; background: var(--raised);
  border-radius: 8px; font-size: .9rem;
}
.filters[hidden] { display: none; }
.filters fieldset { border: 0; margin: 0 0 .35rem; padding: 0 0 0 6.6rem; display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; }
.filters legend { float: left; width: 5.5rem; margin-left: -6.6rem; padding: 0; color: var(--quiet); }
.filters label { display: inline-flex; gap: .35rem; align-items: center; cursor: pointer; min-height: 1.75rem; }
.filters input { width: 1rem; height: 1rem; margin: 0; accent-color: var(--series-0); }
.filters p { margin: .25rem 0 0; display: flex; gap: .5rem; align-items: center; }
.filters output { color: var(--quiet); margin-left: .5rem; }
.filters button, .inline button { position: static; }

.maps { display: flex; flex-wrap: wrap; gap: 2rem 3rem; align-items: flex-start; }
.maps figure { max-width: 100%; }
.pair figure { min-width: 0; }

.differences th, .differences td, .cells th, .cells td { padding: .3rem .6rem; }
.differences tbody th { font-weight: 400; white-space: nowrap; }
.differences td:has(.interval) { vertical-align: middle; padding-block: 0; }
.differences .total th, .differences .total td { font-weight: 600; }
.differences .result { font-weight: 600; }
.differences tr:not(.highlighted):not(.total) .result { font-weight: 400; }
.task { margin-top: 1.5rem; }
.task .note { margin: .35rem 0 0; }
.interval { display: block; margin: -.1rem 0; color: var(--quiet); }
.interval.better { color: var(--heat-right); }
.interval.worse { color: var(--heat-wrong); }
.interval .zero { stroke: var(--rule); stroke-width: 1.5; }
.interval .span { stroke: currentColor; stroke-width: 2.5; stroke-linecap: round; }
.interval circle { fill: currentColor; }
.interval.level circle { fill: var(--ground); stroke: currentColor; stroke-width: 2; }

.cells details { margin: 0; border-bottom: 1px solid var(--rule); }
.cells > details > summary { padding: .35rem 0; font-size: .95rem; }
.cells > details[open] { padding-bottom: .75rem; }
.cells summary .note { margin-left: .5rem; }
.cells .inline details { border: 0; }
.cells table { width: 100%; }
.cells :target { background: var(--mark); }
.cells td:last-child { width: 55%; min-width: 11rem; }
figcaption { margin-top: .35rem; }
.failure { color: var(--heat-wrong); font-weight: 600; }
.inline { display: flex; gap: .75rem; align-items: flex-start; margin: 0; justify-content: space-between; }
.inline details { margin: 0; min-width: 0; }
.inline pre { padding: .5rem .75rem; font-size: .78rem; }
.inline button { flex: none; }

@media print {
  .filters, nav { display: none; }
  .maps { gap: 1rem 1.5rem; }
  .interval, .differences .highlighted { print-color-adjust: exact; }
  .cells, .cells + *, h3:has(+ .cells) { display: none; }
  /* What they lead to is not printed. */
  .differences a { color: inherit; text-decoration: none; }
  table { font-size: .75rem; }
  .differences th, .differences td { padding: .2rem .35rem; }
  .interval { width: 6.5rem; }
  section { break-inside: auto; }
  .task, .maps figure, .pair figure { break-inside: avoid; }
  .task:has(tr:nth-child(20)) { break-inside: auto; }
}
`;
