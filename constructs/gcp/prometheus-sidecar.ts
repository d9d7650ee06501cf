/** A second container of a Cloud Run service that reads the server's own metrics into Google Cloud Managed Service for Prometheus. */

import { IAMMember } from '@pulumi/gcp/projects/iammember.js';
import type { Account } from '@pulumi/gcp/serviceaccount/account.js';
import * as pulumi from '@pulumi/pulumi';

/** Name of the container that answers requests, where there are two. */
export const serverName = 'server';

/** Without a configuration of its own it reads port 8080 at /metrics every 30 s, and once when an instance starts and ends. */
const image = 'us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0';

/** Starts once the server is ready. */
export const sidecar = {
  name: 'collector',
  image,
  dependsOns: [serverName],
  resources: { limits: { cpu: '1', memory: '512Mi' } },
};

/** Lets a new account write metrics; for a given one that is the user's to do. */
export const grantMetrics = (
  name: string,
  account: Account | null,
  parent: pulumi.Resource,
): readonly pulumi.Resource[] =>
  account
    ? [
        new IAMMember(
          `${name}-metrics`,
          {
            project: account.project,
            role: 'roles/monitoring.metricWriter',
            member: pulumi.interpolate`serviceAccount:${account.email}`,
          },
          { parent },
        ),
      ]
    : [];
