/** From the arguments of an endpoint to its plan, or every problem of them at once, before anything is made. */

import * as pulumi from '@pulumi/pulumi';
import { type Problem, ProblemsError } from '../../lib/errors.js';
import { cloud } from '../../lib/hardware/offer.js';
import { endpointName } from '../../lib/model/model.js';
import { type EndpointPlan, planEndpoint } from '../../lib/plan.js';
import type { PlatformId } from '../../lib/platforms.js';
import type { EndpointSpec } from '../../lib/spec.js';

const described = [
  'model',
  'objective',
  'hardware',
  'measurements',
  'optimization',
  'scaling',
  'serving',
  'monitoring',
  'environment',
  'rollout',
  'tags',
] as const;

/** The part of the arguments that every platform has. */
const neutral = (args: EndpointSpec): EndpointSpec =>
  Object.fromEntries(
    described.flatMap((key) => (args[key] === undefined ? [] : [[key, args[key]]])),
  ) as unknown as EndpointSpec;

/** Outputs where a plain value is needed: the machine is chosen while the program runs. */
function outputProblems(args: EndpointSpec & { readonly location: unknown }): Problem[] {
  const found: string[] = [];
  const look = (where: string, value: unknown): void => {
    if (pulumi.Output.isInstance(value) || value instanceof Promise) found.push(where);
    else if (value !== null && typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) look(`${where}.${key}`, inner);
    }
  };
  for (const key of described) look(key, args[key]);
  look('location', args.location);
  return found.map((where) => ({
    where,
    what: 'is an output, known only once other resources are made, but the machine is chosen in the preview. Give a plain value',
  }));
}

/**
 * Plans an endpoint.
 *
 * @param own - problems of the platform's own arguments
 * @throws InputPropertiesError with every problem
 */
export function planned(
  args: EndpointSpec & { readonly location: string },
  platform: Exclude<PlatformId, 'local'>,
  own: readonly Problem[],
): EndpointPlan {
  const problems: Problem[] = [...outputProblems(args), ...own];
  const late = problems.some(({ what }) => what.startsWith('is an output'));
  if (typeof args.location !== 'string' || args.location === '') {
    if (!late) problems.push({ where: 'location', what: "is missing. Give the region, such as 'europe-west4'" });
  } else if (!late) {
    try {
      const plan = planEndpoint(neutral(args), cloud(platform, { region: args.location }));
      if (problems.length === 0) return plan;
    } catch (error) {
      if (!(error instanceof ProblemsError)) throw error;
      problems.push(...error.problems);
    }
  }
  const name = typeof args.model?.path === 'string' ? endpointName(args.model) : 'unnamed';
  throw new pulumi.InputPropertiesError({
    message: new ProblemsError(`Endpoint '${name}' cannot be planned`, problems).message,
    errors: problems.map(({ where, what }) => ({ propertyPath: where, reason: what })),
  });
}
