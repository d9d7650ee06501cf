/** The environment that a container app lies in, with the profile of its machine: a new one with its log, or yours. */

import { ManagedEnvironment, type ManagedEnvironmentArgs } from '@pulumi/azure-native/app/managedEnvironment.js';
import { DiagnosticSetting } from '@pulumi/azure-native/monitor/diagnosticSetting.js';
import { Workspace as Logs } from '@pulumi/azure-native/operationalinsights/workspace.js';
import * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../../lib/errors.js';
import { machineTypes } from '../../../lib/hardware/catalogue/tables.js';
import type { Foundation } from '../foundation.js';
import type { Bounds } from '../machine-learning/autoscale.js';
import { isDedicated } from './container-app.js';

/** An environment that is there already, with workload profiles. */
export interface EnvironmentReference {
  /** Full resource id; it has to be in the endpoint's region. */
  readonly id: pulumi.Input<string>;
  /**
   * What the environment calls the profile of the plan's machine.
   *
   * @default - as a new environment would: `Consumption`, `gpu-nc8as-t4`, `gpu-nc24-a100`, `nc24-a100` and so on
   */
  readonly profile?: string;
}

/** What an environment may be asked for. */
export interface EnvironmentArgs {
  /**
   * Environment that the app lies in. Another one is another app with another address.
   *
   * @default - a new one with a Log Analytics workspace
   */
  readonly managedEnvironment?: EnvironmentReference;
  /**
   * Full resource id of a subnet of its own, at least /27, that a new environment is put in. Another subnet is another environment, and
   * the old one goes first.
   *
   * @default - no network of yours
   */
  readonly subnetId?: pulumi.Input<string>;
  /**
   * From where the app can be reached. `internal`: by other apps of the same environment. `network`: from the network of `subnetId`, too.
   * `all`: by whoever reaches the environment, which is anybody unless the environment is yours and closed. Nobody is asked for a token
   * in any of the three unless `authentication` is given. Between `network` and `all` lies another environment.
   *
   * @default 'internal'
   */
  readonly ingress?: 'internal' | 'network' | 'all';
  /**
   * Further profiles of a new environment, by the names of machines: `Consumption-GPU-NC8as-T4`. An app moves to another machine in one
   * update only if the profile that it leaves stays: name it here, and leave it out again afterwards.
   *
   * @default - that of the plan's machine alone, besides processors
   */
  readonly profiles?: readonly string[];
  /**
   * Full resource id of a Log Analytics workspace for what the container says.
   *
   * @default - a new one, kept for 30 days
   */
  readonly logsId?: pulumi.Input<string>;
}

export const ingresses = ['internal', 'network', 'all'] as const;

/** What was made for an environment. */
export interface EnvironmentResources {
  readonly environment: ManagedEnvironment;
  /** Null where a workspace was given. */
  readonly logs: Logs | null;
  readonly diagnostics: DiagnosticSetting;
}

export interface BoundEnvironment {
  readonly id: pulumi.Output<string>;
  /** Name of the profile that the app runs on. */
  readonly profile: string;
  /** Null where one was given. */
  readonly made: EnvironmentResources | null;
}

const processors = 'Consumption';
const serverlessGpu = 'Consumption-GPU-';

/** What a machine's profile is called: names have at most 15 characters, types more. */
export const profileName = (machine: string): string => {
  if (machine.startsWith(serverlessGpu)) return `gpu-${machine.slice(serverlessGpu.length)}`.toLowerCase();
  return isDedicated({ name: machine }) ? machine.toLowerCase() : processors;
};

/** Machines that have a profile of their own. */
const profiled = (): string[] =>
  machineTypes('azure-container-apps')
    .map(({ name }) => name)
    .filter((name) => profileName(name) !== processors);

/** Profiles of an environment: nodes are counted where they are the environment's own, and must not be elsewhere. */
function profilesOf(machine: string, further: readonly string[], { min, max }: Bounds) {
  const own = [...new Set([machine, ...further])].filter((name) => profileName(name) !== processors);
  return [
    { name: processors, workloadProfileType: processors },
    ...own.map((type) => ({
      name: profileName(type),
      workloadProfileType: type,
      ...(isDedicated({ name: type }) && {
        minimumCount: type === machine ? min : 0,
        maximumCount: type === machine ? max : 1,
      }),
    })),
  ];
}

/** Where and for what an environment is made. */
export interface EnvironmentPlace {
  readonly parent: pulumi.Resource;
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly foundation: Foundation;
  /** Name of the plan's machine. */
  readonly machine: string;
  readonly replicas: Bounds;
  readonly transform: ((args: ManagedEnvironmentArgs) => ManagedEnvironmentArgs) | undefined;
}

/** The environment that is given, or a new one. */
export function boundEnvironment(name: string, args: EnvironmentArgs, place: EnvironmentPlace): BoundEnvironment {
  const { managedEnvironment: given } = args;
  const profile = given?.profile ?? profileName(place.machine);
  if (given) return { id: pulumi.output(given.id), profile, made: null };
  // Nodes with accelerators are fixed when an environment is made: other ones are another environment, made beside the old one.
  const called = isDedicated({ name: place.machine }) ? `${name}-${profileName(place.machine)}` : name;
  const made = newEnvironment(called, args, place);
  return { id: made.environment.id, profile, made };
}

function newEnvironment(
  name: string,
  { subnetId, ingress, profiles = [], logsId }: EnvironmentArgs,
  { parent, location, tags, foundation: { resourceGroupName }, machine, replicas, transform }: EnvironmentPlace,
): EnvironmentResources {
  const inside = { parent };
  const place = { resourceGroupName, location, tags: { ...tags } };
  const logs =
    logsId === undefined ? new Logs(name, { ...place, sku: { name: 'PerGB2018' }, retentionInDays: 30 }, inside) : null;
  const args: ManagedEnvironmentArgs = {
    ...place,
    workloadProfiles: profilesOf(machine, profiles, replicas),
    // The other way to a workspace needs its key, which would stand in the state.
    appLogsConfiguration: { destination: 'azure-monitor' },
    publicNetworkAccess: ingress === 'all' ? 'Enabled' : 'Disabled',
    ...(subnetId !== undefined && {
      vnetConfiguration: { infrastructureSubnetId: subnetId, internal: ingress !== 'all' },
    }),
  };
  const environment = new ManagedEnvironment(name, transform?.(args) ?? args, {
    ...inside,
    // Fixed when it is made; a subnet holds one environment.
    replaceOnChanges: ['vnetConfiguration'],
    deleteBeforeReplace: subnetId !== undefined,
  });
  const diagnostics = new DiagnosticSetting(
    `${name}-logs`,
    {
      resourceUri: environment.id,
      workspaceId: logs ? logs.id : logsId!,
      logs: ['ContainerAppConsoleLogs', 'ContainerAppSystemLogs'].map((category) => ({ category, enabled: true })),
    },
    inside,
  );
  return { environment, logs, diagnostics };
}

/** What is wrong with what an environment is asked for. */
export function environmentProblems({
  managedEnvironment,
  subnetId,
  ingress,
  profiles = [],
  logsId,
}: EnvironmentArgs): Problem[] {
  const known = profiled();
  const given = managedEnvironment !== undefined;
  const chosenBefore = 'the environment is yours, and this was chosen when it was made. Leave it out';
  return problemsOf([
    [
      ingress !== undefined && !ingresses.includes(ingress),
      'ingress',
      `'${ingress}' is given; allowed: ${ingresses.join(', ')}`,
    ],
    [given && subnetId !== undefined, 'subnetId', chosenBefore],
    [given && profiles.length > 0, 'profiles', chosenBefore],
    [given && logsId !== undefined, 'logsId', chosenBefore],
    [
      ingress === 'network' && given,
      'ingress',
      "'network' is given, but what the environment lets in was chosen when it was made. Give 'all' for whoever reaches it",
    ],
    [
      ingress === 'network' && !given && subnetId === undefined,
      'ingress',
      "'network' is given, but there is none. Give subnetId, or 'internal' or 'all'",
    ],
    ...profiles
      .filter((name) => !known.includes(name))
      .map(
        (name) => [true, 'profiles', `'${name}' is no machine with a profile; allowed: ${known.join(', ')}`] as const,
      ),
  ]);
}
