/** A rule for accelerators, the dearest part of an endpoint: how many it may come to, and of which kinds. */

import { gpus, machineTypes } from '../../lib/hardware/catalogue/tables.js';
import { at, each, type Known, unknown } from './known.js';
import { isDynamic, type StackResource, type StackRule, types } from './rule.js';

/** What a resource may come to. */
interface Use {
  readonly resource: StackResource;
  /** Resources of the same endpoint have the same. */
  readonly endpoint: string;
  /** A kind of `acceleratorKinds`, or the cloud's own name; null where it cannot be said. */
  readonly kind: string | null;
  /** On one machine. */
  readonly count: number;
  /** Machines, most; null where the cloud's own limit is all there is. */
  readonly machines: number | null;
}

/** `a100-80gb-sxm`, `NVIDIA_A100_80GB` and `nvidia-a100` are all an `a100`. */
const kindOf = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll('_', '-')
    .replace(/^nvidia-(tesla-)?/, '')
    .split(/-(?:\d+gb|sxm|pcie|nvl|bse|mega)/)[0]!;

/** Kinds of accelerators that Slipway knows. */
export const acceleratorKinds = (): readonly string[] => [...new Set(gpus().map(({ id }) => kindOf(id)))];

const numberOf = (value: Known): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);

const textOf = (value: Known): string | null => (typeof value === 'string' && value !== '' ? value : null);

function cloudRun(resource: StackResource): Use[] {
  const { properties, urn } = resource;
  const limits = each(properties, 'template', 'containers').map((each) =>
    at(each, 'resources', 'limits', 'nvidia.com/gpu'),
  );
  const count = limits.reduce<number>((sum, limit) => sum + (Number(textOf(limit) ?? numberOf(limit) ?? 0) || 0), 0);
  const kind = textOf(at(properties, 'template', 'nodeSelector', 'accelerator'));
  const bounds = [
    at(properties, 'scaling', 'maxInstanceCount'),
    at(properties, 'template', 'scaling', 'maxInstanceCount'),
  ];
  if ((count === 0 && kind === null) || bounds.includes(unknown)) return [];
  const machines = bounds.map(numberOf).find((bound) => bound !== null && bound > 0) ?? null;
  return [{ resource, endpoint: urn, kind: kind && kindOf(kind), count: count || 1, machines }];
}

/** Resources of Vertex AI that say machine and counts in the same words. */
function vertex(resource: StackResource, body: string): Use[] {
  const machine = at(resource.properties, body, 'dedicatedResources');
  const count = numberOf(at(machine, 'machineSpec', 'acceleratorCount')) ?? 0;
  const most = at(machine, 'maxReplicaCount');
  const least = at(machine, 'minReplicaCount');
  if (count === 0 || most === unknown) return [];
  const [endpoint] = resource.from('endpoint');
  const kind = textOf(at(machine, 'machineSpec', 'acceleratorType'));
  return [
    {
      ...{ resource, count, kind: kind && kindOf(kind) },
      endpoint: endpoint?.urn ?? textOf(at(resource.properties, 'endpoint')) ?? resource.urn,
      // Without an upper bound there is the lower one.
      machines: numberOf(most) ?? numberOf(least) ?? 1,
    },
  ];
}

/** Accelerators of a machine type of Azure. */
function machineOf(platform: 'azure-ml' | 'azure-container-apps', name: string): Pick<Use, 'kind' | 'count'> {
  const found = machineTypes(platform).find((machine) => machine.name.toLowerCase() === name.toLowerCase());
  if (found) return { kind: found.accelerator && kindOf(found.accelerator), count: found.acceleratorCount };
  return { kind: null, count: /^(Standard_N[CDV]|(Consumption-GPU-)?N[CDV]\d)/i.test(name) ? 1 : 0 };
}

function onlineDeployment(resource: StackResource, resources: readonly StackResource[]): Use[] {
  const type = textOf(at(resource.properties, 'properties', 'instanceType'));
  const machine = type && machineOf('azure-ml', type);
  const capacity = at(resource.properties, 'sku', 'capacity');
  if (!machine || machine.count === 0 || capacity === unknown) return [];
  const [endpoint] = resource.from('endpointName');
  const scaled = resources
    .filter((each) => each.type === types.autoscale && each.from('targetResourceUri').includes(resource))
    .flatMap(({ properties }) => each(properties, 'profiles').map((profile) => at(profile, 'capacity', 'maximum')))
    .flatMap((most) => (textOf(most) ? [Number(most)] : []));
  return [
    {
      ...{ resource, ...machine },
      endpoint: endpoint?.urn ?? textOf(at(resource.properties, 'endpointName')) ?? resource.urn,
      machines: Math.max(numberOf(capacity) ?? 1, ...scaled),
    },
  ];
}

/** Replicas of a Container App that says nothing (Container Apps, scaling). */
const usualReplicas = 10;

function containerApp(resource: StackResource, resources: readonly StackResource[]): Use[] {
  const profile = textOf(at(resource.properties, 'workloadProfileName'));
  const most = at(resource.properties, 'template', 'scale', 'maxReplicas');
  if (profile === null || most === unknown) return [];
  const profiles = resources
    .filter(({ type }) => type === types.containerAppEnvironment)
    .flatMap(({ properties }) => each(properties, 'workloadProfiles'));
  const type = profiles.find((each) => at(each, 'name') === profile);
  const machine = machineOf('azure-container-apps', textOf(at(type, 'workloadProfileType')) ?? profile);
  return machine.count === 0
    ? []
    : [{ resource, endpoint: resource.urn, ...machine, machines: numberOf(most) ?? usualReplicas }];
}

function usesIn(resources: readonly StackResource[]): Use[] {
  return resources.flatMap((resource) => {
    const { type } = resource;
    if (type === types.cloudRun) return cloudRun(resource);
    if (type === types.onlineDeployment) return onlineDeployment(resource, resources);
    if (type === types.containerApp) return containerApp(resource, resources);
    if (type === types.modelGarden) return vertex(resource, 'deployConfig');
    return isDynamic(type, 'VertexDeployedModel') ? vertex(resource, 'deployedModel') : [];
  });
}

export const accelerators: StackRule = {
  name: 'slipway-accelerators',
  description: 'An endpoint comes to a few accelerators at most, of the kinds that are allowed.',
  fix: 'Lower its upper bound, take another machine, or raise what the rule allows.',
  severity: 'medium',
  unless: 'turned off',
  settings: ['most', 'allowed'],
  stack(resources, { most, allowed }) {
    const uses = usesIn(resources);
    const endpoints = new Set(uses.map(({ endpoint }) => endpoint));
    return [
      ...uses
        .filter(({ kind }) => allowed.length > 0 && kind !== null && !allowed.includes(kind))
        .map(({ resource, kind }) => ({ resource, what: `there is ${kind}; allowed: ${allowed.join(', ')}` })),
      ...[...endpoints].flatMap((endpoint) => {
        const parts = uses.filter((use) => use.endpoint === endpoint);
        // Resources come as they were made; what is told is the same every time.
        const { resource } = parts.toSorted((one, other) => (one.resource.name < other.resource.name ? -1 : 1))[0]!;
        if (parts.some(({ machines }) => machines === null)) {
          return [{ resource, what: `there is no upper bound; allowed: ${most} accelerators` }];
        }
        const sum = parts.reduce((total, { count, machines }) => total + count * machines!, 0);
        const shown = Number(sum.toFixed(2));
        return shown > most ? [{ resource, what: `there may be ${shown} accelerators; allowed: ${most}` }] : [];
      }),
    ];
  },
};
