/** A managed online endpoint through its life with the real engine. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changes, makeProject, type Project } from './engine.js';

let project: Project;
beforeAll(async () => {
  project = await makeProject('azure-ml', ['azure-native', 'docker-build']);
});
afterAll(() => project?.remove());

const up = (environment = {}) => project.pulumi(['up', '--yes', '--skip-preview'], environment);

const held = (type: string) =>
  Object.entries(project.cloud('azure-native')).flatMap(([id, each]) =>
    each.type === `azure-native:${type}` ? [{ id, inputs: each.inputs }] : [],
  );
const names = () =>
  held('machinelearningservices:OnlineDeployment').map(({ inputs }) => inputs.deploymentName as string);
const shares = () => {
  const [step] = held('resources:Deployment');
  const { template } = step!.inputs.properties as { template: { resources: { properties: object }[] } };
  return template.resources[0]!.properties as { traffic: object; mirrorTraffic: object };
};
const index = (order: readonly string[], what: string) => {
  const found = order.indexOf(what);
  expect(found, `${what} in ${order.join(', ')}`).toBeGreaterThanOrEqual(0);
  return found;
};

describe.sequential('an endpoint', () => {
  test('is shown by a preview that makes nothing', async () => {
    const { code, said, calls } = await project.pulumi(['preview']);
    expect(code, said).toBe(0);
    expect(said).toContain('slipway:azure:ModelEndpoint');
    expect(calls.filter(({ method, preview }) => method === 'create' && !preview)).toEqual([]);
    expect(project.cloud('azure-native')).toEqual({});
  });

  test('is made in one update: roles before the deployment, shares after it', async () => {
    const ran = await up();
    expect(ran.code, ran.said).toBe(0);
    const order = changes(ran);
    expect(index(order, 'create RoleAssignment')).toBeLessThan(index(order, 'create OnlineDeployment'));
    expect(index(order, 'create OnlineDeployment')).toBeLessThan(index(order, 'create Deployment'));
    const [name] = names();
    expect(shares()).toMatchObject({ traffic: { [name!]: 100 }, mirrorTraffic: {} });
    const { url, image, monthlyUsd, quota, request } = await project.outputs();
    expect(url).toMatch(/^https:\/\/digits[0-9a-f]{8}\.westeurope\.inference\.ml\.azure\.com\/score$/);
    expect(image).toMatch(/^digits[0-9a-f]{8}\.azurecr\.io\/digits:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/);
    expect(monthlyUsd).toBeGreaterThan(0);
    expect(quota).toEqual([
      expect.stringMatching(/^Standard_F2s_v2: \d+ cores for \d+ instances, and \d+ that Azure keeps/),
    ]);
    expect(request).toContain(url);
  });

  test('up again changes nothing, although the token of the registry is another', async () => {
    const again = await up();
    expect(again.code, again.said).toBe(0);
    expect(changes(again)).toEqual([]);
    const preview = await project.pulumi(['preview', '--expect-no-changes']);
    expect(preview.code, preview.said).toBe(0);
  });

  test('moves to another machine beside the old one: made, then given the requests, then the old one goes', async () => {
    const [before] = names();
    const ran = await up({ MACHINE: 'Standard_F4s_v2' });
    expect(ran.code, ran.said).toBe(0);
    const order = changes(ran);
    expect(index(order, 'create OnlineDeployment')).toBeLessThan(index(order, 'update Deployment'));
    expect(index(order, 'update Deployment')).toBeLessThan(index(order, 'delete OnlineDeployment'));
    const [after, ...rest] = names();
    expect(rest).toEqual([]);
    expect(after).not.toBe(before);
    expect(shares().traffic).toEqual({ [after!]: 100 });
  });

  test('takes a new version of the model in the same way', async () => {
    const [before] = names();
    const environment = { MACHINE: 'Standard_F4s_v2', MODEL: 'digits-encoder' };
    const ran = await up(environment);
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran).filter((each) => /OnlineEndpoint|Workspace/.test(each))).toEqual([]);
    expect(names()).toHaveLength(1);
    expect(names()).not.toEqual([before]);
    expect(shares().traffic).toEqual({ [names()[0]!]: 100 });
  });

  test('takes a second deployment, moves its requests there and back', async () => {
    const environment = { MACHINE: 'Standard_F4s_v2', MODEL: 'digits-encoder' };
    const next = (more: object) => ({
      ...environment,
      NEXT: JSON.stringify({ next: { image: 'shop.azurecr.io/digits:2', ...more } }),
    });
    const [main] = names();
    const mirrored = await up(next({ mirrorPercent: 20 }));
    expect(mirrored.code, mirrored.said).toBe(0);
    const second = names().find((name) => name !== main)!;
    expect(second).toMatch(/^next-[0-9a-f]{8}$/);
    expect(shares()).toMatchObject({ traffic: { [main!]: 100 }, mirrorTraffic: { [second]: 20 } });

    const moved = await up(next({ percent: 30 }));
    expect(moved.code, moved.said).toBe(0);
    expect(changes(moved)).toEqual(['update Deployment']);
    expect(shares()).toMatchObject({ traffic: { [main!]: 70, [second]: 30 }, mirrorTraffic: {} });

    const back = await up(environment);
    expect(back.code, back.said).toBe(0);
    const order = changes(back);
    expect(index(order, 'update Deployment')).toBeLessThan(index(order, 'delete OnlineDeployment'));
    expect(names()).toEqual([main]);
    expect(shares().traffic).toEqual({ [main!]: 100 });
  });

  test('carries its shares along when something else of it changes', async () => {
    const ran = await up({ MACHINE: 'Standard_F4s_v2', MODEL: 'digits-encoder', TAG: 'fraud' });
    expect(ran.code, ran.said).toBe(0);
    const order = changes(ran);
    expect(order).toContain('update OnlineEndpoint');
    expect(index(order, 'update OnlineEndpoint')).toBeLessThan(index(order, 'update Deployment'));
  });

  test('is refused in the preview with every problem at once, and nothing changes', async () => {
    const before = project.cloud('azure-native');
    const { code, said, calls } = await project.pulumi(['up', '--yes'], { WRONG: '1', MODEL: 'digits-encoder' });
    expect(code).not.toBe(0);
    expect(said).toContain("endpointName: 'My_Endpoint' is no name for an endpoint");
    expect(said).toContain('scaling: 60 instances are asked for');
    expect(said).toContain('deployments.next.percent: 101 is given');
    expect(calls.filter(({ preview, method }) => !preview && ['create', 'update', 'delete'].includes(method))).toEqual(
      [],
    );
    expect(project.cloud('azure-native')).toEqual(before);
  });

  test('keeps the number of instances that scaling chose, and puts back what else was changed', async () => {
    const environment = { MACHINE: 'Standard_F4s_v2', MODEL: 'digits-encoder', TAG: 'fraud' };
    project.drift('azure-native', (cloud) => {
      const [deployment] = Object.values(cloud).filter(({ inputs }) => 'deploymentName' in inputs && 'sku' in inputs);
      const [endpoint] = Object.values(cloud).filter(({ inputs }) => 'endpointName' in inputs && !('sku' in inputs));
      for (const side of ['inputs', 'outputs'] as const) {
        (deployment![side].sku as { capacity: number }).capacity = 7;
        (endpoint![side].properties as { publicNetworkAccess: string }).publicNetworkAccess = 'Enabled';
      }
    });
    const refreshed = await project.pulumi(['refresh', '--yes', '--skip-preview'], environment);
    expect(refreshed.code, refreshed.said).toBe(0);
    const ran = await up(environment);
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran)).toEqual(['update OnlineEndpoint']);
    expect(held('machinelearningservices:OnlineEndpoint')[0]!.inputs.properties).toMatchObject({
      publicNetworkAccess: 'Disabled',
    });
    expect(held('machinelearningservices:OnlineDeployment')[0]!.inputs.sku).toMatchObject({ capacity: 7 });
  });

  test('captures requests and has their drift monitored, each in place, and gives both up again', async () => {
    const environment = { MACHINE: 'Standard_F4s_v2', MODEL: 'digits-encoder', TAG: 'fraud' };
    const deployed = names();
    const monitor = { reference: 'azureml:training:1', preprocessingComponentId: 'azureml:columns:1' };
    const capturing = { ...environment, THERE: JSON.stringify({ dataCapture: { percent: 10, monitor } }) };
    const ran = await up(capturing);
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran)).toContain('update OnlineDeployment');
    expect(index(changes(ran), 'update OnlineDeployment')).toBeLessThan(index(changes(ran), 'create Schedule'));
    expect(names()).toEqual(deployed);
    const again = await up(capturing);
    expect(changes(again)).toEqual([]);
    const without = await up(environment);
    expect(without.code, without.said).toBe(0);
    expect(held('machinelearningservices:Schedule')).toEqual([]);
    const [deployment] = held('machinelearningservices:OnlineDeployment');
    expect(deployment!.inputs.properties).not.toHaveProperty('dataCollector');
  });

  test('has neither the token of the registry nor a secret in its state or in what is said', async () => {
    const exported = await project.pulumi(['stack', 'export'], { MODEL: 'digits-encoder' });
    expect(exported.code, exported.said).toBe(0);
    expect(exported.said).toContain('keyvaultref:https://shop.vault.azure.net/secrets/token');
    expect(exported.said).not.toContain('token-of-registry');
    expect(exported.said).not.toContain('token-of-azure');
  });

  test('is destroyed with its deployments, and nothing is left', async () => {
    const ran = await project.pulumi(['destroy', '--yes', '--skip-preview'], { MODEL: 'digits-encoder' });
    expect(ran.code, ran.said).toBe(0);
    expect(project.cloud('azure-native')).toEqual({});
  });

  test('that fails in the middle goes on where it was', async () => {
    const image = { IMAGE: 'shop.azurecr.io/digits:1' };
    const failed = await up({ ...image, CLOUD_FAIL: 'create:OnlineDeployment' });
    expect(failed.code).not.toBe(0);
    expect(failed.said).toContain('injected failure of create');
    expect(held('resources:Deployment')).toEqual([]);
    const after = await up(image);
    expect(after.code, after.said).toBe(0);
    expect(changes(after)).not.toContain('create OnlineEndpoint');
    expect(changes(after)).toEqual(expect.arrayContaining(['create OnlineDeployment', 'create Deployment']));
  });

  test('serves with the old version when the new one fails, and goes on from there', async () => {
    const [before] = names();
    const image = { IMAGE: 'shop.azurecr.io/digits:2' };
    const failed = await up({ ...image, CLOUD_FAIL: 'create:OnlineDeployment' });
    expect(failed.code).not.toBe(0);
    expect(names()).toEqual([before]);
    expect(shares().traffic).toEqual({ [before!]: 100 });
    const after = await up(image);
    expect(after.code, after.said).toBe(0);
    expect(names()).toHaveLength(1);
    expect(shares().traffic).toEqual({ [names()[0]!]: 100 });
  });

  test('that another made is taken over, and nothing changes', async () => {
    const [endpoint] = held('machinelearningservices:OnlineEndpoint');
    const [workspace] = held('machinelearningservices:Workspace');
    const [identity] = Object.entries(project.cloud('azure-native')).filter(([, { type }]) =>
      type.endsWith('Identity'),
    );
    const { outputs } = identity![1] as unknown as { outputs: { principalId: string } };
    const other = await makeProject('azure-ml', ['azure-native', 'docker-build']);
    try {
      other.fill('azure-native', project.cloud('azure-native'));
      const environment = {
        NAME: endpoint!.inputs.endpointName as string,
        IMPORT: endpoint!.id,
        IMAGE: 'shop.azurecr.io/digits:3',
        THERE: JSON.stringify({
          resourceGroupName: workspace!.inputs.resourceGroupName,
          workspace: { name: workspace!.inputs.workspaceName },
          identity: { id: identity![0], principalId: outputs.principalId },
          secrets: {},
          invokers: [],
        }),
      };
      const ran = await other.pulumi(['up', '--yes', '--skip-preview'], environment);
      expect(ran.code, ran.said).toBe(0);
      expect(ran.said).toMatch(/1 imported/);
      expect(changes(ran).filter((each) => each.endsWith('OnlineEndpoint'))).toEqual([]);
      const { IMPORT: _, ...without } = environment;
      const again = await other.pulumi(['preview', '--expect-no-changes'], without);
      expect(again.code, again.said).toBe(0);
    } finally {
      other.remove();
    }
  });
});
