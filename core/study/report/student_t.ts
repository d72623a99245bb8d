/** Even; the error is then below 1e-4 for every number of degrees. */
const STEPS = 4000;
/** From here on the quantile is the normal distribution's to four digits. */
const LARGEST = 1e4;

/**
 * The t within whose ± a share of Student's distribution lies.
 *
 * With t = √ν tan θ the density is proportional to cos(θ)^(ν - 1), whose
 * integral is summed by Simpson's rule until the share is reached.
 *
 * @param share In (0, 1), such as 0.95.
 * @param degrees ν, at least 1; need not be whole.
 * @throws {RangeError} If either is out of range.
 */
export function studentQuantile(share: number, degrees: number): number {
  if (!(share > 0 && share < 1 && degrees >= 1)) {
    throw new RangeError(
      `Cannot find a quantile: got the share ${share} of ${degrees} degrees ` +
        "of freedom, wanted one in (0, 1) of at least 1",
    );
  }
  const nu = Math.min(degrees, LARGEST);
  const step = Math.PI / 2 / STEPS;
  const density = (i: number) => Math.cos(i * step) ** (nu - 1);
  const sums = [0];
  for (let i = 0; i < STEPS; i += 2) {
    const part = density(i) + 4 * density(i + 1) + density(i + 2);
    sums.push(sums[i / 2] + part);
  }
  const wanted = share * sums[STEPS / 2];
  const after = sums.findIndex((sum) => sum > wanted);
  const within = (wanted - sums[after - 1]) / (sums[after] - sums[after - 1]);
  return Math.sqrt(nu) * Math.tan(2 * (after - 1 + within) * step);
}
