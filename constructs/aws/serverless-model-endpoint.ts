/** A SageMaker serverless endpoint: paid for while it answers, on processors, with a start that the first request waits for. */

import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import type { Construct } from 'constructs';
import { type Check, type Problem, problemsOf } from '../../lib/errors.js';
import { Hardware } from '../../lib/hardware/hardware.js';
import { serverlessMemoryMb, serverlessSizesMb } from '../../lib/hardware/sagemaker.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { acknowledgeQuietAlarms, notifyAll, type VariantAlarms, variantAlarms } from './alarms.js';
import { ContainerImage } from './container-image.js';
import { containerModel } from './container-model.js';
import { budget, budgetProblems } from './cost-guards.js';
import { endpointDashboard } from './dashboard.js';
import { ModelEndpointBase } from './endpoint-base.js';
import { type EndpointOptions, optionProblems } from './endpoint-options.js';
import { endpointOutputs } from './endpoint-outputs.js';
import { planModels } from './endpoint-plan.js';
import { afterPolicies } from './execution-role.js';
import { foundation, sageMakerArn } from './foundation.js';
import { type ImportedEndpoint, importedEndpoint } from './imported-endpoint.js';
import { requestCommand } from './request-command.js';
import { deploymentConfig, rolloutProblems, tellFailedRollout } from './rollout.js';
import { mainVariant } from './variant.js';

/** A serverless endpoint on SageMaker. */
export interface ServerlessModelEndpointProps extends Omit<EndpointOptions, 'hardware' | 'measurements' | 'scaling'> {
  /**
   * Memory of a container, MB: 1024, 2048, 3072, 4096, 5120 or 6144. Processors come with it.
   *
   * @default - the least that holds the model and meets the objective
   */
  readonly memoryMb?: number;
  /**
   * Containers at any time, most, whole, 1 to 200; further requests are refused.
   *
   * @default - four times what the plan needs, at least 10
   */
  readonly maxConcurrency?: number;
  /**
   * Containers that are always started, whole, 1 to `maxConcurrency`. They are paid for around the clock.
   *
   * @default - none
   */
  readonly provisionedConcurrency?: number;
}

export interface ServerlessModelEndpointResources {
  readonly model: sagemaker.CfnModel;
  readonly config: sagemaker.CfnEndpointConfig;
  readonly endpoint: sagemaker.CfnEndpoint;
}

const mostContainers = 200;

/**
 * A serverless endpoint: no machine, no scaling to set up. The image is at most 10 GB, a request 4 MB and 60 s.
 *
 * Cost: memory times the time of each request (an output of the stack, for a million requests), a key ($1 a month).
 *
 * @throws ProblemsError at synth, with everything that is wrong at once
 */
export class ServerlessModelEndpoint extends ModelEndpointBase {
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
  /** Encrypts SageMaker's copy of the image. */
  readonly encryptionKey: kms.IKey;
  /** Null with `dashboard: false`. */
  readonly dashboard: cloudwatch.Dashboard | null;
  readonly alarms: VariantAlarms;
  readonly resources: ServerlessModelEndpointResources;

  constructor(scope: Construct, id: string, props: ServerlessModelEndpointProps) {
    super(scope, id);
    const { memoryMb, maxConcurrency, provisionedConcurrency, environment, secrets } = props;
    const sized = serverlessSizesMb().includes(memoryMb ?? 0);
    const spec = {
      ...props,
      hardware: sized ? Hardware.of(`serverless ${memoryMb} MB`) : undefined,
      measurements: undefined,
      scaling: undefined,
    };
    [this.plan] = planModels(this, [{ where: '', spec }], ownProblems(this, props), 'serverless') as [EndpointPlan];
    const { plan } = this;
    const { name, role, key } = foundation(this, props, { inVpc: false, encrypts: true });
    this.role = role;
    this.grantPrincipal = role.grantPrincipal;
    this.encryptionKey = key!;
    this.endpointName = name;
    this.endpointArn = sageMakerArn(this, 'endpoint', name);

    const image = props.image ?? ContainerImage.fromPlan();
    const { model, imageUri } = containerModel(this, { plan, image, role, environment, secrets });
    this.imageUri = imageUri;
    const { chosen, candidate } = plan.hardware;
    const config = new sagemaker.CfnEndpointConfig(this, 'Config', {
      kmsKeyId: key!.keyArn,
      productionVariants: [
        {
          variantName: mainVariant,
          modelName: model.attrModelName,
          initialVariantWeight: 1,
          serverlessConfig: {
            memorySizeInMb: serverlessMemoryMb(chosen),
            maxConcurrency: maxConcurrency ?? Math.min(mostContainers, Math.max(10, 4 * candidate.replicas)),
            ...(provisionedConcurrency !== undefined && { provisionedConcurrency }),
          },
        },
      ],
    });
    afterPolicies(config, role);
    this.alarms = variantAlarms(this, plan.monitoring, this.metrics(), chosen);
    const endpoint = new sagemaker.CfnEndpoint(this, 'Endpoint', {
      endpointName: name,
      endpointConfigName: config.attrEndpointConfigName,
      deploymentConfig: deploymentConfig(props.rollout ?? {}, this.alarms.rollback),
    });
    this.resources = { model, config, endpoint };

    const notify = props.notify ?? [];
    notifyAll(
      this.alarms.alerts.map(({ alarm }) => alarm),
      notify,
    );
    acknowledgeQuietAlarms(this, notify.length === 0);
    tellFailedRollout(this, name, notify);
    const perMillion = usdPerMillion(plan);
    const rate = props.objective?.requestsPerSecond ?? 1;
    if (props.monitoring?.budget) {
      budget(this, props.monitoring.budget, perMillion && (perMillion * rate * 730 * 3600) / 1e6, notify);
    }
    this.dashboard = endpointDashboard(this, props.dashboard, [
      { name: mainVariant, plan: withoutHourlyPrice(plan), metrics: this.metrics() },
    ]);
    endpointOutputs(
      this,
      { endpoint, config, plans: [plan], request: requestCommand(this, plan, endpoint.attrEndpointName) },
      { id: 'UsdPerMillion', usd: perMillion, what: 'A million requests, by an unverified price of a second' },
    );
  }
}

/** What a million requests cost: the time of each, at the price of the memory. */
function usdPerMillion({ hardware }: EndpointPlan): number | null {
  const { chosen, candidate } = hardware;
  if (!chosen.price) return null;
  return (candidate.p50Ms / 1000 / 3600) * chosen.price.usdPerHour * 1e6;
}

/** There is no machine whose hours could be drawn. */
const withoutHourlyPrice = (plan: EndpointPlan): EndpointPlan => ({
  ...plan,
  hardware: { ...plan.hardware, chosen: { ...plan.hardware.chosen, price: null } },
});

/** What serverless endpoints do not have, for users whom no compiler tells. */
const absent: Readonly<Record<string, string>> = {
  hardware: 'a serverless endpoint has no machine types and no accelerators. Give memoryMb, or take ModelEndpoint',
  scaling: 'a serverless endpoint scales by itself. Give maxConcurrency',
  measurements: 'times of machine types say nothing of a serverless endpoint. Leave them out',
  vpc: 'a serverless endpoint cannot be in a network of yours. Take ModelEndpoint',
  networkIsolation: 'a serverless endpoint cannot be isolated. Take ModelEndpoint',
  dataCapture: 'a serverless endpoint captures no data. Take ModelEndpoint',
  variants: 'a serverless endpoint serves one model. Take ModelEndpoint',
  shadow: 'a serverless endpoint serves one model. Take ModelEndpoint',
};

function ownProblems(scope: Construct, props: ServerlessModelEndpointProps): Problem[] {
  const { memoryMb, maxConcurrency, provisionedConcurrency, rollout = {}, notify = [], model } = props;
  const sizes = serverlessSizesMb();
  const within = (value: number | undefined, most: number): boolean =>
    value === undefined || (Number.isInteger(value) && value >= 1 && value <= most);
  const checks: readonly Check[] = [
    [
      memoryMb !== undefined && !sizes.includes(memoryMb),
      'memoryMb',
      `${memoryMb} is given; allowed: ${sizes.join(', ')}`,
    ],
    [
      !within(maxConcurrency, mostContainers),
      'maxConcurrency',
      `${maxConcurrency} is given; allowed: a whole number from 1 to ${mostContainers}`,
    ],
    [
      !within(provisionedConcurrency, maxConcurrency ?? mostContainers),
      'provisionedConcurrency',
      `${provisionedConcurrency} is given; allowed: a whole number from 1 to ${maxConcurrency ?? mostContainers}`,
    ],
    [
      typeof model?.uri === 'string',
      'model',
      'the files of a serverless endpoint are in its image. Give the .onnx file, or take ModelEndpoint',
    ],
    ...Object.entries(absent).map(
      ([name, what]) => [(props as unknown as Record<string, unknown>)[name] !== undefined, name, what] as const,
    ),
  ];
  return [
    ...optionProblems(scope, props),
    ...rolloutProblems(rollout),
    ...budgetProblems(props, notify),
    ...problemsOf(checks),
  ];
}
