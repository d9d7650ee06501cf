/** A Cloud Run endpoint from one description: a plan in, resources out. */

import { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { ServiceIamMember } from '@pulumi/gcp/cloudrunv2/serviceIamMember.js';
import type { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import type { Dashboard } from '@pulumi/gcp/monitoring/dashboard.js';
import type { Slo } from '@pulumi/gcp/monitoring/slo.js';
import type { Account } from '@pulumi/gcp/serviceaccount/account.js';
import * as pulumi from '@pulumi/pulumi';
import type { EndpointPlan } from '../../lib/plan.js';
import { planned } from '../pulumi/endpoint-plan.js';
import { requestCommand } from '../pulumi/request-command.js';
import { ContainerImage } from './container-image.js';
import { type ModelEndpointArgs, ownProblems } from './endpoint-args.js';
import { identity } from './identity.js';
import { monitor } from './monitoring.js';
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
}

/**
 * An endpoint on Cloud Run: service with its machine or accelerator, image, account, invokers, probes and bounds from one description.
 *
 * Cost: that of its instances while they run; `scaling: { toZero: true }` stops the last one. `plan.hardware.explain()` says why this
 * machine.
 *
 * @throws InputPropertiesError in the preview, with everything that is wrong at once
 */
export class ModelEndpoint extends pulumi.ComponentResource {
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
    const inside = { parent: this };
    const project = args.project === undefined ? {} : { project: args.project };

    const { email, account, granted } = identity(name, [plan], {
      ...{ parent: this, project: args.project, given: args.serviceAccount },
      secrets: args.secrets ?? {},
    });
    this.serviceAccountEmail = email;

    const { reference } = (args.image ?? ContainerImage.fromPlan()).bind(
      { parent: this, name, location: args.location, project: args.project },
      plan,
    );
    this.image = reference;

    const service = new Service(name, serviceArgs(args, plan, this.serviceAccountEmail, reference), {
      ...inside,
      // Instances read the model and the secrets when they start.
      dependsOn: [...granted],
    });
    for (const [index, invoker] of (args.invokers ?? []).entries()) {
      new ServiceIamMember(
        `${name}-invoker-${index + 1}`,
        { name: service.name, location: args.location, role: 'roles/run.invoker', member: invoker, ...project },
        inside,
      );
    }

    const monitoring = monitor(name, plan, service, {
      ...{ parent: this, project: args.project, notify: args.notify ?? [] },
      dashboard: args.dashboard ?? true,
    });
    this.resources = { service, serviceAccount: account, ...monitoring };
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

  /** Lets `member` ask, such as `serviceAccount:caller@project.iam.gserviceaccount.com`. */
  grantInvoke(name: string, member: pulumi.Input<string>): ServiceIamMember {
    const { service } = this.resources;
    return new ServiceIamMember(
      name,
      { name: service.name, location: service.location, project: service.project, role: 'roles/run.invoker', member },
      { parent: this },
    );
  }
}
