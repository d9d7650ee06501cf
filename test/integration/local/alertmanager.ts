/** For the tests of alert routing: a real Alertmanager of Debian's, and somebody who is told. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startChild } from '../../../lib/local/child.js';
import { freePorts, untilReady } from './ports.js';

const program = 'prometheus-alertmanager';

/** Whether Debian's package is installed. */
export const hasAlertmanager = (): boolean => spawnSync(program, ['--version']).error === undefined;

/** What Alertmanager tells a receiver of one alert. */
export interface Told {
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Routing {
  readonly url: string;
  /** Everything that receivers were told, in order. */
  readonly told: readonly Told[];
  /** What amtool says, and whether it was content. */
  amtool(...args: readonly string[]): { readonly ok: boolean; readonly output: string };
  close(): Promise<void>;
}

interface Notification {
  readonly receiver: string;
  readonly alerts: readonly Omit<Told, 'receiver'>[];
}

/**
 * Starts an Alertmanager on 127.0.0.1, and a server that its receivers tell.
 *
 * @param folder - an existing one, for its files
 * @param configuration - the YAML, `RECEIVER` in it is the server's address
 */
export async function startAlertmanager(folder: string, configuration: string): Promise<Routing> {
  const home = mkdtempSync(join(folder, 'alertmanager-'));
  const told: Told[] = [];
  const receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { receiver: name, alerts } = JSON.parse(Buffer.concat(parts).toString()) as Notification;
      for (const { status, labels, annotations } of alerts) told.push({ receiver: name, status, labels, annotations });
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const [port] = await freePorts(1);
  const file = join(home, 'alertmanager.yml');
  const address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  writeFileSync(file, configuration.replaceAll('RECEIVER', address));
  const child = startChild(
    program,
    [
      `--config.file=${file}`,
      `--storage.path=${join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // Alone: no port for others of its kind.
      '--cluster.listen-address=',
      '--log.level=error',
    ],
    { env: { ...process.env, GOMAXPROCS: '1' }, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const url = `http://127.0.0.1:${port}`;
  await untilReady(url, child);
  return {
    url,
    told,
    amtool(...args) {
      const { status, stdout, stderr } = spawnSync('amtool', args, { cwd: home, encoding: 'utf8' });
      return { ok: status === 0, output: `${stdout}${stderr}` };
    },
    async close() {
      await child.stop();
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
    },
  };
}
