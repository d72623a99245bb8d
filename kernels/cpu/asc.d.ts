/**
 * What the build uses of the AssemblyScript compiler. Its own declarations
 * bring global names that clash with those of the kernels.
 */

/** How a compilation ended. */
export interface Result {
  readonly error: Error | null;
  readonly stderr: { toString(): string };
}

/** Where the compiler reads and writes. */
export interface Files {
  readFile(name: string): string | null;
  writeFile(name: string, contents: string | Uint8Array): void;
  listFiles(): string[];
}

declare const asc: {
  main(args: readonly string[], files: Files): Promise<Result>;
};

export default asc;
