/** What a component's tests refuse: inputs that no schema has. */

import { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { expect, test } from 'vitest';
import { madeBy } from './program.js';

const make = (ingress: string) =>
  madeBy(
    () => new Service('digits', { location: 'europe-west4', ingress, template: { containers: [{ image: 'x' }] } }),
  );

test('a resource with inputs that Google has', async () => {
  expect(await make('INGRESS_TRAFFIC_ALL')).toHaveLength(1);
});

test.fails('the same with a word that Google does not have', async () => {
  await make('OPEN');
});
