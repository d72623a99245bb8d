/** Version of the toolkit, the same as in deno.json. */
export const VERSION = "0.1.0";

/** The version of Deno that the toolkit is tested with. */
export const DENO_VERSION = "2.9.6";
