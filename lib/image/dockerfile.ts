/** Step 4 of the road: container/Dockerfile as it is for one image: values filled in, parts that it does not need left out. */

import { readFileSync } from 'node:fs';
import { packageFile } from '../package-root.js';
import type { Labels } from './labels.js';

/**
 * Files that a step of the build may see and no layer keeps: `ca` certificates to trust beside the system's, `pip` a pip.conf (a
 * private index), `netrc` its password.
 */
export const secretIds = ['ca', 'pip', 'netrc'] as const;
export type SecretId = (typeof secretIds)[number];

/** Parts of container/Dockerfile that not every image has. */
export type Part = 'model' | 'requirements' | 'gpu';

export interface DockerfileInput {
  /** Defaults of ARG lines, so that a plain `docker build` needs none. */
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Labels;
  readonly secrets: readonly SecretId[];
  readonly parts: readonly Part[];
}

/** A word as instructions of a Dockerfile take it: quoted, nothing in it is replaced. */
const quotedWord = (text: string): string =>
  `"${text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('$', '\\$')
    .replace(/[\r\n]+/g, ' ')}"`;

function withoutParts(template: string, kept: readonly Part[]): string {
  return template.replace(/^# \[(\w+)\n([\s\S]*?)^# \1\]\n/gm, (_whole, name: string, body: string) =>
    kept.some((part) => part === name) ? body : '',
  );
}

function withArgs(text: string, args: Readonly<Record<string, string>>): string {
  return text.replace(/^ARG (\w+)=.*$/gm, (line, name: string) =>
    args[name] === undefined
      ? line
      : `ARG ${name}=${/^[\w./:@+-]+$/.test(args[name]) ? args[name] : quotedWord(args[name])}`,
  );
}

/** A builder without secrets refuses `--mount`, so that only those asked for stand there. */
function withSecrets(text: string, secrets: readonly SecretId[]): string {
  return text.replace(/^RUN (--mount=\S+ )+\\\n {2}/gm, () => {
    const mounts = secretIds.filter((id) => secrets.includes(id)).map((id) => `--mount=type=secret,id=${id} `);
    return mounts.length > 0 ? `RUN ${mounts.join('')}\\\n  ` : 'RUN ';
  });
}

/** The Dockerfile of one image. */
export function dockerfile({ args, labels, secrets, parts }: DockerfileInput): string {
  const template = readFileSync(packageFile('container', 'Dockerfile'), 'utf8');
  const lines = Object.entries(labels).map(([name, value]) => `  ${quotedWord(name)}=${quotedWord(value)}`);
  const text = withSecrets(withArgs(withoutParts(template, parts), args), secrets);
  return text.replace(/^# labels$/m, () => `LABEL \\\n${lines.join(' \\\n')}`);
}
