/** Python packages that a user's hooks import, on this machine: installed on first use beside Slipway's own, kept by content. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SlipwayError } from '../errors.js';
import { cacheDir, makeEntry } from './cache.js';
import { startChild } from './child.js';
import type { PythonEnvironment } from './python.js';

async function output(python: string, args: readonly string[], env: NodeJS.ProcessEnv, signal?: AbortSignal) {
  signal?.throwIfAborted();
  const child = startChild(python, args, { env: { ...env, PIP_DISABLE_PIP_VERSION_CHECK: '1' } });
  const abort = () => void child.stop(2000).catch(() => undefined);
  signal?.addEventListener('abort', abort, { once: true });
  const [said, errors]: string[][] = [[], []];
  child.process.stdout!.setEncoding('utf8').on('data', (text: string) => said!.push(text));
  child.process.stderr!.setEncoding('utf8').on('data', (text: string) => errors!.push(text));
  const code = await child.ended.finally(() => signal?.removeEventListener('abort', abort));
  signal?.throwIfAborted();
  return { code, said: said!.join(''), tail: errors!.join('').trim().split('\n').slice(-6).join('\n') };
}

/**
 * The environment, with the packages of a requirements.txt that hooks import. Versions of what Slipway itself runs on stay as they are.
 *
 * @throws SlipwayError with pip's last lines when they cannot be installed
 */
export async function withHookPackages(
  environment: PythonEnvironment,
  requirements: string | null,
  options: { readonly log?: (line: string) => void; readonly signal?: AbortSignal | undefined } = {},
): Promise<PythonEnvironment> {
  if (requirements === null) return environment;
  const { python, identity, env } = environment;
  const { log = () => undefined, signal } = options;
  const digest = createHash('sha256').update(readFileSync(requirements)).update(identity).digest('hex').slice(0, 16);
  const folder = join(cacheDir(), 'python', `hooks-${digest}`);
  if (!existsSync(join(folder, 'complete'))) {
    log(`Installing ${requirements}`);
    await makeEntry(folder, async (made) => {
      const frozen = await output(python, ['-m', 'pip', 'freeze', '--all'], env, signal);
      const failed = (tail: string) =>
        new SlipwayError(
          `The packages of '${requirements}' cannot be installed. Check its lines and the connection to your package index. pip said:\n${tail}`,
        );
      if (frozen.code !== 0) throw failed(frozen.tail);
      const constraints = join(made, 'constraints.txt');
      mkdirSync(join(made, 'packages'));
      writeFileSync(constraints, frozen.said.replace(/^.* @ .*$/gm, ''));
      const installed = await output(
        python,
        [
          ...['-m', 'pip', 'install', '--quiet', '--no-input', '--no-compile', '--target', join(made, 'packages')],
          ...['-c', constraints, '-r', requirements],
        ],
        env,
        signal,
      );
      if (installed.code !== 0) throw failed(installed.tail);
      writeFileSync(join(made, 'complete'), '');
    });
  }
  return {
    python,
    identity: `${identity}+hooks-${digest}`,
    env: { ...env, PYTHONPATH: [env.PYTHONPATH, join(folder, 'packages')].filter(Boolean).join(delimiter) },
  };
}
