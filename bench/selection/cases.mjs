// The measured results of data/measurements/ as cases: a network, a device, an execution and the milliseconds that were measured.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { root } from '../../scripts/python.mjs';

export const table = (name) => parse(readFileSync(join(root, 'data', 'measurements', name)), { columns: true });

// MLPerf's names of accelerators, as keys of gpus.csv. A MIG slice is the share of compute that it has.
const accelerators = {
  T4: ['t4', 1],
  A10: ['a10', 1],
  A2: ['a2', 1],
  A40: ['a40', 1],
  L4: ['l4', 1],
  L40: ['l40', 1],
  L40S: ['l40s', 1],
  'RTX-4090': ['rtx-4090', 1],
  'A100-PCIe-40GB': ['a100-40gb-pcie', 1],
  'A100-PCIe-80GB': ['a100-80gb-pcie', 1],
  'A100-SXM-40GB': ['a100-40gb-sxm', 1],
  'A100-SXM-80GB': ['a100-80gb-sxm', 1],
  'A100-SXM-80GB-CTS': ['a100-80gb-sxm', 1],
  'A100-SXM-40GB MIG 1x1g.5gb': ['a100-40gb-sxm', 1 / 7],
  'A100-SXM-80GB MIG 1x1g.10gb': ['a100-80gb-sxm', 1 / 7],
  'A100-PCIe-80GB MIG 1x1g.10gb': ['a100-80gb-pcie', 1 / 7],
  'H100-PCIe-80GB': ['h100-pcie', 1],
  'H100-NVL-94GB': ['h100-nvl', 1],
  'H100-SXM-80GB': ['h100-sxm', 1],
  'GH200-96GB': ['gh200-96gb', 1],
};

// Processors of the ONNX Runtime rows, as keys of cpus.csv.
const processors = {
  'AMD EPYC 7R13 Processor': 'amd-milan',
  'Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz': 'intel-spr',
};

// MLPerf's models: the network, its sizes (BERT: the mean length, padding dropped), the batch of Offline where the row does not show it.
const models = {
  resnet50: ['resnet50', {}, 1024],
  'bert-99': ['bert-large', { sequence: 178 }, 256],
  'bert-99.9': ['bert-large', { sequence: 178 }, 256],
  'ssd-resnet34': ['ssd-resnet34', {}, 32],
  'ssd-mobilenet': ['ssd-mobilenet', {}, 768],
  retinanet: ['retinanet', {}, 16],
};

// The labels' names of GPUs and models.
const labelGpus = {
  Tesla_T4: 't4',
  'Tesla_V100-PCIE-32GB': 'v100-32gb',
  NVIDIA_L4: 'l4',
  'NVIDIA_A100-PCIE-40GB': 'a100-40gb-pcie',
  NVIDIA_H100_80GB_HBM3: 'h100-sxm',
};
const labelModels = {
  bert_large: 'bert-large',
  gpt2_large: 'gpt2-large',
  gpt3_xl: 'gpt3-xl',
  gpt3_27: 'gpt3-2.7b',
  opt_13: 'opt-1.3b',
};

/** FNV-1a of a text: an order that has nothing to do with what it says. */
function hashOf(text) {
  let hash = 2166136261;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0), 16777619) >>> 0;
  return hash;
}

/**
 * Says which part a result belongs to, `fit` or `report`.
 *
 * All results of one system fall into the same part, with or without Triton and in every power mode. The systems of one device take turns
 * in the order of their names' hashes, so that every device with two systems is in both parts.
 */
function withParts(cases) {
  const unitOf = (one) => one.system.replace(/[_ ]?(triton|maxq|edge|trt)(?![a-z])/gi, '');
  const units = new Map();
  for (const one of cases.filter(({ excluded, part }) => !excluded && !part)) {
    const device = `${one.source.split(' ')[0]} ${one.device.id}`;
    units.set(device, (units.get(device) ?? new Set()).add(unitOf(one)));
  }
  const parts = new Map();
  for (const systems of units.values())
    for (const [index, system] of [...systems].sort((a, b) => hashOf(a) - hashOf(b) || (a < b ? -1 : 1)).entries())
      if (!parts.has(system)) parts.set(system, index % 2 === 0 ? 'fit' : 'report');
  return cases.map((one) => ({ ...one, part: one.part ?? parts.get(unitOf(one)) ?? 'report' }));
}

function precisionOf({ backend, model, accelerator }) {
  if (backend === 'ONNX Runtime') return 'fp32';
  if (model !== 'bert-99.9') return 'int8';
  return /H100|GH200/.test(accelerator) ? 'fp8' : 'fp16';
}

/** Milliseconds of one run, and its rows. */
function timeOf(row) {
  const [, , usualBatch] = models[row.model];
  if (row.scenario === 'SingleStream') return [Number(row.p50_ms || row.result), 1];
  if (row.scenario === 'MultiStream') return [Number(row.p50_ms || row.result), 8];
  // One slice of a card is measured alone, whatever the number of cards in the machine.
  const rate = Number(row.accelerator.includes('MIG') ? row.result : row.result_per_accelerator || row.result);
  const batch = Number(row.nvidia_config_batch) || (row.accelerator_count > 0 ? usualBatch : 1);
  return [(1000 * batch) / rate, batch];
}

const systemOf = (row) => `${row.round} ${row.submitter} ${row.system} ${row.accelerator} ${row.model}`;

/** Why a row says nothing on one run on one accelerator; null when it does. */
function exclusionOf(row, seen, rates) {
  if (row.unit === 'streams') return 'counts streams, not time';
  if (row.accelerator !== 'CPU' && !(row.accelerator.replace('(virtualised) ', '') in accelerators))
    return row.accelerator.includes('MIG')
      ? 'seven slices run beside each other'
      : 'the table of accelerators lacks it';
  const key = [row.model, row.scenario, row.accelerator, row.result].join(' ');
  if (seen.has(key)) return 'repeats the result of another row';
  seen.add(key);
  if (row.system.includes('onnxruntime-v1.14.0'))
    return 'probably ran on the processor: 15 times slower than other versions';
  if (row.system.includes('cpp-cpu') && row.scenario !== 'Offline') return 'other threads than the Offline result';
  if (row.scenario !== 'MultiStream') return null;
  if (Number(row.accelerator_count) > 1) return 'the eight samples may be divided among accelerators';
  const rate = rates.get(systemOf(row));
  if (rate && 8000 / Number(row.result) > 2 * rate)
    return 'twice as fast as the same system’s Offline rate: not eight samples';
  if (row.accelerator !== 'CPU' && Number(row.result) > 7.5 * rates.get(`${systemOf(row)} single`))
    return 'ran the eight samples one after the other';
  return null;
}

function mlperfCases() {
  const rows = table('mlperf.csv');
  const rates = new Map();
  for (const row of rows) {
    if (row.scenario === 'Offline') rates.set(systemOf(row), Number(row.result_per_accelerator || row.result));
    if (row.scenario === 'SingleStream') rates.set(`${systemOf(row)} single`, Number(row.result));
  }
  const seen = new Set();
  return rows.map((row) => {
    const excluded = exclusionOf(row, seen, rates);
    const [network, dims] = models[row.model];
    const [gpu, share] = accelerators[row.accelerator.replace('(virtualised) ', '')] ?? [null, 1];
    const [ms, batch] = timeOf(row);
    const ort = row.backend === 'ONNX Runtime';
    const cpu = row.accelerator === 'CPU';
    return {
      source: ort ? `ONNX Runtime ${cpu ? 'CPU' : 'CUDA'}` : `TensorRT ${row.scenario}`,
      device: cpu
        ? { kind: 'cpu', id: processors[row.host_cpu], cores: Number(row.host_cores_per_cpu) }
        : { kind: 'gpu', id: gpu, share },
      model: row.model,
      network,
      dims,
      execution: { precision: precisionOf(row), provider: ort ? (cpu ? 'cpu' : 'cuda') : 'tensorrt', batch },
      ms,
      system: `${row.submitter} ${row.system}`,
      excluded,
    };
  });
}

function labelCases() {
  return table('transformers-fp32.csv').map((row) => ({
    source: 'fp32 labels',
    device: { kind: 'gpu', id: labelGpus[row.gpu] ?? null, share: 1 },
    model: `${row.model} ${row.seq_len}`,
    network: labelModels[row.model] ?? null,
    dims: { sequence: Number(row.seq_len) },
    execution: { precision: 'fp32', provider: 'cuda', batch: Number(row.batch) },
    ms: Number(row.latency_ms),
    system: `${row.gpu} ${row.model}`,
    excluded: !labelGpus[row.gpu]
      ? 'the table of accelerators lacks it'
      : labelModels[row.model]
        ? null
        : 'routes tokens to experts: no dense graph',
  }));
}

// Sizes of the networks that bench/selection/measure.py times.
const measuredDims = { 'bert-base': { sequence: 128 }, 'lstm-tagger': { sequence: 64 } };

/** Runs on one thread of an EPYC 9004 (family 25, model 17), whose clouds give a core to a vCPU. */
function ownCases() {
  return table('ort-cpu.csv').map((row) => ({
    source: 'ONNX Runtime CPU, own',
    device: { kind: 'cpu', id: 'amd-genoa', cores: 1 },
    model: row.network,
    network: row.network,
    dims: measuredDims[row.network] ?? {},
    execution: { precision: row.precision, provider: 'cpu', batch: Number(row.batch) },
    ms: Number(row.latency_ms),
    system: `own ${row.network}`,
    part: 'fit',
    excluded: row.network === 'trees' ? 'made by the script, no file' : null,
  }));
}

/** Every case, the excluded ones with their reason. */
export const allCases = () => withParts([...mlperfCases(), ...labelCases(), ...ownCases()]);
