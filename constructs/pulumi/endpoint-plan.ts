/** From the arguments of an endpoint to its plan, or every problem of them at once, before anything is made. */

import * as pulumi from '@pulumi/pulumi';
import { descriptionKeys, descriptionOf, latePlaces, partOf } from '../../lib/description.js';
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

type Attempt = { readonly plan: EndpointPlan } | { readonly problems: readonly Problem[] };

function attempt(args: EndpointSpec & { readonly location: string }, platform: Exclude<PlatformId, 'local'>): Attempt {
  const late = outputProblems(args);
  if (late.length > 0) return { problems: late };
  if (typeof args.location !== 'string' || args.location === '') {
    return { problems: [{ where: 'location', what: "is missing. Give the region, such as 'europe-west4'" }] };
  }
  try {
    return { plan: planEndpoint(descriptionOf(args), cloud(platform, { region: args.location })) };
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    return { problems: error.problems };
  }
}

/** What a platform cannot do that the description asks for, whatever else it says. */
const rolloutProblems = ({ rollout }: EndpointSpec): Problem[] =>
  rollout && rollout.strategy !== 'all-at-once'
    ? [
        {
          where: 'rollout',
          what: 'Azure and Google move requests at once and watch no alarm meanwhile. Move shares yourself, by traffic or deployments, and leave this out',
        },
      ]
    : [];

/** Plans of an endpoint: of what it describes itself, and of what differs from it, by name. */
export interface Plans {
  readonly main: EndpointPlan;
  readonly further: Readonly<Record<string, EndpointPlan>>;
}

/**
 * Plans an endpoint with several deployments.
 *
 * @param own - problems of the platform's own arguments
 * @param further - what differs from the endpoint's description, by name of the deployment; problems are told under `deployments.NAME`
 * @throws InputPropertiesError with every problem
 */
export function plannedDeployments(
  args: EndpointSpec & { readonly location: string },
  platform: Exclude<PlatformId, 'local'>,
  own: readonly Problem[],
  further: Readonly<Record<string, Partial<EndpointSpec>>>,
): Plans {
  const main = attempt(args, platform);
  const others = Object.entries(further).map(
    ([name, each]) => [name, attempt({ ...args, ...partOf(each) }, platform)] as const,
  );
  const ofMain = 'problems' in main ? main.problems : [];
  const known = new Set(ofMain.map(({ where, what }) => `${where}: ${what}`));
  const problems = [
    ...own,
    ...rolloutProblems(args),
    ...ofMain,
    ...others.flatMap(([name, each]) =>
      'problems' in each
        ? each.problems
            .filter(({ where, what }) => !known.has(`${where}: ${what}`))
            .map(({ where, what }) => ({ where: `deployments.${name}.${where}`, what }))
        : [],
    ),
  ];
  if (problems.length === 0 && 'plan' in main) {
    const plans = others.flatMap(([name, each]) => ('plan' in each ? [[name, each.plan] as const] : []));
    return { main: main.plan, further: Object.fromEntries(plans) };
  }
  const name = typeof args.model?.path === 'string' ? endpointName(args.model) : 'unnamed';
  throw new pulumi.InputPropertiesError({
    message: new ProblemsError(`Endpoint '${name}' cannot be planned`, problems).message,
    errors: problems.map(({ where, what }) => ({ propertyPath: where, reason: what })),
  });
}

/**
 * Plans an endpoint.
 *
 * @param own - problems of the platform's own arguments
 * @throws InputPropertiesError with every problem
 */
export const planned = (
  args: EndpointSpec & { readonly location: string },
  platform: Exclude<PlatformId, 'local'>,
  own: readonly Problem[],
): EndpointPlan => plannedDeployments(args, platform, own, {}).main;
