// A Pulumi program with an endpoint on Cloud Run. In a new folder: `npm init -y && npm install slipway @pulumi/pulumi @pulumi/gcp
// @pulumi/docker-build`, copy this file and the folder examples/models/digits there, write a Pulumi.yaml (`name: shop`, `runtime: nodejs`),
// set gcp:project, and run `pulumi up`.

import { Model, ModelEndpoint } from 'slipway/gcp';

const digits = new ModelEndpoint('digits', {
  model: Model.fromOnnx('examples/models/digits/digits.onnx', {
    calibration: 'examples/models/digits/samples.npz',
    labels: 'examples/models/digits/labels.npy',
  }),
  objective: { p99Ms: 100, requestsPerSecond: 20 },
  location: 'europe-west4',
  scaling: { toZero: true },
});

export const url = digits.url;
export const request = digits.request;
export const monthlyUsd = digits.monthlyUsd;
