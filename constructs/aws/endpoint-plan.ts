/** From the options of a SageMaker endpoint to plans: one for each variant, or every problem of all of them at once. */

import { Annotations, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { descriptionOf } from '../../lib/description.js';
import { type Problem, ProblemsError } from '../../lib/errors.js';
import { cloud } from '../../lib/hardware/offer.js';
import type { Platform } from '../../lib/hardware/platform.js';
import type { SageMakerMode } from '../../lib/hardware/sagemaker.js';
import { endpointName } from '../../lib/model/model.js';
import { type EndpointPlan, planEndpoint } from '../../lib/plan.js';
import { platformFacts } from '../../lib/platforms.js';
import type { EndpointSpec } from '../../lib/spec.js';

/** One model to plan for; `where` stands before the places of its problems. */
export interface Planned {
  readonly where: string;
  readonly spec: EndpointSpec;
}

/** SageMaker in the region of a stack; where that is not known, what most regions offer, with a warning. */
function platformOf(scope: Construct, mode: SageMakerMode | undefined): Platform | Problem[] {
  const { region } = Stack.of(scope);
  const known = !Token.isUnresolved(region);
  try {
    return cloud('aws-sagemaker', { ...(known ? { region } : { everywhere: true }), ...(mode && { mode }) });
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    return [...error.problems];
  }
}

/**
 * Plans the models of one endpoint.
 *
 * @param own - problems that were found before
 * @throws ProblemsError with every problem of every model
 */
export function planModels(
  scope: Construct,
  models: readonly Planned[],
  own: readonly Problem[],
  mode?: SageMakerMode,
): EndpointPlan[] {
  const problems: Problem[] = [...own];
  const platform = platformOf(scope, mode);
  if (Array.isArray(platform)) problems.push(...platform);
  const late = own.some(({ what }) => what.startsWith('is known only at deployment'));
  const plans = models.flatMap(({ where, spec }) => {
    if (late || Array.isArray(platform)) return [];
    try {
      return [planEndpoint(descriptionOf(spec), platform)];
    } catch (error) {
      if (!(error instanceof ProblemsError)) throw error;
      problems.push(...error.problems.map((problem) => ({ ...problem, where: `${where}${problem.where}` })));
      return [];
    }
  });
  if (problems.length > 0) {
    throw new ProblemsError(`Endpoint '${nameOf(models[0]!.spec)}' (${scope.node.path}) cannot be planned`, problems);
  }
  warn(scope, plans);
  return plans;
}

const nameOf = ({ model }: EndpointSpec): string =>
  model && typeof model.path === 'string' && !Token.isUnresolved(model) ? endpointName(model) : 'unnamed';

function warn(scope: Construct, plans: readonly EndpointPlan[]): void {
  if (Token.isUnresolved(Stack.of(scope).region)) {
    const { referenceRegion } = platformFacts('aws-sagemaker');
    Annotations.of(scope).addWarningV2(
      'slipway:region',
      `The stack's region is not known, so the machine is one that most regions offer, by the prices of ${referenceRegion}. Give the stack env: { region }.`,
    );
  }
  for (const warning of new Set(plans.flatMap(({ hardware }) => hardware.warnings))) {
    Annotations.of(scope).addWarningV2('slipway:lock', warning);
  }
}
