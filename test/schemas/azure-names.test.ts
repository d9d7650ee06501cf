/** azure-native's names against those of the schemas: every input that the SDK declares has its place in what Azure published. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type AzureMember, type AzureType, azureTypes, schemaOf } from './azure.cjs';
import { argumentsOf, type DeclaredMembers, type DeclaredType, fileOf, interfaceOf } from './declarations.cjs';

const types = Object.keys(azureTypes).map((type) => `azure-native:${type}`);

test.each(types)('%s is checked at the version that azure-native asks', (type) => {
  const [, version] = /Uses Azure REST API version ([\d-]+(?:preview)?)/.exec(readFileSync(fileOf(type), 'utf8'))!;
  expect(azureTypes[type.replace('azure-native:', '')]![0].split('@')[1]).toBe(version);
});

/** The interfaces that a declared type leads to. */
const interfacesIn = ({ name = '', list, map, union }: DeclaredType): readonly string[] => [
  ...(name.startsWith('inputs.') ? [name] : []),
  ...[list, map, ...(union ?? [])].flatMap((inner) => (inner ? interfacesIn(inner) : [])),
];

/** The objects that a published type leads to, with their members by azure-native's names. */
function objectsIn(all: readonly AzureType[], index: number): readonly Readonly<Record<string, AzureMember>>[] {
  const type = all[index]!;
  const inner = (indexes: readonly number[]) => indexes.flatMap((each) => objectsIn(all, each));
  switch (type.kind) {
    case 'object':
      return [
        ...(type.properties ? [type.properties] : []),
        ...(type.additionalProperties === undefined ? [] : inner([type.additionalProperties])),
      ];
    case 'oneOf':
      return inner(Object.values(type.of!)).map((members) => ({ ...type.properties, ...members }));
    case 'array':
      return inner([type.items!]);
    case 'union':
      return inner(type.of as readonly number[]);
    default:
      return [];
  }
}
/** Names that the SDK has and none of the objects, with their place. */
function strangers(
  all: readonly AzureType[],
  declared: DeclaredMembers,
  objects: readonly Readonly<Record<string, AzureMember>>[],
  at: string,
  seen: ReadonlySet<string> = new Set(),
): readonly string[] {
  return [...declared].flatMap(([name, { type }]) => {
    const place = at ? `${at}.${name}` : name;
    const members = objects.flatMap((members) => (Object.hasOwn(members, name) ? [members[name]!] : []));
    if (members.length === 0) return [place];
    const inner = members.flatMap((member) => objectsIn(all, member.type));
    return interfacesIn(type)
      .filter((each) => !seen.has(each))
      .flatMap((each) => strangers(all, interfaceOf('azure-native', each), inner, place, new Set([...seen, each])));
  });
}

/** Unused by Slipway: the first have members of `properties` beside the others, the second are newer than the schema. */
const unplaced: Readonly<Record<string, readonly string[]>> = {
  'azure-native:machinelearningservices:Workspace': [
    'groupId',
    'privateLinkResourceId',
    'requestMessage',
    'status',
  ].map((name) => `sharedPrivateLinkResources.${name}`),
  'azure-native:resources:Deployment': ['properties.parameters.expression', 'properties.parameters.type'],
};

test.each(types)('%s: every input that the SDK declares has its place', (type) => {
  const { types: all, properties, path } = schemaOf(type);
  const own = new Map([...argumentsOf(type)].filter(([name]) => !path.includes(name)));
  expect(strangers(all, own, [properties], '')).toEqual(unplaced[type] ?? []);
});
