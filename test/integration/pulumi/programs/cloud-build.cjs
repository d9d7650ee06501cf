// An endpoint on Cloud Run whose image Cloud Build makes. MODEL: another model.
const { join } = require('node:path');
const { ContainerImage, Model, ModelEndpoint } = require(
  join(process.env.SLIPWAY_ROOT, 'dist', 'constructs', 'gcp', 'index.js'),
);

const { MODEL = 'digits' } = process.env;
const file = (end) => join(process.env.SLIPWAY_ROOT, 'examples', 'models', MODEL, end);

const endpoint = new ModelEndpoint('digits', {
  model: Model.fromOnnx(file(`${MODEL}.onnx`), { calibration: file('samples.npz') }),
  location: 'europe-west4',
  image: ContainerImage.fromCloudBuild({ buildSecrets: { pip: 'projects/shop/secrets/pip/versions/3' } }),
});
exports.image = endpoint.image;
