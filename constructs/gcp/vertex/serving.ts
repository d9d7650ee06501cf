/** A model on Vertex AI from a plan, as data: container, machine, counts, times. */

import { loadSeconds } from '../../../lib/model/profile.js';
import type { EndpointPlan } from '../../../lib/plan.js';
import type { EndpointSpec, ScalingSpec } from '../../../lib/spec.js';
import type { Bounds } from '../schedules.js';
import type { DeployedModelBody } from './deployed-model.js';
import type { ModelBody } from './model.js';

/** Names of Vertex AI for the accelerators that it has. */
const accelerators: Readonly<Record<string, string>> = {
  t4: 'NVIDIA_TESLA_T4',
  l4: 'NVIDIA_L4',
  'a100-40gb-sxm': 'NVIDIA_TESLA_A100',
  'a100-80gb-sxm': 'NVIDIA_A100_80GB',
  'h100-sxm': 'NVIDIA_H100_80GB',
  'h200-sxm': 'NVIDIA_H200_141GB',
  'b200-sxm': 'NVIDIA_B200',
  gb200: 'NVIDIA_GB200',
  'rtx-pro-6000-bse': 'NVIDIA_RTX_PRO_6000',
};

/** The machine type, and what is in it: `n1-standard-4+1xT4` of the tables is an `n1-standard-4` with an accelerator. */
export function machineSpec({ hardware }: EndpointPlan): DeployedModelBody['dedicatedResources']['machineSpec'] {
  const { name, accelerator, acceleratorCount } = hardware.chosen;
  const machineType = name.split('+')[0]!;
  if (accelerator === null) return { machineType };
  const acceleratorType = machineType.startsWith('a3-mega') ? 'NVIDIA_H100_MEGA_80GB' : accelerators[accelerator]!;
  return { machineType, acceleratorType, acceleratorCount };
}

/**
 * Bounds as asked for, else from the plan's count to four times it. With accelerators no more than the least: Vertex AI takes quota for
 * the most there may be, and refuses a deployment without it.
 */
export function boundsOf({ hardware }: EndpointPlan, { min: least, max: most }: ScalingSpec = {}): Bounds {
  const { candidate, chosen } = hardware;
  const min = least ?? candidate.replicas;
  return { min, max: most ?? (chosen.accelerator === null ? 4 : 1) * Math.max(min, candidate.replicas) };
}

/** Percent of processors or accelerators that are busy; Vertex AI's own default. */
export const usualUtilization = 60;

/** What replicas are scaled on: with accelerators Vertex AI looks at both, and adds one when either is over. */
export const autoscaling = ({ hardware }: EndpointPlan, target: number) =>
  ['accelerator/duty_cycle', 'cpu/utilization']
    .filter((metric) => hardware.chosen.accelerator !== null || metric.startsWith('cpu'))
    .map((metric) => ({ metricName: `aiplatform.googleapis.com/prediction/online/${metric}`, target }));

const port = 8080;

/** Vertex AI gives up on a deployment after so long, most. */
const longestDeployment = 7200;

/** How long a deployment may take: half an hour for machines and image, and what the model's files take. */
export const deploymentSeconds = ({ profile }: EndpointPlan): number =>
  Math.min(longestDeployment, 1800 + loadSeconds(profile));

/** How long an upload may take: Vertex AI copies the image, and the model's files where they are in a bucket. */
export const uploadSeconds = ({ profile }: EndpointPlan): number => 1800 + loadSeconds(profile);

/** How requests reach the container: by one route, or by every route of the server. */
export type Routes = 'predict' | 'invoke';

/** The container that serves a plan. */
export function containerSpec(
  plan: EndpointPlan,
  { environment = {} }: EndpointSpec,
  routes: Routes,
): Omit<ModelBody['containerSpec'], 'imageUri'> {
  const ready = '/v2/health/ready';
  const periodSeconds = 10;
  const env = Object.entries(environment).map(([name, value]) => ({ name, value }));
  return {
    ports: [{ containerPort: port }],
    healthRoute: ready,
    ...(routes === 'predict' ? { predictRoute: '/predict' } : { invokeRoutePrefix: '/*' }),
    deploymentTimeout: `${deploymentSeconds(plan)}s`,
    startupProbe: {
      httpGet: { path: ready, port },
      periodSeconds,
      timeoutSeconds: 15,
      failureThreshold: Math.ceil((300 + loadSeconds(plan.profile)) / periodSeconds),
    },
    ...(env.length > 0 && { env }),
  };
}

/** A request takes as long as the server lets it, and a little more; null where the endpoint's own limit is enough. */
export const inferenceSeconds = ({ serving }: Pick<EndpointSpec, 'serving'>): number | null =>
  serving?.timeoutSeconds === undefined ? null : Math.ceil(serving.timeoutSeconds + 10);
