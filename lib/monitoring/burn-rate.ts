/** Monitoring, step 4: how fast an error budget may burn before someone has to know. Several windows, several rates. */

const HOUR = 3600;
const DAY = 24 * HOUR;

export type Severity = 'page' | 'ticket';

/** Alert when both windows burn faster than `factor` times what the budget allows. The short one ends the alert soon after the trouble. */
export interface BurnPair {
  readonly severity: Severity;
  readonly longSeconds: number;
  readonly shortSeconds: number;
  /** Share of the period's budget gone by the time the long window fires. */
  readonly budgetShare: number;
  readonly forSeconds: number;
}

/** The table of Google's SRE workbook, with one slower pair. */
export const burnPairs: readonly BurnPair[] = [
  { severity: 'page', longSeconds: HOUR, shortSeconds: 300, budgetShare: 0.02, forSeconds: 120 },
  { severity: 'page', longSeconds: 6 * HOUR, shortSeconds: 1800, budgetShare: 0.05, forSeconds: 900 },
  { severity: 'ticket', longSeconds: DAY, shortSeconds: 2 * HOUR, budgetShare: 0.1, forSeconds: HOUR },
  { severity: 'ticket', longSeconds: 3 * DAY, shortSeconds: 6 * HOUR, budgetShare: 0.1, forSeconds: 3 * HOUR },
];

/** Bad requests in the long window, least: one error of a quiet hour is no trend. A total outage passes it at once. */
export const MIN_BAD_REQUESTS = 5;

export interface BurnThreshold extends BurnPair {
  /** How many times faster than allowed the budget burns, at least 1. */
  readonly factor: number;
  /** Share of bad requests above which the pair fires, below 1. */
  readonly badShare: number;
}

/** Floats such as 14.4 * 0.001 carry noise in the last digits, which would end up in every rule. */
const rounded = (value: number): number => Number(value.toPrecision(12));

/**
 * The pairs that make sense for an objective, and a note for each that does not.
 *
 * @param target - share of good requests, above 0 and below 1
 * @param periodSeconds - over which the objective counts
 */
export function burnThresholds(
  target: number,
  periodSeconds: number,
): { thresholds: readonly BurnThreshold[]; notes: readonly string[] } {
  const budget = rounded(1 - target);
  const thresholds: BurnThreshold[] = [];
  const notes: string[] = [];
  for (const pair of burnPairs) {
    const window = `${pair.longSeconds / HOUR} h window`;
    const asked = rounded((pair.budgetShare * periodSeconds) / pair.longSeconds);
    const factor = Math.max(1, asked);
    const badShare = rounded(factor * budget);
    if (pair.longSeconds > periodSeconds) {
      notes.push(`no alert on the ${window}: it is longer than the objective's period of ${periodSeconds / HOUR} h`);
    } else if (badShare >= 1) {
      notes.push(
        `no alert on the ${window}: it would need more than ${Number((badShare * 100).toFixed(1))} % of all requests to fail, which cannot happen`,
      );
    } else {
      if (asked < 1) {
        notes.push(
          `the alert on the ${window} fires at burn rate 1, not ${Number(asked.toPrecision(3))}: below 1 it would fire while the objective is met`,
        );
      }
      thresholds.push({ ...pair, factor, badShare });
    }
  }
  return { thresholds, notes };
}
