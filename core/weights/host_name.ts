/** The machine's name, where the program may know it. */
export function hostName(): string | undefined {
  const wanted = { name: "sys", kind: "hostname" } as const;
  const { state } = Deno.permissions.querySync(wanted);
  return state === "granted" ? Deno.hostname() : undefined;
}
