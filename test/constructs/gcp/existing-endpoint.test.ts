import * as pulumi from '@pulumi/pulumi';
import { expect, test } from 'vitest';
import { type Endpoint, ModelEndpoint } from '../../../constructs/gcp/index.js';
import { madeBy, ofType, settled } from '../pulumi/program.js';

test('a service that was made elsewhere is asked and granted', async () => {
  let found: Endpoint | undefined;
  const resources = await madeBy(() => {
    found = ModelEndpoint.get('theirs', { serviceName: 'fraud', location: 'europe-west4', project: 'other' });
    found.grantInvoke('web', 'serviceAccount:web@shop.iam.gserviceaccount.com');
  });
  expect(ofType(resources, ':Service')).toMatchObject([
    { name: 'theirs', id: 'projects/other/locations/europe-west4/services/fraud' },
  ]);
  expect(await settled(found!.url)).toBe('https://fraud-abc.a.run.app');
  expect(await settled(found!.serviceName)).toBe('fraud');
  expect(ofType(resources, ':ServiceIamMember').map(({ inputs }) => inputs)).toEqual([
    {
      name: 'fraud',
      location: 'europe-west4',
      project: 'other',
      role: 'roles/run.invoker',
      member: 'serviceAccount:web@shop.iam.gserviceaccount.com',
    },
  ]);
});

test("one of the provider's own project, by an output", async () => {
  const resources = await madeBy(() =>
    ModelEndpoint.get('theirs', { serviceName: pulumi.output('fraud'), location: 'europe-west4' }),
  );
  expect(ofType(resources, ':Service')[0]!.id).toBe('europe-west4/fraud');
});
