/** Messages made up from Google's own types: right ones in their JSON form, and right ones with a single mistake. */

import fc from 'fast-check';
import { Enum, type Field, MapField, type Type } from 'protobufjs';
import type { Mistake } from './azure-values.js';
import { single } from './google.cjs';

type Message = Readonly<Record<string, unknown>>;

const behaves = (field: Field, how: string) => field.options?.['(google.api.field_behavior)'] === how;

const isList = (field: Field) => field.repeated && !single.has(field.fullName);

/** One of each message that JSON has a form of its own for, and what is none. */
const forms: Readonly<Record<string, readonly [right: unknown, wrong: unknown] | readonly [right: unknown]>> = {
  Any: [{ '@type': 'type.googleapis.com/google.protobuf.Empty' }, 1],
  BoolValue: [true, 'yes'],
  DoubleValue: [0.5, 'half'],
  Duration: ['60s', '60'],
  Empty: [{}, 1],
  FloatValue: [0.5, 'half'],
  Int32Value: [1, '1'],
  Int64Value: ['1', 'one'],
  ListValue: [[], 1],
  StringValue: ['digits', 1],
  Struct: [{}, 1],
  Timestamp: ['2026-01-01T00:00:00Z', 'today'],
  Value: [1],
};
const formOf = (type: Type) => (type.parent?.fullName === '.google.protobuf' ? forms[type.name] : undefined);

const scalars: Readonly<Record<string, readonly [right: unknown, wrong: unknown]>> = {
  bool: [true, 'yes'],
  bytes: ['AA==', 1],
  double: [0.5, '0.5'],
  float: [0.5, '0.5'],
  int64: ['1', 1.5],
  string: ['digits', 1],
  uint64: [1, 'one'],
};
const whole = [1, '1'] as const;

function one(field: Field, depth: number): fc.Arbitrary<unknown> {
  const type = field.resolve().resolvedType;
  if (!type) return fc.constant((scalars[field.type] ?? whole)[0]);
  if (type instanceof Enum) return fc.constantFrom(...Object.keys(type.values));
  const form = formOf(type);
  return form ? fc.constant(form[0]) : messages(type, depth);
}

function values(field: Field, depth: number): fc.Arbitrary<unknown> {
  const few = depth > 0 ? 2 : 0;
  if (field instanceof MapField) {
    return fc.dictionary(fc.constantFrom('one', 'two'), one(field, depth), { maxKeys: few });
  }
  return isList(field) ? fc.array(one(field, depth), { maxLength: few }) : one(field, depth);
}

/** Groups of fields of which one is given at most. */
const choices = (type: Type) => type.oneofsArray.filter(({ name }) => !name.startsWith('_'));

/** Right messages of a type. */
export function messages(type: Type, depth = 4): fc.Arbitrary<Message> {
  const free = type.fieldsArray.filter((field) => !behaves(field, 'OUTPUT_ONLY'));
  const required = free.filter((field) => behaves(field, 'REQUIRED'));
  const given = depth > 0 ? free : required;
  const all = fc.record(Object.fromEntries(given.map((field) => [field.name, values(field, depth - 1)])), {
    requiredKeys: required.map(({ name }) => name),
  });
  return fc.tuple(all, fc.nat()).map(([message, which]) => {
    const left = choices(type).flatMap(({ fieldsArray }) => {
      const names = fieldsArray.map(({ name }) => name).filter((name) => name in message);
      return names.filter((_, index) => index !== which % names.length);
    });
    return Object.fromEntries(Object.entries(message).filter(([name]) => !left.includes(name)));
  });
}

const shown = (value: unknown) => JSON.stringify(value);

function mistakesIn(field: Field, value: unknown, at: string): readonly Mistake[] {
  const type = field.resolve().resolvedType;
  const only = (wrong: unknown, what: string): Mistake => ({ wrong, problem: `${at}: ${shown(wrong)} is ${what}` });
  if (!type) return [only((scalars[field.type] ?? whole)[1], `no ${field.type}`)];
  if (type instanceof Enum) return [only('Zq', `none of ${Object.keys(type.values).join(', ')}`)];
  const form = formOf(type);
  if (form) return form.length > 1 ? [only(form[1], `no ${type.name}`)] : [];
  return [only(1, 'no object'), ...messageMistakes(type, value as Message, at)];
}

function mistakesOfField(field: Field, value: unknown, at: string): readonly Mistake[] {
  if (field instanceof MapField) {
    const entries = value as Message;
    return [
      { wrong: 1, problem: `${at}: 1 is no object` },
      ...Object.keys(entries).flatMap((key) =>
        mistakesIn(field, entries[key], `${at}.${key}`).map(({ wrong, problem }) => ({
          wrong: { ...entries, [key]: wrong },
          problem,
        })),
      ),
    ];
  }
  if (!isList(field)) return mistakesIn(field, value, at);
  const list = value as readonly unknown[];
  return [
    { wrong: 1, problem: `${at}: 1 is no list` },
    ...list.flatMap((each, index) =>
      mistakesIn(field, each, `${at}[${index}]`).map(({ wrong, problem }) => ({
        wrong: list.map((other, place) => (place === index ? wrong : other)),
        problem,
      })),
    ),
  ];
}

/** Each mistake that can be made in a right message. */
export function messageMistakes(type: Type, message: Message, at = ''): readonly Mistake[] {
  const place = (name: string) => (at ? `${at}.${name}` : name);
  const without = (name: string) => Object.fromEntries(Object.entries(message).filter(([each]) => each !== name));
  return [
    { wrong: { ...message, zq: 1 }, problem: `${place('zq')}: is not there` },
    ...type.fieldsArray.flatMap((field) => {
      const { name } = field;
      if (behaves(field, 'OUTPUT_ONLY')) {
        return [{ wrong: { ...message, [name]: 1 }, problem: `${place(name)}: is read-only` }];
      }
      return [
        ...(behaves(field, 'REQUIRED') ? [{ wrong: without(name), problem: `${place(name)}: is missing` }] : []),
        ...(name in message
          ? mistakesOfField(field, message[name], place(name)).map(({ wrong, problem }) => ({
              wrong: { ...message, [name]: wrong },
              problem,
            }))
          : []),
      ];
    }),
    ...choices(type).flatMap(({ fieldsArray }) => {
      const [set] = fieldsArray.filter(({ name }) => name in message);
      const other = fieldsArray.find(({ name }) => name !== set?.name);
      if (!set || !other) return [];
      const names = fieldsArray.map(({ name }) => name).filter((name) => name === set.name || name === other.name);
      const [value] = fc.sample(values(other, 0), 1);
      return [
        {
          wrong: { ...message, [other.name]: value },
          problem: `${at || type.name}: only one of ${names.join(', ')}`,
        },
      ];
    }),
  ];
}
