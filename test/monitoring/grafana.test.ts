import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verdicts } from '../../lib/monitoring/bottleneck.js';
import { strongestRecord } from '../../lib/monitoring/bottleneck-rules.js';
import { grafanaDashboard } from '../../lib/monitoring/grafana.js';
import { planMonitoring } from '../../lib/monitoring/plan.js';
import { budgetRecord } from '../../lib/monitoring/prometheus-rules.js';
import { driftRecord } from '../../lib/monitoring/queries/prometheus.js';
import { faults, parse } from './promql.js';

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: { readonly type: string; readonly uid: string };
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig: {
    readonly defaults: { readonly unit: string; readonly noValue?: string };
    readonly overrides: readonly {
      readonly matcher: { readonly id: string; readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
  readonly transformations?: readonly { readonly id: string; readonly options: unknown }[];
  readonly targets: readonly Target[];
}

const plan = planMonitoring({ model: 'digits', slo: { p99Ms: 50 } });
const drawn = (of = plan) => JSON.parse(grafanaDashboard(of)) as { title: string; panels: readonly Panel[] };
const { panels } = drawn();
const recorded = new Set([...plan.objectives.map(budgetRecord), strongestRecord, ...['psi', 'limit'].map(driftRecord)]);

test('draws every tile, budget and panel of the plan, drift, and what limits the endpoint', () => {
  expect(panels.map(({ title }) => title)).toEqual([
    ...plan.dashboard.tiles.map(({ title }) => title),
    ...plan.objectives.map(({ title }) => `Error budget left: ${title}`),
    'What limits it',
    ...plan.dashboard.panels.map(({ title }) => title),
    'Drift of predictions',
    'Drift of inputs',
    'What limited it',
  ]);
});

test('draws drift of what is watched alone', () => {
  const titles = (drift: false | { watch: 'outputs' }) =>
    drawn(planMonitoring({ model: 'digits', drift })).panels.map(({ title }) => title);
  expect(titles(false).filter((title) => title.startsWith('Drift'))).toEqual([]);
  expect(titles({ watch: 'outputs' }).filter((title) => title.startsWith('Drift'))).toEqual(['Drift of predictions']);
});

test('panels lie side by side, within the width, and none over another', () => {
  const taken = new Set<string>();
  for (const { gridPos, title } of panels) {
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.has(`${x},${y}`), title).toBe(false);
        taken.add(`${x},${y}`);
      }
    }
  }
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});

describe('every query', () => {
  const targets = panels.flatMap(({ targets: each }) => each);

  test('is PromQL over this endpoint alone, from the source that is chosen in Grafana', () => {
    expect(targets.length).toBeGreaterThan(20);
    for (const { expr, datasource } of targets) {
      expect(faults(expr, recorded), expr).toEqual([]);
      expect(expr).toContain('job="slipway-digits"');
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in.
      expect(datasource).toEqual({ type: 'prometheus', uid: '${source}' });
    }
  });

  test('has a letter of its own in its panel', () => {
    for (const { targets: each } of panels) {
      expect(each.map(({ refId }) => refId)).toEqual(each.map((_, index) => String.fromCharCode(65 + index)));
    }
  });
});

test('lines that are split say by what', () => {
  const stages = panels.find(({ title }) => title === 'Where the time goes')!;
  expect(stages.targets.map(({ legendFormat }) => legendFormat)).toEqual(['stage {{stage}}']);
  expect(stages.fieldConfig.defaults.unit).toBe('s');
});

describe('what limits the endpoint', () => {
  const panel = (name: string): Panel => panels.find(({ title }) => title === name)!;
  const overridden = ({ fieldConfig }: Panel, name: string, property: string): unknown =>
    fieldConfig.overrides
      .find(({ matcher }) => matcher.id === 'byName' && matcher.options === name)!
      .properties.find(({ id }) => id === property)?.value;
  const colors = { limit: 'orange', waste: 'blue', none: 'green' };

  test.each([
    ['verdict', 'What limits it', ({ title }: (typeof verdicts)[number]) => title],
    ['meaning', 'What that means', ({ meaning }: (typeof verdicts)[number]) => meaning],
    ['action', 'What to do', ({ action }: (typeof verdicts)[number]) => action],
  ] as const)('is said in words of every verdict: %s', (label, title, say) => {
    const words = panel('What limits it');
    expect(words.type).toBe('table');
    expect(overridden(words, label, 'displayName')).toBe(title);
    expect(overridden(words, label, 'mappings')).toEqual([
      {
        type: 'value',
        options: Object.fromEntries(
          verdicts.map((each, index) => [each.id, { text: say(each), color: colors[each.kind], index }]),
        ),
      },
    ]);
  });

  test('is one row of those three columns', () => {
    const { targets, transformations } = panel('What limits it');
    expect(targets).toMatchObject([{ format: 'table', instant: true, range: false }]);
    expect(transformations).toEqual([
      {
        id: 'organize',
        options: { excludeByName: { Time: true, Value: true }, indexByName: { verdict: 0, meaning: 1, action: 2 } },
      },
    ]);
  });

  test('is shown over time, by the same names', () => {
    const times = panel('What limited it');
    expect(times.type).toBe('state-timeline');
    expect(times.targets.map(({ legendFormat }) => legendFormat)).toEqual(['{{verdict}}']);
    for (const { id, title, kind } of verdicts) {
      expect(overridden(times, id, 'displayName')).toBe(title);
      expect(overridden(times, id, 'color')).toEqual({ mode: 'fixed', fixedColor: colors[kind] });
    }
  });

  test('is said to be unknown where nothing is recorded', () => {
    expect(panel('What limits it').fieldConfig.defaults.noValue).toMatch(/^Not known: .*rules/);
  });
});

test('the same plan gives the same text', () => {
  expect(grafanaDashboard(planMonitoring({ model: 'digits', slo: { p99Ms: 50 } }))).toBe(grafanaDashboard(plan));
});

test('no name makes Grafana fill in anything, or breaks a query', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (model) => {
      for (const { targets } of drawn(planMonitoring({ model })).panels) {
        for (const { expr } of targets) {
          expect(expr).not.toContain('$');
          expect(parse(expr).selectors.length).toBeGreaterThan(0);
        }
      }
    }),
    { numRuns: 30 },
  );
});
