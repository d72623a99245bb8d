import assert from "node:assert/strict";
import { html } from "../../../core/study/html.ts";

Deno.test("html escapes text but not markup", () => {
  const inner = html`<b title="${`"'`}">${"<&>"}</b>`;
  assert.equal(
    html`<p>${[inner, " ", 3]}</p>`.markup,
    '<p><b title="&quot;&#39;">&lt;&amp;&gt;</b> 3</p>',
  );
});

Deno.test("html writes nothing for false and undefined", () => {
  assert.equal(html`<p>${false}${undefined}${0}</p>`.markup, "<p>0</p>");
});
