// What a cell of each table under `data/` may hold. A column: what it is, its range, whether it may be empty, whose key it is.
import { regions } from './regions.mjs';

const text = { type: 'text' };
const maybeText = { type: 'text', empty: true };
/** As the source has it, blanks included. */
const raw = { type: 'text', empty: true, raw: true };
const word = { type: 'text', pattern: /^[a-z0-9][a-z0-9.-]*$/ };
const above = (least, most) => ({ type: 'number', above: least, atMost: most });
const maybe = (column) => ({ ...column, empty: true });
const whole = (least, most) => ({ type: 'number', atLeast: least, atMost: most, whole: true });
const oneOf = (...values) => ({ type: 'text', oneOf: values });
const keyOf = (table) => ({ type: 'text', references: [table] });
const keysOf = (table) => ({ type: 'text', references: [table], list: true });
const date = { type: 'text', pattern: /^20\d\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$/ };
const version = { type: 'text', pattern: /^\d+\.\d+\.\d+$/ };

export const platforms = ['local', 'aws-sagemaker', 'azure-ml', 'azure-container-apps', 'gcp-cloud-run', 'gcp-vertex'];
const instructionSets = ['x86-64-vnni', 'x86-64', 'arm64', 'unknown'];
const precisions = ['fp32', 'tf32', 'fp16', 'bf16', 'int8', 'fp8'];
const kernelClasses = ['conv', 'grouped', 'matmul', 'attention', 'memory', 'elementwise', 'tree'];
const confidence = oneOf('high', 'medium', 'low');

/** By path below the folder. `key`: columns that no two rows share; without it no two rows are equal. */
export const tables = {
  'sources.csv': {
    key: ['key'],
    columns: { key: word, what: text, date: maybe(date), licence: text, address: text },
  },
  'hardware/gpus.csv': {
    key: ['id'],
    columns: {
      id: word,
      name: text,
      vendor: oneOf('NVIDIA', 'AMD', 'AWS'),
      architecture: text,
      compute_capability: maybe(above(3, 20)),
      memory_gib: above(1, 1000),
      usable_gib: maybe(above(1, 1000)),
      bandwidth_gbs: above(10, 20_000),
      fp32_tflops: maybe(above(0, 1000)),
      tf32_tflops: maybe(above(0, 20_000)),
      fp16_tflops: maybe(above(0, 20_000)),
      bf16_tflops: maybe(above(0, 20_000)),
      int8_tops: maybe(above(0, 20_000)),
      fp8_tflops: maybe(above(0, 20_000)),
      l2_mb: maybe(above(0, 1000)),
      tdp_watts: maybe(above(10, 3000)),
      confidence,
      source: keysOf('sources.csv'),
      note: maybeText,
    },
  },
  'hardware/cpus.csv': {
    key: ['id'],
    columns: {
      id: word,
      name: text,
      isa: text,
      instruction_set: oneOf(...instructionSets),
      vcpus_per_core: whole(1, 2),
      sustained_ghz: above(0.5, 6),
      fp32_ops_per_cycle: above(0, 10_000),
      bf16_ops_per_cycle: maybe(above(0, 10_000)),
      int8_ops_per_cycle: above(0, 10_000),
      bandwidth_gbs_per_vcpu: above(0, 100),
      confidence,
      source: keysOf('sources.csv'),
    },
  },
  'hardware/machines.csv': {
    key: ['platform', 'name'],
    columns: {
      platform: oneOf(...platforms),
      name: { type: 'text', pattern: /^[\w.+-]+$/ },
      vm_type: maybeText,
      vcpus: above(0, 1000),
      memory_gib: above(0, 50_000),
      architecture: oneOf('x86_64', 'arm64'),
      cpus: maybe(keysOf('hardware/cpus.csv')),
      accelerator: maybe(keyOf('hardware/gpus.csv')),
      accelerator_count: { type: 'number', atLeast: 0, atMost: 64 },
      quota: maybeText,
    },
  },
  'platforms/runtimes.csv': {
    key: ['platform', 'accelerator'],
    columns: {
      platform: oneOf(...platforms),
      accelerator: maybe(keyOf('hardware/gpus.csv')),
      driver: maybe(whole(400, 1000)),
      cuda: maybe(oneOf('12', '13')),
      onnxruntime: version,
      inference_ami: maybeText,
      verified: oneOf('true', 'false'),
      note: maybeText,
    },
  },
  'platforms/model-monitor.csv': {
    key: ['region'],
    columns: {
      region: oneOf(...regions.aws),
      account: { type: 'text', pattern: /^\d{12}$/ },
      source: keyOf('sources.csv'),
    },
  },
  'hardware/efficiency.csv': {
    key: ['device', 'stack', 'precision', 'class'],
    columns: {
      device: { type: 'text', references: ['hardware/gpus.csv', 'hardware/cpus.csv'], orElse: '*' },
      stack: oneOf('ort-cpu', 'ort-cuda', 'tensorrt'),
      precision: oneOf(...precisions, '*'),
      class: oneOf(...kernelClasses, 'launch'),
      compute: { type: 'number', atLeast: 0, atMost: 4 },
      bandwidth: { type: 'number', atLeast: 0, atMost: 4 },
      floor_us: { type: 'number', atLeast: 0, atMost: 10_000 },
      exponent: { type: 'number', atLeast: 1, atMost: 1000 },
      cached: { type: 'number', atLeast: 0, atMost: 20 },
      power_exponent: { type: 'number', atLeast: -3, atMost: 3 },
      spread: { type: 'number', atLeast: 0, atMost: 5 },
      provenance: text,
      results: whole(0, 100_000),
    },
  },
  'measurements/mlperf.csv': {
    columns: {
      round: { type: 'text', pattern: /^v\d+\.\d+$/ },
      submitter: { ...raw, empty: false },
      system: { ...raw, empty: false },
      accelerator: { ...raw, empty: false },
      accelerator_count: maybe(whole(0, 1000)),
      host_cpu: raw,
      host_cores_per_cpu: maybe(whole(1, 1000)),
      model: { ...raw, empty: false },
      scenario: oneOf('Offline', 'Server', 'SingleStream', 'MultiStream'),
      precision: raw,
      backend: { ...raw, empty: false },
      result: above(0, 1e9),
      unit: text,
      result_per_accelerator: maybe(above(0, 1e9)),
      nvidia_config_batch: maybe(whole(1, 100_000)),
      p50_ms: maybe(above(0, 1e6)),
      provenance: oneOf('log', 'summary'),
    },
  },
  'measurements/transformers-fp32.csv': {
    key: ['gpu', 'model', 'seq_len', 'batch', 'variant'],
    columns: {
      gpu: text,
      model: text,
      seq_len: whole(1, 100_000),
      batch: whole(1, 10_000),
      variant: maybeText,
      latency_ms: above(0, 1e6),
    },
  },
  'measurements/gemm.csv': {
    key: ['gpu', 'dtype', 'model'],
    columns: {
      gpu: word,
      dtype: word,
      model: text,
      eff_compute: above(0, 1.2),
      eff_bandwidth: above(0, 1.2),
      t0_us: above(0, 100),
      p_norm_q: above(0, 100),
      mape_pct: above(0, 100),
      n_points: whole(1, 1_000_000),
    },
  },
  'measurements/operators-fp32.csv': {
    key: ['gpu', 'op'],
    columns: {
      gpu: word,
      op: text,
      eff_compute: maybe(above(0, 1.2)),
      eff_bandwidth_vs_dram_peak: maybe(above(0, 1.2)),
      t0_us: { type: 'number', atLeast: 0, atMost: 1000 },
      p_norm_q: maybe(above(0, 100)),
      mape_pct: { type: 'number', atLeast: 0, atMost: 100 },
      n_points: whole(1, 1_000_000),
    },
  },
  'measurements/ort-cpu.csv': {
    key: ['cpu', 'network', 'precision', 'batch'],
    columns: {
      cpu: text,
      network: word,
      precision: oneOf(...precisions),
      batch: whole(1, 100_000),
      latency_ms: above(0, 1_000_000),
      runs: whole(1, 10_000_000),
      onnxruntime: version,
    },
  },
};

/**
 * What an estimate may ask of all devices, `[stack, precision, class]`, see `lib/hardware/estimate`: processors compute in float, and
 * products with stored weights in 8 bits; the CUDA provider has no kernels in 8 bits; a launch has no precision.
 */
export const defaultRows = [
  ...kernelClasses.map((kind) => ['ort-cpu', 'fp32', kind]),
  ...['conv', 'grouped', 'matmul'].map((kind) => ['ort-cpu', 'int8', kind]),
  ...['fp32', 'tf32', 'fp16', 'bf16'].flatMap((precision) =>
    kernelClasses.map((kind) => ['ort-cuda', precision, kind]),
  ),
  ...precisions.flatMap((precision) => kernelClasses.map((kind) => ['tensorrt', precision, kind])),
  ...['ort-cuda', 'tensorrt'].map((stack) => [stack, 'fp32', 'launch']),
];

/** Files that are no tables: read as JSON, and checked by `rules.mjs` or by the tests of the room that reads them. */
export const documents = [
  'hardware/prices.json',
  'platforms/platforms.json',
  'platforms/sagemaker.json',
  'metrics/server.json',
  'metrics/dcgm.json',
  'metrics/sagemaker.json',
  'metrics/sagemaker-detailed.json',
  'metrics/cloud-run.json',
  'metrics/vertex.json',
  'metrics/azure-ml.json',
  'metrics/azure-ml-traffic-log.json',
  'metrics/container-apps.json',
  'metrics/wrong-names.json',
];

const count = { kind: 'number', least: 0 };

/** Fields of an entry of `platforms.json`; `sourced`: a value that is not null, zero or empty needs an entry in `sources`. */
export const platformFields = {
  name: { kind: 'string' },
  maxRequestBytes: { ...count, nullable: true, sourced: true },
  maxResponseBytes: { ...count, nullable: true, sourced: true },
  requestTimeoutSeconds: { kind: 'object', sourced: true },
  defaultConcurrency: { ...count, nullable: true, sourced: true },
  bandwidthBytesPerSecond: { ...count, nullable: true, sourced: true },
  requestsPerSecond: { ...count, nullable: true, sourced: true },
  minInstances: count,
  maxInstances: { ...count, nullable: true, sourced: true },
  scaleToZero: { kind: 'boolean', sourced: true },
  scaleToZeroHow: { kind: 'string' },
  alwaysOn: { kind: 'object', sourced: true },
  updateStrategy: { kind: 'string', sourced: true },
  quota: { kind: 'string', nullable: true, sourced: true },
  architectures: { kind: 'object', sourced: true },
  referenceRegion: { kind: 'string', nullable: true, sourced: true },
  maxImageBytes: { ...count, nullable: true, sourced: true },
  maxModelBytes: { ...count, nullable: true, sourced: true },
  reservedShare: { ...count, sourced: true },
  withoutReserve: { kind: 'object', sourced: true },
  sources: { kind: 'object' },
};
