/** Ports of this machine that nobody has, and services that take a while until they are ready. */

import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from '../../../lib/local/child.js';

/** So many different ones. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = servers.map(
    (server) =>
      new Promise<number>((resolve, reject) => {
        server.once('error', reject).listen(0, '127.0.0.1', () => {
          const address = server.address();
          resolve(typeof address === 'object' && address !== null ? address.port : 0);
        });
      }),
  );
  const found = await Promise.all(ports);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return found;
}

/** Waits for `/-/ready` of Prometheus or Alertmanager; throws when the program ends before. */
export async function untilReady(url: string, child: Child): Promise<void> {
  for (;;) {
    const ready = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (ready?.ok) return;
    const over = await Promise.race([sleep(100), child.ended]);
    if (over !== undefined) throw new Error(`the program behind ${url} ended with code ${over}`);
  }
}
