// Runs a command of the set-up so that Ctrl-C or SIGTERM ends it with everything it started.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const exitCode = (code, signal) => code ?? 128 + constants.signals[signal];

/**
 * Runs a command to its end, its output on standard error. Resolves with its exit code.
 *
 * @param options - those of `spawn`
 */
export function runToEnd(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 2, 2], ...options, detached: true });
  const end = (signal) => {
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It is gone already.
    }
    child.once('exit', () => process.exit(128 + constants.signals[signal]));
    setTimeout(() => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Likewise.
      }
    }, 5000);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.once(signal, end);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(exitCode(code, signal)));
  }).finally(() => {
    for (const signal of signals) process.off(signal, end);
  });
}

/** The same, and ends this process with a sentence when the command fails. */
export async function runGuarded(command, args, options = {}) {
  const code = await runToEnd(command, args, options).catch((error) => {
    process.stderr.write(`${command} cannot be started: ${error.message}\n`);
    return 1;
  });
  if (code !== 0) {
    process.stderr.write(
      `\nSet-up stopped: '${[command, ...args].join(' ')}' ended with code ${code}; its last lines stand above.\n`,
    );
    process.exit(1);
  }
}
