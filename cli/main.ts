/**
 * The command line: `deno task alore COMMAND`.
 *
 * @module
 */

import { run } from "./run.ts";

if (import.meta.main) {
  // Tasks run where deno.json is; paths mean where the user is.
  const folder = Deno.env.get("INIT_CWD");
  if (folder) Deno.chdir(folder);
  // Ends workers too.
  Deno.exit(await run(Deno.args));
}
