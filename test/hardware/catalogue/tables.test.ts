/** The tables of accelerators, processors, machines and prices, as they ship. */

import { describe, expect, it } from 'vitest';
import { parseTable } from '../../../lib/hardware/catalogue/csv.js';
import {
  catalogueDate,
  cpus,
  findGpu,
  findMachineType,
  gpus,
  machineTypes,
  priceOf,
  regionsOf,
} from '../../../lib/hardware/catalogue/tables.js';
import { platformIds } from '../../../lib/platforms.js';

const machine = (name: string) => {
  const found = findMachineType(name);
  if (!found) throw new Error(`no machine ${name}`);
  return found;
};

describe('accelerators and processors', () => {
  it('have dense peaks, and none where the hardware has no such units', () => {
    expect(findGpu('l4')).toEqual({
      id: 'l4',
      name: 'L4',
      vendor: 'NVIDIA',
      architecture: 'Ada AD104',
      computeCapability: 8.9,
      memoryGiB: 24,
      usableGiB: 22.2,
      bandwidthGBs: 300,
      peaks: { fp32: 30.3, tf32: 60, fp16: 121, bf16: 121, int8: 242, fp8: 242 },
      l2MB: 48,
      tdpWatts: 72,
    });
    expect(findGpu('t4')?.peaks).toEqual({ fp32: 8.1, fp16: 65, int8: 130 });
    expect(findGpu('mi300x')?.computeCapability).toBeNull();
  });

  it('are found by id and by name in any case', () => {
    expect(findGpu('A10G')?.id).toBe('a10g');
    expect(findGpu('  tesla t4 ')?.id).toBe('t4');
    expect(findGpu('a100')).toBeUndefined();
  });

  it('give an A10G half the tensor rate of an A10', () => {
    expect(findGpu('a10g')?.peaks.fp16).toBe(70);
    expect(findGpu('a10')?.peaks.fp16).toBe(125);
  });

  it('keep Skylake and Cascade Lake apart, as only one has VNNI', () => {
    const byId = new Map(cpus().map((cpu) => [cpu.id, cpu]));
    expect(byId.get('intel-skx')).toMatchObject({ instructionSet: 'x86-64', opsPerCycle: { fp32: 64, int8: 128 } });
    expect(byId.get('intel-clx')).toMatchObject({
      instructionSet: 'x86-64-vnni',
      opsPerCycle: { fp32: 64, int8: 256 },
    });
    expect(byId.get('intel-spr')?.opsPerCycle).toEqual({ fp32: 64, bf16: 1024, int8: 2048 });
  });

  it('are read once', () => {
    expect(gpus()).toBe(gpus());
    expect(cpus()).toBe(cpus());
  });
});

describe('machine types', () => {
  it('are offered by every cloud platform, none by this machine', () => {
    const counts = platformIds.map((id) => [id, machineTypes(id).length]);
    expect(Object.fromEntries(counts)).toEqual({
      local: 0,
      'aws-sagemaker': 180,
      'azure-ml': 53,
      'azure-container-apps': 10,
      'gcp-cloud-run': 10,
      'gcp-vertex': 128,
    });
  });

  it('list every processor they may have', () => {
    expect(machine('ml.c5.xlarge').cpus).toEqual(['intel-skx', 'intel-clx']);
    expect(machine('ml.g4dn.xlarge').cpus).toEqual(['intel-clx']);
    expect(machine('ML.G6.XLARGE').cpus).toEqual(['amd-milan']);
    expect(machine('Consumption-GPU-NC8as-T4').cpus).toEqual(['amd-rome']);
    expect(machine('a2-highgpu-1g').cpus).toEqual([]);
  });

  it('count shares of an accelerator', () => {
    const { accelerator, acceleratorCount, vcpus, memoryGiB } = machine('Standard_NV6ads_A10_v5');
    expect({ accelerator, acceleratorCount, vcpus, memoryGiB }).toEqual({
      accelerator: 'a10',
      acceleratorCount: 0.166667,
      vcpus: 6,
      memoryGiB: 55,
    });
    expect(machine('n1-standard-4+1xT4')).toMatchObject({
      vmType: 'n1-standard-4',
      accelerator: 't4',
      acceleratorCount: 1,
    });
  });

  it('leave out what cannot be had', () => {
    for (const name of ['Standard_NC6s_v3', 'ml.p3.2xlarge', 'g4-standard-6', 'Standard_D4s_v5', 'c4-standard-4']) {
      expect(findMachineType(name), name).toBeUndefined();
    }
  });

  it('name their quota', () => {
    expect(machine('ml.g5.xlarge').quota).toMatch(/^ml\.g5\.xlarge for endpoint usage; /);
    expect(machine('4cpu-16gib-l4').quota).toMatch(/^NvidiaL4GpuAllocNoZonalRedundancyPerProjectRegion; /);
  });
});

describe('prices', () => {
  it('are those of the platform, with kind and date', () => {
    expect(priceOf(machine('ml.g5.xlarge'), 'us-east-1')).toEqual({
      usdPerHour: 1.408,
      kind: 'first-hand',
      date: '2026-06',
    });
    expect(priceOf(machine('ml.c6i.xlarge'), 'us-east-1')).toEqual({
      usdPerHour: 0.204,
      kind: 'derived: EC2 x 1.20',
      date: '2026-07-20',
    });
    expect(priceOf(machine('Standard_NC4as_T4_v3'), 'eastus')?.usdPerHour).toBe(0.526);
    expect(priceOf(machine('g2-standard-4'), 'us-central1')).toMatchObject({
      usdPerHour: 0.812857,
      kind: 'derived: GCE x 1.15',
    });
    expect(priceOf(machine('4cpu-16gib-l4'), 'us-central1')?.usdPerHour).toBe(1.0465);
    expect(priceOf(machine('Consumption-GPU-NC8as-T4'), 'westus3')?.kind).toBe('proxy: price of the Azure VM');
  });

  it('differ by region where the source does', () => {
    const [here, there] = ['us-central1', 'europe-west4'].map((region) => priceOf(machine('g2-standard-4'), region));
    expect(there!.usdPerHour).toBeGreaterThan(here!.usdPerHour);
  });

  it('are null, not zero, where they are not known', () => {
    const g6 = machine('ml.g6.xlarge');
    expect(g6.regions).toContain('eu-west-1');
    expect(priceOf(g6, 'eu-west-1')).toBeNull();
    expect(priceOf(machine('20cpu-80gib-rtx-pro-6000'), 'us-central1')).toBeNull();
    expect(priceOf(machine('a3-highgpu-1g'), 'us-central1')).toBeNull();
    expect(priceOf(g6, 'nowhere-1')).toBeNull();
  });

  it('keep to the family factors of SageMaker', () => {
    const ratio = (name: string, ec2: number) => priceOf(machine(name), 'us-east-1')!.usdPerHour / ec2;
    expect(ratio('ml.g6.xlarge', 0.8048)).toBeCloseTo(1.4, 3);
    expect(ratio('ml.g6e.16xlarge', 7.57719)).toBeCloseTo(1.25, 6);
    expect(ratio('ml.m5.2xlarge', 0.384)).toBeCloseTo(1.2, 6);
  });

  it('know the regions of a platform', () => {
    expect(regionsOf('azure-ml')).toContain('westeurope');
    // No list tells where its processors are.
    expect(regionsOf('azure-container-apps')).toEqual(regionsOf('azure-ml'));
    expect(machine('Consumption-GPU-NC24-A100').regions).toEqual(['australiaeast', 'swedencentral', 'westus3']);
    expect(regionsOf('gcp-cloud-run')).toEqual(regionsOf('gcp-vertex'));
    expect(regionsOf('aws-sagemaker')).toContain('eu-west-1');
    expect(regionsOf('local')).toEqual([]);
    expect(machine('1cpu-1gib').regions).toBeNull();
  });

  it('are as new as the newest list', () => {
    expect(catalogueDate()).toBe('2026-08-03');
  });
});

describe('a table that is damaged', () => {
  const read = (text: string) => parseTable(text, 'data/x.csv', (cells) => [cells.text('a'), cells.numberOrNull('b')]);

  it('is refused with its row and column', () => {
    expect(read('a,b\nx,1.5\ny,\n')).toEqual([
      ['x', 1.5],
      ['y', null],
    ]);
    expect(() => read('a,b\nx,1\ny,abc\n')).toThrow("data/x.csv, row 3, b: 'abc' is not a number");
    expect(() => read('a,b\n,1\n')).toThrow('data/x.csv, row 2, a: is empty');
    expect(() => read('a\nx\n')).toThrow('data/x.csv, row 2, b: the table has no such column');
  });
});
