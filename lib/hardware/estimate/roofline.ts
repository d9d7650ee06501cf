/** Step 2 of the road: the time of one kernel, from what it computes and what it moves. */

/** How near a processor comes to its data sheet. */
export interface Efficiency {
  /** Share of the peak operations a second that large kernels reach. */
  readonly compute: number;
  /** Share of the memory's bandwidth that large kernels reach. */
  readonly bandwidth: number;
  /** What the smallest kernel takes, microseconds. */
  readonly floorUs: number;
  /** How sharply the two limits meet: 1 adds their times, infinity takes the longer one. */
  readonly exponent: number;
}

/** What a processor's data sheet says. */
export interface Peak {
  readonly operationsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Seconds that computing takes at the given efficiency, nothing else counted. */
export const computeSeconds = (operations: number, peak: Peak, { compute }: Efficiency): number =>
  operations / (peak.operationsPerSecond * compute);

/** Seconds that moving takes at the given efficiency, nothing else counted. */
export const movingSeconds = (bytes: number, peak: Peak, { bandwidth }: Efficiency): number =>
  bytes / (peak.bytesPerSecond * bandwidth);

/** `(a^q + b^q)^(1/q)`, the smooth maximum of two times. */
export function smoothMaximum(a: number, b: number, q: number): number {
  const larger = Math.max(a, b);
  const ratio = larger > 0 ? Math.min(a, b) / larger : 0;
  if (ratio < 1e-4) return larger;
  return q === 2 ? larger * Math.sqrt(1 + ratio * ratio) : larger * (1 + ratio ** q) ** (1 / q);
}
