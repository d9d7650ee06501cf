/** Runs a verb of the command line inside the test, and keeps what it writes. */

import type { Command } from 'commander';
import { onTestFinished, vi } from 'vitest';

export interface Written {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** Runs the verb. Throws what it throws; the exit code is put back when the test ends. */
export async function run(command: Command, ...args: string[]): Promise<Written> {
  const before = process.exitCode;
  onTestFinished(() => {
    process.exitCode = before;
  });
  process.exitCode = undefined;
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await command.exitOverride().parseAsync(args, { from: 'user' });
    const text = (spy: typeof out) => spy.mock.calls.map(([chunk]) => String(chunk)).join('');
    return { out: text(out), err: text(err), code: Number(process.exitCode ?? 0) };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
