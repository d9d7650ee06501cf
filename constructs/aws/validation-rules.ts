/** Rules for SageMaker endpoints of any origin, as a plugin that the CDK runs over every template of an app. */

import { readFileSync } from 'node:fs';
import type {
  IPolicyValidationContext,
  IPolicyValidationPlugin,
  PolicyValidationPluginReport,
  PolicyValidationStack,
  PolicyViolation,
} from 'aws-cdk-lib';
import { machineTypes, regionsOf } from '../../lib/hardware/catalogue/tables.js';
import { hasLocalStorage } from '../../lib/hardware/sagemaker.js';
import { packageVersion } from '../../lib/image/labels.js';

/** What the rules ask for. */
export interface EndpointRulesOptions {
  /**
   * Machines of a variant that is always on, least.
   *
   * @default 2
   */
  readonly minMachines?: number;
  /**
   * Whether containers have to be in a network of yours.
   *
   * @default false
   */
  readonly requireVpc?: boolean;
}

interface ResourceJson {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
}
type Resources = Readonly<Record<string, ResourceJson>>;

interface Place {
  readonly id: string;
  readonly properties: Record<string, unknown>;
  readonly resources: Resources;
  readonly region: string | undefined;
  readonly options: Required<EndpointRulesOptions>;
}

interface Rule {
  readonly id: string;
  readonly type: string;
  readonly description: string;
  readonly fix: string;
  /** Where the rule is broken, as paths of properties; nothing where it holds. */
  readonly check: (place: Place) => readonly string[];
}

interface VariantJson {
  readonly InstanceType?: unknown;
  readonly InstancePools?: readonly { readonly InstanceType?: unknown }[];
  readonly InitialInstanceCount?: unknown;
  readonly VolumeSizeInGB?: unknown;
  readonly ServerlessConfig?: unknown;
  readonly ManagedInstanceScaling?: unknown;
}

const list = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

/** Variants of a configuration with their places; what is known only at deployment is left out. */
const variantsIn = ({ properties }: Place): readonly (readonly [path: string, variant: VariantJson])[] =>
  ['ProductionVariants', 'ShadowProductionVariants'].flatMap((group) =>
    list(properties[group]).map((variant, index) => [`${group}/${index}`, variant as VariantJson] as const),
  );

const typesOf = ({ InstanceType, InstancePools = [] }: VariantJson): string[] =>
  [InstanceType, ...InstancePools.map((pool) => pool.InstanceType)].filter((type) => typeof type === 'string');

const wide = (action: unknown): boolean => action === '*' || action === 'sagemaker:*';

const trustsSageMaker = (properties: Record<string, unknown>): boolean =>
  JSON.stringify(properties.AssumeRolePolicyDocument ?? '').includes('sagemaker.amazonaws.com');

const config = 'AWS::SageMaker::EndpointConfig';

const rules: readonly Rule[] = [
  {
    id: 'slipway-disk-key',
    type: config,
    description: 'The disks of the machines have no key of yours.',
    fix: 'Set KmsKeyId.',
    check: (place) =>
      place.properties.KmsKeyId === undefined &&
      !variantsIn(place).some(([, variant]) => typesOf(variant).some(hasLocalStorage))
        ? ['KmsKeyId']
        : [],
  },
  {
    id: 'slipway-local-storage',
    type: config,
    description: 'SageMaker refuses a key and a volume size for machine types with disks of their own.',
    fix: 'Remove KmsKeyId and VolumeSizeInGB, or take other machine types.',
    check: (place) =>
      variantsIn(place)
        .filter(([, variant]) => typesOf(variant).some(hasLocalStorage))
        .flatMap(([path, variant]) => [
          ...(place.properties.KmsKeyId === undefined ? [] : ['KmsKeyId']),
          ...(variant.VolumeSizeInGB === undefined ? [] : [`${path}/VolumeSizeInGB`]),
        ]),
  },
  {
    id: 'slipway-machine-type',
    type: config,
    description: 'The region does not host endpoints on this machine type.',
    fix: 'Take a type that it hosts: slipway plan MODEL --platform aws-sagemaker --region REGION.',
    check: (place) => {
      const { region } = place;
      if (region === undefined || !regionsOf('aws-sagemaker').includes(region)) return [];
      const hosted = machineTypes('aws-sagemaker').filter(
        ({ regions }) => regions === null || regions.includes(region),
      );
      return variantsIn(place).flatMap(([path, variant]) =>
        typesOf(variant)
          .filter((type) => !hosted.some(({ name }) => name === type))
          .map((type) => `${path} (${type})`),
      );
    },
  },
  {
    id: 'slipway-machine-count',
    type: config,
    description: 'A variant that is always on has too few machines to lose one.',
    fix: 'Raise InitialInstanceCount, or lower minMachines where an hour without answers does no harm.',
    check: (place) =>
      place.properties.AsyncInferenceConfig === undefined
        ? variantsIn(place)
            .filter(([path]) => path.startsWith('Production'))
            .filter(([, { ServerlessConfig, ManagedInstanceScaling }]) => !ServerlessConfig && !ManagedInstanceScaling)
            .filter(
              ([, { InitialInstanceCount: count }]) => typeof count === 'number' && count < place.options.minMachines,
            )
            .map(([path]) => `${path}/InitialInstanceCount`)
        : [],
  },
  {
    id: 'slipway-config-name',
    type: config,
    description: 'A configuration is replaced on every change, and one with a fixed name stands in its own way.',
    fix: 'Remove EndpointConfigName.',
    check: ({ properties }) => (properties.EndpointConfigName === undefined ? [] : ['EndpointConfigName']),
  },
  {
    id: 'slipway-rollback',
    type: 'AWS::SageMaker::Endpoint',
    description: 'No alarm takes a failed rollout back.',
    fix: 'Set DeploymentConfig.AutoRollbackConfiguration.',
    check: ({ properties, resources }) => {
      const { AutoRollbackConfiguration: rollback } = (properties.DeploymentConfig ?? {}) as Record<string, unknown>;
      const components = Object.values(resources).some(({ Type }) => Type === 'AWS::SageMaker::InferenceComponent');
      return rollback || components ? [] : ['DeploymentConfig/AutoRollbackConfiguration'];
    },
  },
  {
    id: 'slipway-network',
    type: 'AWS::SageMaker::Model',
    description: 'The container is not in a network of yours.',
    fix: 'Set VpcConfig.',
    check: ({ properties, options }) =>
      options.requireVpc && properties.VpcConfig === undefined && properties.EnableNetworkIsolation !== true
        ? ['VpcConfig']
        : [],
  },
  {
    id: 'slipway-role',
    type: 'AWS::IAM::Role',
    description: 'The role of a container may do far more than serve.',
    fix: 'Leave out managed policies of full access and actions for everything; ModelEndpoint makes a role of least privilege.',
    check: ({ id, properties, resources }) => {
      if (!trustsSageMaker(properties)) return [];
      const managed = JSON.stringify(properties.ManagedPolicyArns ?? []).includes('FullAccess');
      const attached = Object.values(resources).filter(
        ({ Type, Properties }) =>
          Type === 'AWS::IAM::Policy' && JSON.stringify(Properties?.Roles ?? []).includes(`"${id}"`),
      );
      const documents = [
        ...list(properties.Policies).map((policy) => (policy as { PolicyDocument?: unknown }).PolicyDocument),
        ...attached.map(({ Properties }) => Properties?.PolicyDocument),
      ] as { Statement?: unknown }[];
      const statements = documents.flatMap((document) => list(document?.Statement)) as {
        Effect?: string;
        Action?: unknown;
      }[];
      const everything = statements.some(({ Effect, Action }) => Effect === 'Allow' && list(Action).some(wide));
      return [...(managed ? ['ManagedPolicyArns'] : []), ...(everything ? ['Policies'] : [])];
    },
  },
];

function violationsIn(stack: PolicyValidationStack, options: Required<EndpointRulesOptions>): PolicyViolation[] {
  const { templatePath } = stack;
  const { Resources: resources = {} } = JSON.parse(readFileSync(templatePath, 'utf8')) as { Resources?: Resources };
  return rules.flatMap(({ id: ruleName, type, description, fix, check }) => {
    const violatingResources = Object.entries(resources)
      .filter(([, resource]) => resource.Type === type)
      .flatMap(([id, { Properties: properties = {} }]) => {
        const locations = check({ id, properties, resources, region: stack.region, options });
        return locations.length > 0 ? [{ resourceLogicalId: id, templatePath, locations: [...locations] }] : [];
      });
    return violatingResources.length > 0 ? [{ ruleName, description, fix, severity: 'error', violatingResources }] : [];
  });
}

/**
 * Rules for SageMaker endpoints: `Validations.of(app).addPlugins(new EndpointRules())`. A template that breaks one fails the synthesis.
 * They look at endpoints from any library, and at every stack of the app.
 */
export class EndpointRules implements IPolicyValidationPlugin {
  readonly name = 'Slipway';
  readonly version = packageVersion();
  readonly ruleIds = rules.map(({ id }) => id);
  private readonly options: Required<EndpointRulesOptions>;

  constructor({ minMachines = 2, requireVpc = false }: EndpointRulesOptions = {}) {
    this.options = { minMachines, requireVpc };
  }

  validate({ stackTemplates }: IPolicyValidationContext): PolicyValidationPluginReport {
    const violations = stackTemplates.flatMap((stack) => violationsIn(stack, this.options));
    return { success: violations.length === 0, violations };
  }
}
