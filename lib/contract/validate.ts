/** Checks the files in which TypeScript and Python meet against their JSON Schemas. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ValidateFunction } from 'ajv';
import { SlipwayError } from '../errors.js';
import { packageFile } from '../package-root.js';
import type { BuildFile } from './build.js';
import type { RecipeFile } from './recipe.js';
import type { ReportFile } from './report.js';
import type { ServingFile } from './serving.js';

interface Contracts {
  readonly recipe: RecipeFile;
  readonly report: ReportFile;
  readonly build: BuildFile;
  readonly serving: ServingFile;
}

const compiled = new Map<keyof Contracts, ValidateFunction>();

function validator(kind: keyof Contracts): ValidateFunction {
  let validate = compiled.get(kind);
  if (!validate) {
    const schema = JSON.parse(readFileSync(packageFile('container', 'schema', `${kind}.schema.json`), 'utf8'));
    // Loaded with the first check: whoever only imports a construct does not wait for it.
    const { Ajv } = createRequire(__filename)('ajv') as typeof import('ajv');
    validate = new Ajv({ allErrors: true, strict: true, strictTypes: false }).compile(schema);
    compiled.set(kind, validate);
  }
  return validate;
}

/**
 * The value itself when it has the shape of its schema.
 *
 * @param where - the file, for the message
 * @throws SlipwayError naming every place that differs
 */
export function checked<K extends keyof Contracts>(kind: K, value: unknown, where: string): Contracts[K] {
  const validate = validator(kind);
  if (validate(value)) return value as Contracts[K];
  const places = (validate.errors ?? []).map((error) => `  ${error.instancePath || '/'} ${error.message}`);
  throw new SlipwayError(`'${where}' is not a ${kind}.json of this version of Slipway:\n${places.join('\n')}`);
}

/** Reads and checks one of the three files. */
export function readContract<K extends keyof Contracts>(kind: K, path: string): Contracts[K] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SlipwayError(`'${path}' cannot be read as JSON: ${(error as Error).message}`);
  }
  return checked(kind, value, path);
}

/**
 * The file's bytes: two spaces, a line end at the end, keys in the order given. What is written is typed; whoever reads it checks it, and
 * tests check what plans hold.
 */
export function contractText(value: Contracts[keyof Contracts]): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
