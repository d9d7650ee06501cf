/** What a cloud platform offers, and what is no cloud platform. */

import { describe, expect, test } from 'vitest';
import { cloud } from '../../../lib/hardware/offer.js';
import { type PlatformId, platformIds } from '../../../lib/platforms.js';

type Cloud = Exclude<PlatformId, 'local'>;
const clouds = platformIds.filter((id): id is Cloud => id !== 'local');

describe('a platform', () => {
  test.each(clouds)('%s offers machines with prices in the region that it is known best in', (id) => {
    const { region, machines } = cloud(id);
    expect(machines.length).toBeGreaterThan(1);
    for (const { price } of machines) expect(price?.usdPerHour).toBeGreaterThan(0);
    expect(cloud(id, { region: region! })).toEqual(cloud(id));
  });

  test.each(['aws', '', 'AWS-SageMaker', 'toString', undefined])('%s is refused with those there are', (id) => {
    for (const options of [{}, { region: 'us-east-1' }]) {
      expect(() => cloud(id as Cloud, options)).toThrow(
        `Platform ${id} cannot be used (1 problem):\n  platform: '${id}' is no platform. Platforms: ${clouds.join(', ')}`,
      );
    }
  });

  test('this machine is no cloud', () => {
    expect(() => cloud('local' as Cloud)).toThrow(
      `(1 problem):\n  platform: 'local' is this machine, not a cloud; give local(). Platforms: ${clouds.join(', ')}`,
    );
  });
});
