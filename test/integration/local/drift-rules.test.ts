/** The rules of drift under promtool: the figures of a vector computed by hand, and that chance alone is not told as drift. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { cacheDir } from '../../../lib/local/cache.js';
import { findPrometheus } from '../../../lib/local/prometheus.js';
import { type MonitoringPlan, planMonitoring } from '../../../lib/monitoring/plan.js';
import { prometheusRules } from '../../../lib/monitoring/prometheus-rules.js';
import { allChance, type Counts, chance, drawn, jensenShannon, limitOf, psiOf } from './drift-chance.js';
import { type Bench, JOB, promtool } from './promtool.js';

let bench: Bench;

beforeAll(async () => {
  const found = await findPrometheus(cacheDir());
  if ('missing' in found || !found.promtool) throw new Error('There is no promtool. Install Prometheus');
  bench = { promtool: found.promtool, folder: mkdtempSync(join(tmpdir(), 'slipway-drift-')) };
});

afterAll(() => rmSync(bench.folder, { recursive: true, force: true }));

const plan = planMonitoring({ model: 'fraud', drift: { windowHours: 1 } });

interface Figure {
  readonly model?: string;
  readonly side?: 'output' | 'input';
  readonly tensor?: string;
  readonly statistic?: string;
  readonly reference?: string;
  readonly bins?: readonly string[];
  /** Of the samples. */
  readonly samples: Counts;
  /** Rows in the last hour, of each replica. */
  readonly rows: readonly Counts[];
}

const labelsOf = ({ model = 'fraud', side = 'output', tensor = 'y', statistic = 'value', reference = 'r1' }: Figure) =>
  `model="${model}", reference="${reference}", side="${side}", tensor="${tensor}", statistic="${statistic}"`;

/** Series of one figure: nothing for 20 minutes, and then all of the hour's rows; read at minute 60. */
function seriesOf(figure: Figure): readonly (readonly [string, string])[] {
  const { samples, rows, bins = samples.map((_, bin) => String(bin)), model = 'fraud', reference = 'r1' } = figure;
  const total = samples.reduce((sum, count) => sum + count, 0);
  return rows.flatMap((seen, replica) => {
    const of = `${JOB}, instance="${replica}", ${labelsOf(figure)}`;
    const whole = `onnx_reference_samples{${JOB}, instance="${replica}", model="${model}", reference="${reference}"}`;
    return [
      ...bins.flatMap((bin, place) => [
        [`onnx_observed_bin_total{${of}, bin="${bin}"}`, `0 0 ${seen[place]} ${seen[place]}`] as const,
        [
          `onnx_reference_bin_ratio{${of}, bin="${bin}", upper="${place}"}`,
          `${(samples[place]! + 0.5) / (total + samples.length / 2)}x3`,
        ] as const,
      ]),
      [whole, `${total}x3`] as const,
    ];
  });
}

interface Expectation {
  readonly values?: readonly (readonly [expr: string, labels: string, value: number])[];
  readonly alerts?: readonly (readonly [alert: string, exp: readonly object[]])[];
}

function run(figures: readonly Figure[], { values = [], alerts = [] }: Expectation, of: MonitoringPlan = plan): string {
  writeFileSync(join(bench.folder, 'rules.yml'), prometheusRules(of));
  const series = new Map(figures.flatMap(seriesOf));
  writeFileSync(
    join(bench.folder, 'cases.yml'),
    stringify({
      rule_files: ['rules.yml'],
      evaluation_interval: '20m',
      tests: [
        {
          interval: '20m',
          input_series: [...series].map(([name, samples]) => ({ series: name, values: samples })),
          alert_rule_test: alerts.map(([alertname, exp_alerts]) => ({ eval_time: '60m', alertname, exp_alerts })),
          promql_expr_test: values.map(([expr, labels, value]) => ({
            expr,
            eval_time: '60m',
            exp_samples: [{ labels, value }],
          })),
        },
      ],
    }),
  );
  const { ok, output } = promtool(bench, 'test', 'rules', 'cases.yml');
  return ok ? '' : output;
}

const rounded = (name: string, labels = ''): string => `round(slipway:drift:${name}{${labels}}, 0.0001)`;
const figures = (figure: Figure): string => `{${JOB}, ${labelsOf(figure)}}`;
const digits = (value: number): number => Number(value.toFixed(4));

describe('the figures', () => {
  // A quarter of the samples in each bin; half, a quarter and two eighths of the rows. Of so many, smoothing moves nothing.
  const many: Figure = {
    samples: [25_000, 25_000, 25_000, 25_000],
    rows: [
      [20_000, 15_000, 5000, 7000],
      [30_000, 10_000, 7500, 5500],
    ],
  };

  test('of two replicas together are those computed by hand', () => {
    const output = run([many], {
      values: [
        ['slipway:drift:rows', `slipway:drift:rows${figures(many)}`, 100_000],
        [rounded('psi'), figures(many), 0.3466],
        [rounded('js'), figures(many), 0.2475],
        [rounded('ks'), figures(many), 0.25],
      ],
    });
    expect(output).toBe('');
  });

  test('of a day are summed up from steps', () => {
    const of = `${JOB}, instance="0", ${labelsOf(many)}`;
    const share = [0.5, 0.25, 0.125, 0.125];
    const series = share.flatMap((part, bin) => [
      // A hundred rows in four minutes, over a day and an hour.
      [`onnx_observed_bin_total{${of}, bin="${bin}"}`, `0+${100 * part}x375`] as const,
      [`onnx_reference_bin_ratio{${of}, bin="${bin}", upper="${bin}"}`, '0.25x375'] as const,
    ]);
    const value = (expr: string, labels: string, expected: number) => ({
      ...{ expr, eval_time: '1500m', exp_samples: [{ labels, value: expected }] },
    });
    writeFileSync(join(bench.folder, 'rules.yml'), prometheusRules(planMonitoring({ model: 'fraud' })));
    writeFileSync(
      join(bench.folder, 'cases.yml'),
      stringify({
        rule_files: ['rules.yml'],
        evaluation_interval: '4m',
        tests: [
          {
            interval: '4m',
            input_series: series.map(([name, samples]) => ({ series: name, values: samples })),
            promql_expr_test: [
              value('round(slipway:drift:rows / 36000, 0.01)', figures(many), 1),
              value('round(slipway:drift:psi, 0.001)', figures(many), 0.347),
            ],
          },
        ],
      }),
    );
    expect(promtool(bench, 'test', 'rules', 'cases.yml').output).toContain('SUCCESS');
  });

  test('of a thousand rows are smoothed by half a row in each bin', () => {
    const few: Figure = { samples: [100, 100, 100, 100], rows: [[500, 250, 125, 125]] };
    const output = run([few], {
      values: [
        [rounded('psi'), figures(few), digits(psiOf(few.samples, few.rows[0]!))],
        [rounded('js'), figures(few), digits(jensenShannon(few.samples, few.rows[0]!))],
        [rounded('ks'), figures(few), 0.25],
      ],
    });
    expect(output).toBe('');
    expect(psiOf(few.samples, few.rows[0]!)).toBeCloseTo(0.3456, 3);
  });

  test('of categories are the same, but for the distance of ordered bins, which they have not', () => {
    const named: Figure = { ...many, statistic: 'class', bins: ['cat', 'dog', '3', 'other'] };
    const ordered: Figure = { ...many, tensor: 'z', bins: ['0', '1', '2', 'nan'] };
    const output = run([named, ordered], {
      values: [
        [rounded('psi', 'statistic="class"'), figures(named), 0.3466],
        ['count(slipway:drift:ks) by (tensor)', '{tensor="z"}', 1],
      ],
    });
    expect(output).toBe('');
  });

  test('are those of the model that is served now: rows in the bins of an earlier one are not compared with it', () => {
    const now: Figure = { ...many, reference: 'r2' };
    const output = run([{ ...many, rows: [[0, 0, 0, 0]] }, now], {
      values: [[rounded('psi', 'reference="r2"'), figures(now), 0.3466]],
    });
    expect(output).toBe('');
  });
});

describe('chance', () => {
  test.each([
    [500, 140],
    [500, 2000],
    [1000, 400],
    [5000, 2000],
  ])('gives what the rules say it gives: %d rows, %d samples', (rows, samples) => {
    const trials = drawn({ rows, samples, bins: 10, trials: 20, seed: 7 });
    const each = trials.map(
      ({ reference, seen }, trial): Figure => ({
        model: `t${trial}`,
        samples: reference,
        rows: [seen],
      }),
    );
    const low = { ...plan, drift: { ...plan.drift!, psi: 1e-6 } };
    const values = each.flatMap((figure, trial) => {
      const { reference, seen } = trials[trial]!;
      const of = `model="t${trial}"`;
      return [
        [rounded('psi', of), figures(figure), digits(psiOf(reference, seen))] as const,
        [rounded('limit', of), figures(figure), digits(limitOf({ bins: 10, rows, samples, figures: 1 }))] as const,
      ];
    });
    expect(run(each, { values }, low)).toBe('');
  });

  test.each([
    { rows: 500, samples: 140 },
    { rows: 500, samples: 2000 },
    { rows: 1000, samples: 400 },
    { rows: 1000, samples: 2000 },
    { rows: 5000, samples: 140 },
    { rows: 5000, samples: 2000 },
  ])('is beyond the limit in about one window of a hundred: %j', (given) => {
    // Without the 0.2 that the user gives, which would hide it.
    const share = chance({ ...given, bins: 10, trials: 3000, seed: 1 });
    expect(share).toBeLessThanOrEqual(0.0125);
    expect(share).toBeGreaterThanOrEqual(0.004);
    expect(chance({ ...given, bins: 10, trials: 3000, seed: 1 }, 0.2)).toBeLessThanOrEqual(share);
  });

  test.each([
    ['a value doubled', (value: number) => Math.min(1, 2 * value)],
    ['three tenths missing, filled up with one value', (value: number) => (value < 0.3 ? 0.05 : value)],
    ['small values gone', (value: number) => 0.25 + 0.75 * value],
  ])('does not hide drift: %s', (_, moved) => {
    for (const rows of [500, 5000]) {
      expect(chance({ rows, samples: 400, bins: 10, trials: 200, seed: 4, moved }, 0.2)).toBe(1);
    }
  });

  test.each([
    { rows: 500, samples: 51, bins: 3 },
    { rows: 1000, samples: 85, bins: 5 },
    { rows: 5000, samples: 340, bins: 20 },
  ])('is not told with fewer or more bins either: %j', (given) => {
    expect(chance({ ...given, trials: 3000, seed: 2 })).toBeLessThanOrEqual(0.0125);
  });

  test.each([4, 16, 32])('of %d figures together is beyond the limit in about one window of a hundred', (count) => {
    const share = allChance({ rows: 1000, samples: 400, bins: 10, trials: 800, seed: 3 }, count);
    expect(share).toBeLessThanOrEqual(0.0125);
  });

  test('with too few rows is not told, whatever they look like', () => {
    const few: Figure = { samples: [100, 100, 100, 100], rows: [[499, 0, 0, 0]] };
    expect(run([few], { alerts: [['PredictionDrift', []]] })).toBe('');
  });
});

describe('the alerts', () => {
  const labels = (figure: Figure) => ({
    job: 'slipway-fraud',
    model: 'fraud',
    reference: 'r1',
    side: figure.side ?? 'output',
    tensor: figure.tensor ?? 'y',
    statistic: figure.statistic ?? 'value',
    severity: 'ticket',
  });
  const samples = [100, 100, 100, 100];
  // `for` of a window of one hour is 150 s: less than one step of these tests, so that one step earlier it is pending.
  const now = { ...plan, drift: { ...plan.drift!, windowSeconds: 3600 } };

  test('name the output that moved, with its figure, and no other', () => {
    const moved: Figure = { tensor: 'logits', statistic: 'confidence', samples, rows: [[500, 250, 125, 125]] };
    const same: Figure = { tensor: 'other', samples, rows: [[250, 255, 245, 250]] };
    const output = run(
      [moved, same],
      {
        alerts: [
          [
            'PredictionDrift',
            [
              {
                exp_labels: labels(moved),
                exp_annotations: {
                  summary: 'fraud: Predictions have parted from the samples: logits (confidence)',
                  description:
                    'Over 1h, the confidence of output logits is spread otherwise than in the samples that the model was measured with, and chance does not explain it. Now: PSI 0.35.',
                  action:
                    'See on the dashboard which output moved, and whether inputs moved with it. If the world has changed, judge the model on new labelled data and train it again; if a caller has, mend what it sends.',
                },
              },
            ],
          ],
          ['InputDrift', []],
        ],
      },
      now,
    );
    expect(output).toBe('');
  });

  test('tell inputs apart from outputs', () => {
    const moved: Figure = { side: 'input', tensor: 'x[3]', samples, rows: [[0, 0, 0, 800]] };
    const output = run(
      [moved],
      {
        values: [['count(ALERTS{alertname="InputDrift", tensor="x[3]", alertstate="firing"})', '{}', 1]],
        alerts: [['PredictionDrift', []]],
      },
      now,
    );
    expect(output).toBe('');
  });

  test('wait for what the user allows', () => {
    const moved: Figure = { samples, rows: [[500, 250, 125, 125]] };
    const patient = planMonitoring({ model: 'fraud', drift: { windowHours: 1, psi: 0.4 } });
    expect(run([moved], { alerts: [['PredictionDrift', []]] }, patient)).toBe('');
  });

  test('are fewer where only outputs are counted, and none where nothing is', () => {
    const told = (drift: MonitoringPlan['drift']) =>
      ['PredictionDrift', 'InputDrift', 'slipway:drift:'].map((name) =>
        prometheusRules({ ...plan, drift }).includes(name),
      );
    expect(told({ ...plan.drift!, watch: 'outputs' })).toEqual([true, false, true]);
    expect(told(planMonitoring({ model: 'fraud', drift: false }).drift)).toEqual([false, false, false]);
  });
});
