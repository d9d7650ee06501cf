/** Monitoring: when answers and inputs have parted from the samples that the optimizer measured, as rules for Prometheus. */

import { type Problem, problemsOf } from '../errors.js';
import type { DriftSpec } from '../spec.js';
import type { MonitoringPlan } from './plan.js';
import { duration, prometheusScope, driftRecord as record, selectorOf } from './queries/prometheus.js';
import { LONGEST_READ_SECONDS, STEP_SECONDS } from './steps.js';

/** What was asked for; an absent option takes its default. */
export type AskedDrift = false | { readonly [Option in keyof DriftSpec]?: DriftSpec[Option] | undefined };

export interface DriftPlan {
  /** PSI above which it is drift, unless chance alone explains more. */
  readonly psi: number;
  /** Rows in the window, least. */
  readonly minCount: number;
  readonly windowSeconds: number;
  readonly watch: 'all' | 'outputs';
}

export const defaultDrift = { psi: 0.2, minCount: 500, windowHours: 24, watch: 'all' } as const;

/** Of ten bins with as many samples each; with half a row more in each, so many rows in one bin are 9.9. */
const MOST_PSI = 10;

/** Everything that is wrong with it; empty when drift can be told so. */
export function driftProblems(asked: AskedDrift = {}): readonly Problem[] {
  if (asked === false) return [];
  const { psi, minCount, windowHours } = { ...defaultDrift, ...given(asked) };
  return problemsOf([
    [!(psi > 0), 'monitoring.drift.psi', `${psi} is not above 0. Customary are 0.1 for some drift and 0.2 for much`],
    [
      psi > MOST_PSI,
      'monitoring.drift.psi',
      `${psi} is above ${MOST_PSI}, which even 30,000 rows that all fall into one of ten bins do not reach: nothing would be told. Customary are 0.1 for some drift and 0.2 for much`,
    ],
    [
      !(Number.isInteger(minCount) && minCount >= 1),
      'monitoring.drift.minCount',
      `${minCount} is not a whole number from 1`,
    ],
    [
      !(Number.isInteger(windowHours) && windowHours >= 1 && windowHours <= 168),
      'monitoring.drift.windowHours',
      `${windowHours} is not a whole number of hours from 1 to 168`,
    ],
  ]);
}

/** Null where it is not wanted. */
export function planDrift(asked: AskedDrift = {}): DriftPlan | null {
  if (asked === false) return null;
  const { psi, minCount, windowHours, watch } = { ...defaultDrift, ...given(asked) };
  return { psi, minCount, windowSeconds: windowHours * 3600, watch };
}

const given = <T extends object>(asked: T) =>
  Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as Partial<DriftSpec>;

/** Labels of one figure; `reference` tells apart models whose bins differ. */
const figure = 'model, reference, side, tensor, statistic';
const MOST_RANGES = 10;
/** Half an observation more in each bin, as in the reference: without it an empty bin would be infinitely far away. */
const SMOOTHING = 0.5;
const MOST_WAIT_SECONDS = 3600;

/** Windows are long and read much, so that a sixtieth of one is soon enough; after 5 minutes Prometheus forgets a record. Seconds. */
const pace = (windowSeconds: number): number => Math.min(120, Math.max(5, Math.floor(windowSeconds / 60)));

/**
 * The greatest PSI that chance alone gives in 99 of 100 windows, over all figures of a side together.
 *
 * PSI of n rows against m samples is chi-square with one degree less than bins, times 1/n + 1/m. The quantile is Wilson and Hilferty's; the
 * deviations are those of a normal distribution at 1 % over the number of figures, within 0.01 for 1 to 100 of them.
 */
function noise(series: (what: string) => string, samples: string): string {
  const degrees = series('degrees');
  const spread = `2 / (9 * ${degrees})`;
  const figures = `count by (model, reference, side) (${series('rows')})`;
  const deviations = `sqrt(5.41 + 1.82 * ln(${figures}))`;
  const reach = `(1 - ${spread} + sqrt(${spread}) * on (model, reference, side) group_left () ${deviations})`;
  const rows = `(1 / ${series('rows')} + on (model, reference) group_left () 1 / max by (model, reference) (${samples}))`;
  return `${degrees} * ${reach} ^ 3 * ${rows}`;
}

/** Of the ranges, which are numbered; categories have no order. */
function kolmogorovSmirnov(seriesWhere: (what: string, where: string) => string): string {
  const parted = Array.from({ length: MOST_RANGES - 1 }, (_, last) => {
    const where = `statistic!="class", bin=~"[0-${last}]"`;
    const seen = `sum by (${figure}) (${seriesWhere('count', where)}) / on (${figure}) ${seriesWhere('rows', 'statistic!="class"')}`;
    const apart = `abs(${seen} - sum by (${figure}) (${seriesWhere('expected', where)}))`;
    return `label_replace(${apart}, "bin", "${last}", "", "")`;
  });
  return `max by (${figure}) (${parted.join(' or ')})`;
}

const sides = [
  {
    side: 'output',
    alert: 'PredictionDrift',
    what: 'Predictions',
    action:
      'See on the dashboard which output moved, and whether inputs moved with it. If the world has changed, judge the model on new labelled data and train it again; if a caller has, mend what it sends.',
  },
  {
    side: 'input',
    alert: 'InputDrift',
    what: 'Inputs',
    action:
      'Look at what callers send: a unit, a scale, an order of columns or a missing value are the usual causes. If the world has changed, take new samples and train the model again.',
  },
] as const;

/** Groups of rules: figures recorded for each output and input that is watched, and an alert for either side. */
export function driftGroups(plan: MonitoringPlan, drift: DriftPlan): readonly object[] {
  const scope = prometheusScope(plan);
  const selector = selectorOf(scope);
  const { windowSeconds, psi, minCount } = drift;
  const over = duration(windowSeconds);
  const gained = (window: number): string =>
    `sum by (${figure}, bin) (increase(onnx_observed_bin_total{${selector}}[${duration(window)}]))`;
  const inSteps = windowSeconds > LONGEST_READ_SECONDS;
  const seriesWhere = (what: string, where: string): string => `${record(what)}{${selector}, ${where}}`;
  const series = (what: string): string => `${record(what)}{${selector}}`;
  const [share, expected, count, rows] = ['share', 'expected', 'count', 'rows'].map(series) as [
    string,
    string,
    string,
    string,
  ];
  const middle = `((${share} + ${expected}) / 2)`;
  const recordings: readonly (readonly [what: string, expr: string])[] = [
    // Every replica tells the reference.
    ['expected', `max by (${figure}, bin) (onnx_reference_bin_ratio{${selector}})`],
    ['count', inSteps ? `sum_over_time(${series('gain')}[${over}])` : gained(windowSeconds)],
    ['rows', `sum by (${figure}) (${count})`],
    ['degrees', `count by (${figure}) (${expected}) - 1`],
    [
      'share',
      `(${count} + ${SMOOTHING}) / on (${figure}) group_left () (${rows} + ${SMOOTHING} * (${series('degrees')} + 1))`,
    ],
    ['limit', `clamp_min(${noise(series, `onnx_reference_samples{${selector}}`)}, ${psi})`],
    ['psi', `sum by (${figure}) ((${share} - ${expected}) * ln(${share} / ${expected}))`],
    [
      'js',
      `sqrt(sum by (${figure}) (${share} * log2(${share} / ${middle}) + ${expected} * log2(${expected} / ${middle})) / 2)`,
    ],
    ['ks', kolmogorovSmirnov(seriesWhere)],
  ];
  const alerts = sides
    .filter(({ side }) => side === 'output' || drift.watch === 'all')
    .map(({ side, alert, what, action }) => {
      const of = (name: string): string => seriesWhere(name, `side="${side}"`);
      return {
        alert,
        expr: `${of('psi')} > ${of('limit')} and ${of('rows')} >= ${minCount}`,
        for: duration(Math.min(MOST_WAIT_SECONDS, Math.floor(windowSeconds / 24))),
        labels: { severity: 'ticket' },
        annotations: {
          summary: `{{ $labels.model }}: ${what} have parted from the samples: {{ $labels.tensor }} ({{ $labels.statistic }})`,
          description: `Over ${over}, the {{ $labels.statistic }} of ${side} {{ $labels.tensor }} is spread otherwise than in the samples that the model was measured with, and chance does not explain it. Now: PSI {{ $value | printf "%.2f" }}.`,
          action,
        },
      };
    });
  const recorded = (what: string, expr: string) => ({ record: record(what), expr, labels: scope });
  return [
    ...(inSteps
      ? [
          {
            name: `slipway ${plan.model} drift steps`,
            interval: duration(STEP_SECONDS),
            rules: [recorded('gain', gained(STEP_SECONDS))],
          },
        ]
      : []),
    {
      name: `slipway ${plan.model} drift`,
      interval: duration(Math.max(plan.scrapeSeconds, pace(windowSeconds))),
      rules: [...recordings.map(([what, expr]) => recorded(what, expr)), ...alerts],
    },
  ];
}
