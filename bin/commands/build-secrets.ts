/** Files that steps of an image build may see and no layer keeps. */

import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { SecretFile } from '../../lib/image/build/builders.js';
import { secretIds } from '../../lib/image/dockerfile.js';

/** `id=ca,src=FILE`, added to those given earlier. */
export function buildSecret(text: string, earlier: readonly SecretFile[] = []): SecretFile[] {
  const fields = Object.fromEntries(text.split(',').map((part) => part.split('=', 2) as [string, string | undefined]));
  const id = secretIds.find((known) => known === fields.id);
  const { src } = fields;
  if (!id || !src || Object.keys(fields).length !== 2) {
    throw new InvalidArgumentError(`Give id=ID,src=FILE; ID is ${secretIds.join(', ')}, and FILE has no comma.`);
  }
  if (!existsSync(src) || !statSync(src).isFile()) throw new InvalidArgumentError(`'${src}' is no file.`);
  if (earlier.some((secret) => secret.id === id)) throw new InvalidArgumentError(`${id} is given twice.`);
  return [...earlier, { id, src: resolve(src) }];
}

/** pip inside the build has to trust what pip on this machine trusts: PIP_CERT, else SSL_CERT_FILE, unless a `ca` is given. */
export function withOwnAuthority(
  given: readonly SecretFile[],
  environment: NodeJS.ProcessEnv = process.env,
): readonly SecretFile[] {
  const own = environment.PIP_CERT || environment.SSL_CERT_FILE;
  if (!own || !existsSync(own) || given.some(({ id }) => id === 'ca')) return given;
  return [...given, { id: 'ca', src: resolve(own) }];
}
