// Accelerators and processors: from the collected tables to `gpus.csv` and `cpus.csv`.

/** Who is named in a `source` cell, and the key of `data/sources.csv` that stands for them. */
const namedIn = [
  [/aiconfigurator/, 'aiconfigurator'],
  [/pytorch-lightning|Lightning-AI/, 'pytorch-lightning'],
  [/LLM-Viewer/, 'llm-viewer'],
  [/ml-engineering/, 'ml-engineering'],
  [/ec2instances/, 'ec2instances-info'],
  [/awsdocs-neuron/, 'neuron-docs'],
  [/exxactcorp|datasheet|data sheet|whitepaper|same chip/, 'vendor-sheet'],
];

function sourceKeys(text) {
  const keys = namedIn.filter(([pattern]) => pattern.test(text)).map(([, key]) => key);
  if (keys.length === 0) throw new Error(`no source key for '${text}'`);
  return keys.join(' ');
}

/** Remarks that decide whether a card may be used, in our own words. */
const gpuNotes = {
  t4: '70 W: clocks fall under load. No bf16, no tf32',
  t4g: 'on EC2 only, beside Arm processors',
  'v100-16gb': 'int8 by DP4A, not by tensor cores; the PCIe card reaches 112 fp16 and 14 fp32',
  'v100-32gb': 'int8 by DP4A, not by tensor cores',
  a10g: 'half the tensor rate of an A10; many public tables print the A10',
  a10: 'Azure sells sixths, thirds and halves of it',
  a2: 'reference for measurements',
  l4: '72 W: clocks fall under load',
  l40s: '96 MB of L2 keep small weights resident',
  'a100-40gb-pcie': '250 W: clocks below the SXM module',
  'a100-80gb-pcie': '300 W: clocks below the SXM module',
  'h100-sxm': 'data sheets print the sparse rates: halve them',
  'b300-sxm': 'int8 was cut to about 154 TOPS: never for int8',
  gb200: 'beside an Arm processor',
  gb300: 'int8 was cut as on the B300; beside an Arm processor',
  'rtx-pro-6000-bse': 'compute capability 12.0: needs kernels built for it; tf32 is half of fp16',
  'rtx-pro-4500-bse': 'compute rates estimated from the workstation card, about 20 % either way',
  inferentia1: 'needs a Neuron build; ONNX Runtime has no provider for it',
  inferentia2: 'needs a Neuron build; ONNX Runtime has no provider for it',
  trainium1: 'needs a Neuron build; ONNX Runtime has no provider for it',
  trainium2: 'needs a Neuron build; ONNX Runtime has no provider for it',
  mi300x: 'MIGraphX only',
  m60: 'too old for the CUDA provider',
  'rtx-4090': 'on no platform; reference for measurements',
};

export const gpuRows = (collected) =>
  collected.map((row) => ({
    id: row.id,
    name: row.name,
    vendor: row.vendor,
    architecture: row.architecture,
    compute_capability: /^\d/.test(row.compute_capability) ? row.compute_capability : '',
    memory_gib: row.memory_gib,
    usable_gib: row.usable_gib,
    bandwidth_gbs: row.mem_bw_gbs,
    fp32_tflops: row.fp32_tflops,
    tf32_tflops: row.tf32_dense_tflops,
    fp16_tflops: row.fp16_dense_tflops,
    bf16_tflops: row.bf16_dense_tflops,
    int8_tops: row.int8_dense_tops,
    fp8_tflops: row.fp8_dense_tflops,
    l2_mb: row.l2_mb,
    tdp_watts: row.tdp_w,
    confidence: row.confidence,
    source: sourceKeys(row.source || 'vendor data sheet'),
    note: gpuNotes[row.id] ?? '',
  }));

const instructionSets = {
  'intel-skx': 'x86-64',
  'intel-clx': 'x86-64-vnni',
  'intel-icx': 'x86-64-vnni',
  'intel-spr': 'x86-64-vnni',
  'intel-emr': 'x86-64-vnni',
  'intel-gnr': 'x86-64-vnni',
  'amd-rome': 'x86-64',
  'amd-milan': 'x86-64',
  'amd-genoa': 'x86-64-vnni',
  graviton2: 'arm64',
  graviton3: 'arm64',
  graviton4: 'arm64',
  cobalt100: 'arm64',
  axion: 'arm64',
  'intel-haswell-skl-mix': 'x86-64',
};

/** The collected row stands for Skylake and Cascade Lake; only the second has VNNI, so they are two rows here. */
function apart(row) {
  if (row.id !== 'intel-skx-clx') return [row];
  const withoutVnni = String(2 * Number(row.fp32_flop_per_cycle_core));
  return [
    {
      ...row,
      id: 'intel-skx',
      cpu: 'Xeon 8124M/8175M/8171M (Skylake)',
      isa: 'AVX-512',
      int8_op_per_cycle_core: withoutVnni,
    },
    { ...row, id: 'intel-clx', cpu: 'Xeon 8275CL/8259CL/8272CL (Cascade Lake)', isa: 'AVX-512 VNNI' },
  ];
}

export const cpuRows = (collected) =>
  collected.flatMap(apart).map((row) => ({
    id: row.id,
    name: row.cpu,
    isa: row.isa,
    instruction_set: instructionSets[row.id],
    vcpus_per_core: row.vcpus_per_core,
    sustained_ghz: row.sustained_ghz,
    fp32_ops_per_cycle: row.fp32_flop_per_cycle_core,
    bf16_ops_per_cycle: Number(row.bf16_flop_per_cycle_core) > 0 ? row.bf16_flop_per_cycle_core : '',
    int8_ops_per_cycle: row.int8_op_per_cycle_core,
    bandwidth_gbs_per_vcpu: row.mem_bw_gbs_per_vcpu_approx,
    confidence: row.confidence.split(' ')[0],
    source: 'architecture-arithmetic',
  }));
