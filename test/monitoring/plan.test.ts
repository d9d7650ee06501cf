import { describe, expect, test } from 'vitest';
import { planMonitoring } from '../../lib/monitoring/plan.js';

const asked = { model: 'fraud', slo: { availability: 99.5, p99Ms: 60, periodDays: 28 }, scrapeSeconds: 2 };
const plan = planMonitoring(asked);

describe('a monitoring plan', () => {
  test('is plain data, the same for the same request', () => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(JSON.stringify(planMonitoring(asked))).toBe(JSON.stringify(plan));
  });

  test('holds no query of any backend', () => {
    expect(JSON.stringify(plan)).not.toMatch(/\b(rate|increase|histogram_quantile|sum|max)\s*(by|\()/);
  });

  test('watches both objectives on four windows, and what every endpoint has', () => {
    expect(plan.alerts.map(({ name, severity }) => `${name} ${severity}`)).toEqual([
      'AvailabilityBurn1h page',
      'AvailabilityBurn6h page',
      'AvailabilityBurn1d ticket',
      'AvailabilityBurn3d ticket',
      'LatencyBurn1h page',
      'LatencyBurn6h page',
      'LatencyBurn1d ticket',
      'LatencyBurn3d ticket',
      'EndpointDown page',
      'EndpointNotReady page',
      'QueueSaturated page',
      'MemoryPressure ticket',
    ]);
  });

  test('says in words what it does otherwise than asked', () => {
    const raised = (id: string): string =>
      `${id}: the alert on the 72 h window fires at burn rate 1, not 0.933: below 1 it would fire while the objective is met`;
    expect(plan.notes).toEqual([
      raised('availability'),
      "latency: answers count as slow above 75 ms, the histogram's next bound above the 60 ms asked for",
      raised('latency'),
    ]);
  });

  test('tells people what to do about every alert', () => {
    for (const { name, summary, meaning, action } of plan.alerts) {
      for (const text of [summary, meaning, action]) expect(text.length, name).toBeGreaterThan(20);
    }
  });

  test('fills every row of the dashboard and names each panel once', () => {
    const { columns, panels } = plan.dashboard;
    const rows: number[] = [];
    for (const { width } of panels) {
      const room = columns - (rows.at(-1) ?? columns);
      if (width > room) rows.push(width);
      else rows.push(rows.pop()! + width);
    }
    expect(rows).toEqual([24, 24, 24]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test('shows series of one unit in one panel', () => {
    for (const { id, series } of plan.dashboard.panels) {
      expect(new Set(series.map(({ signal }) => plan.signals[signal].unit)).size, id).toBe(1);
    }
  });

  test('takes rates over at least four readings, and never draws points closer than readings', () => {
    for (const scrapeSeconds of [1, 2, 15, 60]) {
      for (const range of planMonitoring({ model: 'm', scrapeSeconds }).dashboard.ranges) {
        expect(range.windowSeconds).toBeGreaterThanOrEqual(4 * scrapeSeconds);
        expect(range.stepSeconds).toBeGreaterThanOrEqual(scrapeSeconds);
        expect(range.windowSeconds).toBeGreaterThanOrEqual(range.stepSeconds);
      }
    }
  });

  test('is refused with every problem at once', () => {
    expect(() => planMonitoring({ model: '', slo: { availability: 0, periodDays: 91 }, scrapeSeconds: 1.5 })).toThrow(
      [
        "Monitoring of '' cannot be planned (4 problems):",
        '  model: the name is empty. Give the name that the routes use',
        '  monitoring.scrapeSeconds: 1.5 is not a whole number from 1 to 60',
        '  monitoring.slo.availability: 0 % is not above 0 and below 100. Every request cannot be promised to succeed; 99.9 leaves one in a thousand',
        '  monitoring.slo.periodDays: 91 days is not between 1 and 90',
      ].join('\n'),
    );
  });
});

test('a threshold of drift that no rule can reach is refused, with what is customary', () => {
  expect(() => planMonitoring({ model: 'fraud', drift: { psi: 11 } })).toThrow(
    'monitoring.drift.psi: 11 is above 10, which even 30,000 rows that all fall into one of ten bins do not reach: nothing would be told. Customary are 0.1',
  );
  expect(planMonitoring({ model: 'fraud', drift: { psi: 10 } }).drift?.psi).toBe(10);
});
