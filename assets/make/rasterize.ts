/**
 * Anti-aliased filling of closed polygons by signed area: each edge adds to
 * every pixel the area it covers to its right, and a running sum over a row
 * turns these into coverage (the method of font-rs and stb_truetype 2).
 */

/** A closed polygon, `[x0, y0, x1, y1, …]` in pixels, y down. */
export type Contour = Float64Array;

/**
 * Returns the coverage, 0 to 1, of each pixel of a `size` × `size` image by
 * the polygons together. Where polygons overlap in the same direction the
 * coverage stays 1; opposite directions cut holes (the non-zero rule).
 */
export function rasterize(contours: Contour[], size: number): Float32Array {
  const stride = size + 2;
  const area = new Float64Array(stride * size);
  for (const contour of contours) {
    const length = contour.length;
    for (let i = 0; i < length; i += 2) {
      const j = (i + 2) % length;
      addEdge(
        area,
        size,
        contour[i],
        contour[i + 1],
        contour[j],
        contour[j + 1],
      );
    }
  }
  const coverage = new Float32Array(size * size);
  for (let y = 0; y < size; y++) {
    let sum = 0;
    for (let x = 0; x < size; x++) {
      sum += area[y * stride + x];
      coverage[y * size + x] = Math.min(1, Math.abs(sum));
    }
  }
  return coverage;
}

function addEdge(
  area: Float64Array,
  size: number,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  if (y0 === y1) return;
  const direction = y0 < y1 ? 1 : -1;
  const [topX, topY, bottomX, bottomY] = y0 < y1
    ? [x0, y0, x1, y1]
    : [x1, y1, x0, y0];
  const slope = (bottomX - topX) / (bottomY - topY);
  const first = Math.max(0, Math.floor(topY));
  const last = Math.min(size, Math.ceil(bottomY));
  for (let row = first; row < last; row++) {
    const from = Math.max(row, topY);
    const to = Math.min(row + 1, bottomY);
    if (to <= from) continue;
    const xFrom = topX + (from - topY) * slope;
    const xTo = topX + (to - topY) * slope;
    addSpan(area, row, size, xFrom, xTo, direction * (to - from));
  }
}

/** Adds one edge's piece inside one row; left of the image counts in full. */
function addSpan(
  area: Float64Array,
  row: number,
  size: number,
  xA: number,
  xB: number,
  height: number,
): void {
  const base = row * (size + 2);
  const left = Math.min(Math.max(Math.min(xA, xB), 0), size);
  const right = Math.min(Math.max(Math.max(xA, xB), 0), size);
  const firstPixel = Math.floor(left);
  if (right - left < 1e-9 || right <= firstPixel + 1) {
    const middle = (left + right) / 2 - firstPixel;
    area[base + firstPixel] += height * (1 - middle);
    area[base + firstPixel + 1] += height * middle;
    return;
  }
  const perPixel = height / (right - left);
  let carried = 0;
  for (let pixel = firstPixel; pixel < right; pixel++) {
    const a = Math.max(left, pixel);
    const b = Math.min(right, pixel + 1);
    const piece = perPixel * (b - a);
    const middle = (a + b) / 2 - pixel;
    area[base + pixel] += carried + piece * (1 - middle);
    carried = piece * middle;
  }
  area[base + Math.ceil(right)] += carried;
}
