/** Resources as rules read them: plain data, in which what a preview does not know yet is marked. */

/** Stands for a value that is not known yet. */
export const unknown = Symbol('not known yet');

export type Known = string | number | boolean | null | undefined | symbol | readonly Known[] | KnownObject;
export interface KnownObject {
  readonly [key: string]: Known;
}

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** Pulumi's own policies throw where a value is read that is not known. */
function read(value: object, key: string): Known {
  try {
    return known((value as Record<string, unknown>)[key]);
  } catch {
    return unknown;
  }
}

/** A value of a resource; a part that is no data, such as a file, counts as not known. */
export function known(value: unknown): Known {
  if (Array.isArray(value)) return Object.keys(value).map((key) => read(value, key));
  if (typeof value === 'object' && value !== null) {
    return isPlain(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, read(value, key)])) : unknown;
  }
  return typeof value === 'function' || typeof value === 'bigint' ? unknown : (value as Known);
}

export const isList = (value: Known): value is readonly Known[] => Array.isArray(value);

const isObject = (value: Known): value is KnownObject => typeof value === 'object' && value !== null && !isList(value);

/** What lies there; undefined where nothing does, `unknown` where that cannot be said. */
export function at(value: Known, ...path: readonly string[]): Known {
  if (path.length === 0 || value === unknown) return value;
  const [key, ...rest] = path;
  return isObject(value) ? at(value[key!], ...rest) : undefined;
}

/** Elements of a list; none where there is no list or it is not known. */
export const each = (value: Known, ...path: readonly string[]): readonly Known[] => {
  const found = at(value, ...path);
  return isList(found) ? found : [];
};

/** Texts among the values. */
export const texts = (values: readonly Known[]): string[] => values.filter((value) => typeof value === 'string');

/** Whether something is surely not there. */
export const isMissing = (value: Known): boolean => value === undefined || value === null || value === '';
