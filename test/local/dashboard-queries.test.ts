import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { gridOf, pointsOf } from '../../lib/local/dashboard/ask.js';
import { pagePlan } from '../../lib/local/dashboard/page-plan.js';
import {
  budgetQueries,
  driftQueries,
  modelQueries,
  pageRanges,
  panelQueries,
  readingsQuery,
  replicasQuery,
  signalQueries,
  verdictQueries,
} from '../../lib/local/dashboard/queries.js';
import { spansOf } from '../../lib/local/dashboard/spans.js';
import { verdicts } from '../../lib/monitoring/bottleneck.js';
import { planMonitoring } from '../../lib/monitoring/plan.js';
import { prometheusRules } from '../../lib/monitoring/prometheus-rules.js';
import { faults } from '../monitoring/promql.js';

const plan = planMonitoring({ model: 'fraud', slo: { p99Ms: 50 }, scrapeSeconds: 2 });
const { groups } = parseYaml(prometheusRules(plan)) as {
  readonly groups: readonly { readonly rules: readonly { readonly record?: string }[] }[];
};
const recorded = new Set(groups.flatMap(({ rules }) => rules.flatMap(({ record }) => (record ? [record] : []))));

describe('the page’s queries', () => {
  const verdict = verdictQueries(plan);
  const budgets = plan.objectives.map((objective) => budgetQueries(plan, objective));

  test.each<readonly [string, readonly string[], number]>([
    [
      'panels',
      plan.dashboard.panels.flatMap((panel) => panelQueries(plan, panel).flatMap(({ queries }) => queries)),
      5 * 17,
    ],
    ['tiles', plan.dashboard.tiles.flatMap(({ signal }) => signalQueries(plan, signal)), 5 * 6],
    [
      'budgets',
      budgets.flatMap(({ recorded, counted, burn }) => [recorded, counted, ...burn.map(({ query }) => query)]),
      2 * 4,
    ],
    ['verdict', [verdict.strongest, verdict.holding], 2],
    [
      'figures of verdicts',
      verdicts.filter(({ when }) => when.length > 0).map(({ id }) => verdict.figures(id)),
      verdicts.length - 1,
    ],
    ['drift', Object.values(driftQueries(plan)), 7],
    ['model', Object.values(modelQueries(plan)), 3],
    ['readings and replicas', [readingsQuery(plan), replicasQuery(plan)], 2],
  ])('of %s use only metrics and labels that the server exports, or that a rule records', (_, queries, count) => {
    expect(queries).toHaveLength(count);
    for (const query of queries) expect(faults(query, recorded), query).toEqual([]);
  });

  test('draw the stages in the order a request meets them', () => {
    const stages = plan.dashboard.panels.find(({ id }) => id === 'stages')!;
    expect(panelQueries(plan, stages)[0]).toMatchObject({
      title: '',
      split: 'stage',
      order: ['queue', 'preprocess', 'infer', 'postprocess'],
    });
  });

  test('do not leave the page’s server: the page is told words alone', () => {
    const told = JSON.stringify(pagePlan({ plan, endpointUrl: 'http://127.0.0.1:8080', missing: null }));
    for (const sign of ['job=', 'rate(', 'slipway:', 'onnx_']) expect(told).not.toContain(sign);
  });
});

describe('ranges of the page', () => {
  test('are those of every dashboard and a day of about 300 points, each wide enough for a rate', () => {
    const ranges = pageRanges(plan);
    expect(ranges.map(({ title }) => title)).toEqual(['5 min', '15 min', '1 h', '6 h', '24 h']);
    const last = ranges.at(-1)!;
    expect(pointsOf(gridOf(1e9, last.seconds, last.stepSeconds))).toBe(289);
    for (const { windowSeconds, stepSeconds } of ranges) {
      expect(windowSeconds).toBeGreaterThanOrEqual(stepSeconds);
      expect(windowSeconds).toBeGreaterThanOrEqual(4 * plan.scrapeSeconds);
    }
  });
});

describe('spans of verdicts', () => {
  const grid = { start: 100, end: 160, step: 10 };

  test('join neighbouring points of one verdict, and leave a gap where nothing is known', () => {
    const held = [
      { id: 'idle', values: [1, 1, null, null, null, null, 1] },
      { id: 'queue', values: [null, null, 1, 1, 1, null, null] },
    ];
    expect(spansOf(held, grid)).toEqual([
      { id: 'idle', from: 100, to: 120 },
      { id: 'queue', from: 120, to: 150 },
      { id: 'idle', from: 160, to: 170 },
    ]);
  });

  test('a verdict that comes back after a gap is a span of its own', () => {
    expect(spansOf([{ id: 'idle', values: [1, null, 1] }], grid)).toEqual([
      { id: 'idle', from: 100, to: 110 },
      { id: 'idle', from: 120, to: 130 },
    ]);
  });

  test('of nothing are none', () => {
    expect(spansOf([], grid)).toEqual([]);
  });
});
