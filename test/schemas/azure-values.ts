/** Inputs made up from the published schemas of Azure: right ones, and right ones with a single mistake. */

import fc from 'fast-check';
import { type AzureMember, type AzureType, decimal, schemaOf } from './azure.cjs';

type Types = readonly AzureType[];
type Inputs = Readonly<Record<string, unknown>>;

/** Inputs that are right but for one thing, and how that is told. */
export interface Mistake {
  readonly wrong: unknown;
  readonly problem: string;
}

const has = ({ flags = [] }: AzureMember, flag: string) => flags.includes(flag);
const isLocked = (member: AzureMember) => has(member, 'readOnly');

/** Texts of which each pattern of Azure's has one. */
const texts = ['digits', 'digits1', 'a-b', '1.5', '10m', 'PT1M', '00000000-0000-0000-0000-000000000001'];
const fits = ({ pattern = '', minLength = 0, maxLength = Number.POSITIVE_INFINITY }: AzureType) =>
  texts.filter((text) => new RegExp(pattern, 'u').test(text) && text.length >= minLength && text.length <= maxLength);

const indexes = (type: AzureType) => Object.values(type.of ?? {}) as readonly number[];
const literals = (types: Types, type: AzureType) =>
  indexes(type).flatMap((index) => (types[index]!.kind === 'literal' ? [types[index]!.value!] : []));

/** A value that stands where any may: no mistake is to be made of it. */
const anything = { anything: true };

function arbitraryOf(types: Types, index: number, depth: number): fc.Arbitrary<unknown> {
  const type = types[index]!;
  const few = { maxLength: depth > 0 ? 2 : 0 };
  switch (type.kind) {
    case 'any':
      return fc.constant(anything);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: type.minValue ?? 0, max: type.maxValue ?? 1000 });
    case 'string':
      return fc.constantFrom(...fits(type));
    case 'literal':
      return fc.constant(type.value);
    case 'array':
      return fc.array(arbitraryOf(types, type.items!, depth - 1), few);
    case 'union':
      return literals(types, type).length > 0
        ? fc.constantFrom(...literals(types, type))
        : fc.oneof(...indexes(type).map((each) => arbitraryOf(types, each, depth)));
    case 'oneOf':
      return fc.oneof(...indexes(type).map((each) => arbitraryMembers(types, whole(type, types[each]!), depth)));
    case 'object':
      return arbitraryMembers(types, type, depth);
  }
}

/** One of several, with the members that all have. */
const whole = ({ properties }: AzureType, one: AzureType): AzureType => ({
  ...one,
  properties: { ...properties, ...one.properties },
});

function arbitraryMembers(types: Types, { properties = {}, additionalProperties }: AzureType, depth: number) {
  const all = Object.entries(properties).filter(([, member]) => !isLocked(member));
  const given = depth > 0 ? all : all.filter(([, member]) => has(member, 'required'));
  const fixed = fc.record(
    Object.fromEntries(given.map(([name, { type }]) => [name, arbitraryOf(types, type, depth - 1)])),
    { requiredKeys: all.filter(([, member]) => has(member, 'required')).map(([name]) => name) },
  );
  if (additionalProperties === undefined || all.length > 0) return fixed;
  const values = arbitraryOf(types, additionalProperties, depth - 1);
  return fc.dictionary(fc.constantFrom('one', 'two'), values, { maxKeys: depth > 0 ? 2 : 0 });
}

const shown = (value: unknown) => JSON.stringify(value);
const only = (at: string, wrong: unknown, what: string): Mistake => ({ wrong, problem: `${at}: ${what}` });

/** Every mistake that can be made in one place. */
function mistakesIn(types: Types, index: number, value: unknown, at: string): readonly Mistake[] {
  const type = types[index]!;
  switch (type.kind) {
    case 'any':
      return [];
    case 'boolean':
      return [only(at, 'yes', '"yes" is no boolean')];
    case 'integer': {
      const kind = decimal.test(at) ? 'number' : 'whole number';
      const { minValue, maxValue } = type;
      return [
        only(at, '1', `"1" is no ${kind}`),
        ...(minValue === undefined ? [] : [only(at, minValue - 1, `${minValue - 1} is below ${minValue}`)]),
        ...(maxValue === undefined ? [] : [only(at, maxValue + 1, `${maxValue + 1} is above ${maxValue}`)]),
      ];
    }
    case 'string': {
      const { pattern, minLength = 0, maxLength } = type;
      const long = 'x'.repeat((maxLength ?? 0) + 1);
      const odd = '\n'.repeat(Math.max(minLength, 1));
      return [
        only(at, 1, '1 is no text'),
        ...(minLength > 0 ? [only(at, '', `'' is shorter than ${minLength}`)] : []),
        ...(maxLength === undefined ? [] : [only(at, long, `'${long}' is longer than ${maxLength}`)]),
        ...(pattern && !new RegExp(pattern, 'u').test(odd)
          ? [only(at, odd, `'${odd}' does not match ${pattern}`)]
          : []),
      ];
    }
    case 'literal':
      return [only(at, 'Zq', `"Zq" is not ${shown(type.value)}`)];
    case 'array':
      return [
        only(at, 'one', '"one" is no list'),
        ...(type.maxLength === undefined
          ? []
          : [only(at, Array(type.maxLength + 1).fill('x'), `${type.maxLength + 1} entries, most ${type.maxLength}`)]),
        ...(value as readonly unknown[]).flatMap((each, place) =>
          mistakesIn(types, type.items!, each, `${at}[${place}]`).map(({ wrong, problem }) => ({
            wrong: (value as readonly unknown[]).with(place, wrong),
            problem,
          })),
        ),
      ];
    case 'union':
      return literals(types, type).length > 0
        ? [only(at, 'Zq', `"Zq" is none of ${literals(types, type).join(', ')}`)]
        : [];
    case 'oneOf': {
      const name = type.discriminator!;
      const { [name]: which, ...rest } = value as Inputs;
      const one = types[(type.of as Readonly<Record<string, number>>)[which as string]!]!;
      return [
        { wrong: rest, problem: `${at}.${name}: is missing` },
        {
          wrong: { ...rest, [name]: 'Zq' },
          problem: `${at}.${name}: "Zq" is none of ${Object.keys(type.of!).join(', ')}`,
        },
        ...mistakesOfMembers(types, whole(type, one), value as Inputs, at).filter(
          ({ problem }) => !problem.startsWith(`${at}.${name}:`),
        ),
      ];
    }
    case 'object':
      return [only(at, 'one', '"one" is no object'), ...mistakesOfMembers(types, type, value as Inputs, at)];
  }
}

function mistakesOfMembers(
  types: Types,
  { properties = {}, additionalProperties }: AzureType,
  value: Inputs,
  at: string,
) {
  const place = (name: string) => (at ? `${at}.${name}` : name);
  const known = Object.entries(properties);
  const within = ([name, type]: readonly [string, number]) =>
    mistakesIn(types, type, value[name], place(name)).map(({ wrong, problem }) => ({
      wrong: { ...value, [name]: wrong },
      problem,
    }));
  const without = (name: string) => Object.fromEntries(Object.entries(value).filter(([each]) => each !== name));
  const keys = known.length === 0 && additionalProperties !== undefined ? Object.keys(value) : [];
  return [
    ...known.filter(([name]) => name in value).flatMap(([name, { type }]) => within([name, type])),
    ...keys.flatMap((name) => within([name, additionalProperties!])),
    ...known
      .filter(([, member]) => has(member, 'required') && !isLocked(member))
      .map(([name]) => ({ wrong: without(name), problem: `${place(name)}: is missing` })),
    ...known
      .filter(([, member]) => isLocked(member))
      .map(([name]) => ({ wrong: { ...value, [name]: 'x' }, problem: `${place(name)}: is read-only` })),
    ...(additionalProperties === undefined
      ? [{ wrong: { ...value, zq: 1 }, problem: `${place('zq')}: is not there` }]
      : []),
  ];
}

/** Right inputs of a type. */
export function azureInputs(type: string): fc.Arbitrary<Inputs> {
  const { types, properties, path } = schemaOf(type);
  const place = Object.fromEntries(path.map((name) => [name, 'digits']));
  return arbitraryMembers(types, { kind: 'object', properties }, 5).map((own) => ({ ...(own as Inputs), ...place }));
}

/** Each mistake that can be made in right inputs. */
export function azureMistakes(type: string, inputs: Inputs): readonly Mistake[] {
  const { types, properties, path } = schemaOf(type);
  const own = Object.fromEntries(Object.entries(properties).filter(([name]) => !path.includes(name)));
  // azure-native gives the group's place where none is given.
  return mistakesOfMembers(types, { kind: 'object', properties: own }, inputs, '').filter(
    ({ problem }) => problem !== 'location: is missing',
  );
}
