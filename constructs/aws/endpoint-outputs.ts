/** What a stack prints of an endpoint: only what users compose with or look at after a deployment. */

import { CfnOutput } from 'aws-cdk-lib';
import type * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import type { Construct } from 'constructs';
import type { EndpointPlan } from '../../lib/plan.js';

export interface OutputParts {
  readonly endpoint: sagemaker.CfnEndpoint;
  readonly config: sagemaker.CfnEndpointConfig;
  /** Asks the endpoint once. */
  readonly request: string;
  readonly plans: readonly EndpointPlan[];
}

/** The sum over variants; null where a price is not known. */
export function monthlyUsd(plans: readonly EndpointPlan[]): number | null {
  const each = plans.map(({ hardware }) => hardware.candidate.monthlyUsd);
  return each.includes(null) ? null : each.reduce<number>((sum, usd) => sum + (usd ?? 0), 0);
}

const dates = (plans: readonly EndpointPlan[]): string =>
  [...new Set(plans.map(({ hardware }) => hardware.candidate.priceDate ?? 'an unknown date'))].join(', ');

/** Name, configuration, a request; the cost of machines that are always on; what a lock keeps. */
export function endpointOutputs(
  scope: Construct,
  { endpoint, config, request, plans }: OutputParts,
  cost: { readonly id: string; readonly usd: number | null; readonly what: string },
): void {
  const output = (id: string, value: string, description: string) => new CfnOutput(scope, id, { value, description });
  output('Name', endpoint.attrEndpointName, 'Name of the endpoint');
  output(
    'ConfigName',
    config.attrEndpointConfigName,
    'Its configuration. If `aws sagemaker describe-endpoint` names another one, the last rollout was taken back',
  );
  output('Request', request, 'Asks the endpoint once, with your credentials');
  if (cost.usd !== null) output(cost.id, cost.usd.toFixed(2), `${cost.what}, prices of ${dates(plans)}`);
  const verdict = plans[0]!.optimization?.verdict;
  if (verdict) output('Optimization', verdict, 'What the lock keeps');
}
