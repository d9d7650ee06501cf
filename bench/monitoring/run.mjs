// How long a real Prometheus takes for all rules of ten endpoints, with a month of readings behind it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { build } from '../../scripts/build.mjs';
import { root } from '../../scripts/python.mjs';
import { median } from '../median.mjs';
import { writeResult } from '../result.mjs';
import { writeHistory } from './history.mjs';
import { acceleratorSeries, recordedSeries, serverSeries, valueAt, written } from './series.mjs';

await build();
const load = (...path) => createRequire(import.meta.url)(join(root, 'dist', 'lib', ...path));
const { findPrometheus } = load('local', 'prometheus.js');
const { cacheDir } = load('local', 'cache.js');
const { startChild } = load('local', 'child.js');
const { planMonitoring } = load('monitoring', 'plan.js');
const { prometheusConfig, prometheusRules } = load('monitoring', 'prometheus-rules.js');

const endpoints = 10;
const goalMs = 50;
/** The slowest rules run every four minutes. */
const watchSeconds = 500;
const month = 30 * 86_400;

const found = await findPrometheus(cacheDir());
if ('missing' in found) throw new Error(found.missing);
const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-monitoring-'));
const plans = Array.from({ length: endpoints }, (_, index) =>
  planMonitoring({ model: `model-${index}`, slo: { p99Ms: 50 } }),
);
const every = plans[0].scrapeSeconds;
const end = Math.floor(Date.now() / 1000);
const origin = end - month - 86_400;

/** One address for all: the path says which endpoint. */
const exporter = createServer((request, response) => {
  const [, kind, index] = request.url.split('/');
  const series = kind === 'server' ? serverSeries(`model-${index}`) : acceleratorSeries();
  response.end(series.map((each) => `${written(each)} ${valueAt(each, Date.now() / 1000, origin)}\n`).join(''));
});
await new Promise((resolve) => exporter.listen(0, '127.0.0.1', resolve));
const instance = `127.0.0.1:${exporter.address().port}`;

/** Every rule file, and one configuration for all. */
function configure() {
  mkdirSync(join(folder, 'rules'));
  const configs = plans.map((plan, index) => {
    writeFileSync(join(folder, 'rules', `${index}.yml`), prometheusRules(plan));
    const config = parse(
      prometheusConfig(plan, { target: instance, accelerators: instance, rulesFile: 'rules/*.yml' }),
    );
    const paths = [`/server/${index}`, `/accelerator/${index}`];
    return {
      ...config,
      scrape_configs: config.scrape_configs.map((each, at) => ({ ...each, metrics_path: paths[at] })),
    };
  });
  const config = { ...configs[0], scrape_configs: configs.flatMap((each) => each.scrape_configs) };
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
}

/** Durations in milliseconds of every evaluation that was seen, by group; and seconds of processor time that Prometheus took, scrapes too. */
async function watched(url) {
  const seen = new Map();
  const series =
    /^prometheus_rule_group_last_(duration_seconds|evaluation_timestamp_seconds)\{rule_group="[^;]*;([^"]*)"\} (\S+)$/gm;
  const read = async () => (await fetch(`${url}/metrics`)).text();
  const processorSeconds = (text) => Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)[1]);
  const before = processorSeconds(await read());
  for (const until = Date.now() + watchSeconds * 1000; Date.now() < until; await sleep(2000)) {
    const groups = {};
    for (const [, what, group, value] of (await read()).matchAll(series))
      groups[group] = { ...groups[group], [what]: Number(value) };
    for (const [group, { duration_seconds: duration, evaluation_timestamp_seconds: at }] of Object.entries(groups)) {
      if (!seen.has(group)) seen.set(group, new Map());
      if (at > 0) seen.get(group).set(at, duration * 1000);
    }
  }
  return { seen, processor: (processorSeconds(await read()) - before) / watchSeconds };
}

const kindOf = (group) => group.replace(/^slipway model-\d+ /, '');

/** What one evaluation of all endpoints' groups of a kind takes: the sum of each group's median, and of each group's longest. */
function rowOf(kind, seen, rules) {
  // The first evaluations read what is in no cache yet.
  const groups = [...seen]
    .filter(([group]) => kindOf(group) === kind)
    .map(([, times]) => [...times.values()].slice(times.size > 1 ? 1 : 0));
  const sum = (pick) => groups.reduce((total, times) => total + pick(times), 0);
  return {
    what: kind,
    rules: rules.filter((each) => each.kind === kind).reduce((total, each) => total + each.count, 0),
    everySeconds: rules.find((each) => each.kind === kind).everySeconds,
    evaluations: Math.min(...groups.map((times) => times.length)),
    medianMs: sum(median),
    longestMs: sum((times) => Math.max(...times)),
    ...(kind === 'bottleneck' && { goalMs }),
  };
}

const secondsOf = (interval) => Number.parseInt(interval, 10) * (interval.endsWith('m') ? 60 : 1);

try {
  configure();
  const streams = plans.flatMap(({ model }, index) => {
    const target = { job: `slipway-model-${index}` };
    return [
      ...serverSeries(model).map((series) => ({ series, target: { ...target, instance } })),
      ...recordedSeries().map((series) => ({ series, target })),
    ].filter(({ series }) => series.history);
  });
  const data = join(folder, 'data');
  mkdirSync(data);
  writeHistory({ promtool: found.promtool, data, folder, streams, origin, end, every });
  const port = 20_000 + (process.pid % 20_000);
  const prometheus = startChild(found.prometheus, [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${data}`,
    '--storage.tsdb.retention.time=31d',
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
  ]);
  const { seen, processor } = await sleep(20_000)
    .then(() => watched(`http://127.0.0.1:${port}`))
    .finally(() => prometheus.stop());
  const rules = plans.flatMap((plan) =>
    parse(prometheusRules(plan)).groups.map((group) => ({
      ...{ kind: kindOf(group.name), count: group.rules.length, everySeconds: secondsOf(group.interval) },
    })),
  );
  const rows = [...new Set(rules.map(({ kind }) => kind))].map((kind) => rowOf(kind, seen, rules));
  const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
  const perSecond = rows.reduce((sum, { medianMs, everySeconds }) => sum + medianMs / everySeconds, 0);
  const all = { what: 'all', rules: total('rules'), everySeconds: null, evaluations: null, goalMs };
  writeResult('monitoring', {
    title: 'How long Prometheus takes for the rules',
    command: 'npm run bench monitoring',
    note: `Milliseconds of one evaluation of all groups of a kind, of ${endpoints} endpoints together: the sum of each group's median, and of each group's longest; then what that is for each second that passes. Prometheus 2.42 reads ten made-up endpoints with an accelerator each every ${every} s, and has 30 days of such readings behind it. All that it does, scrapes too, takes ${(1000 * processor).toFixed(1)} ms of processor time a second. The load of the machine meanwhile: ${loadavg()[1].toFixed(1)}.`,
    rows: [...rows, { ...all, medianMs: total('medianMs'), longestMs: total('longestMs') }],
    columns: ['rules', 'number', 'every', 'evaluations seen', 'median (ms)', 'longest (ms)', 'a second (ms)', 'goal'],
    cells: (row) => [
      row.what,
      row.rules,
      row.everySeconds === null ? '' : `${row.everySeconds} s`,
      row.evaluations ?? '',
      row.medianMs.toFixed(1),
      row.longestMs.toFixed(1),
      (row.everySeconds === null ? perSecond : row.medianMs / row.everySeconds).toFixed(1),
      row.goalMs ? `≤ ${row.goalMs} ms` : '',
    ],
  });
} finally {
  exporter.close();
  exporter.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}
