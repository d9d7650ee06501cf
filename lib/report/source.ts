/** The report of an optimization, after the road: where it is read from: a folder that `slipway optimize` made, or an endpoint. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ReportFile } from '../contract/report.js';
import { checked, readContract } from '../contract/validate.js';
import { SlipwayError } from '../errors.js';

export interface ReportSource {
  readonly report: ReportFile;
  /** report.json as it was read. */
  readonly text: string;
  /** The folder that holds it as report.json; null for an endpoint's, and for one by another name. */
  readonly folder: string | null;
  /** Path of build.json, where there is one that can be read. */
  readonly build: string | null;
}

const FETCH_TIMEOUT_MS = 15_000;
const again = 'Make it again with: slipway optimize MODEL --data samples.npz --out FOLDER';

/** Whether people mean an endpoint. */
export const isUrl = (where: string): boolean => /^https?:\/\//i.test(where);

/** A report of this version, from its text. */
function parsed(text: string, where: string): ReportFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SlipwayError(`'${where}' is not JSON: ${(error as Error).message}. ${again}`);
  }
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (version !== 1) {
    throw new SlipwayError(
      `'${where}' is no report that this version of Slipway reads: its schemaVersion is ${JSON.stringify(version) ?? 'missing'}, read is 1. ${again}, or use the version that wrote it.`,
    );
  }
  try {
    return checked('report', value, where);
  } catch (error) {
    throw new SlipwayError(`${(error as Error).message}\nAn earlier version of Slipway wrote it. ${again}`);
  }
}

function readable(build: string): string | null {
  if (!existsSync(build)) return null;
  try {
    readContract('build', build);
    return build;
  } catch {
    return null;
  }
}

function fromFolder(where: string): ReportSource {
  if (!existsSync(where)) {
    throw new SlipwayError(
      `'${where}' does not exist. Give a folder that slipway optimize made, or an endpoint's URL.`,
    );
  }
  const file = statSync(where).isDirectory() ? join(where, 'report.json') : where;
  if (!existsSync(file)) {
    throw new SlipwayError(
      `'${where}' has no report.json. Make one with: slipway optimize MODEL --data samples.npz --out ${where}`,
    );
  }
  const text = readFileSync(file, 'utf8');
  const report = parsed(text, file);
  // What is drawn beside a report reads it by this name.
  if (basename(file) !== 'report.json') return { report, text, folder: null, build: null };
  const folder = dirname(file);
  return { report, text, folder, build: readable(join(folder, 'build.json')) };
}

/** What an endpoint says of itself when it refuses, in one line. */
async function said(answer: Response): Promise<string> {
  const body = await answer.text().catch(() => '');
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    if (typeof error === 'string') return `: ${error.slice(0, 300)}`;
  } catch {
    // Not one of ours.
  }
  return '';
}

async function fromEndpoint(where: string, signal: AbortSignal): Promise<ReportSource> {
  const url = `${where.replace(/\/+$/, '').replace(/\/report$/, '')}/report`;
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]) });
    if (!answer.ok) {
      const remedy =
        answer.status === 404
          ? 'Is it a server of Slipway, of this version, with an optimized model? A bare model has no report.'
          : 'Is it reached without signing in?';
      throw new SlipwayError(`'${url}' answers with status ${answer.status}${await said(answer)}. ${remedy}`);
    }
    text = await answer.text();
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    signal.throwIfAborted();
    const { name, cause, message } = error as Error & { cause?: { code?: string; message?: string } };
    const why =
      name === 'TimeoutError' ? `no answer within ${FETCH_TIMEOUT_MS / 1000} s` : cause?.code || cause?.message;
    throw new SlipwayError(`'${url}' cannot be reached: ${why ?? message}. Is the endpoint running?`);
  }
  return { report: parsed(text, url), text, folder: null, build: null };
}

/**
 * Reads the report of a folder, of a report.json, or of a running endpoint.
 *
 * @param where - a path, or a URL such as `http://127.0.0.1:8080`
 * @throws SlipwayError when there is none, it cannot be reached, or another version of Slipway wrote it
 */
export async function readReport(where: string, signal: AbortSignal): Promise<ReportSource> {
  return isUrl(where) ? fromEndpoint(where, signal) : fromFolder(where);
}
