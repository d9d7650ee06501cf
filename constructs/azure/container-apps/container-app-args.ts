/** What a user may ask of a container app that serves a model, and what is wrong with it. */

import type { ContainerAppArgs } from '@pulumi/azure-native/app/containerApp.js';
import type { ContainerAppsAuthConfigArgs } from '@pulumi/azure-native/app/containerAppsAuthConfig.js';
import type { ManagedEnvironmentArgs } from '@pulumi/azure-native/app/managedEnvironment.js';
import type * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../../lib/errors.js';
import type { EndpointSpec } from '../../../lib/spec.js';
import { notifyProblems } from '../../pulumi/notify.js';
import type { ScalingSchedule } from '../../pulumi/schedules.js';
import type { ContainerImage } from '../container-image.js';
import { budgetProblems } from '../cost-guards.js';
import { type FoundationArgs, variableProblems } from '../foundation.js';
import type { WatchedArgs } from '../monitoring.js';
import type { AuthenticationArgs } from './authentication.js';
import { limitProblems, secretName } from './container-app.js';
import { type EnvironmentArgs, environmentProblems } from './managed-environment.js';
import { timetableProblems } from './replica-schedules.js';
import { type TrafficTarget, trafficProblems } from './revisions.js';

/** A container app that serves a model. */
export interface ContainerAppEndpointArgs extends EndpointSpec, FoundationArgs, EnvironmentArgs, WatchedArgs {
  /**
   * Name of the app: 2 to 32 lower-case letters, digits and single hyphens, a letter first. Another name is another app.
   *
   * @default - the component's name and 8 random digits
   */
  readonly appName?: string;
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
  /**
   * Callers need a token of Entra ID. Azure takes this once the app is there: when the app is made, it answers for some seconds without.
   *
   * @default - nobody is asked for a token: whoever reaches the app may ask it
   */
  readonly authentication?: AuthenticationArgs;
  /**
   * Ranges of addresses that may ask, `203.0.113.0/24`; nobody else does then.
   *
   * @default - all that reach the app
   */
  readonly allowedAddresses?: readonly pulumi.Input<string>[];
  /**
   * Shares of the requests, for a blue/green rollout by revisions. While it is given, revisions stay until somebody deactivates them, and
   * each keeps its own least number of replicas; without it only the newest is there.
   *
   * @default - all to the newest revision
   */
  readonly traffic?: readonly TrafficTarget[];
  /**
   * What the revision of this description is called, `v2`: 1 to 20 lower-case letters, digits and single hyphens. Azure refuses a name
   * that another content had before.
   *
   * @default - a random one, so that a description can come back
   */
  readonly revisionSuffix?: string;
  /**
   * Times at which the least number of replicas changes; it can only be raised, and the most stays.
   *
   * @default - none
   */
  readonly schedules?: readonly ScalingSchedule[];
  /**
   * How long the last replica stays after the last request where the endpoint scales to zero, seconds, whole, at least 1.
   *
   * @default 300
   */
  readonly idleSeconds?: number;
  /**
   * Changes the arguments of a child before it is made, by what it is.
   *
   * @default - none
   */
  readonly transform?: {
    readonly app?: (args: ContainerAppArgs) => ContainerAppArgs;
    readonly environment?: (args: ManagedEnvironmentArgs) => ManagedEnvironmentArgs;
    readonly authentication?: (args: ContainerAppsAuthConfigArgs) => ContainerAppsAuthConfigArgs;
  };
}

/** Digits that Pulumi adds to a name. */
const added = 8;

function nameProblems(name: string, appName: string | undefined): Problem[] {
  const text = appName ?? `${name}${'0'.repeat(added)}`;
  if (/^[a-z](-?[a-z0-9])+$/.test(text) && text.length <= 32) return [];
  const rule = '2 to 32 lower-case letters, digits and single hyphens, a letter first';
  return [
    appName === undefined
      ? {
          where: 'appName',
          what: `the component's name '${name}' with the ${added} digits that Pulumi adds is no name for a container app: ${rule}. Give appName, or another name to the component`,
        }
      : { where: 'appName', what: `'${appName}' is no name for a container app. Give ${rule}` },
  ];
}

const isReserved = (name: string): boolean => name === 'PORT' || name.startsWith('CONTAINER_APP_');

/** Secrets have names of their own in Container Apps, with fewer characters than variables have. */
function secretProblems(variables: readonly string[]): Problem[] {
  return variables.flatMap((variable, index) => {
    const other = variables.slice(0, index).find((each) => secretName(each) === secretName(variable));
    return problemsOf([
      [
        other !== undefined || secretName(variable) === '',
        `secrets.${variable}`,
        other === undefined
          ? 'has no letter and no digit to name a secret by. Give the variable another name'
          : `Container Apps cannot tell it from ${other}: both are '${secretName(variable)}' there. Give one of them another name`,
      ],
    ]);
  });
}

const range = /^(\d{1,3}\.){3}\d{1,3}(\/\d{1,2})?$/;

/** What is wrong with a container app besides its description. */
export function ownProblems(name: string, args: ContainerAppEndpointArgs): Problem[] {
  const { environment = {}, secrets = {}, schedules = [], traffic, idleSeconds = 300 } = args;
  const odd = (args.allowedAddresses ?? []).filter((each) => typeof each === 'string' && !range.test(each));
  return [
    ...nameProblems(name, args.appName),
    ...limitProblems(args),
    ...environmentProblems(args),
    ...trafficProblems(traffic, args),
    ...timetableProblems(schedules, args.scaling),
    ...variableProblems(args),
    ...secretProblems(Object.keys(secrets)),
    ...budgetProblems(args.monitoring, args.notify ?? [], args.emails ?? []),
    ...notifyProblems('azure', args.notify, args.emails),
    ...problemsOf([
      ...[...Object.keys(environment), ...Object.keys(secrets)]
        .filter(isReserved)
        .map((variable) => [true, 'environment', `${variable} is Container Apps' own. Leave it out`] as const),
      ...odd.map(
        (each) =>
          [
            true,
            'allowedAddresses',
            `'${each}' is no range of IPv4 addresses. Give one such as 203.0.113.0/24`,
          ] as const,
      ),
      [
        args.allowedAddresses?.length === 0,
        'allowedAddresses',
        'is empty, which Azure takes for everybody. Leave it out, or give a range',
      ],
      [
        traffic && schedules.length > 0,
        'schedules',
        'every revision that is there would follow the timetable, also those without requests. Leave it out, or traffic',
      ],
      [
        !(Number.isInteger(idleSeconds) && idleSeconds >= 1),
        'idleSeconds',
        `${idleSeconds} is given; allowed: a whole number from 1`,
      ],
    ]),
  ];
}
