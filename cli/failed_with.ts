/** A command failed, but found out something that `--json` shall print. */
export class FailedWith extends Error {
  override name = "FailedWith";
  /** Printed beside the error. */
  readonly document: Readonly<Record<string, unknown>>;

  constructor(message: string, document: Readonly<Record<string, unknown>>) {
    super(message);
    this.document = document;
  }
}
