import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { planMonitoring } from '../../lib/monitoring/plan.js';
import { prometheusConfig, prometheusRules } from '../../lib/monitoring/prometheus-rules.js';
import { faults } from './promql.js';

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Rules {
  readonly groups: readonly { readonly name: string; readonly interval: string; readonly rules: readonly Rule[] }[];
}

const plan = planMonitoring({ model: 'fraud', slo: { p99Ms: 50 }, scrapeSeconds: 2 });
const text = prometheusRules(plan);
const { groups } = parseYaml(text) as Rules;
const rules = groups.flatMap((group) => group.rules);
const recorded = new Set(rules.flatMap(({ record }) => (record ? [record] : [])));
const ruleOf = (name: string): Rule => rules.find(({ record, alert }) => record === name || alert === name)!;

describe('rules for Prometheus', () => {
  test('use only metrics and labels that the server exports, or that another rule records', () => {
    for (const { record, alert, expr } of rules) expect(faults(expr, recorded), record ?? alert).toEqual([]);
  });

  test('record only what is used: by a rule, as an error budget, as the verdict, or for people who know another measure of drift', () => {
    const unused = [...recorded].filter((name) => !rules.some(({ expr }) => expr.includes(`${name}{`)));
    expect(unused).toEqual([
      'slipway:availability:budget_left_30d',
      'slipway:latency:budget_left_30d',
      'endpoint:bottleneck:strongest',
      'slipway:drift:js',
      'slipway:drift:ks',
    ]);
  });

  test('say a burn alert by its two windows and its guard', () => {
    expect(ruleOf('AvailabilityBurn1h')).toMatchObject({
      expr: 'slipway:availability:bad_share_1h{job="slipway-fraud"} > 0.0144 and slipway:availability:bad_share_5m{job="slipway-fraud"} > 0.0144 and slipway:availability:bad_1h{job="slipway-fraud"} >= 5',
      for: '2m',
      labels: { job: 'slipway-fraud', model: 'fraud', severity: 'page' },
    });
  });

  test('are as quick as the scrape up to an hour, and once a minute above', () => {
    expect(groups.map(({ name, interval }) => `${name}: ${interval}`)).toEqual([
      'slipway fraud objectives steps: 4m',
      'slipway fraud objectives quick: 5s',
      'slipway fraud objectives slow: 1m',
      'slipway fraud alerts: 5s',
      'slipway fraud bottleneck: 5s',
      'slipway fraud drift steps: 4m',
      'slipway fraud drift: 2m',
    ]);
  });

  test('read no more than an hour of readings at a time: longer windows are summed up from steps', () => {
    const reads = rules.flatMap(({ record, expr }) =>
      [...expr.matchAll(/\b(onnx_|http_)\w+\{[^}]*\}\[(\w+)\]/g)].map(([, , window]) => ({ record: record!, window })),
    );
    const long = reads.filter(({ window }) => /[hd]$/.test(window!) && window !== '1h');
    expect(long).toEqual([]);
    expect(ruleOf('slipway:drift:count').expr).toBe('sum_over_time(slipway:drift:gain{job="slipway-fraud"}[1d])');
    const step = (what: string, window: string) =>
      `sum_over_time(slipway:availability:${what}_4m{job="slipway-fraud"}[${window}])`;
    expect(ruleOf('slipway:availability:bad_share_3d').expr).toBe(`${step('bad', '3d')} / ${step('total', '3d')}`);
    expect(ruleOf('slipway:availability:bad_3d').expr).toBe(step('bad', '3d'));
    expect(ruleOf('slipway:availability:budget_left_30d').expr).toBe(
      `1 - ${step('bad', '30d')} / ${step('total', '30d')} / 0.001`,
    );
  });

  test('come out the same, byte for byte', () => {
    expect(prometheusRules(planMonitoring({ model: 'fraud', slo: { p99Ms: 50 }, scrapeSeconds: 2 }))).toBe(text);
  });

  test('never run a template that stands in a name', () => {
    const hostile = parseYaml(prometheusRules(planMonitoring({ model: '{{ .Labels }}' }))) as Rules;
    const down = hostile.groups.flatMap((group) => group.rules).find(({ alert }) => alert === 'EndpointDown')!;
    expect(down.annotations!.summary).toBe('{{ "{{" }} .Labels }}: The endpoint does not answer');
    expect(down.labels.model).toBe('{{ "{{" }} .Labels }}');
  });
});

describe('the configuration for Prometheus', () => {
  test('scrapes one target under the name that every query selects by', () => {
    expect(parseYaml(prometheusConfig(plan, { target: '127.0.0.1:8080', rulesFile: 'rules.yml' }))).toEqual({
      global: { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '2s' },
      rule_files: ['rules.yml'],
      scrape_configs: [{ job_name: 'slipway-fraud', static_configs: [{ targets: ['127.0.0.1:8080'] }] }],
    });
  });

  test('reads accelerators under a job of their own, so that they do not count as the endpoint', () => {
    const given = { target: '127.0.0.1:8080', rulesFile: 'rules.yml', accelerators: '127.0.0.1:9400' };
    expect(parseYaml(prometheusConfig(plan, given)).scrape_configs).toEqual([
      { job_name: 'slipway-fraud', static_configs: [{ targets: ['127.0.0.1:8080'] }] },
      { job_name: 'slipway-fraud-dcgm', static_configs: [{ targets: ['127.0.0.1:9400'] }] },
    ]);
  });
});
