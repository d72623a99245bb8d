import assert from "node:assert/strict";
import fc from "fast-check";
import { findDuplicateKey } from "../../../core/weights/duplicate_key.ts";

Deno.test("findDuplicateKey() finds a key twice in one object only", () => {
  assert.equal(
    findDuplicateKey('{"a":1,"b":{"a":2},"c":[{"a":3}]}'),
    undefined,
  );
  assert.equal(findDuplicateKey('{"a":1,"b":{"x":2, "x" : 3}}'), "x");
  assert.equal(findDuplicateKey('[{"a":"a"},{"a":["b","b"]}]'), undefined);
  assert.equal(findDuplicateKey('{"a":1,"b":"}{","\\u0061":2}'), "a");
  assert.equal(findDuplicateKey('{"\\"":1,"\\\\":2,"\\"":3}'), '"');
  assert.equal(findDuplicateKey('"a"'), undefined);
  assert.equal(findDuplicateKey('{"__proto__":1,"__proto__":2}'), "__proto__");
});

Deno.test("findDuplicateKey() passes whatever JSON.stringify() writes", () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      assert.equal(
        findDuplicateKey(JSON.stringify(JSON.parse(json))),
        undefined,
      );
    }),
    { seed: 1, interruptAfterTimeLimit: 2000 },
  );
});
