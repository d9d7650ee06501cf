// A Pulumi program with an Azure container app on a serverless accelerator, which stops when nobody asks. In a new folder: `npm init -y &&
// npm install slipway @pulumi/pulumi @pulumi/azure-native @pulumi/docker-build`, copy this file and the folder examples/models/digits
// there, write a Pulumi.yaml (`name: shop`, `runtime: nodejs`, `main: container-app.ts`), log in with `az login`, and run `pulumi up`.

import { ContainerAppEndpoint, Hardware, Model } from 'slipway/azure';

const digits = new ContainerAppEndpoint('digits', {
  model: Model.fromOnnx('examples/models/digits/digits.onnx', {
    calibration: 'examples/models/digits/samples.npz',
    labels: 'examples/models/digits/labels.npy',
  }),
  objective: { p99Ms: 100, requestsPerSecond: 20 },
  hardware: Hardware.of('Consumption-GPU-NC8as-T4'),
  location: 'swedencentral',
  scaling: { toZero: true },
  // From anywhere, by those who have a token for this application of Entra ID.
  ingress: 'all',
  authentication: { clientId: '00000000-0000-0000-0000-000000000000' },
});

export const url = digits.url;
export const revision = digits.revision;
export const request = digits.request;
export const quota = digits.quota;
export const monthlyUsd = digits.monthlyUsd;
