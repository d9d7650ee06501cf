/** The query for machines that run although nobody asks, under Prometheus' own tools. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { cacheDir } from '../../../lib/local/cache.js';
import { findPrometheus } from '../../../lib/local/prometheus.js';
import { cloudRunIdle } from '../../../lib/monitoring/queries/cloud-run.js';
import { idleQuery } from '../../../lib/monitoring/queries/idle.js';
import { type Bench, promtool } from './promtool.js';

let bench: Bench;

beforeAll(async () => {
  const found = await findPrometheus(cacheDir());
  if ('missing' in found) throw new Error(found.missing);
  if (!found.promtool) throw new Error('There is no promtool beside prometheus. Install it: every package has both');
  bench = { promtool: found.promtool, folder: mkdtempSync(join(tmpdir(), 'slipway-idle-')) };
});

afterAll(() => rmSync(bench.folder, { recursive: true, force: true }));

const series = (metric: string, extra = '') =>
  `run_googleapis_com:${metric}{monitored_resource="cloud_run_revision",service_name="digits",revision_name="digits-1"${extra}}`;
const instances = (state: string) => series('container_instance_count', `,state="${state}"`);
const requests = series('request_count', ',response_code="200"');

/** Samples come every 5 minutes; what is asked is two hours. */
const cases: readonly [what: string, input: Readonly<Record<string, string>>, at: string, told: boolean][] = [
  ['ran and was never asked', { [instances('idle')]: '1x40' }, '3h', true],
  ['ran, was asked before, and not since', { [instances('idle')]: '1x40', [requests]: '0 5x40' }, '3h', true],
  ['was asked once', { [instances('idle')]: '1x40', [requests]: '5x20 6x20' }, '3h', false],
  ['works', { [instances('active')]: '2x40', [requests]: '0+5x40' }, '3h', false],
  ['has just begun', { [instances('idle')]: '_x24 1x12' }, '3h', false],
  ['stopped for half an hour', { [instances('idle')]: '1x12 0x6 1x20' }, '3h', false],
  ['stopped, and nothing is told of what does not run', { [instances('idle')]: '1x12 _x10 1x20' }, '3h', false],
  ['ran with a sample lost', { [instances('idle')]: '1x18 _x1 1x30' }, '3h', true],
];

test.each(cases)('%s', (_what, input, at, told) => {
  const steps = {
    rule_files: [],
    evaluation_interval: '5m',
    tests: [
      {
        interval: '5m',
        input_series: Object.entries(input).map(([name, samples]) => ({ series: name, values: samples })),
        promql_expr_test: [
          {
            expr: `(${idleQuery(cloudRunIdle({ service: 'digits' }), 2)}) > bool 0`,
            eval_time: at,
            exp_samples: told ? [{ labels: '{}', value: 1 }] : [],
          },
        ],
      },
    ],
  };
  writeFileSync(join(bench.folder, 'cases.yml'), stringify(steps));
  expect(promtool(bench, 'test', 'rules', 'cases.yml')).toMatchObject({ ok: true });
});
