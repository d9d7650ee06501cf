import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MEMORY_FILL_LIMIT } from '../../lib/monitoring/alerts.js';
import { type Condition, type Verdict, type VerdictId, verdicts } from '../../lib/monitoring/bottleneck.js';
import { figures } from '../../lib/monitoring/bottleneck-figures.js';
import { bottleneckProblems, planBottleneck } from '../../lib/monitoring/bottleneck-plan.js';
import { signsOf } from '../../lib/monitoring/bottleneck-platforms.js';
import { thresholds } from '../../lib/monitoring/bottleneck-thresholds.js';
import { planMonitoring } from '../../lib/monitoring/plan.js';
import { acceleratorJob, figureRecord, figuresIn } from '../../lib/monitoring/queries/bottleneck.js';
import { prometheusScope } from '../../lib/monitoring/queries/prometheus.js';
import { packageFile } from '../../lib/package-root.js';

const all: readonly Verdict[] = verdicts;
const conditions: readonly Condition[] = all.flatMap(({ when }) => when);
const plan = planMonitoring({ model: 'fraud', scrapeSeconds: 15 });
const queries = figuresIn(plan.bottleneck, prometheusScope(plan));

describe('verdicts', () => {
  test('have a name of their own, and say in words what they mean and what to do', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { id, title, meaning, action } of all) {
      expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(title, id).toMatch(/^[A-Z].{4,50}[^.]$/);
      expect(meaning, id).toMatch(/^[A-Z].{15,200}\.$/);
      expect(action, id).toMatch(/^[A-Z].{10,200}\.$/);
    }
  });

  test('end with the one that is left when no other holds', () => {
    expect(all.filter(({ when }) => when.length === 0).map(({ id }) => id)).toEqual(['healthy']);
    expect(all.at(-1)?.id).toBe('healthy');
  });

  test('stand in the order of what they are: limits, then waste, then nothing', () => {
    const kinds = ['limit', 'waste', 'none'];
    const order = all.map(({ kind }) => kinds.indexOf(kind));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  test('never ask for what cannot be: no verdict holds that a figure is above and below', () => {
    for (const { id, when } of all) {
      for (const { figure } of when) {
        const of = when.filter((each) => each.figure === figure);
        const least = Math.max(...of.filter(({ is }) => is === '>').map(({ than }) => than));
        const most = Math.min(...of.filter(({ is }) => is !== '>').map(({ than }) => than));
        expect(least, `${id} ${figure}`).toBeLessThan(most);
      }
    }
  });

  test('begin where a threshold with a name is', () => {
    const named = Object.values<number | object>(thresholds).flatMap((value) =>
      typeof value === 'number' ? [value] : Object.values<number>(value as Record<string, number>),
    );
    for (const { figure, than } of conditions) expect(than === 0 || named.includes(than), figure).toBe(true);
  });

  test('call memory full where the alert does', () => {
    expect(thresholds.fullMemory).toBe(MEMORY_FILL_LIMIT);
  });
});

describe('the page about them', () => {
  const page = readFileSync(packageFile('docs', 'monitoring', 'bottleneck.md'), 'utf8');
  const shown = ({ figure, is, than }: Condition): string => {
    const { title, unit } = figures[figure];
    const value = { share: `${Math.round(100 * than)} %`, seconds: `${1000 * than} ms` }[unit as string] ?? than;
    return `${title} ${is === '<=' ? '≤' : is} ${value}`;
  };
  /** No load test brings them about. */
  const unchecked: readonly string[] = ['gpu-memory', 'batch-overwaiting', 'gpu-link', 'gpu-bandwidth', 'gpu-compute'];

  test('has a row for each, with its conditions, in their order', () => {
    const rows = all.map(({ id, title, meaning, action, when }) => {
      const conditions = when.length > 0 ? when.map(shown).join('; ') : 'no other holds';
      return `| \`${id}\`${unchecked.includes(id) ? ' †' : ''} | **${title}.** ${meaning} | ${conditions} | ${action} |`;
    });
    expect(page).toContain(
      ['| verdict | what it means | when | what to do |', '|---|---|---|---|', ...rows].join('\n'),
    );
  });

  test('says of each cloud what its dashboard says', () => {
    const rowOf = (start: string): string[] =>
      page
        .split('\n')
        .find((line) => line.startsWith(`| ${start}`))!
        .split('|')
        .slice(2, -1)
        .map((cell) => cell.trim());
    const columns = ['aws-sagemaker', 'azure-ml', 'azure-container-apps', 'gcp-vertex', 'gcp-cloud-run'] as const;
    const told = (platform: (typeof columns)[number]) =>
      signsOf(platform, true).flatMap((sign) =>
        sign.told.map((each) => (typeof each === 'string' ? each : each.title)),
      );
    const rows = {
      memory: 'memory',
      'cpu-inference': 'processors full',
      'over-provisioned': 'more machine',
      'gpu-memory': 'memory of the accelerator',
      'gpu-compute': 'accelerator full',
      concurrency: 'too few workers',
      network: 'network',
      'Scaling does not keep up': 'scaling',
    };
    for (const [verdict, start] of Object.entries(rows)) {
      const expected = columns.map((platform) => told(platform).includes(verdict as VerdictId));
      expect(
        rowOf(start).map((cell) => cell !== '–'),
        verdict,
      ).toEqual(expected);
    }
  });
});

describe('figures', () => {
  test('are all looked at, by a verdict or by another figure', () => {
    const text = queries.map(([, query]) => query).join(' ');
    const unused = (Object.keys(figures) as (keyof typeof figures)[]).filter(
      (id) => !conditions.some(({ figure }) => figure === id) && !text.includes(`${figureRecord(id)}{`),
    );
    expect(unused).toEqual([]);
  });

  test('are said once each, those that others read before them', () => {
    const ids = queries.map(([id]) => id);
    expect([...ids].sort()).toEqual(Object.keys(figures).sort());
    for (const [index, [id, query]] of queries.entries()) {
      const read = ids.filter((other) => query.includes(`${figureRecord(other)}{`));
      for (const other of read) expect(ids.indexOf(other), `${id} reads ${other}`).toBeLessThan(index);
    }
  });

  test('read the endpoint alone, and accelerators under a job of their own', () => {
    for (const [id, query] of queries) {
      const jobs = new Set([...query.matchAll(/job="([^"]*)"/g)].map(([, job]) => job));
      const accelerated = /^(sm|gpu)/.test(id) && id !== 'gpu_peak';
      expect([...jobs], id).toEqual([accelerated ? acceleratorJob('slipway-fraud') : 'slipway-fraud']);
    }
  });

  test('look back over the window, those of waste over hours', () => {
    for (const [id, query] of queries) {
      const windows = new Set([...query.matchAll(/\[(\w+)\]/g)].map(([, window]) => window));
      const expected = id.endsWith('_peak') ? ['6h', '5m'] : ['5m'];
      expect(
        [...windows].filter((window) => !expected.includes(window!)),
        id,
      ).toEqual([]);
    }
  });
});

describe('the time that verdicts look back', () => {
  test.each([
    [1, 60],
    [3, 60],
    [15, 300],
    [60, 1200],
  ])('is twenty readings, a minute at least: %i s', (scrapeSeconds, windowSeconds) => {
    expect(planBottleneck(undefined, scrapeSeconds)).toEqual({ windowSeconds, spareSeconds: 21_600 });
    expect(bottleneckProblems(undefined, scrapeSeconds)).toEqual([]);
  });

  test('is taken as asked, within bounds', () => {
    expect(
      planMonitoring({ model: 'm', scrapeSeconds: 1, bottleneck: { windowSeconds: 4, spareSeconds: 4 } }).bottleneck,
    ).toEqual({
      windowSeconds: 4,
      spareSeconds: 4,
    });
    expect(bottleneckProblems({ windowSeconds: 7, spareSeconds: 604_801 }, 2)).toEqual([
      {
        where: 'monitoring.bottleneck.windowSeconds',
        what: '7 is not a whole number from 8, four readings of the metrics, to 3600',
      },
      {
        where: 'monitoring.bottleneck.spareSeconds',
        what: '604801 is not a whole number from 7, the window, to 604800',
      },
    ]);
    expect(bottleneckProblems({ windowSeconds: 3601, spareSeconds: 3600 }, 2).map(({ where }) => where)).toEqual([
      'monitoring.bottleneck.windowSeconds',
      'monitoring.bottleneck.spareSeconds',
    ]);
    expect(bottleneckProblems({ windowSeconds: 60.5 }, 2)).toHaveLength(1);
  });
});
