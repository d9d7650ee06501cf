/** The rules of the verdicts under promtool: for each a made-up endpoint that it is true of, and one that it is nearly true of. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { cacheDir } from '../../../lib/local/cache.js';
import { findPrometheus } from '../../../lib/local/prometheus.js';
import { type VerdictId, verdicts } from '../../../lib/monitoring/bottleneck.js';
import { bottleneckRecord, strongestRecord } from '../../../lib/monitoring/bottleneck-rules.js';
import { grafanaDashboard } from '../../../lib/monitoring/grafana.js';
import { type Fare, healthy, type Phase, series } from './endpoint-series.js';
import { type Bench, JOB, plan, promtool, rulesOf } from './promtool.js';
import { cases, idleGpu, nothing } from './verdict-cases.js';

let bench: Bench;

beforeAll(async () => {
  const found = await findPrometheus(cacheDir());
  if ('missing' in found) throw new Error(found.missing);
  if (!found.promtool) throw new Error('There is no promtool beside prometheus. Install it: every package has both');
  bench = { promtool: found.promtool, folder: mkdtempSync(join(tmpdir(), 'slipway-verdicts-')) };
  writeFileSync(join(bench.folder, 'rules.yml'), rulesOf('bottleneck'));
});

afterAll(() => rmSync(bench.folder, { recursive: true, force: true }));

interface Expected {
  /** Minutes after the start. */
  readonly at: number;
  /** All that hold, in their order; the first is the strongest. */
  readonly holds: readonly VerdictId[];
  /** That cannot be told, of all but those that need an accelerator or hours. */
  readonly unknown?: readonly VerdictId[];
}

const labelled = (record: string, id: string): string => `${record}{${JOB}, verdict="${id}"}`;

/** What promtool says of queries at a time; empty when all is as expected. */
function judged(input: Record<string, string>, queries: readonly object[]): string {
  const file = {
    rule_files: ['rules.yml'],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: Object.entries(input).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: queries,
      },
    ],
  };
  writeFileSync(join(bench.folder, 'cases.yml'), stringify(file));
  const { ok, output } = promtool(bench, 'test', 'rules', 'cases.yml');
  return ok ? '' : output;
}

const found = (input: Record<string, string>, expected: readonly Expected[]): string =>
  judged(
    input,
    expected.flatMap(({ at, holds, unknown = [] }) => [
      {
        expr: `${bottleneckRecord}{${JOB}} == 1`,
        eval_time: `${at}m`,
        exp_samples: holds.map((id) => ({ labels: labelled(bottleneckRecord, id), value: 1 })),
      },
      {
        expr: strongestRecord,
        eval_time: `${at}m`,
        exp_samples: holds.slice(0, 1).map((id) => ({ labels: labelled(strongestRecord, id), value: 1 })),
      },
      ...unknown.map((id) => ({ expr: labelled(bottleneckRecord, id), eval_time: `${at}m`, exp_samples: [] })),
    ]),
  );

const steady = (fare: Partial<Fare>, minutes = 30): readonly Phase[] => [{ minutes, fare }];

describe('each verdict', () => {
  test.each(cases.map((each) => [each.verdict, each.when, each] as const))('%s: %s', (verdict, _, each) => {
    const { fare, also = [], nearly, leaves = ['healthy'] } = each;
    expect(found(series(steady(fare)), [{ at: 20, holds: [verdict, ...also] }])).toBe('');
    expect(found(series(steady({ ...fare, ...nearly })), [{ at: 20, holds: leaves }])).toBe('');
  });

  test('over-provisioned: after six hours below a fifth, and not before', () => {
    const quiet = series(steady({ cpu: 0.6, cpuWait: 0.1 }, 400));
    expect(
      found(quiet, [
        { at: 350, holds: ['healthy'], unknown: ['over-provisioned'] },
        { at: 370, holds: ['over-provisioned'] },
      ]),
    ).toBe('');
    const busyOnce = series([
      { minutes: 200, fare: { cpu: 0.6 } },
      { minutes: 10, fare: { cpu: 1 } },
      { minutes: 190, fare: { cpu: 0.6 } },
    ]);
    expect(found(busyOnce, [{ at: 370, holds: ['healthy'] }])).toBe('');
  });

  test('over-provisioned: not with an accelerator that works', () => {
    const gpu = { ...idleGpu, sm: 0.3 };
    expect(found(series(steady({ cpu: 0.6, gpu }, 400)), [{ at: 370, holds: ['healthy'] }])).toBe('');
    const idle = { ...gpu, sm: 0.1 };
    expect(found(series(steady({ cpu: 0.6, gpu: idle }, 400)), [{ at: 370, holds: ['over-provisioned'] }])).toBe('');
  });

  test('cold-start: while a replica has just started and was not ready for a while', () => {
    const started = series([
      { minutes: 2, fare: { ready: 0, requests: 0, cpu: 1 } },
      { minutes: 30, fare: {} },
    ]);
    expect(
      found(started, [
        { at: 4, holds: ['cold-start'] },
        { at: 8, holds: ['healthy'] },
      ]),
    ).toBe('');
  });

  test('cold-start: not for one new replica among many', () => {
    const others = Array.from({ length: 9 }, (_, index) => series(steady({}), `b${index}:8080`));
    const late = series([
      { minutes: 1, fare: { ready: 0 } },
      { minutes: 29, fare: {} },
    ]);
    expect(found(Object.assign({}, late, ...others), [{ at: 4, holds: ['healthy'] }])).toBe('');
  });

  test('idle: nobody asks', () => {
    const quiet = { ...nothing, cpu: 0.02, cpuWait: 0.01, loop: 0.01, loopWait: 0.01, inFlight: 0 };
    expect(found(series(steady(quiet)), [{ at: 20, holds: ['idle'] }])).toBe('');
    // One that has been asked for nothing for hours is too much of a machine, which is the more useful thing to know.
    expect(found(series(steady(quiet, 400)), [{ at: 370, holds: ['over-provisioned', 'idle'] }])).toBe('');
  });

  test('healthy: work is done and there is room', () => {
    expect(found(series(steady({})), [{ at: 20, holds: ['healthy'] }])).toBe('');
  });

  test('has its case here', () => {
    const alone: VerdictId[] = ['over-provisioned', 'cold-start', 'idle', 'healthy'];
    expect([...new Set([...cases.map(({ verdict }) => verdict), ...alone])].sort()).toEqual(
      verdicts.map(({ id }) => id).sort(),
    );
  });
});

describe('what is no verdict', () => {
  test('a minute of overload within five', () => {
    const overload = { cpu: 4, queue: 6, depth: 6, infer: 3.8, run: 3.8, requests: 150, inFlight: 10 };
    const spike = series([
      { minutes: 15, fare: { queue: 0, cpu: 0.8, infer: 0.9 } },
      { minutes: 1, fare: { ...overload, queue: 1.5, depth: 1.5 } },
      { minutes: 20, fare: { queue: 0, cpu: 0.8, infer: 0.9 } },
    ]);
    expect(
      found(
        spike,
        [16, 17, 18, 20].map((at) => ({ at, holds: ['healthy'] })),
      ),
    ).toBe('');
  });

  test('anything at all of an endpoint that is not there', () => {
    expect(found({}, [{ at: 10, holds: [], unknown: verdicts.map(({ id }) => id) }])).toBe('');
  });

  test('anything of an endpoint that is gone', () => {
    const gone = Object.fromEntries(
      Object.entries(series(steady({}, 10))).map(([name, values]) => [name, `${values} stale`]),
    );
    expect(
      found(gone, [
        { at: 9, holds: ['healthy'] },
        { at: 30, holds: [] },
      ]),
    ).toBe('');
  });

  test('anything of an accelerator that nobody reads, or of batches that were not tried', () => {
    const unknown: VerdictId[] = [
      'gpu-memory',
      'gpu-link',
      'gpu-bandwidth',
      'gpu-compute',
      'batch-limit',
      'over-provisioned',
    ];
    expect(found(series(steady({ batchGain: null })), [{ at: 20, holds: ['healthy'], unknown }])).toBe('');
  });
});

test('Grafana’s panel in words asks for the strongest, once for each of its columns', () => {
  const { panels } = JSON.parse(grafanaDashboard(plan)) as {
    readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
  };
  const { expr } = panels.find(({ title }) => title === 'What limits it')!.targets[0]!;
  const full = series(steady({ cpu: 3.6, preprocess: 1.5, infer: 1.2, inFlight: 4 }));
  const words = { labels: '{verdict="cpu-around", meaning="cpu-around", action="cpu-around"}', value: 1 };
  expect(judged(full, [{ expr, eval_time: '20m', exp_samples: [words] }])).toBe('');
  expect(judged({}, [{ expr, eval_time: '20m', exp_samples: [] }])).toBe('');
});

describe('where less is known', () => {
  test('full processors are told without the time that threads wait', () => {
    const silent = { cpuWait: null, loopWait: null };
    const full = { ...silent, cpu: 3.5, run: 3.3, infer: 3.3 };
    expect(found(series(steady(full)), [{ at: 20, holds: ['cpu-inference'] }])).toBe('');
    expect(found(series(steady({ ...silent, loop: 0.9 })), [{ at: 20, holds: ['event-loop'] }])).toBe('');
  });

  test('an accelerator is told by its engine where its processors are not exported', () => {
    const { sm: _, ...engineOnly } = { ...idleGpu, engine: 0.7 };
    const busy = { workers: 1, run: 0.95, queue: 0.9, cpu: 0.8, infer: 0.95, depth: 0.9 };
    expect(
      found(series(steady({ ...busy, gpu: engineOnly })), [{ at: 20, holds: ['healthy'], unknown: ['gpu-compute'] }]),
    ).toBe('');
    expect(
      found(series(steady({ ...busy, gpu: { ...engineOnly, engine: 0.5 } })), [{ at: 20, holds: ['concurrency'] }]),
    ).toBe('');
  });
});

describe('several replicas', () => {
  test('are one endpoint: shares are of all of them, memory is that of the worst', () => {
    const both = (one: Partial<Fare>, other: Partial<Fare>) => ({
      ...series(steady(one), 'a:8080'),
      ...series(steady(other), 'b:8080'),
    });
    const full = { cpu: 4, run: 3.8, infer: 3.8 };
    expect(found(both(full, healthy), [{ at: 20, holds: ['healthy'] }])).toBe('');
    expect(found(both(full, full), [{ at: 20, holds: ['cpu-inference'] }])).toBe('');
    expect(found(both({ memory: 0.95 }, healthy), [{ at: 20, holds: ['memory'] }])).toBe('');
  });

  test('one that goes does not make the rest look full', () => {
    const load = { cpu: 2.4, run: 2, infer: 2 };
    const stays = series(steady(load), 'a:8080');
    const goes = Object.fromEntries(
      Object.entries(series(steady(load, 15), 'b:8080')).map(([name, values]) => [name, `${values} stale`]),
    );
    expect(
      found(
        { ...stays, ...goes },
        [14, 16, 18, 21].map((at) => ({ at, holds: ['healthy'] })),
      ),
    ).toBe('');
  });
});
