// Compares the estimate with measured results that its constants were not fitted to, beside two simpler ways to estimate.
import { build } from '../../scripts/build.mjs';
import { writeResult } from '../result.mjs';

await build();
const { allCases } = await import('./cases.mjs');
const { efficiencyRows } = await import('./efficiency-rows.mjs');
const { errorsOf, orderOf } = await import('./errors.mjs');
const { groups } = await import('./fit-rows.mjs');
const { built, deviceOfCase, workOfCase } = await import('./works.mjs');

const { estimator } = built('hardware', 'estimate', 'estimate.js');
const { tableOf } = built('hardware', 'estimate', 'efficiency.js');
const { gpus } = built('hardware', 'catalogue', 'tables.js');

const cases = allCases().filter(({ excluded }) => !excluded);
const fitted = cases.filter(({ part }) => part === 'fit');
const held = cases.filter(({ part }) => part === 'report');

const timed = (results, estimate) =>
  results.map((one) => ({ one, ms: estimate(workOfCase(one), deviceOfCase(one), one.execution).latencyMs }));

/** Plain roofline: data sheet, no floor, the longer of computing and moving. */
function plainRoofline() {
  const classes = ['conv', 'grouped', 'matmul', 'attention', 'memory', 'elementwise', 'tree', 'launch'];
  return tableOf(
    ['tensorrt', 'ort-cuda', 'ort-cpu'].flatMap((stack) =>
      classes.map((kind) => ({
        device: '*',
        stack,
        precision: '*',
        class: kind,
        compute: 1,
        bandwidth: 1,
        floorUs: 0,
        exponent: 64,
        cached: 1,
        powerExponent: 0,
        spread: 0,
        provenance: 'default',
        results: 0,
      })),
    ),
  );
}

/** One set of constants for all GPUs of a stack, at the mean power that the results were fitted at. */
function oneSet(rows) {
  const mean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
  const shared = new Map();
  for (const row of rows.filter(({ device, provenance }) => device !== '*' && provenance === 'fitted')) {
    const key = [row.stack, row.class, row.precision].join();
    shared.set(key, [...(shared.get(key) ?? []), row]);
  }
  const common = [...shared.values()].map((same) => ({
    ...same[0],
    device: '*',
    compute: mean(same.map(({ compute }) => compute)),
    bandwidth: mean(same.map(({ bandwidth }) => bandwidth)),
    floorUs: mean(same.map(({ floorUs }) => floorUs)),
    cached: 1,
    powerExponent: 0,
  }));
  const keys = new Set(common.map((row) => [row.stack, row.class, row.precision].join()));
  const rest = rows.filter(({ device }) => device === '*');
  return tableOf([
    ...rest
      .filter((row) => !keys.has([row.stack, row.class, row.precision].join()))
      .map((row) => ({ ...row, powerExponent: 0 })),
    ...common,
  ]);
}

const rows = efficiencyRows(fitted);
const estimateRun = estimator(tableOf(rows), gpus());
const ours = timed(held, estimateRun);

/** Every GPU estimated as if nobody had measured it: by constants from its neighbours. */
function leaveOneOut() {
  const ids = [...new Set(held.filter(({ device }) => device.kind === 'gpu').map(({ device }) => device.id))].sort();
  return ids.flatMap((id) => {
    const others = efficiencyRows(fitted.filter(({ device }) => device.id !== id)).filter(
      ({ device }) => device !== id,
    );
    return timed(
      held.filter(({ device }) => device.id === id),
      estimator(tableOf(others), gpus()),
    );
  });
}

/** Every network estimated by constants that were fitted to the others. */
function leaveNetworkOut() {
  const gpuHeld = held.filter(({ device }) => device.kind === 'gpu');
  return [...new Set(gpuHeld.map(({ network }) => network))].sort().flatMap((network) => {
    const others = efficiencyRows(fitted.filter((one) => one.network !== network));
    return timed(
      gpuHeld.filter((one) => one.network === network),
      estimator(tableOf(others), gpus()),
    );
  });
}

/** One result for each device, network, scenario and form: the median, so that no device counts for having many. */
const typical = groups(held).map(({ log, ...one }) => ({ ...one, ms: Math.exp(log) }));

const found = [];
const tell = (what, results) => found.push({ what, ...errorsOf(results), ...orderOf(results) });

tell('all held-out results', ours);
for (const source of [...new Set(held.map((one) => one.source))].sort())
  tell(
    source,
    ours.filter(({ one }) => one.source === source),
  );
for (const id of [...new Set(held.map(({ device }) => device.id))].sort())
  tell(
    `on ${id}`,
    ours.filter(({ one }) => one.device.id === id),
  );
tell('one for each device, network and form', timed(typical, estimateRun));
tell('each network by the others alone', leaveNetworkOut());
tell('each GPU from its neighbours alone', leaveOneOut());
tell('baseline: one set of constants for all GPUs', timed(held, estimator(oneSet(rows), gpus())));
tell('baseline: plain roofline at the data sheet', timed(held, estimator(plainRoofline(), gpus())));
const inBand = held.filter((one) => {
  const [low, high] = estimateRun(workOfCase(one), deviceOfCase(one), one.execution).bandMs;
  return low <= one.ms && one.ms <= high;
});

const share = (value) => (value === null ? '–' : `${(100 * value).toFixed(1)} %`);
writeResult('selection', {
  title: 'Estimated against measured latency',
  command: 'npm run bench selection',
  note: `Results of MLPerf Inference v0.7 to v4.1 with TensorRT and ONNX Runtime, and fp32 transformers on PyTorch. Constants were fitted to ${fitted.length} results; these ${held.length} are of other systems (all results of a system are in one part). Error: estimated against measured time of one run. Order: pairs of results on different devices, same model and scenario, more than 20 % apart. ${share(inBand.length / held.length)} of the results lie in the band of their estimate.`,
  rows: found,
  columns: ['held-out results', 'number', 'median error', '90th percentile', 'pairs', 'order right'],
  cells: ({ what, results, median, p90, pairs, right }) => [
    what,
    results,
    share(median),
    share(p90),
    pairs,
    share(right),
  ],
});
