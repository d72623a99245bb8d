/**
 * The command line: `deno task alore COMMAND`.
 *
 * @module
 */

import { run } from "./run.ts";

if (import.meta.main) {
  // Tasks run where deno.json is; paths mean where the user is.
  const variable = { name: "env", variable: "INIT_CWD" } as const;
  const { state } = Deno.permissions.querySync(variable);
  const folder = state === "granted" ? Deno.env.get("INIT_CWD") : undefined;
  if (folder) Deno.chdir(folder);
  // Ends workers too.
  Deno.exit(await run(Deno.args));
}
