import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startChild } from '../../lib/local/child.js';
import { packageFile } from '../../lib/package-root.js';

/** A process that has ended but was not waited for counts as gone. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100 && alive(pid); tries++) await sleep(50);
  return !alive(pid);
}

/** Prints the pid of a grandchild that ignores SIGTERM. */
const stubborn = "trap '' TERM; (trap '' TERM; sleep 60) & echo $!; wait";

const firstLine = async (stream: NodeJS.ReadableStream): Promise<string> => {
  for await (const line of createInterface({ input: stream })) return line;
  return '';
};

test('a child that ends tells its exit code', async () => {
  expect(await startChild('sh', ['-c', 'exit 7']).ended).toBe(7);
});

test('a child that a signal ends tells 128 and the number', async () => {
  const child = startChild('sleep', ['60']);
  expect(await child.stop()).toBe(143);
});

test('stopping ends what the child started too, even when it ignores SIGTERM', async () => {
  const child = startChild('sh', ['-c', stubborn]);
  const grandchild = Number(await firstLine(child.process.stdout!));
  expect(alive(grandchild)).toBe(true);
  expect(await child.stop(200)).toBe(137);
  expect(await gone(grandchild)).toBe(true);
});

test('a parent that is killed takes its child with it', { skip: process.platform !== 'linux' }, async () => {
  const script = join(mkdtempSync(join(tmpdir(), 'child-')), 'parent.cjs');
  const module = JSON.stringify(packageFile('dist', 'lib', 'local', 'child.js'));
  writeFileSync(
    script,
    `console.log(require(${module}).startChild('sleep', ['60']).pid); setInterval(() => {}, 1000);`,
  );
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const child = Number(await firstLine(parent.stdout));
  expect(alive(child)).toBe(true);
  parent.kill('SIGKILL');
  expect(await gone(child)).toBe(true);
});
