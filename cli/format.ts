/**
 * Numbers as people read them.
 *
 * @module
 */

/** 147520 → "147,520". */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** 0.6712 → "67.1 %". */
export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Seconds as "0:14", "12:03" or "1:02:03". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  if (hours > 0) parts.unshift(hours);
  return parts
    .map((part, i) => i === 0 ? `${part}` : `${part}`.padStart(2, "0"))
    .join(":");
}

/** Seconds as "0.84 s" or "14.2 s". */
export function duration(seconds: number): string {
  return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
}

/** Bytes as "1.4 MB". */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [size, unit] = [value, 0];
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`;
}

/** Images a second as "430 img/s" or "0.31 img/s". */
export function rate(imagesPerSecond: number): string {
  const text = imagesPerSecond < 10
    ? imagesPerSecond.toPrecision(2)
    : count(Math.round(imagesPerSecond));
  return `${text} img/s`;
}

/** Numbers in four digits or so: 1.234, 0.0123, 1.2e-7. */
export function short(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5
    ? value.toExponential(1)
    : value.toPrecision(4);
}

/** "1 image", "2 images". */
export function plural(amount: number, noun: string): string {
  return `${count(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}
