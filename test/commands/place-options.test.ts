import { describe, expect, test } from 'vitest';
import { placeOf } from '../../bin/commands/place-options.js';

describe('the place', () => {
  test('is this machine, which nothing chooses', () => {
    expect(placeOf({ platform: 'local' }).id).toBe('local');
    expect(() => placeOf({ platform: 'local', region: 'eu-west-1', p99Ms: 20, deny: ['ml.m5.*'] })).toThrow(
      '--region, --p99-ms, --deny: they choose a machine of a cloud, and this machine is the one there is.',
    );
  });

  test('is a cloud in a region', () => {
    expect(placeOf({ platform: 'aws-sagemaker', region: 'eu-west-1', p99Ms: 20 })).toMatchObject({
      id: 'aws-sagemaker',
      region: 'eu-west-1',
    });
  });
});
