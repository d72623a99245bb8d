/**
 * Numbers and names as the reports write them; a number that is not finite
 * becomes a dash.
 *
 * @module
 */

const NONE = "–";

/** With thousands set apart: `2,000`. */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? value.toLocaleString("en-GB") : NONE;
}

/** With a fixed number of decimals. */
export function formatFixed(value: number, decimals: number): string {
  return Number.isFinite(value)
    ? value.toLocaleString("en-GB", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    })
    : NONE;
}

/** A share in [0, 1] as per cent with one decimal, without the sign. */
export function formatShare(value: number): string {
  return Number.isFinite(value) ? (value * 100).toFixed(1) : NONE;
}

/** With three digits that count: `0.0005`, `1.7e-6`, `13.5`, `1,230`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-4) {
    return value.toExponential(1).replace(/\.0(?=e)/, "");
  }
  return value.toLocaleString("en-GB", {
    maximumSignificantDigits: size >= 1000 ? 21 : 3,
    maximumFractionDigits: size >= 1000 ? 0 : 20,
    roundingPriority: "lessPrecision",
  });
}

/** `1 image`, `2 images`. */
export function formatPlural(
  count: number,
  noun: string,
  plural = `${noun}s`,
): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** At most `length` characters, an ellipsis for the rest. */
export function clip(text: string, length: number): string {
  const characters = [...text.toWellFormed()];
  return characters.length <= length
    ? text
    : `${characters.slice(0, length - 1).join("")}…`;
}

/**
 * Wilson's 95 % interval of a share that was counted.
 *
 * @param share In [0, 1].
 * @param count Of how many; NaN comes back for none.
 * @see {@link https://doi.org/10.1080/01621459.1927.10502953 | Wilson 1927}
 */
export function wilsonInterval(
  share: number,
  count: number,
): readonly [low: number, high: number] {
  const z2 = 1.959964 ** 2;
  const middle = share + z2 / (2 * count);
  const half = Math.sqrt(
    z2 * (share * (1 - share) / count + z2 / (4 * count * count)),
  );
  const scale = 1 + z2 / count;
  return [(middle - half) / scale, (middle + half) / scale];
}
