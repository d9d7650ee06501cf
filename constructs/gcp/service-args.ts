/** Arguments of a Cloud Run service, from a plan and what was asked for. */

import type { ServiceArgs } from '@pulumi/gcp/cloudrunv2/service.js';
import type * as pulumi from '@pulumi/pulumi';
import type { EndpointPlan } from '../../lib/plan.js';
import { ingresses, type ModelEndpointArgs } from './endpoint-args.js';
import { modelFolder } from './identity.js';
import { serverName, sidecar } from './prometheus-sidecar.js';
import { concurrency, containerOf, instances, placementOf, timeoutOf, trafficOf } from './service.js';

const egresses = { 'private-ranges': 'PRIVATE_RANGES_ONLY', all: 'ALL_TRAFFIC' } as const;

const mounted = '/opt/slipway/model';

export function serviceArgs(
  args: ModelEndpointArgs,
  plan: EndpointPlan,
  serviceAccount: pulumi.Output<string>,
  image: pulumi.Output<string>,
): ServiceArgs {
  const { network, environment = {}, secrets = {}, tags, project, serviceName, encryptionKey } = args;
  const { prometheus = false } = args;
  const stored = modelFolder(plan);
  const made: ServiceArgs = {
    location: args.location,
    ...(project !== undefined && { project }),
    ...(serviceName !== undefined && { name: serviceName }),
    description: `Model ${plan.name}, by Slipway`,
    ingress: ingresses[args.ingress ?? 'internal'],
    // Pulumi's own protection is the one that users know; this one would refuse `pulumi destroy`.
    deletionProtection: false,
    ...(tags && { labels: { ...tags } }),
    // Of the service alone: the template's own bounds drift.
    scaling: instances(plan, args.scaling),
    traffics: trafficOf(args.traffic),
    template: {
      serviceAccount,
      timeout: timeoutOf(args),
      executionEnvironment: 'EXECUTION_ENVIRONMENT_GEN2',
      maxInstanceRequestConcurrency: concurrency(plan),
      ...placementOf(plan),
      ...(encryptionKey !== undefined && { encryptionKey }),
      ...(network && {
        vpcAccess: {
          egress: egresses[network.egress ?? 'private-ranges'],
          networkInterfaces: [
            {
              network: network.network,
              subnetwork: network.subnetwork,
              ...(network.tags !== undefined && { tags: network.tags }),
            },
          ],
        },
      }),
      containers: [
        {
          ...(prometheus && { name: serverName }),
          image,
          ...containerOf(plan),
          envs: [
            ...Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
            ...Object.entries(secrets).map(([variable, { secret, version = 'latest' }]) => ({
              name: variable,
              valueSource: { secretKeyRef: { secret, version } },
            })),
          ],
          ...(stored && {
            volumeMounts: [{ name: 'model', mountPath: mounted, ...(stored.folder && { subPath: stored.folder }) }],
          }),
        },
        ...(prometheus ? [sidecar] : []),
      ],
      ...(stored && { volumes: [{ name: 'model', gcs: { bucket: stored.bucket, readOnly: true } }] }),
    },
  };
  return args.transform?.service?.(made) ?? made;
}
