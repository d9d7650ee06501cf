/** A Cloud Run endpoint from one description: a plan in, resources out. */

import { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import type { ServiceIamMember } from '@pulumi/gcp/cloudrunv2/serviceIamMember.js';
import type { Job } from '@pulumi/gcp/cloudscheduler/job.js';
import type { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import type { Dashboard } from '@pulumi/gcp/monitoring/dashboard.js';
import type { Slo } from '@pulumi/gcp/monitoring/slo.js';
import type { Account } from '@pulumi/gcp/serviceaccount/account.js';
import * as pulumi from '@pulumi/pulumi';
import { cloudRunIdle } from '../../lib/monitoring/queries/cloud-run.js';
import { idleQuery } from '../../lib/monitoring/queries/idle.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { planned } from '../pulumi/endpoint-plan.js';
import { requestCommand } from '../pulumi/request-command.js';
import { ContainerImage } from './container-image.js';
import { budget, costLabel, costLabelOf, type Guarded, type GuardPlace, idleAlert } from './cost-guards.js';
import { type ModelEndpointArgs, ownProblems } from './endpoint-args.js';
import { type Endpoint, type EndpointReference, existingEndpoint, grantInvoke } from './existing-endpoint.js';
import { identity } from './identity.js';
import { monitor, placeholder } from './monitoring.js';
import { grantMetrics } from './prometheus-sidecar.js';
import { scheduled, scheduledService } from './scheduled-service.js';
import { timetable } from './schedules.js';
import { instances } from './service.js';
import { serviceArgs } from './service-args.js';

/** The resources behind an endpoint. */
export interface ModelEndpointResources {
  readonly service: Service;
  /** Null where one was given. */
  readonly serviceAccount: Account | null;
  readonly slos: readonly Slo[];
  readonly alerts: readonly AlertPolicy[];
  /** Null with `dashboard: false`. */
  readonly dashboard: Dashboard | null;
  /** Null with `monitoring: { idleHours: 0 }`, and where the endpoint stops by itself. */
  readonly idleAlert: AlertPolicy | null;
  /** Null without `monitoring.budget`. */
  readonly budget: Guarded | null;
  /** One for each of `schedules`. */
  readonly schedules: readonly Job[];
}

/**
 * An endpoint on Cloud Run: service with its machine or accelerator, image, account, invokers, probes and bounds from one description.
 *
 * Cost: that of its instances while they run; `scaling: { toZero: true }` stops the last one. `plan.hardware.explain()` says why this
 * machine.
 *
 * @throws InputPropertiesError in the preview, with everything that is wrong at once
 */
export class ModelEndpoint extends pulumi.ComponentResource implements Endpoint {
  /** Address of the service; callers send an ID token for it. */
  readonly url: pulumi.Output<string>;
  readonly serviceName: pulumi.Output<string>;
  readonly serviceAccountEmail: pulumi.Output<string>;
  /** Of the image that is served. */
  readonly image: pulumi.Output<string>;
  /** What its instances cost in 730 hours, USD; of one that scales to zero, if it never did. Null where no price is known. */
  readonly monthlyUsd: pulumi.Output<number | null>;
  /** Date of the prices. */
  readonly priceDate: pulumi.Output<string | null>;
  /** Asks the endpoint once, with the caller's own identity. */
  readonly request: pulumi.Output<string>;
  /** Everything that was decided. */
  readonly plan: EndpointPlan;
  readonly resources: ModelEndpointResources;

  constructor(name: string, args: ModelEndpointArgs, options?: pulumi.ComponentResourceOptions) {
    const plan = planned(args, 'gcp-cloud-run', ownProblems(args));
    super('slipway:gcp:ModelEndpoint', name, {}, options);
    this.plan = plan;
    const { project, location, schedules = [], notify = [] } = args;
    const place = { parent: this, project, notify };

    const {
      email,
      name: runsAs,
      account,
      granted,
    } = identity(name, [plan], {
      ...{ parent: this, project, given: args.serviceAccount },
      secrets: args.secrets ?? {},
    });
    this.serviceAccountEmail = email;

    const { reference } = (args.image ?? ContainerImage.fromPlan()).bind(
      { parent: this, name, location, project },
      plan,
    );
    this.image = reference;

    const tags = { ...args.tags, [costLabel]: costLabelOf(name) };
    const service = new Service(name, serviceArgs({ ...args, tags }, plan, email, reference), {
      parent: this,
      // Instances read the model and the secrets when they start.
      dependsOn: [...granted, ...(args.prometheus ? grantMetrics(name, account, this) : [])],
      ...(schedules.length > 0 && { ignoreChanges: [...scheduled] }),
    });
    const target = scheduledService(service, { parent: this, project, location, runsAs });
    const { minInstanceCount: min, maxInstanceCount: max } = instances(plan, args.scaling);
    const jobs = timetable(name, target, schedules, { parent: this, project, location, usual: { min, max } });
    const monitoring = monitor(name, plan, service, { ...place, dashboard: args.dashboard ?? true });
    this.resources = {
      ...{ service, serviceAccount: account, schedules: jobs },
      ...monitoring,
      ...guards(name, args, plan, service, place),
    };
    for (const [index, invoker] of (args.invokers ?? []).entries()) {
      this.grantInvoke(`${name}-invoker-${index + 1}`, invoker);
    }
    this.url = service.uri;
    this.serviceName = service.name;
    const { candidate } = plan.hardware;
    this.monthlyUsd = pulumi.output(candidate.monthlyUsd);
    this.priceDate = pulumi.output(candidate.priceDate);
    this.request = requestCommand(
      plan,
      pulumi.interpolate`${service.uri}/v2/models/${plan.serving.model.name}/infer`,
      'gcloud auth print-identity-token',
    );
    this.registerOutputs({
      url: this.url,
      serviceName: this.serviceName,
      serviceAccountEmail: this.serviceAccountEmail,
      image: this.image,
      monthlyUsd: this.monthlyUsd,
      priceDate: this.priceDate,
      request: this.request,
    });
  }

  /** A service that was made elsewhere, to be asked and to let others ask. */
  static get(name: string, reference: EndpointReference, options?: pulumi.CustomResourceOptions): Endpoint {
    return existingEndpoint(name, reference, options);
  }

  /** Lets `member` ask, such as `serviceAccount:caller@project.iam.gserviceaccount.com`. */
  grantInvoke(name: string, member: pulumi.Input<string>): ServiceIamMember {
    return grantInvoke(name, this.resources.service, member, { parent: this });
  }
}

function guards(
  name: string,
  { monitoring = {}, billingAccount, scaling, schedules = [] }: ModelEndpointArgs,
  { hardware }: EndpointPlan,
  service: Service,
  place: GuardPlace,
): Pick<ModelEndpointResources, 'idleAlert' | 'budget'> {
  const { monthlyUsd } = hardware.candidate;
  const hours = monitoring.idleHours ?? 24;
  // What may stop does, unless a timetable keeps it up.
  const stops = scaling?.toZero && !schedules.some(({ min = 0 }) => min > 0);
  const idle = () => {
    const query = idleQuery(cloudRunIdle({ service: placeholder }), hours);
    return idleAlert(
      name,
      {
        ...{ hours, monthlyUsd },
        query: service.name.apply((own) => query.replaceAll(placeholder, own)),
        advice: 'Destroy the stack, or let it scale to zero: scaling: { toZero: true }.',
      },
      place,
    );
  };
  return {
    idleAlert: hours === 0 || stops ? null : idle(),
    budget: monitoring.budget ? budget(name, monitoring.budget, billingAccount!, monthlyUsd, place) : null,
  };
}
