/** Runs components against Pulumi's mocks, and shows what they would make. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import { Model } from '../../../constructs/gcp/index.js';
// Loaded when a dashboard is drawn, which would else take longer than the wait for what is still to come.
import '../../../lib/monitoring/azure/dashboard.js';
import { packageFile } from '../../../lib/package-root.js';
import { plain } from '../../integration/pulumi/shims/values.cjs';
import { publishedProblems } from '../../schemas/published.cjs';

export interface Made {
  readonly type: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: what tests read of it is theirs to say.
  readonly inputs: any;
  /** Of one that is read, not made. */
  readonly id?: string;
}

export const example = (name: string) => packageFile('examples', 'models', 'digits', name);
export const digits = Model.fromOnnx(example('digits.onnx'), { calibration: example('samples.npz') });

let made: Made[] = [];
/** What the clouds' own schemas say against what was made. */
let refused: string[] = [];
let asked: { readonly token: string; readonly inputs: Readonly<Record<string, unknown>> }[] = [];

/** What a cloud would add. */
const computed: Readonly<Record<string, (inputs: Record<string, unknown>, name: string, id: string) => object>> = {
  'gcp:cloudrunv2/service:Service': (inputs, name, id) => {
    const [, project, location, read] = /^projects\/(.+)\/locations\/(.+)\/services\/(.+)$/.exec(id) ?? [];
    const called = read ?? inputs.name;
    return {
      name: called ?? `${name}-1234567`,
      uri: `https://${called ?? name}-abc.a.run.app`,
      project: project ?? inputs.project ?? 'shop',
      ...(location && { location }),
    };
  },
  'gcp:serviceaccount/account:Account': ({ accountId, project }) => ({
    project: project ?? 'shop',
    email: `${accountId}@shop.iam.gserviceaccount.com`,
    name: `projects/shop/serviceAccounts/${accountId}@shop.iam.gserviceaccount.com`,
  }),
  'gcp:projects/iAMCustomRole:IAMCustomRole': ({ roleId }) => ({ name: `projects/shop/roles/${roleId}` }),
  'gcp:monitoring/notificationChannel:NotificationChannel': (_, name) => ({
    name: `projects/shop/notificationChannels/${name}`,
  }),
  'gcp:monitoring/slo:Slo': ({ service, sloId }) => ({
    name: `projects/1/services/${service}/serviceLevelObjectives/${sloId}`,
  }),
  'gcp:artifactregistry/repository:Repository': () => ({ project: 'shop' }),
  'gcp:vertex/aiEndpoint:AiEndpoint': ({ name, project, location }, _called, id) => {
    const [, theirs, read] = /^projects\/(.+)\/locations\/.+\/endpoints\/(.+)$/.exec(id) ?? [];
    const dns = `https://${read ?? name}.${location ?? 'europe-west4'}-17.prediction.vertexai.goog`;
    // Known once something is deployed.
    const at = read ? { dedicatedEndpointDns: dns, location: 'europe-west4' } : { dedicatedEndpointDns: '' };
    return { name: read ?? name, project: theirs ?? project ?? 'shop', ...at };
  },
  'pulumi-nodejs:dynamic/slipway/gcp:VertexTraffic': ({ endpoint }) => ({
    dns: `${(endpoint as string).split('/').at(-1)}.europe-west4-17.prediction.vertexai.goog`,
    privateUri: 'http://digits.aiplatform.googleapis.com/v1/models/7:predict',
    serviceAttachment: 'projects/t/regions/europe-west4/serviceAttachments/digits',
    connectedAddress: '10.0.0.7',
  }),
  'azure-native:machinelearningservices:OnlineEndpoint': ({ endpointName, properties }, name) => ({
    name: endpointName ?? `${name}1a2b3c4d`,
    properties: {
      ...(properties as object),
      scoringUri: `https://${endpointName ?? name}.westeurope.inference.ml.azure.com/score`,
    },
  }),
  'azure-native:machinelearningservices:OnlineDeployment': ({ deploymentName }) => ({ name: deploymentName }),
  'azure-native:machinelearningservices:Workspace': (_, name) => ({ name: `${name}1a2b3c4d` }),
  'azure-native:app:ContainerApp': ({ containerAppName, configuration }, name, id) => {
    const called = containerAppName ?? id.split('/')[8] ?? `${name}1a2b3c4d`;
    const { ingress } = (configuration ?? {}) as { ingress?: object };
    return {
      name: called,
      configuration: {
        ...(configuration as object),
        ingress: { ...ingress, fqdn: `${called}.shop.azurecontainerapps.io` },
      },
      latestRevisionName: `${called}--abc1234`,
      latestRevisionFqdn: `${called}--abc1234.shop.azurecontainerapps.io`,
    };
  },
  'azure-native:dashboard:Dashboard': (_, name) => ({ name: `${name}1a2b3c4d` }),
  'azure-native:resources:ResourceGroup': (_, name) => ({ name: `${name}1a2b3c4d` }),
  'azure-native:managedidentity:UserAssignedIdentity': (_, name) => ({ principalId: `${name}-principal` }),
  'azure-native:containerregistry:Registry': (_, name) => ({ loginServer: `${name}1a2b3c4d.azurecr.io` }),
  'azure-native:storage:Blob': ({ accountName, containerName, blobName }) => ({
    name: blobName,
    url: `https://${accountName}.blob.core.windows.net/${containerName}/${blobName}`,
  }),
  'azure-native:storage:BlobContainer': ({ containerName }) => ({ name: containerName }),
  'azure-native:storage:StorageAccount': (_, name) => ({ name: `${name}1a2b3c4d` }),
  'azure-native:containerregistry:TaskRun': () => ({
    runResult: { outputImages: [{ digest: `sha256:${'0'.repeat(64)}` }], runErrorMessage: '' },
  }),
  'command:local:Command': () => ({ stdout: `sha256:${'0'.repeat(64)}` }),
  'docker-build:index:Image': ({ tags }) => ({ ref: `${(tags as string[])[0]}@sha256:${'0'.repeat(64)}` }),
};

/** What a cloud answers. */
const answers: Readonly<Record<string, object>> = {
  'azure-native:authorization:getClientConfig': {
    clientId: 'client',
    objectId: 'object',
    subscriptionId: '00000000-0000-0000-0000-000000000001',
    tenantId: '00000000-0000-0000-0000-000000000002',
  },
  'azure-native:storage:listStorageAccountServiceSAS': { serviceSasToken: 'sig=of-azure' },
  'azure-native:authorization:getClientToken': { token: 'token-of-azure' },
};

beforeEach(async () => {
  made = [];
  refused = [];
  asked = [];
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs, id }) {
        made.push({ type, name, inputs, ...(id && { id }) });
        if (!id)
          refused.push(...publishedProblems(type, plain(inputs)).map((problem) => `${type} ${name}: ${problem}`));
        const path = type.startsWith('azure-native:') ? `/azure/${type.split(':').at(-1)}/${name}` : `${name}-id`;
        return { id: id || path, state: { ...inputs, ...computed[type]?.(inputs, name, id ?? '') } };
      },
      call({ token, inputs }) {
        asked.push({ token, inputs });
        return answers[token] ?? inputs;
      },
    },
    'shop',
    'dev',
    false,
    'acme',
  );
});

afterEach(() => expect(refused).toEqual([]));

/** The value of an output. */
export const settled = <T>(output: pulumi.Output<T>): Promise<T> =>
  new Promise((resolve) => {
    output.apply((value) => {
      resolve(value);
      return value;
    });
  });

/** What is made from now on, once nothing more is to come. */
export async function madeBy(make: () => unknown): Promise<readonly Made[]> {
  const before = made.length;
  make();
  let count = -1;
  while (count !== made.length) {
    count = made.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return made.slice(before);
}

/** With what a cloud was asked a question. */
export const calls = (end: string) =>
  asked.filter(({ token }) => token.endsWith(`:${end}`)).map(({ inputs }) => inputs);

/** By name: they are made as their inputs come. */
export const ofType = (resources: readonly Made[], end: string) =>
  resources.filter(({ type }) => type.endsWith(end)).sort((one, other) => (one.name < other.name ? -1 : 1));

/** A working directory of the test's own: contexts are laid out there. */
export function inFolder(): void {
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), 'slipway-gcp-'));
  process.chdir(folder);
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });
}
