/** A SageMaker asynchronous endpoint: requests wait in a queue, answers go to a bucket, and no machine runs while nobody asks. */

import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { type Check, type Problem, problemsOf } from '../../lib/errors.js';
import { hasLocalStorage } from '../../lib/hardware/sagemaker.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { boundsProblems } from '../../lib/scheduled-bounds.js';
import { acknowledge, localStorage } from './acknowledged-findings.js';
import { acknowledgeQuietAlarms, notifyAll } from './alarms.js';
import { ContainerImage } from './container-image.js';
import { containerModel } from './container-model.js';
import { budget, budgetProblems } from './cost-guards.js';
import { invokeActions, ModelEndpointBase } from './endpoint-base.js';
import { type EndpointOptions, optionProblems } from './endpoint-options.js';
import { endpointOutputs, monthlyUsd } from './endpoint-outputs.js';
import { planModels } from './endpoint-plan.js';
import { afterPolicies } from './execution-role.js';
import { foundation, sageMakerArn } from './foundation.js';
import { type ImportedEndpoint, importedEndpoint } from './imported-endpoint.js';
import { grantRead, grantWrite, lockedBucket } from './locked-bucket.js';
import { containerNetwork, type NetworkOptions, networkProblems, privateAccess, securityGroupsOf } from './network.js';
import { type QueueAlarms, queueAlarms, queueMetrics, queueWidgets } from './queue-monitoring.js';
import { asyncRequestCommand } from './request-command.js';
import { deploymentConfig, rolloutProblems, tellFailedRollout } from './rollout.js';
import { boundsOf, followBacklog, type ScalingSchedule, scalableTarget, wakeUp } from './scaling.js';
import { machineTypesOf, machineVariant, mainVariant } from './variant.js';

/** An asynchronous endpoint on SageMaker. */
export interface AsyncModelEndpointProps extends EndpointOptions, NetworkOptions {
  /**
   * Bucket of requests (`input/`), answers (`output/`) and failures (`failed/`).
   *
   * @default - a new one: encrypted, closed to the public, its objects removed after 30 days; it stays when the stack goes
   */
  readonly bucket?: s3.IBucket;
  /**
   * Topic that is told of every answer.
   *
   * @default - none
   */
  readonly successTopic?: sns.ITopic;
  /**
   * Topic that is told of every failure.
   *
   * @default - none
   */
  readonly errorTopic?: sns.ITopic;
  /**
   * Requests that one machine gets at once, whole, 1 to 1000.
   *
   * @default - what it works on at once by the plan
   */
  readonly maxConcurrency?: number;
  /**
   * Requests waiting for each machine that scaling steers to, above 0.
   *
   * @default 5
   */
  readonly backlogPerMachine?: number;
  /**
   * Times at which the bounds of scaling change.
   *
   * @default - none
   */
  readonly schedules?: readonly ScalingSchedule[];
}

export interface AsyncModelEndpointResources {
  readonly model: sagemaker.CfnModel;
  readonly config: sagemaker.CfnEndpointConfig;
  readonly endpoint: sagemaker.CfnEndpoint;
}

const folders = { input: 'input', output: 'output', failed: 'failed' } as const;

/**
 * An asynchronous endpoint: a caller puts a request of up to 1 GB into the bucket, names it to the endpoint, and finds the answer in the
 * bucket. Machines start when requests wait and stop when none do: `scaling: { min: 1 }` keeps one.
 *
 * Cost: that of its machines while they run (an output of the stack, by the hour), a key ($1 a month), what the bucket holds.
 *
 * @throws ProblemsError at synth, with everything that is wrong at once
 */
export class AsyncModelEndpoint extends ModelEndpointBase {
  /** An endpoint of this account and region by its name. */
  static fromEndpointName(scope: Construct, id: string, name: string): ImportedEndpoint {
    return importedEndpoint(scope, id, sageMakerArn(scope, 'endpoint', name), mainVariant);
  }

  readonly endpointArn: string;
  readonly endpointName: string;
  readonly variantName = mainVariant;
  readonly plan: EndpointPlan;
  readonly role: iam.IRole;
  readonly grantPrincipal: iam.IPrincipal;
  readonly imageUri: string;
  readonly encryptionKey: kms.IKey;
  readonly bucket: s3.IBucket;
  readonly alarms: QueueAlarms;
  readonly connections: ec2.Connections;
  /** Null with `dashboard: false`. */
  readonly dashboard: cloudwatch.Dashboard | null;
  readonly resources: AsyncModelEndpointResources;

  constructor(scope: Construct, id: string, props: AsyncModelEndpointProps) {
    super(scope, id);
    // Until the scaling of the queue counts, one machine is what is planned for.
    const spec = { ...props, scaling: { ...props.scaling, toZero: undefined, min: props.scaling?.min || undefined } };
    [this.plan] = planModels(
      this,
      [{ where: '', spec: withoutUndefined(spec) }],
      ownProblems(this, props),
      'async',
    ) as [EndpointPlan];
    const { plan } = this;
    const disks = !machineTypesOf(plan).some(hasLocalStorage);
    const { name, role, key } = foundation(this, props, { inVpc: props.vpc !== undefined, encrypts: true });
    this.role = role;
    this.grantPrincipal = role.grantPrincipal;
    this.encryptionKey = key!;
    this.endpointName = name;
    this.endpointArn = sageMakerArn(this, 'endpoint', name);

    const groups = securityGroupsOf(this, props);
    this.connections = new ec2.Connections({ securityGroups: groups });
    const { model, imageUri } = containerModel(this, {
      ...{ plan, role, environment: props.environment, secrets: props.secrets },
      image: props.image ?? ContainerImage.fromPlan(),
      network: containerNetwork(props, groups),
      networkIsolation: props.networkIsolation,
    });
    this.imageUri = imageUri;

    this.bucket = props.bucket ?? lockedBucket(this, 'Requests', key!, 30);
    grantRead(this, role, this.bucket, folders.input);
    for (const folder of [folders.output, folders.failed]) grantWrite(this, role, this.bucket, folder);
    for (const topic of [props.successTopic, props.errorTopic]) topic?.grantPublish(role);

    const { workers, candidate } = plan.hardware;
    const config = new sagemaker.CfnEndpointConfig(this, 'Config', {
      ...(disks && { kmsKeyId: key!.keyArn }),
      metricsConfig: { enableEnhancedMetrics: true },
      productionVariants: [machineVariant({ name: mainVariant, weight: 1 }, plan, model)],
      asyncInferenceConfig: {
        clientConfig: {
          maxConcurrentInvocationsPerInstance:
            props.maxConcurrency ?? Math.min(1000, Math.max(workers ?? 1, candidate.batch, 1)),
        },
        outputConfig: {
          s3OutputPath: this.bucket.s3UrlForObject(folders.output),
          s3FailurePath: this.bucket.s3UrlForObject(folders.failed),
          kmsKeyId: key!.keyArn,
          ...((props.successTopic || props.errorTopic) && {
            notificationConfig: {
              ...(props.successTopic && { successTopic: props.successTopic.topicArn }),
              ...(props.errorTopic && { errorTopic: props.errorTopic.topicArn }),
            },
          }),
        },
      },
    });
    afterPolicies(config, role);
    if (!disks) acknowledge(config, localStorage);

    const target = props.backlogPerMachine ?? 5;
    const metrics = queueMetrics(name);
    this.alarms = queueAlarms(this, metrics, target);
    const endpoint = new sagemaker.CfnEndpoint(this, 'Endpoint', {
      endpointName: name,
      endpointConfigName: config.attrEndpointConfigName,
      retainAllVariantProperties: true,
      excludeRetainedVariantProperties: [{ variantPropertyType: 'DesiredWeight' }],
      deploymentConfig: deploymentConfig(props.rollout ?? {}, [this.alarms.failures]),
    });
    this.resources = { model, config, endpoint };

    const min = props.scaling?.min ?? 0;
    const max = props.scaling?.max ?? boundsOf(plan, props.scaling).max;
    const scalable = scalableTarget(
      this,
      { resourceId: `endpoint/${endpoint.attrEndpointName}/variant/${mainVariant}`, what: 'machines' },
      { min, max },
      props.schedules ?? [],
    );
    followBacklog(scalable, name, target);
    if (min === 0) wakeUp(this, scalable, metrics.asleep);

    const notify = props.notify ?? [];
    notifyAll([this.alarms.failures, this.alarms.backlog, this.alarms.expired], notify);
    acknowledgeQuietAlarms(this, notify.length === 0);
    tellFailedRollout(this, name, notify);
    const cost = monthlyUsd([plan]);
    if (props.monitoring?.budget) budget(this, props.monitoring.budget, cost, notify);
    if (props.privateAccess) privateAccess(this, props, [this.endpointArn], invokeActions);
    this.dashboard =
      props.dashboard === false ? null : (props.dashboard ?? new cloudwatch.Dashboard(this, 'Dashboard'));
    this.dashboard?.addWidgets(...queueWidgets(metrics, this.metrics(), plan.hardware.chosen));
    endpointOutputs(
      this,
      {
        ...{ endpoint, config, plans: [plan] },
        request: asyncRequestCommand(this, plan, endpoint.attrEndpointName, this.bucket.s3UrlForObject(folders.input)),
      },
      { id: 'HourlyUsd', usd: cost === null ? null : cost / 730, what: 'Its machines for each hour that they run' },
    );
  }

  /** Lets `grantee` ask the endpoint, put requests into the bucket, and read answers and failures. */
  override grantInvoke(grantee: iam.IGrantable): iam.Grant {
    const ask = super.grantInvoke(grantee);
    const put = this.bucket.grantPut(grantee, `${folders.input}/*`);
    const read = [folders.output, folders.failed].map((folder) => this.bucket.grantRead(grantee, `${folder}/*`));
    return [put, ...read].reduce((all, grant) => all.combine(grant), ask);
  }
}

/** Options that are not given are no options. */
function withoutUndefined<T extends { scaling?: object }>(spec: T): T {
  const scaling = Object.fromEntries(Object.entries(spec.scaling ?? {}).filter(([, value]) => value !== undefined));
  return { ...spec, scaling };
}

function ownProblems(scope: Construct, props: AsyncModelEndpointProps): Problem[] {
  const { schedules = [], rollout = {}, notify = [], secrets, maxConcurrency, backlogPerMachine, scaling } = props;
  const checks: readonly Check[] = [
    [
      maxConcurrency !== undefined &&
        !(Number.isInteger(maxConcurrency) && maxConcurrency >= 1 && maxConcurrency <= 1000),
      'maxConcurrency',
      `${maxConcurrency} is given; allowed: a whole number from 1 to 1000`,
    ],
    [
      backlogPerMachine !== undefined && !(backlogPerMachine > 0),
      'backlogPerMachine',
      `${backlogPerMachine} is given; allowed: a number above 0`,
    ],
    [
      scaling?.target !== undefined,
      'scaling.target',
      'requests wait here, and scaling steers to how many do. Give backlogPerMachine',
    ],
  ];
  return [
    ...optionProblems(scope, props),
    ...networkProblems(props, secrets !== undefined),
    ...rolloutProblems(rollout),
    ...boundsProblems(schedules, 0),
    ...budgetProblems(props, notify),
    ...problemsOf(checks),
  ];
}
