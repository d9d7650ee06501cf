/** Processes that live no longer than Slipway: each in a group of its own, ended with everything it started. */

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';

export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  /** Settles once the process has ended: its exit code, or 128 + the signal's number. */
  readonly ended: Promise<number>;
  /** Asks it to stop (SIGTERM), ends the whole group after `graceMs`, and waits until it is gone. */
  stop(graceMs?: number): Promise<number>;
}

const running = new Set<number>();

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}

process.on('exit', () => {
  for (const pid of running) killGroup(pid, 'SIGKILL');
});

let deathSignal: readonly string[] | undefined;

/** On Linux the kernel ends the child when Slipway itself is killed; elsewhere only an orderly end does. */
function tiedToParent(): readonly string[] {
  deathSignal ??=
    spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0
      ? ['setpriv', '--pdeathsig', 'KILL']
      : [];
  return deathSignal;
}

/**
 * Starts a process. It does not see the terminal's Ctrl-C: Slipway does, and stops its children in order.
 *
 * @throws the spawn's own error (`ENOENT`, `EACCES`) through `ended`
 */
export function startChild(command: string, args: readonly string[], options: SpawnOptions = {}): Child {
  const [file, ...rest] = [...tiedToParent(), command, ...args] as [string, ...string[]];
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...options, detached: true });
  const pid = child.pid ?? -1;
  if (pid > 0) running.add(pid);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      killGroup(pid, 'SIGKILL');
      running.delete(pid);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
  ended.catch(() => undefined);
  return {
    pid,
    process: child,
    ended,
    async stop(graceMs = 10_000) {
      if (running.has(pid)) killGroup(pid, 'SIGTERM');
      const force = setTimeout(() => killGroup(pid, 'SIGKILL'), graceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(force);
      }
    },
  };
}
