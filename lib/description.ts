/** What of a construct's arguments is the description that every platform has, and values in it that are known too late. */

import type { EndpointSpec } from './spec.js';

const described = {
  model: true,
  objective: true,
  hardware: true,
  measurements: true,
  optimization: true,
  scaling: true,
  serving: true,
  monitoring: true,
  environment: true,
  rollout: true,
  tags: true,
} satisfies Record<keyof EndpointSpec, true>;

/** Names of its options. */
export const descriptionKeys = Object.keys(described) as readonly (keyof EndpointSpec)[];

/** What options say of a description, without what is not given. */
export const partOf = (options: Partial<EndpointSpec>): Partial<EndpointSpec> =>
  Object.fromEntries(descriptionKeys.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])));

/** The description alone, without options that are not given. */
export const descriptionOf = (options: EndpointSpec): EndpointSpec => partOf(options) as EndpointSpec;

/**
 * Places of values that are known only once other resources are made.
 *
 * @param late - whether a value is such
 */
export function latePlaces(options: object, keys: readonly string[], late: (value: unknown) => boolean): string[] {
  const look = (where: string, value: unknown): string[] => {
    if (value === null || value === undefined) return [];
    if (late(value)) return [where];
    if (typeof value !== 'object') return [];
    return Object.entries(value).flatMap(([key, inner]) => look(`${where}.${key}`, inner));
  };
  return keys.flatMap((key) => look(key, (options as Readonly<Record<string, unknown>>)[key]));
}
