// Constants of ONNX Runtime on processors: fitted to runs on one thread of an EPYC (Genoa), and to ResNet-50 on two others.
import { table } from './cases.mjs';
import { fittedRows, groups } from './fit-rows.mjs';

const products = ['conv', 'grouped', 'matmul', 'attention'];
const classes = [...products, 'memory', 'elementwise'];
const eight = ['conv', 'grouped', 'matmul'];

const common = {
  'fp32 conv': [Math.log(0.85), 0.3],
  'fp32 grouped': [Math.log(0.3), 0.6],
  'fp32 matmul': [Math.log(0.85), 0.3],
  'fp32 attention': [Math.log(0.5), 0.5],
  'fp32 memory': [Math.log(0.1), 0.7],
  'fp32 elementwise': [Math.log(0.1), 0.7],
  'int8 conv': [Math.log(0.45), 0.4],
  'int8 grouped': [Math.log(0.1), 0.6],
  'int8 matmul': [Math.log(0.5), 0.4],
  bandwidth: [Math.log(0.9), 0.1],
  cached: [Math.log(4), 0.4],
  'floor product': [Math.log(3), 0.5],
  'floor other': [Math.log(2), 0.5],
};
const exponent = 1.5;

// Kernels of 8 bits on AMX: share of its peak that OpenVINO reaches is 0.25 to 0.35; ONNX Runtime rearranges more.
const amx = { ids: ['intel-spr', 'intel-emr', 'intel-gnr'], compute: 0.15 };

/** Visits and comparisons that an ensemble of trees makes a second, against the peak of the core that was measured. */
function treeShare(peak) {
  const [depth, trees] = [8, 200];
  const row = table('ort-cpu.csv').find(({ network, batch }) => network === 'trees' && batch === '64');
  return (Number(row.batch) * trees * (2 * depth + 1)) / (Number(row.latency_ms) / 1000) / peak;
}

export function fitCpu(cases) {
  const data = groups(cases.filter(({ execution, network }) => execution.provider === 'cpu' && network !== 'trees'));
  const ids = [...new Set(data.map(({ device }) => device.id))].sort();
  const priors = { ...common };
  for (const id of ids) priors[`${id} compute`] = [0, 0.2];
  const trees = treeShare(112e9);
  const rowOf = (value, id, precision, kind) => {
    const product = products.includes(kind);
    return {
      device: id,
      stack: 'ort-cpu',
      precision,
      class: kind,
      compute: Math.min(1, Math.exp(value(`${precision} ${kind}`) + value(`${id} compute`))),
      bandwidth: Math.exp(value('bandwidth')),
      floorUs: Math.exp(value(product ? 'floor product' : 'floor other')),
      exponent,
      cached: Math.exp(value('cached')),
      powerExponent: 0,
    };
  };
  const formsOf = (id) =>
    [...new Set(data.filter(({ device }) => device.id === id).map((one) => one.execution.precision))].sort();
  const kinds = (precision) => (precision === 'int8' ? eight : classes);
  const rowsOf = (value) => [
    ...[...ids, '*'].flatMap((id) =>
      (id === '*' ? ['fp32', 'int8'] : formsOf(id)).flatMap((precision) =>
        kinds(precision).map((kind) => rowOf(value, id, precision, kind)),
      ),
    ),
    ...amx.ids.flatMap((id) =>
      eight.map((kind) => ({ ...rowOf(value, id, 'int8', kind), compute: kind === 'grouped' ? 0.02 : amx.compute })),
    ),
    { ...rowOf(value, '*', 'fp32', 'memory'), class: 'tree', compute: trees },
    { ...rowOf(value, '*', 'fp32', 'memory'), precision: '*', class: 'launch', floorUs: 0 },
  ];
  return fittedRows(data, priors, common, rowsOf);
}
