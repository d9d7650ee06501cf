/** Variants of an endpoint: several models behind one name, each with a share of the requests, and one that only listens. */

import type * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import { type Check, type Problem, problemsOf } from '../../lib/errors.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { runtimeFor } from '../../lib/platforms.js';
import type { EndpointSpec } from '../../lib/spec.js';
import type { ContainerImage } from './container-image.js';
import { startTimes } from './container-model.js';
import { nameProblems } from './endpoint-options.js';

/** What a variant's own description may say; everything else is the endpoint's. */
type VariantSpec = Pick<
  EndpointSpec,
  'model' | 'objective' | 'hardware' | 'measurements' | 'optimization' | 'serving' | 'scaling'
>;

/** A second model that answers a share of the requests. */
export interface VariantOptions extends VariantSpec {
  /** Unique in the endpoint: letters, digits and hyphens, 1 to 63; not `main`. */
  readonly name: string;
  /**
   * Its share of the requests is its weight over the sum of all weights; at least 0, which is none.
   *
   * @default 1
   */
  readonly weight?: number;
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
}

/** A model that gets copies of requests and whose answers nobody sees. */
export interface ShadowOptions extends Omit<VariantSpec, 'scaling'> {
  /**
   * Letters, digits and hyphens, 1 to 63; not `main`.
   *
   * @default 'shadow'
   */
  readonly name?: string;
  /**
   * Share of the requests that are copied, above 0 to 1.
   *
   * @default 1
   */
  readonly share?: number;
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
}

export const mainVariant = 'main';
const mostVariants = 10;

/** A variant with everything filled in. */
export interface Variant {
  readonly name: string;
  readonly weight: number;
  readonly shadow: boolean;
  /** Before the places of its problems. */
  readonly where: string;
  readonly spec: EndpointSpec;
  readonly image: ContainerImage | undefined;
}

export interface AskedVariants {
  readonly weight?: number | undefined;
  readonly variants?: readonly VariantOptions[] | undefined;
  readonly shadow?: ShadowOptions | undefined;
}

export function variantProblems({ weight = 1, variants = [], shadow }: AskedVariants): Problem[] {
  const names = [mainVariant, ...variants.map(({ name }) => name), ...(shadow ? [shadow.name ?? 'shadow'] : [])];
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  const weights = [weight, ...variants.map((variant) => variant.weight ?? 1)];
  const checks: readonly Check[] = [
    ...weights.map((value, index) => {
      const where = index === 0 ? 'weight' : `variants[${index - 1}].weight`;
      return [!(value >= 0 && Number.isFinite(value)), where, `${value} is given; allowed: a number from 0`] as const;
    }),
    [
      weights.every((value) => value === 0),
      'weight',
      'every weight is 0, so that no variant would get a request. Give one of them more',
    ],
    [
      twice.length > 0,
      'variants',
      `two variants are named ${twice.join(', ')}. Give each a name of its own; the first is '${mainVariant}'`,
    ],
    [
      variants.length + 1 > mostVariants,
      'variants',
      `${variants.length + 1} variants are given, an endpoint has at most ${mostVariants}`,
    ],
    [
      shadow && variants.length > 0,
      'shadow',
      'an endpoint with a shadow has one other variant, and there are more. Leave out the shadow, or the variants',
    ],
    [
      shadow && !((shadow.share ?? 1) > 0 && (shadow.share ?? 1) <= 1),
      'shadow.share',
      `${shadow?.share} is given; allowed: a number above 0, to 1`,
    ],
  ];
  return [
    ...variants.flatMap(({ name }, index) => nameProblems(`variants[${index}].name`, name)),
    ...nameProblems('shadow.name', shadow?.name),
    ...problemsOf(checks),
  ];
}

/** The rate that reaches a variant, as a share of the endpoint's. */
function objectiveOf(
  endpoint: EndpointSpec,
  own: VariantSpec | ShadowOptions,
  share: number,
): EndpointSpec['objective'] {
  if (own.objective) return own.objective;
  const rate = endpoint.objective?.requestsPerSecond;
  return rate === undefined || share === 0
    ? endpoint.objective
    : { ...endpoint.objective, requestsPerSecond: Math.max(share * rate, Number.MIN_VALUE) };
}

/**
 * Every variant, the main one first. The main one is planned for all requests, so that another can be taken away at any time; the others
 * for their share.
 */
export function variantsOf(spec: EndpointSpec & AskedVariants & { readonly image?: ContainerImage }): Variant[] {
  const { weight = 1, variants = [], shadow, image } = spec;
  const sum = variants.reduce((total, variant) => total + (variant.weight ?? 1), weight) || 1;
  const { hardware: _, scaling: __, measurements, ...shared } = spec;
  const main = { name: mainVariant, weight, shadow: false, where: '', spec, image };
  const others = variants.map((variant, index): Variant => {
    const { name, weight: own = 1, image: its, ...rest } = variant;
    const objective = objectiveOf(spec, variant, own / sum);
    return {
      ...{ name, weight: own, shadow: false, where: `variants[${index}].`, image: its },
      spec: { ...shared, measurements, ...rest, objective } as EndpointSpec,
    };
  });
  if (!shadow) return [main, ...others];
  const { name = 'shadow', share = 1, image: its, ...rest } = shadow;
  const objective = objectiveOf(spec, shadow, share);
  const listener: Variant = {
    ...{ name, weight: weight * share, shadow: true, where: 'shadow.', image: its },
    spec: { ...shared, measurements, ...rest, objective } as EndpointSpec,
  };
  return [main, ...others, listener];
}

/** Machine types in the order in which SageMaker tries them. Fallbacks are for accelerators that a region has run out of. */
export function machineTypesOf({ hardware }: EndpointPlan): readonly string[] {
  const { chosen, fallbacks } = hardware;
  const types = [chosen, ...fallbacks].map(({ name }) => name);
  return chosen.accelerator === null ? types.slice(0, 1) : types.slice(0, 5);
}

/** The types as a variant names them: one, or several by rank. */
export function machinesOf(plan: EndpointPlan, types = machineTypesOf(plan)) {
  if (types.length === 1) return { instanceType: types[0]! };
  return { instancePools: types.map((instanceType, index) => ({ instanceType, priority: index + 1 })) };
}

/** The version of SageMaker's machine image that fits the accelerator's runtime. */
export function machineImageOf({ hardware }: EndpointPlan): { inferenceAmiVersion?: string } {
  const ami = runtimeFor('aws-sagemaker', hardware.chosen.accelerator).inferenceAmiVersion;
  return ami === null ? {} : { inferenceAmiVersion: ami };
}

/** A reservation of capacity for machine learning. */
export interface CapacityReservation {
  /** ARN of the reservation. */
  readonly mlReservationArn: string;
  /**
   * Whether machines beyond the reservation are refused.
   *
   * @default true
   */
  readonly only?: boolean;
}

/** A variant with machines of its own, as SageMaker takes it. */
export function machineVariant(
  { name, weight }: Pick<Variant, 'name' | 'weight'>,
  plan: EndpointPlan,
  model: sagemaker.CfnModel,
  reservation?: CapacityReservation,
): sagemaker.CfnEndpointConfig.ProductionVariantProperty {
  const types = reservation ? machineTypesOf(plan).slice(0, 1) : machineTypesOf(plan);
  return {
    variantName: name,
    modelName: model.attrModelName,
    initialInstanceCount: plan.hardware.candidate.replicas,
    initialVariantWeight: weight,
    ...machinesOf(plan, types),
    ...startTimes(plan),
    routingConfig: { routingStrategy: 'LEAST_OUTSTANDING_REQUESTS' },
    ...machineImageOf(plan),
    ...(reservation && {
      capacityReservationConfig: {
        mlReservationArn: reservation.mlReservationArn,
        ...(reservation.only !== false && { capacityReservationPreference: 'capacity-reservations-only' }),
      },
    }),
  };
}
