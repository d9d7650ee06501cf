/** What Vertex AI refuses although it is in its protocol. */

// biome-ignore lint/suspicious/noExplicitAny: bodies of any kind, which are checked.
export type Body = any;

/** What the API answers instead of doing what it is asked. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

/** Refuses a request with every problem. */
export const invalid = (problems: readonly string[]): void => {
  if (problems.length > 0) throw new Refusal(400, 'INVALID_ARGUMENT', problems.join('; '));
};

/** Fields of a deployed model that change while it is there. */
export const mutable = ['minReplicaCount', 'maxReplicaCount', 'autoscalingMetricSpecs', 'requiredReplicaCount'];

/** What is wrong with machines and counts. */
export function resourceProblems({ dedicatedResources: resources }: Body): string[] {
  const { machineSpec, minReplicaCount, maxReplicaCount } = resources ?? {};
  return [
    ...(minReplicaCount >= 1 ? [] : [`min_replica_count is ${minReplicaCount}, at least 1`]),
    ...(maxReplicaCount >= minReplicaCount ? [] : ['max_replica_count is below min_replica_count']),
    ...(machineSpec && Boolean(machineSpec.acceleratorType) !== Boolean(machineSpec.acceleratorCount)
      ? ['an accelerator has a type and a count']
      : []),
  ];
}

/** What is wrong with a container. */
export function containerProblems({ containerSpec, artifactUri }: Body): string[] {
  const { predictRoute, invokeRoutePrefix, deploymentTimeout, startupProbe } = containerSpec;
  return [
    ...(Boolean(predictRoute) === Boolean(invokeRoutePrefix) ? ['predict_route or invoke_route_prefix'] : []),
    ...(Number.parseInt(deploymentTimeout, 10) <= 7200 ? [] : ['deployment_timeout is above 2 hours']),
    ...(startupProbe.timeoutSeconds >= startupProbe.periodSeconds ? [] : ['timeout_seconds is below period_seconds']),
    ...(artifactUri === undefined || artifactUri.startsWith('gs://') ? [] : [`artifact_uri is ${artifactUri}`]),
  ];
}
