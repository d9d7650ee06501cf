/** Plans that images are laid out of. */

import { join } from 'node:path';
import { cloud, type EndpointSpec, Model, type Platform, planEndpoint } from '../../lib/index.js';
import { packageFile } from '../../lib/package-root.js';

const folder = packageFile('examples', 'models', 'digits');

/** The example model with its samples and labels. */
export const digits = Model.fromOnnx(join(folder, 'digits.onnx'), {
  calibration: join(folder, 'samples.npz'),
  labels: join(folder, 'labels.npy'),
});

/** A plan of the example model; on Cloud Run unless a test says otherwise. */
export const digitsPlan = (spec: Partial<EndpointSpec> = {}, platform: Platform = cloud('gcp-cloud-run')) =>
  planEndpoint({ model: digits, ...spec }, platform);
