import { describe, expect, test } from 'vitest';
import { instructionSetOf, quotaOf, targetMachine, thisMachine } from '../../lib/local/machine.js';
import { machine } from '../machines.js';

describe('instruction set', () => {
  test.each([
    ['x64', 'flags\t\t: fpu avx2 avx512f avx512_vnni', 'x86-64-vnni'],
    ['x64', 'flags\t\t: fpu avx2 avx_vnni', 'x86-64-vnni'],
    ['x64', 'flags\t\t: fpu avx2 avx512f', 'x86-64'],
    ['x64', '', 'unknown'],
    ['arm64', '', 'arm64'],
  ])('%s with %j is %s', (architecture, cpuinfo, expected) => {
    expect(instructionSetOf(architecture, cpuinfo)).toBe(expected);
  });
});

test.each([
  ['200000 100000\n', 2],
  ['50000 100000\n', 1],
  ['250000 100000\n', 2],
  ['max 100000\n', undefined],
  ['', undefined],
])('a cgroup quota of %j is %s processors', (text, expected) => {
  expect(quotaOf(text)).toBe(expected);
});

test('this machine has at least a processor and the memory to run this test', () => {
  const here = thisMachine();
  expect(here.name).toBe('local');
  expect(here.processors).toBeGreaterThanOrEqual(1);
  expect(here.memoryBytes).toBeGreaterThan(process.memoryUsage().rss);
});

describe('a target', () => {
  const here = machine('x86-64-vnni', { name: 'local' });
  test('a type with an accelerator is planned for its platform, not for its processors', () =>
    expect(() => targetMachine('ml.g6.xlarge', here)).toThrow(
      /'ml\.g6\.xlarge' has an accelerator \(l4\).*--platform aws-sagemaker --allow ml\.g6\.xlarge/,
    ));
  test('local is this machine', () => expect(targetMachine('local', here)).toBe(here));
  test('an instruction set is taken at its word', () =>
    expect(targetMachine('x86-64', here)).toMatchObject({ name: 'x86-64', instructionSet: 'x86-64' }));
  test('a machine type has the instruction set of the least able processor that it may have', () => {
    expect(targetMachine('ML.C7i.xlarge', here)).toMatchObject({
      name: 'ml.c7i.xlarge',
      instructionSet: 'x86-64-vnni',
    });
    expect(targetMachine('ml.m5.xlarge', here)).toMatchObject({
      instructionSet: 'x86-64',
      processors: here.processors,
    });
    expect(targetMachine('ml.c7g.xlarge', here)).toMatchObject({ instructionSet: 'arm64', architecture: 'arm64' });
  });
  test('an unknown one gets the recipe that is right on every CPU', () =>
    expect(targetMachine('ml.c99.xlarge', here)).toMatchObject({ name: 'ml.c99.xlarge', instructionSet: 'unknown' }));
});
