import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cloud, Hardware, local, Model, planEndpoint } from '../../lib/index.js';
import { monitoringExport } from '../../lib/monitoring/export.js';
import { type Format, formats } from '../../lib/monitoring/formats.js';
import { packageFile } from '../../lib/package-root.js';

interface Wrong {
  readonly name: string;
  readonly instead: string | null;
}

const folder = packageFile('data', 'metrics');
const wrong = JSON.parse(readFileSync(packageFile('data', 'metrics', 'wrong-names.json'), 'utf8')) as Wrong[];
const inPromql = (name: string): string => name.replace('/', ':').replaceAll(/[./]/g, '_');
const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
/** Names in a text that no backend has, in the spelling of its own and of PromQL. */
const namesIn = (text: string): string[] =>
  wrong
    .map(({ name }) => name)
    .filter((name) =>
      [name, inPromql(name)].some((one) => new RegExp(`(?<![\\w/.:])${escaped(one)}(?![\\w/])`).test(text)),
    );

const model = Model.fromOnnx('examples/models/digits/digits.onnx', {
  calibration: 'examples/models/digits/samples.npz',
});
const objective = { p99Ms: 50, requestsPerSecond: 20 };
const machines: Readonly<Record<string, readonly string[]>> = {
  local: ['this machine'],
  'aws-sagemaker': ['ml.c7i.xlarge', 'ml.g5.xlarge'],
  'gcp-cloud-run': ['2cpu-2gib', '4cpu-16gib-l4'],
  'gcp-vertex': ['n1-standard-4', 'g2-standard-4'],
  'azure-ml': ['Standard_F4s_v2', 'Standard_NC4as_T4_v3'],
  'azure-container-apps': ['Consumption-2cpu-4gib', 'Consumption-GPU-NC8as-T4'],
};

const every = (Object.keys(formats) as Format[]).flatMap((format) =>
  formats[format].flatMap((platform) => machines[platform]!.map((machine) => [format, platform, machine] as const)),
);

test.each(every)('%s on %s, %s, has none of the names that are known to be wrong', (format, platform, machine) => {
  const where = platform === 'local' ? local() : cloud(platform);
  const hardware = platform === 'local' ? Hardware.auto() : Hardware.of(machine);
  const plan = planEndpoint({ model, objective, hardware }, where);
  const { text } = monitoringExport(plan, { format, platform, region: where.region, endpoint: null });
  expect(text.length).toBeGreaterThan(1000);
  expect(namesIn(text)).toEqual([]);
});

describe('the wrong names', () => {
  test('are found in either spelling', () => {
    expect(namesIn('metric.type="run.googleapis.com/container/gpu/utilization"')).toEqual([
      'run.googleapis.com/container/gpu/utilization',
    ]);
    expect(namesIn('max(run_googleapis_com:container_gpu_utilization{})')).toEqual([
      'run.googleapis.com/container/gpu/utilization',
    ]);
    expect(namesIn('max(run_googleapis_com:container_gpu_utilizations_bucket{})')).toEqual([]);
  });

  test('are in no catalogue', () => {
    const catalogues = readdirSync(folder)
      .filter((file) => file !== 'wrong-names.json')
      .map((file) => readFileSync(packageFile('data', 'metrics', file), 'utf8'));
    expect(catalogues).toHaveLength(9);
    for (const { name } of wrong) expect(catalogues.filter((text) => text.includes(`"${name}"`))).toEqual([]);
  });
});
