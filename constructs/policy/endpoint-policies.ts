/** Rules for endpoints of any origin on Google Cloud and Azure, as policies of Pulumi. */

import type {
  EnforcementLevel,
  Policies,
  PolicyResource,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from '@pulumi/policy';
import { type Check, type Problem, ProblemsError, problemsOf } from '../../lib/errors.js';
import { acceleratorKinds, accelerators } from './accelerators.js';
import { authenticated, containerAppAuthenticated, ingress, vertexPrivate } from './access.js';
import { budgeted } from './budget.js';
import { imageDigest } from './images.js';
import { customerKey } from './keys.js';
import { known } from './known.js';
import {
  type ResourceRule,
  type Rule,
  type RuleSettings,
  type StackResource,
  type StackRule,
  withoutVersion,
} from './rule.js';

const rules: readonly Rule[] = [
  authenticated,
  containerAppAuthenticated,
  ingress,
  imageDigest,
  accelerators,
  customerKey,
  vertexPrivate,
  budgeted,
];

/** What the policies ask for. All of it can be set by Pulumi's own configuration of a policy pack, too, which wins. */
export interface EndpointPoliciesOptions {
  /**
   * How a policy is enforced, by its name: `{ 'slipway-customer-key': 'mandatory' }`.
   *
   * @default - 'mandatory'; 'disabled' for slipway-customer-key, slipway-vertex-private and slipway-budget
   */
  readonly levels?: Readonly<Record<string, EnforcementLevel>>;
  /**
   * Names of resources that may break a policy, by its name: `{ 'slipway-ingress': ['shop'] }`.
   *
   * @default - none
   */
  readonly except?: Readonly<Record<string, readonly string[]>>;
  /**
   * Accelerators that one endpoint may come to at its upper bound, all deployments together, above 0.
   *
   * @default 8 - those of one machine of the largest usual kind, and two instances with one each that grow fourfold
   */
  readonly maxAccelerators?: number;
  /**
   * Kinds of accelerators that are allowed: `['t4', 'l4']`.
   *
   * @default - all
   */
  readonly accelerators?: readonly string[];
}

const levels: readonly EnforcementLevel[] = ['advisory', 'mandatory', 'disabled'];

function problems({
  levels: given = {},
  except = {},
  maxAccelerators = 1,
  accelerators: kinds = [],
}: EndpointPoliciesOptions): Problem[] {
  const names = rules.map(({ name }) => name);
  const unknownNames = (where: string, keys: readonly string[]): Check[] =>
    keys.map((key) => [!names.includes(key), where, `'${key}' is no policy; there are ${names.join(', ')}`] as const);
  const known = acceleratorKinds();
  return problemsOf([
    ...unknownNames('levels', Object.keys(given)),
    ...unknownNames('except', Object.keys(except)),
    ...Object.entries(given).map(
      ([name, level]) =>
        [!levels.includes(level), `levels.${name}`, `'${level}' is given; allowed: ${levels.join(', ')}`] as const,
    ),
    [!(maxAccelerators > 0), 'maxAccelerators', `${maxAccelerators} is given; allowed: a number above 0`],
    ...kinds.map(
      (kind) =>
        [!known.includes(kind), 'accelerators', `'${kind}' is no accelerator; there are ${known.join(', ')}`] as const,
    ),
  ]);
}

/** What can be set, with its default, as JSON Schema. */
const schemaOf = (settings: RuleSettings) => ({
  except: {
    type: 'array' as const,
    items: { type: 'string' as const },
    default: [...settings.except],
    description: 'Names of resources that may break the policy.',
  },
  most: {
    type: 'number' as const,
    exclusiveMinimum: 0,
    default: settings.most,
    description: 'Accelerators that one endpoint may come to.',
  },
  allowed: {
    type: 'array' as const,
    items: { type: 'string' as const },
    default: [...settings.allowed],
    description: 'Kinds of accelerators that are allowed; empty for all.',
  },
});

/** What a policy of either kind has. */
function common(rule: Rule, settings: RuleSettings, level: EnforcementLevel | undefined) {
  const { except, ...more } = schemaOf(settings);
  return {
    name: rule.name,
    description: rule.description,
    enforcementLevel: level ?? (rule.unless === 'asked' ? ('disabled' as const) : ('mandatory' as const)),
    severity: rule.severity,
    remediationSteps: rule.fix,
    ...(rule.checkov && { tags: [...rule.checkov] }),
    configSchema: {
      properties: { except, ...Object.fromEntries((rule.settings ?? []).map((name) => [name, more[name]])) },
    },
  };
}

const told = (what: string, { fix }: Rule): string => `Here ${what}. ${fix}`;

const forResources = (
  rule: ResourceRule,
  settings: RuleSettings,
): Pick<ResourceValidationPolicy, 'validateResource'> => ({
  validateResource({ type, name, urn, props, getConfig }, report) {
    const { except } = { ...settings, ...getConfig<Partial<RuleSettings>>() };
    if (except.includes(name)) return;
    const resource = { type: withoutVersion(type), name, urn, properties: known(props) };
    for (const what of rule.resource(resource)) report(told(what, rule));
  },
});

/** Resources with what they were made from, which may be made from others. */
function stackOf(resources: readonly PolicyResource[]): StackResource[] {
  const all = new Map<PolicyResource, StackResource>();
  for (const resource of resources) {
    const { type, name, urn, props, propertyDependencies } = resource;
    all.set(resource, {
      ...{ name, urn, type: withoutVersion(type), properties: known(props) },
      from: (property) => (propertyDependencies[property] ?? []).flatMap((each) => all.get(each) ?? []),
    });
  }
  return [...all.values()];
}

const forStack = (rule: StackRule, settings: RuleSettings): Pick<StackValidationPolicy, 'validateStack'> => ({
  validateStack({ resources, getConfig }, report) {
    const set = { ...settings, ...getConfig<Partial<RuleSettings>>() };
    for (const { what, resource } of rule.stack(stackOf(resources), set)) {
      if (!resource) report(told(what, rule));
      else if (!set.except.includes(resource.name)) report(told(what, rule), resource.urn);
    }
  },
});

/**
 * Policies for endpoints: `new PolicyPack('ours', { policies: endpointPolicies() })`. They look at endpoints from any library. What a
 * preview does not know yet is left to the update.
 *
 * @throws ProblemsError with everything that is wrong with the options
 */
export function endpointPolicies(options: EndpointPoliciesOptions = {}): Policies {
  const wrong = problems(options);
  if (wrong.length > 0) throw new ProblemsError('The policies cannot be made', wrong);
  const { maxAccelerators: most = 8, accelerators: allowed = [] } = options;
  return rules.map((rule) => {
    const settings = { except: options.except?.[rule.name] ?? [], most, allowed };
    const policy = common(rule, settings, options.levels?.[rule.name]);
    return 'resource' in rule
      ? { ...policy, ...forResources(rule, settings) }
      : { ...policy, ...forStack(rule, settings) };
  }) as Policies;
}
