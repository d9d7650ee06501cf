/** A Cloud Run service from a plan, as data: machine, limits, probes, concurrency, bounds. */

import type { ServiceArgs } from '@pulumi/gcp/cloudrunv2/service.js';
import { type Problem, problemsOf } from '../../lib/errors.js';
import { withWaiting } from '../../lib/hardware/concurrency.js';
import { loadSeconds } from '../../lib/model/profile.js';
import type { EndpointPlan } from '../../lib/plan.js';
import type { EndpointSpec, ScalingSpec } from '../../lib/spec.js';

export type Template = Exclude<Awaited<ServiceArgs['template']>, undefined>;

/** Names of Cloud Run for the accelerators that it has. */
const accelerators: Readonly<Record<string, string>> = {
  l4: 'nvidia-l4',
  'rtx-pro-6000-bse': 'nvidia-rtx-pro-6000',
};

const port = 8080;

/** Instances with accelerators that a project may have before its quota is raised. */
const firstQuota = 3;

/** Bounds as asked for; 0 only where the endpoint may stop. */
export function instances(
  { hardware }: EndpointPlan,
  { min, max, toZero }: ScalingSpec = {},
): { readonly minInstanceCount: number; readonly maxInstanceCount: number } {
  const { candidate, chosen } = hardware;
  const least = toZero ? 0 : (min ?? 1);
  const usual = chosen.accelerator === null ? Math.max(10, 4 * candidate.replicas) : firstQuota;
  return { minInstanceCount: least, maxInstanceCount: max ?? Math.max(usual, least, candidate.replicas) };
}

/** Requests that one instance gets at once: what it works on, and as many that wait; Cloud Run's default of 80 is for web pages. */
export const concurrency = ({ hardware }: EndpointPlan): number => Math.min(1000, withWaiting(hardware));

/** Cloud Run waits 240 s for a container unless told otherwise, and at most so long in one period. */
function startUp(plan: EndpointPlan) {
  const seconds = 240 + loadSeconds(plan.profile);
  const periodSeconds = 10;
  return {
    httpGet: { path: '/v2/health/ready', port },
    periodSeconds,
    timeoutSeconds: 5,
    failureThreshold: Math.ceil(seconds / periodSeconds),
  };
}

/** What of the service's template follows from the plan. */
export function containerOf(plan: EndpointPlan) {
  const { chosen } = plan.hardware;
  const accelerator = chosen.accelerator === null ? null : accelerators[chosen.accelerator];
  return {
    ports: { containerPort: port },
    resources: {
      limits: {
        cpu: String(chosen.processors),
        memory: `${Math.round(chosen.memoryBytes / 2 ** 20)}Mi`,
        ...(accelerator && { 'nvidia.com/gpu': '1' }),
      },
      // Accelerators are billed by the instance; so are processors that must not pause between requests.
      cpuIdle: false,
      startupCpuBoost: true,
    },
    startupProbe: startUp(plan),
    livenessProbe: {
      httpGet: { path: '/v2/health/live', port },
      periodSeconds: 30,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
  };
}

/** Where the instances run. */
export function placementOf({ hardware }: EndpointPlan) {
  const { accelerator, name } = hardware.chosen;
  if (accelerator === null) return {};
  return {
    nodeSelector: { accelerator: accelerators[accelerator]! },
    // Cheaper, and another quota; a machine that is named `…-zonal` has the redundancy.
    gpuZonalRedundancyDisabled: !name.endsWith('-zonal'),
  };
}

/** A share of the requests. */
export interface TrafficTarget {
  /**
   * Name of the revision.
   *
   * @default - the newest
   */
  readonly revision?: string;
  /** Percent, whole, 0 to 100. */
  readonly percent: number;
  /**
   * Gives the revision an address of its own.
   *
   * @default - none
   */
  readonly tag?: string;
}

export function trafficProblems(traffic: readonly TrafficTarget[] | undefined): Problem[] {
  if (!traffic) return [];
  const sum = traffic.reduce((total, { percent }) => total + percent, 0);
  const odd = traffic.filter(({ percent }) => !(Number.isInteger(percent) && percent >= 0 && percent <= 100));
  return [
    ...odd.map(({ percent }) => ({
      where: 'traffic',
      what: `${percent} is given; allowed: a whole number from 0 to 100`,
    })),
    ...(sum === 100 || odd.length > 0 ? [] : [{ where: 'traffic', what: `the shares add to ${sum}, not to 100` }]),
  ];
}

/** In the service's words; all requests to the newest revision unless told otherwise. */
export const trafficOf = (traffic: readonly TrafficTarget[] = [{ percent: 100 }]) =>
  traffic.map(({ revision, percent, tag }) => ({
    type: revision ? 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION' : 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST',
    percent,
    ...(revision && { revision }),
    ...(tag && { tag }),
  }));

/** Why this is no name of a service, or nothing. */
export function serviceNameProblems(name: unknown): Problem[] {
  if (typeof name !== 'string' || /^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$/.test(name)) return [];
  return [
    {
      where: 'serviceName',
      what: `'${name}' is no name for Cloud Run. Give 1 to 49 lower-case letters, digits and hyphens, a letter first, no hyphen last`,
    },
  ];
}

/** A request takes as long as the server lets it, and a little more. */
export const timeoutOf = ({ serving }: EndpointSpec): string =>
  `${Math.min(3600, Math.ceil((serving?.timeoutSeconds ?? 60) + 10))}s`;

/** Limits of the platform that the options could break. */
export function boundProblems({ scaling, serving, model }: EndpointSpec): Problem[] {
  return problemsOf([
    [
      (serving?.timeoutSeconds ?? 0) > 3590,
      'serving.timeoutSeconds',
      `${serving?.timeoutSeconds} is given; Cloud Run ends a request after 3600 s. Give at most 3590`,
    ],
    [
      model?.uri !== undefined && !model.uri.startsWith('gs://'),
      'model',
      `'${model?.uri}' cannot be mounted by Cloud Run. Give a folder of Cloud Storage, gs://BUCKET/FOLDER`,
    ],
    [
      scaling?.target !== undefined,
      'scaling.target',
      'Cloud Run scales by itself on requests and processors. Leave it out',
    ],
  ]);
}

/** A name of at most `most` characters that Google's ids allow: lower-case letters, digits and hyphens, a letter first. */
export function idOf(name: string, most: number): string {
  const id = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, most)
    .replace(/-+$/, '');
  return id || 'endpoint';
}
