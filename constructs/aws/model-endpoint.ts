/** A SageMaker real-time endpoint from one description: plans in, resources out. */

import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import { Construct } from 'constructs';
import { type Problem, problemsOf } from '../../lib/errors.js';
import { hasLocalStorage } from '../../lib/hardware/sagemaker.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { boundsProblems } from '../../lib/scheduled-bounds.js';
import { acknowledge, localStorage } from './acknowledged-findings.js';
import { acknowledgeQuietAlarms, notifyAll, type VariantAlarms, variantAlarms, withDetailedAlarms } from './alarms.js';
import { ContainerImage } from './container-image.js';
import { containerModel } from './container-model.js';
import { budget, budgetProblems, idleAlarm } from './cost-guards.js';
import { endpointDashboard } from './dashboard.js';
import { type DataCaptureOptions, dataCapture, dataCaptureProblems } from './data-capture.js';
import { type DriftMonitor, driftMonitor, driftMonitorProblems } from './drift-monitor.js';
import { invokeActions, ModelEndpointBase } from './endpoint-base.js';
import { EndpointMetrics } from './endpoint-metrics.js';
import { type EndpointOptions, optionProblems } from './endpoint-options.js';
import { endpointOutputs, monthlyUsd } from './endpoint-outputs.js';
import { planModels } from './endpoint-plan.js';
import { afterPolicies } from './execution-role.js';
import { foundation, sageMakerArn } from './foundation.js';
import { type ImportedEndpoint, importedEndpoint } from './imported-endpoint.js';
import { componentVariant, inferenceComponent, refusedForCapacity } from './inference-component.js';
import { containerNetwork, type NetworkOptions, networkProblems, privateAccess, securityGroupsOf } from './network.js';
import { requestCommand } from './request-command.js';
import { deploymentConfig, mostAlarms, rollbackProblems, rolloutProblems, tellFailedRollout } from './rollout.js';
import { boundsOf, followConcurrency, type ScalingSchedule, scalableTarget, wakeUp } from './scaling.js';
import {
  type CapacityReservation,
  machineTypesOf,
  machineVariant,
  mainVariant,
  type ShadowOptions,
  type Variant,
  type VariantOptions,
  variantProblems,
  variantsOf,
} from './variant.js';

/** How finely CloudWatch sees the endpoint. */
export interface MetricDetail {
  /**
   * Metrics for each machine and accelerator besides those of the variant.
   *
   * @default true
   */
  readonly perMachine?: boolean;
  /**
   * Time between two values, seconds. Values of less than a minute are kept for three hours.
   *
   * @default 60
   */
  readonly everySeconds?: 10 | 30 | 60 | 120 | 180 | 240 | 300;
  /**
   * SageMaker's detailed observability: a collector of AWS's reads the server's own metrics and those of the machine into CloudWatch, where
   * alarms in PromQL tell what SageMaker's metrics do not: the queue, readiness, slow burns of three days, the disk. Not tried in a real
   * account yet.
   *
   * @default - as SageMaker has it for new endpoints, and no alarms on it
   */
  readonly detailed?: boolean;
}

/** A real-time endpoint on SageMaker. */
export interface ModelEndpointProps extends EndpointOptions, NetworkOptions {
  /**
   * Times at which the bounds of scaling change.
   *
   * @default - none
   */
  readonly schedules?: readonly ScalingSchedule[];
  /**
   * Alarms of yours that take a rollout back, too; at most 10 with the endpoint's own.
   *
   * @default - none
   */
  readonly rollbackAlarms?: readonly cloudwatch.IAlarm[];
  /**
   * Weight of the model that `model` names, beside those of `variants`; at least 0, which is none.
   *
   * @default 1
   */
  readonly weight?: number;
  /**
   * Further models that answer a share of the requests, at most 9.
   *
   * @default - none
   */
  readonly variants?: readonly VariantOptions[];
  /**
   * A model that gets copies of requests and whose answers nobody sees. Not together with `variants`.
   *
   * @default - none
   */
  readonly shadow?: ShadowOptions;
  /**
   * Write a share of requests and answers to a bucket.
   *
   * @default - none
   */
  readonly dataCapture?: DataCaptureOptions;
  /** @default - metrics for each machine, every minute */
  readonly metrics?: MetricDetail;
  /**
   * Machines that you have reserved. Of the planned types the first alone is used then.
   *
   * @default - none
   */
  readonly capacityReservation?: CapacityReservation;
}

/** The resources behind an endpoint, to override what no option says. */
export interface ModelEndpointResources {
  /** By variant, the shadow included. */
  readonly models: Readonly<Record<string, sagemaker.CfnModel>>;
  readonly config: sagemaker.CfnEndpointConfig;
  readonly endpoint: sagemaker.CfnEndpoint;
  /** Null unless the endpoint scales to zero. */
  readonly component: sagemaker.CfnInferenceComponent | null;
}

/** A variant, its plan, and where its resources stand. */
interface Placed {
  readonly variant: Variant;
  readonly plan: EndpointPlan;
  readonly scope: Construct;
  readonly model: sagemaker.CfnModel;
  readonly imageUri: string;
}

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
    return importedEndpoint(scope, id, sageMakerArn(scope, 'endpoint', name), mainVariant);
  }

  /** An endpoint by its ARN, of another account or region too. */
  static fromEndpointArn(scope: Construct, id: string, arn: string): ImportedEndpoint {
    return importedEndpoint(scope, id, arn, mainVariant);
  }

  readonly endpointArn: string;
  readonly endpointName: string;
  readonly variantName = mainVariant;
  /** Everything that was decided about the main variant. */
  readonly plan: EndpointPlan;
  /** By variant, the shadow included. */
  readonly plans: Readonly<Record<string, EndpointPlan>>;
  readonly role: iam.IRole;
  readonly grantPrincipal: iam.IPrincipal;
  /** Of the main variant. */
  readonly imageUri: string;
  /** Null where the machine types take none and nothing is captured. */
  readonly encryptionKey: kms.IKey | null;
  /** Null with `dashboard: false`. */
  readonly dashboard: cloudwatch.Dashboard | null;
  /** Of the main variant. */
  readonly alarms: VariantAlarms;
  /** Null with `monitoring.idleHours` 0, and where the endpoint scales to zero. */
  readonly idleAlarm: cloudwatch.Alarm | null;
  readonly connections: ec2.Connections;
  /** Null without data capture. */
  readonly captureBucket: s3.IBucket | null;
  /** Null without `dataCapture.monitor`. */
  readonly driftMonitor: DriftMonitor | null;
  readonly resources: ModelEndpointResources;

  constructor(scope: Construct, id: string, props: ModelEndpointProps) {
    super(scope, id);
    const toZero = props.scaling?.toZero === true;
    const variants = variantsOf(props);
    const plans = planModels(this, variants, ownProblems(this, props), toZero ? 'scale-to-zero' : undefined);
    this.plan = plans[0]!;
    this.plans = Object.fromEntries(variants.map(({ name }, index) => [name, plans[index]!]));

    const disks = !plans.flatMap(machineTypesOf).some(hasLocalStorage);
    const { name, role, key } = foundation(this, props, {
      inVpc: props.vpc !== undefined,
      encrypts: disks || props.dataCapture !== undefined,
    });
    this.role = role;
    this.grantPrincipal = role.grantPrincipal;
    this.encryptionKey = key;
    this.endpointName = name;
    this.endpointArn = sageMakerArn(this, 'endpoint', name);
    if (toZero) this.component = { name, arn: sageMakerArn(this, 'inference-component', name) };

    const groups = securityGroupsOf(this, props);
    this.connections = new ec2.Connections({ securityGroups: groups });
    const network = containerNetwork(props, groups);
    const placed = variants.map((variant, index) =>
      this.place(variant, plans[index]!, toZero ? { ...props, networkIsolation: false } : { ...props, network }),
    );
    this.imageUri = placed[0]!.imageUri;

    const capture = props.dataCapture ? dataCapture(this, props.dataCapture, role, key!) : null;
    this.captureBucket = capture?.bucket ?? null;
    const bounds = boundsOf(this.plan, props.scaling);
    const config = new sagemaker.CfnEndpointConfig(this, 'Config', {
      ...(key && disks && { kmsKeyId: key.keyArn }),
      metricsConfig: {
        enableEnhancedMetrics: props.metrics?.perMachine ?? true,
        ...(props.metrics?.everySeconds !== undefined && {
          metricPublishFrequencyInSeconds: props.metrics.everySeconds,
        }),
        ...(props.metrics?.detailed !== undefined && { enableDetailedObservability: props.metrics.detailed }),
      },
      ...(capture && { dataCaptureConfig: capture.config }),
      ...(toZero
        ? {
            executionRoleArn: role.roleArn,
            ...(network && { vpcConfig: network }),
            ...(props.networkIsolation && { enableNetworkIsolation: true }),
            productionVariants: [componentVariant(this.plan, bounds.max)],
          }
        : variantProperties(placed, props.capacityReservation)),
    });
    afterPolicies(config, role);
    if (!disks) acknowledge(config, localStorage);

    const own = placed.filter(({ variant }) => !variant.shadow);
    const alarms = own.map(({ variant, plan, scope: at }) => {
      const usual = variantAlarms(at, plan.monitoring, this.metricsOf(variant.name), plan.hardware.chosen);
      const collected = { endpoint: name, variant: variant.name };
      return props.metrics?.detailed ? withDetailedAlarms(at, plan.monitoring, collected, usual) : usual;
    });
    this.alarms = alarms[0]!;
    const rollback = [...(props.rollbackAlarms ?? []), ...alarms.flatMap((each) => each.rollback)].slice(0, mostAlarms);

    const scaled = !toZero && (own.some(({ variant, plan }) => scales(variant, plan)) || props.schedules !== undefined);
    const endpoint = new sagemaker.CfnEndpoint(this, 'Endpoint', {
      endpointName: name,
      endpointConfigName: config.attrEndpointConfigName,
      ...(!toZero && {
        // Counts that scaling has set stay on an update; weights are what the description says.
        ...(scaled && {
          retainAllVariantProperties: true,
          excludeRetainedVariantProperties: [{ variantPropertyType: 'DesiredWeight' }],
        }),
        deploymentConfig: deploymentConfig(props.rollout ?? {}, rollback),
      }),
    });

    const monitor = props.dataCapture?.monitor;
    this.driftMonitor =
      monitor && capture ? driftMonitor(this, monitor, { ...capture, key: key!, endpoint, endpointName: name }) : null;

    const schedules = props.schedules ?? [];
    const component = toZero
      ? inferenceComponent(this, {
          name,
          endpointName: endpoint.attrEndpointName,
          plan: this.plan,
          model: placed[0]!.model,
          rollout: props.rollout ?? {},
          rollbackAlarms: rollback,
        })
      : null;
    if (component) {
      const target = scalableTarget(
        this,
        { resourceId: `inference-component/${name}`, what: 'copies' },
        { min: 0, max: bounds.max },
        schedules,
      );
      // The resource id is a name that refers to nothing.
      target.node.addDependency(component);
      followConcurrency(target, 'copies', bounds.target);
      wakeUp(this, target, refusedForCapacity(name));
    } else if (scaled) {
      for (const { variant, plan, scope: at } of own) {
        const its = boundsOf(plan, variant.spec.scaling);
        const target = scalableTarget(
          at,
          { resourceId: `endpoint/${endpoint.attrEndpointName}/variant/${variant.name}`, what: 'machines' },
          its,
          at === this ? schedules : [],
        );
        if (its.max > its.min || (at === this && schedules.length > 0)) {
          followConcurrency(target, 'machines', its.target);
        }
      }
    }
    this.resources = {
      models: Object.fromEntries(placed.map(({ variant, model }) => [variant.name, model])),
      config,
      endpoint,
      component,
    };

    const cost = monthlyUsd(plans);
    const idleHours = props.monitoring?.idleHours ?? 24;
    this.idleAlarm = toZero || idleHours === 0 ? null : idleAlarm(this, this.metrics(), idleHours, cost);
    const notify = props.notify ?? [];
    notifyAll([...alarms.flatMap((each) => each.alerts.map(({ alarm }) => alarm)), this.idleAlarm], notify);
    acknowledgeQuietAlarms(this, notify.length === 0);
    tellFailedRollout(this, name, notify);
    if (props.monitoring?.budget) budget(this, props.monitoring.budget, cost, notify);
    if (props.privateAccess) {
      const arns = [this.endpointArn, ...(this.component ? [this.component.arn] : [])];
      privateAccess(this, props, arns, invokeActions);
    }
    this.dashboard = endpointDashboard(
      this,
      props.dashboard,
      own.map(({ variant, plan }) => ({ name: variant.name, plan, metrics: this.metricsOf(variant.name) })),
    );
    endpointOutputs(
      this,
      {
        endpoint,
        config,
        plans,
        request: requestCommand(this, this.plan, endpoint.attrEndpointName, this.component?.name),
      },
      toZero
        ? { id: 'HourlyUsd', usd: cost === null ? null : cost / 730, what: 'Its machines for each hour that they run' }
        : { id: 'MonthlyUsd', usd: cost, what: 'Its machines for 730 hours' },
    );
  }

  /** Metrics of a variant. */
  metricsOf(variantName: string): EndpointMetrics {
    return new EndpointMetrics(this.endpointName, variantName, this.component?.name);
  }

  /** The main variant's resources stand right under the endpoint, another's under its name. */
  private place(
    variant: Variant,
    plan: EndpointPlan,
    props: ModelEndpointProps & { readonly network?: ReturnType<typeof containerNetwork> },
  ): Placed {
    const scope = variant.name === mainVariant ? this : new Construct(this, variant.name);
    const { environment, secrets, network, networkIsolation } = props;
    const image = variant.image ?? ContainerImage.fromPlan();
    const parts = { plan, image, role: this.role, environment, secrets, network, networkIsolation };
    return { variant, plan, scope, ...containerModel(scope, parts) };
  }
}

const scales = ({ spec }: Variant, plan: EndpointPlan): boolean => {
  const { min, max } = boundsOf(plan, spec.scaling);
  return max > min;
};

function variantProperties(placed: readonly Placed[], reservation: CapacityReservation | undefined) {
  const properties = (shadow: boolean) =>
    placed
      .filter(({ variant }) => variant.shadow === shadow)
      .map(({ variant, plan, model }) =>
        machineVariant(variant, plan, model, variant.name === mainVariant ? reservation : undefined),
      );
  const shadows = properties(true);
  return { productionVariants: properties(false), ...(shadows.length > 0 && { shadowProductionVariants: shadows }) };
}

/** What does not go together with scaling to zero: components take one model, one type and no blue/green. */
function toZeroProblems({ variants, shadow, capacityReservation, rollout }: ModelEndpointProps): Problem[] {
  return problemsOf([
    [
      variants?.length,
      'variants',
      'an endpoint that scales to zero serves one model. Leave out toZero, or the variants',
    ],
    [shadow, 'shadow', 'an endpoint that scales to zero serves one model. Leave out toZero, or the shadow'],
    [
      capacityReservation,
      'capacityReservation',
      'reserved machines are paid for around the clock. Leave out toZero, or it',
    ],
    [
      rollout?.strategy && rollout.strategy !== 'canary',
      'rollout.strategy',
      `copies are replaced in batches of ${rollout?.percent ?? 25} %, and '${rollout?.strategy}' is for blue/green. Leave out strategy, or toZero`,
    ],
  ]);
}

function ownProblems(scope: Construct, props: ModelEndpointProps): Problem[] {
  const toZero = props.scaling?.toZero === true;
  const { schedules = [], rollout = {}, rollbackAlarms = [], notify = [], secrets } = props;
  const latency = props.objective?.p99Ms !== undefined || props.monitoring?.slo?.p99Ms !== undefined;
  return [
    ...optionProblems(scope, props),
    ...variantProblems(props),
    ...networkProblems(props, secrets !== undefined),
    ...rolloutProblems(rollout),
    ...rollbackProblems(rollbackAlarms, latency ? 2 : 1),
    ...boundsProblems(schedules, toZero ? 0 : 1),
    ...dataCaptureProblems(props.dataCapture),
    ...driftMonitorProblems(scope, props.dataCapture, variantsOf(props).length),
    ...budgetProblems(props, notify),
    ...(toZero ? toZeroProblems(props) : []),
  ];
}
