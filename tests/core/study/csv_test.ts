import assert from "node:assert/strict";
import { toCsv } from "../../../core/study/csv.ts";

Deno.test("toCsv() quotes what would break a row and leaves gaps empty", () => {
  const rows = [['a "b", c', 1.5], ["two\nlines", NaN], [undefined, -0.25]];
  assert.equal(
    toCsv({ file: "x.csv", columns: ["name", "value"], rows }),
    'name,value\r\n"a ""b"", c",1.5\r\n"two\nlines",\r\n,-0.25\r\n',
  );
});
