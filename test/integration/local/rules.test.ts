/** The generated rules under Prometheus' own tools: promtool runs them over made-up series, Prometheus loads them. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheDir } from '../../../lib/local/cache.js';
import { findPrometheus, type PrometheusBinaries, startPrometheus } from '../../../lib/local/prometheus.js';
import { planMonitoring } from '../../../lib/monitoring/plan.js';
import { prometheusConfig, prometheusRules } from '../../../lib/monitoring/prometheus-rules.js';
import {
  answered,
  type Bench,
  type Case,
  http,
  JOB,
  machine,
  plan,
  promtool,
  run,
  server,
  traffic,
} from './promtool.js';

let binaries: PrometheusBinaries;
let bench: Bench;

beforeAll(async () => {
  const found = await findPrometheus(cacheDir());
  if ('missing' in found) throw new Error(found.missing);
  if (!found.promtool) throw new Error('There is no promtool beside prometheus. Install it: every package has both');
  binaries = found;
  bench = { promtool: found.promtool, folder: mkdtempSync(join(tmpdir(), 'slipway-rules-')) };
});

afterAll(() => rmSync(bench.folder, { recursive: true, force: true }));

describe('promtool', () => {
  test('accepts the rules and the configuration', () => {
    writeFileSync(join(bench.folder, 'rules.yml'), prometheusRules(plan));
    writeFileSync(
      join(bench.folder, 'prometheus.yml'),
      prometheusConfig(plan, { target: '127.0.0.1:8080', rulesFile: 'rules.yml' }),
    );
    expect(promtool(bench, 'check', 'rules', 'rules.yml')).toMatchObject({
      ok: true,
      output: expect.stringContaining('105 rules found'),
    });
    expect(promtool(bench, 'check', 'config', 'prometheus.yml').ok).toBe(true);
  });

  test.each([
    ['availability 50 % over 90 days', { availability: 50, periodDays: 90 }],
    ['99.99 % over a day', { availability: 99.99, periodDays: 1 }],
  ])('accepts the rules of %s', (_, slo) => {
    writeFileSync(
      join(bench.folder, 'other.yml'),
      prometheusRules(planMonitoring({ model: 'm', slo, scrapeSeconds: 60 })),
    );
    expect(promtool(bench, 'check', 'rules', 'other.yml').ok).toBe(true);
  });
});

describe('recording rules', () => {
  test('give shares, numbers and what is left of the budget, as computed by hand', () => {
    // 60 requests a minute, one in 50 a server error; one in 20 answers above 50 ms.
    const series = {
      [answered('200')]: '0+588x180',
      [answered('500')]: '0+12x180',
      [http('count')]: '0+1000x180',
      [http('bucket', ', le="0.05"')]: '0+950x180',
      [http('bucket', ', le="0.075"')]: '0+1000x180',
    };
    const values = [
      ['slipway:availability:bad_share_5m', 0.02],
      ['slipway:availability:bad_share_1h', 0.02],
      ['slipway:availability:bad_share_3d', 0.02],
      ['slipway:availability:bad_1h', 720],
      // 2 % of errors where 0.1 % are allowed: the budget is spent twenty times over.
      ['slipway:availability:budget_left_30d', -19],
      ['slipway:latency:bad_share_30m', 0.05],
      ['slipway:latency:bad_1h', 3000],
      ['slipway:latency:budget_left_30d', -4],
    ] as const;
    const output = run(bench, { every: 1, series, values: values.map(([record, value]) => [record, 180, value]) });
    expect(output).toBe('');
  });

  test('read no errors at all as none, not as nothing', () => {
    const output = run(bench, {
      every: 1,
      series: { [answered('200')]: '0+10x60' },
      values: [
        ['slipway:availability:bad_share_1h', 60, 0],
        ['slipway:availability:budget_left_30d', 60, 1],
      ],
    });
    expect(output).toBe('');
  });
});

/**
 * For each pair of windows: calm for longer than the long window, then trouble. The long window's share grows by the
 * trouble's share divided by the window, so the minute at which it passes the threshold can be computed by hand.
 *
 * Windows above an hour are summed up from steps of 4 minutes; at both of a window's ends there is one, so that 6 h have 91.
 */
const burns = [
  // 6 % of errors for n of 60 minutes exceed 1.44 % from n = 15 on; pending for 2 minutes.
  { window: '1h', every: 1, calm: 120, bad: 600, from: 15, wait: 2, share: 1.7 },
  // 1.21 % for n of 91 steps exceed 0.6 % from n = 46 on; pending for 4 steps.
  { window: '6h', every: 4, calm: 100, bad: 121, from: 46, wait: 4, share: 0.664_8 },
  // 0.42 % for n of 361 steps exceed 0.3 % from n = 258 on; pending for 15 steps.
  { window: '1d', every: 4, calm: 400, bad: 42, from: 258, wait: 15, share: 0.317_6 },
  // 0.21 % for n of 1081 steps exceed 0.1 % from n = 515 on; pending for 45 steps.
  { window: '3d', every: 4, calm: 1125, bad: 21, from: 515, wait: 45, share: 0.108_8 },
] as const;

describe.each(['availability', 'latency'] as const)('burn of the %s objective', (objective) => {
  const scale = objective === 'availability' ? 1 : 10;
  const name = (window: string): string => `${objective === 'availability' ? 'Availability' : 'Latency'}Burn${window}`;
  const percent = (share: number): string => ` Now: ${Number((share * scale).toPrecision(4))}%.`;

  test.each(burns)('fires on real trouble over $window, at the right minute, and not before', (burn) => {
    const { window, every, calm, bad, from, wait, share } = burn;
    const fires = (calm + from + wait) * every;
    const output = run(bench, {
      every,
      series: traffic(objective, bad * scale, calm, from + wait + 5),
      alerts: [
        { alert: name(window), at: calm * every, now: null },
        { alert: name(window), at: fires - every, now: null },
        { alert: name(window), at: fires, now: percent(share) },
      ],
    });
    expect(output).toBe('');
  });

  test.each(burns)('stays quiet over $window at a rate just below', ({ window, every, calm }) => {
    const below = { '1h': 143, '6h': 59, '1d': 29, '3d': 9 }[window] * scale;
    const output = run(bench, {
      every,
      series: traffic(objective, below, 0, 2 * calm),
      alerts: [{ alert: name(window), at: 2 * calm * every, now: null }],
    });
    expect(output).toBe('');
  });

  test('ends soon after the trouble, while the long window still remembers', () => {
    const end = 120 + 30;
    const output = run(bench, {
      every: 1,
      series: traffic(objective, 600 * scale, 120, 30, 20),
      alerts: [
        { alert: name('1h'), at: end, now: percent(3) },
        { alert: name('1h'), at: end + 6, now: null },
      ],
    });
    expect(output).toBe('');
  });
});

describe('an endpoint with little traffic', () => {
  const all = ['AvailabilityBurn1h', 'AvailabilityBurn6h', 'AvailabilityBurn1d', 'AvailabilityBurn3d'];

  test('pages nobody for one error', () => {
    // A request every six minutes, the eleventh of which fails: 10 % of an hour, far above every threshold.
    const output = run(bench, {
      every: 1,
      series: { [answered('200')]: '0x5 1x5 2x5 3x5 4x5 5x5 6x5 7x5 8x5 9x5 9x300', [answered('500')]: '0x60 1x300' },
      alerts: [62, 70, 90, 119, 300].flatMap((at) => all.map((alert) => ({ alert, at, now: null }))),
    });
    expect(output).toBe('');
  });

  test('pages for an outage, once five requests have failed', () => {
    const output = run(bench, {
      every: 1,
      series: { [answered('200')]: '0+1x60 60x60', [answered('500')]: '0x60 1+1x30' },
      alerts: [
        { alert: 'AvailabilityBurn1h', at: 66, now: null },
        { alert: 'AvailabilityBurn1h', at: 67, now: ' Now: 11.67%.' },
      ],
    });
    expect(output).toBe('');
  });
});

describe('alerts that every endpoint has', () => {
  const cases: readonly (readonly [string, string, Case])[] = [
    [
      'EndpointDown',
      'fires a minute after the last answer',
      {
        every: 1,
        series: { [machine('up')]: '1x10 0x20' },
        alerts: [
          { alert: 'EndpointDown', at: 11, now: null },
          { alert: 'EndpointDown', at: 12, now: '' },
        ],
      },
    ],
    [
      'EndpointDown',
      'fires when there is no target at all',
      { every: 1, series: {}, alerts: [{ alert: 'EndpointDown', at: 2, now: '' }] },
    ],
    [
      'EndpointDown',
      'stays quiet while one of two replicas answers',
      {
        every: 1,
        series: { [machine('up')]: '1x30', [`up{${JOB}, instance="b"}`]: '1x10 0x20' },
        alerts: [{ alert: 'EndpointDown', at: 30, now: null }],
      },
    ],
    [
      'EndpointNotReady',
      'fires after two minutes of warm-up or drain',
      {
        every: 1,
        series: { [machine('up')]: '1x30', [server('onnx_model_ready')]: '1x5 0x20' },
        alerts: [
          { alert: 'EndpointNotReady', at: 7, now: null },
          { alert: 'EndpointNotReady', at: 8, now: '' },
        ],
      },
    ],
    [
      'EndpointNotReady',
      'stays quiet while ready',
      {
        every: 1,
        series: { [server('onnx_model_ready')]: '1x30' },
        alerts: [{ alert: 'EndpointNotReady', at: 30, now: null }],
      },
    ],
    [
      'QueueSaturated',
      'fires above 80 % for a minute',
      {
        every: 1,
        series: { [server('onnx_requests_in_flight')]: '10x5 900x10', [server('onnx_queue_limit')]: '1000x20' },
        alerts: [
          { alert: 'QueueSaturated', at: 6, now: null },
          { alert: 'QueueSaturated', at: 7, now: ' Now: 90%.' },
        ],
      },
    ],
    [
      'QueueSaturated',
      'stays quiet at 80 %',
      {
        every: 1,
        series: { [server('onnx_requests_in_flight')]: '800x20', [server('onnx_queue_limit')]: '1000x20' },
        alerts: [{ alert: 'QueueSaturated', at: 20, now: null }],
      },
    ],
    [
      'MemoryPressure',
      'fires above 90 % for five minutes',
      {
        every: 1,
        series: {
          [machine('process_resident_memory_bytes')]: '1000x5 7600x20',
          [machine('onnx_memory_limit_bytes')]: '8000x30',
        },
        alerts: [
          { alert: 'MemoryPressure', at: 10, now: null },
          { alert: 'MemoryPressure', at: 11, now: ' Now: 95%.' },
        ],
      },
    ],
    [
      'MemoryPressure',
      'stays quiet at 90 %',
      {
        every: 1,
        series: {
          [machine('process_resident_memory_bytes')]: '7200x20',
          [machine('onnx_memory_limit_bytes')]: '8000x20',
        },
        alerts: [{ alert: 'MemoryPressure', at: 20, now: null }],
      },
    ],
  ];

  test.each(cases)('%s %s', (_, __, given) => {
    expect(run(bench, given)).toBe('');
  });

  test('are all told apart here: each alert of the plan has a case above', () => {
    const burnt = burns.flatMap(({ window }) => [`AvailabilityBurn${window}`, `LatencyBurn${window}`]);
    expect([...new Set([...burnt, ...cases.map(([name]) => name)])].sort()).toEqual(
      plan.alerts.map(({ name }) => name).sort(),
    );
  });
});

interface Loaded {
  readonly name: string;
  readonly health: string;
  readonly labels: Readonly<Record<string, string>>;
}

async function ask<Data>(url: string, path: string): Promise<Data> {
  const answer = await fetch(`${url}/api/v1/${path}`);
  return ((await answer.json()) as { data: Data }).data;
}

describe('a real Prometheus', () => {
  const hostile = 'a"b{c}\\d\ne=~"x"\u0000🙂{{ .X }}';

  test('loads and evaluates the rules of a model with any name, under that name, and is gone when closed', async () => {
    const named = planMonitoring({ model: hostile, slo: { p99Ms: 50 }, scrapeSeconds: 1 });
    const running = await startPrometheus({ binaries, dir: bench.folder, plan: named, target: '127.0.0.1:9' });
    try {
      expect(running.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      await expect
        .poll(
          async () => {
            const answer = await ask<{ groups: { rules: Loaded[] }[] }>(running.url, 'rules');
            return answer.groups
              .flatMap((group) => group.rules)
              .filter(({ name }) => name === 'EndpointDown')
              .map(({ health, labels }) => [health, labels.model]);
          },
          { timeout: 30_000, interval: 250 },
        )
        .toEqual([['ok', hostile.replace('{{', '{{ "{{" }}')]]);
      await expect
        .poll(
          async () => {
            const answer = await ask<{ alerts: { labels: Record<string, string> }[] }>(running.url, 'alerts');
            return answer.alerts.map(({ labels }) => labels);
          },
          { timeout: 30_000, interval: 250 },
        )
        .toEqual([{ alertname: 'EndpointDown', job: `slipway-${hostile}`, model: hostile, severity: 'page' }]);
    } finally {
      await running.close();
    }
    expect(readdirSync(bench.folder).filter((name) => name.startsWith('prometheus-'))).toEqual([]);
    expect(() => process.kill(running.child.pid, 0)).toThrow('ESRCH');
    await expect(fetch(`${running.url}/-/ready`)).rejects.toThrow();
  });

  test('listens on this machine only', async () => {
    const running = await startPrometheus({ binaries, dir: bench.folder, plan, target: '127.0.0.1:9' });
    try {
      const port = Number(new URL(running.url).port);
      const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
      const tables = ['/proc/net/tcp', '/proc/net/tcp6'].filter((path) => existsSync(path));
      const sockets = tables.map((path) => readFileSync(path, 'utf8')).join('');
      const listening = sockets.split('\n').filter((line) => new RegExp(`:${hexadecimal} \\S+ 0A `).test(line));
      expect(listening).toHaveLength(1);
      expect(listening[0]).toContain(`0100007F:${hexadecimal}`);
    } finally {
      await running.close();
    }
  });
});
