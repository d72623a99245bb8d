import { hinted } from "../errors.ts";

/** The error of a file that Python pickled, which no reader here runs. */
export function pickled(path: string): Error {
  return hinted(
    new SyntaxError(
      `Cannot read ${path}: got a Python pickle, which may run any program, ` +
        "wanted safetensors or npz",
    ),
    "in Python, safetensors.torch.save_file(torch.load(FILE), " +
      '"model.safetensors") converts it',
  );
}
