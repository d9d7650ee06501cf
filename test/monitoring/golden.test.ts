/** What each backend gets for one endpoint, whole: a change of a panel, a rule or an alert is seen in the diff of these files. */

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { cloud, Hardware, local, Model, planEndpoint } from '../../lib/index.js';
import { monitoringExport } from '../../lib/monitoring/export.js';
import type { MonitoringExport } from '../../lib/monitoring/formats.js';
import { parse as parsePromql } from './promql.js';

type Backend = readonly [
  format: MonitoringExport['format'],
  platform: MonitoringExport['platform'],
  machine: string | null,
  file: string,
];

const backends: readonly Backend[] = [
  ['prometheus', 'local', null, 'prometheus.yml'],
  ['grafana', 'local', null, 'grafana.json'],
  ['cloudwatch', 'aws-sagemaker', 'ml.g5.xlarge', 'sagemaker.json'],
  ['gcp', 'gcp-cloud-run', '4cpu-16gib-l4', 'cloud-run.json'],
  ['gcp', 'gcp-vertex', 'g2-standard-4', 'vertex.json'],
  ['azure', 'azure-ml', 'Standard_NC4as_T4_v3', 'azure-ml.json'],
  ['azure', 'azure-container-apps', 'Consumption-GPU-NC8as-T4', 'container-apps.json'],
];

function exported([format, platform, machine]: Backend): string {
  const where = platform === 'local' ? local() : cloud(platform);
  const plan = planEndpoint(
    {
      model: Model.fromOnnx('examples/models/digits/digits.onnx', {
        calibration: 'examples/models/digits/samples.npz',
      }),
      objective: { p99Ms: 50, requestsPerSecond: 20 },
      ...(machine && { hardware: Hardware.of(machine) }),
      monitoring: { slo: { availability: 99.9 } },
    },
    where,
  );
  return monitoringExport(plan, { format, platform, region: where.region, endpoint: null }).text;
}

/** Every value of a key, however deep. */
function valuesOf(key: string, value: unknown): readonly unknown[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, each]) => [...(name === key ? [each] : []), ...valuesOf(key, each)]);
}

describe.each(backends)('%s of %s', (...backend) => {
  const [format, , , file] = backend;
  const text = exported(backend);

  test('is what it was', async () => {
    expect(exported(backend)).toBe(text);
    const readable = file.endsWith('.json') ? `${JSON.stringify(JSON.parse(text), null, 1)}\n` : text;
    await expect(readable).toMatchFileSnapshot(`golden/${file}`);
  });

  test('tells of both objectives', () => {
    expect(text).toMatch(/99\.9 %/);
    expect(text).toMatch(/50 ms/);
  });

  test('asks in PromQL alone what PromQL is', () => {
    const document = format === 'prometheus' ? parse(text) : JSON.parse(text);
    const queries = ['expr', 'prometheusQuery', 'conditionPrometheusQueryLanguage'].flatMap((key) =>
      valuesOf(key, document).map((value) => (typeof value === 'string' ? value : (value as { query: string }).query)),
    );
    for (const query of queries) expect(() => parsePromql(query.replaceAll(/\$__\w+/g, '5m'))).not.toThrow();
    const least = { prometheus: 90, grafana: 25, gcp: 10, cloudwatch: 0, azure: 0 }[format];
    expect(queries.length).toBeGreaterThanOrEqual(least);
  });
});
