import { expect, test } from 'vitest';
import { Hardware } from '../../lib/hardware/hardware.js';
import { selectHardware } from '../../lib/hardware/select.js';
import { machine } from '../machines.js';
import { profile } from '../profiles.js';

const small = machine('x86-64', { name: 'small', memoryBytes: 2 ** 30 });
const large = machine('x86-64-vnni', { name: 'large' });
const platform = { id: 'local', machines: [small, large] } as const;

test('the first machine that holds the model is chosen, the others are fallbacks', () => {
  expect(selectHardware(profile(), platform)).toEqual({ chosen: small, fallbacks: [large] });
});

test('a machine too small for the weights is left out', () => {
  expect(selectHardware(profile({ weightBytes: 2 ** 30 }), platform)).toEqual({ chosen: large, fallbacks: [] });
});

test('when none is large enough, each says what it has and what is needed', () => {
  expect(selectHardware(profile({ weightBytes: 2 ** 33 }), platform)).toEqual([
    {
      where: 'hardware',
      what: expect.stringMatching(/^'small' has 1\.0 GiB of memory; the model needs about 16\.3\./),
    },
    { where: 'hardware', what: expect.stringMatching(/^'large' has 8\.0 GiB/) },
  ]);
});

test('a machine that the platform lacks is refused with those it has', () => {
  expect(selectHardware(profile(), platform, Hardware.of('huge'))).toEqual([
    { where: 'hardware', what: "'huge' is not offered by local. There: small, large" },
  ]);
});
