/** A container app from a plan, as data: resources, probes, scaling. */

import type { Problem } from '../../../lib/errors.js';
import { problemsOf } from '../../../lib/errors.js';
import { atOnce } from '../../../lib/hardware/concurrency.js';
import type { Machine } from '../../../lib/hardware/machine.js';
import { loadSeconds } from '../../../lib/model/profile.js';
import type { EndpointPlan } from '../../../lib/plan.js';
import { platformFacts } from '../../../lib/platforms.js';
import type { EndpointSpec, ScalingSpec } from '../../../lib/spec.js';
import type { ScalingSchedule } from '../../pulumi/schedules.js';
import type { Bounds } from '../machine-learning/autoscale.js';
import { heldReplicas, usualReplicas } from './replica-schedules.js';

export const port = 8080;

/** Machines whose nodes are the environment's own and paid for while they are there. */
export const isDedicated = ({ name }: Pick<Machine, 'name'>): boolean => !name.startsWith('Consumption-');

/** Of a dedicated node, what a replica asks for: Azure's own programs keep a part of it (Container Apps, workload profiles; how much is unverified). */
const nodeShare = 0.9;

/** Processors and memory of a replica; the accelerator comes with the profile. */
export function resourcesOf({ hardware: { chosen } }: EndpointPlan) {
  const gib = chosen.memoryBytes / 2 ** 30;
  return isDedicated(chosen)
    ? { cpu: Math.floor(nodeShare * chosen.processors), memory: `${Math.floor(nodeShare * gib)}Gi` }
    : { cpu: chosen.processors, memory: `${gib}Gi` };
}

/**
 * Azure waits 240 s for a container unless told otherwise; the model's files are read on top.
 *
 * The API's description ends at 10 failures, Azure's own default is 240, and 30 was taken: fewer would look too seldom for a start from zero.
 */
function startUp(plan: EndpointPlan) {
  const [longestPeriod, usualFailures] = [240, 30];
  const seconds = 240 + loadSeconds(plan.profile);
  const failureThreshold = Math.max(usualFailures, Math.ceil(seconds / longestPeriod));
  return { periodSeconds: Math.ceil(seconds / failureThreshold), failureThreshold };
}

/** All three are told: environments with workload profiles have none by default. */
export function probesOf(plan: EndpointPlan) {
  const probe = (type: 'Startup' | 'Readiness' | 'Liveness', path: string) => ({
    ...{ type, httpGet: { path, port }, timeoutSeconds: 5 },
  });
  return [
    { ...probe('Startup', '/v2/health/ready'), ...startUp(plan) },
    { ...probe('Readiness', '/v2/health/ready'), periodSeconds: 5, failureThreshold: 3 },
    { ...probe('Liveness', '/v2/health/live'), periodSeconds: 30, failureThreshold: 3 },
  ];
}

/** Bounds as asked for; 0 only where the endpoint may stop, and no more accelerators than are needed, since each is a quota of its own. */
export function replicasOf(
  { hardware: { chosen, candidate } }: EndpointPlan,
  scaling: ScalingSpec = {},
  schedules: readonly ScalingSchedule[] = [],
): Bounds {
  const min = heldReplicas(schedules, scaling).least;
  const usual = chosen.accelerator === null ? Math.max(10, 4 * candidate.replicas) : candidate.replicas;
  return { min, max: scaling.max ?? Math.max(usual, min, ...schedules.map((each) => each.min ?? 0)) };
}

/** How the number of replicas follows requests and the timetable. */
export function scaleOf(
  plan: EndpointPlan,
  { scaling }: EndpointSpec,
  schedules: readonly ScalingSchedule[],
  idleSeconds: number,
) {
  const { min, max } = replicasOf(plan, scaling, schedules);
  const concurrentRequests = String(scaling?.target ?? atOnce(plan.hardware));
  return {
    minReplicas: min,
    maxReplicas: max,
    cooldownPeriod: idleSeconds,
    pollingInterval: 30,
    rules: [
      { name: 'requests', http: { metadata: { concurrentRequests } } },
      ...heldReplicas(schedules, scaling).rules,
    ],
  };
}

/** The name of a variable's secret: lower-case letters, digits and hyphens. */
export const secretName = (variable: string): string =>
  variable
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** Limits of the platform that the description could break. */
export function limitProblems({ scaling, serving, model }: EndpointSpec): Problem[] {
  const { maxInstances } = platformFacts('azure-container-apps');
  const target = scaling?.target;
  const usual = usualReplicas(scaling);
  return problemsOf([
    [
      (serving?.timeoutSeconds ?? 0) > 230,
      'serving.timeoutSeconds',
      `${serving?.timeoutSeconds} is given; Container Apps end a request after 240 s. Give at most 230`,
    ],
    ...[...new Set([usual, scaling?.max ?? usual])].map(
      (count) =>
        [
          count > maxInstances!,
          'scaling',
          `${count} replicas are asked for; an app has at most ${maxInstances}`,
        ] as const,
    ),
    [
      target !== undefined && !Number.isInteger(target),
      'scaling.target',
      `${target} is given; Container Apps count whole requests. Give a whole number from 1`,
    ],
    [
      model?.uri !== undefined,
      'model',
      `'${model?.uri}' cannot be mounted by Container Apps, which know Azure Files alone. Give the file itself, Model.fromOnnx('…'): it becomes part of the image`,
    ],
  ]);
}
