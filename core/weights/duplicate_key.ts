/**
 * Finds a key that one object of a JSON text names twice. `JSON.parse` keeps
 * the last one silently, and two readers that keep different ones see
 * different files.
 *
 * @param json A text that `JSON.parse` accepts.
 * @returns The first key met a second time, or `undefined`.
 */
export function findDuplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const end = stringEnd(json, at);
      if (isKey(json, end)) {
        // Compared as decoded, since "a" and "\u0061" are the same key.
        const key: string = JSON.parse(json.slice(at, end));
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

function stringEnd(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isKey(json: string, stringEnd: number): boolean {
  let at = stringEnd;
  while (at < json.length && " \t\n\r".includes(json[at])) at++;
  return json[at] === ":";
}
