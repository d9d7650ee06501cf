/** The policy pack that is shipped, run by the real engine. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../../lib/package-root.js';
import { makeProject, type Project } from './engine.js';

/** A service that an endpoint reads. */
const theirs = {
  'projects/shop/locations/europe-west4/services/fraud': {
    type: 'gcp:cloudrunv2/service:Service',
    inputs: { name: 'fraud', location: 'europe-west4', project: 'shop' },
    outputs: { name: 'fraud', location: 'europe-west4', project: 'shop', uri: 'https://fraud-1.a.run.app' },
  },
};

const pack = ['--policy-pack', packageFile('dist', 'constructs', 'policy', 'pack')];

/** Policies that were broken, each with its resource, as the engine tells them. */
const broken = (said: string) =>
  [...said.matchAll(/\[(mandatory|advisory)\].*? (slipway-[\w-]+) {2}\((.+?)\)/g)]
    .map(([, level, policy, resource]) => `${level} ${policy} ${resource!.split(/[: ]+/).slice(-2).join(' ')}`)
    .sort();

describe.sequential('endpoints that nobody guards', () => {
  let project: Project;
  beforeAll(async () => {
    project = await makeProject('policy', ['gcp', 'azure-native']);
  });
  afterAll(() => project?.remove());

  test('are refused in the preview, with everything that is wrong and what to do', async () => {
    const { code, said } = await project.pulumi(['preview', ...pack]);
    expect(code).not.toBe(0);
    expect(broken(said)).toEqual([
      'mandatory slipway-accelerators Service bad',
      'mandatory slipway-authenticated ServiceIamMember open',
      'mandatory slipway-container-app-authenticated ContainerApp app',
      'mandatory slipway-image-digest ContainerApp app',
      'mandatory slipway-image-digest Service bad',
      'mandatory slipway-ingress ContainerApp app',
      'mandatory slipway-ingress Service bad',
    ]);
    expect(said).toContain('Here allUsers may ask it. Name the callers:');
    expect(said).toContain('Here there may be 20 accelerators; allowed: 8.');
  });

  test('and not made by an update', async () => {
    const { code, calls } = await project.pulumi(['up', '--yes', ...pack]);
    expect(code).not.toBe(0);
    expect(calls.filter(({ method, preview }) => method === 'create' && !preview)).toEqual([]);
  });

  test("pass where Pulumi's own configuration of the pack lets them, and only what is asked for is looked at", async () => {
    const file = join(project.folder, 'policies.json');
    const config = {
      'slipway-authenticated': { except: ['open'] },
      'slipway-container-app-authenticated': 'disabled',
      'slipway-ingress': { enforcementLevel: 'advisory', except: ['app'] },
      'slipway-image-digest': 'disabled',
      'slipway-accelerators': { most: 20, allowed: ['l4', 'a100'] },
      'slipway-customer-key': 'advisory',
      'slipway-budget': 'advisory',
    };
    writeFileSync(file, JSON.stringify(config));
    const { code, said } = await project.pulumi(['preview', ...pack, '--policy-pack-config', file]);
    expect(code, said).toBe(0);
    expect(broken(said)).toEqual([
      'advisory slipway-budget Stack shop-dev',
      'advisory slipway-budget Stack shop-dev',
      'advisory slipway-customer-key Service bad',
      'advisory slipway-ingress Service bad',
    ]);
  });

  test('are told what a configuration cannot say', async () => {
    const file = join(project.folder, 'policies.json');
    writeFileSync(file, JSON.stringify({ 'slipway-accelerators': { most: 0 } }));
    const { code, said } = await project.pulumi(['preview', ...pack, '--policy-pack-config', file]);
    expect(code).not.toBe(0);
    expect(said).toMatch(/slipway-accelerators.*most.*greater than 0/i);
  });
});

/** Endpoints of the project; some are previewed alone, since nobody is there who would build or deploy. */
const ours: readonly (readonly [program: string, clouds: readonly string[], environment: NodeJS.ProcessEnv])[] = [
  ['cloud-run', ['gcp', 'docker-build'], {}],
  ['cloud-run', ['gcp', 'docker-build'], { MACHINE: '4cpu-16gib-l4' }],
  ['cloud-run-guards', ['gcp'], {}],
  ['cloud-build', ['gcp', 'command'], {}],
  ['vertex', ['gcp', 'docker-build'], {}],
  ['vertex', ['gcp', 'docker-build'], { MACHINE: 'g2-standard-8' }],
  ['azure-ml', ['azure-native', 'docker-build'], {}],
  ['azure-ml', ['azure-native', 'docker-build'], { MACHINE: 'Standard_NC4as_T4_v3' }],
];

describe.each(ours)('our own endpoint of %s, %s, %o', (program, clouds, environment) => {
  let project: Project;
  beforeAll(async () => {
    project = await makeProject(program, clouds);
    project.fill('gcp', theirs);
  });
  afterAll(() => project?.remove());

  const alone = ['cloud-build', 'vertex'].includes(program);
  const runs = [['preview'], ...(alone ? [] : [['up', '--yes', '--skip-preview']])];
  test.each(runs)('breaks nothing: %s', async (...command) => {
    const { code, said } = await project.pulumi([...command, ...pack], environment);
    expect(code, said).toBe(0);
    expect(broken(said)).toEqual([]);
    // What is not known yet is passed over without a word.
    expect(said).not.toContain("can't run policy");
    expect(said).toMatch(/✅ slipway@v/);
  });
});

describe('an endpoint of Vertex AI with a tag, and bounds that reach far', () => {
  let project: Project;
  beforeAll(async () => {
    project = await makeProject('vertex', ['gcp']);
  });
  afterAll(() => project?.remove());

  test('is refused, all its deployments together', async () => {
    const image = 'europe-west4-docker.pkg.dev/shop/images/digits:1';
    const { code, said } = await project.pulumi(['preview', ...pack], {
      ...{ IMAGE: image, MACHINE: 'g2-standard-8', COUNTS: JSON.stringify({ min: 1, max: 5 }) },
      NEXT: JSON.stringify({ image, percent: 10 }),
    });
    expect(code).not.toBe(0);
    expect(broken(said)).toEqual([
      'mandatory slipway-accelerators VertexDeployedModel digits',
      'mandatory slipway-image-digest VertexModel digits',
      'mandatory slipway-image-digest VertexModel digits-next',
    ]);
    expect(said).toContain('Here there may be 10 accelerators; allowed: 8.');
  });
});
