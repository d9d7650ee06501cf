/** Shares of requests between the deployments of an endpoint: a second step, since Azure takes them only once deployments exist. */

import { Deployment } from '@pulumi/azure-native/resources/deployment.js';
import * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../../lib/errors.js';
import type { Deployed } from './deployment.js';

/** Shares of a further deployment. */
export interface Shares {
  /**
   * Percent of the requests, whole, 0 to 100.
   *
   * @default 0
   */
  readonly percent?: number;
  /**
   * Percent of the requests that it gets a copy of, whose answers nobody sees, whole, 0 to 50 for all together.
   *
   * @default 0
   */
  readonly mirrorPercent?: number;
}

const mostMirrored = 50;
const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
const whole = (count: number, most: number): boolean => Number.isInteger(count) && count >= 0 && count <= most;

/** What is wrong with the shares of further deployments; the rest is the first one's. */
export function shareProblems(deployments: Readonly<Record<string, Shares>>): Problem[] {
  const entries = Object.entries(deployments);
  const percents = entries.map(([, { percent = 0 }]) => percent);
  const mirrored = entries.map(([, { mirrorPercent = 0 }]) => mirrorPercent);
  return [
    ...entries.flatMap(([name, { percent = 0, mirrorPercent = 0 }]) =>
      problemsOf([
        [
          !whole(percent, 100),
          `deployments.${name}.percent`,
          `${percent} is given; allowed: a whole number from 0 to 100`,
        ],
        [
          !whole(mirrorPercent, mostMirrored),
          `deployments.${name}.mirrorPercent`,
          `${mirrorPercent} is given; allowed: a whole number from 0 to ${mostMirrored}`,
        ],
      ]),
    ),
    ...problemsOf([
      [sum(percents) > 100, 'deployments', `the shares add to ${sum(percents)}; at most 100 can be given away`],
      [
        sum(mirrored) > mostMirrored,
        'deployments',
        `the mirrored shares add to ${sum(mirrored)}; Azure mirrors at most ${mostMirrored}`,
      ],
    ]),
  ];
}

/** What of the endpoint is written again together with the shares: Azure takes the endpoint only as a whole. */
export interface EndpointBody {
  readonly name: pulumi.Input<string>;
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly identity: pulumi.Input<string>;
  readonly properties: Readonly<Record<string, unknown>>;
}

const apiVersion = '2025-12-01';

/** Moves requests once every deployment is there. */
export function route(
  name: string,
  place: {
    readonly parent: pulumi.Resource;
    readonly resourceGroupName: pulumi.Output<string>;
    readonly workspaceName: pulumi.Output<string>;
  },
  endpoint: EndpointBody,
  deployed: readonly Deployed[],
  shares: Readonly<Record<string, Shares>>,
): Deployment {
  const rest = 100 - sum(Object.values(shares).map(({ percent = 0 }) => percent));
  const byName = (percentOf: (role: string) => number) =>
    pulumi
      .all(
        deployed.map(({ deploymentName, role }) => pulumi.output(deploymentName).apply((at) => [at, percentOf(role)])),
      )
      .apply((entries) => Object.fromEntries(entries.filter(([, percent]) => percent !== 0)) as Record<string, number>);
  const traffic = byName((role) => (role === 'main' ? rest : (shares[role]?.percent ?? 0)));
  const mirrorTraffic = byName((role) => (role === 'main' ? 0 : (shares[role]?.mirrorPercent ?? 0)));
  return new Deployment(
    `${name}-traffic`,
    {
      resourceGroupName: place.resourceGroupName,
      properties: {
        mode: 'Incremental',
        template: {
          $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
          contentVersion: '1.0.0.0',
          resources: [
            {
              type: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints',
              apiVersion,
              name: pulumi.interpolate`${place.workspaceName}/${endpoint.name}`,
              location: endpoint.location,
              tags: endpoint.tags,
              identity: pulumi
                .output(endpoint.identity)
                .apply((id) => ({ type: 'UserAssigned', userAssignedIdentities: { [id]: {} } })),
              properties: { ...endpoint.properties, traffic, mirrorTraffic },
            },
          ],
        },
      },
    },
    { parent: place.parent, dependsOn: deployed.map(({ deployment }) => deployment) },
  );
}
