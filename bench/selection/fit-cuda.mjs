// Constants of ONNX Runtime's CUDA provider: float32 fitted to measured transformers and ResNet-50, starting from published timings of
// single operators; 16-bit products as published.

import { table } from './cases.mjs';
import { fittedRows, fixedRow, groups } from './fit-rows.mjs';
import { built } from './works.mjs';

const { gpus } = built('hardware', 'catalogue', 'tables.js');
const byId = new Map(gpus().map((gpu) => [gpu.id, gpu]));

// Names of the tables of single operators, as keys of gpus.csv. The V100 of the table is the PCIe card with 14 TFLOPS.
const operatorGpus = {
  t4: ['t4', 1],
  'v100-pcie-32gb': ['v100-32gb', 14 / 15.7],
  l4: ['l4', 1],
  'a100-pcie-40gb': ['a100-40gb-pcie', 1],
  'a100-80gb-pcie': ['a100-80gb-pcie', 1],
  'h100-sxm': ['h100-sxm', 1],
};
const gemmGpus = {
  a100: 'a100-80gb-sxm',
  h100: 'h100-sxm',
  h200: 'h200-sxm',
  l40s: 'l40s',
  rtxpro6000: 'rtx-pro-6000-bse',
  b200: 'b200-sxm',
};
// Factor on the bandwidth for what fits into the cache, selection facts section 4.
const cachedGemm = { l40s: 2.05, 'rtx-pro-6000-bse': 1.3 };

const pointwise = ['add', 'addu', 'mul', 'mulu', 'div', 'gelu', 'relu', 'tanh'];

/** Published shares of the peak by GPU: products, normalizations, pointwise operators. */
function published() {
  const found = {};
  for (const row of table('operators-fp32.csv')) {
    const [id, factor] = operatorGpus[row.gpu];
    found[id] ??= { matmul: [], memory: [], elementwise: [] };
    const of = found[id];
    if (row.op === 'linear') of.matmul.push(Number(row.eff_compute) * factor);
    if (row.op === 'softmax' || row.op === 'ln') of.memory.push(Number(row.eff_bandwidth_vs_dram_peak));
    if (pointwise.includes(row.op)) of.elementwise.push(Number(row.eff_bandwidth_vs_dram_peak));
  }
  const mean = (values, otherwise) => (values.length > 0 ? values.reduce((a, b) => a + b) / values.length : otherwise);
  return Object.fromEntries(
    Object.entries(found).map(([id, { matmul, memory, elementwise }]) => [
      id,
      { matmul: mean(matmul), memory: mean(memory, 0.66), elementwise: mean(elementwise, 0.85) },
    ]),
  );
}

const common = {
  // At 1 W for 10^12 operations a second; the published products follow this power of the watts from 2.4 (L4) to 18 (V100).
  'compute matmul': [Math.log(0.18), 0.15],
  power: [0.6, 0.05],
  'over matmul conv': [0, 0.3],
  'over matmul attention': [Math.log(0.8), 0.2],
  'bandwidth scores': [0, 0.3],
  launch: [Math.log(15), 0.3],
};

export function fitCuda(cases) {
  const known = published();
  const data = groups(cases.filter(({ execution }) => execution.provider === 'cuda'));
  const ids = [...new Set([...data.map(({ device }) => device.id), ...Object.keys(known)])].sort();
  const priors = { ...common };
  for (const id of ids) {
    priors[`${id} matmul`] = [known[id] ? Math.log(known[id].matmul) : 0, known[id] ? 0.06 : 0.1];
    priors[`${id} memory`] = [0, 0.1];
  }
  const law = (value, id) => {
    const gpu = byId.get(id);
    return value('compute matmul') + (gpu ? value('power') * Math.log(gpu.tdpWatts / gpu.peaks.fp32) : 0);
  };
  const rowOf = (value, id, kind) => {
    const own = known[id];
    const matmul = own ? value(`${id} matmul`) : law(value, id) + value(`${id} matmul`);
    const conv = law(value, id) + value('over matmul conv') + (own ? 0 : value(`${id} matmul`));
    const compute = {
      matmul,
      conv,
      grouped: conv + Math.log(0.15),
      attention: matmul + value('over matmul attention'),
      memory: matmul,
      elementwise: matmul,
    }[kind];
    const memory = Math.log(own?.memory ?? 0.66) + value(`${id} memory`);
    const elementwise = Math.log(own?.elementwise ?? 0.82) + value(`${id} memory`);
    const product = kind === 'matmul' || kind === 'conv' || kind === 'grouped';
    const bandwidth =
      kind === 'attention' ? memory + value('bandwidth scores') : kind === 'memory' ? memory : elementwise;
    return {
      device: id,
      stack: 'ort-cuda',
      precision: 'fp32',
      class: kind,
      compute: Math.min(1, Math.exp(compute)),
      bandwidth: Math.exp(bandwidth),
      floorUs: product ? 4 : 3,
      exponent: 2,
      cached: 1,
      powerExponent: id === '*' ? value('power') : 0,
    };
  };
  const measuredOf = (id) => {
    const networks = data.filter(({ device }) => device.id === id);
    if (networks.some(({ network }) => network === 'resnet50')) return ['conv', 'grouped', 'memory', 'elementwise'];
    return ['matmul', 'attention', 'memory', 'elementwise'];
  };
  const rowsOf = (value) => [
    ...ids.flatMap((id) => measuredOf(id).map((kind) => rowOf(value, id, kind))),
    ...['conv', 'grouped', 'matmul', 'attention', 'memory', 'elementwise'].map((kind) => rowOf(value, '*', kind)),
    fixedRow('ort-cuda', 'launch', Math.exp(value('launch'))),
  ];
  return fittedRows(data, priors, common, rowsOf);
}

/** Products of 16-bit floats, and of 8-bit ones for TensorRT, as published; the floor without the kernel that quantizes. */
export function publishedGemms() {
  const rows = table('gemm.csv').filter(({ dtype }) => dtype === 'bfloat16');
  return rows.flatMap((row) =>
    ['fp16', 'bf16'].map((precision) => ({
      device: gemmGpus[row.gpu],
      stack: 'ort-cuda',
      precision,
      class: 'matmul',
      compute: Number(row.eff_compute),
      bandwidth: Math.min(0.95, Number(row.eff_bandwidth)),
      floorUs: Number(row.t0_us),
      exponent: Number(row.p_norm_q),
      cached: cachedGemm[gemmGpus[row.gpu]] ?? 1,
      powerExponent: 0,
      results: Number(row.n_points),
    })),
  );
}
