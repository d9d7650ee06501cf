/** Asks policies as Pulumi's server of policies asks them: what a preview does not know throws where it is read. */

import { createRequire } from 'node:module';
import type { ResourceValidationPolicy, StackValidationPolicy } from '@pulumi/policy';
import { type EndpointPoliciesOptions, endpointPolicies } from '../../../constructs/policy/index.js';

const { unknownCheckingProxy, unknownStringValue } = createRequire(__filename)('@pulumi/policy/proxy') as {
  readonly unknownCheckingProxy: (properties: object) => Record<string, unknown>;
  readonly unknownStringValue: string;
};

/** Stands in properties for what a preview does not know. */
export const later = unknownStringValue;

type Policy = ResourceValidationPolicy & StackValidationPolicy;

export interface Asked {
  readonly type: string;
  readonly name?: string;
  readonly properties: object;
  /** Names of resources that a property was made from. */
  readonly from?: Readonly<Record<string, readonly string[]>>;
}

export type Said = readonly [policy: string, message: string, resource: string | null];

/** Every policy, also those that hold only once somebody asks. */
export const names = () => (endpointPolicies() as Policy[]).map(({ name }) => name);

/** What policies that hold say about a stack: to each resource by itself, then to all of them. */
export function judged(
  resources: readonly Asked[],
  options: EndpointPoliciesOptions = {},
  config: Readonly<Record<string, object>> = {},
): Said[] {
  const said: Said[] = [];
  const urn = (name: string) => `urn:${name}`;
  const seen = resources.map(({ type, name = 'it', properties }) => ({
    ...{ type, name, urn: urn(name), props: unknownCheckingProxy(properties) },
    propertyDependencies: {} as Record<string, unknown[]>,
  }));
  for (const [index, { from = {} }] of resources.entries()) {
    for (const [property, others] of Object.entries(from)) {
      seen[index]!.propertyDependencies[property] = seen.filter(({ name }) => others.includes(name));
    }
  }
  for (const policy of endpointPolicies(options) as Policy[]) {
    if (policy.enforcementLevel === 'disabled') continue;
    const getConfig = () => config[policy.name] ?? {};
    const report = (resource: string | null) => (message: string, at?: string) => {
      said.push([policy.name, message, at?.replace('urn:', '') ?? resource]);
    };
    const validate = policy.validateResource as ((args: object, report: unknown) => void) | undefined;
    for (const resource of seen) validate?.({ ...resource, getConfig }, report(resource.name));
    policy.validateStack?.({ resources: seen, getConfig } as never, report(null));
  }
  return said;
}
