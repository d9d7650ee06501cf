/** A container app through its life with the real engine. */

import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changes, makeProject, type Project } from './engine.js';

let project: Project;
beforeAll(async () => {
  project = await makeProject('container-apps', ['azure-native', 'docker-build']);
});
afterAll(() => project?.remove());

const up = (environment = {}) => project.pulumi(['up', '--yes', '--skip-preview'], environment);

interface Revision {
  readonly name: string;
  readonly active: boolean;
}
interface AppOutputs {
  readonly latestRevisionName: string;
  readonly revisions: readonly Revision[];
}

const held = (type: string, from = project) =>
  Object.entries(from.cloud('azure-native')).flatMap(([id, each]) =>
    each.type === `azure-native:app:${type}`
      ? [{ id, inputs: each.inputs, outputs: (each as unknown as { outputs: AppOutputs }).outputs }]
      : [],
  );
const app = () => held('ContainerApp')[0]!;
const configuration = () =>
  app().inputs.configuration as { activeRevisionsMode: string; ingress: { traffic?: readonly object[] } };
const profiles = () =>
  (held('ManagedEnvironment')[0]!.inputs.workloadProfiles as { workloadProfileType: string }[]).map(
    ({ workloadProfileType }) => workloadProfileType,
  );
const active = () =>
  app()
    .outputs.revisions.filter((revision) => revision.active)
    .map(({ name }) => name);
const index = (order: readonly string[], what: string) => {
  const found = order.indexOf(what);
  expect(found, `${what} in ${order.join(', ')}`).toBeGreaterThanOrEqual(0);
  return found;
};

/** What the stand-in cloud knows of Azure. */
const { types } = createRequire(__filename)('./shims/rules/azure-native.cjs') as {
  types: { 'azure-native:app:ContainerApp': { refuse(inputs: Given, cloud: object): readonly string[] } };
};
interface Given {
  readonly configuration: { activeRevisionsMode: string; secrets: object[]; ingress: { traffic?: object[] } };
  readonly template: {
    readonly containers: { resources: { memory: string }; probes: { failureThreshold: number }[] }[];
    readonly scale: { rules: { custom?: { metadata: Record<string, string> } }[] };
  };
}

const t4 = 'Consumption-GPU-NC8as-T4';

describe.sequential('an endpoint', () => {
  test('is shown by a preview that makes nothing', async () => {
    const { code, said, calls } = await project.pulumi(['preview']);
    expect(code, said).toBe(0);
    expect(said).toContain('slipway:azure:ContainerAppEndpoint');
    expect(calls.filter(({ method, preview }) => method === 'create' && !preview)).toEqual([]);
    expect(project.cloud('azure-native')).toEqual({});
  });

  test('is made in one update: roles before the app however long they take, tokens after it', async () => {
    const ran = await up({ CLOUD_SLOW: 'RoleAssignment', CLOUD_SLOW_MS: '3000' });
    expect(ran.code, ran.said).toBe(0);
    const order = changes(ran);
    expect(order.lastIndexOf('create RoleAssignment')).toBeGreaterThanOrEqual(0);
    expect(order.lastIndexOf('create RoleAssignment')).toBeLessThan(index(order, 'create ContainerApp'));
    expect(index(order, 'create ContainerApp')).toBeLessThan(index(order, 'create ContainerAppsAuthConfig'));
    const { url, revision, image, monthlyUsd, quota, request } = await project.outputs();
    expect(url).toMatch(/^https:\/\/digits[0-9a-f]{8}\.[0-9a-f]{8}\.swedencentral\.azurecontainerapps\.io$/);
    expect(revision).toBe(app().outputs.latestRevisionName);
    expect(image).toMatch(/^digits[0-9a-f]{8}\.azurecr\.io\/digits:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/);
    expect(monthlyUsd ?? null).toBeNull();
    expect(quota).toEqual([
      'Consumption-2cpu-4gib: 20 cores for 10 replicas; Managed Environment General Purpose Cores',
    ]);
    expect(request).toContain(`${url}/v2/models/digits/infer`);
    expect(request).toContain('--resource api://app-of-entra');
  });

  test('up again changes nothing, although the token of the registry is another', async () => {
    const again = await up();
    expect(again.code, again.said).toBe(0);
    expect(changes(again)).toEqual([]);
    const preview = await project.pulumi(['preview', '--expect-no-changes']);
    expect(preview.code, preview.said).toBe(0);
  });

  test('moves to another machine as a new revision, and the old one stops', async () => {
    const before = active();
    const ran = await up({ MACHINE: 'Consumption-4cpu-8gib' });
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran).filter((each) => /ContainerApp|ManagedEnvironment/.test(each))).toEqual([
      'update ContainerApp',
    ]);
    expect(active()).toHaveLength(1);
    expect(active()).not.toEqual(before);
  });

  test('moves to an accelerator: the environment gains its profile in place, then the app moves', async () => {
    const [environment] = held('ManagedEnvironment');
    const ran = await up({ MACHINE: t4 });
    expect(ran.code, ran.said).toBe(0);
    const order = changes(ran);
    expect(index(order, 'update ManagedEnvironment')).toBeLessThan(index(order, 'update ContainerApp'));
    expect(held('ManagedEnvironment').map(({ id }) => id)).toEqual([environment!.id]);
    expect(profiles()).toEqual(['Consumption', t4]);
    expect(app().inputs).toMatchObject({ workloadProfileName: 'gpu-nc8as-t4' });
    const { monthlyUsd, quota } = await project.outputs();
    expect(monthlyUsd).toBeGreaterThan(0);
    expect(quota).toEqual([expect.stringMatching(/^Consumption-GPU-NC8as-T4: \d accelerators? for \d replicas?;/)]);
  });

  test('leaves a profile in two updates, since one that is in use cannot go', async () => {
    const refused = await up();
    expect(refused.code).not.toBe(0);
    expect(refused.said).toContain('the profile gpu-nc8as-t4 is in use and cannot go');
    const moved = await up({ PROFILES: JSON.stringify([t4]) });
    expect(moved.code, moved.said).toBe(0);
    expect(app().inputs).toMatchObject({ workloadProfileName: 'Consumption' });
    const left = await up();
    expect(left.code, left.said).toBe(0);
    expect(changes(left)).toEqual(['update ManagedEnvironment']);
    expect(profiles()).toEqual(['Consumption']);
  });

  test('takes a new version of the model, and goes back to the old one', async () => {
    const before = active();
    const next = await up({ MODEL: 'digits-encoder' });
    expect(next.code, next.said).toBe(0);
    expect(changes(next).filter((each) => /ManagedEnvironment|AuthConfig/.test(each))).toEqual([]);
    expect(active()).not.toEqual(before);
    const back = await up();
    expect(back.code, back.said).toBe(0);
    expect(active()).toHaveLength(1);
    expect(active()).toEqual([app().outputs.latestRevisionName]);
  });

  test('moves requests between revisions and back, in the app itself', async () => {
    const blue = app().outputs.latestRevisionName;
    const shares = (old: number) => ({
      MODEL: 'digits-encoder',
      TRAFFIC: JSON.stringify([
        { revision: blue, percent: old, label: 'blue' },
        { percent: 100 - old, label: 'green' },
      ]),
    });
    const beside = await up(shares(100));
    expect(beside.code, beside.said).toBe(0);
    const green = app().outputs.latestRevisionName;
    expect(green).not.toBe(blue);
    expect(active()).toEqual([blue, green]);
    expect(configuration().activeRevisionsMode).toBe('Multiple');

    const moved = await up(shares(30));
    expect(moved.code, moved.said).toBe(0);
    expect(changes(moved)).toEqual(['update ContainerApp']);
    expect(configuration().ingress.traffic).toEqual([
      { revisionName: blue, weight: 30, label: 'blue' },
      { latestRevision: true, weight: 70, label: 'green' },
    ]);
    expect(active()).toEqual([blue, green]);

    const back = await up(shares(100));
    expect(back.code, back.said).toBe(0);
    expect(active()).toEqual([blue, green]);

    const done = await up({ MODEL: 'digits-encoder' });
    expect(done.code, done.said).toBe(0);
    expect(configuration()).toMatchObject({ activeRevisionsMode: 'Single' });
    expect(active()).toHaveLength(1);
  });

  test('is refused by Azure where a revision is not there, or a name of one is taken', async () => {
    const missing = await up({ TRAFFIC: JSON.stringify([{ revision: 'digits--nothing', percent: 100 }]) });
    expect(missing.code).not.toBe(0);
    expect(missing.said).toContain('the revision digits--nothing is not there');
    const named = { TRAFFIC: JSON.stringify([{ percent: 100 }]), SUFFIX: 'v1' };
    const first = await up(named);
    expect(first.code, first.said).toBe(0);
    expect(active().at(-1)).toMatch(/^digits[0-9a-f]{8}--v1$/);
    const next = await up({ ...named, SUFFIX: 'v2', MODEL: 'digits-encoder' });
    expect(next.code, next.said).toBe(0);
    const again = await up(named);
    expect(again.code).not.toBe(0);
    expect(again.said).toContain('revision with suffix v1 already exists');
    const other = await up();
    expect(other.code, other.said).toBe(0);
    expect(active()).toHaveLength(1);
  });

  test('is refused in the preview with every problem at once, and nothing changes', async () => {
    const before = project.cloud('azure-native');
    const { code, said, calls } = await project.pulumi(['up', '--yes'], { WRONG: '1' });
    expect(code).not.toBe(0);
    expect(said).toContain("appName: 'My_App' is no name for a container app");
    expect(said).toContain('scaling: 2000 replicas are asked for');
    expect(said).toContain('traffic: the shares add to 90, not to 100');
    expect(said).toContain("ingress: 'open' is given");
    expect(calls.filter(({ preview, method }) => !preview && ['create', 'update', 'delete'].includes(method))).toEqual(
      [],
    );
    expect(project.cloud('azure-native')).toEqual(before);
  });

  test('what was changed behind its back is put back', async () => {
    project.drift('azure-native', (cloud) => {
      const [found] = Object.values(cloud).filter(({ inputs }) => 'containerAppName' in inputs && 'template' in inputs);
      for (const side of ['inputs', 'outputs'] as const) {
        const { ingress } = found![side].configuration as { ingress: { allowInsecure: boolean } };
        ingress.allowInsecure = true;
      }
    });
    const refreshed = await project.pulumi(['refresh', '--yes', '--skip-preview']);
    expect(refreshed.code, refreshed.said).toBe(0);
    const ran = await up();
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran)).toEqual(['update ContainerApp']);
    expect(configuration().ingress).toMatchObject({ allowInsecure: false });
  });

  test('moves to nodes of its own in another environment, since those are fixed when it is made', async () => {
    const there = await up({ LOCATION: 'westus3', MACHINE: 'NC24-A100' });
    expect(there.code, there.said).toBe(0);
    expect(profiles()).toEqual(['Consumption', 'NC24-A100']);
    expect(held('ContainerApp')).toHaveLength(1);
    const back = await up({ LOCATION: 'westus3', MACHINE: t4 });
    expect(back.code, back.said).toBe(0);
    const order = changes(back);
    expect(index(order, 'create ManagedEnvironment')).toBeLessThan(index(order, 'create ContainerApp'));
    expect(index(order, 'create ContainerApp')).toBeLessThan(index(order, 'delete ContainerApp'));
    expect(index(order, 'delete ContainerApp')).toBeLessThan(index(order, 'delete ManagedEnvironment'));
    expect(profiles()).toEqual(['Consumption', t4]);
  });

  test('has neither the token of the registry nor a secret in its state', async () => {
    const exported = await project.pulumi(['stack', 'export']);
    expect(exported.code, exported.said).toBe(0);
    expect(exported.said).toContain('https://shop.vault.azure.net/secrets/token');
    for (const secret of ['token-of-registry', 'token-of-azure', 'sharedKey'])
      expect(exported.said).not.toContain(secret);
  });

  test('is destroyed, and nothing is left', async () => {
    const ran = await project.pulumi(['destroy', '--yes', '--skip-preview'], { LOCATION: 'westus3', MACHINE: t4 });
    expect(ran.code, ran.said).toBe(0);
    expect(project.cloud('azure-native')).toEqual({});
  });

  test('that fails in the middle goes on where it was', async () => {
    const image = { IMAGE: 'docker.io/shop/digits:1' };
    const failed = await up({ ...image, CLOUD_FAIL: 'create:ContainerApp::' });
    expect(failed.code).not.toBe(0);
    expect(failed.said).toContain('injected failure of create');
    expect(held('ContainerAppsAuthConfig')).toEqual([]);
    const after = await up(image);
    expect(after.code, after.said).toBe(0);
    expect(changes(after)).not.toContain('create ManagedEnvironment');
    expect(changes(after)).toEqual(expect.arrayContaining(['create ContainerApp', 'create ContainerAppsAuthConfig']));
  });

  test('serves with the old version when the new one fails, and goes on from there', async () => {
    const before = active();
    const image = { IMAGE: 'docker.io/shop/digits:2' };
    const failed = await up({ ...image, CLOUD_FAIL: 'update:ContainerApp::' });
    expect(failed.code).not.toBe(0);
    expect(active()).toEqual(before);
    const after = await up(image);
    expect(after.code, after.said).toBe(0);
    expect(changes(after)).toEqual(['update ContainerApp']);
    expect(active()).not.toEqual(before);
  });
});

describe.sequential('an app that another program made', () => {
  let other: Project;
  beforeAll(async () => {
    other = await makeProject('container-apps', ['azure-native', 'docker-build']);
    other.fill('azure-native', project.cloud('azure-native'));
  });
  afterAll(() => other?.remove());

  const there = (more: object = {}) => {
    const [identity] = Object.entries(project.cloud('azure-native')).filter(([, { type }]) =>
      type.endsWith('Identity'),
    );
    const { outputs } = identity![1] as unknown as { outputs: { principalId: string } };
    return {
      NAME: app().inputs.containerAppName as string,
      IMAGE: 'docker.io/shop/digits:3',
      THERE: JSON.stringify({
        resourceGroupName: app().inputs.resourceGroupName,
        managedEnvironment: { id: held('ManagedEnvironment')[0]!.id },
        identity: { id: identity![0], principalId: outputs.principalId },
        secrets: {},
        dashboard: false,
        ...more,
      }),
    };
  };

  test('is taken over, and stays as it is described', async () => {
    const ran = await other.pulumi(['up', '--yes', '--skip-preview'], { ...there(), IMPORT: app().id });
    expect(ran.code, ran.said).toBe(0);
    expect(ran.said).toMatch(/2 imported/);
    expect(changes(ran).filter((each) => /create (ContainerApp|ManagedEnvironment)$/.test(each))).toEqual([]);
    const again = await other.pulumi(['preview', '--expect-no-changes'], there());
    expect(again.code, again.said).toBe(0);
  });

  test('is refused a profile that its environment does not have', async () => {
    const id = held('ManagedEnvironment')[0]!.id;
    const odd = await other.pulumi(
      ['up', '--yes', '--skip-preview'],
      there({ managedEnvironment: { id, profile: 'nothing' } }),
    );
    expect(odd.code).not.toBe(0);
    expect(odd.said).toContain('WorkloadProfileNotFound: nothing is not in the environment');
  });
});

describe.sequential('in a network', () => {
  let other: Project;
  beforeAll(async () => {
    other = await makeProject('container-apps', ['azure-native', 'docker-build']);
  });
  afterAll(() => other?.remove());

  const within = (more: object) => ({
    IMAGE: 'docker.io/shop/digits:1',
    THERE: JSON.stringify({ subnetId: '/subscriptions/1/subnets/shop', dashboard: false, ...more }),
  });
  const run = (environment: NodeJS.ProcessEnv) => other.pulumi(['up', '--yes', '--skip-preview'], environment);

  test('is closed, and reached from there', async () => {
    const ran = await run(within({ ingress: 'network' }));
    expect(ran.code, ran.said).toBe(0);
    expect(held('ManagedEnvironment', other)[0]!.inputs).toMatchObject({
      publicNetworkAccess: 'Disabled',
      vnetConfiguration: { internal: true },
    });
    expect(held('ContainerApp', other)[0]!.inputs.configuration).toMatchObject({ ingress: { external: true } });
  });

  test('and is opened as another environment, once the old one has left the subnet', async () => {
    const ran = await run(within({ ingress: 'all' }));
    expect(ran.code, ran.said).toBe(0);
    const order = changes(ran).filter((each) => /(ContainerApp|ManagedEnvironment)$/.test(each));
    expect(order).toEqual([
      'delete ContainerApp',
      'delete ManagedEnvironment',
      'create ManagedEnvironment',
      'create ContainerApp',
    ]);
    expect(held('ManagedEnvironment', other)[0]!.inputs.vnetConfiguration).toMatchObject({ internal: false });
  });
});

describe.sequential('what Azure refuses while an app is made', () => {
  let other: Project;
  beforeAll(async () => {
    other = await makeProject('container-apps', ['azure-native', 'docker-build']);
  });
  afterAll(() => other?.remove());

  const failing = async (environment: NodeJS.ProcessEnv) => {
    const ran = await other.pulumi(['up', '--yes', '--skip-preview'], environment);
    expect(ran.code).not.toBe(0);
    return ran.said;
  };

  test('an image that no role lets it pull, and that goes once the registry is named', async () => {
    const registry = await other.pulumi(['up', '--yes', '--skip-preview']);
    expect(registry.code, registry.said).toBe(0);
    const [id] = Object.entries(other.cloud('azure-native')).find(([, { type }]) => type.endsWith(':Registry'))!;
    const loginServer = `${id.split('/').at(-1)}.azurecr.io`;
    const stranger = await makeProject('container-apps', ['azure-native', 'docker-build']);
    try {
      stranger.fill('azure-native', other.cloud('azure-native'));
      const image = { IMAGE: `${loginServer}/digits:1` };
      const odd = await stranger.pulumi(['up', '--yes', '--skip-preview'], image);
      expect(odd.code).not.toBe(0);
      expect(odd.said).toContain('cannot be pulled: no identity has AcrPull');
      const named = { ...image, REGISTRY: JSON.stringify({ id, loginServer }) };
      const ran = await stranger.pulumi(['up', '--yes', '--skip-preview'], named);
      expect(ran.code, ran.said).toBe(0);
    } finally {
      stranger.remove();
    }
  });

  test('an environment that has its nodes counted where there are none', async () => {
    expect(await failing({ COUNTED: '1', MACHINE: t4 })).toContain(`'MinimumCount' is not supported for ${t4}`);
  });

  test('a secret that no role lets it read, an identity that it does not have, too much memory, a rule without an end', () => {
    const cloud = other.cloud('azure-native');
    const [{ inputs }] = held('ContainerApp', other) as [ReturnType<typeof held>[0]];
    const said = (change: (given: Given) => void, among: object = cloud) => {
      const given = structuredClone(inputs) as unknown as Given;
      change(given);
      return types['azure-native:app:ContainerApp'].refuse(given, among);
    };
    expect(said(() => {})).toEqual([]);
    const withoutRoles = Object.entries(cloud).filter(([, { type }]) => !type.endsWith(':RoleAssignment'));
    expect(said(() => {}, Object.fromEntries(withoutRoles))).toEqual(
      expect.arrayContaining([expect.stringContaining('cannot be read: no identity may yet')]),
    );
    const container = ({ template }: Given) => template.containers[0]!;
    expect(said((given) => given.configuration.secrets.splice(0))).toEqual(['the secret token is not there']);
    expect(
      said((given) => {
        container(given).resources.memory = '5Gi';
      }),
    ).toEqual(['ContainerAppInvalidResourceTotal: cpu 2, memory 5Gi']);
    expect(
      said((given) => {
        container(given).probes[0]!.failureThreshold = 241;
      }),
    ).toEqual(['ContainerAppProbeOutOfRange: Startup']);
    expect(
      said((given) => {
        const rule = given.template.scale.rules.find(({ custom }) => custom)!;
        rule.custom!.metadata.end = rule.custom!.metadata.start!;
      }),
    ).toEqual(['the scaling rule schedule-1 says nothing']);
    expect(
      said((given) => {
        given.configuration.activeRevisionsMode = 'Multiple';
        given.configuration.ingress.traffic = [{ latestRevision: true, weight: 90 }];
      }),
    ).toEqual(['the weights add to 90']);
  });
});
