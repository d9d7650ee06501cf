/** A SageMaker real-time endpoint from one description: plan in, resources out. */

import { Annotations, ArnFormat, CfnOutput, Lazy, Names, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { type Problem, ProblemsError } from '../../lib/errors.js';
import { cloud } from '../../lib/hardware/offer.js';
import { endpointName } from '../../lib/model/model.js';
import { type EndpointPlan, planEndpoint } from '../../lib/plan.js';
import { platformFacts, runtimeFor } from '../../lib/platforms.js';
import type { EndpointSpec } from '../../lib/spec.js';
import { type VariantAlarms, variantAlarms } from './alarms.js';
import { ContainerImage } from './container-image.js';
import { dashboardWidgets } from './dashboard.js';
import { ModelEndpointBase } from './endpoint-base.js';
import { executionRole } from './execution-role.js';
import { type ImportedEndpoint, importedEndpoint } from './imported-endpoint.js';
import { hasLocalStorage } from './machine-storage.js';
import { deploymentConfig, type RolloutOptions, rolloutProblems } from './rollout.js';
import { type ScalingSchedule, scaleVariant, targetShare } from './scaling.js';

/** A model endpoint on SageMaker: what every platform's description has, and what is this cloud's own. */
export interface ModelEndpointProps extends EndpointSpec {
  /**
   * Name of the endpoint: letters, digits and hyphens, 1 to 63. Another name is another endpoint.
   *
   * @default - made of the stack's and the construct's names
   */
  readonly endpointName?: string;
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
  /**
   * The role that the container runs with. It has to trust `sagemaker.amazonaws.com`; what image and key need is added to it.
   *
   * @default - a role of least privilege
   */
  readonly role?: iam.IRole;
  /**
   * Network whose addresses the container can reach.
   *
   * @default - SageMaker's own network
   */
  readonly vpc?: ec2.IVpc;
  /** @default - private subnets with a way out */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /** @default - a group that lets everything out and nothing in */
  readonly securityGroups?: readonly ec2.ISecurityGroup[];
  /**
   * Cut the container off from every network, S3 and ECR included. The image then has to hold the model, as it does by default.
   *
   * @default false
   */
  readonly networkIsolation?: boolean;
  /**
   * Key of the machines' disks. Machine types with local storage take none: their disks are encrypted by themselves.
   *
   * @default - a key with yearly rotation, where the machine types take one
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * Environment variables of the container, for hooks.
   *
   * @default - none
   */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Times at which the bounds of scaling change.
   *
   * @default - none
   */
  readonly schedules?: readonly ScalingSchedule[];
  /** @default - a canary of 25 %, watched for 10 minutes, taken back on the endpoint's own alarms */
  readonly rollout?: RolloutOptions;
  /**
   * Topics that are told when an alarm goes off and when it ends.
   *
   * @default - none
   */
  readonly notify?: readonly sns.ITopic[];
  /**
   * A dashboard of yours that gets the widgets; `false` for none.
   *
   * @default - a new one
   */
  readonly dashboard?: cloudwatch.Dashboard | false;
}

/** The resources behind an endpoint, to override what no option says. */
export interface ModelEndpointResources {
  readonly model: sagemaker.CfnModel;
  readonly config: sagemaker.CfnEndpointConfig;
  readonly endpoint: sagemaker.CfnEndpoint;
}

const theVariant = 'main';
const namePattern = /^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/;

/** SageMaker waits so long for a container to answer /ping, seconds, and at most an hour. */
const startSeconds = (modelBytes: number): number => Math.min(3600, 600 + Math.ceil((modelBytes / 1e9) * 120));

/**
 * A real-time endpoint: machine, image, role, scaling, rollout, alarms and dashboard from one description.
 *
 * Cost: that of its machines, all hours of the month (`plan.hardware.candidate.monthlyUsd`, an output of the stack), a key ($1 a month) and
 * $0.10 a month for each alarm's metric.
 *
 * @throws ProblemsError at synth, with everything that is wrong at once
 */
export class ModelEndpoint extends ModelEndpointBase {
  /** An endpoint of this account and region by its name. */
  static fromEndpointName(scope: Construct, id: string, name: string): ImportedEndpoint {
    const arn = Stack.of(scope).formatArn({ service: 'sagemaker', resource: 'endpoint', resourceName: name });
    return importedEndpoint(scope, id, arn, theVariant);
  }

  /** An endpoint by its ARN, of another account or region too. */
  static fromEndpointArn(scope: Construct, id: string, arn: string): ImportedEndpoint {
    return importedEndpoint(scope, id, arn, theVariant);
  }

  readonly endpointArn: string;
  readonly endpointName: string;
  readonly variantName = theVariant;
  /** Everything that was decided. */
  readonly plan: EndpointPlan;
  readonly role: iam.IRole;
  readonly grantPrincipal: iam.IPrincipal;
  readonly imageUri: string;
  /** Null where the machine types take none. */
  readonly encryptionKey: kms.IKey | null;
  /** Null with `dashboard: false`. */
  readonly dashboard: cloudwatch.Dashboard | null;
  readonly alarms: VariantAlarms;
  readonly connections: ec2.Connections;
  readonly resources: ModelEndpointResources;

  constructor(scope: Construct, id: string, props: ModelEndpointProps) {
    super(scope, id);
    const { region } = Stack.of(this);
    const known = !Token.isUnresolved(region);
    this.plan = planned(props, known ? region : null);
    if (!known) {
      Annotations.of(this).addWarningV2(
        'slipway:region',
        `The stack's region is not known, so the machine is chosen by the prices of ${platformFacts('aws-sagemaker').referenceRegion}. Give the stack env: { region }.`,
      );
    }
    for (const warning of this.plan.hardware.warnings) Annotations.of(this).addWarningV2('slipway:lock', warning);

    const name = props.endpointName ?? Names.uniqueResourceName(this, { maxLength: 63, separator: '-' });
    const { hardware, profile } = this.plan;
    const types = [hardware.chosen, ...hardware.fallbacks].map((machine) => machine.name);
    // Fallbacks are for accelerators that a region has run out of.
    const pools = hardware.chosen.accelerator !== null && types.length > 1 ? types.slice(0, 5) : null;
    const used = pools ?? [types[0]!];

    this.role = props.role ?? executionRole(this, name, props.vpc !== undefined);
    this.grantPrincipal = this.role.grantPrincipal;
    this.imageUri = (props.image ?? ContainerImage.fromPlan()).bind(this, this.plan, this.role).imageUri;
    this.encryptionKey = used.some(hasLocalStorage) ? null : (props.encryptionKey ?? diskKey(this));
    this.encryptionKey?.grantEncryptDecrypt(this.role);
    this.connections = new ec2.Connections({ securityGroups: network(this, props) });

    const model = new sagemaker.CfnModel(this, 'Model', {
      executionRoleArn: this.role.roleArn,
      primaryContainer: {
        image: this.imageUri,
        environment: { ...props.environment },
      },
      ...(props.networkIsolation && { enableNetworkIsolation: true }),
      ...(props.vpc && {
        vpcConfig: {
          subnets: props.vpc.selectSubnets(props.vpcSubnets).subnetIds,
          securityGroupIds: this.connections.securityGroups.map(({ securityGroupId }) => securityGroupId),
        },
      }),
    });
    // Without the role's policies SageMaker cannot pull the image, and the stack rolls back.
    model.node.addDependency(this.role);

    const modelBytes = profile.fileBytes + profile.externalData.reduce((sum, { bytes }) => sum + bytes, 0);
    const ami = runtimeFor('aws-sagemaker', hardware.chosen.accelerator).inferenceAmiVersion;
    const { replicas } = hardware.candidate;
    const config = new sagemaker.CfnEndpointConfig(this, 'Config', {
      ...(this.encryptionKey && { kmsKeyId: this.encryptionKey.keyArn }),
      metricsConfig: { enableEnhancedMetrics: true },
      productionVariants: [
        {
          variantName: theVariant,
          modelName: model.attrModelName,
          initialInstanceCount: replicas,
          initialVariantWeight: 1,
          ...(pools
            ? { instancePools: pools.map((instanceType, index) => ({ instanceType, priority: index + 1 })) }
            : { instanceType: used[0]! }),
          containerStartupHealthCheckTimeoutInSeconds: startSeconds(modelBytes),
          routingConfig: { routingStrategy: 'LEAST_OUTSTANDING_REQUESTS' },
          ...(ami && { inferenceAmiVersion: ami }),
        },
      ],
    });

    this.endpointName = name;
    this.endpointArn = this.stack.formatArn({
      service: 'sagemaker',
      resource: 'endpoint',
      // Names in ARNs are in lower case.
      resourceName: Token.isUnresolved(name) ? name : name.toLowerCase(),
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
    const { chosen } = hardware;
    this.alarms = variantAlarms(this, this.plan.monitoring, this.metrics(), chosen);
    for (const { alarm } of this.alarms.alerts) {
      for (const topic of props.notify ?? []) notifyOf(alarm, topic);
    }

    const endpoint = new sagemaker.CfnEndpoint(this, 'Endpoint', {
      endpointName: name,
      endpointConfigName: config.attrEndpointConfigName,
      retainAllVariantProperties: true,
      deploymentConfig: deploymentConfig(props.rollout ?? {}, this.alarms.rollback),
    });
    this.resources = { model, config, endpoint };

    const min = props.scaling?.min ?? replicas;
    scaleVariant(this, `endpoint/${endpoint.attrEndpointName}/variant/${theVariant}`, {
      min,
      max: props.scaling?.max ?? 4 * Math.max(min, replicas),
      target: concurrencyTarget(this.plan),
      schedules: props.schedules ?? [],
    });

    this.dashboard =
      props.dashboard === false ? null : (props.dashboard ?? new cloudwatch.Dashboard(this, 'Dashboard'));
    this.dashboard?.addWidgets(
      ...dashboardWidgets(this.plan.monitoring, this.metrics(), {
        ...chosen,
        usdPerHour: chosen.price?.usdPerHour ?? null,
      }),
    );
    outputs(this, endpoint, config);
  }
}

/** Requests in flight on one machine that scaling steers to. */
function concurrencyTarget({ hardware }: EndpointPlan): number {
  const { workers, candidate } = hardware;
  const atOnce = Math.max(workers ?? 1, candidate.batch, 1);
  return Math.max(1, Math.floor(10 * targetShare * atOnce) / 10);
}

/** The part of the options that every platform has. */
const shared = ({
  model,
  objective,
  hardware,
  measurements,
  optimization,
  scaling,
  serving,
  monitoring,
}: EndpointSpec) =>
  ({ model, objective, hardware, measurements, optimization, scaling, serving, monitoring }) as EndpointSpec;

/** Every problem of the description and of this platform's own options, at once. */
function planned(props: ModelEndpointProps, region: string | null): EndpointPlan {
  const own = ownProblems(props);
  let plan: EndpointPlan | undefined;
  try {
    plan = planEndpoint(shared(props), cloud('aws-sagemaker', region === null ? {} : { region }));
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    own.unshift(...error.problems);
  }
  if (own.length > 0 || !plan) {
    throw new ProblemsError(`Endpoint '${endpointName(props.model)}' cannot be planned`, own);
  }
  return plan;
}

function ownProblems(props: ModelEndpointProps): Problem[] {
  const problems: Problem[] = [...rolloutProblems(props.rollout ?? {})];
  const { endpointName: name, vpc, vpcSubnets, securityGroups, environment = {}, schedules = [] } = props;
  if (name !== undefined && !Token.isUnresolved(name) && !namePattern.test(name)) {
    problems.push({
      where: 'endpointName',
      what: `'${name}' is no name for SageMaker. Give 1 to 63 letters, digits and hyphens, none at an end`,
    });
  }
  if (vpc === undefined && (vpcSubnets !== undefined || securityGroups !== undefined)) {
    problems.push({ where: 'vpc', what: 'subnets or security groups are given, and no network. Give vpc, too' });
  }
  if (props.networkIsolation && vpc !== undefined) {
    problems.push({
      where: 'networkIsolation',
      what: 'an isolated container reaches no network. Leave out vpc, or isolation',
    });
  }
  for (const key of Object.keys(environment)) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(key)) {
      problems.push({ where: 'environment', what: `'${key}' is no name of a variable. Give letters, digits and _` });
    }
  }
  for (const [index, { min, max }] of schedules.entries()) {
    if (min === undefined && max === undefined) {
      problems.push({ where: `schedules[${index}]`, what: 'it changes nothing. Give min, max or both' });
    }
    if (min !== undefined && max !== undefined && min > max) {
      problems.push({ where: `schedules[${index}]`, what: `min ${min} is above max ${max}` });
    }
  }
  return problems;
}

function diskKey(scope: Construct): kms.Key {
  return new kms.Key(scope, 'Key', {
    enableKeyRotation: true,
    // It encrypts the disks of machines that end with the endpoint, and nothing that stays.
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

function network(scope: Construct, { vpc, securityGroups }: ModelEndpointProps): ec2.ISecurityGroup[] {
  if (!vpc) return [];
  if (securityGroups) return [...securityGroups];
  return [new ec2.SecurityGroup(scope, 'SecurityGroup', { vpc, description: 'Containers of a SageMaker endpoint' })];
}

function notifyOf(alarm: cloudwatch.IAlarm, topic: sns.ITopic): void {
  if (!(alarm instanceof cloudwatch.AlarmBase)) return;
  alarm.addAlarmAction(new actions.SnsAction(topic));
  alarm.addOkAction(new actions.SnsAction(topic));
}

function outputs(scope: ModelEndpoint, endpoint: sagemaker.CfnEndpoint, config: sagemaker.CfnEndpointConfig): void {
  const { candidate } = scope.plan.hardware;
  const output = (id: string, value: string, description: string) =>
    new CfnOutput(scope, id, { value: Lazy.string({ produce: () => value }), description });
  output('Name', endpoint.attrEndpointName, 'Name of the endpoint');
  output(
    'ConfigName',
    config.attrEndpointConfigName,
    'Its configuration: an older one after a rollout that was taken back',
  );
  if (candidate.monthlyUsd !== null) {
    output(
      'MonthlyUsd',
      candidate.monthlyUsd.toFixed(2),
      `Its machines for 730 hours, prices of ${candidate.priceDate ?? 'an unknown date'}`,
    );
  }
  if (scope.plan.optimization) output('Optimization', scope.plan.optimization.verdict, 'What the lock keeps');
}
