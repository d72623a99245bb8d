/**
 * The style sheet of every report.
 *
 * The series' colours follow Okabe and Ito's palette, which people with any
 * colour vision can tell apart, darkened or lightened to 3:1 on the ground.
 */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #fff; --raised: #f4f6f8; --text: #1b2127; --quiet: #57616b;
  --rule: #d5dbe1; --mark: #e3f0fa; --link: #005a94;
  --series-0: #0072b2; --series-1: #c14f00; --series-2: #00805c;
  --series-3: #a34a80; --series-4: #8a6d00; --series-5: #4d5862;
  --series-6: #2b3fa0;
  --heat-right: #0072b2; --heat-wrong: #c14f00; --on-heat: #fff;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #14181c; --raised: #1e2429; --text: #e6eaee; --quiet: #a2adb7;
    --rule: #39424a; --mark: #17344a; --link: #7cc4f5;
    --series-0: #56b4e9; --series-1: #f0914a; --series-2: #3fc79a;
    --series-3: #e29ac4; --series-4: #e5c545; --series-5: #b3bec8;
    --series-6: #95a5ff;
    --heat-right: #56b4e9; --heat-wrong: #f0914a; --on-heat: #10151a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
header p, figcaption, .note, .legend { color: var(--quiet); }
header p { margin: .35rem 0 0; }
figcaption, .note, .legend, table, dl, details { font-size: .9rem; }
.lead { font-size: 1.15rem; max-width: 50rem; margin: 0 0 1.25rem; }
a { color: var(--link); }
.download { white-space: nowrap; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
figure { margin: 0; }
.scroll { overflow-x: auto; max-width: 100%; }
.tall { max-height: 22rem; overflow-y: auto; }
details { margin-top: .75rem; }
summary { cursor: pointer; }
details > :not(summary) { margin-top: .5rem; }

table { border-collapse: collapse; overflow-wrap: normal; }
th, td { padding: .3rem .6rem; text-align: left; vertical-align: baseline; }
th { font-weight: 600; }
thead th {
  color: var(--quiet); font-weight: 400; vertical-align: bottom;
  border-bottom: 1px solid var(--rule);
}
tbody tr { border-bottom: 1px solid var(--rule); }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
thead .number { white-space: normal; }
thead span { white-space: nowrap; }
.runs { width: 100%; }
.runs td:not(.number) { min-width: 12rem; }
.runs th, .runs td { padding: .3rem .5rem; }
.runs tbody th { font-weight: 400; white-space: nowrap; }
.runs .result { font-weight: 600; }
.mark { display: inline-block; width: 1.1em; color: var(--series-0); }
.highlighted { background: var(--mark); }
.runs .highlighted > * { font-weight: 700; }

dl { margin: 1rem 0 0; columns: 22rem; column-gap: 2.5rem; }
dl > div {
  display: flex; gap: 1rem; justify-content: space-between;
  padding: .25rem 0; border-bottom: 1px solid var(--rule); break-inside: avoid;
}
dt { color: var(--quiet); flex: none; max-width: 50%; }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }

.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin: 0 0 .75rem; }
.key { vertical-align: middle; }
.pair { display: grid; gap: 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
.beside { display: flex; flex-wrap: wrap; gap: 2rem 3rem; align-items: flex-start; }
.beside > * { max-width: 100%; min-width: 0; }
.beside > div { flex: 1 1 20rem; }
.plot { display: block; height: auto; overflow: visible; font: 12px system-ui, sans-serif; }

.samples {
  list-style: none; margin: 1rem 0 0; padding: 0; display: grid;
  gap: 1rem .75rem; grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr));
}
.samples img {
  display: block; width: 100%; height: auto; image-rendering: pixelated;
  border: 3px solid transparent; border-radius: 3px; background: var(--raised);
}
.samples .wrong img { border: 3px dashed var(--heat-wrong); }
.samples figcaption { font-size: .85rem; line-height: 1.3; color: var(--text); margin-top: .25rem; }
.samples .wrong b { color: var(--heat-wrong); }
.probability { display: block; color: var(--quiet); font-variant-numeric: tabular-nums; }

.command { position: relative; margin: 0 0 .75rem; }
pre {
  margin: 0; padding: .75rem 5.5rem .75rem 1rem; background: var(--raised);
  border-radius: 6px; font: .85rem/1.5 ui-monospace, monospace;
  white-space: pre-wrap; user-select: all;
}
button {
  position: absolute; right: .5rem; bottom: .4rem; font: inherit; font-size: .8rem;
  padding: .15rem .6rem; color: var(--text); background: var(--ground);
  border: 1px solid var(--rule); border-radius: 5px; cursor: pointer;
}

@media print {
  main { max-width: none; padding: 0; }
  section, figure, tr, .command { break-inside: avoid; }
  section:has(.samples, dl, table) { break-inside: auto; }
  h2, h3 { break-after: avoid; }
  .pair { grid-template-columns: 1fr 1fr; }
  .scroll { overflow: visible; max-height: none; }
  .plot { min-width: 0 !important; }
  .highlighted, svg, .samples img { print-color-adjust: exact; }
  details:not([open]), .download, button { display: none; }
  pre { padding-right: 1rem; }
}
`;
