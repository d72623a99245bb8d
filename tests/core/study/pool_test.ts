import assert from "node:assert/strict";
import { Pool } from "../../../core/study/pool.ts";

Deno.test("Pool.get() reads once, and drops what was used longest ago", async () => {
  const read: string[] = [];
  const dropped: string[] = [];
  const pool = new Pool<string>(
    4,
    ({ length }) => length,
    (value) => dropped.push(value),
  );
  const get = (key: string) =>
    pool.get(key, () => {
      read.push(key);
      return Promise.resolve(key);
    });
  await get("aa");
  await get("bb");
  await get("aa");
  assert.deepEqual([read, dropped], [["aa", "bb"], []]);
  await get("c");
  assert.deepEqual(dropped, ["bb"]);
  // What is larger than the room is kept while it is in use.
  await get("dddddd");
  assert.deepEqual(dropped, ["bb", "aa", "c"]);
  await get("dddddd");
  assert.deepEqual(read, ["aa", "bb", "c", "dddddd"]);
  pool.clear();
  assert.deepEqual(dropped, ["bb", "aa", "c", "dddddd"]);
});
