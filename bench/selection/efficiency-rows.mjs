// All rows of efficiency.csv from measured cases: the three fits, what is published, and how far results lie from them.
import { quantile } from './errors.mjs';
import { fitCpu } from './fit-cpu.mjs';
import { fitCuda, publishedGemms } from './fit-cuda.mjs';
import { fitTensorRt } from './fit-tensorrt.mjs';
import { built, deviceOfCase, workOfCase } from './works.mjs';

const { estimator } = built('hardware', 'estimate', 'estimate.js');
const { classOf, tableOf } = built('hardware', 'estimate', 'efficiency.js');
const { gpus } = built('hardware', 'catalogue', 'tables.js');

const providers = { tensorrt: 'tensorrt', cuda: 'ort-cuda', cpu: 'ort-cpu' };

/** Natural logarithm of 1.4: the band of what nobody measured. */
const untested = 0.34;
const leastSpread = 0.12;
/** A little more than 9 of 10: results of systems that were not seen scatter more. */
const within = 0.93;

/** Rows for what no case covers: other precisions, and operators of ai.onnx.ml beside a GPU. */
function defaultRows(rows) {
  const of = (stack, precision, kind) =>
    rows.find((row) => row.device === '*' && row.stack === stack && row.precision === precision && row.class === kind);
  const kinds = ['conv', 'grouped', 'matmul', 'attention', 'memory', 'elementwise'];
  // 16-bit convolutions of the CUDA provider change the layout of their values before and after; its products do not.
  const behind = { conv: 0.6, grouped: 0.6, matmul: 0.9, attention: 0.6, memory: 1, elementwise: 1 };
  return [
    ...kinds.map((kind) => ({ ...of('tensorrt', 'fp16', kind), precision: '*' })),
    ...kinds.map((kind) => {
      const { floorUs, cached } = of('tensorrt', 'fp16', kind);
      return { ...of('ort-cuda', 'fp32', kind), stack: 'tensorrt', floorUs, cached };
    }),
    ...kinds.map((kind) => {
      const { bandwidth, floorUs } = of('ort-cuda', 'fp32', kind);
      const half = of('tensorrt', 'fp16', kind);
      return { ...half, stack: 'ort-cuda', precision: '*', compute: half.compute * behind[kind], bandwidth, floorUs };
    }),
    ...['tensorrt', 'ort-cuda'].map((stack) => ({
      ...of(stack, '*', 'launch'),
      class: 'tree',
      compute: 0.25,
      floorUs: 20,
    })),
  ];
}

/** The rows that the cases give. */
export function efficiencyRows(cases) {
  const fitted = [fitTensorRt, fitCuda, fitCpu].flatMap((rowsFor) => rowsFor(cases).rows);
  const known = new Set(
    fitted.map(({ device, stack, precision, class: kind }) => [device, stack, precision, kind].join()),
  );
  const extra = publishedGemms().filter((row) => !known.has([row.device, row.stack, row.precision, row.class].join()));
  const rows = [...fitted, ...defaultRows(fitted), ...extra];
  const estimate = estimator(tableOf(rows), gpus());
  const seen = cases.map((one) => {
    const work = workOfCase(one);
    return {
      device: one.device.id,
      stack: providers[one.execution.provider],
      precision: one.execution.precision,
      classes: new Set(work.kernels.map(({ kind }) => classOf[kind])),
      off: Math.abs(Math.log(estimate(work, deviceOfCase(one), one.execution).latencyMs / one.ms)),
    };
  });
  const spreadOf = (of) =>
    Math.max(
      leastSpread,
      quantile(
        of.map(({ off }) => off),
        within,
      ),
    );
  return rows.map((made) => {
    const row = made.device === '*' ? made : { ...made, powerExponent: 0 };
    const stack = seen.filter((one) => one.stack === row.stack);
    const own = stack.filter(
      (one) => one.device === row.device && (row.precision === '*' || row.precision === one.precision),
    );
    const same = own.filter(({ classes }) => classes.has(row.class));
    if (row.device === '*') return { ...row, spread: untested, provenance: 'default', results: 0 };
    if (own.length === 0)
      return { ...row, spread: untested, provenance: row.results ? 'published' : 'default', results: row.results ?? 0 };
    const spread = spreadOf(own.length >= 8 ? own : stack);
    if (same.length > 0) return { ...row, spread, provenance: 'fitted', results: same.length };
    return { ...row, spread: spread + 0.1, provenance: 'inferred', results: own.length };
  });
}
