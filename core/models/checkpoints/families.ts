/**
 * The registry of checkpoint families: a new one is one file and a line in the
 * list here.
 *
 * @module
 */

import { hinted } from "../../errors.ts";
import type { Checkpoint, CheckpointFamily } from "./checkpoint.ts";
import { timmConvNext, torchvisionConvNext } from "./convnext.ts";
import { googleVit } from "./google_vit.ts";
import { huggingFaceClip } from "./hugging_face_clip.ts";
import { huggingFaceConvNext } from "./hugging_face_convnext.ts";
import { huggingFaceDinov2 } from "./hugging_face_dinov2.ts";
import { huggingFaceSwin } from "./hugging_face_swin.ts";
import { huggingFaceVit } from "./hugging_face_vit.ts";
import { own } from "./own.ts";
import { timmSwin, torchvisionSwin } from "./swin.ts";
import { timmVit } from "./timm_vit.ts";
import { torchvisionVit } from "./torchvision_vit.ts";

/** Known families; the first that recognises a checkpoint has it. */
export const families: readonly CheckpointFamily[] = [
  own,
  timmVit,
  huggingFaceVit,
  huggingFaceDinov2,
  huggingFaceClip,
  torchvisionVit,
  googleVit,
  timmSwin,
  torchvisionSwin,
  huggingFaceSwin,
  timmConvNext,
  torchvisionConvNext,
  huggingFaceConvNext,
];

/**
 * Finds the family of a checkpoint by the names of its tensors.
 *
 * @throws {TypeError} If none knows it.
 */
export function familyOf(checkpoint: Checkpoint): CheckpointFamily {
  const found = families.find((family) => family.recognises(checkpoint));
  if (found) return found;
  const names = [...checkpoint.file.entries.keys()];
  const some = names.slice(0, 3).join(", ");
  const rest = names.length > 3 ? `, … (${names.length})` : "";
  throw hinted(
    new TypeError(
      `Cannot read the backbone ${checkpoint.path}: got tensors of no known ` +
        `model (${some || "none"}${rest}), wanted the names of one of: ` +
        families.map(({ name }) => name).join(", "),
    ),
    "the file must hold the weights of an image classifier under the names " +
      "that its program gives them",
  );
}
