/** Bodies of Vertex AI's HTTP API against its own protocol: unknown fields, kinds of values, what is the server's to say. */

import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { packageFile } from '../../../lib/package-root.js';

const protocol = packageFile('node_modules', '@google-cloud', 'aiplatform', 'build', 'protos', 'protos.json');
const root = protobuf.Root.fromJSON(JSON.parse(readFileSync(protocol, 'utf8')));

const numbers = new Set(['int32', 'uint32', 'float', 'double']);
/** In JSON these are texts. */
const texts: Readonly<Record<string, RegExp>> = {
  string: /^/,
  int64: /^-?\d+$/,
  'google.protobuf.Duration': /^\d+(\.\d+)?s$/,
  'google.protobuf.FieldMask': /^\w+(\.\w+)*(,\w+(\.\w+)*)*$/,
};

function scalarProblems(kind: string, value: unknown): string[] {
  const fits = numbers.has(kind)
    ? typeof value === 'number' && (!kind.includes('int') || Number.isInteger(value))
    : kind === 'bool'
      ? typeof value === 'boolean'
      : typeof value === 'string' && texts[kind]!.test(value);
  return fits ? [] : [`${JSON.stringify(value)} is no ${kind}`];
}

function valueProblems(field: protobuf.Field, value: unknown): string[] {
  const kind = field.resolve().resolvedType;
  if (kind instanceof protobuf.Enum) {
    return (value as string) in kind.values ? [] : [`${JSON.stringify(value)} is none of ${kind.name}`];
  }
  const name = kind?.fullName.slice(1) ?? field.type;
  return name in texts || !kind ? scalarProblems(name, value) : typeProblems(kind, value);
}

function fieldProblems(field: protobuf.Field, value: unknown): string[] {
  if (field.options?.['(google.api.field_behavior)'] === 'OUTPUT_ONLY') return ['is the server’s to say'];
  if (field instanceof protobuf.MapField) {
    return Object.values(value as object).flatMap((each) => valueProblems(field, each));
  }
  if (field.repeated) {
    return Array.isArray(value) ? value.flatMap((each) => valueProblems(field, each)) : ['is no list'];
  }
  return valueProblems(field, value);
}

function typeProblems(type: protobuf.Type, value: unknown): string[] {
  if (value === null || typeof value !== 'object') return [`${JSON.stringify(value)} is no ${type.name}`];
  const given = value as Readonly<Record<string, unknown>>;
  return [
    ...Object.entries(given).flatMap(([key, each]) => {
      const field = type.fields[key];
      return field
        ? fieldProblems(field, each).map((problem) => `${key}: ${problem}`)
        : [`${key}: ${type.name} has no such field`];
    }),
    ...type.fieldsArray
      .filter(
        ({ options, name }) => options?.['(google.api.field_behavior)'] === 'REQUIRED' && given[name] === undefined,
      )
      .map(({ name }) => `${name}: is missing`),
    ...type.oneofsArray
      .filter(({ oneof }) => oneof.filter((name) => name in given).length > 1)
      .map(({ oneof }) => `only one of ${oneof.join(', ')}`),
  ];
}

/**
 * What is wrong with a body.
 *
 * @param message - its name in `google.cloud.aiplatform.v1`
 */
export const messageProblems = (message: string, body: unknown): string[] =>
  typeProblems(root.lookupType(`google.cloud.aiplatform.v1.${message}`), body);
