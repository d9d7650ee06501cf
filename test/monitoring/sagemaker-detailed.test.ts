import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from 'vitest';
import { loadCatalogue } from '../../lib/monitoring/catalogue.js';
import { planMonitoring } from '../../lib/monitoring/plan.js';
import { detailedAlarms } from '../../lib/monitoring/sagemaker-detailed.js';
import { packageFile } from '../../lib/package-root.js';

const plan = planMonitoring({ model: 'fraud', slo: { availability: 99.9, p99Ms: 50 } });
const variant = { endpoint: 'shop-fraud', variant: 'main' };
const alarms = detailedAlarms(plan, variant, ['MemoryPressure']);
const scope = '"aws.sagemaker.endpoint.name"="shop-fraud", "aws.sagemaker.variant.name"="main"';

/** Metrics of the server, and of the machine. */
const known = new Set([
  ...[...loadCatalogue().values()].flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
  ...(
    JSON.parse(readFileSync(packageFile('data', 'metrics', 'sagemaker-detailed.json'), 'utf8')) as { name: string }[]
  ).map(({ name }) => name),
]);

describe('alarms on what the collector of SageMaker reads', () => {
  test('tell the alerts that nothing else tells, and the disk', () => {
    expect(alarms.map(({ alert }) => alert.name)).toEqual([
      ...plan.alerts.map(({ name }) => name).filter((name) => !['EndpointDown', 'MemoryPressure'].includes(name)),
      'DiskFull',
    ]);
  });

  test('ask of this variant alone, by names as the collector has them', () => {
    const query = (name: string) => alarms.find(({ alert }) => alert.name === name)!.query;
    expect(query('QueueSaturated')).toBe(`max(onnx_requests_in_flight{${scope}} / onnx_queue_limit{${scope}}) > 0.8`);
    expect(query('DiskFull')).toBe(
      `1 - min(node_filesystem_avail_bytes{${scope}} / node_filesystem_size_bytes{${scope}}) > 0.9`,
    );
    expect(query('AvailabilityBurn3d')).toContain('[3d]');
  });

  test('are PromQL over metrics that there are, each with the scope', () => {
    for (const { query } of alarms) {
      parser.parse(query).iterate({
        enter({ node }) {
          expect(node.type.isError, query).toBe(false);
          if (node.name !== 'VectorSelector') return;
          const text = query.slice(node.from, node.to);
          expect(known, text).toContain(text.slice(0, text.indexOf('{')));
          expect(text).toContain(scope);
        },
      });
    }
  });

  test('look back a week at most, which is as far as CloudWatch does', () => {
    const windows = alarms.flatMap(({ query }) => [...query.matchAll(/\[(\d+)d\]/g)].map(([, days]) => Number(days)));
    expect(Math.max(...windows)).toBe(3);
  });

  test('are of an endpoint with any name', () => {
    const [first] = detailedAlarms(plan, { endpoint: 'a"}b\\', variant: 'main' }, []);
    expect(first!.query).toContain('"aws.sagemaker.endpoint.name"="a\\"}b\\\\"');
  });
});
