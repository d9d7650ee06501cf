import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { alertmanagerProblems } from '../../lib/monitoring/alertmanager.js';
import { planMonitoring } from '../../lib/monitoring/plan.js';
import { prometheusConfig } from '../../lib/monitoring/prometheus-rules.js';

const plan = planMonitoring({ model: 'fraud' });
const configured = (...alertmanagers: readonly string[]): unknown =>
  (
    parse(prometheusConfig(plan, { target: '127.0.0.1:8080', rulesFile: 'rules.yml', alertmanagers })) as {
      readonly alerting?: unknown;
    }
  ).alerting;

describe('an Alertmanager', () => {
  test('is in the configuration with its path and its scheme', () => {
    expect(configured('http://127.0.0.1:9093', 'https://alerts.example.com/team/')).toEqual({
      alertmanagers: [
        { scheme: 'http', static_configs: [{ targets: ['127.0.0.1:9093'] }] },
        { scheme: 'https', path_prefix: '/team/', static_configs: [{ targets: ['alerts.example.com'] }] },
      ],
    });
  });

  test('is in no configuration unless asked', () => {
    expect(configured()).toBeUndefined();
  });

  test.each([
    ['127.0.0.1:9093', 'is no address of an Alertmanager'],
    ['ops@example.com', 'is no address of an Alertmanager'],
    ['https://ops:secret@alerts.example.com', 'has a name or password in it'],
    ['http://127.0.0.1:9093?x=1', 'has parts after the path'],
  ])('cannot be %s', (url, why) => {
    const [problem, ...more] = alertmanagerProblems(['http://127.0.0.1:9093', url]);
    expect(problem!.where).toBe('alertmanager');
    expect(problem!.what.startsWith(`'${url}' ${why}`)).toBe(true);
    expect(problem!.what).toMatch(/Give an address such as http:\/\/127\.0\.0\.1:9093$/);
    expect(more).toEqual([]);
  });
});
