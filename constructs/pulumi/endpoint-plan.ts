/** From the arguments of an endpoint to its plan, or every problem of them at once, before anything is made. */

import * as pulumi from '@pulumi/pulumi';
import { descriptionKeys, descriptionOf, latePlaces } from '../../lib/description.js';
import { type Problem, ProblemsError } from '../../lib/errors.js';
import { cloud } from '../../lib/hardware/offer.js';
import { endpointName } from '../../lib/model/model.js';
import { type EndpointPlan, planEndpoint } from '../../lib/plan.js';
import type { PlatformId } from '../../lib/platforms.js';
import type { EndpointSpec } from '../../lib/spec.js';

/** Outputs where a plain value is needed: the machine is chosen while the program runs. */
function outputProblems(args: EndpointSpec & { readonly location: unknown }): Problem[] {
  const late = (value: unknown) => pulumi.Output.isInstance(value) || value instanceof Promise;
  return latePlaces(args, [...descriptionKeys, 'location'], late).map((where) => ({
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
      const plan = planEndpoint(descriptionOf(args), cloud(platform, { region: args.location }));
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
