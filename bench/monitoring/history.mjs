// Puts the past into a Prometheus that has not started yet: as many readings as its rules look back on.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { valueAt, written } from './series.mjs';

/** Seconds in one block on disk: what Prometheus itself would have made of the past. */
const block = 54 * 3600;

/**
 * @param streams series with `history`, each with the labels of its target
 * @param every seconds between two readings
 * @param end seconds since the epoch; the past ends before
 */
export function writeHistory({ promtool, data, folder, streams, origin, end, every }) {
  const longest = Math.max(...streams.map(({ series }) => series.history));
  const file = join(folder, 'history.txt');
  for (let from = Math.floor((end - longest) / block) * block; from < end; from += block) {
    const out = openSync(file, 'w');
    for (const { series, target } of streams) {
      const name = written(series, target);
      const start = Math.max(from, end - series.history);
      const lines = [];
      const step = series.every ?? every;
      for (let at = Math.ceil(start / step) * step; at < Math.min(from + block, end); at += step) {
        lines.push(`${name} ${valueAt(series, at, origin)} ${at}\n`);
      }
      if (lines.length > 0) writeSync(out, lines.join(''));
    }
    writeSync(out, '# EOF\n');
    closeSync(out);
    execFileSync(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', '--max-block-duration=54h', '-q', file, data]);
  }
  rmSync(file);
}
