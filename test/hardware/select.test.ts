import { describe, expect, test } from 'vitest';
import type { HardwareChoice } from '../../lib/hardware/choice.js';
import { Hardware } from '../../lib/hardware/hardware.js';
import type { Machine } from '../../lib/hardware/machine.js';
import type { Platform } from '../../lib/hardware/platform.js';
import type { Selection } from '../../lib/hardware/rank.js';
import { selectHardware } from '../../lib/hardware/select.js';
import type { LockedMachine } from '../../lib/lock/lock-file.js';
import type { Work } from '../../lib/model/work.js';
import { machine } from '../machines.js';
import { profile } from '../profiles.js';
import { work } from '../works.js';

const price = (usdPerHour: number) => ({ usdPerHour, kind: 'test', date: '2026-07-20' });
const x86 = { cpus: ['intel-icx'] };
const small = machine('x86-64-vnni', { ...x86, name: 'small', processors: 2, memoryBytes: 2 ** 31, price: price(0.1) });
const large = machine('x86-64-vnni', {
  ...x86,
  name: 'large',
  processors: 16,
  memoryBytes: 2 ** 35,
  price: price(0.8),
});
const t4 = machine('x86-64', {
  name: 't4',
  memoryBytes: 2 ** 34,
  accelerator: 't4',
  acceleratorCount: 1,
  price: price(0.7),
  quota: 'T4 for endpoint usage',
});
const a100 = { ...t4, name: 'a100', accelerator: 'a100-80gb-sxm', price: price(4) };
const platform: Platform = {
  id: 'aws-sagemaker',
  region: 'us-east-1',
  machines: [small, large, t4, a100],
  unavailable: [],
};

const selection = (changes: Partial<Selection> = {}): Selection => ({
  name: 'net',
  profile: profile(),
  work: work(),
  samples: false,
  ...changes,
});

function chosen(changes: Partial<Selection> = {}, on: Platform = platform): HardwareChoice {
  const choice = selectHardware(selection(changes), on);
  if (Array.isArray(choice)) throw new Error(choice.map(({ what }) => what).join('\n'));
  return choice;
}

function refused(changes: Partial<Selection>, on: Platform = platform): string {
  const choice = selectHardware(selection(changes), on);
  if (!Array.isArray(choice)) throw new Error(`${choice.chosen.name} was chosen`);
  return choice.map(({ what }) => what).join('\n');
}

/** A network of one product whose time is arithmetic: `gflop` a row. */
const heavy = (gflop: number): Work => {
  const flops = [0, gflop * 1e9, 0] as const;
  const product = [[0, gflop * 500, 0], 1000, 1000] as const;
  const kernel = { ...work().kernels[0]!, flops, product, floats: [0, gflop * 1e6, 0] as const };
  return work({ flops, kernels: [kernel] });
};

describe('a small model', () => {
  test('takes the cheapest machine, two of it, and ranks the others behind', () => {
    const { candidate, fallbacks, candidates, runtime } = chosen();
    expect(candidate).toMatchObject({
      rank: 1,
      platform: 'aws-sagemaker',
      region: 'us-east-1',
      machine: 'small',
      accelerator: null,
      replicas: 2,
      precision: 'fp32',
      provider: 'cpu',
      monthlyUsd: 146,
      priceDate: '2026-07-20',
      scaleToZero: false,
    });
    expect(candidates.map((each) => each.machine)).toEqual(['small', 't4', 'large', 'a100']);
    expect(fallbacks.map(({ name }) => name)).toEqual(['large']);
    expect(runtime).toEqual({ provider: 'cpu', onnxruntime: '1.30.0', cuda: null });
  });

  test('costs a million requests what its price and the asked rate say', () => {
    const { monthlyUsd, usdPerMillion } = chosen({ objective: { requestsPerSecond: 10 } }).candidate;
    expect(usdPerMillion).toBeCloseTo((monthlyUsd! * 1e6) / (10 * 730 * 3600), 3);
  });

  test('a machine that is named is the only one asked', () => {
    const { candidates, rejected } = chosen({ request: Hardware.of('a100') });
    expect([candidates.map((each) => each.machine), rejected]).toEqual([['a100'], []]);
  });
});

describe('the objective', () => {
  test('a latency that no processor reaches takes the cheapest accelerator that does', () => {
    const { chosen: machine, rejected } = chosen({ work: heavy(60), objective: { p99Ms: 60 } });
    expect(machine.name).toBe('t4');
    expect(rejected.find((each) => each.machine === 'small')?.reason).toMatch(
      /^p99 is \d+ ms at best, asked for 60 ms$/,
    );
  });

  test('more requests take more replicas, never fewer', () => {
    const replicas = [1, 10, 100, 1000].map(
      (requestsPerSecond) =>
        chosen({ work: heavy(4), objective: { requestsPerSecond }, request: Hardware.of('large') }).candidate.replicas,
    );
    expect(replicas).toEqual([...replicas].sort((one, other) => one - other));
    expect(replicas.at(-1)).toBeGreaterThan(replicas[0]!);
  });

  test('latency instead of cost takes the fastest machine', () => {
    expect(chosen({ work: heavy(60), objective: { minimize: 'latency' } }).chosen.name).toBe('a100');
  });

  test('a budget that nothing keeps is told with the budget that would do', () => {
    expect(refused({ objective: { maxMonthlyUsd: 100 } })).toBe(
      'No machine costs as little as asked for. The nearest: small (aws-sagemaker) costs $146 a month, asked for at most $100. Raise the budget to $146.',
    );
  });

  test('a latency that nothing reaches is told with the latency that would do', () => {
    expect(refused({ work: heavy(5000), objective: { p99Ms: 1 } })).toMatch(
      /^No machine is as fast as asked for\. The nearest: a100 \(aws-sagemaker\): p99 is \d+ ms at best, asked for 1\.0 ms\. Relax p99 to \d+ ms\./,
    );
  });
});

describe('the gates', () => {
  test('a model too large for a machine says what it needs and what is there', () => {
    const kernel = { ...work().kernels[0]!, weights: 1e9 };
    const { rejected } = chosen({ work: work({ kernels: [kernel] }), profile: profile({ weightBytes: 4e9 }) });
    expect(rejected.find((each) => each.machine === 'small')?.reason).toMatch(
      /^needs \d+(\.\d)? GiB of memory, usable 1\.8 GiB$/,
    );
  });

  test('trees have no kernels for accelerators', () => {
    const { candidates, rejected } = chosen({ profile: profile({ family: 'classic' }) });
    expect(candidates.map((each) => each.machine)).toEqual(['small', 'large']);
    expect(rejected[0]?.reason).toBe('operators of ai.onnx.ml have no kernels for t4: they would run on its CPU');
  });

  test('a payload beyond the platform is refused for every machine', () => {
    const inputs = [{ name: 'x', dtype: 'float32', elements: [0, 1e6, 0] }] as const;
    expect(refused({ work: work({ inputs }) })).toContain(
      'aws-sagemaker: a request has 11 MB, the platform takes 6.3 MB (4 machines)',
    );
    const binary = { work: work({ inputs }), objective: { payload: { encoding: 'binary' as const } } };
    expect(chosen(binary).chosen.name).toBe('small');
  });

  test('what the user leaves out is told', () => {
    const { candidates, rejected } = chosen({ request: Hardware.auto({ accelerators: ['Tesla T4'], deny: ['sm*'] }) });
    expect(candidates.map((each) => each.machine)).toEqual(['t4']);
    expect(rejected.map(({ machine, reason }) => `${machine}: ${reason}`)).toEqual([
      'small: its accelerator is none, asked for Tesla T4',
      'large: its accelerator is none, asked for Tesla T4',
      'a100: its accelerator is a100-80gb-sxm, asked for Tesla T4',
    ]);
  });

  test('without samples only fp32; with them int8 on processors that gain by it', () => {
    const encoder = profile({ family: 'encoder', ops: { MatMul: 24 } });
    const request = Hardware.of('large');
    const forms = [false, true].map(
      (samples) => chosen({ profile: encoder, work: heavy(20), samples, request }).candidate.precision,
    );
    expect(forms).toEqual(['fp32', 'int8']);
  });
});

describe('names that are not there', () => {
  test('a machine is refused with those that are', () => {
    expect(refused({ request: Hardware.of('smal') })).toBe(
      "'smal' is not offered by aws-sagemaker. There: small, t4, a100, large",
    );
  });

  test('an accelerator is refused with the closest', () => {
    expect(refused({ request: Hardware.auto({ accelerators: ['h100'] }) })).toMatch(
      /^'h100' is no accelerator that the tables know\. Similar: .*h100-sxm/,
    );
  });
});

describe('times that the user measured', () => {
  const measured = (latencyMs: number) => [
    { model: null, on: 'small', precision: 'fp32', provider: 'cpu', batch: 1, latencyMs } as const,
  ];

  test('win over estimates', () => {
    const { rejected } = chosen({ measurements: measured(500), objective: { p99Ms: 100 } });
    expect(rejected.map(({ machine }) => machine)).toEqual(['small']);
    expect(rejected[0]?.reason).toMatch(/^p99 is \d+ ms at best, asked for 100 ms$/);
  });

  test('of another model do not count', () => {
    const [row] = measured(500);
    const { rejected } = chosen({ measurements: [{ ...row!, model: 'other' }], objective: { p99Ms: 100 } });
    expect(rejected).toEqual([]);
  });
});

describe('a machine whose price is not known', () => {
  const dear = { ...t4, name: 'dear', price: null };
  const reason = 'its price is not known';
  const unavailable = [{ platform: platform.id, region: platform.region, machine: 'dear', reason }];
  const there: Platform = { ...platform, unavailable, unpriced: [dear] };

  test('is never chosen for the user', () => {
    const { chosen: found, rejected } = chosen({}, there);
    expect(found.name).not.toBe('dear');
    expect(rejected).toContainEqual(unavailable[0]);
  });

  test('is taken when it is named, and costs nobody knows what', () => {
    const choice = chosen({ request: { choose: 'named', machine: 'dear' } }, there);
    expect(choice.candidate).toMatchObject({ machine: 'dear', monthlyUsd: null, usdPerMillion: null, priceDate: null });
    expect(choice.candidate.notes).toContain(reason);
    expect(choice.rejected).toEqual([]);
    expect(choice.explain()).toContain('dear');
  });

  test('is refused where a cost is asked for', () => {
    const request = { choose: 'named', machine: 'dear' } as const;
    expect(refused({ request, objective: { maxMonthlyUsd: 100 } }, there)).toContain(
      'its price is not known, asked for at most $100',
    );
  });
});

describe('a lock', () => {
  const lock: LockedMachine = {
    machine: 'large',
    fallbacks: ['small'],
    replicas: 2,
    precision: 'fp32',
    provider: 'cpu',
    onnxruntime: '1.29.0',
    cuda: null,
    catalogueDate: '2026-01-01',
    monthlyUsd: 1168,
  };

  test('keeps the machine, its fallbacks and the runtime, and says what the tables of today would save', () => {
    const choice = selectHardware(selection(), platform, lock) as HardwareChoice;
    expect([choice.chosen.name, choice.fallbacks.map(({ name }) => name), choice.candidate.replicas]).toEqual([
      'large',
      ['small'],
      2,
    ]);
    expect(choice.runtime.onnxruntime).toBe('1.29.0');
    expect(choice.catalogueDate).toBe('2026-01-01');
    expect(choice.warnings).toEqual([
      expect.stringMatching(/^The lock keeps 2 x large \(tables of 2026-01-01\); 2 x small would save \$1,022 a month/),
    ]);
  });

  test('that does not do any more is refused with the reason', () => {
    const gone = selectHardware(selection(), platform, { ...lock, machine: 'retired' });
    expect(gone).toEqual([
      { where: 'hardware', what: expect.stringContaining('the platform does not offer it any more') },
    ]);
    const slow = selectHardware(selection({ work: heavy(500), objective: { p99Ms: 20 } }), platform, lock);
    expect(slow).toEqual([{ where: 'hardware', what: expect.stringMatching(/no longer does: p99 is \d+ ms at best/) }]);
  });

  test('does not override what the user allows', () => {
    const refusedWith = (changes: Partial<Selection>) => {
      const choice = selectHardware(selection(changes), platform, lock);
      return Array.isArray(choice) ? choice[0]?.what : choice.chosen.name;
    };
    expect(refusedWith({ scaling: { min: 3 } })).toMatch(/no longer does: at least 3 replicas are asked for/);
    expect(refusedWith({ scaling: { max: 1 } })).toMatch(/no longer does: at most 1 are asked for/);
    expect(refusedWith({ scaling: { toZero: true } })).toMatch(/no longer does: does not scale to zero/);
    expect(refusedWith({ request: Hardware.auto({ deny: ['lar*'] }) })).toMatch(/no longer does: is denied by 'lar\*'/);
    expect(refusedWith({ request: Hardware.auto({ providers: ['cuda'] }) })).toMatch(/no longer does: /);
    expect(refusedWith({ request: Hardware.auto({ allow: ['large'] }) })).toBe('large');
  });

  test('keeps the form, and is what the explanation is about', () => {
    const tensorrt: LockedMachine = { ...lock, machine: 't4', fallbacks: [], provider: 'tensorrt', precision: 'fp16' };
    const encoder = profile({ family: 'encoder', ops: { MatMul: 24 } });
    const asked = { work: heavy(10), profile: encoder, samples: true };
    const choice = selectHardware(selection(asked), platform, tensorrt) as HardwareChoice;
    expect([choice.chosen.name, choice.candidate.precision, choice.runtime.provider]).toEqual([
      't4',
      'fp16',
      'tensorrt',
    ]);
    expect(choice.candidate).toEqual(choice.candidates[0]);
    expect(choice.explain()).toMatch(/^The lock keeps 2 x t4 [^\n]*\n\n2 x Tesla T4 are enough: /);
  });

  test('is refused where the model would be served in another form', () => {
    const encoder = profile({ family: 'encoder', ops: { MatMul: 24 } });
    const int8: LockedMachine = { ...lock, precision: 'int8' };
    const asked = (changes: Partial<Selection>) =>
      selectHardware(selection({ profile: encoder, ...changes }), platform, int8) as { what: string }[];
    expect((asked({ samples: true }) as unknown as HardwareChoice).candidate.precision).toBe('int8');
    expect(asked({})[0]?.what).toMatch(/no longer does: it would run as fp32 by cpu, not as int8 by cpu/);
    expect(asked({ samples: true, precision: 'fp32' })[0]?.what).toMatch(/not as int8 by cpu/);
  });

  test('keeps its fallbacks in order, without those that cannot take over', () => {
    const more = { ...platform, machines: [...platform.machines, { ...small, name: 'other' }] };
    const fallbacks = ['other', 't4', 'gone', 'small', 'large'];
    const choice = selectHardware(selection(), more, { ...lock, fallbacks }) as HardwareChoice;
    expect(choice.fallbacks.map(({ name }) => name)).toEqual(['other', 'small']);
    expect(choice.warnings.filter((text) => text.includes('fallback'))).toHaveLength(3);
  });

  test('that asks for more than the platform has is refused', () => {
    const azure = { ...platform, id: 'azure-ml' } as const;
    expect(selectHardware(selection(), azure, { ...lock, replicas: 60 })).toEqual([
      { where: 'hardware', what: expect.stringContaining('at most 50 are to be had') },
    ]);
  });

  test('yields to a machine that is named', () => {
    const choice = selectHardware(selection({ request: Hardware.of('t4') }), platform, lock) as HardwareChoice;
    expect(choice.chosen.name).toBe('t4');
  });
});

test('a choice survives JSON and explains itself', () => {
  const choice = chosen();
  expect(JSON.parse(JSON.stringify(choice))).toEqual({ ...choice });
  const text = choice.explain();
  expect(text).toMatch(/^No accelerator is needed: 2 x small \(aws-sagemaker, us-east-1\): p99 /);
  expect(text).toContain('fp32 cpu');
});

test('on this machine nothing costs, and one machine is all there is', () => {
  const here = { id: 'local', region: null, machines: [{ ...small, price: null }], unavailable: [] } as const;
  expect(chosen({}, here).candidate).toMatchObject({ replicas: 1, monthlyUsd: null, usdPerMillion: null });
});

test('the same question has the same answer', () => {
  expect(JSON.stringify(chosen())).toBe(JSON.stringify(chosen()));
});

test('machines are not changed by asking', () => {
  const before: Machine = structuredClone(small);
  chosen();
  expect(small).toEqual(before);
});
