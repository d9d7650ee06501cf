// A day of readings that an endpoint might have had, made from one real reading, as blocks of Prometheus' storage.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BLOCK_SECONDS = 7200;
const DAY_SECONDS = 86_400;
/** Lines that are written at once. */
const LINES = 20_000;

/** Requests have come faster by day than by night: how much of the day's have come by `share` of it, rising from 0 to 1. */
const come = (share) => share - (0.6 * Math.sin(2 * Math.PI * share)) / (2 * Math.PI);

/** Samples of the text that an endpoint shows on /metrics: whether each rises, its series with more labels, its value. */
function readings(text, labels) {
  const kinds = new Map();
  return text.split('\n').flatMap((line) => {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) kinds.set(type[1], type[2]);
    const sample = /^([A-Za-z_]\w*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!sample || line.startsWith('#')) return [];
    const [, name, own, value] = sample;
    const kind = kinds.get(name) ?? kinds.get(name.replace(/_(bucket|sum|count)$/, ''));
    const rises = kind === 'histogram' || kind === 'counter';
    return [{ rises, series: `${name}{${own ? `${own},` : ''}${labels}}`, value: Number(value) }];
  });
}

/** Verdicts that took turns over the day. */
const turns = ['idle', 'healthy', 'queue', 'healthy', 'cpu-inference', 'healthy'];

/**
 * Fills a folder of Prometheus' storage.
 *
 * @param metrics - what the endpoint shows after some requests; counters end `times` as high
 * @returns how many samples there are
 */
export function fillDay({ promtool, folder, metrics, job, instance, end, everySeconds, times }) {
  const scratch = mkdtempSync(join(tmpdir(), 'slipway-history-'));
  const own = `job="${job}",instance="${instance}"`;
  const series = [...readings(metrics, own), { rises: false, series: `up{${own}}`, value: 1 }];
  const start = end - DAY_SECONDS;
  let samples = 0;
  try {
    for (let from = start; from < end; from = (Math.floor(from / BLOCK_SECONDS) + 1) * BLOCK_SECONDS) {
      const to = Math.min(end, (Math.floor(from / BLOCK_SECONDS) + 1) * BLOCK_SECONDS);
      const file = join(scratch, 'block.txt');
      const out = openSync(file, 'w');
      let lines = [];
      const put = (line) => {
        lines.push(line);
        samples += 1;
        if (lines.length < LINES) return;
        writeSync(out, `${lines.join('\n')}\n`);
        lines = [];
      };
      for (let time = Math.ceil(from / everySeconds) * everySeconds; time < to; time += everySeconds) {
        const share = come((time - start) / DAY_SECONDS) * times;
        for (const { rises, series: name, value } of series)
          put(`${name} ${rises ? Number((value * share).toPrecision(10)) : value} ${time}`);
        const verdict = turns[Math.floor(((time - start) / DAY_SECONDS) * turns.length)];
        put(`endpoint:bottleneck:strongest{job="${job}",verdict="${verdict}"} 1 ${time}`);
      }
      lines.push('# EOF\n');
      writeSync(out, lines.join('\n'));
      closeSync(out);
      const made = spawnSync(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', file, folder], {
        encoding: 'utf8',
      });
      if (made.status !== 0) throw new Error(`promtool: ${made.stderr}`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return samples;
}
