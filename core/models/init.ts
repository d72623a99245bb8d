import type { Init } from "../methods/method.ts";
import { RandomStream } from "../rng.ts";

/**
 * Draws the first values of a tensor.
 *
 * @param count Number of elements.
 * @param seed The run's seed.
 * @param name The tensor's name: each has its own stream, so that one more
 * tensor changes no other.
 */
export function initialise(
  init: Init,
  count: number,
  seed: number,
  name: string,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  const random = new RandomStream(seed, `init ${name}`);
  switch (init.kind) {
    case "constant":
      return values.fill(init.value);
    case "normal":
      return values.map(() => (init.mean ?? 0) + init.std * random.normal());
    case "truncated_normal":
      return values.map(() => {
        let value = random.normal();
        while (Math.abs(value) > 2) value = random.normal();
        return init.std * value;
      });
    case "uniform":
      return values.map(() => init.bound * (2 * random.next() - 1));
  }
}
