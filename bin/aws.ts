/** The CDK app that cdk.json runs: one stack with an endpoint for the example model. It needs neither credentials nor context. */

import { App, Stack } from 'aws-cdk-lib';
import { Model, ModelEndpoint } from '../constructs/aws/index.js';
import { packageFile } from '../lib/package-root.js';

const example = (name: string) => packageFile('examples', 'models', 'digits', name);

const app = new App();
const stack = new Stack(app, 'SlipwayDigits', {
  description: 'A small network that reads handwritten digits, on SageMaker',
  env: {
    region: process.env.CDK_DEFAULT_REGION ?? 'us-east-1',
    ...(process.env.CDK_DEFAULT_ACCOUNT && { account: process.env.CDK_DEFAULT_ACCOUNT }),
  },
});
new ModelEndpoint(stack, 'Digits', {
  model: Model.fromOnnx(example('digits.onnx'), {
    calibration: example('samples.npz'),
    labels: example('labels.npy'),
  }),
  objective: { p99Ms: 50, requestsPerSecond: 50 },
});
