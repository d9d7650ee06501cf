// What every app of this suite shares: the built library, an app for the cloud of this run, an image on the base of this machine.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '..', '..', '..', '..');

export const slipway = require(join(root, 'dist', 'constructs', 'aws', 'index.js'));
export const cdk = require('aws-cdk-lib');
export const env = { account: '123456789012', region: 'us-east-1' };

export const model = (name) => {
  const file = (end) => join(root, 'examples', 'models', name, end);
  return slipway.Model.fromOnnx(file(`${name}.onnx`), { calibration: file('samples.npz'), labels: file('labels.npy') });
};

/** Really built, on a base that is here. */
export const image = () => {
  const ca = process.env.SLIPWAY_TEST_CA;
  return slipway.ContainerImage.fromPlan({
    baseImage: process.env.SLIPWAY_TEST_BASE ?? 'python:3.12-slim-bookworm',
    ...(ca && { buildSecrets: { ca: `src=${ca}` } }),
  });
};

/** A ready image: what is served is not what these stacks are about. */
export const readyImage = (stack, id = 'Images') => {
  const ecr = require('aws-cdk-lib/aws-ecr');
  return slipway.ContainerImage.fromEcrRepository(ecr.Repository.fromRepositoryName(stack, id, 'digits'), 'v1');
};

export function stackOf(app, id) {
  const synthesizer = new cdk.DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
  return new cdk.Stack(app, id, { env, synthesizer });
}
