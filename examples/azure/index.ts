// A Pulumi program with a managed online endpoint of Azure Machine Learning. In a new folder: `npm init -y && npm install slipway
// @pulumi/pulumi @pulumi/azure-native @pulumi/docker-build`, copy this file and the folder examples/models/digits there, write a
// Pulumi.yaml (`name: shop`, `runtime: nodejs`), log in with `az login`, and run `pulumi up`.

import { Model, ModelEndpoint } from 'slipway/azure';

const digits = new ModelEndpoint('digits', {
  model: Model.fromOnnx('examples/models/digits/digits.onnx', {
    calibration: 'examples/models/digits/samples.npz',
    labels: 'examples/models/digits/labels.npy',
  }),
  objective: { p99Ms: 100, requestsPerSecond: 20 },
  location: 'westeurope',
  // Every caller still needs a token of Entra ID and the right to ask.
  ingress: 'all',
});

export const url = digits.url;
export const request = digits.request;
export const quota = digits.quota;
export const monthlyUsd = digits.monthlyUsd;
