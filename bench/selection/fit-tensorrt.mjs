// Constants of TensorRT for each GPU, fitted to MLPerf results.
//
// The logarithm of every constant is a sum: of its class for all GPUs, of the GPU's watts for an operation, of the GPU, of the GPU and
// class. What few results say little about stays near the sum of the others.
import { fittedRows, fixedRow, groups } from './fit-rows.mjs';
import { built } from './works.mjs';

const { gpus } = built('hardware', 'catalogue', 'tables.js');
const byId = new Map(gpus().map((gpu) => [gpu.id, gpu]));

const products = ['conv', 'grouped', 'matmul', 'attention'];
const others = ['memory', 'elementwise'];
const classes = [...products, ...others];

// Natural logarithms, [mean, deviation], before any result is seen: shares of the peak as published for single operators, floors of 3 to 6
// microseconds for each kernel of a CUDA graph; TensorRT merges most pointwise kernels into their neighbours.
const common = {
  'compute conv': [Math.log(0.6), 0.4],
  'compute grouped': [Math.log(0.1), 0.7],
  'compute matmul': [Math.log(0.75), 0.4],
  'compute attention': [Math.log(0.4), 0.6],
  'bandwidth product': [Math.log(0.85), 0.06],
  'bandwidth memory': [Math.log(0.8), 0.1],
  'bandwidth elementwise': [Math.log(2), 0.3],
  'floor conv': [Math.log(5), 0.4],
  'floor grouped': [Math.log(5), 0.4],
  'floor matmul': [Math.log(5), 0.4],
  'floor attention': [Math.log(6), 0.5],
  'floor memory': [Math.log(3), 0.5],
  'floor elementwise': [Math.log(1.5), 0.5],
  'precision fp16': [0, 0.2],
  'precision fp8': [Math.log(0.85), 0.2],
  power: [0.4, 0.2],
  cached: [Math.log(2), 0.3],
};
const ofGpu = {
  compute: 0.3,
  floor: 0.25,
  bandwidth: 0.1,
  conv: 0.12,
  grouped: 0.12,
  matmul: 0.12,
  attention: 0.12,
  fp16: 0.1,
};

/** Caches of 48 MB and more hold what small batches move. */
const bigCache = ({ l2MB, architecture }) => l2MB >= 48 && architecture.startsWith('Ada');

export function fitTensorRt(cases) {
  const data = groups(cases.filter(({ execution }) => execution.provider === 'tensorrt'));
  const ids = [...new Set(data.map(({ device }) => device.id))].sort();
  const priors = { ...common };
  for (const id of ids) for (const [part, deviation] of Object.entries(ofGpu)) priors[`${id} ${part}`] = [0, deviation];

  const rowOf = (value, id, precision, kind) => {
    const product = products.includes(kind);
    const gpu = byId.get(id);
    const watts = gpu ? Math.log(gpu.tdpWatts / gpu.peaks[precision]) : 0;
    const compute = [
      `compute ${product ? kind : 'conv'}`,
      `precision ${precision}`,
      `${id} compute`,
      `${id} ${kind}`,
      `${id} ${precision}`,
    ];
    return {
      device: id,
      stack: 'tensorrt',
      precision,
      class: kind,
      compute: Math.min(1, Math.exp(compute.reduce((sum, name) => sum + value(name), value('power') * watts))),
      bandwidth: Math.exp(value(`bandwidth ${product ? 'product' : kind}`) + value(`${id} bandwidth`)),
      floorUs: Math.exp(value(`floor ${kind}`) + value(`${id} floor`)),
      exponent: 2,
      cached: gpu && bigCache(gpu) ? Math.exp(value('cached')) : 1,
      powerExponent: value('power'),
    };
  };
  const formsOf = (id) =>
    [...new Set(data.filter(({ device }) => device.id === id).map((one) => one.execution.precision))].sort();
  // What moves data does so in every precision alike.
  const rowsOf = (value) => [
    ...ids.flatMap((id) =>
      formsOf(id).flatMap((precision) => products.map((kind) => rowOf(value, id, precision, kind))),
    ),
    ...ids.flatMap((id) => others.map((kind) => ({ ...rowOf(value, id, 'int8', kind), precision: '*' }))),
    ...['fp16', 'int8', 'fp8'].flatMap((precision) => classes.map((kind) => rowOf(value, '*', precision, kind))),
    fixedRow('tensorrt', 'launch', 0),
  ];
  return fittedRows(data, priors, common, rowsOf);
}
